//! The service's own fields: capacity, scheduling and counts.

use landbridge_api::ecs::LaunchType;

use super::super::desire::is_fargate;
use super::super::pass::Pass;

pub(super) fn check(pass: &Pass<'_>, found: &mut Vec<String>) {
    capacity(pass, found);
    daemon(pass, found);
    on_fargate(pass, found);
    if let Some(group) = pass.desired.log_group.as_ref().filter(|g| g.name.len() > 512) {
        found.push(format!(
            "the log group's name {} is {} characters long, and CloudWatch Logs takes 512: set spec.logs.groupName",
            group.name,
            group.name.len()
        ));
    }
    let count = pass.desired.desired_count.unwrap_or(0);
    if count > 1000 && (pass.desired.discovery.is_some() || !pass.desired.typed.service_registries.is_empty()) {
        found.push(format!(
            "spec.desiredCount is {count}, and ECS registers at most 1000 tasks of a service in Cloud Map: lower it, or use \
             Service Connect"
        ));
    }
}

fn capacity(pass: &Pass<'_>, found: &mut Vec<String>) {
    let fields = &pass.desired.typed;
    let strategy = &fields.capacity_provider_strategy;
    if fields.launch_type.is_some() && !strategy.is_empty() {
        found.push("spec.launchType and spec.capacityProviderStrategy are both set: keep one".to_owned());
    }
    if fields.launch_type == Some(LaunchType::ManagedInstances) {
        found.push(
            "spec.launchType MANAGED_INSTANCES is not for services: name the capacity provider in \
             spec.capacityProviderStrategy"
                .to_owned(),
        );
    }
    if strategy.is_empty() {
        return;
    }
    if strategy.iter().all(|s| s.weight.unwrap_or(0) == 0) {
        found.push(
            "spec.capacityProviderStrategy has no weight above 0, so no task could be placed: give one provider weight 1"
                .to_owned(),
        );
    }
    if strategy.iter().filter(|s| s.base.unwrap_or(0) > 0).count() > 1 {
        found.push("spec.capacityProviderStrategy has more than one base: keep one".to_owned());
    }
    let fargate = strategy.iter().filter(|s| s.capacity_provider.starts_with("FARGATE")).count();
    if fargate > 0 && fargate < strategy.len() {
        found.push(
            "spec.capacityProviderStrategy mixes Fargate with other capacity providers, which ECS does not take: keep one kind"
                .to_owned(),
        );
    }
}

fn daemon(pass: &Pass<'_>, found: &mut Vec<String>) {
    if !pass.desired.is_daemon() {
        return;
    }
    let fields = &pass.desired.typed;
    let mut refuse = |what: &str, advice: &str| found.push(format!("a DAEMON service takes no {what}: {advice}"));
    if is_fargate(fields, pass.desired.task.as_ref()) {
        refuse("Fargate", "use launchType EC2, or schedulingStrategy REPLICA");
    }
    if pass.desired.desired_count.is_some() {
        refuse("desiredCount", "remove it, there is one task for each instance");
    }
    if !fields.placement_strategy.is_empty() {
        refuse("placementStrategy", "remove it");
    }
    if !fields.volume_configurations.is_empty() {
        refuse("volumeConfigurations", "remove them, or use schedulingStrategy REPLICA");
    }
}

fn on_fargate(pass: &Pass<'_>, found: &mut Vec<String>) {
    let fields = &pass.desired.typed;
    if !is_fargate(fields, pass.desired.task.as_ref()) {
        if fields.platform_version.is_some() && fields.launch_type.is_some() {
            found.push("spec.platformVersion is only for Fargate: remove it".to_owned());
        }
        return;
    }
    if !fields.placement_constraints.is_empty() {
        found.push("spec.placementConstraints is not for Fargate: remove it".to_owned());
    }
    if !fields.placement_strategy.is_empty() {
        found.push("spec.placementStrategy is not for Fargate: remove it".to_owned());
    }
}
