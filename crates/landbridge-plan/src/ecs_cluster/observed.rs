//! What AWS says of an ECS cluster.

use serde::{Deserialize, Serialize};

use crate::change::{Body, Tags};

/// The cluster, if it is there (an INACTIVE one is not).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EcsClusterObserved {
    /// The cluster.
    pub cluster: Option<ClusterFacts>,
}

/// A cluster as ecs:DescribeClusters (include all) shows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterFacts {
    /// ARN.
    pub arn: String,
    /// ACTIVE, PROVISIONING, DEPROVISIONING or FAILED.
    pub status: String,
    /// The members of [`landbridge_api::ecs::ClusterFields`] but tags, in ECS's JSON names.
    pub fields: Body,
    /// Tags.
    pub tags: Tags,
    /// Services that are ACTIVE.
    pub active_services: i32,
    /// Tasks that are RUNNING.
    pub running_tasks: i32,
    /// Name of the Cloud Map namespace whose ARN is in `serviceConnectDefaults`; looked up only when the spec gives a
    /// name, because ECS answers with an ARN whatever it was given.
    pub service_connect_namespace: Option<String>,
    /// Status of a capacity provider change in progress, `UPDATE_IN_PROGRESS` for one.
    pub attachments_status: Option<String>,
}
