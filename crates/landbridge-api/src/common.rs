//! What every kind shares: references, the knobs of ownership and drift, and the head of every status.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Names a cluster-scoped object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterScopedRef {
    /// Name of the object.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// Names an object in the same namespace. References never cross namespaces.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LocalRef {
    /// Name of the object in this namespace.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// Which Kubernetes namespaces may use a platform object. Nothing is allowed unless it is said here.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AllowedNamespaces {
    /// Names of namespaces; `"*"` allows every namespace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    pub names: Vec<String>,
    /// Namespaces whose labels match are allowed too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
}

/// What to do when an AWS resource of the wanted name exists and is not ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AdoptionPolicy {
    /// Refuse.
    #[default]
    Never,
    /// Take it over only if it already is as the spec says, so that adoption changes nothing but tags.
    IfUnchanged,
    /// Take it over and then change it to what the spec says.
    Always,
}

/// What happens to the AWS resources when the object is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// They are deleted.
    #[default]
    Delete,
    /// They stay as they are, tags included.
    Retain,
}

/// What to do about changes that others made in AWS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DriftPolicy {
    /// Put back what the spec says.
    #[default]
    Correct,
    /// Leave it, and say what differs in the `Drifted` condition and an event.
    Report,
    /// Leave it and say nothing.
    Ignore,
}

/// Knobs that every kind with AWS resources has at the top of its spec.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Knobs {
    /// What to do when an AWS resource of that name exists and is not ours: `Never` (default), `IfUnchanged` or `Always`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adoption_policy: Option<AdoptionPolicy>,
    /// What happens to the AWS resources when this object is deleted: `Delete` (default) or `Retain`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
    /// What to do about changes that others made in AWS: `Correct` (default), `Report` or `Ignore`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift_policy: Option<DriftPolicy>,
    /// While true the operator observes and reports, and writes nothing to AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
}

impl Knobs {
    /// The adoption policy with its default.
    pub fn adoption(&self) -> AdoptionPolicy {
        self.adoption_policy.unwrap_or_default()
    }
    /// The deletion policy with its default.
    pub fn deletion(&self) -> DeletionPolicy {
        self.deletion_policy.unwrap_or_default()
    }
    /// The drift policy with its default.
    pub fn drift(&self) -> DriftPolicy {
        self.drift_policy.unwrap_or_default()
    }
    /// Whether the object is paused.
    pub fn is_paused(&self) -> bool {
        self.paused.unwrap_or(false)
    }
}

/// `status.observedGeneration` of an object that the operator has not looked at yet.
pub const UNOBSERVED: i64 = -1;

/// The head of every status.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommonStatus {
    /// Generation of the spec that the conditions speak of; -1 until the operator has looked at the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready` always; `Reconciling`, `Stalled`, `Drifted` and `Paused` only while they are true.
    #[serde(default)]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// The value of the annotation `landbridge.dev/reconcile-now` that was handled last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
    /// What is done in AWS for the spec whose hash this is; a difference found under the same hash is drift.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied_spec: Option<String>,
}
