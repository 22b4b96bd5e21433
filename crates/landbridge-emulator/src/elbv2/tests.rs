//! Elastic Load Balancing called as an SDK calls it, with forms, over hand-moved time. Answers are looked at as text
//! here: that the SDK reads them is shown by the contract tests.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;

use crate::{Asked, Clock, Emulator, Route, TargetFate, TargetScript};

const DELAY: &str = "&Attributes.member.1.Key=deregistration_delay.timeout_seconds&Attributes.member.1.Value=20";

struct Elb(Emulator);

impl Elb {
    fn new() -> Self {
        Self(Emulator::builder().clock(Clock::manual(Timestamp::UNIX_EPOCH)).seed(3).build())
    }

    /// The body of the answer to a form.
    fn call(&self, form: &str) -> String {
        let request = Request::post("/").body(Bytes::from(format!("Version=2015-12-01&Action={form}"))).unwrap();
        String::from_utf8(self.0.respond(request).into_body().to_vec()).unwrap()
    }

    fn ok(&self, form: &str) -> String {
        let body = self.call(form);
        assert!(!body.contains("<Error>"), "{form}: {body}");
        body
    }

    fn code(&self, form: &str) -> String {
        element(&self.call(form), "Code").unwrap_or_default()
    }

    /// Makes something and gives its ARN.
    fn make(&self, form: &str, arn: &str) -> String {
        element(&self.ok(form), arn).unwrap()
    }

    fn balancer(&self, name: &str) -> String {
        let subnets = "&Subnets.member.1=subnet-a&Subnets.member.2=subnet-b";
        self.make(&format!("CreateLoadBalancer&Name={name}{subnets}"), "LoadBalancerArn")
    }

    /// A group of addresses: checks every 10 seconds, healthy after 3, unhealthy after 2, drains for 20 seconds.
    fn group(&self, name: &str) -> String {
        let check = "&HealthCheckIntervalSeconds=10&HealthyThresholdCount=3&UnhealthyThresholdCount=2";
        let form = format!("CreateTargetGroup&Name={name}&Protocol=HTTP&Port=80&VpcId=vpc-1&TargetType=ip{check}");
        let arn = self.make(&form, "TargetGroupArn");
        self.ok(&format!("ModifyTargetGroupAttributes&TargetGroupArn={arn}{DELAY}"));
        arn
    }

    fn listener(&self, balancer: &str, group: &str) -> String {
        let action = format!("&DefaultActions.member.1.Type=forward&DefaultActions.member.1.TargetGroupArn={group}");
        self.make(&format!("CreateListener&LoadBalancerArn={balancer}&Protocol=HTTP&Port=80{action}"), "ListenerArn")
    }

    fn register(&self, group: &str, id: &str) {
        self.ok(&format!("RegisterTargets&TargetGroupArn={group}&Targets.member.1.Id={id}"));
    }

    /// (state, reason) of the group's only target.
    fn health(&self, group: &str) -> (String, String) {
        let body = self.ok(&format!("DescribeTargetHealth&TargetGroupArn={group}"));
        (element(&body, "State").unwrap_or_default(), element(&body, "Reason").unwrap_or_default())
    }

    fn pass(&self, seconds: u64) {
        self.0.advance(Duration::from_secs(seconds));
    }
}

/// The text of the first element of this name.
fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    Some(rest.split_once('<')?.0.to_owned())
}

fn pair(state: &str, reason: &str) -> (String, String) {
    (state.to_owned(), reason.to_owned())
}

/// A rule that forwards `/NAME` to groups with weights.
fn rule(listener: &str, priority: u32, groups: &[(&str, u32)]) -> String {
    let mut form = format!(
        "CreateRule&ListenerArn={listener}&Priority={priority}&Conditions.member.1.Field=path-pattern\
         &Conditions.member.1.Values.member.1=/{priority}&Actions.member.1.Type=forward"
    );
    form.push_str(&weights(groups));
    form
}

fn weights(groups: &[(&str, u32)]) -> String {
    let tuple = |(at, (arn, weight)): (usize, &(&str, u32))| {
        let tuple = format!("&Actions.member.1.ForwardConfig.TargetGroups.member.{}", at + 1);
        format!("{tuple}.TargetGroupArn={arn}{tuple}.Weight={weight}")
    };
    groups.iter().enumerate().map(tuple).collect()
}

#[test]
fn a_load_balancer_is_provisioning_until_it_is_active() {
    let elb = Elb::new();
    elb.balancer("web");
    let code = || element(&elb.ok("DescribeLoadBalancers&Names.member.1=web"), "Code").unwrap();
    assert_eq!(code(), "provisioning");
    elb.pass(121);
    assert_eq!(code(), "active");
}

#[test]
fn a_target_is_unused_until_a_listener_forwards_to_its_group_and_again_when_none_does() {
    let elb = Elb::new();
    let (balancer, group) = (elb.balancer("web"), elb.group("web"));
    elb.register(&group, "10.0.0.1");
    elb.pass(600);
    assert_eq!(elb.health(&group), pair("unused", "Target.NotInUse"));
    let listener = elb.listener(&balancer, &group);
    assert_eq!(elb.health(&group), pair("initial", "Elb.RegistrationInProgress"));
    elb.pass(600);
    assert_eq!(elb.health(&group), pair("healthy", ""));
    elb.ok(&format!("DeleteListener&ListenerArn={listener}"));
    assert_eq!(elb.health(&group), pair("unused", "Target.NotInUse"));
    elb.pass(600);
    assert_eq!(elb.health(&group), pair("unused", "Target.NotInUse"));
}

#[test]
fn a_target_is_healthy_after_as_many_checks_as_the_threshold_says() {
    let elb = Elb::new();
    let group = elb.group("web");
    elb.listener(&elb.balancer("web"), &group);
    elb.register(&group, "10.0.0.1");
    elb.pass(5);
    assert_eq!(elb.health(&group), pair("initial", "Elb.InitialHealthChecking"));
    elb.pass(29);
    assert_eq!(elb.health(&group), pair("initial", "Elb.InitialHealthChecking"));
    elb.pass(1);
    assert_eq!(elb.health(&group), pair("healthy", ""));
}

#[test]
fn a_target_that_stops_to_answer_is_unhealthy_after_the_threshold_and_recovers() {
    let elb = Elb::new();
    let group = elb.group("web");
    elb.listener(&elb.balancer("web"), &group);
    elb.register(&group, "10.0.0.1");
    elb.pass(60);
    for (fate, reason) in [
        (TargetFate::Failed, "Target.FailedHealthChecks"),
        (TargetFate::Timeout, "Target.Timeout"),
        (TargetFate::Code(503), "Target.ResponseCodeMismatch"),
    ] {
        elb.0.script_target(TargetScript::new("10.0.0.*", fate));
        elb.pass(19);
        assert_eq!(elb.health(&group), pair("healthy", ""), "{fate:?}");
        elb.pass(1);
        assert_eq!(elb.health(&group), pair("unhealthy", reason));
        elb.0.script_target(TargetScript::new("*", TargetFate::Healthy));
        elb.pass(29);
        assert_eq!(elb.health(&group).0, "unhealthy");
        elb.pass(1);
        assert_eq!(elb.health(&group), pair("healthy", ""));
    }
}

#[test]
fn a_target_that_never_answers_goes_from_initial_to_unhealthy() {
    let elb = Elb::new();
    let group = elb.group("web");
    elb.listener(&elb.balancer("web"), &group);
    elb.0.script_target(TargetScript::new("10.0.0.1", TargetFate::Timeout));
    elb.register(&group, "10.0.0.1");
    elb.pass(24);
    assert_eq!(elb.health(&group).0, "initial");
    elb.pass(1);
    assert_eq!(elb.health(&group), pair("unhealthy", "Target.Timeout"));
}

#[test]
fn a_deregistered_target_drains_for_its_delay_and_may_come_back() {
    let elb = Elb::new();
    let group = elb.group("web");
    elb.listener(&elb.balancer("web"), &group);
    elb.register(&group, "10.0.0.1");
    elb.pass(60);
    let gone = format!("DeregisterTargets&TargetGroupArn={group}&Targets.member.1.Id=10.0.0.1");
    elb.ok(&gone);
    elb.pass(19);
    assert_eq!(elb.health(&group), pair("draining", "Target.DeregistrationInProgress"));
    elb.pass(1);
    assert_eq!(elb.health(&group), pair("", ""));
    let asked = format!("DescribeTargetHealth&TargetGroupArn={group}&Targets.member.1.Id=10.0.0.1");
    assert_eq!(element(&elb.ok(&asked), "Reason").unwrap(), "Target.NotRegistered");
    elb.ok(&gone);
    elb.register(&group, "10.0.0.1");
    elb.pass(60);
    elb.ok(&gone);
    elb.pass(10);
    elb.register(&group, "10.0.0.1");
    elb.pass(60);
    assert_eq!(elb.health(&group), pair("healthy", ""));
}

#[test]
fn changed_weights_are_read_back_at_once_and_in_force_after_the_propagation() {
    let elb = Elb::new();
    let (one, two) = (elb.group("one"), elb.group("two"));
    let listener = elb.listener(&elb.balancer("web"), &one);
    let arn = elb.make(&rule(&listener, 10, &[(&one, 100), (&two, 0)]), "RuleArn");
    elb.pass(60);
    elb.ok(&format!("ModifyRule&RuleArn={arn}&Actions.member.1.Type=forward{}", weights(&[(&one, 0), (&two, 100)])));
    let of = |member: &str| {
        let rules = elb.0.state()["elbv2"]["rules"].clone();
        let rule = rules.as_array().unwrap().iter().find(|rule| rule["RuleArn"] == arn.as_str()).unwrap().clone();
        let groups = rule[member][0]["ForwardConfig"]["TargetGroups"].as_array().unwrap().clone();
        groups.iter().map(|group| group["Weight"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!((of("Actions"), of("ActionsInForce")), (vec![0, 100], vec![100, 0]));
    elb.pass(5);
    assert_eq!(of("ActionsInForce"), [0, 100]);
}

#[test]
fn a_group_that_leaves_a_rule_is_served_until_the_change_is_in_force_and_may_come_back_before() {
    let elb = Elb::new();
    let (one, two) = (elb.group("one"), elb.group("two"));
    let listener = elb.listener(&elb.balancer("web"), &one);
    let arn = elb.make(&rule(&listener, 10, &[(&one, 1), (&two, 1)]), "RuleArn");
    elb.register(&one, "10.0.0.1");
    elb.register(&two, "10.0.0.2");
    elb.pass(120);
    let forwards = |groups: &[(&str, u32)]| {
        elb.ok(&format!("ModifyRule&RuleArn={arn}&Actions.member.1.Type=forward{}", weights(groups)));
    };
    let whole = || {
        let shares = elb.0.shares(&listener, "shop.example.com", "/10").unwrap();
        shares.iter().all(|share| share.healthy == 1 || share.percent == 0.0)
    };
    forwards(&[(&one, 1)]);
    assert!(whole() && elb.health(&two) == pair("healthy", ""));
    elb.pass(2);
    forwards(&[(&one, 1), (&two, 3)]);
    elb.pass(30);
    assert!(whole() && elb.health(&two) == pair("healthy", ""), "it came back before it was gone");
    forwards(&[(&one, 1)]);
    elb.pass(5);
    assert_eq!(elb.health(&two), pair("unused", "Target.NotInUse"));
    assert!(whole());
}

#[test]
fn limits_of_rules_and_groups_are_refused_as_aws_does() {
    let elb = Elb::new();
    let balancer = elb.balancer("web");
    let groups: Vec<String> = (0..6).map(|n| elb.group(&format!("g{n}"))).collect();
    let listener = elb.listener(&balancer, &groups[0]);
    let all: Vec<(&str, u32)> = groups.iter().map(|arn| (arn.as_str(), 1)).collect();
    assert_eq!(elb.code(&rule(&listener, 1, &all)), "ValidationError");
    elb.ok(&rule(&listener, 1, &all[..5]));
    assert_eq!(elb.code(&rule(&listener, 1, &all[..1])), "PriorityInUse");
    assert_eq!(elb.code(&rule(&listener, 2, &[(&groups[0], 1000)])), "ValidationError");
    for priority in 2..=100 {
        elb.ok(&rule(&listener, priority, &all[..1]));
    }
    assert_eq!(elb.code(&rule(&listener, 101, &all[..1])), "TooManyRules");
    let other = elb.balancer("other");
    let taken = format!(
        "CreateListener&LoadBalancerArn={other}&Protocol=HTTP&Port=80&DefaultActions.member.1.Type=forward\
         &DefaultActions.member.1.TargetGroupArn={}",
        groups[0]
    );
    assert_eq!(elb.code(&taken), "TargetGroupAssociationLimit");
    let group = |name: &str| format!("CreateTargetGroup&Name={name}&Protocol=HTTP&Port=80&VpcId=vpc-1");
    assert_eq!(elb.code(&group(&"x".repeat(33))), "ValidationError");
    assert_eq!(elb.code(&group("-x")), "ValidationError");
    assert_eq!(elb.code(&group("g0")), "DuplicateTargetGroupName");
}

#[test]
fn deleting_a_load_balancer_takes_its_listeners_and_rules_and_frees_its_groups() {
    let elb = Elb::new();
    let (balancer, group) = (elb.balancer("web"), elb.group("web"));
    let listener = elb.listener(&balancer, &group);
    elb.ok(&rule(&listener, 1, &[(&group, 1)]));
    assert_eq!(elb.code(&format!("DeleteTargetGroup&TargetGroupArn={group}")), "ResourceInUse");
    elb.ok(&format!("DeleteLoadBalancer&LoadBalancerArn={balancer}"));
    assert_eq!(elb.code(&format!("DescribeRules&ListenerArn={listener}")), "ListenerNotFound");
    elb.ok(&format!("DeleteTargetGroup&TargetGroupArn={group}"));
    let state = elb.0.state()["elbv2"].clone();
    assert!(state.as_object().unwrap().values().all(|kind| kind.as_array().unwrap().is_empty()), "{state}");
}

#[test]
fn whatever_a_form_holds_the_answer_is_a_result_or_an_error_of_the_api() {
    let elb = Elb::new();
    let (balancer, group) = (elb.balancer("web"), elb.group("web"));
    let listener = elb.listener(&balancer, &group);
    for form in [
        "CreateLoadBalancer".to_owned(),
        "CreateLoadBalancer&Name=x&Subnets.member.1.x=1".to_owned(),
        format!("CreateRule&ListenerArn={listener}&Priority=x"),
        format!("CreateRule&ListenerArn={listener}&Priority=1&Conditions=x&Actions=y"),
        format!("CreateRule&ListenerArn={listener}&Priority=1&Conditions.member.1=x&Actions.member.1=y"),
        format!(
            "ModifyListener&ListenerArn={listener}&DefaultActions.member.1.Type=forward&DefaultActions.member.1.ForwardConfig=x"
        ),
        format!("RegisterTargets&TargetGroupArn={group}&Targets.member.1.Id=8.8.8.8"),
        format!("RegisterTargets&TargetGroupArn={group}&Targets.member.1.Id=x&Targets.member.1.Port=99999999999"),
        "DescribeTags&ResourceArns.member.1=x".to_owned(),
        "DescribeLoadBalancers&Marker=%21".to_owned(),
        "DescribeLoadBalancers&PageSize=0".to_owned(),
        "CreateTrustStore&Name=x".to_owned(),
    ] {
        let body = elb.call(&form);
        assert!(body.starts_with("<ErrorResponse") && body.contains("<Code>"), "{form}: {body}");
    }
}

#[test]
fn shares_follow_the_rules_in_force_in_the_order_of_their_priorities() {
    let elb = Elb::new();
    let (one, two) = (elb.group("one"), elb.group("two"));
    let listener = elb.listener(&elb.balancer("web"), &one);
    let later = elb.make(&rule(&listener, 10, &[(&one, 1), (&two, 3)]), "RuleArn");
    elb.register(&two, "10.0.0.1");
    elb.pass(60);
    let percents = |path: &str| {
        let shares = elb.0.shares(&listener, "shop.example.com", path).unwrap();
        shares.iter().map(|it| (it.target_group.clone(), format!("{}%", it.percent), it.healthy)).collect::<Vec<_>>()
    };
    assert_eq!(percents("/10"), [(one.clone(), "25%".to_owned(), 0), (two.clone(), "75%".to_owned(), 1)]);
    assert_eq!(percents("/other"), [(one.clone(), "100%".to_owned(), 0)]);
    let change =
        format!("ModifyRule&RuleArn={later}&Actions.member.1.Type=forward{}", weights(&[(&one, 1), (&two, 0)]));
    elb.ok(&change);
    assert_eq!(percents("/10")[1].1, "75%");
    elb.pass(5);
    assert_eq!(percents("/10")[1].1, "0%");
    assert_eq!(elb.0.shares("arn:none", "", ""), None);
}

fn asked(path: &str) -> Asked<'_> {
    Asked { method: "GET", host: "shop.example.com", path, ..Asked::default() }
}

/// How many of `requests` for a path went to each target; `-` stands for nobody.
fn spread(elb: &Elb, listener: &str, path: &str, requests: usize) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for _ in 0..requests {
        let id = match elb.0.route(listener, &asked(path)).unwrap() {
            Route::Target(target) => target.id,
            Route::Nobody { .. } => "-".to_owned(),
            other => format!("{other:?}"),
        };
        *counts.entry(id).or_default() += 1;
    }
    counts
}

#[test]
fn requests_are_spread_by_the_weights_in_force_and_targets_of_a_group_take_turns() {
    let elb = Elb::new();
    let (one, two) = (elb.group("one"), elb.group("two"));
    let listener = elb.listener(&elb.balancer("web"), &one);
    let weighted = elb.make(&rule(&listener, 10, &[(&one, 90), (&two, 10)]), "RuleArn");
    for (group, id) in [(&one, "10.0.0.1"), (&one, "10.0.0.2"), (&two, "10.0.0.3")] {
        elb.register(group, id);
    }
    elb.pass(60);
    let spread_now = spread(&elb, &listener, "/10", 10_000);
    // The seed makes it always the same; chance alone would be off by 90 once in a thousand seeds.
    assert!((910..=1090).contains(&spread_now["10.0.0.3"]), "{spread_now:?}");
    assert!(spread_now["10.0.0.1"].abs_diff(spread_now["10.0.0.2"]) <= 1, "{spread_now:?}");
    assert_eq!(spread(&elb, &listener, "/else", 4).into_values().collect::<Vec<_>>(), [2, 2], "the default rule");

    let change = format!("ModifyRule&RuleArn={weighted}&Actions.member.1.Type=forward");
    elb.ok(&format!("{change}{}", weights(&[(&one, 0), (&two, 1)])));
    assert!(spread(&elb, &listener, "/10", 100)["10.0.0.1"] > 30, "not in force yet");
    elb.pass(5);
    assert_eq!(spread(&elb, &listener, "/10", 100), BTreeMap::from([("10.0.0.3".to_owned(), 100)]));
    elb.ok(&format!("{change}{}", weights(&[(&one, 0), (&two, 0)])));
    elb.pass(5);
    assert_eq!(spread(&elb, &listener, "/10", 5), BTreeMap::from([("-".to_owned(), 5)]));
    assert_eq!(elb.0.route("arn:none", &asked("/")), None);
}

#[test]
fn the_same_seed_draws_the_same_targets() {
    let drawn = || {
        let elb = Elb::new();
        let (one, two) = (elb.group("one"), elb.group("two"));
        let listener = elb.listener(&elb.balancer("web"), &one);
        elb.ok(&rule(&listener, 10, &[(&one, 1), (&two, 1)]));
        elb.register(&one, "10.0.0.1");
        elb.register(&two, "10.0.0.2");
        elb.pass(60);
        (0..50).map(|_| elb.0.route(&listener, &asked("/10"))).collect::<Vec<_>>()
    };
    assert_eq!(drawn(), drawn());
}

#[test]
fn only_healthy_targets_get_requests_all_do_when_none_is_and_draining_ones_never() {
    let elb = Elb::new();
    let group = elb.group("web");
    let listener = elb.listener(&elb.balancer("web"), &group);
    assert_eq!(spread(&elb, &listener, "/", 1), BTreeMap::from([("-".to_owned(), 1)]), "nothing is registered");
    elb.register(&group, "10.0.0.1");
    elb.pass(60);
    elb.register(&group, "10.0.0.2");
    assert_eq!(spread(&elb, &listener, "/", 4), BTreeMap::from([("10.0.0.1".to_owned(), 4)]), "one is healthy yet");
    elb.pass(60);
    elb.0.script_target(TargetScript::new("10.0.0.2", TargetFate::Code(500)));
    elb.pass(60);
    assert_eq!(spread(&elb, &listener, "/", 4), BTreeMap::from([("10.0.0.1".to_owned(), 4)]));
    elb.0.script_target(TargetScript::new("10.0.0.1", TargetFate::Failed));
    elb.pass(60);
    assert_eq!(spread(&elb, &listener, "/", 4).into_values().collect::<Vec<_>>(), [2, 2], "none is healthy: all");
    elb.ok(&format!("DeregisterTargets&TargetGroupArn={group}&Targets.member.1.Id=10.0.0.1"));
    assert_eq!(spread(&elb, &listener, "/", 4), BTreeMap::from([("10.0.0.2".to_owned(), 4)]));
    elb.ok(&format!("DeregisterTargets&TargetGroupArn={group}&Targets.member.1.Id=10.0.0.2"));
    assert_eq!(spread(&elb, &listener, "/", 2), BTreeMap::from([("-".to_owned(), 2)]));
}

#[test]
fn what_the_load_balancer_answers_itself_is_told_and_rules_look_at_method_header_and_query() {
    let elb = Elb::new();
    let group = elb.group("web");
    let listener = elb.listener(&elb.balancer("web"), &group);
    let make = |priority: u32, condition: &str, action: &str| {
        let form = format!("CreateRule&ListenerArn={listener}&Priority={priority}&Conditions.member.1.{condition}");
        elb.ok(&format!("{form}&Actions.member.1.{action}"));
    };
    let fixed = "Type=fixed-response&Actions.member.1.FixedResponseConfig.StatusCode=403\
                 &Actions.member.1.FixedResponseConfig.MessageBody=no";
    let method = "Field=http-request-method&Conditions.member.1.HttpRequestMethodConfig.Values.member.1=DELETE";
    make(1, method, fixed);
    let header = "Field=http-header&Conditions.member.1.HttpHeaderConfig.HttpHeaderName=X-Old\
                  &Conditions.member.1.HttpHeaderConfig.Values.member.1=y*";
    let redirect = "Type=redirect&Actions.member.1.RedirectConfig.StatusCode=HTTP_302\
                    &Actions.member.1.RedirectConfig.Host=new.example.com";
    make(2, header, redirect);
    let query = "Field=query-string&Conditions.member.1.QueryStringConfig.Values.member.1.Key=beta\
                 &Conditions.member.1.QueryStringConfig.Values.member.1.Value=1";
    make(3, query, fixed);
    let no = || Some(Route::Fixed { status: 403, content_type: "text/plain; charset=utf-8".into(), body: "no".into() });
    assert_eq!(elb.0.route(&listener, &Asked { method: "DELETE", ..asked("/") }), no());
    assert_eq!(elb.0.route(&listener, &Asked { query: "a=2&beta=1", ..asked("/") }), no());
    assert_ne!(elb.0.route(&listener, &Asked { query: "a=1&beta=2", ..asked("/") }), no());
    let headers = [("x-old".to_owned(), "Yes".to_owned())];
    let elsewhere = elb.0.route(&listener, &Asked { headers: &headers, query: "q=1", ..asked("/a/b") });
    let location = "http://new.example.com:80/a/b?q=1".to_owned();
    assert_eq!(elsewhere, Some(Route::Redirect { status: 302, location }));
    assert_eq!(elb.0.listeners()[0].port, 80);
}
