//! What became of a pass, and the head of the status that follows from it.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use landbridge_api::condition::{self, reason};
use landbridge_api::names::annotation;
use serde::{Deserialize, Serialize};

use crate::kind::{Dependent, Health, Kind};
use crate::plan::{ARRIVES_WITHIN, Cause, Plan, Unmet, Wait};

/// What kind of failure an AWS error is; it decides what happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ErrorClass {
    /// The thing is not there.
    NotFound,
    /// The name is taken.
    AlreadyExists,
    /// Somebody changed it at the same time; read again and retry.
    Conflict,
    /// Too many requests.
    Throttled,
    /// The credentials are fine and the call is denied.
    AccessDenied,
    /// The credentials are absent, expired or wrong.
    Credentials,
    /// An account quota is exhausted.
    Quota,
    /// AWS refuses the content of the request.
    Invalid,
    /// Something earlier has not taken effect yet; the same request will be accepted later.
    NotYet,
    /// Other things still use it.
    InUse,
    /// AWS or the network failed.
    Transient,
    /// This replica no longer holds the lease of the account; nothing was sent.
    Fenced,
}

/// A call that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The AWS operation, `ecs:CreateService`.
    pub operation: String,
    /// Its class.
    pub class: ErrorClass,
    /// What AWS said and what to do about it. Never holds a secret.
    pub message: String,
}

impl ErrorClass {
    /// The condition reason of a failure of this class.
    pub fn reason(self) -> &'static str {
        match self {
            Self::AccessDenied => reason::ACCESS_DENIED,
            Self::Credentials => reason::CREDENTIALS,
            Self::Quota => reason::QUOTA_EXCEEDED,
            Self::Invalid => reason::REFUSED_BY_AWS,
            Self::AlreadyExists => reason::NAME_TAKEN,
            Self::InUse => reason::IN_USE,
            Self::NotYet | Self::Conflict | Self::NotFound | Self::Fenced => reason::WAITING,
            Self::Throttled | Self::Transient => reason::AWS_UNAVAILABLE,
        }
    }

    /// Whether only a person can help.
    pub fn is_stalled(self) -> bool {
        matches!(self, Self::AccessDenied | Self::Credentials | Self::Quota | Self::Invalid | Self::AlreadyExists)
    }
}

/// What a pass came to.
#[derive(Clone, Debug)]
pub enum Verdict<'a, K: Kind> {
    /// A reference is not usable.
    Unmet(&'a Unmet),
    /// AWS could not be read.
    Unreadable(&'a Failure),
    /// The pass went through.
    Done {
        /// The references.
        resolved: &'a K::Resolved,
        /// What AWS said at the end.
        observed: &'a K::Observed,
        /// What was planned, after policies.
        plan: &'a Plan,
        /// The step that failed, if one did.
        failure: Option<&'a Failure>,
        /// How many steps succeeded.
        executed: usize,
    },
}

/// What a condition row says.
struct Row {
    ready: bool,
    reason: &'static str,
    message: String,
    stalled: bool,
    reconciling: bool,
}

/// The whole status after a pass: the kind's facts and the conditions.
pub fn status<K: Kind>(object: &K, verdict: &Verdict<'_, K>, now: Timestamp) -> K::Status {
    let stored = object.stored().cloned().unwrap_or_default();
    let mut status = match verdict {
        Verdict::Done { resolved, observed, .. } => object.facts(resolved, observed),
        Verdict::Unmet(_) | Verdict::Unreadable(_) => stored.clone(),
    };
    let generation = object.generation();
    let row = row(object, verdict, now);
    let mut conditions =
        vec![condition::condition(condition::READY, row.ready, row.reason, row.message.clone(), generation, now)];
    let mut present = |type_: &str, reason: &str, message: &str| {
        conditions.push(condition::condition(type_, true, reason, message, generation, now));
    };
    if row.reconciling {
        present(condition::RECONCILING, row.reason, &row.message);
    }
    if row.stalled {
        present(condition::STALLED, row.reason, &row.message);
    }
    if object.knobs().is_paused() {
        present(condition::PAUSED, reason::PAUSED, "spec.paused is true: AWS is observed and not written");
    }
    if let Some((reason, message)) = drift(verdict) {
        present(condition::DRIFTED, reason, &message);
    }
    let old = K::common(&stored);
    conditions.extend(match verdict {
        Verdict::Done { resolved, observed, .. } => {
            let dependents = object.dependents(resolved, observed).into_iter();
            let of = |d: Dependent| condition::condition(d.type_, d.holds, d.reason, d.message, generation, now);
            dependents.map(of).collect::<Vec<_>>()
        }
        // Nobody looked: what was true before is the best there is.
        Verdict::Unmet(_) | Verdict::Unreadable(_) => {
            let is_dependent = |c: &&Condition| condition::DEPENDENTS.contains(&c.type_.as_str());
            old.conditions.iter().filter(is_dependent).cloned().collect()
        }
    });
    let applied = applied_spec(object, verdict).or_else(|| old.applied_spec.clone());
    let handled = object.meta().annotations.as_ref().and_then(|a| a.get(annotation::RECONCILE_NOW)).cloned();
    let merged = condition::merge(&old.conditions, conditions);
    let common = K::common_mut(&mut status);
    common.conditions = merged;
    common.observed_generation = Some(generation);
    common.last_handled_reconcile_at = handled;
    common.applied_spec = applied;
    status
}

/// The status to store before the steps run, if any: the intent, and for an object that has no conditions yet the first
/// ones, `Ready=Unknown` and `Reconciling=True`.
pub fn before_steps<K: Kind>(object: &K, intent: Option<K::Status>, now: Timestamp) -> Option<K::Status> {
    let stored = object.stored();
    if is_spoken_of(object) {
        return intent;
    }
    let mut status = intent.or_else(|| stored.cloned()).unwrap_or_default();
    let generation = object.generation();
    let common = K::common_mut(&mut status);
    common.observed_generation = Some(generation);
    let first = vec![
        condition::unknown(condition::READY, reason::PENDING, "the first changes are made", generation, now),
        condition::condition(
            condition::RECONCILING,
            true,
            reason::PENDING,
            "the first changes are made",
            generation,
            now,
        ),
    ];
    common.conditions = condition::merge(&common.conditions, first);
    Some(status)
}

/// Whether the status has conditions of ours.
pub fn is_spoken_of<K: Kind>(object: &K) -> bool {
    object.stored().is_some_and(|s| condition::find(&K::common(s).conditions, condition::READY).is_some())
}

fn row<K: Kind>(object: &K, verdict: &Verdict<'_, K>, now: Timestamp) -> Row {
    match verdict {
        Verdict::Unmet(Unmet::Wait(w)) if is_lost(object, w, now) => stalled(known(&w.reason), w.message.clone()),
        Verdict::Unmet(Unmet::Wait(w)) => progressing(known(&w.reason), w.message.clone()),
        Verdict::Unmet(Unmet::Blocked(b)) => stalled(known(&b.reason), b.message.clone()),
        Verdict::Unreadable(failure) => failed(failure),
        Verdict::Done { resolved, observed, plan, failure, executed } => {
            if let Some(failure) = failure {
                return failed(failure);
            }
            if !plan.blocked.is_empty() {
                let text = plan.blocked.iter().map(|b| b.message.as_str()).collect::<Vec<_>>().join("; ");
                return stalled(known(&plan.blocked[0].reason), text);
            }
            if object.is_deleting() {
                let message = plan.waits.first().map_or("deleting", |w| w.message.as_str());
                let why = plan.waits.first().map_or(reason::DELETING, |w| known(&w.reason));
                return progressing(why, message.to_owned());
            }
            let health = object.health(resolved, observed, now);
            after_health(health, plan, *executed, object.knobs().is_paused())
        }
    }
}

/// Whether a reference has led nowhere for so long that it will not arrive by itself.
fn is_lost<K: Kind>(object: &K, wait: &Wait, now: Timestamp) -> bool {
    let conditions = object.stored().map(|s| K::common(s).conditions.as_slice()).unwrap_or_default();
    let since = condition::find(conditions, condition::READY)
        .filter(|c| c.reason == reason::REFERENCE_NOT_FOUND && c.status == "False")
        .map(|c| c.last_transition_time.0);
    wait.reason == reason::REFERENCE_NOT_FOUND
        && since.is_some_and(|since| now.duration_since(since).unsigned_abs() >= ARRIVES_WITHIN && now > since)
}

fn after_health(health: Health, plan: &Plan, executed: usize, paused: bool) -> Row {
    let pending = plan.steps.len().saturating_sub(executed);
    match health {
        Health::Failed { reason, message, stalled: true } => stalled(reason, message),
        _ if !plan.waits.is_empty() => progressing(known(&plan.waits[0].reason), plan.waits[0].message.clone()),
        _ if pending > 0 && !paused => {
            progressing(reason::PROGRESSING, format!("{pending} of {} changes are still to be made", plan.steps.len()))
        }
        Health::Failed { reason, message, .. } => {
            Row { ready: false, reason, message, stalled: false, reconciling: true }
        }
        Health::Progressing { reason, message } => progressing(reason, message),
        Health::Healthy(_) if pending > 0 => Row {
            ready: false,
            reason: reason::PAUSED,
            message: format!("paused with {pending} changes to make"),
            stalled: false,
            reconciling: false,
        },
        Health::Healthy(message) => {
            Row { ready: true, reason: reason::READY, message, stalled: false, reconciling: false }
        }
    }
}

fn progressing(reason: &'static str, message: String) -> Row {
    Row { ready: false, reason, message, stalled: false, reconciling: true }
}

fn stalled(reason: &'static str, message: String) -> Row {
    Row { ready: false, reason, message, stalled: true, reconciling: false }
}

fn failed(failure: &Failure) -> Row {
    let message = format!("{}: {}", failure.operation, failure.message);
    let stalled = failure.class.is_stalled();
    Row { ready: false, reason: failure.class.reason(), message, stalled, reconciling: !stalled }
}

fn drift<K: Kind>(verdict: &Verdict<'_, K>) -> Option<(&'static str, String)> {
    let Verdict::Done { plan, .. } = verdict else { return None };
    if plan.drift.is_empty() {
        return None;
    }
    let paths = plan.drift.iter().map(|d| d.path.as_str()).collect::<Vec<_>>().join(", ");
    let corrected = plan.steps.iter().any(|s| s.cause == Cause::Drift);
    Some(if corrected {
        (reason::DRIFT_CORRECTED, format!("changed outside and put back: {paths}"))
    } else {
        (reason::DRIFT_REPORTED, format!("changed outside and left, as driftPolicy says: {paths}"))
    })
}

/// The fingerprint to store once everything that the spec asks for has been written.
fn applied_spec<K: Kind>(object: &K, verdict: &Verdict<'_, K>) -> Option<String> {
    match verdict {
        Verdict::Done { resolved, plan, failure: None, executed, .. }
            if plan.blocked.is_empty() && plan.waits.is_empty() && *executed == plan.steps.len() =>
        {
            Some(object.fingerprint(resolved))
        }
        _ => None,
    }
}

/// When to look again, for a pass that did not fail.
pub fn look_again(plan: &Plan) -> Option<Duration> {
    plan.waits.iter().map(|w| w.look_after).min()
}

/// Plans carry reasons as text so that they can be read back from JSON; here they become the constants again.
fn known(text: &str) -> &'static str {
    const ALL: &[&str] = &[
        reason::REFERENCE_NOT_FOUND,
        reason::REFERENCE_NOT_READY,
        reason::NAMESPACE_NOT_ALLOWED,
        reason::INVALID_SPEC,
        reason::IMMUTABLE_FIELD,
        reason::NAME_TAKEN,
        reason::OWNERSHIP_CONFLICT,
        reason::ADOPTION_DIFFERS,
        reason::CREDENTIALS,
        reason::ACCESS_DENIED,
        reason::OUTSIDE_ACCOUNT_RULES,
        reason::QUOTA_EXCEEDED,
        reason::REFUSED_BY_AWS,
        reason::WAITING,
        reason::IN_USE,
        reason::DELETING,
        reason::ROLLED_BACK,
        reason::ROLLING_OUT,
        reason::PROGRESSING,
        reason::PENDING,
        reason::NO_ENDPOINTS,
        reason::PORT_UNKNOWN,
        reason::UNROUTABLE_ADDRESS,
        reason::PREFLIGHT,
        reason::AWAITING_APPROVAL,
        reason::HOLDING,
        reason::MANAGER_SILENT,
        reason::CONFLICTED,
        reason::NOT_SERVED,
        reason::FOREIGN_MCS_CONTROLLER,
        reason::PAUSED,
    ];
    ALL.iter().find(|r| **r == text).copied().unwrap_or(reason::PROGRESSING)
}

#[cfg(test)]
mod tests {
    use landbridge_api::v1alpha1::EcsService;

    use super::*;
    use crate::plan::ARRIVES_WITHIN;
    use crate::testing::{now, object};

    #[test]
    fn a_reference_that_leads_nowhere_may_arrive_for_a_while_and_then_only_a_person_can_help() {
        let mut service: EcsService =
            object("{kind: ECSService, metadata: {name: web}, spec: {clusterRef: {name: x}}}");
        let unmet = Unmet::missing("there is none: create it");
        let mut after = |seconds: u64| {
            let at = now() + Duration::from_secs(seconds);
            let status = status(&service, &Verdict::Unmet(&unmet), at);
            let stalled = condition::is_true(&status.common.conditions, condition::STALLED);
            assert_ne!(stalled, condition::is_true(&status.common.conditions, condition::RECONCILING));
            service.status = Some(status);
            stalled
        };
        let limit = ARRIVES_WITHIN.as_secs();
        assert_eq!([0, 1, limit - 1, limit, limit + 60].map(&mut after), [false, false, false, true, true]);
    }
}
