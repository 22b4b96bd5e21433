//! Route 53 through aws-sdk-route53. Source of what is expected: ChangeResourceRecordSets, ListResourceRecordSets, GetChange,
//! CreateHostedZone, CreateHealthCheck (Amazon Route 53 API reference) and "Throttling for Amazon Route 53 API requests".

use aws_sdk_elasticloadbalancingv2::Client as Elb;
use aws_sdk_elasticloadbalancingv2::types::TargetDescription;
use aws_sdk_route53::Client;
use aws_sdk_route53::error::ProvideErrorMetadata as _;
use aws_sdk_route53::types::{
    AliasTarget, Change, ChangeAction, ChangeBatch, ChangeStatus, HealthCheckConfig, HealthCheckType, HostedZoneConfig,
    ResourceRecord, ResourceRecordSet, RrType, Tag, TagResourceType, Vpc, VpcRegion,
};

use landbridge_emulator::{TargetFate, TargetScript};

use crate::load_balancing::{balancer, forward, group, listener};
use crate::support::{Aws, on_both_fronts};

fn weighted(set: &str, weight: i64, address: &str) -> ResourceRecordSet {
    let record = ResourceRecordSet::builder().name("app.example.com").r#type(RrType::A).ttl(60);
    let value = ResourceRecord::builder().value(address).build().unwrap();
    record.set_identifier(set).weight(weight).resource_records(value).build().unwrap()
}

fn simple(name: &str, kind: RrType, value: &str) -> ResourceRecordSet {
    let value = ResourceRecord::builder().value(value).build().unwrap();
    ResourceRecordSet::builder().name(name).r#type(kind).ttl(60).resource_records(value).build().unwrap()
}

fn batch(action: &ChangeAction, records: impl IntoIterator<Item = ResourceRecordSet>) -> ChangeBatch {
    let change = |record| Change::builder().action(action.clone()).resource_record_set(record).build().unwrap();
    ChangeBatch::builder().set_changes(Some(records.into_iter().map(change).collect())).build().unwrap()
}

async fn zone(client: &Client, reference: &str) -> String {
    let made = client.create_hosted_zone().name("example.com").caller_reference(reference).send().await.unwrap();
    assert!(made.location().ends_with(made.hosted_zone().unwrap().id()));
    made.hosted_zone().unwrap().id().to_owned()
}

async fn change(client: &Client, zone: &str, batch: ChangeBatch) -> String {
    let made = client.change_resource_record_sets().hosted_zone_id(zone).change_batch(batch).send().await.unwrap();
    let info = made.change_info().unwrap();
    assert_eq!(info.status(), &ChangeStatus::Pending);
    info.id().to_owned()
}

/// Matrix: "hosted zone, weighted UPSERT (ECS->EKS shift), list, invalid change error, delete".
#[tokio::test]
async fn traffic_shifts_from_ecs_to_eks_by_weights_that_come_into_force_together() {
    on_both_fronts(async |aws| {
        let client = Client::new(&aws.config());
        let zone = zone(&client, "shift").await;
        let pair = |ecs, eks| [weighted("ecs", ecs, "192.0.2.1"), weighted("eks", eks, "192.0.2.2")];
        change(&client, &zone, batch(&ChangeAction::Create, pair(100, 0))).await;
        aws.pass(30);
        let id = change(&client, &zone, batch(&ChangeAction::Upsert, pair(90, 10))).await;
        let share = || aws.emulator.resolve("app.example.com", "A")[1].share;
        assert_eq!(share(), Some(0.0), "pending");
        aws.pass(30);
        let got = client.get_change().id(&id).send().await.unwrap();
        assert_eq!(got.change_info().unwrap().status(), &ChangeStatus::Insync);
        assert_eq!(share(), Some(0.1));
        let listed = client.list_resource_record_sets().hosted_zone_id(&zone).start_record_name("app.example.com");
        let listed = listed.start_record_type(RrType::A).send().await.unwrap();
        let seen: Vec<_> =
            listed.resource_record_sets().iter().map(|it| (it.set_identifier().unwrap(), it.weight())).collect();
        assert_eq!(seen, [("ecs", Some(90)), ("eks", Some(10))]);
        let delete = batch(&ChangeAction::Delete, [weighted("eks", 0, "192.0.2.2")]);
        let refused = client.change_resource_record_sets().hosted_zone_id(&zone).change_batch(delete).send().await;
        let refused = refused.unwrap_err().into_service_error();
        assert!(refused.is_invalid_change_batch(), "{refused:?}");
        let message = "[Tried to delete resource record set [name='app.example.com.', type='A', set-identifier='eks'] but the \
                       values provided do not match the current values]";
        assert_eq!(refused.message(), Some(message));
        let full = client.delete_hosted_zone().id(&zone).send().await.unwrap_err().into_service_error();
        assert!(full.is_hosted_zone_not_empty(), "{full:?}");
        change(&client, &zone, batch(&ChangeAction::Delete, pair(90, 10))).await;
        client.delete_hosted_zone().id(&zone).send().await.unwrap();
        let gone = client.get_hosted_zone().id(&zone).send().await.unwrap_err().into_service_error();
        assert!(gone.is_no_such_hosted_zone(), "{gone:?}");
    })
    .await;
}

#[tokio::test]
async fn records_of_every_kind_come_back_as_they_were_given_in_route_53_s_order_and_pages() {
    on_both_fronts(async |aws| {
        let client = Client::new(&aws.config());
        let zone = zone(&client, "kinds").await;
        let alias = AliasTarget::builder().hosted_zone_id("Z32O12XQLNTSW2").dns_name("LB.eu-west-1.elb.amazonaws.com");
        let alias = alias.evaluate_target_health(true).build().unwrap();
        let alias = ResourceRecordSet::builder().name("lb.example.com").r#type(RrType::A).alias_target(alias);
        let records = [
            alias.build().unwrap(),
            simple("*.example.com", RrType::Txt, "\"a <b> & \\\"c\\\"\""),
            simple("www.example.com", RrType::Cname, "lb.example.com"),
        ];
        change(&client, &zone, batch(&ChangeAction::Create, records)).await;
        let (mut seen, mut name, mut kind) = (Vec::new(), None, None);
        loop {
            let request = client.list_resource_record_sets().hosted_zone_id(&zone).max_items(2);
            let page = request.set_start_record_name(name).set_start_record_type(kind).send().await.unwrap();
            seen.extend(page.resource_record_sets().to_vec());
            if !page.is_truncated() {
                break;
            }
            (name, kind) = (page.next_record_name, page.next_record_type);
        }
        let names: Vec<_> = seen.iter().map(|it| (it.name(), it.r#type().as_str())).collect();
        assert_eq!(
            names,
            [
                ("example.com.", "NS"),
                ("example.com.", "SOA"),
                ("\\052.example.com.", "TXT"),
                ("lb.example.com.", "A"),
                ("www.example.com.", "CNAME"),
            ]
        );
        assert_eq!(seen[2].resource_records()[0].value(), "\"a <b> & \\\"c\\\"\"");
        let alias = seen[3].alias_target().unwrap();
        assert_eq!((alias.dns_name(), alias.evaluate_target_health()), ("lb.eu-west-1.elb.amazonaws.com.", true));
        assert_eq!(seen[0].resource_records().len(), 4);
    })
    .await;
}

#[tokio::test]
async fn private_zones_belong_to_vpcs_and_conflicts_are_the_sdk_s_own_variants() {
    on_both_fronts(async |aws| {
        let client = Client::new(&aws.config());
        let vpc = Vpc::builder().vpc_region(VpcRegion::EuWest1).vpc_id("vpc-1").build();
        let create = |reference: &str| {
            let config = HostedZoneConfig::builder().comment("ours").private_zone(true).build();
            let request = client.create_hosted_zone().name("corp.internal").caller_reference(reference);
            request.vpc(vpc.clone()).hosted_zone_config(config)
        };
        let made = create("one").send().await.unwrap();
        let zone = made.hosted_zone().unwrap();
        let config = zone.config().unwrap();
        assert_eq!((config.private_zone(), config.comment()), (true, Some("ours")));
        let got = client.get_hosted_zone().id(zone.id()).send().await.unwrap();
        assert_eq!(got.vpcs()[0].vpc_id(), Some("vpc-1"));
        let again = create("one").send().await.unwrap_err().into_service_error();
        assert!(again.is_hosted_zone_already_exists(), "{again:?}");
        let conflict = create("two").send().await.unwrap_err().into_service_error();
        assert!(conflict.is_conflicting_domain_exists(), "{conflict:?}");
        let tag = Tag::builder().key("team").value("shop").build();
        let bare = zone.id().trim_start_matches("/hostedzone/");
        let request = client.change_tags_for_resource().resource_type(TagResourceType::Hostedzone).resource_id(bare);
        request.add_tags(tag).send().await.unwrap();
        let tags = client.list_tags_for_resource().resource_type(TagResourceType::Hostedzone).resource_id(bare);
        let tags = tags.send().await.unwrap();
        assert_eq!(tags.resource_tag_set().unwrap().tags()[0].value(), Some("shop"));
        let zones = client.list_hosted_zones_by_name().dns_name("corp.internal").send().await.unwrap();
        assert_eq!(zones.hosted_zones()[0].id(), zone.id());
        assert!(client.list_hosted_zones().send().await.unwrap().hosted_zones().len() == 1);
    })
    .await;
}

#[tokio::test]
async fn health_checks_are_made_once_per_reference_and_steer_answers() {
    on_both_fronts(async |aws| {
        let client = Client::new(&aws.config());
        let config =
            HealthCheckConfig::builder().r#type(HealthCheckType::Http).fully_qualified_domain_name("x.example.com");
        let config = config.build().unwrap();
        let create = || client.create_health_check().caller_reference("one").health_check_config(config.clone());
        let made = create().send().await.unwrap();
        let id = made.health_check().unwrap().id().to_owned();
        assert_eq!(create().send().await.unwrap().health_check().unwrap().id(), id);
        let zone = zone(&client, "checked").await;
        let mut checked = weighted("ecs", 1, "192.0.2.1");
        checked.health_check_id = Some(id.clone());
        change(&client, &zone, batch(&ChangeAction::Create, [checked, weighted("eks", 1, "192.0.2.2")])).await;
        aws.pass(30);
        assert!(aws.emulator.set_health_check(&id, false));
        let shares: Vec<_> = aws.emulator.resolve("app.example.com", "A").iter().map(|it| it.share).collect();
        assert_eq!(shares, [Some(0.0), Some(1.0)]);
        client.update_health_check().health_check_id(&id).port(8080).send().await.unwrap();
        let got = client.get_health_check().health_check_id(&id).send().await.unwrap();
        assert_eq!(got.health_check().unwrap().health_check_config().unwrap().port(), Some(8080));
        assert_eq!(client.list_health_checks().send().await.unwrap().health_checks().len(), 1);
        client.delete_health_check().health_check_id(&id).send().await.unwrap();
        let gone = client.get_health_check().health_check_id(&id).send().await.unwrap_err().into_service_error();
        assert!(gone.is_no_such_health_check(), "{gone:?}");
    })
    .await;
}

/// A load balancer with one target; its name in DNS and the zone of that.
async fn served(elb: &Elb, name: &str, target: &str) -> (String, String, String) {
    let (arn, group) = (balancer(elb, name).await, group(elb, name).await);
    listener(elb, &arn, 80, forward(&[(&group, 1)])).await;
    let target = TargetDescription::builder().id(target).build();
    elb.register_targets().target_group_arn(&group).targets(target).send().await.unwrap();
    let shown = elb.describe_load_balancers().load_balancer_arns(&arn).send().await.unwrap();
    let shown = &shown.load_balancers()[0];
    (shown.dns_name().unwrap().to_owned(), shown.canonical_hosted_zone_id().unwrap().to_owned(), group)
}

/// "For an Application or Network Load Balancer to be considered healthy, every target group that contains targets must contain
/// at least one healthy target", and one without any "is considered unhealthy" (`EvaluateTargetHealth`, AliasTarget).
#[tokio::test]
async fn an_alias_that_evaluates_its_load_balancer_is_left_out_while_no_target_there_is_healthy() {
    on_both_fronts(async |aws| {
        let (client, elb) = (Client::new(&aws.config()), Elb::new(&aws.config()));
        aws.emulator.script_target(TargetScript::new("10.0.9.*", TargetFate::Failed));
        let (good, bad) = (served(&elb, "good", "10.0.0.1").await, served(&elb, "bad", "10.0.9.1").await);
        let zone = zone(&client, "alias").await;
        let alias = |(name, id, _): &(String, String, String), set: &str, evaluated| {
            let target = AliasTarget::builder().hosted_zone_id(id).dns_name(format!("dualstack.{name}"));
            let target = target.evaluate_target_health(evaluated).build().unwrap();
            let record = ResourceRecordSet::builder().name("app.example.com").r#type(RrType::A).set_identifier(set);
            record.weight(1).alias_target(target).build().unwrap()
        };
        let change_to = async |evaluated| {
            let records = [alias(&bad, "bad", evaluated), alias(&good, "good", evaluated)];
            change(&client, &zone, batch(&ChangeAction::Upsert, records)).await;
            aws.pass(300);
        };
        let shares = || -> Vec<_> { aws.emulator.resolve("app.example.com", "A").iter().map(|it| it.share).collect() };
        change_to(false).await;
        assert_eq!(shares(), [Some(0.5), Some(0.5)], "nobody looks");
        change_to(true).await;
        assert_eq!(shares(), [Some(0.0), Some(1.0)]);
        aws.emulator.clear_scripts();
        aws.pass(300);
        assert_eq!(shares(), [Some(0.5), Some(0.5)], "both are healthy");
        let target = TargetDescription::builder().id("10.0.0.1").build();
        elb.deregister_targets().target_group_arn(&good.2).targets(target).send().await.unwrap();
        assert_eq!(shares(), [Some(1.0), Some(0.0)], "a group without targets is unhealthy");
        aws.emulator.script_target(TargetScript::new("10.0.9.*", TargetFate::Timeout));
        aws.pass(300);
        assert_eq!(shares(), [Some(0.5), Some(0.5)], "with none healthy, all are taken for healthy");
    })
    .await;
}

#[tokio::test]
async fn requests_beyond_the_published_rate_are_throttled_in_route_53_s_words() {
    let aws = Aws::start_with(|builder| builder.quotas(true)).await;
    let client = Client::new(&aws.config());
    let mut taken = 0;
    let refused = loop {
        match client.list_hosted_zones().send().await {
            Ok(_) => taken += 1,
            Err(refused) => break refused.into_service_error(),
        }
    };
    assert_eq!(taken, 50, "the burst");
    assert_eq!((refused.code(), refused.message()), (Some("Throttling"), Some("Rate exceeded")));
    aws.pass(1);
    for _ in 0..10 {
        client.list_hosted_zones().send().await.unwrap();
    }
    assert!(client.list_hosted_zones().send().await.is_err(), "ten a second");
}

#[tokio::test]
async fn the_zone_of_a_cloud_map_namespace_is_seen_and_not_touched() {
    on_both_fronts(async |aws| {
        let cloud_map = aws_sdk_servicediscovery::Client::new(&aws.config());
        cloud_map.create_private_dns_namespace().name("shop.internal").vpc("vpc-1").send().await.unwrap();
        aws.pass(3);
        let listed = cloud_map.list_namespaces().send().await.unwrap();
        let namespace = &listed.namespaces()[0];
        let dns = namespace.properties().unwrap().dns_properties().unwrap();
        let client = Client::new(&aws.config());
        let zone = client.get_hosted_zone().id(dns.hosted_zone_id().unwrap()).send().await.unwrap();
        let zone = zone.hosted_zone().unwrap();
        assert_eq!(zone.linked_service().unwrap().description(), namespace.arn());
        let batch = batch(&ChangeAction::Create, [simple("x.shop.internal", RrType::A, "192.0.2.1")]);
        let refused = client.change_resource_record_sets().hosted_zone_id(zone.id()).change_batch(batch).send().await;
        let refused = refused.unwrap_err().into_service_error();
        assert_eq!(refused.code(), Some("AccessDenied"));
        assert!(refused.message().unwrap().contains("can only be managed through AWS Cloud Map"), "{refused:?}");
    })
    .await;
}
