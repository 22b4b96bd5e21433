//! What a kind must say so that the one driver, the CLI and the tests can reconcile it.

use std::fmt::Debug;

use jiff::Timestamp;
use landbridge_api::common::{CommonStatus, Knobs};
use landbridge_api::names::FINALIZER;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::account::AccountTarget;
use crate::objects::Objects;
use crate::plan::{Plan, Unmet};

/// A kind that is reconciled: resolve, (observe in `landbridge-aws`), plan, (execute), status. All of it is pure.
pub trait Kind:
    kube::Resource<DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// References and account, resolved. Its JSON is part of the fingerprint of what was applied.
    type Resolved: Clone + Debug + Serialize + Send + Sync + 'static;
    /// What AWS says, in our own words.
    type Observed: Clone + Debug + Default + Send + Sync + 'static;
    /// The status subresource.
    type Status: Clone + Debug + Default + PartialEq + Serialize + Send + Sync + 'static;

    /// Ownership and drift knobs.
    fn knobs(&self) -> Knobs;
    /// The status that is stored.
    fn stored(&self) -> Option<&Self::Status>;
    /// The head of a status.
    fn common(status: &Self::Status) -> &CommonStatus;
    /// The head of a status, to be written.
    fn common_mut(status: &mut Self::Status) -> &mut CommonStatus;

    /// Resolves references and the account.
    ///
    /// # Errors
    /// A reference is missing, not ready, or not allowed.
    fn resolve(&self, objects: &dyn Objects) -> Result<Self::Resolved, Unmet>;
    /// The account of the resolved object.
    fn account(resolved: &Self::Resolved) -> &AccountTarget;
    /// The plan. When the object is being deleted, what is wanted is that nothing is left.
    fn plan(&self, resolved: &Self::Resolved, observed: &Self::Observed, now: Timestamp) -> Plan;
    /// Whether what AWS has is healthy, regardless of what the plan still wants to write.
    fn health(&self, resolved: &Self::Resolved, observed: &Self::Observed, now: Timestamp) -> Health;
    /// The kind's own part of the status: facts from observation. The head is filled in by [`crate::verdict::status`].
    fn facts(&self, resolved: &Self::Resolved, observed: &Self::Observed) -> Self::Status;
    /// Conditions of its parts, beside those of the head. Default: none.
    fn dependents(&self, _resolved: &Self::Resolved, _observed: &Self::Observed) -> Vec<Dependent> {
        Vec::new()
    }
    /// What must be stored in the status before the steps run, so that a lost answer is found again.
    fn intent(&self, _resolved: &Self::Resolved, _observed: &Self::Observed, _plan: &Plan) -> Option<Self::Status> {
        None
    }
    /// Whether an object that has the finalizer and no status finds again what this intent is for. Such an intent need not
    /// be stored where steps take no time. Default: it has none, and everything is found by its name.
    fn finds_again(&self, _intent: &Self::Status) -> bool {
        true
    }
    /// Notable things that happened in AWS since the stored status, for Kubernetes Events.
    fn news(&self, _resolved: &Self::Resolved, _observed: &Self::Observed) -> Vec<News> {
        Vec::new()
    }

    /// `Kind/namespace/name` or `Kind/name`: how tags, plans and messages name the object.
    fn identity(&self) -> String {
        let kind = Self::kind(&());
        let name = self.meta().name.as_deref().unwrap_or_default();
        match self.meta().namespace.as_deref() {
            Some(namespace) => format!("{kind}/{namespace}/{name}"),
            None => format!("{kind}/{name}"),
        }
    }
    /// Name of the object.
    fn object_name(&self) -> &str {
        self.meta().name.as_deref().unwrap_or_default()
    }
    /// Namespace of the object; empty for cluster-scoped kinds.
    fn object_namespace(&self) -> &str {
        self.meta().namespace.as_deref().unwrap_or_default()
    }
    /// Generation of the spec.
    fn generation(&self) -> i64 {
        self.meta().generation.unwrap_or(0)
    }
    /// Whether the object is being deleted.
    fn is_deleting(&self) -> bool {
        self.meta().deletion_timestamp.is_some()
    }
    /// Whether our finalizer is stored.
    fn has_finalizer(&self) -> bool {
        self.meta().finalizers.iter().flatten().any(|f| f == FINALIZER)
    }
    /// Fingerprint of what is wanted: spec, account and references. A difference found while it equals
    /// `status.appliedSpec` is drift.
    fn fingerprint(&self, resolved: &Self::Resolved) -> String {
        let spec = serde_json::to_value(self).ok().and_then(|v| v.get("spec").cloned());
        crate::hash::short(&serde_json::json!([spec, resolved]))
    }
    /// Whether what is wanted is what was applied last, so that a difference can only come from outside.
    fn is_applied(&self, resolved: &Self::Resolved) -> bool {
        // A new object has none; its fingerprint need not be made then.
        let applied = self.stored().and_then(|s| Self::common(s).applied_spec.as_deref());
        applied.is_some_and(|applied| applied == self.fingerprint(resolved))
    }
}

/// Whether the observed thing is what is wanted and works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// It is; the message says what runs.
    Healthy(String),
    /// On its way by itself.
    Progressing {
        /// Constant reason.
        reason: &'static str,
        /// How far it is.
        message: String,
    },
    /// It failed; `stalled` when only an edit helps.
    Failed {
        /// Constant reason.
        reason: &'static str,
        /// What failed and what to do.
        message: String,
        /// Whether only an edit of the spec helps.
        stalled: bool,
    },
}

/// A condition of one part of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependent {
    /// Type of the condition, one of [`landbridge_api::condition::DEPENDENTS`].
    pub type_: &'static str,
    /// Whether it is `True`.
    pub holds: bool,
    /// Constant reason.
    pub reason: &'static str,
    /// What is so, and what to do.
    pub message: String,
}

/// Something that happened in AWS, to be told as an Event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// Whether it is a `Warning`.
    pub warning: bool,
    /// CamelCase reason.
    pub reason: String,
    /// The text.
    pub message: String,
}
