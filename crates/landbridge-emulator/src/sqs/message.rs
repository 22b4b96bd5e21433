//! Sending, receiving and deleting messages (SendMessage, ReceiveMessage, "Amazon SQS visibility timeout").

use std::fmt::Write as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use md5::{Digest as _, Md5};
use serde_json::{Map, Value, json};

use super::attributes::{dead_letters, redrive};
use super::queue::Message;
use crate::clock::later;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

/// Characters that a receipt handle has at least: 64 hexadecimal digits in base64.
const HANDLE: usize = 88;

/// MD5 in hexadecimal, by which clients check that a body arrived whole (`MD5OfMessageBody`).
fn digest(text: &str) -> String {
    Md5::digest(text.as_bytes()).iter().fold(String::with_capacity(32), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Does an operation for each entry of a batch of 1 to 10; each succeeds or fails on its own.
pub(super) fn each(
    world: &mut World,
    cx: &Cx,
    input: Input<'_>,
    one: fn(&mut World, &Cx, Input<'_>) -> Result<Value, Refusal>,
) -> Result<Value, Refusal> {
    let url = input.required("QueueUrl")?;
    world.services.sqs.named(cx, input)?;
    let entries = input.objects("Entries")?;
    if entries.is_empty() {
        return Err(Refusal::new("com.amazonaws.sqs#EmptyBatchRequest", "There should be at least one entry.")
            .query("AWS.SimpleQueueService.EmptyBatchRequest"));
    }
    if entries.len() > 10 {
        let message = "Maximum number of entries per request are 10.";
        return Err(Refusal::new("com.amazonaws.sqs#TooManyEntriesInBatchRequest", message)
            .query("AWS.SimpleQueueService.TooManyEntriesInBatchRequest"));
    }
    let (mut done, mut failed, mut seen) = (Vec::new(), Vec::new(), Vec::new());
    let ids = entries.iter().map(|entry| entry.required("Id")).collect::<Result<Vec<&str>, _>>()?;
    let spoilt = world.spoilt(ids.iter().copied());
    for ((entry, id), spoilt) in entries.into_iter().zip(ids).zip(spoilt) {
        if seen.contains(&id) {
            return Err(Refusal::new("com.amazonaws.sqs#BatchEntryIdsNotDistinct", format!("Id {id} repeated."))
                .query("AWS.SimpleQueueService.BatchEntryIdsNotDistinct"));
        }
        seen.push(id);
        if spoilt {
            let message = "We encountered an internal error. Please try again.";
            failed.push(json!({ "Id": id, "Code": "InternalError", "Message": message, "SenderFault": false }));
            continue;
        }
        let mut asked = entry.members();
        asked.insert("QueueUrl".to_owned(), json!(url));
        match one(world, cx, Input::new(&Value::Object(asked), "com.amazonaws.sqs#InvalidParameterValueException")) {
            Ok(Value::Object(mut answer)) => {
                answer.insert("Id".to_owned(), json!(id));
                done.push(Value::Object(answer));
            }
            Ok(_) => done.push(json!({ "Id": id })),
            Err(refusal) => {
                let code = refusal.query_code.unwrap_or(&refusal.code).to_owned();
                failed.push(json!({ "Id": id, "Code": code, "Message": refusal.message, "SenderFault": true }));
            }
        }
    }
    Ok(json!({ "Successful": done, "Failed": failed }))
}

pub(super) fn send(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let body = input.required("MessageBody")?;
    let delay = input.number_within("DelaySeconds", 0, 900)?;
    let attributes = input.get("MessageAttributes").cloned().unwrap_or_default();
    let id = world.rng.uuid();
    let queue = world.services.sqs.named(cx, input)?;
    let most = queue.number("MaximumMessageSize").max(0) as usize;
    if body.is_empty() || body.len() > most {
        return Err(
            input.refuse(format!("One or more parameters are invalid. Reason: Message must have 1 to {most} bytes."))
        );
    }
    let delay = delay.unwrap_or_else(|| queue.number("DelaySeconds")).max(0) as u64;
    queue.put(id.clone(), body, attributes, json!(cx.principal), cx.now, delay);
    Ok(json!({ "MessageId": id, "MD5OfMessageBody": digest(body) }))
}

pub(super) fn receive(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let most = input.number_within("MaxNumberOfMessages", 1, 10)?.unwrap_or(1) as usize;
    input.number_within("WaitTimeSeconds", 0, 20)?;
    let hidden = input.number_within("VisibilityTimeout", 0, 43_200)?;
    let mut wanted = input.texts("AttributeNames")?;
    wanted.extend(input.texts("MessageSystemAttributeNames")?);
    let token = STANDARD.encode(world.rng.hex(64));
    let now = cx.now;
    let queue = world.services.sqs.named(cx, input)?;
    queue.expire(now);
    let hidden = hidden.unwrap_or_else(|| queue.number("VisibilityTimeout")).max(0) as u64;
    let limit = redrive(queue);
    let (mut given, mut dead) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < queue.messages.len() && given.len() < most {
        let too_often = limit.as_ref().is_some_and(|(_, most)| queue.messages[at].received >= *most);
        if queue.messages[at].visible_at > now {
            at += 1;
        } else if too_often {
            dead.extend(queue.messages.remove(at));
        } else {
            let message = &mut queue.messages[at];
            message.received += 1;
            message.first_received.get_or_insert(now);
            message.visible_at = later(now, Duration::from_secs(hidden));
            message.handles.push(format!("{token}{}", given.len()));
            given.push(message.show(&wanted));
            at += 1;
        }
    }
    if let Some((arn, _)) = limit.filter(|_| !dead.is_empty()) {
        let letters = dead_letters(world, &arn)?;
        letters.messages.extend(dead.into_iter().map(|message| message.reset(now)));
    }
    Ok(if given.is_empty() { Value::Null } else { json!({ "Messages": given }) })
}

impl Message {
    fn show(&self, wanted: &[&str]) -> Value {
        let mut shown = json!({
            "MessageId": self.id,
            "ReceiptHandle": self.handles.last(),
            "MD5OfBody": digest(&self.body),
            "Body": self.body,
        });
        if !self.attributes.is_null() {
            shown["MessageAttributes"] = self.attributes.clone();
        }
        let first = self.first_received.unwrap_or(self.sent);
        let system: Map<String, Value> = [
            ("SenderId", self.sender.clone()),
            ("SentTimestamp", json!(self.sent.as_millisecond().to_string())),
            ("ApproximateReceiveCount", json!(self.received.to_string())),
            ("ApproximateFirstReceiveTimestamp", json!(first.as_millisecond().to_string())),
        ]
        .into_iter()
        .filter(|(name, _)| wanted.contains(&"All") || wanted.contains(name))
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
        if !system.is_empty() {
            shown["Attributes"] = Value::Object(system);
        }
        shown
    }

    /// As it begins in a dead-letter queue: seen by nobody there, and as old as it is.
    fn reset(mut self, now: Timestamp) -> Self {
        self.visible_at = now;
        self.received = 0;
        self.first_received = None;
        self.handles.clear();
        self
    }
}

fn bad_handle() -> Refusal {
    Refusal::new("com.amazonaws.sqs#ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
        .query("ReceiptHandleIsInvalid")
}

/// A message that is gone already is no error (DeleteMessage).
pub(super) fn delete(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let handle = input.required("ReceiptHandle")?;
    if handle.len() < HANDLE {
        return Err(bad_handle());
    }
    let queue = world.services.sqs.named(cx, input)?;
    queue.messages.retain(|message| !message.handles.iter().any(|known| known == handle));
    Ok(Value::Null)
}

pub(super) fn change_visibility(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let handle = input.required("ReceiptHandle")?;
    let hidden = input.number_within("VisibilityTimeout", 0, 43_200)?;
    let hidden = hidden.ok_or_else(|| input.missing("VisibilityTimeout"))?.max(0) as u64;
    let queue = world.services.sqs.named(cx, input)?;
    let known = |message: &&mut Message| message.handles.last().is_some_and(|last| last == handle);
    let message = queue.messages.iter_mut().find(known).ok_or_else(bad_handle)?;
    if message.visible_at <= cx.now {
        let text = format!("Value {handle} for parameter ReceiptHandle is invalid. Reason: Message is not in flight.");
        return Err(Refusal::new("com.amazonaws.sqs#MessageNotInflight", text)
            .query("AWS.SimpleQueueService.MessageNotInflight"));
    }
    message.visible_at = later(cx.now, Duration::from_secs(hidden));
    Ok(Value::Null)
}
