//! From ECS to Kubernetes: what is made, beyond the defects of others.

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::CronJob;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::Ingress;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::*;
use crate::convert::usage::Usage;

/// The object as its type has it; a field that the type lacks would be gone.
fn typed<T: DeserializeOwned + Serialize>(object: &Value) {
    let read: T = serde_json::from_value(object.clone()).unwrap_or_else(|e| panic!("{e}: {object:#}"));
    assert_eq!(serde_json::to_value(&read).unwrap(), *object);
}

#[test]
fn every_object_is_one_of_its_type_and_nothing_is_misspelled() {
    let rich = task_with(&json!({
        "cpu": 100, "memory": 256, "privileged": true, "interactive": true, "pseudoTerminal": true, "user": "1",
        "portMappings": [{"containerPortRange": "9000-9002"}, {"containerPort": 53, "protocol": "udp"}],
        "linuxParameters": {"capabilities": {"add": ["NET_ADMIN"], "drop": ["ALL"]}, "sharedMemorySize": 64,
            "tmpfs": [{"containerPath": "/run", "size": 16}]},
        "systemControls": [{"namespace": "net.core.somaxconn", "value": "1024"}], "stopTimeout": 40,
        "resourceRequirements": [{"type": "GPU", "value": "1"}], "dnsServers": ["10.0.0.2"],
        "extraHosts": [{"hostname": "db", "ipAddress": "10.0.0.9"}], "environmentFiles": [{"value": "arn:aws:s3:::b/web.env", "type": "s3"}],
        "repositoryCredentials": {"credentialsParameter": "registry"},
    }));
    let mut all = forth(&super::samples::described(), &kubernetes::Options::default()).objects;
    all.extend(of_task(&rich).objects);
    let daemon = json!({"serviceName": "web", "taskDefinition": "web", "schedulingStrategy": "DAEMON",
        "placementConstraints": [{"type": "distinctInstance"}], "placementStrategy": [{"type": "spread", "field": "attribute:ecs.availability-zone"}]});
    all.extend(forth(&[document(&daemon), document(&rich)], &kubernetes::Options::default()).objects);
    let scheduled = kubernetes::Options { schedule: Some("15 3 * * *".into()), ..kubernetes::Options::default() };
    all.extend(forth(&[document(&rich)], &scheduled).objects);
    let mut kinds = std::collections::BTreeSet::new();
    for object in &all {
        kinds.insert(object["kind"].as_str().unwrap());
        match object["kind"].as_str().unwrap() {
            "Deployment" => typed::<Deployment>(object),
            "DaemonSet" => typed::<DaemonSet>(object),
            "CronJob" => typed::<CronJob>(object),
            "Service" => typed::<Service>(object),
            "ServiceAccount" => typed::<ServiceAccount>(object),
            "HorizontalPodAutoscaler" => typed::<HorizontalPodAutoscaler>(object),
            "PodDisruptionBudget" => typed::<PodDisruptionBudget>(object),
            "PersistentVolume" => typed::<PersistentVolume>(object),
            "PersistentVolumeClaim" => typed::<PersistentVolumeClaim>(object),
            "Ingress" => typed::<Ingress>(object),
            "ExternalSecret" | "SecurityGroupPolicy" => {}
            other => panic!("{other} is new: give it its type here"),
        }
    }
    assert_eq!(kinds.len(), 12, "{kinds:?}");
}

#[test]
fn requests_are_right_sized_from_usage_and_the_report_says_so() {
    let task = json!({"family": "web", "cpu": "1024", "memory": "2048", "containerDefinitions": [{"name": "web", "image": "nginx", "cpu": 1024}]});
    let usage = Usage::read(r#"[{"container": "web", "cpuP95": 102.4, "memoryMax": 400}]"#).unwrap();
    let options = kubernetes::Options { usage: Some(usage), eks_fargate: true, ..kubernetes::Options::default() };
    let made = forth(&[document(&task)], &options);
    let size = &made.report.sizes[0];
    assert_eq!((size.cpu_asked, size.memory_asked, size.cpu, size.memory), (123, 500, 256, 1024));
    assert_eq!(
        container(&made)["resources"],
        json!({"requests": {"cpu": "120m", "memory": "500Mi"}, "limits": {"memory": "2Gi"}})
    );
    assert!(made.objects[0]["spec"]["template"]["spec"]["resources"].get("requests").is_none());
    assert!(entry(&made, "containerDefinitions[web].cpu").note.contains("right-sized"));
    // On the way back the new size counts.
    let again = back(&made.objects, &ecs::Options::default());
    let container = &the(&again, "ECSService")["spec"]["taskDefinition"]["containerDefinitions"][0];
    assert_eq!((&container["cpu"], &container["memoryReservation"]), (&json!(123), &json!(500)));

    let usage = Usage::read(r#"[{"container": "wbe", "cpuP95": 1, "memoryMax": 1}]"#).unwrap();
    let options = kubernetes::Options { usage: Some(usage), ..kubernetes::Options::default() };
    let mistakes = to_kubernetes(&[document(&task)], &options).unwrap_err();
    assert!(mistakes[0].message.contains("container wbe, which no task definition has"), "{mistakes:?}");
}

#[test]
fn containers_start_in_the_order_in_which_they_depend_on_each_other() {
    let task = json!({"family": "web", "containerDefinitions": [
        {"name": "app", "image": "a", "dependsOn": [{"containerName": "migrate", "condition": "SUCCESS"}, {"containerName": "proxy", "condition": "HEALTHY"}]},
        {"name": "migrate", "image": "m", "essential": false, "dependsOn": [{"containerName": "proxy", "condition": "HEALTHY"}]},
        {"name": "proxy", "image": "p", "healthCheck": {"command": ["CMD", "/ok"]}},
        {"name": "logs", "image": "l", "essential": false},
    ]});
    let made = of_task(&task);
    let pod = &made.objects[0]["spec"]["template"]["spec"];
    let names = |list: &str| {
        pod[list].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        (names("initContainers"), names("containers")),
        (vec!["proxy".into(), "migrate".into()], vec!["app".into(), "logs".into()])
    );
    assert_eq!(pod["initContainers"][0]["restartPolicy"], "Always");
    assert!(pod["initContainers"][1].get("restartPolicy").is_none());
    assert_eq!(outcome(&made, "containerDefinitions[app].dependsOn[migrate].condition"), Outcome::Mapped);
    assert_eq!(outcome(&made, "containerDefinitions[logs].essential"), Outcome::Approximated);

    let circle = json!({"family": "web", "containerDefinitions": [
        {"name": "a", "image": "a", "dependsOn": [{"containerName": "b", "condition": "START"}]},
        {"name": "b", "image": "b", "dependsOn": [{"containerName": "a", "condition": "START"}]},
    ]});
    assert_eq!(outcome(&of_task(&circle), "containerDefinitions[a].dependsOn[b].condition"), Outcome::Refused);
}

#[test]
fn values_that_look_secret_are_not_written_into_an_annotation() {
    let made = of_task(&task_with(
        &json!({"logConfiguration": {"logDriver": "splunk", "options": {"splunk-token": "s3cr3t-t0ken", "splunk-url": "https://x"}}}),
    ));
    assert!(!format!("{:?}", made.objects).contains("s3cr3t-t0ken"));
    let entry = entry(&made, "containerDefinitions[web].logConfiguration.options.splunk-token");
    assert_eq!((entry.outcome, entry.kept), (Outcome::Refused, false));
    assert!(super::entry(&made, "containerDefinitions[web].logConfiguration.options.splunk-url").kept);
}

#[test]
fn an_iam_task_role_is_for_tasks_and_pods_and_defaults_of_the_cluster_count() {
    let made = forth(
        &documents(
            "
apiVersion: landbridge.dev/v1alpha1
kind: ECSCluster
metadata: {name: prod}
spec:
  settings: [{name: containerInsights, value: enabled}]
  serviceDefaults:
    launchType: FARGATE
    deploymentConfiguration: {maximumPercent: 150, minimumHealthyPercent: 50}
---
apiVersion: landbridge.dev/v1alpha1
kind: IAMTaskRole
metadata: {name: web, namespace: shop}
spec: {managedPolicyArns: ['arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess']}
---
apiVersion: landbridge.dev/v1alpha1
kind: ECSService
metadata: {name: web, namespace: shop}
spec:
  clusterRef: {name: prod}
  desiredCount: 2
  taskRoleRef: {name: web}
  taskDefinition: {cpu: 256, memory: 512, containerDefinitions: [{name: web, image: nginx}]}
",
        ),
        &kubernetes::Options::default(),
    );
    assert_eq!(made.objects[0]["spec"]["strategy"]["rollingUpdate"]["maxSurge"], "50%");
    assert_eq!(the(&made, "IAMTaskRole")["spec"]["trust"]["podIdentity"]["serviceAccounts"], json!(["web"]));
    assert_eq!(the(&made, "ServiceAccount")["metadata"]["annotations"]["landbridge.dev/task-role"], "web");
    assert_eq!(outcome(&made, "spec.serviceDefaults.deploymentConfiguration.maximumPercent"), Outcome::Mapped);
    assert_eq!(outcome(&made, "spec.settings[0].value"), Outcome::Refused);
}

#[test]
fn what_cannot_be_converted_says_where_and_what_to_do() {
    let wrong = |values: &[Value]| {
        let all: Vec<Document> = values.iter().map(document).collect();
        let mistakes = to_kubernetes(&all, &kubernetes::Options::default()).unwrap_err();
        mistakes.into_iter().map(|m| format!("{}:{}: {}", m.file, m.line, m.message)).collect::<Vec<_>>().join("\n")
    };
    assert!(
        wrong(&[json!({"hello": "there"})]).starts_with("a.yaml:1: is neither an ECSService nor a task definition")
    );
    let service = json!({"serviceName": "web", "taskDefinition": "web:3"});
    assert!(wrong(&[service]).contains("aws ecs describe-task-definition --task-definition web:3"));
    assert!(wrong(&[json!({"containerDefinitions": []})]).contains("there is nothing to run"));
    assert!(
        wrong(&[json!({"containerDefinitions": [{"name": "a", "cpu": "much"}]})]).contains("is not what ECS takes")
    );
    let twins = json!({"containerDefinitions": [{"name": "Web_1"}, {"name": "web-1"}]});
    assert!(wrong(&[twins]).contains("two containers would be called web-1"));
    assert!(wrong(&[]).contains("there is no ECSService"));
}
