//! `TrafficMigration`: the gated, reversible shift of traffic from one side to another.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{GateReading, MigrationGates};
use crate::common::{ClusterScopedRef, CommonStatus, LocalRef};

/// Moves the traffic of a name step by step between an ECSService and a Kubernetes Service, or between two ECSServices,
/// with a way back at every step. Weights live in the status, so that nothing in Git has to follow them.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "landbridge.dev",
    version = "v1alpha1",
    kind = "TrafficMigration",
    namespaced,
    plural = "trafficmigrations",
    shortname = "tmig",
    category = "landbridge",
    status = "TrafficMigrationStatus",
    derive = "PartialEq",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Weight", type_ = "string", json_path = ".status.share"),
    printcolumn(name = "Step", type_ = "string", json_path = ".status.progress"),
    printcolumn(name = "Next", type_ = "date", json_path = ".status.nextActionAt"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].message",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("has(self.from.ecsServiceRef) || has(self.to.ecsServiceRef)", "at least one of from and to must be an ECSService"))]
#[x_kube(validation = ("self.from == oldSelf.from && self.to == oldSelf.to", "from and to are immutable: make another TrafficMigration, for the way back with the sides exchanged"))]
#[x_kube(validation = ("self.backend == oldSelf.backend", "backend is immutable: make another TrafficMigration"))]
#[x_kube(validation = ("!has(self.steps) || self.steps.size() == 0 || self.steps[self.steps.size() - 1].weight == 100.0", "the last of steps must have weight 100"))]
pub struct TrafficMigrationSpec {
    /// The side that has the traffic when the migration begins.
    pub from: MigrationSide,
    /// The side that gets it.
    pub to: MigrationSide,
    /// What decides where traffic goes.
    pub backend: MigrationBackend,
    /// Shares of the traffic that `to` gets, one after the other; each is greater than the one before, and the last is
    /// 100. Default: 1, 10, 50 and 100, ten minutes each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub steps: Vec<MigrationStep>,
    /// What must hold before, during and after each step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gates: Option<MigrationGates>,
    /// When the migration goes back by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abort: Option<AbortPolicy>,
    /// What happens once `to` has all the traffic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finalise: Option<FinalisePolicy>,
    /// `Automatic` (default), or `Manual`: after the preflight the migration waits for `landbridge migrate start`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
    /// While true weights stay as they are. Gates go on being read, and an abort is still carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
    /// What happens when this object is deleted on the way: `RollBack` (default) or `Freeze`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_delete: Option<OnDelete>,
}

/// One of the two sides: exactly one of its members is set.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("has(self.ecsServiceRef) != has(self.kubernetesService)", "set exactly one of ecsServiceRef and kubernetesService"))]
pub struct MigrationSide {
    /// An ECSService of this namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ecs_service_ref: Option<LocalRef>,
    /// A Service of this namespace and cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes_service: Option<KubernetesSide>,
    /// ARN of the side's target group. Default for an ECSService: the one in its `loadBalancers`. Default for a Service:
    /// one that Landbridge makes after the other side's, and in which it registers the Service's pods as long as this object
    /// is there; when it is given, whoever made it registers them, for example a TargetGroupBinding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(
        pattern = "^arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:[0-9]{12}:targetgroup/[A-Za-z0-9-]+/[0-9a-f]+$"
    ))]
    pub target_group_arn: Option<String>,
    /// For an ECSService and the backend `httpRoute`: the Service of this namespace that leads to its tasks. Default: that of
    /// the CloudMapImport that imports the ECSService.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported_service: Option<LocalRef>,
    /// Where the name leads when this side has the traffic, for the backend `route53`. Default for `from`: where it leads now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<RecordTarget>,
    /// The CloudMapExport of the Kubernetes Service by which callers find its pods, for the backend `cloudMap`. Default: the
    /// only one that the Service has. (An ECSService is found by its `serviceDiscovery`.)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_map_export_ref: Option<LocalRef>,
    /// What tells external-dns of the side's record, for the backend `route53` with `manager: ExternalDNS`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns_source: Option<DnsSource>,
}

/// A source of external-dns in this namespace: named, or found by the host name and its set identifier.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("has(self.kind) == has(self.name)", "kind and name belong together"))]
#[x_kube(validation = ("has(self.name) || has(self.setIdentifier)", "set kind and name, or setIdentifier"))]
pub struct DnsSource {
    /// `Service`, `Ingress` or `DNSEndpoint`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<DnsSourceKind>,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub name: Option<String>,
    /// The set identifier of the record. Default: the only one that the source has for the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub set_identifier: Option<String>,
}

/// The kinds of sources that Landbridge writes weights into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DnsSourceKind {
    /// A Service with external-dns's annotations.
    Service,
    /// An Ingress with external-dns's annotations.
    Ingress,
    /// A DNSEndpoint (externaldns.k8s.io/v1alpha1).
    #[serde(rename = "DNSEndpoint")]
    DnsEndpoint,
}

/// A Kubernetes Service as a side.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KubernetesSide {
    /// Name of the Service.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// Name of the Service's port. Default: its only port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub port: Option<String>,
}

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

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MigrationStep {
    /// Share of the traffic that `to` gets, in percent, in tenths.
    #[schemars(range(min = 0.1, max = 100.0))]
    pub weight: f64,
    /// How long the step is watched, for example `10m`. Default: `10m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bake: Option<Span>,
    /// `Manual`: after the bake the migration waits for `landbridge migrate promote`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
}

/// A length of time in hours, minutes and seconds, for example `1h30m`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Span(
    #[schemars(regex(pattern = "^([0-9]{1,5}h)?([0-9]{1,5}m)?([0-9]{1,7}s)?$"), length(min = 2))] pub String,
);

/// Whether a person must agree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Approval {
    /// Nobody need.
    #[default]
    Automatic,
    /// Somebody must.
    Manual,
}

/// When the migration goes back by itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AbortPolicy {
    /// Whether a failed gate sends the traffic back. Default: true; otherwise the migration holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub automatic: Option<bool>,
    /// How many readings in a row a gate must fail. Default: 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub after_failures: Option<i32>,
    /// How long a step may wait for its target to become healthy before the migration goes back. Default: `30m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress_deadline: Option<Span>,
}

/// What happens once `to` has all the traffic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FinalisePolicy {
    /// How long the old side stays at full size beside the new one that has all the traffic. Default: `1h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soak: Option<Span>,
    /// `Manual`: after the soak the migration waits for `landbridge migrate promote` before the old side is let go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
    /// Whether the old side leaves the rules. Default: true; otherwise it stays there with weight 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remove_old: Option<bool>,
    /// How long at most the migration waits, after the old side has drained, until it has had no request for three minutes, by
    /// `RequestCount` of its target group in CloudWatch: clients may keep a name or a cookie longer than they should. Default:
    /// it does not wait for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_drain: Option<Span>,
}

/// What happens to traffic when the object is deleted on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnDelete {
    /// It goes back to `from` first.
    #[default]
    RollBack,
    /// Weights stay as they are.
    Freeze,
}

/// Where a migration stands.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrafficMigrationStatus {
    /// Conditions and what they speak of.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// How far it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<MigrationPhase>,
    /// Since when, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase_since: Option<String>,
    /// The step that is under way, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<i32>,
    /// Since when the weights of the step have been written, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_since: Option<String>,
    /// `2/4`, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<String>,
    /// The shares that AWS shows, `from` first: `90/10`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<String>,
    /// When the migration goes on by itself, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_action_at: Option<String>,
    /// What is about to be written, stored before it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<MigrationIntent>,
    /// What the rules were before the migration began: the way back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undo: Vec<WeightedPoint>,
    /// What the migration wrote last, per rule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub applied: Vec<WeightedPoint>,
    /// The target groups of the sides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_groups: Option<SideTargetGroups>,
    /// The program that writes the weights into AWS, when it is not Landbridge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager: Option<MigrationManager>,
    /// Health of `from`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<SideHealth>,
    /// Health of `to`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<SideHealth>,
    /// Healthy targets that `from` had when the migration began; it keeps as many until it is let go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<i32>,
    /// The floor of App Auto Scaling that was raised under `from`; it is put back at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<PinnedScaling>,
    /// What the sides were when the migration took them up. What somebody else changes of it stops the migration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recorded: Vec<RecordedPart>,
    /// Since when `to` has been healthy without a break, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub healthy_since: Option<String>,
    /// The gates as they were read last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gates: Vec<GateReading>,
    /// Readings in a row in which a gate failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failures: Option<i32>,
    /// When the gates were read last, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gates_read_at: Option<String>,
    /// Why the migration went back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abort_reason: Option<String>,
    /// Who changed what between two of our writes; nothing is written until it is settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<MigrationConflict>,
    /// How many pods the CloudMapExport registers, for the backend `cloudMap` in the mode `InstanceRatio`. None: all that are
    /// ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered_pods: Option<i32>,
    /// The value of the annotation `landbridge.dev/migrate` that was carried out last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_command: Option<String>,
    /// Whether `landbridge migrate pause` holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
}

/// A raised minimum of App Auto Scaling.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PinnedScaling {
    /// `service/<cluster>/<service>`.
    pub resource: String,
    /// The minimum that it had, in tasks.
    pub before: i32,
    /// The minimum that it has for the migration, in tasks.
    pub pinned: i32,
}

/// A part of a side as it was taken up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordedPart {
    /// For example `target group orders-ecs`.
    pub name: String,
    /// Its members that matter to the migration.
    pub values: std::collections::BTreeMap<String, String>,
}

/// How far a migration is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum MigrationPhase {
    /// What is there is looked at; nothing is written.
    #[default]
    Preflight,
    /// The new side is attached, with weight 0.
    Preparing,
    /// The new side must be healthy before it gets a request.
    Verifying,
    /// The weights of a step are written.
    Applying,
    /// The weights are given time to reach all of the load balancer.
    Propagating,
    /// The step is watched.
    Baking,
    /// The gates decide over the step.
    Gating,
    /// The new side has everything; the old one stays at full size.
    Soaking,
    /// The old side leaves the rules.
    Finalising,
    /// What is under way on the old side ends.
    Draining,
    /// The new side has everything.
    Completed,
    /// Weights go back to what they were.
    RollingBack,
    /// Weights are what they were.
    RolledBack,
    /// Somebody else changed a rule; nothing is written.
    Conflicted,
}

/// A write that is about to be made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MigrationIntent {
    /// What each rule was.
    pub before: Vec<WeightedPoint>,
    /// What each rule is to be.
    pub after: Vec<WeightedPoint>,
    /// When it was decided, RFC 3339.
    pub decided_at: String,
}

/// A program that governs the rules of a migration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MigrationManager {
    /// Its name, for people.
    pub name: String,
    /// How it is told: `LBCIngress` or `LBCGateway`.
    pub kind: String,
    /// What its rules belong to, by their tags: `namespace/name` of an Ingress or Gateway, or the name of an IngressGroup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
}

/// A place where weights are written, and the weights.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WeightedPoint {
    /// ARN of the listener rule, or of the listener for its default action; for a record zone, name and type; ARN of a Cloud
    /// Map service; for a Kubernetes object its kind, namespace and name.
    pub id: String,
    /// Weights by target group ARN, or by set identifier, in the order of the rule.
    pub weights: Vec<TargetWeight>,
    /// The record sets themselves, as Route 53 names their members; of a Kubernetes object the parts that hold the weights.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "any_list")]
    pub records: Vec<serde_json::Value>,
}

fn any_list(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "array",
        "items": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
    })
}

/// The weight of a target group in a rule, of a record, or the number of instances of a side in a Cloud Map service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TargetWeight {
    /// ARN of the target group, set identifier of the record, or name of the side.
    pub target: String,
    /// Its weight: 0 to 999 for a target group, 0 to 255 for a record.
    pub weight: i32,
}

/// The target groups of the sides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SideTargetGroups {
    /// ARN of that of `from`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// ARN of that of `to`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// Targets of a side.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SideHealth {
    /// Targets that are registered and not on their way out.
    pub registered: i32,
    /// Those of them that are healthy.
    pub healthy: i32,
    /// Healthy targets by Availability Zone.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub zones: std::collections::BTreeMap<String, i32>,
}

/// What somebody else changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MigrationConflict {
    /// In words: what was found, what was expected, and who probably did it.
    pub message: String,
    /// The phase in which it was found; the migration goes on there.
    pub phase: MigrationPhase,
    /// What was found.
    pub found: Vec<WeightedPoint>,
}
