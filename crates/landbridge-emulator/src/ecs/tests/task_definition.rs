//! Task definitions: what is filled in, what is refused, and how revisions live.

use serde_json::{Value, json};

use super::support::{Aws, MINUTE, definition, merge};

#[test]
fn a_definition_reads_back_with_the_defaults_of_the_api() {
    let aws = Aws::new();
    let container = json!({
        "name": "web", "image": "nginx:1", "portMappings": [{ "containerPort": 80 }],
        "environment": [{ "name": "B", "value": "2" }, { "name": "A", "value": "1" }],
        "mountPoints": [{ "sourceVolume": "data", "containerPath": "/data" }],
        "healthCheck": { "command": ["CMD", "true"] }, "memberOfTheFuture": 1,
    });
    let asked = merge(
        definition("web", "x"),
        json!({ "cpu": ".25 vCPU", "memory": "0.5 GB", "containerDefinitions": [container], "volumes": [{ "name": "data" }] }),
    );
    let answer = aws.ok("RegisterTaskDefinition", merge(asked, json!({ "tags": [{ "key": "a", "value": "b" }] })));
    assert_eq!(answer["tags"], json!([{ "key": "a", "value": "b" }]));
    let read = aws.ok("DescribeTaskDefinition", json!({ "taskDefinition": "web:1" }))["taskDefinition"].clone();
    assert_eq!((read["cpu"].as_str(), read["memory"].as_str()), (Some("256"), Some("512")));
    assert_eq!((&read["status"], &read["revision"]), (&json!("ACTIVE"), &json!(1)));
    assert_eq!(read["volumes"], json!([{ "name": "data", "configuredAtLaunch": false, "host": {} }]));
    let web = &read["containerDefinitions"][0];
    assert_eq!((&web["cpu"], &web["essential"], &web["memberOfTheFuture"]), (&json!(0), &json!(true), &json!(1)));
    assert_eq!(web["portMappings"], json!([{ "containerPort": 80, "hostPort": 80, "protocol": "tcp" }]));
    assert_eq!(web["environment"][0]["name"], "A");
    assert_eq!(web["mountPoints"][0]["readOnly"], false);
    assert_eq!(web["healthCheck"], json!({ "command": ["CMD", "true"], "interval": 30, "timeout": 5, "retries": 3 }));
    assert_eq!((&web["volumesFrom"], &web["systemControls"]), (&json!([]), &json!([])));
    let compatible = read["compatibilities"].as_array().unwrap();
    assert!(compatible.contains(&json!("FARGATE")) && compatible.contains(&json!("EC2")), "{compatible:?}");
}

#[test]
fn an_empty_role_is_no_role() {
    let aws = Aws::new();
    let asked = merge(definition("web", "x"), json!({ "taskRoleArn": "", "executionRoleArn": "" }));
    let read = aws.ok("RegisterTaskDefinition", asked.clone())["taskDefinition"].clone();
    assert!(read.get("taskRoleArn").is_none() && read.get("executionRoleArn").is_none(), "{read}");
    let container = json!({ "name": "web", "image": "x", "secrets": [{ "name": "S", "valueFrom": "arn" }] });
    let (_, message) =
        aws.refused("RegisterTaskDefinition", merge(asked, json!({ "containerDefinitions": [container] })));
    assert!(message.contains("executionRoleArn"), "{message}");
}

#[test]
fn what_fargate_cannot_run_is_refused_with_the_reason() {
    let aws = Aws::new();
    let container =
        |changes: Value| json!({ "containerDefinitions": [merge(json!({ "name": "web", "image": "x" }), changes)] });
    let eleven: Vec<Value> = (0..11).map(|n| json!({ "name": format!("c{n}"), "image": "x" })).collect();
    let twice = json!([{ "name": "web", "image": "x" }, { "name": "web", "image": "y" }]);
    let round = json!([
        { "name": "a", "image": "x", "dependsOn": [{ "containerName": "b", "condition": "START" }] },
        { "name": "b", "image": "x", "dependsOn": [{ "containerName": "a", "condition": "START" }] },
    ]);
    for (changes, reason) in [
        (json!({ "family": "no good" }), "Family contains invalid characters"),
        (json!({ "containerDefinitions": [] }), "Container list cannot be empty"),
        (json!({ "memory": "8192" }), "No Fargate configuration exists for given values: 256 CPU, 8192 memory."),
        (json!({ "cpu": null }), "'cpu' be defined at the task level"),
        (json!({ "memory": "lots" }), "Invalid 'memory' setting"),
        (json!({ "networkMode": "bridge" }), "Fargate only supports network mode"),
        (json!({ "containerDefinitions": eleven }), "at most 10"),
        (json!({ "containerDefinitions": twice }), "'web' is used twice"),
        (json!({ "containerDefinitions": round }), "cycle"),
        (container(json!({ "image": "" })), "Container.image should not be null or empty."),
        (container(json!({ "essential": false })), "at least one container must be essential"),
        (container(json!({ "dependsOn": [{ "containerName": "db", "condition": "START" }] })), "'db'"),
        (container(json!({ "mountPoints": [{ "sourceVolume": "none" }] })), "unknown volume 'none'"),
        (
            container(json!({ "logConfiguration": { "logDriver": "awslogs" } })),
            "execution role ARN to support log driver awslogs",
        ),
        (container(json!({ "secrets": [{ "name": "S", "valueFrom": "arn" }] })), "executionRoleArn"),
        (container(json!({ "privileged": true })), "does not support 'privileged'"),
        (container(json!({ "memory": 1024 })), "exceeds the task's"),
        (container(json!({ "command": ["x".repeat(70_000)] })), "Max allowed length"),
        (json!({ "ephemeralStorage": { "sizeInGiB": 20 } }), "between 21 and 200"),
    ] {
        let (code, message) = aws.refused("RegisterTaskDefinition", merge(definition("web", "x"), changes.clone()));
        assert_eq!(code, "ClientException", "{changes}");
        assert!(message.contains(reason), "{changes}: {message}");
    }
    assert_eq!(aws.ok("ListTaskDefinitions", json!({}))["taskDefinitionArns"], json!([]));
}

#[test]
fn every_documented_fargate_size_is_taken_and_its_neighbours_are_not() {
    use crate::ecs::validate::is_fargate_size;
    for (cpu, good, bad) in [
        (256, vec![512, 1024, 2048], vec![256, 1536, 3072]),
        (1024, vec![2048, 8192], vec![1024, 9216, 2049]),
        (8192, vec![16384, 20480, 61440], vec![18432, 65536]),
        (16384, vec![32768, 122_880], vec![36864]),
        (32768, vec![61440, 122_880, 249_856], vec![65536, 245_760]),
        (384, vec![], vec![1024]),
    ] {
        assert!(good.iter().all(|memory| is_fargate_size(cpu, *memory)), "{cpu}");
        assert!(!bad.iter().any(|memory| is_fargate_size(cpu, *memory)), "{cpu}");
    }
}

#[test]
fn revisions_only_grow_and_a_family_alone_means_its_newest_active_one() {
    let aws = Aws::new();
    for image in ["x:1", "x:2", "x:3"] {
        aws.register("web", image);
    }
    aws.ok("DeregisterTaskDefinition", json!({ "taskDefinition": "web:3" }));
    let newest = aws.ok("DescribeTaskDefinition", json!({ "taskDefinition": "web" }));
    assert_eq!(newest["taskDefinition"]["revision"], 2);
    assert_eq!(aws.register("web", "x:4")["revision"], 4);
    let arns = aws.ok("ListTaskDefinitions", json!({ "familyPrefix": "web", "sort": "DESC", "maxResults": 2 }));
    let prefix = "arn:aws:ecs:us-east-1:000000000000:task-definition/web";
    assert_eq!(arns["taskDefinitionArns"], json!([format!("{prefix}:4"), format!("{prefix}:2")]));
    let more = json!({ "familyPrefix": "web", "sort": "DESC", "maxResults": 2, "nextToken": arns["nextToken"] });
    assert_eq!(aws.ok("ListTaskDefinitions", more)["taskDefinitionArns"], json!([format!("{prefix}:1")]));
    assert_eq!(aws.ok("ListTaskDefinitionFamilies", json!({ "familyPrefix": "w" }))["families"], json!(["web"]));
    let (code, message) = aws.refused("DescribeTaskDefinition", json!({ "taskDefinition": "none" }));
    assert_eq!((code.as_str(), message.as_str()), ("ClientException", "Unable to describe task definition."));
}

#[test]
fn deletion_needs_deregistration_and_waits_for_the_last_service() {
    let aws = Aws::with_shop();
    aws.create(json!({}));
    aws.pass(MINUTE);
    let delete = || aws.ok("DeleteTaskDefinitions", json!({ "taskDefinitions": ["web:1"] }));
    assert_eq!(delete()["failures"].as_array().unwrap().len(), 1);
    let gone = aws.ok("DeregisterTaskDefinition", json!({ "taskDefinition": "web:1" }));
    assert_eq!(gone["taskDefinition"]["status"], "INACTIVE");
    aws.update(json!({ "desiredCount": 3 }));
    aws.pass(MINUTE);
    assert_eq!(aws.web()["runningCount"], 3, "a service keeps running a deregistered definition");
    assert_eq!(delete()["taskDefinitions"][0]["status"], "DELETE_IN_PROGRESS");
    aws.ok("DescribeTaskDefinition", json!({ "taskDefinition": "web:1" }));
    aws.ok("DeleteService", json!({ "cluster": "shop", "service": "web", "force": true }));
    aws.pass(MINUTE);
    assert_eq!(aws.refused("DescribeTaskDefinition", json!({ "taskDefinition": "web:1" })).0, "ClientException");
}
