//! Making, changing and deleting parameters (PutParameter, DeleteParameter, DeleteParameters).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::parameter::{Parameter, Version};
use super::{named_mut, tell};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

/// Characters of a value in the two tiers ("Managing parameter tiers").
const STANDARD: usize = 4096;
const ADVANCED: usize = 8192;
/// Versions that are kept.
const VERSIONS: usize = 100;
const LEVELS: usize = 15;
const KINDS: [&str; 3] = ["String", "StringList", "SecureString"];
const TIERS: [&str; 3] = ["Standard", "Advanced", "Intelligent-Tiering"];

/// "Creating Parameter Store parameters": characters, a whole path, and no name that AWS keeps for itself.
fn checked_name(input: Input<'_>) -> Result<&str, Refusal> {
    let name = input.required("Name")?;
    let name = name.split_once(":parameter").map_or(name, |(_, path)| path);
    let first = name.trim_start_matches('/').split('/').next().unwrap_or_default().to_ascii_lowercase();
    if name.starts_with('/') && (first == "aws" || first == "ssm") {
        return Err(Refusal::new("AccessDeniedException", format!("No access to reserved parameter name: {name}.")));
    }
    let characters = name.chars().all(|c| c.is_ascii_alphanumeric() || ".-_/".contains(c));
    let empty_level = name.trim_start_matches('/').split('/').any(str::is_empty);
    if name.len() > 1011 || !characters || empty_level || first.starts_with("aws") || first.starts_with("ssm") {
        return Err(input.refuse(
            "Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive). If formed as a path, it can consist \
             of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following \
             3 symbols .-_",
        ));
    }
    if name.contains('/') && !name.starts_with('/') {
        return Err(input.refuse("Parameter name must be a fully qualified name."));
    }
    if name.trim_start_matches('/').split('/').count() > LEVELS {
        let message = format!("A hierarchy can have a maximum of {LEVELS} levels.");
        return Err(Refusal::new("HierarchyLevelLimitExceededException", message));
    }
    Ok(name)
}

fn one_of(input: Input<'_>, name: &str, allowed: &[&'static str]) -> Result<Option<&'static str>, Refusal> {
    let Some(given) = input.text(name)? else { return Ok(None) };
    let found = allowed.iter().find(|one| **one == given).copied();
    found.map(Some).ok_or_else(|| {
        let member = name.to_ascii_lowercase();
        let set = allowed.join(", ");
        input.refuse(format!(
            "1 validation error detected: Value '{given}' at '{member}' failed to satisfy constraint: Member must satisfy enum \
             value set: [{set}]"
        ))
    })
}

/// The tier that a value and its policies need, or a refusal where the one asked for does not hold it.
fn tier(input: Input<'_>, before: Option<&Parameter>, value: &str) -> Result<&'static str, Refusal> {
    let asked = one_of(input, "Tier", &TIERS)?;
    let long = value.chars().count() > STANDARD;
    let needs = long || input.text("Policies")?.is_some_and(|policies| !policies.is_empty() && policies != "[]");
    let was_advanced = before.is_some_and(|parameter| parameter.tier == "Advanced");
    let tier = match asked {
        Some("Advanced") => "Advanced",
        Some("Standard") if was_advanced => {
            return Err(input.refuse(
                "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the advanced-parameter \
                 tier to the standard-parameter tier. If necessary, you can delete the advanced parameter and recreate it as \
                 a standard parameter.",
            ));
        }
        Some("Intelligent-Tiering") if needs => "Advanced",
        _ if was_advanced => "Advanced",
        _ => "Standard",
    };
    if tier == "Standard" && long {
        return Err(input.refuse(format!(
            "Standard tier parameters support a maximum parameter value of {STANDARD} characters. To create a larger parameter \
             value, upgrade the parameter to use the advanced-parameter tier."
        )));
    }
    if tier == "Standard" && needs {
        let message = "Parameter policies are supported for parameters of the advanced-parameter tier only.";
        return Err(Refusal::new("IncompatiblePolicyException", message));
    }
    if value.chars().count() > ADVANCED {
        return Err(input
            .refuse(format!("Advanced tier parameters support a maximum parameter value of {ADVANCED} characters.")));
    }
    Ok(tier)
}

/// The parameter's type, which it keeps.
fn kind(input: Input<'_>, before: Option<&Parameter>) -> Result<String, Refusal> {
    match (one_of(input, "Type", &KINDS)?, before) {
        (None, None) => Err(input.refuse("A parameter type is required when you create a parameter.")),
        (Some(asked), Some(before)) if asked != before.kind => {
            let message = "Parameter Store doesn't support changing a parameter type in a hierarchy. You must create a new, \
                           unique parameter.";
            Err(Refusal::new("HierarchyTypeMismatchException", message))
        }
        (Some(asked), _) => Ok(asked.to_owned()),
        (None, Some(before)) => Ok(before.kind.clone()),
    }
}

pub(super) fn checked_tags(tags: &BTreeMap<String, String>) -> Result<(), Refusal> {
    if tags.len() > 50 {
        return Err(Refusal::new("TooManyTagsError", "A parameter has at most 50 tags."));
    }
    let wrong = |(key, value): (&String, &String)| {
        key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 || key.starts_with("aws:")
    };
    if tags.iter().any(wrong) {
        let message =
            "Keys of tags have 1 to 128 characters and do not start with aws:, values have up to 256 characters.";
        return Err(Refusal::new("ValidationException", message));
    }
    Ok(())
}

pub(super) fn put(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let (name, value) = (checked_name(input)?, input.required("Value")?);
    if value.is_empty() {
        return Err(input.refuse("Value must not be empty."));
    }
    let overwrite = input.flag("Overwrite")?.unwrap_or(false);
    let tags: BTreeMap<String, String> = input.tags("Tags")?.into_iter().collect();
    checked_tags(&tags)?;
    let before = world.services.ssm.here(cx).get(name).cloned();
    if before.is_some() && !overwrite {
        let message =
            "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.";
        return Err(Refusal::new("ParameterAlreadyExists", message));
    }
    if overwrite && !tags.is_empty() {
        return Err(input.refuse(
            "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove \
             overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or \
             RemoveTagsFromResource.",
        ));
    }
    let (kind, tier) = (kind(input, before.as_ref())?, tier(input, before.as_ref(), value)?);
    let operation = if before.is_some() { "Update" } else { "Create" };
    let mut parameter = before.unwrap_or_else(|| Parameter {
        name: name.to_owned(),
        arn: format!("arn:aws:ssm:{}:{}:parameter/{}", cx.region, cx.account, name.trim_start_matches('/')),
        kind: kind.clone(),
        data_type: "text".to_owned(),
        tier,
        description: None,
        pattern: None,
        key: (kind == "SecureString").then(|| "alias/aws/ssm".to_owned()),
        policies: None,
        tags,
        versions: Vec::new(),
    });
    parameter.tier = tier;
    for (member, place) in [
        ("Description", &mut parameter.description),
        ("AllowedPattern", &mut parameter.pattern),
        ("KeyId", &mut parameter.key),
        ("Policies", &mut parameter.policies),
    ] {
        if let Some(text) = input.text(member)? {
            *place = Some(text.to_owned());
        }
    }
    if let Some(data_type) = input.text("DataType")? {
        data_type.clone_into(&mut parameter.data_type);
    }
    let number = add_version(&mut parameter, cx, value)?;
    tell(world, cx, operation, &parameter);
    world.services.ssm.here(cx).insert(name.to_owned(), parameter);
    Ok(json!({ "Version": number, "Tier": tier }))
}

/// One more version. The oldest makes way, unless it has a label (PutParameter, "ParameterMaxVersionLimitExceeded").
fn add_version(parameter: &mut Parameter, cx: &Cx, value: &str) -> Result<i64, Refusal> {
    if parameter.versions.len() >= VERSIONS {
        if !parameter.versions[0].labels.is_empty() {
            let message = format!(
                "You attempted to create a new version of {} by calling the PutParameter API with the overwrite flag. Version \
                 {}, the oldest version, can't be deleted because it has a label associated with it. Move the label to another \
                 version of the parameter, and try again.",
                parameter.name, parameter.versions[0].number
            );
            return Err(Refusal::new("ParameterMaxVersionLimitExceeded", message));
        }
        parameter.versions.remove(0);
    }
    let number = parameter.latest().map_or(1, |latest| latest.number + 1);
    parameter.versions.push(Version {
        number,
        value: value.to_owned(),
        labels: BTreeSet::new(),
        modified: cx.now,
        by: cx.principal.clone(),
    });
    Ok(number)
}

fn remove(world: &mut World, cx: &Cx, name: &str) -> Result<(), Refusal> {
    let name = named_mut(world, cx, name)?.name.clone();
    if let Some(parameter) = world.services.ssm.here(cx).remove(&name) {
        tell(world, cx, "Delete", &parameter);
    }
    Ok(())
}

pub(super) fn delete(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    remove(world, cx, input.required("Name")?)?;
    Ok(Value::Null)
}

pub(super) fn delete_several(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let names = super::read::names(input)?;
    let (mut deleted, mut invalid) = (Vec::new(), Vec::new());
    for name in names {
        let list = if remove(world, cx, name).is_ok() { &mut deleted } else { &mut invalid };
        list.push(name);
    }
    Ok(json!({ "DeletedParameters": deleted, "InvalidParameters": invalid }))
}
