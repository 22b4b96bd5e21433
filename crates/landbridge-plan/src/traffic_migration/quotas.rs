//! Room under the account's quotas for what a migration makes, looked at before its first write: a migration that runs out of
//! room half way leaves two sides that are both half there.

use super::pass::Pass;

/// What does not fit, in words with what to do.
pub(super) fn refusals(pass: &Pass<'_>, found: &mut Vec<String>) {
    let (Some(limits), Some((_, pods))) = (&pass.observed.limits, pass.resolved.to.managed()) else { return };
    let name = &pass.resolved.to.name;
    let ready = i64::try_from(pods.iter().filter(|p| p.ready && !p.terminating).count()).unwrap_or(i64::MAX);
    if pass.observed.to.group.is_none() && limits.groups_in_use >= limits.groups_per_load_balancer {
        found.push(format!(
            "the load balancer has {} target groups and may have {} (quota target-groups-per-application-load-balancer): \
             take one away, for {name} needs one more",
            limits.groups_in_use, limits.groups_per_load_balancer
        ));
    }
    if ready > limits.targets_per_group {
        found.push(format!(
            "{name} has {ready} ready pods and a target group may have {} targets (quota targets-per-target-group): run \
             fewer and larger pods, or ask AWS for more",
            limits.targets_per_group
        ));
    }
    let targets = limits.targets_in_use.saturating_add(ready);
    if targets > limits.targets_per_load_balancer {
        found.push(format!(
            "the load balancer has {} targets, {name} adds {ready}, and it may have {} (quota \
             targets-per-application-load-balancer): run fewer pods, or ask AWS for more",
            limits.targets_in_use, limits.targets_per_load_balancer
        ));
    }
}
