//! What must be right before the first write, each with what to do. Nothing is written while one of these stands.

use std::net::IpAddr;

use landbridge_api::v1alpha1::StickySessions;

use super::pass::Pass;
use super::preflight_objects as inside;
use super::{PointFacts, Side, SideFacts, SideKind, external_dns, gates, quotas, records, registry};

/// Everything that stands in the way.
pub(super) fn refusals(pass: &Pass<'_>) -> Vec<String> {
    let mut found = pass.settings.mistakes(&pass.object.spec);
    found.extend(gates::mistakes(pass));
    if pass.resolved.from.name == pass.resolved.to.name {
        found.push(format!("from and to are both {}: name another service for one of them", pass.resolved.to.name));
    }
    found.extend(pass.resolved.rivals.iter().cloned());
    found.extend([&pass.resolved.from, &pass.resolved.to].into_iter().filter_map(|side| side.missing.clone()));
    for arn in &pass.observed.missing {
        found.push(format!("there is no listener rule or listener {arn}: correct listenerRuleArns"));
    }
    if external_dns::governs(pass.object) {
        external_dns::refuse(pass, &mut found);
    } else if pass.is_inside() || pass.is_managed() {
        inside::refuse(pass, &mut found);
    }
    if pass.object.spec.backend.cloud_map.is_none() && !pass.is_inside() {
        from_group(pass, &mut found);
        to_group(pass, &mut found);
    }
    for point in &pass.observed.points {
        match (&point.record, &point.shared) {
            (Some(record), _) => records::refuse(pass, point, record, &mut found),
            (None, Some(_)) => {}
            (None, None) if point.object.is_some() => {}
            (None, None) => rule(pass, point, &mut found),
        }
    }
    registry::refuse_made_zone(pass, &mut found);
    registry::refuse(pass, &mut found);
    if pass.object.spec.backend.route53.is_some() {
        records::refuse_sides(pass, &mut found);
    }
    for (side, facts) in [(&pass.resolved.from, &pass.observed.from), (&pass.resolved.to, &pass.observed.to)] {
        ecs(side, facts, &mut found);
    }
    pods(&pass.resolved.to, &mut found);
    quotas::refusals(pass, &mut found);
    found
}

fn from_group(pass: &Pass<'_>, found: &mut Vec<String>) {
    let name = &pass.resolved.from.name;
    let Some(group) = &pass.observed.from.group else {
        return found.push(format!(
            "{name} has no target group: give it one in loadBalancers, or name it in spec.from.targetGroupArn"
        ));
    };
    if !matches!(group.protocol.as_str(), "HTTP" | "HTTPS") {
        found.push(format!(
            "target group {} speaks {}, and only those of Application Load Balancers (HTTP, HTTPS) can be weighted here",
            group.name, group.protocol
        ));
    }
    let by_rules = pass.object.spec.backend.route53.is_none();
    if by_rules && pass.observed.points.is_empty() && pass.observed.missing.is_empty() {
        found.push(format!(
            "no listener rule forwards to target group {} of {name}, so it has no traffic to move; name the rules in \
             spec.backend.applicationLoadBalancer.listenerRuleArns",
            group.name
        ));
    }
}

fn to_group(pass: &Pass<'_>, found: &mut Vec<String>) {
    let (side, Some(from)) = (&pass.resolved.to, &pass.observed.from.group) else { return };
    let Some(to) = &pass.observed.to.group else {
        if side.managed().is_none() && !side.bound {
            let named = side.target_group.as_deref().unwrap_or("in its loadBalancers");
            found.push(format!("{} has no target group {named}: make it, or name another", side.name));
        }
        return;
    };
    if to.arn == from.arn {
        found.push(format!(
            "both sides use target group {}: Landbridge never shares one, for each side would take away the other's \
             targets; give {} another",
            to.name, side.name
        ));
    }
    if pass.object.spec.backend.route53.is_some() {
        return;
    }
    let elsewhere = |lb: &&String| !pass.observed.points.iter().any(|p| p.load_balancer == **lb);
    if let Some(other) = to.load_balancers.iter().find(elsewhere) {
        found.push(format!(
            "target group {} belongs to load balancer {other}, and a target group can have only one: use another for {}",
            to.name, side.name
        ));
    }
    if (&to.vpc_id, &to.protocol) != (&from.vpc_id, &from.protocol) {
        found.push(format!(
            "target groups {} ({}, {}) and {} ({}, {}) differ in protocol or VPC; the new side's must be as the old one's",
            from.name, from.protocol, from.vpc_id, to.name, to.protocol, to.vpc_id
        ));
    }
}

fn rule(pass: &Pass<'_>, point: &PointFacts, found: &mut Vec<String>) {
    let id = &point.id;
    if let Some(owner) = controller(point).filter(|_| !pass.is_managed()) {
        found.push(format!(
            "rule {id} belongs to {owner}, which would put it back: move the weights there, or let the rule go"
        ));
    }
    let (from, to) = (pass.old_group().unwrap_or_default(), pass.new_group().unwrap_or_default());
    let weight = |arn: &str| point.weights.iter().find(|w| w.target == arn).map(|w| w.weight);
    match weight(from) {
        None => found.push(format!("rule {id} does not forward to the target group of {}", pass.resolved.from.name)),
        Some(0) => found.push(format!("rule {id} gives {} no traffic: its weight is 0", pass.resolved.from.name)),
        Some(_) => {}
    }
    if weight(to).is_some_and(|w| w > 0) {
        found.push(format!("rule {id} already gives traffic to {}: set that weight to 0 first", pass.resolved.to.name));
    }
    if let Some(third) = point.weights.iter().find(|w| w.target != from && w.target != to) {
        found.push(format!(
            "rule {id} forwards to a third target group, {}, and two sides cannot share its weights with it: take it out \
             of the rule first",
            third.target
        ));
    }
    sticky(pass, point, found);
}

fn sticky(pass: &Pass<'_>, point: &PointFacts, found: &mut Vec<String>) {
    if pass.settings.sticky == StickySessions::Wait {
        return;
    }
    let groups = [&pass.observed.from.group, &pass.observed.to.group].into_iter().flatten();
    let own = groups.into_iter().find(|g| g.attributes.get("stickiness.enabled").is_some_and(|v| v == "true"));
    let what = match (point.sticky_seconds, own) {
        (Some(seconds), _) => format!("rule {} ties clients to a target group for {seconds} s", point.id),
        (None, Some(group)) => format!("target group {} ties clients to a target", group.name),
        (None, None) => return,
    };
    let message = format!(
        "{what}: such clients keep going to a side whose weight is 0. Turn stickiness off for the migration, or set \
         stickySessions: Wait, and the old side stays until the longest cookie has ended"
    );
    if !found.contains(&message) {
        found.push(message);
    }
}

/// A controller that governs the rule, by its tags.
pub(super) fn controller(point: &PointFacts) -> Option<String> {
    if let Some(facts) = &point.object {
        return facts.whole.edited_by.as_ref().map(|who| format!("{who}, by its field manager"));
    }
    let tag = |key: &str| point.tags.get(key);
    tag("external-dns/owner")
        .map(|o| format!("external-dns with owner id {o}"))
        .or_else(|| tag("elbv2.k8s.aws/cluster").map(|c| format!("the AWS Load Balancer Controller of cluster {c}")))
        .or_else(|| tag("aws:cloudformation:stack-name").map(|s| format!("CloudFormation stack {s}")))
}

/// ECS rewrites the rules of services that it moves traffic for by itself (Amazon ECS Developer Guide, «Application Load
/// Balancer resources for blue/green deployments»).
fn ecs(side: &Side, facts: &SideFacts, found: &mut Vec<String>) {
    let SideKind::Ecs { .. } = side.kind else { return };
    let Some(service) = &facts.service else {
        return found.push(format!("{} is not in ECS yet: wait until it is ready", side.name));
    };
    if let Some(strategy) = rewrites(&service.fields) {
        found.push(format!(
            "{} deploys with {strategy}, with which ECS rewrites listener rules and would drop the other side: set its \
             deploymentConfiguration.strategy to ROLLING for the migration",
            side.name
        ));
    }
}

fn rewrites(fields: &crate::change::Body) -> Option<String> {
    let text = |pointer: &str| {
        serde_json::Value::Object(fields.clone()).pointer(pointer).and_then(|v| v.as_str()).map(str::to_owned)
    };
    let strategy = text("/deploymentConfiguration/strategy").filter(|s| s != "ROLLING");
    strategy.or_else(|| text("/deploymentController/type").filter(|t| t != "ECS"))
}

fn pods(side: &Side, found: &mut Vec<String>) {
    // Of a Service or port that is not there, that is all there is to say.
    let Some((_, pods)) = side.managed().filter(|_| side.missing.is_none()) else { return };
    if !pods.iter().any(|p| p.ready && !p.terminating) {
        found.push(format!("{} has no ready pod: nothing could take the traffic", side.name));
    }
    let unroutable = pods.iter().find(|p| !p.address.parse().is_ok_and(is_routable));
    if let Some(pod) = unroutable {
        found.push(format!(
            "{} has a pod at {}, which no load balancer can reach: pods need addresses of the VPC (VPC CNI)",
            side.name, pod.address
        ));
    }
}

/// Whether a load balancer could reach the address at all.
fn is_routable(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(a) => !(a.is_loopback() || a.is_link_local() || a.is_unspecified() || a.is_multicast()),
        IpAddr::V6(a) => !(a.is_loopback() || a.is_unicast_link_local() || a.is_unspecified() || a.is_multicast()),
    }
}
