//! Statistics, and alarms over time: thresholds, datapoints to alarm, missing data and events.

use serde_json::{Value, json};

use super::metric::{Metric, set_level};
use crate::bench::Bench;

fn place() -> super::Place {
    ("123456789012".to_owned(), "eu-west-1".to_owned())
}

fn put(bench: &mut Bench, value: f64) {
    let datum = json!({ "MetricName": "Latency", "Value": value });
    bench.ok("monitoring", "PutMetricData", json!({ "Namespace": "Shop", "MetricData": [datum] }));
}

fn alarm(bench: &mut Bench, changes: &Value) {
    let mut input = json!({
        "AlarmName": "slow", "Namespace": "Shop", "MetricName": "Latency", "Statistic": "Average", "Period": 60,
        "EvaluationPeriods": 3, "Threshold": 5.0, "ComparisonOperator": "GreaterThanThreshold",
    });
    for (name, value) in changes.as_object().unwrap() {
        input[name] = value.clone();
    }
    bench.ok("monitoring", "PutMetricAlarm", input);
}

fn shown(bench: &mut Bench) -> Value {
    bench.ok("monitoring", "DescribeAlarms", json!({}))["MetricAlarms"][0].clone()
}

fn state(bench: &mut Bench) -> String {
    shown(bench)["StateValue"].as_str().unwrap().to_owned()
}

/// States after each minute in which such a value was put, or none.
fn states(bench: &mut Bench, values: &[Option<f64>]) -> Vec<String> {
    let mut after = |value: &Option<f64>| {
        if let Some(value) = value {
            put(bench, *value);
        }
        bench.pass(60);
        state(bench)
    };
    values.iter().map(&mut after).collect()
}

#[test]
fn statistics_are_of_each_period() {
    let mut bench = Bench::new();
    for value in [1.0, 2.0, 9.0] {
        put(&mut bench, value);
        bench.pass(20);
    }
    put(&mut bench, 5.0);
    let span = json!({ "StartTime": "2026-01-01T00:00:00Z", "EndTime": "2026-01-01T00:05:00Z" });
    let mut asked = json!({
        "Namespace": "Shop", "MetricName": "Latency", "Period": 60,
        "Statistics": ["Average", "Sum", "Maximum", "Minimum", "SampleCount"], "ExtendedStatistics": ["p50"],
    });
    for (name, value) in span.as_object().unwrap() {
        asked[name] = value.clone();
    }
    let answer = bench.ok("monitoring", "GetMetricStatistics", asked);
    let first = &answer["Datapoints"][0];
    assert_eq!(first["Timestamp"], 1_767_225_600);
    assert_eq!([&first["Sum"], &first["Average"], &first["Minimum"]], [&json!(12.0), &json!(4.0), &json!(1.0)]);
    assert_eq!([&first["SampleCount"], &first["ExtendedStatistics"]["p50"]], [&json!(3.0), &json!(2.0)]);
    assert_eq!(answer["Datapoints"][1]["Maximum"], 5.0);
    assert_eq!(answer["Datapoints"].as_array().unwrap().len(), 2);
    let mut data = span;
    let metric = json!({ "Namespace": "Shop", "MetricName": "Latency" });
    data["MetricDataQueries"] = json!([
        { "Id": "m", "MetricStat": { "Metric": metric, "Period": 60, "Stat": "Sum" }, "ReturnData": false },
        { "Id": "double", "Expression": "m * 2" },
    ]);
    let results = bench.ok("monitoring", "GetMetricData", data)["MetricDataResults"].clone();
    assert_eq!(results.as_array().unwrap().len(), 1);
    assert_eq!(results[0]["Values"], json!([10.0, 24.0]), "newest first");
}

#[test]
fn an_alarm_rings_after_enough_datapoints_and_is_quiet_again_when_they_are_over() {
    let mut bench = Bench::new();
    alarm(&mut bench, &json!({}));
    assert_eq!(state(&mut bench), "INSUFFICIENT_DATA");
    let seen = states(&mut bench, &[Some(1.0), Some(9.0), Some(9.0), Some(9.0), Some(1.0)]);
    assert_eq!(seen, ["OK", "OK", "OK", "ALARM", "OK"]);
    let history = bench.ok("monitoring", "DescribeAlarmHistory", json!({ "HistoryItemType": "StateUpdate" }));
    let summaries = history["AlarmHistoryItems"].as_array().unwrap().iter().map(|item| item["HistorySummary"].clone());
    let expected = ["ALARM to OK", "OK to ALARM", "INSUFFICIENT_DATA to OK"];
    assert_eq!(summaries.collect::<Vec<_>>(), expected.map(|change| format!("Alarm updated from {change}")));
}

#[test]
fn some_of_the_last_datapoints_are_enough_where_the_alarm_says_so() {
    let mut bench = Bench::new();
    alarm(&mut bench, &json!({ "DatapointsToAlarm": 2 }));
    let seen = states(&mut bench, &[Some(9.0), Some(1.0), Some(9.0), Some(1.0), Some(1.0)]);
    assert_eq!(seen, ["INSUFFICIENT_DATA", "OK", "ALARM", "OK", "OK"]);
    assert!(shown(&mut bench)["StateReason"].as_str().unwrap().starts_with("Threshold Crossed: 2 out of the last 3"));
}

#[test]
fn missing_data_is_treated_as_the_alarm_says() {
    let after = |treatment: &str| {
        let mut bench = Bench::new();
        alarm(&mut bench, &json!({ "TreatMissingData": treatment, "EvaluationPeriods": 1 }));
        // Once nothing is left in the periods that are looked at.
        states(&mut bench, &[Some(1.0), None, None, None, None]).pop().unwrap()
    };
    assert_eq!(after("missing"), "INSUFFICIENT_DATA");
    assert_eq!(after("breaching"), "ALARM");
    assert_eq!(after("notBreaching"), "OK");
    assert_eq!(after("ignore"), "OK");
}

#[test]
fn a_state_that_was_set_by_hand_lasts_until_the_next_evaluation() {
    let mut bench = Bench::new();
    alarm(&mut bench, &json!({}));
    put(&mut bench, 1.0);
    let set = json!({ "AlarmName": "slow", "StateValue": "ALARM", "StateReason": "by hand" });
    bench.ok("monitoring", "SetAlarmState", set);
    assert_eq!((state(&mut bench), &shown(&mut bench)["StateReason"]), ("ALARM".to_owned(), &json!("by hand")));
    bench.pass(60);
    assert_eq!(state(&mut bench), "OK");
}

#[test]
fn a_level_has_a_datapoint_in_every_minute_from_when_it_was_set() {
    let mut bench = Bench::new();
    bench.pass(90);
    set_level(&mut bench.world, &place(), Metric::new("AWS/ApplicationELB", "RequestCount", &[("a", "b")]), 7.0);
    bench.pass(150);
    let asked = json!({
        "Namespace": "AWS/ApplicationELB", "MetricName": "RequestCount", "Dimensions": [{ "Name": "a", "Value": "b" }],
        "Period": 60, "Statistics": ["Sum"], "StartTime": "2026-01-01T00:00:00Z", "EndTime": "2026-01-01T01:00:00Z",
    });
    let points = bench.ok("monitoring", "GetMetricStatistics", asked)["Datapoints"].clone();
    let sums: Vec<_> = points
        .as_array()
        .unwrap()
        .iter()
        .map(|point| (point["Timestamp"].as_i64().unwrap() % 3600, point["Sum"].clone()))
        .collect();
    assert_eq!(sums, [(60, json!(7.0)), (120, json!(7.0)), (180, json!(7.0))]);
}

#[test]
fn what_cloudwatch_refuses() {
    let mut bench = Bench::new();
    let datum = json!([{ "MetricName": "x", "Value": 1 }]);
    for (op, input, code) in [
        ("PutMetricData", json!({ "Namespace": "AWS/ECS", "MetricData": datum }), "InvalidParameterValueException"),
        (
            "PutMetricData",
            json!({ "Namespace": "a", "MetricData": [{ "MetricName": "x" }] }),
            "InvalidParameterCombinationException",
        ),
        (
            "PutMetricData",
            json!({ "Namespace": "a", "MetricData": [{ "MetricName": "x", "Value": 1, "Timestamp": 0 }] }),
            "InvalidParameterValueException",
        ),
        ("SetAlarmState", json!({ "AlarmName": "none", "StateValue": "OK", "StateReason": "x" }), "ResourceNotFound"),
        ("SetAlarmState", json!({ "AlarmName": "none", "StateValue": "Red", "StateReason": "x" }), "ValidationError"),
        ("DeleteAlarms", json!({ "AlarmNames": ["a", "b"] }), "ResourceNotFound"),
        ("PutCompositeAlarm", json!({}), "UnknownOperationException"),
    ] {
        assert_eq!(bench.code("monitoring", op, input.clone()), code, "{op} {input}");
    }
    let alarm = json!({
        "AlarmName": "slow", "Namespace": "Shop", "MetricName": "Latency", "Statistic": "Average", "Period": 60,
        "EvaluationPeriods": 3, "Threshold": 5.0, "ComparisonOperator": "GreaterThanThreshold",
    });
    for (name, value) in [
        ("Period", json!(45)),
        ("EvaluationPeriods", json!(0)),
        ("DatapointsToAlarm", json!(4)),
        ("EvaluationPeriods", json!(1441)),
        ("ComparisonOperator", json!("Above")),
        ("TreatMissingData", json!("guess")),
        ("Statistic", json!("Median")),
        ("AlarmActions", json!(["mail me"])),
    ] {
        let mut input = alarm.clone();
        input[name] = value;
        assert!(bench.call("monitoring", "PutMetricAlarm", input.clone()).is_err(), "{input}");
    }
}
