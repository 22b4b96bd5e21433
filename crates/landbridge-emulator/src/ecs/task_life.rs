//! A task's life: PROVISIONING, PENDING, RUNNING, and the ways it ends. What goes wrong is told by the scripts for its
//! images. Source: "Amazon ECS task lifecycle" and "Stopped tasks error codes" in the developer guide.

use std::sync::Arc;
use std::time::Duration;

use super::deployment::note_failure;
use super::member::Members;
use super::scheduler::soon;
use super::service::Service;
use super::task::{Health, LastStatus, Task};
use super::task_definition::{TaskDefinition, sweep};
use super::task_launch::fates;
use super::{Ecs, Event, addresses, balancer, discovery, names, notice};
use crate::cloud_map;
use crate::scripts::TaskFate;
use crate::world::{Event as WorldEvent, World};

/// A point a task reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// It cannot have a network interface.
    Starved,
    Pending,
    PullFailed(usize),
    Running,
    /// RUNNING long enough to count as healthy without a health check.
    Settled,
    Healthy,
    Unhealthy,
    /// AWS wants its Spot capacity back.
    Interrupted,
    Exited(usize, i32),
    /// Unhealthy targets are no longer forgiven.
    GraceOver,
    /// Connections of the task's targets have drained.
    Drained,
    Stopped,
    /// Can no longer be described.
    Forgotten,
}

/// The first container something goes wrong with, and what.
fn trouble(world: &World, definition: &TaskDefinition) -> (usize, TaskFate) {
    let troubled = fates(world, definition).enumerate().find(|(_, fate)| *fate != TaskFate::Run);
    troubled.unwrap_or((0, TaskFate::Run))
}

/// Plans a moment of a task's life, give or take a tenth.
pub(super) fn later(world: &mut World, task: &str, delay: Duration, moment: Moment) {
    let delay = delay.mul_f64(0.9 + 0.2 * world.rng.fraction());
    exactly(world, task, delay, moment);
}

pub(super) fn exactly(world: &mut World, task: &str, delay: Duration, moment: Moment) {
    world.after(delay, WorldEvent::Ecs(Event::Task(task.to_owned(), moment)));
}

/// Changes a task and keeps its cluster's counts right.
pub(super) fn change(ecs: &mut Ecs, arn: &str, change: impl FnOnce(&mut Task)) {
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
        Moment::Drained => drained(world, arn),
        // Whatever was planned before the task was stopped no longer happens.
        _ if !alive => {}
        Moment::Starved => starve(world, arn),
        Moment::Pending => pend(world, arn),
        Moment::PullFailed(container) => pull_failed(world, arn, container),
        Moment::Running => run(world, arn),
        Moment::Settled => settle(world, arn, Health::Unknown),
        Moment::Healthy => settle(world, arn, Health::Healthy),
        Moment::Unhealthy => unhealthy(world, arn),
        Moment::Interrupted => super::spot::warn(world, arn),
        Moment::Exited(container, code) => exited(world, arn, container, code),
        Moment::GraceOver => balancer::replace(world, arn),
    }
}

fn starve(world: &mut World, arn: &str) {
    let reason =
        world.services.ecs.tasks.get(arn).and_then(|task| task.starved.as_ref()).map(super::task::Starved::reason);
    fail(world, arn, "TaskFailedToStart", &reason.unwrap_or_default());
}

fn pend(world: &mut World, arn: &str) {
    let now = world.now;
    change(&mut world.services.ecs, arn, |task| task.last = LastStatus::Pending);
    notice::task(world, arn);
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
    if let Some(reason) = super::task_secrets::unreadable(world, arn, &definition) {
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
    notice::task(world, arn);
    discovery::register(world, arn);
    balancer::register(world, arn);
    let unknown = world.services.ecs.tasks.get(arn).is_some_and(|task| {
        task.definition.containers().iter().any(|container| container.member("healthCheck").is_some())
    });
    if unknown {
        // Only a passed health check makes such a task healthy in Cloud Map.
        discovery::report_health(world, arn, false);
    }
    let Some(task) = world.services.ecs.tasks.get(arn) else { return };
    let definition = Arc::clone(&task.definition);
    let (container, fate) = trouble(world, &definition);
    let check = definition.containers().iter().find_map(|it| it.object("healthCheck"));
    match check {
        // Behind a load balancer the health checks of the target group decide instead (minimumHealthyPercent).
        None => {
            let settle = if task.targets.is_empty() { world.timings.settle } else { Duration::ZERO };
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
    match fate {
        TaskFate::Crash { after, exit_code } => exactly(world, arn, after, Moment::Exited(container, exit_code)),
        TaskFate::SpotInterruption { after } => exactly(world, arn, after, Moment::Interrupted),
        _ => {}
    }
}

/// As far as its own health check goes, the task is healthy from now on.
fn settle(world: &mut World, arn: &str, health: Health) {
    change(&mut world.services.ecs, arn, |task| {
        task.checked = true;
        task.health = health;
    });
    discovery::report_health(world, arn, true);
    settle_if_whole(world, arn);
}

/// The task counts as healthy from now on, if all its targets are healthy too.
pub(super) fn settle_if_whole(world: &mut World, arn: &str) {
    let Some(task) = world.services.ecs.tasks.get_mut(arn) else { return };
    if !task.checked || task.targets.iter().any(|target| target.healthy != Some(true)) {
        return;
    }
    task.settled = true;
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
    discovery::report_health(world, arn, false);
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
pub(super) fn fail(world: &mut World, arn: &str, code: &str, reason: &str) {
    let Some(task) = world.services.ecs.tasks.get(arn) else { return };
    let counted = task.service.clone().zip(task.deployment.clone()).filter(|_| !task.settled);
    stop(world, arn, code, reason);
    if let Some((service, deployment)) = counted {
        note_failure(world, &service, &deployment);
    }
}

/// Begins to stop a task; it is STOPPED a little later.
pub(super) fn stop(world: &mut World, arn: &str, code: &str, reason: &str) {
    // Containers get their SIGTERM only when connections have drained, but who has exited waits for nothing.
    let waits = |draining: Duration| !draining.is_zero() && code != "EssentialContainerExited";
    let status = |task: &Task, draining| match task.is_running() {
        true if waits(draining) => LastStatus::Deactivating,
        true => LastStatus::Stopping,
        false => LastStatus::Deprovisioning,
    };
    let Some(draining) = withdraw(world, arn, code, reason, status) else { return };
    if waits(draining) {
        exactly(world, arn, draining, Moment::Drained);
    } else {
        let stopping = world.timings.stopping;
        later(world, arn, stopping, Moment::Stopped);
    }
    if let Some(service) = world.services.ecs.tasks.get(arn).and_then(|task| task.service.clone()) {
        soon(world, &service);
    }
}

/// A task is no longer wanted and leaves load balancers and registries; what it is from then on follows from how long its
/// connections drain, which is returned. None if it was on its way already.
pub(super) fn withdraw(
    world: &mut World,
    arn: &str,
    code: &str,
    reason: &str,
    status: impl FnOnce(&Task, Duration) -> LastStatus,
) -> Option<Duration> {
    let now = world.now;
    let task = world.services.ecs.tasks.get(arn).filter(|task| task.is_alive())?;
    let (id, registries) = (task.id().to_owned(), task.registries.clone());
    let draining = balancer::deregister(world, arn);
    change(&mut world.services.ecs, arn, |task| {
        task.last = status(task, draining);
        task.wanted = false;
        task.stopping_at = Some(now);
        task.stop_code = Some(code.to_owned());
        task.stopped_reason = Some(reason.to_owned());
        task.registries.clear();
    });
    notice::task(world, arn);
    for registry in registries {
        cloud_map::deregister_task(world, &registry, &id);
    }
    Some(draining)
}

/// Nothing reaches the task any more: its containers get their SIGTERM.
fn drained(world: &mut World, arn: &str) {
    change(&mut world.services.ecs, arn, |task| task.last = LastStatus::Stopping);
    notice::task(world, arn);
    let stopping = world.timings.stopping;
    later(world, arn, stopping, Moment::Stopped);
}

fn stopped(world: &mut World, arn: &str) {
    let now = world.now;
    addresses::give_back(world, arn);
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
    notice::task(world, arn);
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
