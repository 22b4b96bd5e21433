//! References of an ECSService, resolved.

use std::sync::Arc;

use landbridge_api::v1alpha1::{NamespaceType, ServiceDefaults};
use serde::Serialize;

use crate::account::AccountTarget;

/// Everything that an ECSService takes from other objects.
#[derive(Clone, Debug, Serialize)]
pub struct EcsServiceResolved {
    /// The account of the cluster.
    pub account: Arc<AccountTarget>,
    /// Name of the cluster in ECS.
    pub cluster: String,
    /// Name of the service in ECS.
    pub service: String,
    /// Defaults of the cluster.
    pub defaults: ServiceDefaults,
    /// ARN of the task role, when the spec refers to one.
    pub task_role_arn: Option<String>,
    /// ARN of the execution role, when the spec refers to one.
    pub execution_role_arn: Option<String>,
    /// Where the managed Cloud Map service lives.
    pub discovery: Option<DiscoveryTarget>,
    /// The object is being deleted and nothing of it is in AWS, or all of it stays there: no call is to be made.
    pub nothing_in_aws: bool,
}

/// The namespace of a managed Cloud Map service.
#[derive(Clone, Debug, Serialize)]
pub struct DiscoveryTarget {
    /// `ns-…`, or a token while the namespace is planned and not made.
    pub namespace_id: String,
    /// Type of the namespace.
    pub namespace_type: NamespaceType,
    /// Name of the Cloud Map service.
    pub name: String,
}
