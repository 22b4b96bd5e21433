//! The target group that Landbridge makes for a Kubernetes Service, and the pods in it.

use landbridge_api::names::tag;

use super::{Pod, TargetGroupFacts};
use crate::account::AccountTarget;
use crate::change::{Change, Tags, Target, TargetGroupSettings};
use crate::hash;
use crate::owner::Owner;
use crate::plan::{Cause, Plan};

/// Attributes that the new target group takes over. Stickiness is not among them: a cookie of the one says nothing to the
/// other.
const COPIED: [&str; 4] = [
    "deregistration_delay.timeout_seconds",
    "load_balancing.algorithm.type",
    "load_balancing.cross_zone.enabled",
    "slow_start.duration_seconds",
];

/// Name of the target group for a side. It is the same for every migration of that Service behind that load balancer, so
/// that the way back finds it.
pub fn name_for(owner: &str, account: &AccountTarget, load_balancer: &str) -> String {
    let of = serde_json::json!([owner, account.installation, load_balancer]);
    format!("landbridge-{}", hash::short(&of))
}

/// The owner that its tags name.
pub(super) fn owner(side: &str, account: &AccountTarget) -> Owner {
    Owner::new(side, account)
}

/// Adds its creation, after the target group of the other side.
pub(super) fn create(plan: &mut Plan, name: &str, owner: &Owner, like: &TargetGroupFacts, account: &AccountTarget) {
    let mut tags: Tags = account.default_tags.clone();
    tags.extend(owner.tags());
    let settings = TargetGroupSettings {
        protocol: like.protocol.clone(),
        protocol_version: like.protocol_version.clone(),
        port: like.port,
        vpc_id: like.vpc_id.clone(),
        ip_address_type: like.ip_address_type.clone(),
        health_check: like.health_check.clone(),
    };
    let change = Change::CreateTargetGroup { name: name.to_owned(), settings, tags };
    plan.step("target-group", Cause::Spec, &[], change);
}

/// Adds what is missing of the attributes.
pub(super) fn attributes(plan: &mut Plan, group: &TargetGroupFacts, like: &TargetGroupFacts) {
    let differing = COPIED.iter().filter_map(|key| {
        let wanted = like.attributes.get(*key)?;
        (group.attributes.get(*key) != Some(wanted)).then(|| ((*key).to_owned(), wanted.clone()))
    });
    let attributes: std::collections::BTreeMap<_, _> = differing.collect();
    if !attributes.is_empty() {
        let change = Change::SetTargetGroupAttributes { arn: group.arn.clone(), attributes };
        plan.step("target-group-attributes", Cause::Spec, &[], change);
    }
}

/// Adds the pods that are ready and not registered, and takes away targets that are no pod any more. A pod that is merely
/// not ready for a while stays: the load balancer's own checks decide over it.
pub(super) fn pods(plan: &mut Plan, group: &TargetGroupFacts, pods: &[Pod]) {
    let of = |p: &Pod| Target { id: p.address.clone(), port: p.port };
    let staying: Vec<Target> = pods.iter().filter(|p| !p.terminating).map(of).collect();
    let there = || group.targets.iter().filter(|t| t.state != "draining");
    let is_there = |target: &Target| there().any(|t| t.id == target.id && t.port == target.port);
    let mut joining: Vec<Target> = pods.iter().filter(|p| p.ready && !p.terminating).map(of).collect();
    joining.retain(|t| !is_there(t));
    joining.sort();
    joining.dedup();
    let mut leaving: Vec<Target> = there().map(|t| Target { id: t.id.clone(), port: t.port }).collect();
    leaving.retain(|t| !staying.contains(t));
    let group = group.arn.clone();
    if !joining.is_empty() {
        plan.step("register", Cause::Spec, &[], Change::RegisterTargets { group: group.clone(), targets: joining });
    }
    if !leaving.is_empty() {
        // First the new ones, so that a whole change of pods leaves no gap.
        plan.step("deregister", Cause::Spec, &["register"], Change::DeregisterTargets { group, targets: leaving });
    }
}

/// Whether the target group is one that Landbridge made for that side.
pub(super) fn is_ours(group: &TargetGroupFacts, owner: &Owner) -> bool {
    group.tags.get(tag::OWNER) == Some(&owner.object) && group.tags.get(tag::INSTALLATION) == Some(&owner.installation)
}
