//! The program that governs the rules, when it is not Landbridge: told by the tags of the rules, or by the spec. What it is told
//! by is found among the objects.

use landbridge_api::v1alpha1::{LoadBalancerManager, MigrationManager, MigrationPhase as Phase, TrafficMigration};

use super::{PointFacts, Side, external_dns, object};
use crate::kind::Kind;
use crate::kubernetes::{ForeignObject, HTTP_ROUTE, INGRESS, TARGET_GROUP_BINDING};
use crate::objects::Objects;
use crate::plan::Unmet;

/// What it is called.
const CONTROLLER: &str = "AWS Load Balancer Controller";
/// How it is told, and what its tags and labels begin with (its guides, «Ingress» and «Gateway API», resource tracking).
const KINDS: [(&str, &str); 2] = [(INGRESS_KIND, "ingress.k8s.aws"), (GATEWAY_KIND, "gateway.k8s.aws.alb")];
const INGRESS_KIND: &str = "LBCIngress";
const GATEWAY_KIND: &str = "LBCGateway";

/// The manager that the spec and the tags of the rules speak of.
///
/// # Errors
/// The rules belong to several.
pub(super) fn of(spec: &TrafficMigration, points: &[PointFacts]) -> Result<Option<MigrationManager>, String> {
    let Some(backend) = &spec.spec.backend.application_load_balancer else { return Ok(external_dns::manager(spec)) };
    let meant = match backend.manager.unwrap_or_default() {
        LoadBalancerManager::Direct => return Ok(None),
        LoadBalancerManager::Auto => None,
        LoadBalancerManager::LbcIngress => Some(INGRESS_KIND),
        LoadBalancerManager::LbcGateway => Some(GATEWAY_KIND),
    };
    let mut found: Vec<Option<MigrationManager>> = points.iter().map(|p| tagged(p, meant)).collect();
    found.dedup();
    match (meant, found.as_slice()) {
        (None, []) => Ok(None),
        (None, [one]) | (Some(_), [one @ Some(_)]) => Ok(one.clone()),
        (Some(kind), [] | [None]) => {
            Ok(Some(MigrationManager { name: CONTROLLER.into(), kind: kind.into(), stack: None }))
        }
        (_, several) => {
            let named = |m: &Option<MigrationManager>| match m {
                Some(m) => format!("{} ({})", m.name, m.stack.as_deref().unwrap_or("without a stack")),
                None => "nobody".to_owned(),
            };
            let named = several.iter().map(named).collect::<Vec<_>>().join(", ");
            Err(format!(
                "the rules belong to several owners ({named}), and a migration speaks with one: name the rules of one of them \
                 in listenerRuleArns"
            ))
        }
    }
}

fn tagged(point: &PointFacts, meant: Option<&str>) -> Option<MigrationManager> {
    let kinds = KINDS.into_iter().filter(|(kind, _)| meant.is_none_or(|meant| meant == *kind));
    kinds.into_iter().find_map(|(kind, prefix)| {
        let stack = point.tags.get(&format!("{prefix}/stack"))?.clone();
        Some(MigrationManager { name: CONTROLLER.into(), kind: kind.into(), stack: Some(stack) })
    })
}

/// What the objects say.
#[derive(Default)]
pub(super) struct Told {
    pub(super) objects: Vec<PointFacts>,
    pub(super) unreadable: Vec<String>,
}

/// Finds the objects that hold the weights, and gives sides the target groups that the manager made for them.
///
/// # Errors
/// They cannot be read, and the migration has not begun: on the way the rest must go on without them.
pub(super) fn told(
    migration: &TrafficMigration,
    objects: &dyn Objects,
    from: &mut Side,
    to: &mut Side,
) -> Result<Told, Unmet> {
    let begun = migration.status.as_ref().and_then(|s| s.phase).unwrap_or_default() != Phase::Preflight;
    let found = if migration.spec.backend.http_route.is_some() {
        route(migration, objects, from)
    } else if let Some(manager) = migration.status.as_ref().and_then(|s| s.manager.as_ref()) {
        (from.bound, to.bound) = (true, true);
        if external_dns::governs(migration) {
            external_dns::told(migration, objects, from, to)
        } else {
            by_manager(migration, objects, manager, from, to)
        }
    } else {
        return Ok(Told::default());
    };
    match found {
        Err(unmet) if begun => {
            let why = match unmet {
                Unmet::Wait(wait) => wait.message,
                Unmet::Blocked(blocked) => blocked.message,
            };
            Ok(Told { unreadable: vec![why], ..Told::default() })
        }
        found => found,
    }
}

fn route(migration: &TrafficMigration, objects: &dyn Objects, from: &Side) -> Result<Told, Unmet> {
    let Some(backend) = &migration.spec.backend.http_route else { return Ok(Told::default()) };
    let all = objects.foreign(&HTTP_ROUTE, migration.object_namespace())?;
    let found = all.iter().filter(|o| o.name == backend.name);
    let objects = found.filter_map(|o| object::route(o, backend.rule.as_deref(), from)).collect();
    Ok(Told { objects, unreadable: Vec::new() })
}

fn by_manager(
    migration: &TrafficMigration,
    objects: &dyn Objects,
    manager: &MigrationManager,
    from: &mut Side,
    to: &mut Side,
) -> Result<Told, Unmet> {
    let namespace = migration.object_namespace();
    let bindings = objects.foreign(&TARGET_GROUP_BINDING, namespace)?;
    for side in [&mut *from, &mut *to] {
        if side.target_group.is_none() {
            side.target_group = bound_group(&bindings, manager, side);
        }
    }
    let backend = migration.spec.backend.application_load_balancer.as_ref();
    let reference = backend.and_then(|b| b.manager_ref.as_ref());
    let entry = reference.and_then(|r| r.entry.as_deref());
    let is_gateway = manager.kind == GATEWAY_KIND;
    let all = objects.foreign(if is_gateway { &HTTP_ROUTE } else { &INGRESS }, namespace)?;
    let mut told = Told::default();
    for whole in all.iter().filter(|o| reference.map_or_else(|| is_of_stack(o, manager), |r| r.name == o.name)) {
        if is_gateway {
            told.objects.extend(object::route(whole, entry, from));
            continue;
        }
        match object::ingress(whole, entry, from) {
            Ok(point) => told.objects.extend(point),
            Err(why) => told.unreadable.push(why),
        }
    }
    Ok(told)
}

/// The target group that the manager made for the Service of a side.
fn bound_group(bindings: &[std::sync::Arc<ForeignObject>], manager: &MigrationManager, side: &Side) -> Option<String> {
    let service = side.service.as_ref()?;
    let port = |value: &serde_json::Value| {
        value.as_str().is_some_and(|p| p == service.port_name)
            || value.as_u64() == Some(u64::from(service.port))
            || value.as_str().and_then(|p| p.parse().ok()) == Some(service.port)
    };
    let mut found = bindings.iter().filter(|b| {
        let reference = &b.spec["serviceRef"];
        reference["name"] == service.name.as_str() && port(&reference["port"]) && is_labelled(b, manager)
    });
    found.find_map(|b| b.spec["targetGroupARN"].as_str()).map(str::to_owned)
}

/// Whether the labels of an object name what the manager's rules belong to.
fn is_labelled(object: &ForeignObject, manager: &MigrationManager) -> bool {
    let Some(stack) = &manager.stack else { return true };
    let prefix = KINDS.iter().find(|(kind, _)| *kind == manager.kind).map_or("", |(_, prefix)| prefix);
    let label = |key: &str| object.labels.get(&format!("{prefix}/{key}")).map(String::as_str);
    match stack.split_once('/') {
        Some((namespace, name)) => label("stack-namespace") == Some(namespace) && label("stack-name") == Some(name),
        None => label("stack") == Some(stack),
    }
}

/// Whether the rules of the stack are made of the object: the Ingress itself, one of its group, or a route of the Gateway.
fn is_of_stack(object: &ForeignObject, manager: &MigrationManager) -> bool {
    let Some(stack) = &manager.stack else { return true };
    let Some((namespace, name)) = stack.split_once('/') else {
        return object.annotations.get("alb.ingress.kubernetes.io/group.name") == Some(stack);
    };
    if manager.kind == INGRESS_KIND {
        return object.namespace == namespace && object.name == name;
    }
    let parents = object.spec["parentRefs"].as_array().into_iter().flatten();
    let here = |p: &serde_json::Value| p["namespace"].as_str().unwrap_or(&object.namespace) == namespace;
    parents.into_iter().any(|p| p["name"] == name && here(p))
}
