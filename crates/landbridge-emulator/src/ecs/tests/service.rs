//! Services: creating, describing, changing and deleting them.

use serde_json::{Value, json};

use super::support::{Aws, MINUTE, merge, service};

#[test]
fn a_service_reaches_steady_state_and_says_so() {
    let aws = Aws::with_shop();
    let created = aws.create(json!({}));
    assert_eq!(created["status"], "ACTIVE");
    assert_eq!((&created["desiredCount"], &created["runningCount"]), (&json!(2), &json!(0)));
    assert_eq!(created["deployments"][0]["rolloutState"], "IN_PROGRESS");
    aws.pass(MINUTE);
    let web = aws.web();
    assert_eq!(web["runningCount"], 2);
    assert_eq!(web["deployments"].as_array().unwrap().len(), 1);
    assert_eq!(web["deployments"][0]["status"], "PRIMARY");
    assert_eq!(web["deployments"][0]["rolloutState"], "COMPLETED");
    assert_eq!(aws.service_deployment()["status"], "SUCCESSFUL");
    let events = aws.events();
    assert_eq!(events[0], "(service web) has reached a steady state.");
    assert!(events[1].ends_with("deployment completed."), "{events:?}");
    assert!(events[2].starts_with("(service web) has started 2 tasks: (task "), "{events:?}");
}

#[test]
fn tasks_go_from_provisioning_over_pending_to_running() {
    let aws = Aws::with_shop();
    aws.create(json!({ "desiredCount": 1 }));
    let mut seen: Vec<String> = Vec::new();
    for _ in 0..60 {
        aws.pass(std::time::Duration::from_secs(1));
        let status = aws.tasks("RUNNING")[0]["lastStatus"].as_str().unwrap().to_owned();
        if seen.last() != Some(&status) {
            seen.push(status);
        }
    }
    assert_eq!(seen, ["PROVISIONING", "PENDING", "RUNNING"]);
}

#[test]
fn every_field_set_reads_back_with_the_defaults_of_the_api() {
    let aws = Aws::with_shop();
    let asked = json!({
        "deploymentConfiguration": {
            "maximumPercent": 150, "minimumHealthyPercent": 50,
            "deploymentCircuitBreaker": { "enable": true, "rollback": true },
        },
        "enableExecuteCommand": true, "enableECSManagedTags": true, "propagateTags": "SERVICE",
        "placementConstraints": [{ "type": "distinctInstance" }],
        "platformVersion": "1.4.0", "aMemberOfTheFuture": { "kept": true },
    });
    let web = aws.create(asked.clone());
    for (name, value) in asked.as_object().unwrap().iter().filter(|(name, _)| *name != "deploymentConfiguration") {
        assert_eq!(&web[name], value, "{name}");
    }
    assert_eq!(web["deploymentConfiguration"]["maximumPercent"], 150);
    assert_eq!(web["deploymentConfiguration"]["strategy"], "ROLLING");
    assert_eq!(web["schedulingStrategy"], "REPLICA");
    assert_eq!(web["deploymentController"], json!({ "type": "ECS" }));
    assert_eq!(web["networkConfiguration"]["awsvpcConfiguration"]["assignPublicIp"], "DISABLED");
    assert_eq!(web["loadBalancers"], json!([]));
    assert!(web["taskDefinition"].as_str().unwrap().ends_with(":task-definition/web:1"));
    assert!(web.get("serviceConnectConfiguration").is_none());
}

#[test]
fn bad_requests_are_refused_with_the_codes_of_aws() {
    let aws = Aws::with_shop();
    let old = aws.register("web", "nginx:2");
    aws.ok("DeregisterTaskDefinition", json!({ "taskDefinition": old["taskDefinitionArn"] }));
    let strategy = json!([{ "capacityProvider": "FARGATE", "weight": 1 }]);
    for (changes, code, message) in [
        (json!({ "cluster": "nowhere" }), "ClusterNotFoundException", "Cluster not found."),
        (json!({ "taskDefinition": "unknown" }), "ClientException", "TaskDefinition not found."),
        (json!({ "taskDefinition": "web:2" }), "InvalidParameterException", "TaskDefinition is inactive"),
        (
            json!({ "capacityProviderStrategy": strategy }),
            "InvalidParameterException",
            "both a launch type and capacity",
        ),
        (
            json!({ "networkConfiguration": null }),
            "InvalidParameterException",
            "Network Configuration must be provided",
        ),
        (json!({ "serviceName": "no good" }), "InvalidParameterException", "Service name"),
        (json!({ "desiredCount": null }), "InvalidParameterException", "Desired count"),
        (json!({ "desiredCount": "two" }), "SerializationException", "desiredCount"),
        (
            json!({ "deploymentConfiguration": { "maximumPercent": 100, "minimumHealthyPercent": 150 } }),
            "InvalidParameterException",
            "minimumHealthyPercent",
        ),
        (
            json!({ "loadBalancers": [{ "targetGroupArn": "arn:tg", "containerName": "other", "containerPort": 80 }] }),
            "InvalidParameterException",
            "The container other does not exist in the task definition.",
        ),
        (
            json!({ "loadBalancers": [{ "targetGroupArn": "arn:tg", "containerName": "web", "containerPort": 81 }] }),
            "InvalidParameterException",
            "did not have a container port 81 defined",
        ),
        (
            json!({ "deploymentConfiguration": { "strategy": "BLUE_GREEN" } }),
            "InvalidParameterException",
            "requires a load",
        ),
        (json!({ "healthCheckGracePeriodSeconds": 5 }), "InvalidParameterException", "Health check grace period"),
        (json!({ "tags": [{ "key": "aws:x", "value": "1" }] }), "InvalidParameterException", "aws:"),
    ] {
        let (actual, text) = aws.refused("CreateService", service(changes.clone()));
        assert_eq!(actual, code, "{changes}: {text}");
        assert!(text.contains(message), "{changes}: {text}");
    }
    assert_eq!(aws.ok("ListServices", json!({ "cluster": "shop" }))["serviceArns"], json!([]));
}

#[test]
fn the_same_request_or_token_again_answers_with_the_service_and_another_is_refused() {
    let aws = Aws::with_shop();
    let first = aws.create(json!({ "clientToken": "one" }));
    assert_eq!(aws.create(json!({ "clientToken": "one" }))["createdAt"], first["createdAt"]);
    assert_eq!(aws.create(json!({ "clientToken": "one", "desiredCount": 5 }))["desiredCount"], 2);
    let (code, message) = aws.refused("CreateService", service(json!({ "desiredCount": 3 })));
    assert_eq!(code, "InvalidParameterException");
    assert_eq!(message, "Creation of service was not idempotent.");
}

#[test]
fn describing_takes_ten_names_and_reports_those_that_are_missing() {
    let aws = Aws::with_shop();
    let names: Vec<String> = (0..11).map(|n| format!("s{n}")).collect();
    assert_eq!(
        aws.refused("DescribeServices", json!({ "cluster": "shop", "services": names })).0,
        "InvalidParameterException"
    );
    let answer = aws.ok("DescribeServices", json!({ "cluster": "shop", "services": ["none"] }));
    assert_eq!(answer["services"], json!([]));
    assert_eq!(answer["failures"][0]["reason"], "MISSING");
    assert_eq!(answer["failures"][0]["arn"], "arn:aws:ecs:us-east-1:000000000000:service/shop/none");
}

#[test]
fn tags_are_shown_only_when_asked_for() {
    let aws = Aws::with_shop();
    aws.create(json!({ "tags": [{ "key": "team", "value": "shop" }] }));
    assert!(aws.web().get("tags").is_none());
    let with = aws.ok("DescribeServices", json!({ "cluster": "shop", "services": ["web"], "include": ["TAGS"] }));
    assert_eq!(with["services"][0]["tags"], json!([{ "key": "team", "value": "shop" }]));
    let arn = with["services"][0]["serviceArn"].clone();
    aws.ok("TagResource", json!({ "resourceArn": arn, "tags": [{ "key": "tier", "value": "1" }] }));
    aws.ok("UntagResource", json!({ "resourceArn": arn, "tagKeys": ["team"] }));
    let tags = aws.ok("ListTagsForResource", json!({ "resourceArn": arn }));
    assert_eq!(tags["tags"], json!([{ "key": "tier", "value": "1" }]));
}

#[test]
fn listing_gives_pages_without_gaps_or_repeats() {
    let aws = Aws::with_shop();
    for n in 0..23 {
        aws.create(json!({ "serviceName": format!("s{n:02}"), "desiredCount": 0 }));
    }
    let mut seen: Vec<Value> = Vec::new();
    let mut token = Value::Null;
    loop {
        let page = aws.ok("ListServices", merge(json!({ "cluster": "shop" }), json!({ "nextToken": token })));
        seen.extend(page["serviceArns"].as_array().unwrap().iter().cloned());
        token = page["nextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(seen.len(), 23);
    seen.dedup();
    assert_eq!(seen.len(), 23);
}

#[test]
fn deleting_needs_force_drains_and_leaves_an_inactive_service_whose_name_is_free_again() {
    let aws = Aws::with_shop();
    let created = aws.create(json!({}));
    aws.pass(MINUTE);
    let target = json!({ "cluster": "shop", "service": "web" });
    let (code, _) = aws.refused("DeleteService", target.clone());
    assert_eq!(code, "InvalidParameterException");
    let deleted = aws.ok("DeleteService", merge(target.clone(), json!({ "force": true })));
    assert_eq!(deleted["service"]["status"], "DRAINING");
    assert_eq!(aws.refused("CreateService", service(json!({}))).1, "Unable to Start a service that is still Draining.");
    assert_eq!(aws.refused("DeleteCluster", json!({ "cluster": "shop" })).0, "ClusterContainsServicesException");
    aws.pass(MINUTE);
    assert_eq!(aws.web()["status"], "INACTIVE");
    assert_eq!(aws.refused("UpdateService", target).0, "ServiceNotActiveException");
    assert!(aws.tasks("RUNNING").is_empty());
    let again = aws.create(json!({ "desiredCount": 1 }));
    assert_eq!(again["status"], "ACTIVE");
    assert_ne!(again["createdAt"], created["createdAt"]);
}

#[test]
fn an_inactive_service_is_forgotten_after_a_while() {
    let aws = Aws::with_shop();
    aws.create(json!({ "desiredCount": 0 }));
    aws.ok("DeleteService", json!({ "cluster": "shop", "service": "web" }));
    aws.pass(MINUTE);
    assert_eq!(aws.web()["status"], "INACTIVE");
    aws.pass(MINUTE * 61);
    let answer = aws.ok("DescribeServices", json!({ "cluster": "shop", "services": ["web"] }));
    assert_eq!(answer["failures"][0]["reason"], "MISSING");
}

#[test]
fn the_running_count_follows_the_desired_count_without_a_new_deployment() {
    let aws = Aws::with_shop();
    aws.create(json!({}));
    aws.pass(MINUTE);
    let before = aws.web()["deployments"][0]["id"].clone();
    for desired in [5, 1, 0] {
        aws.update(json!({ "desiredCount": desired }));
        aws.pass(MINUTE);
        let web = aws.web();
        assert_eq!(web["runningCount"], desired);
        assert_eq!(web["deployments"][0]["id"], before);
        assert_eq!(aws.events()[0], "(service web) has reached a steady state.");
    }
}

#[test]
fn service_connect_needs_its_namespace_and_its_ports_and_is_listed_by_namespace() {
    let aws = Aws::with_shop();
    let connect = |changes: Value| {
        let base = json!({ "enabled": true, "namespace": "shop.internal", "services": [{ "portName": "http" }] });
        json!({ "serviceConnectConfiguration": merge(base, changes) })
    };
    let refused = |changes: Value| aws.refused("CreateService", service(connect(changes)));
    assert_eq!(refused(json!({})).0, "NamespaceNotFoundException");
    assert_eq!(refused(json!({ "namespace": null })).0, "InvalidParameterException");
    let defaults = json!({ "cluster": "shop", "serviceConnectDefaults": { "namespace": "shop.internal" } });
    let namespace = aws.ok("UpdateCluster", defaults)["cluster"]["serviceConnectDefaults"]["namespace"].clone();
    let (code, message) = refused(json!({ "services": [{ "portName": "grpc" }] }));
    assert_eq!(code, "InvalidParameterException");
    assert!(message.contains("grpc"), "{message}");
    let created = aws.create(connect(json!({ "namespace": null })));
    assert!(created.get("serviceConnectConfiguration").is_none());
    assert_eq!(created["deployments"][0]["serviceConnectConfiguration"]["namespace"], namespace);
    for name in [json!("shop.internal"), namespace] {
        let listed = aws.ok("ListServicesByNamespace", json!({ "namespace": name }));
        assert_eq!(listed["serviceArns"], json!([created["serviceArn"]]));
    }
    assert_eq!(aws.refused("ListServicesByNamespace", json!({ "namespace": "none" })).0, "NamespaceNotFoundException");
}

#[test]
fn a_service_takes_the_strategy_of_its_cluster_and_can_go_back_to_its_launch_type() {
    let aws = Aws::with_shop();
    let strategy = json!([{ "capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0 }]);
    let providers = json!({
        "cluster": "shop", "capacityProviders": ["FARGATE_SPOT"], "defaultCapacityProviderStrategy": strategy,
    });
    aws.ok("PutClusterCapacityProviders", providers);
    let created = aws.create(json!({ "launchType": null }));
    assert_eq!(created["capacityProviderStrategy"], strategy);
    assert!(created.get("launchType").is_none());
    aws.pass(MINUTE);
    assert_eq!(aws.tasks("RUNNING")[0]["capacityProviderName"], "FARGATE_SPOT");
    let before = aws.web()["deployments"][0]["id"].clone();
    let updated = aws.update(json!({ "capacityProviderStrategy": [] }));
    assert_eq!(updated["launchType"], "FARGATE");
    assert_eq!(updated["deployments"][0]["id"], before, "a strategy alone starts no deployment");
}

#[test]
fn a_code_deploy_service_refuses_what_only_a_code_deploy_deployment_may_change() {
    let aws = Aws::with_shop();
    let balancers = aws.load_balancers();
    aws.create(json!({ "deploymentController": { "type": "CODE_DEPLOY" }, "loadBalancers": balancers }));
    aws.pass(MINUTE);
    let (code, message) =
        aws.refused("UpdateService", json!({ "cluster": "shop", "service": "web", "taskDefinition": "web" }));
    assert_eq!(code, "InvalidParameterException");
    assert!(message.starts_with("Unable to update task definition on services with a CODE_DEPLOY"), "{message}");
    aws.update(json!({ "desiredCount": 3 }));
    aws.pass(MINUTE);
    assert_eq!(aws.web()["runningCount"], 3);
}
