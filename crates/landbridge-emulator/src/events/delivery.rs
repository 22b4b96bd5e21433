//! From an event to the queues of the rules that take it.

use serde_json::{Value, json};

use super::DEFAULT_BUS;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::sqs;
use crate::world::{Cx, Event, World};

/// An event that an AWS service tells of itself.
#[derive(Debug)]
pub(crate) struct Occurrence<'a> {
    /// `aws.ecs`.
    pub(crate) source: &'a str,
    /// `ECS Task State Change`.
    pub(crate) detail_type: &'a str,
    pub(crate) account: &'a str,
    pub(crate) region: &'a str,
    pub(crate) resources: Vec<String>,
    pub(crate) detail: Value,
}

/// A message on its way to a target.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Delivery {
    queue: String,
    rule: String,
    body: String,
    dead_letters: Option<String>,
}

/// Whether any rule of the account's default bus could take an event: with none nothing need be made.
pub(crate) fn is_heard(world: &World, account: &str, region: &str) -> bool {
    let buses = &world.services.events.buses;
    if buses.is_empty() {
        return false;
    }
    let bus = buses.get(&(account.to_owned(), region.to_owned(), DEFAULT_BUS.to_owned()));
    bus.is_some_and(|bus| bus.rules.values().any(|rule| rule.is_on() && rule.pattern.is_some()))
}

/// Puts what happened on the account's default bus.
pub(crate) fn emit(world: &mut World, what: &Occurrence<'_>) {
    if !is_heard(world, what.account, what.region) {
        return;
    }
    let event = json!({
        "version": "0",
        "id": world.rng.uuid(),
        "detail-type": what.detail_type,
        "source": what.source,
        "account": what.account,
        "time": whole_seconds(world.now),
        "region": what.region,
        "resources": what.resources,
        "detail": what.detail,
    });
    let place = (what.account.to_owned(), what.region.to_owned(), DEFAULT_BUS.to_owned());
    route(world, &place, &event);
}

/// Events carry their time to the second.
pub(super) fn whole_seconds(at: jiff::Timestamp) -> String {
    at.round(jiff::Unit::Second).unwrap_or(at).to_string()
}

/// Sends an event to the targets of every rule of its bus that takes it.
fn route(world: &mut World, place: &(String, String, String), event: &Value) {
    let Some(bus) = world.services.events.buses.get(place) else { return };
    let rules = bus.rules.values().filter(|rule| rule.is_on());
    let rules = rules.filter(|rule| rule.pattern.as_ref().is_some_and(|pattern| pattern.takes(event)));
    let mut deliveries = Vec::new();
    for rule in rules {
        for target in rule.targets.values().filter(|target| target.arn.starts_with("arn:aws:sqs:")) {
            deliveries.push(Delivery {
                queue: target.arn.clone(),
                rule: rule.arn.clone(),
                body: target.message(event),
                dead_letters: target.dead_letters(),
            });
        }
    }
    let delay = world.timings.event_delivery;
    for delivery in deliveries {
        world.after(delay, Event::Events(delivery));
    }
}

/// A message arrives, or goes where undeliverable ones go; without such a place it is lost ("Using dead-letter queues to
/// process undelivered events").
pub(super) fn arrive(world: &mut World, delivery: &Delivery) {
    const SERVICE: &str = "events.amazonaws.com";
    let Delivery { queue, rule, body, dead_letters } = delivery;
    if sqs::deliver(world, queue, SERVICE, rule, body).is_ok() {
        return;
    }
    tracing::debug!(%queue, %rule, "an event could not be delivered");
    if let Some(letters) = dead_letters {
        // A dead-letter queue that is not there either loses it.
        let _ = sqs::deliver(world, letters, SERVICE, rule, body);
    }
}

pub(super) fn put_events(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let entries = input.objects("Entries")?;
    if !(1..=10).contains(&entries.len()) {
        return Err(input.refuse(
            "1 validation error detected: Value at 'entries' failed to satisfy constraint: Member must have length less than \
             or equal to 10 and greater than or equal to 1",
        ));
    }
    let (mut answers, mut failures) = (Vec::new(), 0);
    let sources = entries.iter().map(|entry| entry.text("Source")).collect::<Result<Vec<_>, _>>()?;
    let spoilt = world.spoilt(sources.into_iter().map(Option::unwrap_or_default));
    for (entry, spoilt) in entries.into_iter().zip(spoilt) {
        // Of the codes of PutEventsResultEntry, the one to try again after.
        let broken = || Err(("InternalFailure", "The event could not be put. Try again.".to_owned()));
        match if spoilt { broken() } else { put_one(world, cx, entry)? } {
            Ok(id) => answers.push(json!({ "EventId": id })),
            Err((code, message)) => {
                failures += 1;
                answers.push(json!({ "ErrorCode": code, "ErrorMessage": message }));
            }
        }
    }
    Ok(json!({ "FailedEntryCount": failures, "Entries": answers }))
}

type Failed = (&'static str, String);

fn put_one(world: &mut World, cx: &Cx, entry: Input<'_>) -> Result<Result<String, Failed>, Refusal> {
    let mut given = [""; 3];
    for (place, name) in given.iter_mut().zip(["Source", "DetailType", "Detail"]) {
        let Some(text) = entry.text(name)?.filter(|text| !text.is_empty()) else {
            let message = format!("Parameter {name} is not valid. Reason: {name} is a required argument.");
            return Ok(Err(("InvalidArgument", message)));
        };
        *place = text;
    }
    let [source, detail_type, detail] = given;
    if source.starts_with("aws.") {
        let message = "Not authorized for the source.".to_owned();
        return Ok(Err(("NotAuthorizedForSourceException", message)));
    }
    let Ok(detail) = serde_json::from_str::<Value>(detail) else {
        return Ok(Err(("MalformedDetail", "Detail is malformed.".to_owned())));
    };
    let id = world.rng.uuid();
    let event = json!({
        "version": "0", "id": id, "detail-type": detail_type, "source": source, "account": cx.account,
        "time": whole_seconds(cx.now), "region": cx.region, "resources": entry.texts("Resources")?, "detail": detail,
    });
    let Ok(bus) = world.services.events.bus(cx, entry) else { return Ok(Ok(id)) };
    let place = (cx.account.clone(), cx.region.clone(), bus.name.clone());
    route(world, &place, &event);
    Ok(Ok(id))
}
