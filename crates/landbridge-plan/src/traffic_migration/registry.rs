//! Sides by their instances in Cloud Map: whose an instance is, how many are healthy, and what must be right before the
//! first write. Cloud Map has no weights, so a name in front of both sides has them, or the numbers of instances are.

use std::collections::BTreeMap;

use landbridge_api::v1alpha1::{CloudMapMode, NamespaceType, SideHealth, TrafficMigration};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::pass::Pass;
use super::records::LONGEST_TTL;
use super::{CloudMapPlace, Pod, Side, SideFacts, SideKind, ratio};
use crate::cloud_map_service::{seen_dns, types_of};
use crate::ecs_service::DiscoveryFacts;

/// The tag of services that ECS makes for Service Connect («Amazon ECS Service Connect components»).
const MANAGED_BY_ECS: &str = "AmazonECSManaged";

/// A Cloud Map service with its instances.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RegistryFacts {
    /// The service.
    pub service: DiscoveryFacts,
    /// Its instances, in the order of their IDs.
    pub instances: Vec<InstanceFacts>,
}

/// An instance of a Cloud Map service.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InstanceFacts {
    /// ID.
    pub id: String,
    /// Address.
    pub address: String,
    /// Availability Zone.
    pub zone: Option<String>,
    /// The export that registered it (`LANDBRIDGE_OWNER`).
    pub owner: Option<String>,
    /// Cluster and service of the ECS task that it is.
    pub ecs: Option<(String, String)>,
    /// Whether callers are led to it.
    pub healthy: bool,
}

/// A hosted zone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ZoneFacts {
    /// ID.
    pub id: String,
    /// Whether only VPCs see it.
    pub private: bool,
    /// Those VPCs.
    pub vpcs: Vec<String>,
    /// The AWS service that made it and governs it.
    pub made_by: Option<String>,
}

impl RegistryFacts {
    /// Time to live of its records, in seconds; 0 where it has none.
    pub fn ttl(&self) -> i64 {
        let dns = seen_dns(&self.service);
        let records = dns.as_ref().and_then(|d| d["DnsRecords"].as_array()).into_iter().flatten();
        records.filter_map(|r| r["TTL"].as_i64()).max().unwrap_or(0)
    }

    /// The instances of a side.
    pub(super) fn of<'a>(&'a self, side: &'a Side) -> impl Iterator<Item = &'a InstanceFacts> {
        self.instances.iter().filter(move |i| is_of(i, side))
    }
}

/// Whether the instance is one of the side.
pub(super) fn is_of(instance: &InstanceFacts, side: &Side) -> bool {
    match &side.kind {
        SideKind::Ecs { cluster, service } => instance.ecs.as_ref().is_some_and(|(c, s)| (c, s) == (cluster, service)),
        SideKind::Kubernetes { .. } => {
            let export = side.cloud_map.as_ref().and_then(|p| p.export.as_ref());
            export.is_some_and(|e| instance.owner.as_deref() == Some(&e.owner))
        }
    }
}

/// How a migration goes by Cloud Map, if it does.
pub fn mode(object: &TrafficMigration) -> Option<CloudMapMode> {
    object.spec.backend.cloud_map.as_ref().map(|b| b.mode)
}

/// Health of a side by what is registered of it. An instance whose pod is not ready is about to be taken out.
pub(super) fn health(side: &Side, facts: &SideFacts) -> Option<SideHealth> {
    let registry = facts.registry.as_ref()?;
    let pods: &[Pod] = match &side.kind {
        SideKind::Kubernetes { pods, .. } => pods,
        SideKind::Ecs { .. } => &[],
    };
    let is_well = |i: &InstanceFacts| {
        let pod = pods.iter().find(|p| p.address == i.address);
        i.healthy && pod.is_none_or(|p| p.ready && !p.terminating)
    };
    Some(count(registry.of(side).map(|i| (is_well(i), i.zone.as_deref()))))
}

/// The sum of what is healthy or not, each in its zone.
pub(super) fn count<'a>(all: impl Iterator<Item = (bool, Option<&'a str>)>) -> SideHealth {
    let mut health = SideHealth { registered: 0, healthy: 0, zones: BTreeMap::new() };
    for (healthy, zone) in all {
        health.registered += 1;
        health.healthy += i32::from(healthy);
        if let Some(zone) = zone {
            *health.zones.entry(zone.to_owned()).or_default() += i32::from(healthy);
        }
    }
    health
}

/// What must be right before the first write.
pub(super) fn refuse(pass: &Pass<'_>, found: &mut Vec<String>) {
    let Some(mode) = mode(pass.object) else { return };
    let sides = [(&pass.resolved.from, &pass.observed.from), (&pass.resolved.to, &pass.observed.to)];
    for (side, facts) in sides {
        if let Some(place) = &side.cloud_map {
            refuse_side(side, place, facts, mode, found);
        }
    }
    if let (Some(from), Some(to)) = (&pass.resolved.from.cloud_map, &pass.resolved.to.cloud_map) {
        match mode {
            CloudMapMode::FrontName => front_name(pass, [from, to], found),
            CloudMapMode::InstanceRatio => ratio::refuse(pass, [from, to], found),
        }
    }
}

fn refuse_side(side: &Side, place: &CloudMapPlace, facts: &SideFacts, mode: CloudMapMode, found: &mut Vec<String>) {
    let what = format!("Cloud Map service {} of {}", place.service, side.name);
    if place.namespace_type == NamespaceType::Http {
        return found.push(format!(
            "{what} is in the HTTP namespace {}, which has no DNS: its clients ask DiscoverInstances and choose for \
             themselves, for example by the attribute PLATFORM. Use a namespace of type DNS_PRIVATE",
            place.namespace
        ));
    }
    let Some(registry) = &facts.registry else {
        return found.push(format!("{what} is not there yet: wait until {} is ready", side.name));
    };
    if registry.service.tags.contains_key(MANAGED_BY_ECS) {
        return found.push(format!(
            "{what} was made by Amazon ECS for Service Connect, whose proxies follow no DNS: give the side a name of its own"
        ));
    }
    let dns = seen_dns(&registry.service);
    if types_of(dns.as_ref()).iter().any(|t| t == "CNAME") {
        found.push(format!("{what} has CNAME records, and its instances have no addresses to watch"));
    }
    if registry.ttl() > LONGEST_TTL {
        let ttl = registry.ttl();
        found.push(format!(
            "{what} has a time to live of {ttl} s, and for so long clients would keep to instances that are gone: lower it in \
             dnsConfig, and wait {ttl} s before you begin"
        ));
    }
    let policy = dns.as_ref().and_then(|d| d["RoutingPolicy"].as_str().map(str::to_owned));
    if mode == CloudMapMode::InstanceRatio && policy.as_deref() == Some("WEIGHTED") {
        found.push(format!(
            "{what} has the routing policy WEIGHTED: each answer holds one instance, and all clients of a resolver would go to \
             it alone. Use a service with MULTIVALUE, or the mode FrontName"
        ));
    }
}

fn front_name(pass: &Pass<'_>, [from, to]: [&CloudMapPlace; 2], found: &mut Vec<String>) {
    let front = pass.object.spec.backend.cloud_map.clone().unwrap_or_default().front_name.unwrap_or_default();
    if from.is_same(to) {
        found.push(format!(
            "both sides are registered in {}, and a name in front of it cannot tell them apart: give each a Cloud Map service \
             of its own, or use the mode InstanceRatio",
            from.dns_name()
        ));
    }
    let types = |facts: &SideFacts| facts.registry.as_ref().map(|r| types_of(seen_dns(&r.service).as_ref()));
    if let (Some(a), Some(b)) = (types(&pass.observed.from), types(&pass.observed.to))
        && a != b
    {
        found.push(format!(
            "{} has {} records and {} has {}: clients that ask for the one would find nothing on the other side; make both \
             the same in dnsConfig",
            from.dns_name(),
            a.join(" and "),
            to.dns_name(),
            b.join(" and ")
        ));
    }
    if let Some(zone) = &pass.observed.zone {
        refuse_zone(zone, [from, to], found);
    }
    if pass.observed.points.is_empty() {
        found.push(format!(
            "there is no CNAME record {} in hosted zone {}: create it, leading to {}, and let the clients use it",
            front.name,
            front.hosted_zone_id,
            from.dns_name()
        ));
    }
    let simple = pass.observed.points.iter().filter_map(|p| p.record.as_ref()).filter(|r| r.is_simple());
    for set in simple.filter_map(|r| r.sets.first()) {
        let leads_to = leads_to(set);
        if leads_to.as_deref() != Some(&from.dns_name()) {
            found.push(format!(
                "{} leads to {}, and not to {}: let it lead to {} first",
                front.name,
                leads_to.as_deref().unwrap_or("nothing"),
                from.dns_name(),
                pass.resolved.from.name
            ));
        }
    }
}

fn refuse_zone(zone: &ZoneFacts, places: [&CloudMapPlace; 2], found: &mut Vec<String>) {
    let id = &zone.id;
    for place in places.into_iter().filter(|p| p.namespace_type == NamespaceType::DnsPrivate) {
        let (name, vpc) = (place.dns_name(), place.vpc.as_deref().unwrap_or_default());
        if !zone.private {
            found.push(format!(
                "hosted zone {id} is public and {name} resolves in VPC {vpc} only: put the front name into a private zone"
            ));
        } else if !vpc.is_empty() && !zone.vpcs.iter().any(|v| v == vpc) {
            found.push(format!(
                "hosted zone {id} and {name} resolve in different VPCs ({} and {vpc}): associate the zone with {vpc}",
                zone.vpcs.join(", ")
            ));
        }
    }
}

/// A zone that an AWS service made is that service's.
pub(super) fn refuse_made_zone(pass: &Pass<'_>, found: &mut Vec<String>) {
    let Some(zone) = &pass.observed.zone else { return };
    if let Some(by) = &zone.made_by {
        found.push(format!(
            "hosted zone {} was made by {by} (AWS Cloud Map makes one for each DNS namespace) and is never written to: put the \
             name into a hosted zone of your own",
            zone.id
        ));
    }
}

/// The name that a CNAME record has as its value.
pub(super) fn leads_to(set: &Value) -> Option<String> {
    let value = set["ResourceRecords"].as_array()?.first()?["Value"].as_str()?;
    Some(value.trim_end_matches('.').to_ascii_lowercase())
}
