//! Elastic Load Balancing v2: load balancers, target groups with targets that become healthy, listeners and rules with
//! weights. Source: the Elastic Load Balancing API reference, version 2015-12-01.
//!
//! No traffic flows here: what would receive it, and in which shares, is what rules and target health say ([`shares`]), and
//! whoever has a request asks which target gets it ([`route()`]). Subnets and
//! security groups that EC2 does not know are kept as given; their zones are derived from their order. Gateway load balancers, trust stores
//! and capacity reservations are not modelled and answer as operations that do not exist.

mod action;
mod attribute;
mod certificate;
mod condition;
mod dns;
mod ecs_targets;
mod forward;
mod health_check;
mod limits;
mod listener;
mod load_balancer;
mod names;
mod page;
mod route;
mod rule;
mod rule_change;
mod tags;
mod target;
mod target_group;
mod target_life;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

pub(crate) use dns::{hosted_zone_of, is_healthy};
pub(crate) use ecs_targets::{
    Caller, TaskTarget, deregister_task, group_named, group_of_ecs, register_task, rule_groups, rules_forwarding,
    shift_weights,
};
pub use forward::{ListenerFacts, Route, RoutedTarget};
pub(crate) use forward::{listeners, route};
pub(crate) use load_balancer::{uses_group, uses_subnet};
pub(crate) use route::shares;
pub use route::{Asked, Share};
pub(crate) use target::{Answers, Failure, Key};
pub(crate) use target_group::TargetGroup;
pub(crate) use target_life::{TargetNews, answer_anew};

/// The version that the calls name.
pub(crate) const API_VERSION: &str = "2015-12-01";

/// What is remembered, for every account and region: each key is an ARN, which names both.
#[derive(Debug, Clone, Default)]
pub(crate) struct Elb {
    balancers: BTreeMap<String, load_balancer::LoadBalancer>,
    groups: BTreeMap<String, target_group::TargetGroup>,
    listeners: BTreeMap<String, listener::Listener>,
    /// Default rules too.
    rules: BTreeMap<String, rule::Rule>,
    tags: BTreeMap<String, tags::Tags>,
}

/// Something that happens by itself.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Event {
    /// A load balancer is ready to route traffic.
    Provisioned(String),
    /// A target of a group reaches the next point of its life, unless its course was changed since.
    Target { group: String, key: target::Key, course: u64, moment: target_life::Moment },
    /// No part of a load balancer forwards to a group any more, unless it came into use again.
    OutOfUse(String),
}

pub(crate) fn happen(world: &mut World, event: Event) {
    match event {
        Event::Provisioned(balancer) => load_balancer::provisioned(world, &balancer),
        Event::Target { group, key, course, moment } => target_life::reach(world, &group, &key, course, moment),
        Event::OutOfUse(group) => target_life::out_of_use(world, &group),
    }
}

/// Answers one operation.
pub(crate) fn call(world: &mut World, cx: &Cx, op: &str, input: &Value) -> Result<Value, Refusal> {
    let input = Input::new(input, "ValidationError");
    match op {
        "CreateLoadBalancer" => load_balancer::create(world, cx, input),
        "DescribeLoadBalancers" => load_balancer::describe(world, cx, input),
        "DeleteLoadBalancer" => load_balancer::delete(world, cx, input),
        "SetSubnets" => load_balancer::set_subnets(world, cx, input),
        "SetSecurityGroups" => load_balancer::set_security_groups(world, cx, input),
        "SetIpAddressType" => load_balancer::set_ip_address_type(world, cx, input),
        "DescribeLoadBalancerAttributes" => attribute::describe(world, input, "LoadBalancerArn"),
        "ModifyLoadBalancerAttributes" => attribute::modify(world, cx, input, "LoadBalancerArn"),
        "CreateTargetGroup" => target_group::create(world, cx, input),
        "DescribeTargetGroups" => target_group::describe(world, cx, input),
        "ModifyTargetGroup" => target_group::modify(world, cx, input),
        "DeleteTargetGroup" => target_group::delete(world, cx, input),
        "DescribeTargetGroupAttributes" => attribute::describe(world, input, "TargetGroupArn"),
        "ModifyTargetGroupAttributes" => attribute::modify(world, cx, input, "TargetGroupArn"),
        "RegisterTargets" => target::register(world, cx, input),
        "DeregisterTargets" => target::deregister(world, cx, input),
        "DescribeTargetHealth" => target::describe(world, cx, input),
        "CreateListener" => listener::create(world, cx, input),
        "DescribeListeners" => listener::describe(world, cx, input),
        "ModifyListener" => listener::modify(world, cx, input),
        "DeleteListener" => listener::delete(world, cx, input),
        "DescribeListenerAttributes" => attribute::describe(world, input, "ListenerArn"),
        "ModifyListenerAttributes" => attribute::modify(world, cx, input, "ListenerArn"),
        "AddListenerCertificates" => certificate::add(world, cx, input),
        "RemoveListenerCertificates" => certificate::remove(world, cx, input),
        "DescribeListenerCertificates" => certificate::describe(world, cx, input),
        "CreateRule" => rule_change::create(world, cx, input),
        "ModifyRule" => rule_change::modify(world, cx, input),
        "DeleteRule" => rule_change::delete(world, cx, input),
        "SetRulePriorities" => rule_change::set_priorities(world, cx, input),
        "DescribeRules" => rule::describe(world, cx, input),
        "AddTags" => tags::add(world, cx, input),
        "RemoveTags" => tags::remove(world, cx, input),
        "DescribeTags" => tags::describe(world, cx, input),
        "DescribeAccountLimits" => limits::account(input),
        "DescribeSSLPolicies" => limits::ssl_policies(input),
        _ => Err(Refusal::invalid_action(op, API_VERSION)),
    }
}

impl Elb {
    /// ARN and tags of each resource of an account and region.
    pub(crate) fn tagged(&self, cx: &Cx) -> crate::tagging::Tagged {
        let scope = format!("arn:aws:elasticloadbalancing:{}:{}:", cx.region, cx.account);
        let here = self.tags.iter().filter(|(arn, _)| arn.starts_with(&scope));
        here.map(|(arn, tags)| (arn.clone(), tags.clone())).collect()
    }

    /// Everything remembered at `now`, for a look from outside: the API's shapes, targets with their health, and of
    /// each rule the actions that are in force.
    pub(crate) fn dump(&self, now: jiff::Timestamp) -> Value {
        let groups = self.groups.values().map(|group| {
            let mut shown = group.show(self);
            shown["Targets"] = group.targets.values().map(|target| group.show_target(target)).collect();
            shown
        });
        let rules = self.rules.values().map(|rule| {
            let mut shown = rule.show();
            shown["ActionsInForce"] = json!(rule.in_force(now));
            shown
        });
        json!({
            "loadBalancers": self.balancers.values().map(load_balancer::LoadBalancer::show).collect::<Vec<_>>(),
            "targetGroups": groups.collect::<Vec<_>>(),
            "listeners": self.listeners.values().map(|listener| listener.show(self)).collect::<Vec<_>>(),
            "rules": rules.collect::<Vec<_>>(),
        })
    }
}
