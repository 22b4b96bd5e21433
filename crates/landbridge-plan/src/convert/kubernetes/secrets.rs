//! `secrets` become ExternalSecrets, which name where a value is. No value is read, and none is written.

use std::collections::BTreeMap;

use landbridge_api::ecs::ContainerDefinition;
use serde_json::{Value, json};

use super::{Making, within};
use crate::convert::name;
use crate::convert::secret::Location;

/// The variables of a container that come from secrets, with their ExternalSecrets beside them.
pub fn variables(making: &mut Making<'_>, container: &ContainerDefinition) -> Vec<Value> {
    let mut all = Vec::new();
    for secret in &container.secrets {
        let at = within(container).field("secrets").key(&secret.name);
        if !name::is_variable(&secret.name) {
            making.draft.refuse(&at, "not every Kubernetes takes this as the name of a variable: rename it");
            continue;
        }
        let location = Location::of_value_from(&secret.value_from);
        let of = if location.in_secrets_manager { "secrets-manager" } else { "parameter-store" };
        let kept_in = format!("{}-{of}", making.name());
        let key = entry(making, &kept_in, &secret.name, &container.name, &location);
        all.push(json!({"name": secret.name, "valueFrom": {"secretKeyRef": {"name": kept_in, "key": key}}}));
    }
    all
}

/// The key under which an ExternalSecret keeps what is there; it is made, or added to, where it is not there yet.
fn entry(making: &mut Making<'_>, kept_in: &str, variable: &str, container: &str, location: &Location) -> String {
    let reference = location.remote_ref();
    let at =
        making.draft.objects.iter().position(|o| o["kind"] == "ExternalSecret" && o["metadata"]["name"] == kept_in);
    let at = at.unwrap_or_else(|| {
        let store =
            if location.in_secrets_manager { &making.options.secret_store } else { &making.options.parameter_store };
        let spec = json!({
            "refreshInterval": "1h",
            "secretStoreRef": {"kind": "ClusterSecretStore", "name": store},
            "target": {"name": kept_in, "creationPolicy": "Owner"},
            "data": [],
        });
        let metadata = making.metadata(kept_in);
        making.add("external-secrets.io/v1", "ExternalSecret", metadata, vec![("spec", spec)]);
        making.draft.objects.len() - 1
    });
    let Some(data) = making.draft.objects[at].pointer_mut("/spec/data").and_then(Value::as_array_mut) else {
        return variable.to_owned();
    };
    let known: BTreeMap<&str, &Value> =
        data.iter().filter_map(|d| Some((d["secretKey"].as_str()?, &d["remoteRef"]))).collect();
    // One variable of two containers may be two secrets.
    let key = match known.get(variable) {
        Some(same) if **same == reference => return variable.to_owned(),
        Some(_) => format!("{}.{variable}", name::label(container)),
        None => variable.to_owned(),
    };
    data.push(json!({"secretKey": key, "remoteRef": reference}));
    data.sort_by(|a, b| a["secretKey"].as_str().cmp(&b["secretKey"].as_str()));
    key
}

/// A pull secret for each private registry, made of user name and password where they are.
pub fn pull_secrets(making: &mut Making<'_>) -> Vec<Value> {
    let mut all = Vec::new();
    let containers = making.task.container_definitions.clone();
    for container in &containers {
        let Some(credentials) = &container.repository_credentials else { continue };
        let image = container.image.as_deref().unwrap_or_default();
        let registry = match image.split_once('/') {
            Some((host, _)) if host.contains(['.', ':']) => host,
            _ => "https://index.docker.io/v1/",
        };
        let name = format!("{}-registry-{}", making.name(), name::label(&container.name));
        let document = format!(
            "{{\"auths\":{{\"{registry}\":{{\"username\":\"{{{{ .username }}}}\",\"password\":\"{{{{ .password }}}}\",\"auth\":\"{{{{ printf \"%s:%s\" .username .password | b64enc }}}}\"}}}}}}"
        );
        let key = &credentials.credentials_parameter;
        let field = |property: &str| json!({"secretKey": property, "remoteRef": {"key": key, "property": property}});
        let spec = json!({
            "refreshInterval": "1h",
            "secretStoreRef": {"kind": "ClusterSecretStore", "name": making.options.secret_store},
            "target": {
                "name": name,
                "creationPolicy": "Owner",
                "template": {"type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": document}},
            },
            "data": [field("username"), field("password")],
        });
        let metadata = making.metadata(&name);
        making.add("external-secrets.io/v1", "ExternalSecret", metadata, vec![("spec", spec)]);
        all.push(json!({ "name": name }));
    }
    all.sort_by(|a, b| a["name"].as_str().cmp(&b["name"].as_str()));
    all
}
