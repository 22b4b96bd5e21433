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

#[test]
fn stopping_a_service_deployment_rolls_back_even_without_a_circuit_breaker() {
    let aws = Aws::with_shop();
    aws.create(json!({}));
    aws.pass(MINUTE);
    let good = aws.web()["taskDefinition"].clone();
    aws.register("web", "nginx:2");
    aws.update(json!({ "taskDefinition": "web" }));
    let arn = aws.web()["currentServiceDeployment"].clone();
    aws.ok("StopServiceDeployment", json!({ "serviceDeploymentArn": arn, "stopType": "ROLLBACK" }));
    assert_eq!(aws.service_deployment()["status"], "ROLLBACK_IN_PROGRESS");
    aws.pass(MINUTE * 2);
    assert_eq!(aws.service_deployment()["status"], "ROLLBACK_SUCCESSFUL");
    assert_eq!(aws.web()["taskDefinition"], good);
    assert_eq!(aws.refused("StopServiceDeployment", json!({ "serviceDeploymentArn": arn })).0, "ConflictException");
    let unknown =
        json!({ "serviceDeploymentArn": "arn:aws:ecs:us-east-1:000000000000:service-deployment/shop/web/none" });
    assert_eq!(aws.refused("StopServiceDeployment", unknown).0, "ServiceDeploymentNotFoundException");
}

#[test]
fn a_newer_deployment_takes_the_place_of_one_under_way() {
    let aws = Aws::with_shop();
    aws.create(json!({}));
    aws.pass(MINUTE);
    aws.register("web", "nginx:2");
    aws.update(json!({ "taskDefinition": "web" }));
    let second = aws.web()["currentServiceDeployment"].clone();
    aws.pass(std::time::Duration::from_secs(10));
    let third = aws.register("web", "nginx:3")["taskDefinitionArn"].clone();
    aws.update(json!({ "taskDefinition": "web" }));
    let listed = |status: &str| {
        let input = json!({ "cluster": "shop", "service": "web", "status": [status] });
        aws.ok("ListServiceDeployments", input)["serviceDeployments"].clone()
    };
    assert_eq!(listed("STOP_REQUESTED")[0]["serviceDeploymentArn"], second);
    aws.pass(MINUTE * 3);
    assert_eq!(listed("STOPPED")[0]["serviceDeploymentArn"], second);
    assert_eq!(listed("SUCCESSFUL").as_array().unwrap().len(), 2);
    assert!(aws.tasks("RUNNING").iter().all(|task| task["taskDefinitionArn"] == third));
}

#[test]
fn a_revision_keeps_what_it_deployed() {
    let aws = Aws::with_shop();
    aws.create(json!({}));
    aws.pass(MINUTE);
    aws.register("web", "nginx:2");
    aws.update(json!({ "taskDefinition": "web" }));
    let record = aws.service_deployment();
    let arns = [record["sourceServiceRevisions"][0]["arn"].clone(), record["targetServiceRevision"]["arn"].clone()];
    let revisions =
        aws.ok("DescribeServiceRevisions", json!({ "serviceRevisionArns": arns }))["serviceRevisions"].clone();
    let images: Vec<&Value> = (0..2).map(|at| &revisions[at]["containerImages"][0]["image"]).collect();
    assert_eq!(images, ["nginx:1", "nginx:2"]);
    assert!(revisions[0]["containerImages"][0]["imageDigest"].as_str().unwrap().starts_with("sha256:"));
}

#[test]
fn only_some_fields_start_a_deployment() {
    let aws = Aws::with_shop();
    aws.create(json!({}));
    aws.pass(MINUTE);
    let id = || aws.web()["deployments"][0]["id"].clone();
    for changes in [
        json!({ "desiredCount": 3 }),
        json!({ "enableExecuteCommand": true }),
        json!({ "propagateTags": "SERVICE" }),
        json!({ "deploymentConfiguration": { "maximumPercent": 150 } }),
        json!({ "availabilityZoneRebalancing": "DISABLED" }),
        json!({ "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-a"], "assignPublicIp": "DISABLED" } } }),
    ] {
        let before = id();
        let updated = aws.update(changes.clone());
        assert_eq!(id(), before, "{changes}");
        let (name, value) = changes.as_object().unwrap().iter().next().unwrap();
        assert!(value.is_object() || updated[name] == *value, "{changes}");
    }
    for changes in [
        json!({ "platformVersion": "1.4.0" }),
        json!({ "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-b"] } } }),
    ] {
        let before = id();
        aws.update(changes.clone());
        assert_ne!(id(), before, "{changes}");
    }
    assert_eq!(aws.web()["deploymentConfiguration"]["minimumHealthyPercent"], 100);
}

/// A service behind a load balancer with the strategy's `configuration`, steady.
pub(super) fn shifting(configuration: Value) -> Aws {
    let aws = Aws::with_shop();
    let balancers = aws.load_balancers();
    aws.create(json!({ "loadBalancers": balancers, "deploymentConfiguration": configuration }));
    aws.pass(MINUTE * 2);
    assert_eq!(aws.service_deployment()["status"], "SUCCESSFUL");
    aws
}

/// The same, with a new definition on its way.
fn staged(configuration: Value) -> Aws {
    let aws = shifting(configuration);
    aws.register("web", "nginx:2");
    aws.update(json!({ "taskDefinition": "web" }));
    aws
}

/// (lifecycle stage, production weight) as they change until the deployment is over.
fn stages(aws: &Aws) -> Vec<(String, f64)> {
    let mut seen = Vec::new();
    for _ in 0..3600 {
        let record = aws.service_deployment();
        if record["status"] != "IN_PROGRESS" {
            break;
        }
        let weight = record["targetServiceRevision"]["requestedProductionTrafficWeight"].as_f64().unwrap_or(0.0);
        let now = (record["lifecycleStage"].as_str().unwrap_or_default().to_owned(), weight);
        if seen.last() != Some(&now) {
            seen.push(now);
        }
        aws.pass(std::time::Duration::from_secs(1));
    }
    seen
}

#[test]
fn a_blue_green_deployment_goes_through_its_stages_and_keeps_both_sides_until_the_end() {
    let aws = staged(json!({ "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 5 }));
    let seen = stages(&aws);
    let names: Vec<&str> = seen.iter().map(|(stage, _)| stage.as_str()).collect();
    let expected = [
        "PRE_SCALE_UP",
        "SCALE_UP",
        "POST_SCALE_UP",
        "TEST_TRAFFIC_SHIFT",
        "POST_TEST_TRAFFIC_SHIFT",
        "PRE_PRODUCTION_TRAFFIC_SHIFT",
        "PRODUCTION_TRAFFIC_SHIFT",
        "POST_PRODUCTION_TRAFFIC_SHIFT",
        "BAKE_TIME",
        "CLEAN_UP",
    ];
    assert_eq!(names, expected);
    assert_eq!(aws.service_deployment()["status"], "SUCCESSFUL");
    assert_eq!(aws.web()["runningCount"], 2);
    assert_eq!(aws.web()["deployments"].as_array().unwrap().len(), 1);
}

#[test]
fn a_canary_shifts_a_little_first_and_a_linear_deployment_step_by_step() {
    let canary = staged(json!({
        "strategy": "CANARY", "canaryConfiguration": { "canaryPercent": 5.0, "canaryBakeTimeInMinutes": 2 },
    }));
    let weights: Vec<f64> = stages(&canary).into_iter().map(|(_, weight)| weight).collect();
    assert!(weights.contains(&5.0) && weights.contains(&100.0), "{weights:?}");
    let linear = staged(json!({
        "strategy": "LINEAR", "linearConfiguration": { "stepPercent": 25.0, "stepBakeTimeInMinutes": 1 },
    }));
    let weights: Vec<f64> = stages(&linear).into_iter().map(|(_, weight)| weight).collect();
    for weight in [25.0, 50.0, 75.0, 100.0] {
        assert!(weights.contains(&weight), "{weights:?}");
    }
    assert_eq!(linear.service_deployment()["status"], "SUCCESSFUL");
}

#[test]
fn a_first_deployment_goes_through_the_stages_too_but_has_nothing_to_bake_beside() {
    let aws = Aws::with_shop();
    let balancers = aws.load_balancers();
    let configuration = json!({ "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 60 });
    aws.create(json!({ "loadBalancers": balancers, "deploymentConfiguration": configuration }));
    let names: Vec<String> = stages(&aws).into_iter().map(|(stage, _)| stage).collect();
    assert!(names.contains(&"POST_TEST_TRAFFIC_SHIFT".to_owned()), "{names:?}");
    assert!(!names.contains(&"BAKE_TIME".to_owned()), "{names:?}");
    assert_eq!(aws.service_deployment()["status"], "SUCCESSFUL");
}

#[test]
fn a_deployment_that_replaces_another_under_way_reconciles_first() {
    let aws = staged(json!({ "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 5 }));
    aws.pass(MINUTE * 3);
    assert_eq!(aws.service_deployment()["lifecycleStage"], "BAKE_TIME");
    aws.register("web", "nginx:3");
    aws.update(json!({ "taskDefinition": "web" }));
    let record = aws.service_deployment();
    assert_eq!(record["lifecycleStage"], "RECONCILE_SERVICE");
    assert_eq!(record["sourceServiceRevisions"].as_array().unwrap().len(), 2);
    aws.pass(MINUTE * 12);
    assert_eq!(aws.service_deployment()["status"], "SUCCESSFUL");
    assert_eq!(aws.web()["runningCount"], 2);
}

#[test]
fn stopping_a_blue_green_deployment_keeps_the_old_side() {
    let aws = staged(json!({ "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 5 }));
    aws.pass(MINUTE * 3);
    assert_eq!(aws.service_deployment()["lifecycleStage"], "BAKE_TIME");
    assert_eq!(aws.web()["runningCount"], 4);
    let arn = aws.web()["currentServiceDeployment"].clone();
    aws.ok("StopServiceDeployment", json!({ "serviceDeploymentArn": arn }));
    aws.pass(MINUTE);
    assert_eq!(aws.service_deployment()["status"], "ROLLBACK_SUCCESSFUL");
    assert!(aws.web()["taskDefinition"].as_str().unwrap().ends_with("web:1"));
    assert_eq!(aws.web()["runningCount"], 2);
}

#[test]
fn a_blue_green_deployment_whose_tasks_fail_goes_back_to_the_old_side() {
    let breaker = json!({ "enable": true, "rollback": true });
    let aws = staged(json!({ "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 5, "deploymentCircuitBreaker": breaker }));
    aws.pass(MINUTE * 12);
    assert_eq!(aws.service_deployment()["status"], "SUCCESSFUL");
    aws.register("web", "landbridge.test/pull-error:1");
    aws.update(json!({ "taskDefinition": "web" }));
    aws.pass(MINUTE * 5);
    assert_eq!(aws.service_deployment()["status"], "ROLLBACK_SUCCESSFUL");
    assert!(aws.web()["taskDefinition"].as_str().unwrap().ends_with("web:2"));
    assert_eq!(aws.web()["runningCount"], 2);
    assert_eq!(aws.web()["deployments"].as_array().unwrap().len(), 1);
}
