//! `CloudMapImport`: a Cloud Map service, or the tasks of an ECSService, as a Kubernetes Service.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::{ClusterScopedRef, CommonStatus, Knobs, LocalRef};

/// What is registered in a Cloud Map service, or the tasks of an ECSService, as a Kubernetes Service without a selector, so
/// that pods reach it by cluster DNS.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "landbridge.dev",
    version = "v1alpha1",
    kind = "CloudMapImport",
    namespaced,
    plural = "cloudmapimports",
    shortname = "cmimp",
    category = "landbridge",
    status = "CloudMapImportStatus",
    derive = "PartialEq",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason"),
    printcolumn(name = "Service", type_ = "string", json_path = ".status.service"),
    printcolumn(name = "Endpoints", type_ = "integer", json_path = ".status.readyEndpoints"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].message",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("has(self.service.name) == has(oldSelf.service.name) && (!has(self.service.name) || self.service.name == oldSelf.service.name)", "service.name is immutable: make another CloudMapImport"))]
pub struct CloudMapImportSpec {
    /// Where the endpoints are found.
    pub source: ImportSource,
    /// The Kubernetes Service that is made.
    pub service: ImportedService,
    /// Write a ServiceImport of the Multi-Cluster Services API beside the Service, under its name. Default: false. It needs the
    /// kind `serviceimports.multicluster.x-k8s.io`, and is not written where the AWS MCS controller for Kubernetes runs,
    /// which deletes every ServiceImport that is not its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_import: Option<bool>,
    /// Ownership and drift.
    #[serde(flatten)]
    pub knobs: Knobs,
}

/// Where the endpoints of an import are found: one of the two.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("has(self.cloudMap) != has(self.ecsServiceRef)", "one of cloudMap and ecsServiceRef is required, and only one"))]
pub struct ImportSource {
    /// A Cloud Map service, whoever registers in it: ECS, an export of another cluster, the AWS MCS controller, a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_map: Option<CloudMapSource>,
    /// An ECSService in this namespace that need not be in Cloud Map: its tasks are looked up in ECS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ecs_service_ref: Option<LocalRef>,
}

/// A Cloud Map service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CloudMapSource {
    /// The CloudMapNamespace that holds it.
    pub namespace_ref: ClusterScopedRef,
    /// Name of the service in the namespace.
    #[schemars(length(min = 1, max = 127))]
    pub service: String,
}

/// The Kubernetes Service of an import.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportedService {
    /// Name of the Service. Default: the name of the import.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[a-z]$|^[a-z][-a-z0-9]*[a-z0-9]$"))]
    pub name: Option<String>,
    /// `ClusterIP` (default: one address, connections are spread by the cluster) or `Headless` (DNS gives all addresses).
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "type")]
    pub type_: Option<ImportType>,
    /// Ports of the Service.
    #[schemars(length(min = 1, max = 20))]
    #[x_kube(validation = ("self.all(p, self.exists_one(q, has(q.name) == has(p.name) && (!has(p.name) || q.name == p.name)))", "port names must be unique, and only a single port may be without"))]
    pub ports: Vec<ImportedPort>,
}

/// How the Service of an import is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ImportType {
    /// At one address inside the cluster.
    #[default]
    #[serde(rename = "ClusterIP")]
    ClusterIp,
    /// At the addresses of its endpoints.
    Headless,
}

/// A port of the Service of an import.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportedPort {
    /// Name; a single port may be without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), regex(pattern = "^([a-z0-9][-a-z0-9]*)?[a-z0-9]$"))]
    pub name: Option<String>,
    /// Port of the Service.
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,
    /// Port of the endpoints. Default: what each is registered with in Cloud Map (`AWS_INSTANCE_PORT`); for an ECSService
    /// the same as `port`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub target_port: Option<i32>,
    /// `TCP` (default), `UDP` or `SCTP`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<TransportProtocol>,
    /// Protocol above that, for example `http`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub app_protocol: Option<String>,
}

/// A transport protocol of a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum TransportProtocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

/// What is known of the import.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CloudMapImportStatus {
    /// Conditions and what they speak of.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// Name of the Service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Endpoints in its EndpointSlices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<i32>,
    /// Those of them that take connections.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_endpoints: Option<i32>,
    /// Name of the ServiceImport.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_import: Option<String>,
}
