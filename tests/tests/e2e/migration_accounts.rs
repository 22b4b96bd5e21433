//! A name moves from an ECS service of one account to one of another, and back.

use kube::Api;
use kube::api::{Patch, PatchParams};
use landbridge_api::names::annotation;
use landbridge_api::v1alpha1::{AwsAccount, EcsService, MigrationPhase as Phase, TrafficMigration};
use landbridge_tests::shop::{NAMESPACE, is_ready};
use landbridge_tests::{Stage, outsider};
use serde_json::json;

use crate::gates::{measure_in, with_gates};
use crate::migration::{ECS, Front, HOST, Name, SPEED, migration, service, until};

const OTHER: &str = "222222222222";

/// The other account, which is reached by a role, its cluster, and the same service there behind that target group.
fn far(group: &str) -> String {
    format!(
        "apiVersion: landbridge.dev/v1alpha1
kind: AWSAccount
metadata: {{name: other}}
spec:
  region: us-east-1
  accountId: '{OTHER}'
  assumeRole: {{roleArn: 'arn:aws:iam::{OTHER}:role/landbridge'}}
  allowedNamespaces: {{names: [shop]}}
---
apiVersion: landbridge.dev/v1alpha1
kind: ECSCluster
metadata: {{name: far}}
spec:
  accountRef: {{name: other}}
  allowedNamespaces: {{names: [shop]}}
  serviceDefaults:
    launchType: FARGATE
    networkConfiguration: {{awsvpcConfiguration: {{subnets: [subnet-0a1b2c3d4e5f60001]}}}}
---
{}",
        service("orders-far", "far", group)
    )
}

/// A load balancer in the other account: its name and its target group.
fn front_of_other(stage: &Stage) -> (String, String) {
    let elb = |operation: &str, asked: &[(&str, &str)], arn: &str| {
        outsider::elb_of(&stage.emulator, OTHER, operation, asked, arn)
    };
    let subnets = [("Name", "far"), ("Subnets.member.1", "subnet-a"), ("Subnets.member.2", "subnet-b")];
    let balancer = elb("CreateLoadBalancer", &subnets, "LoadBalancerArn");
    let group = [
        ("Name", "orders-far"),
        ("Protocol", "HTTP"),
        ("Port", "8080"),
        ("VpcId", "vpc-1"),
        ("TargetType", "ip"),
        ("HealthCheckIntervalSeconds", "5"),
        ("HealthCheckTimeoutSeconds", "2"),
        ("HealthyThresholdCount", "2"),
    ];
    let group = elb("CreateTargetGroup", &group, "TargetGroupArn");
    let delay = [
        ("TargetGroupArn", group.as_str()),
        ("Attributes.member.1.Key", "deregistration_delay.timeout_seconds"),
        ("Attributes.member.1.Value", "1"),
    ];
    elb("ModifyTargetGroupAttributes", &delay, "none");
    let listener = [
        ("LoadBalancerArn", balancer.as_str()),
        ("Protocol", "HTTP"),
        ("Port", "80"),
        ("DefaultActions.member.1.Type", "forward"),
        ("DefaultActions.member.1.TargetGroupArn", group.as_str()),
    ];
    elb("CreateListener", &listener, "ListenerArn");
    (elb("DescribeLoadBalancers", &[("Names.member.1", "far")], "DNSName").to_lowercase(), group)
}

/// Until the other account's role can be assumed: IAM takes a while to tell everybody.
async fn until_reached(stage: &Stage) {
    let accounts: Api<AwsAccount> = Api::all(stage.client.clone());
    let number = std::cell::Cell::new(0);
    let reached = async || {
        number.set(number.get() + 1);
        let patch = json!({"metadata": {"annotations": {annotation::RECONCILE_NOW: format!("try-{}", number.get())}}});
        accounts.patch("other", &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
        is_ready(&accounts.get("other").await.unwrap())
    };
    stage.eventually("the other account is reached", reached).await;
}

/// The other account with a load balancer and the service behind it: the name of the one and the other's target group.
async fn other_account(stage: &Stage) -> (String, String) {
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": outsider::HOME}, "Action": "sts:AssumeRole"}]});
    let role = [("RoleName", "landbridge"), ("AssumeRolePolicyDocument", &trust.to_string())];
    outsider::iam_of(&stage.emulator, OTHER, "CreateRole", &role);
    let (balancer, group) = front_of_other(stage);
    stage.apply(&far(&group)).await;
    until_reached(stage).await;
    stage.until::<EcsService>(NAMESPACE, "orders-far", "ready", is_ready).await;
    (balancer, group)
}

/// Until the migration has a reading of that gate with that text.
async fn until_said(stage: &Stage, name: &str, gate: &str, text: &str) {
    let said = |m: &TrafficMigration| {
        let gates = m.status.as_ref().map(|s| s.gates.as_slice()).unwrap_or_default();
        gates.iter().any(|g| g.name == gate && g.message.contains(text))
    };
    stage.until::<TrafficMigration>(NAMESPACE, name, &format!("{gate}: {text}"), said).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_moves_between_services_of_two_accounts_and_one_load_balancer_cannot() {
    let stage = Stage::start(SPEED).await;
    let _front = Front::open(&stage).await;
    let name = Name::before(&stage).await;
    let (balancer, group) = other_account(&stage).await;

    let there = format!("ecsServiceRef: {{name: orders-far}}, {}", name.leading_to(&balancer));
    stage.apply(&name.migration("there", &name.ecs(), &there)).await;
    until(&stage, "there", Phase::Completed).await;
    let answers = stage.emulator.resolve(HOST, "A");
    assert!(answers.len() == 1 && answers[0].values.iter().all(|v| v.contains("far")), "{answers:?}");
    // The way back begins elsewhere, so it says whose the zone is.
    let back = name.migration("back", &there, &name.ecs());
    let back = back.replace("route53: {", "route53: {accountRef: {name: default}, ");
    // Whether the side in the other account is quiet is counted there.
    measure_in(&stage.emulator, (OTHER, "far"), &group, [5.0, 0.0, 0.1]);
    stage.apply(&back.replace("soak: 0s", "soak: 0s, maxDrain: 1h")).await;
    until_said(&stage, "back", "quiet", "has had 15 requests in the last three minutes").await;
    measure_in(&stage.emulator, (OTHER, "far"), &group, [0.0; 3]);
    until(&stage, "back", Phase::Completed).await;
    let answers = stage.emulator.resolve(HOST, "A");
    assert!(answers.len() == 1 && answers[0].values.iter().all(|v| v.contains("front")), "{answers:?}");

    stage.apply(&migration("rule", ECS, "ecsServiceRef: {name: orders-far}", "")).await;
    let refused = |m: &TrafficMigration| {
        let conditions = m.status.as_ref().map(|s| s.common.conditions.as_slice()).unwrap_or_default();
        conditions.iter().any(|c| c.message.contains("only a name can lead to both: use backend.route53"))
    };
    stage.until(NAMESPACE, "rule", "refused", refused).await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gates_compare_sides_of_two_accounts_and_send_the_traffic_back_from_the_one_that_is_worse() {
    let stage = Stage::start(SPEED).await;
    let front = Front::open(&stage).await;
    let name = Name::before(&stage).await;
    let (balancer, group) = other_account(&stage).await;
    measure_in(&stage.emulator, (outsider::HOME, "front"), &front.old, [1000.0, 10.0, 0.1]);
    measure_in(&stage.emulator, (OTHER, "far"), &group, [500.0, 7.0, 0.11]);
    let there = format!("ecsServiceRef: {{name: orders-far}}, {}", name.leading_to(&balancer));
    let gates = "window: 2m, metrics: [{errorRate: {maxAboveOther: 0.5}}, {latency: {maxTimesOther: 1.2}}]";
    stage.apply(&with_gates(&name.migration("there", &name.ecs(), &there), 2, gates)).await;
    until_said(&stage, "there", "error-rate", "ECSService shop/orders-far has 1.40 %; at most 1.50 %").await;
    until_said(&stage, "there", "latency", "ECSService shop/orders-far has 0.110 s; at most 0.120 s").await;
    let baking =
        |m: &TrafficMigration| m.status.as_ref().is_some_and(|s| s.step == Some(2) && s.phase == Some(Phase::Baking));
    stage.until::<TrafficMigration>(NAMESPACE, "there", "at half of the traffic", baking).await;

    measure_in(&stage.emulator, (OTHER, "far"), &group, [500.0, 8.0, 0.11]);
    let why = until(&stage, "there", Phase::RolledBack).await.status.unwrap().abort_reason.unwrap();
    assert!(why.starts_with("gate error-rate failed: ECSService shop/orders-far has 1.60 %"), "{why}");
    let leads_back = async || {
        let answers = stage.emulator.resolve(HOST, "A");
        answers.len() == 1 && answers[0].values.iter().all(|v| v.contains("front"))
    };
    stage.eventually("the name leads to the old side alone", leads_back).await;
    stage.end().await;
}
