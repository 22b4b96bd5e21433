//! What Application Auto Scaling needs in place of a HorizontalPodAutoscaler: a scalable target, and a target tracking policy
//! for each metric that ECS measures.

use serde_json::{Value, json};

use super::{Capacity, SaidOf, Taking, items, service::around};
use crate::convert::kubernetes::Scaling;
use crate::convert::path::{Path, leaves};
use crate::convert::report::Outcome;

/// A request to Application Auto Scaling, as `--cli-input-json` takes it.
#[derive(Clone, Debug, PartialEq)]
pub struct ScalingRequest {
    /// Name of a file for it.
    pub file: String,
    /// The command of `aws application-autoscaling`: `register-scalable-target` or `put-scaling-policy`.
    pub command: &'static str,
    /// Its input.
    pub input: Value,
}

const ONE: &str = "a service has one scalable target: join the two HorizontalPodAutoscalers";
const SELDOM: &str = "Application Auto Scaling follows such a metric only in CloudWatch: put it there, and write a policy with a \
                      CustomizedMetricSpecification";
const NO_SUCH_BEHAVIOR: &str =
    "a target tracking policy has cooldowns and no limits of its speed; for those write a step scaling policy";
const OF_SIZE: &str = "ECS measures against the size of the task, Kubernetes against the requests";
const COOLDOWN: &str = "a cooldown after each change, not a window of wishes";

/// Takes the autoscaler of the workload, where somebody wants what comes of it.
pub fn take(taking: &mut Taking<'_>) {
    if !taking.options.scaling {
        return;
    }
    let mut scalers: Vec<(usize, &Value)> = around(taking, "HorizontalPodAutoscaler").collect();
    if scalers.is_empty() {
        return;
    }
    let (at, scaler) = scalers.remove(0);
    for (other, _) in scalers {
        refuse(taking, other, &Path::of("spec"), ONE);
    }
    let spec = &scaler["spec"];
    taking.out.scaling = Scaling {
        min: Some(spec["minReplicas"].as_i64().unwrap_or(1)),
        max: spec["maxReplicas"].as_i64(),
        policies: Vec::new(),
    };
    say(taking, at, Path::of("spec.minReplicas"), Outcome::Mapped, "scalable target MinCapacity", "");
    say(taking, at, Path::of("spec.maxReplicas"), Outcome::Mapped, "scalable target MaxCapacity", "");
    for (index, metric) in items(&spec["metrics"]).enumerate() {
        let path = Path::of("spec.metrics").index(index);
        match policy(metric, &spec["behavior"]) {
            Some(policy) => {
                let (outcome, note) = match taking.capacity {
                    Capacity::AsGiven => (Outcome::Mapped, ""),
                    _ => (Outcome::Approximated, OF_SIZE),
                };
                say(taking, at, path, outcome, "target tracking policy", note);
                taking.out.scaling.policies.push(policy);
            }
            None => refuse(taking, at, &path, SELDOM),
        }
    }
    behavior(taking, at, &spec["behavior"]);
}

/// The target tracking policy for a metric of Kubernetes, if ECS measures the like.
fn policy(metric: &Value, behavior: &Value) -> Option<Value> {
    let resource = &metric["resource"];
    let (name, measured) = match resource["name"].as_str()? {
        "cpu" => ("cpu", "ECSServiceAverageCPUUtilization"),
        "memory" => ("memory", "ECSServiceAverageMemoryUtilization"),
        _ => return None,
    };
    let target = resource["target"]["averageUtilization"].as_f64().filter(|_| metric["type"] == "Resource")?;
    let mut tracking = json!({
        "TargetValue": target,
        "PredefinedMetricSpecification": {"PredefinedMetricType": measured},
    });
    for (direction, field) in [("scaleDown", "ScaleInCooldown"), ("scaleUp", "ScaleOutCooldown")] {
        if let Some(seconds) = behavior[direction]["stabilizationWindowSeconds"].as_i64() {
            tracking[field] = seconds.into();
        }
    }
    Some(json!({
        "PolicyName": name,
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": tracking,
    }))
}

fn behavior(taking: &mut Taking<'_>, at: usize, behavior: &Value) {
    if behavior.is_null() {
        return;
    }
    for (path, _) in leaves(behavior) {
        let whole = Path::of("spec.behavior").join(&path);
        let to = match path.to_string().as_str() {
            "scaleDown.stabilizationWindowSeconds" => "target tracking policy ScaleInCooldown",
            "scaleUp.stabilizationWindowSeconds" => "target tracking policy ScaleOutCooldown",
            _ => {
                refuse(taking, at, &whole, NO_SUCH_BEHAVIOR);
                continue;
            }
        };
        say(taking, at, whole, Outcome::Approximated, to, COOLDOWN);
    }
}

/// The requests, for a service of that name in that cluster.
pub fn requests(scaling: &Scaling, cluster: &str, service: &str) -> Vec<ScalingRequest> {
    let Some(max) = scaling.max else { return Vec::new() };
    let whole = |input: &Value| {
        let mut input = input.clone();
        input["ServiceNamespace"] = "ecs".into();
        input["ResourceId"] = format!("service/{cluster}/{service}").into();
        input["ScalableDimension"] = "ecs:service:DesiredCount".into();
        input
    };
    let target = ScalingRequest {
        file: format!("{service}.scalable-target.json"),
        command: "register-scalable-target",
        input: whole(&json!({"MinCapacity": scaling.min.unwrap_or(1), "MaxCapacity": max})),
    };
    let policies = scaling.policies.iter().map(|policy| ScalingRequest {
        file: format!("{service}.{}.scaling-policy.json", policy["PolicyName"].as_str().unwrap_or("policy")),
        command: "put-scaling-policy",
        input: whole(policy),
    });
    std::iter::once(target).chain(policies).collect()
}

fn say(taking: &mut Taking<'_>, at: usize, path: Path, outcome: Outcome, to: &str, note: &str) {
    taking.out.said.push(SaidOf { object: at, path, outcome, to: Some(to.to_owned()), note: note.to_owned() });
}

fn refuse(taking: &mut Taking<'_>, at: usize, path: &Path, reason: &str) {
    taking.say(at, path, Outcome::Refused, reason);
}
