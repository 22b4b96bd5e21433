//! What Amazon ECS does in Cloud Map on its own: it registers a service's tasks, drives their custom health, and takes
//! them out ("Service discovery", Amazon ECS developer guide, service-discovery.html). It leaves no operations behind.

use std::collections::BTreeMap;

use super::{Instance, Place, Registry, Service, bare};
use crate::identifier;
use crate::world::World;

/// A task as ECS registers it in a Cloud Map service.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TaskInstance {
    /// ARN of the Cloud Map service (`serviceRegistries[].registryArn`).
    pub(crate) registry_arn: String,
    /// The task's ID, which is the instance's.
    pub(crate) instance_id: String,
    /// `AWS_INSTANCE_IPV4`, `AWS_INSTANCE_PORT`, `ECS_SERVICE_NAME`, ...
    pub(crate) attributes: BTreeMap<String, String>,
}

/// Account and region of a Cloud Map ARN.
fn place_of(arn: &str) -> Option<Place> {
    let mut parts = arn.strip_prefix("arn:aws:servicediscovery:")?.splitn(3, ':');
    let region = parts.next()?;
    Some((parts.next()?.to_owned(), region.to_owned()))
}

pub(super) fn registry_of<'a>(world: &'a World, arn: &str) -> Option<&'a Registry> {
    world.services.cloud_map.registries.get(&place_of(arn)?)
}

/// True if a Cloud Map service of this ARN exists.
pub(crate) fn has_service(world: &World, registry_arn: &str) -> bool {
    let service = registry_of(world, registry_arn).and_then(|registry| registry.services.get(bare(registry_arn)));
    service.is_some_and(|service| service.arn == registry_arn)
}

/// Who a resource is marked to belong to that ECS made ("Amazon ECS Service Connect components").
const MANAGED: (&str, &str) = ("AmazonECSManaged", "true");

/// ARN of the service of this name in a namespace; made, for discovery by API calls, if it is not there.
pub(crate) fn ensure_service(world: &mut World, namespace_arn: &str, name: &str) -> Option<String> {
    let place = place_of(namespace_arn)?;
    let id = format!("srv-{}", identifier::lower(&mut world.rng, 16));
    let now = world.now;
    let registry = world.services.cloud_map.at(&place);
    let namespace_id = registry.namespaces.get(bare(namespace_arn))?.id.clone();
    let named = |it: &&Service| it.namespace_id == namespace_id && it.name.eq_ignore_ascii_case(name);
    if let Some(existing) = registry.services.values().find(named) {
        return Some(existing.arn.clone());
    }
    let (account, region) = place;
    let service = Service {
        arn: format!("arn:aws:servicediscovery:{region}:{account}:service/{id}"),
        id,
        owner: account,
        name: name.to_owned(),
        namespace_id,
        description: None,
        dns: None,
        health_check: None,
        custom_health: false,
        created: now,
        creator_request_id: None,
        attributes: BTreeMap::new(),
        instances: BTreeMap::new(),
        revision: 1,
    };
    let arn = service.arn.clone();
    registry.tags.insert(arn.clone(), BTreeMap::from([(MANAGED.0.to_owned(), MANAGED.1.to_owned())]));
    registry.services.insert(service.id.clone(), service);
    Some(arn)
}

/// Deletes a service that ECS made, unless instances are left in it; returns whether nothing of it is left to ECS.
pub(crate) fn delete_service_of_ecs(world: &mut World, arn: &str) -> bool {
    let Some(place) = place_of(arn) else { return true };
    let registry = world.services.cloud_map.at(&place);
    let made = registry.tags.get(arn).is_some_and(|tags| tags.get(MANAGED.0).is_some_and(|it| it == MANAGED.1));
    match registry.services.get(bare(arn)) {
        Some(service) if made && !service.instances.is_empty() => false,
        Some(_) if made => {
            registry.services.remove(bare(arn));
            registry.tags.remove(arn);
            true
        }
        // A service that a user made stays his.
        _ => true,
    }
}

/// Registers a RUNNING task; a registry that is gone is not an error.
pub(crate) fn register_task(world: &mut World, task: &TaskInstance) {
    let Some(place) = place_of(&task.registry_arn) else { return };
    let registry = world.services.cloud_map.at(&place);
    let Some(service) = registry.services.get_mut(bare(&task.registry_arn)) else { return };
    service.put(Instance {
        id: task.instance_id.clone(),
        creator_request_id: None,
        attributes: task.attributes.clone(),
        healthy: true,
        created_by: place.0,
    });
}

/// Reports a task's health, where the service leaves health to ECS.
pub(crate) fn set_task_health(world: &mut World, registry_arn: &str, instance_id: &str, healthy: bool) {
    let Some(place) = place_of(registry_arn) else { return };
    let Some(service) = world.services.cloud_map.at(&place).services.get_mut(bare(registry_arn)) else { return };
    let changed = service.instances.get_mut(instance_id).filter(|instance| instance.healthy != healthy);
    if let Some(instance) = changed {
        instance.healthy = healthy;
        service.revision += 1;
    }
}

/// Takes a stopping task out.
pub(crate) fn deregister_task(world: &mut World, registry_arn: &str, instance_id: &str) {
    let Some(place) = place_of(registry_arn) else { return };
    let Some(service) = world.services.cloud_map.at(&place).services.get_mut(bare(registry_arn)) else { return };
    service.remove(instance_id);
}

/// ARN of the namespace a Service Connect configuration names by name or ARN, if there is one.
pub(crate) fn find_namespace(world: &World, region: &str, account: &str, name_or_arn: &str) -> Option<String> {
    let registry = world.services.cloud_map.registries.get(&(account.to_owned(), region.to_owned()))?;
    let named = |namespace: &&super::Namespace| namespace.arn == name_or_arn || namespace.name == name_or_arn;
    registry.namespaces.values().find(named).map(|namespace| namespace.arn.clone())
}
