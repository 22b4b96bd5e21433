//! The EBS volume that ECS makes for each task of a service.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::service::PropagateTags;
use super::tag::Tag;

/// What a `configuredAtLaunch` volume of the task definition is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceVolumeConfiguration {
    /// Name of the volume in the task definition.
    #[schemars(length(max = 255))]
    pub name: String,
    /// An EBS volume for each task, deleted with it.
    #[serde(rename = "managedEBSVolume", skip_serializing_if = "Option::is_none")]
    pub managed_ebs_volume: Option<Box<ManagedEbsVolume>>,
}

/// An EBS volume that ECS makes for each task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManagedEbsVolume {
    /// IAM infrastructure role with which ECS manages the volume.
    pub role_arn: String,
    /// Size in GiB. Default: that of the snapshot.
    #[serde(rename = "sizeInGiB", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub size_in_gib: Option<i32>,
    /// EBS volume type, such as `gp3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_type: Option<String>,
    /// Snapshot to start from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot_id: Option<String>,
    /// MiB per second at which the snapshot is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub volume_initialization_rate: Option<i32>,
    /// Whether the volume is encrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encrypted: Option<bool>,
    /// KMS key that encrypts it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<String>,
    /// I/O operations per second, for `gp3`, `io1` and `io2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub iops: Option<i32>,
    /// MiB per second, for `gp3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub throughput: Option<i32>,
    /// File system: `ext3`, `ext4`, `xfs` or `ntfs`; that of the snapshot if there is one. Default: `xfs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = "xfs"))]
    pub filesystem_type: Option<String>,
    /// Tags of the volume.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1), extend("x-landbridge-order" = "set"))]
    pub tag_specifications: Vec<EbsTagSpecification>,
}

/// Tags of an EBS volume.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EbsTagSpecification {
    /// What is tagged; `volume` is the only value.
    pub resource_type: String,
    /// The tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["key"], "x-landbridge-order" = "set"))]
    pub tags: Vec<Tag>,
    /// Whose tags the volume carries besides. Default: NONE.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = "NONE"))]
    pub propagate_tags: Option<PropagateTags>,
}
