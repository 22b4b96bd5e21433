//! Changes of a service: UpdateService, which replaces, and the service's attributes.

use serde_json::{Value, json};

use super::operation::{self, Effect};
use super::service::{DnsRecord, HealthCheck, health_check, records};
use super::{Call, Registry, bare};
use crate::refusal::Refusal;
use crate::world::World;

/// Attributes of a service (UpdateServiceAttributes, Cloud Map API reference).
const ATTRIBUTES: usize = 30;

/// What UpdateService leaves of a service.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) id: String,
    description: Option<String>,
    records: Option<Vec<DnsRecord>>,
    health_check: Option<HealthCheck>,
}

impl Change {
    /// "If you omit any existing DnsRecords or HealthCheckConfig configurations from an UpdateService request, the
    /// configurations are deleted from the service" (UpdateService). HealthCheckCustomConfig and the routing policy stay.
    pub(crate) fn apply(self, registry: &mut Registry) {
        let Some(service) = registry.services.get_mut(&self.id) else { return };
        if let Some(description) = self.description {
            service.description = Some(description).filter(|text| !text.is_empty());
        }
        service.health_check = self.health_check;
        match self.records {
            None => service.dns = None,
            Some(records) => service.dns.iter_mut().for_each(|dns| dns.records.clone_from(&records)),
        }
    }
}

pub(crate) fn update(world: &mut World, call: &Call<'_>) -> Result<Value, Refusal> {
    let id = bare(call.input.required("Id")?).to_owned();
    let change = call.input.object("Service")?.ok_or_else(|| call.input.missing("Service"))?;
    let description = change.text("Description")?.map(ToOwned::to_owned);
    let records = change.object("DnsConfig")?.map(records).transpose()?;
    let health_check = health_check(change)?;
    let registry = world.services.cloud_map.at(&call.place);
    let service = registry.service(&id)?;
    let namespace = registry.namespace(&service.namespace_id)?;
    if !namespace.kind.is_dns() {
        return Err(call.input.refuse("Services in an HTTP namespace cannot be updated"));
    }
    let type_is_new = |record: &DnsRecord| !service.has_record(&record.kind);
    if let Some(record) = records.iter().flatten().find(|record| type_is_new(record)) {
        let message = format!(
            "DNS record type {} is not one of the service's; record types cannot be changed, only their TTL",
            record.kind
        );
        return Err(call.input.refuse(message));
    }
    if health_check.is_some() && (service.custom_health || namespace.kind == super::namespace::Kind::DnsPrivate) {
        return Err(call.input.refuse("HealthCheckConfig cannot be added to this service"));
    }
    operation::refuse_duplicate(registry, "SERVICE", &id)?;
    let change = Change { id, description, records, health_check };
    let operation = operation::submit(world, call, Effect::UpdateService(change));
    Ok(operation::answer(&operation))
}

pub(crate) fn attributes(world: &mut World, call: &Call<'_>) -> Result<Value, Refusal> {
    let registry = world.services.cloud_map.at(&call.place);
    let service = registry.service(call.input.required("ServiceId")?)?;
    Ok(json!({"ServiceAttributes": {
        "ServiceArn": service.arn, "ResourceOwner": service.owner, "Attributes": service.attributes,
    }}))
}

pub(crate) fn update_attributes(world: &mut World, call: &Call<'_>) -> Result<Value, Refusal> {
    let id = call.input.required("ServiceId")?;
    if call.input.get("Attributes").is_none() {
        return Err(call.input.missing("Attributes"));
    }
    let new = call.input.map("Attributes")?;
    if new.iter().any(|(key, value)| key.is_empty() || key.len() > 255 || value.len() > 1024) {
        return Err(call.input.refuse("Attribute keys have 1 to 255 characters and values up to 1024"));
    }
    let service = world.services.cloud_map.at(&call.place).service_mut(id)?;
    let mut attributes = service.attributes.clone();
    attributes.extend(new);
    if attributes.len() > ATTRIBUTES {
        let message = format!("A service can have at most {ATTRIBUTES} attributes");
        return Err(Refusal::new("ServiceAttributesLimitExceededException", message));
    }
    service.attributes = attributes;
    Ok(json!({}))
}

pub(crate) fn delete_attributes(world: &mut World, call: &Call<'_>) -> Result<Value, Refusal> {
    let id = call.input.required("ServiceId")?;
    let keys = call.input.texts("Attributes")?;
    let service = world.services.cloud_map.at(&call.place).service_mut(id)?;
    service.attributes.retain(|key, _| !keys.contains(&key.as_str()));
    Ok(json!({}))
}
