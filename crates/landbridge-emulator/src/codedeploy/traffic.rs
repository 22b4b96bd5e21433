//! What a deployment does to Amazon ECS and to listeners: it finds the original task set, makes its replacement behind the
//! other target group, and moves weights. Source: "CodeDeploy blue/green deployments for Amazon ECS" in the Amazon ECS
//! developer guide.

use super::deployment::Deployment;
use crate::ecs::{self, Replacement};
use crate::elbv2;
use crate::world::{Cx, World};

/// What CloudTrail calls CodeDeploy.
const CODE_DEPLOY: &str = "codedeploy.amazonaws.com";

/// Why a deployment cannot go on: the code and the message of ErrorInformation.
pub(super) type Trouble = (&'static str, String);

/// Finds the task set that serves, and whether the listener forwards to its target group.
pub(super) fn find_original(world: &mut World, id: &str) -> Result<(), Trouble> {
    let Some(deployment) = world.services.codedeploy.deployments.get(id) else { return Ok(()) };
    let sets = ecs::task_sets(world, &deployment.service);
    let Some(blue) = sets.iter().find(|set| set.status == "PRIMARY") else {
        return Err(("INVALID_ECS_SERVICE", "The ECS service has no primary task set.".to_owned()));
    };
    let serves = |arn: &String| blue.groups.contains(arn);
    if !deployment.pair.groups.iter().any(|(_, arn)| serves(arn)) {
        let message =
            "The target group of the primary task set is not one of the deployment group's target group pair.";
        return Err(("ELASTIC_LOAD_BALANCING_INVALID", message.to_owned()));
    }
    let production = &deployment.pair.production;
    let rules = elbv2::rules_forwarding(world, production, &blue.groups);
    if rules.is_empty() {
        let message = format!(
            "The ELB could not be updated due to the following error: Primary taskset target group must be behind listener \
             {production}"
        );
        return Err(("ELASTIC_LOAD_BALANCING_INVALID", message));
    }
    // What an earlier deployment left behind when it was stopped goes.
    let stale: Vec<String> = sets.iter().filter(|set| set.status == "ACTIVE").map(|set| set.id.clone()).collect();
    let (service, blue) = (deployment.service.clone(), blue.id.clone());
    for set in stale {
        ecs::remove_task_set(world, &service, &set);
    }
    if let Some(deployment) = world.services.codedeploy.deployments.get_mut(id) {
        deployment.blue = Some(blue);
    }
    Ok(())
}

/// Makes the replacement task set.
pub(super) fn install(world: &mut World, id: &str) -> Result<(), Trouble> {
    let Some(deployment) = world.services.codedeploy.deployments.get(id).cloned() else { return Ok(()) };
    let Some((_, group)) = groups(world, &deployment) else {
        return Err(("INVALID_ECS_SERVICE", "The primary task set is gone.".to_owned()));
    };
    let wanted = Replacement {
        definition: deployment.spec.definition.clone(),
        container: deployment.spec.container.clone(),
        port: deployment.spec.port,
        group,
        overrides: deployment.spec.overrides.clone(),
        deployment: deployment.id.clone(),
    };
    // Only a target group that a listener knows has health checks.
    move_production(world, id, 0);
    let cx = cx(world, &deployment);
    match ecs::replace_primary(world, &cx, &deployment.service, &wanted) {
        Ok(green) => {
            if let Some(deployment) = world.services.codedeploy.deployments.get_mut(id) {
                deployment.green = Some(green);
            }
            Ok(())
        }
        Err(refusal) => Err((
            "ECS_UPDATE_ERROR",
            format!("The ECS service cannot be updated due to the following error: {}", refusal.message),
        )),
    }
}

/// CodeDeploy as a caller of ECS, in the group's service role.
fn cx(world: &mut World, deployment: &Deployment) -> Cx {
    let (account, region) = deployment.place.clone();
    let role = role(deployment);
    let role = role.rsplit('/').next().unwrap_or_default();
    Cx {
        now: world.now,
        principal: format!("arn:aws:sts::{account}:assumed-role/{role}/codedeploy"),
        region,
        account,
        host: String::new(),
        request_id: world.rng.uuid(),
    }
}

fn role(deployment: &Deployment) -> String {
    deployment.setting(&["serviceRoleArn"]).as_str().unwrap_or_default().to_owned()
}

/// The target groups of the original task set and of its replacement.
fn groups(world: &World, deployment: &Deployment) -> Option<(String, String)> {
    let sets = ecs::task_sets(world, &deployment.service);
    let blue = sets.iter().find(|set| Some(&set.id) == deployment.blue.as_ref());
    let green = sets.iter().find(|set| Some(&set.id) == deployment.green.as_ref());
    let [(_, first), (_, second)] = &deployment.pair.groups;
    let first_is_blue = match (blue, green) {
        (Some(blue), _) => blue.groups.contains(first),
        (None, Some(green)) => !green.groups.contains(first),
        (None, None) => return None,
    };
    Some(if first_is_blue { (first.clone(), second.clone()) } else { (second.clone(), first.clone()) })
}

pub(super) fn move_test(world: &mut World, id: &str, percent: u32) {
    let Some(deployment) = world.services.codedeploy.deployments.get(id).cloned() else { return };
    // A rollback gives test traffic back too.
    let percent = if deployment.rolls_back.is_some() { 0 } else { percent };
    if let Some(listener) = &deployment.pair.test {
        shift(world, &deployment, listener, percent);
    }
}

pub(super) fn move_production(world: &mut World, id: &str, percent: u32) {
    let Some(deployment) = world.services.codedeploy.deployments.get(id).cloned() else { return };
    shift(world, &deployment, &deployment.pair.production, percent);
}

/// Gives the replacement these percents of what a listener's rules send to the pair.
fn shift(world: &mut World, deployment: &Deployment, listener: &str, percent: u32) {
    let Some((blue, green)) = groups(world, deployment) else { return };
    let pair = [blue.clone(), green.clone()];
    let weights = [(blue, 100 - percent), (green, percent)];
    let role = role(deployment);
    for rule in elbv2::rules_forwarding(world, listener, &pair) {
        elbv2::shift_weights(world, &rule, &weights, elbv2::Caller { service: CODE_DEPLOY, role: &role });
    }
}
