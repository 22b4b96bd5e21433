//! Changes that ECS cannot make to a service that is there, each refused with what to do instead; and the change of the
//! deployment controller, which goes first and alone.

use landbridge_api::condition::reason;
use landbridge_api::ecs::service::{DeploymentControllerType, LaunchType};
use serde_json::{Value, json};

use super::ServiceFacts;
use super::pass::Pass;
use super::service_fields::FieldDifference;
use crate::plan::{Difference, Plan};

const REPLACE: &str = "change spec.serviceName in the same edit, and the service is replaced without a gap";

/// Refuses changes of scheduling strategy and launch type that UpdateService does not take.
pub(super) fn refuse(pass: &Pass<'_>, plan: &mut Plan, service: &ServiceFacts) -> bool {
    let before = plan.blocked.len();
    let seen = |name: &str| service.fields.get(name).and_then(Value::as_str);
    let daemon = seen("schedulingStrategy") == Some("DAEMON");
    if daemon != pass.desired.is_daemon() {
        let (from, to) = if daemon { ("DAEMON", "REPLICA") } else { ("REPLICA", "DAEMON") };
        plan.block(
            reason::IMMUTABLE_FIELD,
            format!("ECS cannot change schedulingStrategy from {from} to {to}: {REPLACE}"),
        );
    }
    // With a capacity provider strategy on either side the strategy is what is sent; an empty one goes back to the
    // launch type.
    let providers = service.fields.get("capacityProviderStrategy").and_then(Value::as_array);
    let by_strategy =
        providers.is_some_and(|p| !p.is_empty()) || !pass.desired.typed.capacity_provider_strategy.is_empty();
    if let (Some(wanted), Some(from), false) = (pass.desired.typed.launch_type, seen("launchType"), by_strategy)
        && from != spelled(wanted)
    {
        plan.block(
            reason::IMMUTABLE_FIELD,
            format!(
                "ECS cannot change launchType from {from} to {}: use capacityProviderStrategy instead of launchType, or {REPLACE}",
                spelled(wanted)
            ),
        );
    }
    plan.blocked.len() > before
}

fn spelled(launch_type: LaunchType) -> &'static str {
    match launch_type {
        LaunchType::Ec2 => "EC2",
        LaunchType::Fargate => "FARGATE",
        LaunchType::External => "EXTERNAL",
        LaunchType::ManagedInstances => "MANAGED_INSTANCES",
    }
}

fn controller_of(service: &ServiceFacts) -> &str {
    let controller = service.fields.get("deploymentController").and_then(|c| c["type"].as_str());
    controller.unwrap_or("ECS")
}

fn spelled_controller(controller: DeploymentControllerType) -> &'static str {
    match controller {
        DeploymentControllerType::Ecs => "ECS",
        DeploymentControllerType::CodeDeploy => "CODE_DEPLOY",
        DeploymentControllerType::External => "EXTERNAL",
    }
}

/// The change of the deployment controller, if one is wanted and ECS takes it ("Updating an Amazon ECS service",
/// deployment controller transitions). The rest is compared once it is done.
pub(super) fn controller_change(pass: &Pass<'_>, plan: &mut Plan, service: &ServiceFacts) -> Option<FieldDifference> {
    let (from, to) = (controller_of(service), spelled_controller(pass.desired.controller()));
    if from == to {
        return None;
    }
    if to == "CODE_DEPLOY" {
        plan.block(
            reason::IMMUTABLE_FIELD,
            format!("ECS cannot change deploymentController from {from} to {to}: {REPLACE}"),
        );
    } else if let Some(user) = (from == "ECS").then(|| needs_ecs(service)).flatten() {
        plan.block(
            reason::IMMUTABLE_FIELD,
            format!("deploymentController cannot leave ECS while the service uses {user}: take that away first, or {REPLACE}"),
        );
    } else if service.deployments.len() > 1 {
        plan.wait(reason::WAITING, "deploymentController changes when the deployment under way has ended", super::SOON);
        return None;
    }
    Some(FieldDifference {
        name: "deploymentController".to_owned(),
        value: json!({ "type": to }),
        differences: vec![Difference::new("deploymentController.type", Some(from.into()), Some(to.into()))],
    })
}

/// What keeps a service with the ECS controller.
fn needs_ecs(service: &ServiceFacts) -> Option<&'static str> {
    let set = |name: &str| service.fields.get(name).is_some_and(|v| *v != json!([]) && *v != json!({}) && !v.is_null());
    let deployment = service.fields.get("deploymentConfiguration").unwrap_or(&Value::Null);
    if service.fields.get("serviceConnectConfiguration").is_some_and(|c| c["enabled"] == true) {
        return Some("Service Connect");
    }
    if set("vpcLatticeConfigurations") {
        return Some("VPC Lattice");
    }
    if deployment["deploymentCircuitBreaker"]["enable"] == true || deployment["alarms"]["enable"] == true {
        return Some("a deployment circuit breaker or alarms");
    }
    let strategy = deployment["strategy"].as_str().unwrap_or("ROLLING");
    (strategy != "ROLLING").then_some("a strategy other than ROLLING")
}

/// Refuses what only CodeDeploy can change.
pub(super) fn refuse_foreign_controller(pass: &Pass<'_>, plan: &mut Plan, fields: &[FieldDifference]) -> bool {
    if pass.desired.controller() != DeploymentControllerType::CodeDeploy {
        return false;
    }
    let names: Vec<&str> = fields.iter().filter(|f| f.deploys_by_itself()).map(|f| f.name.as_str()).collect();
    if names.is_empty() {
        return false;
    }
    plan.block(
        reason::IMMUTABLE_FIELD,
        format!(
            "with deploymentController CODE_DEPLOY only CodeDeploy can change {}: deploy with CodeDeploy and set \
             spec.taskDefinitionArn to its revision, or set deploymentController.type to ECS",
            names.join(", ")
        ),
    );
    true
}
