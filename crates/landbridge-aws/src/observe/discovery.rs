//! Cloud Map services: found by ID, or by name in their namespace.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_servicediscovery::operation::list_services::ListServicesOutput;
use aws_sdk_servicediscovery::types::{FilterCondition, InstanceSummary, ServiceFilter, ServiceFilterName};
use landbridge_plan::change::Tags;
use landbridge_plan::ecs_service::DiscoveryFacts;
use landbridge_plan::verdict::ErrorClass;
use serde_json::Value;

use crate::budget::Priority;
use crate::client::Aws;
use crate::codec::to_json;
use crate::describe::gone_is_none;
use crate::error::AwsError;
use crate::facts::text;
use crate::operations as op;

/// Items per page of Cloud Map's lists: the most that AWS gives (`MaxResults` in the Cloud Map API reference).
pub(crate) const CLOUD_MAP_PAGE: i32 = 100;
/// How old a list of the names in a namespace may be; own writes are known besides.
const NAMES: Duration = Duration::from_secs(10);

impl Aws {
    /// The Cloud Map service of that ID with its tags; none when it is gone.
    pub(crate) async fn discovery_service(
        &self,
        id: &str,
        age: Option<Duration>,
        priority: Priority,
    ) -> Result<Option<DiscoveryFacts>, AwsError> {
        if let Some(known) = age.and_then(|age| self.memory().discovery.get(id, age)) {
            return Ok(Some(known));
        }
        let operation = op::GET_DISCOVERY_SERVICE;
        let found = self.call(operation, priority, || self.map().get_service().id(id).send()).await;
        let Some(answer) = gone_is_none(found.map(Some))? else {
            self.memory().discovery.forget(id);
            return Ok(None);
        };
        let service = answer.service().ok_or_else(|| AwsError::incomplete(operation, "Service"))?;
        let mut facts = discovery_facts(&to_json(operation, service)?);
        facts.tags = self.cloud_map_tags(&facts.arn, priority).await?;
        self.memory().discovery.put(id.to_owned(), facts.clone());
        Ok(Some(facts))
    }

    /// ID of the Cloud Map service of that name. There is no filter by name, so the names of a whole namespace are read at
    /// once and serve everybody who looks for one.
    pub(crate) async fn find_discovery_service(
        &self,
        namespace: &str,
        name: &str,
        priority: Priority,
    ) -> Result<Option<String>, AwsError> {
        if let Some(id) = self.memory().discovery_made.get(&(namespace.to_owned(), name.to_owned()), Duration::MAX) {
            return Ok(Some(id));
        }
        if let Some(known) = self.memory().discovery_ids.get(namespace, NAMES) {
            return Ok(known.get(name).cloned());
        }
        let (mut ids, mut token) = (HashMap::new(), None);
        loop {
            let Some(answer) = self.discovery_page(namespace, token, priority).await? else { break };
            let named = answer.services().iter().filter_map(|s| Some((s.name()?.to_owned(), s.id()?.to_owned())));
            ids.extend(named);
            token = answer.next_token().map(str::to_owned);
            if token.is_none() {
                break;
            }
        }
        let found = ids.get(name).cloned();
        self.memory().discovery_ids.put(namespace.to_owned(), Arc::new(ids));
        Ok(found)
    }

    /// A page of the Cloud Map services of a namespace, from that token on; none when the namespace is gone.
    pub(crate) async fn discovery_page(
        &self,
        namespace: &str,
        token: Option<String>,
        priority: Priority,
    ) -> Result<Option<ListServicesOutput>, AwsError> {
        let operation = op::LIST_DISCOVERY_SERVICES;
        let filter = ServiceFilter::builder()
            .name(ServiceFilterName::NamespaceId)
            .values(namespace)
            .condition(FilterCondition::Eq)
            .build()
            .map_err(|e| AwsError::new(operation, ErrorClass::Invalid, e.to_string()))?;
        let call = || {
            let call = self.map().list_services().filters(filter.clone()).max_results(CLOUD_MAP_PAGE);
            call.set_next_token(token.clone()).send()
        };
        gone_is_none(self.call(operation, priority, call).await.map(Some))
    }

    /// The attributes of every instance that is registered in a Cloud Map service, by its ID.
    pub(crate) async fn instances(
        &self,
        service: &str,
        priority: Priority,
    ) -> Result<BTreeMap<String, Tags>, AwsError> {
        let (mut instances, mut token) = (BTreeMap::new(), None);
        loop {
            let call = || {
                let call = self.map().list_instances().service_id(service).max_results(CLOUD_MAP_PAGE);
                call.set_next_token(token.clone()).send()
            };
            let found = gone_is_none(self.call(op::LIST_INSTANCES, priority, call).await.map(Some))?;
            let Some(answer) = found else { return Ok(instances) };
            let attributes = |i: &InstanceSummary| i.attributes().cloned().unwrap_or_default().into_iter().collect();
            instances.extend(answer.instances().iter().filter_map(|i| Some((i.id()?.to_owned(), attributes(i)))));
            token = answer.next_token().map(str::to_owned);
            if token.is_none() {
                return Ok(instances);
            }
        }
    }
}

/// A Cloud Map service from GetService, ListServices or CreateService, without tags.
pub(crate) fn discovery_facts(json: &Value) -> DiscoveryFacts {
    DiscoveryFacts {
        id: text(json, "Id"),
        arn: text(json, "Arn"),
        name: text(json, "Name"),
        namespace_id: text(json, "NamespaceId"),
        description: text(json, "Description"),
        dns_config: json.get("DnsConfig").filter(|c| !c.is_null()).cloned(),
        custom_health: json.get("HealthCheckCustomConfig").is_some_and(|c| !c.is_null()),
        ..DiscoveryFacts::default()
    }
}
