//! Instances and their health (RegisterInstance and its siblings, Cloud Map API reference).

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::{Map, Value, json};

use super::operation::{self, Effect};
use super::{Call, Registry, Service, bare, listing, not_found, over_limit};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::World;

/// Instances of a service, and of a namespace, while quotas are enforced ("AWS Cloud Map quotas").
const PER_SERVICE: usize = 1000;
const PER_NAMESPACE: usize = 2000;
/// Attributes of an instance (same page), and characters of all keys and values (RegisterInstance).
const ATTRIBUTES: usize = 30;
const ATTRIBUTES_SIZE: usize = 5000;

/// Whether an attribute's value is one that Cloud Map takes.
type Check = fn(&str) -> bool;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Instance {
    pub(crate) id: String,
    pub(crate) creator_request_id: Option<String>,
    pub(crate) attributes: BTreeMap<String, String>,
    /// The custom health status; of no account in a service without one.
    pub(crate) healthy: bool,
    pub(crate) created_by: String,
}

impl Instance {
    pub(crate) fn answer(&self) -> Value {
        json!({"Id": self.id, "Attributes": self.attributes, "CreatedByAccount": self.created_by})
    }

    /// `UNKNOWN` where nothing checks the instance. Route 53's own health checks are taken to succeed.
    pub(crate) fn status(&self, service: &Service) -> &'static str {
        match (service.custom_health, &service.health_check) {
            (false, None) => "UNKNOWN",
            (true, _) if !self.healthy => "UNHEALTHY",
            _ => "HEALTHY",
        }
    }
}

fn instance_id(input: Input<'_>) -> Result<&str, Refusal> {
    let id = input.required("InstanceId")?;
    if (1..=64).contains(&id.len()) && id.chars().all(|c| c.is_ascii_alphanumeric() || "_/:.@-".contains(c)) {
        return Ok(id);
    }
    Err(input.refuse(format!("InstanceId '{id}' must have 1 to 64 characters of [0-9a-zA-Z_/:.@-]")))
}

/// The attributes that the service's records and health check need ("Attributes", RegisterInstance).
pub(crate) fn check_attributes(
    input: Input<'_>,
    service: &Service,
    attributes: &BTreeMap<String, String>,
) -> Result<(), Refusal> {
    let has = |key: &str| attributes.contains_key(key);
    let size: usize = attributes.iter().map(|(key, value)| key.len() + value.len()).sum();
    let fits = |(key, value): (&String, &String)| (1..=255).contains(&key.len()) && value.len() <= 1024;
    if attributes.len() > ATTRIBUTES || size > ATTRIBUTES_SIZE || !attributes.iter().all(fits) {
        return Err(input.refuse(format!(
            "An instance has at most {ATTRIBUTES} attributes and {ATTRIBUTES_SIZE} characters in them; keys have 1 to 255 \
             characters and values up to 1024"
        )));
    }
    let valid: [(&str, Check); 4] = [
        ("AWS_INSTANCE_IPV4", |value| value.parse::<Ipv4Addr>().is_ok()),
        ("AWS_INSTANCE_IPV6", |value| value.parse::<Ipv6Addr>().is_ok()),
        ("AWS_INSTANCE_PORT", |value| value.parse::<u16>().is_ok()),
        ("AWS_INIT_HEALTH_STATUS", |value| ["HEALTHY", "UNHEALTHY"].contains(&value)),
    ];
    for (key, is_valid) in valid {
        if let Some(value) = attributes.get(key).filter(|value| !is_valid(value)) {
            return Err(input.refuse(format!("Attribute {key} has the invalid value '{value}'")));
        }
    }
    if has("AWS_INIT_HEALTH_STATUS") && !service.custom_health {
        return Err(input.refuse("AWS_INIT_HEALTH_STATUS needs a service with HealthCheckCustomConfig"));
    }
    if has("AWS_ALIAS_DNS_NAME") {
        return Ok(());
    }
    let address = has("AWS_INSTANCE_IPV4") || has("AWS_INSTANCE_IPV6");
    for (record, wanted, fulfilled) in [
        ("A", "AWS_INSTANCE_IPV4", has("AWS_INSTANCE_IPV4")),
        ("AAAA", "AWS_INSTANCE_IPV6", has("AWS_INSTANCE_IPV6")),
        ("SRV", "AWS_INSTANCE_PORT and an address", has("AWS_INSTANCE_PORT") && address),
        ("CNAME", "AWS_INSTANCE_CNAME", has("AWS_INSTANCE_CNAME")),
    ] {
        if service.has_record(record) && !fulfilled {
            return Err(input.refuse(format!("A service with {record} records needs the attribute {wanted}")));
        }
    }
    Ok(())
}

/// Registers, or replaces an instance of the same ID. One request per instance can be under way.
pub(crate) fn register(world: &mut World, call: &Call<'_>) -> Result<Value, Refusal> {
    let service_id = bare(call.input.required("ServiceId")?).to_owned();
    let id = instance_id(call.input)?;
    let request = call.input.text("CreatorRequestId")?.map(ToOwned::to_owned);
    if call.input.get("Attributes").is_none() {
        return Err(call.input.missing("Attributes"));
    }
    let attributes: BTreeMap<String, String> = call.input.map("Attributes")?.into_iter().collect();
    let enforced = world.quotas.enforced();
    let registry = world.services.cloud_map.at(&call.place);
    let service = registry.service(&service_id)?;
    check_attributes(call.input, service, &attributes)?;
    let new = Instance {
        id: id.to_owned(),
        creator_request_id: request,
        healthy: attributes.get("AWS_INIT_HEALTH_STATUS").is_none_or(|status| status == "HEALTHY"),
        attributes,
        created_by: call.cx.account.clone(),
    };
    if let Some((operation, running)) = open_operation(registry, &service_id, id) {
        // The same request again is the same operation; any other has to wait.
        return match running {
            Effect::RegisterInstance(_, old) if new.creator_request_id.is_some() && **old == new => {
                Ok(operation::answer(operation))
            }
            _ => Err(operation::duplicate(operation)),
        };
    }
    if enforced && !service.instances.contains_key(id) {
        check_quotas(registry, service)?;
    }
    let operation = operation::submit(world, call, Effect::RegisterInstance(service_id, Box::new(new)));
    Ok(operation::answer(&operation))
}

fn check_quotas(registry: &Registry, service: &Service) -> Result<(), Refusal> {
    let siblings = registry.services.values().filter(|other| other.namespace_id == service.namespace_id);
    if service.instances.len() >= PER_SERVICE {
        return Err(over_limit(format!("The quota of {PER_SERVICE} instances in a service is reached")));
    }
    if siblings.map(|service| service.instances.len()).sum::<usize>() >= PER_NAMESPACE {
        return Err(over_limit(format!("The quota of {PER_NAMESPACE} instances in a namespace is reached")));
    }
    Ok(())
}

/// The operation under way on an instance.
fn open_operation<'a>(registry: &'a Registry, service: &str, instance: &str) -> Option<(&'a str, &'a Effect)> {
    let open = registry.operations.values().find(|operation| {
        let target = |kind| operation.targets.get(kind).map(String::as_str);
        operation.is_open() && target("SERVICE") == Some(service) && target("INSTANCE") == Some(instance)
    });
    open.map(|operation| (operation.id.as_str(), operation.effect()))
}

pub(crate) fn deregister(world: &mut World, call: &Call<'_>) -> Result<Value, Refusal> {
    let service_id = bare(call.input.required("ServiceId")?).to_owned();
    let id = instance_id(call.input)?.to_owned();
    let registry = world.services.cloud_map.at(&call.place);
    let service = registry.service(&service_id)?;
    if let Some((operation, _)) = open_operation(registry, &service_id, &id) {
        return Err(operation::duplicate(operation));
    }
    if !service.instances.contains_key(&id) {
        return Err(not_found("Instance", &id));
    }
    let operation = operation::submit(world, call, Effect::DeregisterInstance(service_id, id));
    Ok(operation::answer(&operation))
}

pub(crate) fn get(world: &mut World, call: &Call<'_>) -> Result<Value, Refusal> {
    let registry = world.services.cloud_map.at(&call.place);
    let service = registry.service(call.input.required("ServiceId")?)?;
    let id = instance_id(call.input)?;
    let instance = service.instances.get(id).ok_or_else(|| not_found("Instance", id))?;
    let mut answer = instance.answer();
    if let Some(request) = &instance.creator_request_id {
        answer["CreatorRequestId"] = json!(request);
    }
    Ok(json!({"ResourceOwner": service.owner, "Instance": answer}))
}

/// GetInstancesHealthStatus: of the instances asked for, or of all by page.
pub(crate) fn health(world: &mut World, call: &Call<'_>) -> Result<Value, Refusal> {
    let asked = call.input.texts("Instances")?;
    let registry = world.services.cloud_map.at(&call.place);
    let service = registry.service(call.input.required("ServiceId")?)?;
    if let Some(unknown) = asked.iter().find(|id| !service.instances.contains_key(**id)) {
        return Err(not_found("Instance", unknown));
    }
    let wanted =
        service.instances.values().filter(|instance| asked.is_empty() || asked.contains(&instance.id.as_str()));
    let page = listing::cut(call.input, wanted.map(|instance| (instance.id.as_str(), instance)))?;
    let status = page.items.iter().map(|instance| (instance.id.clone(), json!(instance.status(service))));
    let mut answer = Map::new();
    answer.insert("Status".to_owned(), Value::Object(status.collect()));
    page.next_token.map(|token| answer.insert("NextToken".to_owned(), json!(token)));
    Ok(Value::Object(answer))
}

/// Only for services with a custom health check (UpdateInstanceCustomHealthStatus).
pub(crate) fn update_health(world: &mut World, call: &Call<'_>) -> Result<Value, Refusal> {
    let id = instance_id(call.input)?;
    let status = call.input.required("Status")?;
    if !["HEALTHY", "UNHEALTHY"].contains(&status) {
        return Err(call.input.refuse(format!("Status '{status}' is not one of HEALTHY, UNHEALTHY")));
    }
    let service = world.services.cloud_map.at(&call.place).service_mut(call.input.required("ServiceId")?)?;
    if !service.custom_health {
        return Err(Refusal::new("CustomHealthNotFound", "The service has no HealthCheckCustomConfig"));
    }
    let instance = service.instances.get_mut(id).ok_or_else(|| not_found("Instance", id))?;
    if instance.healthy != (status == "HEALTHY") {
        instance.healthy = !instance.healthy;
        service.revision += 1;
    }
    Ok(Value::Null)
}
