//! Tags of what is here. Source: CreateTags, DeleteTags, DescribeTags and "Tag your Amazon EC2 resources".

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::filter::Kind;
use super::network::Network;
use super::{group, invalid, rule, subnet, vpc};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

/// "Maximum number of tags per resource".
const MOST: usize = 50;

pub(super) type Tags = BTreeMap<String, String>;

const KIND: Kind = Kind {
    set: "tagSet",
    named: &[],
    filters: &[("key", "key"), ("value", "value"), ("resource-id", "resourceId"), ("resource-type", "resourceType")],
    least: 5,
    missing: |_, _| invalid("Tags have no identifiers"),
};

/// The tags in a list of `{Key, Value}`.
fn read(input: Input<'_>, list: &str) -> Result<Tags, Refusal> {
    let tags: Tags = input.tags(list)?.into_iter().collect();
    for (key, value) in &tags {
        if key.is_empty() || key.chars().count() > 127 || value.chars().count() > 255 {
            let message = "Tag keys have 1 to 127 characters and values up to 255";
            return Err(invalid(format!("{message}: '{key}' has not")));
        }
        if key.starts_with("aws:") {
            let message = format!("Tag keys starting with 'aws:' are reserved for internal use: '{key}'");
            return Err(invalid(message));
        }
    }
    check_count(tags.len())?;
    Ok(tags)
}

fn check_count(count: usize) -> Result<(), Refusal> {
    let message = format!("The maximum number of Tags for a resource has been reached: {MOST}");
    if count > MOST { Err(Refusal::new("TagLimitExceeded", message)) } else { Ok(()) }
}

/// The tags that a creation gives what it makes (`TagSpecification`).
pub(super) fn specified(input: Input<'_>, kind: &str) -> Result<Tags, Refusal> {
    let mut tags = Tags::new();
    for specification in input.objects("TagSpecification")? {
        let of = specification.text("ResourceType")?.unwrap_or_default();
        if of != kind {
            return Err(invalid(format!("'{of}' is not a valid taggable resource type for this operation.")));
        }
        tags.extend(read(specification, "Tag")?);
    }
    Ok(tags)
}

/// What an ID stands for, as DescribeTags names it; refused where there is nothing of that ID.
fn kind_of(network: &Network, id: &str) -> Result<&'static str, Refusal> {
    let prefix = id.split_once('-').map_or("", |(prefix, _)| prefix);
    let (known, kind, refusal): (bool, _, fn(&str) -> Refusal) = match prefix {
        "vpc" => (network.vpcs.contains_key(id), "vpc", vpc::not_found),
        "subnet" => (network.subnets.contains_key(id), "subnet", subnet::not_found),
        "sg" => (network.groups.contains_key(id), "security-group", group::not_found),
        "sgr" => {
            (network.groups.values().any(|group| group.rule(id).is_some()), "security-group-rule", rule::not_found)
        }
        _ => return Err(Refusal::new("InvalidID", format!("The ID '{id}' is not valid"))),
    };
    if known { Ok(kind) } else { Err(refusal(id)) }
}

/// What has tags, by ARN.
pub(super) fn by_arn(network: &Network, cx: &Cx) -> crate::tagging::Tagged {
    let arn = |(id, tags): (&String, &Tags)| {
        let kind = kind_of(network, id).ok()?;
        Some((format!("arn:aws:ec2:{}:{}:{kind}/{id}", cx.region, cx.account), tags.clone()))
    };
    network.tags.iter().filter_map(arn).collect()
}

/// All or none of the resources are tagged.
pub(super) fn create(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let (ids, new) = (input.texts("ResourceId")?, read(input, "Tag")?);
    let network = world.services.ec2.network(&cx.account, &cx.region);
    check_named(&ids, !new.is_empty())?;
    let mut changed = Vec::new();
    for id in ids {
        kind_of(network, id)?;
        let mut tags = network.tags.get(id).cloned().unwrap_or_default();
        tags.extend(new.clone());
        check_count(tags.len())?;
        changed.push((id.to_owned(), tags));
    }
    network.tags.extend(changed);
    Ok(json!({ "return": true }))
}

fn check_named(ids: &[&str], tags: bool) -> Result<(), Refusal> {
    let missing =
        |name: &str| Err(Refusal::new("MissingParameter", format!("The request must contain the parameter {name}")));
    match (ids.is_empty(), tags) {
        (true, _) => missing("ResourceId"),
        (_, false) => missing("Tag"),
        _ => Ok(()),
    }
}

/// A tag goes if its key is named, with its value or without one; all go if none is named.
pub(super) fn delete(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let ids = input.texts("ResourceId")?;
    check_named(&ids, true)?;
    let mut named = Vec::new();
    for tag in input.objects("Tag")? {
        named.push((tag.required("Key")?, tag.text("Value")?));
    }
    let network = world.services.ec2.network(&cx.account, &cx.region);
    for id in ids {
        kind_of(network, id)?;
        let goes = |key: &str, value: &str| {
            named.is_empty()
                || named.iter().any(|(of, wanted)| *of == key && wanted.is_none_or(|wanted| wanted == value))
        };
        if let Some(tags) = network.tags.get_mut(id) {
            tags.retain(|key, value| !goes(key, value));
        }
    }
    Ok(json!({ "return": true }))
}

pub(super) fn describe(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let network = world.services.ec2.network(&cx.account, &cx.region);
    let of = |(id, tags): (&String, &Tags)| -> Vec<Value> {
        let kind = kind_of(network, id).unwrap_or_default();
        let tag = |(key, value): (&String, &String)| json!({"resourceId": id, "resourceType": kind, "key": key, "value": value});
        tags.iter().map(tag).collect()
    };
    let mut all: Vec<Value> = network.tags.iter().flat_map(of).collect();
    for tag in &mut all {
        // `tag:KEY` filters look where every resource has its tags.
        tag["tagSet"] = json!([{"key": tag["key"], "value": tag["value"]}]);
    }
    let mut answer = KIND.describe(input, all)?;
    for tag in answer["tagSet"].as_array_mut().into_iter().flatten() {
        tag.as_object_mut().map(|tag| tag.remove("tagSet"));
    }
    Ok(answer)
}
