//! Rotation (RotateSecret, "Rotate AWS Secrets Manager secrets"). There is no Lambda here: what a rotation function would
//! do, giving the secret a new random password, is done after a moment.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{CURRENT, Place};
use crate::clock::later;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::wire::json::epoch;
use crate::world::{Cx, Event, Rng, World};

/// When a secret is rotated.
#[derive(Debug, Clone)]
pub(super) struct Schedule {
    lambda: String,
    rules: Value,
    every: Duration,
    next: jiff::Timestamp,
}

/// A rotation that is due.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rotation {
    place: Place,
    name: String,
    /// By schedule; otherwise because somebody asked.
    scheduled: bool,
}

impl Rotation {
    /// Whether another follows it.
    pub(crate) fn recurs(&self) -> bool {
        self.scheduled
    }
}

impl Schedule {
    pub(super) fn show(&self, shown: &mut Value) {
        shown["RotationLambdaARN"] = json!(self.lambda);
        shown["RotationRules"] = self.rules.clone();
        shown["NextRotationDate"] = epoch(self.next);
    }
}

/// Time between two rotations: of `AutomaticallyAfterDays`, or of a `rate(...)` expression in days or hours.
fn every(input: Input<'_>, rules: Input<'_>) -> Result<Duration, Refusal> {
    let hours = |number: u64| Duration::from_secs(number * 3600);
    if let Some(days) = rules.number_within("AutomaticallyAfterDays", 1, 1000)? {
        return Ok(hours(days.max(1) as u64 * 24));
    }
    let rate = rules.text("ScheduleExpression")?.unwrap_or("rate(30 days)");
    let (number, unit) = rate
        .strip_prefix("rate(")
        .and_then(|rest| rest.strip_suffix(')'))
        .and_then(|rest| rest.split_once(' '))
        .ok_or_else(|| input.refuse(format!("This emulator knows no schedule but rate(...), and not {rate}")))?;
    match (number.parse::<u64>(), unit) {
        (Ok(days), "day" | "days") if (1..=999).contains(&days) => Ok(hours(days * 24)),
        (Ok(number), "hour" | "hours") if (4..=999).contains(&number) => Ok(hours(number)),
        _ => Err(input.refuse(format!("Invalid schedule expression {rate}"))),
    }
}

pub(super) fn rotate(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let at_once = input.flag("RotateImmediately")?.unwrap_or(true);
    let lambda = input.text("RotationLambdaARN")?.map(str::to_owned);
    let id = super::version::token(world, input)?;
    let secret = world.services.secrets.usable(cx, input)?;
    let lambda = lambda.or_else(|| secret.schedule.as_ref().map(|schedule| schedule.lambda.clone()));
    let Some(lambda) = lambda else {
        let message = "No Lambda rotation function ARN is associated with this secret.";
        return Err(Refusal::new("InvalidRequestException", message));
    };
    if let Some(rules) = input.object("RotationRules")? {
        let every = every(input, rules)?;
        let rules = Value::Object(rules.members());
        secret.schedule = Some(Schedule { lambda, rules, every, next: later(cx.now, every) });
    } else if secret.schedule.is_none() {
        let message = "You must specify the rotation rules: AutomaticallyAfterDays or ScheduleExpression.";
        return Err(Refusal::new("InvalidRequestException", message));
    }
    let answer = json!({ "ARN": secret.arn, "Name": secret.name, "VersionId": id });
    let name = secret.name.clone();
    let every = secret.schedule.as_ref().map(|schedule| schedule.every);
    let due = |scheduled| Rotation { place: (cx.account.clone(), cx.region.clone()), name: name.clone(), scheduled };
    if at_once {
        let delay = world.timings.secret_rotation;
        world.after(delay, Event::Secrets(due(false)));
    }
    if let Some(every) = every {
        world.after(every, Event::Secrets(due(true)));
    }
    Ok(answer)
}

pub(super) fn cancel(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let secret = world.services.secrets.usable(cx, input)?;
    secret.schedule = None;
    Ok(json!({ "ARN": secret.arn, "Name": secret.name }))
}

pub(super) fn happen(world: &mut World, due: &Rotation) {
    let (now, id, password) = (world.now, world.rng.uuid(), password(&mut world.rng, 32));
    let secrets = world.services.secrets.places.get_mut(&due.place);
    let Some(secret) = secrets.and_then(|secrets| secrets.get_mut(&due.name)) else { return };
    let Some(current) = secret.current().cloned().filter(|_| secret.deleted_at.is_none()) else { return };
    let Some(schedule) = &mut secret.schedule else { return };
    if due.scheduled && schedule.next != now {
        // The schedule was changed since; another event is on its way.
        return;
    }
    let again = schedule.every;
    if due.scheduled {
        schedule.next = later(now, again);
    }
    let value = match serde_json::from_str::<Map<String, Value>>(&current.value.1) {
        Ok(mut members) => {
            members.insert("password".to_owned(), json!(password));
            Value::Object(members).to_string()
        }
        Err(_) => password,
    };
    // A new ID is never refused.
    if secret.add(&id, &(current.value.0, value), &[CURRENT], now).is_ok() {
        secret.rotated = Some(now);
    }
    if due.scheduled {
        world.after(again, Event::Secrets(due.clone()));
    }
}

const CHARACTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789!#%&*+-";

fn password(rng: &mut Rng, length: usize) -> String {
    (0..length).map(|_| char::from(CHARACTERS[rng.below(CHARACTERS.len() as u64) as usize])).collect()
}

/// Of the exclusions only `ExcludeCharacters` and `ExcludePunctuation` are known.
pub(super) fn random_password(world: &mut World, input: Input<'_>) -> Result<Value, Refusal> {
    let length = input.number_within("PasswordLength", 1, 4096)?.unwrap_or(32) as usize;
    let excluded = input.text("ExcludeCharacters")?.unwrap_or_default();
    let plain = input.flag("ExcludePunctuation")?.unwrap_or(false);
    let allowed = |c: char| !excluded.contains(c) && (!plain || c.is_ascii_alphanumeric());
    if !CHARACTERS.iter().any(|byte| allowed(char::from(*byte))) {
        return Err(input.refuse("The exclusions leave no character for a password"));
    }
    let mut drawn = String::with_capacity(length);
    while drawn.len() < length {
        drawn.extend(password(&mut world.rng, 1).chars().filter(|c| allowed(*c)));
    }
    Ok(json!({ "RandomPassword": drawn }))
}
