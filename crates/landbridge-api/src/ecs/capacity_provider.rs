//! Capacity providers: Auto Scaling groups, and the instances that ECS runs itself.
//! Which instances those may be is in [`super::instance_requirements`].

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::instance_requirements::InstanceRequirements;
use super::tag::Tag;
use super::toggle::Toggle;

/// A capacity provider; exactly one of the two kinds is set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("!self.name.matches('(?i)^(aws|ecs|fargate)')", "the name of a capacity provider must not begin with aws, ecs or fargate: those belong to AWS"))]
#[x_kube(validation = ("has(self.autoScalingGroupProvider) != has(self.managedInstancesProvider)", "set exactly one of autoScalingGroupProvider and managedInstancesProvider"))]
#[x_kube(validation = ("has(self.autoScalingGroupProvider) == has(oldSelf.autoScalingGroupProvider)", "a capacity provider cannot change its kind: define another one, with another name"))]
pub struct CapacityProvider {
    /// Name, at most 255 letters, digits, `_` and `-`; not beginning with `aws`, `ecs` or `fargate`.
    #[schemars(length(min = 1, max = 255), regex(pattern = r"^[A-Za-z0-9_-]+$"))]
    pub name: String,
    /// Instances of an Auto Scaling group of the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_scaling_group_provider: Option<AutoScalingGroupProvider>,
    /// Instances that ECS starts, patches and ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed_instances_provider: Option<Box<ManagedInstancesProvider>>,
    /// Tags of the capacity provider, at most 50; Landbridge adds its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["key"], "x-landbridge-order" = "set"))]
    pub tags: Vec<Tag>,
}

/// Capacity from an Auto Scaling group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("self.autoScalingGroupArn == oldSelf.autoScalingGroupArn", "autoScalingGroupArn is immutable: define another capacity provider, with another name"))]
#[x_kube(validation = ("!has(self.managedTerminationProtection) || self.managedTerminationProtection != 'ENABLED' || (has(self.managedScaling) && has(self.managedScaling.status) && self.managedScaling.status == 'ENABLED')", "managedTerminationProtection needs managedScaling: set managedScaling.status to ENABLED"))]
pub struct AutoScalingGroupProvider {
    /// ARN or name of the group; no other capacity provider may have it, and it cannot be changed.
    #[schemars(length(min = 1, max = 1600))]
    pub auto_scaling_group_arn: String,
    /// Whether and how ECS scales the group. Default: it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = {}))]
    pub managed_scaling: Option<ManagedScaling>,
    /// Keeps instances with tasks from being scaled in; needs `managedScaling`. Default: DISABLED.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = "DISABLED"))]
    pub managed_termination_protection: Option<Toggle>,
    /// Drains instances before they end. Default: ENABLED.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = "ENABLED"))]
    pub managed_draining: Option<Toggle>,
}

/// How ECS scales an Auto Scaling group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("has(self.status)", "say in managedScaling.status whether ECS scales the group: ENABLED or DISABLED"))]
#[x_kube(validation = ("!has(self.minimumScalingStepSize) || !has(self.maximumScalingStepSize) || self.minimumScalingStepSize <= self.maximumScalingStepSize", "managedScaling.minimumScalingStepSize must not exceed maximumScalingStepSize"))]
pub struct ManagedScaling {
    /// Whether ECS scales the group.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = "DISABLED"))]
    pub status: Option<Toggle>,
    /// Use of the group to aim for, in per cent. Default: 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100), extend("x-landbridge-default" = 100))]
    pub target_capacity: Option<i32>,
    /// Fewest instances to add at once. Default: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10000), extend("x-landbridge-default" = 1))]
    pub minimum_scaling_step_size: Option<i32>,
    /// Most instances to add at once. Default: 10000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10000), extend("x-landbridge-default" = 10000))]
    pub maximum_scaling_step_size: Option<i32>,
    /// Seconds before a new instance counts. Default: 300.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10000), extend("x-landbridge-default" = 300))]
    pub instance_warmup_period: Option<i32>,
}

/// Capacity from EC2 instances that ECS runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("!has(self.propagateTags) || self.propagateTags != 'CAPACITY_PROVIDER' || (has(self.instanceLaunchTemplate.instanceMetadataTagsPropagation) && !self.instanceLaunchTemplate.instanceMetadataTagsPropagation)", "propagateTags: CAPACITY_PROVIDER needs instanceLaunchTemplate.instanceMetadataTagsPropagation: false, because Landbridge's own tags have a / that instance metadata does not take"))]
pub struct ManagedInstancesProvider {
    /// IAM role with which ECS runs the instances.
    pub infrastructure_role_arn: String,
    /// What the instances are.
    pub instance_launch_template: Box<InstanceLaunchTemplate>,
    /// Whose tags the instances carry. Default: NONE.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = "NONE"))]
    pub propagate_tags: Option<PropagateInstanceTags>,
    /// When idle instances go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub infrastructure_optimization: Option<InfrastructureOptimization>,
    /// What happens to impaired instances.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_repair_configuration: Option<AutoRepairConfiguration>,
}

/// Whose tags managed instances carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schemars(description = "")]
pub enum PropagateInstanceTags {
    /// The capacity provider's.
    CapacityProvider,
    /// Nobody's.
    None,
}

/// What managed instances are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("(has(self.capacityOptionType) ? self.capacityOptionType : 'ON_DEMAND') == (has(oldSelf.capacityOptionType) ? oldSelf.capacityOptionType : 'ON_DEMAND')", "capacityOptionType is immutable: define another capacity provider, with another name"))]
#[x_kube(validation = ("!has(self.fipsEnabled) || !has(oldSelf.fipsEnabled) || self.fipsEnabled == oldSelf.fipsEnabled", "fipsEnabled is immutable: define another capacity provider, with another name"))]
pub struct InstanceLaunchTemplate {
    /// ARN of the instance profile.
    pub ec2_instance_profile_arn: String,
    /// Subnets and security groups of the instances.
    pub network_configuration: InstanceNetwork,
    /// Size of the data volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_configuration: Option<InstanceStorage>,
    /// Use of disks that are built in to the instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = {}))]
    pub local_storage_configuration: Option<InstanceLocalStorage>,
    /// How often CloudWatch gets figures. Default: BASIC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = "BASIC"))]
    pub monitoring: Option<InstanceMonitoring>,
    /// How instances are bought; ECS cannot change it later. Default: ON_DEMAND.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = "ON_DEMAND"))]
    pub capacity_option_type: Option<CapacityOptionType>,
    /// Whether tags can be read through the instance's metadata service. Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = true))]
    pub instance_metadata_tags_propagation: Option<bool>,
    /// Which types of instance will do. Default: ECS chooses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_requirements: Option<Box<InstanceRequirements>>,
    /// FIPS 140-2 modules; ECS cannot change it later. Default: on in GovCloud, off elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fips_enabled: Option<bool>,
    /// Which capacity reservations are used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity_reservations: Option<CapacityReservations>,
}

/// Network of managed instances.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceNetwork {
    /// IDs of the subnets.
    #[schemars(extend("x-landbridge-order" = "set"))]
    pub subnets: Vec<String>,
    /// IDs of the security groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-landbridge-order" = "set"))]
    pub security_groups: Vec<String>,
}

/// Data volume of managed instances.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceStorage {
    /// Size in GiB.
    #[serde(rename = "storageSizeGiB", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub storage_size_gib: Option<i32>,
}

/// Built-in disks of managed instances.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceLocalStorage {
    /// Whether they are used. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = false))]
    pub use_local_storage: Option<bool>,
}

/// How often CloudWatch gets figures of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schemars(description = "")]
pub enum InstanceMonitoring {
    /// Every five minutes.
    Basic,
    /// Every minute.
    Detailed,
}

/// How managed instances are bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schemars(description = "")]
pub enum CapacityOptionType {
    /// On demand.
    OnDemand,
    /// Spot, which AWS may take back.
    Spot,
    /// From capacity reservations.
    Reserved,
}

/// Which capacity reservations are used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CapacityReservations {
    /// ARN of the group of reservations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reservation_group_arn: Option<String>,
    /// Whether reservations must, should or must not be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reservation_preference: Option<ReservationPreference>,
}

/// How capacity reservations are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schemars(description = "")]
pub enum ReservationPreference {
    /// Nothing else is used.
    ReservationsOnly,
    /// On-demand instances when there are none left.
    ReservationsFirst,
    /// They are left alone.
    ReservationsExcluded,
}

/// When idle instances go.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InfrastructureOptimization {
    /// Seconds before ECS removes idle instances, -1 for never, 0 to 3600. Default: ECS chooses.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1, max = 3600))]
    pub scale_in_after: Option<i32>,
}

/// What happens to impaired instances.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AutoRepairConfiguration {
    /// Whether ECS replaces them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actions_status: Option<Toggle>,
}
