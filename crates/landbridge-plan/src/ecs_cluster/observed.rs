//! What AWS says of an ECS cluster.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::change::{Body, Tags};

/// The cluster, if it is there (an INACTIVE one is not).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EcsClusterObserved {
    /// The cluster.
    pub cluster: Option<ClusterFacts>,
    /// Capacity providers by name: those of the cluster but AWS's own, those that the spec defines and those that the status
    /// names. One that is INACTIVE is not there.
    pub providers: BTreeMap<String, CapacityProviderFacts>,
}

/// A capacity provider as ecs:DescribeCapacityProviders (include TAGS) shows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CapacityProviderFacts {
    /// ARN.
    pub arn: String,
    /// Name.
    pub name: String,
    /// ACTIVE, PROVISIONING or DEPROVISIONING.
    pub status: String,
    /// Name of the cluster that it belongs to, for Managed Instances.
    pub cluster: Option<String>,
    /// `autoScalingGroupProvider` or `managedInstancesProvider`, in ECS's JSON names.
    pub fields: Body,
    /// Tags.
    pub tags: Tags,
    /// How the last change went: `CREATE_`, `UPDATE_` or `DELETE_`, then `IN_PROGRESS`, `COMPLETE` or `FAILED`.
    pub update_status: Option<String>,
    /// Why the last change failed.
    pub update_status_reason: Option<String>,
}

impl CapacityProviderFacts {
    /// Whether ECS runs the instances.
    pub fn is_managed(&self) -> bool {
        self.fields.contains_key(MANAGED)
    }

    /// Whether ECS is still making, changing or removing it.
    pub fn is_moving(&self) -> bool {
        self.status != "ACTIVE" || self.update_status.as_deref().is_some_and(|s| s.ends_with("_IN_PROGRESS"))
    }

    /// Whether it goes away.
    pub fn is_going(&self) -> bool {
        self.status == "DEPROVISIONING" || self.update_status.as_deref() == Some("DELETE_IN_PROGRESS")
    }

    /// Why the last change of that sort (`CREATE_FAILED`) failed, if it did.
    pub fn failure(&self, sort: &str) -> Option<&str> {
        let failed = self.update_status.as_deref() == Some(sort);
        failed.then(|| self.update_status_reason.as_deref().unwrap_or("ECS does not say why"))
    }
}

/// The member of a capacity provider whose instances ECS runs.
pub(super) const MANAGED: &str = "managedInstancesProvider";

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
