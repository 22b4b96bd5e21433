//! The network interfaces that tasks hold, for EC2 to show. Source: Task.attachments and "Amazon ECS task networking".

use std::net::Ipv4Addr;

use jiff::Timestamp;

use super::member::Members;
use super::names;
use crate::world::{Cx, World};

/// A network interface of a task that has not stopped.
#[derive(Debug, Clone)]
pub(crate) struct TaskInterface {
    pub(crate) id: String,
    /// What follows `attachment/` in its attachment's ARN.
    pub(crate) attachment: String,
    pub(crate) region: String,
    pub(crate) zone: String,
    pub(crate) subnet: String,
    /// As the task was asked to have them; none stands for the default one of the VPC.
    pub(crate) groups: Vec<String>,
    pub(crate) address: Ipv4Addr,
    pub(crate) mac: String,
    pub(crate) attached: Timestamp,
}

/// Those of the caller's account and region.
pub(crate) fn interfaces(world: &World, cx: &Cx) -> Vec<TaskInterface> {
    let own = names::arn(cx, "task", "");
    let tasks = world.services.ecs.tasks.range(own.clone()..).take_while(|(arn, _)| arn.starts_with(&own));
    let holding = tasks.filter(|(_, task)| !task.is_stopped());
    let interface = |task: &super::task::Task| {
        let network = task.network.as_ref()?;
        Some(TaskInterface {
            id: network.id.clone(),
            attachment: network.attachment.clone(),
            region: cx.region.clone(),
            zone: task.fields.text("availabilityZone").unwrap_or_default().to_owned(),
            subnet: network.subnet.clone(),
            groups: network.groups.clone(),
            address: network.address,
            mac: network.mac.clone(),
            attached: task.created_at,
        })
    };
    holding.filter_map(|(_, task)| interface(task)).collect()
}
