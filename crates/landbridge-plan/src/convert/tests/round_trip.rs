//! ECS to Kubernetes and back, over definitions that nobody wrote.

use landbridge_api::ecs::schema::{UNITS, schema_of};
use landbridge_api::v1alpha1::EcsServiceSpec;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Map;

use super::*;
use crate::convert::path::{Path, get, is_empty, leaves};
use crate::convert::{KEPT, defaults};

/// A value that the schema allows, with any part of its fields.
fn any_of(schema: &Value, name: &str) -> BoxedStrategy<Value> {
    if let Some(words) = schema["enum"].as_array() {
        return select(words.iter().filter(|w| !w.is_null()).cloned().collect::<Vec<_>>()).boxed();
    }
    match (schema[UNITS].as_str(), schema["type"].as_str()) {
        (Some("cpu"), _) => select(vec![json!(1024), json!("300"), json!("1 vCPU"), json!("256")]).boxed(),
        (Some(_), _) => select(vec![json!(2048), json!("1000"), json!("2 GB")]).boxed(),
        (_, Some("object")) if schema["properties"].is_object() => any_object(schema),
        (_, Some("object")) => any_of(&schema["additionalProperties"], "").prop_map(|v| json!({"a.b/c": v})).boxed(),
        (_, Some("array")) => items(schema, name),
        (_, Some("string")) => select(words(name)).prop_map(Value::from).boxed(),
        (_, Some("integer")) => (schema["minimum"].as_i64().unwrap_or(0)..400).prop_map(Value::from).boxed(),
        (_, Some("number")) => select(vec![json!(10), json!(2.5)]).boxed(),
        (_, Some("boolean")) => any::<bool>().prop_map(Value::from).boxed(),
        _ => Just(json!({"free": 1})).boxed(),
    }
}

/// Texts that mean something in their place, and texts that do not.
fn words(name: &str) -> Vec<&'static str> {
    match name {
        "name" | "sourceVolume" | "containerName" | "portName" | "sourceContainer" => vec!["web", "Web_2", "a-b"],
        "user" => vec!["1000", "1000:2000", "node"],
        "valueFrom" => vec![
            "/a/b",
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:x-AbCdEf:k::",
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:x-AbCdEf",
        ],
        "command" | "entryPoint" => vec!["CMD", "CMD-SHELL", "a $(b) $$c", "x"],
        "containerPortRange" => vec!["8000-8003", "1-9999"],
        "type" => vec!["GPU", "NeuronDevice", "s3"],
        "value" => vec!["", "1", "$(X) y", "some text"],
        "key" => vec!["team", "a b", "app.kubernetes.io/name"],
        "field" => vec!["attribute:ecs.availability-zone", "instanceId", "cpu"],
        "operatingSystemFamily" => vec!["LINUX", "WINDOWS_SERVER_2022_CORE"],
        _ => vec!["a", "/b", "c-d"],
    }
}

/// A few items; those with a key have each one of their own, as ECS demands.
fn items(schema: &Value, name: &str) -> BoxedStrategy<Value> {
    let (list, least) = (name.to_owned(), usize::from(name == "containerDefinitions"));
    vec(any_of(&schema["items"], name), least..4)
        .prop_map(move |found| {
            let mut seen = std::collections::BTreeSet::new();
            let key = |item: &Value| match list.as_str() {
                "dependsOn" => item["containerName"].as_str().map(crate::convert::name::label),
                "tags" => item["key"].as_str().map(str::to_owned),
                "capacityProviderStrategy" => item["capacityProvider"].as_str().map(str::to_owned),
                "containerDefinitions" | "volumes" => item["name"].as_str().map(crate::convert::name::label),
                _ => item["name"].as_str().map(str::to_owned),
            };
            found.into_iter().filter(|item| key(item).is_none_or(|k| seen.insert(k))).collect()
        })
        .boxed()
}

fn any_object(schema: &Value) -> BoxedStrategy<Value> {
    let required = |name: &str| schema["required"].as_array().is_some_and(|all| all.contains(&json!(name)));
    let fields = schema["properties"].as_object().unwrap().iter().map(|(name, property)| {
        let needed = required(name) || matches!(name.as_str(), "taskDefinition" | "containerDefinitions");
        let (name, weight) = (name.clone(), if needed { 0 } else { 3 });
        prop_oneof![weight => Just(None), 1 => any_of(property, &name).prop_map(Some)]
            .prop_map(move |v| Some((name.clone(), v?)))
    });
    fields.collect::<Vec<_>>().prop_map(|fields| fields.into_iter().flatten().collect::<Map<_, _>>().into()).boxed()
}

/// A service that ECS could have: what the schema's rules and ECS refuse is taken out.
fn any_service() -> BoxedStrategy<Value> {
    any_object(&schema_of::<EcsServiceSpec>())
        .prop_map(|spec| {
            let mut spec = pruned(spec);
            let map = spec.as_object_mut().unwrap();
            map.remove("taskDefinitionArn");
            if map.contains_key("taskRoleRef")
                && let Some(task) = map.get_mut("taskDefinition").and_then(Value::as_object_mut)
            {
                task.remove("taskRoleArn");
            }
            if map.contains_key("capacityProviderStrategy") {
                map.remove("launchType");
            }
            if map.get("schedulingStrategy") == Some(&json!("DAEMON")) {
                map.remove("desiredCount");
            }
            json!({"apiVersion": "landbridge.dev/v1alpha1", "kind": "ECSService", "metadata": {"name": "web", "namespace": "shop"}, "spec": spec})
        })
        .boxed()
}

/// What a service without the field has too; the report calls it mapped for that alone.
fn says_nothing(path: &Path) -> bool {
    *path == Path::of("serviceName") || path.to_string().ends_with(".hostPort")
}

/// The path in the spec of a field of the report.
fn in_spec(field: &str) -> Option<Path> {
    Path::parse(field)?.after(&Path::of("spec"))
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 150, failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_is_mapped_or_kept_comes_back_and_nothing_vanishes(service in any_service()) {
        let Ok(made) = to_kubernetes(&[document(&service)], &kubernetes::Options::default()) else { return Ok(()) };
        let all = leaves(&service).len();
        prop_assert_eq!(made.report.fields.len(), all);
        let again = back(&made.objects, &ecs::Options::default());
        let spec = &the(&again, "ECSService")["spec"];
        let mut whole = true;
        for entry in &made.report.fields {
            let Some(path) = in_spec(&entry.field) else { continue };
            let leaf = get(&service["spec"], &path).unwrap();
            if entry.outcome != Outcome::Mapped && !entry.kept {
                whole = false;
                continue;
            }
            let found = get(spec, &path);
            let same = found.is_some_and(|f| defaults::same(&path, leaf, f));
            let silent = found.is_none_or(is_empty) && (is_empty(leaf) || defaults::is_default(&path, leaf) || *leaf == json!(false) || says_nothing(&path));
            prop_assert!(same || silent, "{} is {:?} and was {leaf}: {}\n{:#?}", entry.field, found, entry.note, made.objects[0]);
        }
        if whole {
            let canonical = |spec: &Value| crate::canonical::task_definition(&spec["taskDefinition"]);
            let mut differ = differences(&canonical(&service["spec"]), &canonical(spec));
            // A switch that is off and has no default in the declaration says nothing.
            differ.retain(|d| !d.ends_with(" = false"));
            prop_assert!(differ.is_empty(), "{differ:#?}\n{:#?}", made.objects[0]);
        }
    }

    #[test]
    fn what_is_mapped_comes_back_from_the_manifests_alone(service in any_service()) {
        let Ok(mut made) = to_kubernetes(&[document(&service)], &kubernetes::Options::default()) else { return Ok(()) };
        if let Some(annotations) = made.objects[0]["metadata"].get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.remove(KEPT);
        }
        let options = ecs::Options { capacity: Some(ecs::Capacity::AsGiven), ..ecs::Options::default() };
        let again = back(&made.objects, &options);
        let spec = &the(&again, "ECSService")["spec"];
        for entry in made.report.fields.iter().filter(|e| e.outcome == Outcome::Mapped) {
            let Some(path) = in_spec(&entry.field) else { continue };
            // An EBS volume without ECS's role cannot stand in a service; the role is kept in the annotation.
            if entry.field.contains("volumeConfigurations") {
                continue;
            }
            let leaf = get(&service["spec"], &path).unwrap();
            let found = get(spec, &path);
            let same = found.is_some_and(|f| defaults::same(&path, leaf, f));
            let silent = is_empty(leaf) || defaults::is_default(&path, leaf) || *leaf == json!(false) || says_nothing(&path);
            prop_assert!(same || silent, "{} is {:?} and was {leaf}", entry.field, found);
        }
    }
}

/// A value without what says nothing, which ECS would refuse in most places.
fn pruned(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            map.into_iter().map(|(k, v)| (k, pruned(v))).filter(|(_, v)| !is_empty(v)).collect::<Map<_, _>>().into()
        }
        Value::Array(items) => items.into_iter().map(pruned).filter(|v| !is_empty(v)).collect(),
        other => other,
    }
}
