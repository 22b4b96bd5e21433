//! Interruptions of tasks on Fargate Spot: AWS takes its capacity back after a warning of two minutes. The warning is an event
//! with `desiredStatus` STOPPED and `lastStatus` RUNNING, and the SIGTERM of the containers, which then have their
//! `stopTimeout`. Spot capacity is never replaced by other capacity.
//!
//! The task leaves its target groups and Cloud Map at the warning, as ECS does with every task that it stops; AWS says that
//! a target may stay until its task is STOPPED. Source: "Amazon ECS clusters for Fargate" (fargate-capacity-providers,
//! "Fargate Spot termination notices") and ContainerDefinition.stopTimeout in the Amazon ECS API reference.

use std::time::Duration;

use super::member::Members;
use super::scheduler::soon;
use super::task::Task;
use super::task_life::{Moment, exactly, fail, withdraw};
use crate::faults::matches;
use crate::world::World;

/// The capacity provider of Fargate Spot, which every account has.
pub(super) const PROVIDER: &str = "FARGATE_SPOT";
const CODE: &str = "SpotInterruption";
const REASON: &str = "Your Spot Task was interrupted.";

fn is_on_spot(task: &Task) -> bool {
    task.fields.text("capacityProviderName") == Some(PROVIDER)
}

/// Interrupts the tasks on Fargate Spot whose ARN or group (`service:web`) matches a glob, and says how many.
pub(crate) fn interrupt(world: &mut World, tasks: &str) -> usize {
    let meant = |task: &&Task| matches(tasks, &task.arn) || matches(tasks, &task.group);
    let all = world.services.ecs.tasks.values().filter(|task| task.is_alive() && is_on_spot(task));
    let arns: Vec<String> = all.filter(meant).map(|task| task.arn.clone()).collect();
    for arn in &arns {
        warn(world, arn);
    }
    arns.len()
}

/// AWS warns a task that runs on Fargate Spot; on any other capacity it goes on.
pub(super) fn warn(world: &mut World, arn: &str) {
    let Some(task) = world.services.ecs.tasks.get(arn).filter(|task| task.is_alive() && is_on_spot(task)) else {
        return;
    };
    if !task.is_running() {
        // Nothing runs yet that could be warned.
        return fail(world, arn, CODE, REASON);
    }
    let (left, service) = (stop_timeout(task).min(world.timings.spot_warning), task.service.clone());
    withdraw(world, arn, CODE, REASON, |task, _| task.last);
    exactly(world, arn, left, Moment::Stopped);
    if let Some(service) = service {
        soon(world, &service);
    }
}

/// The longest that a container of the task may take to stop; 30 seconds where it does not say.
fn stop_timeout(task: &Task) -> Duration {
    let seconds = |container: &serde_json::Value| container.number("stopTimeout").unwrap_or(30).max(0) as u64;
    Duration::from_secs(task.definition.containers().iter().map(seconds).max().unwrap_or(30))
}
