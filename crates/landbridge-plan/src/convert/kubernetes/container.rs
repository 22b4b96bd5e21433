//! One container: image, command, variables, ports, sizes, security.

use landbridge_api::ecs::ContainerDefinition;
use landbridge_api::ecs::container::{PortMapping, TransportProtocol};
use landbridge_api::ecs::task_definition::NetworkMode;
use serde_json::{Map, Value, json};

use super::order::Part;
use super::{Making, probe, put, secrets, volume, within};
use crate::convert::expansion::escaped;
use crate::convert::name;
use crate::convert::quantity::{cpu_of_units, cpu_text, memory_text};

/// Most ports that a range is spelled out to.
const MOST_PORTS: u32 = 100;

/// A container of the pod.
pub fn container(making: &mut Making<'_>, container: &ContainerDefinition, part: Part) -> Value {
    let mut out = Map::new();
    out.insert("name".into(), json!(name::label(&container.name)));
    put(&mut out, "image", container.image.as_deref().map(Value::from));
    if part == Part::Sidecar {
        out.insert("restartPolicy".into(), json!("Always"));
    }
    put(&mut out, "command", words(&container.entry_point));
    put(&mut out, "args", words(&container.command));
    put(&mut out, "workingDir", container.working_directory.as_deref().map(Value::from));
    put(&mut out, "stdin", container.interactive.map(Value::from));
    put(&mut out, "tty", container.pseudo_terminal.map(Value::from));
    put(&mut out, "env", variables(making, container));
    put(&mut out, "envFrom", files(container));
    put(&mut out, "ports", ports(making, container));
    put(&mut out, "resources", resources(making, container));
    put(&mut out, "volumeMounts", volume::mounts(making, container));
    put(&mut out, "securityContext", security(making, container));
    if part == Part::Init {
        let check = within(container).field("healthCheck");
        if container.health_check.is_some() {
            making.draft.refuse(&check, "an init container has no probes: it runs to its end");
        }
    } else {
        probe::put(making, container, &mut out);
    }
    lifetime(making, container, part);
    Value::Object(out)
}

/// A list of words, literal.
fn words(words: &[String]) -> Value {
    words.iter().map(|w| Value::from(escaped(w))).collect()
}

/// What is said about `essential`: only `true` means the same, and of an init container only `false`.
fn lifetime(making: &mut Making<'_>, container: &ContainerDefinition, part: Part) {
    if container.essential == Some(false) && part != Part::Init {
        let at = within(container).field("essential");
        making.draft.approximate(&at, "Kubernetes restarts it; the end of no container ends the pod");
    }
}

fn variables(making: &mut Making<'_>, container: &ContainerDefinition) -> Value {
    let mut all: Vec<Value> = Vec::new();
    for pair in &container.environment {
        let at = within(container).field("environment").key(&pair.name);
        if !name::is_variable(&pair.name) {
            making.draft.refuse(&at, "not every Kubernetes takes this as the name of a variable: rename it");
            continue;
        }
        if looks_secret(&pair.name, pair.value.as_deref()) {
            let note = "looks secret and is plain text on both sides: move it to Secrets Manager and into secrets";
            making.draft.say(&at.field("value"), crate::convert::report::Outcome::Mapped, note);
        }
        let mut variable = Map::new();
        variable.insert("name".into(), json!(pair.name));
        if let Some(value) = &pair.value {
            variable.insert("value".into(), json!(escaped(value)));
        }
        all.push(Value::Object(variable));
    }
    all.extend(secrets::variables(making, container));
    Value::Array(all)
}

fn looks_secret(name: &str, value: Option<&str>) -> bool {
    let pair = json!({"name": name, "value": value});
    crate::redact::redacted(&pair) != pair
}

/// A ConfigMap for each file of variables; later ones win, as in ECS the earlier do, so they are turned round.
fn files(container: &ContainerDefinition) -> Value {
    let names = container.environment_files.iter().rev().map(|file| {
        let stem = file.value.rsplit('/').next().unwrap_or_default().trim_end_matches(".env");
        json!({"configMapRef": {"name": name::label(&format!("{stem}-env"))}})
    });
    names.collect()
}

fn ports(making: &mut Making<'_>, container: &ContainerDefinition) -> Value {
    let at = within(container).field("portMappings");
    let mut out = Vec::new();
    for (index, mapping) in container.port_mappings.iter().enumerate() {
        let at = at.index(index);
        if let Some(range) = &mapping.container_port_range {
            match spelled_out(range) {
                Some(ports) => out.extend(ports.map(|p| port(mapping, p, None, None))),
                None => making.draft.refuse(
                    &at.field("containerPortRange"),
                    format!("is no range, or has more than {MOST_PORTS} ports: a Service lists each"),
                ),
            }
            continue;
        }
        let Some(number) = mapping.container_port.and_then(|p| u32::try_from(p).ok()).filter(|p| *p > 0) else {
            making.draft.refuse(&at, "there is no port in it");
            continue;
        };
        out.push(port(mapping, number, mapping.name.as_deref(), host_port(making, mapping, number)));
    }
    Value::Array(out)
}

fn port(mapping: &PortMapping, number: u32, named: Option<&str>, host: Option<u32>) -> Value {
    let mut out = Map::new();
    put(&mut out, "name", named.map(|n| Value::from(name::port(n))));
    out.insert("containerPort".into(), json!(number));
    put(&mut out, "hostPort", host.map(Value::from));
    out.insert("protocol".into(), json!(if mapping.protocol == Some(TransportProtocol::Udp) { "UDP" } else { "TCP" }));
    Value::Object(out)
}

/// A port of the instance that was asked for in bridge mode. In the other modes it is the container's own.
fn host_port(making: &Making<'_>, mapping: &PortMapping, number: u32) -> Option<u32> {
    let host = mapping.host_port.and_then(|p| u32::try_from(p).ok()).filter(|p| *p > 0)?;
    let own = matches!(making.task.network_mode, Some(NetworkMode::Awsvpc | NetworkMode::Host));
    (!own || host != number).then_some(host)
}

/// The ports of a range, when they are not too many.
pub fn spelled_out(range: &str) -> Option<std::ops::RangeInclusive<u32>> {
    let (first, last) = range.split_once('-')?;
    let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
    (first > 0 && first <= last && last <= 65_535 && last - first < MOST_PORTS).then_some(first..=last)
}

fn resources(making: &mut Making<'_>, container: &ContainerDefinition) -> Value {
    let at = within(container);
    let (mut requests, mut limits) = (Map::new(), Map::new());
    let mib = |m: Option<i32>| m.map(|m| Value::from(memory_text(i64::from(m))));
    let used = making.options.usage.as_ref().and_then(|u| u.0.get(&container.name)).copied();
    if let Some(used) = used {
        requests.insert("cpu".into(), json!(cpu_text(used.cpu())));
        requests.insert("memory".into(), json!(memory_text(used.memory())));
        let note =
            "right-sized from the given usage: 95th percentile of CPU and a fifth, maximum of memory and a quarter";
        making.draft.approximate(&at.field("cpu"), note);
        making.draft.approximate(&at.field("memoryReservation"), note);
        // Until a soak has passed, nothing is killed that ECS would have let live.
        let old = container
            .memory
            .map(i64::from)
            .or_else(|| making.task.memory.as_ref().and_then(|m| crate::units::memory(&m.to_string())));
        let limit = old.map(|old| Value::from(memory_text(old.max(used.memory()))));
        put(&mut limits, "memory", limit);
    } else {
        let cpu = container.cpu.filter(|c| *c > 0).map(|c| cpu_text(cpu_of_units(i64::from(c))));
        put(&mut requests, "cpu", cpu.map(Value::from));
        put(&mut requests, "memory", mib(container.memory_reservation));
        put(&mut limits, "memory", mib(container.memory));
    }
    devices(making, container, &mut limits);
    if let Some(storage) = &making.task.ephemeral_storage
        && making.storage_of == container.name
    {
        let size = format!("{}Gi", storage.size_in_gib);
        requests.insert("ephemeral-storage".into(), json!(size));
        limits.insert("ephemeral-storage".into(), json!(size));
    }
    let mut out = Map::new();
    put(&mut out, "requests", Value::Object(requests));
    put(&mut out, "limits", Value::Object(limits));
    Value::Object(out)
}

/// GPUs and Neuron devices, which are limits of extended resources.
fn devices(making: &mut Making<'_>, container: &ContainerDefinition, limits: &mut Map<String, Value>) {
    for (index, wanted) in container.resource_requirements.iter().enumerate() {
        let at = within(container).field("resourceRequirements").index(index);
        let resource = match wanted.type_.as_str() {
            "GPU" => "nvidia.com/gpu",
            "NeuronDevice" => "aws.amazon.com/neuron",
            _ => {
                making.draft.refuse(&at, "no device plugin offers it: only GPU and NeuronDevice have one");
                continue;
            }
        };
        match wanted.value.as_deref().and_then(|v| v.parse::<u32>().ok()).filter(|v| *v > 0) {
            Some(count) => {
                limits.insert(resource.into(), json!(count.to_string()));
            }
            None => making.draft.refuse(&at, "a device plugin counts whole devices: give a number"),
        }
    }
}

fn security(making: &mut Making<'_>, container: &ContainerDefinition) -> Value {
    let mut out = Map::new();
    if let Some(user) = &container.user {
        let (uid, gid) = user.split_once(':').map_or((user.as_str(), None), |(u, g)| (u, Some(g)));
        let number = |text: &str| text.parse::<u32>().ok();
        match (number(uid), gid.map(number)) {
            (Some(uid), None) => {
                out.insert("runAsUser".into(), json!(uid));
            }
            (Some(uid), Some(Some(gid))) => {
                out.insert("runAsUser".into(), json!(uid));
                out.insert("runAsGroup".into(), json!(gid));
            }
            _ => {
                let at = within(container).field("user");
                making.draft.refuse(&at, "a name stands in the image alone: write the numbers of user and group");
            }
        }
    }
    put(&mut out, "privileged", container.privileged.map(Value::from));
    put(&mut out, "readOnlyRootFilesystem", container.readonly_root_filesystem.map(Value::from));
    if let Some(capabilities) = container.linux_parameters.as_ref().and_then(|l| l.capabilities.as_ref()) {
        let mut both = Map::new();
        put(&mut both, "add", json!(capabilities.add));
        put(&mut both, "drop", json!(capabilities.drop));
        put(&mut out, "capabilities", Value::Object(both));
    }
    Value::Object(out)
}
