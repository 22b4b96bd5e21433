//! Condition types and reasons (stable API), and the merge that keeps a transition time while a status stays.
//!
//! `Ready` is always present. `Reconciling` and `Stalled` follow kstatus: they are present only when true.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// The wanted state is the one that runs, observed in AWS.
pub const READY: &str = "Ready";
/// The operator is working towards the spec (kstatus, present only when `True`).
pub const RECONCILING: &str = "Reconciling";
/// Only a change by the user can help (kstatus, present only when `True`).
pub const STALLED: &str = "Stalled";
/// AWS was found different from the spec although the spec did not change (present only when `True`).
pub const DRIFTED: &str = "Drifted";
/// The object is paused: it is observed, nothing is written (present only when `True`).
pub const PAUSED: &str = "Paused";

/// A ServiceImport of the Multi-Cluster Services API stands beside the Service of an import that asks for one.
pub const SERVICE_IMPORTED: &str = "ServiceImported";

/// Reasons. Each is a constant that users may match on; the message says the rest.
pub mod reason {
    /// Everything is as the spec says and healthy.
    pub const READY: &str = "Ready";
    /// First pass has not happened yet.
    pub const PENDING: &str = "Pending";
    /// Changes are being made in AWS.
    pub const PROGRESSING: &str = "Progressing";
    /// A service deployment is moving tasks to the wanted revision.
    pub const ROLLING_OUT: &str = "RollingOut";
    /// ECS rolled the wanted revision back; it is not tried again until its content changes.
    pub const ROLLED_BACK: &str = "RolledBack";
    /// The service deployment failed and was not rolled back.
    pub const DEPLOYMENT_FAILED: &str = "DeploymentFailed";
    /// Fewer tasks run than wanted although no deployment is under way.
    pub const TASKS_MISSING: &str = "TasksMissing";
    /// A referenced object does not exist.
    pub const REFERENCE_NOT_FOUND: &str = "ReferenceNotFound";
    /// A referenced object exists and is not ready yet.
    pub const REFERENCE_NOT_READY: &str = "ReferenceNotReady";
    /// The referenced object does not allow this namespace.
    pub const NAMESPACE_NOT_ALLOWED: &str = "NamespaceNotAllowed";
    /// The spec holds something AWS would refuse.
    pub const INVALID_SPEC: &str = "InvalidSpec";
    /// A field that AWS cannot change in place was changed.
    pub const IMMUTABLE_FIELD: &str = "ImmutableField";
    /// An AWS resource of that name exists and is not ours.
    pub const NAME_TAKEN: &str = "NameTaken";
    /// Another object owns the AWS resource.
    pub const OWNERSHIP_CONFLICT: &str = "OwnershipConflict";
    /// Adoption was asked for and the resource differs from the spec.
    pub const ADOPTION_DIFFERS: &str = "AdoptionDiffers";
    /// AWS refuses the credentials: absent, expired or wrong.
    pub const CREDENTIALS: &str = "CredentialsUnusable";
    /// AWS accepts the credentials and denies the call.
    pub const ACCESS_DENIED: &str = "AccessDenied";
    /// The role or policy lies outside what the account object allows.
    pub const OUTSIDE_ACCOUNT_RULES: &str = "OutsideAccountRules";
    /// An AWS quota is exhausted.
    pub const QUOTA_EXCEEDED: &str = "QuotaExceeded";
    /// AWS refuses the request for its content.
    pub const REFUSED_BY_AWS: &str = "RefusedByAWS";
    /// AWS throttles or fails; the operator tries again by itself.
    pub const AWS_UNAVAILABLE: &str = "AWSUnavailable";
    /// Something earlier must end first (draining name, propagating role, operation in flight).
    pub const WAITING: &str = "Waiting";
    /// Other things still use the resource, so it cannot be deleted yet.
    pub const IN_USE: &str = "InUse";
    /// The resource is being deleted.
    pub const DELETING: &str = "Deleting";
    /// Drift was found and corrected.
    pub const DRIFT_CORRECTED: &str = "DriftCorrected";
    /// Drift was found; `driftPolicy: Report` leaves it.
    pub const DRIFT_REPORTED: &str = "DriftReported";
    /// Nothing that takes connections stands behind the name.
    pub const NO_ENDPOINTS: &str = "NoEndpoints";
    /// Nobody says on which port something listens.
    pub const PORT_UNKNOWN: &str = "PortUnknown";
    /// An address that others cannot reach.
    pub const UNROUTABLE_ADDRESS: &str = "UnroutableAddress";
    /// A check before a migration does not hold; nothing was written.
    pub const PREFLIGHT: &str = "PreflightFailed";
    /// The migration waits for a person: `landbridge migrate start` or `promote`.
    pub const AWAITING_APPROVAL: &str = "AwaitingApproval";
    /// The migration holds where it is, because a side is below its floor or a gate does not hold.
    pub const HOLDING: &str = "Holding";
    /// The program that governs the rules does not carry new weights out.
    pub const MANAGER_SILENT: &str = "ManagerSilent";
    /// Somebody else changed what the migration governs.
    pub const CONFLICTED: &str = "Conflicted";
    /// The API server does not serve the kind that is to be written.
    pub const NOT_SERVED: &str = "NotServed";
    /// The AWS MCS controller for Kubernetes runs in the cluster, and would delete what is to be written.
    pub const FOREIGN_MCS_CONTROLLER: &str = "ForeignMCSController";
    /// `spec.paused` is true.
    pub const PAUSED: &str = "Paused";
}

/// Builds a condition; `now` is used only if [`merge`] finds that the status changed.
pub fn condition(
    type_: &str,
    status: bool,
    reason: &str,
    message: impl Into<String>,
    generation: i64,
    now: Timestamp,
) -> Condition {
    let status = if status { "True" } else { "False" };
    with_status(type_, status, reason, message, generation, now)
}

/// Builds a condition with status `Unknown`.
pub fn unknown(type_: &str, reason: &str, message: impl Into<String>, generation: i64, now: Timestamp) -> Condition {
    with_status(type_, "Unknown", reason, message, generation, now)
}

fn with_status(
    type_: &str,
    status: &str,
    reason: &str,
    message: impl Into<String>,
    generation: i64,
    now: Timestamp,
) -> Condition {
    Condition {
        type_: type_.into(),
        status: status.into(),
        reason: reason.into(),
        message: message.into(),
        observed_generation: Some(generation),
        last_transition_time: Time(now),
    }
}

/// The types that are ours; whoever else writes conditions of other types keeps them.
const OURS: [&str; 6] = [READY, RECONCILING, STALLED, DRIFTED, PAUSED, SERVICE_IMPORTED];

/// The types of conditions that speak of one part of an object beside its head.
pub const DEPENDENTS: [&str; 1] = [SERVICE_IMPORTED];

/// Whether a condition is one that somebody else put there.
pub fn is_foreign(condition: &Condition) -> bool {
    !OURS.contains(&condition.type_.as_str())
}

/// The new list of conditions: `new` decides which of ours are there, an unchanged status keeps its old transition time,
/// and those of others stay.
pub fn merge(old: &[Condition], new: Vec<Condition>) -> Vec<Condition> {
    let kept = |c: &Condition| old.iter().find(|o| o.type_ == c.type_ && o.status == c.status);
    let mut merged: Vec<Condition> = new
        .into_iter()
        .map(|c| match kept(&c) {
            Some(o) => Condition { last_transition_time: o.last_transition_time.clone(), ..c },
            None => c,
        })
        .collect();
    merged.extend(old.iter().filter(|c| is_foreign(c)).cloned());
    merged.sort_by(|a, b| a.type_.cmp(&b.type_));
    merged
}

/// The condition of that type.
pub fn find<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|c| c.type_ == type_)
}

/// Whether the condition of that type is there and `True`.
pub fn is_true(conditions: &[Condition], type_: &str) -> bool {
    find(conditions, type_).is_some_and(|c| c.status == "True")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unchanged_status_keeps_its_transition_time_and_takes_the_new_message() {
        let early = Timestamp::from_second(10).unwrap();
        let late = Timestamp::from_second(20).unwrap();
        let old = vec![condition(READY, false, reason::ROLLING_OUT, "1 of 2", 1, early)];
        let merged = merge(&old, vec![condition(READY, false, reason::ROLLING_OUT, "2 of 2", 2, late)]);
        assert_eq!(merged[0].last_transition_time.0, early);
        assert_eq!(merged[0].message, "2 of 2");
        assert_eq!(merged[0].observed_generation, Some(2));
        let flipped = merge(&merged, vec![condition(READY, true, reason::READY, "", 2, late)]);
        assert_eq!(flipped[0].last_transition_time.0, late);
    }

    #[test]
    fn conditions_of_others_stay_and_ours_go_when_they_are_no_longer_true() {
        let now = Timestamp::UNIX_EPOCH;
        let of = |type_: &str| condition(type_, true, "Because", "", 1, now);
        let merged = merge(&[of("example.com/Reviewed"), of(STALLED), of(READY)], vec![of(READY)]);
        let types: Vec<_> = merged.iter().map(|c| c.type_.as_str()).collect();
        assert_eq!(types, [READY, "example.com/Reviewed"]);
    }
}
