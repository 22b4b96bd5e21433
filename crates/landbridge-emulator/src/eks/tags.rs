//! Tags of clusters, associations and add-ons. Source: TagResource, UntagResource and ListTagsForResource.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Eks;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

/// Tags of a resource ("tags", CreateCluster).
const MOST: usize = 50;

pub(super) type Tags = BTreeMap<String, String>;

/// The tags that a creation gives.
pub(super) fn read(input: Input<'_>) -> Result<Tags, Refusal> {
    let tags: Tags = input.map("tags")?.into_iter().collect();
    check(input, &tags)?;
    Ok(tags)
}

fn check(input: Input<'_>, tags: &Tags) -> Result<(), Refusal> {
    let fits = |(key, value): (&String, &String)| {
        (1..=128).contains(&key.chars().count()) && value.chars().count() <= 256 && !key.starts_with("aws:")
    };
    if tags.len() > MOST || !tags.iter().all(fits) {
        return Err(input.refuse(format!(
            "A resource has at most {MOST} tags; keys have 1 to 128 characters and do not begin with aws:, values have up to 256"
        )));
    }
    Ok(())
}

/// The ARN that a request names, which must be something's.
fn resource<'a>(eks: &Eks, cx: &Cx, input: Input<'a>) -> Result<&'a str, Refusal> {
    let arn = input.required("resourceArn")?;
    if !arn.starts_with("arn:aws:eks:") {
        return Err(Refusal::new("BadRequestException", format!("Invalid ARN: {arn}")));
    }
    let own = arn.split(':').nth(4) == Some(cx.account.as_str());
    let known = eks.clusters.values().any(|cluster| cluster.has(arn));
    if own && known {
        return Ok(arn);
    }
    Err(Refusal::new("NotFoundException", format!("The specified resource could not be found: {arn}")).status(404))
}

pub(super) fn tag(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let eks = &mut world.services.eks;
    let arn = resource(eks, cx, input)?;
    let mut tags = eks.tags.get(arn).cloned().unwrap_or_default();
    tags.extend(input.map("tags")?);
    let bad = |refusal: Refusal| Refusal::new("BadRequestException", refusal.message);
    check(input, &tags).map_err(bad)?;
    eks.tags.insert(arn.to_owned(), tags);
    Ok(json!({}))
}

pub(super) fn untag(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let eks = &mut world.services.eks;
    let arn = resource(eks, cx, input)?;
    let keys = input.texts("tagKeys")?;
    if let Some(tags) = eks.tags.get_mut(arn) {
        tags.retain(|key, _| !keys.contains(&key.as_str()));
    }
    Ok(json!({}))
}

pub(super) fn list(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let eks = &world.services.eks;
    Ok(json!({ "tags": eks.tags_of(resource(eks, cx, input)?) }))
}
