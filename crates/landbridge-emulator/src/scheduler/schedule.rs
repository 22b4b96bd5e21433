//! Schedules. Source: CreateSchedule, UpdateSchedule, GetSchedule, DeleteSchedule and ListSchedules.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::expression::Expression;
use super::{Event, Place, checked_name, conflict, group, not_found, page, target};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::wire::json::epoch;
use crate::world::{Cx, Event as WorldEvent, World};

#[derive(Debug, Clone)]
pub(super) struct Schedule {
    pub(super) arn: String,
    pub(super) group: String,
    pub(super) name: String,
    /// As it was asked for, without what is said elsewhere.
    pub(super) fields: Map<String, Value>,
    pub(super) expression: Expression,
    pub(super) zone: TimeZone,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    pub(super) created: Timestamp,
    modified: Timestamp,
    pub(super) last: Option<Timestamp>,
    pub(super) version: u64,
    token: Option<String>,
}

impl Schedule {
    pub(super) fn is_enabled(&self) -> bool {
        self.fields.get("State") != Some(&json!("DISABLED"))
    }

    pub(super) fn show(&self) -> Value {
        let mut shown = Value::Object(self.fields.clone());
        for (member, value) in [
            ("Arn", json!(self.arn)),
            ("GroupName", json!(self.group)),
            ("Name", json!(self.name)),
            ("CreationDate", epoch(self.created)),
            ("LastModificationDate", epoch(self.modified)),
        ] {
            shown[member] = value;
        }
        shown
    }

    fn summary(&self) -> Value {
        json!({
            "Arn": self.arn,
            "GroupName": self.group,
            "Name": self.name,
            "State": self.fields.get("State"),
            "CreationDate": epoch(self.created),
            "LastModificationDate": epoch(self.modified),
            "Target": {"Arn": self.fields.get("Target").and_then(|target| target.get("Arn"))},
        })
    }

    /// When it fires next, seen from `now`.
    pub(super) fn next(&self, now: Timestamp) -> Option<Timestamp> {
        if !self.is_enabled() {
            return None;
        }
        let from = self.start.map_or(now, |start| start.max(now));
        let at = self.expression.next(&self.zone, self.start.unwrap_or(self.modified), from, self.last)?;
        self.end.is_none_or(|end| at < end).then_some(at)
    }
}

/// The group that a request names; `default` where it names none.
fn group_name(input: Input<'_>) -> Result<&str, Refusal> {
    Ok(input.text("GroupName")?.unwrap_or("default"))
}

/// Plans the next time that a schedule fires.
pub(super) fn plan(world: &mut World, place: &Place, key: &(String, String)) {
    let now = world.now;
    let schedule = world.services.scheduler.places.get(place).and_then(|schedules| schedules.schedules.get(key));
    let Some((schedule, at)) = schedule.and_then(|schedule| Some((schedule, schedule.next(now)?))) else { return };
    let recurs = !matches!(schedule.expression, Expression::At(_));
    let event = Event::Due { place: place.clone(), key: key.clone(), version: schedule.version, recurs };
    let delay = at.duration_since(now).unsigned_abs();
    world.after(delay, WorldEvent::Scheduler(event));
}

fn time(input: Input<'_>, member: &str) -> Result<Option<Timestamp>, Refusal> {
    let Some(value) = input.get(member) else { return Ok(None) };
    let seconds = value.as_f64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    let at = seconds.and_then(|seconds| Timestamp::from_millisecond((seconds * 1000.0) as i64).ok());
    at.map(Some).ok_or_else(|| input.refuse(format!("{member} must be a time in seconds since the epoch")))
}

/// Reads what a creation or an update gives; an update replaces everything.
fn read(world: &World, cx: &Cx, input: Input<'_>) -> Result<Schedule, Refusal> {
    let (group, name) = (group_name(input)?.to_owned(), checked_name(input, "Name")?.to_owned());
    let given = input.required("ScheduleExpression")?;
    let expression = Expression::parse(given);
    let expression = expression.ok_or_else(|| input.refuse(format!("Invalid Schedule Expression {given}.")))?;
    let zone_name = input.text("ScheduleExpressionTimezone")?.unwrap_or("UTC");
    let zone = if zone_name == "UTC" { Some(TimeZone::UTC) } else { TimeZone::get(zone_name).ok() };
    let zone = zone.ok_or_else(|| input.refuse(format!("Invalid ScheduleExpressionTimezone {zone_name}.")))?;
    let (start, end) = (time(input, "StartDate")?, time(input, "EndDate")?);
    if let (Some(start), Some(end)) = (start, end)
        && start >= end
    {
        return Err(input.refuse("The StartDate you specify must be earlier than the EndDate."));
    }
    for (member, values) in [("State", ["ENABLED", "DISABLED"]), ("ActionAfterCompletion", ["NONE", "DELETE"])] {
        if let Some(value) = input.text(member)?.filter(|value| !values.contains(value)) {
            return Err(input.refuse(format!("{member} '{value}' is not one of {}", values.join(", "))));
        }
    }
    let window = input.object("FlexibleTimeWindow")?.ok_or_else(|| input.missing("FlexibleTimeWindow"))?;
    let minutes = window.number_within("MaximumWindowInMinutes", 1, 1440)?;
    match (window.required("Mode")?, minutes) {
        ("OFF", None) | ("FLEXIBLE", Some(_)) => {}
        ("FLEXIBLE", None) => {
            return Err(input.refuse("MaximumWindowInMinutes is required when the flexible time window is FLEXIBLE."));
        }
        _ => return Err(input.refuse("A FlexibleTimeWindow is OFF without minutes, or FLEXIBLE with them.")),
    }
    target::check(world, cx, input.object("Target")?.ok_or_else(|| input.missing("Target"))?)?;
    let mut fields = input.members();
    fields.retain(|member, value| !value.is_null() && !["Name", "GroupName", "ClientToken"].contains(&member.as_str()));
    fields.entry("State").or_insert(json!("ENABLED"));
    fields.entry("ActionAfterCompletion").or_insert(json!("NONE"));
    fields.entry("ScheduleExpressionTimezone").or_insert(json!("UTC"));
    Ok(Schedule {
        arn: format!("arn:aws:scheduler:{}:{}:schedule/{group}/{name}", cx.region, cx.account),
        group,
        name,
        fields,
        expression,
        zone,
        start,
        end,
        created: cx.now,
        modified: cx.now,
        last: None,
        version: 0,
        token: input.text("ClientToken")?.map(ToOwned::to_owned),
    })
}

pub(super) fn create(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let schedule = read(world, cx, input)?;
    let schedules = world.services.scheduler.at(cx);
    group::check(schedules, &schedule.group)?;
    let key = (schedule.group.clone(), schedule.name.clone());
    if let Some(existing) = schedules.schedules.get(&key) {
        if schedule.token.is_some() && existing.token == schedule.token {
            return Ok(json!({ "ScheduleArn": existing.arn }));
        }
        return Err(conflict("Schedule", &schedule.name));
    }
    let arn = schedule.arn.clone();
    schedules.schedules.insert(key.clone(), schedule);
    plan(world, &(cx.account.clone(), cx.region.clone()), &key);
    Ok(json!({ "ScheduleArn": arn }))
}

/// "EventBridge Scheduler uses all values, including empty values, specified in the request and overrides the existing
/// schedule" (UpdateSchedule).
pub(super) fn update(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let mut schedule = read(world, cx, input)?;
    let schedules = world.services.scheduler.at(cx);
    let key = (schedule.group.clone(), schedule.name.clone());
    let old = schedules.schedules.get(&key).ok_or_else(|| not_found("Schedule", &key.1))?;
    (schedule.created, schedule.version, schedule.token) = (old.created, old.version + 1, old.token.clone());
    let arn = schedule.arn.clone();
    schedules.schedules.insert(key.clone(), schedule);
    plan(world, &(cx.account.clone(), cx.region.clone()), &key);
    Ok(json!({ "ScheduleArn": arn }))
}

pub(super) fn get(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let key = (group_name(input)?.to_owned(), checked_name(input, "Name")?.to_owned());
    let schedule = world.services.scheduler.at(cx).schedules.get(&key);
    schedule.map(Schedule::show).ok_or_else(|| not_found("Schedule", &key.1))
}

pub(super) fn delete(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let key = (group_name(input)?.to_owned(), checked_name(input, "Name")?.to_owned());
    let gone = world.services.scheduler.at(cx).schedules.remove(&key);
    gone.map(|_| json!({})).ok_or_else(|| not_found("Schedule", &key.1))
}

pub(super) fn list(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let (group, prefix, state) = (input.text("GroupName")?, input.text("NamePrefix")?, input.text("State")?);
    let schedules = world.services.scheduler.at(cx);
    if let Some(group) = group {
        group::check(schedules, group)?;
    }
    let wanted = schedules
        .schedules
        .values()
        .filter(|it| group.is_none_or(|group| it.group == group))
        .filter(|it| prefix.is_none_or(|prefix| it.name.starts_with(prefix)))
        .filter(|it| state.is_none_or(|state| it.fields.get("State") == Some(&json!(state))));
    page(input, "Schedules", wanted.map(|it| (format!("{}/{}", it.group, it.name), it.summary())))
}
