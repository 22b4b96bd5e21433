//! A task's life: PROVISIONING, PENDING, RUNNING, and the ways it ends. What goes wrong is told by the scripts for its
//! images. Source: "Amazon ECS task lifecycle" and "Stopped tasks error codes" in the developer guide.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::deployment::note_failure;
use super::member::Members;
use super::scheduler::soon;
use super::service::Service;
use super::service_check::runs_on_fargate;
use super::task::{ContainerState, Health, Interface, LastStatus, Task};
use super::task_definition::{TaskDefinition, sweep};
use super::{Ecs, Event, names};
use crate::cloud_map;
use crate::scripts::TaskFate;
use crate::world::{Event as WorldEvent, Rng, World};

/// A point a task reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    Pending,
    PullFailed(usize),
    Running,
    /// RUNNING long enough to count as healthy without a health check.
    Settled,
    Healthy,
    Unhealthy,
    Exited(usize, i32),
    Stopped,
    /// Can no longer be described.
    Forgotten,
}

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
}

/// What AWS answers where there is no capacity; scripts give this reason.
const NO_CAPACITY: &str =
    "Capacity is unavailable at this time. Please try again later or in a different availability zone";

impl Launch {
    pub(super) fn of_service(service: &Service) -> Option<Self> {
        let primary = service.deployments.first()?;
        let mut fields = primary.revision.fields.clone();
        for name in ["enableExecuteCommand", "enableECSManagedTags", "propagateTags"] {
            if let Some(value) = service.fields.member(name) {
                fields.insert(name.to_owned(), value.clone());
            }
        }
        Some(Self {
            cluster: service.cluster.clone(),
            cluster_name: service.cluster_name.clone(),
            service: Some(service.arn.clone()),
            deployment: Some(primary.id.clone()),
            group: format!("service:{}", service.name),
            started_by: Some(primary.id.clone()),
            definition: Arc::clone(&primary.revision.definition),
            fields,
            overrides: None,
            tags: BTreeMap::new(),
        })
    }
}

/// Starts a task. Refused, with the reason, where there is no capacity for it.
pub(super) fn launch(world: &mut World, order: &Launch) -> Result<String, String> {
    if fates(world, &order.definition).any(|fate| fate == TaskFate::NoCapacity) {
        return Err(NO_CAPACITY.to_owned());
    }
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
    let network = interface(world, order);
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
        settled: false,
        containers,
        network,
        fields: shown_fields(order, &mut world.rng),
        registries: Vec::new(),
        created_at: world.now,
        pull_started_at: None,
        started_at: None,
        stopping_at: None,
        stopped_at: None,
        stop_code: None,
        stopped_reason: None,
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
    later(world, &arn, delay, Moment::Pending);
    Ok(arn)
}

fn fates<'a>(world: &'a World, definition: &'a TaskDefinition) -> impl Iterator<Item = TaskFate> + 'a {
    let pulling = world.timings.pulling;
    definition.containers().iter().map(move |it| world.scripts.fate(it.text("image").unwrap_or_default(), pulling))
}

/// The first container something goes wrong with, and what.
fn trouble(world: &World, definition: &TaskDefinition) -> (usize, TaskFate) {
    let troubled = fates(world, definition).enumerate().find(|(_, fate)| *fate != TaskFate::Run);
    troubled.unwrap_or((0, TaskFate::Run))
}

fn interface(world: &mut World, order: &Launch) -> Option<Interface> {
    let network = order.fields.object("networkConfiguration")?.object("awsvpcConfiguration")?;
    let subnets = network.texts("subnets");
    let ecs = &mut world.services.ecs;
    ecs.addresses = ecs.addresses.wrapping_add(1);
    let subnet = subnets.get(ecs.addresses as usize % subnets.len().max(1))?;
    // 10.0.0.0/8, skipping the first addresses, which a VPC keeps for itself.
    let address = Ipv4Addr::from(0x0a00_000a_u32.wrapping_add(ecs.addresses & 0x00ff_ffff));
    let mac = world.rng.hex(12);
    let mac: Vec<&str> = (0..6).map(|at| &mac[at * 2..at * 2 + 2]).collect();
    Some(Interface {
        subnet: (*subnet).to_owned(),
        address,
        mac: mac.join(":"),
        attachment: world.rng.uuid(),
        id: format!("eni-{}", world.rng.hex(17)),
    })
}

/// Members of a task that come from how it was launched.
fn shown_fields(order: &Launch, rng: &mut Rng) -> Map<String, Value> {
    let mut fields = Map::new();
    let fargate = runs_on_fargate(&order.fields);
    let launch_type = if fargate { "FARGATE" } else { order.fields.text("launchType").unwrap_or("EC2") };
    fields.insert("launchType".to_owned(), json!(launch_type));
    if let Some(provider) = pick_provider(order.fields.list("capacityProviderStrategy"), rng) {
        fields.insert("capacityProviderName".to_owned(), json!(provider));
    }
    if fargate {
        let version = order.fields.text("platformVersion").unwrap_or("LATEST");
        fields.insert("platformVersion".to_owned(), json!(if version == "LATEST" { "1.4.0" } else { version }));
        if let Some(storage) = order.definition.fields.member("ephemeralStorage") {
            fields.insert("ephemeralStorage".to_owned(), storage.clone());
        }
    }
    let zone = format!("{}{}", names::region_of(&order.cluster), ["a", "b", "c"][rng.below(3) as usize]);
    fields.insert("availabilityZone".to_owned(), json!(zone));
    let exec = order.fields.flag("enableExecuteCommand").unwrap_or(false);
    fields.insert("enableExecuteCommand".to_owned(), json!(exec));
    if let Some(overrides) = &order.overrides {
        fields.insert("overrides".to_owned(), overrides.clone());
    }
    fields
}

/// A provider of the strategy, each as often as its weight says.
fn pick_provider<'a>(strategy: &'a [Value], rng: &mut Rng) -> Option<&'a str> {
    let weight = |item: &Value| item.number("weight").unwrap_or(0).max(0) as u64;
    let mut ticket = rng.below(strategy.iter().map(weight).sum());
    let picked = strategy.iter().find(|item| {
        let weight = weight(item);
        let hit = ticket < weight;
        ticket = ticket.saturating_sub(weight);
        hit
    });
    picked.or(strategy.first())?.text("capacityProvider")
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

/// Plans a moment of a task's life, give or take a tenth.
fn later(world: &mut World, task: &str, delay: Duration, moment: Moment) {
    let delay = delay.mul_f64(0.9 + 0.2 * world.rng.fraction());
    exactly(world, task, delay, moment);
}

fn exactly(world: &mut World, task: &str, delay: Duration, moment: Moment) {
    world.after(delay, WorldEvent::Ecs(Event::Task(task.to_owned(), moment)));
}

/// Changes a task and keeps its cluster's counts right.
fn change(ecs: &mut Ecs, arn: &str, change: impl FnOnce(&mut Task)) {
    let Some(task) = ecs.tasks.get_mut(arn) else { return };
    let before = (task.is_running(), task.is_pending());
    change(task);
    task.version += 1;
    let after = (task.is_running(), task.is_pending());
    if let Some(cluster) = ecs.clusters.get_mut(&task.cluster) {
        cluster.running = cluster.running + usize::from(after.0) - usize::from(before.0);
        cluster.pending = cluster.pending + usize::from(after.1) - usize::from(before.1);
    }
}

pub(super) fn reach(world: &mut World, arn: &str, moment: Moment) {
    let Some(task) = world.services.ecs.tasks.get(arn) else { return };
    let alive = task.is_alive();
    match moment {
        Moment::Stopped => stopped(world, arn),
        Moment::Forgotten => forget(world, arn),
        // Whatever was planned before the task was stopped no longer happens.
        _ if !alive => {}
        Moment::Pending => pend(world, arn),
        Moment::PullFailed(container) => pull_failed(world, arn, container),
        Moment::Running => run(world, arn),
        Moment::Settled => settle(world, arn, Health::Unknown),
        Moment::Healthy => settle(world, arn, Health::Healthy),
        Moment::Unhealthy => unhealthy(world, arn),
        Moment::Exited(container, code) => exited(world, arn, container, code),
    }
}

fn pend(world: &mut World, arn: &str) {
    let now = world.now;
    change(&mut world.services.ecs, arn, |task| task.last = LastStatus::Pending);
    let Some(task) = world.services.ecs.tasks.get(arn) else { return };
    let definition = Arc::clone(&task.definition);
    if let Some(role) = unusable_role(world, arn, &definition) {
        let reason = format!(
            "ECS was unable to assume the role '{role}' that was provided for this task. Please verify that the role \
             being passed has the proper trust relationship and permissions and that your IAM user has permissions to \
             pass this role."
        );
        return fail(world, arn, "TaskFailedToStart", &reason);
    }
    change(&mut world.services.ecs, arn, |task| task.pull_started_at = Some(now));
    let pulling = world.timings.pulling;
    match trouble(world, &definition) {
        (container, TaskFate::PullError) => later(world, arn, pulling, Moment::PullFailed(container)),
        (_, TaskFate::SlowStart(longer)) => later(world, arn, pulling + longer, Moment::Running),
        _ => later(world, arn, pulling, Moment::Running),
    }
}

/// A role of the task that does not exist (yet), or whose trust policy does not let ECS tasks in.
fn unusable_role(world: &World, arn: &str, definition: &TaskDefinition) -> Option<String> {
    let roles = ["executionRoleArn", "taskRoleArn"].iter().filter_map(|name| definition.fields.text(name));
    let arns = roles.map(|role| match role.strip_prefix("arn:") {
        Some(_) => role.to_owned(),
        None => format!("arn:aws:iam::{}:role/{role}", names::account_of(arn)),
    });
    let usable = |role: &String| {
        let seen = world.services.iam.role(role, names::region_of(arn), world.now);
        seen.is_some_and(|role| role.usable && role.trusts_ecs_tasks)
    };
    let mut unusable = arns.filter(|role| world.check_roles && !usable(role));
    unusable.next()
}

fn run(world: &mut World, arn: &str) {
    let now = world.now;
    change(&mut world.services.ecs, arn, |task| {
        task.last = LastStatus::Running;
        task.started_at = Some(now);
    });
    register(world, arn);
    let unknown = world.services.ecs.tasks.get(arn).is_some_and(|task| {
        task.definition.containers().iter().any(|container| container.member("healthCheck").is_some())
    });
    if unknown {
        // Only a passed health check makes such a task healthy in Cloud Map.
        report_health(world, arn, false);
    }
    let Some(task) = world.services.ecs.tasks.get(arn) else { return };
    let definition = Arc::clone(&task.definition);
    let (container, fate) = trouble(world, &definition);
    let check = definition.containers().iter().find_map(|it| it.object("healthCheck"));
    match check {
        None => {
            let settle = world.timings.settle;
            exactly(world, arn, settle, Moment::Settled);
        }
        Some(check) if fate == TaskFate::Unhealthy => {
            let seconds = |name: &str, default: i64| check.number(name).unwrap_or(default).max(0) as u64;
            let patience = seconds("startPeriod", 0) + seconds("interval", 30) * seconds("retries", 3);
            exactly(world, arn, Duration::from_secs(patience), Moment::Unhealthy);
        }
        Some(_) => {
            let healthy = world.timings.healthy;
            later(world, arn, healthy, Moment::Healthy);
        }
    }
    if let TaskFate::Crash { after, exit_code } = fate {
        exactly(world, arn, after, Moment::Exited(container, exit_code));
    }
}

/// The task counts as healthy from now on.
fn settle(world: &mut World, arn: &str, health: Health) {
    change(&mut world.services.ecs, arn, |task| {
        task.settled = true;
        task.health = health;
    });
    report_health(world, arn, true);
    let ecs = &mut world.services.ecs;
    let Some(task) = ecs.tasks.get(arn) else { return };
    let (Some(service_arn), Some(deployment)) = (task.service.clone(), task.deployment.clone()) else { return };
    if let Some(service) = ecs.services.get_mut(&service_arn) {
        let resets = service.circuit_breaker().is_none_or(|breaker| breaker.resets());
        if let Some(deployment) = service.deployments.iter_mut().find(|it| it.id == deployment && resets) {
            (deployment.failures, deployment.resume_at) = (0, None);
        }
    }
    soon(world, &service_arn);
}

fn unhealthy(world: &mut World, arn: &str) {
    let now = world.now;
    change(&mut world.services.ecs, arn, |task| task.health = Health::Unhealthy);
    report_health(world, arn, false);
    let ecs = &mut world.services.ecs;
    let Some(task) = ecs.tasks.get(arn) else { return };
    let text = format!("(task {}) failed container health checks.", task.id());
    let Some(service) = task.service.as_ref().and_then(|service| ecs.services.get_mut(service)) else {
        // Nobody replaces a task without a service: it goes on unhealthy (HealthCheck, "standalone tasks").
        return;
    };
    let Service { events, name, .. } = service;
    events.push(&mut world.rng, now, name, &text);
    fail(world, arn, "ServiceSchedulerInitiated", "Task failed container health checks");
}

fn pull_failed(world: &mut World, arn: &str, container: usize) {
    let Some(task) = world.services.ecs.tasks.get(arn) else { return };
    let image = task.definition.containers().get(container).and_then(|it| it.text("image")).unwrap_or_default();
    let reason = format!(
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref {image}: {image}: \
         not found"
    );
    change(&mut world.services.ecs, arn, |task| {
        if let Some(state) = task.containers.get_mut(container) {
            state.reason = Some(reason.clone());
        }
    });
    fail(world, arn, "TaskFailedToStart", &reason);
}

fn exited(world: &mut World, arn: &str, container: usize, code: i32) {
    let mut essential = true;
    change(&mut world.services.ecs, arn, |task| {
        let declared = task.definition.containers().get(container);
        essential = declared.and_then(|it| it.flag("essential")).unwrap_or(true);
        if let Some(state) = task.containers.get_mut(container) {
            state.exit_code = Some(code);
            // 137 is SIGKILL, which a container over its memory gets ("Stopped tasks error messages").
            state.reason = (code == 137).then(|| "OutOfMemoryError: Container killed due to memory usage".to_owned());
        }
    });
    if essential {
        fail(world, arn, "EssentialContainerExited", "Essential container in task exited");
    }
}

/// The task ends by itself; counts against its deployment unless it had been healthy.
fn fail(world: &mut World, arn: &str, code: &str, reason: &str) {
    let Some(task) = world.services.ecs.tasks.get(arn) else { return };
    let counted = task.service.clone().zip(task.deployment.clone()).filter(|_| !task.settled);
    stop(world, arn, code, reason);
    if let Some((service, deployment)) = counted {
        note_failure(world, &service, &deployment);
    }
}

/// Begins to stop a task; it is STOPPED a little later.
pub(super) fn stop(world: &mut World, arn: &str, code: &str, reason: &str) {
    let now = world.now;
    let Some(task) = world.services.ecs.tasks.get(arn).filter(|task| task.is_alive()) else { return };
    let service = task.service.clone();
    let (id, registries) = (task.id().to_owned(), task.registries.clone());
    change(&mut world.services.ecs, arn, |task| {
        task.wanted = false;
        task.last = if task.is_running() { LastStatus::Stopping } else { LastStatus::Deprovisioning };
        task.stopping_at = Some(now);
        task.stop_code = Some(code.to_owned());
        task.stopped_reason = Some(reason.to_owned());
        task.registries.clear();
    });
    for registry in registries {
        cloud_map::deregister_task(world, &registry, &id);
    }
    let stopping = world.timings.stopping;
    later(world, arn, stopping, Moment::Stopped);
    if let Some(service) = service {
        soon(world, &service);
    }
}

fn stopped(world: &mut World, arn: &str) {
    let now = world.now;
    change(&mut world.services.ecs, arn, |task| {
        task.last = LastStatus::Stopped;
        task.stopped_at = Some(now);
        if task.started_at.is_some() {
            for state in &mut task.containers {
                // 128 + SIGTERM, for containers that did not end by themselves.
                state.exit_code.get_or_insert(143);
            }
        }
    });
    let ecs = &mut world.services.ecs;
    let Some(task) = ecs.tasks.get(arn) else { return };
    let (service, definition) = (task.service.clone(), task.definition.arn.clone());
    if let Some(service) = service.as_ref().and_then(|service| ecs.services.get_mut(service)) {
        service.tasks.remove(arn);
    }
    sweep(ecs, &definition);
    let retention = world.timings.stopped_retention;
    exactly(world, arn, retention, Moment::Forgotten);
    if let Some(service) = service {
        soon(world, &service);
    }
}

fn forget(world: &mut World, arn: &str) {
    let ecs = &mut world.services.ecs;
    if let Some(task) = ecs.tasks.remove(arn)
        && let Some(cluster) = ecs.clusters.get_mut(&task.cluster)
    {
        cluster.tasks.remove(arn);
    }
    ecs.tags.remove(arn);
}

/// Registers a RUNNING task of a service in the service's Cloud Map registry.
/// Source: "Use service discovery to connect Amazon ECS services with DNS names".
fn register(world: &mut World, arn: &str) {
    let ecs = &world.services.ecs;
    let Some(task) = ecs.tasks.get(arn) else { return };
    let Some(service) = task.service.as_ref().and_then(|service| ecs.services.get(service)) else { return };
    let deployment = service.deployments.iter().find(|it| task.deployment.as_deref() == Some(&it.id));
    let Some(deployment) = deployment else { return };
    let Some(address) = task.network.as_ref().map(|interface| interface.address) else { return };
    let mut instances = Vec::new();
    for registry in deployment.revision.fields.list("serviceRegistries") {
        let Some(registry_arn) = registry.text("registryArn") else { continue };
        let mut attributes = BTreeMap::from(
            [
                ("AWS_INSTANCE_IPV4", address.to_string()),
                ("AVAILABILITY_ZONE", task.fields.text("availabilityZone").unwrap_or_default().to_owned()),
                ("REGION", names::region_of(arn).to_owned()),
                ("ECS_SERVICE_NAME", service.name.clone()),
                ("ECS_CLUSTER_NAME", service.cluster_name.clone()),
                ("ECS_TASK_DEFINITION_FAMILY", task.definition.family.clone()),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        if let Some(port) = registry.number("port").or_else(|| registry.number("containerPort")) {
            attributes.insert("AWS_INSTANCE_PORT".to_owned(), port.to_string());
        }
        instances.push(cloud_map::TaskInstance {
            registry_arn: registry_arn.to_owned(),
            instance_id: task.id().to_owned(),
            attributes,
        });
    }
    for instance in instances {
        cloud_map::register_task(world, &instance);
        change(&mut world.services.ecs, arn, |task| task.registries.push(instance.registry_arn.clone()));
    }
}

/// ECS drives the custom health of the instances it registered.
fn report_health(world: &mut World, arn: &str, healthy: bool) {
    let Some(task) = world.services.ecs.tasks.get(arn) else { return };
    let (id, registries) = (task.id().to_owned(), task.registries.clone());
    for registry in registries {
        cloud_map::set_task_health(world, &registry, &id, healthy);
    }
}
