//! Looking things up, together, from the past, and from memory.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use landbridge_api::v1alpha1::{AwsAccount, CloudMapNamespace, EcsCluster, IamTaskRole};
use landbridge_emulator::{Fault, FaultKind};
use landbridge_plan::aws_account::AwsAccountResolved;
use landbridge_plan::change::{Change, Tags};
use landbridge_plan::cloud_map_namespace::CloudMapNamespaceResolved;
use landbridge_plan::ecs_cluster::EcsClusterResolved;
use landbridge_plan::iam_task_role::IamTaskRoleResolved;
use serde_json::{Value, json};

use super::{ACCOUNT, World, body, service, world};
use crate::budget::Priority;
use crate::observe::{Freshness, Observe};

const NOW: Duration = Duration::ZERO;

fn object<T: serde::de::DeserializeOwned>(kind: &str, spec: &Value) -> T {
    let json =
        json!({"apiVersion": "landbridge.dev/v1alpha1", "kind": kind, "metadata": {"name": "shop"}, "spec": spec});
    serde_json::from_value(json).unwrap()
}

/// ID of the HTTP namespace `shop` once its operation has ended.
pub(super) async fn namespace_id(world: &World) -> String {
    let object: CloudMapNamespace = object("CloudMapNamespace", &json!({"type": "HTTP"}));
    let resolved =
        CloudMapNamespaceResolved { account: Arc::new(world.target.clone()), name: "shop".into(), users: Vec::new() };
    let start = Instant::now();
    loop {
        let observed = object.observe(&world.aws, &resolved, Freshness::Cached).await.unwrap();
        if let Some(namespace) = observed.namespace {
            return namespace.id;
        }
        assert!(start.elapsed() < Duration::from_secs(10), "no namespace: {:?}", observed.operation);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn the_caller_is_who_the_credentials_say() {
    let world = world().await;
    let object: AwsAccount = object("AWSAccount", &json!({"region": super::REGION}));
    let resolved = AwsAccountResolved { account: Arc::new(world.target.clone()), users: Vec::new() };
    let observed = object.observe(&world.aws, &resolved, Freshness::Fresh).await.unwrap();
    assert_eq!(observed.account_id, ACCOUNT);
    assert!(observed.caller_arn.contains(ACCOUNT));
}

#[tokio::test]
async fn a_cluster_shows_its_fields_and_tags_and_a_deleted_one_is_not_there() {
    let world = world().await;
    let settings = json!([{"name": "containerInsights", "value": "enhanced"}]);
    let make = json!({"settings": settings, "tags": [{"key": "a", "value": "b"}]});
    let create = Change::CreateCluster { name: "shop".into(), body: body(&make) };
    assert_eq!(world.run(&[("c", &[], create)]).await.failure, None);
    let object: EcsCluster = object("ECSCluster", &json!({}));
    let resolved =
        EcsClusterResolved { account: Arc::new(world.target.clone()), name: "shop".into(), users: Vec::new() };
    for (aws, freshness) in [(&world.aws, Freshness::Cached), (&world.afresh().await, Freshness::Fresh)] {
        let cluster = object.observe(aws, &resolved, freshness).await.unwrap().cluster.unwrap();
        assert_eq!(cluster.fields["settings"], settings);
        assert_eq!(cluster.tags["a"], "b");
    }
    assert_eq!(world.count("ecs:DescribeClusters"), 1, "the answer of the write is not read again");
    assert_eq!(world.run(&[("d", &[], Change::DeleteCluster { name: "shop".into() })]).await.failure, None);
    let aws = world.afresh().await;
    assert_eq!(object.observe(&aws, &resolved, Freshness::Fresh).await.unwrap().cluster, None);
}

/// The cluster `shop` with one capacity provider of each kind, both of them not in its status.
async fn fleet() -> (World, EcsCluster, EcsClusterResolved) {
    let world = world().await;
    let spare = json!({"autoScalingGroupProvider": {"autoScalingGroupArn": "spare-group"},
        "tags": [{"key": "a", "value": "b"}]});
    let template = json!({"ec2InstanceProfileArn": "p", "networkConfiguration": {"subnets": ["subnet-1"]}});
    let big = json!({"cluster": "shop",
        "managedInstancesProvider": {"infrastructureRoleArn": "r", "instanceLaunchTemplate": template}});
    let make = |name: &str, json: &Value| Change::CreateCapacityProvider { name: name.into(), body: body(json) };
    let with = body(&json!({"capacityProviders": ["FARGATE", "spare"]}));
    let done = world
        .run(&[
            ("spare", &[], make("spare", &spare)),
            ("c", &["spare"], Change::CreateCluster { name: "shop".into(), body: with }),
            ("big", &["c"], make("big", &big)),
        ])
        .await;
    assert_eq!(done.failure, None);
    let resolved =
        EcsClusterResolved { account: Arc::new(world.target.clone()), name: "shop".into(), users: Vec::new() };
    (world, object("ECSCluster", &json!({})), resolved)
}

#[tokio::test]
async fn capacity_providers_of_a_cluster_are_seen_with_tags_in_one_call_and_own_writes_show_at_once() {
    let (world, mut object, resolved) = fleet().await;
    let names = [json!({"name": "spare"}), json!({"name": "big"}), json!({"name": "gone"})];
    object.status = serde_json::from_value(json!({"conditions": [], "capacityProviders": names})).unwrap();
    world.emulator.take_calls();
    let seen = object.observe(&world.aws, &resolved, Freshness::Cached).await.unwrap().providers;
    assert_eq!(seen["spare"].tags["a"], "b");
    assert_eq!((seen["big"].status.as_str(), seen["big"].cluster.as_deref()), ("PROVISIONING", Some("shop")));
    assert_eq!(world.count("ecs:DescribeCapacityProviders"), 1, "only the one that nobody knows is asked for");
    world.emulator.take_calls();
    let seen = object.observe(&world.afresh().await, &resolved, Freshness::Fresh).await.unwrap().providers;
    assert_eq!(seen.keys().collect::<Vec<_>>(), ["big", "spare"]);
    assert_eq!(world.count("ecs:DescribeCapacityProviders"), 1);
}

#[tokio::test]
async fn without_a_status_the_cluster_is_asked_which_capacity_providers_it_has() {
    let (world, object, resolved) = fleet().await;
    let seen = object.observe(&world.afresh().await, &resolved, Freshness::Fresh).await.unwrap().providers;
    assert_eq!(seen.keys().collect::<Vec<_>>(), ["big", "spare"]);
}

#[tokio::test]
async fn a_cluster_that_has_only_what_aws_gives_everybody_costs_no_call_for_capacity_providers() {
    let world = world().await;
    let with = body(&json!({"capacityProviders": ["FARGATE", "FARGATE_SPOT"]}));
    let make = Change::CreateCluster { name: "shop".into(), body: with };
    assert_eq!(world.run(&[("c", &[], make)]).await.failure, None);
    let mut object: EcsCluster = object("ECSCluster", &json!({}));
    object.status = Some(landbridge_api::v1alpha1::EcsClusterStatus::default());
    let resolved =
        EcsClusterResolved { account: Arc::new(world.target.clone()), name: "shop".into(), users: Vec::new() };
    let seen = object.observe(&world.afresh().await, &resolved, Freshness::Fresh).await.unwrap();
    assert!(seen.cluster.is_some() && seen.providers.is_empty());
    assert_eq!(world.count("ecs:DescribeCapacityProviders"), 0);
}

#[tokio::test]
async fn a_namespace_is_followed_from_its_operation_to_its_id_and_found_by_name_afterwards() {
    let world = world().await;
    let make =
        json!({"Type": "HTTP", "CreatorRequestId": "1", "Description": "d", "Tags": [{"Key": "a", "Value": "b"}]});
    let create = Change::CreateNamespace { name: "shop".into(), body: body(&make) };
    assert_eq!(world.run(&[("n", &[], create)]).await.failure, None);
    let id = namespace_id(&world).await;
    let object: CloudMapNamespace = object("CloudMapNamespace", &json!({"type": "HTTP"}));
    let resolved =
        CloudMapNamespaceResolved { account: Arc::new(world.target.clone()), name: "shop".into(), users: Vec::new() };
    let observed = object.observe(&world.afresh().await, &resolved, Freshness::Fresh).await.unwrap();
    let namespace = observed.namespace.unwrap();
    assert_eq!((namespace.id, namespace.description.as_str()), (id, "d"));
    assert_eq!(namespace.tags["a"], "b");
    assert_eq!(observed.operation, None);
}

#[tokio::test]
async fn a_role_is_read_with_policies_trust_boundary_and_tags_and_then_remembered() {
    let world = world().await;
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": {"Service": "ecs-tasks.amazonaws.com"}}]});
    let policy =
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]});
    let managed = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess";
    let tags = Tags::from([("a".to_owned(), "b".to_owned())]);
    let make = body(&json!({"Description": "d", "MaxSessionDuration": 7200}));
    let role = || "shop".to_owned();
    let done = world
        .run(&[
            (
                "role",
                &[],
                Change::CreateRole {
                    name: role(),
                    path: "/landbridge/".into(),
                    trust: trust.clone(),
                    body: make,
                    tags,
                },
            ),
            ("put", &["role"], Change::PutRolePolicy { role: role(), name: "p".into(), document: policy.clone() }),
            ("attach", &["role"], Change::AttachRolePolicy { role: role(), arn: managed.into() }),
        ])
        .await;
    assert_eq!(done.failure, None);
    let object: IamTaskRole = object("IAMTaskRole", &json!({}));
    let resolved = IamTaskRoleResolved { account: Arc::new(world.target.clone()), name: role(), users: Vec::new() };
    let found = object.observe(&world.aws, &resolved, Freshness::Cached).await.unwrap().role.unwrap();
    assert_eq!((found.trust, found.path.as_str(), found.max_session_duration), (trust, "/landbridge/", 7200));
    assert_eq!(found.policies["p"], policy);
    assert!(found.managed_policies.contains(managed));
    assert_eq!(found.tags["a"], "b");
    let calls = world.emulator.calls().by_action().values().sum::<usize>();
    object.observe(&world.aws, &resolved, Freshness::Cached).await.unwrap();
    assert_eq!(world.emulator.calls().by_action().values().sum::<usize>(), calls);
    let update = Change::UpdateRole { role: role(), description: "e".into(), max_session_duration: 3600 };
    assert_eq!(world.run(&[("u", &[], update)]).await.failure, None);
    let found = object.observe(&world.aws, &resolved, Freshness::Cached).await.unwrap().role.unwrap();
    assert_eq!(found.description, "e");
}

#[tokio::test]
async fn services_that_are_asked_for_together_share_pages_of_ten() {
    let world = world().await.with_services(25).await;
    let aws = world.afresh().await;
    let names: Vec<_> = (0..25).map(|n| format!("web-{n}")).collect();
    let found = join_all(names.iter().map(|n| aws.service("prod", n, NOW, Priority::Deploy))).await;
    assert!(found.into_iter().all(|f| f.unwrap().is_some()));
    assert_eq!(world.count("ecs:DescribeServices"), 3);
}

#[tokio::test]
async fn a_read_that_aws_answers_from_the_past_does_not_unmake_a_service() {
    let world = world().await.with_cluster().await;
    assert_eq!(world.aws.service("prod", "web", NOW, Priority::Deploy).await.unwrap(), None);
    world.emulator.fault(Fault::on("ecs:DescribeServices", FaultKind::StaleRead(Duration::from_mins(1))).times(1));
    assert_eq!(world.run(&[("s", &[], service("prod", "web", "web"))]).await.failure, None);
    let seen = world.aws.service("prod", "web", NOW, Priority::Deploy).await.unwrap().unwrap();
    assert_eq!(seen.tags["landbridge.dev/owner"], "ECSService/shop/web");
    assert_eq!(seen.desired_count, 1);
}

#[tokio::test]
async fn a_cluster_or_service_that_is_nowhere_is_no_error() {
    let world = world().await;
    assert_eq!(world.aws.service("nowhere", "web", NOW, Priority::Deploy).await.unwrap(), None);
    assert_eq!(world.aws.cluster("nowhere", NOW, Priority::Deploy).await.unwrap(), None);
}
