//! `TrafficMigration`: the gated, reversible shift of traffic from one side to another.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{MigrationBackend, MigrationGates, RecordTarget, TrafficMigrationStatus};
use crate::common::LocalRef;

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
