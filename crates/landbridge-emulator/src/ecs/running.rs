//! The tasks that answer under an address, for whoever plays their programs. Source: "Amazon ECS task lifecycle".

use std::net::Ipv4Addr;

use super::member::Members;
use super::task::{LastStatus, Task};
use crate::scripts::TargetFate;
use crate::world::World;

/// A task with a network interface whose containers have started and were not told to stop: RUNNING, or DEACTIVATING, while
/// it is taken out of its target groups. In STOPPING they have got SIGTERM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningTask {
    /// ARN of the task.
    pub arn: String,
    /// Private IPv4 address of its network interface.
    pub address: Ipv4Addr,
    /// Its Availability Zone.
    pub zone: Option<String>,
    /// The images of its containers.
    pub images: Vec<String>,
    /// How its programs answer now, by the scripts for its images: as its targets answer health checks.
    pub fate: TargetFate,
}

/// Those of all accounts and regions, by ARN.
pub(crate) fn running_tasks(world: &World) -> Vec<RunningTask> {
    let runs = |task: &&Task| matches!(task.last, LastStatus::Running | LastStatus::Deactivating);
    let shown = |task: &Task| {
        let images: Vec<&str> = task.definition.containers().iter().filter_map(|it| it.text("image")).collect();
        let started = task.started_at.unwrap_or(world.now);
        let fates = images
            .iter()
            .map(|image| world.scripts.fate(image, world.timings.pulling).answers(started).fate(world.now));
        Some(RunningTask {
            arn: task.arn.clone(),
            address: task.network.as_ref()?.address,
            zone: task.fields.text("availabilityZone").map(str::to_owned),
            fate: fates.into_iter().find(|fate| *fate != TargetFate::Healthy).unwrap_or(TargetFate::Healthy),
            images: images.into_iter().map(str::to_owned).collect(),
        })
    };
    world.services.ecs.tasks.values().filter(runs).filter_map(shown).collect()
}
