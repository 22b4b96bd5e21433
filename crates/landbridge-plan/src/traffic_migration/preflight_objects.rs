//! What must be right with the Kubernetes objects that hold weights, before the first write.

use super::pass::Pass;
use super::{ObjectFacts, PointFacts, Side, SideKind, object};

/// Everything that stands in the way.
pub(super) fn refuse(pass: &Pass<'_>, found: &mut Vec<String>) {
    found.extend(pass.resolved.unreadable.iter().cloned());
    let (from, to) = (&pass.resolved.from, &pass.resolved.to);
    for side in [from, to] {
        if let Some(service) = side.service.as_ref().filter(|s| s.health.healthy == 0 && side.missing.is_none()) {
            found.push(format!(
                "Service {} of {} has no ready endpoint: nothing could take the traffic",
                service.name, side.name
            ));
        }
    }
    if pass.resolved.objects.is_empty() && pass.resolved.unreadable.is_empty() {
        found.push(absent(pass));
    }
    for point in &pass.resolved.objects {
        let Some(facts) = &point.object else { continue };
        let all = object::weights_of_parts(facts);
        let share = |side: &Side| -> Vec<Option<i32>> {
            all.iter().map(|part| part.iter().find(|(e, _)| object::is(side, e)).map(|(_, w)| *w)).collect()
        };
        let (old, new) = (share(from), share(to));
        if old.contains(&Some(0)) {
            found.push(format!("{} gives {} no traffic: its weight is 0", point.id, from.name));
        }
        if new.iter().any(|w| w.is_some_and(|w| w > 0)) {
            found.push(format!("{} already gives traffic to {}: set that weight to 0 first", point.id, to.name));
        }
        if old.contains(&None) {
            found.push(format!("{} has a part that is meant and does not name {}", point.id, from.name));
        }
        if pass.is_inside() && new.contains(&None) {
            found.push(unnamed(point, to));
        }
        third(point, facts, [from, to], found);
    }
}

/// A route gets no new backend from a migration: it is in somebody's files.
fn unnamed(point: &PointFacts, to: &Side) -> String {
    let service = to.service.as_ref().map(|s| (s.name.as_str(), s.port)).unwrap_or_default();
    format!(
        "{} does not name the Service of {}: add it to the rule's backendRefs, {{name: {}, port: {}, weight: 0}}",
        point.id, to.name, service.0, service.1
    )
}

fn third(point: &PointFacts, facts: &ObjectFacts, sides: [&Side; 2], found: &mut Vec<String>) {
    let all = object::weights_of_parts(facts);
    let other = all.iter().flatten().find(|(entry, _)| !sides.iter().any(|side| object::is(side, entry)));
    if let Some((entry, _)) = other {
        found.push(format!(
            "{} forwards to a third one, {}, and two sides cannot share its weights with it: take it out first",
            point.id,
            object::said(entry)
        ));
    }
}

/// Nothing that holds the weights was found.
fn absent(pass: &Pass<'_>) -> String {
    let (namespace, from) = (pass.object.metadata.namespace.as_deref().unwrap_or_default(), &pass.resolved.from);
    if let Some(route) = &pass.object.spec.backend.http_route {
        let service = from.service.as_ref().map_or("", |s| s.name.as_str());
        let rule = route.rule.as_deref().map_or_else(|| "rule".to_owned(), |rule| format!("rule {rule}"));
        return format!(
            "there is no HTTPRoute {namespace}/{} with a {rule} whose backendRefs name Service {service}: make it, or correct \
             spec.backend.httpRoute",
            route.name
        );
    }
    let manager = pass.resolved.manager.clone().unwrap_or_default();
    let of = manager.stack.map(|s| format!(" of {s}")).unwrap_or_default();
    let wanted = match &from.kind {
        SideKind::Ecs { .. } => format!("targetGroupARN {}", from.target_group.as_deref().unwrap_or("of that service")),
        SideKind::Kubernetes { .. } => {
            let service = from.service.clone().unwrap_or_default();
            format!("serviceName {} and servicePort {}", service.name, service.port)
        }
    };
    let what = if manager.kind == "LBCGateway" {
        "no HTTPRoute has a rule whose backendRefs name".to_owned()
    } else {
        "no Ingress has an annotation alb.ingress.kubernetes.io/actions.<name> that forwards to".to_owned()
    };
    format!(
        "the rules are the {}'s{of}, and {what} {} ({wanted}) in namespace {namespace}: write it so, or name the object in \
         spec.backend.applicationLoadBalancer.managerRef",
        manager.name, from.name
    )
}
