//! Log groups (CreateLogGroup and its siblings, Amazon CloudWatch Logs API reference).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::stream::Stream;
use super::{already_exists, bare, not_found, page};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

/// The values of `retentionInDays` (PutRetentionPolicy).
const RETENTION_DAYS: [i64; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];
const CLASSES: [&str; 3] = ["STANDARD", "INFREQUENT_ACCESS", "DELIVERY"];
const TAGS: usize = 50;

#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) name: String,
    /// Without the `:*` that `arn` of DescribeLogGroups ends in.
    pub(crate) arn: String,
    created: Timestamp,
    pub(crate) retention_days: Option<i64>,
    class: String,
    kms_key: Option<String>,
    deletion_protected: bool,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) streams: BTreeMap<String, Stream>,
}

impl Group {
    fn answer(&self) -> Value {
        let mut answer = json!({
            "logGroupName": self.name,
            "creationTime": self.created.as_millisecond(),
            "metricFilterCount": 0,
            "arn": format!("{}:*", self.arn),
            "logGroupArn": self.arn,
            "storedBytes": self.streams.values().map(Stream::bytes).sum::<usize>(),
            "logGroupClass": self.class,
            "deletionProtectionEnabled": self.deletion_protected,
        });
        if let Some(days) = self.retention_days {
            answer["retentionInDays"] = json!(days);
        }
        if let Some(key) = &self.kms_key {
            answer["kmsKeyId"] = json!(key);
        }
        answer
    }

    pub(crate) fn dump(&self) -> Value {
        let mut dump = self.answer();
        dump["tags"] = json!(self.tags);
        dump["streams"] = self.streams.values().map(Stream::dump).collect();
        dump
    }
}

/// 1 to 512 characters of `[\.\-_/#A-Za-z0-9]`, not beginning with `aws/` ("logGroupName", CreateLogGroup).
fn checked_name(input: Input<'_>) -> Result<&str, Refusal> {
    let name = input.required("logGroupName")?;
    let characters = name.chars().all(|c| c.is_ascii_alphanumeric() || ".-_/#".contains(c));
    if !(1..=512).contains(&name.len()) || !characters {
        return Err(input.refuse(format!(
            "1 validation error detected: Value '{name}' at 'logGroupName' failed to satisfy constraint: Member must satisfy \
             regular expression pattern: [\\.\\-_/#A-Za-z0-9]+ and have 1 to 512 characters"
        )));
    }
    if name.starts_with("aws/") {
        return Err(input.refuse("Log groups starting with aws/ are reserved for AWS."));
    }
    Ok(name)
}

fn checked_tags(input: Input<'_>) -> Result<BTreeMap<String, String>, Refusal> {
    let tags = input.map("tags")?;
    for (key, value) in &tags {
        if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
            return Err(input.refuse(format!("Tag '{key}': keys have 1 to 128 characters and values up to 256")));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(input.refuse("aws: prefixed tag key names are not allowed for external use."));
        }
    }
    Ok(tags.into_iter().collect())
}

pub(crate) fn create(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let name = checked_name(input)?;
    let class = input.text("logGroupClass")?.unwrap_or("STANDARD");
    if !CLASSES.contains(&class) {
        return Err(input.refuse(format!("logGroupClass '{class}' is not one of {}", CLASSES.join(", "))));
    }
    let kms_key = input.text("kmsKeyId")?.map(ToOwned::to_owned);
    if kms_key.as_ref().is_some_and(|key| !key.starts_with("arn:aws:kms:")) {
        return Err(input.refuse("The specified KMS key is not valid: give the ARN of a symmetric key"));
    }
    let tags = checked_tags(input)?;
    if tags.len() > TAGS {
        return Err(input.refuse(format!("A log group can have at most {TAGS} tags")));
    }
    let groups = world.services.logs.groups(cx);
    if groups.contains_key(name) {
        return Err(already_exists("The specified log group already exists"));
    }
    let group = Group {
        name: name.to_owned(),
        arn: format!("arn:aws:logs:{}:{}:log-group:{name}", cx.region, cx.account),
        created: cx.now,
        retention_days: None,
        class: class.to_owned(),
        kms_key,
        deletion_protected: input.flag("deletionProtectionEnabled")?.unwrap_or(false),
        tags,
        streams: BTreeMap::new(),
    };
    groups.insert(name.to_owned(), group);
    Ok(Value::Null)
}

pub(crate) fn delete(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let name = checked_name(input)?;
    if world.services.logs.group(cx, name)?.deletion_protected {
        let message = "The log group has deletion protection enabled; disable it before you delete the group";
        return Err(Refusal::new("ValidationException", message));
    }
    world.services.logs.groups(cx).remove(name);
    Ok(Value::Null)
}

/// Groups by name, optionally by prefix, by part of the name, by class, or exactly those asked for.
pub(crate) fn describe(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let (prefix, pattern) = (input.text("logGroupNamePrefix")?, input.text("logGroupNamePattern")?);
    if prefix.is_some() && pattern.is_some() {
        return Err(input.refuse("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."));
    }
    let class = input.text("logGroupClass")?;
    let asked: Vec<_> = input.texts("logGroupIdentifiers")?.into_iter().map(bare).collect();
    let wanted = |group: &&Group| {
        prefix.is_none_or(|prefix| group.name.starts_with(prefix))
            && pattern.is_none_or(|part| group.name.contains(part))
            && class.is_none_or(|class| group.class == class)
            && (asked.is_empty() || asked.contains(&group.name.as_str()))
    };
    let groups = world.services.logs.groups(cx).values().filter(wanted);
    page(input, "logGroups", groups.map(|group| (group.name.as_str(), group.answer())))
}

pub(crate) fn put_retention(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let name = checked_name(input)?;
    let days = input.number("retentionInDays")?.ok_or_else(|| input.missing("retentionInDays"))?;
    if !RETENTION_DAYS.contains(&days) {
        return Err(input.refuse(format!(
            "1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy constraint: Member must \
             satisfy enum value set: {RETENTION_DAYS:?}"
        )));
    }
    world.services.logs.group(cx, name)?.retention_days = Some(days);
    Ok(Value::Null)
}

pub(crate) fn delete_retention(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    world.services.logs.group(cx, checked_name(input)?)?.retention_days = None;
    Ok(Value::Null)
}

pub(crate) fn put_deletion_protection(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let name = bare(input.required("logGroupIdentifier")?);
    let enabled = input.flag("deletionProtectionEnabled")?.ok_or_else(|| input.missing("deletionProtectionEnabled"))?;
    world.services.logs.group(cx, name)?.deletion_protected = enabled;
    Ok(Value::Null)
}

/// The group whose tags a call is about. The ARN's pattern has no `*`, so the form that ends in `:*` is refused ("resourceArn",
/// TagResource).
fn tagged<'w>(world: &'w mut World, cx: &Cx, input: Input<'_>) -> Result<&'w mut Group, Refusal> {
    let arn = input.required("resourceArn")?;
    if arn.contains('*') || !arn.starts_with("arn:") {
        return Err(input.refuse(format!(
            "1 validation error detected: Value '{arn}' at 'resourceArn' failed to satisfy constraint: Member must satisfy \
             regular expression pattern: [\\w+=/:,.@-]*"
        )));
    }
    let group = world.services.logs.groups(cx).values_mut().find(|group| group.arn == arn);
    group.ok_or_else(|| not_found("The specified resource does not exist."))
}

pub(crate) fn tag(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    if input.get("tags").is_none() {
        return Err(input.missing("tags"));
    }
    let new = checked_tags(input)?;
    let group = tagged(world, cx, input)?;
    let added = new.keys().filter(|key| !group.tags.contains_key(*key)).count();
    if group.tags.len() + added > TAGS {
        let message = format!("A log group can have at most {TAGS} tags");
        return Err(Refusal::new("TooManyTagsException", message).with("resourceName", group.arn.as_str()));
    }
    group.tags.extend(new);
    Ok(Value::Null)
}

pub(crate) fn untag(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let keys = input.texts("tagKeys")?;
    tagged(world, cx, input)?.tags.retain(|key, _| !keys.contains(&key.as_str()));
    Ok(Value::Null)
}

pub(crate) fn list_tags(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    Ok(json!({"tags": tagged(world, cx, input)?.tags}))
}
