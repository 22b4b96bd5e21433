//! Tags of scalable targets (TagResource, UntagResource, ListTagsForResource).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::target::Target;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

/// At most 50, keys of 1 to 128 and values of up to 256 characters, no `aws:` keys.
pub(super) fn check(input: Input<'_>, tags: &BTreeMap<String, String>) -> Result<(), Refusal> {
    if tags.len() > 50 {
        return Err(Refusal::new("TooManyTagsException", "A resource has at most 50 tags."));
    }
    let wrong = |(key, value): (&String, &String)| {
        key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 || key.starts_with("aws:")
    };
    if tags.iter().any(wrong) {
        return Err(input.refuse("Keys of tags have 1 to 128 characters and do not start with aws:, values up to 256."));
    }
    Ok(())
}

fn target<'a>(world: &'a mut World, cx: &Cx, input: Input<'_>) -> Result<&'a mut Target, Refusal> {
    let arn = input.required("ResourceARN")?;
    let unknown = || {
        let message = format!("The specified resource doesn't exist: {arn}");
        Refusal::new("ResourceNotFoundException", message).with("ResourceName", arn)
    };
    world.services.scaling.here(cx).targets.values_mut().find(|target| target.arn == arn).ok_or_else(unknown)
}

pub(super) fn tag(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let target = target(world, cx, input)?;
    let mut tags = target.tags.clone();
    tags.extend(input.map("Tags")?);
    check(input, &tags)?;
    target.tags = tags;
    Ok(Value::Null)
}

pub(super) fn untag(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let keys = input.texts("TagKeys")?;
    target(world, cx, input)?.tags.retain(|key, _| !keys.contains(&key.as_str()));
    Ok(Value::Null)
}

pub(super) fn list(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    Ok(json!({ "Tags": target(world, cx, input)?.tags }))
}
