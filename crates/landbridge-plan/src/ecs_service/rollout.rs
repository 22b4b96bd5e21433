//! How the wanted content fares in ECS: rolled out, on its way, failed, or rolled back.
//!
//! A rollback leaves the service with other content than the spec asks for, which looks like a change by somebody else.
//! The two are told apart by what ECS says of the deployment that our write started: only a failure holds the content.

use std::fmt::Write as _;

use landbridge_api::common::DriftPolicy;
use landbridge_api::condition::reason;
use landbridge_api::ecs::service::DeploymentControllerType;
use landbridge_api::v1alpha1::{RolledBack, TaskFailure};

use super::lookups::SUCCEEDED;
use super::pass::Pass;
use super::service_fields::{FieldDifference, compare};
use super::task_definition::short;
use super::{DeploymentFacts, ServiceFacts};
use crate::kind::Health;

/// What differs and would need a deployment, in the service that is there.
pub(super) fn outstanding(pass: &Pass<'_>, service: &ServiceFacts) -> Vec<FieldDifference> {
    let revision = pass.revision().unwrap_or_default();
    compare(pass, service, revision).into_iter().filter(FieldDifference::deploys).collect()
}

/// The hold on the wanted content: ECS rolled it back, and something of it is still not there.
pub(super) fn rolled_back(pass: &Pass<'_>) -> Option<RolledBack> {
    let service = pass.ours().filter(|s| s.status == "ACTIVE")?;
    if outstanding(pass, service).is_empty() {
        return None;
    }
    let stored = pass.stored.rolled_back.as_ref().filter(|r| r.content == pass.desired.content);
    stored.cloned().or_else(|| detect(pass, service))
}

fn detect(pass: &Pass<'_>, service: &ServiceFacts) -> Option<RolledBack> {
    let revision = pass.revision()?;
    let held = |reason: Option<String>| {
        let deployment = pass.stored.deployment.as_ref().filter(|d| is_for(pass, d.content.as_deref()));
        Some(RolledBack {
            content: pass.desired.content.clone(),
            task_definition_arn: Some(revision.to_owned()),
            deployment_arn: deployment.and_then(|d| d.arn.clone()),
            reason,
        })
    };
    let succeeded = |state: Option<&str>| state.is_some_and(|s| SUCCEEDED.contains(&s));
    let ours = pass.stored.deployment.as_ref().filter(|d| is_for(pass, d.content.as_deref()));
    let ours = ours.filter(|d| !succeeded(d.state.as_deref()));
    if let (Some(stored), Some(facts)) = (ours, &pass.observed.deployment)
        && stored.arn.as_deref() == Some(&facts.arn)
        && facts.status.starts_with("ROLLBACK_")
    {
        return held(facts.status_reason.clone());
    }
    let primary = primary(service);
    let going_back = primary.and_then(|p| p.rollout_state_reason.clone()).filter(|r| says_rollback(r));
    if ours.is_some() && going_back.is_some() {
        return held(going_back);
    }
    // The answer to our write may have been lost, so that its deployment was never stored. Its failed remains still
    // tell, unless they are those of an earlier try of the same revision.
    let failed = service.deployments.iter().find(|d| {
        d.status != "PRIMARY" && d.task_definition == revision && d.rollout_state.as_deref() == Some("FAILED")
    })?;
    let earlier = pass.stored.rolled_back.as_ref().is_some_and(|r| r.task_definition_arn.as_deref() == Some(revision));
    if service.task_definition == revision || (earlier && ours.is_none()) {
        return None;
    }
    held(failed.rollout_state_reason.clone())
}

fn is_for(pass: &Pass<'_>, content: Option<&str>) -> bool {
    content == Some(&pass.desired.content)
}

/// ECS's words: `ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/…`.
fn says_rollback(reason: &str) -> bool {
    let reason = reason.to_ascii_lowercase();
    reason.contains("rolling back") || reason.contains("rollback")
}

/// The newest deployment.
pub(super) fn primary(service: &ServiceFacts) -> Option<&DeploymentFacts> {
    service.deployments.iter().find(|d| d.status == "PRIMARY")
}

/// Health of what ECS has.
pub(super) fn health(pass: &Pass<'_>) -> Health {
    let Some(service) = &pass.observed.service else {
        return progressing(reason::PROGRESSING, format!("ECS service {} is not there yet", pass.desired.service));
    };
    if !pass.owns(&service.tags) {
        return progressing(reason::PROGRESSING, format!("ECS service {} is not ours yet", pass.desired.service));
    }
    if service.status != "ACTIVE" {
        return progressing(reason::WAITING, format!("the service is {}", service.status));
    }
    if let Some(held) = rolled_back(pass) {
        return failed_rollback(pass, service, &held);
    }
    if pass.desired.controller() == DeploymentControllerType::External {
        return counted(pass, service);
    }
    if let Some(health) = not_wanted(pass, service, &outstanding(pass, service)) {
        return health;
    }
    match primary(service) {
        None => progressing(reason::ROLLING_OUT, "ECS shows no deployment of the service yet".to_owned()),
        Some(primary) => of_deployment(pass, service, primary),
    }
}

fn progressing(reason: &'static str, message: String) -> Health {
    Health::Progressing { reason, message }
}

fn failed_rollback(pass: &Pass<'_>, service: &ServiceFacts, held: &RolledBack) -> Health {
    let wanted = held.task_definition_arn.as_deref().map_or("the wanted content", short);
    let why = held.reason.as_deref().map(|r| format!(": {}", r.trim_end_matches('.'))).unwrap_or_default();
    Health::Failed {
        reason: reason::ROLLED_BACK,
        message: format!(
            "ECS rolled {wanted} back to {}{why}{}. Change the spec, or set the annotation landbridge.dev/restarted-at to try \
             the same again",
            short(&service.task_definition),
            failure_text(pass),
        ),
        stalled: true,
    }
}

/// The service has other content than is wanted and no failure explains it. What `driftPolicy` leaves different does
/// not make it unready, unless it is what runs.
fn not_wanted(pass: &Pass<'_>, service: &ServiceFacts, outstanding: &[FieldDifference]) -> Option<Health> {
    let left = pass.applied && pass.object.spec.knobs.drift() != DriftPolicy::Correct;
    let names = outstanding.iter().map(|f| f.name.as_str());
    let paths = names.filter(|n| !left || *n == "taskDefinition").collect::<Vec<_>>().join(", ");
    if paths.is_empty() {
        return None;
    }
    if left {
        let message = format!(
            "ECS runs {}, which is not what the spec asks for, and driftPolicy leaves it",
            short(&service.task_definition)
        );
        return Some(Health::Failed { reason: reason::DRIFT_REPORTED, message, stalled: true });
    }
    Some(progressing(reason::PROGRESSING, format!("the service differs from the spec in {paths}")))
}

fn of_deployment(pass: &Pass<'_>, service: &ServiceFacts, primary: &DeploymentFacts) -> Health {
    let state = primary.rollout_state.clone().or_else(|| service_deployment_state(pass, service));
    match state.as_deref() {
        Some("FAILED" | "ROLLBACK_FAILED") => Health::Failed {
            reason: reason::DEPLOYMENT_FAILED,
            message: format!(
                "the deployment of {} failed{}{}. Change the spec, or set the annotation landbridge.dev/restarted-at to try \
                 again",
                short(&primary.task_definition),
                reason_text(pass, primary),
                failure_text(pass),
            ),
            stalled: true,
        },
        Some("STOPPED") => Health::Failed {
            reason: reason::DEPLOYMENT_FAILED,
            message: format!(
                "the deployment of {} was stopped{}",
                short(&primary.task_definition),
                reason_text(pass, primary)
            ),
            stalled: true,
        },
        Some("COMPLETED" | "SUCCESSFUL") if service.deployments.iter().all(|d| d.status != "ACTIVE") => {
            counted(pass, service)
        }
        // A classic load balancer or a service from before deployments had states: the counts are all there is.
        None if pass.desired.controller() == DeploymentControllerType::CodeDeploy => counted(pass, service),
        _ => rolling_out(pass, service, primary),
    }
}

/// The state of the current service deployment, which strategies other than ROLLING report instead of a rollout state.
fn service_deployment_state(pass: &Pass<'_>, service: &ServiceFacts) -> Option<String> {
    let current = service.current_service_deployment.as_deref();
    let seen = pass.observed.deployment.as_ref().filter(|d| Some(d.arn.as_str()) == current);
    let stored = pass.stored.deployment.as_ref().filter(|d| d.arn.as_deref() == current);
    seen.map(|d| d.status.clone()).or_else(|| stored.and_then(|d| d.state.clone()))
}

fn reason_text(pass: &Pass<'_>, primary: &DeploymentFacts) -> String {
    let said = primary.rollout_state_reason.as_ref();
    let said = said.or_else(|| pass.observed.deployment.as_ref().and_then(|d| d.status_reason.as_ref()));
    said.map(|r| format!(": {}", r.trim_end_matches('.'))).unwrap_or_default()
}

fn rolling_out(pass: &Pass<'_>, service: &ServiceFacts, primary: &DeploymentFacts) -> Health {
    let old: i32 = service.deployments.iter().filter(|d| d.status == "ACTIVE").map(|d| d.running_count).sum();
    let mut message =
        format!("{} of {} tasks run {}", primary.running_count, primary.desired_count, short(&primary.task_definition));
    // Writing to a String cannot fail.
    if old > 0 {
        let _ = write!(message, ", {old} of older revisions still run");
    }
    if primary.failed_tasks > 0 {
        let _ = write!(message, ", {} failed", primary.failed_tasks);
    }
    if let Some(stage) = pass.observed.deployment.as_ref().and_then(|d| d.lifecycle_stage.as_ref()) {
        let _ = write!(message, " (stage {stage})");
    }
    message.push_str(&failure_text(pass));
    progressing(reason::ROLLING_OUT, message)
}

/// With nothing under way the counts must agree.
fn counted(pass: &Pass<'_>, service: &ServiceFacts) -> Health {
    let (running, desired) = (service.running_count, service.desired_count);
    let what = short(&service.task_definition);
    let message = match what {
        "" => format!("{running} of {desired} tasks run"),
        what => format!("{running} of {desired} tasks run {what}"),
    };
    match running.cmp(&desired) {
        std::cmp::Ordering::Less if is_starting(pass, service) => {
            progressing(reason::ROLLING_OUT, format!("{message}: ECS is starting the rest"))
        }
        std::cmp::Ordering::Less => {
            let message = format!("{message}{}", failure_text(pass));
            Health::Failed { reason: reason::TASKS_MISSING, message, stalled: false }
        }
        std::cmp::Ordering::Greater => progressing(reason::ROLLING_OUT, format!("{message}: ECS is stopping the rest")),
        std::cmp::Ordering::Equal => Health::Healthy(message),
    }
}

/// Whether the tasks that are missing are on their way: just asked for, or PENDING, and none stopped on its own.
fn is_starting(pass: &Pass<'_>, service: &ServiceFacts) -> bool {
    let is_new = pass.stored.desired_count.is_some_and(|before| before < service.desired_count);
    let is_pending = service.running_count.saturating_add(service.pending_count) >= service.desired_count;
    (is_new || is_pending) && pass.observed.failure.is_none()
}

fn failure_text(pass: &Pass<'_>) -> String {
    let remembered = pass.stored.last_failure.as_ref().filter(|_| pass.stored.rolled_back.is_some());
    let failure = pass.observed.failure.as_ref().or(remembered);
    failure.map(|f| format!(". Tasks stop: {}", told(f))).unwrap_or_default()
}

/// A failure in a sentence: `container web exited with code 1: OutOfMemory (3 times)`.
pub(super) fn told(failure: &TaskFailure) -> String {
    let mut text = match (&failure.container, failure.exit_code) {
        (Some(container), Some(code)) => format!("container {container} exited with code {code}: "),
        (Some(container), None) => format!("container {container}: "),
        (None, _) => String::new(),
    };
    text.push_str(failure.reason.trim_end_matches('.'));
    if failure.times > 1 {
        let _ = write!(text, " ({} times)", failure.times);
    }
    text
}
