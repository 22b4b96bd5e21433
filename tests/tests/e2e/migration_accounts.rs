//! A name moves from an ECS service of one account to one of another, and back.

use kube::Api;
use kube::api::{Patch, PatchParams};
use landbridge_api::names::annotation;
use landbridge_api::v1alpha1::{AwsAccount, EcsService, MigrationPhase as Phase};
use landbridge_tests::shop::{NAMESPACE, is_ready};
use landbridge_tests::{Stage, outsider};
use serde_json::json;

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

#[tokio::test(flavor = "multi_thread")]
async fn a_name_moves_between_services_of_two_accounts_and_one_load_balancer_cannot() {
    let stage = Stage::start(SPEED).await;
    let _front = Front::open(&stage).await;
    let name = Name::before(&stage).await;
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": outsider::HOME}, "Action": "sts:AssumeRole"}]});
    let role = [("RoleName", "landbridge"), ("AssumeRolePolicyDocument", &trust.to_string())];
    outsider::iam_of(&stage.emulator, OTHER, "CreateRole", &role);
    let (balancer, group) = front_of_other(&stage);
    stage.apply(&far(&group)).await;
    until_reached(&stage).await;
    stage.until::<EcsService>(NAMESPACE, "orders-far", "ready", is_ready).await;

    let there = format!("ecsServiceRef: {{name: orders-far}}, {}", name.leading_to(&balancer));
    stage.apply(&name.migration("there", &name.ecs(), &there)).await;
    until(&stage, "there", Phase::Completed).await;
    let answers = stage.emulator.resolve(HOST, "A");
    assert!(answers.len() == 1 && answers[0].values.iter().all(|v| v.contains("far")), "{answers:?}");
    // The way back begins elsewhere, so it says whose the zone is.
    let back = name.migration("back", &there, &name.ecs());
    stage.apply(&back.replace("route53: {", "route53: {accountRef: {name: default}, ")).await;
    until(&stage, "back", Phase::Completed).await;
    let answers = stage.emulator.resolve(HOST, "A");
    assert!(answers.len() == 1 && answers[0].values.iter().all(|v| v.contains("front")), "{answers:?}");

    stage.apply(&migration("rule", ECS, "ecsServiceRef: {name: orders-far}", "")).await;
    let refused = |m: &landbridge_api::v1alpha1::TrafficMigration| {
        let conditions = m.status.as_ref().map(|s| s.common.conditions.as_slice()).unwrap_or_default();
        conditions.iter().any(|c| c.message.contains("only a name can lead to both: use backend.route53"))
    };
    stage.until(NAMESPACE, "rule", "refused", refused).await;
    stage.end().await;
}
