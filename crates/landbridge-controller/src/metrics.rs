//! Prometheus metrics. Every label value is from a fixed set, or names a shard or a bucket, of which there are few.

use std::time::Duration;

use landbridge_plan::verdict::ErrorClass;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// All metrics of the operator.
pub struct Metrics {
    registry: Registry,
    aws_calls: Family<Call, Counter>,
    aws_seconds: Family<Api, Histogram>,
    aws_throttles: Family<Api, Counter>,
    tokens: Family<Bucket, Gauge<f64, std::sync::atomic::AtomicU64>>,
    queue_wait: Histogram,
    reconciles: Family<Outcome, Histogram>,
    drift: Family<OfKind, Counter>,
    rollout: Family<OfKind, Histogram>,
    leases: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Call {
    api: String,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Api {
    api: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Bucket {
    shard: String,
    bucket: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfKind {
    kind: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    kind: String,
    outcome: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            registry: Registry::with_prefix("landbridge"),
            aws_calls: Family::default(),
            aws_seconds: Family::new_with_constructor(|| seconds(&[0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0])),
            aws_throttles: Family::default(),
            tokens: Family::default(),
            queue_wait: seconds(&[0.001, 0.01, 0.1, 1.0, 10.0, 60.0, 600.0]),
            reconciles: Family::new_with_constructor(|| seconds(&[0.001, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0])),
            drift: Family::default(),
            rollout: Family::new_with_constructor(|| {
                seconds(&[1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0])
            }),
            leases: Gauge::default(),
        };
        metrics.registered()
    }
}

fn seconds(buckets: &[f64]) -> Histogram {
    Histogram::new(buckets.iter().copied())
}

impl Metrics {
    fn registered(mut self) -> Self {
        let r = &mut self.registry;
        r.register("aws_calls", "AWS calls by API and result", self.aws_calls.clone());
        r.register_with_unit("aws_call", "Duration of AWS calls", Unit::Seconds, self.aws_seconds.clone());
        r.register("aws_throttles", "AWS calls that AWS throttled", self.aws_throttles.clone());
        r.register("tokens_left", "Calls left now in a request budget", self.tokens.clone());
        r.register_with_unit(
            "queue_wait",
            "Time that objects waited for a free slot of their account",
            Unit::Seconds,
            self.queue_wait.clone(),
        );
        r.register_with_unit(
            "reconcile",
            "Duration of passes by kind and outcome",
            Unit::Seconds,
            self.reconciles.clone(),
        );
        r.register("drift_found", "Passes that found AWS changed by somebody else", self.drift.clone());
        r.register_with_unit(
            "rollout",
            "Time from an object leaving Ready to its being Ready again, for an ECSService its rollout",
            Unit::Seconds,
            self.rollout.clone(),
        );
        r.register("leases_held", "Shards that this replica holds", self.leases.clone());
        self
    }

    /// An AWS call ended.
    pub fn aws_call(&self, api: &str, error: Option<ErrorClass>, took: Duration) {
        let result = error.map_or("ok", outcome_of);
        self.aws_calls.get_or_create(&Call { api: api.to_owned(), result }).inc();
        self.aws_seconds.get_or_create(&Api { api: api.to_owned() }).observe(took.as_secs_f64());
        if error == Some(ErrorClass::Throttled) {
            self.aws_throttles.get_or_create(&Api { api: api.to_owned() }).inc();
        }
    }

    /// A budget has that many calls left.
    pub fn tokens_left(&self, shard: &str, bucket: &str, left: f64) {
        self.tokens.get_or_create(&Bucket { shard: shard.to_owned(), bucket: bucket.to_owned() }).set(left);
    }

    /// An object waited that long for a slot.
    pub fn waited(&self, waited: Duration) {
        self.queue_wait.observe(waited.as_secs_f64());
    }

    /// A pass ended.
    pub fn reconciled(&self, kind: &str, outcome: &'static str, took: Duration) {
        self.reconciles.get_or_create(&Outcome { kind: kind.to_owned(), outcome }).observe(took.as_secs_f64());
    }

    /// A pass found drift.
    pub fn drifted(&self, kind: &str) {
        self.drift.get_or_create(&OfKind { kind: kind.to_owned() }).inc();
    }

    /// An object is Ready after not having been so for that long.
    pub fn became_ready(&self, kind: &str, took: Duration) {
        self.rollout.get_or_create(&OfKind { kind: kind.to_owned() }).observe(took.as_secs_f64());
    }

    /// Everything in the OpenMetrics text format.
    pub fn text(&self, leases_held: usize) -> String {
        self.leases.set(i64::try_from(leases_held).unwrap_or(i64::MAX));
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = text::encode(&mut out, &self.registry);
        out
    }
}

/// The label value for a class of failure.
pub fn outcome_of(class: ErrorClass) -> &'static str {
    match class {
        ErrorClass::NotFound => "not_found",
        ErrorClass::AlreadyExists => "already_exists",
        ErrorClass::Conflict => "conflict",
        ErrorClass::Throttled => "throttled",
        ErrorClass::AccessDenied => "access_denied",
        ErrorClass::Credentials => "credentials",
        ErrorClass::Quota => "quota",
        ErrorClass::Invalid => "invalid",
        ErrorClass::NotYet => "not_yet",
        ErrorClass::InUse => "in_use",
        ErrorClass::Transient => "transient",
        ErrorClass::Fenced => "fenced",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_has_every_metric_under_its_documented_name() {
        let metrics = Metrics::default();
        metrics.aws_call("ecs:CreateService", Some(ErrorClass::Throttled), Duration::from_millis(20));
        metrics.tokens_left("1-eu", "ecs/service-modify", 4.5);
        metrics.waited(Duration::ZERO);
        metrics.reconciled("ECSService", "ok", Duration::from_millis(3));
        metrics.drifted("ECSService");
        metrics.became_ready("ECSService", Duration::from_secs(40));
        let text = metrics.text(2);
        for line in [
            "landbridge_aws_calls_total{api=\"ecs:CreateService\",result=\"throttled\"} 1",
            "landbridge_aws_call_seconds_count{api=\"ecs:CreateService\"} 1",
            "landbridge_aws_throttles_total{api=\"ecs:CreateService\"} 1",
            "landbridge_tokens_left{shard=\"1-eu\",bucket=\"ecs/service-modify\"} 4.5",
            "landbridge_queue_wait_seconds_count 1",
            "landbridge_reconcile_seconds_count{kind=\"ECSService\",outcome=\"ok\"} 1",
            "landbridge_drift_found_total{kind=\"ECSService\"} 1",
            "landbridge_rollout_seconds_count{kind=\"ECSService\"} 1",
            "landbridge_leases_held 2",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
