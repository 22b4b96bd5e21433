//! Schedule groups. Source: CreateScheduleGroup, GetScheduleGroup, DeleteScheduleGroup and ListScheduleGroups.
//!
//! A deleted group is gone at once with its schedules; on AWS it is `DELETING` for a while.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::tags::{self, Tags};
use super::{Schedules, checked_name, conflict, not_found, page};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::wire::json::epoch;
use crate::world::{Cx, World};

/// The group that every account has.
const DEFAULT: &str = "default";

#[derive(Debug, Clone)]
pub(super) struct Group {
    created: Timestamp,
    pub(super) tags: Tags,
    token: Option<String>,
}

pub(super) fn arn(cx: &Cx, name: &str) -> String {
    format!("arn:aws:scheduler:{}:{}:schedule-group/{name}", cx.region, cx.account)
}

/// Refuses a group that is not there.
pub(super) fn check(schedules: &Schedules, name: &str) -> Result<(), Refusal> {
    let known = name == DEFAULT || schedules.groups.contains_key(name);
    if known { Ok(()) } else { Err(not_found("Schedule group", name)) }
}

fn show(cx: &Cx, name: &str, created: Option<Timestamp>) -> Value {
    let mut shown = json!({"Arn": arn(cx, name), "Name": name, "State": "ACTIVE"});
    if let Some(created) = created {
        (shown["CreationDate"], shown["LastModificationDate"]) = (epoch(created), epoch(created));
    }
    shown
}

pub(super) fn create(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let (name, tags) = (checked_name(input, "Name")?, tags::read(input)?);
    let token = input.text("ClientToken")?.map(ToOwned::to_owned);
    let schedules = world.services.scheduler.at(cx);
    if check(schedules, name).is_ok() {
        let same = schedules.groups.get(name).is_some_and(|group| token.is_some() && group.token == token);
        return if same {
            Ok(json!({ "ScheduleGroupArn": arn(cx, name) }))
        } else {
            Err(conflict("Schedule group", name))
        };
    }
    schedules.groups.insert(name.to_owned(), Group { created: cx.now, tags, token });
    Ok(json!({ "ScheduleGroupArn": arn(cx, name) }))
}

pub(super) fn get(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let name = checked_name(input, "Name")?;
    let schedules = world.services.scheduler.at(cx);
    check(schedules, name)?;
    Ok(show(cx, name, schedules.groups.get(name).map(|group| group.created)))
}

/// Takes its schedules with it.
pub(super) fn delete(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let name = checked_name(input, "Name")?;
    if name == DEFAULT {
        return Err(input.refuse("The default schedule group cannot be deleted."));
    }
    let schedules = world.services.scheduler.at(cx);
    check(schedules, name)?;
    schedules.groups.remove(name);
    schedules.schedules.retain(|(group, _), _| group != name);
    Ok(json!({}))
}

pub(super) fn list(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let prefix = input.text("NamePrefix")?.unwrap_or_default();
    let schedules = world.services.scheduler.at(cx);
    let mut names: Vec<&str> = schedules.groups.keys().map(String::as_str).chain([DEFAULT]).collect();
    names.sort_unstable();
    let wanted = names.into_iter().filter(|name| name.starts_with(prefix));
    let created = |name: &str| schedules.groups.get(name).map(|group| group.created);
    page(input, "ScheduleGroups", wanted.map(|name| (name.to_owned(), show(cx, name, created(name)))))
}
