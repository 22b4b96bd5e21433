//! Pod Identity associations and long trust policies over HTTP.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_eks::types::{ClusterStatus, VpcConfigRequest};
use landbridge_api::v1alpha1::IamTaskRole;
use landbridge_plan::change::{Change, Tagged, Tags};
use landbridge_plan::iam_task_role::{IamTaskRoleObserved, IamTaskRoleResolved};
use landbridge_plan::verdict::ErrorClass;
use serde_json::{Value, json};

use super::{World, body, world};
use crate::observe::{Freshness, Observe};

const ROLE: &str = "arn:aws:iam::111122223333:role/landbridge/shop-orders";

async fn cluster(world: &World) {
    let vpc = VpcConfigRequest::builder().subnet_ids("subnet-1").subnet_ids("subnet-2").build();
    let make = world.aws.eks().create_cluster().name("prod").role_arn("arn:aws:iam::111122223333:role/eks");
    make.resources_vpc_config(vpc).send().await.unwrap();
    let is_active = async || {
        let answer = world.aws.eks().describe_cluster().name("prod").send().await.unwrap();
        answer.cluster().unwrap().status() == Some(&ClusterStatus::Active)
    };
    let patient = async {
        while !is_active().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), patient).await.unwrap();
}

fn create(cluster: &str, settings: &Value) -> Change {
    Change::CreatePodIdentityAssociation {
        cluster: cluster.into(),
        namespace: "shop".into(),
        service_account: "orders".into(),
        body: body(settings),
        tags: Tags::from([("a".to_owned(), "b".to_owned())]),
    }
}

async fn observed(world: &World, freshness: Freshness) -> IamTaskRoleObserved {
    let object = json!({
        "apiVersion": "landbridge.dev/v1alpha1", "kind": "IAMTaskRole",
        "metadata": {"name": "orders", "namespace": "shop"},
        "spec": {"podIdentityAssociations": [{"clusterName": "prod"}]},
    });
    let object: IamTaskRole = serde_json::from_value(object).unwrap();
    let account = Arc::new(world.target.clone());
    let resolved = IamTaskRoleResolved { account, name: "shop-orders".into(), users: Vec::new() };
    object.observe(&world.aws, &resolved, freshness).await.unwrap()
}

#[tokio::test]
async fn an_association_is_made_changed_tagged_and_removed_and_read_back_as_it_is() {
    let world = world().await;
    let lost = world.run(&[("a", &[], create("prod", &json!({"roleArn": ROLE})))]).await.failure.unwrap();
    assert_eq!(lost.class, ErrorClass::NotFound, "{}", lost.message);
    cluster(&world).await;
    let policy =
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]});
    let settings = json!({"roleArn": ROLE, "disableSessionTags": true, "policy": policy,
        "targetRoleArn": "arn:aws:iam::444455556666:role/theirs"});
    assert_eq!(world.run(&[("a", &[], create("prod", &settings))]).await.failure, None);
    let seen = observed(&world, Freshness::Fresh).await;
    assert_eq!(seen.eks_clusters["prod"].status, "ACTIVE");
    assert_eq!(seen.eks_clusters["prod"].agent, None);
    let facts = seen.associations["prod/shop/orders"].clone();
    assert_eq!((facts.role_arn.as_str(), facts.disable_session_tags), (ROLE, true));
    assert_eq!((facts.policy, facts.tags["a"].as_str()), (Some(policy), "b"));
    assert!(facts.external_id.is_some() && facts.target_role_arn.is_some());

    // One that is there already is looked at by the next pass.
    let again = world.run(&[("a", &[], create("prod", &json!({"roleArn": ROLE})))]).await.failure.unwrap();
    assert_eq!(again.class, ErrorClass::NotYet);

    let (cluster, namespace, service_account, id) =
        ("prod".to_owned(), "shop".to_owned(), "orders".to_owned(), facts.id.clone());
    let less = body(&json!({"targetRoleArn": "", "policy": "", "disableSessionTags": false}));
    let update = Change::UpdatePodIdentityAssociation {
        cluster: cluster.clone(),
        namespace: namespace.clone(),
        service_account: service_account.clone(),
        id: id.clone(),
        body: less,
    };
    let set = Tags::from([("c".to_owned(), "d".to_owned())]);
    let tag = Change::Tag { api: Tagged::Eks, arn: facts.arn.clone(), set, remove: vec!["a".into()] };
    assert_eq!(world.run(&[("u", &[], update), ("t", &["u"], tag)]).await.failure, None);
    let facts = observed(&world, Freshness::Cached).await.associations["prod/shop/orders"].clone();
    assert_eq!((facts.policy, facts.target_role_arn, facts.disable_session_tags), (None, None, false));
    assert_eq!(facts.tags, Tags::from([("c".to_owned(), "d".to_owned())]));

    let delete = || Change::DeletePodIdentityAssociation {
        cluster: cluster.clone(),
        namespace: namespace.clone(),
        service_account: service_account.clone(),
        id: id.clone(),
    };
    assert_eq!(world.run(&[("d", &[], delete())]).await.failure, None);
    assert_eq!(world.run(&[("d", &[], delete())]).await.failure, None, "what is gone is gone");
    assert!(observed(&world, Freshness::Cached).await.associations.is_empty());
}

#[tokio::test]
async fn a_trust_policy_beyond_the_accounts_quota_names_the_quota() {
    let world = world().await;
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Sid": "s".repeat(2048), "Effect": "Allow",
        "Action": "sts:AssumeRole", "Principal": {"Service": "ecs-tasks.amazonaws.com"}}]});
    let make = Change::CreateRole {
        name: "long".into(),
        path: "/landbridge/".into(),
        trust,
        body: body(&json!({})),
        tags: Tags::new(),
    };
    let failure = world.run(&[("role", &[], make)]).await.failure.unwrap();
    assert_eq!(failure.class, ErrorClass::Quota);
    assert!(failure.message.contains("L-C07B4B0D"), "{}", failure.message);
}
