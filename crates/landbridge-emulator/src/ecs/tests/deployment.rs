//! Deployments: rolling, failing, rolling back.

use serde_json::{Value, json};

use super::support::{Aws, MINUTE};

fn breaker(rollback: bool) -> Value {
    json!({ "deploymentConfiguration": { "deploymentCircuitBreaker": { "enable": true, "rollback": rollback } } })
}

#[test]
fn a_new_definition_replaces_tasks_step_by_step_and_never_below_the_minimum() {
    let aws = Aws::with_shop();
    aws.create(json!({}));
    aws.pass(MINUTE);
    let second = aws.register("web", "nginx:2")["taskDefinitionArn"].clone();
    let updated = aws.update(json!({ "taskDefinition": "web" }));
    assert_eq!(updated["taskDefinition"], second);
    let states: Vec<&Value> = updated["deployments"].as_array().unwrap().iter().map(|it| &it["status"]).collect();
    assert_eq!(states, ["PRIMARY", "ACTIVE"]);
    for _ in 0..120 {
        aws.pass(std::time::Duration::from_secs(1));
        let web = aws.web();
        let running = web["runningCount"].as_i64().unwrap();
        assert!((2..=4).contains(&running), "{web}");
    }
    let web = aws.web();
    assert_eq!(web["deployments"].as_array().unwrap().len(), 1);
    assert_eq!(web["deployments"][0]["taskDefinition"], second);
    assert!(aws.tasks("RUNNING").iter().all(|task| task["taskDefinitionArn"] == second));
    assert_eq!(aws.service_deployment()["status"], "SUCCESSFUL");
    assert_eq!(aws.service_deployment()["sourceServiceRevisions"].as_array().unwrap().len(), 1);
}

#[test]
fn forcing_makes_a_new_deployment_of_the_same_definition_and_a_repeat_makes_none() {
    let aws = Aws::with_shop();
    aws.create(json!({}));
    aws.pass(MINUTE);
    let first = aws.web()["deployments"][0]["id"].clone();
    aws.update(json!({ "taskDefinition": "web" }));
    assert_eq!(aws.web()["deployments"][0]["id"], first);
    aws.update(json!({ "forceNewDeployment": true }));
    assert_ne!(aws.web()["deployments"][0]["id"], first);
}

#[test]
fn an_image_that_cannot_be_pulled_breaks_the_circuit_and_rolls_back() {
    let aws = Aws::with_shop();
    aws.create(breaker(true));
    aws.pass(MINUTE);
    let good = aws.web()["taskDefinition"].clone();
    let kept = aws.web()["deployments"][0]["id"].clone();
    aws.register("web", "landbridge.test/pull-error:1");
    aws.update(json!({ "taskDefinition": "web" }));
    aws.pass(MINUTE * 5);
    let web = aws.web();
    assert_eq!(web["taskDefinition"], good);
    assert_eq!(web["runningCount"], 2);
    assert_eq!(web["deployments"].as_array().unwrap().len(), 1);
    assert_eq!(web["deployments"][0]["id"], kept);
    assert_eq!(web["deployments"][0]["rolloutState"], "COMPLETED");
    let record = aws.service_deployment();
    assert_eq!(record["status"], "ROLLBACK_SUCCESSFUL");
    assert_eq!(record["deploymentCircuitBreaker"]["status"], "TRIGGERED");
    assert_eq!(record["deploymentCircuitBreaker"]["threshold"], 3);
    assert!(record["rollback"]["serviceRevisionArn"].is_string());
    let events = aws.events();
    assert!(events.iter().any(|text| text.ends_with("deployment failed: tasks failed to start.")), "{events:?}");
    assert!(events.iter().any(|text| text.contains("rolling back to deployment ecs-svc/")), "{events:?}");
    let stopped = aws.tasks("STOPPED");
    let failed = stopped.iter().find(|task| task["stopCode"] == "TaskFailedToStart").unwrap();
    assert!(failed["stoppedReason"].as_str().unwrap().starts_with("CannotPullContainerError"), "{failed}");
    assert!(failed["containers"][0].get("exitCode").is_none());
}

#[test]
fn without_rollback_a_broken_circuit_leaves_the_deployment_failed_and_the_old_tasks_running() {
    let aws = Aws::with_shop();
    aws.create(breaker(false));
    aws.pass(MINUTE);
    aws.register("web", "shop:crash");
    let bad = aws.update(json!({ "taskDefinition": "web" }))["taskDefinition"].clone();
    aws.pass(MINUTE * 5);
    let web = aws.web();
    assert_eq!(web["taskDefinition"], bad);
    assert_eq!(web["deployments"][0]["rolloutState"], "FAILED");
    assert_eq!(web["deployments"][1]["runningCount"], 2);
    assert_eq!(aws.service_deployment()["status"], "STOPPED");
    let stopped = aws.tasks("STOPPED");
    assert!(stopped.len() >= 3);
    assert!(stopped.iter().all(|task| task["stopCode"] == "EssentialContainerExited"));
    assert!(stopped.iter().all(|task| task["containers"][0]["exitCode"] == 1));
}

#[test]
fn a_first_deployment_that_fails_has_nothing_to_roll_back_to() {
    let aws = Aws::with_shop();
    aws.register("web", "landbridge.test/pull-error:1");
    aws.create(breaker(true));
    aws.pass(MINUTE * 5);
    assert_eq!(aws.web()["deployments"][0]["rolloutState"], "FAILED");
    assert_eq!(aws.service_deployment()["status"], "STOPPED");
    assert_eq!(aws.web()["runningCount"], 0);
}

#[test]
fn a_failed_service_recovers_with_the_next_good_definition() {
    let aws = Aws::with_shop();
    aws.register("web", "landbridge.test/pull-error:1");
    aws.create(breaker(true));
    aws.pass(MINUTE * 5);
    aws.register("web", "nginx:3");
    aws.update(json!({ "taskDefinition": "web" }));
    aws.pass(MINUTE * 2);
    let web = aws.web();
    assert_eq!(web["deployments"].as_array().unwrap().len(), 1);
    assert_eq!(web["deployments"][0]["rolloutState"], "COMPLETED");
    assert_eq!(web["runningCount"], 2);
}

#[test]
fn without_a_circuit_breaker_failing_tasks_are_tried_for_ever_but_ever_slower() {
    let aws = Aws::with_shop();
    aws.register("web", "shop:crash");
    aws.create(json!({ "desiredCount": 1 }));
    aws.pass(MINUTE * 30);
    let early = aws.web()["deployments"][0]["failedTasks"].as_i64().unwrap();
    aws.pass(MINUTE * 60);
    let late = aws.web()["deployments"][0]["failedTasks"].as_i64().unwrap();
    assert!(early > 5 && late > early && late - early <= early, "{early} {late}");
    assert_eq!(aws.web()["deployments"][0]["rolloutState"], "IN_PROGRESS");
}
