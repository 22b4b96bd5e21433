//! What happened in ECS since the last pass, for Kubernetes Events: the service's own events and why tasks stop.

use jiff::Timestamp;

use super::EventFacts;
use super::pass::Pass;
use super::rollout;
use crate::kind::News;

/// ECS keeps a hundred events and Kubernetes wants few: this many of the newest are told in one pass.
const AT_ONCE: usize = 10;

/// News since the stored status.
pub(super) fn news(pass: &Pass<'_>) -> Vec<News> {
    let mut news = service_events(pass);
    news.extend(tasks_failing(pass));
    news
}

fn service_events(pass: &Pass<'_>) -> Vec<News> {
    // What happened before this object had the service is not its news.
    let Some(service) = pass.ours().filter(|_| pass.stored.service_arn.is_some()) else { return Vec::new() };
    let since: Option<Timestamp> = pass.stored.last_event_at.as_ref().and_then(|t| t.parse().ok());
    let mut events: Vec<&EventFacts> =
        service.events.iter().filter(|e| since.is_none_or(|since| e.created_at > since)).collect();
    events.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
    let mut told: Vec<News> = Vec::new();
    for event in events {
        let (warning, reason) = class(&event.message);
        if !told.iter().any(|n| n.message == event.message) {
            told.push(News { warning, reason: reason.to_owned(), message: event.message.clone() });
        }
    }
    let skip = told.len().saturating_sub(AT_ONCE);
    told.split_off(skip)
}

/// ECS's wording of service events, most telling first ("Viewing Amazon ECS service event messages").
const CLASSES: &[(&str, bool, &str)] = &[
    ("rolling back", true, "RollingBack"),
    ("deployment failed", true, "DeploymentFailed"),
    ("deployment completed", false, "DeploymentCompleted"),
    ("steady state", false, "SteadyState"),
    ("unable to place", true, "PlacementFailed"),
    ("unable to consistently start", true, "TasksFailing"),
    ("unhealthy", true, "TasksUnhealthy"),
    ("unable", true, "ServiceUnable"),
    ("failed", true, "ServiceFailing"),
    ("error", true, "ServiceFailing"),
    ("has started", false, "TasksStarted"),
    ("has stopped", false, "TasksStopped"),
    ("has begun draining", false, "TasksDraining"),
    ("deregistered", false, "TargetsDeregistered"),
    ("registered", false, "TargetsRegistered"),
];

fn class(message: &str) -> (bool, &'static str) {
    let message = message.to_ascii_lowercase();
    let found = CLASSES.iter().find(|(words, ..)| message.contains(words));
    found.map_or((false, "ServiceEvent"), |(_, warning, reason)| (*warning, *reason))
}

/// The reason why tasks stop, when it is another one than before, or when it has become twice as frequent.
fn tasks_failing(pass: &Pass<'_>) -> Option<News> {
    let failure = pass.observed.failure.as_ref()?;
    let known = pass.stored.last_failure.as_ref().is_some_and(|known| {
        (&known.container, known.exit_code, &known.reason) == (&failure.container, failure.exit_code, &failure.reason)
            && failure.times < known.times.saturating_mul(2)
    });
    (!known).then(|| News {
        warning: true,
        reason: "TasksFailing".to_owned(),
        message: format!("tasks stop: {}", rollout::told(failure)),
    })
}
