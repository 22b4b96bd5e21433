//! Amazon EventBridge Scheduler: groups and schedules that fire at SQS queues and as ECS tasks. Source: the EventBridge
//! Scheduler API reference and its user guide.
//!
//! A flexible time window is kept, and every schedule fires at its beginning. Targets other than SQS and ECS's RunTask are kept
//! and never reached; encryption keys are kept.

mod expression;
mod fire;
mod group;
mod schedule;
mod tags;
mod target;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::input::Input;
use crate::page;
use crate::refusal::Refusal;
use crate::wire::rest::{Format, Rest};
use crate::world::{Cx, World};

/// Account and region.
type Place = (String, String);

/// All accounts' and regions' schedules.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scheduler {
    places: BTreeMap<Place, Schedules>,
}

#[derive(Debug, Clone, Default)]
struct Schedules {
    /// Without the group `default`, which is always there.
    groups: BTreeMap<String, group::Group>,
    /// By (group, name).
    schedules: BTreeMap<(String, String), schedule::Schedule>,
}

/// Something that happens by itself.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Event {
    /// A schedule fires, unless it was changed since (`version`).
    Due { place: (String, String), key: (String, String), version: u64, recurs: bool },
}

impl Event {
    /// Whether the schedule fires more than once.
    pub(crate) fn recurs(&self) -> bool {
        let Self::Due { recurs, .. } = self;
        *recurs
    }
}

impl Scheduler {
    /// Schedule groups with their tags.
    pub(crate) fn tagged(&self, cx: &Cx) -> crate::tagging::Tagged {
        let here = self.places.get(&(cx.account.clone(), cx.region.clone()));
        let groups = here.into_iter().flat_map(|here| &here.groups);
        groups.map(|(name, kept)| (group::arn(cx, name), kept.tags.clone())).collect()
    }
}

pub(crate) static REST: Rest = Rest {
    service: "scheduler",
    server_error: "InternalServerException",
    format: Format::Json { message: "Message" },
    routes: &[
        ("POST", "/schedules/{Name}", "CreateSchedule", 200),
        ("PUT", "/schedules/{Name}", "UpdateSchedule", 200),
        ("GET", "/schedules/{Name}?groupName={GroupName}", "GetSchedule", 200),
        ("DELETE", "/schedules/{Name}?groupName={GroupName}&clientToken={ClientToken}", "DeleteSchedule", 200),
        (
            "GET",
            "/schedules?ScheduleGroup={GroupName}&NamePrefix={NamePrefix}&State={State}&NextToken={NextToken}\
             &MaxResults={MaxResults}",
            "ListSchedules",
            200,
        ),
        ("POST", "/schedule-groups/{Name}", "CreateScheduleGroup", 200),
        ("GET", "/schedule-groups/{Name}", "GetScheduleGroup", 200),
        ("DELETE", "/schedule-groups/{Name}?clientToken={ClientToken}", "DeleteScheduleGroup", 200),
        (
            "GET",
            "/schedule-groups?NamePrefix={NamePrefix}&NextToken={NextToken}&MaxResults={MaxResults}",
            "ListScheduleGroups",
            200,
        ),
        ("POST", "/tags/{ResourceArn}", "TagResource", 200),
        ("DELETE", "/tags/{ResourceArn}?TagKeys={TagKeys*}", "UntagResource", 200),
        ("GET", "/tags/{ResourceArn}", "ListTagsForResource", 200),
    ],
};

/// Answers one operation.
pub(crate) fn call(world: &mut World, cx: &Cx, op: &str, input: &Value) -> Result<Value, Refusal> {
    let input = Input::new(input, "ValidationException");
    match op {
        "CreateSchedule" => schedule::create(world, cx, input),
        "UpdateSchedule" => schedule::update(world, cx, input),
        "GetSchedule" => schedule::get(world, cx, input),
        "DeleteSchedule" => schedule::delete(world, cx, input),
        "ListSchedules" => schedule::list(world, cx, input),
        "CreateScheduleGroup" => group::create(world, cx, input),
        "GetScheduleGroup" => group::get(world, cx, input),
        "DeleteScheduleGroup" => group::delete(world, cx, input),
        "ListScheduleGroups" => group::list(world, cx, input),
        "TagResource" => tags::tag(world, cx, input),
        "UntagResource" => tags::untag(world, cx, input),
        "ListTagsForResource" => tags::list(world, cx, input),
        _ => Err(Refusal::unknown_operation().status(404)),
    }
}

pub(crate) fn happen(world: &mut World, event: Event) {
    let Event::Due { place, key, version, .. } = event;
    fire::due(world, &place, &key, version);
}

impl Scheduler {
    /// Everything remembered, for a look from outside.
    pub(crate) fn dump(&self) -> Value {
        let place = |((account, region), schedules): (&Place, &Schedules)| {
            let all = schedules.schedules.values();
            json!({"account": account, "region": region, "schedules": all.map(schedule::Schedule::show).collect::<Value>()})
        };
        self.places.iter().map(place).collect()
    }

    fn at(&mut self, cx: &Cx) -> &mut Schedules {
        self.places.entry((cx.account.clone(), cx.region.clone())).or_default()
    }
}

fn not_found(kind: &str, name: &str) -> Refusal {
    Refusal::new("ResourceNotFoundException", format!("{kind} {name} does not exist.")).status(404)
}

fn conflict(kind: &str, name: &str) -> Refusal {
    Refusal::new("ConflictException", format!("{kind} {name} already exists.")).status(409)
}

/// 1 to 64 letters, digits, `-`, `_` and `.` (the pattern of `Name`).
fn checked_name<'a>(input: Input<'a>, member: &str) -> Result<&'a str, Refusal> {
    let name = input.required(member)?;
    let fits = name.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_.".contains(&c));
    if (1..=64).contains(&name.len()) && fits {
        return Ok(name);
    }
    let member = format!("{}{}", member[..1].to_lowercase(), &member[1..]);
    Err(input.refuse(format!(
        "1 validation error detected: Value '{name}' at '{member}' failed to satisfy constraint: Member must satisfy regular \
         expression pattern: ^[0-9a-zA-Z-_.]+$ and have 1 to 64 characters"
    )))
}

/// One page of `items` under `field`, each with its key; the token is the key of the last item given.
fn page(input: Input<'_>, field: &str, items: impl Iterator<Item = (String, Value)>) -> Result<Value, Refusal> {
    let most = input.number_within("MaxResults", 1, 100)?.unwrap_or(100) as usize;
    let (page, next) = page::by_key(items, input.text("NextToken")?, most);
    let mut answer = Map::from_iter([(field.to_owned(), Value::Array(page))]);
    answer.extend(next.map(|next| ("NextToken".to_owned(), json!(next))));
    Ok(answer.into())
}
