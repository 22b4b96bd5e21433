//! The pod template: containers in their order, and what ECS says of the task as a whole.

use landbridge_api::ecs::Tag;
use landbridge_api::ecs::task_definition::{CpuArchitecture, IpcMode, NetworkMode, PidMode};
use serde_json::{Map, Value, json};

use super::order::{Part, ordered};
use super::{Making, SELECTOR, container, put, rollout, secrets, volume, within};
use crate::convert::fargate;
use crate::convert::name;
use crate::convert::path::Path;
use crate::convert::quantity::{cpu_of_units, cpu_text, memory_text, units_of_cpu};
use crate::convert::report::Size;
use crate::units;

/// Seconds between SIGTERM and SIGKILL where ECS is told none.
const STOP: i32 = 30;

/// The pod template of a workload.
pub fn template(making: &mut Making<'_>) -> Value {
    let mut spec = Map::new();
    let containers = making.task.container_definitions.clone();
    let (order, circle) = ordered(&containers);
    if circle {
        for c in containers.iter().filter(|c| !c.depends_on.is_empty()) {
            let at = within(c).field("dependsOn");
            making.draft.refuse(&at, "the containers wait for each other in a circle, which ECS refuses too");
        }
    }
    making.storage_of =
        order.iter().find(|(_, part)| *part == Part::Main).map(|(c, _)| c.name.clone()).unwrap_or_default();
    let (mut first, mut rest) = (Vec::new(), Vec::new());
    for (definition, part) in order {
        let made = container::container(making, definition, part);
        if part == Part::Main { rest.push(made) } else { first.push(made) }
    }
    spec.insert("serviceAccountName".into(), json!(making.name()));
    spec.insert("enableServiceLinks".into(), json!(false));
    put(&mut spec, "initContainers", Value::Array(first));
    spec.insert("containers".into(), Value::Array(rest));
    put(&mut spec, "imagePullSecrets", Value::Array(secrets::pull_secrets(making)));
    put(&mut spec, "volumes", volume::volumes(making));
    put(&mut spec, "resources", size(making));
    put(&mut spec, "nodeSelector", node_selector(making));
    put(&mut spec, "securityContext", security(making));
    namespaces(making, &mut spec);
    stop(making, &mut spec);
    names(making, &mut spec);
    rollout::placement(making, &mut spec);
    let mut metadata = Map::new();
    metadata.insert(
        "labels".into(),
        Value::Object(labels(making, &making.task.tags.clone(), &Path::of("taskDefinition.tags"))),
    );
    json!({"metadata": metadata, "spec": spec})
}

/// Labels of tags, beside the one that selects. What a label cannot hold is said.
pub fn labels(making: &mut Making<'_>, tags: &[Tag], at: &Path) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert(SELECTOR.into(), json!(making.name()));
    for tag in tags {
        let value = tag.value.as_deref().unwrap_or_default();
        let reserved = tag.key.starts_with("app.kubernetes.io/")
            || tag.key.split('/').next().is_some_and(|p| p.ends_with("landbridge.dev"));
        if reserved || !name::is_label_key(&tag.key) || !name::is_label_value(value) {
            making.draft.approximate(&at.key(&tag.key), "no label can have this key or value");
        } else {
            out.insert(tag.key.clone(), json!(value));
        }
    }
    out
}

/// The size of the task is the pod's own, as a whole.
fn size(making: &mut Making<'_>) -> Value {
    let number = |size: &Option<landbridge_api::ecs::IntOrString>, read: fn(&str) -> Option<i64>| {
        size.as_ref().and_then(|s| read(&s.to_string())).filter(|s| *s > 0)
    };
    let (cpu, memory) = (number(&making.task.cpu, units::cpu), number(&making.task.memory, units::memory));
    let at = Path::of("taskDefinition");
    for (field, given, read) in
        [("cpu", making.task.cpu.is_some(), cpu), ("memory", making.task.memory.is_some(), memory)]
    {
        if given && read.is_none() {
            making.draft.refuse(&at.field(field), "is no size: write 256, \"256\", \"1 vCPU\" or \"2 GB\"");
        }
    }
    eks_size(making, cpu, memory);
    let mut limits = Map::new();
    put(&mut limits, "cpu", cpu.map(|c| Value::from(cpu_text(cpu_of_units(c)))));
    put(&mut limits, "memory", memory.map(|m| Value::from(memory_text(m))));
    let mut out = Map::new();
    // Right-sized containers say themselves what the pod needs.
    if making.options.usage.is_none() {
        put(&mut out, "requests", Value::Object(limits.clone()));
    }
    put(&mut out, "limits", Value::Object(limits));
    Value::Object(out)
}

/// What EKS Fargate would run the pod in, when that was asked for.
fn eks_size(making: &mut Making<'_>, cpu: Option<i64>, memory: Option<i64>) {
    if !making.options.eks_fargate {
        return;
    }
    let asked = match &making.options.usage {
        // Right-sized containers ask for what they use.
        Some(usage) => {
            let used = making.task.container_definitions.iter().filter_map(|c| usage.0.get(&c.name));
            used.fold((0, 0), |sum, u| (sum.0 + units_of_cpu(u.cpu()), sum.1 + u.memory()))
        }
        None => (cpu.unwrap_or(0), memory.unwrap_or(0)),
    };
    match fargate::on_eks(asked.0, asked.1) {
        Some(fit) => {
            let size = Size::of(&format!("Deployment {}", making.name()), "EKS Fargate", asked, fit);
            making.draft.sizes.push(size);
        }
        None => making.draft.notes.push(format!("no EKS Fargate size holds {} CPU units and {} MiB", asked.0, asked.1)),
    }
}

fn node_selector(making: &mut Making<'_>) -> Value {
    let mut out = Map::new();
    if let Some(platform) = &making.task.runtime_platform {
        let arch = platform.cpu_architecture.map(|a| match a {
            CpuArchitecture::X8664 => "amd64",
            CpuArchitecture::Arm64 => "arm64",
        });
        put(&mut out, "kubernetes.io/arch", arch.map(Value::from));
        let os = platform
            .operating_system_family
            .as_deref()
            .map(|f| if f.starts_with("WINDOWS") { "windows" } else { "linux" });
        put(&mut out, "kubernetes.io/os", os.map(Value::from));
    }
    Value::Object(out)
}

/// Kernel parameters are the pod's.
fn security(making: &mut Making<'_>) -> Value {
    let mut sysctls: Vec<Value> = Vec::new();
    let containers = making.task.container_definitions.clone();
    for container in &containers {
        for (index, control) in container.system_controls.iter().enumerate() {
            let (Some(name), Some(value)) = (&control.namespace, &control.value) else {
                let at = within(container).field("systemControls").index(index);
                making.draft.refuse(&at, "a kernel parameter needs a name and a value");
                continue;
            };
            if is_the_hosts(making, name) {
                let at = within(container).field("systemControls").index(index);
                making.draft.refuse(&at, "the pod shares this with its node: set it on the node");
                continue;
            }
            if !sysctls.iter().any(|s| s["name"] == *name) {
                sysctls.push(json!({"name": name, "value": value}));
            }
        }
    }
    sysctls.sort_by(|a, b| a["name"].as_str().cmp(&b["name"].as_str()));
    let mut out = Map::new();
    put(&mut out, "sysctls", Value::Array(sysctls));
    Value::Object(out)
}

/// Whether a kernel parameter is of a namespace that the pod shares with its node, which the API server refuses.
fn is_the_hosts(making: &Making<'_>, parameter: &str) -> bool {
    const IPC: [&str; 4] = ["kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue."];
    let network = making.task.network_mode == Some(NetworkMode::Host) && parameter.starts_with("net.");
    let ipc = making.task.ipc_mode == Some(IpcMode::Host) && IPC.iter().any(|p| parameter.starts_with(p));
    network || ipc
}

fn namespaces(making: &mut Making<'_>, spec: &mut Map<String, Value>) {
    let at = Path::of("taskDefinition");
    match making.task.network_mode {
        Some(NetworkMode::Host) => {
            spec.insert("hostNetwork".into(), json!(true));
        }
        Some(NetworkMode::Bridge) => {
            making.draft.approximate(&at.field("networkMode"), "a pod has an address of its own, as in awsvpc mode");
        }
        Some(NetworkMode::None) => {
            making.draft.refuse(&at.field("networkMode"), "a pod has a network: forbid traffic with a NetworkPolicy");
        }
        Some(NetworkMode::Awsvpc) | None => {}
    }
    match making.task.pid_mode {
        Some(PidMode::Host) => spec.insert("hostPID".into(), json!(true)),
        Some(PidMode::Task) => spec.insert("shareProcessNamespace".into(), json!(true)),
        None => None,
    };
    match making.task.ipc_mode {
        Some(IpcMode::Host) => {
            spec.insert("hostIPC".into(), json!(true));
        }
        Some(IpcMode::Task) => {
            making.draft.approximate(&at.field("ipcMode"), "the containers of a pod always share IPC");
        }
        Some(IpcMode::None) => making.draft.refuse(&at.field("ipcMode"), "the containers of a pod always share IPC"),
        None => {}
    }
}

/// The longest time that a container has to stop.
fn stop(making: &Making<'_>, spec: &mut Map<String, Value>) {
    let times: Vec<Option<i32>> = making.task.container_definitions.iter().map(|c| c.stop_timeout).collect();
    if times.iter().any(Option::is_some) {
        let longest = times.iter().map(|t| t.unwrap_or(STOP)).max().unwrap_or(STOP);
        spec.insert("terminationGracePeriodSeconds".into(), json!(longest));
    }
}

/// Name servers and hosts, which are the pod's.
fn names(making: &Making<'_>, spec: &mut Map<String, Value>) {
    /// Most that Kubernetes takes.
    const SERVERS: usize = 3;
    let containers = &making.task.container_definitions;
    let unique = |of: fn(&landbridge_api::ecs::ContainerDefinition) -> &Vec<String>| {
        let mut all: Vec<&String> = Vec::new();
        for text in containers.iter().flat_map(of) {
            if !all.contains(&text) {
                all.push(text);
            }
        }
        all
    };
    let (mut servers, searches) = (unique(|c| &c.dns_servers), unique(|c| &c.dns_search_domains));
    servers.truncate(SERVERS);
    let mut config = Map::new();
    put(&mut config, "nameservers", json!(servers));
    put(&mut config, "searches", json!(searches));
    put(spec, "dnsConfig", Value::Object(config));
    let hosts = containers.iter().flat_map(|c| &c.extra_hosts);
    let mut aliases: Vec<Value> = Vec::new();
    for host in hosts {
        match aliases.iter_mut().find(|a| a["ip"] == host.ip_address) {
            Some(alias) => {
                if let Some(names) = alias["hostnames"].as_array_mut() {
                    names.push(json!(host.hostname));
                }
            }
            None => aliases.push(json!({"ip": host.ip_address, "hostnames": [host.hostname]})),
        }
    }
    aliases.sort_by(|a, b| a["ip"].as_str().cmp(&b["ip"].as_str()));
    put(spec, "hostAliases", Value::Array(aliases));
}
