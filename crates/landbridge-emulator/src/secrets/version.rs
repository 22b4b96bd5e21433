//! Versions of a secret and the staging labels that move between them (GetSecretValue, PutSecretValue,
//! UpdateSecretVersionStage; "What's in a Secrets Manager secret?").

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::secret::Secret;
use super::{CURRENT, PREVIOUS};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::wire::json::epoch;
use crate::world::{Cx, World};

/// AWS keeps versions without a label for a while; so many.
const UNLABELLED: usize = 100;
/// A value has at most this many bytes.
const LARGEST: usize = 65_536;

#[derive(Debug, Clone)]
pub(super) struct Version {
    pub(super) id: String,
    /// `SecretString` or `SecretBinary`, as it was given.
    pub(super) value: (&'static str, String),
    pub(super) stages: BTreeSet<String>,
    pub(super) created: Timestamp,
}

/// The value that a call brings, if it brings one.
pub(super) fn given(input: Input<'_>) -> Result<Option<(&'static str, String)>, Refusal> {
    let (text, binary) = (input.text("SecretString")?, input.text("SecretBinary")?);
    let value = match (text, binary) {
        (Some(_), Some(_)) => {
            return Err(input.refuse("You can't specify both a binary secret value and a string secret value."));
        }
        (Some(text), None) => ("SecretString", text),
        (None, Some(binary)) => ("SecretBinary", binary),
        (None, None) => return Ok(None),
    };
    if value.1.len() > LARGEST {
        return Err(input.refuse(format!("The secret value is larger than {LARGEST} bytes")));
    }
    Ok(Some((value.0, value.1.to_owned())))
}

/// `ClientRequestToken`, which becomes the version's ID, or a new one.
pub(super) fn token(world: &mut World, input: Input<'_>) -> Result<String, Refusal> {
    let new = world.rng.uuid();
    let token = input.text("ClientRequestToken")?.map_or(new, str::to_owned);
    if !(32..=64).contains(&token.len()) {
        return Err(input.refuse("You provided an invalid ClientRequestToken: it has 32 to 64 characters"));
    }
    Ok(token)
}

impl Secret {
    /// Adds a version and moves the labels to it. The same ID with the same value again changes nothing.
    pub(super) fn add(
        &mut self,
        id: &str,
        value: &(&'static str, String),
        labels: &[&str],
        now: Timestamp,
    ) -> Result<(), Refusal> {
        match self.versions.iter().find(|version| version.id == id) {
            Some(known) if known.value == *value => return Ok(()),
            Some(_) => {
                let message = format!(
                    "You can't change a secret value that was created before: version {id} has another value already."
                );
                return Err(Refusal::new("ResourceExistsException", message));
            }
            None => self.versions.push(Version {
                id: id.to_owned(),
                value: value.clone(),
                stages: BTreeSet::new(),
                created: now,
            }),
        }
        for label in labels {
            self.label(id, label);
        }
        // The first version is current whatever it was labelled (PutSecretValue, "VersionStages").
        if self.current().is_none() {
            self.label(id, CURRENT);
        }
        self.changed = now;
        let unlabelled = self.versions.iter().filter(|version| version.stages.is_empty()).count();
        if unlabelled > UNLABELLED
            && let Some(oldest) = self.versions.iter().position(|version| version.stages.is_empty())
        {
            self.versions.remove(oldest);
        }
        Ok(())
    }

    /// Puts a label on a version, and takes it from whichever had it. What was current becomes the previous one.
    fn label(&mut self, id: &str, label: &str) {
        let before = self.versions.iter().position(|version| version.stages.contains(label));
        if label == CURRENT
            && let Some(before) = before.filter(|at| self.versions[*at].id != id)
        {
            let previous = self.versions[before].id.clone();
            self.label(&previous, PREVIOUS);
        }
        for version in &mut self.versions {
            if version.id == id {
                version.stages.insert(label.to_owned());
                if label == CURRENT {
                    version.stages.remove(PREVIOUS);
                }
            } else {
                version.stages.remove(label);
            }
        }
    }

    pub(super) fn current(&self) -> Option<&Version> {
        self.versions.iter().find(|version| version.stages.contains(CURRENT))
    }
}

impl Secret {
    /// The version of an ID, of a label, of both, or the current one.
    pub(super) fn version(&self, id: Option<&str>, label: Option<&str>) -> Option<&Version> {
        self.versions.iter().find(|version| match (id, label) {
            (Some(id), Some(label)) => version.id == id && version.stages.contains(label),
            (Some(id), None) => version.id == id,
            (None, label) => version.stages.contains(label.unwrap_or(CURRENT)),
        })
    }

    /// One version with its value, as GetSecretValue shows it.
    fn reveal(&self, version: &Version) -> Value {
        let (kind, value) = &version.value;
        json!({
            "ARN": self.arn, "Name": self.name, "VersionId": version.id, *kind: value,
            "VersionStages": version.stages, "CreatedDate": epoch(version.created),
        })
    }
}

pub(super) fn get(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let (id, label) = (input.text("VersionId")?, input.text("VersionStage")?);
    let secret = world.services.secrets.usable(cx, input)?;
    let Some(version) = secret.version(id, label) else {
        let which = match id {
            Some(id) => format!("VersionId: {id}"),
            None => format!("staging label: {}", label.unwrap_or(CURRENT)),
        };
        let message = format!("Secrets Manager can't find the specified secret value for {which}");
        return Err(Refusal::new("ResourceNotFoundException", message));
    };
    let answer = secret.reveal(version);
    secret.accessed = Some(cx.now);
    Ok(answer)
}

/// Current values of several secrets: of those named, or of those that filters find (BatchGetSecretValue).
pub(super) fn get_batch(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let (ids, filters) = (input.texts("SecretIdList")?, input.list("Filters")?);
    if ids.is_empty() == filters.is_empty() {
        return Err(input.refuse("Either 'SecretIdList' or 'Filters' must be provided, but not both."));
    }
    if ids.len() > 20 {
        return Err(input.refuse("SecretIdList has at most 20 secrets."));
    }
    let page = json!({
        "Filters": filters, "NextToken": input.text("NextToken")?, "MaxResults": input.number("MaxResults")?.or(Some(20)),
    });
    let mut answer = json!({});
    let mut names: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    if ids.is_empty() {
        let listed = super::listing::secrets(world, cx, Input::new(&page, "InvalidParameterException"))?;
        let found = listed["SecretList"].as_array().into_iter().flatten();
        names = found.filter_map(|secret| secret["Name"].as_str().map(str::to_owned)).collect();
        answer["NextToken"] = listed["NextToken"].clone();
    }
    let (mut values, mut errors) = (Vec::new(), Vec::new());
    let spoilt = world.spoilt(names.iter().map(String::as_str));
    for (id, spoilt) in names.into_iter().zip(spoilt) {
        if spoilt {
            let message = "An error occurred on the server side.";
            errors.push(json!({ "SecretId": id, "ErrorCode": "InternalServiceError", "Message": message }));
            continue;
        }
        let one = json!({ "SecretId": id });
        match get(world, cx, Input::new(&one, "InvalidParameterException")) {
            Ok(value) => values.push(value),
            Err(refusal) => {
                errors.push(json!({ "SecretId": id, "ErrorCode": refusal.code, "Message": refusal.message }));
            }
        }
    }
    answer["SecretValues"] = json!(values);
    answer["Errors"] = json!(errors);
    Ok(answer)
}

pub(super) fn put(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let value = given(input)?.ok_or_else(|| input.refuse("You must provide either SecretString or SecretBinary."))?;
    let id = token(world, input)?;
    let labels = input.texts("VersionStages")?;
    let labels = if labels.is_empty() { vec![CURRENT] } else { labels };
    let secret = world.services.secrets.usable(cx, input)?;
    secret.add(&id, &value, &labels, cx.now)?;
    Ok(json!({ "ARN": secret.arn, "Name": secret.name, "VersionId": id, "VersionStages": labels }))
}

pub(super) fn move_label(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let label = input.required("VersionStage")?;
    let (to, from) = (input.text("MoveToVersionId")?, input.text("RemoveFromVersionId")?);
    let secret = world.services.secrets.usable(cx, input)?;
    let holder =
        secret.versions.iter().find(|version| version.stages.contains(label)).map(|version| version.id.clone());
    match (&holder, from) {
        (Some(holder), from) if from != Some(holder) && to != Some(holder) => {
            return Err(input.refuse(format!(
                "The parameter RemoveFromVersionId can't be empty. Staging label {label} is currently attached to version \
                 {holder}, so you must explicitly reference that version in RemoveFromVersionId."
            )));
        }
        (None, Some(from)) => {
            return Err(input.refuse(format!("Staging label {label} is not attached to version {from}.")));
        }
        _ => {}
    }
    match to {
        Some(to) if !secret.versions.iter().any(|version| version.id == to) => {
            let message = format!("Secrets Manager can't find the specified secret version: {to}.");
            return Err(Refusal::new("ResourceNotFoundException", message));
        }
        Some(to) => secret.label(to, label),
        None if label == CURRENT => {
            return Err(input.refuse("You can't remove the staging label AWSCURRENT: move it to another version"));
        }
        None => {
            for version in &mut secret.versions {
                version.stages.remove(label);
            }
        }
    }
    Ok(json!({ "ARN": secret.arn, "Name": secret.name }))
}
