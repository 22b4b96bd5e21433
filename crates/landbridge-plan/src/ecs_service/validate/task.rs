//! The task definition wherever it runs: containers, their names, environment, dependencies and ports.

use std::collections::{BTreeMap, BTreeSet};

use landbridge_api::ecs::container::ContainerCondition;
use landbridge_api::ecs::{ContainerDefinition, NetworkMode, TaskDefinition};
use serde_json::Value;

use super::super::WantedRevision;
use super::super::desire::{body_of, is_fargate};
use super::super::pass::Pass;
use super::{list, name, repeated, tag_limits};
use crate::units;

const PATH: &str = "spec.taskDefinition";
/// Largest task definition that RegisterTaskDefinition takes ("Amazon ECS service quotas").
const MAX_SIZE: usize = 64 * 1024;

pub(super) fn check(pass: &Pass<'_>, task: &TaskDefinition, found: &mut Vec<String>) {
    let containers = &task.container_definitions;
    name(found, &format!("{PATH}.family"), task.family.as_deref().unwrap_or_default(), "set another family");
    count(containers, found);
    for container in containers {
        one(task, container, found);
        environment(container, found);
        dependencies(containers, container, found);
        ports(task, container, found);
    }
    if let Some(cycle) = cycle(containers) {
        found.push(format!(
            "{PATH}.containerDefinitions: dependsOn goes in a circle ({}), so none of these containers could start: remove \
             one of the dependencies",
            cycle.join(" -> ")
        ));
    }
    port_names(containers, found);
    sizes(pass, task, found);
    if let WantedRevision::Content(wanted) = &pass.desired.revision {
        tag_limits(found, &format!("{PATH}.tags"), &wanted.tags());
    }
    let size = Value::Object(body_of(task)).to_string().len();
    if size > MAX_SIZE {
        found.push(format!(
            "{PATH} is {size} bytes as JSON, and ECS takes {MAX_SIZE}: move environment variables into environmentFiles, or \
             commands into the image"
        ));
    }
}

fn count(containers: &[ContainerDefinition], found: &mut Vec<String>) {
    let path = format!("{PATH}.containerDefinitions");
    if containers.is_empty() {
        found.push(format!("{path} is empty: a task needs at least one container"));
    }
    if containers.len() > 10 {
        found.push(format!(
            "{path} has {} containers, and ECS takes 10 in a task: split the task into two services",
            containers.len()
        ));
    }
    for twice in repeated(containers.iter().map(|c| c.name.as_str())) {
        found.push(format!("{path} has more than one container named {twice}: rename all but one"));
    }
    if !containers.is_empty() && containers.iter().all(|c| c.essential == Some(false)) {
        found
            .push(format!("{path} has no essential container, and ECS wants one: set essential: true on the main one"));
    }
}

fn at(container: &ContainerDefinition) -> String {
    format!("{PATH}.containerDefinitions[{}]", container.name)
}

fn one(task: &TaskDefinition, container: &ContainerDefinition, found: &mut Vec<String>) {
    let at = at(container);
    name(found, &format!("{at}.name"), &container.name, "rename it");
    if container.image.as_deref().unwrap_or_default().is_empty() {
        found.push(format!("{at}.image is missing: name the image to run"));
    }
    if let (Some(reserved), Some(limit)) = (container.memory_reservation, container.memory)
        && reserved >= limit
    {
        found.push(format!(
            "{at}.memoryReservation is {reserved} MiB and memory {limit} MiB: memory is the hard limit and must be larger"
        ));
    }
    let total = task.memory.as_ref().and_then(|m| units::memory(&m.to_string()));
    if let (Some(total), Some(own)) = (total, container.memory.or(container.memory_reservation))
        && i64::from(own) > total
    {
        found.push(format!(
            "{at} asks for {own} MiB of memory, and the whole task has {total}: raise {PATH}.memory or lower it here"
        ));
    }
}

fn environment(container: &ContainerDefinition, found: &mut Vec<String>) {
    let at = at(container);
    for twice in repeated(container.environment.iter().map(|e| e.name.as_str())) {
        found.push(format!("{at}.environment has {twice} more than once: keep one"));
    }
    for twice in repeated(container.secrets.iter().map(|s| s.name.as_str())) {
        found.push(format!("{at}.secrets has {twice} more than once: keep one"));
    }
    for secret in &container.secrets {
        if container.environment.iter().any(|e| e.name == secret.name) {
            found.push(format!("{at} has {} both in environment and in secrets: keep one", secret.name));
        }
    }
}

fn dependencies(all: &[ContainerDefinition], container: &ContainerDefinition, found: &mut Vec<String>) {
    let at = at(container);
    for dependency in &container.depends_on {
        let other = &dependency.container_name;
        let Some(target) = all.iter().find(|c| c.name == *other) else {
            found.push(format!(
                "{at}.dependsOn names container {other}, which the task does not have: correct the name"
            ));
            continue;
        };
        match dependency.condition {
            ContainerCondition::Healthy if target.health_check.is_none() => found.push(format!(
                "{at}.dependsOn waits for {other} to be HEALTHY, and {other} has no healthCheck: give it one"
            )),
            ContainerCondition::Complete | ContainerCondition::Success if target.essential != Some(false) => {
                found.push(format!(
                    "{at}.dependsOn waits for {other} to end, and {other} is essential, so its end stops the task: set \
                     essential: false on {other}"
                ));
            }
            _ => {}
        }
    }
    for link in container.volumes_from.iter().filter_map(|v| v.source_container.as_ref()) {
        if !all.iter().any(|c| c.name == *link) {
            found.push(format!(
                "{at}.volumesFrom names container {link}, which the task does not have: correct the name"
            ));
        }
    }
}

/// Containers that wait for each other, if any do.
fn cycle(containers: &[ContainerDefinition]) -> Option<Vec<&str>> {
    let edges: BTreeMap<&str, Vec<&str>> = containers
        .iter()
        .map(|c| (c.name.as_str(), c.depends_on.iter().map(|d| d.container_name.as_str()).collect()))
        .collect();
    let mut done = BTreeSet::new();
    containers.iter().find_map(|c| walk(&c.name, &edges, &mut Vec::new(), &mut done))
}

fn walk<'a>(
    name: &'a str,
    edges: &BTreeMap<&'a str, Vec<&'a str>>,
    path: &mut Vec<&'a str>,
    done: &mut BTreeSet<&'a str>,
) -> Option<Vec<&'a str>> {
    if let Some(start) = path.iter().position(|n| *n == name) {
        let mut cycle = path[start..].to_vec();
        cycle.push(name);
        return Some(cycle);
    }
    if done.contains(name) {
        return None;
    }
    path.push(name);
    let found = edges.get(name).into_iter().flatten().find_map(|next| walk(next, edges, path, done));
    path.pop();
    done.insert(name);
    found
}

fn ports(task: &TaskDefinition, container: &ContainerDefinition, found: &mut Vec<String>) {
    let shares = matches!(task.network_mode, Some(NetworkMode::Awsvpc | NetworkMode::Host));
    for port in &container.port_mappings {
        let (Some(inside), Some(outside)) = (port.container_port, port.host_port) else { continue };
        if shares && outside != 0 && outside != inside {
            found.push(format!(
                "{}.portMappings has hostPort {outside} for containerPort {inside}, and in this network mode they are the same \
                 port: leave hostPort out",
                at(container)
            ));
        }
    }
}

fn port_names(containers: &[ContainerDefinition], found: &mut Vec<String>) {
    let names = containers.iter().flat_map(|c| &c.port_mappings).filter_map(|p| p.name.as_deref());
    for twice in repeated(names) {
        found.push(format!("{PATH} has more than one port mapping named {twice}: rename all but one"));
    }
}

/// On EC2 memory is said for the task or for each container; sizes must be sizes.
fn sizes(pass: &Pass<'_>, task: &TaskDefinition, found: &mut Vec<String>) {
    let cpu = task.cpu.as_ref().map(ToString::to_string);
    let memory = task.memory.as_ref().map(ToString::to_string);
    if let Some(text) = cpu.filter(|t| units::cpu(t).is_none()) {
        found.push(format!("{PATH}.cpu is {text:?}, which is no size: write CPU units such as 256, or \"1 vCPU\""));
    }
    if let Some(text) = memory.as_ref().filter(|t| units::memory(t).is_none()) {
        found.push(format!("{PATH}.memory is {text:?}, which is no size: write MiB such as 512, or \"2 GB\""));
    }
    if memory.is_none() && !is_fargate(&pass.desired.typed, Some(task)) {
        let without: Vec<&str> = task
            .container_definitions
            .iter()
            .filter(|c| c.memory.is_none() && c.memory_reservation.is_none())
            .map(|c| c.name.as_str())
            .collect();
        if !without.is_empty() {
            found.push(format!(
                "{PATH} has no memory and neither has {}: set {PATH}.memory, or memory or memoryReservation of each container",
                list(&without, "")
            ));
        }
    }
}
