//! How a deployment goes on: a replacement task set, test traffic, production traffic in steps, the wait, and the end of the
//! original task set. Source: "What happens during an Amazon ECS deployment" and "AppSpec 'hooks' section" in the AWS
//! CodeDeploy user guide.

use std::time::Duration;

use serde_json::json;

use super::deployment::{At, Deployment, Status};
use super::{Event, alarm, rollback, traffic};
use crate::clock::later;
use crate::ecs;
use crate::events::{self, Occurrence};
use crate::scripts::HookAnswer;
use crate::world::{Event as WorldEvent, World};

/// How long a stage takes that only does something, and how often one that waits looks again.
const SHORT: Duration = Duration::from_secs(2);
const AGAIN: Duration = Duration::from_secs(5);
/// How long the replacement task set may take to become healthy, and a function to decide.
const PATIENCE: Duration = Duration::from_hours(1);

/// Remembers a new deployment and lets it begin.
pub(super) fn begin(world: &mut World, deployment: Deployment) {
    let id = deployment.id.clone();
    world.services.codedeploy.deployments.insert(id.clone(), deployment);
    note(world, &id);
    plan(world, &id, SHORT);
}

/// Plans the next look at a deployment, in place of any that was planned.
pub(super) fn plan(world: &mut World, id: &str, delay: Duration) {
    let Some(deployment) = world.services.codedeploy.deployments.get_mut(id) else { return };
    deployment.course += 1;
    let event = Event { deployment: id.to_owned(), course: deployment.course };
    world.after(delay, WorldEvent::CodeDeploy(event));
}

/// Keeps what the group shows of its last deployments.
pub(super) fn note(world: &mut World, id: &str) {
    let codedeploy = &mut world.services.codedeploy;
    let Some(deployment) = codedeploy.deployments.get(id) else { return };
    let key = (deployment.place.clone(), deployment.application.clone());
    let group = codedeploy.applications.get_mut(&key).and_then(|it| it.groups.get_mut(&deployment.group));
    if let Some(group) = group {
        group.note(deployment);
    }
}

pub(super) fn due(world: &mut World, id: &str, course: u64) {
    let Some(deployment) = world.services.codedeploy.deployments.get(id) else { return };
    if deployment.course != course || deployment.status.is_over() {
        return;
    }
    match deployment.at {
        At::Created => start(world, id),
        At::Stage(number) => look(world, id, number),
        At::Ready(_) => {
            let message = "The deployment stopped because it was not continued within its wait time.";
            finish(world, id, Status::Stopped, Some(("TIMEOUT", message.to_owned())));
        }
        At::Termination => terminate(world, id),
        At::CleanUp => cleaned_up(world, id),
        At::Over => {}
    }
}

fn start(world: &mut World, id: &str) {
    let now = world.now;
    let Some(deployment) = world.services.codedeploy.deployments.get_mut(id) else { return };
    (deployment.status, deployment.started_at) = (Status::InProgress, Some(now));
    let goes_back = deployment.rolls_back.is_some();
    tell(world, id, "START");
    if goes_back {
        return enter(world, id, 0);
    }
    if alarm::stop_if_any(world, id) {
        return;
    }
    if let Err((code, message)) = traffic::find_original(world, id) {
        return fail(world, id, code, message);
    }
    enter(world, id, 0);
}

/// Begins the stage of this number, or what follows the last one.
pub(super) fn enter(world: &mut World, id: &str, number: usize) {
    let now = world.now;
    let Some(deployment) = world.services.codedeploy.deployments.get_mut(id) else { return };
    let Some(stage) = deployment.stages.get_mut(number) else { return wind_up(world, id) };
    (stage.status, stage.began) = ("InProgress", Some(now));
    let name = stage.name;
    deployment.at = At::Stage(number);
    match name {
        "Install" => match traffic::install(world, id) {
            Ok(()) => plan(world, id, AGAIN),
            Err((code, message)) => fail(world, id, code, message),
        },
        "AllowTestTraffic" => {
            traffic::move_test(world, id, 100);
            plan(world, id, SHORT);
        }
        "AllowTraffic" => step(world, id),
        _ => plan(world, id, SHORT),
    }
}

/// Moves production traffic one step further.
fn step(world: &mut World, id: &str) {
    let Some(deployment) = world.services.codedeploy.deployments.get_mut(id) else { return };
    let (weight, kept) = match deployment.rolls_back {
        Some(_) => (0, Duration::ZERO),
        None => deployment.routing.step(deployment.weight),
    };
    deployment.weight = weight;
    traffic::move_production(world, id, weight);
    plan(world, id, kept.max(SHORT));
}

/// Looks whether a stage is done.
fn look(world: &mut World, id: &str, number: usize) {
    let Some(deployment) = world.services.codedeploy.deployments.get(id) else { return };
    let Some(stage) = deployment.stages.get(number) else { return };
    let waited_long = stage.began.is_some_and(|began| later(began, PATIENCE) <= world.now);
    let going_back = deployment.rolls_back.is_some();
    match (stage.name, &stage.function) {
        ("Install", _) => match &deployment.green {
            Some(green) if ecs::is_steady(world, &deployment.service, green) => done(world, id, number),
            _ if waited_long => {
                let message = "The deployment timed out while waiting for the replacement task set to become healthy. This \
                               time out period is 60 minutes.";
                fail(world, id, "TIMEOUT", message.to_owned());
            }
            _ => plan(world, id, AGAIN),
        },
        ("AllowTraffic", _) if deployment.weight < 100 && !going_back => step(world, id),
        ("AllowTraffic", _) => {
            let serves = if going_back { &deployment.blue } else { &deployment.green };
            if let Some(serves) = serves.clone() {
                let service = deployment.service.clone();
                ecs::promote(world, &service, &serves);
            }
            done(world, id, number);
        }
        (_, Some(function)) => {
            let function = function.clone();
            ask(world, id, number, &function, waited_long);
        }
        _ => done(world, id, number),
    }
}

/// Looks at what the function of a hook answers.
fn ask(world: &mut World, id: &str, number: usize, function: &str, waited_long: bool) {
    let Some(deployment) = world.services.codedeploy.deployments.get(id) else { return };
    let Some(stage) = deployment.stages.get(number) else { return };
    let elapsed = stage.began.map(|began| world.now.duration_since(began).unsigned_abs()).unwrap_or_default();
    let name = stage.name;
    let failed = |why: &str| format!("The deployment failed because the function {function} {why} at {name}.");
    match world.scripts.hook(function, elapsed) {
        HookAnswer::Succeeded => done(world, id, number),
        HookAnswer::InProgress if !waited_long => plan(world, id, AGAIN),
        HookAnswer::InProgress => fail(world, id, "HOOK_EXECUTION_FAILURE", failed("did not answer within an hour")),
        HookAnswer::Failed => fail(world, id, "HOOK_EXECUTION_FAILURE", failed("answered Failed")),
    }
}

/// A stage is done: the next one begins, unless somebody has to say that production traffic may move.
fn done(world: &mut World, id: &str, number: usize) {
    let now = world.now;
    let Some(deployment) = world.services.codedeploy.deployments.get_mut(id) else { return };
    if let Some(stage) = deployment.stages.get_mut(number) {
        (stage.status, stage.ended) = ("Succeeded", Some(now));
    }
    let ready = ["blueGreenDeploymentConfiguration", "deploymentReadyOption"];
    let stops = deployment.setting(&[ready[0], ready[1], "actionOnTimeout"]) == "STOP_DEPLOYMENT";
    let moves_next = deployment.stages.get(number + 1).is_some_and(|it| it.name == "BeforeAllowTraffic");
    if !(stops && moves_next) {
        return enter(world, id, number + 1);
    }
    let wait = deployment.wait(&[ready[0], ready[1], "waitTimeInMinutes"]);
    (deployment.status, deployment.at) = (Status::Ready, At::Ready(number + 1));
    tell(world, id, "READY");
    plan(world, id, wait);
}

/// All stages are done: the original task set, or a replacement that was rolled back, is no longer needed.
fn wind_up(world: &mut World, id: &str) {
    let Some(deployment) = world.services.codedeploy.deployments.get_mut(id) else { return };
    if deployment.rolls_back.is_some() {
        return terminate(world, id);
    }
    let termination = ["blueGreenDeploymentConfiguration", "terminateBlueInstancesOnDeploymentSuccess"];
    if deployment.setting(&[termination[0], termination[1], "action"]) == "KEEP_ALIVE" {
        return finish(world, id, Status::Succeeded, None);
    }
    let wait = deployment.wait(&[termination[0], termination[1], "terminationWaitTimeInMinutes"]);
    deployment.at = At::Termination;
    plan(world, id, wait);
}

/// Deletes the task set that no longer serves.
pub(super) fn terminate(world: &mut World, id: &str) {
    let Some(deployment) = world.services.codedeploy.deployments.get_mut(id) else { return };
    deployment.at = At::CleanUp;
    let gone = if deployment.rolls_back.is_some() { &deployment.green } else { &deployment.blue };
    let (service, gone) = (deployment.service.clone(), gone.clone());
    if let Some(gone) = gone {
        ecs::remove_task_set(world, &service, &gone);
    }
    plan(world, id, AGAIN);
}

fn cleaned_up(world: &mut World, id: &str) {
    let Some(deployment) = world.services.codedeploy.deployments.get(id) else { return };
    let gone = if deployment.rolls_back.is_some() { &deployment.green } else { &deployment.blue };
    let left = gone.as_ref().is_some_and(|gone| ecs::has_task_set(world, &deployment.service, gone));
    if left { plan(world, id, AGAIN) } else { finish(world, id, Status::Succeeded, None) }
}

/// The deployment has failed; it is rolled back if its group says so.
pub(super) fn fail(world: &mut World, id: &str, code: &'static str, message: String) {
    finish(world, id, Status::Failed, Some((code, message)));
    let deployment = world.services.codedeploy.deployments.get(id);
    if deployment.is_some_and(|it| it.rolls_back_on("DEPLOYMENT_FAILURE") && it.rolls_back.is_none()) {
        rollback::begin(world, id);
    }
}

/// Nothing more happens to the deployment.
pub(super) fn finish(world: &mut World, id: &str, status: Status, error: Option<(&'static str, String)>) {
    let now = world.now;
    let Some(deployment) = world.services.codedeploy.deployments.get_mut(id) else { return };
    deployment.course += 1;
    (deployment.status, deployment.completed_at, deployment.at) = (status, Some(now), At::Over);
    deployment.error = error;
    for stage in &mut deployment.stages {
        match stage.status {
            "InProgress" => (stage.status, stage.ended) = ("Failed", Some(now)),
            "Pending" => stage.status = "Skipped",
            _ => {}
        }
    }
    note(world, id);
    let state = match status {
        Status::Succeeded => "SUCCESS",
        Status::Stopped => "STOP",
        _ => "FAILURE",
    };
    tell(world, id, state);
}

/// "CodeDeploy Deployment State-change Notification" ("Monitoring deployments with Amazon CloudWatch Events").
fn tell(world: &mut World, id: &str, state: &str) {
    let Some(deployment) = world.services.codedeploy.deployments.get(id) else { return };
    let ((account, region), application) = (deployment.place.clone(), deployment.application.clone());
    let group = deployment.group.clone();
    let prefix = format!("arn:aws:codedeploy:{region}:{account}");
    let what = Occurrence {
        source: "aws.codedeploy",
        detail_type: "CodeDeploy Deployment State-change Notification",
        account: &account,
        region: &region,
        resources: vec![
            format!("{prefix}:application:{application}"),
            format!("{prefix}:deploymentgroup:{application}/{group}"),
        ],
        detail: json!({
            "region": region, "deploymentId": id, "deploymentGroup": group, "application": application, "state": state,
        }),
    };
    events::emit(world, &what);
}
