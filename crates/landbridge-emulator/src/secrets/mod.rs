//! AWS Secrets Manager: secrets, their versions by staging label, deletion with a recovery window, and rotation.
//!
//! Resource policies are kept and not enforced, and secrets are replicated nowhere. Source: AWS Secrets Manager API
//! reference.

mod listing;
mod rotation;
mod secret;
mod version;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::clock::later;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

use secret::Secret;

pub(crate) use rotation::Rotation;

/// The label of the version that counts, of the one before it, and of one that is being made.
const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";

/// Account and region.
type Place = (String, String);

/// All accounts' and regions' secrets, by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Secrets {
    places: BTreeMap<Place, BTreeMap<String, Secret>>,
}

impl Secrets {
    /// ARN and tags of each resource of an account and region.
    pub(crate) fn tagged(&self, cx: &Cx) -> crate::tagging::Tagged {
        let secrets = self.places.get(&(cx.account.clone(), cx.region.clone())).into_iter().flat_map(BTreeMap::values);
        let kept = secrets.filter(|secret| secret.deleted_at.is_none());
        kept.map(|secret| (secret.arn.clone(), secret.tags.clone())).collect()
    }

    /// Everything remembered but the values, for a look from outside.
    pub(crate) fn dump(&self) -> Value {
        self.places.values().flat_map(BTreeMap::values).map(Secret::describe).collect()
    }

    fn here(&mut self, cx: &Cx) -> &mut BTreeMap<String, Secret> {
        let secrets = self.places.entry((cx.account.clone(), cx.region.clone())).or_default();
        // Whose recovery window is over is gone.
        secrets.retain(|_, secret| secret.deleted_at.is_none_or(|(_, gone_at)| gone_at > cx.now));
        secrets
    }

    /// The secret that `SecretId` names: by name, by ARN, or by ARN without the six characters at its end.
    fn named(&mut self, cx: &Cx, input: Input<'_>) -> Result<&mut Secret, Refusal> {
        let id = input.required("SecretId")?;
        self.here(cx).values_mut().find(|secret| secret.is_named(id)).ok_or_else(not_found)
    }

    /// [`Secrets::named`], and it is not on its way out.
    fn usable(&mut self, cx: &Cx, input: Input<'_>) -> Result<&mut Secret, Refusal> {
        let secret = self.named(cx, input)?;
        if secret.deleted_at.is_some() {
            let message = "You can't perform this operation on the secret because it was marked for deletion.";
            return Err(Refusal::new("InvalidRequestException", message));
        }
        Ok(secret)
    }
}

/// The value that an ECS task gets for `arn:aws:secretsmanager:...:secret:NAME[:json-key:version-stage:version-id]`, or what
/// Secrets Manager says ("Pass sensitive data to an Amazon ECS container").
pub(crate) fn value_for_task(world: &World, value_from: &str) -> Result<String, String> {
    let parts: Vec<&str> = value_from.split(':').collect();
    let part = |at: usize| parts.get(at).copied().filter(|part| !part.is_empty());
    let arn = parts[..parts.len().min(7)].join(":");
    let place = (part(4).unwrap_or_default().to_owned(), part(3).unwrap_or_default().to_owned());
    let secrets = world.services.secrets.places.get(&place);
    let kept = |secret: &&Secret| secret.deleted_at.is_none();
    let secret = secrets.and_then(|secrets| secrets.values().filter(kept).find(|secret| secret.is_named(&arn)));
    let version = secret.and_then(|secret| secret.version(part(9), part(8)));
    let Some(version) = version else {
        return Err(format!(
            "failed to fetch secret {arn} from secrets manager: ResourceNotFoundException: Secrets Manager can't find the \
             specified secret."
        ));
    };
    let (_, value) = &version.value;
    let Some(key) = part(7) else { return Ok(value.clone()) };
    let members = serde_json::from_str::<Value>(value).unwrap_or_default();
    match members.get(key) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(other) => Ok(other.to_string()),
        None => Err(format!("retrieved secret from Secrets Manager did not contain json key {key}")),
    }
}

fn not_found() -> Refusal {
    Refusal::new("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}

/// Answers one operation.
pub(crate) fn call(world: &mut World, cx: &Cx, op: &str, input: &Value) -> Result<Value, Refusal> {
    let input = Input::new(input, "InvalidParameterException");
    match op {
        "CreateSecret" => secret::create(world, cx, input),
        "DescribeSecret" => secret::show(world, cx, input),
        "UpdateSecret" => secret::update(world, cx, input),
        "DeleteSecret" => secret::delete(world, cx, input),
        "RestoreSecret" => secret::restore(world, cx, input),
        "TagResource" => secret::tag(world, cx, input),
        "UntagResource" => secret::untag(world, cx, input),
        "PutResourcePolicy" => secret::put_policy(world, cx, input),
        "GetResourcePolicy" => secret::get_policy(world, cx, input),
        "DeleteResourcePolicy" => secret::delete_policy(world, cx, input),
        "ListSecrets" => listing::secrets(world, cx, input),
        "ListSecretVersionIds" => listing::versions(world, cx, input),
        "GetSecretValue" => version::get(world, cx, input),
        "BatchGetSecretValue" => version::get_batch(world, cx, input),
        "PutSecretValue" => version::put(world, cx, input),
        "UpdateSecretVersionStage" => version::move_label(world, cx, input),
        "RotateSecret" => rotation::rotate(world, cx, input),
        "CancelRotateSecret" => rotation::cancel(world, cx, input),
        "GetRandomPassword" => rotation::random_password(world, input),
        _ => Err(Refusal::unknown_operation()),
    }
}

/// A rotation is due.
pub(crate) fn happen(world: &mut World, rotation: &Rotation) {
    rotation::happen(world, rotation);
}

/// The moment so many days from now.
fn in_days(cx: &Cx, days: i64) -> jiff::Timestamp {
    later(cx.now, std::time::Duration::from_secs(days.max(0) as u64 * 86_400))
}
