//! Capacity over time: target tracking, steps, cooldowns, bounds and schedules.

#![allow(clippy::needless_pass_by_value)]

use serde_json::{Value, json};

use crate::bench::Bench;
use crate::cloudwatch::{Metric, set_level};

const RESOURCE: &str = "service/shop/web";

/// A running service with four tasks that may have two to ten.
fn shop() -> Bench {
    let mut bench = Bench::new();
    bench.ok("ecs", "CreateCluster", json!({ "clusterName": "shop" }));
    let container = json!([{ "name": "web", "image": "nginx", "memory": 128 }]);
    bench.ok("ecs", "RegisterTaskDefinition", json!({ "family": "web", "containerDefinitions": container }));
    let service = json!({ "cluster": "shop", "serviceName": "web", "taskDefinition": "web", "desiredCount": 4 });
    bench.ok("ecs", "CreateService", service);
    bench.pass(300);
    bounds(&mut bench, 2, 10);
    bench
}

fn named(members: Value) -> Value {
    let mut input = json!({
        "ServiceNamespace": "ecs", "ResourceId": RESOURCE, "ScalableDimension": "ecs:service:DesiredCount",
    });
    for (name, value) in members.as_object().unwrap() {
        input[name] = value.clone();
    }
    input
}

fn call(bench: &mut Bench, op: &str, members: Value) -> Value {
    bench.ok("application-autoscaling", op, named(members))
}

fn bounds(bench: &mut Bench, least: i64, most: i64) {
    call(bench, "RegisterScalableTarget", json!({ "MinCapacity": least, "MaxCapacity": most }));
}

fn desired(bench: &mut Bench) -> i64 {
    let described = bench.ok("ecs", "DescribeServices", json!({ "cluster": "shop", "services": ["web"] }));
    described["services"][0]["desiredCount"].as_i64().unwrap()
}

fn cpu(bench: &mut Bench, percent: f64) {
    let place = (bench.account.clone(), bench.region.clone());
    let metric = Metric::new("AWS/ECS", "CPUUtilization", &[("ClusterName", "shop"), ("ServiceName", "web")]);
    set_level(&mut bench.world, &place, metric, percent);
}

fn track(bench: &mut Bench, changes: Value) -> Value {
    let mut configuration = json!({
        "TargetValue": 50, "PredefinedMetricSpecification": { "PredefinedMetricType": "ECSServiceAverageCPUUtilization" },
    });
    for (name, value) in changes.as_object().unwrap() {
        configuration[name] = value.clone();
    }
    let kind = "TargetTrackingScaling";
    let policy = json!({
        "PolicyName": "cpu", "PolicyType": kind, "TargetTrackingScalingPolicyConfiguration": configuration,
    });
    call(bench, "PutScalingPolicy", policy)
}

fn alarms(bench: &mut Bench) -> Vec<Value> {
    bench.ok("monitoring", "DescribeAlarms", json!({}))["MetricAlarms"].as_array().unwrap().clone()
}

#[test]
fn target_tracking_keeps_two_alarms_and_takes_them_along() {
    let mut bench = shop();
    let put = track(&mut bench, json!({}));
    let seen = alarms(&mut bench);
    assert_eq!(seen.len(), 2);
    for (alarm, side, threshold) in [(&seen[0], "High", 50.0), (&seen[1], "Low", 45.0)] {
        let name = alarm["AlarmName"].as_str().unwrap();
        assert!(name.starts_with(&format!("TargetTracking-{RESOURCE}-Alarm{side}-")), "{name}");
        assert_eq!((&alarm["Threshold"], &alarm["AlarmActions"]), (&json!(threshold), &json!([put["PolicyARN"]])));
    }
    assert_eq!(put["Alarms"][0]["AlarmARN"], seen[0]["AlarmArn"]);
    assert_eq!(track(&mut bench, json!({ "TargetValue": 60 }))["PolicyARN"], put["PolicyARN"]);
    assert_eq!(alarms(&mut bench)[0]["AlarmName"], seen[0]["AlarmName"]);
    track(&mut bench, json!({ "DisableScaleIn": true }));
    assert_eq!(alarms(&mut bench).len(), 1);
    track(&mut bench, json!({}));
    call(&mut bench, "DeregisterScalableTarget", json!({}));
    assert_eq!(alarms(&mut bench).len(), 0);
    let asked = json!({ "ServiceNamespace": "ecs" });
    let left = bench.ok("application-autoscaling", "DescribeScalingPolicies", asked);
    assert_eq!(left["ScalingPolicies"], json!([]));
}

#[test]
fn the_service_grows_in_proportion_to_its_metric_and_shrinks_when_it_is_low_for_long() {
    let mut bench = shop();
    track(&mut bench, json!({}));
    cpu(&mut bench, 75.0);
    bench.pass(150);
    assert_eq!(desired(&mut bench), 4, "three minutes above the target are needed");
    bench.pass(90);
    assert_eq!(desired(&mut bench), 6, "4 * 75 / 50");
    bench.pass(180);
    assert_eq!(desired(&mut bench), 6, "what was added counts until the cooldown is over");
    bench.pass(180);
    assert_eq!(desired(&mut bench), 9, "after it, all are counted");
    cpu(&mut bench, 500.0);
    bench.pass(900);
    assert_eq!(desired(&mut bench), 10, "the maximum");
    cpu(&mut bench, 20.0);
    bench.pass(14 * 60);
    assert_eq!(desired(&mut bench), 10);
    bench.pass(3 * 60);
    assert_eq!(desired(&mut bench), 4, "10 * 20 / 50");
    cpu(&mut bench, 1.0);
    bench.pass(3600);
    assert_eq!(desired(&mut bench), 2, "the minimum");
    let activities = call(&mut bench, "DescribeScalingActivities", json!({}))["ScalingActivities"].clone();
    assert_eq!(activities[0]["Description"], "Setting desired count to 2.");
    assert!(activities[0]["Cause"].as_str().unwrap().contains("AlarmLow"));
}

#[test]
fn what_is_suspended_is_not_done() {
    let mut bench = shop();
    track(&mut bench, json!({ "ScaleOutCooldown": 0, "ScaleInCooldown": 0 }));
    cpu(&mut bench, 75.0);
    let state = json!({ "SuspendedState": { "DynamicScalingOutSuspended": true } });
    call(&mut bench, "RegisterScalableTarget", state);
    bench.pass(600);
    assert_eq!(desired(&mut bench), 4);
    let state = json!({ "SuspendedState": { "DynamicScalingOutSuspended": false, "DynamicScalingInSuspended": true } });
    call(&mut bench, "RegisterScalableTarget", state);
    bench.pass(60);
    assert_eq!(desired(&mut bench), 6);
    cpu(&mut bench, 1.0);
    bench.pass(3600);
    assert!(desired(&mut bench) >= 6);
    let shown = call(&mut bench, "DescribeScalableTargets", json!({}))["ScalableTargets"][0].clone();
    assert_eq!(shown["SuspendedState"]["DynamicScalingInSuspended"], true);
}

#[test]
fn nothing_is_scaled_in_while_ecs_deploys_and_every_policy_has_to_agree() {
    let mut bench = shop();
    track(&mut bench, json!({}));
    let memory = json!({
        "PolicyName": "memory", "PolicyType": "TargetTrackingScaling", "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": 50, "PredefinedMetricSpecification": { "PredefinedMetricType": "ECSServiceAverageMemoryUtilization" },
        },
    });
    call(&mut bench, "PutScalingPolicy", memory);
    let place = (bench.account.clone(), bench.region.clone());
    let dimensions = [("ClusterName", "shop"), ("ServiceName", "web")];
    set_level(&mut bench.world, &place, Metric::new("AWS/ECS", "MemoryUtilization", &dimensions), 48.0);
    bench.pass(1800);
    assert_eq!(desired(&mut bench), 4, "memory is where it should be");
    set_level(&mut bench.world, &place, Metric::new("AWS/ECS", "MemoryUtilization", &dimensions), 30.0);
    bench.pass(870);
    let stuck = json!([{ "name": "web", "image": "slow-start", "memory": 128 }]);
    bench.world.timings.pulling = std::time::Duration::from_secs(100);
    bench.ok("ecs", "RegisterTaskDefinition", json!({ "family": "web", "containerDefinitions": stuck }));
    bench.ok("ecs", "UpdateService", json!({ "cluster": "shop", "service": "web", "taskDefinition": "web" }));
    bench.pass(240);
    assert_eq!(desired(&mut bench), 4, "ECS deploys");
    bench.pass(3600);
    let activities = call(&mut bench, "DescribeScalingActivities", json!({}))["ScalingActivities"].clone();
    let counts: Vec<_> = activities.as_array().unwrap().iter().rev().map(|it| it["Description"].clone()).collect();
    let expected = ["Setting desired count to 3.", "Setting desired count to 2."];
    assert_eq!(counts, expected, "4 * 30 / 50 and, a cooldown later, 3 * 30 / 50; the CPU alone would allow 2 at once");
}

#[test]
fn a_step_policy_follows_the_alarm_that_a_user_made_for_it() {
    let mut bench = shop();
    let steps = json!([
        { "MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 100, "ScalingAdjustment": 1 },
        { "MetricIntervalLowerBound": 100, "ScalingAdjustment": 4 },
    ]);
    let configuration = json!({ "AdjustmentType": "ChangeInCapacity", "StepAdjustments": steps, "Cooldown": 150 });
    let policy = json!({ "PolicyName": "queue", "StepScalingPolicyConfiguration": configuration });
    let arn = call(&mut bench, "PutScalingPolicy", policy)["PolicyARN"].clone();
    let alarm = json!({
        "AlarmName": "long-queue", "Namespace": "Shop", "MetricName": "Queue", "Statistic": "Maximum", "Period": 60,
        "EvaluationPeriods": 1, "Threshold": 50, "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "AlarmActions": [arn], "TreatMissingData": "notBreaching",
    });
    bench.ok("monitoring", "PutMetricAlarm", alarm);
    let queue = |bench: &mut Bench, length: i64| {
        let datum = json!([{ "MetricName": "Queue", "Value": length }]);
        bench.ok("monitoring", "PutMetricData", json!({ "Namespace": "Shop", "MetricData": datum }));
        bench.pass(60);
        desired(bench)
    };
    assert_eq!(queue(&mut bench, 60), 5);
    assert_eq!(queue(&mut bench, 60), 5, "the cooldown lasts");
    assert_eq!(queue(&mut bench, 200), 8, "a larger step adds what is missing");
    assert_eq!(queue(&mut bench, 0), 8);
    call(&mut bench, "DeleteScalingPolicy", json!({ "PolicyName": "queue" }));
    assert_eq!(alarms(&mut bench).len(), 1, "a user's alarm stays");
}

#[test]
fn bounds_hold_from_the_moment_they_are_set_and_by_schedule() {
    let mut bench = shop();
    bounds(&mut bench, 6, 10);
    assert_eq!(desired(&mut bench), 6);
    bounds(&mut bench, 1, 3);
    assert_eq!(desired(&mut bench), 3);
    // It is five past midnight.
    let action = |schedule: &str, least: i64, most: i64| {
        json!({
            "ScheduledActionName": schedule.split('(').next().unwrap(), "Schedule": schedule,
            "ScalableTargetAction": { "MinCapacity": least, "MaxCapacity": most },
        })
    };
    call(&mut bench, "PutScheduledAction", action("at(2026-01-01T01:00:00)", 5, 8));
    call(&mut bench, "PutScheduledAction", action("cron(0 3 * * ? *)", 0, 1));
    bench.pass(54 * 60);
    assert_eq!(desired(&mut bench), 3);
    bench.pass(2 * 60);
    assert_eq!(desired(&mut bench), 5);
    bench.pass(2 * 3600);
    assert_eq!(desired(&mut bench), 1);
    let shown = call(&mut bench, "DescribeScheduledActions", json!({}))["ScheduledActions"].clone();
    assert_eq!((shown.as_array().unwrap().len(), &shown[1]["Schedule"]), (2, &json!("cron(0 3 * * ? *)")));
    call(&mut bench, "DeleteScheduledAction", json!({ "ScheduledActionName": "cron" }));
    bounds(&mut bench, 4, 10);
    bench.pass(86_400);
    assert_eq!(desired(&mut bench), 4);
}

#[test]
fn what_application_auto_scaling_refuses() {
    let mut bench = shop();
    let steps = json!({ "AdjustmentType": "ChangeInCapacity", "StepAdjustments": [{ "ScalingAdjustment": 1 }] });
    let tracking = |specification: Value| {
        json!({
            "PolicyName": "p", "PolicyType": "TargetTrackingScaling", "TargetTrackingScalingPolicyConfiguration":
            { "TargetValue": 5, "PredefinedMetricSpecification": specification },
        })
    };
    let at = |schedule: &str| json!({ "ScheduledActionName": "a", "Schedule": schedule, "ScalableTargetAction": { "MinCapacity": 1 } });
    for (op, members, code) in [
        ("RegisterScalableTarget", json!({ "MinCapacity": 5, "MaxCapacity": 4 }), "ValidationException"),
        ("RegisterScalableTarget", json!({ "MinCapacity": 11 }), "ValidationException"),
        ("RegisterScalableTarget", json!({ "MinCapacity": -1 }), "ValidationException"),
        (
            "RegisterScalableTarget",
            json!({ "ResourceId": "service/shop/none", "MinCapacity": 1, "MaxCapacity": 1 }),
            "ValidationException",
        ),
        ("RegisterScalableTarget", json!({ "ServiceNamespace": "moon" }), "ValidationException"),
        ("RegisterScalableTarget", json!({ "ScalableDimension": "ecs:task:Count" }), "ValidationException"),
        ("DeregisterScalableTarget", json!({ "ResourceId": "service/shop/none" }), "ObjectNotFoundException"),
        (
            "PutScalingPolicy",
            json!({ "ResourceId": "service/shop/none", "PolicyName": "p", "StepScalingPolicyConfiguration": steps }),
            "ObjectNotFoundException",
        ),
        ("PutScalingPolicy", json!({ "PolicyName": "p" }), "ValidationException"),
        ("PutScalingPolicy", json!({ "PolicyName": "p", "PolicyType": "Guessing" }), "ValidationException"),
        (
            "PutScalingPolicy",
            tracking(json!({ "PredefinedMetricType": "DynamoDBReadCapacityUtilization" })),
            "ValidationException",
        ),
        (
            "PutScalingPolicy",
            tracking(json!({ "PredefinedMetricType": "ALBRequestCountPerTarget" })),
            "ValidationException",
        ),
        ("DeleteScalingPolicy", json!({ "PolicyName": "none" }), "ObjectNotFoundException"),
        ("PutScheduledAction", at("cron(every day)"), "ValidationException"),
        ("PutScheduledAction", at("at(2025-01-01T00:00:00)"), "ValidationException"),
        ("DeleteScheduledAction", json!({ "ScheduledActionName": "none" }), "ObjectNotFoundException"),
        ("GetPredictiveScalingForecast", json!({}), "UnknownOperationException"),
    ] {
        assert_eq!(bench.code("application-autoscaling", op, named(members.clone())), code, "{op} {members}");
    }
    call(&mut bench, "PutScalingPolicy", json!({ "PolicyName": "p", "StepScalingPolicyConfiguration": steps }));
    let other = tracking(json!({ "PredefinedMetricType": "ECSServiceAverageCPUUtilization" }));
    assert_eq!(bench.code("application-autoscaling", "PutScalingPolicy", named(other)), "ValidationException");
}
