//! Amazon CloudWatch Logs: log groups with retention and tags, streams, and the events in them.
//!
//! State is per account and region. Retention is remembered and applied to reads; no query language, metric filter or
//! subscription is modelled.

mod event;
mod group;
mod stream;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::input::Input;
use crate::page;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

use group::Group;

/// All accounts' and regions' log groups, by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Logs {
    places: BTreeMap<(String, String), BTreeMap<String, Group>>,
}

impl Logs {
    /// ARN and tags of each resource of an account and region.
    pub(crate) fn tagged(&self, cx: &Cx) -> crate::tagging::Tagged {
        let groups = self.places.get(&(cx.account.clone(), cx.region.clone())).into_iter().flat_map(BTreeMap::values);
        groups.map(|group| (group.arn.clone(), group.tags.clone())).collect()
    }

    /// Everything remembered, for a look from outside; of events only the number.
    pub(crate) fn dump(&self) -> Value {
        self.places.values().flat_map(BTreeMap::values).map(Group::dump).collect()
    }

    fn groups(&mut self, cx: &Cx) -> &mut BTreeMap<String, Group> {
        self.places.entry((cx.account.clone(), cx.region.clone())).or_default()
    }

    fn group(&mut self, cx: &Cx, name: &str) -> Result<&mut Group, Refusal> {
        self.groups(cx).get_mut(name).ok_or_else(|| not_found("The specified log group does not exist."))
    }
}

fn not_found(message: &str) -> Refusal {
    Refusal::new("ResourceNotFoundException", message)
}

fn already_exists(message: &str) -> Refusal {
    Refusal::new("ResourceAlreadyExistsException", message)
}

/// Answers one operation.
pub(crate) fn call(world: &mut World, cx: &Cx, op: &str, input: &Value) -> Result<Value, Refusal> {
    let input = Input::new(input, "InvalidParameterException");
    match op {
        "CreateLogGroup" => group::create(world, cx, input),
        "DeleteLogGroup" => group::delete(world, cx, input),
        "DescribeLogGroups" => group::describe(world, cx, input),
        "PutRetentionPolicy" => group::put_retention(world, cx, input),
        "DeleteRetentionPolicy" => group::delete_retention(world, cx, input),
        "PutLogGroupDeletionProtection" => group::put_deletion_protection(world, cx, input),
        "TagResource" => group::tag(world, cx, input),
        "UntagResource" => group::untag(world, cx, input),
        "ListTagsForResource" => group::list_tags(world, cx, input),
        "CreateLogStream" => stream::create(world, cx, input),
        "DeleteLogStream" => stream::delete(world, cx, input),
        "DescribeLogStreams" => stream::describe(world, cx, input),
        "PutLogEvents" => event::put(world, cx, input),
        "GetLogEvents" => event::get(world, cx, input),
        "FilterLogEvents" => event::filter(world, cx, input),
        _ => Err(Refusal::unknown_operation()),
    }
}

/// The group that `logGroupName` or `logGroupIdentifier` (a name or an ARN) names.
fn group_name(input: Input<'_>) -> Result<&str, Refusal> {
    match (input.text("logGroupName")?, input.text("logGroupIdentifier")?) {
        (Some(name), None) => Ok(name),
        (None, Some(identifier)) => Ok(bare(identifier)),
        (Some(_), Some(_)) => Err(input.refuse("logGroupName and logGroupIdentifier cannot be given together")),
        (None, None) => Err(input.missing("logGroupName")),
    }
}

/// The name in a log group's ARN, with or without `:*` at its end; a name is itself.
fn bare(identifier: &str) -> &str {
    let name = identifier.split_once(":log-group:").map_or(identifier, |(_, name)| name);
    name.strip_suffix(":*").unwrap_or(name)
}

/// One page of `items` under `field`, with the token of the next: the key of the last item given.
fn page<'k>(input: Input<'_>, field: &str, items: impl Iterator<Item = (&'k str, Value)>) -> Result<Value, Refusal> {
    let most = input.number_within("limit", 1, 50)?.unwrap_or(50) as usize;
    let (page, next) = page::by_key(items, input.text("nextToken")?, most);
    let mut answer = Map::from_iter([(field.to_owned(), Value::Array(page))]);
    answer.extend(next.map(|next| ("nextToken".to_owned(), json!(next))));
    Ok(answer.into())
}
