//! `landbridge describe`: one object, and why it is not ready.

use std::fmt::Write as _;
use std::io::Write as _;

use anyhow::{Context as _, Result};
use k8s_openapi::api::events::v1::Event;
use kube::Api;
use kube::api::ListParams;
use kube::core::DynamicObject;
use serde_json::Value;

use super::get::{age, columns, ready};
use crate::cli::DescribeArgs;
use crate::exit::Exit;
use crate::live::{KindInfo, Live};

/// Shows one object.
pub async fn describe(args: &DescribeArgs) -> Result<Exit> {
    let (kind, name) = match (args.kind.split_once('/'), &args.name) {
        (Some((kind, name)), None) => (kind, name),
        (None, Some(name)) => (args.kind.as_str(), name.as_str()),
        _ => anyhow::bail!("say what to describe as `ecsservice/web` or `ecsservice web`"),
    };
    let kinds = KindInfo::named(kind)?;
    let kind = kinds.first().filter(|_| kinds.len() == 1).context("say one kind, not all")?;
    let live = Live::connect().await?;
    let namespace = args.namespace.clone().unwrap_or_else(|| live.namespace.clone());
    let object = live.get(kind, &namespace, name).await?;
    let events = events(&live, &object).await?;
    let text = text(kind, &object, &events, jiff::Timestamp::now())?;
    std::io::stdout().write_all(text.as_bytes()).context("writing to standard output")?;
    Ok(Exit::Ok)
}

async fn events(live: &Live, object: &DynamicObject) -> Result<Vec<Event>> {
    // Events about cluster-scoped objects live in the namespace `default`.
    let namespace = object.metadata.namespace.as_deref().unwrap_or("default");
    let uid = object.metadata.uid.as_deref().unwrap_or_default();
    let api: Api<Event> = Api::namespaced(live.client.clone(), namespace);
    let list = api.list(&ListParams::default().fields(&format!("regarding.uid={uid}"))).await;
    let mut events = list.context("reading the object's events")?.items;
    events.sort_by_key(|e| (last_seen(e), e.metadata.name.clone()));
    Ok(events)
}

fn last_seen(event: &Event) -> Option<jiff::Timestamp> {
    let series = event.series.as_ref().map(|s| s.last_observed_time.0);
    series.or(event.event_time.as_ref().map(|t| t.0)).or(event.metadata.creation_timestamp.as_ref().map(|t| t.0))
}

fn text(kind: &KindInfo, object: &DynamicObject, events: &[Event], now: jiff::Timestamp) -> Result<String> {
    let mut out = String::new();
    let status = &object.data["status"];
    let name = object.metadata.name.as_deref().unwrap_or_default();
    match object.metadata.namespace.as_deref() {
        Some(namespace) => writeln!(out, "{} {namespace}/{name}", kind.kind)?,
        None => writeln!(out, "{} {name}", kind.kind)?,
    }
    match ready(object) {
        Some(c) => writeln!(out, "  {} {}: {}", mark(c), string(&c["reason"]), string(&c["message"]))?,
        None => writeln!(out, "  ? not reconciled yet: is the operator running?")?,
    }
    if object.metadata.deletion_timestamp.is_some() {
        writeln!(out, "  it is being deleted")?;
    }
    let behind = status["observedGeneration"].as_i64() < object.metadata.generation;
    if behind && ready(object).is_some() {
        writeln!(out, "  the operator has not looked at the last edit yet")?;
    }
    facts(&mut out, status)?;
    others(&mut out, status)?;
    failure(&mut out, &status["lastFailure"])?;
    list(&mut out, "Changed outside, left as it is", &status["drift"])?;
    if !events.is_empty() {
        writeln!(out, "\nEvents")?;
        let rows = events.iter().map(|e| {
            let seen = last_seen(e).map_or_else(String::new, |t| age(now.as_second() - t.as_second()));
            vec![
                seen,
                e.type_.clone().unwrap_or_default(),
                e.reason.clone().unwrap_or_default(),
                e.note.clone().unwrap_or_default(),
            ]
        });
        for line in columns(&["AGE", "TYPE", "REASON", "MESSAGE"], rows.collect()).lines() {
            writeln!(out, "  {line}")?;
        }
    }
    Ok(out)
}

fn mark(condition: &Value) -> &'static str {
    match condition["status"].as_str() {
        Some("True") => "✓",
        Some("False") => "✗",
        _ => "?",
    }
}

fn string(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Plain facts of the status, one line each.
fn facts(out: &mut String, status: &Value) -> Result<()> {
    const SHOWN: &[(&str, &str)] = &[
        ("accountId", "account"),
        ("callerArn", "calls as"),
        ("clusterArn", "cluster"),
        ("namespaceId", "namespace"),
        ("roleArn", "role"),
        ("serviceArn", "service"),
        ("name", "found as"),
        ("logGroup", "log group"),
    ];
    writeln!(out)?;
    for (field, label) in SHOWN {
        if let Some(value) = status[field].as_str() {
            writeln!(out, "  {label:<16}{value}")?;
        }
    }
    if let Some(revision) = status["taskDefinition"]["revision"].as_str() {
        writeln!(out, "  {:<16}{revision}", "task definition")?;
    }
    if let (Some(running), Some(desired)) = (status["runningCount"].as_i64(), status["desiredCount"].as_i64()) {
        let pending = status["pendingCount"].as_i64().unwrap_or(0);
        writeln!(out, "  {:<16}{running} of {desired} running, {pending} pending", "tasks")?;
    }
    if let (Some(registered), Some(endpoints)) = (status["registered"].as_i64(), status["endpoints"].as_i64()) {
        let others = status["ofOthers"].as_i64().unwrap_or(0);
        writeln!(out, "  {:<16}{registered} of {endpoints} registered, {others} of others", "endpoints")?;
    }
    if let (Some(ready), Some(endpoints)) = (status["readyEndpoints"].as_i64(), status["endpoints"].as_i64()) {
        writeln!(out, "  {:<16}{ready} of {endpoints} ready", "endpoints")?;
    }
    let deployment = &status["deployment"];
    if let Some(state) = deployment["state"].as_str() {
        writeln!(out, "  {:<16}{state} {}", "deployment", string(&deployment["reason"]))?;
    }
    Ok(())
}

/// The conditions besides Ready, without what Ready has said already.
fn others(out: &mut String, status: &Value) -> Result<()> {
    let said = status["conditions"].as_array().into_iter().flatten().find(|c| c["type"] == "Ready");
    let conditions = status["conditions"].as_array().into_iter().flatten();
    for condition in conditions.filter(|c| c["type"] != "Ready" && c["status"] == "True") {
        let Value::Object(_) = condition else { continue };
        let (type_, reason) = (string(&condition["type"]), string(&condition["reason"]));
        match string(&condition["message"]) {
            message if said.is_some_and(|ready| ready["message"] == message) => writeln!(out, "  {type_:<16}{reason}")?,
            message => writeln!(out, "  {type_:<16}{reason}: {message}")?,
        }
    }
    Ok(())
}

fn failure(out: &mut String, failure: &Value) -> Result<()> {
    let Some(reason) = failure["reason"].as_str() else { return Ok(()) };
    writeln!(out, "\nWhy tasks stopped")?;
    let container = failure["container"].as_str().map(|c| format!("container {c}: ")).unwrap_or_default();
    let code = failure["exitCode"].as_i64().map(|c| format!(" (exit code {c})")).unwrap_or_default();
    writeln!(out, "  {container}{reason}{code}")?;
    let times = failure["times"].as_i64().unwrap_or(1);
    writeln!(out, "  seen {times} times, last {}", string(&failure["lastSeen"]))?;
    if let Some(arn) = failure["taskArn"].as_str() {
        writeln!(out, "  for example {arn}")?;
    }
    Ok(())
}

fn list(out: &mut String, title: &str, values: &Value) -> Result<()> {
    let values: Vec<_> = values.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if !values.is_empty() {
        writeln!(out, "\n{title}")?;
        for value in values {
            writeln!(out, "  {value}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn service(status: &Value) -> DynamicObject {
        serde_json::from_value(json!({
            "apiVersion": "landbridge.dev/v1alpha1", "kind": "ECSService",
            "metadata": {"name": "web", "namespace": "shop", "generation": 2}, "status": status,
        }))
        .unwrap()
    }

    fn kind() -> KindInfo {
        KindInfo::named("ecssvc").unwrap().remove(0)
    }

    #[test]
    fn a_service_that_failed_says_which_container_and_why() {
        let object = service(&json!({
            "observedGeneration": 2, "runningCount": 0, "desiredCount": 2,
            "conditions": [{"type": "Ready", "status": "False", "reason": "RolledBack", "message": "rolled back"}],
            "lastFailure": {"container": "web", "exitCode": 137, "reason": "OutOfMemory", "times": 3, "lastSeen": "now"},
        }));
        let text = text(&kind(), &object, &[], jiff::Timestamp::UNIX_EPOCH).unwrap();
        assert!(text.contains("✗ RolledBack: rolled back"), "{text}");
        assert!(text.contains("container web: OutOfMemory (exit code 137)"), "{text}");
        assert!(text.contains("0 of 2 running"), "{text}");
    }

    #[test]
    fn a_description_says_what_is_there_why_it_is_not_ready_and_what_happened() {
        let mut object = service(&json!({
            "observedGeneration": 1, "runningCount": 2, "desiredCount": 3, "pendingCount": 1,
            "serviceArn": "arn:aws:ecs:us-east-1:000000000000:service/prod/web", "logGroup": "/ecs/shop/web",
            "taskDefinition": {"revision": "prod-web:2"},
            "deployment": {"state": "ROLLBACK_SUCCESSFUL", "reason": "tasks failed to start"},
            "conditions": [
                {"type": "Ready", "status": "False", "reason": "RolledBack", "message": "rolled back to prod-web:1"},
                {"type": "Stalled", "status": "True", "reason": "RolledBack", "message": "rolled back to prod-web:1"},
                {"type": "Reconciling", "status": "False", "reason": "RolledBack", "message": ""},
            ],
            "lastFailure": {
                "container": "web", "exitCode": 137, "reason": "OutOfMemory", "times": 3,
                "lastSeen": "2026-01-01T00:10:00Z", "taskArn": "arn:aws:ecs:us-east-1:000000000000:task/prod/1",
            },
            "drift": ["desiredCount: 3 in the spec, 2 in ECS"],
        }));
        object.metadata.deletion_timestamp = Some(serde_json::from_value(json!("2026-01-01T00:12:00Z")).unwrap());
        let event = |type_: &str, reason: &str, note: &str, at: &str| -> Event {
            serde_json::from_value(json!({
                "metadata": {"name": reason}, "type": type_, "reason": reason, "note": note, "eventTime": at,
            }))
            .unwrap()
        };
        let events = [
            event("Normal", "Created", "created ECS service prod/web", "2026-01-01T00:00:00.000000Z"),
            event("Warning", "RolledBack", "ECS rolled prod-web:2 back", "2026-01-01T00:11:00.000000Z"),
        ];
        let now = "2026-01-01T00:12:30Z".parse().unwrap();
        insta::assert_snapshot!("describe", text(&kind(), &object, &events, now).unwrap());
        let account = KindInfo::named("awsaccount").unwrap().remove(0);
        let object = serde_json::from_value(json!({
            "metadata": {"name": "default", "generation": 1}, "status": {
                "observedGeneration": 1, "accountId": "000000000000", "callerArn": "arn:aws:iam::000000000000:user/me",
                "conditions": [{"type": "Ready", "status": "True", "reason": "Ready", "message": "AWS answers"}],
            },
        }))
        .unwrap();
        insta::assert_snapshot!("describe_account", text(&account, &object, &[], now).unwrap());
    }

    #[test]
    fn an_object_that_nobody_looked_at_asks_whether_the_operator_runs() {
        assert!(
            text(&kind(), &service(&Value::Null), &[], jiff::Timestamp::UNIX_EPOCH)
                .unwrap()
                .contains("is the operator running?")
        );
    }
}
