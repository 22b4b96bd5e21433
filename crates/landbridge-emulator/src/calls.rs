//! What was called: counts by action and outcome, and the whole log in order.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde::Serialize;

/// One answered call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Call {
    /// When, in virtual time.
    pub at: Timestamp,
    /// `service:Action`, for instance `ecs:CreateService`.
    pub action: String,
    /// ARN of the calling principal; empty where the credentials were refused.
    pub principal: String,
    /// What the call was about: the first of the request's naming members, or empty.
    pub target: String,
    /// `OK`, AWS's error code, or `ConnectionLost`.
    pub outcome: String,
    /// The AWS service that made the call on its own, for instance `ecs.amazonaws.com`, as CloudTrail's
    /// `userIdentity.invokedBy` says; none for a call that came from outside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invoked_by: Option<String>,
}

/// A copy of the log at one moment: exact counts of the calls from outside since the last reset, and the newest calls,
/// also those that AWS services made on their own, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calls {
    newest: VecDeque<Call>,
    counts: BTreeMap<(String, String), usize>,
}

/// How many calls are kept in order; an emulator that runs for days must not grow without end.
const KEPT: usize = 100_000;

impl Calls {
    /// The newest calls (up to 100,000), oldest first.
    pub fn log(&self) -> Vec<&Call> {
        self.newest.iter().collect()
    }

    /// Calls of one action (`ecs:CreateService`), whatever their outcome.
    pub fn count(&self, action: &str) -> usize {
        self.counts.iter().filter(|((called, _), _)| called == action).map(|(_, count)| count).sum()
    }

    /// Calls by action, whatever their outcome.
    pub fn by_action(&self) -> BTreeMap<String, usize> {
        self.counts.iter().fold(BTreeMap::new(), |mut counts, ((action, _), count)| {
            *counts.entry(action.clone()).or_default() += count;
            counts
        })
    }

    /// Calls by (action, outcome).
    pub fn by_outcome(&self) -> BTreeMap<(String, String), usize> {
        self.counts.clone()
    }

    /// All calls.
    pub fn total(&self) -> usize {
        self.counts.values().sum()
    }

    /// Those of the log that came from outside and change something: every action that is not Describe, Get, List,
    /// BatchGet, Discover, Receive or a credential's.
    pub fn writes(&self) -> Vec<&Call> {
        self.newest.iter().filter(|call| call.invoked_by.is_none() && is_write(&call.action)).collect()
    }

    /// What AWS services wrote on their own, such as the weights that ECS moves.
    pub fn writes_of_services(&self) -> Vec<&Call> {
        self.newest.iter().filter(|call| call.invoked_by.is_some()).collect()
    }

    /// Calls refused for their rate.
    pub fn throttled(&self) -> usize {
        let throttled = |outcome: &str| outcome.starts_with("Throttling") || outcome == "RequestLimitExceeded";
        self.counts.iter().filter(|((_, outcome), _)| throttled(outcome)).map(|(_, count)| count).sum()
    }

    fn push(&mut self, call: Call) {
        if call.invoked_by.is_none() {
            *self.counts.entry((call.action.clone(), call.outcome.clone())).or_default() += 1;
        }
        if self.newest.len() == KEPT {
            self.newest.pop_front();
        }
        self.newest.push_back(call);
    }
}

/// True for an action that changes something in AWS.
pub(crate) fn is_write(action: &str) -> bool {
    let (service, name) = action.split_once(':').unwrap_or(("", action));
    service != "sts"
        && !["Describe", "Get", "List", "Discover", "Simulate", "Receive", "Test", "BatchGet"]
            .iter()
            .any(|read| name.starts_with(read))
}

#[derive(Debug, Default)]
pub(crate) struct CallLog(Calls);

impl CallLog {
    pub(crate) fn push(&mut self, call: Call) {
        self.0.push(call);
    }

    /// A call that an AWS service made on its own, which succeeds.
    pub(crate) fn push_of_service(
        &mut self,
        service: &str,
        at: Timestamp,
        action: String,
        principal: String,
        target: String,
    ) {
        let invoked_by = Some(service.to_owned());
        self.0.push(Call { at, action, principal, target, outcome: "OK".to_owned(), invoked_by });
    }

    pub(crate) fn copy(&self) -> Calls {
        self.0.clone()
    }

    pub(crate) fn take(&mut self) -> Calls {
        std::mem::take(&mut self.0)
    }
}
