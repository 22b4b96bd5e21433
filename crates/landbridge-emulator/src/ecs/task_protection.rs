//! Scale-in protection of tasks. Source: GetTaskProtection, UpdateTaskProtection and ProtectedTask in the Amazon ECS API
//! reference, and "Protect your Amazon ECS tasks from being terminated by scale-in events".

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::failure;
use super::member::{Members, invalid};
use super::scheduler;
use super::task::Task;
use super::task_operation::task_arn;
use crate::clock::later;
use crate::refusal::Refusal;
use crate::wire::json::epoch;
use crate::world::{Cx, World};

impl Task {
    /// Whether neither scaling in nor a deployment may stop it.
    pub(super) fn is_protected(&self, now: Timestamp) -> bool {
        self.protected_until.is_some_and(|until| until > now)
    }

    fn show_protection(&self, now: Timestamp) -> Value {
        let mut shown = json!({ "taskArn": self.arn, "protectionEnabled": self.is_protected(now) });
        if let Some(until) = self.protected_until.filter(|until| *until > now) {
            shown["expirationDate"] = epoch(until);
        }
        shown
    }
}

/// ARNs of the tasks a request names, at most so many.
fn named(world: &World, cx: &Cx, input: &Value, most: usize) -> Result<Vec<String>, Refusal> {
    let names = input.texts("tasks");
    if names.len() > most {
        return Err(invalid(format!("tasks can have at most {most} items.")));
    }
    names.into_iter().map(|name| task_arn(world, cx, input, name)).collect()
}

pub(crate) fn get(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let arns = named(world, cx, input, 100)?;
    let ecs = &world.services.ecs;
    let cluster = ecs.cluster(cx, input)?;
    // Without names, all tasks of the cluster that services run.
    let of_services = cluster.tasks.iter().filter(|arn| ecs.tasks.get(*arn).is_some_and(|it| it.service.is_some()));
    let arns = if arns.is_empty() { of_services.cloned().collect() } else { arns };
    let spoilt = world.spoilt(arns.iter().map(String::as_str));
    Ok(answer(world, &arns, &spoilt))
}

/// `protectedTasks` of those that services run, and `failures` for the others.
fn answer(world: &World, arns: &[String], spoilt: &[bool]) -> Value {
    let (mut shown, mut failures) = (Vec::new(), Vec::new());
    for (arn, spoilt) in arns.iter().zip(spoilt) {
        match world.services.ecs.tasks.get(arn) {
            _ if *spoilt => failures.push(failure::broken(arn)),
            Some(task) if is_valid(task) => shown.push(task.show_protection(world.now)),
            Some(_) => failures.push(json!({
                "arn": arn, "reason": "TASK_NOT_VALID",
                "detail": "Only running tasks of Amazon ECS services can be protected.",
            })),
            None => failures.push(failure::missing(arn)),
        }
    }
    json!({ "protectedTasks": shown, "failures": failures })
}

/// Standalone tasks and those that stop cannot be protected.
fn is_valid(task: &Task) -> bool {
    task.service.is_some() && task.is_alive()
}

pub(crate) fn update(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let enabled = input.flag("protectionEnabled").ok_or_else(|| invalid("protectionEnabled can not be null."))?;
    let minutes = match input.number("expiresInMinutes") {
        None => 120,
        Some(minutes @ 1..=2880) => minutes as u64,
        Some(minutes) => {
            return Err(invalid(format!("expiresInMinutes must be between 1 and 2880, and is {minutes}.")));
        }
    };
    let arns = named(world, cx, input, 10)?;
    if arns.is_empty() {
        return Err(invalid("tasks must have between 1 and 10 items."));
    }
    let until = later(world.now, Duration::from_secs(minutes * 60));
    let spoilt = world.spoilt(arns.iter().map(String::as_str));
    for (arn, _) in arns.iter().zip(&spoilt).filter(|(_, spoilt)| !**spoilt) {
        let Some(task) = world.services.ecs.tasks.get_mut(arn).filter(|task| is_valid(task)) else { continue };
        task.protected_until = enabled.then_some(until);
        let Some(service) = task.service.clone() else { continue };
        // What protection keeps from being stopped is stopped when it ends.
        if enabled {
            scheduler::wake(world, &service, until);
        } else {
            scheduler::soon(world, &service);
        }
    }
    Ok(answer(world, &arns, &spoilt))
}
