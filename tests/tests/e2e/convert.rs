//! What `landbridge convert` writes is taken by a real API server: manifests by Kubernetes' own validation, an ECSService by the
//! schema and the CEL rules of its CRD.

use kube::api::DynamicObject;
use landbridge_plan::convert::{Conversion, Document, ecs, kubernetes, to_ecs, to_kubernetes};
use landbridge_tests::{Stage, repository};
use serde_json::{Value, json};

use crate::docs::try_one;

/// Kinds whose CRDs are of others and not on the test's API server.
const FOREIGN: &[&str] = &["ExternalSecret", "SecurityGroupPolicy", "HTTPRoute"];

fn documents(text: &str) -> Vec<Document> {
    let values: Vec<Value> = serde_saphyr::from_multiple(text).unwrap();
    values.into_iter().map(|value| Document { file: "a.yaml".into(), line: 1, value }).collect()
}

/// A file, or all files of a folder, of the how-to page.
fn example(name: &str) -> Vec<Document> {
    let path = repository().join("docs/how-to/convert").join(name);
    let read = |path: &std::path::Path| documents(&std::fs::read_to_string(path).unwrap());
    if !path.is_dir() {
        return read(&path);
    }
    let mut files: Vec<_> = std::fs::read_dir(path).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    files.iter().flat_map(|f| read(f)).collect()
}

async fn all_are_taken(stage: &Stage, conversion: &Conversion) -> Vec<String> {
    let (mut kinds, mut refused) = (Vec::new(), Vec::new());
    for object in &conversion.objects {
        let kind = object["kind"].as_str().unwrap().to_owned();
        if FOREIGN.contains(&kind.as_str()) {
            continue;
        }
        // What people get is YAML; it must mean the same.
        let text = serde_saphyr::to_string(object).unwrap();
        let read: Value = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(read, *object);
        let object: DynamicObject = serde_json::from_value(read).unwrap();
        if let Err(error) = try_one(&stage.client, &object).await {
            refused.push(format!(
                "{kind}: {error:#}
{text}"
            ));
        }
        kinds.push(kind);
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
    kinds.sort();
    kinds.dedup();
    kinds
}

/// Task definitions with what is seldom used.
fn seldom() -> Vec<Value> {
    vec![
        json!({"family": "Every_Thing", "networkMode": "host", "pidMode": "task", "cpu": "1 vCPU", "memory": "3 GB",
        "ephemeralStorage": {"sizeInGiB": 40},
        "volumes": [{"name": "scratch"}, {"name": "disk", "configuredAtLaunch": true}, {"name": "host", "host": {"sourcePath": "/var/log"}}],
        "containerDefinitions": [
            {"name": "Main_App", "image": "nginx", "cpu": 333, "memory": 1000, "memoryReservation": 500, "user": "1000:1000",
             "portMappings": [{"containerPort": 8080, "name": "a_long_name_for_a_port"}, {"containerPort": 53, "protocol": "udp"}, {"containerPortRange": "9000-9003"}],
             "mountPoints": [{"sourceVolume": "scratch", "containerPath": "/tmp"}, {"sourceVolume": "host", "containerPath": "/logs", "readOnly": true}],
             "linuxParameters": {"capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]}, "sharedMemorySize": 64, "tmpfs": [{"containerPath": "/run", "size": 16}]},
             "dependsOn": [{"containerName": "proxy", "condition": "HEALTHY"}, {"containerName": "init", "condition": "SUCCESS"}],
             "systemControls": [{"namespace": "net.ipv4.ip_local_port_range", "value": "1024 65535"}], "stopTimeout": 70,
             "environment": [{"name": "A", "value": "$(B) $$ x"}, {"name": "E", "value": ""}],
             "environmentFiles": [{"value": "arn:aws:s3:::bucket/app.env", "type": "s3"}],
             "resourceRequirements": [{"type": "GPU", "value": "1"}], "interactive": true, "pseudoTerminal": true,
             "extraHosts": [{"hostname": "db.internal", "ipAddress": "10.0.0.9"}], "dnsServers": ["10.0.0.2"],
             "repositoryCredentials": {"credentialsParameter": "registry"}},
            {"name": "proxy", "image": "envoy", "healthCheck": {"command": ["CMD", "/ok"], "startPeriod": 61, "interval": 30}},
            {"name": "init", "image": "busybox", "essential": false, "command": ["true"]},
        ]}),
        json!({"family": "plain", "containerDefinitions": [{"name": "plain", "image": "nginx"}]}),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_converted_is_taken_by_the_api_server_on_both_sides() {
    let stage = Stage::without_operator(1.0).await;
    let options = kubernetes::Options::default();
    let made = to_kubernetes(&example("orders"), &options).unwrap();
    let kinds = all_are_taken(&stage, &made).await;
    let expected = [
        "Deployment",
        "HorizontalPodAutoscaler",
        "Ingress",
        "PersistentVolume",
        "PersistentVolumeClaim",
        "PodDisruptionBudget",
        "Service",
        "ServiceAccount",
    ];
    assert_eq!(kinds, expected);

    // And back: what came from ECS, what never was there, and what needs instances.
    let of = |objects: &[Value]| {
        objects.iter().map(|v| Document { file: "a".into(), line: 1, value: v.clone() }).collect::<Vec<_>>()
    };
    let again = to_ecs(&of(&made.objects), &ecs::Options::default()).unwrap();
    assert_eq!(all_are_taken(&stage, &again).await, ["ECSService"]);
    let web = to_ecs(&example("web.yaml"), &ecs::Options { iam_task_role: true, ..ecs::Options::default() }).unwrap();
    assert_eq!(all_are_taken(&stage, &web).await, ["ECSService", "IAMTaskRole"]);

    for task in seldom() {
        for scheduling in ["REPLICA", "DAEMON"] {
            let service = json!({"serviceName": "x", "taskDefinition": task["family"], "schedulingStrategy": scheduling,
                "deploymentConfiguration": {"maximumPercent": 100, "minimumHealthyPercent": 100},
                "placementConstraints": [{"type": "distinctInstance"}], "placementStrategy": [{"type": "spread", "field": "instanceId"}]});
            let made = to_kubernetes(&of(&[task.clone(), service]), &options).unwrap();
            all_are_taken(&stage, &made).await;
            let again = to_ecs(&of(&made.objects), &ecs::Options::default()).unwrap();
            all_are_taken(&stage, &again).await;
        }
        let scheduled = kubernetes::Options { schedule: Some("15 3 * * *".into()), ..options.clone() };
        all_are_taken(&stage, &to_kubernetes(&of(&[task]), &scheduled).unwrap()).await;
    }
    stage.end().await;
}
