//! Values that mean the same to ECS have one canonical form; values that do not, do not.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it finds something wrong")]

use landbridge_plan::canonical::{self, content_hash};
use serde_json::{Value, json};

fn same_task(left: &Value, right: &Value) {
    let (left, right) = (canonical::task_definition(left), canonical::task_definition(right));
    assert_eq!(left, right);
}

fn different_task(left: &Value, right: &Value) {
    assert_ne!(canonical::task_definition(left), canonical::task_definition(right));
}

fn same_service(left: &Value, right: &Value) {
    let (left, right) = (canonical::service(left), canonical::service(right));
    assert_eq!(left, right);
}

fn different_service(left: &Value, right: &Value) {
    assert_ne!(canonical::service(left), canonical::service(right));
}

fn web(fields: &Value) -> Value {
    let mut container = json!({ "name": "web", "image": "nginx" });
    container.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    json!({ "family": "web", "containerDefinitions": [container] })
}

#[test]
fn a_task_definition_equals_what_aws_returns_for_it() {
    let written = json!({
        "family": "shop-web", "cpu": 256, "memory": "0.5 GB", "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "containerDefinitions": [{
            "name": "web", "image": "nginx:1.29",
            "portMappings": [{ "containerPort": 80, "name": "http", "appProtocol": "http" }],
            "environment": [{ "name": "B", "value": "2" }, { "name": "A", "value": "1" }],
            "healthCheck": { "command": ["CMD-SHELL", "true"] },
            "mountPoints": [{ "sourceVolume": "data", "containerPath": "/data" }],
        }],
        "volumes": [{ "name": "data", "efsVolumeConfiguration": { "fileSystemId": "fs-1" } }],
    });
    let returned = json!({
        "taskDefinitionArn": "arn:aws:ecs:eu-central-1:111122223333:task-definition/shop-web:7",
        "revision": 7, "status": "ACTIVE", "registeredAt": 1_790_000_000.5, "registeredBy": "arn:aws:iam::111122223333:root",
        "requiresAttributes": [{ "name": "ecs.capability.task-eni" }], "compatibilities": ["EC2", "FARGATE"],
        "family": "shop-web", "cpu": "256", "memory": "512", "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"], "placementConstraints": [], "enableFaultInjection": false,
        "containerDefinitions": [{
            "name": "web", "image": "nginx:1.29", "cpu": 0, "essential": true,
            "portMappings": [
                { "containerPort": 80, "hostPort": 80, "protocol": "tcp", "name": "http", "appProtocol": "http" }
            ],
            "environment": [{ "name": "A", "value": "1" }, { "name": "B", "value": "2" }],
            "healthCheck": { "command": ["CMD-SHELL", "true"], "interval": 30, "timeout": 5, "retries": 3 },
            "mountPoints": [{ "sourceVolume": "data", "containerPath": "/data", "readOnly": false }],
            "volumesFrom": [], "systemControls": [],
        }],
        "volumes": [{
            "name": "data", "configuredAtLaunch": false,
            "efsVolumeConfiguration": { "fileSystemId": "fs-1", "rootDirectory": "/", "transitEncryption": "DISABLED" },
        }],
    });
    same_task(&written, &returned);
    assert_eq!(content_hash(&written), content_hash(&returned));
}

#[test]
fn a_service_equals_what_aws_returns_for_it() {
    let written = json!({
        "launchType": "FARGATE",
        "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-b", "subnet-a"], "securityGroups": ["sg-1"] } },
        "deploymentConfiguration": { "deploymentCircuitBreaker": { "enable": true, "rollback": true } },
    });
    let returned = json!({
        "serviceArn": "arn:aws:ecs:eu-central-1:111122223333:service/prod/web", "serviceName": "web", "status": "ACTIVE",
        "clusterArn": "arn:aws:ecs:eu-central-1:111122223333:cluster/prod", "desiredCount": 2, "runningCount": 2,
        "launchType": "FARGATE", "platformVersion": "LATEST", "platformFamily": "Linux", "loadBalancers": [],
        "serviceRegistries": [], "placementConstraints": [], "placementStrategy": [], "events": [], "tags": [],
        "networkConfiguration": { "awsvpcConfiguration": {
            "subnets": ["subnet-a", "subnet-b"], "securityGroups": ["sg-1"], "assignPublicIp": "DISABLED"
        } },
        "deploymentConfiguration": {
            "deploymentCircuitBreaker": { "enable": true, "rollback": true }, "maximumPercent": 200,
            "minimumHealthyPercent": 100, "strategy": "ROLLING", "bakeTimeInMinutes": 0
        },
        "roleArn": "arn:aws:iam::111122223333:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS",
        "healthCheckGracePeriodSeconds": 0, "schedulingStrategy": "REPLICA", "deploymentController": { "type": "ECS" },
        "enableECSManagedTags": false, "propagateTags": "NONE", "enableExecuteCommand": false,
        "availabilityZoneRebalancing": "ENABLED",
    });
    same_service(&written, &returned);
}

#[test]
fn every_spelling_of_a_size_is_one() {
    for (cpu, memory) in [(json!(1024), json!(2048)), (json!("1024"), json!("2 GB")), (json!("1 vCPU"), json!("2gb"))] {
        let form = canonical::task_definition(&json!({ "cpu": cpu, "memory": memory }));
        assert_eq!((&form["cpu"], &form["memory"]), (&json!("1024"), &json!("2048")));
    }
    let form = canonical::task_definition(&json!({ "cpu": "a lot" }));
    assert_eq!(form["cpu"], "a lot", "what is no size is left for AWS to refuse");
}

#[test]
fn a_host_port_is_the_containers_own_where_the_network_is_shared() {
    for mode in ["awsvpc", "host"] {
        let port =
            |port| json!({ "networkMode": mode, "containerDefinitions": [{ "name": "a", "portMappings": [port] }] });
        same_task(&port(json!({ "containerPort": 80 })), &port(json!({ "containerPort": 80, "hostPort": 80 })));
        same_task(&port(json!({ "containerPort": 80 })), &port(json!({ "containerPort": 80, "hostPort": 0 })));
        different_task(&port(json!({ "containerPort": 80 })), &port(json!({ "containerPort": 81 })));
    }
}

#[test]
fn a_bridge_port_of_zero_is_any_port() {
    let port = |port| web(&json!({ "portMappings": [port] }));
    same_task(&port(json!({ "containerPort": 80 })), &port(json!({ "containerPort": 80, "hostPort": 0 })));
    different_task(&port(json!({ "containerPort": 80 })), &port(json!({ "containerPort": 80, "hostPort": 80 })));
}

#[test]
fn a_start_period_of_zero_is_none() {
    let check = |start| web(&json!({ "healthCheck": { "command": ["CMD", "ok"], "startPeriod": start } }));
    same_task(&check(json!(0)), &check(Value::Null));
    different_task(&check(json!(10)), &check(Value::Null));
}

#[test]
fn linux_on_x86_is_the_platform_of_fargate_alone() {
    let task = |on, platform| json!({ "requiresCompatibilities": [on], "runtimePlatform": platform });
    let linux = json!({ "operatingSystemFamily": "LINUX", "cpuArchitecture": "X86_64" });
    same_task(&task("FARGATE", Value::Null), &task("FARGATE", linux.clone()));
    same_task(&task("FARGATE", json!({ "cpuArchitecture": "X86_64" })), &task("FARGATE", linux.clone()));
    different_task(&task("FARGATE", json!({ "cpuArchitecture": "ARM64" })), &task("FARGATE", linux.clone()));
    different_task(&task("EC2", Value::Null), &task("EC2", linux));
}

#[test]
fn order_counts_where_it_means_something() {
    for field in ["command", "entryPoint", "dnsServers", "dnsSearchDomains", "links"] {
        different_task(&web(&json!({ field: ["a", "b"] })), &web(&json!({ field: ["b", "a"] })));
    }
    let files = |first, second| json!({ "environmentFiles": [{ "type": "s3", "value": first }, { "type": "s3", "value": second }] });
    different_task(&web(&files("a.env", "b.env")), &web(&files("b.env", "a.env")));
    let strategy = |first, second| json!({ "placementStrategy": [{ "type": "spread", "field": first }, { "type": "spread", "field": second }] });
    different_service(&strategy("instanceId", "attribute:a"), &strategy("attribute:a", "instanceId"));
}

#[test]
fn the_hash_follows_content_and_neither_family_nor_tags() {
    let one = web(&json!({}));
    let mut other = one.clone();
    other["family"] = json!("another");
    other["tags"] = json!([{ "key": "team", "value": "shop" }]);
    assert_eq!(content_hash(&one), content_hash(&other));
    assert_ne!(content_hash(&one), content_hash(&web(&json!({ "image": "nginx:2" }))));
    assert!(content_hash(&one).len() >= 16 && content_hash(&one).bytes().all(|byte| byte.is_ascii_hexdigit()));
}

/// Hashes are on AWS's side as tags: a change of the canonical form must not come about by accident, because every
/// service would get a new revision.
#[test]
fn the_hash_of_a_known_task_definition_never_changes() {
    let task = json!({ "cpu": 256, "memory": 512, "requiresCompatibilities": ["FARGATE"], "containerDefinitions": [
        { "name": "web", "image": "nginx:1.29", "portMappings": [{ "containerPort": 80 }] }
    ] });
    assert_eq!(content_hash(&task), "60da193a0cdd0c4fb1e3");
}

#[test]
fn a_request_spells_sizes_as_ecs_does_and_adds_nothing() {
    let written = json!({ "cpu": 256, "memory": "1 GB", "volumes": [], "pidMode": null, "containerDefinitions": [
        { "name": "web", "environment": [{ "name": "B", "value": "" }, { "name": "A", "value": "1" }] }
    ] });
    let sent = json!({ "cpu": "256", "memory": "1024", "containerDefinitions": [
        { "name": "web", "environment": [{ "name": "B", "value": "" }, { "name": "A", "value": "1" }] }
    ] });
    assert_eq!(canonical::task_definition_request(&written), sent);
}

#[test]
fn a_daemon_may_lose_every_task_and_is_not_rebalanced() {
    let daemon =
        canonical::service(&json!({ "schedulingStrategy": "DAEMON", "availabilityZoneRebalancing": "ENABLED" }));
    let deployment = &daemon["deploymentConfiguration"];
    assert_eq!((&deployment["maximumPercent"], &deployment["minimumHealthyPercent"]), (&json!(100), &json!(0)));
    assert_eq!(daemon["availabilityZoneRebalancing"], "DISABLED");
}

#[test]
fn zones_are_rebalanced_by_default_where_ecs_deploys() {
    assert_eq!(canonical::service(&json!({}))["availabilityZoneRebalancing"], "ENABLED");
    let foreign = json!({ "deploymentController": { "type": "CODE_DEPLOY" } });
    assert_eq!(canonical::service(&foreign)["availabilityZoneRebalancing"], "DISABLED");
}

#[test]
fn an_empty_block_counts_where_it_means_something() {
    let volume = |fields: Value| json!({ "volumes": [fields] });
    same_task(&volume(json!({ "name": "a", "host": {} })), &volume(json!({ "name": "a" })));
    let docker = volume(json!({ "name": "a", "dockerVolumeConfiguration": {} }));
    different_task(&docker, &volume(json!({ "name": "a" })));
    assert_ne!(content_hash(&docker), content_hash(&volume(json!({ "name": "a" }))));
    assert_eq!(canonical::task_definition_request(&docker), docker);
}

#[test]
fn placement_fields_have_one_spelling() {
    let by = |field| json!({ "placementStrategy": [{ "type": "binpack", "field": field }] });
    same_service(&by("cpu"), &by("CPU"));
    same_service(&by("memory"), &by("MEMORY"));
    same_service(&by("host"), &by("instanceId"));
    different_service(&by("cpu"), &by("memory"));
    different_service(&by("attribute:a"), &by("attribute:A"));
}

#[test]
fn a_launch_type_beside_a_strategy_does_not_count() {
    let strategy = json!([{ "capacityProvider": "FARGATE_SPOT", "weight": 1 }]);
    same_service(
        &json!({ "launchType": "FARGATE", "capacityProviderStrategy": strategy }),
        &json!({ "capacityProviderStrategy": [{ "capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0 }] }),
    );
    different_service(
        &json!({ "launchType": "FARGATE" }),
        &json!({ "launchType": "EC2", "capacityProviderStrategy": [] }),
    );
}

#[test]
fn service_connect_that_is_off_is_none() {
    same_service(&json!({ "serviceConnectConfiguration": { "enabled": false } }), &json!({}));
    let named = |name: Value| json!({ "serviceConnectConfiguration": { "enabled": true, "services": [{ "portName": "http", "discoveryName": name }] } });
    same_service(&named(Value::Null), &named(json!("http")));
    different_service(&named(Value::Null), &named(json!("web")));
}

#[test]
fn steps_of_traffic_have_defaults_under_their_own_strategy() {
    let deployment = |fields: Value| json!({ "deploymentConfiguration": fields });
    same_service(
        &deployment(json!({ "strategy": "CANARY" })),
        &deployment(
            json!({ "strategy": "CANARY", "canaryConfiguration": { "canaryPercent": 5, "canaryBakeTimeInMinutes": 10 } }),
        ),
    );
    same_service(
        &deployment(json!({ "strategy": "LINEAR", "linearConfiguration": { "stepPercent": 10.0 } })),
        &deployment(json!({ "strategy": "LINEAR" })),
    );
    assert_eq!(canonical::service(&json!({}))["deploymentConfiguration"].get("canaryConfiguration"), None);
}

#[test]
fn what_is_no_object_stays_what_it_is() {
    for value in [Value::Null, json!("text"), json!([1]), json!(true)] {
        assert_eq!(canonical::task_definition(&value), value);
        assert_eq!(canonical::service(&value), value);
    }
    let odd = json!({ "containerDefinitions": "none", "networkMode": 7, "runtimePlatform": [], "requiresCompatibilities": ["FARGATE"] });
    assert_eq!(canonical::task_definition(&odd)["containerDefinitions"], "none");
    let odd = json!({ "deploymentConfiguration": 1, "schedulingStrategy": "DAEMON", "serviceConnectConfiguration": [], "placementStrategy": [1] });
    assert_eq!(canonical::service(&odd)["deploymentConfiguration"], 1);
}

/// Ten thousand a second are wanted from an optimised build; this one is not, and shares its machine, so it is given
/// time, but a schema read anew for each value would still be seen.
#[test]
fn hashing_is_quick() {
    let containers: Vec<_> = (0..3)
        .map(|n| {
            json!({ "name": format!("c{n}"), "image": "nginx", "portMappings": [{ "containerPort": 80 + n }],
                "environment": (0..20).map(|n| json!({ "name": format!("V{n}"), "value": "x" })).collect::<Vec<_>>(),
                "logConfiguration": { "logDriver": "awslogs", "options": { "awslogs-group": "g" } } })
        })
        .collect();
    let task = json!({ "cpu": 256, "memory": 512, "containerDefinitions": containers });
    let start = std::time::Instant::now();
    for _ in 0..500 {
        content_hash(&task);
    }
    let took = start.elapsed();
    assert!(took.as_millis() < 2_500, "500 hashes took {took:?}");
}
