//! The CustomResourceDefinitions as they are shipped: derived from the types, then made fit for an API server.
//!
//! The derive leaves things that a structural schema does not need or that compare unequal after a round trip
//! through the API server (`65535.0`), and our own `x-landbridge-*` hints, which only the planner reads.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::{Map, Value};

use crate::common::UNOBSERVED;
use crate::v1alpha1::derived_crds;

/// All CRDs as JSON, in the order in which they should be applied. Each is sorted by key.
///
/// # Errors
/// A type derives something that JSON cannot say; a test shows that none does.
pub fn crds() -> Result<Vec<Value>, serde_json::Error> {
    derived_crds().iter().map(shipped).collect()
}

fn shipped(crd: &CustomResourceDefinition) -> Result<Value, serde_json::Error> {
    let mut value = serde_json::to_value(crd)?;
    if let Some(versions) = value.pointer_mut("/spec/versions").and_then(Value::as_array_mut) {
        for version in versions {
            if let Some(schema) = version.pointer_mut("/schema/openAPIV3Schema") {
                describe_root(schema);
                fit(schema);
                begin_unobserved(schema);
            }
        }
    }
    if let Some(map) = value.as_object_mut() {
        map.remove("status");
    }
    Ok(value)
}

/// The root's description is the derive's; `kubectl explain` should open with the kind's own.
fn describe_root(schema: &mut Value) {
    let Some(description) = schema.pointer("/properties/spec/description").cloned() else { return };
    if let Some(root) = schema.as_object_mut() {
        root.insert("description".into(), description);
    }
}

/// What has no status at all looks finished to kstatus. The API server gives a new object one that speaks of no spec, so
/// there is no moment at which it looks finished, and the operator need not write one before it does anything else.
fn begin_unobserved(schema: &mut Value) {
    if let Some(status) = schema.pointer_mut("/properties/status").and_then(Value::as_object_mut) {
        status.insert("default".into(), serde_json::json!({ "observedGeneration": UNOBSERVED }));
    }
}

fn fit(value: &mut Value) {
    match value {
        Value::Object(map) => fit_object(map),
        Value::Array(items) => items.iter_mut().for_each(fit),
        Value::Number(number) => {
            if let Some(float) = number.as_f64()
                && float.fract() == 0.0
                && float.abs() < 9e15
                && !number.is_i64()
                && !number.is_u64()
            {
                *value = Value::from(float as i64);
            }
        }
        _ => {}
    }
}

fn fit_object(map: &mut Map<String, Value>) {
    map.retain(|key, _| !key.starts_with("x-landbridge-"));
    // Unsigned and pointer-size formats are unknown to the API server, which warns about each of them.
    if map.get("format").and_then(Value::as_str).is_some_and(|f| f.starts_with("uint")) {
        map.remove("format");
    }
    // The API server never takes null for one of the words of an enum, not even if it is among them: to call such a
    // field nullable is a promise that it does not keep, and others that read the schema would.
    if map.contains_key("enum") {
        map.remove("nullable");
    }
    if let Some(Value::String(description)) = map.get_mut("description") {
        *description = paragraphs(description);
    }
    map.values_mut().for_each(fit);
}

/// The line breaks of a doc comment are those of our source; a reader's window has its own.
fn paragraphs(text: &str) -> String {
    text.split("\n\n").map(|paragraph| paragraph.replace('\n', " ")).collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `kubectl apply` keeps the whole object in an annotation of at most this many bytes.
    const LAST_APPLIED_LIMIT: usize = 262_144;

    #[test]
    fn every_crd_is_well_under_the_size_of_the_last_applied_annotation() {
        for crd in crds().unwrap() {
            let size = crd.to_string().len();
            assert!(size < LAST_APPLIED_LIMIT * 3 / 4, "{}: {size}", crd["metadata"]["name"]);
        }
    }

    #[test]
    fn no_hint_of_ours_and_no_unknown_format_is_left_in_a_crd() {
        let text = serde_json::to_string(&crds().unwrap()).unwrap();
        assert!(!text.contains("x-landbridge-"));
        assert!(!text.contains("\"uint"));
    }

    #[test]
    fn no_enum_promises_to_take_null() {
        let mut schema = serde_json::json!({"type": "string", "nullable": true, "enum": ["EC2", "FARGATE"]});
        fit(&mut schema);
        assert_eq!(schema, serde_json::json!({"type": "string", "enum": ["EC2", "FARGATE"]}));
    }

    #[test]
    fn a_description_breaks_lines_between_paragraphs_only() {
        assert_eq!(paragraphs("One\nsentence.\n\nAnother\none."), "One sentence.\n\nAnother one.");
    }

    #[test]
    fn every_field_that_a_user_can_write_is_described() {
        fn undescribed(path: &str, schema: &Value, found: &mut Vec<String>) {
            for (name, property) in schema["properties"].as_object().into_iter().flatten() {
                let path = format!("{path}.{name}");
                if property.get("description").and_then(Value::as_str).is_none_or(str::is_empty) {
                    found.push(path.clone());
                }
                undescribed(&path, property, found);
            }
            if schema["items"].is_object() {
                undescribed(&format!("{path}[]"), &schema["items"], found);
            }
        }
        let mut found = Vec::new();
        for crd in crds().unwrap() {
            let kind = crd["spec"]["names"]["kind"].as_str().unwrap().to_owned();
            undescribed(
                &kind,
                &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"],
                &mut found,
            );
        }
        assert!(found.is_empty(), "{found:#?}");
    }
}
