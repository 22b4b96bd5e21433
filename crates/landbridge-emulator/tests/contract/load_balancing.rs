//! Elastic Load Balancing through aws-sdk-elasticloadbalancingv2: every answer parses, refusals are the SDK's own
//! variants. Expectations are those of the Elastic Load Balancing API reference (2015-12-01) and of "Quotas for your
//! Application Load Balancers".

use aws_sdk_elasticloadbalancingv2::Client;
use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, Certificate, FixedResponseActionConfig, ForwardActionConfig, HostHeaderConditionConfig,
    LoadBalancerAttribute, LoadBalancerStateEnum, LoadBalancerTypeEnum, Matcher, ProtocolEnum, RedirectActionConfig,
    RedirectActionStatusCodeEnum, RuleCondition, RulePriorityPair, Tag, TargetDescription, TargetGroupAttribute,
    TargetGroupStickinessConfig, TargetGroupTuple, TargetHealthReasonEnum, TargetHealthStateEnum, TargetTypeEnum,
};
use landbridge_emulator::{TargetFate, TargetScript};

use crate::support::{ACCOUNT, REGION, on_both_fronts};

const CERTIFICATE: &str = "arn:aws:acm:eu-west-1:123456789012:certificate/0";

pub(crate) fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}

pub(crate) async fn balancer(client: &Client, name: &str) -> String {
    let request = client.create_load_balancer().name(name).subnets("subnet-a").subnets("subnet-b");
    let answer = request.security_groups("sg-1").tags(tag("team", "shop")).send().await.unwrap();
    answer.load_balancers()[0].load_balancer_arn().unwrap().to_owned()
}

/// An `ip` group that counts a target as healthy after 10 seconds and drains it for 20.
pub(crate) async fn group(client: &Client, name: &str) -> String {
    let request = client.create_target_group().name(name).protocol(ProtocolEnum::Http).port(80).vpc_id("vpc-1");
    let request = request.target_type(TargetTypeEnum::Ip).health_check_interval_seconds(5).healthy_threshold_count(2);
    let request = request.health_check_timeout_seconds(2).unhealthy_threshold_count(2);
    let answer = request.send().await.unwrap();
    let arn = answer.target_groups()[0].target_group_arn().unwrap().to_owned();
    let delay = TargetGroupAttribute::builder().key("deregistration_delay.timeout_seconds").value("20").build();
    client.modify_target_group_attributes().target_group_arn(&arn).attributes(delay).send().await.unwrap();
    arn
}

/// A forward action to groups with weights.
pub(crate) fn forward(groups: &[(&str, i32)]) -> Action {
    let tuples = groups.iter().map(|(arn, weight)| TargetGroupTuple::builder().target_group_arn(*arn).weight(*weight));
    let tuples = tuples.map(aws_sdk_elasticloadbalancingv2::types::builders::TargetGroupTupleBuilder::build).collect();
    let config = ForwardActionConfig::builder().set_target_groups(Some(tuples)).build();
    Action::builder().r#type(ActionTypeEnum::Forward).forward_config(config).build()
}

pub(crate) fn not_found() -> Action {
    let config = FixedResponseActionConfig::builder().status_code("404").content_type("text/plain").build();
    Action::builder().r#type(ActionTypeEnum::FixedResponse).fixed_response_config(config).build()
}

pub(crate) async fn listener(client: &Client, balancer: &str, port: i32, action: Action) -> String {
    let request = client.create_listener().load_balancer_arn(balancer).protocol(ProtocolEnum::Http).port(port);
    let answer = request.default_actions(action).send().await.unwrap();
    answer.listeners()[0].listener_arn().unwrap().to_owned()
}

pub(crate) fn host(name: &str) -> RuleCondition {
    let config = HostHeaderConditionConfig::builder().values(name).build();
    RuleCondition::builder().field("host-header").host_header_config(config).build()
}

pub(crate) async fn rule(client: &Client, listener: &str, priority: i32, action: Action) -> String {
    let request = client.create_rule().listener_arn(listener).priority(priority).actions(action);
    let answer = request.conditions(host(&format!("h{priority}.example.com"))).send().await.unwrap();
    answer.rules()[0].rule_arn().unwrap().to_owned()
}

/// Groups and weights of a rule as it reads back.
pub(crate) async fn weights(client: &Client, rule: &str) -> Vec<(String, i32)> {
    let answer = client.describe_rules().rule_arns(rule).send().await.unwrap();
    let groups = answer.rules()[0].actions()[0].forward_config().unwrap().target_groups().to_vec();
    groups.iter().map(|it| (it.target_group_arn().unwrap().to_owned(), it.weight().unwrap())).collect()
}

/// (state, reason) of each target.
pub(crate) async fn health(
    client: &Client,
    group: &str,
) -> Vec<(TargetHealthStateEnum, Option<TargetHealthReasonEnum>)> {
    let answer = client.describe_target_health().target_group_arn(group).send().await.unwrap();
    let health = answer.target_health_descriptions().iter().map(|it| it.target_health().unwrap());
    health.map(|health| (health.state().unwrap().clone(), health.reason().cloned())).collect()
}

/// CreateLoadBalancer, LoadBalancer, LoadBalancerAttribute, SetSubnets, SetSecurityGroups, DeleteLoadBalancer.
#[tokio::test]
async fn a_load_balancer_becomes_active_changes_and_is_protected_from_deletion() {
    on_both_fronts(async |aws| {
        let client = Client::new(&aws.config());
        let arn = balancer(&client, "web").await;
        let described = || async {
            client.describe_load_balancers().names("web").send().await.unwrap().load_balancers()[0].clone()
        };
        let web = described().await;
        assert_eq!(web.state().unwrap().code(), Some(&LoadBalancerStateEnum::Provisioning));
        assert_eq!(web.r#type(), Some(&LoadBalancerTypeEnum::Application));
        assert!(web.dns_name().unwrap().ends_with(&format!(".{REGION}.elb.amazonaws.com")));
        assert!(arn.starts_with(&format!("arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/app/web/")));
        assert_eq!((web.security_groups(), web.availability_zones().len()), (&["sg-1".to_owned()][..], 2));
        assert!(web.created_time().is_some());
        aws.pass(300);
        assert_eq!(described().await.state().unwrap().code(), Some(&LoadBalancerStateEnum::Active));
        balancer(&client, "web").await;
        let other = client.create_load_balancer().name("web").subnets("subnet-a").subnets("subnet-c").send().await;
        assert!(other.unwrap_err().into_service_error().is_duplicate_load_balancer_name_exception());
        let subnets = client.set_subnets().load_balancer_arn(&arn).subnets("subnet-a").subnets("subnet-b");
        let zones = subnets.subnets("subnet-c").send().await.unwrap();
        assert_eq!(zones.availability_zones()[2].subnet_id(), Some("subnet-c"));
        let groups = client.set_security_groups().load_balancer_arn(&arn).security_groups("sg-2").send().await.unwrap();
        assert_eq!(groups.security_group_ids(), ["sg-2"]);
        let protect = |value: &str| {
            let attribute = LoadBalancerAttribute::builder().key("deletion_protection.enabled").value(value).build();
            client.modify_load_balancer_attributes().load_balancer_arn(&arn).attributes(attribute).send()
        };
        protect("true").await.unwrap();
        let refused =
            client.delete_load_balancer().load_balancer_arn(&arn).send().await.unwrap_err().into_service_error();
        assert!(refused.is_operation_not_permitted_exception(), "{refused:?}");
        protect("false").await.unwrap();
        client.delete_load_balancer().load_balancer_arn(&arn).send().await.unwrap();
        let gone =
            client.describe_load_balancers().load_balancer_arns(&arn).send().await.unwrap_err().into_service_error();
        assert!(gone.is_load_balancer_not_found_exception(), "{gone:?}");
    })
    .await;
}

/// CreateTargetGroup: the defaults of each health check member; ModifyTargetGroup; TargetGroupAttribute.
#[tokio::test]
async fn a_target_group_reads_back_with_its_health_check_and_attributes() {
    on_both_fronts(async |aws| {
        let client = Client::new(&aws.config());
        let request = client.create_target_group().name("web").protocol(ProtocolEnum::Http).port(80).vpc_id("vpc-1");
        let answer = request.target_type(TargetTypeEnum::Ip).send().await.unwrap();
        let web = answer.target_groups()[0].clone();
        assert_eq!((web.health_check_interval_seconds(), web.health_check_timeout_seconds()), (Some(30), Some(5)));
        assert_eq!((web.healthy_threshold_count(), web.unhealthy_threshold_count()), (Some(5), Some(2)));
        assert_eq!((web.health_check_path(), web.health_check_port()), (Some("/"), Some("traffic-port")));
        assert_eq!(web.matcher().unwrap().http_code(), Some("200"));
        assert_eq!((web.protocol_version(), web.load_balancer_arns().len()), (Some("HTTP1"), 0));
        let arn = web.target_group_arn().unwrap();
        let modify = client.modify_target_group().target_group_arn(arn).health_check_path("/health");
        let changed = modify.matcher(Matcher::builder().http_code("200-299").build()).send().await.unwrap();
        let changed = &changed.target_groups()[0];
        assert_eq!((changed.health_check_path(), changed.healthy_threshold_count()), (Some("/health"), Some(5)));
        let attributes = client.describe_target_group_attributes().target_group_arn(arn).send().await.unwrap();
        let value = |key: &str| {
            let found = attributes.attributes().iter().find(|it| it.key() == Some(key));
            found.and_then(|it| it.value()).map(str::to_owned)
        };
        assert_eq!(value("deregistration_delay.timeout_seconds").as_deref(), Some("300"));
        assert_eq!(value("slow_start.duration_seconds").as_deref(), Some("0"));
        assert_eq!(value("stickiness.type").as_deref(), Some("lb_cookie"));
        let wrong = TargetGroupAttribute::builder().key("slow_start.duration_seconds").value("5").build();
        let refused = client.modify_target_group_attributes().target_group_arn(arn).attributes(wrong).send().await;
        assert!(refused.unwrap_err().into_service_error().is_invalid_configuration_request_exception());
        let other = client.create_target_group().name("web").protocol(ProtocolEnum::Http).port(81).vpc_id("vpc-1");
        let other = other.target_type(TargetTypeEnum::Ip).send().await.unwrap_err().into_service_error();
        assert!(other.is_duplicate_target_group_name_exception(), "{other:?}");
        let gone = client.describe_target_groups().names("none").send().await.unwrap_err().into_service_error();
        assert!(gone.is_target_group_not_found_exception(), "{gone:?}");
        let tcp = client.create_target_group().name("tcp").protocol(ProtocolEnum::Tcp).port(5432).vpc_id("vpc-1");
        let tcp = tcp.send().await.unwrap().target_groups()[0].clone();
        assert_eq!((tcp.health_check_timeout_seconds(), tcp.health_check_path()), (Some(10), None));
    })
    .await;
}

/// CreateListener, Action, RedirectActionConfig, AddListenerCertificates, DescribeListenerCertificates.
#[tokio::test]
async fn listeners_have_default_actions_and_certificates() {
    on_both_fronts(async |aws| {
        let client = Client::new(&aws.config());
        let arn = balancer(&client, "web").await;
        let config = RedirectActionConfig::builder().protocol("HTTPS").port("443");
        let config = config.status_code(RedirectActionStatusCodeEnum::Http301).build();
        let redirect = Action::builder().r#type(ActionTypeEnum::Redirect).redirect_config(config).build();
        listener(&client, &arn, 80, redirect).await;
        let https = || client.create_listener().load_balancer_arn(&arn).protocol(ProtocolEnum::Https).port(443);
        assert!(https().default_actions(not_found()).send().await.is_err());
        let certificate = |arn: &str| Certificate::builder().certificate_arn(arn).build();
        let answer = https().default_actions(not_found()).certificates(certificate(CERTIFICATE)).send().await.unwrap();
        let secure = answer.listeners()[0].clone();
        assert_eq!(secure.certificates()[0].certificate_arn(), Some(CERTIFICATE));
        assert_eq!(secure.ssl_policy(), Some("ELBSecurityPolicy-2016-08"));
        let taken = client.create_listener().load_balancer_arn(&arn).protocol(ProtocolEnum::Http).port(443);
        let taken = taken.default_actions(not_found()).send().await.unwrap_err().into_service_error();
        assert!(taken.is_duplicate_listener_exception(), "{taken:?}");
        let secure = secure.listener_arn().unwrap();
        for n in 1..=25 {
            let more = certificate(&format!("{CERTIFICATE}{n}"));
            client.add_listener_certificates().listener_arn(secure).certificates(more).send().await.unwrap();
        }
        let full = client.add_listener_certificates().listener_arn(secure).certificates(certificate("arn:aws:acm:x"));
        assert!(full.send().await.unwrap_err().into_service_error().is_too_many_certificates_exception());
        let all = client.describe_listener_certificates().listener_arn(secure).send().await.unwrap();
        assert_eq!((all.certificates().len(), all.certificates()[0].is_default()), (26, Some(true)));
        let listed = client.describe_listeners().load_balancer_arn(&arn).send().await.unwrap();
        let first = listed.listeners().iter().find(|it| it.port() == Some(80)).unwrap().default_actions()[0].clone();
        let first = first.redirect_config().unwrap().clone();
        assert_eq!((first.host(), first.path(), first.port()), (Some("#{host}"), Some("/#{path}"), Some("443")));
        let gone = client.describe_listeners().listener_arns(format!("{secure}0")).send().await.unwrap_err();
        assert!(gone.into_service_error().is_listener_not_found_exception());
    })
    .await;
}

/// CreateRule, ModifyRule, SetRulePriorities, DeleteRule, TargetGroupTuple, TargetGroupStickinessConfig.
#[tokio::test]
async fn rules_forward_by_weight_and_keep_their_priorities_apart() {
    on_both_fronts(async |aws| {
        let client = Client::new(&aws.config());
        let arn = balancer(&client, "web").await;
        let (blue, green) = (group(&client, "blue").await, group(&client, "green").await);
        let web = listener(&client, &arn, 80, not_found()).await;
        let first = rule(&client, &web, 10, forward(&[(&blue, 100), (&green, 0)])).await;
        assert_eq!(weights(&client, &first).await, [(blue.clone(), 100), (green.clone(), 0)]);
        let taken = client.create_rule().listener_arn(&web).priority(10).conditions(host("x.example.com"));
        let taken = taken.actions(not_found()).send().await.unwrap_err().into_service_error();
        assert!(taken.is_priority_in_use_exception(), "{taken:?}");
        let sticky = TargetGroupStickinessConfig::builder().enabled(true).duration_seconds(3600).build();
        let shares = [(&blue, 95), (&green, 5)];
        let tuples =
            shares.map(|(arn, weight)| TargetGroupTuple::builder().target_group_arn(arn).weight(weight).build());
        let config = ForwardActionConfig::builder().set_target_groups(Some(tuples.to_vec()));
        let config = config.target_group_stickiness_config(sticky).build();
        let action = Action::builder().r#type(ActionTypeEnum::Forward).forward_config(config).build();
        let modified = client.modify_rule().rule_arn(&first).actions(action).send().await.unwrap();
        let modified = &modified.rules()[0];
        assert_eq!(modified.conditions()[0].values(), ["h10.example.com"], "conditions that are not named stay");
        let sticky = modified.actions()[0].forward_config().unwrap().target_group_stickiness_config().unwrap().clone();
        assert_eq!((sticky.enabled(), sticky.duration_seconds()), (Some(true), Some(3600)));
        assert_eq!(weights(&client, &first).await, [(blue.clone(), 95), (green.clone(), 5)]);
        let second = rule(&client, &web, 20, not_found()).await;
        let pair = |arn: &str, priority| RulePriorityPair::builder().rule_arn(arn).priority(priority).build();
        let swapped = client.set_rule_priorities().rule_priorities(pair(&first, 20)).rule_priorities(pair(&second, 10));
        swapped.send().await.unwrap();
        let taken = client.set_rule_priorities().rule_priorities(pair(&first, 10)).send().await.unwrap_err();
        assert!(taken.into_service_error().is_priority_in_use_exception());
        let all = client.describe_rules().listener_arn(&web).send().await.unwrap();
        let order: Vec<&str> = all.rules().iter().map(|it| it.priority().unwrap()).collect();
        assert_eq!((order, all.rules()[0].rule_arn()), (vec!["10", "20", "default"], Some(second.as_str())));
        let default = all.rules()[2].rule_arn().unwrap();
        let refused = client.delete_rule().rule_arn(default).send().await.unwrap_err().into_service_error();
        assert!(refused.is_operation_not_permitted_exception(), "{refused:?}");
        let busy = client.delete_target_group().target_group_arn(&green).send().await.unwrap_err().into_service_error();
        assert!(busy.is_resource_in_use_exception(), "{busy:?}");
        client.delete_rule().rule_arn(&first).send().await.unwrap();
        let gone = client.delete_rule().rule_arn(&first).send().await.unwrap_err().into_service_error();
        assert!(gone.is_rule_not_found_exception(), "{gone:?}");
        client.delete_target_group().target_group_arn(&green).send().await.unwrap();
        let lost = client.create_rule().listener_arn(&web).priority(30).conditions(host("x.example.com"));
        let lost = lost.actions(forward(&[(&green, 1)])).send().await.unwrap_err().into_service_error();
        assert!(lost.is_target_group_not_found_exception(), "{lost:?}");
    })
    .await;
}

/// TargetHealth: the states and reasons; "Deregistration delay".
#[tokio::test]
async fn targets_go_from_initial_to_healthy_unhealthy_and_draining() {
    on_both_fronts(async |aws| {
        let client = Client::new(&aws.config());
        let arn = balancer(&client, "web").await;
        let web = group(&client, "web").await;
        let target = || TargetDescription::builder().id("10.0.0.7").build();
        client.register_targets().target_group_arn(&web).targets(target()).send().await.unwrap();
        let seen = || async { health(&client, &web).await[0].clone() };
        assert_eq!(seen().await, (TargetHealthStateEnum::Unused, Some(TargetHealthReasonEnum::NotInUse)));
        listener(&client, &arn, 80, forward(&[(&web, 1)])).await;
        assert_eq!(
            seen().await,
            (TargetHealthStateEnum::Initial, Some(TargetHealthReasonEnum::RegistrationInProgress))
        );
        aws.pass(6);
        assert_eq!(seen().await, (TargetHealthStateEnum::Initial, Some(TargetHealthReasonEnum::InitialHealthChecking)));
        aws.pass(10);
        assert_eq!(seen().await, (TargetHealthStateEnum::Healthy, None));
        aws.emulator.script_target(TargetScript::new("10.0.0.7", TargetFate::Code(502)));
        aws.pass(10);
        assert_eq!(
            seen().await,
            (TargetHealthStateEnum::Unhealthy, Some(TargetHealthReasonEnum::ResponseCodeMismatch))
        );
        client.deregister_targets().target_group_arn(&web).targets(target()).send().await.unwrap();
        assert_eq!(
            seen().await,
            (TargetHealthStateEnum::Draining, Some(TargetHealthReasonEnum::DeregistrationInProgress))
        );
        aws.pass(20);
        assert!(health(&client, &web).await.is_empty());
        let public = client.register_targets().target_group_arn(&web);
        let public = public.targets(TargetDescription::builder().id("8.8.8.8").build()).send().await;
        assert!(public.unwrap_err().into_service_error().is_invalid_target_exception());
        let lost = client.describe_target_health().target_group_arn(format!("{web}0")).send().await;
        assert!(lost.unwrap_err().into_service_error().is_target_group_not_found_exception());
    })
    .await;
}

/// AddTags, RemoveTags, DescribeTags, DescribeAccountLimits; PageSize and Marker of each Describe.
#[tokio::test]
async fn tags_limits_and_pages_read_back() {
    on_both_fronts(async |aws| {
        let client = Client::new(&aws.config());
        let arn = balancer(&client, "web").await;
        client.add_tags().resource_arns(&arn).tags(tag("stage", "prod")).send().await.unwrap();
        client.remove_tags().resource_arns(&arn).tag_keys("team").send().await.unwrap();
        let tags = client.describe_tags().resource_arns(&arn).send().await.unwrap();
        assert_eq!(tags.tag_descriptions()[0].tags(), [tag("stage", "prod")]);
        let limits = client.describe_account_limits().send().await.unwrap();
        let limit = limits.limits().iter().find(|it| it.name() == Some("rules-per-application-load-balancer"));
        assert_eq!(limit.unwrap().max(), Some("100"));
        for n in 0..7 {
            group(&client, &format!("g{n}")).await;
        }
        let pages = client.describe_target_groups().page_size(3).into_paginator().send();
        let pages: Vec<_> = pages.collect::<Result<_, _>>().await.unwrap();
        let sizes: Vec<usize> = pages.iter().map(|page| page.target_groups().len()).collect();
        assert_eq!(sizes, [3, 3, 1]);
        let web = listener(&client, &arn, 80, not_found()).await;
        for priority in [300, 20, 1] {
            rule(&client, &web, priority, not_found()).await;
        }
        let first = client.describe_rules().listener_arn(&web).page_size(2).send().await.unwrap();
        let rest =
            client.describe_rules().listener_arn(&web).page_size(2).set_marker(first.next_marker().map(str::to_owned));
        let rest = rest.send().await.unwrap();
        let order: Vec<&str> = first.rules().iter().chain(rest.rules()).map(|it| it.priority().unwrap()).collect();
        assert_eq!((order, rest.next_marker()), (vec!["1", "20", "300", "default"], None));
    })
    .await;
}
