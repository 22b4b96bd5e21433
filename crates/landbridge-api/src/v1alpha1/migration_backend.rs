//! Where the weights of a `TrafficMigration` are: rules, records, Cloud Map, routes; and who writes them.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Span;
use crate::common::ClusterScopedRef;

/// What decides where traffic goes: exactly one member is set.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("[has(self.applicationLoadBalancer), has(self.route53), has(self.cloudMap), has(self.httpRoute)].filter(x, x).size() == 1", "set exactly one of applicationLoadBalancer, route53, cloudMap and httpRoute"))]
pub struct MigrationBackend {
    /// Weighted target groups of an Application Load Balancer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_load_balancer: Option<LoadBalancerBackend>,
    /// Weighted records of a name, for sides behind different load balancers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route53: Option<RecordBackend>,
    /// The sides' names in Cloud Map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_map: Option<CloudMapBackend>,
    /// Weighted Services of a Gateway API HTTPRoute, for callers inside the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_route: Option<RouteBackend>,
    /// How long another program that governs the rules (see `manager`) is given to carry new weights out before the migration
    /// says that it does not. Default: `2m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager_deadline: Option<Span>,
}

/// The sides as callers find them in Cloud Map, which itself knows no weights.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("(self.mode == 'FrontName') == has(self.frontName)", "frontName belongs to mode FrontName, which needs it"))]
pub struct CloudMapBackend {
    /// `FrontName` (recommended) or `InstanceRatio`.
    pub mode: CloudMapMode,
    /// The name that clients use, for the mode `FrontName`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub front_name: Option<FrontName>,
    /// How long a step is given to reach resolvers. Default: twice the longest time to live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub propagation: Option<Span>,
}

/// Rules of an HTTPRoute (gateway.networking.k8s.io/v1) whose `backendRefs` name the Services of both sides.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RouteBackend {
    /// Name of the HTTPRoute, in this namespace.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Name of the rule that is meant, or its place, from 0. Default: every rule that names the Service of `from`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub rule: Option<String>,
    /// How long new weights are given to reach every proxy before a step is watched. Default: `30s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub propagation: Option<Span>,
}

/// How callers are led to the one side or the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CloudMapMode {
    /// Each side has a Cloud Map service of its own, and a name in front of both has weighted CNAME records.
    #[default]
    FrontName,
    /// Both sides are registered in one Cloud Map service, and the share of each is that of its instances.
    InstanceRatio,
}

/// A name in front of two Cloud Map services.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FrontName {
    /// ID of the hosted zone that holds it. It is a zone of yours: one that Cloud Map made is never written to.
    #[schemars(regex(pattern = "^[A-Z0-9]{1,32}$"))]
    pub hosted_zone_id: String,
    /// The name, for example `orders.internal`: a CNAME record that leads to `from` when the migration begins.
    #[schemars(length(min = 1, max = 1024))]
    pub name: String,
}

/// Who writes weights into the rules of a load balancer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LoadBalancerManager {
    /// Whoever governs the rules by their tags; Landbridge when nobody does.
    #[default]
    Auto,
    /// Landbridge itself.
    Direct,
    /// The AWS Load Balancer Controller, told by the annotation of an Ingress.
    #[serde(rename = "LBCIngress")]
    LbcIngress,
    /// The AWS Load Balancer Controller, told by an HTTPRoute.
    #[serde(rename = "LBCGateway")]
    LbcGateway,
}

/// The Kubernetes object through which a manager is told.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManagerRef {
    /// Name of the Ingress or HTTPRoute, in this namespace.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Name of the action that is meant, as the Ingress's annotation `alb.ingress.kubernetes.io/actions.<name>` has it, or of the
    /// rule of the HTTPRoute. Default: each that names the old side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub entry: Option<String>,
}

/// A name in a hosted zone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordBackend {
    /// The AWSAccount that holds the hosted zone. Default: that of the ECS side; of two, that of `from`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_ref: Option<ClusterScopedRef>,
    /// ID of the hosted zone.
    #[schemars(regex(pattern = "^[A-Z0-9]{1,32}$"))]
    pub hosted_zone_id: String,
    /// The name, for example `orders.example.com`.
    #[schemars(length(min = 1, max = 1024))]
    pub name: String,
    /// Who writes the records: `Direct` (default), which is Landbridge, or `ExternalDNS`. external-dns is told by the weights in its
    /// sources (`dnsSource` of both sides), the records are verified, and while it is silent nobody writes past it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager: Option<RecordManager>,
    /// Record types that move together. Default: `A`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 3))]
    pub record_types: Vec<MigrationRecordType>,
    /// How long new weights are given to reach resolvers, once Route 53 has them everywhere. Default: twice the time to live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub propagation: Option<Span>,
}

/// Who writes records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RecordManager {
    /// Landbridge.
    #[default]
    Direct,
    /// external-dns.
    #[serde(rename = "ExternalDNS")]
    ExternalDns,
}

/// A record type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MigrationRecordType {
    /// IPv4 address, or an alias.
    A,
    /// IPv6 address, or an alias.
    Aaaa,
    /// Another name.
    Cname,
}

/// Where a name leads when a side gets its traffic: an alias or values.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("has(self.aliasTarget) != has(self.values)", "set exactly one of aliasTarget and values"))]
pub struct RecordTarget {
    /// A load balancer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias_target: Option<AliasTarget>,
    /// Values of the record: addresses, or one name for CNAME.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 8))]
    pub values: Option<Vec<String>>,
}

/// A load balancer as an alias names it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AliasTarget {
    /// The load balancer's own hosted zone (`CanonicalHostedZoneId`).
    pub hosted_zone_id: String,
    /// Its DNS name.
    pub dns_name: String,
    /// Whether Route 53 leaves it out while it has no healthy target. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluate_target_health: Option<bool>,
}

/// Listener rules of an Application Load Balancer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoadBalancerBackend {
    /// ARNs of the rules, or of listeners whose default action is meant. Default: every rule and default action of the load
    /// balancer that forwards to the target group of `from`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub listener_rule_arns: Vec<String>,
    /// Who writes the weights: `Auto` (default), `Direct`, `LBCIngress` or `LBCGateway`. When it is the AWS Load Balancer
    /// Controller, the weights go into its Ingress or HTTPRoute and are verified in AWS, and the target group of a Kubernetes
    /// Service is the controller's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager: Option<LoadBalancerManager>,
    /// The Ingress or HTTPRoute that tells the manager. Default: found by the tags of the rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager_ref: Option<ManagerRef>,
    /// What to do about clients that a cookie ties to a target group: `Refuse` (default), or `Wait` until the cookies have
    /// ended before the old side is let go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sticky_sessions: Option<StickySessions>,
    /// How long new weights are given to reach all of the load balancer before a step is watched. Default: `30s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub propagation: Option<Span>,
}

/// What to do about sticky sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum StickySessions {
    /// The migration does not start.
    #[default]
    Refuse,
    /// The old side stays until the longest cookie has ended. Weights then hold for new clients only.
    Wait,
}
