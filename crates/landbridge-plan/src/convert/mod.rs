//! `landbridge convert`: ECS services to Kubernetes manifests and back, lossless or loud. Pure: no I/O, no client.
//!
//! Every field of the input is in the report, once: mapped, approximated with a note, or refused with a reason. The input
//! is walked as JSON, so a field that nobody has thought of is refused and never passed over. That a field is mapped is not
//! claimed but proved: the result is converted back, and what does not come back the same is approximated.
//!
//! Objects are JSON and not `k8s-openapi`'s types: half of the kinds (ExternalSecret, HTTPRoute, SecurityGroupPolicy) have no
//! types there, a typed reader drops the fields it does not know before anybody could refuse them, and the walk needs JSON
//! anyway. A test reads every object that has a type through it, and finds nothing lost.

use std::collections::{BTreeMap, BTreeSet};

use landbridge_api::names::annotation;
use serde_json::{Map, Value, json};

pub mod beside_fields;
pub mod carried;
mod defaults;
pub mod ecs;
pub mod ecs_fields;
mod ecs_input;
mod expansion;
pub mod fargate;
pub mod kubernetes;
pub mod kubernetes_fields;
mod name;
pub mod path;
pub mod quantity;
pub mod report;
mod secret;
pub mod table;
#[cfg(test)]
mod tests;
mod to_ecs;
mod to_kubernetes;
pub mod usage;

pub use to_ecs::to_ecs;
pub use to_kubernetes::to_kubernetes;

use report::Report;

/// One document of a file.
#[derive(Clone, Debug)]
pub struct Document {
    /// The file.
    pub file: String,
    /// Line at which it starts.
    pub line: usize,
    /// Its content.
    pub value: Value,
}

/// Something that cannot be converted at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The file; empty when it is about all of them.
    pub file: String,
    /// Line at which the document starts.
    pub line: usize,
    /// The object, when that much is known.
    pub object: Option<String>,
    /// What is wrong and what to do.
    pub message: String,
}

/// What came of a conversion.
#[derive(Clone, Debug, Default)]
pub struct Conversion {
    /// The objects, in the order in which they should be applied.
    pub objects: Vec<Value>,
    /// On the way to ECS, what Application Auto Scaling needs, in the order in which it should be asked.
    pub scaling: Vec<ecs::ScalingRequest>,
    /// What became of every field.
    pub report: Report,
}

impl Document {
    fn mistake(&self, object: Option<String>, message: impl Into<String>) -> Mistake {
        Mistake { file: self.file.clone(), line: self.line, object, message: message.into() }
    }

    /// The object, as a reader knows it.
    fn title(&self) -> String {
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        let value = &self.value;
        if let Some(kind) = value["kind"].as_str() {
            let name = text(&value["metadata"]["name"]);
            return match value["metadata"]["namespace"].as_str() {
                Some(namespace) => format!("{kind} {namespace}/{name}"),
                None => format!("{kind} {name}"),
            };
        }
        let task = if value["taskDefinition"].is_object() { &value["taskDefinition"] } else { value };
        if task["containerDefinitions"].is_array() {
            return format!("task definition {}", text(&task["family"]));
        }
        match value["serviceName"].as_str() {
            Some(name) => format!("service {name}"),
            None => value.as_object().and_then(|m| m.keys().next().cloned()).unwrap_or_default(),
        }
    }
}

impl Mistake {
    fn of_all(message: impl Into<String>) -> Self {
        Self { file: String::new(), line: 1, object: None, message: message.into() }
    }
}

/// What a spec has that would be a secret in somebody's annotation.
fn secrets_in(spec: &Value) -> BTreeSet<String> {
    let hidden = crate::redact::redacted(spec);
    let shown: BTreeMap<String, Value> =
        path::leaves(&hidden).into_iter().map(|(p, v)| (p.to_string(), v.clone())).collect();
    let differs = |(p, v): &(path::Path, &Value)| shown.get(&p.to_string()) != Some(*v);
    path::leaves(spec).into_iter().filter(differs).map(|(p, _)| p.to_string()).collect()
}

/// Adds an annotation to an object.
fn annotate(object: &mut Value, key: &str, value: &str) {
    let metadata = object.get_mut("metadata").and_then(Value::as_object_mut);
    let annotations = metadata.map(|m| m.entry("annotations").or_insert_with(|| Value::Object(Map::new())));
    if let Some(map) = annotations.and_then(Value::as_object_mut) {
        map.insert(key.to_owned(), json!(value));
    }
}

/// The annotation that keeps what Kubernetes has no form for.
const KEPT: &str = annotation::ECS_FIELDS;
