//! A Cloud Map namespace and the operation that makes, changes or deletes it.

use std::time::Duration;

use aws_sdk_servicediscovery::types::{FilterCondition, NamespaceFilter, NamespaceFilterName};
use jiff::Timestamp;
use landbridge_api::v1alpha1::{CloudMapNamespace, NamespaceType};
use landbridge_plan::change::Tags;
use landbridge_plan::cloud_map_namespace::{
    CloudMapNamespaceObserved, CloudMapNamespaceResolved, NamespaceFacts, OperationFacts,
};
use landbridge_plan::kind::Kind as _;
use landbridge_plan::verdict::ErrorClass;
use serde_json::Value;

use super::{DEAR, Freshness, Observe, priority};
use crate::budget::Priority;
use crate::client::Aws;
use crate::codec::to_json;
use crate::describe::gone_is_none;
use crate::error::AwsError;
use crate::facts::{optional, text};
use crate::operations as op;
use crate::round::Thing;

impl Observe for CloudMapNamespace {
    async fn observe(
        &self,
        aws: &Aws,
        resolved: &CloudMapNamespaceResolved,
        freshness: Freshness,
    ) -> Result<CloudMapNamespaceObserved, AwsError> {
        let priority = priority(self, resolved);
        let stored = self.status.as_ref();
        let started = aws.memory().operations.get(resolved.name.as_str(), Duration::MAX);
        let operation = match started.or_else(|| stored?.operation_id.clone()) {
            Some(id) => aws.operation(&id, priority).await?,
            None => None,
        };
        if operation.as_ref().is_none_or(|o| !o.in_flight()) {
            aws.memory().operations.forget(resolved.name.as_str());
        }
        // While something is going on, and when it has just ended, only what AWS says now will do.
        let settled = operation.is_none() && !self.is_deleting();
        let age = freshness.at_most(DEAR).filter(|_| settled);
        let made = operation.as_ref().and_then(|o| o.namespace_id.clone());
        let known = stored.and_then(|s| s.namespace_id.clone()).or(made);
        let mut namespace = None;
        if let Some(id) = &known {
            namespace = aws.namespace(id, age, priority).await?;
        }
        if namespace.is_none()
            && let Some(id) = aws.find_namespace(&resolved.name, self.spec.type_, priority).await?
            && known.as_ref() != Some(&id)
        {
            namespace = aws.namespace(&id, None, priority).await?;
        }
        Ok(CloudMapNamespaceObserved { namespace, operation })
    }

    fn things(&self, _: &CloudMapNamespaceResolved) -> Vec<Thing> {
        let id = self.status.as_ref().and_then(|s| s.namespace_id.clone());
        id.into_iter().map(Thing::Namespace).collect()
    }
}

impl Aws {
    /// The namespace of that ID with its tags; none when it is gone. With an age, one that was read before will do.
    pub(crate) async fn namespace(
        &self,
        id: &str,
        age: Option<Duration>,
        priority: Priority,
    ) -> Result<Option<NamespaceFacts>, AwsError> {
        if let Some(known) = age.and_then(|age| self.memory().namespaces.get(id, age)) {
            return Ok(Some(known));
        }
        let operation = op::GET_NAMESPACE;
        let found = self.call(operation, priority, || self.map().get_namespace().id(id).send()).await;
        let Some(answer) = gone_is_none(found.map(Some))? else { return Ok(None) };
        let namespace = answer.namespace().ok_or_else(|| AwsError::incomplete(operation, "Namespace"))?;
        let json = to_json(operation, namespace)?;
        let tags = self.cloud_map_tags(&text(&json, "Arn"), priority).await?;
        let facts = namespace_facts(&json, tags);
        self.memory().namespaces.put(id.to_owned(), facts.clone());
        Ok(Some(facts))
    }

    /// Tags of something in Cloud Map; none when it is gone.
    pub(crate) async fn cloud_map_tags(&self, arn: &str, priority: Priority) -> Result<Tags, AwsError> {
        let call = || self.map().list_tags_for_resource().resource_arn(arn).send();
        let found = gone_is_none(self.call(op::CLOUD_MAP_LIST_TAGS, priority, call).await.map(Some))?;
        let tags = found.iter().flat_map(|answer| answer.tags().iter());
        Ok(tags.map(|t| (t.key().to_owned(), t.value().to_owned())).collect())
    }

    /// A Cloud Map operation; none when Cloud Map does not know it.
    pub(crate) async fn operation(&self, id: &str, priority: Priority) -> Result<Option<OperationFacts>, AwsError> {
        let operation = op::GET_OPERATION;
        let found = self.call(operation, priority, || self.map().get_operation().operation_id(id).send()).await;
        let Some(answer) = gone_is_none(found.map(Some))? else { return Ok(None) };
        let facts = answer.operation().ok_or_else(|| AwsError::incomplete(operation, "Operation"))?;
        let json = to_json(operation, facts)?;
        Ok(Some(OperationFacts {
            id: text(&json, "Id"),
            type_: text(&json, "Type"),
            status: text(&json, "Status"),
            error_code: optional(&json, "ErrorCode"),
            error: optional(&json, "ErrorMessage"),
            namespace_id: json.get("Targets").and_then(|t| optional(t, "NAMESPACE")),
            updated_at: json.get("UpdateDate").and_then(Value::as_str).and_then(|t| t.parse::<Timestamp>().ok()),
        }))
    }

    /// ID of our account's namespace of that name and type. Cloud Map filters after paging, so empty pages are not
    /// the end (ListNamespaces in the Cloud Map API reference).
    async fn find_namespace(
        &self,
        name: &str,
        type_: NamespaceType,
        priority: Priority,
    ) -> Result<Option<String>, AwsError> {
        let filter = |by: NamespaceFilterName, value: &str| {
            let filter = NamespaceFilter::builder().name(by).values(value).condition(FilterCondition::Eq).build();
            filter.map_err(|e| AwsError::new(op::LIST_NAMESPACES, ErrorClass::Invalid, e.to_string()))
        };
        let by_name =
            if type_ == NamespaceType::Http { NamespaceFilterName::HttpName } else { NamespaceFilterName::Name };
        let filters = vec![filter(NamespaceFilterName::Type, type_name(type_))?, filter(by_name, name)?];
        let mut token = None;
        loop {
            let call = || {
                let call = self.map().list_namespaces().set_filters(Some(filters.clone()));
                call.set_next_token(token.clone()).send()
            };
            let answer = self.call(op::LIST_NAMESPACES, priority, call).await?;
            let ours = self.target().account_id.as_str();
            let found = answer.namespaces().iter().find(|n| {
                let owner = n.arn().and_then(|arn| arn.split(':').nth(4)).unwrap_or_default();
                n.name() == Some(name) && (owner == ours || ours.is_empty())
            });
            if let Some(id) = found.and_then(|n| n.id()) {
                return Ok(Some(id.to_owned()));
            }
            token = answer.next_token().map(str::to_owned);
            if token.is_none() {
                return Ok(None);
            }
        }
    }
}

fn type_name(type_: NamespaceType) -> &'static str {
    match type_ {
        NamespaceType::Http => "HTTP",
        NamespaceType::DnsPrivate => "DNS_PRIVATE",
        NamespaceType::DnsPublic => "DNS_PUBLIC",
    }
}

/// A namespace from GetNamespace or ListNamespaces.
pub(crate) fn namespace_facts(json: &Value, tags: Tags) -> NamespaceFacts {
    let dns = json.get("Properties").and_then(|p| p.get("DnsProperties"));
    NamespaceFacts {
        id: text(json, "Id"),
        arn: text(json, "Arn"),
        name: text(json, "Name"),
        type_: match text(json, "Type").as_str() {
            "DNS_PRIVATE" => NamespaceType::DnsPrivate,
            "DNS_PUBLIC" => NamespaceType::DnsPublic,
            _ => NamespaceType::Http,
        },
        description: text(json, "Description"),
        soa_ttl: dns.and_then(|d| d.get("SOA")).and_then(|s| s.get("TTL")).and_then(Value::as_i64),
        hosted_zone_id: dns.and_then(|d| optional(d, "HostedZoneId")),
        tags,
        service_count: json.get("ServiceCount").and_then(Value::as_i64).map_or(0, |n| n as i32),
    }
}
