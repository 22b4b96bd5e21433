//! The sides, found among the objects. A side that is missing is for the preflight to say: the way back must not need it.

use std::collections::BTreeMap;
use std::sync::Arc;

use landbridge_api::common::LocalRef;
use landbridge_api::v1alpha1::{KubernetesSide, MigrationPhase as Phase, MigrationSide, SideHealth, TrafficMigration};

use super::{Pod, ServiceSide, Side, SideKind, TrafficMigrationResolved, manager, places};
use crate::account::{AccountTarget, account_for, allows, not_allowed};
use crate::cloud_map_import::service_name;
use crate::kind::Kind;
use crate::kubernetes::{EndpointSlice, ServicePort};
use crate::objects::Objects;
use crate::plan::Unmet;

/// Resolves both sides.
pub(super) fn resolve(object: &TrafficMigration, objects: &dyn Objects) -> Result<TrafficMigrationResolved, Unmet> {
    let find = |side: &MigrationSide, at: &str| match (&side.ecs_service_ref, &side.kubernetes_service) {
        (Some(reference), None) => ecs(object, objects, reference, side, at),
        (None, Some(service)) => kubernetes(object, objects, service, side).map(|side| (side, None)),
        _ => Err(Unmet::blocked(
            landbridge_api::condition::reason::INVALID_SPEC,
            format!("spec.{at} must name exactly one of ecsServiceRef and kubernetesService"),
        )),
    };
    let ((from, here), (to, there)) = (find(&object.spec.from, "from")?, find(&object.spec.to, "to")?);
    let (mut from, mut to) = (from, to);
    let account = account(object, objects, (&mut from, here), (&mut to, there))?;
    let others = objects.traffic_migrations(object.object_namespace());
    let rivals = others.iter().filter(|other| is_rival(object, other));
    let rivals = rivals.map(told_as_rival).collect();
    let shared_groups = others.iter().filter(|m| m.metadata.name != object.metadata.name).flat_map(|m| groups_of(m));
    let shared_groups = shared_groups.collect();
    let made = |side: &MigrationSide| others.iter().find_map(|other| made_before(side, other));
    (from.made_before, to.made_before) = (made(&object.spec.from), made(&object.spec.to));
    if object.spec.backend.cloud_map.is_some() {
        places::find(object, objects, &account, &object.spec.from, &mut from);
        places::find(object, objects, &account, &object.spec.to, &mut to);
    }
    if object.spec.backend.http_route.is_some() {
        for (side, spec) in [(&mut from, &object.spec.from), (&mut to, &object.spec.to)] {
            inside(object, objects, side, spec)?;
        }
    }
    let manager::Told { objects, unreadable } = manager::told(object, objects, &mut from, &mut to)?;
    let manager = object.status.as_ref().and_then(|s| s.manager.clone());
    Ok(TrafficMigrationResolved { account, from, to, rivals, shared_groups, manager, objects, unreadable })
}

/// The account that is written to. A side elsewhere keeps its own, and only a name can lead to both.
fn account(
    object: &TrafficMigration,
    objects: &dyn Objects,
    (from, here): (&mut Side, Option<Arc<AccountTarget>>),
    (to, there): (&mut Side, Option<Arc<AccountTarget>>),
) -> Result<Arc<AccountTarget>, Unmet> {
    let invalid = |message: String| Unmet::blocked(landbridge_api::condition::reason::INVALID_SPEC, message);
    let Some(first) = here.clone().or_else(|| there.clone()) else {
        return Err(invalid("spec.from or spec.to must be an ECSService".to_owned()));
    };
    let apart = matches!((&here, &there), (Some(here), Some(there)) if here.shard() != there.shard());
    let Some(backend) = &object.spec.backend.route53 else {
        if apart {
            return Err(invalid(format!(
                "{} and {} are in different accounts or Regions, and only a name can lead to both: use backend.route53",
                from.name, to.name
            )));
        }
        return Ok(first);
    };
    let zone = match &backend.account_ref {
        Some(reference) => account_for(objects, Some(reference), Some(object.object_namespace()))?,
        None => first.clone(),
    };
    for (side, own) in [(from, here), (to, there)] {
        let own = own.unwrap_or_else(|| first.clone());
        side.account = (own.shard() != zone.shard()).then_some(own);
    }
    Ok(zone)
}

/// A side as callers inside the cluster see it: no load balancer is between, and an ECS service is behind the Service that an
/// import makes for it.
fn inside(
    object: &TrafficMigration,
    objects: &dyn Objects,
    side: &mut Side,
    spec: &MigrationSide,
) -> Result<(), Unmet> {
    side.bound = true;
    let (namespace, Some(reference)) = (object.object_namespace(), &spec.ecs_service_ref) else { return Ok(()) };
    let imports = objects.cloud_map_imports(namespace);
    let imported =
        imports.iter().find(|i| i.spec.source.ecs_service_ref.as_ref().is_some_and(|r| r.name == reference.name));
    let name = spec.imported_service.as_ref().map(|r| r.name.clone()).or_else(|| imported.map(|i| service_name(i)));
    let Some(name) = name else {
        side.missing = Some(format!(
            "no Service of the cluster leads to {}: make a CloudMapImport with source.ecsServiceRef {}, or name the Service in \
             importedService",
            side.name, reference.name
        ));
        return Ok(());
    };
    let begun = object.status.as_ref().and_then(|s| s.phase).unwrap_or_default() != Phase::Preflight;
    let found = objects.kubernetes_service(namespace, &name);
    let slices = objects.endpoint_slices(namespace, &name);
    let health = match (found, slices) {
        (Err(unmet), _) | (_, Err(unmet)) if !begun => return Err(unmet),
        (Ok(None), _) => {
            side.missing = Some(format!("there is no Service {namespace}/{name}, which is to lead to {}", side.name));
            SideHealth::default()
        }
        (_, Ok(slices)) => health(&slices, None),
        (_, Err(_)) => SideHealth::default(),
    };
    side.service = Some(ServiceSide { name, health, ..ServiceSide::default() });
    Ok(())
}

/// The target group that another migration has for the same Service, so that the way back finds it.
fn made_before(side: &MigrationSide, other: &TrafficMigration) -> Option<String> {
    let service = side.kubernetes_service.as_ref()?;
    let groups = other.status.as_ref()?.target_groups.as_ref()?;
    let sides = [(&other.spec.from, &groups.from), (&other.spec.to, &groups.to)];
    sides.into_iter().find(|(s, _)| s.kubernetes_service.as_ref() == Some(service)).and_then(|(_, arn)| arn.clone())
}

/// The target groups that a migration which has begun, and is not being deleted, has for Services.
fn groups_of(migration: &TrafficMigration) -> Vec<String> {
    let status = migration.status.clone().filter(|_| !migration.is_deleting()).unwrap_or_default();
    let begun = status.phase.unwrap_or_default() != Phase::Preflight;
    let groups = status.target_groups.filter(|_| begun).unwrap_or_default();
    let sides = [(&migration.spec.from, groups.from), (&migration.spec.to, groups.to)];
    sides.into_iter().filter(|(side, _)| side.kubernetes_service.is_some()).filter_map(|(_, arn)| arn).collect()
}

/// A rival, and how far it is: one that waits with a mistake is not ended by waiting.
fn told_as_rival(other: &Arc<TrafficMigration>) -> String {
    let name = format!("TrafficMigration {}/{}", other.object_namespace(), other.object_name());
    match other.status.as_ref().and_then(|s| s.phase).unwrap_or_default() {
        Phase::Preflight => format!(
            "{name} was made before this one and has not begun with a side of it: correct what it says is wrong and wait for its \
             end, or delete it"
        ),
        _ => format!("{name} is under way with a side of this migration: wait for its end, or abort it"),
    }
}

/// Whether the other migration is under way with a side of this one. Of two that have not begun, the one that was made first
/// goes first.
fn is_rival(this: &TrafficMigration, other: &TrafficMigration) -> bool {
    let names = |m: &TrafficMigration| {
        [&m.spec.from, &m.spec.to].map(|s| {
            let ecs = s.ecs_service_ref.as_ref().map(|r| format!("ecs/{}", r.name));
            ecs.or_else(|| s.kubernetes_service.as_ref().map(|k| format!("kubernetes/{}", k.name)))
        })
    };
    if this.metadata.name == other.metadata.name || !names(this).iter().any(|n| names(other).contains(n)) {
        return false;
    }
    let phase = |m: &TrafficMigration| m.status.as_ref().and_then(|s| s.phase).unwrap_or_default();
    match phase(other) {
        Phase::Completed | Phase::RolledBack => false,
        Phase::Preflight => {
            let age =
                |m: &TrafficMigration| (m.metadata.creation_timestamp.clone().map(|t| t.0), m.metadata.name.clone());
            phase(this) == Phase::Preflight && age(other) < age(this)
        }
        _ => true,
    }
}

fn ecs(
    object: &TrafficMigration,
    objects: &dyn Objects,
    reference: &LocalRef,
    side: &MigrationSide,
    at: &str,
) -> Result<(Side, Option<Arc<AccountTarget>>), Unmet> {
    let (namespace, name) = (object.object_namespace(), &reference.name);
    let Some(service) = objects.ecs_service(namespace, name) else {
        return Err(Unmet::missing(format!(
            "spec.{at} names ECSService {namespace}/{name}, which does not exist: create it, or name another"
        )));
    };
    let cluster_name = &service.spec.cluster_ref.name;
    let Some(cluster) = objects.ecs_cluster(cluster_name) else {
        return Err(Unmet::missing(format!(
            "ECSService {namespace}/{name} is in ECSCluster {cluster_name}, which does not exist: create it"
        )));
    };
    if !object.is_deleting() && !allows(objects, cluster.spec.allowed_namespaces.as_ref(), namespace) {
        return Err(not_allowed("ECSCluster", cluster_name, namespace));
    }
    let account = account_for(objects, cluster.spec.account_ref.as_ref(), None)?;
    let declared: Vec<&String> =
        service.spec.service.load_balancers.iter().filter_map(|b| b.target_group_arn.as_ref()).collect();
    let missing = (side.target_group_arn.is_none() && declared.len() > 1).then(|| {
        format!(
            "ECSService {namespace}/{name} has {} target groups: say which in spec.{at}.targetGroupArn",
            declared.len()
        )
    });
    let found = Side {
        name: format!("ECSService {namespace}/{name}"),
        target_group: side.target_group_arn.clone().or_else(|| declared.first().map(|arn| (*arn).clone())),
        missing,
        made_before: None,
        account: None,
        cloud_map: None,
        identifier: None,
        service: None,
        bound: false,
        kind: SideKind::Ecs {
            cluster: cluster.spec.cluster_name.clone().unwrap_or_else(|| cluster_name.clone()),
            service: service.spec.service_name.clone().unwrap_or_else(|| name.clone()),
        },
    };
    Ok((found, Some(account)))
}

fn kubernetes(
    object: &TrafficMigration,
    objects: &dyn Objects,
    wanted: &KubernetesSide,
    side: &MigrationSide,
) -> Result<Side, Unmet> {
    let (namespace, name) = (object.object_namespace(), &wanted.name);
    let begun = object.status.as_ref().and_then(|s| s.phase).unwrap_or_default() != Phase::Preflight;
    let service = match objects.kubernetes_service(namespace, name) {
        // The way back must not need the Kubernetes API.
        Err(unmet) if begun => return Ok(unseen(object, wanted, side, &unmet)),
        found => found?,
    };
    let (port, missing) = match &service {
        None => (None, Some(format!("there is no Service {namespace}/{name}: create it, or name another"))),
        Some(service) => match port(&service.ports, wanted.port.as_deref()) {
            Ok(port) => (Some(port), None),
            Err(why) => (None, Some(format!("Service {namespace}/{name} {why}"))),
        },
    };
    let slices = match port {
        Some(_) => objects.endpoint_slices(namespace, name)?,
        None => Vec::new(),
    };
    let pods = port.map(|port| pods(&slices, &port.name)).unwrap_or_default();
    let service = ServiceSide {
        name: name.clone(),
        port_name: port.map(|p| p.name.to_string()).unwrap_or_default(),
        port: port.map_or(0, |p| p.port),
        health: health(&slices, port.map(|p| &*p.name)),
    };
    Ok(Side {
        name: format!("Service {namespace}/{name}"),
        target_group: side.target_group_arn.clone(),
        missing,
        made_before: None,
        account: None,
        cloud_map: None,
        identifier: None,
        service: Some(service),
        bound: false,
        kind: SideKind::Kubernetes { owner: owner(object, wanted), pods },
    })
}

/// A Service that cannot be looked at now.
fn unseen(object: &TrafficMigration, wanted: &KubernetesSide, side: &MigrationSide, unmet: &Unmet) -> Side {
    let why = match unmet {
        Unmet::Wait(wait) => wait.message.clone(),
        Unmet::Blocked(blocked) => blocked.message.clone(),
    };
    Side {
        name: format!("Service {}/{}", object.object_namespace(), wanted.name),
        target_group: side.target_group_arn.clone(),
        missing: Some(why),
        made_before: None,
        account: None,
        cloud_map: None,
        identifier: None,
        service: Some(ServiceSide { name: wanted.name.clone(), ..ServiceSide::default() }),
        bound: false,
        kind: SideKind::Kubernetes { owner: owner(object, wanted), pods: Vec::new() },
    }
}

/// Whose the target group is. It holds the name of the port that the user gave, not what it resolves to, so that it can be
/// told without the Service.
fn owner(object: &TrafficMigration, wanted: &KubernetesSide) -> String {
    let port = wanted.port.as_deref().map(|p| format!(":{p}")).unwrap_or_default();
    format!("Service/{}/{}{port}", object.object_namespace(), wanted.name)
}

/// The port that is meant.
fn port<'a>(ports: &'a [ServicePort], wanted: Option<&str>) -> Result<&'a ServicePort, String> {
    let names = || ports.iter().map(|p| &*p.name).collect::<Vec<_>>().join(", ");
    match (wanted, ports) {
        (Some(wanted), _) => ports
            .iter()
            .find(|p| &*p.name == wanted)
            .ok_or_else(|| format!("has no port {wanted}, only {}: correct kubernetesService.port", names())),
        (None, [only]) => Ok(only),
        (None, _) => Err(format!("has the ports {}: say which in kubernetesService.port", names())),
    }
}

/// Health of the endpoints behind a port, or behind any.
fn health(slices: &[Arc<EndpointSlice>], port: Option<&str>) -> SideHealth {
    let has_port = |s: &&Arc<EndpointSlice>| port.is_none_or(|port| s.ports.iter().any(|p| &*p.name == port));
    let endpoints = slices.iter().filter(has_port).flat_map(|s| &s.endpoints).filter(|e| !e.terminating);
    // An endpoint may be in two slices for a moment (EndpointSlice, «Duplicate endpoints»).
    let by_address: BTreeMap<_, _> = endpoints.map(|e| (e.address, e)).collect();
    let mut health = SideHealth::default();
    for endpoint in by_address.values() {
        health.registered += 1;
        let healthy = i32::from(endpoint.ready);
        health.healthy += healthy;
        if let Some(zone) = &endpoint.zone {
            *health.zones.entry(zone.to_string()).or_default() += healthy;
        }
    }
    health
}

/// The pods behind a port, in the order of their addresses. IPv6 addresses belong to another target group.
fn pods(slices: &[Arc<EndpointSlice>], port: &str) -> Vec<Pod> {
    let mut found = Vec::new();
    for slice in slices.iter().filter(|s| &*s.address_type == "IPv4") {
        let Some(port) = slice.ports.iter().find(|p| &*p.name == port).and_then(|p| p.port) else { continue };
        found.extend(slice.endpoints.iter().map(|e| Pod {
            address: e.address.to_string(),
            port: i32::from(port),
            ready: e.ready,
            terminating: e.terminating,
            zone: e.zone.clone(),
        }));
    }
    found.sort();
    // An endpoint may be in two slices for a moment (EndpointSlice, «Duplicate endpoints»).
    found.dedup_by(|a, b| a.address == b.address && a.port == b.port);
    found
}
