//! Targets of rules (PutTargets, RemoveTargets, ListTargetsByRule), and what of an event they are given.

use serde_json::{Value, json};

use super::bus::Bus;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

/// A rule has at most this many targets ("Amazon EventBridge quotas").
const TARGETS: usize = 5;

#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) arn: String,
    /// The target as it was given.
    given: Value,
}

impl Target {
    pub(super) fn show(&self) -> Value {
        self.given.clone()
    }

    pub(super) fn dead_letters(&self) -> Option<String> {
        self.given["DeadLetterConfig"]["Arn"].as_str().map(str::to_owned)
    }

    /// What the target is sent: its constant `Input`, a part of the event (`InputPath`), a filled-in template
    /// (`InputTransformer`), or the whole event.
    pub(super) fn message(&self, event: &Value) -> String {
        if let Some(constant) = self.given["Input"].as_str() {
            return constant.to_owned();
        }
        if let Some(path) = self.given["InputPath"].as_str() {
            return at(event, path).to_string();
        }
        match self.given.get("InputTransformer").filter(|it| it.is_object()) {
            Some(transformer) => transformed(transformer, event),
            None => event.to_string(),
        }
    }
}

/// The value at a path such as `$.detail.group`.
fn at<'a>(event: &'a Value, path: &str) -> &'a Value {
    let names = path.trim_start_matches('$').split('.').filter(|name| !name.is_empty());
    names.fold(event, |value, name| &value[name])
}

/// `<name>` stands for the value at the path of that name; text is put in without its quotes where the template has
/// quotes of its own ("Amazon EventBridge input transformation").
fn transformed(transformer: &Value, event: &Value) -> String {
    let mut text = transformer["InputTemplate"].as_str().unwrap_or_default().to_owned();
    for (name, path) in transformer["InputPathsMap"].as_object().into_iter().flatten() {
        let value = at(event, path.as_str().unwrap_or_default());
        let bare = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        text = text.replace(&format!("\"<{name}>\""), &json!(bare).to_string());
        text = text.replace(&format!("<{name}>"), &bare);
    }
    text
}

fn failed(id: &str, message: &str) -> Value {
    json!({ "TargetId": id, "ErrorCode": "ValidationException", "ErrorMessage": message })
}

/// A target that cannot be changed at the moment (`PutTargetsResultEntry.ErrorCode`).
fn busy(id: &str) -> Value {
    let message = "There is concurrent modification on a rule, target, archive, or replay.";
    json!({ "TargetId": id, "ErrorCode": "ConcurrentModificationException", "ErrorMessage": message })
}

pub(super) fn put(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let given = input.objects("Targets")?;
    if !(1..=100).contains(&given.len()) {
        return Err(input.refuse("Targets must have between 1 and 100 items."));
    }
    let ids = given.iter().map(|target| target.required("Id")).collect::<Result<Vec<&str>, _>>()?;
    let spoilt = world.spoilt(ids.iter().copied());
    let rule = world.services.events.bus(cx, input)?.rule(input.required("Rule")?)?;
    let mut failures = Vec::new();
    for ((target, id), spoilt) in given.into_iter().zip(ids).zip(spoilt) {
        let arn = target.required("Arn")?;
        if spoilt {
            failures.push(busy(id));
            continue;
        }
        if !arn.starts_with("arn:") {
            failures.push(failed(
                id,
                &format!("Parameter {arn} is not valid. Reason: Provided Arn is not in correct format."),
            ));
            continue;
        }
        if !rule.targets.contains_key(id) && rule.targets.len() >= TARGETS {
            let message = "The requested resource exceeds the maximum number allowed.";
            return Err(Refusal::new("LimitExceededException", message));
        }
        let target = Target { arn: arn.to_owned(), given: Value::Object(target.members()) };
        rule.targets.insert(id.to_owned(), target);
    }
    Ok(json!({ "FailedEntryCount": failures.len(), "FailedEntries": failures }))
}

pub(super) fn remove(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let ids = input.texts("Ids")?;
    let spoilt = world.spoilt(ids.iter().copied());
    let rule = world.services.events.bus(cx, input)?.rule(input.required("Rule")?)?;
    let mut failures = Vec::new();
    for (id, spoilt) in ids.into_iter().zip(spoilt) {
        if spoilt {
            failures.push(busy(id));
        } else if rule.targets.remove(id).is_none() {
            let message = format!("Target {id} does not exist on rule {}.", rule.name);
            failures.push(json!({
                "TargetId": id, "ErrorCode": "ResourceNotFoundException", "ErrorMessage": message,
            }));
        }
    }
    Ok(json!({ "FailedEntryCount": failures.len(), "FailedEntries": failures }))
}

pub(super) fn list(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let rule = world.services.events.bus(cx, input)?.rule(input.required("Rule")?)?;
    Ok(json!({ "Targets": rule.targets.values().map(Target::show).collect::<Vec<_>>() }))
}

pub(super) fn rules_of(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let arn = input.required("TargetArn")?;
    let Bus { rules, .. } = world.services.events.bus(cx, input)?;
    let named = rules.values().filter(|rule| rule.targets.values().any(|target| target.arn == arn));
    Ok(json!({ "RuleNames": named.map(|rule| rule.name.clone()).collect::<Vec<_>>() }))
}
