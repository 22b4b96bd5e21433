//! Random histories: whatever is asked and whatever fails, the books balance, and a service left alone comes to rest.

use std::time::Duration;

use serde_json::{Value, json};

use super::support::{Aws, definition};
use crate::world::Rng;

const SEEDS: std::ops::Range<u64> = 0..12;

const IMAGES: [&str; 6] = ["nginx:1", "nginx:2", "shop:crash", "shop:pull-error", "shop:unhealthy", "shop:slow-start"];

/// Calls in an order and with arguments that only the seed knows; refusals are as good as answers.
fn wander(aws: &Aws, rng: &mut Rng) {
    let name = format!("s{}", rng.below(3));
    let target = json!({ "cluster": "shop", "service": name });
    let input = |changes: Value| super::support::merge(target.clone(), changes);
    match rng.below(9) {
        0 | 1 => {
            let breaker = json!({ "enable": rng.below(2) == 0, "rollback": rng.below(2) == 0 });
            let [maximum, minimum] = [100 + 50 * rng.below(3), 50 * rng.below(2)];
            let configuration = json!({ "deploymentCircuitBreaker": breaker, "maximumPercent": maximum, "minimumHealthyPercent": minimum });
            aws.try_call(
                "CreateService",
                super::support::service(json!({
                    "serviceName": name, "desiredCount": rng.below(4), "deploymentConfiguration": configuration,
                })),
            );
        }
        2 | 3 => {
            let mut asked = definition("web", IMAGES[rng.below(6) as usize]);
            if rng.below(2) == 0 {
                asked["containerDefinitions"][0]["healthCheck"] = json!({ "command": ["CMD", "true"], "interval": 5 });
            }
            aws.try_call("RegisterTaskDefinition", asked);
            aws.try_call("UpdateService", input(json!({ "taskDefinition": "web" })));
        }
        4 => aws.try_call("UpdateService", input(json!({ "desiredCount": rng.below(5) }))),
        5 => aws.try_call("UpdateService", input(json!({ "forceNewDeployment": true }))),
        6 => aws.try_call("DeleteService", input(json!({ "force": rng.below(2) == 0 }))),
        7 => {
            if let Some(task) = aws.tasks("RUNNING").first() {
                aws.try_call("StopTask", json!({ "cluster": "shop", "task": task["taskArn"] }));
            }
        }
        _ => {
            let described = aws.ok("DescribeServices", json!({ "cluster": "shop", "services": [name] }));
            if let Some(arn) = described["services"].get(0).and_then(|it| it.get("currentServiceDeployment")) {
                aws.try_call("StopServiceDeployment", json!({ "serviceDeploymentArn": arn }));
            }
        }
    }
}

/// Counts in clusters and services are those of the tasks there are.
fn check_books(aws: &Aws, seed: u64) {
    let state = aws.0.state()["ecs"].clone();
    let tasks = state["tasks"].as_array().unwrap();
    let count = |wanted: &dyn Fn(&Value) -> bool| tasks.iter().filter(|task| wanted(task)).count() as i64;
    let running = |task: &Value| task["lastStatus"] == "RUNNING";
    let pending = |task: &Value| {
        task["desiredStatus"] == "RUNNING" && (task["lastStatus"] == "PENDING" || task["lastStatus"] == "PROVISIONING")
    };
    let cluster = &state["clusters"][0];
    assert_eq!(cluster["runningTasksCount"], count(&running), "seed {seed}");
    assert_eq!(cluster["pendingTasksCount"], count(&pending), "seed {seed}");
    for service in state["services"].as_array().unwrap().iter().filter(|it| it["status"] == "ACTIVE") {
        let group = format!("service:{}", service["serviceName"].as_str().unwrap());
        let all = |task: &Value| running(task) && task["group"] == group;
        assert_eq!(service["runningCount"], count(&all), "seed {seed}: {service}");
        let statuses: Vec<&Value> = service["deployments"].as_array().unwrap().iter().map(|it| &it["status"]).collect();
        assert_eq!(statuses.iter().filter(|status| **status == "PRIMARY").count(), 1, "seed {seed}");
    }
}

#[test]
fn whatever_happens_the_books_balance_and_good_definitions_come_to_rest() {
    for seed in SEEDS {
        let aws = Aws::with_shop();
        let mut rng = Rng::seeded(seed);
        for step in 0..60 {
            wander(&aws, &mut rng);
            aws.pass(Duration::from_secs(rng.below(40)));
            if step % 6 == 0 {
                check_books(&aws, seed);
            }
        }
        aws.register("web", "nginx:good");
        for name in ["s0", "s1", "s2"] {
            aws.try_call(
                "UpdateService",
                json!({ "cluster": "shop", "service": name, "taskDefinition": "web", "desiredCount": 2 }),
            );
        }
        aws.pass(Duration::from_mins(30));
        check_books(&aws, seed);
        let state = aws.0.state()["ecs"].clone();
        for service in state["services"].as_array().unwrap() {
            assert_ne!(service["status"], "DRAINING", "seed {seed}: {service}");
            if service["status"] == "ACTIVE" {
                assert_eq!(service["runningCount"], 2, "seed {seed}: {service}");
                assert_eq!(service["deployments"].as_array().unwrap().len(), 1, "seed {seed}: {service}");
                assert_eq!(service["deployments"][0]["rolloutState"], "COMPLETED", "seed {seed}: {service}");
            }
        }
    }
}
