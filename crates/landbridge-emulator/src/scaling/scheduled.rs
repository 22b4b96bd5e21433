//! Scheduled actions: other bounds of a scalable target at their time (PutScheduledAction and its siblings).

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::schedule::Schedule;
use super::target::{SCHEDULED, Target, checked_bounds, keep_within};
use super::{check_namespace, named, not_found, page, resource};
use crate::clock::seconds_between;
use crate::cloudwatch::Place;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::wire::json::epoch;
use crate::world::{Cx, Event, World};

#[derive(Debug, Clone)]
pub(super) struct Action {
    name: String,
    arn: String,
    text: String,
    schedule: Schedule,
    zone: TimeZone,
    /// As it was given.
    zone_name: Option<String>,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    bounds: (Option<i64>, Option<i64>),
    created: Timestamp,
    generation: u64,
}

/// A scheduled action that is due.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Due {
    place: Place,
    resource: String,
    name: String,
    generation: u64,
    recurs: bool,
}

impl Due {
    /// Whether the action has a schedule, and not one time.
    pub(crate) fn recurs(&self) -> bool {
        self.recurs
    }
}

const ACTIONS: usize = 200;

impl Action {
    pub(super) fn show(&self, target: &Target) -> Value {
        let mut shown = named(&target.resource);
        let mut bounds = json!({});
        for (name, bound) in [("MinCapacity", self.bounds.0), ("MaxCapacity", self.bounds.1)] {
            if let Some(bound) = bound {
                bounds[name] = json!(bound);
            }
        }
        for (name, value) in [
            ("ScheduledActionName", json!(self.name)),
            ("ScheduledActionARN", json!(self.arn)),
            ("Schedule", json!(self.text)),
            ("CreationTime", epoch(self.created)),
            ("ScalableTargetAction", bounds),
        ] {
            shown[name] = value;
        }
        if let Some(zone) = &self.zone_name {
            shown["Timezone"] = json!(zone);
        }
        for (name, at) in [("StartTime", self.start), ("EndTime", self.end)] {
            if let Some(at) = at {
                shown[name] = epoch(at);
            }
        }
        shown
    }

    fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let start = self.start.unwrap_or(self.created);
        // What begins later is due at its beginning at the earliest.
        let after = now.max(start.checked_sub(Duration::from_nanos(1)).unwrap_or(start));
        let next = self.schedule.next(&self.zone, start, after)?;
        self.end.is_none_or(|end| next <= end).then_some(next)
    }
}

fn schedule(input: Input<'_>, text: &str) -> Result<Schedule, Refusal> {
    Schedule::parse(text).ok_or_else(|| {
        input.refuse(format!(
            "Invalid schedule expression {text}. A schedule is one of at(yyyy-mm-ddThh:mm:ss), rate(value unit) and \
             cron(minutes hours day-of-month month day-of-week year)."
        ))
    })
}

fn zone(input: Input<'_>, name: Option<&str>) -> Result<TimeZone, Refusal> {
    match name {
        None | Some("UTC") => Ok(TimeZone::UTC),
        Some(name) => TimeZone::get(name).map_err(|_| input.refuse(format!("{name} is not a known time zone."))),
    }
}

pub(super) fn put(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let (name, resource) = (input.required("ScheduledActionName")?, resource(input)?);
    let place = (cx.account.clone(), cx.region.clone());
    let Some(target) = world.services.scaling.target(&place, resource) else {
        return Err(not_found("scalable target", resource));
    };
    let before = target.actions.get(name).cloned();
    if before.is_none() && target.actions.len() >= ACTIONS {
        let message = format!("A scalable target has at most {ACTIONS} scheduled actions.");
        return Err(Refusal::new("LimitExceededException", message));
    }
    let text = input.text("Schedule")?.map(str::to_owned).or(before.as_ref().map(|before| before.text.clone()));
    let text = text.ok_or_else(|| input.missing("Schedule"))?;
    let zone_name =
        input.text("Timezone")?.map(str::to_owned).or(before.as_ref().and_then(|before| before.zone_name.clone()));
    let bounds = match (input.object("ScalableTargetAction")?, &before) {
        (Some(action), _) => checked_bounds(action, None)?,
        (None, Some(before)) => before.bounds,
        (None, None) => return Err(input.missing("ScalableTargetAction")),
    };
    if bounds == (None, None) {
        return Err(input.refuse("A scheduled action must set the minimum capacity, the maximum capacity, or both."));
    }
    let uuid = world.rng.uuid();
    let made = format!(
        "arn:aws:autoscaling:{}:{}:scheduledAction:{uuid}:resource/ecs/{resource}:scheduledActionName/{name}",
        cx.region, cx.account
    );
    let action = Action {
        name: name.to_owned(),
        arn: before.as_ref().map_or(made, |before| before.arn.clone()),
        schedule: schedule(input, &text)?,
        text,
        zone: zone(input, zone_name.as_deref())?,
        zone_name,
        start: input.time("StartTime")?.or(before.as_ref().and_then(|before| before.start)),
        end: input.time("EndTime")?.or(before.as_ref().and_then(|before| before.end)),
        bounds,
        created: before.as_ref().map_or(cx.now, |before| before.created),
        generation: before.as_ref().map_or(0, |before| before.generation + 1),
    };
    if action.start.zip(action.end).is_some_and(|(start, end)| start >= end) {
        return Err(input.refuse("The start time of a scheduled action must be before its end time."));
    }
    if matches!(action.schedule, Schedule::At(_)) && action.next(cx.now).is_none() {
        return Err(input.refuse("The time of a scheduled action must be in the future."));
    }
    if let Some(target) = world.services.scaling.target_mut(&place, resource) {
        target.actions.insert(name.to_owned(), action);
    }
    plan(world, &place, resource, name);
    Ok(Value::Null)
}

/// Plans the next time of an action, if there is one.
fn plan(world: &mut World, place: &Place, resource: &str, name: &str) {
    let target = world.services.scaling.target(place, resource);
    let Some(action) = target.and_then(|target| target.actions.get(name)) else { return };
    let Some(next) = action.next(world.now) else { return };
    let due = Due {
        place: place.clone(),
        resource: resource.to_owned(),
        name: name.to_owned(),
        generation: action.generation,
        recurs: !matches!(action.schedule, Schedule::At(_)),
    };
    let wait = Duration::from_secs_f64(seconds_between(world.now, next));
    world.after(wait, Event::Scaling(due));
}

pub(super) fn happen(world: &mut World, due: &Due) {
    let Due { place, resource, name, generation, .. } = due;
    let Some(target) = world.services.scaling.target_mut(place, resource) else { return };
    let Some(action) = target.actions.get(name).filter(|action| action.generation == *generation) else { return };
    let bounds = action.bounds;
    let (least, most) = (bounds.0.unwrap_or(target.minimum), bounds.1.unwrap_or(target.maximum));
    // Bounds that contradict those that are kept change nothing.
    if !target.is_suspended(SCHEDULED) && least <= most {
        (target.minimum, target.maximum) = (least, most);
        keep_within(world, place, resource, &format!("scheduled action name {name} was triggered"));
    }
    plan(world, place, resource, name);
}

pub(super) fn describe(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    check_namespace(input)?;
    let (names, resource) = (input.texts("ScheduledActionNames")?, input.text("ResourceId")?);
    let targets = world.services.scaling.here(cx).targets.values();
    let targets = targets.filter(|target| resource.is_none_or(|resource| target.resource == resource));
    let shown = targets.flat_map(|target| {
        let wanted = target.actions.values().filter(|it| names.is_empty() || names.contains(&it.name.as_str()));
        wanted.map(|action| action.show(target))
    });
    page(input, "ScheduledActions", 50, &shown.collect::<Vec<_>>())
}

pub(super) fn delete(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let (name, resource) = (input.required("ScheduledActionName")?, resource(input)?);
    let target = world.services.scaling.here(cx).targets.get_mut(resource);
    let removed = target.and_then(|target| target.actions.remove(name));
    removed.map(|_| Value::Null).ok_or_else(|| not_found("scheduled action", resource))
}
