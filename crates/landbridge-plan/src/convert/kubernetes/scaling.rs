//! A HorizontalPodAutoscaler of what Application Auto Scaling has for the service (the answers of
//! `describe-scalable-targets` and `describe-scaling-policies`).

use serde_json::{Map, Value, json};

use super::{Making, put};

/// Scaling that was registered for a service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scaling {
    /// Fewest tasks.
    pub min: Option<i64>,
    /// Most tasks.
    pub max: Option<i64>,
    /// Policies, as AWS has them.
    pub policies: Vec<Value>,
}

impl Scaling {
    /// Whether nothing scales the service.
    pub fn is_empty(&self) -> bool {
        self.max.is_none()
    }

    /// Fewest tasks, where something scales it.
    pub fn least(&self) -> Option<i64> {
        self.max.and(self.min)
    }
}

/// The resource of a target tracking policy that a HorizontalPodAutoscaler knows.
pub fn resource(policy: &Value) -> Option<&'static str> {
    let tracking = &policy["TargetTrackingScalingPolicyConfiguration"];
    match tracking["PredefinedMetricSpecification"]["PredefinedMetricType"].as_str()? {
        "ECSServiceAverageCPUUtilization" => Some("cpu"),
        "ECSServiceAverageMemoryUtilization" => Some("memory"),
        _ => None,
    }
}

/// Adds the autoscaler.
pub fn autoscaler(making: &mut Making<'_>) {
    let scaling = making.unit.scaling.clone();
    let Some(max) = scaling.max.filter(|_| !making.is_daemon()) else { return };
    let metrics: Vec<Value> = scaling.policies.iter().filter_map(metric).collect();
    let mut spec = Map::new();
    spec.insert("scaleTargetRef".into(), json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": making.name()}));
    if scaling.min.is_some_and(|m| m < 1) {
        making.draft.notes.push("a HorizontalPodAutoscaler keeps one pod at least: KEDA scales to none".to_owned());
    }
    spec.insert("minReplicas".into(), json!(scaling.min.unwrap_or(1).max(1)));
    spec.insert("maxReplicas".into(), json!(max.max(1)));
    put(&mut spec, "metrics", Value::Array(metrics));
    put(&mut spec, "behavior", behavior(&scaling.policies));
    let metadata = making.metadata(&making.name());
    making.add("autoscaling/v2", "HorizontalPodAutoscaler", metadata, vec![("spec", Value::Object(spec))]);
}

fn metric(policy: &Value) -> Option<Value> {
    let target = policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"].as_f64()?;
    let name = resource(policy)?;
    let target = json!({"type": "Utilization", "averageUtilization": target.round().max(1.0) as i64});
    Some(json!({"type": "Resource", "resource": {"name": name, "target": target}}))
}

/// Cooldowns are the windows in which the highest (or lowest) wish counts; Kubernetes takes an hour at most.
fn behavior(policies: &[Value]) -> Value {
    let longest = |field: &str| {
        let all = policies.iter().filter(|p| resource(p).is_some());
        all.filter_map(|p| p["TargetTrackingScalingPolicyConfiguration"][field].as_i64())
            .max()
            .map(|s| s.clamp(0, 3600))
    };
    let mut out = Map::new();
    for (field, name) in [("ScaleInCooldown", "scaleDown"), ("ScaleOutCooldown", "scaleUp")] {
        put(&mut out, name, longest(field).map(|s| json!({"stabilizationWindowSeconds": s})));
    }
    Value::Object(out)
}
