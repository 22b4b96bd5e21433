//! Tags of every ECS resource. Source: TagResource, UntagResource, ListTagsForResource; "Tagging your resources".

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::member::{Members, invalid};
use crate::refusal::Refusal;
use crate::world::{Cx, World};

/// The tags of each resource that has any, by its ARN.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tags(BTreeMap<String, BTreeMap<String, String>>);

impl Tags {
    /// As `tags` members show them; an empty list for none.
    pub(crate) fn show(&self, arn: &str) -> Value {
        let tags = self.0.get(arn).into_iter().flatten();
        tags.map(|(key, value)| json!({ "key": key, "value": value })).collect()
    }

    /// Every resource that has tags.
    pub(crate) fn all(&self) -> impl Iterator<Item = (String, BTreeMap<String, String>)> {
        self.0.iter().map(|(arn, tags)| (arn.clone(), tags.clone()))
    }

    pub(crate) fn of(&self, arn: &str) -> BTreeMap<String, String> {
        self.0.get(arn).cloned().unwrap_or_default()
    }

    /// Gives a new resource its tags, and forgets those of one that had the same ARN.
    pub(crate) fn replace(&mut self, arn: &str, tags: BTreeMap<String, String>) {
        if tags.is_empty() {
            self.0.remove(arn);
        } else {
            self.0.insert(arn.to_owned(), tags);
        }
    }

    pub(crate) fn remove(&mut self, arn: &str) {
        self.0.remove(arn);
    }
}

/// The checked `tags` of a request: at most 50, keys of 1 to 128 and values of up to 256 characters, no `aws:` keys.
pub(crate) fn requested(input: &Value) -> Result<BTreeMap<String, String>, Refusal> {
    let mut tags = BTreeMap::new();
    for tag in input.list("tags") {
        let key = tag.text("key").ok_or_else(|| invalid("Tag keys can not be null or empty."))?;
        let value = tag.text("value").unwrap_or_default();
        if key.is_empty() || key.chars().count() > 128 {
            return Err(invalid("Tag keys must have between 1 and 128 characters."));
        }
        if value.chars().count() > 256 {
            return Err(invalid("Tag values must have at most 256 characters."));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid("Some of the tags are invalid. Tag keys starting with aws: are reserved."));
        }
        if tags.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(invalid(format!("Duplicate tag key found: {key}")));
        }
    }
    if tags.len() > 50 {
        return Err(invalid("The number of tags is more than 50."));
    }
    Ok(tags)
}

pub(crate) fn tag(world: &mut World, _cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let arn = existing(world, input)?;
    let added = requested(input)?;
    let mut tags = world.services.ecs.tags.of(&arn);
    tags.extend(added);
    if tags.len() > 50 {
        return Err(invalid("The number of tags is more than 50."));
    }
    world.services.ecs.tags.replace(&arn, tags);
    Ok(json!({}))
}

pub(crate) fn untag(world: &mut World, _cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let arn = existing(world, input)?;
    let mut tags = world.services.ecs.tags.of(&arn);
    for key in input.texts("tagKeys") {
        tags.remove(key);
    }
    world.services.ecs.tags.replace(&arn, tags);
    Ok(json!({}))
}

pub(crate) fn list(world: &mut World, _cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let arn = existing(world, input)?;
    Ok(json!({ "tags": world.services.ecs.tags.show(&arn) }))
}

/// The request's `resourceArn`, if such a resource exists.
fn existing(world: &World, input: &Value) -> Result<String, Refusal> {
    let arn = input.text("resourceArn").ok_or_else(|| invalid("resourceArn can not be null."))?;
    let ecs = &world.services.ecs;
    let Some(kind) = arn.split(':').nth(5).and_then(|path| path.split('/').next()) else {
        return Err(invalid(format!("Identifier is not a valid ARN: {arn}")));
    };
    let (found, refusal) = match kind {
        "cluster" => {
            (ecs.clusters.get(arn).is_some_and(super::cluster::Cluster::is_active), super::cluster::not_found())
        }
        "service" => {
            (ecs.services.get(arn).is_some_and(super::service::Service::is_active), super::service::not_found())
        }
        "task-definition" => {
            (ecs.task_definition(arn).is_some(), invalid("The specified task definition was not found."))
        }
        "task" => (ecs.tasks.contains_key(arn), invalid("The specified task was not found.")),
        "task-set" => {
            let mut services = ecs.services.values();
            let found = services.any(|it| it.is_active() && it.task_set(arn).is_some());
            (found, invalid("The specified task set was not found."))
        }
        "capacity-provider" => {
            (ecs.capacity_providers.contains_key(arn), invalid("The specified capacity provider was not found."))
        }
        _ => (false, invalid(format!("The specified identifier is not of a resource that can be tagged: {arn}"))),
    };
    if found { Ok(arn.to_owned()) } else { Err(refusal) }
}
