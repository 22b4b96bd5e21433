//! One container: image, command, sizes, security, mounts.

use serde_json::{Map, Value, json};

use super::{Taking, environment, items, ports, probe, put, volume};
use crate::convert::expansion::expanded;
use crate::convert::path::{Path, Step, leaves};
use crate::convert::quantity::{mebibytes, milli, units_of_cpu};

/// The path of a container in its workload, with the step that a report has: its name, or its place when a name is missing
/// or stands twice.
pub fn path(pod: &Value, list: &str, index: usize) -> Path {
    let at = super::pod_path().field(list);
    let first = leaves(&json!({ list: pod[list] })).into_iter().find_map(|(p, _)| p.0.get(1).cloned());
    match first {
        Some(Step::Key(_)) => at.key(pod[list][index]["name"].as_str().unwrap_or_default()),
        _ => at.index(index),
    }
}

/// Takes a container.
pub fn take(taking: &mut Taking<'_>, container: &Value, at: &Path) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert("name".into(), container["name"].clone());
    if container["image"].as_str().is_none_or(str::is_empty) {
        let name = container["name"].as_str().unwrap_or_default();
        taking
            .out
            .notes
            .push(format!("container {name} has no image, without which ECS takes no task definition: set one"));
    }
    put(&mut out, "image", Some(container["image"].clone()));
    let variables = environment::take(taking, container, at, &mut out);
    for (from, to) in [("command", "entryPoint"), ("args", "command")] {
        let words: Vec<Value> = items(&container[from])
            .map(|word| {
                let (text, _) = expanded(word.as_str().unwrap_or_default(), &variables);
                Value::from(text)
            })
            .collect();
        if items(&container[from]).zip(&words).any(|(given, filled)| literal(given) != *filled) {
            taking.approximate(&at.field(from), "ECS replaces no $(NAME): the values were filled in");
        }
        put(&mut out, to, Value::Array(words));
    }
    put(&mut out, "workingDirectory", Some(container["workingDir"].clone()));
    put(&mut out, "interactive", Some(container["stdin"].clone()));
    put(&mut out, "pseudoTerminal", Some(container["tty"].clone()));
    put(&mut out, "portMappings", ports::take(taking, container, at));
    resources(taking, container, at, &mut out);
    put(&mut out, "mountPoints", volume::mounts(taking, container, at));
    security(taking, container, at, &mut out);
    volume::in_memory(taking, container, &mut out);
    probe::take(taking, container, at, &mut out);
    let grace = taking.pod()["terminationGracePeriodSeconds"].clone();
    put(&mut out, "stopTimeout", Some(grace).filter(Value::is_i64));
    out
}

/// A text as it would be without any variable.
fn literal(word: &Value) -> Value {
    Value::from(expanded(word.as_str().unwrap_or_default(), &std::collections::BTreeMap::new()).0)
}

fn resources(taking: &mut Taking<'_>, container: &Value, at: &Path, out: &mut Map<String, Value>) {
    let at = at.field("resources");
    let (requests, limits) = (&container["resources"]["requests"], &container["resources"]["limits"]);
    let mut devices = Vec::new();
    for (part, values) in [("requests", requests), ("limits", limits)] {
        for (name, value) in values.as_object().into_iter().flatten() {
            let at = at.field(part).field(name);
            match (part, name.as_str()) {
                ("requests", "cpu") => match milli(value) {
                    Some(milli) => {
                        out.insert("cpu".into(), json!(units_of_cpu(milli)));
                    }
                    None => taking.refuse(&at, "is no quantity"),
                },
                (_, "memory") => match mebibytes(value) {
                    Some(size) => {
                        let field = if part == "limits" { "memory" } else { "memoryReservation" };
                        out.insert(field.into(), json!(size));
                    }
                    None => taking.refuse(&at, "is no quantity"),
                },
                ("limits", "nvidia.com/gpu") if !taking.on_fargate() => devices.push(device("GPU", value)),
                ("limits", "aws.amazon.com/neuron") if !taking.on_fargate() => {
                    devices.push(device("NeuronDevice", value));
                }
                ("limits", "nvidia.com/gpu" | "aws.amazon.com/neuron") => {
                    taking.refuse(&at, "Fargate has no such device: use --capacity ec2");
                }
                ("requests", "nvidia.com/gpu" | "aws.amazon.com/neuron") => {
                    taking.approximate(&at, "the limit says it");
                }
                ("limits", "cpu") => {
                    taking.approximate(&at, "a container in ECS may use what the task has: only the task has a limit");
                }
                (_, "ephemeral-storage") => {}
                _ => taking.refuse(&at, "ECS has no such resource"),
            }
        }
    }
    put(out, "resourceRequirements", Value::Array(devices));
    // ECS takes a reservation below the limit only; without one the limit is reserved.
    let of = |field: &str| out.get(field).and_then(Value::as_i64);
    if let (Some(limit), Some(reserved)) = (of("memory"), of("memoryReservation"))
        && reserved >= limit
    {
        out.remove("memoryReservation");
        taking.approximate(&at.field("requests").field("memory"), "the limit reserves as much");
    }
}

fn device(kind: &str, value: &Value) -> Value {
    let count = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    json!({"type": kind, "value": count})
}

/// Security of the container; what it does not say itself, the pod says for it.
fn security(taking: &mut Taking<'_>, container: &Value, at: &Path, out: &mut Map<String, Value>) {
    let own = &container["securityContext"];
    let pod = &taking.pod()["securityContext"];
    let number = |field: &str| own[field].as_i64().or_else(|| pod[field].as_i64());
    match (number("runAsUser"), number("runAsGroup")) {
        (Some(user), Some(group)) => {
            out.insert("user".into(), json!(format!("{user}:{group}")));
        }
        (Some(user), None) => {
            out.insert("user".into(), json!(user.to_string()));
        }
        (None, Some(_)) => {
            let (at, whole) = (
                at.field("securityContext").field("runAsGroup"),
                super::pod_path().field("securityContext").field("runAsGroup"),
            );
            let at = if own["runAsGroup"].is_null() { whole } else { at };
            taking.refuse(&at, "ECS takes a group with a user only: set runAsUser too");
        }
        (None, None) => {}
    }
    if own["privileged"] == true && taking.on_fargate() {
        taking.refuse(
            &at.field("securityContext").field("privileged"),
            "Fargate runs nothing privileged: use --capacity ec2",
        );
    } else {
        put(out, "privileged", Some(own["privileged"].clone()));
    }
    put(out, "readonlyRootFilesystem", Some(own["readOnlyRootFilesystem"].clone()));
    let capabilities = &own["capabilities"];
    let mut both = Map::new();
    let added: Vec<&Value> =
        items(&capabilities["add"]).filter(|c| !taking.on_fargate() || **c == "SYS_PTRACE").collect();
    if added.len() < items(&capabilities["add"]).count() {
        let at = at.field("securityContext").field("capabilities").field("add");
        taking.refuse(&at, "Fargate adds SYS_PTRACE only: use --capacity ec2");
    }
    put(&mut both, "add", json!(added));
    put(&mut both, "drop", Some(capabilities["drop"].clone()));
    if !both.is_empty() {
        out.insert("linuxParameters".into(), json!({ "capabilities": both }));
    }
    let sysctls = items(&pod["sysctls"]);
    let controls: Vec<Value> = sysctls.map(|s| json!({"namespace": s["name"], "value": s["value"]})).collect();
    put(out, "systemControls", Value::Array(controls));
}
