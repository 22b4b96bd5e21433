//! Where a load balancer sends requests: what its rules that are in force, and the health of targets, come to.
//! Source: "Listener rules for your Application Load Balancer" and "Condition types for listener rules".

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
    elb.listeners.get(listener)?;
    let mut rules: Vec<&Rule> = elb.rules_of(listener).collect();
    rules.sort_by_key(|rule| rule.priority.unwrap_or(u32::MAX));
    let rule = rules.into_iter().find(|rule| rule.conditions.iter().all(|it| holds(it, host, path)))?;
    let weights = action::weights(rule.in_force(world.now));
    let whole: u32 = weights.iter().map(|(_, weight)| weight).sum();
    let share = |(arn, weight): (String, u32)| Share {
        healthy: elb.healthy_targets(&arn),
        target_group: arn,
        percent: if whole == 0 { 0.0 } else { f64::from(weight) * 100.0 / f64::from(whole) },
    };
    Some(weights.into_iter().map(share).collect())
}

impl Elb {
    fn healthy_targets(&self, group: &str) -> usize {
        let targets = self.groups.get(group).into_iter().flat_map(|group| group.targets.values());
        targets.filter(|target| target.state == State::Healthy).count()
    }
}

/// Whether a condition holds. One that looks at more than host and path does not: nothing is known of that.
fn holds(condition: &Value, host: &str, path: &str) -> bool {
    let patterns = || condition["Values"].as_array().into_iter().flatten().filter_map(Value::as_str);
    match condition["Field"].as_str() {
        Some("host-header") => {
            let host = host.to_ascii_lowercase();
            patterns().any(|pattern| wildcard::like(&pattern.to_ascii_lowercase(), &host))
        }
        Some("path-pattern") => patterns().any(|pattern| wildcard::like(pattern, path)),
        _ => false,
    }
}
