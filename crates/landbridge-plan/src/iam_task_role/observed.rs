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
