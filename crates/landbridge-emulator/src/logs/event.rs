//! Log events: written in batches, read from either end (PutLogEvents, GetLogEvents, FilterLogEvents, Amazon CloudWatch
//! Logs API reference).

use serde_json::{Map, Value, json};

use super::group::Group;
use super::stream::no_such_stream;
use super::{group_name, not_found};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// Bytes of one PutLogEvents, each event counting 26 more than its message.
const BATCH_SIZE: usize = 1_048_576;
const BATCH_EVENTS: usize = 10_000;

/// One event. Times are milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    pub(crate) at: i64,
    pub(crate) message: String,
    pub(crate) ingested: i64,
}

impl Event {
    fn answer(&self) -> Value {
        json!({"timestamp": self.at, "message": self.message, "ingestionTime": self.ingested})
    }
}

/// The events of a request, in order, and within the limits of a batch.
fn batch(input: Input<'_>, ingested: i64) -> Result<Vec<Event>, Refusal> {
    let mut events: Vec<Event> = Vec::new();
    for event in input.objects("logEvents")? {
        let at = event.number("timestamp")?.ok_or_else(|| event.missing("timestamp"))?;
        let message = event.required("message")?.to_owned();
        if message.is_empty() {
            return Err(input.refuse("Log event message must not be empty"));
        }
        if events.last().is_some_and(|earlier| earlier.at > at) {
            return Err(input.refuse("Log events in a single PutLogEvents request must be in chronological order."));
        }
        events.push(Event { at, message, ingested });
    }
    let size: usize = events.iter().map(|event| event.message.len() + 26).sum();
    if events.is_empty() || events.len() > BATCH_EVENTS || size > BATCH_SIZE {
        return Err(input.refuse(format!("A batch has 1 to {BATCH_EVENTS} events and at most {BATCH_SIZE} bytes")));
    }
    if let (Some(first), Some(last)) = (events.first(), events.last())
        && last.at - first.at > DAY
    {
        return Err(
            input.refuse("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
        );
    }
    Ok(events)
}

/// Stores what is neither older than 14 days or the retention, nor more than two hours in the future; says what was not.
pub(crate) fn put(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let now = cx.now.as_millisecond();
    let events = batch(input, now)?;
    let group = world.services.logs.group(cx, input.required("logGroupName")?)?;
    let expiry = expired_before(group, now);
    let stream = group.streams.get_mut(input.required("logStreamName")?).ok_or_else(no_such_stream)?;
    let mut rejected = Map::new();
    let count_before = |limit: i64| events.iter().take_while(|event| event.at < limit).count();
    let (too_old, expired) = (count_before(now - 14 * DAY), count_before(expiry));
    let accepted = count_before(now + 2 * HOUR + 1);
    if too_old > 0 {
        rejected.insert("tooOldLogEventEndIndex".to_owned(), json!(too_old));
    }
    if expired > 0 {
        rejected.insert("expiredLogEventEndIndex".to_owned(), json!(expired));
    }
    if accepted < events.len() {
        rejected.insert("tooNewLogEventStartIndex".to_owned(), json!(accepted));
    }
    let first = too_old.max(expired);
    stream.events.extend(events.into_iter().take(accepted).skip(first));
    stream.events.sort_by_key(|event| event.at);
    // The sequence token has had no meaning since January 2023 and is still given.
    let mut answer = json!({"nextSequenceToken": format!("{:056}", stream.events.len())});
    if !rejected.is_empty() {
        answer["rejectedLogEventsInfo"] = Value::Object(rejected);
    }
    Ok(answer)
}

/// Events before this time are gone.
fn expired_before(group: &Group, now: i64) -> i64 {
    group.retention_days.map_or(i64::MIN, |days| now - days * DAY)
}

/// `startTime` inclusive, `endTime` exclusive.
fn period(input: Input<'_>, group: &Group, now: i64) -> Result<std::ops::Range<i64>, Refusal> {
    let from = input.number("startTime")?.unwrap_or(i64::MIN).max(expired_before(group, now));
    Ok(from..input.number("endTime")?.unwrap_or(i64::MAX))
}

/// A page from the end unless `startFromHead`. Tokens name a place (`f/12`, `b/3`) in the period's events; the one that
/// comes back unchanged says that there is nothing more in that direction.
pub(crate) fn get(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let most = input.number_within("limit", 1, 10_000)?.unwrap_or(10_000) as usize;
    let group = world.services.logs.group(cx, group_name(input)?)?;
    let period = period(input, group, cx.now.as_millisecond())?;
    let stream = group.streams.get(input.required("logStreamName")?).ok_or_else(no_such_stream)?;
    let events: Vec<_> = stream.events.iter().filter(|event| period.contains(&event.at)).collect();
    let from_head = input.flag("startFromHead")?.unwrap_or(false);
    let token = input.text("nextToken")?.map(|token| place(input, token)).transpose()?;
    let (start, end) = match token {
        Some((true, at)) => (at.min(events.len()), at.saturating_add(most).min(events.len())),
        Some((false, at)) => (at.min(events.len()).saturating_sub(most), at.min(events.len())),
        None if from_head => (0, most.min(events.len())),
        None => (events.len().saturating_sub(most), events.len()),
    };
    Ok(json!({
        "events": events[start..end].iter().map(|event| event.answer()).collect::<Value>(),
        "nextForwardToken": format!("f/{end}"),
        "nextBackwardToken": format!("b/{start}"),
    }))
}

/// Whether a token goes forward, and from which place.
fn place(input: Input<'_>, token: &str) -> Result<(bool, usize), Refusal> {
    let (direction, at) = token.split_once('/').unwrap_or_default();
    match (direction, at.parse()) {
        ("f", Ok(at)) => Ok((true, at)),
        ("b", Ok(at)) => Ok((false, at)),
        _ => Err(input.refuse("The specified nextToken is invalid.")),
    }
}

/// Events of many streams in the order of time. Of the filter syntax, terms that must all occur are known.
pub(crate) fn filter(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let most = input.number_within("limit", 1, 10_000)?.unwrap_or(10_000) as usize;
    let terms = terms(input)?;
    let (asked, prefix) = (input.texts("logStreamNames")?, input.text("logStreamNamePrefix")?);
    let skip = input.text("nextToken")?.map(|token| place(input, token)).transpose()?.map_or(0, |(_, at)| at);
    let group = world.services.logs.group(cx, group_name(input)?)?;
    if let Some(unknown) = asked.iter().find(|name| !group.streams.contains_key(**name)) {
        return Err(not_found(&format!("The specified log stream does not exist: {unknown}")));
    }
    let period = period(input, group, cx.now.as_millisecond())?;
    let streams = group.streams.values().filter(|stream| {
        (asked.is_empty() || asked.contains(&stream.name.as_str())) && prefix.is_none_or(|p| stream.name.starts_with(p))
    });
    let mut found: Vec<_> = streams.flat_map(|stream| stream.events.iter().map(move |event| (stream, event))).collect();
    found.retain(|(_, event)| {
        period.contains(&event.at) && terms.iter().all(|term| event.message.contains(term.as_str()))
    });
    found.sort_by_key(|(_, event)| event.at);
    let end = skip.saturating_add(most).min(found.len());
    let events = found.iter().enumerate().take(end).skip(skip).map(|(place, (stream, event))| {
        let mut answer = event.answer();
        answer["logStreamName"] = json!(stream.name);
        answer["eventId"] = json!(format!("{:020}{place:036}", event.at));
        answer
    });
    let mut answer = json!({"events": events.collect::<Value>(), "searchedLogStreams": []});
    if end < found.len() {
        answer["nextToken"] = json!(format!("f/{end}"));
    }
    Ok(answer)
}

/// Words and quoted phrases, all of which must occur in a message with regard to case ("Filter pattern syntax").
fn terms(input: Input<'_>) -> Result<Vec<String>, Refusal> {
    let pattern = input.text("filterPattern")?.unwrap_or("").trim();
    if pattern.starts_with(['{', '[', '%', '?', '-']) || pattern.contains(" ?") || pattern.contains(" -") {
        return Err(input.refuse("The emulator knows filter patterns of plain terms only, all of which must occur"));
    }
    let mut terms = Vec::new();
    for (index, part) in pattern.split('"').enumerate() {
        // Every second part stood between quotes.
        if index % 2 == 1 {
            terms.push(part.to_owned());
        } else {
            terms.extend(part.split_whitespace().map(ToOwned::to_owned));
        }
    }
    Ok(terms)
}
