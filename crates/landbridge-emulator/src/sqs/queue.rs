//! Queues and the messages in them.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{attributes, invalid_attribute, no_queue};
use crate::clock::later;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

#[derive(Debug, Clone)]
pub(super) struct Queue {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) url: String,
    pub(super) created: Timestamp,
    pub(super) modified: Timestamp,
    /// What SetQueueAttributes can set, all as text.
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) messages: VecDeque<Message>,
}

#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) body: String,
    pub(super) attributes: Value,
    pub(super) sender: Value,
    pub(super) sent: Timestamp,
    pub(super) visible_at: Timestamp,
    pub(super) received: u64,
    pub(super) first_received: Option<Timestamp>,
    /// The handle of the newest receive; older ones no longer work for visibility, but may delete.
    pub(super) handles: Vec<String>,
}

impl Queue {
    /// A stored attribute, or nothing.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }

    /// A stored attribute that is a number; 0 where there is none.
    pub(super) fn number(&self, name: &str) -> i64 {
        self.attribute(name).and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    pub(super) fn put(&mut self, id: String, body: &str, attributes: Value, sender: Value, now: Timestamp, delay: u64) {
        self.messages.push_back(Message {
            id,
            body: body.to_owned(),
            attributes,
            sender,
            sent: now,
            visible_at: later(now, Duration::from_secs(delay)),
            received: 0,
            first_received: None,
            handles: Vec::new(),
        });
    }

    /// Drops what is older than the retention period.
    pub(super) fn expire(&mut self, now: Timestamp) {
        let kept = Duration::from_secs(self.number("MessageRetentionPeriod").max(0) as u64);
        self.messages.retain(|message| later(message.sent, kept) > now);
    }

    pub(super) fn has_visible(&mut self, now: Timestamp) -> bool {
        self.expire(now);
        self.messages.iter().any(|message| message.visible_at <= now)
    }

    pub(super) fn dump(&self) -> Value {
        let bodies: Vec<&str> = self.messages.iter().map(|message| message.body.as_str()).collect();
        json!({
            "arn": self.arn, "url": self.url, "attributes": self.attributes, "tags": self.tags, "messages": bodies,
        })
    }
}

/// 1 to 80 letters, digits, `-` and `_` (CreateQueue, "QueueName").
fn checked_name(input: Input<'_>) -> Result<&str, Refusal> {
    let name = input.required("QueueName")?;
    if name.rsplit_once('.').is_some_and(|(_, kind)| kind == "fifo") {
        let message = "This emulator has standard queues only; a FIFO queue cannot be made";
        return Err(Refusal::new("com.amazonaws.sqs#UnsupportedOperation", message)
            .query("AWS.SimpleQueueService.UnsupportedOperation"));
    }
    let characters = name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    if !(1..=80).contains(&name.len()) || !characters {
        return Err(
            input.refuse("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
        );
    }
    Ok(name)
}

pub(super) fn create(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let name = checked_name(input)?;
    let mut given = BTreeMap::new();
    if let Some(asked) = input.get("Attributes") {
        given = attributes::checked(asked)?;
    }
    let tags = input.map("tags")?.into_iter().collect();
    let queues = world.services.sqs.queues(cx);
    if let Some(queue) = queues.get(name) {
        let differs = given.iter().find(|(name, value)| queue.attributes.get(*name) != Some(value));
        return match differs {
            None => Ok(json!({ "QueueUrl": queue.url })),
            Some((attribute, _)) => Err(Refusal::new(
                "com.amazonaws.sqs#QueueNameExists",
                format!("A queue already exists with the same name and a different value for attribute {attribute}"),
            )
            .query("QueueAlreadyExists")),
        };
    }
    let mut attributes = attributes::defaults();
    attributes.extend(given);
    let url = format!("{}/{}/{name}", cx.endpoint("sqs"), cx.account);
    let queue = Queue {
        name: name.to_owned(),
        arn: format!("arn:aws:sqs:{}:{}:{name}", cx.region, cx.account),
        url: url.clone(),
        created: cx.now,
        modified: cx.now,
        attributes,
        tags,
        messages: VecDeque::new(),
    };
    queues.insert(name.to_owned(), queue);
    Ok(json!({ "QueueUrl": url }))
}

pub(super) fn url(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let name = input.required("QueueName")?;
    let account = input.text("QueueOwnerAWSAccountId")?.unwrap_or(&cx.account).to_owned();
    let queues = world.services.sqs.places.get(&(account, cx.region.clone()));
    let queue = queues.and_then(|queues| queues.get(name)).ok_or_else(no_queue)?;
    Ok(json!({ "QueueUrl": queue.url }))
}

pub(super) fn list(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let prefix = input.text("QueueNamePrefix")?.unwrap_or_default();
    let most = input.number_within("MaxResults", 1, 1000)?.unwrap_or(1000) as usize;
    let after = input.text("NextToken")?.unwrap_or_default();
    let queues = world.services.sqs.queues(cx);
    let mut found = queues.values().filter(|queue| queue.name.starts_with(prefix) && queue.name.as_str() > after);
    let page: Vec<&Queue> = found.by_ref().take(most).collect();
    let mut answer = json!({ "QueueUrls": page.iter().map(|queue| &queue.url).collect::<Vec<_>>() });
    if let (Some(last), true) = (page.last(), found.next().is_some()) {
        answer["NextToken"] = json!(last.name);
    }
    Ok(answer)
}

pub(super) fn delete(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let name = world.services.sqs.named(cx, input)?.name.clone();
    world.services.sqs.queues(cx).remove(&name);
    Ok(Value::Null)
}

pub(super) fn purge(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    world.services.sqs.named(cx, input)?.messages.clear();
    Ok(Value::Null)
}

pub(super) fn tag(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let tags = input.map("Tags")?;
    let queue = world.services.sqs.named(cx, input)?;
    let new = tags.iter().filter(|(key, _)| !queue.tags.contains_key(key)).count();
    if queue.tags.len() + new > 50 {
        return Err(invalid_attribute("Too many tags added for queue: a queue has at most 50"));
    }
    queue.tags.extend(tags);
    Ok(Value::Null)
}

pub(super) fn untag(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let keys = input.texts("TagKeys")?;
    world.services.sqs.named(cx, input)?.tags.retain(|key, _| !keys.contains(&key.as_str()));
    Ok(Value::Null)
}

pub(super) fn tags(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    Ok(json!({ "Tags": world.services.sqs.named(cx, input)?.tags }))
}
