//! The size of the task. On Fargate it is the cheapest that holds the pod.

use serde_json::{Value, json};

use super::{Capacity, Taking, items, pod_path};
use crate::convert::fargate;
use crate::convert::quantity::{bytes, mebibytes, milli, units_of_cpu};
use crate::convert::report::Size;

/// GiB of scratch disk that every task on Fargate has, and the most and least that can be asked for.
const SCRATCH: (i64, i64, i64) = (20, 21, 200);

/// Takes the size.
pub fn take(taking: &mut Taking<'_>) {
    let cpu = whole(taking, "cpu").and_then(|v| milli(&v)).map(units_of_cpu);
    let memory = whole(taking, "memory").and_then(|v| mebibytes(&v));
    storage(taking);
    match taking.capacity {
        Capacity::AsGiven => {
            for (field, size) in [("cpu", cpu), ("memory", memory)] {
                if let Some(size) = size {
                    taking.task.insert(field.into(), json!(size.to_string()));
                }
            }
        }
        Capacity::Ec2 => {
            taking.task.insert("requiresCompatibilities".into(), json!(["EC2"]));
            if let Some(memory) = memory {
                taking.task.insert("memory".into(), json!(memory.to_string()));
            } else {
                reserve(taking);
            }
        }
        Capacity::Fargate => {
            taking.task.insert("requiresCompatibilities".into(), json!(["FARGATE"]));
            fargate_size(taking, cpu, memory);
        }
    }
}

/// What the pod as a whole is given.
fn whole(taking: &Taking<'_>, resource: &str) -> Option<Value> {
    let resources = &taking.pod()["resources"];
    let given = |part: &str| Some(resources[part][resource].clone()).filter(|v| !v.is_null());
    given("limits").or_else(|| given("requests"))
}

/// ECS wants memory of every container on instances.
fn reserve(taking: &mut Taking<'_>) {
    let mut without = Vec::new();
    let containers = taking.task.get_mut("containerDefinitions").and_then(Value::as_array_mut);
    for container in containers.into_iter().flatten() {
        if container["memory"].is_null() && container["memoryReservation"].is_null() {
            container["memoryReservation"] = json!(128);
            without.push(container["name"].as_str().unwrap_or_default().to_owned());
        }
    }
    if !without.is_empty() {
        taking.out.notes.push(format!(
            "{} asks for no memory and got a reservation of 128 MiB: set what it needs",
            without.join(", ")
        ));
    }
}

fn fargate_size(taking: &mut Taking<'_>, cpu: Option<i64>, memory: Option<i64>) {
    let (units, mib) = need(taking);
    let asked = (cpu.unwrap_or(units), memory.unwrap_or(mib));
    let object = format!("{} {}", taking.workload()["kind"].as_str().unwrap_or_default(), taking.name());
    if asked == (0, 0) {
        taking.out.notes.push(format!("{object} asks for nothing: it gets the smallest size, as on EKS Fargate"));
    }
    if let Some(fit) = fargate::cheapest(asked.0, asked.1) {
        taking.task.insert("cpu".into(), json!(fit.cpu.to_string()));
        taking.task.insert("memory".into(), json!(fit.memory.to_string()));
        taking.out.sizes.push(Size::of(&object, "ECS Fargate", asked, fit));
    } else {
        too_large(taking, &object, asked);
    }
    if taking.options.eks_fargate
        && let Some(fit) = fargate::on_eks(asked.0, asked.1)
    {
        taking.out.sizes.push(Size::of(&object, "EKS Fargate", asked, fit));
    }
}

/// No size holds the pod, which every field that asks for something says.
fn too_large(taking: &mut Taking<'_>, object: &str, (cpu, memory): (i64, i64)) {
    let reason = format!("no Fargate size holds {cpu} CPU units and {memory} MiB: use --capacity ec2");
    taking.out.notes.push(format!("{object}: {reason}"));
    let pod = taking.pod();
    for (index, _) in items(&pod["containers"]).enumerate() {
        let at = super::container::path(pod, "containers", index).field("resources");
        taking.refuse(&at, reason.clone());
    }
    taking.refuse(&pod_path().field("resources"), reason);
}

/// CPU units and MiB of the containers together, or of one that runs before them and needs more. A container that may use
/// more memory than it asks for must find it.
fn need(taking: &Taking<'_>) -> (i64, i64) {
    let of = |c: &Value| {
        let resources = &c["resources"];
        let cpu =
            milli(&resources["requests"]["cpu"]).or_else(|| milli(&resources["limits"]["cpu"])).map_or(0, units_of_cpu);
        let memory = [&resources["requests"]["memory"], &resources["limits"]["memory"]];
        (cpu, memory.into_iter().filter_map(mebibytes).max().unwrap_or(0))
    };
    let pod = taking.pod();
    let stays = |c: &&Value| c["restartPolicy"] == "Always";
    let beside = items(&pod["containers"]).chain(items(&pod["initContainers"]).filter(stays));
    let sum = beside.map(of).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    let before = items(&pod["initContainers"]).filter(|c| !stays(c)).map(of);
    before.fold(sum, |a, b| (a.0.max(b.0), a.1.max(b.1)))
}

/// Scratch disk is the task's.
fn storage(taking: &mut Taking<'_>) {
    let pod = taking.pod();
    let mut gib = 0;
    let mut paths = Vec::new();
    for list in ["containers", "initContainers"] {
        for (index, container) in items(&pod[list]).enumerate() {
            let resources = &container["resources"];
            let asked =
                ["limits", "requests"].into_iter().find_map(|part| bytes(&resources[part]["ephemeral-storage"]));
            gib += asked.map_or(0, |b| (b + (1 << 30) - 1) / (1 << 30));
            let at = super::container::path(pod, list, index).field("resources");
            paths.extend(
                ["limits", "requests"]
                    .into_iter()
                    .filter(|p| !resources[*p]["ephemeral-storage"].is_null())
                    .map(|p| at.field(p).field("ephemeral-storage")),
            );
        }
    }
    if paths.is_empty() {
        return;
    }
    let note = match gib {
        _ if taking.capacity == Capacity::Ec2 => Some("scratch space is the instance's disk"),
        gib if gib <= SCRATCH.0 => Some("every task on Fargate has 20 GiB"),
        gib if gib > SCRATCH.2 => Some("a task on Fargate has 200 GiB at most"),
        _ => None,
    };
    for (path, note) in paths.iter().zip(std::iter::repeat(note)).filter_map(|(p, n)| Some((p, n?))) {
        taking.approximate(path, note);
    }
    if taking.capacity == Capacity::Ec2 || gib <= SCRATCH.0 {
        return;
    }
    taking.task.insert("ephemeralStorage".into(), json!({"sizeInGiB": gib.clamp(SCRATCH.1, SCRATCH.2)}));
}
