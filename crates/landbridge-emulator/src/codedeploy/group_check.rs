//! What a deployment group for ECS must have. Source: the members and errors of CreateDeploymentGroup, and "Create a
//! deployment group for an Amazon ECS deployment" in the AWS CodeDeploy user guide.

use serde_json::{Map, Value, json};

use crate::refusal::Refusal;
use crate::world::{Cx, World};
use crate::{ecs, elbv2};

pub(super) fn fill_defaults(fields: &mut Map<String, Value>) {
    fields.entry("deploymentConfigName").or_insert(json!(super::config::DEFAULT));
    for (name, default) in [
        ("autoRollbackConfiguration", json!({ "enabled": false, "events": [] })),
        ("alarmConfiguration", json!({ "enabled": false, "ignorePollAlarmFailure": false, "alarms": [] })),
        ("triggerConfigurations", json!([])),
    ] {
        fields.entry(name).or_insert(default);
    }
}

/// Refuses a group whose members, wholly merged, no deployment could use.
pub(super) fn group(world: &World, cx: &Cx, fields: &Map<String, Value>) -> Result<(), Refusal> {
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    if text("serviceRoleArn").is_none_or(str::is_empty) {
        return Err(Refusal::new("RoleRequiredException", "The role ARN was not specified."));
    }
    world.services.codedeploy.routing(cx, text("deploymentConfigName").unwrap_or_default())?;
    let style = fields.get("deploymentStyle").unwrap_or(&Value::Null);
    if style["deploymentType"] != "BLUE_GREEN" || style["deploymentOption"] != "WITH_TRAFFIC_CONTROL" {
        return Err(Refusal::new(
            "InvalidDeploymentStyleException",
            "For ECS deployment groups, the deployment type must be BLUE_GREEN and the deployment option WITH_TRAFFIC_CONTROL.",
        ));
    }
    blue_green(fields.get("blueGreenDeploymentConfiguration").unwrap_or(&Value::Null))?;
    target_groups(world, cx, fields)?;
    service(world, cx, fields).map(|_| ())
}

fn blue_green(configuration: &Value) -> Result<(), Refusal> {
    let refuse = |message: &str| Err(Refusal::new("InvalidBlueGreenDeploymentConfigurationException", message));
    let termination = &configuration["terminateBlueInstancesOnDeploymentSuccess"];
    let ready = &configuration["deploymentReadyOption"];
    if !termination.is_object() || !ready.is_object() {
        return refuse(
            "For ECS deployment groups, terminateBlueInstancesOnDeploymentSuccess and deploymentReadyOption must be specified.",
        );
    }
    if !matches!(termination["action"].as_str(), None | Some("TERMINATE" | "KEEP_ALIVE")) {
        return refuse("The action for the original task set must be TERMINATE or KEEP_ALIVE.");
    }
    if !matches!(ready["actionOnTimeout"].as_str(), None | Some("CONTINUE_DEPLOYMENT" | "STOP_DEPLOYMENT")) {
        return refuse("The action on timeout must be CONTINUE_DEPLOYMENT or STOP_DEPLOYMENT.");
    }
    // Two days is the most that either waits.
    let waits = [&termination["terminationWaitTimeInMinutes"], &ready["waitTimeInMinutes"]];
    if waits.iter().any(|wait| wait.as_i64().is_some_and(|minutes| !(0..=2880).contains(&minutes))) {
        return refuse("A wait time must be between 0 and 2880 minutes.");
    }
    Ok(())
}

/// The pair of target groups that take turns, and the listeners in front of them.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    /// (name, ARN).
    pub(super) groups: [(String, String); 2],
    pub(super) production: String,
    pub(super) test: Option<String>,
}

/// The target group pair of a group, if there is one and its target groups exist.
pub(super) fn target_groups(world: &World, cx: &Cx, fields: &Map<String, Value>) -> Result<Pair, Refusal> {
    let pairs = fields.get("loadBalancerInfo").and_then(|info| info["targetGroupPairInfoList"].as_array());
    let Some([pair]) = pairs.map(Vec::as_slice) else {
        let message = "For ECS deployment groups, exactly one target group pair must be specified.";
        return Err(Refusal::new("InvalidLoadBalancerInfoException", message));
    };
    let refuse = |message: String| Refusal::new("InvalidTargetGroupPairException", message);
    let names: Vec<&str> =
        pair["targetGroups"].as_array().into_iter().flatten().filter_map(|group| group["name"].as_str()).collect();
    let [first, second] = names.as_slice() else {
        return Err(refuse("A target group pair must have two target groups.".to_owned()));
    };
    let found = |name: &str| {
        let arn = elbv2::group_named(world, &cx.account, &cx.region, name);
        arn.map(|arn| (name.to_owned(), arn)).ok_or_else(|| refuse(format!("The target group {name} does not exist.")))
    };
    let groups = [found(first)?, found(second)?];
    let listener = |route: &str| pair[route]["listenerArns"][0].as_str().map(str::to_owned);
    let production = listener("prodTrafficRoute");
    let production = production.ok_or_else(|| refuse("A production traffic route must have a listener.".to_owned()))?;
    Ok(Pair { groups, production, test: listener("testTrafficRoute") })
}

/// ARN of the one ECS service of a group, which must be there for CodeDeploy to deploy.
pub(super) fn service(world: &World, cx: &Cx, fields: &Map<String, Value>) -> Result<String, Refusal> {
    let refuse = |message: String| Refusal::new("InvalidECSServiceException", message);
    let services = fields.get("ecsServices").and_then(Value::as_array);
    let Some([service]) = services.map(Vec::as_slice) else {
        return Err(refuse("Exactly one ECS service must be specified.".to_owned()));
    };
    let (name, cluster) = (service["serviceName"].as_str(), service["clusterName"].as_str());
    let name = name.ok_or_else(|| refuse("The ECS service has no name.".to_owned()))?;
    let found = ecs::find_service(world, cx, cluster, name);
    let Some((arn, controller)) = found else {
        return Err(refuse(format!("The ECS service {name} does not exist or is not active.")));
    };
    if controller != "CODE_DEPLOY" {
        return Err(refuse(
            "Deployment group's ECS service must be configured for a CODE_DEPLOY deployment controller.".to_owned(),
        ));
    }
    Ok(arn)
}
