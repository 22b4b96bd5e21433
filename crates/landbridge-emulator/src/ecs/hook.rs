//! Lifecycle hooks: Lambda functions that are asked, and pauses that wait for ContinueServiceDeployment, at stages of a
//! deployment. Source: "Lifecycle hooks for Amazon ECS service deployments", "Lambda hooks", "Pause hooks", "Continuing
//! service deployments", and DeploymentLifecycleHook and ContinueServiceDeployment in the Amazon ECS API reference.
//!
//! There is no Lambda here: what a function answers is told by the scripts, by its ARN. Nothing is passed to it.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::deployment::{Failure, fail};
use super::member::{Members, invalid};
use super::rollout::{self, At};
use super::service_deployment::{Status as RecordStatus, not_found};
use super::{Ecs, Event, names, notice};
use crate::clock::later;
use crate::refusal::Refusal;
use crate::scripts::HookAnswer;
use crate::wire::json::epoch;
use crate::world::{Cx, Event as WorldEvent, Rng, World};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    AwaitingAction,
    InProgress,
    Succeeded,
    Failed,
    TimedOut,
}

/// One execution of a hook.
#[derive(Debug, Clone)]
pub(crate) struct Hook {
    pub(super) id: String,
    /// The function and the role that calls it; none for a pause.
    function: Option<(String, String)>,
    pub(super) stage: At,
    pub(super) status: Status,
    began: Timestamp,
    pub(super) expires_at: Timestamp,
    /// Whether running out of time rolls the deployment back; otherwise it goes on.
    rolls_back: bool,
}

/// What happens to a hook by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// The function has answered.
    Answered,
    TimedOut,
}

/// How long a function takes to answer, and after how long it is asked again if it is not done (`callBackDelay`).
const CALL: Duration = Duration::from_secs(1);
const CALL_AGAIN: Duration = Duration::from_secs(30);

impl Status {
    fn as_str(self) -> &'static str {
        match self {
            Self::AwaitingAction => "AWAITING_ACTION",
            Self::InProgress => "IN_PROGRESS",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::TimedOut => "TIMED_OUT",
        }
    }
}

impl Hook {
    pub(super) fn is_over(&self) -> bool {
        !matches!(self.status, Status::AwaitingAction | Status::InProgress)
    }

    pub(super) fn kind(&self) -> &'static str {
        if self.function.is_some() { "AWS_LAMBDA" } else { "PAUSE" }
    }

    /// The name of the event that says it has come to its status ("ECS Hook State Change").
    pub(super) fn event_name(&self) -> String {
        format!("HOOK_{}", self.status.as_str())
    }

    pub(super) fn show(&self) -> Value {
        let mut shown = json!({
            "hookId": self.id,
            "targetType": self.kind(),
            "status": self.status.as_str(),
            "expiresAt": epoch(self.expires_at),
            "timeoutAction": if self.rolls_back { "ROLLBACK" } else { "CONTINUE" },
        });
        if let Some((function, _)) = &self.function {
            shown["targetArn"] = json!(function);
        }
        shown
    }
}

const STAGES: [&str; 8] = [
    "RECONCILE_SERVICE",
    "PRE_SCALE_UP",
    "POST_SCALE_UP",
    "TEST_TRAFFIC_SHIFT",
    "POST_TEST_TRAFFIC_SHIFT",
    "PRE_PRODUCTION_TRAFFIC_SHIFT",
    "PRODUCTION_TRAFFIC_SHIFT",
    "POST_PRODUCTION_TRAFFIC_SHIFT",
];

/// Refuses hooks that a deployment configuration cannot have.
pub(super) fn check(configuration: &Map<String, Value>) -> Result<(), Refusal> {
    let hooks = configuration.list("lifecycleHooks");
    let (lambdas, pauses): (Vec<_>, Vec<_>) = hooks.iter().partition(|hook| hook.text("targetType") != Some("PAUSE"));
    if lambdas.len() > 10 || pauses.len() > 10 {
        return Err(invalid("A service can have at most 10 Lambda and 10 pause lifecycle hooks."));
    }
    hooks.iter().try_for_each(check_one)
}

fn check_one(hook: &Value) -> Result<(), Refusal> {
    let kind = hook.text("targetType").unwrap_or("AWS_LAMBDA");
    let (function, role) = (hook.text("hookTargetArn"), hook.text("roleArn"));
    let stages = hook.texts("lifecycleStages");
    if stages.is_empty() {
        return Err(invalid("A lifecycle hook must have at least one lifecycle stage."));
    }
    if let Some(wrong) = stages.iter().find(|stage| !STAGES.contains(stage)) {
        return Err(invalid(format!("Invalid lifecycle stage for a hook: {wrong}")));
    }
    let longest = match kind {
        "AWS_LAMBDA" if function.is_none() || role.is_none() => {
            return Err(invalid("An AWS_LAMBDA lifecycle hook must have a hookTargetArn and a roleArn."));
        }
        "AWS_LAMBDA" => 1440,
        "PAUSE" if function.is_some() || role.is_some() => {
            return Err(invalid("A PAUSE lifecycle hook must not have a hookTargetArn or a roleArn."));
        }
        "PAUSE" if stages.iter().any(|it| matches!(*it, "TEST_TRAFFIC_SHIFT" | "PRODUCTION_TRAFFIC_SHIFT")) => {
            return Err(invalid(
                "A PAUSE lifecycle hook cannot be configured at TEST_TRAFFIC_SHIFT or PRODUCTION_TRAFFIC_SHIFT.",
            ));
        }
        "PAUSE" => 20_160,
        _ => return Err(invalid(format!("Invalid target type of a lifecycle hook: {kind}"))),
    };
    let Some(timeout) = hook.object("timeoutConfiguration") else { return Ok(()) };
    if timeout.number("timeoutInMinutes").is_some_and(|minutes| !(1..=longest).contains(&minutes)) {
        return Err(invalid(format!("timeoutInMinutes of a {kind} hook must be between 1 and {longest}.")));
    }
    if timeout.text("action").is_some_and(|action| !matches!(action, "CONTINUE" | "ROLLBACK")) {
        return Err(invalid("The timeout action of a lifecycle hook must be CONTINUE or ROLLBACK."));
    }
    Ok(())
}

/// Runs the hooks of a stage, all at once.
pub(super) fn begin(world: &mut World, record: &str, at: At) {
    run(world, record, at, |_| true);
}

/// Asks the functions of a stage again, because the traffic that moved there moves back. Nobody waits for them. Source:
/// "Lifecycle hooks during rollback".
pub(super) fn begin_again(world: &mut World, record: &str, at: At) {
    run(world, record, at, |hook| hook.text("targetType") != Some("PAUSE"));
}

fn run(world: &mut World, record: &str, at: At, which: impl Fn(&Value) -> bool) {
    let Some(entry) = world.services.ecs.service_deployments.get_mut(record) else { return };
    let Some(configuration) = entry.configuration() else { return };
    let configured = configuration.list("lifecycleHooks").iter();
    let here = configured.filter(|hook| hook.texts("lifecycleStages").contains(&at.as_str()) && which(hook));
    let hooks: Vec<Hook> = here.map(|hook| execution(&mut world.rng, hook, at, world.now)).collect();
    if hooks.is_empty() {
        return;
    }
    let ids: Vec<String> = hooks.iter().map(|hook| hook.id.clone()).collect();
    if entry.status == RecordStatus::InProgress {
        entry.hooks = hooks;
    } else {
        entry.hooks.extend(hooks);
    }
    for id in ids {
        notice::hook(world, record, &id);
        start(world, record, &id);
    }
}

/// A hook as it begins.
fn execution(rng: &mut Rng, hook: &Value, stage: At, now: Timestamp) -> Hook {
    let timeout = hook.object("timeoutConfiguration");
    let minutes = timeout.and_then(|it| it.number("timeoutInMinutes")).unwrap_or(1440).max(1) as u64;
    let pauses = hook.text("targetType") == Some("PAUSE");
    let text = |name: &str| hook.text(name).unwrap_or_default().to_owned();
    Hook {
        id: if pauses { format!("ecs-pause-{}", names::token(rng, 43)) } else { rng.uuid() },
        function: (!pauses).then(|| (text("hookTargetArn"), text("roleArn"))),
        stage,
        status: if pauses { Status::AwaitingAction } else { Status::InProgress },
        began: now,
        expires_at: later(now, Duration::from_secs(minutes * 60)),
        rolls_back: timeout.and_then(|it| it.text("action")) != Some("CONTINUE"),
    }
}

/// Asks the function, if it is one, and plans the end of the hook's time.
fn start(world: &mut World, record: &str, id: &str) {
    let Some(hook) = find(&world.services.ecs, record, id) else { return };
    let (lambda, lasts) = (hook.function.is_some(), crate::clock::seconds_between(hook.began, hook.expires_at));
    if lambda {
        ask(world, record, id, CALL);
    }
    plan(world, record, id, Duration::from_secs_f64(lasts), Moment::TimedOut);
}

/// Calls a hook's function: the answer is there after `delay`.
fn ask(world: &mut World, record: &str, id: &str, delay: Duration) {
    let Some((function, role)) = find(&world.services.ecs, record, id).and_then(|hook| hook.function.clone()) else {
        return;
    };
    let role = names::last_part(&role);
    let principal = format!("arn:aws:sts::{}:assumed-role/{role}/ecs-service-scheduler", names::account_of(record));
    let (now, action) = (world.now, "lambda:InvokeFunction".to_owned());
    world.calls.push_of_service("ecs.amazonaws.com", now, action, principal, function);
    plan(world, record, id, delay, Moment::Answered);
}

fn plan(world: &mut World, record: &str, id: &str, delay: Duration, moment: Moment) {
    world.after(delay, WorldEvent::Ecs(Event::Hook(record.to_owned(), id.to_owned(), moment)));
}

fn find<'a>(ecs: &'a Ecs, record: &str, id: &str) -> Option<&'a Hook> {
    ecs.service_deployments.get(record)?.hooks.iter().find(|hook| hook.id == id)
}

/// Whether a deployment's stage has hooks that are not done.
pub(super) fn is_waited_for(ecs: &Ecs, record: &str) -> bool {
    ecs.service_deployments.get(record).is_some_and(|entry| entry.hooks.iter().any(|hook| !hook.is_over()))
}

/// A function answered, or a hook's time ran out.
pub(super) fn happen(world: &mut World, record: &str, id: &str, moment: Moment) {
    let now = world.now;
    let Some(hook) = find(&world.services.ecs, record, id).filter(|hook| !hook.is_over()) else { return };
    let (function, elapsed) = (hook.function.clone(), now.duration_since(hook.began).unsigned_abs());
    let rolls_back = hook.rolls_back;
    if moment == Moment::TimedOut {
        return settle(world, record, id, Status::TimedOut, rolls_back);
    }
    let Some((function, _)) = function else { return };
    match world.scripts.hook(&function, elapsed) {
        HookAnswer::InProgress => ask(world, record, id, CALL_AGAIN),
        HookAnswer::Succeeded => settle(world, record, id, Status::Succeeded, false),
        HookAnswer::Failed => settle(world, record, id, Status::Failed, true),
    }
}

/// A hook is done: the deployment is rolled back, or goes on if no other hook is waited for.
fn settle(world: &mut World, record: &str, id: &str, status: Status, rolls_back: bool) {
    let Some(entry) = world.services.ecs.service_deployments.get_mut(record) else { return };
    let (service, under_way) = (entry.service().to_owned(), entry.status == RecordStatus::InProgress);
    let Some(hook) = entry.hooks.iter_mut().find(|hook| hook.id == id) else { return };
    hook.status = status;
    let stage = hook.stage.as_str();
    notice::hook(world, record, id);
    if !under_way {
        return;
    }
    if rolls_back {
        let what = if status == Status::TimedOut { "timed out" } else { "failed" };
        let why = format!("a lifecycle hook {what} at {stage}");
        let failure = Failure { by: "ECS deployment lifecycle hook", why: &why, because: &why };
        fail(world, &service, &failure, true);
    } else {
        rollout::proceed(world, &service);
    }
}

pub(crate) fn continue_deployment(world: &mut World, _cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let required = |name: &str| {
        input.text(name).filter(|it| !it.is_empty()).ok_or_else(|| invalid(format!("{name} can not be null or empty.")))
    };
    let (record, id) = (required("serviceDeploymentArn")?, required("hookId")?);
    let continues = match input.text("action").unwrap_or("CONTINUE") {
        "CONTINUE" => true,
        "ROLLBACK" => false,
        other => return Err(invalid(format!("Invalid action: {other}"))),
    };
    let entry = world.services.ecs.service_deployments.get(record).ok_or_else(not_found)?;
    if entry.status != RecordStatus::InProgress {
        let status = entry.status.as_str();
        return Err(invalid(format!("The service deployment cannot be continued because its status is {status}.")));
    }
    let hook = entry.hooks.iter().find(|hook| hook.id == id);
    let hook = hook.ok_or_else(|| invalid(format!("The service deployment has no lifecycle hook with ID {id}.")))?;
    if hook.status != Status::AwaitingAction {
        let status = hook.status.as_str();
        return Err(invalid(format!("The lifecycle hook {id} is not awaiting action: its status is {status}.")));
    }
    let status = if continues { Status::Succeeded } else { Status::Failed };
    settle(world, record, id, status, !continues);
    Ok(json!({ "serviceDeploymentArn": record }))
}
