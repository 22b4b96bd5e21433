//! Puts the kinds and the sample into a control plane. Does not wait for the operator to act on them.

use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client,
    api::{DynamicObject, Patch, PatchParams, ValidationDirective},
    core::GroupVersionKind,
    discovery::{ApiCapabilities, ApiResource, Scope},
    runtime::{conditions::is_crd_established, wait::await_condition},
};
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

use crate::error::{Doing, Error, Result};

/// Who applies, in the objects' managed fields.
const MANAGER: &str = "landbridge-sandbox";
/// How long the API server may take to serve a kind that it has accepted.
const SERVED_WITHIN: Duration = Duration::from_mins(1);
/// How often it is asked meanwhile.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// The sample shop, by file name; `docs` and tests show the same files.
pub const SAMPLE: [(&str, &str); 3] = [
    ("sample/platform.yaml", include_str!("../sample/platform.yaml")),
    ("sample/web.yaml", include_str!("../sample/web.yaml")),
    ("sample/orders.yaml", include_str!("../sample/orders.yaml")),
];

/// Applies the CustomResourceDefinitions of every kind and waits until the API server serves them and says so.
pub async fn install_crds(client: &Client) -> Result<()> {
    let api = Api::<CustomResourceDefinition>::all(client.clone());
    let crds = landbridge_api::crd::crds()
        .map_err(|error| Error::Input { path: "the CustomResourceDefinitions".into(), reason: error.to_string() })?;
    let names: Vec<&str> = crds.iter().filter_map(|crd| crd["metadata"]["name"].as_str()).collect();
    for (crd, name) in crds.iter().zip(&names) {
        api.patch(name, &parameters(), &Patch::Apply(crd)).await.doing(|| format!("applying {name}"))?;
    }
    for name in names {
        let late = || Error::Late { what: format!("serving {name}"), after: SERVED_WITHIN };
        let established = timeout(SERVED_WITHIN, await_condition(api.clone(), name, is_crd_established()));
        established.await.map_err(|_| late())?.map_err(|error| Error::Watch(Box::new(error)))?;
    }
    // The API server establishes a kind before its discovery names it: until then clients say that there is no such kind.
    for crd in &crds {
        let (group, kind) = (text(&crd["spec"]["group"]), text(&crd["spec"]["names"]["kind"]));
        for version in crd["spec"]["versions"].as_array().into_iter().flatten() {
            discovered(client, &GroupVersionKind::gvk(group, text(&version["name"]), kind)).await?;
        }
    }
    Ok(())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Applies the sample shop; gives what was applied, as the API server has it.
pub async fn seed(client: &Client) -> Result<Vec<DynamicObject>> {
    let mut seeded = Vec::new();
    for (path, text) in SAMPLE {
        seeded.extend(apply_yaml(client, path, text).await?);
    }
    Ok(seeded)
}

/// Applies every document of a YAML text, in its order. `path` names it in errors.
pub async fn apply_yaml(client: &Client, path: &str, text: &str) -> Result<Vec<DynamicObject>> {
    let bad = |reason: String| Error::Input { path: path.into(), reason };
    let objects: Vec<DynamicObject> = serde_saphyr::from_multiple(text).map_err(|error| bad(error.to_string()))?;
    let mut applied = Vec::new();
    for object in objects {
        let types = object.types.clone().ok_or_else(|| bad("an object without apiVersion and kind".to_owned()))?;
        let kind = GroupVersionKind::try_from(&types).map_err(|error| bad(error.to_string()))?;
        let name = object.metadata.name.clone().ok_or_else(|| bad(format!("{} without a name", types.kind)))?;
        let api = api_of(client, &kind, object.metadata.namespace.as_deref()).await?;
        let result = api.patch(&name, &parameters(), &Patch::Apply(&object)).await;
        applied.push(result.doing(|| format!("applying {} {name} of {path}", types.kind))?);
    }
    Ok(applied)
}

async fn api_of(client: &Client, kind: &GroupVersionKind, namespace: Option<&str>) -> Result<Api<DynamicObject>> {
    let (resource, capabilities) = discovered(client, kind).await?;
    Ok(match (capabilities.scope, namespace) {
        (Scope::Namespaced, Some(namespace)) => Api::namespaced_with(client.clone(), namespace, &resource),
        (Scope::Namespaced, None) => Api::default_namespaced_with(client.clone(), &resource),
        (Scope::Cluster, _) => Api::all_with(client.clone(), &resource),
    })
}

/// A kind as discovery has it. One that was established a moment ago may not be there yet.
async fn discovered(client: &Client, kind: &GroupVersionKind) -> Result<(ApiResource, ApiCapabilities)> {
    let deadline = Instant::now() + SERVED_WITHIN;
    loop {
        match kube::discovery::pinned_kind(client, kind).await {
            Err(_) if Instant::now() < deadline => sleep(ASK_EVERY).await,
            found => return found.doing(|| format!("looking for the kind {}", kind.kind)),
        }
    }
}

fn parameters() -> PatchParams {
    let mut parameters = PatchParams::apply(MANAGER).force();
    parameters.field_validation = Some(ValidationDirective::Strict);
    parameters
}
