//! Log streams (CreateLogStream and its siblings, Amazon CloudWatch Logs API reference).

use jiff::Timestamp;
use serde_json::{Value, json};

use super::event::Event;
use super::{already_exists, group_name, not_found, page};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

/// What CloudWatch Logs counts for each event beside its message (PutLogEvents).
const EVENT_OVERHEAD: usize = 26;

#[derive(Debug, Clone)]
pub(crate) struct Stream {
    pub(crate) name: String,
    arn: String,
    created: Timestamp,
    /// In the order of their times; those of one time in the order they came.
    pub(crate) events: Vec<Event>,
}

impl Stream {
    pub(crate) fn bytes(&self) -> usize {
        self.events.iter().map(|event| event.message.len() + EVENT_OVERHEAD).sum()
    }

    fn answer(&self) -> Value {
        let mut answer = json!({
            "logStreamName": self.name,
            "creationTime": self.created.as_millisecond(),
            "arn": self.arn,
            "storedBytes": 0,
        });
        if let (Some(first), Some(last)) = (self.events.first(), self.events.last()) {
            answer["firstEventTimestamp"] = json!(first.at);
            answer["lastEventTimestamp"] = json!(last.at);
            answer["lastIngestionTime"] = json!(self.events.iter().map(|event| event.ingested).max());
        }
        answer
    }

    pub(crate) fn dump(&self) -> Value {
        json!({"logStreamName": self.name, "events": self.events.len()})
    }
}

/// 1 to 512 characters without `:` and `*` ("logStreamName", CreateLogStream).
fn checked_name(input: Input<'_>) -> Result<&str, Refusal> {
    let name = input.required("logStreamName")?;
    if name.is_empty() || name.chars().count() > 512 || name.contains([':', '*']) {
        return Err(input.refuse(format!(
            "1 validation error detected: Value '{name}' at 'logStreamName' failed to satisfy constraint: Member must satisfy \
             regular expression pattern: [^:*]* and have 1 to 512 characters"
        )));
    }
    Ok(name)
}

pub(crate) fn create(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let name = checked_name(input)?;
    let group = world.services.logs.group(cx, input.required("logGroupName")?)?;
    if group.streams.contains_key(name) {
        return Err(already_exists("The specified log stream already exists"));
    }
    let stream = Stream {
        name: name.to_owned(),
        arn: format!("{}:log-stream:{name}", group.arn),
        created: cx.now,
        events: Vec::new(),
    };
    group.streams.insert(name.to_owned(), stream);
    Ok(Value::Null)
}

pub(crate) fn delete(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let name = checked_name(input)?;
    let group = world.services.logs.group(cx, input.required("logGroupName")?)?;
    group.streams.remove(name).ok_or_else(no_such_stream)?;
    Ok(Value::Null)
}

pub(crate) fn no_such_stream() -> Refusal {
    not_found("The specified log stream does not exist.")
}

/// By name, or by the time of the last event; `descending` turns either around.
pub(crate) fn describe(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let prefix = input.text("logStreamNamePrefix")?;
    let by_time = match input.text("orderBy")?.unwrap_or("LogStreamName") {
        "LogStreamName" => false,
        "LastEventTime" if prefix.is_some() => {
            return Err(input.refuse("Cannot order by LastEventTime with a logStreamNamePrefix."));
        }
        "LastEventTime" => true,
        other => return Err(input.refuse(format!("orderBy '{other}' is not one of LogStreamName, LastEventTime"))),
    };
    let group = world.services.logs.group(cx, group_name(input)?)?;
    let wanted = group.streams.values().filter(|stream| prefix.is_none_or(|prefix| stream.name.starts_with(prefix)));
    let mut streams: Vec<&Stream> = wanted.collect();
    if by_time {
        streams.sort_by_key(|stream| stream.events.last().map(|event| event.at));
    }
    if input.flag("descending")?.unwrap_or(false) {
        streams.reverse();
    }
    // The place in the order is the key of the page, whatever the order is.
    let keys: Vec<String> = (0..streams.len()).map(|place| format!("{place:010}")).collect();
    let items = keys.iter().zip(&streams).map(|(key, stream)| (key.as_str(), stream.answer()));
    page(input, "logStreams", items)
}
