//! Reads of Route 53: the record sets of a name, whether a change is everywhere, and who says that a name is theirs.

use std::time::Duration;

use aws_sdk_route53::types::{AliasTarget, ChangeStatus, ResourceRecord, ResourceRecordSet, RrType};
use landbridge_api::v1alpha1::TargetWeight;
use landbridge_plan::traffic_migration::{Reach, RecordFacts};
use landbridge_plan::verdict::ErrorClass;
use serde_json::{Value, json};

use crate::budget::Priority;
use crate::client::Aws;
use crate::error::AwsError;
use crate::operations as op;

/// Sets of one page (Route 53 API reference, `ListResourceRecordSets`: at most 300).
const PAGE: i32 = 100;

/// A change of records as the process remembers it.
#[derive(Clone, Debug)]
pub(crate) enum RecordChange {
    /// Made, with the ID that Route 53 gave it.
    Made(String),
    /// Seen on all servers.
    Everywhere,
}

impl Aws {
    /// The record sets of a name and type; none when there is none.
    pub(crate) async fn record(
        &self,
        zone: &str,
        name: &str,
        type_: &str,
        priority: Priority,
    ) -> Result<Option<RecordFacts>, AwsError> {
        let found = self.record_sets(zone, name, type_, priority).await?;
        let Some(first) = found.first() else { return Ok(None) };
        let name = first.name().to_owned();
        let mut sets: Vec<Value> = found.iter().map(to_json).collect();
        sets.sort_by_key(Value::to_string);
        let reach = self.reach(&key(zone, &name, type_), priority).await?;
        Ok(Some(RecordFacts { zone: zone.to_owned(), name, type_: type_.to_owned(), sets, reach, governed: false }))
    }

    /// Lists begin at a name, in the order of names, and a weighted name has at most a hundred sets.
    async fn record_sets(
        &self,
        zone: &str,
        name: &str,
        type_: &str,
        priority: Priority,
    ) -> Result<Vec<ResourceRecordSet>, AwsError> {
        let call = || {
            let call = self.dns().list_resource_record_sets().hosted_zone_id(zone).start_record_name(name);
            call.start_record_type(RrType::from(type_)).max_items(PAGE).send()
        };
        let answer = match self.call(op::LIST_RECORDS, priority, call).await {
            Err(error) if error.class == ErrorClass::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let same_name = |set: &&ResourceRecordSet| is_name(set.name(), name) && set.r#type().as_str() == type_;
        Ok(answer.resource_record_sets().iter().filter(same_name).cloned().collect())
    }

    /// How far the last change that this process made of the sets has come.
    async fn reach(&self, key: &str, priority: Priority) -> Result<Reach, AwsError> {
        let Some(change) = self.memory().record_changes.get(key, Duration::MAX) else { return Ok(Reach::Unknown) };
        let RecordChange::Made(id) = change else { return Ok(Reach::Everywhere) };
        let call = || self.dns().get_change().id(&id).send();
        let answer = match self.call(op::GET_CHANGE, priority, call).await {
            Err(error) if error.class == ErrorClass::NotFound => return Ok(Reach::Unknown),
            other => other?,
        };
        if answer.change_info().is_none_or(|change| *change.status() == ChangeStatus::Pending) {
            return Ok(Reach::Pending);
        }
        self.memory().record_changes.put(key.to_owned(), RecordChange::Everywhere);
        Ok(Reach::Everywhere)
    }

    /// What external-dns noted beside the sets of a name: in TXT records of the same name, or of one with the type before it,
    /// which for an alias may be `cname` (external-dns, «TXT registry»).
    pub(crate) async fn external_dns_notes(
        &self,
        zone: &str,
        record: &RecordFacts,
        priority: Priority,
    ) -> Result<Vec<Note>, AwsError> {
        let mut found: Vec<Note> = Vec::new();
        for name in companions(record) {
            for set in self.record_sets(zone, &name, "TXT", priority).await? {
                let notes = set.resource_records().iter().filter_map(|r| note(r.value(), set.set_identifier()));
                // A newer one is found first; an older program may have left its own behind.
                found.extend(notes.filter(|n| !found.iter().any(|f| f.set == n.set)).collect::<Vec<_>>());
            }
        }
        Ok(found)
    }
}

/// Names of the TXT records in which external-dns may have noted whose a record is.
fn companions(record: &RecordFacts) -> Vec<String> {
    let prefixed = |type_: &str| format!("{}-{}", type_.to_ascii_lowercase(), record.name);
    let mut names = vec![record.name.clone(), prefixed(&record.type_)];
    if record.sets.iter().any(|set| set["AliasTarget"].is_object()) && record.type_ != "CNAME" {
        names.push(prefixed("CNAME"));
    }
    names
}

/// What a TXT companion says of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    /// Set identifier; none for a simple record.
    pub(crate) set: Option<String>,
    /// Owner ID.
    pub(crate) owner: String,
    /// What the set was made from: `ingress/shop/orders`.
    pub(crate) resource: Option<String>,
}

/// `"heritage=external-dns,external-dns/owner=blue,external-dns/resource=ingress/shop/orders"`.
fn note(text: &str, set: Option<&str>) -> Option<Note> {
    let text = text.trim_matches('"');
    let is_external = text.split(',').any(|part| part == "heritage=external-dns");
    let of = |name: &str| text.split(',').find_map(|part| part.strip_prefix(name)).map(str::to_owned);
    is_external.then(|| Note {
        set: set.map(str::to_owned),
        owner: of("external-dns/owner=").unwrap_or_default(),
        resource: of("external-dns/resource="),
    })
}

/// What remembers the last change of the sets of a name.
pub(crate) fn key(zone: &str, name: &str, type_: &str) -> String {
    format!("{zone} {name} {type_}")
}

fn is_name(a: &str, b: &str) -> bool {
    a.trim_end_matches('.').eq_ignore_ascii_case(b.trim_end_matches('.'))
}

/// Weights by set identifier.
pub(crate) fn weights_of(record: &RecordFacts) -> Vec<TargetWeight> {
    let of = |set: &Value| {
        let target = set["SetIdentifier"].as_str()?.to_owned();
        Some(TargetWeight { target, weight: i32::try_from(set["Weight"].as_i64()?).ok()? })
    };
    record.sets.iter().filter_map(of).collect()
}

/// The members that a migration knows. One that it does not know makes the set none of its own.
fn to_json(set: &ResourceRecordSet) -> Value {
    let mut json = json!({ "Name": set.name(), "Type": set.r#type().as_str() });
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            json[name] = value;
        }
    };
    put("SetIdentifier", set.set_identifier().map(Value::from));
    put("Weight", set.weight().map(Value::from));
    put("TTL", set.ttl().map(Value::from));
    put("HealthCheckId", set.health_check_id().map(Value::from));
    put("Region", set.region().map(|r| r.as_str().into()));
    put("Failover", set.failover().map(|f| f.as_str().into()));
    put("MultiValueAnswer", set.multi_value_answer().map(Value::from));
    put("GeoLocation", set.geo_location().map(|g| format!("{g:?}").into()));
    let records = set.resource_records();
    put(
        "ResourceRecords",
        (!records.is_empty()).then(|| records.iter().map(|r| json!({ "Value": r.value() })).collect()),
    );
    put(
        "AliasTarget",
        set.alias_target().map(|a| {
            json!({
                "HostedZoneId": a.hosted_zone_id(),
                "DNSName": a.dns_name(),
                "EvaluateTargetHealth": a.evaluate_target_health(),
            })
        }),
    );
    json
}

/// A set from its members.
///
/// # Errors
/// A member is missing or of the wrong type.
pub(crate) fn from_json(json: &Value) -> Result<ResourceRecordSet, String> {
    let text = |name: &str| json[name].as_str().map(str::to_owned);
    let values = json["ResourceRecords"].as_array().map(|list| {
        let of = |r: &Value| ResourceRecord::builder().value(r["Value"].as_str().unwrap_or_default()).build();
        list.iter().map(of).collect::<Result<Vec<_>, _>>()
    });
    let alias = json["AliasTarget"].as_object().map(|alias| {
        let text = |name: &str| alias.get(name).and_then(Value::as_str).unwrap_or_default();
        let health = alias.get("EvaluateTargetHealth").and_then(Value::as_bool).unwrap_or_default();
        let target = AliasTarget::builder().hosted_zone_id(text("HostedZoneId")).dns_name(text("DNSName"));
        target.evaluate_target_health(health).build()
    });
    let unfit = |e: &dyn std::fmt::Display| e.to_string();
    ResourceRecordSet::builder()
        .set_name(text("Name"))
        .set_type(text("Type").as_deref().map(RrType::from))
        .set_set_identifier(text("SetIdentifier"))
        .set_weight(json["Weight"].as_i64())
        .set_ttl(json["TTL"].as_i64())
        .set_health_check_id(text("HealthCheckId"))
        .set_resource_records(values.transpose().map_err(|e| unfit(&e))?)
        .set_alias_target(alias.transpose().map_err(|e| unfit(&e))?)
        .build()
        .map_err(|e| unfit(&e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_of_an_alias_is_also_looked_for_where_older_versions_of_external_dns_noted_it() {
        let of = |set: Value| {
            let (name, type_) = ("orders.example.com.".to_owned(), "A".to_owned());
            companions(&RecordFacts { name, type_, sets: vec![set], ..RecordFacts::default() })
        };
        assert_eq!(of(json!({"TTL": 60})), ["orders.example.com.", "a-orders.example.com."]);
        let alias = of(json!({"AliasTarget": {"DNSName": "front.example.com."}}));
        assert_eq!(alias[2..], ["cname-orders.example.com."]);
    }

    #[test]
    fn a_set_reads_back_as_it_was_written() {
        let alias = json!({
            "Name": "orders.example.com.", "Type": "A", "SetIdentifier": "ecs/shop/orders", "Weight": 99,
            "AliasTarget": {"HostedZoneId": "Z1", "DNSName": "front.elb.amazonaws.com.", "EvaluateTargetHealth": true},
        });
        let values = json!({
            "Name": "orders.example.com.", "Type": "CNAME", "TTL": 60,
            "ResourceRecords": [{"Value": "front.example.com."}],
        });
        for set in [alias, values] {
            assert_eq!(to_json(&from_json(&set).unwrap()), set);
        }
    }

    #[test]
    fn the_owner_that_external_dns_noted_is_read() {
        let text = "\"heritage=external-dns,external-dns/owner=blue,external-dns/resource=ingress/shop/orders\"";
        let wanted =
            Note { set: Some("pods".into()), owner: "blue".into(), resource: Some("ingress/shop/orders".into()) };
        assert_eq!(note(text, Some("pods")), Some(wanted));
        assert_eq!(note("\"v=spf1 -all\"", None), None);
    }
}
