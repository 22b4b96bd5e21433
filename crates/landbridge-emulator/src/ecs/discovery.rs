//! What ECS does in Cloud Map for the tasks of a service: it registers them in the service's registry and, with Service
//! Connect, in Cloud Map services that it makes itself in the namespace, one for each discovery name.
//! Source: "Use service discovery to connect Amazon ECS services with DNS names", "Amazon ECS Service Connect components",
//! and ServiceConnectServiceResource in the Amazon ECS API reference.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::deployment::Deployment;
use super::member::Members;
use super::names;
use super::service::Service;
use super::task::Task;
use super::task_definition::TaskDefinition;
use super::task_life::change;
use crate::cloud_map;
use crate::world::World;

/// A name under which Service Connect finds a port of a revision's tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    name: String,
    /// ARN of the Cloud Map service.
    pub(super) arn: String,
    port: i64,
}

impl Endpoint {
    pub(super) fn show(&self) -> Value {
        json!({ "discoveryName": self.name, "discoveryArn": self.arn })
    }
}

/// Makes the Cloud Map services that a service's Service Connect configuration names, where they are not there yet.
pub(super) fn endpoints(world: &mut World, service: &str, definition: &TaskDefinition) -> Vec<Endpoint> {
    let Some(kept) = world.services.ecs.services.get(service) else { return Vec::new() };
    let Some(connect) = connect(&kept.fields).cloned() else { return Vec::new() };
    let (account, region) = (names::account_of(service).to_owned(), names::region_of(service).to_owned());
    let namespace = connect.text("namespace").unwrap_or_default();
    let Some(namespace) = cloud_map::find_namespace(world, &region, &account, namespace) else { return Vec::new() };
    let mut endpoints = Vec::new();
    for exposed in connect.list("services") {
        let port_name = exposed.text("portName").unwrap_or_default();
        let Some(port) = port(definition, port_name) else { continue };
        let name = exposed.text("discoveryName").unwrap_or(port_name).to_owned();
        if let Some(arn) = cloud_map::ensure_service(world, &namespace, &name) {
            endpoints.push(Endpoint { name, arn, port });
        }
    }
    if let Some(service) = world.services.ecs.services.get_mut(service) {
        service.connected.extend(endpoints.iter().map(|endpoint| endpoint.arn.clone()));
    }
    endpoints
}

/// The Service Connect configuration of a service, if it is enabled.
fn connect(fields: &Map<String, Value>) -> Option<&Map<String, Value>> {
    fields.object("serviceConnectConfiguration").filter(|it| it.flag("enabled") == Some(true))
}

fn port(definition: &TaskDefinition, name: &str) -> Option<i64> {
    let mut ports = definition.containers().iter().flat_map(|container| container.list("portMappings"));
    ports.find(|mapping| mapping.text("name") == Some(name))?.number("containerPort")
}

/// Deletes the Cloud Map services that were made for a service and that none of its deployments uses any more.
pub(super) fn sweep(world: &mut World, service: &str) {
    let Some(kept) = world.services.ecs.services.get(service) else { return };
    let revisions = kept.deployments.iter().map(|it| &it.revision).chain(&kept.last_good);
    let used: BTreeSet<String> = revisions.flat_map(|it| &it.endpoints).map(|endpoint| endpoint.arn.clone()).collect();
    let unused: Vec<String> = kept.connected.difference(&used).cloned().collect();
    for arn in unused {
        let others = world.services.ecs.services.values();
        let shared = others.filter(|it| it.arn != service).any(|it| it.connected.contains(&arn));
        if (shared || cloud_map::delete_service_of_ecs(world, &arn))
            && let Some(kept) = world.services.ecs.services.get_mut(service)
        {
            kept.connected.remove(&arn);
        }
    }
}

/// Registers a task that has just come to run.
pub(super) fn register(world: &mut World, arn: &str) {
    let ecs = &world.services.ecs;
    let Some(task) = ecs.tasks.get(arn) else { return };
    let Some(service) = task.service.as_ref().and_then(|service| ecs.services.get(service)) else { return };
    let deployment = service.deployments.iter().find(|it| task.deployment.as_deref() == Some(&it.id));
    let Some(deployment) = deployment else { return };
    let registries = deployment.revision.fields.list("serviceRegistries").iter().filter_map(|registry| {
        let port = registry.number("port").or_else(|| registry.number("containerPort"));
        Some((registry.text("registryArn")?.to_owned(), port))
    });
    let endpoints = deployment.revision.endpoints.iter().map(|it| (it.arn.clone(), Some(it.port)));
    let instances: Vec<cloud_map::TaskInstance> = registries
        .chain(endpoints)
        .filter_map(|(registry, port)| instance(task, service, deployment, registry, port))
        .collect();
    for instance in instances {
        cloud_map::register_task(world, &instance);
        change(&mut world.services.ecs, arn, |task| task.registries.push(instance.registry_arn.clone()));
    }
}

fn instance(
    task: &Task,
    service: &Service,
    deployment: &Deployment,
    registry_arn: String,
    port: Option<i64>,
) -> Option<cloud_map::TaskInstance> {
    let address = task.network.as_ref()?.address;
    let mut attributes = BTreeMap::from(
        [
            ("AWS_INSTANCE_IPV4", address.to_string()),
            ("AVAILABILITY_ZONE", task.fields.text("availabilityZone").unwrap_or_default().to_owned()),
            ("REGION", names::region_of(&task.arn).to_owned()),
            ("ECS_SERVICE_NAME", service.name.clone()),
            ("ECS_CLUSTER_NAME", service.cluster_name.clone()),
            ("ECS_TASK_DEFINITION_FAMILY", task.definition.family.clone()),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    if let Some(external) = deployment.set.as_ref().and_then(|set| set.external_id.clone()) {
        attributes.insert("ECS_TASK_SET_EXTERNAL_ID".to_owned(), external);
    }
    if let Some(port) = port {
        attributes.insert("AWS_INSTANCE_PORT".to_owned(), port.to_string());
    }
    Some(cloud_map::TaskInstance { registry_arn, instance_id: task.id().to_owned(), attributes })
}

/// ECS drives the custom health of the instances it registered.
pub(super) fn report_health(world: &mut World, arn: &str, healthy: bool) {
    let Some(task) = world.services.ecs.tasks.get(arn) else { return };
    let (id, registries) = (task.id().to_owned(), task.registries.clone());
    for registry in registries {
        cloud_map::set_task_health(world, &registry, &id, healthy);
    }
}
