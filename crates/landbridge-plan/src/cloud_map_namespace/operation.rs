//! What a Cloud Map operation means for the next pass: wait, try again, or tell a person.

use std::time::Duration;

use jiff::Timestamp;
use landbridge_api::condition::reason;

use super::OperationFacts;
use crate::plan::{Blocked, Wait};

/// Operations on namespaces usually take one to a few seconds, private zones up to a minute.
const IN_FLIGHT: Duration = Duration::from_secs(2);
/// How long a new namespace may take to be seen, and how often to look.
const TO_BE_SEEN: Duration = Duration::from_secs(30);
const SEEN_LOOK_AFTER: Duration = Duration::from_secs(1);
/// How long until something that Cloud Map itself got wrong is tried again.
const TRANSIENT_PAUSE: Duration = Duration::from_secs(10);
/// How long until something that a person has to put right is tried again, in case they did.
const PERSON_PAUSE: Duration = Duration::from_mins(5);

/// What stands in the way of a new operation.
pub(super) enum Hindrance {
    /// Nothing: go on.
    None,
    /// Later, by itself.
    Wait(Wait),
    /// A person has to do something.
    Blocked(Blocked),
}

/// Why an operation failed, by its ErrorCode (Cloud Map API reference, `Operation`).
struct Meaning {
    reason: &'static str,
    what_to_do: &'static str,
    transient: bool,
}

impl OperationFacts {
    /// Whether Cloud Map still works on it.
    pub fn in_flight(&self) -> bool {
        self.status == "SUBMITTED" || self.status == "PENDING"
    }

    /// Whether it failed.
    pub fn failed(&self) -> bool {
        self.status == "FAIL"
    }

    /// Whether it deletes a namespace.
    pub fn deletes(&self) -> bool {
        self.type_ == "DELETE_NAMESPACE"
    }

    /// How far it is, in words.
    pub fn progress(&self) -> String {
        format!("Cloud Map operation {} ({}) is {}", self.id, self.type_, self.status)
    }

    /// The wait for it, while Cloud Map works on it.
    pub(super) fn wait(&self) -> Wait {
        let reason = if self.deletes() { reason::DELETING } else { reason::WAITING };
        Wait::new(reason, self.progress(), IN_FLIGHT)
    }

    /// The wait for what a finished creation made to be seen. After a while somebody else has deleted it.
    pub(super) fn wait_to_be_seen(&self, now: Timestamp) -> Option<Wait> {
        let made = self.status == "SUCCESS" && self.type_ == "CREATE_NAMESPACE";
        // A time ahead of ours is a clock that differs, not a namespace of tomorrow.
        let recent = |at: Timestamp| Duration::try_from(now.duration_since(at)).unwrap_or_default() < TO_BE_SEEN;
        (made && self.updated_at.is_some_and(recent))
            .then(|| Wait::new(reason::WAITING, "the new Cloud Map namespace cannot be seen yet", SEEN_LOOK_AFTER))
    }

    /// What a failure of this operation means for trying the same again. `edited` says that the spec is no longer the one
    /// that it failed for.
    pub(super) fn hindrance(&self, type_: &str, edited: bool, now: Timestamp) -> Hindrance {
        if !self.failed() || self.type_ != type_ || edited {
            return Hindrance::None;
        }
        let code = self.error_code.as_deref().unwrap_or("an error without a code");
        let meaning = meaning(code);
        let pause = if meaning.transient { TRANSIENT_PAUSE } else { PERSON_PAUSE };
        // Without a time the failure counts as just happened for a person, and as long ago for a machine.
        let remaining = match self.updated_at {
            Some(at) => pause.saturating_sub(Duration::try_from(now.duration_since(at)).unwrap_or_default()),
            None if meaning.transient => Duration::ZERO,
            None => pause,
        };
        if remaining.is_zero() {
            return Hindrance::None;
        }
        let said = self.error.as_deref().map(|m| format!(" ({m})")).unwrap_or_default();
        let message =
            format!("Cloud Map operation {} ({type_}) failed with {code}{said}: {}", self.id, meaning.what_to_do);
        if meaning.transient {
            Hindrance::Wait(Wait::new(meaning.reason, message, remaining))
        } else {
            Hindrance::Blocked(Blocked::new(meaning.reason, message))
        }
    }
}

fn meaning(code: &str) -> Meaning {
    let person = |reason, what_to_do| Meaning { reason, what_to_do, transient: false };
    match code {
        "ACCESS_DENIED" => person(
            reason::ACCESS_DENIED,
            "allow the account's identity the Route 53 and EC2 calls that Cloud Map makes in its name \
             (route53:CreateHostedZone, route53:DeleteHostedZone, route53:ChangeResourceRecordSets, ec2:DescribeVpcs)",
        ),
        "CANNOT_CREATE_HOSTED_ZONE" => person(
            reason::REFUSED_BY_AWS,
            "Route 53 made no hosted zone; check that spec.vpc exists in the account's region, that it has no other private \
             zone of that name, and that the quota of hosted zones is not used up",
        ),
        "HOSTED_ZONE_NOT_FOUND" => person(
            reason::REFUSED_BY_AWS,
            "the hosted zone was deleted outside Cloud Map; make it again, or delete the namespace",
        ),
        "INVALID_CHANGE_BATCH" => person(
            reason::REFUSED_BY_AWS,
            "Route 53 refused the records; look for records in the hosted zone that Cloud Map did not make",
        ),
        _ => Meaning { reason: reason::WAITING, what_to_do: "it is tried again", transient: true },
    }
}
