//! DiscoverInstances and DiscoverInstancesRevision: what a client of the namespace's HTTP name sees.

use serde_json::{Value, json};

use super::{Call, Instance, Registry, Service};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::World;

fn found<'a>(registry: &'a Registry, input: Input<'_>) -> Result<&'a Service, Refusal> {
    let (namespace, service) = (input.required("NamespaceName")?, input.required("ServiceName")?);
    let named: Vec<_> = registry.namespaces.values().filter(|known| known.name == namespace).collect();
    if named.is_empty() {
        return Err(Refusal::new("NamespaceNotFound", format!("Namespace not found: {namespace}")));
    }
    let of_namespace = |known: &&Service| named.iter().any(|namespace| namespace.id == known.namespace_id);
    let mut services = registry.services.values().filter(of_namespace);
    let found = services.find(|known| known.name.eq_ignore_ascii_case(service));
    found.ok_or_else(|| Refusal::new("ServiceNotFound", format!("Service not found: {service}")))
}

/// Instances that match every `QueryParameters` entry, those that match `OptionalParameters` too if there are any, and
/// then by health: an instance that nothing checks counts as healthy.
pub(crate) fn discover(world: &mut World, call: &Call<'_>) -> Result<Value, Refusal> {
    let input = call.input;
    let most = input.number_within("MaxResults", 1, 1000)?.unwrap_or(100) as usize;
    let (query, optional) = (input.map("QueryParameters")?, input.map("OptionalParameters")?);
    let health = input.text("HealthStatus")?.unwrap_or("HEALTHY_OR_ELSE_ALL");
    let service = found(world.services.cloud_map.at(&call.place), input)?;
    let has = |instance: &Instance, wanted: &[(String, String)]| {
        wanted.iter().all(|(key, value)| instance.attributes.get(key) == Some(value))
    };
    let mut instances: Vec<_> = service.instances.values().filter(|instance| has(instance, &query)).collect();
    if !optional.is_empty() && instances.iter().any(|instance| has(instance, &optional)) {
        instances.retain(|instance| has(instance, &optional));
    }
    let is_well = |instance: &&Instance| instance.status(service) != "UNHEALTHY";
    match health {
        "HEALTHY" => instances.retain(is_well),
        "UNHEALTHY" => instances.retain(|instance| !is_well(instance)),
        "ALL" => {}
        "HEALTHY_OR_ELSE_ALL" => {
            if instances.iter().any(is_well) {
                instances.retain(is_well);
            }
        }
        other => {
            let allowed = "HEALTHY, UNHEALTHY, ALL, HEALTHY_OR_ELSE_ALL";
            return Err(input.refuse(format!("HealthStatus '{other}' is not one of {allowed}")));
        }
    }
    let summary = |instance: &Instance| {
        json!({
            "InstanceId": instance.id,
            "NamespaceName": input.text("NamespaceName").ok().flatten(),
            "ServiceName": service.name,
            "HealthStatus": instance.status(service),
            "Attributes": instance.attributes,
        })
    };
    let summaries = instances.into_iter().take(most).map(summary).collect::<Value>();
    Ok(json!({"Instances": summaries, "InstancesRevision": service.revision}))
}

pub(crate) fn revision(world: &mut World, call: &Call<'_>) -> Result<Value, Refusal> {
    let service = found(world.services.cloud_map.at(&call.place), call.input)?;
    Ok(json!({"InstancesRevision": service.revision}))
}
