//! StopDeployment and ContinueDeployment, as the AWS CodeDeploy API reference has them.

use serde_json::{Value, json};

use super::deployment::{At, Status};
use super::{progress, rollback};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

fn already_over(id: &str) -> Refusal {
    Refusal::new("DeploymentAlreadyCompletedException", format!("The deployment {id} is already completed."))
}

/// Stops a deployment; what it has done so far stays, unless it is rolled back.
pub(super) fn stop(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let deployment = world.services.codedeploy.named(cx, input)?;
    let id = deployment.id.clone();
    if deployment.status.is_over() {
        return Err(already_over(&id));
    }
    let asked = input.flag("autoRollbackEnabled")?;
    let rolls_back = asked.unwrap_or_else(|| deployment.rolls_back_on("DEPLOYMENT_STOP_ON_REQUEST"));
    let is_rollback = deployment.rolls_back.is_some();
    let message = "The deployment was stopped on request.".to_owned();
    progress::finish(world, &id, Status::Stopped, Some(("MANUAL_STOP", message)));
    if rolls_back && !is_rollback {
        rollback::begin(world, &id);
    }
    Ok(json!({ "status": "Succeeded", "statusMessage": "No more events will be scheduled for this deployment." }))
}

pub(super) fn go_on(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let deployment = world.services.codedeploy.named(cx, input)?;
    let (id, at) = (deployment.id.clone(), deployment.at);
    if deployment.status.is_over() {
        return Err(already_over(&id));
    }
    match (input.text("deploymentWaitType")?.unwrap_or("READY_WAIT"), at) {
        ("READY_WAIT", At::Ready(next)) => {
            if let Some(deployment) = world.services.codedeploy.deployments.get_mut(&id) {
                deployment.status = Status::InProgress;
            }
            progress::enter(world, &id, next);
        }
        ("TERMINATION_WAIT", At::Termination) => progress::terminate(world, &id),
        ("READY_WAIT" | "TERMINATION_WAIT", _) => {
            let message = "The deployment does not have a status of Ready and can't continue yet.";
            return Err(Refusal::new("DeploymentIsNotInReadyStateException", message));
        }
        (other, _) => {
            let message = format!("The wait type {other} is invalid.");
            return Err(Refusal::new("InvalidDeploymentWaitTypeException", message));
        }
    }
    Ok(Value::Null)
}
