//! Services: a template for the records and the health of the instances that register under a name (CreateService and
//! its siblings, Cloud Map API reference).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::namespace::Kind;
use super::{Call, Instance, Namespace, bare, in_use, tags};
use crate::identifier;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::wire::json::epoch;
use crate::world::World;

#[derive(Debug, Clone)]
pub(crate) struct Service {
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) owner: String,
    pub(crate) name: String,
    pub(crate) namespace_id: String,
    pub(crate) description: Option<String>,
    pub(crate) dns: Option<DnsConfig>,
    pub(crate) health_check: Option<HealthCheck>,
    pub(crate) custom_health: bool,
    pub(crate) created: Timestamp,
    pub(crate) creator_request_id: Option<String>,
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) instances: BTreeMap<String, Instance>,
    /// Goes up with every change of the instances (`InstancesRevision`).
    pub(crate) revision: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DnsConfig {
    pub(crate) routing_policy: String,
    pub(crate) records: Vec<DnsRecord>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DnsRecord {
    pub(crate) kind: String,
    pub(crate) ttl: i64,
}

/// A Route 53 health check.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct HealthCheck {
    kind: String,
    path: Option<String>,
    failure_threshold: i64,
}

impl Service {
    /// `HTTP` where only `DiscoverInstances` finds the instances, else `DNS_HTTP`.
    pub(crate) fn kind(&self) -> &'static str {
        if self.dns.is_some() { "DNS_HTTP" } else { "HTTP" }
    }

    pub(crate) fn has_record(&self, kind: &str) -> bool {
        self.dns.iter().flat_map(|dns| &dns.records).any(|record| record.kind == kind)
    }

    pub(crate) fn put(&mut self, instance: Instance) {
        self.revision += 1;
        self.instances.insert(instance.id.clone(), instance);
    }

    pub(crate) fn remove(&mut self, instance: &str) {
        if self.instances.remove(instance).is_some() {
            self.revision += 1;
        }
    }

    /// `ServiceSummary`, which GetService completes.
    pub(crate) fn answer(&self) -> Value {
        let mut answer = json!({
            "Id": self.id,
            "Arn": self.arn,
            "ResourceOwner": self.owner,
            "Name": self.name,
            "Type": self.kind(),
            "InstanceCount": self.instances.len(),
            "CreateDate": epoch(self.created),
            "CreatedByAccount": self.owner,
        });
        if let Some(description) = &self.description {
            answer["Description"] = json!(description);
        }
        if let Some(dns) = &self.dns {
            let records = dns.records.iter().map(|record| json!({"Type": record.kind, "TTL": record.ttl}));
            answer["DnsConfig"] = json!({
                "NamespaceId": self.namespace_id,
                "RoutingPolicy": dns.routing_policy,
                "DnsRecords": records.collect::<Value>(),
            });
        }
        if let Some(check) = &self.health_check {
            answer["HealthCheckConfig"] = json!({"Type": check.kind, "FailureThreshold": check.failure_threshold});
            if let Some(path) = &check.path {
                answer["HealthCheckConfig"]["ResourcePath"] = json!(path);
            }
        }
        if self.custom_health {
            // "This parameter is no longer supported and is always set to 1" (HealthCheckCustomConfig).
            answer["HealthCheckCustomConfig"] = json!({"FailureThreshold": 1});
        }
        answer
    }

    fn whole(&self) -> Value {
        let mut answer = self.answer();
        answer["NamespaceId"] = json!(self.namespace_id);
        answer["CreatorRequestId"] = json!(self.creator_request_id.clone().unwrap_or_default());
        answer
    }

    pub(crate) fn dump(&self) -> Value {
        let mut dump = self.whole();
        dump["Instances"] = self.instances.values().map(Instance::answer).collect();
        dump["Attributes"] = json!(self.attributes);
        dump
    }
}

/// Labels of 1 to 63 letters, digits, `-` and `_` that do not begin or end with `-`, or a lone dot; 127 in all (the
/// pattern of `Name`).
fn checked_name(input: Input<'_>) -> Result<&str, Refusal> {
    let name = input.required("Name")?;
    let label = |label: &str| {
        let inside = label.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_');
        (1..=63).contains(&label.len()) && inside && !label.starts_with('-') && !label.ends_with('-')
    };
    if name == "." || (name.len() <= 127 && name.split('.').all(label)) {
        return Ok(name);
    }
    Err(input.refuse(format!("Service name '{name}' is not valid: it is made of DNS labels, 127 characters at most")))
}

/// `DnsRecords`: at least one, of known types, none twice, CNAME alone (DnsRecord and DnsConfig, Cloud Map API reference).
pub(crate) fn records(input: Input<'_>) -> Result<Vec<DnsRecord>, Refusal> {
    let mut records: Vec<DnsRecord> = Vec::new();
    for record in input.objects("DnsRecords")? {
        let kind = record.required("Type")?.to_owned();
        if !["A", "AAAA", "SRV", "CNAME"].contains(&kind.as_str()) {
            return Err(input.refuse(format!("DNS record type '{kind}' is not one of SRV, A, AAAA, CNAME")));
        }
        if records.iter().any(|earlier| earlier.kind == kind) {
            return Err(input.refuse(format!("DNS record type {kind} is given twice")));
        }
        let ttl = record.number_within("TTL", 0, 2_147_483_647)?.ok_or_else(|| record.missing("TTL"))?;
        records.push(DnsRecord { kind, ttl });
    }
    if records.is_empty() {
        return Err(input.missing("DnsRecords"));
    }
    if records.len() > 1 && records.iter().any(|record| record.kind == "CNAME") {
        return Err(input.refuse("A CNAME record cannot be combined with other records"));
    }
    Ok(records)
}

fn dns_config(input: Input<'_>) -> Result<Option<DnsConfig>, Refusal> {
    let Some(config) = input.object("DnsConfig")? else { return Ok(None) };
    let records = records(config)?;
    let routing_policy = config.text("RoutingPolicy")?.unwrap_or("MULTIVALUE").to_owned();
    if !["MULTIVALUE", "WEIGHTED"].contains(&routing_policy.as_str()) {
        return Err(input.refuse(format!("RoutingPolicy '{routing_policy}' is not one of MULTIVALUE, WEIGHTED")));
    }
    // "If you specify CNAME for Type, you must specify WEIGHTED for RoutingPolicy" (DnsRecord).
    if routing_policy == "MULTIVALUE" && records.iter().any(|record| record.kind == "CNAME") {
        return Err(input.refuse("A CNAME record needs the WEIGHTED routing policy"));
    }
    Ok(Some(DnsConfig { routing_policy, records }))
}

/// `HealthCheckConfig`, with the defaults of its page: path `/`, threshold 1.
pub(crate) fn health_check(input: Input<'_>) -> Result<Option<HealthCheck>, Refusal> {
    let Some(config) = input.object("HealthCheckConfig")? else { return Ok(None) };
    let kind = config.required("Type")?.to_owned();
    let failure_threshold = config.number_within("FailureThreshold", 1, 10)?.unwrap_or(1);
    let path = match (kind.as_str(), config.text("ResourcePath")?) {
        ("TCP", None) => None,
        ("TCP", Some(_)) => return Err(input.refuse("A TCP health check has no ResourcePath")),
        ("HTTP" | "HTTPS", path) => Some(path.unwrap_or("/").to_owned()),
        _ => return Err(input.refuse(format!("Health check type '{kind}' is not one of HTTP, HTTPS, TCP"))),
    };
    Ok(Some(HealthCheck { kind, path, failure_threshold }))
}

/// What CreateService asks for, checked on its own and against the namespace.
struct Wanted {
    description: Option<String>,
    dns: Option<DnsConfig>,
    health_check: Option<HealthCheck>,
    custom_health: bool,
}

impl Wanted {
    fn read(input: Input<'_>, namespace: &Namespace) -> Result<Self, Refusal> {
        let wanted = Self {
            description: input.text("Description")?.filter(|text| !text.is_empty()).map(ToOwned::to_owned),
            dns: dns_config(input)?,
            health_check: health_check(input)?,
            custom_health: input.object("HealthCheckCustomConfig")?.is_some(),
        };
        if wanted.dns.is_some() && (!namespace.kind.is_dns() || input.text("Type")? == Some("HTTP")) {
            return Err(input.refuse("DnsConfig cannot be given for a service that is only discovered by API calls"));
        }
        if wanted.health_check.is_some() && wanted.custom_health {
            return Err(input.refuse("HealthCheckConfig and HealthCheckCustomConfig cannot be given together"));
        }
        if wanted.health_check.is_some() && namespace.kind == Kind::DnsPrivate {
            return Err(input.refuse("HealthCheckConfig cannot be given in a private DNS namespace"));
        }
        Ok(wanted)
    }

    fn is_of(&self, service: &Service) -> bool {
        self.description == service.description
            && self.dns == service.dns
            && self.health_check == service.health_check
            && self.custom_health == service.custom_health
    }
}

/// CreateService is synchronous. The same request again answers the service it made.
pub(crate) fn create(world: &mut World, call: &Call<'_>) -> Result<Value, Refusal> {
    let input = call.input;
    let name = checked_name(input)?;
    let nested = input.object("DnsConfig")?.map(|config| config.text("NamespaceId")).transpose()?.flatten();
    let namespace_id = input.text("NamespaceId")?.or(nested).ok_or_else(|| input.missing("NamespaceId"))?;
    let request = input.text("CreatorRequestId")?;
    let tags = tags::checked(input)?;
    let id = format!("srv-{}", identifier::lower(&mut world.rng, 16));
    let registry = world.services.cloud_map.at(&call.place);
    let namespace = registry.namespace(namespace_id)?;
    let wanted = Wanted::read(input, namespace)?;
    let namespace_id = namespace.id.clone();
    let same_name = |service: &&Service| {
        // Names are DNS labels: those that differ only in case are the same ("ServiceName", CreateService).
        service.namespace_id == namespace_id && service.name.eq_ignore_ascii_case(name)
    };
    if let Some(existing) = registry.services.values().find(same_name) {
        if request.is_some() && existing.creator_request_id.as_deref() == request && wanted.is_of(existing) {
            return Ok(json!({"Service": existing.whole()}));
        }
        return Err(Refusal::new("ServiceAlreadyExists", "Service already exists")
            .with("ServiceId", existing.id.as_str())
            .with("ServiceArn", existing.arn.as_str())
            .with("CreatorRequestId", existing.creator_request_id.clone().unwrap_or_default()));
    }
    let (account, region) = &call.place;
    let service = Service {
        arn: format!("arn:aws:servicediscovery:{region}:{account}:service/{id}"),
        id,
        owner: account.clone(),
        name: name.to_owned(),
        namespace_id,
        description: wanted.description,
        dns: wanted.dns,
        health_check: wanted.health_check,
        custom_health: wanted.custom_health,
        created: call.cx.now,
        creator_request_id: request.map(ToOwned::to_owned),
        attributes: BTreeMap::new(),
        instances: BTreeMap::new(),
        revision: 1,
    };
    let answer = json!({"Service": service.whole()});
    registry.tags.insert(service.arn.clone(), tags);
    registry.services.insert(service.id.clone(), service);
    Ok(answer)
}

pub(crate) fn get(world: &mut World, call: &Call<'_>) -> Result<Value, Refusal> {
    let registry = world.services.cloud_map.at(&call.place);
    Ok(json!({"Service": registry.service(call.input.required("Id")?)?.whole()}))
}

/// Refused with instances registered, or on their way (DeleteService, Cloud Map API reference).
pub(crate) fn delete(world: &mut World, call: &Call<'_>) -> Result<Value, Refusal> {
    let id = bare(call.input.required("Id")?).to_owned();
    let registry = world.services.cloud_map.at(&call.place);
    let service = registry.service(&id)?;
    let arn = service.arn.clone();
    let open = registry
        .operations
        .values()
        .any(|operation| operation.is_open() && operation.targets.get("SERVICE").is_some_and(|target| *target == id));
    if open || !service.instances.is_empty() {
        return Err(in_use("Service contains registered instances; delete the instances before deleting the service"));
    }
    registry.services.remove(&id);
    registry.tags.remove(&arn);
    Ok(json!({}))
}
