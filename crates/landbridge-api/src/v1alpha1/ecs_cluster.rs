//! `ECSCluster`: an ECS cluster and the defaults of the services in it.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::common::{AllowedNamespaces, ClusterScopedRef, CommonStatus, Knobs};
use crate::ecs::service::PropagateTags;
use crate::ecs::{
    CapacityProvider, CapacityProviderStrategyItem, ClusterFields, DeploymentConfiguration, LaunchType,
    NetworkConfiguration, Tag,
};

/// An ECS cluster: capacity providers, Container Insights, execute-command logging, and what its services default to.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "landbridge.dev",
    version = "v1alpha1",
    kind = "ECSCluster",
    root = "EcsCluster",
    plural = "ecsclusters",
    shortname = "ecsc",
    category = "landbridge",
    status = "EcsClusterStatus",
    validation = ("has(self.spec.clusterName) || self.metadata.name.matches('^[A-Za-z0-9_-]+$')", "the object's name has characters that ECS does not take: set spec.clusterName"),
    derive = "PartialEq",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "ARN", type_ = "string", json_path = ".status.clusterArn", priority = 1),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].message",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("has(self.clusterName) == has(oldSelf.clusterName) && (!has(self.clusterName) || self.clusterName == oldSelf.clusterName)", "clusterName is immutable: make another ECSCluster"))]
#[x_kube(validation = ("has(self.accountRef) == has(oldSelf.accountRef) && (!has(self.accountRef) || self.accountRef.name == oldSelf.accountRef.name)", "accountRef is immutable: make another ECSCluster"))]
#[x_kube(validation = ("(has(self.capacityProviders) ? size(self.capacityProviders) : 0) + (has(self.capacityProviderDefinitions) ? size(self.capacityProviderDefinitions) : 0) <= 20", "ECS takes at most 20 capacity providers for a cluster: capacityProviders and capacityProviderDefinitions have more together"))]
#[x_kube(validation = ("!has(self.capacityProviders) || !has(self.capacityProviderDefinitions) || !self.capacityProviderDefinitions.exists(d, d.name in self.capacityProviders)", "a capacity provider of capacityProviderDefinitions belongs to the cluster anyway: take its name out of capacityProviders"))]
pub struct EcsClusterSpec {
    /// Name of the cluster in ECS. Default: the object's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255), regex(pattern = "^[A-Za-z0-9_-]+$"))]
    pub cluster_name: Option<String>,
    /// The AWSAccount that holds it. Default: the one named `default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_ref: Option<ClusterScopedRef>,
    /// Kubernetes namespaces whose services may run in this cluster. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_namespaces: Option<AllowedNamespaces>,
    /// The fields of ECS's own CreateCluster. A field that is left out has AWS's default.
    #[serde(flatten)]
    pub cluster: ClusterFields,
    /// Capacity providers that Landbridge makes, changes and deletes with this object. Services may use them beside those of
    /// `capacityProviders`, and strategies may name them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub capacity_provider_definitions: Vec<CapacityProvider>,
    /// What a service of this cluster gets where its own file is silent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_defaults: Option<ServiceDefaults>,
    /// Ownership and drift.
    #[serde(flatten)]
    pub knobs: Knobs,
}

/// Defaults of the services in a cluster. A field that a service sets itself wins as a whole.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("!(has(self.launchType) && has(self.capacityProviderStrategy))", "set launchType or capacityProviderStrategy, not both"))]
pub struct ServiceDefaults {
    /// Subnets, security groups and public address of the tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_configuration: Option<NetworkConfiguration>,
    /// `FARGATE`, `EC2` or `EXTERNAL`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch_type: Option<LaunchType>,
    /// Where tasks run, by capacity provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 20))]
    pub capacity_provider_strategy: Option<Vec<CapacityProviderStrategyItem>>,
    /// Fargate platform version. Default: `LATEST`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_version: Option<String>,
    /// ARN of the role that pulls images, reads secrets and writes logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_role_arn: Option<String>,
    /// How deployments go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_configuration: Option<DeploymentConfiguration>,
    /// Whether `ecs execute-command` works in new tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enable_execute_command: Option<bool>,
    /// Whether ECS tags tasks with the cluster's and the service's name.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "enableECSManagedTags")]
    pub enable_ecs_managed_tags: Option<bool>,
    /// Whether tasks take the tags of the service or of the task definition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub propagate_tags: Option<PropagateTags>,
    /// CloudWatch Logs group of each service. A `groupName` here is the first part of the name, `/<service>` follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logs: Option<super::Logs>,
    /// Tags of every service, beside its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 45))]
    pub tags: Vec<Tag>,
}

/// What AWS says of the cluster.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EcsClusterStatus {
    /// Conditions and what they speak of.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// ARN of the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_arn: Option<String>,
    /// Services that were ACTIVE in the cluster when it was last compared with AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_services: Option<i32>,
    /// Tasks that were RUNNING in the cluster when it was last compared with AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running_tasks: Option<i32>,
    /// Capacity providers of this object: those that are there, and those that are about to be made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub capacity_providers: Vec<CapacityProviderStatus>,
}

/// What AWS says of a capacity provider.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CapacityProviderStatus {
    /// Name of the capacity provider.
    pub name: String,
    /// ARN of the capacity provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// `ACTIVE`, `PROVISIONING` or `DEPROVISIONING`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// How the last change went, such as `UPDATE_COMPLETE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_status: Option<String>,
    /// Why the last change went so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_status_reason: Option<String>,
}
