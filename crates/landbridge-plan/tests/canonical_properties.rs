//! What must hold of every value that the declarations allow.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it finds something wrong")]

use landbridge_api::ecs::schema::{DEFAULT, ORDER, UNITS, schema_of};
use landbridge_api::ecs::{CapacityProvider, ClusterFields, ServiceFields, TaskDefinition};
use landbridge_plan::canonical;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

/// A value that the schema allows, with any part of its fields.
fn any_of(schema: &Value) -> BoxedStrategy<Value> {
    if let Some(values) = schema["enum"].as_array() {
        return select(values.clone()).boxed();
    }
    match (schema[UNITS].as_str(), schema["type"].as_str()) {
        (Some("cpu"), _) => select(vec![json!(1024), json!("1024"), json!("1 vCPU"), json!("256")]).boxed(),
        (Some(_), _) => select(vec![json!(2048), json!("2048"), json!("2 GB"), json!("512")]).boxed(),
        (_, Some("object")) if schema.get("properties").is_some() => any_object(schema),
        (_, Some("object")) => {
            any_of(&schema["additionalProperties"]).prop_map(|value| json!({ "key": value })).boxed()
        }
        (_, Some("array")) => vec(any_of(&schema["items"]), 0..4).prop_map(Value::Array).boxed(),
        (_, Some("string")) => select(vec!["", "a", "b", "cpu"]).prop_map(Value::from).boxed(),
        (_, Some("integer")) => (0..4).prop_map(Value::from).boxed(),
        (_, Some("number")) => select(vec![json!(10), json!(10.0), json!(2.5)]).boxed(),
        (_, Some("boolean")) => any::<bool>().prop_map(Value::from).boxed(),
        _ => select(vec![json!({ "free": null }), json!([2, 1]), json!("text")]).boxed(),
    }
}

fn any_object(schema: &Value) -> BoxedStrategy<Value> {
    let properties = schema["properties"].as_object().unwrap();
    let fields = properties.iter().map(|(name, property)| {
        let required = schema["required"].as_array().is_some_and(|names| names.contains(&json!(name)));
        let (name, weight) = (name.clone(), if required { 0 } else { 3 });
        // One field in four, or a full task definition would have hundreds of containers' fields.
        prop_oneof![weight => Just(None), 1 => any_of(property).prop_map(Some)]
            .prop_map(move |value| Some((name.clone(), value?)))
    });
    fields.collect::<Vec<_>>().prop_map(|fields| fields.into_iter().flatten().collect::<Map<_, _>>().into()).boxed()
}

/// The same value with every set in another order.
fn reordered(schema: &Value, value: &Value) -> Value {
    changed(schema, value, &|schema, mut value| {
        if schema[ORDER] == "set"
            && let Some(items) = value.as_array_mut()
        {
            items.reverse();
        }
        value
    })
}

/// The same value with null wherever a field has its default, or is empty.
fn with_nulls(schema: &Value, value: &Value) -> Value {
    changed(schema, value, &|schema, value| {
        let empty = value.as_array().is_some_and(Vec::is_empty);
        if empty || schema.get(DEFAULT) == Some(&value) { Value::Null } else { value }
    })
}

/// Applies `change` to every part of a value, inner parts first.
fn changed(schema: &Value, value: &Value, change: &dyn Fn(&Value, Value) -> Value) -> Value {
    let inner = match value {
        Value::Object(fields) => {
            let part =
                |name: &String| schema["properties"].get(name).unwrap_or(&schema["additionalProperties"]).clone();
            fields
                .iter()
                .map(|(name, value)| (name.clone(), changed(&part(name), value, change)))
                .collect::<Map<_, _>>()
                .into()
        }
        Value::Array(items) => items.iter().map(|value| changed(&schema["items"], value, change)).collect(),
        other => other.clone(),
    };
    change(schema, inner)
}

fn holds(schema: &Value, value: &Value, form: fn(&Value) -> Value) -> Result<(), TestCaseError> {
    let once = form(value);
    prop_assert_eq!(&form(&once), &once, "the canonical form of a canonical form is another");
    prop_assert_eq!(&form(&reordered(schema, value)), &once, "the order of a set counts");
    // A DAEMON has defaults of its own.
    if value["schedulingStrategy"] != "DAEMON" {
        prop_assert_eq!(&form(&with_nulls(schema, value)), &once, "a default counts when it is written out");
    }
    Ok(())
}

macro_rules! properties {
    ($($name:ident: $shape:ty, $form:path;)*) => { $(
        #[test]
        fn $name() {
            let schema = schema_of::<$shape>();
            let mut runner = proptest::test_runner::TestRunner::new(config());
            runner.run(&any_object(&schema), |value| holds(&schema, &value, $form)).unwrap();
        }
    )* };
}

properties! {
    task_definitions_have_one_form: TaskDefinition, canonical::task_definition;
    services_have_one_form: ServiceFields, canonical::service;
    clusters_have_one_form: ClusterFields, canonical::cluster;
    capacity_providers_have_one_form: CapacityProvider, canonical::capacity_provider;
}

/// Failures are seen where they happen; a file of them would be one more thing to keep.
fn config() -> ProptestConfig {
    ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn one_form_has_one_hash(value in any_object(&schema_of::<TaskDefinition>())) {
        let schema = schema_of::<TaskDefinition>();
        let hash = canonical::content_hash(&value);
        prop_assert_eq!(&canonical::content_hash(&reordered(&schema, &value)), &hash);
        prop_assert_eq!(&canonical::content_hash(&with_nulls(&schema, &value)), &hash);
        prop_assert_eq!(&canonical::content_hash(&canonical::task_definition(&value)), &hash);
    }

    #[test]
    fn a_request_is_its_own_request_and_means_the_same(value in any_object(&schema_of::<TaskDefinition>())) {
        let request = canonical::task_definition_request(&value);
        prop_assert_eq!(&canonical::task_definition_request(&request), &request);
        if !request.is_null() {
            prop_assert_eq!(canonical::task_definition(&request), canonical::task_definition(&value));
        }
    }
}
