//! Batches of changes: all of one or nothing, shown at once and in force later. Source: ChangeResourceRecordSets, GetChange
//! and ChangeInfo; the messages are those that Route 53 answers.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::record::{self, Key, Records, Wanted, siblings};
use super::{Event, bare, name, value, zone};
use crate::clock::later;
use crate::identifier;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, Event as WorldEvent, World};

/// `ResourceRecord` elements of a batch, and characters in their values; those of an UPSERT count twice.
const RECORDS: usize = 1000;
const CHARACTERS: usize = 32_000;
/// Record sets of a zone while quotas are enforced, and of one name and type ("Quotas on records").
const PER_ZONE: usize = 10_000;
const PER_NAME: usize = 100;

/// What a change leaves of the record sets it touched.
pub(super) type Effects = Vec<(Key, Option<Value>)>;

#[derive(Debug, Clone)]
pub(super) struct Change {
    account: String,
    zone: String,
    submitted: Timestamp,
    comment: Option<String>,
    in_sync: bool,
    /// What is still to come into force.
    effects: Effects,
}

impl Change {
    pub(super) fn show(&self, id: &str) -> Value {
        let mut shown = json!({
            "Id": format!("/change/{id}"),
            "Status": if self.in_sync { "INSYNC" } else { "PENDING" },
            "SubmittedAt": Timestamp::from_millisecond(self.submitted.as_millisecond()).unwrap_or(self.submitted).to_string(),
        });
        if let Some(comment) = &self.comment {
            shown["Comment"] = json!(comment);
        }
        shown
    }
}

/// Submits what has been done to a zone, and answers its `ChangeInfo`.
pub(super) fn submit(world: &mut World, account: &str, zone: &str, effects: Effects, comment: Option<&str>) -> Value {
    let id = format!("C{}", identifier::upper(&mut world.rng, 20));
    let change = Change {
        account: account.to_owned(),
        zone: zone.to_owned(),
        submitted: world.now,
        comment: comment.map(ToOwned::to_owned),
        in_sync: false,
        effects,
    };
    let shown = change.show(&id);
    world.services.route53.changes.insert(id.clone(), change);
    let delay = world.timings.dns_propagation;
    world.after(delay, WorldEvent::Route53(Event::InSync(id)));
    shown
}

/// Every name server answers by the change now.
pub(super) fn in_sync(world: &mut World, id: &str) {
    let route53 = &mut world.services.route53;
    let Some(change) = route53.changes.get_mut(id) else { return };
    change.in_sync = true;
    let effects = std::mem::take(&mut change.effects);
    let Some(zone) = route53.zones.get_mut(&change.zone) else { return };
    apply(&mut zone.in_force, effects);
}

fn apply(records: &mut Records, effects: Effects) {
    for (key, record) in effects {
        match record {
            Some(record) => records.insert(key, record),
            None => records.remove(&key),
        };
    }
}

pub(super) fn get(world: &World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let id = bare(input.required("Id")?);
    let change = world.services.route53.changes.get(id).filter(|change| change.account == cx.account);
    let change = change.ok_or_else(|| {
        Refusal::new("NoSuchChange", format!("A change with the specified change ID {id} does not exist.")).status(404)
    })?;
    Ok(json!({ "ChangeInfo": change.show(id) }))
}

pub(super) fn change(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let id = input.required("HostedZoneId")?;
    let batch = input.object("ChangeBatch")?.ok_or_else(|| input.missing("ChangeBatch"))?;
    let comment = batch.text("Comment")?;
    let wanted: Vec<Wanted> = batch.objects("Changes")?.into_iter().map(Wanted::read).collect::<Result<_, _>>()?;
    if wanted.is_empty() {
        return Err(batch.missing("Changes"));
    }
    let zone = zone::known(world, cx, id)?;
    zone.check_unlinked()?;
    if zone.busy_until.is_some_and(|until| until > cx.now) {
        let message = "The request was rejected because Route 53 was still processing a prior request.";
        return Err(Refusal::new("PriorRequestNotComplete", message));
    }
    check_health_checks(world, &wanted)?;
    let (effects, mut faults) = work_out(zone, &wanted);
    let after = |key: &Key| effects.get(key).map_or_else(|| zone.records.get(key), Option::as_ref);
    faults.extend(alias_faults(world, zone, &wanted, &after));
    let count = zone.records.len() + effects.iter().filter(|(key, _)| !zone.records.contains_key(key)).count();
    if world.quotas.enforced() && count > PER_ZONE {
        faults.push(format!("Number of resource record sets limit of {PER_ZONE} in hosted zone {} exceeded.", zone.id));
    }
    if !faults.is_empty() {
        return Err(Refusal::new("InvalidChangeBatch", format!("[{}]", faults.join(", "))));
    }
    let id = zone.id.clone();
    let busy = later(cx.now, world.timings.dns_change);
    let effects: Effects = effects.into_iter().collect();
    if let Some(zone) = world.services.route53.zones.get_mut(&id) {
        apply(&mut zone.records, effects.clone());
        zone.busy_until = Some(busy);
    }
    Ok(json!({ "ChangeInfo": submit(world, &cx.account, &id, effects, comment) }))
}

fn check_health_checks(world: &World, wanted: &[Wanted]) -> Result<(), Refusal> {
    let named = wanted.iter().filter(|change| change.action != "DELETE");
    let mut named = named.filter_map(|change| change.record["HealthCheckId"].as_str());
    match named.find(|id| !world.services.route53.health_checks.contains_key(*id)) {
        Some(_) => Err(super::health_check::not_found()),
        None => Ok(()),
    }
}

/// What the batch leaves of each set it touches, and everything that is wrong with it.
fn work_out(zone: &zone::Zone, wanted: &[Wanted]) -> (BTreeMap<Key, Option<Value>>, Vec<String>) {
    let mut faults = limit_faults(wanted);
    faults.extend(order_faults(wanted));
    let mut effects: BTreeMap<Key, Option<Value>> = BTreeMap::new();
    for change in wanted {
        let current = effects.get(&change.key).map_or_else(|| zone.records.get(&change.key), Option::as_ref);
        match fault(zone, change, current) {
            Some(fault) => faults.push(fault),
            None if change.action == "DELETE" => {
                effects.insert(change.key.clone(), None);
            }
            None => {
                faults.extend(value::faults(&change.key.kind, &change.values()));
                effects.insert(change.key.clone(), Some(change.record.clone()));
            }
        }
    }
    let mut records = zone.records.clone();
    apply(&mut records, effects.clone().into_iter().collect());
    let kept = wanted.iter().filter(|change| change.action != "DELETE");
    faults.extend(kept.filter_map(|change| company_fault(zone, &records, change)));
    (effects, faults)
}

fn limit_faults(wanted: &[Wanted]) -> Vec<String> {
    let weight = |change: &Wanted| if change.action == "UPSERT" { 2 } else { 1 };
    let records: usize = wanted.iter().map(|change| weight(change) * change.values().len()).sum();
    let length = |change: &Wanted| change.values().iter().map(|value| value.chars().count()).sum::<usize>();
    let characters: usize = wanted.iter().map(|change| weight(change) * length(change)).sum();
    let mut faults = Vec::new();
    if records > RECORDS {
        faults.push(format!("Number of records limit of {RECORDS} exceeded."));
    }
    if characters > CHARACTERS {
        faults.push(format!("Number of characters limit of {CHARACTERS} exceeded."));
    }
    faults
}

/// One set is changed once, or deleted and then created.
fn order_faults(wanted: &[Wanted]) -> Vec<String> {
    let mut actions: BTreeMap<&Key, Vec<&str>> = BTreeMap::new();
    for change in wanted {
        actions.entry(&change.key).or_default().push(&change.action);
    }
    let mut told = BTreeSet::new();
    let wrong = |actions: &[&str]| actions.len() > 1 && actions != ["DELETE", "CREATE"];
    let again = wanted.iter().filter(|change| wrong(&actions[&change.key]) && told.insert(&change.key));
    again
        .map(|change| {
            let (kind, name) = (&change.key.kind, change.name());
            format!("The request contains an invalid set of changes for a resource record set '{kind} {name}'")
        })
        .collect()
}

/// Name, type and identifier as messages give them.
fn described(change: &Wanted) -> String {
    let set = if change.key.set.is_empty() { String::new() } else { format!(", set-identifier='{}'", change.key.set) };
    format!("[name='{}', type='{}'{set}]", change.name(), change.key.kind)
}

/// What is wrong with one change by itself.
fn fault(zone: &zone::Zone, change: &Wanted, current: Option<&Value>) -> Option<String> {
    let what = described(change);
    if !name::is_within(change.name(), &zone.name) {
        return Some(format!("RRSet with DNS name {} is not permitted in zone {}", change.name(), zone.name));
    }
    match (change.action.as_str(), current) {
        ("CREATE", Some(_)) => Some(format!("Tried to create resource record set {what} but it already exists")),
        ("DELETE", None) => Some(format!("Tried to delete resource record set {what} but it was not found")),
        ("DELETE", Some(current)) if !record::is_same(current, &change.record) => Some(format!(
            "Tried to delete resource record set {what} but the values provided do not match the current values"
        )),
        ("DELETE", _) if record::is_apex_default(&change.key, &zone.name) => Some(match change.key.kind.as_str() {
            "SOA" => "A HostedZone must contain exactly one SOA record.".to_owned(),
            _ => "A HostedZone must contain at least one NS record for the zone itself.".to_owned(),
        }),
        _ => None,
    }
}

/// What is wrong with a set beside the others that the batch leaves under its name.
fn company_fault(zone: &zone::Zone, records: &Records, change: &Wanted) -> Option<String> {
    let (name, kind, key) = (change.name(), &change.key.kind, &change.key);
    if kind == "CNAME" && name == zone.name {
        return Some(format!(
            "RRSet of type CNAME with DNS name {name} is not permitted at apex in zone {}",
            zone.name
        ));
    }
    let mut same_name = records.range(key.first(false)..).take_while(|(other, _)| other.has_name_of(key));
    if same_name.any(|(other, _)| (other.kind == "CNAME") != (kind == "CNAME")) {
        return Some(format!(
            "RRSet of type {kind} with DNS name {name} is not permitted as it conflicts with other records with the same DNS \
             name in zone {}",
            zone.name
        ));
    }
    let others: Vec<&Value> = siblings(records, key).filter(|(other, _)| *other != key).map(|(_, it)| it).collect();
    let Some(routing) = record::routing(&change.record) else {
        return (!others.is_empty()).then(|| {
            format!("RRSet with DNS name {name}, type {kind} cannot be created as other RRSets exist with the same name and type.")
        });
    };
    let place = format!("RRSet with DNS name {name}, type {kind}, SetIdentifier {}", key.set);
    if others.iter().any(|other| record::routing(other) != Some(routing)) {
        return Some(format!("{place} cannot be created as a non-{routing} set exists with the same name and type."));
    }
    let ttl = |record: &Value| record["TTL"].clone();
    let has_ttl = |record: &Value| !ttl(record).is_null();
    let unlike = |other: &&Value| has_ttl(other) && has_ttl(&change.record) && ttl(other) != ttl(&change.record);
    if routing == "weighted" && others.iter().any(unlike) {
        return Some(format!("{place} cannot be created as weighted sets must contain the same TTL."));
    }
    let failover = change.record.get("Failover").and_then(Value::as_str);
    if let Some(failover) = failover.filter(|failover| others.iter().any(|other| other["Failover"] == **failover)) {
        return Some(format!(
            "{place} cannot be created as a {failover} failover set exists with the same name and type."
        ));
    }
    (others.len() >= PER_NAME).then(|| {
        format!(
            "{place} cannot be created as there are {PER_NAME} sets with the same name and type, which is the maximum."
        )
    })
}

/// An alias within a hosted zone needs its target; of AWS's own zones nothing is known.
fn alias_faults<'z>(
    world: &'z World,
    own: &'z zone::Zone,
    wanted: &[Wanted],
    after: &impl Fn(&Key) -> Option<&'z Value>,
) -> Vec<String> {
    let fault = |change: &Wanted| {
        let alias = change.record.get("AliasTarget")?;
        let (id, target) = (alias["HostedZoneId"].as_str()?, alias["DNSName"].as_str()?);
        let zone = world.services.route53.zones.get(id)?;
        let what = format!("Tried to create an alias that targets {target}, type {} in zone {id}", change.key.kind);
        if !name::is_within(target, &zone.name) {
            return Some(format!("{what}, but the alias target name does not lie within the target zone"));
        }
        let key = Key::new(target, &change.key.kind, "");
        let created = |change: &Wanted| change.action != "DELETE" && change.key.first(true) == key;
        let there = siblings(&zone.records, &key).any(|(key, _)| zone.id != own.id || after(key).is_some());
        let there = there || (zone.id == own.id && wanted.iter().any(created));
        (!there).then(|| format!("{what}, but that target was not found"))
    };
    wanted.iter().filter(|change| change.action != "DELETE").filter_map(fault).collect()
}
