//! Where a load balancer sends requests: what its rules that are in force, and the health of targets, come to.
//! Source: "Listener rules for your Application Load Balancer" and "Condition types for listener rules".
//! Which target gets one request is in [`super::forward`].

use serde_json::Value;

use super::rule::Rule;
use super::target::State;
use super::{Elb, action};
use crate::wildcard;
use crate::world::World;

/// A target group's share of the requests of clients that hold no stickiness cookie.
#[derive(Debug, Clone, PartialEq)]
pub struct Share {
    /// ARN of the target group.
    pub target_group: String,
    /// Percent of the requests.
    pub percent: f64,
    /// Healthy targets of the group now.
    pub healthy: usize,
}

/// How requests for `path` at `host` are spread. None if there is no such listener; nobody gets a share of what the
/// load balancer answers itself.
pub(crate) fn shares(world: &World, listener: &str, host: &str, path: &str) -> Option<Vec<Share>> {
    let elb = &world.services.elbv2;
    let rule = elb.rule_for(listener, &Asked { host, path, ..Asked::default() })?;
    let weights = action::weights(rule.in_force(world.now));
    let whole: u32 = weights.iter().map(|(_, weight)| weight).sum();
    let share = |(arn, weight): (String, u32)| Share {
        healthy: elb.healthy_targets(&arn),
        target_group: arn,
        percent: if whole == 0 { 0.0 } else { f64::from(weight) * 100.0 / f64::from(whole) },
    };
    Some(weights.into_iter().map(share).collect())
}

/// A request, as far as rules look at it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked<'a> {
    /// The method, such as `GET`; empty where it is not known.
    pub method: &'a str,
    /// The host of the request, without the port.
    pub host: &'a str,
    /// The path, without the query.
    pub path: &'a str,
    /// The query, without the question mark.
    pub query: &'a str,
    /// Names and values of the headers.
    pub headers: &'a [(String, String)],
}

impl Elb {
    /// The first rule of a listener whose conditions hold, by priority; the default rule comes last. None if there is no
    /// such listener.
    pub(super) fn rule_for(&self, listener: &str, asked: &Asked<'_>) -> Option<&Rule> {
        self.listeners.get(listener)?;
        let mut rules: Vec<&Rule> = self.rules_of(listener).collect();
        rules.sort_by_key(|rule| rule.priority.unwrap_or(u32::MAX));
        rules.into_iter().find(|rule| rule.conditions.iter().all(|it| holds(it, asked)))
    }

    fn healthy_targets(&self, group: &str) -> usize {
        let targets = self.groups.get(group).into_iter().flat_map(|group| group.targets.values());
        targets.filter(|target| target.state == State::Healthy).count()
    }
}

/// Whether a condition holds. One that looks at something else (`source-ip`, regular expressions) does not: nothing is
/// known of that. Only host and header values are compared without regard to case.
fn holds(condition: &Value, asked: &Asked<'_>) -> bool {
    let in_config = |config: &str| condition[config]["Values"].as_array();
    let any = |values: Option<&Vec<Value>>, test: &dyn Fn(&str) -> bool| {
        values.into_iter().flatten().filter_map(Value::as_str).any(test)
    };
    let same = |pattern: &str, text: &str| wildcard::like(&pattern.to_ascii_lowercase(), &text.to_ascii_lowercase());
    match condition["Field"].as_str() {
        Some("host-header") => any(condition["Values"].as_array(), &|pattern| same(pattern, asked.host)),
        Some("path-pattern") => any(condition["Values"].as_array(), &|pattern| wildcard::like(pattern, asked.path)),
        Some("http-request-method") => any(in_config("HttpRequestMethodConfig"), &|method| method == asked.method),
        Some("http-header") => {
            let name = condition["HttpHeaderConfig"]["HttpHeaderName"].as_str().unwrap_or_default();
            let found: Vec<_> = asked.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name)).collect();
            any(in_config("HttpHeaderConfig"), &|pattern| found.iter().any(|(_, value)| same(pattern, value)))
        }
        Some("query-string") => {
            in_config("QueryStringConfig").into_iter().flatten().any(|wanted| in_query(wanted, asked))
        }
        _ => false,
    }
}

/// Whether the query has a pair that is as wanted; a wanted one without a key takes any.
fn in_query(wanted: &Value, asked: &Asked<'_>) -> bool {
    let like = |pattern: &Value, text: &str| pattern.as_str().is_none_or(|pattern| wildcard::like(pattern, text));
    let pairs = asked.query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.into_iter().any(|(key, value)| like(&wanted["Key"], key) && like(&wanted["Value"], value))
}
