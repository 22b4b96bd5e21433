//! An ECS cluster: settings, configuration and capacity.
//! The capacity providers themselves are in [`super::capacity_provider`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tag::Tag;

/// The fields of CreateCluster besides the name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterFields {
    /// Settings of the cluster, such as Container Insights.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"], "x-landbridge-order" = "set"))]
    pub settings: Vec<ClusterSetting>,
    /// Execute command and storage encryption.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = {}))]
    pub configuration: Option<ClusterConfiguration>,
    /// Names of capacity providers that are there already and that services may use, at most 20, such as `FARGATE` and
    /// `FARGATE_SPOT`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), inner(length(min = 1, max = 255)), extend("x-landbridge-order" = "set"))]
    pub capacity_providers: Vec<String>,
    /// Strategy of services that name neither a launch type nor a strategy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["capacityProvider"], "x-landbridge-order" = "set"))]
    pub default_capacity_provider_strategy: Vec<CapacityProviderStrategyItem>,
    /// Service Connect namespace of services that name none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_connect_defaults: Option<ServiceConnectDefaults>,
    /// Tags of the cluster, at most 50; Landbridge adds its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["key"], "x-landbridge-order" = "set"))]
    pub tags: Vec<Tag>,
}

/// A setting of the cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterSetting {
    /// Name of the setting; ECS knows `containerInsights`.
    #[schemars(length(max = 255))]
    pub name: String,
    /// Its value: `enabled`, `enhanced` or `disabled`.
    pub value: String,
}

/// Execute command and storage encryption of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterConfiguration {
    /// Encryption and logs of `aws ecs execute-command`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = {}))]
    pub execute_command_configuration: Option<ExecuteCommandConfiguration>,
    /// Encryption of storage that ECS makes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed_storage_configuration: Option<ManagedStorageConfiguration>,
}

/// Encryption and logs of execute-command sessions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExecuteCommandConfiguration {
    /// KMS key that encrypts the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<String>,
    /// Where sessions are logged: DEFAULT is the container's own `awslogs` group, NONE nowhere, OVERRIDE what
    /// `logConfiguration` says. Default: DEFAULT.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = "DEFAULT"))]
    pub logging: Option<ExecuteCommandLogging>,
    /// Where sessions are logged when `logging` is OVERRIDE.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_configuration: Option<ExecuteCommandLogs>,
}

/// Where execute-command sessions are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schemars(description = "")]
pub enum ExecuteCommandLogging {
    /// Where the container's `awslogs` configuration says.
    Default,
    /// Nowhere.
    None,
    /// Where `logConfiguration` says.
    Override,
}

/// Where execute-command sessions are logged.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExecuteCommandLogs {
    /// CloudWatch log group, which must exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud_watch_log_group_name: Option<String>,
    /// Whether the group must be encrypted. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = false))]
    pub cloud_watch_encryption_enabled: Option<bool>,
    /// S3 bucket, which must exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub s3_bucket_name: Option<String>,
    /// Whether the bucket must be encrypted. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = false))]
    pub s3_encryption_enabled: Option<bool>,
    /// Folder in the bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub s3_key_prefix: Option<String>,
}

/// Encryption of storage that ECS makes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManagedStorageConfiguration {
    /// KMS key for EBS volumes of tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<String>,
    /// KMS key for the scratch disk of Fargate tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fargate_ephemeral_storage_kms_key_id: Option<String>,
}

/// Service Connect defaults of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceConnectDefaults {
    /// Name or ARN of the Cloud Map namespace; ECS makes an HTTP namespace for a name it does not know.
    pub namespace: String,
}

/// A capacity provider's share of the tasks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CapacityProviderStrategyItem {
    /// Name of the capacity provider.
    #[schemars(length(max = 255))]
    pub capacity_provider: String,
    /// Share of the tasks after every `base` is met, 0 to 1000. Default: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000), extend("x-landbridge-default" = 0))]
    pub weight: Option<i32>,
    /// Tasks that run here first, 0 to 100000; only one item may have it. Default: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100_000), extend("x-landbridge-default" = 0))]
    pub base: Option<i32>,
}
