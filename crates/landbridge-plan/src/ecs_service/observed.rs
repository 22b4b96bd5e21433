//! What AWS says of a service and what hangs on it.

use jiff::Timestamp;
use landbridge_api::v1alpha1::TaskFailure;
use serde::{Deserialize, Serialize};

use crate::change::{Body, Tags};

/// Everything that one pass over an ECSService looks at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EcsServiceObserved {
    /// The service of the wanted cluster and name; a DRAINING one is there, an INACTIVE one is not.
    pub service: Option<ServiceFacts>,
    /// The service at the ARN that [`super::lookups::replaced`] names: one that this object had before.
    pub replaced: Option<ServiceFacts>,
    /// The revision that holds the wanted content, found by the stored ARN, by what the service runs, or (when an
    /// answer may have been lost) by the newest revision of the family.
    pub task_definition: Option<RevisionFacts>,
    /// Revisions past their retention that [`super::lookups::retired`] names.
    pub retired: Vec<RevisionFacts>,
    /// The managed Cloud Map service of the wanted namespace and name.
    pub discovery: Option<DiscoveryFacts>,
    /// The Cloud Map service of the ID that [`super::lookups::left_discovery`] names, if it is not the wanted one.
    pub left_discovery: Option<DiscoveryFacts>,
    /// The log group that [`super::lookups::log_group`] names.
    pub log_group: Option<LogGroupFacts>,
    /// The service deployment that [`super::lookups::deployment`] names.
    pub deployment: Option<ServiceDeploymentFacts>,
    /// The most frequent reason why tasks stopped, looked up only when [`super::lookups::tasks_fail`].
    pub failure: Option<TaskFailure>,
}

/// A service as ecs:DescribeServices (with tags) shows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceFacts {
    /// ARN.
    pub arn: String,
    /// ACTIVE or DRAINING.
    pub status: String,
    /// Tasks wanted.
    pub desired_count: i32,
    /// Tasks RUNNING.
    pub running_count: i32,
    /// Tasks PENDING.
    pub pending_count: i32,
    /// ARN of the task definition, with revision.
    pub task_definition: String,
    /// The members of [`landbridge_api::ecs::ServiceFields`] but tags, in ECS's JSON names. What DescribeServices
    /// shows only in the primary deployment (Service Connect, volumes, VPC Lattice) is filled in from there.
    pub fields: Body,
    /// Tags.
    pub tags: Tags,
    /// Deployments, primary first.
    pub deployments: Vec<DeploymentFacts>,
    /// ARN of the newest service deployment.
    pub current_service_deployment: Option<String>,
    /// ARNs of the service revisions that run.
    pub current_service_revisions: Vec<String>,
    /// Service events, newest first, at most 100.
    pub events: Vec<EventFacts>,
    /// When it was created.
    pub created_at: Option<Timestamp>,
}

/// Members of a service that AWS shows in its service revision only (`ServiceRevision` in the ECS API reference).
pub const SHOWN_IN_REVISIONS: &[&str] = &["gatewayConnectors", "monitoring"];

/// One entry of `deployments`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeploymentFacts {
    /// `ecs-svc/…`.
    pub id: String,
    /// PRIMARY, ACTIVE or INACTIVE.
    pub status: String,
    /// ARN of its task definition.
    pub task_definition: String,
    /// IN_PROGRESS, COMPLETED or FAILED; ECS reports it for rolling deployments only.
    pub rollout_state: Option<String>,
    /// ECS's reason for that state.
    pub rollout_state_reason: Option<String>,
    /// Tasks wanted.
    pub desired_count: i32,
    /// Tasks RUNNING.
    pub running_count: i32,
    /// Tasks PENDING.
    pub pending_count: i32,
    /// Tasks that failed to start or to stay healthy.
    pub failed_tasks: i32,
}

/// A service event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventFacts {
    /// ID.
    pub id: String,
    /// When.
    pub created_at: Timestamp,
    /// Text.
    pub message: String,
}

/// A service deployment as ecs:DescribeServiceDeployments shows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceDeploymentFacts {
    /// ARN.
    pub arn: String,
    /// PENDING, IN_PROGRESS, SUCCESSFUL, STOPPED, ROLLBACK_SUCCESSFUL …
    pub status: String,
    /// ECS's reason.
    pub status_reason: Option<String>,
    /// ARN of the revision it brings.
    pub target_revision: Option<String>,
    /// Stage of a blue/green, linear or canary deployment.
    pub lifecycle_stage: Option<String>,
}

/// A task definition revision.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RevisionFacts {
    /// ARN with revision.
    pub arn: String,
    /// ACTIVE or INACTIVE.
    pub status: String,
    /// Content hash from its tag, when we registered it.
    pub content: Option<String>,
    /// The whole definition in ECS's JSON names, when DescribeTaskDefinition was called. It decides whether a revision
    /// that others registered holds the wanted content, so a service can be adopted without a new revision.
    pub definition: Option<Body>,
    /// Tags.
    pub tags: Tags,
}

/// A Cloud Map service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DiscoveryFacts {
    /// `srv-…`.
    pub id: String,
    /// ARN.
    pub arn: String,
    /// Name.
    pub name: String,
    /// ID of its namespace.
    pub namespace_id: String,
    /// Description; empty when there is none.
    pub description: String,
    /// `DnsConfig` in Cloud Map's JSON names.
    pub dns_config: Option<serde_json::Value>,
    /// Whether it has a custom health check, which ECS drives.
    pub custom_health: bool,
    /// Tags.
    pub tags: Tags,
    /// Instances that are registered; looked up only when the Cloud Map service is to go.
    pub instances: Vec<String>,
}

/// A log group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LogGroupFacts {
    /// Name.
    pub name: String,
    /// ARN without the trailing `:*`.
    pub arn: String,
    /// Retention in days; none means for ever.
    pub retention_in_days: Option<i32>,
    /// KMS key.
    pub kms_key_id: Option<String>,
    /// Tags.
    pub tags: Tags,
}
