//! Tests of the whole conversion.

mod coverage;
mod defects;
mod forth;
mod from_kubernetes;
mod round_trip;
mod samples;

use serde_json::{Value, json};

use super::report::{Entry, Outcome};
use super::{Conversion, Document, Mistake, ecs, kubernetes, to_ecs, to_kubernetes};

/// A document of a value.
fn document(value: &Value) -> Document {
    Document { file: "a.yaml".into(), line: 1, value: value.clone() }
}

/// Documents of a YAML text.
fn documents(yaml: &str) -> Vec<Document> {
    let values: Vec<Value> = serde_saphyr::from_multiple(yaml).unwrap();
    values.iter().map(document).collect()
}

/// A conversion to Kubernetes that goes well.
fn forth(documents: &[Document], options: &kubernetes::Options) -> Conversion {
    to_kubernetes(documents, options).unwrap_or_else(|m| panic!("{m:#?}"))
}

/// A conversion of one task definition.
fn of_task(task: &Value) -> Conversion {
    forth(&[document(task)], &kubernetes::Options::default())
}

/// A task definition with one container, `web`, that has these fields too.
fn task_with(container: &Value) -> Value {
    let mut whole = json!({"name": "web", "image": "nginx"});
    whole.as_object_mut().unwrap().extend(container.as_object().unwrap().clone());
    json!({"family": "web", "containerDefinitions": [whole]})
}

/// A conversion to ECS that goes well.
fn back(objects: &[Value], options: &ecs::Options) -> Conversion {
    let documents: Vec<Document> = objects.iter().map(document).collect();
    to_ecs(&documents, options).unwrap_or_else(|m| panic!("{m:#?}"))
}

/// What cannot be converted to ECS.
fn not_back(yaml: &str) -> Vec<Mistake> {
    to_ecs(&documents(yaml), &ecs::Options::default()).unwrap_err()
}

/// The object of a kind; there must be one.
fn the<'a>(conversion: &'a Conversion, kind: &str) -> &'a Value {
    let mut found = conversion.objects.iter().filter(|o| o["kind"] == kind);
    let object = found.next().unwrap_or_else(|| panic!("there is no {kind} in {:#?}", conversion.objects));
    assert!(found.next().is_none(), "there is more than one {kind}");
    object
}

fn none_of(conversion: &Conversion, kind: &str) -> bool {
    conversion.objects.iter().all(|o| o["kind"] != kind)
}

/// The first container of the workload.
fn container(conversion: &Conversion) -> &Value {
    &conversion.objects[0]["spec"]["template"]["spec"]["containers"][0]
}

/// What the report says of a field.
fn entry<'a>(conversion: &'a Conversion, field: &str) -> &'a Entry {
    let found = conversion.report.fields.iter().find(|e| e.field == field);
    found.unwrap_or_else(|| panic!("{field} is not in the report:\n{}", conversion.report.table()))
}

fn outcome(conversion: &Conversion, field: &str) -> Outcome {
    entry(conversion, field).outcome
}

/// In which fields two values differ.
fn differences(left: &Value, right: &Value) -> Vec<String> {
    use super::path::{get, leaves};
    let missing = |from: &Value, to: &Value, word: &str| {
        let found = leaves(from).into_iter().filter(|(p, v)| get(to, p) != Some(*v));
        found.map(|(p, v)| format!("{word} {p} = {v}")).collect::<Vec<_>>()
    };
    [missing(left, right, "was"), missing(right, left, "is")].concat()
}

/// Fails unless two values are the same, and says where they are not.
fn same(was: &Value, is: &Value) {
    assert_eq!(differences(was, is), Vec::<String>::new());
}
