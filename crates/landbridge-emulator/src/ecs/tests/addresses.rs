//! Addresses of tasks: each has its own, a subnet has only so many, and who finds none does not start. Expectations are those of
//! "Troubleshooting Amazon ECS TaskFailedToStart errors" and Subnet.availableIpAddressCount.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::support::{Aws, MINUTE};
use crate::SubnetScript;

const STARVED: &str = "Unexpected EC2 error while attempting to Create Network Interface with public IP assignment disabled in \
                       subnet 'subnet-a': InsufficientFreeAddressesInSubnet";

fn address(task: &Value) -> Option<&str> {
    let details = task["attachments"][0]["details"].as_array()?;
    details.iter().find(|it| it["name"] == "privateIPv4Address")?["value"].as_str()
}

#[test]
fn a_task_without_an_address_stops_before_it_starts_and_the_circuit_breaker_counts_it() {
    let aws = Aws::with_shop();
    aws.0.script_subnet(SubnetScript::new("subnet-*", 3));
    let breaker = json!({ "deploymentCircuitBreaker": { "enable": true, "rollback": false } });
    aws.create(json!({ "desiredCount": 5, "deploymentConfiguration": breaker }));
    aws.pass(MINUTE);
    let stopped = aws.tasks("STOPPED");
    for task in &stopped {
        assert_eq!((&task["stopCode"], &task["stoppedReason"]), (&json!("TaskFailedToStart"), &json!(STARVED)));
        assert_eq!((address(task), &task["startedAt"], &task["pullStartedAt"]), (None, &Value::Null, &Value::Null));
        let expected = json!([{ "name": "subnetId", "value": "subnet-a" }]);
        assert_eq!(
            (&task["attachments"][0]["details"], &task["attachments"][0]["status"]),
            (&expected, &json!("DELETED"))
        );
    }
    let web = aws.web();
    assert_eq!((&web["runningCount"], &web["deployments"][0]["rolloutState"]), (&json!(3), &json!("FAILED")));
    assert_eq!(web["deployments"][0]["failedTasks"].as_u64().unwrap(), stopped.len() as u64);
}

#[test]
fn an_address_is_free_again_once_its_task_is_stopped() {
    let aws = Aws::with_shop();
    aws.0.script_subnet(SubnetScript::new("subnet-a", 2));
    aws.create(json!({ "desiredCount": 3 }));
    aws.pass(MINUTE * 2);
    assert_eq!(aws.web()["runningCount"], 2);
    let first = aws.tasks("RUNNING");
    aws.ok("StopTask", json!({ "cluster": "shop", "task": first[0]["taskArn"] }));
    aws.pass(MINUTE * 20);
    let now = aws.tasks("RUNNING");
    let running = now.iter().filter(|task| task["lastStatus"] == "RUNNING").count();
    assert_eq!(running, 2, "another took its place");
    aws.0.clear_scripts();
    aws.pass(MINUTE * 20);
    assert_eq!(aws.web()["runningCount"], 3);
}

#[test]
fn a_small_subnet_has_eleven_addresses_that_no_two_tasks_share_however_often_they_are_replaced() {
    let aws = Aws::with_shop();
    let subnet = aws.subnet("10.9.0.0/28");
    assert_eq!(aws.free_addresses(&subnet), 11);
    let network = json!({ "awsvpcConfiguration": { "subnets": [subnet] } });
    aws.create(json!({ "desiredCount": 5, "networkConfiguration": network }));
    for round in 0..4 {
        aws.pass(MINUTE * 2);
        let tasks = aws.tasks("RUNNING");
        let addresses: BTreeSet<&str> = tasks.iter().filter_map(address).collect();
        assert_eq!((addresses.len(), aws.free_addresses(&subnet)), (5, 6), "in round {round}");
        aws.update(json!({ "forceNewDeployment": true }));
    }
    aws.update(json!({ "desiredCount": 12 }));
    aws.pass(MINUTE * 2);
    assert_eq!((aws.free_addresses(&subnet), &aws.web()["runningCount"]), (0, &json!(11)));
}

#[test]
fn run_task_answers_with_the_task_that_then_finds_no_address() {
    let aws = Aws::with_shop();
    aws.0.script_subnet(SubnetScript::new("subnet-a", 0));
    let network = json!({ "awsvpcConfiguration": { "subnets": ["subnet-a"], "assignPublicIp": "ENABLED" } });
    let run = json!({
        "cluster": "shop", "taskDefinition": "web", "launchType": "FARGATE", "networkConfiguration": network,
    });
    let answer = aws.ok("RunTask", run);
    assert_eq!((&answer["failures"], &answer["tasks"][0]["lastStatus"]), (&json!([]), &json!("PROVISIONING")));
    aws.pass(MINUTE);
    let stopped = &aws.tasks("STOPPED")[0];
    assert_eq!(stopped["stoppedReason"], STARVED.replace("disabled", "enabled"));
}
