//! The managed Cloud Map service, in which ECS registers the tasks. Made before the service, taken away after the
//! service has let go of it.

use landbridge_api::condition::reason;
use landbridge_api::ecs::TaskDefinition;
use landbridge_api::ecs::task_definition::NetworkMode;
use landbridge_api::v1alpha1::{DnsConfig, DnsRecord, EcsService, NamespaceType, RecordType};
use serde_json::Value;

use super::claim::{Found, claim, retag};
use super::pass::Pass;
use super::{DiscoveryFacts, DiscoveryTarget, EcsServiceResolved};
use crate::change::{Body, Change, Tagged, Tags};
use crate::cloud_map_service::{self, CloudMapService};
use crate::kind::Kind;
use crate::plan::{Cause, Difference, Plan};

/// Name of the step that makes the Cloud Map service; the token of its ARN stands in `serviceRegistries`.
pub(super) const STEP: &str = "discovery";
const ADOPT: &str = "adopt-discovery";
const PATH: &str = "serviceDiscovery";

/// The Cloud Map service that is wanted, and how tasks are registered in it.
#[derive(Clone, Debug, PartialEq)]
pub struct WantedDiscovery {
    /// The service.
    pub service: CloudMapService,
    entry: Body,
}

impl WantedDiscovery {
    pub(super) fn of(
        object: &EcsService,
        resolved: &EcsServiceResolved,
        task: Option<&TaskDefinition>,
        tags: &Tags,
    ) -> Option<Self> {
        let (spec, target) = (object.spec.service_discovery.as_ref()?, resolved.discovery.as_ref()?);
        let dns = (target.namespace_type != NamespaceType::Http)
            .then(|| spec.dns_config.clone().unwrap_or_else(|| default_records(task)));
        let mut entry = Body::new();
        let mut set = |name: &str, value: Option<Value>| value.map(|v| entry.insert(name.to_owned(), v));
        set("containerName", spec.container_name.clone().map(Value::from));
        set("containerPort", spec.container_port.map(Value::from));
        set("port", spec.port.map(Value::from));
        let stored = object.stored().and_then(|s| s.discovery.as_ref()).map(|d| d.service_id.clone());
        let service = CloudMapService {
            namespace_id: target.namespace_id.clone(),
            namespace_type: target.namespace_type,
            name: target.name.clone(),
            description: spec.description.clone().unwrap_or_default(),
            dns_config: dns.as_ref().map(cloud_map_service::dns_json),
            tags: tags.clone(),
            request: vec![
                object.metadata.uid.clone().unwrap_or_default(),
                object.identity(),
                target.namespace_id.clone(),
                target.name.clone(),
                // A Cloud Map service that was there before and is gone makes the next one another request.
                stored.unwrap_or_default(),
            ],
        };
        Some(Self { service, entry })
    }

    /// The entry of `serviceRegistries`; its ARN is a token.
    pub(super) fn registry(&self) -> Value {
        let mut entry = self.entry.clone();
        entry.insert("registryArn".to_owned(), super::desire::registry_token().into());
        Value::Object(entry)
    }

    /// Whether what was found is the service of the wanted namespace and name.
    pub fn is(&self, facts: &DiscoveryFacts) -> bool {
        self.service.is(facts)
    }
}

/// One A record; outside `awsvpc` mode a task has no address of its own and only SRV can tell its port.
fn default_records(task: Option<&TaskDefinition>) -> DnsConfig {
    let own_address = task.is_none_or(|t| t.network_mode == Some(NetworkMode::Awsvpc));
    let type_ = if own_address { RecordType::A } else { RecordType::Srv };
    DnsConfig { routing_policy: None, dns_records: vec![DnsRecord { type_, ttl: 10 }] }
}

/// Makes the Cloud Map service, or puts right what can be changed in place.
pub(super) fn plan(pass: &Pass<'_>, plan: &mut Plan) {
    let Some(WantedDiscovery { service: wanted, .. }) = &pass.desired.discovery else { return };
    let Some(facts) = pass.observed.discovery.as_ref().filter(|d| wanted.is(d)) else {
        let change = Change::CreateDiscoveryService { name: wanted.name.clone(), body: wanted.create() };
        let missing = Difference::new(PATH, None, Some(wanted.name.as_str().into()));
        pass.correct(plan, STEP, &[], change, vec![missing]);
        return;
    };
    let found = Found {
        what: format!("Cloud Map service {}", wanted.name),
        step: ADOPT,
        api: Tagged::CloudMap,
        arn: &facts.arn,
        tags: &facts.tags,
        name_field: "spec.serviceDiscovery.name",
    };
    if !claim(pass, plan, &found, &wanted.differences(PATH, facts)) {
        return;
    }
    let advice = "set another spec.serviceDiscovery.name, and a new one takes its place";
    if let Some(blocked) = wanted.immutable(facts, advice) {
        plan.blocked.push(blocked);
        return;
    }
    correct(pass, plan, facts, wanted);
    retag(pass, plan, &found, &wanted.tags, "discovery-tags", "serviceDiscovery.tags");
}

fn correct(pass: &Pass<'_>, plan: &mut Plan, facts: &DiscoveryFacts, wanted: &CloudMapService) {
    let differences = wanted.differences(PATH, facts);
    if !differences.is_empty() {
        let change =
            Change::UpdateDiscoveryService { id: facts.id.clone(), name: wanted.name.clone(), body: wanted.update() };
        pass.correct(plan, "discovery-update", &[ADOPT], change, differences);
    }
}

/// Takes away a Cloud Map service that is no longer wanted, once ECS has let go of it.
pub(super) fn leave(pass: &Pass<'_>, plan: &mut Plan, service_is_settled: bool) {
    let Some(left) = pass.observed.left_discovery.as_ref().filter(|d| pass.owns(&d.tags)) else { return };
    let refers = pass.ours().is_some_and(|s| {
        let entries = s.fields.get("serviceRegistries").and_then(Value::as_array);
        entries.into_iter().flatten().any(|e| e["registryArn"].as_str() == Some(&left.arn))
    });
    if refers || !service_is_settled {
        return;
    }
    plan.wait(
        reason::PROGRESSING,
        format!("Cloud Map service {} is no longer used and is being deleted", left.name),
        super::SOON,
    );
    take_away(plan, "left-discovery", Cause::Replacement, left);
}

/// Deletes a Cloud Map service, or first the instances that ECS left behind in it.
pub(super) fn take_away(plan: &mut Plan, id: &str, cause: Cause, facts: &DiscoveryFacts) {
    let mut instances = Vec::new();
    for (index, instance) in facts.instances.iter().enumerate() {
        let change = Change::DeregisterInstance { service_id: facts.id.clone(), instance_id: instance.clone() };
        instances.push(plan.step(&format!("{id}-instance-{index}"), cause, &[], change));
    }
    if instances.is_empty() {
        let change = Change::DeleteDiscoveryService { id: facts.id.clone(), name: facts.name.clone() };
        plan.step(id, cause, &[], change);
    }
}

/// Name of the Cloud Map service.
pub(super) fn name(object: &EcsService, service: &str) -> String {
    let name = object.spec.service_discovery.as_ref().and_then(|d| d.name.clone());
    name.unwrap_or_else(|| service.to_owned())
}

impl DiscoveryTarget {
    /// Whether it makes no DNS records.
    pub fn is_http(&self) -> bool {
        self.namespace_type == NamespaceType::Http
    }
}
