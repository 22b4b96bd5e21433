//! `CloudMapExport`: a Kubernetes Service registered in Cloud Map, so that ECS tasks reach its pods.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::DnsConfig;
use crate::common::{ClusterScopedRef, CommonStatus, Knobs, LocalRef};
use crate::ecs::{IntOrString, Tag};

/// A Kubernetes Service registered in a Cloud Map service: each ready pod is an instance that ECS tasks find by DNS or by
/// DiscoverInstances.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "landbridge.dev",
    version = "v1alpha1",
    kind = "CloudMapExport",
    namespaced,
    plural = "cloudmapexports",
    shortname = "cmexp",
    category = "landbridge",
    status = "CloudMapExportStatus",
    derive = "PartialEq",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason"),
    printcolumn(name = "Service", type_ = "string", json_path = ".spec.serviceRef.name"),
    printcolumn(name = "Name", type_ = "string", json_path = ".status.name"),
    printcolumn(name = "Registered", type_ = "integer", json_path = ".status.registered"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].message",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("self.serviceRef.name == oldSelf.serviceRef.name", "serviceRef is immutable: make another CloudMapExport"))]
#[x_kube(validation = ("self.namespaceRef.name == oldSelf.namespaceRef.name", "namespaceRef is immutable: make another CloudMapExport"))]
#[x_kube(validation = ("has(self.name) == has(oldSelf.name) && (!has(self.name) || self.name == oldSelf.name)", "name is immutable: make another CloudMapExport"))]
pub struct CloudMapExportSpec {
    /// The Kubernetes Service in this namespace whose ready endpoints are registered.
    pub service_ref: LocalRef,
    /// Port of the Service, by name or number. Default: its only port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<IntOrString>,
    /// The CloudMapNamespace in which the service is found.
    pub namespace_ref: ClusterScopedRef,
    /// Name in the namespace. Default: the name of the Kubernetes Service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 127))]
    pub name: Option<String>,
    /// Text that Cloud Map keeps with the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub description: Option<String>,
    /// DNS records, for DNS namespaces. Default: one A record with a TTL of 10 seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns_config: Option<DnsConfig>,
    /// Register beside the instances of others when the Cloud Map service of that name is somebody else's, for example an
    /// ECSService's: callers then get tasks and pods in proportion to their numbers. Default: false, which refuses that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<bool>,
    /// Name of this Kubernetes cluster in the attributes of the instances (`CLUSTER_ID`). Default: the installation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), regex(pattern = "^([a-z0-9][-a-z0-9]*)?[a-z0-9]$"))]
    pub cluster_id: Option<String>,
    /// Name of the set of clusters that share services (`CLUSTERSET_ID`). Default: `landbridge`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), regex(pattern = "^([a-z0-9][-a-z0-9]*)?[a-z0-9]$"))]
    pub cluster_set_id: Option<String>,
    /// Tags of the Cloud Map service.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 45))]
    pub tags: Vec<Tag>,
    /// Ownership and drift.
    #[serde(flatten)]
    pub knobs: Knobs,
}

/// What Cloud Map says of the export.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CloudMapExportStatus {
    /// Conditions and what they speak of.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// Under which callers find it: `orders.shop.internal`, or `orders` in the namespace `shop` when it has no DNS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Cloud Map's ID of the service, `srv-…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_id: Option<String>,
    /// ARN of the Cloud Map service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_arn: Option<String>,
    /// Endpoints of the Kubernetes Service that take connections.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<i32>,
    /// Instances of this export in Cloud Map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered: Option<i32>,
    /// Instances of others in the same Cloud Map service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of_others: Option<i32>,
    /// How other clusters export the same name otherwise. Absent when they do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<ExportConflict>,
}

/// Another cluster exports a Service of the same name that is not like this one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExportConflict {
    /// `TypeConflict` or `PortConflict`, as the Multi-Cluster Services API calls them.
    pub reason: String,
    /// Which cluster exports what.
    pub message: String,
}
