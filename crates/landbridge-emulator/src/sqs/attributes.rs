//! Attributes of queues, and what a queue's policy lets in (SetQueueAttributes; "Amazon SQS policies").

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::queue::Queue;
use super::{invalid_attribute, no_queue};
use crate::faults::matches;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::wildcard::like;
use crate::world::{Cx, World};

/// Attributes that are numbers, with their bounds and defaults.
const NUMBERS: [(&str, i64, i64, i64); 5] = [
    ("DelaySeconds", 0, 900, 0),
    ("MaximumMessageSize", 1024, 1_048_576, 1_048_576),
    ("MessageRetentionPeriod", 60, 1_209_600, 345_600),
    ("ReceiveMessageWaitTimeSeconds", 0, 20, 0),
    ("VisibilityTimeout", 0, 43_200, 30),
];
const TEXTS: [&str; 6] = [
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "Policy",
    "RedriveAllowPolicy",
    "RedrivePolicy",
    "SqsManagedSseEnabled",
];

pub(super) fn defaults() -> BTreeMap<String, String> {
    let numbers = NUMBERS.iter().map(|(name, _, _, default)| ((*name).to_owned(), default.to_string()));
    numbers.chain([("SqsManagedSseEnabled".to_owned(), "true".to_owned())]).collect()
}

/// Attributes as they may be stored. Numbers may be given as numbers or as text.
pub(super) fn checked(given: &Value) -> Result<BTreeMap<String, String>, Refusal> {
    let given = given.as_object().ok_or_else(|| invalid_attribute("Attributes must be a map"))?;
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut checked = BTreeMap::new();
    for (name, value) in given.iter().filter(|(_, value)| !value.is_null()) {
        let value = text(value);
        let bounds = NUMBERS.iter().find(|(number, ..)| number == name);
        let fits = match bounds {
            Some((_, least, most, _)) => value.parse().is_ok_and(|number: i64| (*least..=*most).contains(&number)),
            None if name.ends_with("Policy") => {
                value.is_empty() || serde_json::from_str::<Map<String, Value>>(&value).is_ok()
            }
            None => true,
        };
        if bounds.is_none() && !TEXTS.contains(&name.as_str()) {
            return Err(Refusal::new("com.amazonaws.sqs#InvalidAttributeName", format!("Unknown Attribute {name}."))
                .query("InvalidAttributeName"));
        }
        if !fits {
            return Err(invalid_attribute(format!("Invalid value for the parameter {name}.")));
        }
        checked.insert(name.clone(), value);
    }
    Ok(checked)
}

pub(super) fn set(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let given = checked(input.get("Attributes").ok_or_else(|| input.missing("Attributes"))?)?;
    let queue = world.services.sqs.named(cx, input)?;
    // An empty text takes an attribute away.
    queue.attributes.extend(given);
    queue.attributes.retain(|_, value| !value.is_empty());
    queue.modified = cx.now;
    Ok(Value::Null)
}

pub(super) fn get(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let names = input.texts("AttributeNames")?;
    let queue = world.services.sqs.named(cx, input)?;
    queue.expire(cx.now);
    let all = names.contains(&"All");
    let shown: Map<String, Value> =
        shown(queue, cx).into_iter().filter(|(name, _)| all || names.contains(&name.as_str())).collect();
    Ok(if shown.is_empty() { Value::Null } else { json!({ "Attributes": shown }) })
}

fn shown(queue: &Queue, cx: &Cx) -> BTreeMap<String, Value> {
    let delayed = queue.messages.iter().filter(|m| m.received == 0 && m.visible_at > cx.now).count();
    let visible = queue.messages.iter().filter(|m| m.visible_at <= cx.now).count();
    let in_flight = queue.messages.len() - delayed - visible;
    let computed = [
        ("QueueArn", queue.arn.clone()),
        ("ApproximateNumberOfMessages", visible.to_string()),
        ("ApproximateNumberOfMessagesNotVisible", in_flight.to_string()),
        ("ApproximateNumberOfMessagesDelayed", delayed.to_string()),
        ("CreatedTimestamp", queue.created.as_second().to_string()),
        ("LastModifiedTimestamp", queue.modified.as_second().to_string()),
    ];
    let stored = queue.attributes.iter().map(|(name, value)| (name.clone(), json!(value)));
    computed.into_iter().map(|(name, value)| (name.to_owned(), json!(value))).chain(stored).collect()
}

/// Where a message goes that was received too often: the queue, and how often is too often.
pub(super) fn redrive(queue: &Queue) -> Option<(String, u64)> {
    let policy: Value = serde_json::from_str(queue.attribute("RedrivePolicy")?).ok()?;
    let most = policy.get("maxReceiveCount")?;
    let most = most.as_u64().or_else(|| most.as_str()?.parse().ok())?;
    Some((policy.get("deadLetterTargetArn")?.as_str()?.to_owned(), most))
}

/// The queue that takes undeliverable messages; it must exist.
pub(super) fn dead_letters<'a>(world: &'a mut World, arn: &str) -> Result<&'a mut Queue, Refusal> {
    world.services.sqs.by_arn(arn).ok_or_else(no_queue)
}

/// Whether a queue's policy lets an AWS service send on behalf of `source`. Conditions that it knows: ArnEquals, ArnLike,
/// StringEquals and StringLike on `aws:SourceArn` and `aws:SourceAccount`; any other condition refuses.
pub(super) fn lets_in(policy: Option<&str>, service: &str, queue: &str, source: &str) -> bool {
    let Some(policy) = policy.and_then(|text| serde_json::from_str::<Value>(text).ok()) else { return false };
    let applies = |statement: &&Value| {
        any(&statement["Principal"], |p| p == "*")
            || any(&statement["Principal"]["Service"], |p| p == service)
            || any(&statement["Principal"]["AWS"], |p| p == "*")
    };
    let acts = |statement: &&Value| any(&statement["Action"], |a| matches(a, "sqs:SendMessage"));
    let on = |statement: &&Value| any(&statement["Resource"], |r| like(r, queue));
    let meets = |statement: &&Value| statement.get("Condition").is_none_or(|c| holds(c, source));
    let statements = match &policy["Statement"] {
        Value::Array(statements) => statements.iter().collect(),
        one => vec![one],
    };
    let mut relevant = statements.into_iter().filter(applies).filter(acts).filter(on).filter(meets).peekable();
    relevant.peek().is_some() && relevant.all(|statement| statement["Effect"] == "Allow")
}

fn any(value: &Value, is: impl Fn(&str) -> bool) -> bool {
    match value {
        Value::String(one) => is(one),
        Value::Array(several) => several.iter().filter_map(Value::as_str).any(is),
        _ => false,
    }
}

fn holds(condition: &Value, source: &str) -> bool {
    let account = source.split(':').nth(4).unwrap_or_default();
    condition.as_object().into_iter().flatten().all(|(operator, keys)| {
        let known = ["ArnEquals", "ArnLike", "StringEquals", "StringLike"].contains(&operator.as_str());
        known
            && keys.as_object().into_iter().flatten().all(|(key, wanted)| match key.to_ascii_lowercase().as_str() {
                "aws:sourcearn" => any(wanted, |w| like(w, source)),
                "aws:sourceaccount" => any(wanted, |w| like(w, account)),
                _ => false,
            })
    })
}
