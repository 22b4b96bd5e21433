//! Tags of hosted zones and health checks. Source: ChangeTagsForResource, ListTagsForResource and ListTagsForResources.

use serde_json::{Value, json};

use super::{bare, health_check, zone};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

/// Tags added or removed by one request, and tags of a resource.
const AT_ONCE: usize = 10;
const PER_RESOURCE: usize = 50;

type Place = (String, String);

/// The resource that is tagged, which must be there.
fn place(world: &World, cx: &Cx, kind: &str, id: &str, input: Input<'_>) -> Result<Place, Refusal> {
    let id = bare(id).to_owned();
    match kind {
        "hostedzone" => drop(zone::known(world, cx, &id)?),
        "healthcheck" => drop(health_check::known(world, cx, &id)?),
        other => return Err(input.refuse(format!("ResourceType '{other}' is not one of healthcheck, hostedzone"))),
    }
    Ok((kind.to_owned(), id))
}

fn show(world: &World, (kind, id): &Place) -> Value {
    let tags = world.services.route53.tags.get(&(kind.clone(), id.clone())).into_iter().flatten();
    let tags: Value = tags.map(|(key, value)| json!({"Key": key, "Value": value})).collect();
    json!({"ResourceType": kind, "ResourceId": id, "Tags": tags})
}

pub(super) fn change(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let place = place(world, cx, input.required("ResourceType")?, input.required("ResourceId")?, input)?;
    let (added, removed) = (input.tags("AddTags")?, input.texts("RemoveTagKeys")?);
    if added.is_empty() && removed.is_empty() {
        return Err(input.refuse("At least one of AddTags and RemoveTagKeys must be specified"));
    }
    let wrong = added.iter().find(|(key, value)| !(1..=128).contains(&key.len()) || value.len() > 256);
    if added.len() > AT_ONCE || removed.len() > AT_ONCE || wrong.is_some() {
        return Err(input.refuse(format!(
            "A request adds and removes at most {AT_ONCE} tags; keys have 1 to 128 characters and values up to 256"
        )));
    }
    let mut tags = world.services.route53.tags.get(&place).cloned().unwrap_or_default();
    tags.retain(|key, _| !removed.contains(&key.as_str()));
    tags.extend(added);
    if tags.len() > PER_RESOURCE {
        return Err(input.refuse(format!("A resource can have at most {PER_RESOURCE} tags")));
    }
    world.services.route53.tags.insert(place, tags);
    Ok(json!({}))
}

pub(super) fn list(world: &World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let place = place(world, cx, input.required("ResourceType")?, input.required("ResourceId")?, input)?;
    Ok(json!({ "ResourceTagSet": show(world, &place) }))
}

pub(super) fn list_many(world: &World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let (kind, ids) = (input.required("ResourceType")?, input.texts("ResourceIds")?);
    if !(1..=AT_ONCE).contains(&ids.len()) {
        return Err(input.refuse(format!("ResourceIds must have 1 to {AT_ONCE} items")));
    }
    let sets = ids.into_iter().map(|id| Ok(show(world, &place(world, cx, kind, id, input)?)));
    Ok(json!({ "ResourceTagSets": sets.collect::<Result<Value, Refusal>>()? }))
}
