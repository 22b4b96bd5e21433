//! Resource record sets: read from a request and kept as they were given, with names, numbers and flags in one form so that
//! a deletion can be compared. Source: ResourceRecordSet and AliasTarget.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::name;
use crate::input::Input;
use crate::refusal::Refusal;

/// The types that Route 53 keeps (`Type` of ResourceRecordSet).
const KINDS: [&str; 17] = [
    "SOA", "A", "TXT", "NS", "CNAME", "MX", "NAPTR", "PTR", "SRV", "SPF", "AAAA", "CAA", "DS", "TLSA", "SSHFP", "SVCB",
    "HTTPS",
];

/// The members of which a set with an identifier has exactly one, and what AWS calls the routing they ask for.
const ROUTINGS: [(&str, &str); 7] = [
    ("Weight", "weighted"),
    ("Region", "latency"),
    ("Failover", "failover"),
    ("GeoLocation", "geolocation"),
    ("MultiValueAnswer", "multivalue answer"),
    ("GeoProximityLocation", "geoproximity"),
    ("CidrRoutingConfig", "CIDR"),
];

/// A zone's records, in the order of listings.
pub(super) type Records = BTreeMap<Key, Value>;

/// What tells record sets apart: name, type and set identifier (empty where a set is alone).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    order: Vec<u8>,
    pub(super) kind: String,
    pub(super) set: String,
}

impl Key {
    /// `name` is normal.
    pub(super) fn new(name: &str, kind: &str, set: &str) -> Self {
        Self { order: name::order(name), kind: kind.to_owned(), set: set.to_owned() }
    }

    /// The key of a kept record.
    pub(super) fn of(record: &Value) -> Option<Self> {
        let set = record["SetIdentifier"].as_str().unwrap_or_default();
        Some(Self::new(record["Name"].as_str()?, record["Type"].as_str()?, set))
    }

    pub(super) fn has_name_of(&self, other: &Self) -> bool {
        self.order == other.order
    }

    /// The first of all keys with this one's name and type, or with its name.
    pub(super) fn first(&self, of_type: bool) -> Self {
        let kind = if of_type { self.kind.clone() } else { String::new() };
        Self { order: self.order.clone(), kind, set: String::new() }
    }
}

/// True for the NS and SOA records that a zone cannot be without.
pub(super) fn is_apex_default(key: &Key, zone: &str) -> bool {
    key.order == name::order(zone) && matches!(key.kind.as_str(), "NS" | "SOA")
}

/// What AWS calls a record's routing; none for a simple one.
pub(super) fn routing(record: &Value) -> Option<&'static str> {
    ROUTINGS.iter().find(|(member, _)| record.get(member).is_some()).map(|(_, routing)| *routing)
}

/// The records of `records` with the name and type of `key`, whatever their identifiers.
pub(super) fn siblings<'r>(records: &'r Records, key: &Key) -> impl Iterator<Item = (&'r Key, &'r Value)> + use<'r> {
    let first = key.first(true);
    records.range(first.clone()..).take_while(move |(key, _)| key.order == first.order && key.kind == first.kind)
}

/// A change of a batch, understood on its own.
pub(super) struct Wanted {
    pub(super) action: String,
    pub(super) key: Key,
    pub(super) record: Value,
}

impl Wanted {
    /// Reads `Change`. Errors: `InvalidInput`, which refuses the whole request before anything is looked at.
    pub(super) fn read(change: Input<'_>) -> Result<Self, Refusal> {
        let action = change.required("Action")?.to_owned();
        if !["CREATE", "DELETE", "UPSERT"].contains(&action.as_str()) {
            return Err(not_one_of(change, &action, "action", &["CREATE", "DELETE", "UPSERT"]));
        }
        let set = change.object("ResourceRecordSet")?.ok_or_else(|| change.missing("ResourceRecordSet"))?;
        let record = Value::Object(normal(set, &action)?);
        let key = Key::of(&record).ok_or_else(|| set.missing("Name"))?;
        Ok(Self { action, key, record })
    }

    pub(super) fn name(&self) -> &str {
        self.record["Name"].as_str().unwrap_or_default()
    }

    pub(super) fn values(&self) -> Vec<&str> {
        values(&self.record)
    }
}

pub(super) fn values(record: &Value) -> Vec<&str> {
    let records = record["ResourceRecords"].as_array().into_iter().flatten();
    records.filter_map(|value| value["Value"].as_str()).collect()
}

/// Whether a deletion names the record as it is; the order of values does not count.
pub(super) fn is_same(one: &Value, other: &Value) -> bool {
    let sorted = |record: &Value| {
        let mut values: Vec<String> = values(record).into_iter().map(ToOwned::to_owned).collect();
        values.sort();
        values
    };
    let rest = |record: &Value| {
        let mut rest = record.as_object().cloned().unwrap_or_default();
        rest.remove("ResourceRecords");
        rest
    };
    sorted(one) == sorted(other) && rest(one) == rest(other)
}

fn not_one_of(input: Input<'_>, value: &str, member: &str, values: &[&str]) -> Refusal {
    input.refuse(format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: Member must satisfy enum \
         value set: [{}]",
        values.join(", ")
    ))
}

/// The record in the form it is kept in: all members that were given.
fn normal(set: Input<'_>, action: &str) -> Result<Map<String, Value>, Refusal> {
    let (given, kind) = (set.required("Name")?, set.required("Type")?);
    if !KINDS.contains(&kind) {
        return Err(not_one_of(set, kind, "type", &KINDS));
    }
    let domain = |given: &str| {
        let message = || format!("Invalid request: '{given}' is not a valid domain name");
        name::normal(given).ok_or_else(|| set.refuse(message()))
    };
    let mut record = set.members();
    record.retain(|_, value| !value.is_null());
    record.insert("Name".to_owned(), json!(domain(given)?));
    for (member, most) in [("TTL", i64::from(i32::MAX)), ("Weight", 255)] {
        if let Some(number) = set.number_within(member, 0, most)? {
            record.insert(member.to_owned(), json!(number));
        }
    }
    if let Some(multi) = set.flag("MultiValueAnswer")? {
        record.insert("MultiValueAnswer".to_owned(), json!(multi));
    }
    if let Some(failover) = set.text("Failover")?
        && !["PRIMARY", "SECONDARY"].contains(&failover)
    {
        return Err(not_one_of(set, failover, "failover", &["PRIMARY", "SECONDARY"]));
    }
    if let Some(alias) = set.object("AliasTarget")? {
        let target = json!({
            "HostedZoneId": super::bare(alias.required("HostedZoneId")?),
            "DNSName": domain(alias.required("DNSName")?)?,
            "EvaluateTargetHealth":
                alias.flag("EvaluateTargetHealth")?.ok_or_else(|| alias.missing("EvaluateTargetHealth"))?,
        });
        record.insert("AliasTarget".to_owned(), target);
    }
    for value in set.objects("ResourceRecords")? {
        value.required("Value")?;
    }
    check_form(set, &record, action)?;
    Ok(record)
}

/// What every set must be: an alias or values with a TTL, and alone or with an identifier and one routing.
fn check_form(set: Input<'_>, record: &Map<String, Value>, action: &str) -> Result<(), Refusal> {
    let identifier = set.text("SetIdentifier")?;
    let text = |member: &str| record.get(member).and_then(Value::as_str).unwrap_or_default();
    let place = format!(
        "in Change with [Action={action}, Name={}, Type={}, SetIdentifier={}]",
        text("Name"),
        text("Type"),
        identifier.unwrap_or("null")
    );
    let refuse = |what: &str| Err(set.refuse(format!("Invalid request: {what} {place}")));
    let (alias, ttl) = (record.contains_key("AliasTarget"), record.contains_key("TTL"));
    let has_values = !set.list("ResourceRecords")?.is_empty();
    let exactly =
        "Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId], but";
    match (alias, ttl, has_values) {
        (true, false, false) | (false, true, true) => {}
        (true, ..) => return refuse(&format!("{exactly} found more than one")),
        (false, true, false) => return refuse("Missing field 'ResourceRecords'"),
        (false, false, true) => return refuse("Missing field 'TTL'"),
        (false, false, false) => return refuse(&format!("{exactly} found none")),
    }
    let routings = ROUTINGS.iter().filter(|(member, _)| record.contains_key(*member)).count();
    let one_of = "Expected exactly one of [Weight, Region, Failover, GeoLocation, MultiValueAnswer, GeoProximityLocation, or \
                  CidrRoutingConfig], but found";
    match (identifier, routings) {
        (None, 0) | (Some(_), 1) => {}
        (None, _) => return refuse("Missing field 'SetIdentifier'"),
        (Some(_), 0) => return refuse(&format!("{one_of} none")),
        (Some(_), _) => return refuse(&format!("{one_of} more than one")),
    }
    if identifier.is_some_and(|set| !(1..=128).contains(&set.len())) {
        return refuse("The SetIdentifier must have 1 to 128 characters");
    }
    Ok(())
}
