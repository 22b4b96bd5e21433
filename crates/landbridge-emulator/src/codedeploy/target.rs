//! Deployment targets: for ECS the one service, with its lifecycle events and task sets. Source: ECSTarget, ECSTaskSet,
//! ListDeploymentTargets, GetDeploymentTarget and BatchGetDeploymentTargets in the AWS CodeDeploy API reference.

use serde_json::{Value, json};

use super::deployment::{Deployment, Stage, Status};
use super::page;
use crate::ecs::{self, TaskSetView};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::wire::json::epoch;
use crate::world::{Cx, World};

impl Deployment {
    /// `CLUSTER:SERVICE`.
    fn target_id(&self) -> String {
        let mut parts = self.service.rsplit('/');
        let (service, cluster) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        format!("{cluster}:{service}")
    }

    fn target_status(&self) -> &'static str {
        match self.status {
            Status::Created => "Pending",
            Status::InProgress => "InProgress",
            Status::Ready => "Ready",
            Status::Succeeded => "Succeeded",
            Status::Failed | Status::Stopped => "Failed",
        }
    }
}

impl Stage {
    fn show(&self, error: Option<&(&'static str, String)>) -> Value {
        let mut shown = json!({ "lifecycleEventName": self.name, "status": self.status });
        for (name, at) in [("startTime", self.began), ("endTime", self.ended)] {
            if let Some(at) = at {
                shown[name] = epoch(at);
            }
        }
        if let Some((_, message)) = error.filter(|_| self.status == "Failed") {
            shown["diagnostics"] = json!({ "errorCode": "UnknownError", "message": message });
        }
        shown
    }
}

/// The deployment a request names, once it has started.
fn started<'a>(world: &'a World, cx: &Cx, input: Input<'_>) -> Result<&'a Deployment, Refusal> {
    let deployment = world.services.codedeploy.named(cx, input)?;
    if deployment.status == Status::Created {
        let message = format!("The deployment {} has not started.", deployment.id);
        return Err(Refusal::new("DeploymentNotStartedException", message));
    }
    Ok(deployment)
}

fn show(world: &World, deployment: &Deployment) -> Value {
    let sets = ecs::task_sets(world, &deployment.service);
    let events = deployment.stages.iter().map(|stage| stage.show(deployment.error.as_ref()));
    let changed = deployment.stages.iter().filter_map(|stage| stage.ended.or(stage.began)).max();
    let target = json!({
        "deploymentId": deployment.id,
        "targetId": deployment.target_id(),
        "targetArn": deployment.service,
        "lastUpdatedAt": epoch(changed.unwrap_or(deployment.created_at)),
        "lifecycleEvents": events.collect::<Vec<_>>(),
        "status": deployment.target_status(),
        "taskSetsInfo": sets.iter().filter_map(|set| show_set(deployment, set)).collect::<Vec<_>>(),
    });
    json!({ "deploymentTargetType": "ECSTarget", "ecsTarget": target })
}

fn show_set(deployment: &Deployment, set: &TaskSetView) -> Option<Value> {
    let is = |id: &Option<String>| id.as_ref() == Some(&set.id);
    let (label, weight) = if is(&deployment.green) {
        ("Green", deployment.weight)
    } else if is(&deployment.blue) {
        ("Blue", 100 - deployment.weight)
    } else {
        return None;
    };
    let group = deployment.pair.groups.iter().find(|(_, arn)| set.groups.contains(arn));
    let mut shown = json!({
        "identifer": set.id,
        "desiredCount": set.desired,
        "pendingCount": set.pending,
        "runningCount": set.running,
        "status": set.status,
        "trafficWeight": f64::from(weight),
        "taskSetLabel": label,
    });
    if let Some((name, _)) = group {
        shown["targetGroup"] = json!({ "name": name });
    }
    Some(shown)
}

pub(super) fn list(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let deployment = started(world, cx, input)?;
    let filters = input.get("targetFilters").cloned().unwrap_or_default();
    if let Some(unknown) = filters.as_object().and_then(|it| it.keys().find(|name| *name != "TargetStatus")) {
        let message = format!("The target filter {unknown} is not valid for ECS deployments.");
        return Err(Refusal::new("InvalidTargetFilterNameException", message));
    }
    let wanted = filters["TargetStatus"].as_array();
    let status = deployment.target_status();
    let given = wanted.is_none_or(|wanted| wanted.iter().any(|it| it == status)).then(|| deployment.target_id());
    page(input, "targetIds", given)
}

fn unknown(id: &str) -> Refusal {
    Refusal::new("DeploymentTargetDoesNotExistException", format!("No deployment target found for ID: {id}"))
}

fn missing() -> Refusal {
    Refusal::new("DeploymentTargetIdRequiredException", "A deployment target ID was not provided.")
}

pub(super) fn get(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let deployment = started(world, cx, input)?;
    let id = input.text("targetId")?.ok_or_else(missing)?;
    if id != deployment.target_id() {
        return Err(unknown(id));
    }
    Ok(json!({ "deploymentTarget": show(world, deployment) }))
}

pub(super) fn batch_get(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let deployment = started(world, cx, input)?;
    let ids = input.texts("targetIds")?;
    if ids.is_empty() {
        return Err(missing());
    }
    if ids.len() > 25 {
        let message = "The maximum number of targets is 25.";
        return Err(Refusal::new("DeploymentTargetListSizeExceededException", message));
    }
    if let Some(id) = ids.iter().find(|id| **id != deployment.target_id()) {
        return Err(unknown(id));
    }
    Ok(json!({ "deploymentTargets": [show(world, deployment)] }))
}
