//! Target tracking: two alarms in CloudWatch that the policy keeps, and a capacity in proportion to how far a metric is
//! from its target ("Target tracking scaling policies for Application Auto Scaling").

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::policy::{Kind, Policy};
use super::target::Target;
use crate::cloudwatch::{self, Place};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::World;

#[derive(Debug, Clone)]
pub(super) struct Tracking {
    value: f64,
    /// For scaling out and in.
    pub(super) cooldowns: (Duration, Duration),
    scales_in: bool,
    metric: Metric,
}

#[derive(Debug, Clone)]
enum Metric {
    /// `PredefinedMetricType` and `ResourceLabel`.
    Predefined(String, Option<String>),
    /// Members of PutMetricAlarm.
    Customized(Map<String, Value>),
}

const COOLDOWN: i64 = 300;
const TYPES: [&str; 5] = [
    "ECSServiceAverageCPUUtilization",
    "ECSServiceAverageMemoryUtilization",
    "ALBRequestCountPerTarget",
    "ECSServiceAverageCPUUtilizationHighResolution",
    "ECSServiceAverageMemoryUtilizationHighResolution",
];
const HIGH: &str = "AlarmHigh";
const LOW: &str = "AlarmLow";

pub(super) fn cooldown(input: Input<'_>, name: &str) -> Result<Duration, Refusal> {
    let seconds = input.number_within(name, 0, 86_400)?.unwrap_or(COOLDOWN);
    Ok(Duration::from_secs(seconds.max(0) as u64))
}

impl Tracking {
    pub(super) fn read(input: Input<'_>) -> Result<Self, Refusal> {
        let value = input.float("TargetValue")?.ok_or_else(|| input.missing("TargetValue"))?;
        if !value.is_finite() || value <= 0.0 {
            return Err(input.refuse("The target value of a target tracking policy must be a positive number."));
        }
        let predefined = input.object("PredefinedMetricSpecification")?;
        let metric = match (predefined, input.object("CustomizedMetricSpecification")?) {
            (Some(predefined), None) => self::predefined(predefined)?,
            (None, Some(customized)) => customized_metric(customized)?,
            _ => {
                return Err(input.refuse(
                    "A target tracking policy requires either a predefined or a customized metric specification, and not both.",
                ));
            }
        };
        Ok(Self {
            value,
            cooldowns: (cooldown(input, "ScaleOutCooldown")?, cooldown(input, "ScaleInCooldown")?),
            scales_in: !input.flag("DisableScaleIn")?.unwrap_or(false),
            metric,
        })
    }

    /// Makes the alarms, or changes them; that for scaling in goes when the policy no longer scales in.
    pub(super) fn keep_alarms(
        &self,
        world: &mut World,
        place: &Place,
        resource: &str,
        policy: &mut Policy,
    ) -> Result<(), Refusal> {
        let wanted: &[&str] = if self.scales_in { &[HIGH, LOW] } else { &[HIGH] };
        let mut kept = Vec::new();
        for side in wanted {
            let known = policy.alarms.iter().find(|(name, _)| name.contains(side)).map(|(name, _)| name.clone());
            let name = known.unwrap_or_else(|| format!("TargetTracking-{resource}-{side}-{}", world.rng.uuid()));
            let mut members = self.alarm_members(resource, side);
            members.insert("AlarmName".to_owned(), json!(name));
            members.insert("AlarmActions".to_owned(), json!([policy.arn]));
            let description = format!("DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {}.", policy.arn);
            members.insert("AlarmDescription".to_owned(), json!(description));
            // What CloudWatch refuses is a metric that cannot be watched.
            let arn = cloudwatch::put_alarm(world, place, members)
                .map_err(|refusal| Refusal::new("ValidationException", refusal.message))?;
            kept.push((name, arn));
        }
        let surplus: Vec<String> =
            policy.alarms.iter().filter(|known| !kept.contains(known)).map(|(name, _)| name.clone()).collect();
        for name in surplus {
            cloudwatch::forget_alarm(world, place, &name);
        }
        policy.alarms = kept;
        Ok(())
    }

    /// Scaling out after three minutes above the target, and in after fifteen below nine tenths of it.
    fn alarm_members(&self, resource: &str, side: &str) -> Map<String, Value> {
        let (comparison, periods, threshold) = match side {
            HIGH => ("GreaterThanThreshold", 3, self.value),
            _ => ("LessThanThreshold", 15, self.value * 0.9),
        };
        let mut members = match &self.metric {
            Metric::Customized(members) => members.clone(),
            Metric::Predefined(kind, label) => predefined_members(resource, kind, label.as_deref()),
        };
        members.insert("ComparisonOperator".to_owned(), json!(comparison));
        members.insert("EvaluationPeriods".to_owned(), json!(periods));
        members.insert("Threshold".to_owned(), json!(threshold));
        members
    }

    /// The capacity at which the metric would be at its target. Scaling in waits until every policy of the target would.
    pub(super) fn wanted(
        &self,
        world: &World,
        place: &Place,
        target: &Target,
        policy: &Policy,
        alarm: &str,
        desired: i64,
    ) -> Option<i64> {
        if alarm.contains(HIGH) {
            let (value, _) = cloudwatch::reading(world, place, alarm)?;
            return Some(self.fitting(policy.base(world.now, desired), value).max(desired));
        }
        let mut wanted = 0;
        for policy in target.policies.values() {
            let Kind::Tracking(tracking) = &policy.kind else { continue };
            let Some((low, _)) = policy.alarms.iter().find(|(name, _)| name.contains(LOW)) else { continue };
            if world.services.cloudwatch.alarm_state(place, low) != Some("ALARM") {
                return None;
            }
            let (value, _) = cloudwatch::reading(world, place, low)?;
            wanted = wanted.max(tracking.fitting(desired, value));
        }
        Some(wanted.min(desired))
    }

    fn fitting(&self, capacity: i64, value: f64) -> i64 {
        // A hair above a whole number is that number: metrics are floating point.
        (capacity as f64 * value / self.value - 1e-9).ceil().max(0.0) as i64
    }
}

fn predefined(input: Input<'_>) -> Result<Metric, Refusal> {
    let kind = input.required("PredefinedMetricType")?;
    if !TYPES.contains(&kind) {
        return Err(input.refuse(format!("The predefined metric type {kind} is not valid for ECS services.")));
    }
    let label = input.text("ResourceLabel")?;
    let needs_label = kind == "ALBRequestCountPerTarget";
    let fits = label.is_some_and(|label| label.starts_with("app/") && label.contains("/targetgroup/"));
    if needs_label && !fits {
        return Err(input.refuse(
            "ResourceLabel must be specified for ALBRequestCountPerTarget, in the form app/LOAD_BALANCER/ID/targetgroup/\
             TARGET_GROUP/ID.",
        ));
    }
    if !needs_label && label.is_some() {
        return Err(input.refuse(format!("ResourceLabel cannot be specified for {kind}.")));
    }
    Ok(Metric::Predefined(kind.to_owned(), label.map(str::to_owned)))
}

/// What is published every minute: the variants of high resolution are watched by the minute too.
fn predefined_members(resource: &str, kind: &str, label: Option<&str>) -> Map<String, Value> {
    let dimension = |name: &str, value: &str| json!({ "Name": name, "Value": value });
    let alb = label.and_then(|label| label.split_once("/targetgroup/"));
    let (namespace, name, stat, dimensions) = if let Some((balancer, group)) = alb {
        let dimensions =
            json!([dimension("TargetGroup", &format!("targetgroup/{group}")), dimension("LoadBalancer", balancer)]);
        ("AWS/ApplicationELB", "RequestCountPerTarget", "Sum", dimensions)
    } else {
        let (cluster, service) = super::split(resource).unwrap_or_default();
        let name = if kind.contains("Memory") { "MemoryUtilization" } else { "CPUUtilization" };
        let dimensions = json!([dimension("ClusterName", cluster), dimension("ServiceName", service)]);
        ("AWS/ECS", name, "Average", dimensions)
    };
    let members = json!({
        "Namespace": namespace, "MetricName": name, "Statistic": stat, "Dimensions": dimensions, "Period": 60,
    });
    members.as_object().cloned().unwrap_or_default()
}

/// `MetricName`, `Namespace`, `Dimensions` and `Statistic`, or `Metrics` with expressions.
fn customized_metric(input: Input<'_>) -> Result<Metric, Refusal> {
    let metrics = input.objects("Metrics")?;
    if metrics.is_empty() {
        let members = json!({
            "Namespace": input.required("Namespace")?, "MetricName": input.required("MetricName")?,
            "Statistic": input.required("Statistic")?, "Dimensions": input.list("Dimensions")?, "Period": 60,
        });
        return Ok(Metric::Customized(members.as_object().cloned().unwrap_or_default()));
    }
    let mut queries = Vec::new();
    for metric in metrics {
        let mut query = metric.members();
        if let Some(stat) = query.get_mut("MetricStat").and_then(Value::as_object_mut) {
            stat.insert("Period".to_owned(), json!(60));
        }
        queries.push(query);
    }
    Ok(Metric::Customized(Map::from_iter([("Metrics".to_owned(), json!(queries))])))
}
