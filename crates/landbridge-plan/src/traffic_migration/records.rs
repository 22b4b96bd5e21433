//! Weighted records of a name. A batch deletes exactly the sets that were seen and creates those that are wanted, so Route 53
//! itself compares before it sets.

use landbridge_api::v1alpha1::{MigrationRecordType, RecordBackend, RecordTarget, TargetWeight, TrafficMigration};
use serde_json::{Value, json};

use super::pass::Pass;
use super::{ALIAS_TTL, PointFacts, RecordFacts, Side, TrafficMigrationResolved, external_dns, preflight, registry};

/// Longest time to live with which a migration begins, in seconds: weights reach nobody sooner than that.
pub(super) const LONGEST_TTL: i64 = 300;

/// The name whose records have the weights, if the migration goes by one.
pub fn front(object: &TrafficMigration) -> Option<RecordBackend> {
    let backend = &object.spec.backend;
    let by_cloud_map = || {
        let cloud_map = backend.cloud_map.as_ref()?;
        let front = cloud_map.front_name.clone()?;
        Some(RecordBackend {
            account_ref: None,
            hosted_zone_id: front.hosted_zone_id,
            name: front.name,
            record_types: vec![MigrationRecordType::Cname],
            propagation: cloud_map.propagation.clone(),
            manager: None,
        })
    };
    backend.route53.clone().or_else(by_cloud_map)
}

/// The sets of a name when the sides have these weights; a single one is a simple record. None while it is not known where a
/// side's name leads.
pub(super) fn wanted(pass: &Pass<'_>, record: &RecordFacts, weights: &[TargetWeight]) -> Option<Vec<Value>> {
    let of = |w: &TargetWeight| {
        let mut set = content(pass, record, &w.target)?;
        if weights.len() > 1 {
            set["SetIdentifier"] = w.target.as_str().into();
            set["Weight"] = w.weight.into();
        }
        Some(set)
    };
    let mut sets: Vec<Value> = weights.iter().map(of).collect::<Option<_>>()?;
    sets.sort_by_key(Value::to_string);
    Some(sets)
}

/// Where the name leads for a side: what the spec says, or for the old side what it was.
fn content(pass: &Pass<'_>, record: &RecordFacts, member: &str) -> Option<Value> {
    let is_old = pass.old_member().as_deref() == Some(member);
    let side = if is_old { &pass.object.spec.from } else { &pass.object.spec.to };
    if let Some(target) = &side.record {
        return Some(set(
            record,
            target,
            before(pass, record).map_or(ALIAS_TTL, |b| b["TTL"].as_i64().unwrap_or(ALIAS_TTL)),
        ));
    }
    if is_old {
        return before(pass, record);
    }
    let ttl = before(pass, record).map_or(ALIAS_TTL, |b| b["TTL"].as_i64().unwrap_or(ALIAS_TTL));
    Some(set(record, &in_cloud_map(&pass.resolved.to)?, ttl))
}

/// The name by which callers find a side in Cloud Map.
fn in_cloud_map(side: &Side) -> Option<RecordTarget> {
    let place = side.cloud_map.as_ref()?;
    Some(RecordTarget { alias_target: None, values: Some(vec![place.dns_name()]) })
}

/// The simple record with which the migration began.
fn before(pass: &Pass<'_>, record: &RecordFacts) -> Option<Value> {
    let undo = pass.object.status.iter().flat_map(|s| &s.undo);
    let is_this = |set: &&Value| set["Name"] == record.name.as_str() && set["Type"] == record.type_.as_str();
    let stored = undo.flat_map(|p| &p.records).find(is_this).cloned();
    stored.or_else(|| record.is_simple().then(|| record.sets[0].clone()))
}

fn set(record: &RecordFacts, target: &RecordTarget, ttl: i64) -> Value {
    let mut set = json!({ "Name": record.name, "Type": record.type_ });
    if let Some(alias) = &target.alias_target {
        set["AliasTarget"] = json!({
            "HostedZoneId": alias.hosted_zone_id,
            "DNSName": format!("{}.", alias.dns_name.trim_end_matches('.').to_ascii_lowercase()),
            "EvaluateTargetHealth": alias.evaluate_target_health.unwrap_or(true),
        });
    } else {
        let values = target.values.iter().flatten();
        set["TTL"] = ttl.into();
        set["ResourceRecords"] = values.map(|v| json!({ "Value": v })).collect();
    }
    set
}

/// The set identifier of the side that a simple record leads to: the new one's when it is what the spec says of it.
pub fn member_of_simple(
    object: &TrafficMigration,
    resolved: &TrafficMigrationResolved,
    record: &RecordFacts,
) -> String {
    let found = record.sets.first();
    let is_new = match (&object.spec.to.record, &resolved.to.cloud_map) {
        (Some(target), _) => found == Some(&set(record, target, record.ttl())),
        (None, Some(place)) => found.and_then(registry::leads_to) == Some(place.dns_name()),
        (None, None) => false,
    };
    if is_new { resolved.to.set_identifier() } else { resolved.from.set_identifier() }
}

/// Whether two lists of sets are the same: order does not count.
pub(super) fn same(a: &[Value], b: &[Value]) -> bool {
    let sorted = |list: &[Value]| {
        let mut texts: Vec<String> = list.iter().map(Value::to_string).collect();
        texts.sort();
        texts
    };
    sorted(a) == sorted(b)
}

/// What must be right with a record before the first write.
pub(super) fn refuse(pass: &Pass<'_>, point: &PointFacts, record: &RecordFacts, found: &mut Vec<String>) {
    let name = point.said();
    if let Some(owner) = preflight::controller(point) {
        found.push(format!(
            "{name} belongs to {owner}, which would put it back: make it a weighted one there (annotations set-identifier and \
             aws-weight on a source for each side) and set manager: ExternalDNS, or let it go"
        ));
    }
    if record.governed && record.is_simple() {
        found.push(format!(
            "{name} is a simple record: give external-dns a source for each side, with set-identifier and aws-weight"
        ));
    }
    if !record.governed && !record.is_simple() {
        found.push(format!(
            "{name} has a routing policy already: a migration begins with one simple record and makes it weighted itself"
        ));
    }
    if record.ttl() > LONGEST_TTL {
        found.push(format!(
            "{name} has a time to live of {} s, and for so long after each step resolvers would keep to the old one: lower it \
             to {ALIAS_TTL}, and wait {} s before you begin",
            record.ttl(),
            record.ttl()
        ));
    }
    if let (Some(target), true) = (&pass.object.spec.to.record, record.type_ == "CNAME")
        && target.alias_target.is_some()
    {
        found.push(format!("{name}: an alias cannot be a CNAME; give spec.to.record.values, or move the type A"));
    }
}

/// What must be right with the sides.
pub(super) fn refuse_sides(pass: &Pass<'_>, found: &mut Vec<String>) {
    if pass.object.spec.to.record.is_none() && !external_dns::governs(pass.object) {
        found.push("spec.to.record must say where the name leads when `to` has the traffic".to_owned());
    }
    let backend = pass.object.spec.backend.route53.clone().unwrap_or_default();
    if pass.observed.points.is_empty() && pass.observed.missing.is_empty() {
        found.push(format!(
            "there is no record {} in hosted zone {} of account {}: correct the name or the zone, or say in \
             backend.route53.accountRef which AWSAccount holds it",
            backend.name, backend.hosted_zone_id, pass.resolved.account.account_id
        ));
    }
    let sides = [("from", &pass.resolved.from, &pass.observed.from), ("to", &pass.resolved.to, &pass.observed.to)];
    for (at, side, facts) in sides {
        match &facts.group {
            None => found.push(format!(
                "the health of {} cannot be watched: name the target group behind its load balancer in \
                 spec.{at}.targetGroupArn",
                side.name
            )),
            Some(group) if group.load_balancers.is_empty() => found.push(format!(
                "target group {} of {} belongs to no load balancer, so nothing checks its targets",
                group.name, side.name
            )),
            Some(_) => {}
        }
    }
}
