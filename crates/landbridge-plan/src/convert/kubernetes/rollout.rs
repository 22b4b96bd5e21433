//! The workload around the pods: how many, how they are replaced, where they may be.

use landbridge_api::ecs::service::{PlacementConstraintType, PlacementStrategyType};
use serde_json::{Map, Value, json};

use super::{Making, object, pod, put};
use crate::convert::path::Path;

/// What ECS takes where it is told no percentages: for tasks by number, and for one on each instance.
const REPLICA: (i64, i64) = (200, 100);
const DAEMON: (i64, i64) = (100, 0);

/// The Deployment, DaemonSet or CronJob.
pub fn workload(making: &mut Making<'_>, template: Value) -> Value {
    let mut metadata = making.metadata(&making.name());
    let tags = making.service.tags.clone();
    metadata.insert("labels".into(), Value::Object(pod::labels(making, &tags, &Path::of("tags"))));
    if let Some(schedule) = making.options.schedule.clone() {
        return cron_job(making, metadata, &schedule, template);
    }
    let mut spec = Map::new();
    let at = Path::of("desiredCount");
    if !making.is_daemon() {
        if making.unit.scaling.is_empty() {
            put(&mut spec, "replicas", Some(making.unit.spec["desiredCount"].clone()).filter(Value::is_i64));
        } else {
            making.draft.approximate(&at, "left out: the HorizontalPodAutoscaler decides");
        }
    }
    put(
        &mut spec,
        "revisionHistoryLimit",
        Some(making.unit.spec["revisionHistoryLimit"].clone()).filter(Value::is_i64),
    );
    spec.insert("selector".into(), json!({"matchLabels": making.selector()}));
    let rolling = rolling(making);
    let (kind, strategy) =
        if making.is_daemon() { ("DaemonSet", "updateStrategy") } else { ("Deployment", "strategy") };
    spec.insert(strategy.into(), json!({"type": "RollingUpdate", "rollingUpdate": rolling}));
    breaker(making, &mut spec);
    spec.insert("template".into(), template);
    object("apps/v1", kind, metadata, vec![("spec", Value::Object(spec))])
}

fn cron_job(making: &mut Making<'_>, metadata: Map<String, Value>, schedule: &str, mut template: Value) -> Value {
    if let Some(spec) = template.pointer_mut("/spec").and_then(Value::as_object_mut) {
        spec.insert("restartPolicy".into(), json!("Never"));
    }
    making.draft.approximate(&Path::of("desiredCount"), "a CronJob runs one pod at each time of its schedule");
    let spec = json!({
        "schedule": schedule,
        "concurrencyPolicy": "Allow",
        "jobTemplate": {"spec": {"backoffLimit": 0, "template": template}},
    });
    object("batch/v1", "CronJob", metadata, vec![("spec", spec)])
}

/// How many pods more and fewer than wanted there may be. Kubernetes refuses two zeros, ECS does not.
fn rolling(making: &mut Making<'_>) -> Value {
    let given = making.service.deployment_configuration.as_deref();
    let default = if making.is_daemon() { DAEMON } else { REPLICA };
    let most = given.and_then(|d| d.maximum_percent).map_or(default.0, i64::from);
    let least = given.and_then(|d| d.minimum_healthy_percent).map_or(default.1, i64::from);
    let (mut surge, mut missing) = ((most - 100).max(0), (100 - least).clamp(0, 100));
    let at = Path::of("deploymentConfiguration");
    if making.is_daemon() {
        // A DaemonSet takes one of the two.
        if surge > 0 && missing > 0 {
            surge = 0;
            making.draft.approximate(
                &at.field("maximumPercent"),
                "a DaemonSet has more pods or fewer during a rollout, not both",
            );
        }
        if surge == 0 && missing == 0 {
            missing = 25;
            making
                .draft
                .approximate(&at, "with neither more tasks nor fewer nothing could be replaced: 25 % may be missing");
        }
    } else if surge == 0 && missing == 0 {
        surge = 25;
        making.draft.approximate(&at, "with neither more tasks nor fewer nothing could be replaced: 25 % more may run");
    }
    json!({"maxSurge": format!("{surge}%"), "maxUnavailable": format!("{missing}%")})
}

/// A Deployment that does not progress says so, as a broken circuit does.
fn breaker(making: &Making<'_>, spec: &mut Map<String, Value>) {
    let breaker =
        making.service.deployment_configuration.as_deref().and_then(|d| d.deployment_circuit_breaker.as_ref());
    if breaker.is_some_and(|b| b.enable == Some(true)) && !making.is_daemon() {
        spec.insert("progressDeadlineSeconds".into(), json!(600));
    }
}

/// A node that is drained takes one pod at a time.
pub fn disruption_budget(making: &mut Making<'_>) {
    let count = making.unit.spec["desiredCount"].as_i64();
    let many = making.unit.scaling.least().or(count).is_some_and(|c| c > 1);
    if !making.is_daemon() && many {
        let spec = json!({"maxUnavailable": 1, "selector": {"matchLabels": making.selector()}});
        let metadata = making.metadata(&making.name());
        making.add("policy/v1", "PodDisruptionBudget", metadata, vec![("spec", spec)]);
    }
}

/// Where the pods may be, and over what they are spread.
pub fn placement(making: &mut Making<'_>, spec: &mut Map<String, Value>) {
    let distinct =
        making.service.placement_constraints.iter().any(|c| c.type_ == Some(PlacementConstraintType::DistinctInstance));
    if distinct {
        let term =
            json!({"labelSelector": {"matchLabels": making.selector()}, "topologyKey": "kubernetes.io/hostname"});
        let rule = json!({"requiredDuringSchedulingIgnoredDuringExecution": [term]});
        spec.insert("affinity".into(), json!({ "podAntiAffinity": rule }));
    }
    for (index, constraint) in making.service.placement_constraints.clone().iter().enumerate() {
        if constraint.type_ == Some(PlacementConstraintType::MemberOf) {
            let at = Path::of("placementConstraints").index(index);
            making
                .draft
                .refuse(&at, "write a nodeAffinity: ECS's query language names attributes that nodes do not have");
        }
    }
    let mut spreads = Vec::new();
    for (index, strategy) in making.service.placement_strategy.clone().iter().enumerate() {
        let at = Path::of("placementStrategy").index(index);
        let key = match (strategy.type_, strategy.field.as_deref()) {
            (Some(PlacementStrategyType::Spread), Some("attribute:ecs.availability-zone")) => {
                "topology.kubernetes.io/zone"
            }
            (Some(PlacementStrategyType::Spread), Some("instanceId" | "host")) => "kubernetes.io/hostname",
            _ => {
                making.draft.refuse(
                    &at,
                    "the scheduler of the cluster decides: it has profiles for packing, and spreads by zone or host",
                );
                continue;
            }
        };
        spreads.push(json!({
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": making.selector()},
        }));
    }
    put(spec, "topologySpreadConstraints", Value::Array(spreads));
}
