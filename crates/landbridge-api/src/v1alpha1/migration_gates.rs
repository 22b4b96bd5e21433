//! `spec.gates` of a TrafficMigration: what must hold before, during and after each step.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Span;

/// What must hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MigrationGates {
    /// Fewest healthy targets of a side that has any traffic. Default: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub min_healthy: Option<i32>,
    /// Fewest healthy targets in each Availability Zone in which the side has targets. Default: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000))]
    pub min_healthy_per_zone: Option<i32>,
    /// Share of the side's own targets that must be healthy before it gets more traffic, in percent. Default: 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub healthy_percent: Option<i32>,
    /// How long `to` must have been healthy before it gets its first request. Default: `10s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_ready: Option<Span>,
    /// How often the gates are read. Default: `10s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Span>,
    /// What CloudWatch measures.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub metrics: Vec<MetricGate>,
    /// CloudWatch alarms, metric or composite, none of which may be in `ALARM`. They are of the account and Region that the
    /// migration writes in: that of the load balancer, or of the hosted zone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub alarms: Vec<AlarmGate>,
    /// Queries to Prometheus servers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub prometheus: Vec<PrometheusGate>,
    /// Services of your own that are asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub webhooks: Vec<WebhookGate>,
    /// What happens at the end of a step when a gate has no data: `Hold` (default) waits for it, `Fail` counts it as
    /// failed, `Pass` does without it. Each gate may say otherwise for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_no_data: Option<OnNoData>,
    /// Fewest requests of a side from which anything is concluded. Default: 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub min_samples: Option<i32>,
    /// What time the metrics of CloudWatch are taken over, in whole minutes, for example `5m`: the last so many that it has.
    /// Default: since the step's weights were written, at most the last hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Span>,
}

/// What no data means at the end of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnNoData {
    /// The step waits.
    #[default]
    Hold,
    /// The gate has failed.
    Fail,
    /// The gate does not count.
    Pass,
}

/// Something that CloudWatch measures: exactly one of `errorRate`, `latency` and `cloudWatch` is set.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("[has(self.errorRate), has(self.latency), has(self.cloudWatch)].filter(x, x).size() == 1", "set exactly one of errorRate, latency and cloudWatch"))]
pub struct MetricGate {
    /// Name of the gate. Default: `error-rate`, `latency`, or the name of the metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub name: Option<String>,
    /// Answers of the targets of `to` with a status of 500 to 599, among its requests (`HTTPCode_Target_5XX_Count` and
    /// `RequestCount` of the target group, in the account and Region of the side).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_rate: Option<ErrorRate>,
    /// How long the targets of `to` take to answer (`TargetResponseTime` of the target group, in the account and Region of the
    /// side).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Latency>,
    /// Any metric of CloudWatch, in the account and Region that the migration writes in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_watch: Option<CloudWatchMetric>,
    /// Instead of `gates.minSamples`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub min_samples: Option<i32>,
    /// Instead of `gates.onNoData`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_no_data: Option<OnNoData>,
}

/// Bounds of the error rate; each that is given must hold.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("has(self.maxPercent) || has(self.maxAboveOther)", "set maxPercent, maxAboveOther or both"))]
pub struct ErrorRate {
    /// Largest error rate of `to`, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 100.0))]
    pub max_percent: Option<f64>,
    /// How far it may be above that of `from` over the same time, in percentage points. Once `from` has too few requests,
    /// what it had last is compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 100.0))]
    pub max_above_other: Option<f64>,
}

/// Bounds of the latency; each that is given must hold.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("has(self.maxSeconds) || has(self.maxTimesOther)", "set maxSeconds, maxTimesOther or both"))]
pub struct Latency {
    /// `Average` or a percentile. Default: `p95`. That of each minute counts as often as the minute has requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^(Average|p[0-9]{1,2}([.][0-9]{1,2})?)$"))]
    pub statistic: Option<String>,
    /// Longest latency of `to`, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.001, max = 3600.0))]
    pub max_seconds: Option<f64>,
    /// How many times that of `from` over the same time it may be, for example 1.2. Once `from` has too few requests, what
    /// it had last is compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.01, max = 1000.0))]
    pub max_times_other: Option<f64>,
}

/// A metric of CloudWatch, in the account and Region of the load balancer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CloudWatchMetric {
    /// Its namespace, for example `AWS/ApplicationELB`.
    #[schemars(length(min = 1, max = 255))]
    pub namespace: String,
    /// Its name.
    #[schemars(length(min = 1, max = 255))]
    pub metric_name: String,
    /// Its dimensions by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dimensions: BTreeMap<String, String>,
    /// `Sum`, `SampleCount`, `Average`, `Minimum`, `Maximum`, or a percentile as `p95`, of each minute. Default: `Average`.
    /// Over the minutes, the first two add up, extremes are extremes, and the others are averaged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^(Sum|SampleCount|Average|Minimum|Maximum|p[0-9]{1,2}([.][0-9]{1,2})?)$"))]
    pub statistic: Option<String>,
    /// Between what it must be.
    pub threshold_range: ThresholdRange,
}

/// Between what a value must be, bounds included; at least one is given.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("has(self.min) || has(self.max)", "set min, max or both"))]
pub struct ThresholdRange {
    /// Smallest value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// Greatest value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
}

/// A CloudWatch alarm that must not be in `ALARM`. `INSUFFICIENT_DATA` is no data.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AlarmGate {
    /// Its name or ARN.
    #[schemars(length(min = 1, max = 1600))]
    pub alarm: String,
    /// Instead of `gates.onNoData`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_no_data: Option<OnNoData>,
}

/// A query to Prometheus.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PrometheusGate {
    /// Name of the gate.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// Address of the server, before `/api/v1/query`: `http://prometheus.monitoring:9090`. A token that the operator has for
    /// its host is sent over https; queries to Amazon Managed Service for Prometheus
    /// (`https://aps-workspaces.eu-central-1.amazonaws.com/workspaces/ws-…`) are signed.
    #[schemars(length(max = 2048), regex(pattern = "^https?://[^\\s@/?#]+(/[^\\s?#]*)?$"))]
    pub address: String,
    /// A query in PromQL that comes to one value.
    #[schemars(length(min = 1, max = 8192))]
    pub query: String,
    /// Between what the value must be.
    pub threshold_range: ThresholdRange,
    /// How long an answer is waited for, at most `30s`. Default: `5s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// Instead of `gates.onNoData`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_no_data: Option<OnNoData>,
}

/// A service of your own that is asked with a POST: an answer of 200 to 299 passes, 400 to 599 fails, and anything else, 401,
/// 403 or none, is no data. It is sent `name`, `namespace`, `phase`, `step`, `steps`, `weight`, `share` and `metadata` as JSON.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookGate {
    /// Name of the gate.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// Where to. A token that the operator has for the host is sent over https.
    #[schemars(length(max = 2048), regex(pattern = "^https?://[^\\s@/?#]+([/?][^\\s#]*)?$"))]
    pub url: String,
    /// How long an answer is waited for, at most `30s`. Default: `5s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// Sent with it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// Instead of `gates.onNoData`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_no_data: Option<OnNoData>,
}

/// A gate as it was read last.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GateReading {
    /// Name of the gate.
    pub name: String,
    /// What it said.
    pub result: GateResult,
    /// In words.
    pub message: String,
    /// Readings in a row in which it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failures: Option<i32>,
    /// What `from` had when it last had enough requests: percent or seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<f64>,
}

/// What a gate says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum GateResult {
    /// It holds.
    Passed,
    /// It does not.
    Failed,
    /// There is nothing to tell from yet.
    #[default]
    NoData,
}
