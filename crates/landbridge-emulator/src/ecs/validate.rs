//! What RegisterTaskDefinition refuses.
//! Source: RegisterTaskDefinition and "Task definition parameters for Fargate" in the Amazon ECS documentation.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::fill::fill_defaults;
use super::member::{Members, client, invalid};
use super::names;
use super::task_definition::raw_fields;
use crate::refusal::Refusal;

/// "Containers per task definition" and "Task definition size" in the Amazon ECS service quotas.
const CONTAINERS: usize = 10;
const SIZE: usize = 64 * 1024;

/// The checked request, as DescribeTaskDefinition gives it back.
pub(super) fn task_definition(input: &Value) -> Result<Map<String, Value>, Refusal> {
    if !input.text("family").is_some_and(names::is_name) {
        return Err(client(
            "Family contains invalid characters: it must have 1 to 255 letters, numbers, hyphens and underscores.",
        ));
    }
    let mut fields = raw_fields(input);
    // Deploy tools copy what they read and send empty text for a role that there was not; ECS takes it for none.
    for role in ["executionRoleArn", "taskRoleArn"] {
        if fields.text(role) == Some("") {
            fields.remove(role);
        }
    }
    check_size(&fields)?;
    check_containers(&fields)?;
    let launch_types = check_launch_types(&fields)?;
    normalise_size(&mut fields)?;
    let fargate = launch_types.contains(&"FARGATE".to_owned());
    if fargate {
        check_fargate(&fields)?;
    }
    check_volumes(&fields)?;
    check_memory(&fields)?;
    check_ports(&fields)?;
    check_roles(&fields, fargate)?;
    fill_defaults(&mut fields);
    let compatibilities = compatibilities(&fields);
    fields.insert("compatibilities".to_owned(), json!(compatibilities));
    Ok(fields)
}

fn check_size(fields: &Map<String, Value>) -> Result<(), Refusal> {
    let size = serde_json::to_string(fields).map_or(usize::MAX, |text| text.len());
    if size > SIZE {
        return Err(client(format!("Actual length: '{size}'. Max allowed length is '{SIZE}' bytes.")));
    }
    Ok(())
}

fn check_containers(fields: &Map<String, Value>) -> Result<(), Refusal> {
    let containers = fields.list("containerDefinitions");
    if containers.is_empty() {
        return Err(client("Container list cannot be empty."));
    }
    if containers.len() > CONTAINERS {
        return Err(client(format!(
            "Too many containers: a task definition can have at most {CONTAINERS}, and this one has {}.",
            containers.len()
        )));
    }
    let mut seen = BTreeSet::new();
    for container in containers {
        let name = container.text("name").unwrap_or_default();
        if !names::is_name(name) {
            return Err(client("Container.name contains invalid characters."));
        }
        if container.text("image").is_none_or(|image| image.trim().is_empty()) {
            return Err(client("Container.image should not be null or empty."));
        }
        if !seen.insert(name) {
            return Err(client(format!(
                "Container names must be unique within a task definition: '{name}' is used twice."
            )));
        }
    }
    if !containers.iter().any(is_essential) {
        return Err(client("Invalid 'essential' setting: at least one container must be essential."));
    }
    for container in containers {
        check_dependencies(container, &seen)?;
    }
    check_cycles(containers)
}

fn is_essential(container: &Value) -> bool {
    container.flag("essential").unwrap_or(true)
}

fn check_dependencies(container: &Value, names: &BTreeSet<&str>) -> Result<(), Refusal> {
    let own = container.text("name").unwrap_or_default();
    for dependency in container.list("dependsOn") {
        let (other, condition) = (dependency.text("containerName").unwrap_or_default(), dependency.text("condition"));
        if !names.contains(other) || other == own {
            return Err(client(format!(
                "Container '{own}' depends on '{other}', which is not another container of the task definition."
            )));
        }
        if !matches!(condition, Some("START" | "COMPLETE" | "SUCCESS" | "HEALTHY")) {
            return Err(client(format!(
                "Invalid dependsOn condition '{}' of container '{own}'.",
                condition.unwrap_or_default()
            )));
        }
    }
    for source in container.list("volumesFrom") {
        let other = source.text("sourceContainer").unwrap_or_default();
        if !names.contains(other) {
            return Err(client(format!("Container '{own}' takes volumes from unknown container '{other}'.")));
        }
    }
    Ok(())
}

/// Refuses dependencies that go round: peels containers off whose dependencies are all gone until none is left.
fn check_cycles(containers: &[Value]) -> Result<(), Refusal> {
    let mut left: Vec<&Value> = containers.iter().collect();
    loop {
        let names: BTreeSet<&str> = left.iter().filter_map(|container| container.text("name")).collect();
        let waits = |container: &&Value| {
            container.list("dependsOn").iter().any(|on| on.text("containerName").is_some_and(|on| names.contains(on)))
        };
        let before = left.len();
        left.retain(waits);
        if left.is_empty() {
            return Ok(());
        }
        if left.len() == before {
            return Err(client("The container dependencies contain a cycle."));
        }
    }
}

fn check_launch_types(fields: &Map<String, Value>) -> Result<Vec<String>, Refusal> {
    let required = fields.texts("requiresCompatibilities");
    for launch_type in &required {
        if !matches!(*launch_type, "EC2" | "FARGATE" | "EXTERNAL" | "MANAGED_INSTANCES") {
            return Err(client(format!("Invalid requiresCompatibilities value: {launch_type}")));
        }
    }
    let mode = fields.text("networkMode");
    if mode.is_some_and(|mode| !matches!(mode, "none" | "bridge" | "awsvpc" | "host")) {
        return Err(client(format!("Invalid network mode: {}", mode.unwrap_or_default())));
    }
    Ok(required.into_iter().map(str::to_owned).collect())
}

/// "1 vCPU" and "2 GB" are stored as "1024" and "2048" (RegisterTaskDefinition, `cpu` and `memory`).
fn normalise_size(fields: &mut Map<String, Value>) -> Result<(), Refusal> {
    for (name, unit) in [("cpu", "vcpu"), ("memory", "gb")] {
        let Some(text) = fields.text(name) else { continue };
        let Some(number) = units(text, unit) else {
            return Err(client(format!("Invalid '{name}' setting for task: '{text}' is not a number of units.")));
        };
        fields.insert(name.to_owned(), json!(number.to_string()));
    }
    Ok(())
}

/// Whole units, or 1024 times a number before `unit`.
fn units(text: &str, unit: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    match text.strip_suffix(unit) {
        Some(number) => {
            let units = number.trim().parse::<f64>().ok()? * 1024.0;
            (units.is_finite() && units >= 0.0 && units.fract() == 0.0).then_some(units as u64)
        }
        None => text.parse().ok(),
    }
}

fn size(fields: &Map<String, Value>, name: &str) -> Option<u64> {
    fields.text(name)?.parse().ok()
}

/// "Task CPU and memory" in "Task definition differences for Fargate".
pub(super) fn is_fargate_size(cpu: u64, memory: u64) -> bool {
    let steps = |from: u64, to: u64, step: u64| (from..=to).contains(&memory) && memory.is_multiple_of(step);
    match cpu {
        256 => matches!(memory, 512 | 1024 | 2048),
        512 => steps(1024, 4096, 1024),
        1024 => steps(2048, 8192, 1024),
        2048 => steps(4096, 16384, 1024),
        4096 => steps(8192, 30720, 1024),
        8192 => steps(16384, 61440, 4096),
        16384 => steps(32768, 122_880, 8192),
        32768 => matches!(memory, 61440 | 122_880 | 249_856),
        _ => false,
    }
}

fn check_fargate(fields: &Map<String, Value>) -> Result<(), Refusal> {
    if fields.text("networkMode") != Some("awsvpc") {
        return Err(client("Fargate only supports network mode ‘awsvpc’."));
    }
    let Some(cpu) = size(fields, "cpu") else {
        return Err(client("Fargate requires that 'cpu' be defined at the task level."));
    };
    let Some(memory) = size(fields, "memory") else {
        return Err(client("Fargate requires that 'memory' be defined at the task level."));
    };
    if !is_fargate_size(cpu, memory) {
        return Err(client(format!("No Fargate configuration exists for given values: {cpu} CPU, {memory} memory.")));
    }
    if !fields.list("placementConstraints").is_empty() {
        return Err(client("Fargate does not support placement constraints."));
    }
    if let Some(size) = fields.object("ephemeralStorage").and_then(|storage| storage.number("sizeInGiB"))
        && !(21..=200).contains(&size)
    {
        return Err(client("Ephemeral storage must be between 21 and 200 GiB."));
    }
    fields.list("containerDefinitions").iter().try_for_each(check_fargate_container)
}

fn check_fargate_container(container: &Value) -> Result<(), Refusal> {
    const REFUSED: [&str; 6] =
        ["dnsServers", "dnsSearchDomains", "dockerSecurityOptions", "extraHosts", "links", "disableNetworking"];
    let name = container.text("name").unwrap_or_default();
    let refuse =
        |what: &str| client(format!("Invalid setting for container '{name}': Fargate does not support '{what}'."));
    if let Some(refused) =
        REFUSED.iter().find(|member| !container.list(member).is_empty() || container.flag(member).unwrap_or(false))
    {
        return Err(refuse(refused));
    }
    if container.flag("privileged").unwrap_or(false) {
        return Err(refuse("privileged"));
    }
    if container.list("resourceRequirements").iter().any(|requirement| requirement.text("type") == Some("GPU")) {
        return Err(refuse("GPU"));
    }
    if let Some(linux) = container.object("linuxParameters")
        && let Some(refused) = ["maxSwap", "swappiness", "sharedMemorySize", "devices", "tmpfs"]
            .iter()
            .find(|member| linux.member(member).is_some_and(|it| *it != json!([])))
    {
        return Err(refuse(refused));
    }
    let driver = container.object("logConfiguration").and_then(|log| log.text("logDriver"));
    if driver.is_some_and(|driver| !matches!(driver, "awslogs" | "splunk" | "awsfirelens")) {
        return Err(client(format!("Fargate does not support log driver '{}'.", driver.unwrap_or_default())));
    }
    if container.number("stopTimeout").is_some_and(|seconds| !(2..=120).contains(&seconds)) {
        return Err(client(format!("Invalid 'stopTimeout' of container '{name}': Fargate takes 2 to 120 seconds.")));
    }
    Ok(())
}

fn check_volumes(fields: &Map<String, Value>) -> Result<(), Refusal> {
    let mut volumes = BTreeSet::new();
    for volume in fields.list("volumes") {
        let name = volume.text("name").unwrap_or_default();
        if name.is_empty() || !volumes.insert(name) {
            return Err(client(format!("Volume names must be present and unique: '{name}'.")));
        }
    }
    for container in fields.list("containerDefinitions") {
        for mount in container.list("mountPoints") {
            let source = mount.text("sourceVolume").unwrap_or_default();
            if !volumes.contains(source) {
                return Err(client(format!(
                    "The 'sourceVolume' parameter of container '{}' names unknown volume '{source}'.",
                    container.text("name").unwrap_or_default()
                )));
            }
        }
    }
    Ok(())
}

fn check_memory(fields: &Map<String, Value>) -> Result<(), Refusal> {
    let (cpu, memory) = (size(fields, "cpu"), size(fields, "memory"));
    let (mut all_cpu, mut all_memory) = (0, 0);
    for container in fields.list("containerDefinitions") {
        let name = container.text("name").unwrap_or_default();
        let (hard, soft) = (container.number("memory"), container.number("memoryReservation"));
        if memory.is_none() && hard.is_none() && soft.is_none() {
            return Err(client(format!(
                "Invalid setting for container '{name}'. At least one of 'memory' or 'memoryReservation' must be specified."
            )));
        }
        if let (Some(hard), Some(soft)) = (hard, soft)
            && hard < soft
        {
            return Err(client(format!(
                "Invalid setting for container '{name}'. 'memory' must not be less than 'memoryReservation'."
            )));
        }
        all_cpu += container.number("cpu").unwrap_or(0).max(0) as u64;
        all_memory += soft.or(hard).unwrap_or(0).max(0) as u64;
    }
    if cpu.is_some_and(|cpu| all_cpu > cpu) || memory.is_some_and(|memory| all_memory > memory) {
        return Err(client("The sum of the containers' 'cpu' or 'memory' settings exceeds the task's."));
    }
    Ok(())
}

fn check_ports(fields: &Map<String, Value>) -> Result<(), Refusal> {
    let (awsvpc, mut named) = (fields.text("networkMode") == Some("awsvpc"), BTreeSet::new());
    for container in fields.list("containerDefinitions") {
        for mapping in container.list("portMappings") {
            let (port, host) = (mapping.number("containerPort"), mapping.number("hostPort"));
            if port.is_some_and(|port| !(0..=65535).contains(&port)) {
                return Err(client("Invalid 'containerPort' setting: it must be between 0 and 65535."));
            }
            if awsvpc && host.is_some_and(|host| host != 0 && Some(host) != port) {
                return Err(client(
                    "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
                ));
            }
            if let Some(name) = mapping.text("name")
                && !named.insert(name.to_owned())
            {
                return Err(client(format!("Port mapping names must be unique: '{name}' is used twice.")));
            }
        }
    }
    Ok(())
}

fn check_roles(fields: &Map<String, Value>, fargate: bool) -> Result<(), Refusal> {
    if fields.text("executionRoleArn").is_some() {
        return Ok(());
    }
    for container in fields.list("containerDefinitions") {
        let log = container.object("logConfiguration");
        if !container.list("secrets").is_empty() || log.is_some_and(|log| !log.list("secretOptions").is_empty()) {
            return Err(client(
                "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.",
            ));
        }
        if fargate && log.and_then(|log| log.text("logDriver")) == Some("awslogs") {
            return Err(client(
                "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
            ));
        }
        if fargate && container.text("image").is_some_and(|image| image.contains(".dkr.ecr.")) {
            return Err(client("Fargate requires task definition to have execution role ARN to support ECR images."));
        }
    }
    Ok(())
}

fn compatibilities(fields: &Map<String, Value>) -> Vec<&'static str> {
    let mut compatible = vec!["EC2"];
    if check_fargate(fields).is_ok() && check_roles(fields, true).is_ok() {
        compatible.push("FARGATE");
    }
    if matches!(fields.text("networkMode"), Some("awsvpc" | "host")) {
        compatible.push("MANAGED_INSTANCES");
    }
    if fields.text("networkMode") != Some("awsvpc") {
        compatible.push("EXTERNAL");
    }
    compatible
}

/// A capacity provider strategy (CapacityProviderStrategyItem): weights 0 to 1000, bases 0 to 100,000, one base only.
pub(super) fn strategy(items: &[Value]) -> Result<(), Refusal> {
    if items.len() > 20 {
        return Err(invalid("A capacity provider strategy can have at most 20 items."));
    }
    let mut bases = 0;
    for item in items {
        let (weight, base) = (item.number("weight").unwrap_or(0), item.number("base").unwrap_or(0));
        if item.text("capacityProvider").is_none() {
            return Err(invalid("Each item of a capacity provider strategy must name a capacity provider."));
        }
        if !(0..=1000).contains(&weight) || !(0..=100_000).contains(&base) {
            return Err(invalid("The weight of a capacity provider must be 0 to 1000 and its base 0 to 100000."));
        }
        bases += usize::from(base > 0);
    }
    if bases > 1 {
        return Err(invalid("Only one capacity provider in a strategy can have a base."));
    }
    if items.len() > 1 && items.iter().all(|item| item.number("weight").unwrap_or(0) == 0) {
        return Err(invalid("At least one capacity provider in a strategy must have a weight greater than 0."));
    }
    Ok(())
}
