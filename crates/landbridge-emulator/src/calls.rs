//! What was called: counts by action and outcome, and the whole log in order.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

/// One answered call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Call {
    /// When, in virtual time.
    pub at: Timestamp,
    /// `service:Action`, for instance `ecs:CreateService`.
    pub action: String,
    /// ARN of the calling principal.
    pub principal: String,
    /// What the call was about: the first of the request's naming members, or empty.
    pub target: String,
    /// `OK`, AWS's error code, or `ConnectionLost`.
    pub outcome: String,
}

/// A copy of the log at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Calls(Vec<Call>);

impl Calls {
    /// Every call, oldest first.
    pub fn log(&self) -> &[Call] {
        &self.0
    }

    /// Calls of one action (`ecs:CreateService`), whatever their outcome.
    pub fn count(&self, action: &str) -> usize {
        self.0.iter().filter(|call| call.action == action).count()
    }

    /// Calls by action, whatever their outcome.
    pub fn by_action(&self) -> BTreeMap<String, usize> {
        self.0.iter().fold(BTreeMap::new(), |mut counts, call| {
            *counts.entry(call.action.clone()).or_default() += 1;
            counts
        })
    }

    /// Calls by (action, outcome).
    pub fn by_outcome(&self) -> BTreeMap<(String, String), usize> {
        self.0.iter().fold(BTreeMap::new(), |mut counts, call| {
            *counts.entry((call.action.clone(), call.outcome.clone())).or_default() += 1;
            counts
        })
    }

    /// Calls that change something: every action that is not Describe, Get, List, Discover or a credential's.
    pub fn writes(&self) -> Vec<&Call> {
        self.0.iter().filter(|call| is_write(&call.action)).collect()
    }

    /// Calls refused for their rate.
    pub fn throttled(&self) -> usize {
        self.0.iter().filter(|call| call.outcome.starts_with("Throttling")).count()
    }
}

/// True for an action that changes something in AWS.
pub(crate) fn is_write(action: &str) -> bool {
    let (service, name) = action.split_once(':').unwrap_or(("", action));
    service != "sts" && !["Describe", "Get", "List", "Discover", "Simulate"].iter().any(|read| name.starts_with(read))
}

#[derive(Debug, Default)]
pub(crate) struct CallLog(Vec<Call>);

impl CallLog {
    pub(crate) fn push(&mut self, call: Call) {
        self.0.push(call);
    }

    pub(crate) fn copy(&self) -> Calls {
        Calls(self.0.clone())
    }

    pub(crate) fn take(&mut self) -> Calls {
        Calls(std::mem::take(&mut self.0))
    }
}
