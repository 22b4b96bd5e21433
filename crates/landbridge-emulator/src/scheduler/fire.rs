//! A schedule fires: a message to an SQS queue, or tasks on an ECS cluster. Source: "Managing targets" (EventBridge Scheduler
//! user guide, managing-targets.html) and EcsParameters.

use serde_json::{Map, Value, json};

use super::{Place, schedule};
use crate::world::{Cx, World};
use crate::{ecs, sqs};

const SERVICE: &str = "scheduler.amazonaws.com";

/// Fires, plans the next time, and deletes a schedule that is over and wants to be.
pub(super) fn due(world: &mut World, place: &Place, key: &(String, String), version: u64) {
    let now = world.now;
    let schedules = world.services.scheduler.places.get_mut(place);
    let Some(schedule) = schedules.and_then(|schedules| schedules.schedules.get_mut(key)) else { return };
    if schedule.version != version || !schedule.is_enabled() {
        return;
    }
    schedule.last = Some(now);
    let over = schedule.next(now).is_none();
    let deletes = schedule.fields.get("ActionAfterCompletion") == Some(&json!("DELETE"));
    let target = schedule.fields.get("Target").cloned().unwrap_or_default();
    let name = schedule.name.clone();
    if over && deletes {
        world.services.scheduler.places.get_mut(place).map(|schedules| schedules.schedules.remove(key));
    }
    send(world, place, &name, &target);
    schedule::plan(world, place, key);
}

/// Calls the target's service with the schedule's role.
fn send(world: &mut World, place: &Place, name: &str, target: &Value) {
    let text = |member: &str| target[member].as_str().unwrap_or_default();
    let role = text("RoleArn").rsplit('/').next().unwrap_or_default();
    let cx = Cx {
        now: world.now,
        region: place.1.clone(),
        account: place.0.clone(),
        principal: format!("arn:aws:sts::{}:assumed-role/{role}/{name}", place.0),
        host: String::new(),
        request_id: world.rng.uuid(),
    };
    let arn = text("Arn").to_owned();
    let parts: Vec<&str> = arn.split(':').collect();
    let (action, result) = match parts.get(2).copied() {
        Some("sqs") => ("sqs:SendMessage", sqs::call(world, &cx, "SendMessage", &message(&parts, target))),
        Some("ecs") => ("ecs:RunTask", ecs::call(world, &cx, "RunTask", &run_task(&arn, target))),
        _ => return,
    };
    match result {
        Ok(_) => world.calls.push_of_service(SERVICE, cx.now, action.to_owned(), cx.principal, arn),
        Err(refusal) => {
            tracing::debug!(%arn, code = %refusal.code, message = %refusal.message, "a schedule's target refused");
        }
    }
}

fn message(arn: &[&str], target: &Value) -> Value {
    let part = |at: usize| arn.get(at).copied().unwrap_or_default();
    let mut message = json!({
        "QueueUrl": format!("https://sqs.{}.amazonaws.com/{}/{}", part(3), part(4), part(5)),
        "MessageBody": target["Input"].as_str().unwrap_or("{}"),
    });
    if let Some(group) = target["SqsParameters"]["MessageGroupId"].as_str() {
        message["MessageGroupId"] = json!(group);
    }
    message
}

/// EcsParameters as RunTask takes them: the same members with a small letter first, in which the task count is `count`; the
/// schedule's input is the task's overrides.
fn run_task(cluster: &str, target: &Value) -> Value {
    let mut request = lower_first(&target["EcsParameters"]);
    let rename = |request: &mut Value, from: &str, to: &str| {
        let value = request.as_object_mut().and_then(|members| members.remove(from));
        if let Some(value) = value {
            request[to] = value;
        }
    };
    rename(&mut request, "taskDefinitionArn", "taskDefinition");
    rename(&mut request, "taskCount", "count");
    request["cluster"] = json!(cluster);
    let overrides = target["Input"].as_str().and_then(|input| serde_json::from_str::<Map<String, Value>>(input).ok());
    if let Some(overrides) = overrides.filter(|overrides| !overrides.is_empty()) {
        request["overrides"] = Value::Object(overrides);
    }
    request
}

fn lower_first(value: &Value) -> Value {
    let lower = |name: &str| {
        // ECS writes this one with two capitals.
        if name == "EnableECSManagedTags" {
            return "enableECSManagedTags".to_owned();
        }
        let mut letters = name.chars();
        letters.next().map(|first| first.to_lowercase().chain(letters).collect::<String>()).unwrap_or_default()
    };
    match value {
        Value::Object(members) => {
            Value::Object(members.iter().map(|(name, value)| (lower(name), lower_first(value))).collect())
        }
        Value::Array(items) => items.iter().map(lower_first).collect(),
        other => other.clone(),
    }
}
