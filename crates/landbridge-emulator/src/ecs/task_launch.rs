//! Launching a task: what it is given before its life begins. Source: RunTask and Task in the Amazon ECS API reference.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::deployment::Deployment;
use super::member::Members;
use super::service::Service;
use super::service_check::runs_on_fargate;
use super::task::{ContainerState, Health, Interface, LastStatus, Starved, Task};
use super::task_definition::TaskDefinition;
use super::task_life::{Moment, later};
use super::zones::{self, Spot};
use super::{Ecs, addresses, names, notice, spot};
use crate::scripts::TaskFate;
use crate::world::World;

/// What to launch a task with; the same for all tasks of a deployment.
pub(super) struct Launch {
    pub(super) cluster: String,
    pub(super) cluster_name: String,
    pub(super) service: Option<String>,
    pub(super) deployment: Option<String>,
    pub(super) group: String,
    pub(super) started_by: Option<String>,
    pub(super) definition: Arc<TaskDefinition>,
    /// `launchType` or `capacityProviderStrategy`, `platformVersion`, `networkConfiguration` and flags, as a service has them.
    pub(super) fields: Map<String, Value>,
    /// None for a task that runs as its definition says.
    pub(super) overrides: Option<Value>,
    pub(super) tags: BTreeMap<String, String>,
    /// Tasks that a capacity provider strategy is spread over together with this one.
    pub(super) peers: Vec<String>,
}

/// A task that finds no capacity.
pub(super) struct Unplaced {
    pub(super) reason: &'static str,
    /// The capacity provider that has none.
    pub(super) provider: Option<String>,
}

/// What AWS answers where there is no capacity; scripts give this reason.
pub(super) const NO_CAPACITY: &str =
    "Capacity is unavailable at this time. Please try again later or in a different availability zone";

impl Launch {
    pub(super) fn of(service: &Service, deployment: &Deployment) -> Self {
        let mut fields = deployment.revision.fields.clone();
        for name in ["enableExecuteCommand", "enableECSManagedTags", "propagateTags"] {
            if let Some(value) = service.fields.member(name) {
                fields.insert(name.to_owned(), value.clone());
            }
        }
        Self {
            cluster: service.cluster.clone(),
            cluster_name: service.cluster_name.clone(),
            service: Some(service.arn.clone()),
            deployment: Some(deployment.id.clone()),
            group: format!("service:{}", service.name),
            started_by: Some(deployment.id.clone()),
            definition: Arc::clone(&deployment.revision.definition),
            fields,
            overrides: None,
            tags: BTreeMap::new(),
            peers: Vec::new(),
        }
    }
}

/// Starts a task. Refused, with the reason, where there is no capacity for it.
pub(super) fn launch(world: &mut World, order: &Launch) -> Result<String, Unplaced> {
    let provider = pick_provider(&world.services.ecs, order);
    let on_spot = provider.as_deref() == Some(spot::PROVIDER);
    let refuses = |fate| fate == TaskFate::NoCapacity || (on_spot && fate == TaskFate::NoSpotCapacity);
    let is_full = fates(world, &order.definition).any(refuses);
    let Some(spot) = zones::place(world, order).filter(|_| !is_full) else {
        return Err(Unplaced { reason: NO_CAPACITY, provider });
    };
    let scope = names::scope_of(&order.cluster);
    let id = world.rng.hex(32);
    let arn = format!("{scope}task/{}/{id}", order.cluster_name);
    let containers = order.definition.containers().iter().map(|_| ContainerState {
        arn: format!("{scope}container/{}/{id}/{}", order.cluster_name, world.rng.uuid()),
        runtime_id: format!("{id}-{}", world.rng.decimal(10)),
        exit_code: None,
        reason: None,
    });
    let containers = containers.collect();
    let mut fields = shown_fields(order, provider);
    fields.insert("availabilityZone".to_owned(), json!(spot.zone));
    let (network, starved) = match interface(world, order, spot) {
        Ok(network) => (network, None),
        Err(starved) => (None, Some(starved)),
    };
    let first = if starved.is_some() { Moment::Starved } else { Moment::Pending };
    let task = Task {
        arn: arn.clone(),
        cluster: order.cluster.clone(),
        service: order.service.clone(),
        deployment: order.deployment.clone(),
        group: order.group.clone(),
        started_by: order.started_by.clone(),
        definition: Arc::clone(&order.definition),
        last: LastStatus::Provisioning,
        wanted: true,
        health: Health::Unknown,
        checked: false,
        settled: false,
        containers,
        network,
        starved,
        fields,
        registries: Vec::new(),
        targets: Vec::new(),
        created_at: world.now,
        pull_started_at: None,
        started_at: None,
        stopping_at: None,
        stopped_at: None,
        stop_code: None,
        stopped_reason: None,
        protected_until: None,
        version: 1,
    };
    let tags = task_tags(&world.services.ecs, order);
    let ecs = &mut world.services.ecs;
    ecs.tags.replace(&arn, tags);
    if let Some(cluster) = ecs.clusters.get_mut(&order.cluster) {
        cluster.tasks.insert(arn.clone());
        cluster.pending += 1;
    }
    if let Some(service) = order.service.as_ref().and_then(|service| ecs.services.get_mut(service)) {
        service.tasks.insert(arn.clone());
    }
    ecs.tasks.insert(arn.clone(), task);
    let delay = world.timings.provisioning;
    later(world, &arn, delay, first);
    notice::task(world, &arn);
    Ok(arn)
}

pub(super) fn fates<'a>(world: &'a World, definition: &'a TaskDefinition) -> impl Iterator<Item = TaskFate> + 'a {
    let pulling = world.timings.pulling;
    definition.containers().iter().map(move |it| world.scripts.fate(it.text("image").unwrap_or_default(), pulling))
}

/// The network interface in the subnet of a spot; an error where the subnet has no address left.
fn interface(world: &mut World, order: &Launch, spot: Spot) -> Result<Option<Interface>, Starved> {
    let network = order.fields.object("networkConfiguration").and_then(|it| it.object("awsvpcConfiguration"));
    let (Some(network), Some(subnet)) = (network, spot.subnet) else { return Ok(None) };
    let asked = &mut world.services.ecs.addresses.asked;
    *asked = asked.wrapping_add(1);
    let Some(address) = addresses::take(world, &order.cluster, &subnet) else {
        let public = network.text("assignPublicIp") == Some("ENABLED");
        return Err(Starved { attachment: world.rng.uuid(), subnet, public });
    };
    let mac = world.rng.hex(12);
    let mac: Vec<&str> = (0..6).map(|at| &mac[at * 2..at * 2 + 2]).collect();
    Ok(Some(Interface {
        subnet,
        groups: network.texts("securityGroups").into_iter().map(ToOwned::to_owned).collect(),
        address,
        mac: mac.join(":"),
        attachment: world.rng.uuid(),
        id: format!("eni-{}", world.rng.hex(17)),
    }))
}

/// Members of a task that come from how it was launched.
fn shown_fields(order: &Launch, provider: Option<String>) -> Map<String, Value> {
    let mut fields = Map::new();
    let fargate = runs_on_fargate(&order.fields);
    let launch_type = if fargate { "FARGATE" } else { order.fields.text("launchType").unwrap_or("EC2") };
    fields.insert("launchType".to_owned(), json!(launch_type));
    if let Some(provider) = provider {
        fields.insert("capacityProviderName".to_owned(), json!(provider));
    }
    if fargate {
        let version = order.fields.text("platformVersion").unwrap_or("LATEST");
        fields.insert("platformVersion".to_owned(), json!(if version == "LATEST" { "1.4.0" } else { version }));
        if let Some(storage) = order.definition.fields.member("ephemeralStorage") {
            fields.insert("ephemeralStorage".to_owned(), storage.clone());
        }
    }
    let exec = order.fields.flag("enableExecuteCommand").unwrap_or(false);
    fields.insert("enableExecuteCommand".to_owned(), json!(exec));
    if let Some(overrides) = &order.overrides {
        fields.insert("overrides".to_owned(), overrides.clone());
    }
    fields
}

/// The provider whose turn it is: first those that have fewer tasks than their `base`, then each as often as its `weight` says.
/// Source: CapacityProviderStrategyItem.
fn pick_provider(ecs: &Ecs, order: &Launch) -> Option<String> {
    let strategy = order.fields.list("capacityProviderStrategy");
    if strategy.is_empty() {
        return None;
    }
    let number = |item: &Value, name| item.number(name).unwrap_or(0).max(0);
    let service = order.service.as_ref().and_then(|arn| ecs.services.get(arn));
    let of_service = service.into_iter().flat_map(|service| &service.tasks).filter_map(|arn| ecs.tasks.get(arn));
    let of_service = of_service.filter(|task| task.is_alive() && task.deployment == order.deployment);
    let peers = order.peers.iter().filter_map(|arn| ecs.tasks.get(arn));
    let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
    for provider in of_service.chain(peers).filter_map(|task| task.fields.text("capacityProviderName")) {
        *counts.entry(provider).or_default() += 1;
    }
    let name = |item: &'_ Value| item.text("capacityProvider").map(str::to_owned);
    let count = |item: &Value| item.text("capacityProvider").and_then(|name| counts.get(name)).copied().unwrap_or(0);
    if let Some(item) = strategy.iter().find(|item| count(item) < number(item, "base")) {
        return name(item);
    }
    let above = |item: &Value| count(item) - number(item, "base") + 1;
    let weighed = strategy.iter().filter(|item| number(item, "weight") > 0);
    // a / b < c / d as a * d < c * b, so that equal shares are equal.
    let least = weighed.min_by(|a, b| (above(a) * number(b, "weight")).cmp(&(above(b) * number(a, "weight"))));
    name(least.or(strategy.first())?)
}

/// Tags of a task: its own, those propagated, and ECS's managed ones. Source: "Tagging Amazon ECS resources".
fn task_tags(ecs: &Ecs, order: &Launch) -> BTreeMap<String, String> {
    let mut tags = match order.fields.text("propagateTags") {
        Some("SERVICE") => order.service.as_ref().map(|service| ecs.tags.of(service)).unwrap_or_default(),
        Some("TASK_DEFINITION") => ecs.tags.of(&order.definition.arn),
        _ => BTreeMap::new(),
    };
    tags.extend(order.tags.clone());
    if order.fields.flag("enableECSManagedTags") == Some(true) {
        tags.insert("aws:ecs:clusterName".to_owned(), order.cluster_name.clone());
        if let Some(service) = &order.service {
            tags.insert("aws:ecs:serviceName".to_owned(), names::last_part(service).to_owned());
        }
    }
    tags
}
