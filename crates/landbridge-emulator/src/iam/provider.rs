//! OpenID Connect providers, which IRSA needs: CreateOpenIDConnectProvider and its siblings in the IAM API reference.
//! Nothing is fetched from their URLs.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::role::seconds;
use super::tags::Tags;
use super::{limit_exceeded, no_such_entity};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

/// Providers in an account (reference_iam-quotas.html).
const PROVIDERS: usize = 700;
/// Client IDs of a provider (same page).
const CLIENTS: usize = 100;
/// Thumbprints of a provider (CreateOpenIDConnectProvider).
const THUMBPRINTS: usize = 5;

#[derive(Debug, Clone)]
pub(crate) struct Provider {
    /// Without `https://`, as IAM shows it.
    url: String,
    clients: BTreeSet<String>,
    thumbprints: Vec<String>,
    created: Timestamp,
    tags: Tags,
}

fn arn_of(input: Input<'_>) -> Result<&str, Refusal> {
    input.required("OpenIDConnectProviderArn")
}

fn unknown(arn: &str) -> Refusal {
    no_such_entity(format!("OpenIDConnect Provider not found for arn {arn}"))
}

fn thumbprints(input: Input<'_>) -> Result<Vec<String>, Refusal> {
    let prints = input.texts("ThumbprintList")?;
    if prints.len() > THUMBPRINTS {
        return Err(Refusal::new("InvalidInput", "Thumbprint list must contain fewer than 5 entries."));
    }
    if prints.iter().any(|print| print.len() != 40 || !print.bytes().all(|b| b.is_ascii_hexdigit())) {
        return Err(Refusal::new("InvalidInput", "Thumbprints must be 40 hexadecimal characters."));
    }
    Ok(prints.into_iter().map(str::to_owned).collect())
}

pub(crate) fn create(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let url = input.required("Url")?;
    let Some(host) = url.strip_prefix("https://").filter(|host| !host.is_empty() && !host.contains('?')) else {
        return Err(Refusal::new("ValidationError", "Invalid Open ID Connect Provider URL"));
    };
    let clients: BTreeSet<String> = input.texts("ClientIDList")?.into_iter().map(str::to_owned).collect();
    if clients.len() > CLIENTS {
        return Err(limit_exceeded(format!("Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: {CLIENTS}")));
    }
    let made = Provider {
        url: host.trim_end_matches('/').to_owned(),
        clients,
        thumbprints: thumbprints(input)?,
        created: world.now,
        tags: Tags::read(input)?,
    };
    let arn = format!("arn:aws:iam::{}:oidc-provider/{}", cx.account, made.url);
    let providers = &mut world.services.iam.account(&cx.account).providers;
    if providers.contains_key(&arn) {
        let message = format!("Provider with url {url} already exists.");
        return Err(Refusal::new("EntityAlreadyExists", message).status(409));
    }
    if providers.len() >= PROVIDERS {
        return Err(limit_exceeded(format!("Cannot exceed quota for OpenIdConnectProvidersPerAccount: {PROVIDERS}")));
    }
    let tags = made.tags.answer();
    providers.insert(arn.clone(), made);
    Ok(json!({"OpenIDConnectProviderArn": arn, "Tags": tags}))
}

pub(crate) fn get(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let arn = arn_of(input)?;
    let provider = world.services.iam.account(&cx.account).providers.get(arn).ok_or_else(|| unknown(arn))?;
    Ok(json!({
        "Url": provider.url,
        "ClientIDList": provider.clients,
        "ThumbprintList": provider.thumbprints,
        "CreateDate": seconds(provider.created),
        "Tags": provider.tags.answer(),
    }))
}

pub(crate) fn list(world: &mut World, cx: &Cx) -> Value {
    let arns = world.services.iam.account(&cx.account).providers.keys();
    json!({"OpenIDConnectProviderList": arns.map(|arn| json!({"Arn": arn})).collect::<Vec<_>>()})
}

/// One that is not there is refused, or not, as it was created: deleting twice is no error (DeleteOpenIDConnectProvider:
/// "This operation is idempotent; it does not fail or return an error if you call the operation for a provider that does
/// not exist").
pub(crate) fn delete(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let arn = arn_of(input)?;
    world.services.iam.account(&cx.account).providers.remove(arn);
    Ok(Value::Null)
}

pub(crate) fn set_thumbprints(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let (arn, prints) = (arn_of(input)?, thumbprints(input)?);
    let providers = &mut world.services.iam.account(&cx.account).providers;
    providers.get_mut(arn).ok_or_else(|| unknown(arn))?.thumbprints = prints;
    Ok(Value::Null)
}

pub(crate) fn add_client(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let (arn, client) = (arn_of(input)?, input.required("ClientID")?);
    let providers = &mut world.services.iam.account(&cx.account).providers;
    let clients = &mut providers.get_mut(arn).ok_or_else(|| unknown(arn))?.clients;
    if clients.len() >= CLIENTS && !clients.contains(client) {
        return Err(limit_exceeded(format!("Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: {CLIENTS}")));
    }
    clients.insert(client.to_owned());
    Ok(Value::Null)
}

pub(crate) fn remove_client(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let (arn, client) = (arn_of(input)?, input.required("ClientID")?);
    let providers = &mut world.services.iam.account(&cx.account).providers;
    providers.get_mut(arn).ok_or_else(|| unknown(arn))?.clients.remove(client);
    Ok(Value::Null)
}
