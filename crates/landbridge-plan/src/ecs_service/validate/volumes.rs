//! Volumes: that what is mounted exists, and that the service says what a volume configured at launch is.

use landbridge_api::ecs::TaskDefinition;

use super::super::pass::Pass;
use super::{list, repeated};

pub(super) fn check(pass: &Pass<'_>, task: &TaskDefinition, found: &mut Vec<String>) {
    let names: Vec<&str> = task.volumes.iter().map(|v| v.name.as_str()).collect();
    for twice in repeated(names.iter().copied()) {
        found.push(format!("spec.taskDefinition.volumes has more than one volume named {twice}: rename all but one"));
    }
    for container in &task.container_definitions {
        for volume in container.mount_points.iter().filter_map(|m| m.source_volume.as_deref()) {
            if !names.contains(&volume) {
                found.push(format!(
                    "spec.taskDefinition.containerDefinitions[{}].mountPoints names volume {volume}, and the task has {}: \
                     declare it in spec.taskDefinition.volumes",
                    container.name,
                    list(&names, "none"),
                ));
            }
        }
    }
    let configured = &pass.desired.typed.volume_configurations;
    let at_launch: Vec<&str> =
        task.volumes.iter().filter(|v| v.configured_at_launch == Some(true)).map(|v| v.name.as_str()).collect();
    for volume in configured.iter().filter(|c| !at_launch.contains(&c.name.as_str())) {
        found.push(format!(
            "spec.volumeConfigurations names volume {}, and no volume of that name in spec.taskDefinition.volumes has \
             configuredAtLaunch: true: add it",
            volume.name
        ));
    }
    for volume in at_launch.iter().filter(|v| !configured.iter().any(|c| c.name == **v)) {
        found.push(format!(
            "volume {volume} has configuredAtLaunch: true and spec.volumeConfigurations does not say what it is: add an entry"
        ));
    }
}
