//! What the workload says around its pods, and what the objects beside it say.

use serde_json::{Map, Value, json};

use super::{Capacity, Taking, items, pod, put, tag};
use crate::convert::path::Path;
use crate::convert::report::Outcome;

/// Takes the service.
pub fn take(taking: &mut Taking<'_>) {
    let workload = taking.workload();
    let spec = &workload["spec"];
    let scaled = around(taking, "HorizontalPodAutoscaler").next().is_some();
    if taking.is_daemon() {
        taking.service.insert("schedulingStrategy".into(), json!("DAEMON"));
    } else if scaled && !spec["replicas"].is_null() {
        taking.approximate(&Path::of("spec.replicas"), "left out: what scales the service decides");
    } else if !scaled {
        put(&mut taking.service, "desiredCount", Some(spec["replicas"].clone()));
        if spec["replicas"].is_null() {
            taking.service.insert("desiredCount".into(), json!(1));
        }
    }
    put(&mut taking.service, "revisionHistoryLimit", Some(spec["revisionHistoryLimit"].clone()));
    rolling(taking);
    let labels = workload["metadata"]["labels"].as_object();
    let tags: Vec<Value> = labels.into_iter().flatten().filter(|(k, _)| pod::is_tag(k)).map(tag).collect();
    put(&mut taking.service, "tags", Value::Array(tags));
    security_groups(taking);
    discovery(taking);
    match taking.capacity {
        Capacity::Fargate => taking.service.insert("launchType".into(), json!("FARGATE")),
        Capacity::Ec2 => taking.service.insert("launchType".into(), json!("EC2")),
        Capacity::AsGiven => None,
    };
}

/// The objects of a kind around the workload, with their places in the input.
pub fn around<'a>(taking: &Taking<'a>, kind: &'static str) -> impl Iterator<Item = (usize, &'a Value)> {
    let objects = taking.objects;
    taking.group.around.clone().into_iter().map(move |at| (at, objects[at])).filter(move |(_, o)| o["kind"] == kind)
}

/// Percentages of ECS for the pods that there may be more and fewer.
fn rolling(taking: &mut Taking<'_>) {
    let workload = taking.workload();
    let field = if taking.is_daemon() { "updateStrategy" } else { "strategy" };
    let strategy = &workload["spec"][field];
    let at = Path::of("spec").field(field);
    let replicas = workload["spec"]["replicas"].as_i64().unwrap_or(1).max(1);
    let kind = strategy["type"].as_str().unwrap_or("RollingUpdate");
    let (most, least) = match kind {
        "Recreate" => {
            taking.approximate(
                &at.field("type"),
                "all tasks may stop before new ones start: maximumPercent 100, minimumHealthyPercent 0",
            );
            (100, 0)
        }
        "OnDelete" => {
            taking.refuse(&at.field("type"), "ECS replaces tasks when the service changes");
            return;
        }
        _ => {
            let (surge, missing) = if taking.is_daemon() { ("0%", "1") } else { ("25%", "25%") };
            let rolling = &strategy["rollingUpdate"];
            let surge =
                share(taking, &rolling["maxSurge"], &at.field("rollingUpdate").field("maxSurge"), replicas, surge);
            let missing = share(
                taking,
                &rolling["maxUnavailable"],
                &at.field("rollingUpdate").field("maxUnavailable"),
                replicas,
                missing,
            );
            (100 + surge, (100 - missing).max(0))
        }
    };
    let most = if taking.is_daemon() { 100 } else { most };
    let mut configuration = Map::new();
    configuration.insert("maximumPercent".into(), json!(most));
    configuration.insert("minimumHealthyPercent".into(), json!(least));
    taking.service.insert("deploymentConfiguration".into(), Value::Object(configuration));
}

/// A number of pods, or a share of them, in per cent.
fn share(taking: &mut Taking<'_>, value: &Value, at: &Path, replicas: i64, default: &str) -> i64 {
    let text = match value {
        Value::Null => default.to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if let Some(percent) = text.strip_suffix('%').and_then(|p| p.parse::<i64>().ok()) {
        return percent.clamp(0, 1000);
    }
    let count = text.parse::<i64>().unwrap_or(1).clamp(0, 100_000);
    let percent = (count * 100 + replicas - 1) / replicas;
    if !value.is_null() {
        taking.approximate(at, format!("ECS takes per cent: {percent} % of {replicas}"));
    }
    percent.min(1000)
}

fn security_groups(taking: &mut Taking<'_>) {
    let policies: Vec<&Value> = around(taking, "SecurityGroupPolicy").map(|(_, p)| p).collect();
    let groups: Vec<&Value> = policies.iter().flat_map(|p| items(&p["spec"]["securityGroups"]["groupIds"])).collect();
    if !groups.is_empty() {
        let network = json!({"awsvpcConfiguration": {"securityGroups": groups}});
        taking.service.insert("networkConfiguration".into(), network);
    }
}

/// A name in Cloud Map, when it was said where; and what a Service says that a name cannot.
fn discovery(taking: &mut Taking<'_>) {
    let services: Vec<(usize, &Value)> = around(taking, "Service").collect();
    for (object, service) in &services {
        let spec = &service["spec"];
        for (index, port) in items(&spec["ports"]).enumerate() {
            if !port["targetPort"].is_null() && port["targetPort"].is_i64() && port["targetPort"] != port["port"] {
                let at = Path::of("spec.ports").index(index).field("port");
                let reason = "callers of tasks use the container's own port: change them, or use Service Connect with this port as client alias";
                taking.say(*object, &at, Outcome::Refused, reason);
            }
        }
    }
    let Some((object, service)) = services.first() else { return };
    let at = Path::of("metadata.name");
    match &taking.options.cloud_map_namespace {
        Some(namespace) => {
            let mut discovery = Map::new();
            discovery.insert("namespaceRef".into(), json!({ "name": namespace }));
            discovery.insert("name".into(), service["metadata"]["name"].clone());
            taking.service.insert("serviceDiscovery".into(), Value::Object(discovery));
            taking.say(
                *object,
                &at,
                Outcome::Approximated,
                "callers use the name in Cloud Map, or import it with a CloudMapImport",
            );
        }
        None => {
            taking.say(
                *object,
                &at,
                Outcome::Refused,
                "callers find tasks through Cloud Map: name a CloudMapNamespace with --cloud-map-namespace",
            );
        }
    }
}
