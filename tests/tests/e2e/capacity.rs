//! Capacity providers that an ECSCluster defines: made, changed, put back, taken away, and gone with the cluster.

use kube::Api;
use landbridge_api::condition::reason;
use landbridge_api::names::annotation;
use landbridge_api::v1alpha1::{AwsAccount, EcsCluster};
use landbridge_tests::deaths::Deaths;
use landbridge_tests::wire::Loss;
use landbridge_tests::{Stage, outsider};
use serde_json::{Value, json};

use crate::neighbour::{Shop, is_up, object, service};

const FLEET: &str = "ECSCluster/fleet";

/// A provider of an Auto Scaling group of its own.
fn spare(target: i32) -> Value {
    let scaling = json!({"status": "ENABLED", "targetCapacity": target});
    json!({"name": "spare", "autoScalingGroupProvider": {"autoScalingGroupArn": "spare-group", "managedScaling": scaling}})
}

/// A provider of Managed Instances.
fn big() -> Value {
    let template = json!({
        "ec2InstanceProfileArn": "arn:aws:iam::000000000000:instance-profile/ecsInstanceRole",
        "networkConfiguration": {"subnets": ["subnet-0a1b2c3d4e5f60001"]},
        "instanceRequirements": {"vCpuCount": {"min": 2}, "memoryMiB": {"min": 4096}},
    });
    let role = "arn:aws:iam::000000000000:role/ecsInfrastructureRole";
    json!({"name": "big", "managedInstancesProvider": {"infrastructureRoleArn": role, "instanceLaunchTemplate": template}})
}

/// The cluster `fleet` with those providers and that default strategy.
fn fleet(definitions: &[Value], strategy: &str) -> String {
    let spec = json!({
        "allowedNamespaces": {"names": ["shop"]},
        "capacityProviders": ["FARGATE"],
        "capacityProviderDefinitions": definitions,
        "defaultCapacityProviderStrategy": [{"capacityProvider": strategy, "weight": 1}],
    });
    json!({"apiVersion": "landbridge.dev/v1alpha1", "kind": "ECSCluster", "metadata": {"name": "fleet"}, "spec": spec})
        .to_string()
}

fn provider(stage: &Stage, name: &str) -> Value {
    outsider::capacity_providers(&stage.emulator).into_iter().find(|p| p["name"] == name).unwrap_or_default()
}

fn target(stage: &Stage) -> Value {
    provider(stage, "spare")["autoScalingGroupProvider"]["managedScaling"]["targetCapacity"].clone()
}

fn cluster(stage: &Stage) -> Value {
    outsider::clusters(&stage.emulator).into_iter().find(|c| c["clusterName"] == "fleet").unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn capacity_providers_live_and_die_with_the_cluster_that_defines_them() {
    let shop = Shop::open().await;
    let stage = &shop.stage;
    stage.apply(&fleet(&[spare(90), big()], "spare")).await;
    let up = shop.until(FLEET, "ready", is_up).await;
    assert_eq!(cluster(stage)["defaultCapacityProviderStrategy"][0]["capacityProvider"], "spare");
    let told: Vec<&Value> =
        up.data["status"]["capacityProviders"].as_array().unwrap().iter().map(|p| &p["status"]).collect();
    assert_eq!(told, ["ACTIVE", "ACTIVE"]);
    let tags = provider(stage, "big")["tags"].clone();
    assert!(tags.as_array().unwrap().contains(&json!({"key": "landbridge.dev/owner", "value": "ECSCluster/fleet"})));
    assert_eq!(stage.emulator.calls().count("ecs:CreateCapacityProvider"), 2);

    // A service without launch type and strategy runs on the default.
    let ec2 = "clusterRef: {name: fleet}\ntaskDefinition: {networkMode: bridge, containerDefinitions: [{name: main, image: nginx, memory: 128}]}";
    stage.apply(&service("heavy", ec2, "")).await;
    shop.until("ECSService/shop/heavy", "ready", is_up).await;
    let runs_on = outsider::service(&stage.emulator, "heavy")["capacityProviderStrategy"][0].clone();
    assert_eq!(runs_on["capacityProvider"], "spare");
    shop.delete("ECSService/shop/heavy").await;
    shop.gone("ECSService/shop/heavy").await;

    // An edit is one call, and a further pass none.
    stage.emulator.take_calls();
    stage.apply(&fleet(&[spare(75), big()], "spare")).await;
    stage.eventually("the target is 75", async || target(stage) == 75).await;
    shop.until(FLEET, "ready", is_up).await;
    assert_eq!(stage.writes().len(), 1, "{:?}", stage.writes());
    stage.emulator.take_calls();
    stage.reconcile_all_now("again").await;
    assert_eq!(stage.writes(), Vec::<String>::new());

    // What others change is put back by sweeps alone.
    let theirs = json!({"name": "spare", "autoScalingGroupProvider": {"managedScaling": {"targetCapacity": 10}}});
    outsider::call(&stage.emulator, "ecs", "UpdateCapacityProvider", &theirs);
    stage.eventually("the target is 75 again", async || target(stage) == 75).await;
    shop.until(FLEET, "ready", is_up).await;

    stage.apply(&fleet(&[big()], "big")).await;
    stage.eventually("spare is gone", async || provider(stage, "spare").is_null()).await;
    shop.until(FLEET, "ready", is_up).await;
    assert_eq!(cluster(stage)["defaultCapacityProviderStrategy"][0]["capacityProvider"], "big");

    stage.apply(&fleet(&[spare(75), big()], "spare")).await;
    stage.eventually("spare is there", async || target(stage) == 75).await;
    shop.until(FLEET, "ready", is_up).await;
    shop.delete(FLEET).await;
    shop.gone(FLEET).await;
    assert_eq!(outsider::capacity_providers(&stage.emulator), Vec::<Value>::new());
    assert_eq!(cluster(stage), Value::Null);
    shop.stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ecs_would_refuse_of_a_capacity_provider_is_refused_at_admission() {
    let shop = Shop::open().await;
    let named = |name: &str| {
        let mut provider = spare(90);
        provider["name"] = json!(name);
        provider
    };
    let both = {
        let mut provider = spare(90);
        provider["managedInstancesProvider"] = big()["managedInstancesProvider"].clone();
        provider
    };
    let mut tagged = big();
    tagged["managedInstancesProvider"]["propagateTags"] = json!("CAPACITY_PROVIDER");
    let mut unscaled = spare(90);
    unscaled["autoScalingGroupProvider"]["managedScaling"]["status"] = json!("DISABLED");
    unscaled["autoScalingGroupProvider"]["managedTerminationProtection"] = json!("ENABLED");
    let many: Vec<Value> = (0..20).map(|i| named(&format!("p{i}"))).collect();
    for (definitions, words) in [
        (vec![named("FargateLike")], "must not begin with aws, ecs or fargate"),
        (vec![named("no good")], "spec.capacityProviderDefinitions[0].name"),
        (vec![both], "exactly one of autoScalingGroupProvider and managedInstancesProvider"),
        (vec![spare(90), spare(80)], "duplicate entries for key"),
        (vec![spare(101)], "less than or equal to 100"),
        (vec![tagged], "instanceMetadataTagsPropagation: false"),
        (vec![unscaled], "managedTerminationProtection needs managedScaling"),
        (many, "at most 20 capacity providers for a cluster"),
    ] {
        let said = shop.refused(&fleet(&definitions, "FARGATE")).await;
        assert!(said.contains(words), "it does not say {words:?}: {said}");
    }
    let twice = fleet(&[spare(90)], "FARGATE").replace("[\"FARGATE\"]", "[\"FARGATE\", \"spare\"]");
    assert!(shop.refused(&twice).await.contains("take its name out of capacityProviders"));
    shop.stage.apply(&fleet(&[spare(90)], "spare")).await;
    let mut moved = spare(90);
    moved["autoScalingGroupProvider"]["autoScalingGroupArn"] = json!("another-group");
    assert!(shop.refused(&fleet(&[moved], "spare")).await.contains("autoScalingGroupArn is immutable"));
    let mut turned = big();
    turned["name"] = json!("spare");
    assert!(shop.refused(&fleet(&[turned], "spare")).await.contains("cannot change its kind"));
    shop.until(FLEET, "ready", is_up).await;
    shop.web_is_undisturbed().await;
    shop.stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_ecs_gives_up_stalls_with_its_reason_and_is_tried_again_after_an_edit() {
    let shop = Shop::open().await;
    let failing = |target: i32| {
        let mut provider = spare(target);
        provider["autoScalingGroupProvider"]["autoScalingGroupArn"] = json!("update-fails");
        fleet(&[provider], "spare")
    };
    shop.stage.apply(&failing(90)).await;
    shop.until(FLEET, "ready", is_up).await;
    shop.stage.emulator.take_calls();
    shop.stage.apply(&failing(75)).await;
    shop.stalls(
        FLEET,
        reason::REFUSED_BY_AWS,
        &["capacity provider spare", "internal error", annotation::RECONCILE_NOW],
    )
    .await;
    let tries = || shop.stage.emulator.calls().count("ecs:UpdateCapacityProvider");
    assert_eq!(tries(), 1);
    // What is there already needs no change; another edit is another try.
    shop.stage.apply(&failing(90)).await;
    shop.until(FLEET, "ready", is_up).await;
    assert_eq!(tries(), 1);
    shop.stage.apply(&failing(60)).await;
    shop.stalls(FLEET, reason::REFUSED_BY_AWS, &["capacity provider spare", "internal error"]).await;
    assert_eq!(tries(), 2);
    shop.stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_another_cluster_uses_stays_until_that_lets_go_and_one_of_others_is_never_touched() {
    let shop = Shop::open().await;
    let aws = &shop.stage.emulator;
    shop.stage.apply(&fleet(&[spare(90)], "FARGATE")).await;
    shop.until(FLEET, "ready", is_up).await;
    let theirs = json!({"clusterName": "theirs", "capacityProviders": ["spare"]});
    outsider::call(aws, "ecs", "CreateCluster", &theirs);
    let empty = json!({"cluster": "theirs", "capacityProviders": [], "defaultCapacityProviderStrategy": []});
    shop.stage.apply(&fleet(&[], "FARGATE")).await;
    let message = shop.says(FLEET, reason::IN_USE).await;
    assert!(message.contains("spare") && message.contains("associated with cluster: theirs"), "{message}");
    outsider::call(aws, "ecs", "PutClusterCapacityProviders", &empty);
    shop.stage.eventually("spare is gone", async || provider(&shop.stage, "spare").is_null()).await;
    shop.until(FLEET, "ready", is_up).await;

    let made = json!({"name": "taken", "autoScalingGroupProvider": {"autoScalingGroupArn": "their-group"}});
    outsider::call(aws, "ecs", "CreateCapacityProvider", &made);
    aws.take_calls();
    let mut taken = spare(90);
    taken["name"] = json!("taken");
    shop.stage.apply(&fleet(&[taken], "taken")).await;
    shop.stalls(FLEET, reason::NAME_TAKEN, &["capacity provider taken", "spec.adoptionPolicy"]).await;
    shop.nothing_was_written();
    shop.delete(FLEET).await;
    shop.gone(FLEET).await;
    assert_eq!(provider(&shop.stage, "taken")["status"], "ACTIVE");
    shop.stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_retained_stays_with_its_tags() {
    let shop = Shop::open().await;
    let retained = fleet(&[spare(90)], "spare").replace("\"spec\":{", "\"spec\":{\"deletionPolicy\":\"Retain\",");
    shop.stage.apply(&retained).await;
    shop.until(FLEET, "ready", is_up).await;
    shop.stage.emulator.take_calls();
    shop.delete(FLEET).await;
    shop.gone(FLEET).await;
    shop.nothing_was_written();
    assert_eq!(provider(&shop.stage, "spare")["status"], "ACTIVE");
    shop.stage.end().await;
}

/// The life of the cluster: its creation, a change and its deletion, in each of which operators die one after the other, each
/// at a call at which none died before. Says how many died.
async fn life(loss: Loss) -> usize {
    let mut stage = Stage::start(300.0).await;
    let count = |stage: &Stage| {
        (outsider::capacity_providers(&stage.emulator).len(), outsider::clusters(&stage.emulator).len())
    };
    let [made, changed, deleted] = [(); 3].map(|()| Deaths::new(loss));
    let is_current = async |stage: &Stage| stage.is_current().await;
    let make = async |stage: &Stage| {
        stage.apply(&object("AWSAccount", "default", "region: us-east-1\nallowedNamespaces: {names: ['*']}")).await;
        stage.apply(&fleet(&[spare(90), big()], "big")).await;
    };
    stage.endure(&made, make, is_current).await;
    assert_eq!(count(&stage), (2, 1));

    let mut renamed = spare(75);
    renamed["name"] = json!("heir");
    stage.endure(&changed, async |stage| stage.apply(&fleet(&[renamed], "heir")).await, is_current).await;
    assert_eq!(count(&stage), (1, 1));
    assert_eq!(cluster(&stage)["capacityProviders"], json!(["FARGATE", "heir"]));

    let delete = async |stage: &Stage| {
        stage.delete(Api::<EcsCluster>::all(stage.client.clone()), "fleet").await;
        stage.delete(Api::<AwsAccount>::all(stage.client.clone()), "default").await;
    };
    stage.endure(&deleted, delete, async |stage: &Stage| stage.objects().await.is_empty()).await;
    assert_eq!(count(&stage), (0, 0));
    stage.end().await;
    [made, changed, deleted].iter().flat_map(|deaths| deaths.by_call().into_values()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_that_die_right_before_each_call_lose_and_double_no_capacity_provider() {
    assert!(life(Loss::Request).await >= 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_that_die_right_after_each_write_lose_and_double_no_capacity_provider() {
    assert!(life(Loss::Answer).await >= 10);
}
