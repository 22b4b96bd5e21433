//! Task protection, execute-command and StartTask. Expectations are those of UpdateTaskProtection, GetTaskProtection,
//! ExecuteCommand and StartTask.

use serde_json::{Value, json};

use super::support::{Aws, MINUTE};

fn protect(aws: &Aws, tasks: Value, enabled: bool, minutes: i64) -> Value {
    let input = json!({ "cluster": "shop", "tasks": tasks, "protectionEnabled": enabled, "expiresInMinutes": minutes });
    aws.ok("UpdateTaskProtection", input)
}

#[test]
fn a_protected_task_is_neither_scaled_in_nor_replaced_until_its_protection_ends() {
    let aws = Aws::with_shop();
    aws.create(json!({ "desiredCount": 3 }));
    aws.pass(MINUTE);
    let task = aws.tasks("RUNNING")[1]["taskArn"].clone();
    let answer = protect(&aws, json!([task]), true, 30);
    assert_eq!(answer["protectedTasks"][0]["protectionEnabled"], true);
    aws.update(json!({ "desiredCount": 0 }));
    aws.pass(MINUTE * 5);
    let left = aws.tasks("RUNNING");
    assert_eq!((left.len(), &left[0]["taskArn"]), (1, &task));
    aws.update(json!({ "desiredCount": 1 }));
    aws.register("web", "nginx:2");
    aws.update(json!({ "taskDefinition": "web" }));
    aws.pass(MINUTE * 10);
    assert!(aws.tasks("RUNNING").iter().any(|it| it["taskArn"] == task), "a deployment waits for it too");
    assert_eq!(aws.service_deployment()["status"], "IN_PROGRESS");
    aws.pass(MINUTE * 20);
    let got = aws.ok("GetTaskProtection", json!({ "cluster": "shop" }));
    assert!(got["protectedTasks"].as_array().unwrap().iter().all(|it| it["protectionEnabled"] == false), "{got}");
    assert!(aws.tasks("RUNNING").iter().all(|it| it["taskArn"] != task));
    assert_eq!(aws.service_deployment()["status"], "SUCCESSFUL");
}

#[test]
fn protection_that_is_taken_back_lets_the_scheduler_go_on() {
    let aws = Aws::with_shop();
    aws.create(json!({}));
    aws.pass(MINUTE);
    let arns: Vec<Value> = aws.tasks("RUNNING").iter().map(|task| task["taskArn"].clone()).collect();
    protect(&aws, json!(arns), true, 2880);
    aws.update(json!({ "desiredCount": 0 }));
    aws.pass(MINUTE);
    assert_eq!(aws.web()["runningCount"], 2);
    protect(&aws, json!(arns), false, 1);
    aws.pass(MINUTE);
    assert_eq!(aws.web()["runningCount"], 0);
}

#[test]
fn what_cannot_be_protected_is_said() {
    let aws = Aws::with_shop();
    let network = json!({ "awsvpcConfiguration": { "subnets": ["subnet-a"] } });
    let alone =
        json!({ "cluster": "shop", "taskDefinition": "web", "launchType": "FARGATE", "networkConfiguration": network });
    let alone = aws.ok("RunTask", alone)["tasks"][0]["taskArn"].clone();
    let answer = protect(&aws, json!([alone, "none"]), true, 1);
    let reasons: Vec<&Value> = answer["failures"].as_array().unwrap().iter().map(|it| &it["reason"]).collect();
    assert_eq!(reasons, ["TASK_NOT_VALID", "MISSING"]);
    for changes in [
        json!({ "tasks": [alone] }),
        json!({ "tasks": [], "protectionEnabled": true }),
        json!({ "tasks": [alone], "protectionEnabled": true, "expiresInMinutes": 2881 }),
        json!({ "tasks": vec!["x"; 11], "protectionEnabled": true }),
    ] {
        let input = super::support::merge(json!({ "cluster": "shop" }), changes);
        assert_eq!(aws.refused("UpdateTaskProtection", input.clone()).0, "InvalidParameterException", "{input}");
    }
}

#[test]
fn a_command_gets_a_session_where_the_task_lets_it_in() {
    let aws = Aws::with_shop();
    aws.create(json!({ "enableExecuteCommand": true, "desiredCount": 1 }));
    aws.pass(MINUTE);
    let task = aws.tasks("RUNNING")[0].clone();
    assert_eq!(task["containers"][0]["managedAgents"][0]["lastStatus"], "RUNNING");
    let input = json!({ "cluster": "shop", "task": task["taskArn"], "command": "sh", "interactive": true });
    let answer = aws.ok("ExecuteCommand", input.clone());
    assert_eq!((&answer["containerName"], &answer["taskArn"]), (&json!("web"), &task["taskArn"]));
    assert!(answer["session"]["sessionId"].as_str().unwrap().starts_with("ecs-execute-command-"), "{answer}");
    assert!(answer["session"]["streamUrl"].as_str().unwrap().starts_with("wss://"), "{answer}");
    for changes in [json!({ "interactive": false }), json!({ "container": "none" }), json!({ "task": "none" })] {
        let input = super::support::merge(input.clone(), changes);
        assert_eq!(aws.refused("ExecuteCommand", input).0, "InvalidParameterException");
    }
    let aws = Aws::with_shop();
    aws.create(json!({ "desiredCount": 1 }));
    aws.pass(MINUTE);
    let task = aws.tasks("RUNNING")[0]["taskArn"].clone();
    let input = json!({ "cluster": "shop", "task": task, "command": "sh", "interactive": true });
    assert!(aws.refused("ExecuteCommand", input).1.contains("execute command was not enabled"));
}

#[test]
fn a_task_cannot_be_started_on_an_instance_that_is_not_there() {
    let aws = Aws::with_shop();
    let input = json!({ "cluster": "shop", "taskDefinition": "web", "containerInstances": ["i"] });
    let answer = aws.ok("StartTask", input);
    assert_eq!((&answer["tasks"], &answer["failures"][0]["reason"]), (&json!([]), &json!("MISSING")));
    let none = json!({ "cluster": "shop", "taskDefinition": "web", "containerInstances": [] });
    assert_eq!(aws.refused("StartTask", none).0, "InvalidParameterException");
}
