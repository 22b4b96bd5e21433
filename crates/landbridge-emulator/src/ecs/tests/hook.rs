//! Lifecycle hooks: pauses, functions, what they do to a deployment and what is shown of them. Expectations are those of
//! "Lifecycle hooks", "Lambda hooks" and "Pause hooks for Amazon ECS service deployments".

use std::time::Duration;

use serde_json::{Value, json};

use super::deployment::shifting;
use super::support::{Aws, MINUTE};
use crate::{HookAnswer, HookScript};

const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:check";

fn pause(stage: &str) -> Value {
    json!({ "targetType": "PAUSE", "lifecycleStages": [stage] })
}

fn lambda(stage: &str) -> Value {
    let role = "arn:aws:iam::000000000000:role/hooks";
    json!({ "hookTargetArn": FUNCTION, "roleArn": role, "lifecycleStages": [stage] })
}

/// A steady blue/green service that deploys a new definition with these hooks.
fn deploying(hooks: Value) -> Aws {
    deploying_with(json!({ "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 1 }), hooks)
}

fn deploying_with(configuration: Value, hooks: Value) -> Aws {
    let aws = shifting(configuration);
    deploy(&aws, hooks);
    aws
}

fn deploy(aws: &Aws, hooks: Value) {
    aws.register("web", "nginx:2");
    aws.update(json!({ "taskDefinition": "web", "deploymentConfiguration": { "lifecycleHooks": hooks } }));
}

fn hooks(aws: &Aws) -> Vec<Value> {
    aws.service_deployment()["lifecycleHookDetails"].as_array().cloned().unwrap_or_default()
}

fn answer(aws: &Aws, hook: &Value, action: &str) -> Value {
    let arn = aws.web()["currentServiceDeployment"].clone();
    json!({ "serviceDeploymentArn": arn, "hookId": hook["hookId"], "action": action })
}

#[test]
fn a_pause_holds_its_stage_until_somebody_continues() {
    let aws = deploying(json!([pause("POST_TEST_TRAFFIC_SHIFT")]));
    let began = aws.0.now();
    aws.pass(MINUTE * 60);
    let record = aws.service_deployment();
    assert_eq!(
        (&record["status"], &record["lifecycleStage"]),
        (&json!("IN_PROGRESS"), &json!("POST_TEST_TRAFFIC_SHIFT"))
    );
    assert_eq!(record["targetServiceRevision"]["requestedTestTrafficWeight"], 100.0);
    assert_eq!(record["targetServiceRevision"]["requestedProductionTrafficWeight"], 0.0);
    assert_eq!(record["sourceServiceRevisions"][0]["requestedProductionTrafficWeight"], 100.0);
    let hook = hooks(&aws).remove(0);
    let id = hook["hookId"].as_str().unwrap();
    assert!(id.starts_with("ecs-pause-") && id.len() == 53, "{id}");
    assert_eq!((&hook["targetType"], &hook["status"]), (&json!("PAUSE"), &json!("AWAITING_ACTION")));
    assert_eq!(hook["timeoutAction"], "ROLLBACK");
    let expires = hook["expiresAt"].as_f64().unwrap();
    let day = f64::from(24 * 60 * 60);
    let least = began.as_second() as f64 + day;
    assert!((least..least + 300.0).contains(&expires), "a day is the default");
    let mut input = answer(&aws, &hook, "CONTINUE");
    input.as_object_mut().unwrap().remove("action");
    let answered = aws.ok("ContinueServiceDeployment", input.clone());
    assert_eq!(answered["serviceDeploymentArn"], input["serviceDeploymentArn"]);
    assert_eq!(aws.service_deployment()["lifecycleStage"], "PRE_PRODUCTION_TRAFFIC_SHIFT");
    assert_eq!(hooks(&aws)[0]["status"], "SUCCEEDED");
    assert_eq!(aws.refused("ContinueServiceDeployment", input).0, "InvalidParameterException");
    aws.pass(MINUTE * 5);
    assert_eq!(aws.service_deployment()["status"], "SUCCESSFUL");
}

#[test]
fn a_pause_that_is_answered_with_rollback_rolls_back() {
    let aws = deploying(json!([pause("POST_PRODUCTION_TRAFFIC_SHIFT")]));
    aws.pass(MINUTE * 5);
    let hook = hooks(&aws).remove(0);
    let input = answer(&aws, &hook, "ROLLBACK");
    aws.ok("ContinueServiceDeployment", input.clone());
    let record = aws.service_deployment();
    assert_eq!(record["status"], "ROLLBACK_IN_PROGRESS");
    assert!(record["statusReason"].as_str().unwrap().contains("POST_PRODUCTION_TRAFFIC_SHIFT"), "{record}");
    assert_eq!(hooks(&aws)[0]["status"], "FAILED");
    assert_eq!(aws.refused("ContinueServiceDeployment", input).0, "InvalidParameterException");
    aws.pass(MINUTE * 5);
    assert_eq!(aws.service_deployment()["status"], "ROLLBACK_SUCCESSFUL");
    assert!(aws.web()["taskDefinition"].as_str().unwrap().ends_with("web:1"));
}

#[test]
fn a_pause_that_nobody_answers_does_what_its_configuration_says() {
    for (action, status, definition) in
        [("ROLLBACK", "ROLLBACK_SUCCESSFUL", "web:1"), ("CONTINUE", "SUCCESSFUL", "web:2")]
    {
        let mut hook = pause("PRE_SCALE_UP");
        hook["timeoutConfiguration"] = json!({ "timeoutInMinutes": 10, "action": action });
        let aws = deploying(json!([hook]));
        aws.pass(MINUTE * 9);
        assert_eq!(aws.service_deployment()["lifecycleStage"], "PRE_SCALE_UP", "{action}");
        assert_eq!(aws.web()["runningCount"], 2, "nothing starts before");
        aws.pass(MINUTE + Duration::from_secs(1));
        assert_eq!(hooks(&aws)[0]["status"], "TIMED_OUT", "{action}");
        aws.pass(MINUTE * 5);
        assert_eq!(aws.service_deployment()["status"], status);
        assert!(aws.web()["taskDefinition"].as_str().unwrap().ends_with(definition));
    }
}

#[test]
fn a_linear_deployment_pauses_before_each_of_its_steps() {
    let step = json!({ "stepPercent": 25.0, "stepBakeTimeInMinutes": 1 });
    let configuration = json!({ "strategy": "LINEAR", "linearConfiguration": step, "bakeTimeInMinutes": 1 });
    let aws = deploying_with(configuration, json!([pause("PRE_PRODUCTION_TRAFFIC_SHIFT")]));
    let mut ids = Vec::new();
    for weight in [0.0, 25.0, 50.0, 75.0] {
        aws.pass(MINUTE * 10);
        let record = aws.service_deployment();
        assert_eq!(record["lifecycleStage"], "PRE_PRODUCTION_TRAFFIC_SHIFT");
        assert_eq!(record["targetServiceRevision"]["requestedProductionTrafficWeight"], weight);
        let hook = hooks(&aws).remove(0);
        assert!(!ids.contains(&hook["hookId"]));
        aws.ok("ContinueServiceDeployment", answer(&aws, &hook, "CONTINUE"));
        ids.push(hook["hookId"].clone());
    }
    aws.pass(MINUTE * 5);
    assert_eq!(aws.service_deployment()["status"], "SUCCESSFUL");
}

#[test]
fn a_function_is_asked_until_it_is_done_and_its_stage_waits_for_a_pause_beside_it_too() {
    let aws = shifting(json!({ "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 1 }));
    let succeeds = HookScript::new(FUNCTION, HookAnswer::Succeeded).after(Duration::from_secs(80));
    aws.0.script_hook(succeeds);
    deploy(&aws, json!([lambda("PRE_SCALE_UP"), pause("PRE_SCALE_UP")]));
    let of = |kind: &str| hooks(&aws).into_iter().find(|hook| hook["targetType"] == kind).unwrap();
    assert_eq!(
        (&of("AWS_LAMBDA")["status"], &of("AWS_LAMBDA")["targetArn"]),
        (&json!("IN_PROGRESS"), &json!(FUNCTION))
    );
    aws.ok("ContinueServiceDeployment", answer(&aws, &of("PAUSE"), "CONTINUE"));
    aws.pass(MINUTE);
    assert_eq!(of("AWS_LAMBDA")["status"], "IN_PROGRESS");
    assert_eq!(aws.service_deployment()["lifecycleStage"], "PRE_SCALE_UP");
    aws.pass(MINUTE);
    assert_eq!(of("AWS_LAMBDA")["status"], "SUCCEEDED");
    let calls = aws.0.calls();
    let asked: Vec<_> =
        calls.writes_of_services().into_iter().filter(|it| it.action == "lambda:InvokeFunction").collect();
    assert_eq!(asked.len(), 4, "after 1, 31, 61 and 91 seconds");
    assert!(asked[0].principal.contains(":assumed-role/hooks/") && asked[0].target == FUNCTION, "{asked:?}");
    aws.pass(MINUTE * 5);
    assert_eq!(aws.service_deployment()["status"], "SUCCESSFUL");
}

#[test]
fn a_function_that_fails_rolls_back_and_is_asked_again_when_traffic_moves_back() {
    let aws = shifting(json!({ "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 1 }));
    aws.0.script_hook(HookScript::new(FUNCTION, HookAnswer::Failed));
    deploy(&aws, json!([lambda("PRODUCTION_TRAFFIC_SHIFT")]));
    aws.pass(MINUTE * 5);
    let record = aws.service_deployment();
    assert_eq!(record["status"], "ROLLBACK_SUCCESSFUL");
    assert!(record["rollback"]["reason"].as_str().unwrap().contains("PRODUCTION_TRAFFIC_SHIFT"), "{record}");
    assert!(aws.web()["taskDefinition"].as_str().unwrap().ends_with("web:1"));
    assert_eq!(hooks(&aws).len(), 2, "one on the way there, one on the way back");
}

#[test]
fn the_hooks_of_a_first_deployment_run_and_it_stays_failed_when_one_fails() {
    let aws = Aws::with_shop();
    let balancers = aws.load_balancers();
    let configuration =
        json!({ "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 1, "lifecycleHooks": [pause("POST_SCALE_UP")] });
    aws.create(json!({ "loadBalancers": balancers, "deploymentConfiguration": configuration }));
    aws.pass(MINUTE * 3);
    let hook = hooks(&aws).remove(0);
    aws.ok("ContinueServiceDeployment", answer(&aws, &hook, "ROLLBACK"));
    aws.pass(MINUTE);
    assert_eq!(aws.service_deployment()["status"], "STOPPED");
    assert_eq!(aws.web()["deployments"][0]["rolloutState"], "FAILED");
}

#[test]
fn a_rolling_deployment_pauses_before_and_after_its_tasks_are_replaced() {
    let aws = Aws::with_shop();
    aws.create(json!({}));
    aws.pass(MINUTE);
    deploy(&aws, json!([pause("PRE_SCALE_UP"), pause("POST_SCALE_UP")]));
    aws.pass(MINUTE * 5);
    assert_eq!(aws.service_deployment()["lifecycleStage"], "PRE_SCALE_UP");
    assert!(aws.tasks("RUNNING").iter().all(|task| task["taskDefinitionArn"].as_str().unwrap().ends_with("web:1")));
    let first = hooks(&aws).remove(0);
    aws.ok("ContinueServiceDeployment", answer(&aws, &first, "CONTINUE"));
    aws.pass(MINUTE * 5);
    assert_eq!(aws.service_deployment()["lifecycleStage"], "POST_SCALE_UP");
    assert!(aws.tasks("RUNNING").iter().all(|task| task["taskDefinitionArn"].as_str().unwrap().ends_with("web:2")));
    assert!(aws.service_deployment()["targetServiceRevision"].get("requestedProductionTrafficWeight").is_none());
    let second = hooks(&aws).remove(0);
    aws.ok("ContinueServiceDeployment", answer(&aws, &second, "ROLLBACK"));
    aws.pass(MINUTE * 5);
    assert_eq!(aws.service_deployment()["status"], "ROLLBACK_SUCCESSFUL");
    assert!(aws.tasks("RUNNING").iter().all(|task| task["taskDefinitionArn"].as_str().unwrap().ends_with("web:1")));
    assert_eq!(aws.web()["runningCount"], 2);
}

#[test]
fn a_new_deployment_leaves_the_paused_one_behind() {
    let aws = deploying(json!([pause("PRE_PRODUCTION_TRAFFIC_SHIFT")]));
    aws.pass(MINUTE * 5);
    let (hook, old) = (hooks(&aws).remove(0), aws.web()["currentServiceDeployment"].clone());
    aws.register("web", "nginx:3");
    aws.update(json!({ "taskDefinition": "web", "deploymentConfiguration": { "lifecycleHooks": [] } }));
    let input = json!({ "serviceDeploymentArn": old, "hookId": hook["hookId"] });
    assert_eq!(aws.refused("ContinueServiceDeployment", input).0, "InvalidParameterException");
    aws.pass(MINUTE * 10);
    assert_eq!(aws.service_deployment()["status"], "SUCCESSFUL");
    assert!(aws.web()["taskDefinition"].as_str().unwrap().ends_with("web:3"));
}

#[test]
fn hooks_that_cannot_be_are_refused() {
    let aws = Aws::with_shop();
    aws.create(json!({}));
    let many: Vec<Value> = (0..11).map(|_| pause("PRE_SCALE_UP")).collect();
    let with = |mut hook: Value, name: &str, value: Value| {
        hook[name] = value;
        json!([hook])
    };
    for hooks in [
        json!([pause("TEST_TRAFFIC_SHIFT")]),
        json!([pause("PRODUCTION_TRAFFIC_SHIFT")]),
        json!([pause("SCALE_UP")]),
        json!([{ "targetType": "PAUSE" }]),
        json!([{ "targetType": "EMAIL", "lifecycleStages": ["PRE_SCALE_UP"] }]),
        json!([{ "lifecycleStages": ["PRE_SCALE_UP"], "hookTargetArn": FUNCTION }]),
        with(pause("PRE_SCALE_UP"), "roleArn", json!("arn:aws:iam::000000000000:role/hooks")),
        with(pause("PRE_SCALE_UP"), "timeoutConfiguration", json!({ "timeoutInMinutes": 20_161 })),
        with(lambda("PRE_SCALE_UP"), "timeoutConfiguration", json!({ "timeoutInMinutes": 1441 })),
        with(pause("PRE_SCALE_UP"), "timeoutConfiguration", json!({ "action": "WAIT" })),
        json!(many),
    ] {
        let input =
            json!({ "cluster": "shop", "service": "web", "deploymentConfiguration": { "lifecycleHooks": hooks } });
        assert_eq!(aws.refused("UpdateService", input).0, "InvalidParameterException", "{hooks}");
    }
    let unknown = json!({ "serviceDeploymentArn": "arn:aws:ecs:us-east-1:000000000000:service-deployment/shop/web/x", "hookId": "x" });
    assert_eq!(aws.refused("ContinueServiceDeployment", unknown).0, "ServiceDeploymentNotFoundException");
    let record = aws.web()["currentServiceDeployment"].clone();
    for input in [json!({ "serviceDeploymentArn": record }), json!({ "serviceDeploymentArn": record, "hookId": "x" })] {
        assert_eq!(aws.refused("ContinueServiceDeployment", input).0, "InvalidParameterException");
    }
}
