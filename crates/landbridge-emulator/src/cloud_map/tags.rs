//! Tags of namespaces and services: at most 50 (TagResource, Cloud Map API reference).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Call;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::World;

const MOST: usize = 50;

/// The tags of a creation.
pub(crate) fn checked(input: Input<'_>) -> Result<BTreeMap<String, String>, Refusal> {
    let mut tags = BTreeMap::new();
    for (key, value) in input.tags("Tags")? {
        if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
            return Err(input.refuse(format!("Tag '{key}': keys have 1 to 128 characters and values up to 256")));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(input.refuse(format!("Tag '{key}': keys that begin with aws: are reserved")));
        }
        tags.insert(key, value);
    }
    check_count(tags.len(), None)?;
    Ok(tags)
}

fn check_count(count: usize, arn: Option<&str>) -> Result<(), Refusal> {
    if count <= MOST {
        return Ok(());
    }
    let refusal = Refusal::new("TooManyTagsException", format!("A resource can have at most {MOST} tags"));
    Err(arn.into_iter().fold(refusal, |refusal, arn| refusal.with("ResourceName", arn)))
}

fn tags_of<'a>(world: &'a mut World, call: &Call<'_>) -> Result<&'a mut BTreeMap<String, String>, Refusal> {
    let arn = call.input.required("ResourceARN")?;
    let tags = world.services.cloud_map.at(&call.place).tags.get_mut(arn);
    tags.ok_or_else(|| Refusal::new("ResourceNotFoundException", format!("Resource not found: {arn}")))
}

pub(crate) fn tag(world: &mut World, call: &Call<'_>) -> Result<Value, Refusal> {
    if call.input.get("Tags").is_none() {
        return Err(call.input.missing("Tags"));
    }
    let new = checked(call.input)?;
    let tags = tags_of(world, call)?;
    let added = new.keys().filter(|key| !tags.contains_key(*key)).count();
    check_count(tags.len() + added, call.input.text("ResourceARN")?)?;
    tags.extend(new);
    Ok(json!({}))
}

pub(crate) fn untag(world: &mut World, call: &Call<'_>) -> Result<Value, Refusal> {
    let keys = call.input.texts("TagKeys")?;
    tags_of(world, call)?.retain(|key, _| !keys.contains(&key.as_str()));
    Ok(json!({}))
}

pub(crate) fn list(world: &mut World, call: &Call<'_>) -> Result<Value, Refusal> {
    let tags = tags_of(world, call)?.iter().map(|(key, value)| json!({"Key": key, "Value": value}));
    Ok(json!({"Tags": tags.collect::<Value>()}))
}
