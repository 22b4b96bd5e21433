//! Tasks: standalone and of services, how they fail, where they register.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use super::support::{Aws, MINUTE, definition, merge};
use crate::{Emulator, TaskFate, TaskScript, Timings};

fn run(changes: Value) -> Value {
    let request = json!({
        "cluster": "shop", "taskDefinition": "web", "launchType": "FARGATE",
        "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-a"] } },
    });
    merge(request, changes)
}

#[test]
fn a_stopped_task_says_why_and_the_service_replaces_it() {
    let aws = Aws::with_shop();
    aws.create(json!({}));
    aws.pass(MINUTE);
    let task = aws.tasks("RUNNING")[0]["taskArn"].clone();
    let stopped = aws.ok("StopTask", json!({ "cluster": "shop", "task": task, "reason": "test" }))["task"].clone();
    assert_eq!((&stopped["desiredStatus"], &stopped["stopCode"]), (&json!("STOPPED"), &json!("UserInitiated")));
    aws.pass(MINUTE * 2);
    let described = aws.ok("DescribeTasks", json!({ "cluster": "shop", "tasks": [task] }))["tasks"][0].clone();
    assert_eq!((&described["lastStatus"], &described["stoppedReason"]), (&json!("STOPPED"), &json!("test")));
    assert_eq!(aws.web()["runningCount"], 2);
    assert_eq!(aws.web()["deployments"][0]["rolloutState"], "COMPLETED");
    aws.pass(MINUTE * 61);
    let answer = aws.ok("DescribeTasks", json!({ "cluster": "shop", "tasks": [task] }));
    assert_eq!(answer["failures"][0]["reason"], "MISSING");
}

#[test]
fn a_standalone_task_runs_and_its_client_token_is_honoured() {
    let aws = Aws::with_shop();
    let first = aws.ok("RunTask", run(json!({ "count": 2, "clientToken": "t", "startedBy": "me" })));
    assert_eq!(first["tasks"].as_array().unwrap().len(), 2);
    assert_eq!(first["tasks"][0]["group"], "family:web");
    let again = aws.ok("RunTask", run(json!({ "count": 2, "clientToken": "t", "startedBy": "me" })));
    assert_eq!(again["tasks"][0]["taskArn"], first["tasks"][0]["taskArn"]);
    assert_eq!(aws.refused("RunTask", run(json!({ "count": 1, "clientToken": "t" }))).0, "ConflictException");
    aws.pass(MINUTE);
    assert_eq!(aws.tasks("RUNNING").len(), 2);
    assert_eq!(aws.ok("ListTasks", json!({ "cluster": "shop", "startedBy": "you" }))["taskArns"], json!([]));
    assert_eq!(aws.refused("DeleteCluster", json!({ "cluster": "shop" })).0, "ClusterContainsTasksException");
    assert_eq!(aws.refused("RunTask", run(json!({ "count": 11 }))).0, "InvalidParameterException");
}

#[test]
fn a_task_that_fails_its_health_check_is_stopped_by_the_scheduler() {
    let aws = Aws::with_shop();
    let mut asked = definition("web", "shop:unhealthy");
    asked["containerDefinitions"][0]["healthCheck"] =
        json!({ "command": ["CMD", "false"], "interval": 5, "retries": 2 });
    aws.ok("RegisterTaskDefinition", asked);
    aws.create(json!({ "desiredCount": 1 }));
    aws.pass(MINUTE);
    let stopped = &aws.tasks("STOPPED")[0];
    assert_eq!(stopped["healthStatus"], "UNHEALTHY");
    assert_eq!(stopped["stopCode"], "ServiceSchedulerInitiated");
    assert_eq!(stopped["stoppedReason"], "Task failed container health checks");
    assert!(aws.events().iter().any(|text| text.ends_with("failed container health checks.")));
}

#[test]
fn a_container_killed_for_its_memory_leaves_exit_code_137() {
    let aws = Aws::with_shop();
    aws.register("web", "landbridge.test/crash-after-1s:exit-137");
    aws.ok("RunTask", run(json!({})));
    aws.pass(MINUTE);
    let container = &aws.tasks("STOPPED")[0]["containers"][0];
    assert_eq!(container["exitCode"], 137);
    assert!(container["reason"].as_str().unwrap().starts_with("OutOfMemoryError"));
}

#[test]
fn without_capacity_nothing_is_placed_until_there_is_some() {
    let aws = Aws::with_shop();
    aws.0.script(TaskScript::new("nginx:*", TaskFate::NoCapacity));
    let answer = aws.ok("RunTask", run(json!({})));
    assert!(answer["failures"][0]["reason"].as_str().unwrap().starts_with("Capacity is unavailable"));
    aws.create(json!({}));
    aws.pass(MINUTE);
    assert!(aws.events()[0].starts_with("(service web) was unable to place a task. Reason: Capacity"));
    assert_eq!(aws.web()["pendingCount"], 0);
    aws.0.clear_scripts();
    aws.pass(MINUTE * 2);
    assert_eq!(aws.web()["deployments"][0]["rolloutState"], "COMPLETED");
}

#[test]
fn a_role_that_does_not_exist_keeps_a_task_from_starting() {
    let aws = Aws::with_shop();
    aws.ok(
        "RegisterTaskDefinition",
        merge(definition("web", "nginx"), json!({ "taskRoleArn": "arn:aws:iam::000000000000:role/none" })),
    );
    aws.ok("RunTask", run(json!({})));
    aws.pass(MINUTE);
    let stopped = &aws.tasks("STOPPED")[0];
    assert_eq!(stopped["stopCode"], "TaskFailedToStart");
    assert!(stopped["stoppedReason"].as_str().unwrap().starts_with("ECS was unable to assume the role"), "{stopped}");
}

#[test]
fn tags_reach_tasks_as_the_service_says() {
    let aws = Aws::with_shop();
    aws.create(json!({
        "desiredCount": 1, "propagateTags": "SERVICE", "enableECSManagedTags": true, "tags": [{ "key": "team", "value": "shop" }],
    }));
    aws.pass(MINUTE);
    let tasks = aws.ok("ListTasks", json!({ "cluster": "shop", "serviceName": "web" }))["taskArns"].clone();
    let described = aws.ok("DescribeTasks", json!({ "cluster": "shop", "tasks": tasks, "include": ["TAGS"] }));
    let tags = described["tasks"][0]["tags"].as_array().unwrap();
    assert!(tags.contains(&json!({ "key": "team", "value": "shop" })));
    assert!(tags.contains(&json!({ "key": "aws:ecs:serviceName", "value": "web" })));
}

#[test]
fn running_tasks_are_registered_in_cloud_map_and_taken_out_when_they_stop() {
    let aws = Aws::with_shop();
    let cloud_map = |operation: &str, input: Value| {
        let request = Request::post("/")
            .header("x-amz-target", format!("Route53AutoNaming_v20170314.{operation}"))
            .body(Bytes::from(input.to_string()))
            .unwrap();
        let response = aws.0.respond(request);
        serde_json::from_slice::<Value>(response.body()).unwrap()
    };
    cloud_map("CreatePrivateDnsNamespace", json!({ "Name": "shop.internal", "Vpc": "vpc-1" }));
    aws.pass(MINUTE);
    let namespace = cloud_map("ListNamespaces", json!({}))["Namespaces"][0]["Id"].clone();
    let records = json!({ "DnsRecords": [{ "Type": "A", "TTL": 10 }] });
    let asked = json!({ "Name": "web", "NamespaceId": namespace, "DnsConfig": records, "HealthCheckCustomConfig": {} });
    let registry = cloud_map("CreateService", asked)["Service"].clone();
    let unknown = json!({ "serviceRegistries": [{ "registryArn": "arn:aws:servicediscovery:us-east-1:000000000000:service/srv-no" }] });
    assert_eq!(aws.refused("CreateService", super::support::service(unknown)).0, "InvalidParameterException");
    aws.create(json!({ "serviceRegistries": [{ "registryArn": registry["Arn"] }] }));
    aws.pass(MINUTE);
    let instances =
        || cloud_map("ListInstances", json!({ "ServiceId": registry["Id"] }))["Instances"].as_array().unwrap().clone();
    assert_eq!(instances().len(), 2);
    assert_eq!(instances()[0]["Attributes"]["ECS_SERVICE_NAME"], "web");
    assert!(instances()[0]["Attributes"]["AWS_INSTANCE_IPV4"].as_str().unwrap().starts_with("10."));
    aws.update(json!({ "desiredCount": 0 }));
    aws.pass(MINUTE);
    assert!(instances().is_empty());
}

#[test]
fn five_thousand_services_reach_steady_state_and_none_is_lost() {
    let timings = Timings { stopped_retention: Duration::from_secs(1), ..Timings::default() };
    let clock = crate::Clock::manual(jiff::Timestamp::UNIX_EPOCH);
    let aws = Aws(Emulator::builder().clock(clock).timings(timings).build());
    aws.ok("CreateCluster", json!({ "clusterName": "shop" }));
    aws.register("web", "nginx:1");
    for n in 0..5000 {
        aws.create(json!({ "serviceName": format!("s{n}"), "desiredCount": 1 }));
    }
    aws.pass(MINUTE * 2);
    let cluster = aws.ok("DescribeClusters", json!({ "clusters": ["shop"] }))["clusters"][0].clone();
    assert_eq!(
        (cluster["activeServicesCount"].as_i64(), cluster["runningTasksCount"].as_i64()),
        (Some(5000), Some(5000))
    );
    let ten: Vec<String> = (4990..5000).map(|n| format!("s{n}")).collect();
    let described = aws.ok("DescribeServices", json!({ "cluster": "shop", "services": ten }))["services"].clone();
    assert!(described.as_array().unwrap().iter().all(|it| it["deployments"][0]["rolloutState"] == "COMPLETED"));
}
