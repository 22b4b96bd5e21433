//! Versions of a parameter and their labels (GetParameterHistory, LabelParameterVersion, UnlabelParameterVersion).

use serde_json::{Value, json};

use super::{named_mut, page, tell};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::wire::json::epoch;
use crate::world::{Cx, World};

/// Labels that one version can have.
const LABELS: usize = 10;

pub(super) fn show(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let decrypted = input.flag("WithDecryption")?.unwrap_or(false);
    let parameter = named_mut(world, cx, input.required("Name")?)?;
    let versions = parameter.versions.iter().map(|version| {
        let mut shown = json!({
            "Name": parameter.name, "Type": parameter.kind, "Value": parameter.value(version, decrypted),
            "Version": version.number, "LastModifiedDate": epoch(version.modified), "LastModifiedUser": version.by,
            "Labels": version.labels, "Tier": parameter.tier, "DataType": parameter.data_type, "Policies": [],
        });
        for (name, text) in
            [("Description", &parameter.description), ("AllowedPattern", &parameter.pattern), ("KeyId", &parameter.key)]
        {
            if let Some(text) = text {
                shown[name] = json!(text);
            }
        }
        (format!("{:010}", version.number), shown)
    });
    let (page, next) = page(input, 50, versions)?;
    Ok(json!({ "Parameters": page, "NextToken": next }))
}

/// "Labeling parameters": up to 100 letters, digits and `.-_`, not a number first and no `aws` or `ssm`.
fn is_label(label: &str) -> bool {
    let lower = label.to_ascii_lowercase();
    (1..=100).contains(&label.len())
        && label.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c))
        && !label.starts_with(|c: char| c.is_ascii_digit())
        && !lower.starts_with("aws")
        && !lower.starts_with("ssm")
}

/// Moves labels to a version; from whichever had them.
pub(super) fn label(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let (labels, number) = (input.texts("Labels")?, input.number("ParameterVersion")?);
    let parameter = named_mut(world, cx, input.required("Name")?)?;
    let number = number.or_else(|| parameter.latest().map(|latest| latest.number)).unwrap_or_default();
    let (valid, invalid): (Vec<&str>, Vec<&str>) = labels.into_iter().partition(|label| is_label(label));
    let Some(at) = parameter.versions.iter().position(|version| version.number == number) else {
        return Err(no_version(number, &parameter.name));
    };
    let mut labelled = parameter.versions[at].labels.clone();
    labelled.extend(valid.iter().map(|label| (*label).to_owned()));
    if labelled.len() > LABELS {
        let message = format!("A parameter version can have a maximum of {LABELS} labels.");
        return Err(Refusal::new("ParameterVersionLabelLimitExceeded", message));
    }
    for version in &mut parameter.versions {
        version.labels.retain(|label| !valid.contains(&label.as_str()));
    }
    parameter.versions[at].labels = labelled;
    let parameter = parameter.clone();
    tell(world, cx, "LabelParameterVersion", &parameter);
    Ok(json!({ "InvalidLabels": invalid, "ParameterVersion": number }))
}

pub(super) fn unlabel(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let labels = input.texts("Labels")?;
    let number = input.number("ParameterVersion")?.ok_or_else(|| input.missing("ParameterVersion"))?;
    let parameter = named_mut(world, cx, input.required("Name")?)?;
    let name = parameter.name.clone();
    let version = parameter.versions.iter_mut().find(|version| version.number == number);
    let version = version.ok_or_else(|| no_version(number, &name))?;
    let (removed, invalid): (Vec<&str>, Vec<&str>) =
        labels.into_iter().partition(|label| version.labels.contains(*label));
    version.labels.retain(|label| !removed.contains(&label.as_str()));
    Ok(json!({ "RemovedLabels": removed, "InvalidLabels": invalid }))
}

fn no_version(number: i64, name: &str) -> Refusal {
    let message =
        format!("Systems Manager could not find version {number} of {name}. Verify the version and try again.");
    Refusal::new("ParameterVersionNotFound", message)
}
