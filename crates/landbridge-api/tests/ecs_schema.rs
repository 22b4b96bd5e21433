//! What the schema of the ECS shapes promises to Kubernetes, to whoever reads it, and to the comparison.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it finds something wrong")]

use landbridge_api::ecs::schema::{DEFAULT, ORDER, UNITS, schema_of};
use landbridge_api::ecs::{CapacityProvider, ClusterFields, ServiceFields, TaskDefinition};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

fn roots() -> Vec<(&'static str, Value)> {
    vec![
        ("taskDefinition", schema_of::<TaskDefinition>()),
        ("service", schema_of::<ServiceFields>()),
        ("cluster", schema_of::<ClusterFields>()),
        ("capacityProvider", schema_of::<CapacityProvider>()),
    ]
}

/// Calls `look` on every property's schema, and on every list item's and map value's, with its path.
fn walk(path: &str, schema: &Value, look: &mut impl FnMut(&str, &Map<String, Value>)) {
    let node = schema.as_object().unwrap_or_else(|| panic!("{path} is not a schema object: {schema}"));
    look(path, node);
    for (name, property) in node.get("properties").and_then(Value::as_object).into_iter().flatten() {
        walk(&format!("{path}.{name}"), property, look);
    }
    if let Some(items) = node.get("items") {
        walk(&format!("{path}[]"), items, look);
    }
    if let Some(values) = node.get("additionalProperties") {
        walk(&format!("{path}{{}}"), values, look);
    }
}

fn walk_all(mut look: impl FnMut(&str, &Map<String, Value>)) {
    for (name, schema) in roots() {
        walk(name, &schema, &mut look);
    }
}

#[test]
fn every_schema_is_structural() {
    let known = ["int32", "int64", "double"];
    walk_all(|path, node| {
        let free = ["x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields"];
        assert!(node.contains_key("type") || free.iter().any(|key| node.contains_key(*key)), "{path} has no type");
        for word in ["$ref", "anyOf", "oneOf", "allOf", "not", "const", "definitions", "uniqueItems", "default"] {
            assert!(!node.contains_key(word), "{path} has {word}");
        }
        if let Some(format) = node.get("format").and_then(Value::as_str) {
            assert!(known.contains(&format), "{path} has the format {format}, which the API server warns about");
        }
    });
}

#[test]
fn keys_of_map_lists_are_required_in_their_items() {
    walk_all(|path, node| {
        for key in node.get("x-kubernetes-list-map-keys").and_then(Value::as_array).into_iter().flatten() {
            let required = node["items"]["required"].as_array().unwrap();
            assert!(required.contains(key), "{path}: {key} may be absent");
            assert_eq!(node["x-kubernetes-list-type"], "map", "{path}");
        }
    });
}

#[test]
fn every_field_is_explained_in_a_sentence() {
    walk_all(|path, node| {
        if path.ends_with("[]") || path.ends_with("{}") {
            return;
        }
        let text = node.get("description").and_then(Value::as_str).unwrap_or_else(|| panic!("{path} says nothing"));
        assert!(text.ends_with('.') && text.len() > 3, "{path}: {text:?} is not a sentence");
        assert!(text.starts_with(|c: char| c.is_uppercase() || c == '`'), "{path}: {text:?} starts in lower case");
    });
}

#[test]
fn comparison_hints_are_of_the_kinds_that_the_comparison_knows() {
    walk_all(|path, node| {
        if let Some(order) = node.get(ORDER) {
            assert_eq!((order, &node["type"]), (&json!("set"), &json!("array")), "{path}");
        }
        if let Some(units) = node.get(UNITS) {
            assert!(["cpu", "memory"].map(Value::from).contains(units), "{path}: {units}");
        }
        for key in node.keys().filter(|key| key.starts_with("x-landbridge-")) {
            assert!([ORDER, DEFAULT, UNITS].contains(&key.as_str()), "{path}: {key} means nothing");
        }
    });
}

#[test]
fn a_default_is_a_value_that_the_field_takes() {
    walk_all(|path, node| {
        let Some(default) = node.get(DEFAULT) else { return };
        let fits = match node["type"].as_str() {
            Some("string") => default.is_string() && node.get("enum").is_none_or(|e| contains(e, default)),
            Some("integer") => default.is_i64(),
            Some("number") => default.is_number(),
            Some("boolean") => default.is_boolean(),
            Some("object") => default.is_object(),
            _ => false,
        };
        assert!(fits, "{path}: {default} is not a {}", node["type"]);
    });
}

fn contains(list: &Value, wanted: &Value) -> bool {
    list.as_array().is_some_and(|values| values.contains(wanted))
}

#[test]
fn the_schemas_leave_a_crd_file_far_below_the_annotation_limit() {
    let sizes = roots().into_iter().map(|(name, schema)| (name, schema.to_string().len())).collect::<Vec<_>>();
    let total: usize = sizes.iter().map(|(_, size)| size).sum();
    assert!(total < 150_000, "{sizes:?} together {total} bytes");
}

/// A value with every field of the schema set.
fn full(schema: &Value) -> Value {
    if let Some(values) = schema.get("enum") {
        return values[0].clone();
    }
    match schema["type"].as_str() {
        Some("object") if schema.get("properties").is_some() => {
            let properties = schema["properties"].as_object().unwrap();
            properties.iter().map(|(name, property)| (name.clone(), full(property))).collect::<Map<_, _>>().into()
        }
        Some("object") => json!({ "key": full(&schema["additionalProperties"]) }),
        Some("array") => json!([full(&schema["items"])]),
        Some("string") => json!("text"),
        Some("integer") => schema.get("minimum").cloned().unwrap_or(json!(7)),
        Some("number") => json!(10.5),
        Some("boolean") => json!(true),
        _ if schema.get("x-kubernetes-int-or-string").is_some() => json!(256),
        _ => json!({ "any": ["thing", 1, null] }),
    }
}

fn round_trip<T: schemars::JsonSchema + Serialize + DeserializeOwned + Default + PartialEq + std::fmt::Debug>() {
    let value = full(&schema_of::<T>());
    let shape: T = serde_json::from_value(value.clone()).unwrap();
    assert_ne!(shape, T::default());
    assert_eq!(serde_json::to_value(&shape).unwrap(), value);
}

#[test]
fn every_field_survives_the_way_through_the_structs() {
    round_trip::<TaskDefinition>();
    round_trip::<ServiceFields>();
    round_trip::<ClusterFields>();
    round_trip::<CapacityProvider>();
}

#[test]
fn an_empty_shape_is_an_empty_object() {
    assert_eq!(serde_json::to_value(TaskDefinition::default()).unwrap(), json!({}));
    assert_eq!(serde_json::to_value(ServiceFields::default()).unwrap(), json!({}));
    assert_eq!(serde_json::to_value(ClusterFields::default()).unwrap(), json!({}));
}
