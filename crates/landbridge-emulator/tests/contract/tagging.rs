//! The Resource Groups Tagging API and Service Quotas through their SDK crates.

use aws_sdk_ecs::config::Region;
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

/// Everything that is tagged in a Region with `team: web`.
async fn tagged(client: &Client, key: &str) -> Vec<String> {
    let found = client.get_resources().tag_filters(filter(key, "web")).send().await.unwrap();
    let mut arns: Vec<_> =
        found.resource_tag_mapping_list().iter().map(|it| it.resource_arn().unwrap().to_owned()).collect();
    arns.sort();
    arns
}

/// Tags every resource by the API and by its own service, and finds it by both.
#[tokio::test]
async fn queues_rules_schedule_groups_clusters_and_networks_are_tagged_and_found() {
    on_both_fronts(async |aws| {
        let config = aws.config();
        let sqs = aws_sdk_sqs::Client::new(&config);
        let url = sqs.create_queue().queue_name("jobs").tags("own", "web").send().await.unwrap().queue_url.unwrap();
        let events = aws_sdk_eventbridge::Client::new(&config);
        let own = || aws_sdk_eventbridge::types::Tag::builder().key("own").value("web").build().unwrap();
        let rule = events.put_rule().name("moves").event_pattern(r#"{"source": ["aws.ecs"]}"#).tags(own());
        let rule = rule.send().await.unwrap().rule_arn.unwrap();
        let scheduler = aws_sdk_scheduler::Client::new(&config);
        let own = aws_sdk_scheduler::types::Tag::builder().key("own").value("web").build().unwrap();
        let group = scheduler.create_schedule_group().name("nightly").tags(own).send().await.unwrap();
        let group = group.schedule_group_arn().to_owned();
        let eks = aws_sdk_eks::Client::new(&config);
        let vpc = aws_sdk_eks::types::VpcConfigRequest::builder().subnet_ids("subnet-1").subnet_ids("subnet-2").build();
        let role = format!("arn:aws:iam::{ACCOUNT}:role/pods");
        let cluster = eks.create_cluster().name("shop").role_arn(role).resources_vpc_config(vpc).tags("own", "web");
        let cluster = cluster.send().await.unwrap().cluster.unwrap().arn.unwrap();
        let made = "Action=CreateVpc&Version=2016-11-15&CidrBlock=10.0.0.0%2F16&TagSpecification.1.ResourceType=vpc&\
                    TagSpecification.1.Tag.1.Key=own&TagSpecification.1.Tag.1.Value=web";
        let (_, made) = aws.form("ec2", made).await;
        let id = made.split("<vpcId>").nth(1).unwrap().split('<').next().unwrap().to_owned();
        let vpc = format!("arn:aws:ec2:{REGION}:{ACCOUNT}:vpc/{id}");
        let queue = format!("arn:aws:sqs:{REGION}:{ACCOUNT}:jobs");
        let mut all = vec![queue.clone(), rule.clone(), group.clone(), cluster.clone(), vpc.clone()];
        all.sort();

        let client = Client::new(&config);
        assert_eq!(tagged(&client, "own").await, all);
        for (kind, arn) in [
            ("sqs", &queue),
            ("events:rule", &rule),
            ("scheduler:schedule-group", &group),
            ("eks:cluster", &cluster),
            ("ec2:vpc", &vpc),
        ] {
            let found = client.get_resources().resource_type_filters(kind).send().await.unwrap();
            assert_eq!(found.resource_tag_mapping_list()[0].resource_arn(), Some(arn.as_str()), "{kind}");
        }
        let done =
            client.tag_resources().set_resource_arn_list(Some(all.clone())).tags("team", "web").send().await.unwrap();
        assert!(done.failed_resources_map().is_none_or(std::collections::HashMap::is_empty), "{done:?}");
        assert_eq!(tagged(&client, "team").await, all);
        assert_eq!(sqs.list_queue_tags().queue_url(&url).send().await.unwrap().tags().unwrap()["team"], "web");
        assert_eq!(events.list_tags_for_resource().resource_arn(&rule).send().await.unwrap().tags().len(), 2);
        assert_eq!(scheduler.list_tags_for_resource().resource_arn(&group).send().await.unwrap().tags().len(), 2);
        assert_eq!(
            eks.list_tags_for_resource().resource_arn(&cluster).send().await.unwrap().tags().unwrap()["team"],
            "web"
        );
        let describe =
            format!("Action=DescribeTags&Version=2016-11-15&Filter.1.Name=resource-id&Filter.1.Value.1={id}");
        assert!(aws.form("ec2", &describe).await.1.contains("<key>team</key>"));
        let done =
            client.untag_resources().set_resource_arn_list(Some(all.clone())).tag_keys("own").send().await.unwrap();
        assert!(done.failed_resources_map().is_none_or(std::collections::HashMap::is_empty), "{done:?}");
        assert!(tagged(&client, "own").await.is_empty());
        assert_eq!(tagged(&client, "team").await, all);
    })
    .await;
}

/// "You can only tag resources that are located in the specified AWS Region" (TagResources); Route 53 is a global service.
#[tokio::test]
async fn hosted_zones_and_health_checks_are_tagged_and_found_in_us_east_1() {
    on_both_fronts(async |aws| {
        let route53 = aws_sdk_route53::Client::new(&aws.config());
        let zone = route53.create_hosted_zone().name("example.com").caller_reference("one").send().await.unwrap();
        let zone = format!("arn:aws:route53:::{}", zone.hosted_zone().unwrap().id().trim_start_matches('/'));
        let check = aws_sdk_route53::types::HealthCheckConfig::builder()
            .r#type(aws_sdk_route53::types::HealthCheckType::Http)
            .fully_qualified_domain_name("a.example.com")
            .build()
            .unwrap();
        let check =
            route53.create_health_check().caller_reference("one").health_check_config(check).send().await.unwrap();
        let id = check.health_check().unwrap().id().to_owned();
        let check = format!("arn:aws:route53:::healthcheck/{id}");
        let north = aws.config().into_builder().region(Region::new("us-east-1")).build();
        let (north, here) = (Client::new(&north), Client::new(&aws.config()));
        let tag = |client: &Client| {
            client.tag_resources().resource_arn_list(&zone).resource_arn_list(&check).tags("team", "web")
        };
        let refused = tag(&here).send().await.unwrap();
        assert_eq!(refused.failed_resources_map().unwrap().len(), 2);
        let done = tag(&north).send().await.unwrap();
        assert!(done.failed_resources_map().is_none_or(std::collections::HashMap::is_empty), "{done:?}");
        assert_eq!(tagged(&north, "team").await, [check.clone(), zone.clone()]);
        assert!(tagged(&here, "team").await.is_empty());
        let kind = aws_sdk_route53::types::TagResourceType::Healthcheck;
        let listed = route53.list_tags_for_resource().resource_type(kind).resource_id(&id).send().await.unwrap();
        assert_eq!(listed.resource_tag_set().unwrap().tags()[0].key(), Some("team"));
        north.untag_resources().resource_arn_list(&zone).tag_keys("team").send().await.unwrap();
        assert_eq!(tagged(&north, "team").await, [check]);
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
