//! Secrets themselves (CreateSecret, DescribeSecret, UpdateSecret, DeleteSecret, RestoreSecret).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::rotation::Schedule;
use super::version::{self, Version};
use super::{CURRENT, in_days};
use crate::identifier;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::wire::json::epoch;
use crate::world::{Cx, World};

#[derive(Debug, Clone)]
pub(super) struct Secret {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) description: Option<String>,
    kms_key: Option<String>,
    pub(super) tags: BTreeMap<String, String>,
    policy: Option<String>,
    /// Oldest first.
    pub(super) versions: Vec<Version>,
    pub(super) schedule: Option<Schedule>,
    created: Timestamp,
    pub(super) changed: Timestamp,
    pub(super) accessed: Option<Timestamp>,
    pub(super) rotated: Option<Timestamp>,
    /// When its deletion was asked for, and when it is gone.
    pub(super) deleted_at: Option<(Timestamp, Timestamp)>,
}

impl Secret {
    /// What DescribeSecret shows; values are not part of it.
    pub(super) fn describe(&self) -> Value {
        let mut shown = json!({
            "ARN": self.arn,
            "Name": self.name,
            "CreatedDate": epoch(self.created),
            "LastChangedDate": epoch(self.changed),
            "RotationEnabled": self.schedule.is_some(),
            "Tags": self.tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect::<Vec<_>>(),
        });
        for (name, text) in [("Description", &self.description), ("KmsKeyId", &self.kms_key)] {
            if let Some(text) = text {
                shown[name] = json!(text);
            }
        }
        // AWS shows the day only.
        let day = |at: Timestamp| Value::from(at.as_second().div_euclid(86_400) * 86_400);
        if let Some(at) = self.accessed {
            shown["LastAccessedDate"] = day(at);
        }
        if let Some(at) = self.rotated {
            shown["LastRotatedDate"] = epoch(at);
        }
        if let Some((at, _)) = self.deleted_at {
            shown["DeletedDate"] = epoch(at);
        }
        if let Some(schedule) = &self.schedule {
            schedule.show(&mut shown);
        }
        let stages: Map<String, Value> = self
            .versions
            .iter()
            .filter(|version| !version.stages.is_empty())
            .map(|version| (version.id.clone(), json!(version.stages)))
            .collect();
        if !stages.is_empty() {
            shown["VersionIdsToStages"] = Value::Object(stages);
        }
        shown
    }

    /// By its name, its ARN, or its ARN without the six characters at the end.
    pub(super) fn is_named(&self, id: &str) -> bool {
        self.name == id || self.arn == id || self.arn.rsplit_once('-').is_some_and(|(arn, _)| arn == id)
    }

    fn named(&self) -> Value {
        json!({ "ARN": self.arn, "Name": self.name })
    }
}

/// 1 to 512 of the characters that a name may have (CreateSecret, "Name").
fn checked_name(input: Input<'_>) -> Result<&str, Refusal> {
    let name = input.required("Name")?;
    let characters = name.chars().all(|c| c.is_ascii_alphanumeric() || "/_+=.@!-".contains(c));
    if !(1..=512).contains(&name.len()) || !characters {
        return Err(input.refuse(
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
        ));
    }
    Ok(name)
}

/// At most 50, keys of 1 to 128 and values of up to 256 characters, no `aws:` keys (CreateSecret, "Tags").
fn check_tags(input: Input<'_>, tags: &BTreeMap<String, String>) -> Result<(), Refusal> {
    let long = |(key, value): (&String, &String)| {
        key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 || key.starts_with("aws:")
    };
    if tags.len() > 50 || tags.iter().any(long) {
        let message = "A secret has at most 50 tags, whose keys have 1 to 128 characters and do not start with aws:, and \
                       whose values have up to 256 characters.";
        return Err(input.refuse(message));
    }
    Ok(())
}

pub(super) fn create(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let name = checked_name(input)?;
    let value = version::given(input)?;
    let id = version::token(world, input)?;
    let tags = input.tags("Tags")?.into_iter().collect();
    check_tags(input, &tags)?;
    let end = identifier::lower(&mut world.rng, 6);
    let secrets = world.services.secrets.here(cx);
    if let Some(secret) = secrets.get(name) {
        if secret.deleted_at.is_some() {
            let message =
                "You can't create this secret because a secret with this name is already scheduled for deletion.";
            return Err(Refusal::new("InvalidRequestException", message));
        }
        // The same call once more is no second secret.
        let known = secret.versions.iter().find(|version| version.id == id);
        if known.is_some_and(|version| Some(&version.value) == value.as_ref()) {
            return Ok(json!({ "ARN": secret.arn, "Name": secret.name, "VersionId": id }));
        }
        let message = format!("The operation failed because the secret {name} already exists.");
        return Err(Refusal::new("ResourceExistsException", message));
    }
    let mut secret = Secret {
        name: name.to_owned(),
        arn: format!("arn:aws:secretsmanager:{}:{}:secret:{name}-{end}", cx.region, cx.account),
        description: input.text("Description")?.map(str::to_owned),
        kms_key: input.text("KmsKeyId")?.map(str::to_owned),
        tags,
        policy: None,
        versions: Vec::new(),
        schedule: None,
        created: cx.now,
        changed: cx.now,
        accessed: None,
        rotated: None,
        deleted_at: None,
    };
    let mut answer = secret.named();
    if let Some(value) = value {
        secret.add(&id, &value, &[CURRENT], cx.now)?;
        answer["VersionId"] = json!(id);
    }
    secrets.insert(name.to_owned(), secret);
    Ok(answer)
}

pub(super) fn show(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    Ok(world.services.secrets.named(cx, input)?.describe())
}

pub(super) fn update(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let value = version::given(input)?;
    let id = version::token(world, input)?;
    let secret = world.services.secrets.usable(cx, input)?;
    if let Some(description) = input.text("Description")? {
        secret.description = Some(description.to_owned());
    }
    if let Some(key) = input.text("KmsKeyId")? {
        secret.kms_key = Some(key.to_owned());
    }
    secret.changed = cx.now;
    let mut answer = secret.named();
    if let Some(value) = value {
        secret.add(&id, &value, &[CURRENT], cx.now)?;
        answer["VersionId"] = json!(id);
    }
    Ok(answer)
}

pub(super) fn delete(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let at_once = input.flag("ForceDeleteWithoutRecovery")?.unwrap_or(false);
    let days = input.number_within("RecoveryWindowInDays", 7, 30)?;
    if at_once && days.is_some() {
        let message = "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.";
        return Err(input.refuse(message));
    }
    let gone_at = if at_once { cx.now } else { in_days(cx, days.unwrap_or(30)) };
    // By force also goes what is on its way out, and what is not there is no error (DeleteSecret,
    // "ForceDeleteWithoutRecovery").
    let secret = match world.services.secrets.named(cx, input) {
        Ok(secret) => secret,
        Err(_) if at_once => {
            return Ok(json!({ "Name": input.required("SecretId")?, "DeletionDate": epoch(cx.now) }));
        }
        Err(refusal) => return Err(refusal),
    };
    if secret.deleted_at.is_some() && !at_once {
        let message = "You can't perform this operation on the secret because it was already scheduled for deletion.";
        return Err(Refusal::new("InvalidRequestException", message));
    }
    secret.deleted_at = Some((cx.now, gone_at));
    let mut answer = secret.named();
    answer["DeletionDate"] = epoch(gone_at);
    Ok(answer)
}

pub(super) fn restore(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let secret = world.services.secrets.named(cx, input)?;
    secret.deleted_at = None;
    Ok(secret.named())
}

pub(super) fn tag(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let tags = input.tags("Tags")?;
    let mut all = world.services.secrets.usable(cx, input)?.tags.clone();
    all.extend(tags);
    check_tags(input, &all)?;
    world.services.secrets.usable(cx, input)?.tags = all;
    Ok(Value::Null)
}

pub(super) fn untag(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let keys = input.texts("TagKeys")?;
    world.services.secrets.usable(cx, input)?.tags.retain(|key, _| !keys.contains(&key.as_str()));
    Ok(Value::Null)
}

pub(super) fn put_policy(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let policy = input.required("ResourcePolicy")?;
    if serde_json::from_str::<Map<String, Value>>(policy).is_err() {
        return Err(Refusal::new("MalformedPolicyDocumentException", "This resource policy contains invalid Json."));
    }
    let secret = world.services.secrets.usable(cx, input)?;
    secret.policy = Some(policy.to_owned());
    Ok(secret.named())
}

pub(super) fn get_policy(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let secret = world.services.secrets.usable(cx, input)?;
    let mut answer = secret.named();
    if let Some(policy) = &secret.policy {
        answer["ResourcePolicy"] = json!(policy);
    }
    Ok(answer)
}

pub(super) fn delete_policy(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let secret = world.services.secrets.usable(cx, input)?;
    secret.policy = None;
    Ok(secret.named())
}
