//! Deployment controllers: who deploys a service, what goes together with each, and the changes from one to another.
//! Source: DeploymentController, "Update Amazon ECS service parameters" and "Troubleshooting Amazon ECS deployment strategy
//! updates" in the developer guide, whose messages these are.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::deployment::{REVISED, Rollout};
use super::member::{Members, invalid};
use super::service::Service;
use super::task_set::{Status, TaskSet};
use crate::refusal::Refusal;
use crate::world::World;

/// The type of the deployment controller among a service's members, ECS unless named, if it goes together with them.
pub(super) fn check(fields: &Map<String, Value>) -> Result<String, Refusal> {
    let controller = fields.object("deploymentController").and_then(|it| it.text("type")).unwrap_or("ECS");
    if controller == "ECS" {
        return Ok(controller.to_owned());
    }
    if !matches!(controller, "CODE_DEPLOY" | "EXTERNAL") {
        return Err(invalid(format!("Invalid deployment controller type: {controller}")));
    }
    if fields.text("schedulingStrategy") == Some("DAEMON") {
        return Err(invalid(format!(
            "The {controller} deployment controller type is not supported for services using the DAEMON scheduling strategy."
        )));
    }
    let only = |feature: &str| {
        invalid(format!(
            "{feature} feature is only supported with ECS deployment controller. Update to ECS deployment controller and try \
             again."
        ))
    };
    let deployment = fields.object("deploymentConfiguration");
    let on = |name: &str| deployment.and_then(|it| it.object(name)).and_then(|it| it.flag("enable")) == Some(true);
    if on("deploymentCircuitBreaker") {
        return Err(only("Deployment circuit breaker"));
    }
    if on("alarms") {
        return Err(only("Alarm based rollback"));
    }
    let strategy = deployment.and_then(|it| it.text("strategy")).unwrap_or("ROLLING");
    if strategy != "ROLLING" {
        return Err(invalid(format!(
            "The {strategy} deployment strategy is only supported with the ECS deployment controller."
        )));
    }
    if fields.object("serviceConnectConfiguration").is_some_and(|it| it.flag("enabled") == Some(true)) {
        return Err(match controller {
            "EXTERNAL" => {
                invalid("The EXTERNAL deployment controller type is not supported for services using Service Connect.")
            }
            _ => invalid(
                "Service Connect feature is only supported with ECS (rolling update) deployment controller. Update to ECS \
                 deployment controller and try again.",
            ),
        });
    }
    Ok(controller.to_owned())
}

/// What a new service under a controller must not, or must, have.
pub(super) fn check_new(controller: &str, fields: &Map<String, Value>) -> Result<(), Refusal> {
    let of_sets = ["taskDefinition", "networkConfiguration", "platformVersion", "loadBalancers", "serviceRegistries"];
    if controller == "EXTERNAL"
        && let Some(name) =
            of_sets.iter().find(|name| fields.member(name).is_some_and(|it| *it != serde_json::json!([])))
    {
        return Err(invalid(format!(
            "{name} must not be given for a service with an EXTERNAL deployment controller. Give it to CreateTaskSet."
        )));
    }
    if controller == "CODE_DEPLOY" && fields.list("loadBalancers").is_empty() {
        return Err(invalid("A service with a CODE_DEPLOY deployment controller must use a load balancer."));
    }
    Ok(())
}

/// What UpdateService does not change under another controller than ECS.
pub(super) fn check_update(controller: &str, input: &Value) -> Result<(), Refusal> {
    if controller == "ECS" || changes(controller, input).is_some() {
        return Ok(());
    }
    let (article, advice) = match controller {
        "EXTERNAL" => ("an", "Create a new task set instead."),
        _ => ("a", "Use AWS CodeDeploy to trigger a new deployment."),
    };
    for (member, what) in [
        ("taskDefinition", "task definition"),
        ("platformVersion", "platform version"),
        ("networkConfiguration", "network configuration"),
        ("loadBalancers", "load balancers"),
        ("capacityProviderStrategy", "capacity provider strategy"),
        ("serviceRegistries", "service registries"),
    ] {
        // Capacity provider strategies of CODE_DEPLOY services can be updated.
        let allowed = controller == "CODE_DEPLOY" && member == "capacityProviderStrategy";
        if input.member(member).is_some() && !allowed {
            return Err(invalid(format!(
                "Unable to update {what} on services with {article} {controller} deployment controller. {advice}"
            )));
        }
    }
    if input.flag("forceNewDeployment") == Some(true) {
        return Err(invalid(format!(
            "Cannot force a new deployment on services with {article} {controller} deployment controller."
        )));
    }
    Ok(())
}

/// The other controller that a request asks for.
pub(super) fn changes<'a>(controller: &str, input: &'a Value) -> Option<&'a str> {
    let asked = input.object("deploymentController").and_then(|it| it.text("type"));
    asked.filter(|asked| *asked != controller)
}

/// Whether a service can go over to another controller now.
pub(super) fn check_change(service: &Service, to: &str) -> Result<(), Refusal> {
    if to == "CODE_DEPLOY" {
        let from = service.controller();
        return Err(invalid(format!(
            "Updating the deployment controller from {from} to CODE_DEPLOY is not supported."
        )));
    }
    if service.deployments.len() > 1 {
        return Err(invalid(
            "Updating the deployment controller is not supported when there are multiple tasksets in the service. Please \
             ensure your service has only one taskset and try again.",
        ));
    }
    if service.has_task_sets() && service.primary_set().is_none() {
        return Err(invalid(
            "Updating the deployment controller requires a primary taskset in the service. Please ensure your service has a \
             primary taskset and try again.",
        ));
    }
    let deploying = |rollout| !service.has_task_sets() && rollout == Rollout::InProgress;
    if service.deployments.first().is_some_and(|it| deploying(it.rollout)) {
        return Err(invalid("Updating the deployment controller is not supported while a deployment is in progress."));
    }
    Ok(())
}

/// ECS takes over: the one task set is from now on what its first deployment replaces.
pub(super) fn adopt(world: &mut World, arn: &str) {
    let revision = format!("/{}", world.rng.decimal(19));
    let ecs = &mut world.services.ecs;
    let Some(service) = ecs.services.get_mut(arn) else { return };
    let path = arn.replacen(":service/", ":service-revision/", 1);
    let Some(kept) = service.deployments.first_mut() else { return };
    let mut adopted = (*kept.revision).clone();
    adopted.arn = path + &revision;
    let adopted = Arc::new(adopted);
    (kept.set, kept.rollout, kept.revision) = (None, Rollout::Completed, Arc::clone(&adopted));
    kept.reason = format!("ECS deployment {} completed.", kept.id);
    service.last_good = Some(Arc::clone(&adopted));
    ecs.service_revisions.insert(adopted.arn.clone(), adopted);
}

/// Another controller takes over from ECS: what runs is a task set from now on.
pub(super) fn release(world: &mut World, arn: &str) {
    let now = world.now;
    let Some(service) = world.services.ecs.services.get_mut(arn) else { return };
    (service.record, service.last_good, service.stage) = (None, None, None);
    if let Some(kept) = service.deployments.first_mut() {
        kept.set = Some(TaskSet {
            status: Status::Primary,
            scale: 100.0,
            external_id: None,
            started_by: None,
            client_token: None,
            inherited: true,
            steady: true,
            steady_at: now,
        });
    }
}

/// A service without a primary task set shows nothing of what a task set has.
pub(super) fn strip(fields: &mut Map<String, Value>) {
    fields.retain(|name, _| !REVISED.contains(&name.as_str()));
}
