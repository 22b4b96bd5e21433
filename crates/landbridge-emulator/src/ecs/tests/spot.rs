//! Tasks on Fargate Spot: which capacity they get, the warning, what becomes of them, and their replacement. Expectations are
//! those of "Amazon ECS clusters for Fargate" (Fargate Spot termination notices) and CapacityProviderStrategyItem.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::support::{Aws, MINUTE, merge};
use crate::{TaskFate, TaskScript};

/// A service `web` with such a strategy of (provider, base, weight), after it became steady.
fn on(strategy: &[(&str, i64, i64)], changes: Value) -> Aws {
    let aws = Aws::with_shop();
    let providers = json!({
        "cluster": "shop", "capacityProviders": ["FARGATE", "FARGATE_SPOT"], "defaultCapacityProviderStrategy": [],
    });
    aws.ok("PutClusterCapacityProviders", providers);
    let item =
        |(name, base, weight): &(&str, i64, i64)| json!({"capacityProvider": name, "base": base, "weight": weight});
    let strategy: Vec<Value> = strategy.iter().map(item).collect();
    let mut fields = merge(json!({ "capacityProviderStrategy": strategy }), changes);
    fields["launchType"] = Value::Null;
    aws.create(fields);
    aws.pass(MINUTE * 2);
    aws
}

const ONLY_SPOT: &[(&str, i64, i64)] = &[("FARGATE_SPOT", 0, 1)];

fn providers(aws: &Aws) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for task in aws.tasks("RUNNING") {
        assert_eq!(task["launchType"], "FARGATE");
        *counts.entry(task["capacityProviderName"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    counts
}

#[test]
fn base_and_weights_say_how_many_tasks_run_where() {
    let aws = on(&[("FARGATE", 2, 1), ("FARGATE_SPOT", 0, 3)], json!({ "desiredCount": 10 }));
    assert_eq!(providers(&aws), BTreeMap::from([("FARGATE".to_owned(), 4), ("FARGATE_SPOT".to_owned(), 6)]));
    let strategy = json!([
        { "capacityProvider": "FARGATE", "base": 1, "weight": 0 }, { "capacityProvider": "FARGATE_SPOT", "weight": 1 },
    ]);
    let run = json!({
        "cluster": "shop", "taskDefinition": "web", "count": 3, "capacityProviderStrategy": strategy,
        "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-a"] } },
    });
    let tasks = aws.ok("RunTask", run)["tasks"].clone();
    let names: Vec<&Value> = tasks.as_array().unwrap().iter().map(|task| &task["capacityProviderName"]).collect();
    assert_eq!(names, ["FARGATE", "FARGATE_SPOT", "FARGATE_SPOT"]);
}

#[test]
fn an_interrupted_task_is_warned_runs_on_for_its_stop_timeout_and_is_replaced_at_once() {
    let aws = on(ONLY_SPOT, json!({}));
    let before = aws.tasks("RUNNING");
    assert_eq!(aws.0.interrupt_spot("service:other"), 0);
    assert_eq!(aws.0.interrupt_spot(before[0]["taskArn"].as_str().unwrap()), 1);
    let warned = &aws.tasks("STOPPED")[0];
    for (member, expected) in [
        ("taskArn", before[0]["taskArn"].as_str().unwrap()),
        ("desiredStatus", "STOPPED"),
        ("lastStatus", "RUNNING"),
        ("stopCode", "SpotInterruption"),
        ("stoppedReason", "Your Spot Task was interrupted."),
    ] {
        assert_eq!(warned[member], expected, "{member}");
    }
    // 30 seconds are what a container has that says nothing else.
    aws.pass(Duration::from_secs(29));
    assert_eq!(aws.tasks("STOPPED")[0]["lastStatus"], "RUNNING");
    assert_eq!(aws.tasks("RUNNING").len(), 2, "its replacement is there before it is gone");
    aws.pass(Duration::from_secs(2));
    assert_eq!(aws.tasks("STOPPED")[0]["lastStatus"], "STOPPED");
    aws.pass(MINUTE);
    let web = aws.web();
    assert_eq!((&web["runningCount"], &web["deployments"][0]["failedTasks"]), (&json!(2), &json!(0)));
}

#[test]
fn a_stop_timeout_of_more_than_two_minutes_of_warning_is_cut_and_on_demand_tasks_are_never_interrupted() {
    let aws = on(&[("FARGATE", 1, 0), ("FARGATE_SPOT", 0, 1)], json!({}));
    let mut definition = super::support::definition("web", "nginx:2");
    definition["containerDefinitions"][0]["stopTimeout"] = json!(120);
    aws.ok("RegisterTaskDefinition", definition);
    aws.update(json!({ "taskDefinition": "web:2" }));
    aws.pass(MINUTE * 5);
    assert_eq!(aws.0.interrupt_spot("*"), 1);
    aws.pass(Duration::from_secs(119));
    let stopping = |aws: &Aws| aws.tasks("STOPPED").iter().filter(|task| task["lastStatus"] == "RUNNING").count();
    assert_eq!(stopping(&aws), 1);
    aws.pass(Duration::from_secs(2));
    assert_eq!(stopping(&aws), 0);
}

#[test]
fn without_spot_capacity_the_replacement_waits_and_is_not_placed_on_demand() {
    let aws = on(ONLY_SPOT, json!({}));
    aws.0.script(TaskScript::new("*", TaskFate::NoSpotCapacity));
    assert_eq!(aws.0.interrupt_spot("service:web"), 2);
    aws.pass(MINUTE * 3);
    assert_eq!(aws.web()["runningCount"], 0);
    let text = "(service web) was unable to place a task. Reason: Capacity is unavailable at this time. Please try again \
                later or in a different availability zone. For more information, see the Troubleshooting section of the \
                Amazon ECS Developer Guide.";
    assert!(aws.events().iter().any(|event| event == text), "{:#?}", aws.events());
    aws.0.clear_scripts();
    aws.pass(MINUTE * 2);
    assert_eq!(aws.web()["runningCount"], 2);
}

#[test]
fn a_script_interrupts_only_what_runs_on_spot() {
    let aws = on(&[("FARGATE", 1, 0), ("FARGATE_SPOT", 0, 1)], json!({}));
    aws.0.script(TaskScript::new("nginx:*", TaskFate::SpotInterruption { after: Duration::from_secs(90) }));
    aws.update(json!({ "forceNewDeployment": true }));
    aws.pass(MINUTE * 10);
    let reasons: Vec<Value> = aws.tasks("STOPPED").iter().map(|task| task["stopCode"].clone()).collect();
    let interrupted = reasons.iter().filter(|code| *code == "SpotInterruption").count();
    assert!(interrupted >= 3, "each replacement is interrupted too: {reasons:?}");
    let kept = aws.tasks("RUNNING").into_iter().filter(|task| task["capacityProviderName"] == "FARGATE");
    assert_eq!(kept.count(), 1);
}

#[test]
fn a_task_that_does_not_run_yet_gets_no_warning() {
    let aws = on(ONLY_SPOT, json!({ "desiredCount": 0 }));
    aws.update(json!({ "desiredCount": 1 }));
    aws.pass(Duration::from_secs(2));
    assert_eq!(aws.0.interrupt_spot("*"), 1);
    assert_eq!(aws.tasks("STOPPED")[0]["lastStatus"], "DEPROVISIONING");
    aws.pass(MINUTE * 2);
    assert_eq!(aws.web()["runningCount"], 1);
}
