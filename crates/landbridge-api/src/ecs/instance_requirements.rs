//! Which types of EC2 instance will do for managed instances.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which types of instance will do; ECS picks among those that match everything given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("!(has(self.allowedInstanceTypes) && has(self.excludedInstanceTypes))", "set allowedInstanceTypes or excludedInstanceTypes, not both"))]
pub struct InstanceRequirements {
    /// Number of vCPUs.
    #[serde(rename = "vCpuCount")]
    pub vcpu_count: IntRange,
    /// Memory in MiB.
    #[serde(rename = "memoryMiB")]
    pub memory_mib: IntRange,
    /// Makers of the processor: `intel`, `amd`, `amazon-web-services`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-landbridge-order" = "set"))]
    pub cpu_manufacturers: Vec<String>,
    /// Memory in GiB for each vCPU.
    #[serde(rename = "memoryGiBPerVCpu", skip_serializing_if = "Option::is_none")]
    pub memory_gib_per_vcpu: Option<FloatRange>,
    /// Types that must not be used, such as `m5.*`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-landbridge-order" = "set"))]
    pub excluded_instance_types: Vec<String>,
    /// `current`, `previous` or both.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-landbridge-order" = "set"))]
    pub instance_generations: Vec<String>,
    /// Highest Spot price, in per cent above the cheapest matching type.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub spot_max_price_percentage_over_lowest_price: Option<i32>,
    /// Highest on-demand price, in per cent above the cheapest matching type.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub on_demand_max_price_percentage_over_lowest_price: Option<i32>,
    /// Bare metal types.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bare_metal: Option<Inclusion>,
    /// Burstable types (T2, T3, T4g).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burstable_performance: Option<Inclusion>,
    /// Whether the type must be able to hibernate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_hibernate_support: Option<bool>,
    /// Number of network interfaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_interface_count: Option<IntRange>,
    /// Types with built-in disks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_storage: Option<Inclusion>,
    /// Kinds of built-in disk: `ssd`, `hdd`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-landbridge-order" = "set"))]
    pub local_storage_types: Vec<String>,
    /// Size of the built-in disks in GB.
    #[serde(rename = "totalLocalStorageGB", skip_serializing_if = "Option::is_none")]
    pub total_local_storage_gb: Option<FloatRange>,
    /// Bandwidth to EBS in Mbps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline_ebs_bandwidth_mbps: Option<IntRange>,
    /// Kinds of accelerator: `gpu`, `fpga`, `inference`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-landbridge-order" = "set"))]
    pub accelerator_types: Vec<String>,
    /// Number of accelerators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accelerator_count: Option<IntRange>,
    /// Makers of the accelerators, such as `nvidia`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-landbridge-order" = "set"))]
    pub accelerator_manufacturers: Vec<String>,
    /// Models of the accelerators, such as `t4g`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-landbridge-order" = "set"))]
    pub accelerator_names: Vec<String>,
    /// Memory of all accelerators in MiB.
    #[serde(rename = "acceleratorTotalMemoryMiB", skip_serializing_if = "Option::is_none")]
    pub accelerator_total_memory_mib: Option<IntRange>,
    /// Network bandwidth in Gbps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_bandwidth_gbps: Option<FloatRange>,
    /// The only types that may be used, such as `c7g.*`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-landbridge-order" = "set"))]
    pub allowed_instance_types: Vec<String>,
    /// Highest Spot price, in per cent of the best on-demand price.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub max_spot_price_as_percentage_of_optimal_on_demand_price: Option<i32>,
}

/// Whether types with some property may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(description = "")]
pub enum Inclusion {
    /// They may.
    Included,
    /// Only they may.
    Required,
    /// They may not.
    Excluded,
}

/// From `min` to `max`, both included.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IntRange {
    /// Lowest value. Default: no bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<i32>,
    /// Highest value. Default: no bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<i32>,
}

/// From `min` to `max`, both included.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FloatRange {
    /// Lowest value. Default: no bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// Highest value. Default: no bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
}
