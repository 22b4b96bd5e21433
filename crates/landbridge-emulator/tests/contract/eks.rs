//! EKS through aws-sdk-eks. Source of what is expected: CreateCluster, Cluster, CreatePodIdentityAssociation and its siblings,
//! CreateAddon (Amazon EKS API reference).

use aws_sdk_eks::Client;
use aws_sdk_eks::types::{AddonStatus, ClusterStatus, VpcConfigRequest};

use crate::support::{Aws, on_both_fronts};

const ROLE: &str = "arn:aws:iam::123456789012:role/pods";

async fn cluster(aws: &Aws, client: &Client, name: &str) {
    let vpc = VpcConfigRequest::builder().subnet_ids("subnet-1").subnet_ids("subnet-2").build();
    let request = client.create_cluster().name(name).role_arn(ROLE).resources_vpc_config(vpc).tags("team", "shop");
    let made = request.send().await.unwrap();
    assert_eq!(made.cluster().unwrap().status(), Some(&ClusterStatus::Creating));
    aws.pass(600);
}

/// Matrix: "CreateCluster -> ACTIVE, endpoint, pod identity association CRUD, addon".
#[tokio::test]
async fn a_cluster_becomes_active_and_its_service_accounts_take_roles() {
    on_both_fronts(async |aws| {
        let client = Client::new(&aws.config());
        cluster(&aws, &client, "shop").await;
        let got = client.describe_cluster().name("shop").send().await.unwrap();
        let got = got.cluster().unwrap();
        assert_eq!(got.status(), Some(&ClusterStatus::Active));
        assert!(got.endpoint().unwrap().ends_with(".eks.amazonaws.com"));
        assert!(got.identity().unwrap().oidc().unwrap().issuer().unwrap().contains("oidc.eks.eu-west-1"));
        let create = || {
            let request = client.create_pod_identity_association().cluster_name("shop").namespace("web");
            request.service_account("api").role_arn(ROLE)
        };
        let made = create().send().await.unwrap();
        let made = made.association().unwrap();
        let id = made.association_id().unwrap();
        let again = create().send().await.unwrap_err().into_service_error();
        assert!(again.is_resource_in_use_exception(), "{again:?}");
        let other = "arn:aws:iam::123456789012:role/other";
        let update = client.update_pod_identity_association().cluster_name("shop").association_id(id);
        update.role_arn(other).disable_session_tags(true).send().await.unwrap();
        let describe = || client.describe_pod_identity_association().cluster_name("shop").association_id(id);
        let got = describe().send().await.unwrap();
        let got = got.association().unwrap();
        assert_eq!((got.role_arn(), got.disable_session_tags()), (Some(other), Some(true)));
        assert_eq!(got.created_at().unwrap().secs(), aws.emulator.now().as_second());
        let listed =
            client.list_pod_identity_associations().cluster_name("shop").namespace("web").send().await.unwrap();
        assert_eq!(listed.associations()[0].service_account(), Some("api"));
        client.delete_pod_identity_association().cluster_name("shop").association_id(id).send().await.unwrap();
        let gone = describe().send().await.unwrap_err().into_service_error();
        assert!(gone.is_resource_not_found_exception(), "{gone:?}");
        client.create_addon().cluster_name("shop").addon_name("eks-pod-identity-agent").send().await.unwrap();
        aws.pass(60);
        let addon =
            client.describe_addon().cluster_name("shop").addon_name("eks-pod-identity-agent").send().await.unwrap();
        assert_eq!(addon.addon().unwrap().status(), Some(&AddonStatus::Active));
    })
    .await;
}

#[tokio::test]
async fn clusters_are_listed_in_pages_tagged_and_deleted() {
    on_both_fronts(async |aws| {
        let client = Client::new(&aws.config());
        for name in ["a", "b", "c"] {
            cluster(&aws, &client, name).await;
        }
        let mut names = client.list_clusters().max_results(2).into_paginator().items().send();
        let mut seen = Vec::new();
        while let Some(name) = names.next().await {
            seen.push(name.unwrap());
        }
        assert_eq!(seen, ["a", "b", "c"]);
        let arn = "arn:aws:eks:eu-west-1:123456789012:cluster/a";
        client.tag_resource().resource_arn(arn).tags("env", "prod").send().await.unwrap();
        client.untag_resource().resource_arn(arn).tag_keys("team").send().await.unwrap();
        let tags = client.list_tags_for_resource().resource_arn(arn).send().await.unwrap();
        assert_eq!(tags.tags().unwrap().iter().collect::<Vec<_>>(), [(&"env".to_owned(), &"prod".to_owned())]);
        client.delete_cluster().name("a").send().await.unwrap();
        aws.pass(600);
        let gone = client.describe_cluster().name("a").send().await.unwrap_err().into_service_error();
        assert!(gone.is_resource_not_found_exception(), "{gone:?}");
        let missing = client.create_pod_identity_association().cluster_name("a").namespace("n").service_account("s");
        let missing = missing.role_arn(ROLE).send().await.unwrap_err().into_service_error();
        assert!(missing.is_resource_not_found_exception(), "{missing:?}");
    })
    .await;
}
