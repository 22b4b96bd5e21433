//! What Fargate does not run: sizes that do not exist, and fields that need an instance of one's own
//! ("Task definition differences for Fargate" in the ECS developer guide).

use landbridge_api::ecs::task_definition::PidMode;
use landbridge_api::ecs::{ContainerDefinition, NetworkMode, TaskDefinition};

use super::list;
use crate::units;

const PATH: &str = "spec.taskDefinition";

/// CPU units, and from, to and step of the MiB of memory that go with them.
const SIZES: &[(i64, i64, i64, i64)] = &[
    (512, 1024, 4096, 1024),
    (1024, 2048, 8192, 1024),
    (2048, 4096, 16_384, 1024),
    (4096, 8192, 30_720, 1024),
    (8192, 16_384, 61_440, 4096),
    (16_384, 32_768, 122_880, 8192),
];

/// The MiB of memory that Fargate has with so many CPU units; none when it has no such CPU.
pub(crate) fn memory_for(cpu: i64) -> Option<Vec<i64>> {
    match cpu {
        256 => Some(vec![512, 1024, 2048]),
        32_768 => Some(vec![61_440, 122_880, 249_856]),
        _ => {
            let (_, from, to, step) = SIZES.iter().find(|s| s.0 == cpu)?;
            Some((*from..=*to).step_by(usize::try_from(*step).unwrap_or(1)).collect())
        }
    }
}

pub(super) fn check(task: &TaskDefinition, found: &mut Vec<String>) {
    size(task, found);
    if !matches!(task.network_mode, None | Some(NetworkMode::Awsvpc)) {
        found.push(format!("{PATH}.networkMode must be awsvpc on Fargate: remove the field"));
    }
    let whole = [
        ("ipcMode", task.ipc_mode.is_some()),
        ("placementConstraints", !task.placement_constraints.is_empty()),
        ("inferenceAccelerators", !task.inference_accelerators.is_empty()),
        ("pidMode host", task.pid_mode == Some(PidMode::Host)),
    ];
    for (field, _) in whole.iter().filter(|(_, set)| *set) {
        found.push(format!("{PATH}: Fargate does not take {field}: remove it, or run on EC2"));
    }
    for volume in &task.volumes {
        let on_instance = volume.host.as_ref().is_some_and(|h| h.source_path.is_some());
        if on_instance
            || volume.docker_volume_configuration.is_some()
            || volume.fsx_windows_file_server_volume_configuration.is_some()
        {
            found.push(format!(
                "{PATH}.volumes[{}]: Fargate takes scratch space, EFS and volumes configured at launch: use one of these, or \
                 run on EC2",
                volume.name
            ));
        }
    }
    for container in &task.container_definitions {
        let refused = refused(container);
        if !refused.is_empty() {
            found.push(format!(
                "{PATH}.containerDefinitions[{}]: Fargate does not take {}: remove that, or run on EC2",
                container.name,
                list(&refused, ""),
            ));
        }
    }
    execution_role(task, found);
}

fn size(task: &TaskDefinition, found: &mut Vec<String>) {
    let cpu = task.cpu.as_ref().map(|c| units::cpu(&c.to_string()));
    let memory = task.memory.as_ref().map(|m| units::memory(&m.to_string()));
    let (Some(cpu), Some(memory)) = (cpu, memory) else {
        found.push(format!("{PATH} needs cpu and memory on Fargate: the smallest size is cpu 256 with memory 512"));
        return;
    };
    // What is no size at all is said elsewhere.
    let (Some(cpu), Some(memory)) = (cpu, memory) else { return };
    let Some(legal) = memory_for(cpu) else {
        let mut all: Vec<i64> = SIZES.iter().map(|s| s.0).chain([256, 32_768]).collect();
        all.sort_unstable();
        found.push(format!("{PATH}.cpu is {cpu}, which Fargate does not have: use {}", joined(&all)));
        return;
    };
    if !legal.contains(&memory) {
        let nearest = legal.iter().min_by_key(|m| (*m - memory).abs()).copied().unwrap_or(memory);
        found.push(format!(
            "{PATH}.memory is {memory} MiB, which Fargate does not have with cpu {cpu}: use one of {} (nearest: {nearest})",
            joined(&legal)
        ));
    }
}

/// Long lists of equal steps are told as such.
fn joined(numbers: &[i64]) -> String {
    if let [first, second, .., last] = numbers
        && numbers.len() > 6
        && numbers.windows(2).all(|w| w[1] - w[0] == second - first)
    {
        return format!("{first} to {last} in steps of {}", second - first);
    }
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn refused(container: &ContainerDefinition) -> Vec<&'static str> {
    let linux = container.linux_parameters.as_deref();
    let capability = linux.and_then(|l| l.capabilities.as_ref());
    let driver = container.log_configuration.as_ref().map(|l| l.log_driver.as_str());
    let timeouts = [container.start_timeout, container.stop_timeout];
    let fields = [
        ("disableNetworking", container.disable_networking == Some(true)),
        ("dnsSearchDomains", !container.dns_search_domains.is_empty()),
        ("dnsServers", !container.dns_servers.is_empty()),
        ("dockerSecurityOptions", !container.docker_security_options.is_empty()),
        ("extraHosts", !container.extra_hosts.is_empty()),
        ("hostname", container.hostname.is_some()),
        ("links", !container.links.is_empty()),
        ("privileged", container.privileged == Some(true)),
        ("GPUs", container.resource_requirements.iter().any(|r| r.type_ == "GPU")),
        ("linuxParameters.maxSwap", linux.is_some_and(|l| l.max_swap.is_some())),
        ("linuxParameters.swappiness", linux.is_some_and(|l| l.swappiness.is_some())),
        ("linuxParameters.devices", linux.is_some_and(|l| !l.devices.is_empty())),
        ("linuxParameters.sharedMemorySize", linux.is_some_and(|l| l.shared_memory_size.is_some())),
        ("linuxParameters.tmpfs", linux.is_some_and(|l| !l.tmpfs.is_empty())),
        ("capabilities other than SYS_PTRACE", capability.is_some_and(|c| c.add.iter().any(|a| a != "SYS_PTRACE"))),
        (
            "log drivers other than awslogs, splunk and awsfirelens",
            driver.is_some_and(|d| !["awslogs", "splunk", "awsfirelens"].contains(&d)),
        ),
        ("startTimeout and stopTimeout above 120 seconds", timeouts.iter().flatten().any(|t| *t > 120)),
    ];
    fields.into_iter().filter(|(_, set)| *set).map(|(name, _)| name).collect()
}

/// On Fargate ECS needs a role to write logs and read secrets.
fn execution_role(task: &TaskDefinition, found: &mut Vec<String>) {
    if task.execution_role_arn.is_some() {
        return;
    }
    let logs = |c: &ContainerDefinition| c.log_configuration.as_ref().is_some_and(|l| l.log_driver == "awslogs");
    let needs: Vec<&str> = task
        .container_definitions
        .iter()
        .filter(|c| logs(c) || !c.secrets.is_empty() || c.repository_credentials.is_some())
        .map(|c| c.name.as_str())
        .collect();
    if !needs.is_empty() {
        found.push(format!(
            "{PATH} has no execution role, and on Fargate ECS needs one to write the logs or read the secrets of {}: set \
             spec.executionRoleRef, {PATH}.executionRoleArn, or serviceDefaults.executionRoleArn of the ECSCluster",
            list(&needs, ""),
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fargate_size_of_the_table_is_there() {
        assert_eq!(memory_for(256), Some(vec![512, 1024, 2048]));
        assert_eq!(memory_for(512), Some(vec![1024, 2048, 3072, 4096]));
        assert_eq!(memory_for(4096).map(|m| (m[0], m.len(), m[m.len() - 1])), Some((8192, 23, 30_720)));
        assert_eq!(memory_for(8192).map(|m| (m[0], m.len(), m[m.len() - 1])), Some((16_384, 12, 61_440)));
        assert_eq!(memory_for(16_384).map(|m| (m[0], m.len(), m[m.len() - 1])), Some((32_768, 12, 122_880)));
        assert_eq!(memory_for(32_768), Some(vec![61_440, 122_880, 249_856]));
        assert_eq!(memory_for(3000), None);
    }
}
