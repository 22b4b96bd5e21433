//! Every field of the input is in the report, once.

use std::collections::BTreeMap;

use landbridge_api::ecs::schema::{UNITS, schema_of};
use landbridge_api::v1alpha1::EcsServiceSpec;

use super::*;
use crate::convert::path::leaves;

/// A value with every field of a schema.
fn full(schema: &Value, name: &str) -> Value {
    if let Some(words) = schema["enum"].as_array() {
        return words.iter().find(|w| !w.is_null()).unwrap().clone();
    }
    if !schema[UNITS].is_null() {
        return json!(if schema[UNITS] == "cpu" { "256" } else { "512" });
    }
    if let Some(properties) = schema["properties"].as_object() {
        return properties
            .iter()
            .map(|(name, s)| (name.clone(), full(s, name)))
            .collect::<serde_json::Map<_, _>>()
            .into();
    }
    if schema["additionalProperties"].is_object() {
        return json!({"some.key/x": full(&schema["additionalProperties"], name)});
    }
    match schema["type"].as_str() {
        Some("array") => json!([full(&schema["items"], name)]),
        Some("string") => json!(if name == "containerPortRange" { "8000-8001" } else { "x" }),
        Some("integer") => schema["minimum"].as_i64().map_or(json!(7), |m| json!(m.max(7))),
        Some("number") => json!(10.5),
        Some("boolean") => json!(true),
        _ => json!({"free": "form"}),
    }
}

/// Every field once, in the order of the input, and none more.
fn covers(documents: &[Document], conversion: &Conversion) {
    let mut wanted: BTreeMap<(String, String), usize> = BTreeMap::new();
    for document in documents {
        for (path, _) in leaves(&document.value) {
            *wanted.entry((document.title(), path.to_string())).or_default() += 1;
        }
    }
    let mut found: BTreeMap<(String, String), usize> = BTreeMap::new();
    for entry in &conversion.report.fields {
        *found.entry((entry.object.clone(), entry.field.clone())).or_default() += 1;
    }
    assert_eq!(found, wanted);
    for entry in &conversion.report.fields {
        assert!(entry.outcome == Outcome::Mapped || !entry.note.is_empty(), "{} has no note", entry.field);
    }
}

#[test]
fn every_field_of_a_service_that_has_them_all_is_in_the_report_once() {
    let spec = full(&schema_of::<EcsServiceSpec>(), "spec");
    let mut service = json!({"apiVersion": "landbridge.dev/v1alpha1", "kind": "ECSService", "metadata": {"name": "all"}, "spec": spec});
    service["spec"]["taskDefinition"]["containerDefinitions"][0]["secrets"][0]["name"] = json!("other");
    // Both at once is what the API refuses; here the task definition is what counts.
    service["spec"].as_object_mut().unwrap().remove("taskDefinitionArn");
    let all = [document(&service)];
    assert!(leaves(&all[0].value).len() > 250);
    let made = forth(&all, &kubernetes::Options::default());
    covers(&all, &made);
    for wanted in [Outcome::Mapped, Outcome::Approximated, Outcome::Refused] {
        assert!(made.report.count(wanted) > 40, "{}", made.report.summary());
    }
}

#[test]
fn a_field_that_nobody_has_thought_of_is_refused_wherever_it_is() {
    let mut task =
        task_with(&json!({"fancy": {"deep": [1, {"x": 2}]}, "healthCheck": {"command": ["CMD", "x"], "mood": "good"}}));
    task["novelty"] = json!(true);
    let all = [document(&task)];
    let made = forth(&all, &kubernetes::Options::default());
    covers(&all, &made);
    for field in [
        "novelty",
        "containerDefinitions[web].fancy.deep[0]",
        "containerDefinitions[web].fancy.deep[1].x",
        "containerDefinitions[web].healthCheck.mood",
    ] {
        assert_eq!(outcome(&made, field), Outcome::Refused, "{field}");
    }
}

#[test]
fn every_field_of_what_aws_prints_is_in_the_report_once() {
    let all = super::samples::described();
    covers(&all, &forth(&all, &kubernetes::Options::default()));
}

#[test]
fn every_field_of_a_rich_pod_and_what_is_around_it_is_in_the_report_once() {
    let all = documents(super::from_kubernetes::RICH);
    let made = to_ecs(&all, &ecs::Options::default()).unwrap();
    covers(&all, &made);
    for field in ["spec.template.spec.containers[web].novelty", "spec.novelty.deep"] {
        assert_eq!(outcome(&made, field), Outcome::Refused, "{field}");
    }
    for wanted in [Outcome::Mapped, Outcome::Approximated, Outcome::Refused] {
        assert!(made.report.count(wanted) > 15, "{}", made.report.table());
    }
}
