//! What a pod says as a whole: its containers in their order, platform, namespaces, placement.

use serde_json::{Map, Value, json};

use super::{Taking, container, items, pod_path, put, tag, volume};
use crate::convert::kubernetes::SELECTOR;

/// Takes the pod template.
pub fn take(taking: &mut Taking<'_>) {
    let pod = taking.pod();
    volume::take(taking);
    let mut all: Vec<Value> = Vec::new();
    let mut before: Vec<(String, &'static str)> = Vec::new();
    for (index, init) in items(&pod["initContainers"]).enumerate() {
        let at = container::path(pod, "initContainers", index);
        let mut made = container::take(taking, init, &at);
        let stays = init["restartPolicy"] == "Always";
        if !stays {
            made.insert("essential".into(), json!(false));
        }
        put(&mut made, "dependsOn", dependencies(&before));
        let condition = match (stays, init["startupProbe"].is_null() && init["livenessProbe"].is_null()) {
            (false, _) => "SUCCESS",
            (true, true) => "START",
            (true, false) => "HEALTHY",
        };
        before.push((init["name"].as_str().unwrap_or_default().to_owned(), condition));
        all.push(Value::Object(made));
    }
    for (index, main) in items(&pod["containers"]).enumerate() {
        let at = container::path(pod, "containers", index);
        let mut made = container::take(taking, main, &at);
        put(&mut made, "dependsOn", dependencies(&before));
        all.push(Value::Object(made));
    }
    taking.task.insert("containerDefinitions".into(), Value::Array(all));
    namespaces(taking);
    platform(taking);
    placement(taking);
    labels(taking);
}

fn dependencies(before: &[(String, &'static str)]) -> Value {
    before.iter().map(|(name, condition)| json!({"containerName": name, "condition": condition})).collect()
}

fn namespaces(taking: &mut Taking<'_>) {
    let pod = taking.pod();
    let host = pod["hostNetwork"] == true;
    if host && taking.on_fargate() {
        taking.refuse(
            &pod_path().field("hostNetwork"),
            "every task on Fargate has a network of its own: use --capacity ec2",
        );
    }
    let mode = if host && !taking.on_fargate() { "host" } else { "awsvpc" };
    taking.task.insert("networkMode".into(), json!(mode));
    if pod["hostPID"] == true {
        if taking.on_fargate() {
            taking.refuse(&pod_path().field("hostPID"), "a task on Fargate has no host: use --capacity ec2");
        } else {
            taking.task.insert("pidMode".into(), json!("host"));
        }
    } else if pod["shareProcessNamespace"] == true {
        taking.task.insert("pidMode".into(), json!("task"));
    }
    if pod["hostIPC"] == true {
        if taking.on_fargate() {
            taking.refuse(&pod_path().field("hostIPC"), "a task on Fargate has no host: use --capacity ec2");
        } else {
            taking.task.insert("ipcMode".into(), json!("host"));
        }
    }
}

fn platform(taking: &mut Taking<'_>) {
    let selector = &taking.pod()["nodeSelector"];
    let at = pod_path().field("nodeSelector");
    let mut platform = Map::new();
    for (key, value) in selector.as_object().into_iter().flatten() {
        match (key.as_str(), value.as_str().unwrap_or_default()) {
            ("kubernetes.io/arch", "amd64") => {
                platform.insert("cpuArchitecture".into(), json!("X86_64"));
            }
            ("kubernetes.io/arch", "arm64") => {
                platform.insert("cpuArchitecture".into(), json!("ARM64"));
            }
            ("kubernetes.io/os", "linux") => {
                platform.insert("operatingSystemFamily".into(), json!("LINUX"));
            }
            ("kubernetes.io/os", "windows") => {
                platform.insert("operatingSystemFamily".into(), json!("WINDOWS_SERVER_2022_CORE"));
                taking.approximate(
                    &at.field(key),
                    "WINDOWS_SERVER_2022_CORE was written: set the version that the image needs",
                );
            }
            ("kubernetes.io/arch" | "kubernetes.io/os", _) => {
                taking.refuse(&at.field(key), "ECS runs Linux and Windows on amd64 and arm64");
            }
            _ => taking.refuse(
                &at.field(key),
                "choose capacity with a capacity provider, or with placementConstraints on instances",
            ),
        }
    }
    put(&mut taking.task, "runtimePlatform", Value::Object(platform));
}

fn placement(taking: &mut Taking<'_>) {
    let pod = taking.pod();
    let mut strategies = Vec::new();
    let at = pod_path().field("topologySpreadConstraints");
    for (index, spread) in items(&pod["topologySpreadConstraints"]).enumerate() {
        let at = at.index(index);
        let field = match spread["topologyKey"].as_str() {
            Some("topology.kubernetes.io/zone") => "attribute:ecs.availability-zone",
            Some("kubernetes.io/hostname") => "instanceId",
            _ => {
                taking.refuse(&at, "ECS spreads over zones and instances, and over attributes that you give instances");
                continue;
            }
        };
        if taking.on_fargate() {
            taking.approximate(
                &at,
                "Fargate spreads tasks over the zones of their subnets by itself, each on a host of its own",
            );
        } else {
            strategies.push(json!({"type": "spread", "field": field}));
        }
    }
    put(&mut taking.service, "placementStrategy", Value::Array(strategies));
    let rule = &pod["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    let at =
        pod_path().field("affinity").field("podAntiAffinity").field("requiredDuringSchedulingIgnoredDuringExecution");
    let labels = &taking.workload()["spec"]["template"]["metadata"]["labels"];
    let mut apart = false;
    for (index, term) in items(rule).enumerate() {
        let own = term["labelSelector"]["matchLabels"].as_object();
        let own = own.is_some_and(|m| m.iter().all(|(k, v)| labels.get(k) == Some(v)));
        if term["topologyKey"] != "kubernetes.io/hostname" || !own {
            taking.refuse(
                &at.index(index),
                "ECS keeps tasks of one service apart from each other, by instance, and no others",
            );
        } else if taking.on_fargate() {
            taking.approximate(&at.index(index), "on Fargate each task has a host of its own");
        } else {
            apart = true;
        }
    }
    if apart {
        taking.service.insert("placementConstraints".into(), json!([{"type": "distinctInstance"}]));
    }
}

/// Labels of pods are tags of the task definition, save those that Kubernetes itself works by.
fn labels(taking: &mut Taking<'_>) {
    let workload = taking.workload();
    let selector = &workload["spec"]["selector"]["matchLabels"];
    let labels = workload["spec"]["template"]["metadata"]["labels"].as_object();
    let tags = labels.into_iter().flatten().filter(|(k, _)| is_tag(k) && selector.get(k.as_str()).is_none()).map(tag);
    let tags = tags.collect();
    put(&mut taking.task, "tags", Value::Array(tags));
}

/// Whether a label is somebody's own, and no convention of Kubernetes.
pub fn is_tag(key: &str) -> bool {
    key != SELECTOR
        && key != "pod-template-hash"
        && !key.starts_with("app.kubernetes.io/")
        && !key.starts_with("helm.sh/")
        && !key.split('/').next().is_some_and(|prefix| prefix.ends_with("landbridge.dev"))
}
