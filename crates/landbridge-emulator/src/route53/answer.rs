//! What DNS answers: the records in force under a name, with the share of the answers that each has. Source: "Choosing a
//! routing policy" (Route 53 developer guide, routing-policy.html).
//!
//! Nobody asks from anywhere: answers that depend on who asks (latency, geolocation) have no share. A record is out while its
//! own health check fails or, where its alias says `EvaluateTargetHealth`, what that leads to is unhealthy ("How Amazon Route 53
//! chooses records when health checking is configured", health-checks-how-route-53-chooses-records.html).

use serde_json::Value;

use super::name;
use super::record::{self, Key, Records, siblings};
use super::zone::Zone;
use crate::elbv2;
use crate::world::World;

/// How far aliases are followed; Route 53 refuses loops, which this cannot see across zones.
const MAX_ALIASES: usize = 8;
/// Records of a multivalue answer.
const MULTIVALUE: f64 = 8.0;

/// One record set that answers a name.
#[derive(Debug, Clone, PartialEq)]
pub struct DnsAnswer {
    /// The set's identifier; none for a simple record.
    pub set_identifier: Option<String>,
    /// `A`, `CNAME`, ...: another than the one asked for where the name is an alias of another name.
    pub kind: String,
    /// Its values, or those that its alias leads to.
    pub values: Vec<String>,
    /// The share of the answers that have these values, 0 to 1; none where that depends on who asks.
    pub share: Option<f64>,
}

/// What is in force for `name` and `kind` in the zone that knows it best, private before public.
pub(crate) fn resolve(world: &World, name: &str, kind: &str) -> Vec<DnsAnswer> {
    name::normal(name).map(|name| follow(world, &name, kind, 0)).unwrap_or_default()
}

fn follow(world: &World, name: &str, kind: &str, depth: usize) -> Vec<DnsAnswer> {
    let zones = world.services.route53.zones.values().filter(|zone| name::is_within(name, &zone.name));
    let Some(zone) = zones.max_by_key(|zone| (zone.name.len(), zone.private)) else { return Vec::new() };
    answers(world, zone, name, kind, depth)
}

fn answers(world: &World, zone: &Zone, name: &str, kind: &str, depth: usize) -> Vec<DnsAnswer> {
    let records = zone.in_force(world);
    let found = named(&records, zone, name, kind);
    let healthy = |record: &Value| is_healthy(world, record, depth);
    // With no healthy record left, Route 53 takes all for healthy.
    let none_healthy = !found.iter().any(|record| healthy(record));
    let usable: Vec<bool> = found.iter().map(|record| none_healthy || healthy(record)).collect();
    let shares = shares(&found, &usable);
    let each = found.iter().zip(shares).flat_map(|(record, share)| {
        let identifier = record["SetIdentifier"].as_str().map(ToOwned::to_owned);
        let inner = leads_to(world, record, depth);
        inner.into_iter().map(move |(kind, values, within)| DnsAnswer {
            set_identifier: identifier.clone(),
            kind,
            values,
            share: share.zip(within).map(|(share, within)| share * within),
        })
    });
    each.collect()
}

/// A record without a health check is always healthy, unless its alias is evaluated.
fn is_healthy(world: &World, record: &Value, depth: usize) -> bool {
    let check = record["HealthCheckId"].as_str().and_then(|id| world.services.route53.health_checks.get(id));
    check.is_none_or(|check| check.healthy) && leads_to_health(world, record, depth)
}

/// An alias of other records is healthy while one of them is; one of a load balancer, while that is.
fn leads_to_health(world: &World, record: &Value, depth: usize) -> bool {
    let alias = record.get("AliasTarget").filter(|alias| alias["EvaluateTargetHealth"] == true);
    let Some(alias) = alias.filter(|_| depth < MAX_ALIASES) else { return true };
    let target = alias["DNSName"].as_str().unwrap_or_default();
    let zone = alias["HostedZoneId"].as_str().and_then(|id| world.services.route53.zones.get(id));
    let Some(zone) = zone else { return elbv2::is_healthy(world, target) };
    let records = zone.in_force(world);
    let found = named(&records, zone, target, record["Type"].as_str().unwrap_or_default());
    found.iter().any(|record| is_healthy(world, record, depth + 1))
}

/// The records of the name and type; else its CNAME; else, for a name that has none at all, the wildcard's.
fn named<'r>(records: &'r Records, zone: &Zone, name: &str, kind: &str) -> Vec<&'r Value> {
    let of = |name: &str, kind: &str| -> Vec<&'r Value> {
        siblings(records, &Key::new(name, kind, "")).map(|(_, record)| record).collect()
    };
    let exists = |name: &str| {
        let key = Key::new(name, "", "");
        records.range(key.clone()..).next().is_some_and(|(other, _)| other.has_name_of(&key))
    };
    let mut asked = name.to_owned();
    loop {
        let found = [kind, "CNAME"].into_iter().map(|kind| of(&asked, kind)).find(|found| !found.is_empty());
        if let Some(found) = found {
            return found;
        }
        // A wildcard stands for the names below its parent that are not there, nor anything between (RFC 4592).
        let above = asked.strip_prefix("\\052.").unwrap_or(&asked);
        let parent = above.split_once('.').map(|(_, parent)| parent.to_owned());
        match parent.filter(|parent| !exists(&asked) && !exists(above) && name::is_within(parent, &zone.name)) {
            Some(parent) => asked = format!("\\052.{parent}"),
            None => return Vec::new(),
        }
    }
}

/// What a record leads to: its values, or those of its alias's target, each with its share of it.
fn leads_to(world: &World, record: &Value, depth: usize) -> Vec<(String, Vec<String>, Option<f64>)> {
    let kind = record["Type"].as_str().unwrap_or_default();
    let values = || record::values(record).into_iter().map(ToOwned::to_owned).collect();
    let Some(alias) = record.get("AliasTarget") else { return vec![(kind.to_owned(), values(), Some(1.0))] };
    let target = alias["DNSName"].as_str().unwrap_or_default();
    let zone = alias["HostedZoneId"].as_str().and_then(|id| world.services.route53.zones.get(id));
    match zone.filter(|_| depth < MAX_ALIASES) {
        Some(zone) => answers(world, zone, target, kind, depth + 1)
            .into_iter()
            .map(|answer| (answer.kind, answer.values, answer.share))
            .collect(),
        // One of AWS's own, such as a load balancer's.
        None => vec![(kind.to_owned(), vec![target.to_owned()], Some(1.0))],
    }
}

/// The share of each record by the routing of its set.
fn shares(found: &[&Value], usable: &[bool]) -> Vec<Option<f64>> {
    let routing = found.first().and_then(|record| record::routing(record));
    let count = usable.iter().filter(|usable| **usable).count().max(1) as f64;
    let weight =
        |(record, usable): (&&Value, &bool)| if *usable { record["Weight"].as_f64().unwrap_or(0.0) } else { 0.0 };
    let total: f64 = found.iter().zip(usable).map(weight).sum();
    let primary = found.iter().zip(usable).any(|(record, usable)| *usable && record["Failover"] == "PRIMARY");
    let share = |(record, usable): (&&Value, &bool)| match routing {
        _ if !usable => Some(0.0),
        None => Some(1.0),
        // "If you set Weight to 0 for all of the records, traffic is routed to all with equal probability."
        Some("weighted") if total == 0.0 => Some(1.0 / count),
        Some("weighted") => Some(weight((record, usable)) / total),
        Some("multivalue answer") => Some((MULTIVALUE / count).min(1.0)),
        Some("failover") => Some(if primary == (record["Failover"] == "PRIMARY") { 1.0 } else { 0.0 }),
        Some(_) => None,
    };
    found.iter().zip(usable).map(share).collect()
}
