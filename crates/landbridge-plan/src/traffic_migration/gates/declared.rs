//! The gates of a spec in one list, with their defaults.

use landbridge_api::v1alpha1::{
    AlarmGate, CloudWatchMetric, ErrorRate, Latency, MetricGate, MigrationGates, OnNoData, PrometheusGate, WebhookGate,
};

/// Requests from which anything is concluded, when the spec does not say.
const SAMPLES: i32 = 100;

/// A gate with its defaults.
pub(super) struct Gate<'a> {
    /// What it is called in the status.
    pub(super) name: String,
    /// What no data means at the end of a step.
    pub(super) on_no_data: OnNoData,
    /// What it looks at.
    pub(super) what: What<'a>,
}

/// What a gate looks at.
pub(super) enum What<'a> {
    /// Answers with 500 to 599; with the fewest requests.
    ErrorRate(&'a ErrorRate, f64),
    /// Response times; with the fewest requests.
    Latency(&'a Latency, f64),
    /// A metric.
    Metric(&'a CloudWatchMetric),
    /// An alarm, by its name.
    Alarm(&'a str),
    /// A query.
    Prometheus(&'a PrometheusGate),
    /// A service of somebody's own.
    Webhook(&'a WebhookGate),
}

/// All of them, in the order of the spec.
pub(super) fn all(spec: Option<&MigrationGates>) -> Vec<Gate<'_>> {
    let Some(spec) = spec else { return Vec::new() };
    let or = |own: Option<OnNoData>| own.or(spec.on_no_data).unwrap_or_default();
    let mut gates: Vec<Gate<'_>> = spec.metrics.iter().filter_map(|gate| metric(spec, gate)).collect();
    gates.extend(spec.alarms.iter().map(|gate| Gate {
        name: format!("alarm {}", alarm_name(gate)),
        on_no_data: or(gate.on_no_data),
        what: What::Alarm(alarm_name(gate)),
    }));
    gates.extend(spec.prometheus.iter().map(|gate| Gate {
        name: gate.name.clone(),
        on_no_data: or(gate.on_no_data),
        what: What::Prometheus(gate),
    }));
    gates.extend(spec.webhooks.iter().map(|gate| Gate {
        name: gate.name.clone(),
        on_no_data: or(gate.on_no_data),
        what: What::Webhook(gate),
    }));
    gates
}

/// None for one that names nothing to measure, which the schema refuses.
fn metric<'a>(spec: &'a MigrationGates, gate: &'a MetricGate) -> Option<Gate<'a>> {
    let least = f64::from(gate.min_samples.or(spec.min_samples).unwrap_or(SAMPLES));
    let (default, what) = match (&gate.error_rate, &gate.latency, &gate.cloud_watch) {
        (Some(bounds), _, _) => ("error-rate", What::ErrorRate(bounds, least)),
        (_, Some(bounds), _) => ("latency", What::Latency(bounds, least)),
        (_, _, Some(metric)) => (metric.metric_name.as_str(), What::Metric(metric)),
        (None, None, None) => return None,
    };
    let name = gate.name.clone().unwrap_or_else(|| default.to_owned());
    Some(Gate { name, on_no_data: gate.on_no_data.or(spec.on_no_data).unwrap_or_default(), what })
}

/// Name of an alarm that may be given by its ARN (`arn:aws:cloudwatch:eu-central-1:123456789012:alarm:orders-5xx`).
pub(super) fn alarm_name(gate: &AlarmGate) -> &str {
    match gate.alarm.strip_prefix("arn:") {
        Some(arn) => arn.split_once(":alarm:").map_or(gate.alarm.as_str(), |(_, name)| name),
        None => &gate.alarm,
    }
}
