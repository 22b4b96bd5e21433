//! Availability Zones: tasks spread over them, and become even again. Expectations are those of "Balancing an Amazon ECS
//! service across Availability Zones".

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::support::{Aws, MINUTE};

fn in_zones(changes: Value) -> Value {
    let subnets = json!({ "awsvpcConfiguration": { "subnets": ["subnet-a", "subnet-b", "subnet-c"] } });
    super::support::merge(json!({ "networkConfiguration": subnets, "desiredCount": 6 }), changes)
}

fn spread(aws: &Aws) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for task in aws.tasks("RUNNING") {
        *counts.entry(task["availabilityZone"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    counts
}

fn of(counts: [(&str, usize); 3]) -> BTreeMap<String, usize> {
    counts
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(letter, count)| (format!("us-east-1{letter}"), *count))
        .collect()
}

#[test]
fn tasks_are_spread_evenly_and_become_even_again_after_a_zone_was_lost() {
    let aws = Aws::with_shop();
    aws.create(in_zones(json!({})));
    aws.pass(MINUTE * 2);
    assert_eq!(spread(&aws), of([("a", 2), ("b", 2), ("c", 2)]));
    aws.0.lose_zone("us-east-1a");
    assert_eq!(aws.web()["runningCount"], 4);
    aws.pass(MINUTE * 2);
    assert_eq!(spread(&aws), of([("a", 0), ("b", 3), ("c", 3)]));
    aws.0.restore_zone("us-east-1a");
    let mut most = 0;
    for _ in 0..180 {
        aws.pass(std::time::Duration::from_secs(1));
        let running = aws.web()["runningCount"].as_u64().unwrap();
        assert!(running >= 6, "what is healthy stays until its replacement is");
        most = most.max(running);
    }
    assert_eq!(most, 8);
    assert_eq!(spread(&aws), of([("a", 2), ("b", 2), ("c", 2)]));
    let events = aws.events();
    for text in [
        "(service web) is not AZ balanced with 3 tasks in us-east-1b, 3 tasks in us-east-1c, 0 tasks in us-east-1a. AZ Rebalancing in progress.",
        "(service web) is AZ balanced with 2 tasks in us-east-1a, 2 tasks in us-east-1b, 2 tasks in us-east-1c.",
    ] {
        assert!(events.iter().any(|event| event == text), "{text}: {events:#?}");
    }
    assert!(events.iter().any(|event| event.contains("has started 1 tasks in us-east-1a to AZ Rebalance: (task ")));
}

#[test]
fn without_rebalancing_tasks_stay_where_they_are() {
    let aws = Aws::with_shop();
    aws.create(in_zones(json!({ "availabilityZoneRebalancing": "DISABLED" })));
    aws.pass(MINUTE * 2);
    aws.0.lose_zone("us-east-1b");
    aws.pass(MINUTE * 2);
    aws.0.restore_zone("us-east-1b");
    aws.pass(MINUTE * 10);
    assert_eq!(spread(&aws), of([("a", 3), ("b", 0), ("c", 3)]));
    aws.update(json!({ "availabilityZoneRebalancing": "ENABLED" }));
    aws.pass(MINUTE * 3);
    assert_eq!(spread(&aws), of([("a", 2), ("b", 2), ("c", 2)]));
}

#[test]
fn with_every_zone_lost_nothing_is_placed_until_one_is_back() {
    let aws = Aws::with_shop();
    aws.0.lose_zone("us-east-1a");
    aws.create(json!({ "desiredCount": 1 }));
    aws.pass(MINUTE);
    assert_eq!(aws.web()["runningCount"], 0);
    assert!(aws.events().iter().any(|event| event.contains("was unable to place a task")));
    aws.0.restore_zone("us-east-1a");
    aws.pass(MINUTE * 2);
    assert_eq!(aws.web()["runningCount"], 1);
}
