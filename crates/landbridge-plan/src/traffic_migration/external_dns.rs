//! Weighted records that external-dns writes. It is told by the annotations of a Service or an Ingress, or by a DNSEndpoint, one
//! source for each side; the records stay what is true.
//!
//! The names are external-dns's own («Annotations», «AWS: routing policies» and «CRD source» in its documentation). Since v0.22.0
//! its annotations begin with `external-dns.kubernetes.io/`, before with `external-dns.alpha.kubernetes.io/`, and one instance
//! reads one of the two: what tells the set identifier tells the weight.

use std::sync::Arc;

use landbridge_api::v1alpha1::{
    DnsSource, DnsSourceKind, MigrationManager, RecordManager, TargetWeight, TrafficMigration, WeightedPoint,
};
use serde_json::{Value, json};

use super::manager::Told;
use super::pass::Pass;
use super::{ObjectFacts, PointFacts, Side, object, weights};
use crate::change::Body;
use crate::kind::Kind;
use crate::kubernetes::{DNS_ENDPOINT, ForeignKind, ForeignObject, INGRESS, SERVICE};
use crate::objects::Objects;
use crate::plan::Unmet;

/// How it is told, as the status names it.
const KIND: &str = "ExternalDNS";
/// What its annotations begin with.
const PREFIXES: [&str; 2] = ["external-dns.kubernetes.io/", "external-dns.alpha.kubernetes.io/"];
/// The property of an endpoint that is its weight.
const WEIGHT: &str = "aws/weight";

/// external-dns as the manager, if the spec says so.
pub(super) fn manager(migration: &TrafficMigration) -> Option<MigrationManager> {
    let records = migration.spec.backend.route53.as_ref()?;
    (records.manager == Some(RecordManager::ExternalDns)).then(|| MigrationManager {
        name: "external-dns".to_owned(),
        kind: KIND.to_owned(),
        stack: None,
    })
}

/// Whether the migration goes through external-dns.
pub(super) fn governs(migration: &TrafficMigration) -> bool {
    manager(migration).is_some()
}

/// A source of a side.
struct Source {
    whole: Arc<ForeignObject>,
    identifier: String,
    parts: Vec<Value>,
}

/// Finds the source of each side, and with it the side's set identifier.
///
/// # Errors
/// A kind that is named cannot be read.
pub(super) fn told(
    migration: &TrafficMigration,
    objects: &dyn Objects,
    from: &mut Side,
    to: &mut Side,
) -> Result<Told, Unmet> {
    let mut told = Told::default();
    let specs = [("from", &migration.spec.from, &mut *from), ("to", &migration.spec.to, &mut *to)];
    for (at, spec, side) in specs {
        let wanted = spec.dns_source.clone().unwrap_or_default();
        match source(migration, objects, at, &wanted)? {
            Ok(found) => {
                side.identifier = Some(found.identifier.clone());
                add(&mut told.objects, &found);
            }
            Err(why) => told.unreadable.push(why),
        }
    }
    Ok(told)
}

/// Two sets of one object are one point, and one write.
fn add(points: &mut Vec<PointFacts>, source: &Source) {
    let weights = source.parts.iter().filter_map(|p| {
        Some(TargetWeight { target: source.identifier.clone(), weight: p["weight"].as_str()?.parse().ok()? })
    });
    let weight = weights.into_iter().next();
    let id = source.whole.said();
    let place = points.iter().position(|p| p.id == id).unwrap_or(points.len());
    if place == points.len() {
        let object = ObjectFacts { whole: ForeignObject::clone(&source.whole), parts: Vec::new() };
        points.push(PointFacts { id, object: Some(object), ..PointFacts::default() });
    }
    points[place].weights.extend(weight);
    if let Some(object) = &mut points[place].object {
        object.parts.extend(source.parts.iter().cloned());
    }
}

/// The source that is named, or the only one with that host name and set identifier.
fn source(
    migration: &TrafficMigration,
    objects: &dyn Objects,
    at: &str,
    wanted: &DnsSource,
) -> Result<Result<Source, String>, Unmet> {
    let host = migration.spec.backend.route53.as_ref().map(|r| r.name.clone()).unwrap_or_default();
    let namespace = migration.object_namespace();
    let (mut found, mut faults) = (Vec::new(), Vec::new());
    for (kind, foreign) in [
        (DnsSourceKind::Service, &SERVICE),
        (DnsSourceKind::Ingress, &INGRESS),
        (DnsSourceKind::DnsEndpoint, &DNS_ENDPOINT),
    ] {
        if wanted.kind.is_some_and(|k| k != kind) {
            continue;
        }
        let all = match objects.foreign(foreign, namespace) {
            Ok(all) => all,
            // A kind that nobody named need not be there.
            Err(Unmet::Blocked(_)) if wanted.kind.is_none() => continue,
            Err(unmet) => return Err(unmet),
        };
        for whole in all.iter().filter(|o| wanted.name.as_ref().is_none_or(|n| *n == o.name)) {
            match read(whole, foreign, &host, at) {
                Ok(sources) => found.extend(sources),
                Err(why) => faults.push(why),
            }
        }
    }
    let is_meant = |s: &Source| wanted.set_identifier.as_ref().is_none_or(|id| *id == s.identifier);
    let candidates: Vec<String> = found.iter().map(|s| format!("{} ({})", s.whole.said(), s.identifier)).collect();
    found.retain(is_meant);
    let is_named = wanted.name.is_some() || wanted.set_identifier.is_some();
    Ok(match (found.pop(), found.is_empty(), is_named) {
        (Some(only), true, true) => Ok(only),
        _ if !faults.is_empty() => Err(faults.join("; ")),
        _ => {
            let seen = if candidates.is_empty() { "none".to_owned() } else { candidates.join(", ") };
            Err(format!(
                "it is not clear which source tells external-dns of {host} for spec.{at}: name it in spec.{at}.dnsSource by kind \
                 and name, or by its setIdentifier. With a set identifier and that name there is in namespace {namespace}: {seen}"
            ))
        }
    })
}

/// What an object says of the host name, by set identifier.
fn read(whole: &Arc<ForeignObject>, kind: &ForeignKind, host: &str, at: &str) -> Result<Vec<Source>, String> {
    if kind == &DNS_ENDPOINT {
        return endpoints(whole, host, at);
    }
    let of = |prefix: &str, name: &str| whole.annotations.get(&format!("{prefix}{name}"));
    let used: Vec<&str> = PREFIXES.into_iter().filter(|p| of(p, "set-identifier").is_some()).collect();
    let prefix = match used.as_slice() {
        [] => return Ok(Vec::new()),
        [only] => only,
        _ => {
            return Err(format!(
                "{} has a set identifier under both {} and {}, and external-dns reads one of them: keep the one that it is \
                 started with (--annotation-prefix)",
                whole.said(),
                PREFIXES[0],
                PREFIXES[1]
            ));
        }
    };
    let listed = of(prefix, "hostname").map(String::as_str).unwrap_or_default();
    let rules = whole.spec["rules"].as_array().into_iter().flatten().filter_map(|r| r["host"].as_str());
    if !listed.split(',').map(str::trim).chain(rules).any(|h| is_host(h, host)) {
        return Ok(Vec::new());
    }
    let identifier = of(prefix, "set-identifier").cloned().unwrap_or_default();
    let Some(weight) = of(prefix, "aws-weight").filter(|w| w.parse::<u8>().is_ok()) else {
        return Err(format!(
            "{} has no annotation {prefix}aws-weight with a number from 0 to 255: its record must be a weighted one",
            whole.said()
        ));
    };
    let part = json!({"side": at, "annotation": format!("{prefix}aws-weight"), "weight": weight});
    Ok(vec![Source { whole: whole.clone(), identifier, parts: vec![part] }])
}

/// The endpoints of a DNSEndpoint under a host name; those with one set identifier, an A and an AAAA record, are one source.
fn endpoints(whole: &Arc<ForeignObject>, host: &str, at: &str) -> Result<Vec<Source>, String> {
    let mut found: Vec<Source> = Vec::new();
    for (place, endpoint) in whole.spec["endpoints"].as_array().into_iter().flatten().enumerate() {
        let Some(identifier) = endpoint["setIdentifier"].as_str().filter(|id| !id.is_empty()) else { continue };
        if !endpoint["dnsName"].as_str().is_some_and(|name| is_host(name, host)) {
            continue;
        }
        let properties = endpoint["providerSpecific"].as_array().into_iter().flatten();
        let weight = properties.filter(|p| p["name"] == WEIGHT).find_map(|p| p["value"].as_str());
        let Some(weight) = weight.filter(|w| w.parse::<u8>().is_ok()) else {
            return Err(format!(
                "spec.endpoints[{place}] of {} has no {WEIGHT} in providerSpecific with a number from 0 to 255: its record must \
                 be a weighted one",
                whole.said()
            ));
        };
        let part = json!({"side": at, "endpoint": place, "weight": weight});
        match found.iter_mut().find(|s| s.identifier == identifier) {
            Some(source) => source.parts.push(part),
            None => found.push(Source { whole: whole.clone(), identifier: identifier.to_owned(), parts: vec![part] }),
        }
    }
    Ok(found)
}

fn is_host(a: &str, b: &str) -> bool {
    a.trim_end_matches('.').eq_ignore_ascii_case(b.trim_end_matches('.'))
}

/// What the sources are with these weights.
pub(super) fn wanted(pass: &Pass<'_>, old: i32, new: i32) -> Vec<WeightedPoint> {
    let of = |point: &PointFacts| {
        let parts = &point.object.as_ref()?.parts;
        let weight = |part: &Value| if part["side"] == "from" { old } else { new };
        let records = parts.iter().map(|part| {
            let mut part = part.clone();
            part["weight"] = weight(&part).to_string().into();
            part
        });
        let sides = point.weights.iter().map(|w| {
            let is_old = pass.resolved.from.identifier.as_ref() == Some(&w.target);
            weights::weight(&w.target, if is_old { old } else { new })
        });
        Some(WeightedPoint { id: point.id.clone(), weights: sides.collect(), records: records.collect() })
    };
    pass.hands().iter().filter_map(of).collect()
}

/// The merge patch that brings the parts into the object.
pub(super) fn patch(whole: &ForeignObject, parts: &[Value]) -> Body {
    let mut annotations = Body::new();
    let mut endpoints = whole.spec["endpoints"].clone();
    for part in parts {
        if let Some(key) = part["annotation"].as_str() {
            annotations.insert(key.to_owned(), part["weight"].clone());
        }
        let place = part["endpoint"].as_u64().and_then(|place| usize::try_from(place).ok());
        let properties = place.and_then(|p| endpoints.get_mut(p)).map(|e| &mut e["providerSpecific"]);
        let weight = properties.and_then(Value::as_array_mut).into_iter().flatten().find(|p| p["name"] == WEIGHT);
        if let Some(weight) = weight {
            weight["value"] = part["weight"].clone();
        }
    }
    object::merge_patch(annotations, "endpoints", endpoints)
}

/// Whether the parts are those of a source.
pub(super) fn is_source(parts: &[Value]) -> bool {
    parts.iter().any(|p| p.get("side").is_some())
}

/// Whether the write gives a source more weight. Such a one goes first: between two writes no name is without a weight, and the
/// share is between the old one and the new one.
pub(super) fn grows(found: &PointFacts, to: &WeightedPoint) -> bool {
    let sum = |weights: &[TargetWeight]| weights.iter().map(|w| w.weight).sum::<i32>();
    sum(&to.weights) > sum(&found.weights)
}

/// What must be right before the first write.
pub(super) fn refuse(pass: &Pass<'_>, found: &mut Vec<String>) {
    found.extend(pass.resolved.unreadable.iter().cloned());
    let (Some(old), Some(new)) = (&pass.resolved.from.identifier, &pass.resolved.to.identifier) else { return };
    if old == new {
        found.push(format!(
            "both sides have the set identifier {old}, and external-dns would take one's record for the other's: give each \
             its own"
        ));
    }
    for point in &pass.observed.points {
        record(pass, point, [old, new], found);
    }
}

fn record(pass: &Pass<'_>, point: &PointFacts, [old, new]: [&String; 2], found: &mut Vec<String>) {
    let name = point.said();
    let weight = |id: &String| point.weights.iter().find(|w| w.target == *id).map(|w| w.weight);
    for (id, side) in [(old, &pass.resolved.from), (new, &pass.resolved.to)] {
        if weight(id).is_none() {
            found.push(format!(
                "{name} has no set {id} of {} yet: it is external-dns that makes it; look at whether it runs and takes that \
                 source",
                side.name
            ));
        } else if let Some(owner) = elsewhere(pass, point, id) {
            found.push(owner);
        }
    }
    if let Some(third) = point.weights.iter().find(|w| w.target != *old && w.target != *new) {
        found.push(format!(
            "{name} has a third set, {}, and two sides cannot share its weights with it: take it out first",
            third.target
        ));
    }
    if weight(old) == Some(0) {
        found.push(format!("{name} gives {} no traffic: its weight is 0", pass.resolved.from.name));
    }
    if weight(new).is_some_and(|w| w > 0) {
        found.push(format!("{name} already gives traffic to {}: set that weight to 0 first", pass.resolved.to.name));
    }
    for hand in pass.hands() {
        for said in hand.weights.iter().filter(|w| weight(&w.target).is_some_and(|there| there != w.weight)) {
            found.push(format!(
                "{} says weight {} for {} and {name} has {}: external-dns has not carried it out; look at whether it runs",
                hand.id,
                said.weight,
                said.target,
                weight(&said.target).unwrap_or_default()
            ));
        }
    }
}

/// A set that external-dns in another cluster made, under the owner ID of the one here. With `--policy=sync` each of the two
/// deletes what only the other knows.
fn elsewhere(pass: &Pass<'_>, point: &PointFacts, identifier: &str) -> Option<String> {
    let owner = point.tags.get(&format!("external-dns/owner/{identifier}"))?;
    let resource = point.tags.get(&format!("external-dns/resource/{identifier}"))?;
    let hands = || pass.hands().iter().filter_map(|h| h.object.as_ref());
    let of = |whole: &ForeignObject| {
        let kind = if whole.kind == DNS_ENDPOINT.kind { "crd".to_owned() } else { whole.kind.to_ascii_lowercase() };
        format!("{kind}/{}/{}", whole.namespace, whole.name)
    };
    if hands().any(|o| of(&o.whole) == *resource) {
        return None;
    }
    Some(format!(
        "{} has a set {identifier} that says it was made from {resource} by owner {owner}, which is no source of this migration: \
         external-dns of another cluster with an equal --txt-owner-id, and with --policy=sync each deletes the records of the \
         other (external-dns#1698). Give each cluster an owner ID of its own",
        point.said()
    ))
}
