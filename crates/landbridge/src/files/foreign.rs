//! What the API server would say of Kubernetes' own kinds: a number where a text must be, a word where a number must be.
//! Types only. Unknown fields and meanings are for whoever reads the object.

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolume, PersistentVolumeClaim, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::Ingress;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::document::Document;
use super::problem::{Problem, Problems};

/// Refuses documents whose values have the wrong type.
///
/// # Errors
/// The first wrong value of each document, with its path.
pub fn check(documents: &[Document]) -> Result<(), Problems> {
    let found: Vec<Problem> = documents.iter().filter_map(mistaken).collect();
    if found.is_empty() { Ok(()) } else { Err(Problems(found)) }
}

fn mistaken(document: &Document) -> Option<Problem> {
    let why = match (document.api_version(), document.kind()) {
        ("apps/v1", "Deployment") => read::<Deployment>(document),
        ("apps/v1", "DaemonSet") => read::<DaemonSet>(document),
        ("apps/v1", "StatefulSet") => read::<StatefulSet>(document),
        ("v1", "Service") => read::<Service>(document),
        ("v1", "ServiceAccount") => read::<ServiceAccount>(document),
        ("v1", "ConfigMap") => read::<ConfigMap>(document),
        ("v1", "PersistentVolume") => read::<PersistentVolume>(document),
        ("v1", "PersistentVolumeClaim") => read::<PersistentVolumeClaim>(document),
        ("autoscaling/v2", "HorizontalPodAutoscaler") => read::<HorizontalPodAutoscaler>(document),
        ("networking.k8s.io/v1", "Ingress") => read::<Ingress>(document),
        ("policy/v1", "PodDisruptionBudget") => read::<PodDisruptionBudget>(document),
        _ => None,
    }?;
    let name = document.value["metadata"]["name"].as_str().unwrap_or_default();
    Some(document.problem(Some(format!("{} {name}", document.kind())), why))
}

fn read<K: DeserializeOwned>(document: &Document) -> Option<String> {
    let mut value = document.value.clone();
    spell_quantities(&mut value);
    let error = serde_path_to_error::deserialize::<_, K>(value).err()?;
    let (path, why) = (error.path().to_string(), error.inner().to_string());
    let advice = if why.contains("expected a string") { "; put it in quotes" } else { "" };
    Some(format!("{path} is not what the API server takes: {why}{advice}"))
}

/// The API server takes `cpu: 1` for the text; the types here do not.
fn spell_quantities(value: &mut Value) {
    fn spell(value: &mut Value) {
        if value.is_number() {
            *value = Value::String(value.to_string());
        }
    }
    match value {
        Value::Object(map) => {
            for (name, member) in map.iter_mut() {
                match name.as_str() {
                    "requests" | "limits" | "capacity" | "overhead" => {
                        member.as_object_mut().into_iter().flat_map(|m| m.values_mut()).for_each(spell);
                    }
                    "sizeLimit" | "divisor" | "averageValue" => spell(member),
                    "target" => member.get_mut("value").into_iter().for_each(spell),
                    _ => {}
                }
                spell_quantities(member);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(spell_quantities),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> String {
        let value = serde_saphyr::from_str(text).unwrap();
        check(&[Document { file: "a.yaml".into(), line: 1, value }]).map_or_else(|p| p.to_string(), |()| String::new())
    }

    fn web(replicas: &str, container: &str) -> String {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web, creationTimestamp: null}}\nspec:\n  replicas: \
             {replicas}\n  template: {{spec: {{containers: [{{name: web, image: nginx, {container}}}]}}}}\n"
        )
    }

    #[test]
    fn a_value_of_the_wrong_type_is_refused_with_its_path_and_what_to_do() {
        let number = said(&web("2", "env: [{name: A, value: 5}]"));
        assert!(number.contains("a.yaml:1: Deployment web: spec.template.spec.containers[0].env[0].value"), "{number}");
        assert!(number.contains("put it in quotes"), "{number}");
        assert!(said(&web("many", "env: []")).contains("spec.replicas"));
        assert!(said("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {A: true}\n").contains("data.A"));
    }

    #[test]
    fn what_the_api_server_takes_is_taken_and_kinds_of_others_are_not_judged() {
        let resources =
            "resources: {requests: {cpu: 1, memory: 64Mi}, limits: {cpu: 0.5}}, ports: [{containerPort: 80}]";
        assert_eq!(said(&web("2", resources)), "");
        assert_eq!(said("apiVersion: example.com/v1\nkind: Deployment\nmetadata: {name: 5}\n"), "");
    }
}
