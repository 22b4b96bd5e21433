//! Tags of schedule groups, the only ones there are. Source: TagResource, UntagResource and ListTagsForResource.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::group::{self, Group};
use super::not_found;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

pub(super) type Tags = BTreeMap<String, String>;

/// Tags of a group.
const MOST: usize = 50;

pub(super) fn read(input: Input<'_>) -> Result<Tags, Refusal> {
    let tags: Tags = input.tags("Tags")?.into_iter().collect();
    check(input, &tags)?;
    Ok(tags)
}

fn check(input: Input<'_>, tags: &Tags) -> Result<(), Refusal> {
    let fits =
        |(key, value): (&String, &String)| (1..=128).contains(&key.chars().count()) && value.chars().count() <= 256;
    if tags.len() > MOST || !tags.iter().all(fits) {
        let message = format!("A group has at most {MOST} tags; keys have 1 to 128 characters and values up to 256");
        return Err(input.refuse(message));
    }
    Ok(())
}

fn resource<'w>(world: &'w mut World, cx: &Cx, input: Input<'_>) -> Result<&'w mut Group, Refusal> {
    let arn = input.required("ResourceArn")?;
    let Some(name) = arn.strip_prefix(&group::arn(cx, "")) else {
        return Err(not_found("Resource", arn));
    };
    world.services.scheduler.at(cx).groups.get_mut(name).ok_or_else(|| not_found("Schedule group", name))
}

pub(super) fn tag(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let new = input.tags("Tags")?;
    let group = resource(world, cx, input)?;
    let mut tags = group.tags.clone();
    tags.extend(new);
    check(input, &tags)?;
    group.tags = tags;
    Ok(json!({}))
}

pub(super) fn untag(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let keys = input.texts("TagKeys")?;
    resource(world, cx, input)?.tags.retain(|key, _| !keys.contains(&key.as_str()));
    Ok(json!({}))
}

pub(super) fn list(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let tags = &resource(world, cx, input)?.tags;
    Ok(json!({ "Tags": tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect::<Value>() }))
}
