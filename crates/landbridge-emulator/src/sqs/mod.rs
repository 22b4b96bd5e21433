//! Amazon SQS: standard queues, for whatever delivers to them and whoever polls them.
//!
//! FIFO queues are refused. A long poll is the front's business ([`is_awaited`]): here a receive is answered at once.
//! Source: Amazon SQS API reference (2012-11-05, AWS JSON 1.0).

mod attributes;
mod message;
mod queue;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

use queue::Queue;

/// All accounts' and regions' queues, by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sqs {
    places: BTreeMap<(String, String), BTreeMap<String, Queue>>,
}

impl Sqs {
    /// Everything remembered, for a look from outside.
    pub(crate) fn dump(&self) -> Value {
        self.places.values().flat_map(BTreeMap::values).map(Queue::dump).collect()
    }

    /// Queues with their tags.
    pub(crate) fn tagged(&self, cx: &Cx) -> crate::tagging::Tagged {
        let here = self.places.get(&(cx.account.clone(), cx.region.clone())).into_iter().flat_map(BTreeMap::values);
        here.map(|queue| (queue.arn.clone(), queue.tags.clone())).collect()
    }

    fn queues(&mut self, cx: &Cx) -> &mut BTreeMap<String, Queue> {
        self.places.entry((cx.account.clone(), cx.region.clone())).or_default()
    }

    /// The queue that an ARN names.
    fn by_arn(&mut self, arn: &str) -> Option<&mut Queue> {
        let mut parts = arn.strip_prefix("arn:aws:sqs:")?.splitn(3, ':');
        let (region, account) = (parts.next()?.to_owned(), parts.next()?.to_owned());
        self.places.get_mut(&(account, region))?.get_mut(parts.next()?)
    }

    /// The queue that `QueueUrl` names.
    fn named(&mut self, cx: &Cx, input: Input<'_>) -> Result<&mut Queue, Refusal> {
        let url = input.required("QueueUrl")?;
        let mut path = url.rsplit('/');
        let name = path.next().unwrap_or_default();
        let account = path.next().filter(|a| a.len() == 12).unwrap_or(&cx.account).to_owned();
        let queues = self.places.get_mut(&(account, cx.region.clone()));
        queues.and_then(|queues| queues.get_mut(name)).ok_or_else(no_queue)
    }
}

fn no_queue() -> Refusal {
    Refusal::new("com.amazonaws.sqs#QueueDoesNotExist", "The specified queue does not exist.")
        .query("AWS.SimpleQueueService.NonExistentQueue")
}

fn invalid_attribute(message: impl Into<String>) -> Refusal {
    Refusal::new("com.amazonaws.sqs#InvalidAttributeValue", message).query("InvalidAttributeValue")
}

/// Answers one operation.
pub(crate) fn call(world: &mut World, cx: &Cx, op: &str, input: &Value) -> Result<Value, Refusal> {
    let input = Input::new(input, "com.amazonaws.sqs#InvalidParameterValueException");
    match op {
        "CreateQueue" => queue::create(world, cx, input),
        "GetQueueUrl" => queue::url(world, cx, input),
        "ListQueues" => queue::list(world, cx, input),
        "DeleteQueue" => queue::delete(world, cx, input),
        "PurgeQueue" => queue::purge(world, cx, input),
        "GetQueueAttributes" => attributes::get(world, cx, input),
        "SetQueueAttributes" => attributes::set(world, cx, input),
        "TagQueue" => queue::tag(world, cx, input),
        "UntagQueue" => queue::untag(world, cx, input),
        "ListQueueTags" => queue::tags(world, cx, input),
        "SendMessage" => message::send(world, cx, input),
        "SendMessageBatch" => message::each(world, cx, input, message::send),
        "ReceiveMessage" => message::receive(world, cx, input),
        "DeleteMessage" => message::delete(world, cx, input),
        "DeleteMessageBatch" => message::each(world, cx, input, message::delete),
        "ChangeMessageVisibility" => message::change_visibility(world, cx, input),
        "ChangeMessageVisibilityBatch" => message::each(world, cx, input, message::change_visibility),
        _ => Err(Refusal::unknown_operation()),
    }
}

/// True while a ReceiveMessage that began at `began` should go on waiting: its queue has nothing to give, and its
/// `WaitTimeSeconds`, or the queue's, are not over ("Amazon SQS short and long polling").
pub(crate) fn is_awaited(world: &mut World, cx: &Cx, input: &Value, began: Timestamp) -> bool {
    let now = world.now;
    let input = Input::new(input, "");
    let Ok(queue) = world.services.sqs.named(cx, input) else { return false };
    let asked = input.number("WaitTimeSeconds").ok().flatten();
    let seconds = asked.unwrap_or_else(|| queue.number("ReceiveMessageWaitTimeSeconds")).clamp(0, 20);
    crate::clock::seconds_between(began, now) < seconds as f64 && !queue.has_visible(now)
}

/// Why a message that another service delivers does not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Undelivered {
    NoQueue,
    /// The queue's policy does not let that service in.
    Denied,
}

/// Puts a message from another AWS service into the queue of that ARN, if the queue's policy allows it.
pub(crate) fn deliver(
    world: &mut World,
    queue: &str,
    service: &str,
    source: &str,
    body: &str,
) -> Result<(), Undelivered> {
    let now = world.now;
    let id = world.rng.uuid();
    let queue = world.services.sqs.by_arn(queue).ok_or(Undelivered::NoQueue)?;
    if !attributes::lets_in(queue.attribute("Policy"), service, &queue.arn, source) {
        return Err(Undelivered::Denied);
    }
    queue.put(id, body, Value::Null, json!(service), now, 0);
    Ok(())
}
