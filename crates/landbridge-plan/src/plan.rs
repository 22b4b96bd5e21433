//! What a pass would do: an ordered list of changes, waits and refusals. A plan is data; making one does no I/O.

use std::time::Duration;

use landbridge_api::condition::reason;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::change::Change;

/// How long a reference may lead nowhere before its object is stalled.
pub const ARRIVES_WITHIN: Duration = Duration::from_secs(5);

/// What one object needs, in order. Empty means: nothing to do.
///
/// Its steps hold what is sent to AWS, secrets included: show and store it only through [`crate::render`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The object, as `Kind/namespace/name`.
    pub object: String,
    /// Writes. A step runs when all it names in `after` have succeeded; steps are sorted so that they may run in order.
    pub steps: Vec<Step>,
    /// Things to wait for. They do not stop the steps.
    pub waits: Vec<Wait>,
    /// Refusals. Where there is one, nothing is written.
    pub blocked: Vec<Blocked>,
    /// What AWS has that differs from what was applied for this very spec: somebody changed it.
    pub drift: Vec<Difference>,
    /// The object is being deleted and AWS holds nothing of it any more.
    pub gone: bool,
}

/// One write of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Name of the step inside the plan; tokens refer to it.
    pub id: String,
    /// Steps that must have succeeded first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<String>,
    /// Why it is done.
    pub cause: Cause,
    /// What differs, for an update.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
    /// The write.
    #[serde(flatten)]
    pub change: Change,
}

/// Why a step is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    /// The spec asks for it.
    Spec,
    /// Somebody changed AWS since the spec was applied.
    Drift,
    /// The resource is taken over: only ownership tags are written.
    Adoption,
    /// An older thing makes room for its proved successor.
    Replacement,
    /// Something we made is past its retention.
    Retention,
    /// The object is being deleted.
    Deletion,
}

/// Something that must happen first, without an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Wait {
    /// Constant from [`landbridge_api::condition::reason`].
    pub reason: String,
    /// What is waited for.
    pub message: String,
    /// When to look again.
    pub look_after: Duration,
}

/// A refusal to act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Blocked {
    /// Constant from [`landbridge_api::condition::reason`].
    pub reason: String,
    /// What is wrong, where, and what to do.
    pub message: String,
}

/// One field that differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Where, for example `taskDefinition.containerDefinitions[web].image`.
    pub path: String,
    /// What AWS has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Value>,
    /// What is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Value>,
}

/// A reference that is not usable: now, or until somebody edits something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unmet {
    /// It will do after a while.
    Wait(Wait),
    /// It will not do until an object changes.
    Blocked(Blocked),
}

impl Plan {
    /// An empty plan for the object.
    pub fn of(object: impl Into<String>) -> Self {
        Self { object: object.into(), ..Self::default() }
    }

    /// Adds a step and gives its id back for later steps and tokens.
    pub fn step(&mut self, id: &str, cause: Cause, after: &[&str], change: Change) -> String {
        self.update(id, cause, after, change, Vec::new())
    }

    /// Adds a step that changes something in place because of `differences`.
    pub fn update(
        &mut self,
        id: &str,
        cause: Cause,
        after: &[&str],
        change: Change,
        differences: Vec<Difference>,
    ) -> String {
        // Only steps of this plan can be waited for: one that had nothing to do is not there.
        let after = after.iter().filter(|a| self.has(a)).map(|a| (*a).to_owned()).collect();
        self.steps.push(Step { id: id.to_owned(), after, cause, differences, change });
        id.to_owned()
    }

    /// Whether a step of that id is in the plan.
    pub fn has(&self, id: &str) -> bool {
        self.steps.iter().any(|s| s.id == id)
    }

    /// Adds a wait.
    pub fn wait(&mut self, reason: &str, message: impl Into<String>, look_after: Duration) {
        self.waits.push(Wait::new(reason, message, look_after));
    }

    /// Adds a refusal.
    pub fn block(&mut self, reason: &str, message: impl Into<String>) {
        self.blocked.push(Blocked::new(reason, message));
    }

    /// Whether there is nothing to write, to wait for or to refuse.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.waits.is_empty() && self.blocked.is_empty()
    }
}

impl Wait {
    /// A wait.
    pub fn new(reason: &str, message: impl Into<String>, look_after: Duration) -> Self {
        Self { reason: reason.to_owned(), message: message.into(), look_after }
    }
}

impl Blocked {
    /// A refusal.
    pub fn new(reason: &str, message: impl Into<String>) -> Self {
        Self { reason: reason.to_owned(), message: message.into() }
    }
}

impl Difference {
    /// A difference at `path`.
    pub fn new(path: impl Into<String>, from: Option<Value>, to: Option<Value>) -> Self {
        Self { path: path.into(), from, to }
    }
}

impl Unmet {
    /// An [`Unmet::Wait`] that looks again by itself every 30 seconds; a change of the referenced object is quicker.
    pub fn wait(reason: &str, message: impl Into<String>) -> Self {
        Self::Wait(Wait::new(reason, message, Duration::from_secs(30)))
    }
    /// A reference that leads nowhere. It may arrive in a moment, as files do that are applied together; once it has not for
    /// [`ARRIVES_WITHIN`], the object is stalled, because only a person can help.
    pub fn missing(message: impl Into<String>) -> Self {
        Self::Wait(Wait::new(reason::REFERENCE_NOT_FOUND, message, ARRIVES_WITHIN))
    }
    /// An [`Unmet::Blocked`].
    pub fn blocked(reason: &str, message: impl Into<String>) -> Self {
        Self::Blocked(Blocked::new(reason, message))
    }
}
