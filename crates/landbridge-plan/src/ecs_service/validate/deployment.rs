//! How deployments go: percentages, and what each strategy needs (`deploymentConfiguration` of CreateService).

use landbridge_api::ecs::deployment::{DeploymentConfiguration, DeploymentStrategy, HookTargetType, LifecycleStage};
use landbridge_api::ecs::service::DeploymentControllerType;

use super::super::pass::Pass;

const PATH: &str = "spec.deploymentConfiguration";

pub(super) fn check(pass: &Pass<'_>, found: &mut Vec<String>) {
    let Some(configuration) = pass.desired.typed.deployment_configuration.as_deref() else { return };
    percentages(pass, configuration, found);
    if let Some(alarms) = &configuration.alarms
        && alarms.alarm_names.is_empty()
        && alarms.enable == Some(true)
    {
        found.push(format!("{PATH}.alarms is enabled and names no alarm: add alarmNames"));
    }
    match configuration.strategy.unwrap_or(DeploymentStrategy::Rolling) {
        DeploymentStrategy::Rolling => rolling(configuration, found),
        strategy => shifting(pass, configuration, strategy, found),
    }
    hooks(configuration, found);
}

fn percentages(pass: &Pass<'_>, configuration: &DeploymentConfiguration, found: &mut Vec<String>) {
    let daemon = pass.desired.is_daemon();
    let (most, least) = if daemon { (100, 0) } else { (200, 100) };
    let maximum = configuration.maximum_percent.unwrap_or(most);
    let minimum = configuration.minimum_healthy_percent.unwrap_or(least);
    if minimum > 100 {
        found.push(format!("{PATH}.minimumHealthyPercent is {minimum}: it cannot be above 100"));
    }
    if maximum < minimum {
        found.push(format!(
            "{PATH}.maximumPercent is {maximum} and minimumHealthyPercent {minimum}: the maximum must not be below the minimum"
        ));
    } else if maximum <= 100 && minimum >= 100 {
        found.push(format!(
            "{PATH} keeps all tasks and allows none beside them, so no deployment could go on: raise maximumPercent above 100, \
             or lower minimumHealthyPercent"
        ));
    }
}

/// Lifecycle hooks are not among what only the others have: pauses go with every strategy, rolling included ("Amazon ECS introduces
/// pause and continue controls for service deployments", What's New with AWS, May 2026).
fn rolling(configuration: &DeploymentConfiguration, found: &mut Vec<String>) {
    let only_shifting = [
        ("linearConfiguration", configuration.linear_configuration.is_some()),
        ("canaryConfiguration", configuration.canary_configuration.is_some()),
    ];
    for (field, _) in only_shifting.iter().filter(|(_, set)| *set) {
        found.push(format!("{PATH}.{field} has no place in strategy ROLLING: remove it, or set strategy"));
    }
}

fn shifting(
    pass: &Pass<'_>,
    configuration: &DeploymentConfiguration,
    strategy: DeploymentStrategy,
    found: &mut Vec<String>,
) {
    let fields = &pass.desired.typed;
    let (name, kinds) = match strategy {
        DeploymentStrategy::Linear => ("LINEAR", "an Application Load Balancer or Service Connect"),
        DeploymentStrategy::Canary => ("CANARY", "an Application Load Balancer or Service Connect"),
        _ => ("BLUE_GREEN", "a load balancer, VPC Lattice or Service Connect"),
    };
    if configuration.bake_time_in_minutes.is_none() {
        found.push(format!("{PATH}.bakeTimeInMinutes is needed for strategy {name}: set it, 0 for none"));
    }
    let connect = fields.service_connect_configuration.as_ref().is_some_and(|c| c.enabled);
    let lattice = strategy == DeploymentStrategy::BlueGreen && !fields.vpc_lattice_configurations.is_empty();
    if fields.load_balancers.is_empty() && !connect && !lattice {
        found.push(format!("{PATH}.strategy {name} moves traffic and needs {kinds}: add one, or use ROLLING"));
    }
    for (index, balancer) in fields.load_balancers.iter().enumerate() {
        let advanced = balancer.advanced_configuration.as_ref();
        let whole = advanced.is_some_and(|a| {
            a.alternate_target_group_arn.is_some() && a.production_listener_rule.is_some() && a.role_arn.is_some()
        });
        if !whole {
            found.push(format!(
                "spec.loadBalancers[{index}].advancedConfiguration is not whole, and strategy {name} needs it: set \
                 alternateTargetGroupArn, productionListenerRule and roleArn"
            ));
        }
    }
    let wrong = [
        ("linearConfiguration", configuration.linear_configuration.is_some() && strategy != DeploymentStrategy::Linear),
        ("canaryConfiguration", configuration.canary_configuration.is_some() && strategy != DeploymentStrategy::Canary),
        ("earlySuccessCriteria", configuration.early_success_criteria.is_some()),
        (
            "deploymentCircuitBreaker",
            configuration.deployment_circuit_breaker.as_ref().is_some_and(|c| c.enable == Some(true)),
        ),
    ];
    for (field, _) in wrong.iter().filter(|(_, set)| *set) {
        found.push(format!("{PATH}.{field} has no place in strategy {name}: remove it, or set another strategy"));
    }
    let controller = pass.desired.controller();
    if controller != DeploymentControllerType::Ecs {
        found.push(format!("{PATH}.strategy {name} needs deploymentController ECS: remove spec.deploymentController"));
    }
}

fn hooks(configuration: &DeploymentConfiguration, found: &mut Vec<String>) {
    for (index, hook) in configuration.lifecycle_hooks.iter().enumerate() {
        let at = format!("{PATH}.lifecycleHooks[{index}]");
        if hook.lifecycle_stages.is_empty() {
            found.push(format!("{at} names no stage: add lifecycleStages"));
        }
        if hook.target_type == Some(HookTargetType::Pause) {
            let moving = [LifecycleStage::TestTrafficShift, LifecycleStage::ProductionTrafficShift];
            if hook.lifecycle_stages.iter().any(|s| moving.contains(s)) {
                found.push(format!("{at} pauses while traffic moves, which ECS does not do: name another stage"));
            }
        } else if hook.hook_target_arn.is_none() || hook.role_arn.is_none() {
            found.push(format!("{at} calls a Lambda function: set hookTargetArn and roleArn"));
        }
    }
}
