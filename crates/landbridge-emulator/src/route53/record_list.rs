//! ListResourceRecordSets: by name from the last label to the first, then by type, then by set identifier.

use serde_json::{Value, json};

use super::record::Key;
use super::{most_items, name, zone};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

pub(super) fn list(world: &World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let zone = zone::known(world, cx, input.required("HostedZoneId")?)?;
    let most = most_items(input, 300)?;
    let start = start(input)?;
    let records = zone.records(world);
    let mut rest = records.iter().filter(|(key, _)| start.as_ref().is_none_or(|start| *key >= start));
    let page: Value = rest.by_ref().take(most).map(|(_, record)| record.clone()).collect();
    let next = rest.next();
    let mut answer = json!({"ResourceRecordSets": page, "IsTruncated": next.is_some(), "MaxItems": most});
    if let Some((key, next)) = next {
        answer["NextRecordName"] = next["Name"].clone();
        answer["NextRecordType"] = next["Type"].clone();
        if !key.set.is_empty() {
            answer["NextRecordIdentifier"] = json!(key.set);
        }
    }
    Ok(answer)
}

/// Where the page begins: a type needs a name, and an identifier both.
fn start(input: Input<'_>) -> Result<Option<Key>, Refusal> {
    let kind = input.text("StartRecordType")?;
    let set = input.text("StartRecordIdentifier")?;
    let Some(given) = input.text("StartRecordName")? else {
        if kind.is_some() || set.is_some() {
            return Err(input.refuse("The record name must be specified when a record type or identifier is"));
        }
        return Ok(None);
    };
    if set.is_some() && kind.is_none() {
        return Err(input.refuse("The record type must be specified when a record identifier is"));
    }
    let start = name::normal(given).ok_or_else(|| input.refuse(format!("'{given}' is not a valid domain name")))?;
    Ok(Some(Key::new(&start, kind.unwrap_or_default(), set.unwrap_or_default())))
}
