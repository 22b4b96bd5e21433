//! `CloudMapNamespace`: an AWS Cloud Map namespace, HTTP or DNS.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::{AllowedNamespaces, ClusterScopedRef, CommonStatus, Knobs};
use crate::ecs::Tag;

/// A Cloud Map namespace, in which services find each other by name.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "landbridge.dev",
    version = "v1alpha1",
    kind = "CloudMapNamespace",
    plural = "cloudmapnamespaces",
    shortname = "cmns",
    category = "landbridge",
    status = "CloudMapNamespaceStatus",
    derive = "PartialEq",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason"),
    printcolumn(name = "Type", type_ = "string", json_path = ".spec.type"),
    printcolumn(name = "ID", type_ = "string", json_path = ".status.namespaceId"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].message",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("self.type == 'DNS_PRIVATE' ? has(self.vpc) : !has(self.vpc)", "vpc is required for type DNS_PRIVATE and not accepted for the other types"))]
#[x_kube(validation = ("self.type != 'HTTP' || !has(self.properties)", "properties.dnsProperties applies to DNS namespaces only"))]
#[x_kube(validation = ("self.type == oldSelf.type", "type is immutable: make another CloudMapNamespace"))]
#[x_kube(validation = ("has(self.vpc) == has(oldSelf.vpc) && (!has(self.vpc) || self.vpc == oldSelf.vpc)", "vpc is immutable: make another CloudMapNamespace"))]
#[x_kube(validation = ("has(self.namespaceName) == has(oldSelf.namespaceName) && (!has(self.namespaceName) || self.namespaceName == oldSelf.namespaceName)", "namespaceName is immutable: make another CloudMapNamespace"))]
#[x_kube(validation = ("has(self.accountRef) == has(oldSelf.accountRef) && (!has(self.accountRef) || self.accountRef.name == oldSelf.accountRef.name)", "accountRef is immutable: make another CloudMapNamespace"))]
pub struct CloudMapNamespaceSpec {
    /// Name in Cloud Map; for DNS types the domain, for example `shop.internal`. Default: the object's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024), regex(pattern = "^[!-~]+$"))]
    pub namespace_name: Option<String>,
    /// The AWSAccount that holds it. Default: the one named `default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_ref: Option<ClusterScopedRef>,
    /// Kubernetes namespaces whose services may register here. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_namespaces: Option<AllowedNamespaces>,
    /// `HTTP` (API lookups only), `DNS_PRIVATE` (names resolve in a VPC) or `DNS_PUBLIC`.
    #[serde(rename = "type")]
    pub type_: NamespaceType,
    /// ID of the VPC in which the names of a `DNS_PRIVATE` namespace resolve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub vpc: Option<String>,
    /// Text that Cloud Map keeps with the namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub description: Option<String>,
    /// Properties of a DNS namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub properties: Option<NamespaceProperties>,
    /// Tags of the namespace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 45))]
    pub tags: Vec<Tag>,
    /// Ownership and drift.
    #[serde(flatten)]
    pub knobs: Knobs,
}

/// The three types of namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NamespaceType {
    /// Found by the DiscoverInstances API only.
    Http,
    /// Found by DNS inside a VPC, and by the API.
    DnsPrivate,
    /// Found by public DNS, and by the API.
    DnsPublic,
}

/// Properties of a DNS namespace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceProperties {
    /// DNS properties.
    pub dns_properties: DnsProperties,
}

/// DNS properties of a namespace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DnsProperties {
    /// Start of authority record of the hosted zone.
    pub soa: Soa,
}

/// Start of authority record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Soa {
    /// Time to live in seconds: how long resolvers remember that a name does not exist.
    #[schemars(range(min = 0, max = 2_147_483_647_i64))]
    pub ttl: i64,
}

/// What AWS says of the namespace.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CloudMapNamespaceStatus {
    /// Conditions and what they speak of.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// Cloud Map's ID of the namespace, `ns-…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_id: Option<String>,
    /// ARN of the namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_arn: Option<String>,
    /// Route 53 hosted zone of a DNS namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hosted_zone_id: Option<String>,
    /// Cloud Map operation in flight; it survives a restart of the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation_id: Option<String>,
}
