//! Tags of load balancers, target groups, listeners and rules. Source: AddTags, RemoveTags and DescribeTags.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Elb, listener, load_balancer, rule, target_group};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

const MOST: usize = 50;

pub(super) type Tags = BTreeMap<String, String>;

/// The tags of a creation, or of AddTags.
pub(super) fn read(input: Input<'_>) -> Result<Tags, Refusal> {
    let mut tags = Tags::new();
    for (key, value) in input.tags("Tags")? {
        if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
            return Err(input.refuse("A tag's key has 1 to 128 characters, its value up to 256"));
        }
        if key.starts_with("aws:") {
            return Err(input.refuse(format!("The tag key '{key}' begins with aws:, which is reserved for system use")));
        }
        if tags.insert(key.clone(), value).is_some() {
            return Err(Refusal::new("DuplicateTagKeys", format!("Tag key '{key}' was specified more than once")));
        }
    }
    if tags.len() > MOST {
        return Err(too_many());
    }
    Ok(tags)
}

fn too_many() -> Refusal {
    Refusal::new("TooManyTags", format!("The maximum number of tags for a resource is '{MOST}'"))
}

/// 1 to 20 resources, all of which exist.
fn resources<'a>(elb: &Elb, input: Input<'a>) -> Result<Vec<&'a str>, Refusal> {
    let arns = input.texts("ResourceArns")?;
    if arns.is_empty() {
        return Err(input.missing("ResourceArns"));
    }
    if arns.len() > 20 {
        return Err(input.refuse("At most '20' resources can be described or tagged at once"));
    }
    for arn in &arns {
        let (known, refusal) = if arn.contains(":loadbalancer/") {
            (elb.balancers.contains_key(*arn), load_balancer::not_found as fn() -> Refusal)
        } else if arn.contains(":targetgroup/") {
            (elb.groups.contains_key(*arn), target_group::not_found as fn() -> Refusal)
        } else if arn.contains(":listener-rule/") {
            (elb.rules.contains_key(*arn), rule::not_found as fn() -> Refusal)
        } else if arn.contains(":listener/") {
            (elb.listeners.contains_key(*arn), listener::not_found as fn() -> Refusal)
        } else {
            return Err(
                input.refuse(format!("'{arn}' is not a valid ARN of a load balancer, target group, listener or rule"))
            );
        };
        if !known {
            return Err(refusal());
        }
    }
    Ok(arns)
}

pub(super) fn add(world: &mut World, _cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let elb = &mut world.services.elbv2;
    let arns = resources(elb, input)?;
    let new = read(input)?;
    for arn in arns {
        let mut merged = elb.tags.get(arn).cloned().unwrap_or_default();
        merged.extend(new.clone());
        if merged.len() > MOST {
            return Err(too_many());
        }
        elb.tags.insert(arn.to_owned(), merged);
    }
    Ok(json!({}))
}

pub(super) fn remove(world: &mut World, _cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let elb = &mut world.services.elbv2;
    let arns = resources(elb, input)?;
    let keys = input.texts("TagKeys")?;
    for arn in arns {
        if let Some(tags) = elb.tags.get_mut(arn) {
            tags.retain(|key, _| !keys.contains(&key.as_str()));
        }
    }
    Ok(json!({}))
}

pub(super) fn describe(world: &mut World, _cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let elb = &world.services.elbv2;
    let described = resources(elb, input)?.into_iter().map(|arn| {
        let tags = elb.tags.get(arn).into_iter().flatten();
        let tags: Vec<Value> = tags.map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
        json!({ "ResourceArn": arn, "Tags": tags })
    });
    Ok(json!({ "TagDescriptions": described.collect::<Vec<_>>() }))
}
