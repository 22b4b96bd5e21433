//! The managed Cloud Map service, in which ECS registers the tasks. Made before the service, taken away after the
//! service has let go of it.

use landbridge_api::condition::reason;
use landbridge_api::ecs::TaskDefinition;
use landbridge_api::ecs::task_definition::NetworkMode;
use landbridge_api::v1alpha1::{DnsConfig, DnsRecord, EcsService, NamespaceType, RecordType, RoutingPolicy};
use serde_json::{Value, json};

use super::claim::{Found, claim, retag};
use super::pass::Pass;
use super::{DiscoveryFacts, DiscoveryTarget, EcsServiceResolved};
use crate::change::{Body, Change, Tagged, Tags};
use crate::kind::Kind;
use crate::plan::{Cause, Difference, Plan};
use crate::{diff, hash, tags};

/// Name of the step that makes the Cloud Map service; the token of its ARN stands in `serviceRegistries`.
pub(super) const STEP: &str = "discovery";
const ADOPT: &str = "adopt-discovery";

/// The Cloud Map service that is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct WantedDiscovery {
    /// Its namespace.
    pub namespace_id: String,
    /// Type of the namespace.
    pub namespace_type: NamespaceType,
    /// Name.
    pub name: String,
    /// Description; empty when there is none.
    pub description: String,
    /// DNS records in Cloud Map's JSON names; none in an HTTP namespace.
    pub dns_config: Option<Value>,
    /// Tags.
    pub tags: Tags,
    entry: Body,
    token: [String; 3],
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
        Some(Self {
            namespace_id: target.namespace_id.clone(),
            namespace_type: target.namespace_type,
            name: target.name.clone(),
            description: spec.description.clone().unwrap_or_default(),
            dns_config: dns.as_ref().map(dns_json),
            tags: tags.clone(),
            entry,
            token: [
                object.metadata.uid.clone().unwrap_or_default(),
                object.identity(),
                // A Cloud Map service that was there before and is gone makes the next one another request.
                stored.unwrap_or_default(),
            ],
        })
    }

    /// The entry of `serviceRegistries`; its ARN is a token.
    pub(super) fn registry(&self) -> Value {
        let mut entry = self.entry.clone();
        entry.insert("registryArn".to_owned(), super::desire::registry_token().into());
        Value::Object(entry)
    }

    /// Whether what was found is the service of the wanted namespace and name.
    pub fn is(&self, facts: &DiscoveryFacts) -> bool {
        facts.namespace_id == self.namespace_id && facts.name == self.name
    }

    fn create(&self) -> Body {
        let [uid, object, before] = &self.token;
        let token = hash::client_token(&[uid, object, &self.namespace_id, &self.name, before]);
        let mut body = self.update();
        body.insert("Name".to_owned(), json!(self.name));
        body.insert("NamespaceId".to_owned(), json!(self.namespace_id));
        body.insert("CreatorRequestId".to_owned(), json!(token));
        // ECS reports the health of tasks here; the threshold has been fixed at 1 for years.
        body.insert("HealthCheckCustomConfig".to_owned(), json!({"FailureThreshold": 1}));
        body.insert("Tags".to_owned(), tags::listed(&self.tags, "Key", "Value"));
        if self.dns_config.is_none() {
            body.insert("Type".to_owned(), json!("HTTP"));
        } else if let Some(policy) = self.dns_config.as_ref().and_then(|d| d.get("RoutingPolicy")).cloned()
            && let Some(Value::Object(dns)) = body.get_mut("DnsConfig")
        {
            dns.insert("RoutingPolicy".to_owned(), policy);
        }
        body
    }

    /// UpdateService of Cloud Map replaces: what is not sent is deleted.
    fn update(&self) -> Body {
        let mut body = Body::new();
        body.insert("Description".to_owned(), json!(self.description));
        if let Some(records) = self.dns_config.as_ref().and_then(|d| d.get("DnsRecords")) {
            body.insert("DnsConfig".to_owned(), json!({ "DnsRecords": records }));
        }
        body
    }
}

/// One A record; outside `awsvpc` mode a task has no address of its own and only SRV can tell its port.
fn default_records(task: Option<&TaskDefinition>) -> DnsConfig {
    let own_address = task.is_none_or(|t| t.network_mode == Some(NetworkMode::Awsvpc));
    let type_ = if own_address { RecordType::A } else { RecordType::Srv };
    DnsConfig { routing_policy: None, dns_records: vec![DnsRecord { type_, ttl: 10 }] }
}

fn dns_json(config: &DnsConfig) -> Value {
    let mut records = config.dns_records.clone();
    records.sort_by_key(|r| r.type_);
    let records: Vec<Value> = records.iter().map(|r| json!({"Type": r.type_, "TTL": r.ttl})).collect();
    json!({"RoutingPolicy": config.routing_policy.unwrap_or(RoutingPolicy::Multivalue), "DnsRecords": records})
}

/// What Cloud Map says, in the form of [`dns_json`].
fn seen_dns(facts: &DiscoveryFacts) -> Option<Value> {
    let config = facts.dns_config.as_ref().filter(|c| c.get("DnsRecords").is_some())?;
    let mut records: Vec<Value> = config["DnsRecords"].as_array().cloned().unwrap_or_default();
    records.sort_by(|a, b| a["Type"].as_str().cmp(&b["Type"].as_str()));
    if records.is_empty() {
        return None;
    }
    let records: Vec<Value> = records.iter().map(|r| json!({"Type": r["Type"], "TTL": r["TTL"]})).collect();
    let policy = config.get("RoutingPolicy").cloned().unwrap_or_else(|| json!("MULTIVALUE"));
    Some(json!({"RoutingPolicy": policy, "DnsRecords": records}))
}

/// Makes the Cloud Map service, or puts right what can be changed in place.
pub(super) fn plan(pass: &Pass<'_>, plan: &mut Plan) {
    let Some(wanted) = &pass.desired.discovery else { return };
    let Some(facts) = pass.observed.discovery.as_ref().filter(|d| wanted.is(d)) else {
        let change = Change::CreateDiscoveryService { name: wanted.name.clone(), body: wanted.create() };
        let missing = Difference::new("serviceDiscovery", None, Some(wanted.name.as_str().into()));
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
    if claim(pass, plan, &found, &differences(facts, wanted)) && !refuse_immutable(plan, facts, wanted) {
        correct(pass, plan, facts, wanted);
        retag(pass, plan, &found, &wanted.tags, "discovery-tags", "serviceDiscovery.tags");
    }
}

fn correct(pass: &Pass<'_>, plan: &mut Plan, facts: &DiscoveryFacts, wanted: &WantedDiscovery) {
    let differences = differences(facts, wanted);
    if !differences.is_empty() {
        let change =
            Change::UpdateDiscoveryService { id: facts.id.clone(), name: wanted.name.clone(), body: wanted.update() };
        pass.correct(plan, "discovery-update", &[ADOPT], change, differences);
    }
}

fn differences(facts: &DiscoveryFacts, wanted: &WantedDiscovery) -> Vec<Difference> {
    let side = |description: &str, dns: Option<Value>| {
        // The API reference of UpdateService excludes HTTP namespaces, so a description there is left as it is.
        let description = (wanted.namespace_type != NamespaceType::Http).then_some(description);
        json!({"description": description, "dnsConfig": dns})
    };
    let from = side(&facts.description, seen_dns(facts));
    diff::differences("serviceDiscovery", &from, &side(&wanted.description, wanted.dns_config.clone()))
}

/// Record types and routing policy cannot be changed (`DnsConfig` of Cloud Map's UpdateService).
fn refuse_immutable(plan: &mut Plan, facts: &DiscoveryFacts, wanted: &WantedDiscovery) -> bool {
    let shape = |dns: Option<&Value>| {
        let records = dns.and_then(|d| d["DnsRecords"].as_array()).into_iter().flatten();
        let types: Vec<String> = records.filter_map(|r| r["Type"].as_str().map(str::to_owned)).collect();
        (types.join("+"), dns.and_then(|d| d["RoutingPolicy"].as_str()).unwrap_or_default().to_owned())
    };
    let (from, to) = (shape(seen_dns(facts).as_ref()), shape(wanted.dns_config.as_ref()));
    if from == to {
        return false;
    }
    let said = |(types, policy): &(String, String)| match types.as_str() {
        "" => "no DNS records".to_owned(),
        types => format!("{types} records with routing policy {policy}"),
    };
    plan.block(
        reason::IMMUTABLE_FIELD,
        format!(
            "Cloud Map service {} has {} and cannot be changed to {}: set another spec.serviceDiscovery.name, and a new one \
             takes its place",
            wanted.name,
            said(&from),
            said(&to),
        ),
    );
    true
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
