//! Rules of a listener: what they are and how the API shows them. Source: Rule and DescribeRules.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::page::{self, Page};
use super::{Elb, action, listener, names};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(super) arn: String,
    /// None for a listener's default rule, which comes last.
    pub(super) priority: Option<u32>,
    pub(super) conditions: Vec<Value>,
    pub(super) actions: Vec<Value>,
    pub(super) transforms: Vec<Value>,
    /// The actions before the last change, and until when they are in force: a change takes a while to reach every node.
    pub(super) before: Option<(Timestamp, Vec<Value>)>,
}

pub(super) fn not_found() -> Refusal {
    Refusal::new("RuleNotFound", "One or more rules not found")
}

impl Rule {
    /// The default rule of a new listener.
    pub(super) fn of_listener(arn: &str) -> Self {
        Self {
            arn: arn.to_owned(),
            priority: None,
            conditions: Vec::new(),
            actions: Vec::new(),
            transforms: Vec::new(),
            before: None,
        }
    }

    pub(super) fn show(&self) -> Value {
        json!({
            "RuleArn": self.arn,
            "Priority": self.priority.map_or_else(|| "default".to_owned(), |priority| priority.to_string()),
            "Conditions": self.conditions,
            "Actions": self.actions,
            "IsDefault": self.priority.is_none(),
            "Transforms": self.transforms,
        })
    }

    /// The actions that the load balancer takes at `now`.
    pub(super) fn in_force(&self, now: Timestamp) -> &[Value] {
        match &self.before {
            Some((until, actions)) if now < *until => actions,
            _ => &self.actions,
        }
    }

    /// Target groups it forwards to.
    pub(super) fn groups(&self) -> BTreeSet<String> {
        action::groups(&self.actions)
    }

    /// Keeps rules in the order in which they are tried.
    fn order(&self) -> String {
        format!("{:06}", self.priority.unwrap_or(999_999))
    }
}

impl Elb {
    /// Rules of a listener with its default rule, in the order of their ARNs.
    pub(super) fn rules_of(&self, listener: &str) -> impl Iterator<Item = &Rule> {
        page::under(&self.rules, &names::under(listener, "listener", "listener-rule"), None).map(|(_, rule)| rule)
    }

    /// Rules of all listeners of a load balancer, with the default rules.
    pub(super) fn rules_of_balancer(&self, balancer: &str) -> impl Iterator<Item = &Rule> {
        page::under(&self.rules, &names::under(balancer, "loadbalancer", "listener-rule"), None).map(|(_, rule)| rule)
    }

    /// Target groups that a load balancer forwards to.
    pub(super) fn groups_of(&self, balancer: &str) -> BTreeSet<String> {
        self.rules_of_balancer(balancer).flat_map(Rule::groups).collect()
    }
}

pub(super) fn describe(world: &mut World, _cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let elb = &world.services.elbv2;
    let arns = input.texts("RuleArns")?;
    match input.text("ListenerArn")? {
        Some(_) if !arns.is_empty() => {
            Err(input.refuse("Rule ARNs and a listener ARN cannot be specified at the same time"))
        }
        Some(listener) if elb.listeners.contains_key(listener) => {
            let page = Page::read(input)?;
            let mut rules: Vec<&Rule> = elb.rules_of(listener).collect();
            rules.sort_by_key(|rule| rule.priority.unwrap_or(u32::MAX));
            Ok(page.answer("Rules", rules.into_iter().map(|rule| (rule.order(), rule)), Rule::show))
        }
        Some(_) => Err(listener::not_found()),
        None if arns.is_empty() => Err(input.refuse("You must specify either listener rule ARNs or a listener ARN")),
        None => {
            let found: Result<Vec<Value>, Refusal> =
                arns.into_iter().map(|arn| Ok(elb.rules.get(arn).ok_or_else(not_found)?.show())).collect();
            Ok(json!({ "Rules": found? }))
        }
    }
}
