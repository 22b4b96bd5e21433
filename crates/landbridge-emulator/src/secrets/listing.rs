//! Pages of secrets and of their versions (ListSecrets, ListSecretVersionIds).

use serde_json::{Value, json};

use super::secret::Secret;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::wire::json::epoch;
use crate::world::{Cx, World};

/// A filter's values match the beginnings of what it is about; `!` before a value turns it round.
fn passes(secret: &Secret, key: &str, values: &[&str]) -> bool {
    let of = |wanted: &str| match key {
        "name" => secret.name.starts_with(wanted),
        "description" => secret.description.as_ref().is_some_and(|text| text.starts_with(wanted)),
        "tag-key" => secret.tags.keys().any(|tag| tag.starts_with(wanted)),
        "tag-value" => secret.tags.values().any(|tag| tag.starts_with(wanted)),
        "all" => {
            secret.name.contains(wanted) || secret.tags.iter().any(|(k, v)| k.contains(wanted) || v.contains(wanted))
        }
        _ => false,
    };
    values.iter().any(|value| value.strip_prefix('!').map_or_else(|| of(value), |value| !of(value)))
}

pub(super) fn secrets(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let most = input.number_within("MaxResults", 1, 100)?.unwrap_or(100) as usize;
    let after = input.text("NextToken")?.unwrap_or_default();
    let with_deleted = input.flag("IncludePlannedDeletion")?.unwrap_or(false);
    let mut filters = Vec::new();
    for filter in input.objects("Filters")? {
        filters.push((filter.required("Key")?, filter.texts("Values")?));
    }
    let secrets = world.services.secrets.here(cx).values();
    let shown = secrets
        .filter(|secret| with_deleted || secret.deleted_at.is_none())
        .filter(|secret| filters.iter().all(|(key, values)| passes(secret, key, values)));
    let mut rest = shown.filter(|secret| secret.name.as_str() > after);
    let page: Vec<&Secret> = rest.by_ref().take(most).collect();
    let entry = |secret: &&Secret| {
        let mut entry = secret.describe();
        let stages = entry.as_object_mut().and_then(|members| members.remove("VersionIdsToStages"));
        entry["SecretVersionsToStages"] = stages.unwrap_or_else(|| json!({}));
        entry
    };
    let mut answer = json!({ "SecretList": page.iter().map(entry).collect::<Vec<_>>() });
    if let (Some(last), true) = (page.last(), rest.next().is_some()) {
        answer["NextToken"] = json!(last.name);
    }
    Ok(answer)
}

pub(super) fn versions(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let with_unlabelled = input.flag("IncludeDeprecated")?.unwrap_or(false);
    let secret = world.services.secrets.named(cx, input)?;
    let shown = secret.versions.iter().filter(|version| with_unlabelled || !version.stages.is_empty());
    let versions: Vec<Value> = shown
        .map(|v| json!({ "VersionId": v.id, "VersionStages": v.stages, "CreatedDate": epoch(v.created) }))
        .collect();
    Ok(json!({ "ARN": secret.arn, "Name": secret.name, "Versions": versions }))
}
