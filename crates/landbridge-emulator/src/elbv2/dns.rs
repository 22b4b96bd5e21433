//! Load balancers as DNS sees them: the zone that their names are in, and whether an alias may lead there.

use super::load_balancer::{LoadBalancer, hosted_zone};
use super::target::State;
use crate::world::World;

fn named<'w>(world: &'w World, dns_name: &str) -> Option<&'w LoadBalancer> {
    let name = dns_name.trim_end_matches('.').to_ascii_lowercase();
    let name = name.strip_prefix("dualstack.").unwrap_or(&name);
    world.services.elbv2.balancers.values().find(|it| it.dns_name.eq_ignore_ascii_case(name))
}

/// The zone that a load balancer's DNS name is in; that of us-east-1 for a name that is no load balancer's.
pub(crate) fn hosted_zone_of(world: &World, dns_name: &str) -> &'static str {
    let balancer = named(world, dns_name);
    balancer.map_or_else(|| hosted_zone(true, ""), |balancer| hosted_zone(balancer.application, &balancer.arn))
}

/// Whether Route 53 takes the load balancer of a DNS name for healthy: "every target group that contains targets must contain
/// at least one healthy target", and one without targets "is considered unhealthy" (AliasTarget, `EvaluateTargetHealth`), which
/// decides where no group has any. What is no load balancer, or forwards to no group, is taken for healthy.
pub(crate) fn is_healthy(world: &World, dns_name: &str) -> bool {
    let elb = &world.services.elbv2;
    let Some(balancer) = named(world, dns_name) else { return true };
    let groups = elb.groups_of(&balancer.arn);
    let groups = groups.iter().filter_map(|arn| elb.groups.get(arn));
    let states = groups.map(|group| -> Vec<State> {
        group.targets.values().map(|target| target.state).filter(|state| *state != State::Draining).collect()
    });
    let states: Vec<Vec<State>> = states.collect();
    let healthy = |states: &Vec<State>| states.iter().any(|state| matches!(state, State::Healthy | State::Unknown));
    let mut full = states.iter().filter(|states| !states.is_empty()).peekable();
    states.is_empty() || full.peek().is_some() && full.all(healthy)
}
