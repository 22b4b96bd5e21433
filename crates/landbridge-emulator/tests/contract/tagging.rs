//! The Resource Groups Tagging API and Service Quotas through their SDK crates.

use aws_sdk_resourcegroupstagging::Client;
use aws_sdk_resourcegroupstagging::types::TagFilter;

use crate::ecs::{create, described, shop};
use crate::support::{ACCOUNT, REGION, on_both_fronts};

fn filter(key: &str, value: &str) -> TagFilter {
    TagFilter::builder().key(key).values(value).build()
}

/// Matrix line "Tagging": GetResources of the Resource Groups Tagging API reference finds an ECS service by its tag.
#[tokio::test]
async fn resources_of_many_services_are_found_by_their_tags() {
    on_both_fronts(async |aws| {
        let ecs = shop(&aws).await;
        let tag = aws_sdk_ecs::types::Tag::builder().key("team").value("web").build();
        create(&ecs).tags(tag).send().await.unwrap();
        let service = described(&ecs).await.service_arn().unwrap().to_owned();
        let logs = aws_sdk_cloudwatchlogs::Client::new(&aws.config());
        logs.create_log_group().log_group_name("/ecs/web").tags("team", "web").send().await.unwrap();
        let client = Client::new(&aws.config());
        let of_type = client.get_resources().tag_filters(filter("team", "web")).resource_type_filters("ecs:service");
        let found = of_type.send().await.unwrap();
        let [only] = found.resource_tag_mapping_list() else { panic!("{found:?}") };
        assert_eq!((only.resource_arn(), only.tags()[0].key()), (Some(service.as_str()), "team"));
        let mut pages =
            client.get_resources().tag_filters(filter("team", "web")).resources_per_page(1).into_paginator().send();
        let mut arns = Vec::new();
        while let Some(page) = pages.next().await {
            arns.extend(
                page.unwrap().resource_tag_mapping_list().iter().map(|it| it.resource_arn().unwrap().to_owned()),
            );
        }
        let group = format!("arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/ecs/web");
        assert_eq!(arns, [service.clone(), group.clone()]);
        let none = client.get_resources().tag_filters(filter("team", "none")).send().await.unwrap();
        assert!(none.resource_tag_mapping_list().is_empty());
        let mixed = client.get_resources().resource_arn_list(&group).resource_type_filters("logs").send().await;
        assert!(mixed.unwrap_err().into_service_error().is_invalid_parameter_exception());

        let unknown = format!("arn:aws:ecs:{REGION}:{ACCOUNT}:service/prod/none");
        let tagged = client.tag_resources().resource_arn_list(&service).resource_arn_list(&group);
        let tagged = tagged.resource_arn_list(&unknown).tags("cost", "7").send().await.unwrap();
        let failed = tagged.failed_resources_map().unwrap();
        assert_eq!(failed.keys().collect::<Vec<_>>(), [&unknown]);
        let costs = client.get_resources().tag_filters(filter("cost", "7")).send().await.unwrap();
        assert_eq!(costs.resource_tag_mapping_list().len(), 2);
        client.untag_resources().resource_arn_list(&group).tag_keys("cost").send().await.unwrap();
        let costs = client.get_resources().tag_filters(filter("cost", "7")).send().await.unwrap();
        assert_eq!(costs.resource_tag_mapping_list().len(), 1);
        assert!(client.get_tag_keys().send().await.unwrap().tag_keys().contains(&"cost".to_owned()));
        assert_eq!(client.get_tag_values().key("team").send().await.unwrap().tag_values(), ["shop", "web"]);

        // A service that is deleted has no tags any more.
        ecs.delete_service().cluster("prod").service("web").force(true).send().await.unwrap();
        aws.pass(120);
        let left = client.get_resources().resource_type_filters("ecs:service").send().await.unwrap();
        assert!(left.resource_tag_mapping_list().is_empty());
    })
    .await;
}

/// Matrix line "Quotas": ListServiceQuotas of the Service Quotas API reference for ecs and fargate.
#[tokio::test]
async fn quotas_of_ecs_and_fargate_are_listed() {
    on_both_fronts(async |aws| {
        let client = aws_sdk_servicequotas::Client::new(&aws.config());
        let listed = client.list_service_quotas().service_code("ecs").send().await.unwrap();
        let clusters = listed.quotas().iter().find(|quota| quota.quota_name() == Some("Clusters per account")).unwrap();
        assert_eq!(
            (clusters.value(), clusters.adjustable(), clusters.quota_code()),
            (Some(10_000.0), true, Some("L-21C621EB"))
        );
        let mut pages = client.list_service_quotas().service_code("ecs").max_results(3).into_paginator().items().send();
        let mut number = 0;
        while let Some(quota) = pages.next().await {
            quota.unwrap();
            number += 1;
        }
        assert_eq!(number, listed.quotas().len());
        for service in ["fargate", "elasticloadbalancing", "AWSCloudMap"] {
            let defaults = client.list_aws_default_service_quotas().service_code(service).send().await.unwrap();
            assert!(!defaults.quotas().is_empty(), "{service}");
        }
        let spot = client.get_service_quota().service_code("fargate").quota_code("L-36FBB829").send().await.unwrap();
        assert_eq!(spot.quota().unwrap().value(), Some(6.0));
        let none = client.get_service_quota().service_code("fargate").quota_code("L-00000000").send().await;
        assert!(none.unwrap_err().into_service_error().is_no_such_resource_exception());
        let none = client.list_service_quotas().service_code("moon").send().await.unwrap_err().into_service_error();
        assert!(none.is_no_such_resource_exception(), "{none:?}");
    })
    .await;
}
