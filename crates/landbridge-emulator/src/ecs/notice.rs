//! What Amazon ECS tells EventBridge: tasks, deployments, lifecycle hooks and service actions.
//! Source: "Amazon ECS events" in the developer guide (ecs_cwe_events, ecs_task_events, ecs_service_events,
//! ecs_service_deployment_events, ecs_hook_state_change_events).

use serde_json::{Map, Value, json};

use super::names;
use crate::events::{self, Occurrence};
use crate::world::World;

/// How grave a service event is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Grade {
    Info,
    Warn,
    Error,
}

impl Grade {
    fn as_str(self) -> &'static str {
        match self {
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        }
    }
}

fn is_heard(world: &World, arn: &str) -> bool {
    events::is_heard(world, names::account_of(arn), names::region_of(arn))
}

fn tell(world: &mut World, arn: &str, detail_type: &str, detail: Value) {
    let what = Occurrence {
        source: "aws.ecs",
        detail_type,
        account: names::account_of(arn),
        region: names::region_of(arn),
        resources: vec![arn.to_owned()],
        detail,
    };
    events::emit(world, &what);
}

/// A task reached another state, or is wanted in another: "ECS Task State Change".
pub(super) fn task(world: &mut World, arn: &str) {
    if !is_heard(world, arn) {
        return;
    }
    let now = world.now;
    let ecs = &world.services.ecs;
    let Some(task) = ecs.tasks.get(arn) else { return };
    let Value::Object(mut detail) = task.show(ecs, false) else { return };
    detail.remove("tags");
    written(&mut detail);
    detail.insert("updatedAt".to_owned(), json!(written_time(now)));
    tell(world, arn, "ECS Task State Change", Value::Object(detail));
}

/// A deployment began, completed or failed: "ECS Deployment State Change".
pub(super) fn deployment(world: &mut World, service: &str, grade: Grade, name: &str, id: &str, reason: &str) {
    let detail = json!({
        "eventType": grade.as_str(), "eventName": name, "deploymentId": id,
        "updatedAt": written_time(world.now), "reason": reason,
    });
    tell(world, service, "ECS Deployment State Change", detail);
}

/// Something happened to a service: "ECS Service Action".
pub(super) fn action(world: &mut World, service: &str, grade: Grade, name: &str) {
    action_with(world, service, grade, name, Map::new());
}

/// A service finds no capacity for a task. EventBridge gets a code and not the words, and the capacity provider that has none.
pub(super) fn unplaced(world: &mut World, service: &str, provider: Option<&str>) {
    let mut more = Map::from_iter([("reason".to_owned(), json!("RESOURCE:FARGATE"))]);
    if let Some(provider) = provider {
        let arn = format!("{}capacity-provider/{}", names::scope_of(service), names::last_part(provider));
        more.insert("capacityProviderArns".to_owned(), json!([arn]));
    }
    action_with(world, service, Grade::Error, "SERVICE_TASK_PLACEMENT_FAILURE", more);
}

fn action_with(world: &mut World, service: &str, grade: Grade, name: &str, more: Map<String, Value>) {
    let Some(cluster) = world.services.ecs.services.get(service).map(|service| service.cluster.clone()) else { return };
    let mut detail = Map::from_iter([
        ("eventType".to_owned(), json!(grade.as_str())),
        ("eventName".to_owned(), json!(name)),
        ("clusterArn".to_owned(), json!(cluster)),
        ("createdAt".to_owned(), json!(written_time(world.now))),
    ]);
    detail.extend(more);
    tell(world, service, "ECS Service Action", detail.into());
}

/// A lifecycle hook of a service deployment came to another status: "ECS Hook State Change".
pub(super) fn hook(world: &mut World, record: &str, id: &str) {
    let Some(entry) = world.services.ecs.service_deployments.get(record) else { return };
    let Some(hook) = entry.hooks.iter().find(|hook| hook.id == id) else { return };
    let detail = json!({
        "eventType": Grade::Info.as_str(),
        "eventName": hook.event_name(),
        "hookId": hook.id,
        "hookType": hook.kind(),
        "expiresAt": written_time(hook.expires_at),
        "lifecycleStage": hook.stage.as_str(),
        "clusterArn": entry.cluster(),
        "serviceArn": entry.service(),
        "serviceDeploymentArn": record,
        "updatedAt": written_time(world.now),
    });
    tell(world, record, "ECS Hook State Change", detail);
}

fn written_time(at: jiff::Timestamp) -> String {
    at.round(jiff::Unit::Millisecond).unwrap_or(at).to_string()
}

/// Events write times as text, where the API has seconds.
fn written(members: &mut Map<String, Value>) {
    for (name, value) in members.iter_mut().filter(|(name, _)| name.ends_with("At")) {
        let at = value.as_f64().and_then(|seconds| jiff::Timestamp::from_millisecond((seconds * 1000.0) as i64).ok());
        if let Some(at) = at {
            *value = json!(written_time(at));
        }
        debug_assert!(value.is_string(), "{name}");
    }
}
