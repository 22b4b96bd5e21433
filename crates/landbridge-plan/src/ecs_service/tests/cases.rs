//! Tables of cases: what there is, what is asked for, and the plan that follows.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::*;
use super::model::{World, default_defaults, merge, now, patched, resolved_for, web};
use crate::change::Change;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What the case shows, in a sentence.
    name: String,
    /// Patch to the spec that was applied and has settled; nothing was applied when absent.
    from: Option<Value>,
    /// Patch to the spec that is applied now.
    spec: Option<Value>,
    /// Patch to the metadata.
    metadata: Option<Value>,
    /// Patch to the cluster's defaults.
    defaults: Option<Value>,
    /// Patch to what is observed.
    observed: Option<Value>,
    /// Patch to the stored status.
    status: Option<Value>,
    #[serde(default)]
    deleting: bool,
    /// `id operation cause` of every step.
    steps: Option<Vec<String>>,
    /// Body of steps, without names, tags and token; the whole of it.
    bodies: Option<std::collections::BTreeMap<String, Value>>,
    /// `Reason: words` of every refusal.
    #[serde(default)]
    blocked: Vec<String>,
    /// `Reason: words` of every wait.
    #[serde(default)]
    waits: Vec<String>,
    #[serde(default)]
    drift: Vec<String>,
    #[serde(default)]
    gone: bool,
    /// `Healthy: words`, `Progressing Reason: words`, `Failed Reason: words` or `Stalled Reason: words`.
    health: Option<String>,
}

fn run(case: &Case) -> Result<(), String> {
    let mut world = World::default();
    let mut object = web();
    let mut defaults = serde_json::to_value(default_defaults()).unwrap();
    merge(&mut defaults, case.defaults.as_ref().unwrap_or(&json!({})));
    let defaults: landbridge_api::v1alpha1::ServiceDefaults = serde_json::from_value(defaults).unwrap();
    if let Some(from) = &case.from {
        object = patched(&object, from);
        world.converge(&resolved_for(&object.clone(), defaults.clone()), &mut object);
    }
    object = patched(&object, case.spec.as_ref().unwrap_or(&json!({})));
    let mut value = serde_json::to_value(&object).unwrap();
    merge(&mut value["metadata"], case.metadata.as_ref().unwrap_or(&json!({})));
    if let Some(status) = &case.status {
        merge(&mut value["status"], status);
        value["status"].as_object_mut().unwrap().entry("conditions").or_insert(json!([]));
    }
    if case.deleting {
        merge(&mut value["metadata"], &json!({"deletionTimestamp": "2026-01-01T00:00:00Z"}));
    }
    let object: EcsService = serde_json::from_value(value).unwrap();
    let resolved = resolved_for(&object, defaults);
    let mut observed = serde_json::to_value(world.observe(&object, &resolved)).unwrap();
    merge(&mut observed, case.observed.as_ref().unwrap_or(&json!({})));
    let observed: EcsServiceObserved = serde_json::from_value(observed).unwrap();

    let plan = object.plan(&resolved, &observed, now());
    let told = |list: Vec<(String, String)>| list.into_iter().map(|(r, m)| format!("{r}: {m}")).collect::<Vec<_>>();
    let blocked = told(plan.blocked.iter().map(|b| (b.reason.clone(), b.message.clone())).collect());
    same_by_prefix("blocked", &case.blocked, &blocked)?;
    if blocked.is_empty() {
        let waits = told(plan.waits.iter().map(|w| (w.reason.clone(), w.message.clone())).collect());
        same_by_prefix("waits", &case.waits, &waits)?;
        let steps: Vec<_> =
            plan.steps.iter().map(|s| format!("{} {} {:?}", s.id, s.change.operation(), s.cause)).collect();
        same("steps", case.steps.as_ref().unwrap_or(&vec![]), &steps)?;
        same("drift", &case.drift, &plan.drift.iter().map(|d| d.path.clone()).collect::<Vec<_>>())?;
        same("gone", &case.gone, &plan.gone)?;
        for (id, wanted) in case.bodies.iter().flatten() {
            let step = plan.steps.iter().find(|s| s.id == *id).ok_or(format!("no step {id}"))?;
            same(&format!("body of {id}"), wanted, &body(&step.change))?;
        }
    }
    let Some(health) = &case.health else { return Ok(()) };
    let seen = match object.health(&resolved, &observed, now()) {
        Health::Healthy(message) => format!("Healthy: {message}"),
        Health::Progressing { reason, message } => format!("Progressing {reason}: {message}"),
        Health::Failed { reason, message, stalled: true } => format!("Stalled {reason}: {message}"),
        Health::Failed { reason, message, .. } => format!("Failed {reason}: {message}"),
    };
    same_by_prefix("health", std::slice::from_ref(health), &[seen])
}

fn body(change: &Change) -> Value {
    let mut body = match change {
        Change::CreateService { body, .. }
        | Change::UpdateService { body, .. }
        | Change::RegisterTaskDefinition { body, .. }
        | Change::CreateDiscoveryService { body, .. }
        | Change::UpdateDiscoveryService { body, .. } => body.clone(),
        Change::Tag { set, remove, .. } => return json!({"set": set, "remove": remove}),
        Change::SetRetention { days, .. } => return json!({"days": days}),
        _ => return Value::Null,
    };
    for name in ["cluster", "service", "serviceName", "tags", "Tags", "clientToken", "CreatorRequestId"] {
        body.remove(name);
    }
    let text = Value::Object(body).to_string();
    serde_json::from_str(
        &text
            .replace("\\u0001after:task-definition\\u0001arn", "(task definition)")
            .replace("\\u0001after:discovery\\u0001arn", "(discovery)"),
    )
    .unwrap()
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, wanted: &T, seen: &T) -> Result<(), String> {
    if wanted == seen { Ok(()) } else { Err(format!("{what}\n  wanted {wanted:?}\n  seen   {seen:?}")) }
}

/// Each wanted text is `Reason: words`; the seen one has that reason and contains the words.
fn same_by_prefix(what: &str, wanted: &[String], seen: &[String]) -> Result<(), String> {
    let fits = |(wanted, seen): (&String, &String)| {
        let (reason, words) = wanted.split_once(": ").unwrap_or((wanted, ""));
        seen.split_once(": ").is_some_and(|(r, text)| r == reason && text.contains(words))
    };
    if wanted.len() == seen.len() && wanted.iter().zip(seen).all(fits) {
        return Ok(());
    }
    Err(format!("{what}\n  wanted {wanted:?}\n  seen   {seen:?}"))
}

fn table(text: &str) {
    let cases: Vec<Case> = serde_saphyr::from_str(text).unwrap();
    assert!(!cases.is_empty());
    let failed: Vec<String> = cases.iter().filter_map(|c| Some(format!("{}:\n  {}", c.name, run(c).err()?))).collect();
    assert!(failed.is_empty(), "{} of {} cases fail\n{}", failed.len(), cases.len(), failed.join("\n"));
}

#[test]
fn a_service_that_is_not_there_is_made_as_the_table_says() {
    table(include_str!("cases/create.yaml"));
}

#[test]
fn a_service_that_is_there_is_changed_as_the_table_says() {
    table(include_str!("cases/update.yaml"));
}

#[test]
fn what_aws_would_refuse_is_refused_as_the_table_says() {
    table(include_str!("cases/refuse.yaml"));
}

#[test]
fn resources_of_others_are_treated_as_the_table_says() {
    table(include_str!("cases/adopt.yaml"));
}

#[test]
fn health_is_told_as_the_table_says() {
    table(include_str!("cases/health.yaml"));
}

#[test]
fn an_object_that_is_deleted_takes_its_resources_along_as_the_table_says() {
    table(include_str!("cases/delete.yaml"));
}
