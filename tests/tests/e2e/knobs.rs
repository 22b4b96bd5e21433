//! The knobs that every kind has: paused, adoptionPolicy, deletionPolicy, and the annotation that asks for a pass.

use kube::api::{Patch, PatchParams};
use landbridge_api::condition::{PAUSED, reason};
use landbridge_api::names::annotation;
use landbridge_tests::{kstatus, outsider};
use serde_json::{Value, json};

use crate::neighbour::{Shop, is_up, object, service};

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_object_is_observed_and_not_written_until_it_goes_on() {
    let shop = Shop::open().await;
    shop.stage.apply(&service("quiet", "paused: true", "")).await;
    let is_paused = |o: &kube::api::DynamicObject| kstatus::condition(&o.data["status"], PAUSED) == Some("True");
    shop.until("ECSService/shop/quiet", "paused", is_paused).await;
    // An existing one, too: an edit changes nothing while it is paused.
    shop.stage.apply(&service("web", "paused: true\nhealthCheckGracePeriodSeconds: 7", "")).await;
    let message = shop.says("ECSService/shop/web", reason::PAUSED).await;
    assert!(message.contains("1 changes to make") || message.contains("1 change to make"), "{message}");
    shop.nothing_was_written();

    shop.stage.apply(&service("quiet", "", "")).await;
    let up = shop.until("ECSService/shop/quiet", "ready", is_up).await;
    assert_eq!(kstatus::condition(&up.data["status"], PAUSED), None);
    shop.stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn adoption_never_if_unchanged_and_always_do_what_they_say() {
    let shop = Shop::open().await;
    let aws = &shop.stage.emulator;
    outsider::call(
        aws,
        "ecs",
        "RegisterTaskDefinition",
        &json!({"family": "legacy", "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
        "containerDefinitions": [{"name": "main", "image": "nginx"}]}),
    );
    for name in ["legacy", "grown"] {
        outsider::call(
            aws,
            "ecs",
            "CreateService",
            &json!({"cluster": "prod", "serviceName": name, "desiredCount": 1,
            "taskDefinition": "legacy:1", "launchType": "FARGATE",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d4e5f60001"]}}}),
        );
    }
    let runs = |name: &str| service_of(&shop, name)["runningCount"] == 1;
    shop.stage.eventually("the services run", async || runs("legacy") && runs("grown")).await;
    aws.take_calls();
    let existing = |name: &str, knobs: &str| {
        let arn = "arn:aws:ecs:us-east-1:000000000000:task-definition/legacy:1";
        service(name, &format!("taskDefinitionArn: {arn}\n{knobs}"), "")
    };
    let at = "ECSService/shop/legacy";
    shop.stage.apply(&existing("legacy", "")).await;
    shop.stalls(at, reason::NAME_TAKEN, &["spec.adoptionPolicy to IfUnchanged or Always"]).await;
    shop.stage.apply(&existing("legacy", "adoptionPolicy: IfUnchanged\nenableExecuteCommand: true")).await;
    shop.stalls(at, reason::ADOPTION_DIFFERS, &["enableExecuteCommand", "spec.adoptionPolicy: Always"]).await;
    shop.nothing_was_written();

    // As it is: nothing but tags.
    shop.stage.apply(&existing("legacy", "adoptionPolicy: IfUnchanged")).await;
    shop.says(at, reason::READY).await;
    let actions: Vec<String> = aws.take_calls().writes().iter().map(|c| c.action.clone()).collect();
    assert_eq!(actions, ["ecs:TagResource"]);

    // As wanted: tags first, then what differs.
    shop.stage.apply(&existing("grown", "adoptionPolicy: Always\nenableExecuteCommand: true")).await;
    shop.says("ECSService/shop/grown", reason::READY).await;
    let actions: Vec<String> = aws.take_calls().writes().iter().map(|c| c.action.clone()).collect();
    assert_eq!(actions, ["ecs:TagResource", "ecs:UpdateService"]);
    assert_eq!(service_of(&shop, "grown")["enableExecuteCommand"], true);
    shop.web_is_undisturbed().await;
    shop.stage.end().await;
}

/// ECS's word on a service of `prod`.
fn service_of(shop: &Shop, name: &str) -> Value {
    let input = json!({"cluster": "prod", "services": [name]});
    outsider::call(&shop.stage.emulator, "ecs", "DescribeServices", &input)["services"][0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn reconcile_now_makes_a_pass_and_is_echoed() {
    let shop = Shop::open().await;
    shop.stage.apply(&object("IAMTaskRole", "acts", "description: a role")).await;
    shop.says("IAMTaskRole/shop/acts", reason::READY).await;
    shop.stage.emulator.take_calls();
    for (object, call) in [("IAMTaskRole/shop/acts", "iam:GetRole"), ("ECSService/shop/web", "ecs:DescribeServices")] {
        let (api, name) = shop.api(object);
        let patch = json!({"metadata": {"annotations": {annotation::RECONCILE_NOW: "please"}}});
        api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
        shop.until(object, "echoed", |o| o.data["status"]["lastHandledReconcileAt"] == "please").await;
        assert!(shop.stage.emulator.calls().count(call) > 0, "{:?}", shop.stage.emulator.calls().by_action());
    }
    shop.nothing_was_written();
    shop.stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retain_leaves_everything_in_aws_as_it_is() {
    let shop = Shop::open().await;
    let retain = "deletionPolicy: Retain";
    let many = [
        object("ECSCluster", "kept", retain),
        object("CloudMapNamespace", "kept", &format!("type: HTTP\nallowedNamespaces: {{names: [shop]}}\n{retain}")),
        object("IAMTaskRole", "kept", retain),
    ];
    shop.stage.apply(&many.join("---")).await;
    let spec = "taskRoleRef: {name: kept}\nexecutionRoleRef: {name: kept}\nlogs: {retentionInDays: 7}\nserviceDiscovery: {namespaceRef: {name: kept}}";
    shop.stage.apply(&service("kept", &format!("{spec}\n{retain}"), "")).await;
    let all = ["ECSService/shop/kept", "IAMTaskRole/shop/kept", "CloudMapNamespace/kept", "ECSCluster/kept"];
    for object in all {
        shop.says(object, reason::READY).await;
    }
    shop.stage.emulator.take_calls();
    let before = still(&shop);
    for object in all {
        shop.delete(object).await;
        shop.gone(object).await;
    }
    shop.nothing_was_written();
    assert_eq!(still(&shop), before);
    shop.web_is_undisturbed().await;
    shop.stage.end().await;
}

/// What AWS remembers, without what moves by itself.
fn still(shop: &Shop) -> Vec<Value> {
    let aws = &shop.stage.emulator;
    let services = json!({"cluster": "prod", "services": ["kept"], "include": ["TAGS"]});
    let mut service = outsider::call(aws, "ecs", "DescribeServices", &services)["services"][0].clone();
    service["events"] = Value::Null;
    vec![
        service,
        outsider::call(aws, "ecs", "DescribeClusters", &json!({"clusters": ["kept"], "include": ["TAGS"]})),
        outsider::call(aws, "servicediscovery", "ListNamespaces", &json!({})),
        outsider::call(aws, "logs", "DescribeLogGroups", &json!({})),
        aws.state()["iam"].clone(),
    ]
}
