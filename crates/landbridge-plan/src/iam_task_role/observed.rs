//! What AWS says of an IAM role.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::change::Tags;

/// The role of the wanted name, wherever its path is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IamTaskRoleObserved {
    /// The role.
    pub role: Option<RoleFacts>,
    /// The role is used by an instance profile of these names, so it cannot be deleted.
    pub instance_profiles: Vec<String>,
    /// The EKS clusters that the spec names and that are there, by name.
    pub eks_clusters: BTreeMap<String, EksClusterFacts>,
    /// Client IDs of the IAM OIDC providers that the spec means and that are there, by ARN.
    pub oidc_providers: BTreeMap<String, Vec<String>>,
    /// The associations of the service accounts that spec and status name, whosever they are, by [`super::Pods`].
    pub associations: BTreeMap<String, AssociationFacts>,
}

/// An EKS cluster, as far as pods take roles in it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EksClusterFacts {
    /// `ACTIVE` once it can be used.
    pub status: String,
    /// URL of its OIDC issuer; none while it is being made.
    pub issuer: Option<String>,
    /// Whether it is an EKS Auto Mode cluster, which has the Pod Identity agent built in.
    pub auto_mode: bool,
    /// Status of the add-on `eks-pod-identity-agent`; none when it is not installed, or was not asked for.
    pub agent: Option<String>,
}

/// An EKS Pod Identity association.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AssociationFacts {
    /// ARN.
    pub arn: String,
    /// ID, `a-…`.
    pub id: String,
    /// ARN of the role.
    pub role_arn: String,
    /// ARN of the role that is assumed with it.
    pub target_role_arn: Option<String>,
    /// Whether EKS sends no session tags.
    pub disable_session_tags: bool,
    /// Policy that narrows the role.
    pub policy: Option<Value>,
    /// External ID for the trust policy of the target role.
    pub external_id: Option<String>,
    /// Tags.
    pub tags: Tags,
}

/// A role with everything on it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RoleFacts {
    /// ARN.
    pub arn: String,
    /// Unique ID.
    pub id: String,
    /// Name.
    pub name: String,
    /// Path.
    pub path: String,
    /// Description; empty when there is none.
    pub description: String,
    /// Longest session in seconds.
    pub max_session_duration: i32,
    /// Trust policy, decoded; a document that is not JSON is kept as text.
    pub trust: Value,
    /// Inline policies by name, decoded.
    pub policies: BTreeMap<String, Value>,
    /// ARNs of attached managed policies.
    pub managed_policies: BTreeSet<String>,
    /// Permissions boundary.
    pub permissions_boundary: Option<String>,
    /// Tags.
    pub tags: Tags,
    /// When it was created, RFC 3339.
    pub created_at: Option<String>,
}
