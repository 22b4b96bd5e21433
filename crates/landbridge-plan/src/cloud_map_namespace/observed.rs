//! What AWS says of a Cloud Map namespace.

use jiff::Timestamp;
use landbridge_api::v1alpha1::NamespaceType;
use serde::{Deserialize, Serialize};

use crate::change::Tags;

/// The namespace, and the operation in flight if one is known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CloudMapNamespaceObserved {
    /// The namespace of the stored ID, else the one of the wanted name and type.
    pub namespace: Option<NamespaceFacts>,
    /// The operation whose ID is stored, or that was found in flight.
    pub operation: Option<OperationFacts>,
}

/// A namespace as servicediscovery:GetNamespace shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceFacts {
    /// `ns-…`.
    pub id: String,
    /// ARN.
    pub arn: String,
    /// Name.
    pub name: String,
    /// Type.
    pub type_: NamespaceType,
    /// Description; empty when there is none.
    pub description: String,
    /// TTL of the SOA record in seconds, for DNS types.
    pub soa_ttl: Option<i64>,
    /// Hosted zone of DNS types.
    pub hosted_zone_id: Option<String>,
    /// Tags.
    pub tags: Tags,
    /// Services in it.
    pub service_count: i32,
}

/// An asynchronous Cloud Map operation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OperationFacts {
    /// ID.
    pub id: String,
    /// CREATE_NAMESPACE, UPDATE_NAMESPACE, DELETE_NAMESPACE …
    pub type_: String,
    /// SUBMITTED, PENDING, SUCCESS or FAIL.
    pub status: String,
    /// ErrorCode of a failed one, for example `CANNOT_CREATE_HOSTED_ZONE`.
    pub error_code: Option<String>,
    /// ErrorMessage of a failed one.
    pub error: Option<String>,
    /// Namespace ID it made or changes.
    pub namespace_id: Option<String>,
    /// When its status last changed.
    pub updated_at: Option<Timestamp>,
}
