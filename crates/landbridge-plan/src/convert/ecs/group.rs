//! Which objects belong to which workload.

use serde_json::Value;

/// Workloads that become an ECS service.
pub const WORKLOADS: &[&str] = &["Deployment", "DaemonSet"];

/// A workload and the objects around it, by their places in the input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// The workload.
    pub workload: usize,
    /// Everything that belongs to it.
    pub around: Vec<usize>,
}

/// The workloads among the objects, each with what belongs to it.
pub fn groups(objects: &[&Value]) -> Vec<Group> {
    let workloads = objects.iter().enumerate().filter(|(_, o)| is_workload(o));
    let of = |(workload, found): (usize, &&Value)| {
        let around = objects.iter().enumerate().filter(|(at, o)| *at != workload && belongs(o, found, objects));
        Group { workload, around: around.map(|(at, _)| at).collect() }
    };
    workloads.map(of).collect()
}

fn is_workload(object: &Value) -> bool {
    object["kind"].as_str().is_some_and(|k| WORKLOADS.contains(&k))
}

/// Namespaces are the same where one of them is not told.
fn is_near(object: &Value, workload: &Value) -> bool {
    let of = |o: &Value| o["metadata"]["namespace"].as_str().unwrap_or_default().to_owned();
    let (here, there) = (of(object), of(workload));
    here.is_empty() || there.is_empty() || here == there
}

fn belongs(object: &Value, workload: &Value, all: &[&Value]) -> bool {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let template = &workload["spec"]["template"];
    let pod = &template["spec"];
    if object["kind"] == "PersistentVolume" {
        let claims = all.iter().filter(|o| o["kind"] == "PersistentVolumeClaim" && belongs(o, workload, all));
        return claims.into_iter().any(|c| c["spec"]["volumeName"] == name);
    }
    if !is_near(object, workload) {
        return false;
    }
    let refers =
        |reference: &Value| reference["kind"] == workload["kind"] && reference["name"] == workload["metadata"]["name"];
    match object["kind"].as_str().unwrap_or_default() {
        "Service" => selects(&object["spec"]["selector"], &template["metadata"]["labels"]),
        "PodDisruptionBudget" => selects(&object["spec"]["selector"]["matchLabels"], &template["metadata"]["labels"]),
        "SecurityGroupPolicy" => {
            selects(&object["spec"]["podSelector"]["matchLabels"], &template["metadata"]["labels"])
        }
        "ServiceAccount" => pod["serviceAccountName"] == name,
        "HorizontalPodAutoscaler" => refers(&object["spec"]["scaleTargetRef"]),
        "ConfigMap" => mentions(pod, &["configMapRef", "configMapKeyRef", "configMap"], name),
        "Secret" => mentions(pod, &["secretRef", "secretKeyRef"], name) || mentions_secret_volume(pod, name),
        "ExternalSecret" => {
            let made = object["spec"]["target"]["name"].as_str().unwrap_or(name);
            mentions(pod, &["secretRef", "secretKeyRef"], made)
                || super::items(&pod["imagePullSecrets"]).any(|s| s["name"] == made)
                || mentions_secret_volume(pod, made)
        }
        "PersistentVolumeClaim" => {
            super::items(&pod["volumes"]).any(|v| v["persistentVolumeClaim"]["claimName"] == name)
        }
        "Ingress" | "HTTPRoute" => {
            let services = all.iter().filter(|o| o["kind"] == "Service" && belongs(o, workload, all));
            let names: Vec<&str> = services.filter_map(|s| s["metadata"]["name"].as_str()).collect();
            leads_to(object, &names)
        }
        _ => false,
    }
}

fn selects(selector: &Value, labels: &Value) -> bool {
    selector.as_object().is_some_and(|s| !s.is_empty() && s.iter().all(|(k, v)| labels.get(k) == Some(v)))
}

/// Whether something below refers to that name by one of these words.
fn mentions(value: &Value, words: &[&str], name: &str) -> bool {
    match value {
        Value::Object(map) => {
            map.iter().any(|(k, v)| (words.contains(&k.as_str()) && v["name"] == name) || mentions(v, words, name))
        }
        Value::Array(items) => items.iter().any(|v| mentions(v, words, name)),
        _ => false,
    }
}

fn mentions_secret_volume(pod: &Value, name: &str) -> bool {
    super::items(&pod["volumes"]).any(|v| v["secret"]["secretName"] == name)
}

/// Whether an ingress object has one of these Services as its backend.
fn leads_to(value: &Value, services: &[&str]) -> bool {
    let is_one = |v: &Value| v["name"].as_str().is_some_and(|n| services.contains(&n));
    match value {
        Value::Object(map) => map.iter().any(|(k, v)| match k.as_str() {
            "service" => is_one(v),
            "backendRefs" => super::items(v).any(is_one),
            _ => leads_to(v, services),
        }),
        Value::Array(items) => items.iter().any(|v| leads_to(v, services)),
        _ => false,
    }
}
