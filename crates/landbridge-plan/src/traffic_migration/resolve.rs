//! The sides, found among the objects. A side that is missing is for the preflight to say: the way back must not need it.

use std::sync::Arc;

use landbridge_api::common::LocalRef;
use landbridge_api::v1alpha1::{KubernetesSide, MigrationPhase as Phase, MigrationSide, TrafficMigration};

use super::{Pod, Side, SideKind, TrafficMigrationResolved, places};
use crate::account::{AccountTarget, account_for, allows, not_allowed};
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
    let account = match (here, there) {
        (Some(here), Some(there)) if here.shard() != there.shard() => {
            return Err(Unmet::blocked(
                landbridge_api::condition::reason::INVALID_SPEC,
                format!(
                    "{} and {} are in different accounts or Regions, and one load balancer cannot reach both",
                    from.name, to.name
                ),
            ));
        }
        (Some(account), _) | (None, Some(account)) => account,
        (None, None) => {
            return Err(Unmet::blocked(
                landbridge_api::condition::reason::INVALID_SPEC,
                "spec.from or spec.to must be an ECSService".to_owned(),
            ));
        }
    };
    let others = objects.traffic_migrations(object.object_namespace());
    let rivals = others.iter().filter(|other| is_rival(object, other));
    let rivals = rivals.map(|m| format!("TrafficMigration {}/{}", m.object_namespace(), m.object_name())).collect();
    let made = |side: &MigrationSide| others.iter().find_map(|other| made_before(side, other));
    let (mut from, mut to) = (from, to);
    (from.made_before, to.made_before) = (made(&object.spec.from), made(&object.spec.to));
    if object.spec.backend.cloud_map.is_some() {
        places::find(object, objects, &account, &object.spec.from, &mut from);
        places::find(object, objects, &account, &object.spec.to, &mut to);
    }
    Ok(TrafficMigrationResolved { account, from, to, rivals })
}

/// The target group that another migration has for the same Service, so that the way back finds it.
fn made_before(side: &MigrationSide, other: &TrafficMigration) -> Option<String> {
    let service = side.kubernetes_service.as_ref()?;
    let groups = other.status.as_ref()?.target_groups.as_ref()?;
    let sides = [(&other.spec.from, &groups.from), (&other.spec.to, &groups.to)];
    sides.into_iter().find(|(s, _)| s.kubernetes_service.as_ref() == Some(service)).and_then(|(_, arn)| arn.clone())
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
        cloud_map: None,
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
    let pods = match port {
        Some(port) => pods(&objects.endpoint_slices(namespace, name)?, &port.name),
        None => Vec::new(),
    };
    Ok(Side {
        name: format!("Service {namespace}/{name}"),
        target_group: side.target_group_arn.clone(),
        missing,
        made_before: None,
        cloud_map: None,
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
        cloud_map: None,
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
