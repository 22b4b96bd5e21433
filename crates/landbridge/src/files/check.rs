//! What the API server would say of an object: unknown fields, wrong types, limits, and the CEL rules of its CRD, after
//! the schema's defaults. The rules are the shipped CRDs' own, so there is no second list to keep.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use jsonschema::Validator;
use jsonschema::error::ValidationErrorKind;
use kube_cel::{CompiledSchema, compile_schema, validate_compiled};
use landbridge_api::names::GROUP;
use serde_json::{Value, json};

use super::document::Document;
use super::problem::Problem;

/// The schemas of all kinds, compiled once.
pub struct Checker {
    kinds: BTreeMap<String, Schema>,
}

struct Schema {
    raw: Value,
    structure: Validator,
    rules: CompiledSchema,
    namespaced: bool,
}

impl Checker {
    /// From the shipped CRDs.
    pub fn new() -> Result<Self> {
        let mut kinds = BTreeMap::new();
        for crd in landbridge_api::crd::crds()? {
            let kind = crd["spec"]["names"]["kind"].as_str().unwrap_or_default().to_owned();
            let raw = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone();
            let structure = jsonschema::draft202012::options()
                .build(&closed(&raw))
                .map_err(|e| anyhow::anyhow!("{e}"))
                .with_context(|| format!("the schema of {kind}"))?;
            let rules = compile_schema(&raw);
            let namespaced = crd["spec"]["scope"] == "Namespaced";
            kinds.insert(kind, Schema { raw, structure, rules, namespaced });
        }
        Ok(Self { kinds })
    }

    /// Whether the document is of a kind of ours. A kind of our group that does not exist is a mistake.
    pub fn knows(&self, document: &Document) -> Result<bool, Problem> {
        if !document.api_version().starts_with(&format!("{GROUP}/")) {
            return Ok(false);
        }
        if document.api_version() != format!("{GROUP}/v1alpha1") {
            let message = format!("apiVersion {} does not exist; write {GROUP}/v1alpha1", document.api_version());
            return Err(document.problem(None, message));
        }
        if self.kinds.contains_key(document.kind()) {
            return Ok(true);
        }
        let known = self.kinds.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        Err(document.problem(None, format!("kind {} does not exist; there are {known}", document.kind())))
    }

    /// The object with the schema's defaults, or everything that is wrong with it.
    pub fn check(&self, document: &Document, default_namespace: &str) -> Result<Value, Vec<Problem>> {
        let Some(schema) = self.kinds.get(document.kind()) else { return Ok(document.value.clone()) };
        let mut value = document.value.clone();
        drop_nulls(&schema.raw, &mut value);
        let mut value = kube_cel::apply_defaults(&schema.raw, &value);
        if let Err(message) = identify(&mut value, schema.namespaced, default_namespace) {
            return Err(vec![document.problem(None, message)]);
        }
        let name = display_name(&value);
        let mut messages: Vec<String> =
            schema.structure.iter_errors(&value).flat_map(|e| explain(&e, schema)).collect();
        repeated("", &schema.raw, &value, &mut messages);
        if messages.is_empty()
            && let Err(errors) = validate_compiled(&schema.rules, &value, None)
        {
            messages.extend(errors.into_vec().into_iter().map(|e| e.to_string()));
        }
        if messages.is_empty() {
            Ok(value)
        } else {
            Err(messages.into_iter().map(|m| document.problem(Some(name.clone()), m)).collect())
        }
    }
}

/// An explicit null is no value where the API server takes it as none: it goes before defaults are filled in. What is
/// required is then missing. Items of lists stay.
fn drop_nulls(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(map) => {
            let of = |name: &str| schema["properties"].get(name).or_else(|| schema.get("additionalProperties"));
            let is_none = |name: &String| of(name).is_some_and(|s| takes_null(s) || requires(schema, name));
            map.retain(|name, v| !v.is_null() || !is_none(name));
            for (name, member) in map.iter_mut() {
                if let Some(schema) = of(name) {
                    drop_nulls(schema, member);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| drop_nulls(&schema["items"], item)),
        _ => {}
    }
}

fn takes_null(schema: &Value) -> bool {
    schema["nullable"] == true || schema.get("default").is_some()
}

fn requires(schema: &Value, name: &str) -> bool {
    schema["required"].as_array().is_some_and(|all| all.iter().any(|n| n == name))
}

/// Lists that are maps or sets for the API server may hold each key once; JSON Schema and CEL do not say so.
fn repeated(at: &str, schema: &Value, value: &Value, messages: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (name, member) in map {
                let of = schema["properties"].get(name).or_else(|| schema.get("additionalProperties"));
                if let Some(schema) = of {
                    repeated(&join(at, name), schema, member, messages);
                }
            }
        }
        Value::Array(items) => {
            let mut seen = BTreeMap::new();
            for (index, item) in items.iter().enumerate() {
                if let Some(key) = key_of(schema, item)
                    && let Some(first) = seen.insert(key.clone(), index)
                {
                    messages.push(format!("{at}[{index}] repeats {key} of {at}[{first}]: keep one"));
                }
                repeated(&format!("{at}[{index}]"), &schema["items"], item, messages);
            }
        }
        _ => {}
    }
}

/// What must be unique of an item, as `name web`.
fn key_of(schema: &Value, item: &Value) -> Option<String> {
    match schema["x-kubernetes-list-type"].as_str()? {
        "set" => Some(item.to_string()),
        "map" => {
            let keys = schema["x-kubernetes-list-map-keys"].as_array()?.iter().filter_map(Value::as_str);
            let text = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
            Some(keys.map(|key| format!("{key} {}", text(&item[key]))).collect::<Vec<_>>().join(", "))
        }
        _ => None,
    }
}

/// `ECSService shop/web`.
fn display_name(value: &Value) -> String {
    let kind = value["kind"].as_str().unwrap_or_default();
    let name = value["metadata"]["name"].as_str().unwrap_or_default();
    match value["metadata"]["namespace"].as_str() {
        Some(namespace) => format!("{kind} {namespace}/{name}"),
        None => format!("{kind} {name}"),
    }
}

/// Fills in the namespace and refuses names that the API server would refuse.
fn identify(value: &mut Value, namespaced: bool, default_namespace: &str) -> Result<(), String> {
    let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) else {
        return Err("metadata.name is missing".to_owned());
    };
    let name = metadata.get("name").and_then(Value::as_str).unwrap_or_default();
    let part = |p: &str| {
        !p.is_empty()
            && p.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !p.starts_with('-')
            && !p.ends_with('-')
    };
    if name.is_empty() {
        return Err("metadata.name is missing".to_owned());
    }
    if name.len() > 253 || !name.split('.').all(part) {
        return Err(format!("metadata.name {name:?} must be lower-case letters, digits, '-' and '.', at most 253"));
    }
    match (namespaced, metadata.contains_key("namespace")) {
        (true, false) => {
            metadata.insert("namespace".into(), default_namespace.into());
        }
        (false, true) => {
            // kubectl lets it pass and the API server drops it; so do we.
            metadata.remove("namespace");
        }
        _ => {}
    }
    Ok(())
}

/// The schema with every structure closed, so that an unknown field is an error as under `kubectl apply`.
fn closed(schema: &Value) -> Value {
    let mut root = close(schema);
    if let Some(properties) = root.get_mut("properties").and_then(Value::as_object_mut) {
        for (name, schema) in [("apiVersion", json!({"type": "string"})), ("kind", json!({"type": "string"}))] {
            properties.insert(name.into(), schema);
        }
        properties.insert("metadata".into(), json!({"type": "object"}));
    }
    root
}

fn close(schema: &Value) -> Value {
    let Some(map) = schema.as_object() else { return schema.clone() };
    let mut out = serde_json::Map::new();
    for (key, value) in map {
        let closed = match key.as_str() {
            "properties" => value
                .as_object()
                .map(|p| Value::Object(p.iter().map(|(k, v)| (k.clone(), close(v))).collect()))
                .unwrap_or_default(),
            "items" | "additionalProperties" => close(value),
            "description" | "format" | "x-kubernetes-validations" => continue,
            _ => value.clone(),
        };
        out.insert(key.clone(), closed);
    }
    let open = map.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true));
    if map.contains_key("properties") && !map.contains_key("additionalProperties") && !open {
        out.insert("additionalProperties".into(), Value::Bool(false));
    }
    if map.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true)) {
        out.insert("type".into(), json!(["integer", "string"]));
    }
    if map.get("nullable") == Some(&Value::Bool(true)) {
        nullable(&mut out);
    }
    Value::Object(out)
}

fn nullable(schema: &mut serde_json::Map<String, Value>) {
    if let Some(Value::String(name)) = schema.get("type").cloned() {
        schema.insert("type".into(), json!([name, "null"]));
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum")
        && !values.contains(&Value::Null)
    {
        values.push(Value::Null);
    }
}

/// The sentences for one structural error.
fn explain(error: &jsonschema::ValidationError<'_>, schema: &Schema) -> Vec<String> {
    let path = path(error.instance_path().as_str());
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let known = properties_at(&schema.raw, error.instance_path().as_str());
            unexpected.iter().map(|field| unknown(&path, field, &known)).collect()
        }
        ValidationErrorKind::Required { property } => {
            let field = property.as_str().unwrap_or_default();
            vec![format!("{} is missing", join(&path, field))]
        }
        _ => vec![format!("{path}: {error}")],
    }
}

fn unknown(path: &str, field: &str, known: &[String]) -> String {
    let near = known.iter().map(|k| (distance(k, field), k)).min().filter(|(d, _)| *d <= 2.max(field.len() / 3));
    let hint = near.map(|(_, k)| format!("; did you mean {k}?")).unwrap_or_default();
    format!("unknown field {}{hint}", join(path, field))
}

fn join(path: &str, field: &str) -> String {
    if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") }
}

/// `/spec/taskDefinition/containerDefinitions/0` as `spec.taskDefinition.containerDefinitions[0]`.
fn path(pointer: &str) -> String {
    let mut path = String::new();
    for part in pointer.split('/').filter(|p| !p.is_empty()) {
        if part.bytes().all(|b| b.is_ascii_digit()) {
            path = format!("{path}[{part}]");
        } else {
            path = join(&path, part);
        }
    }
    path
}

fn properties_at(schema: &Value, pointer: &str) -> Vec<String> {
    let mut at = schema;
    for part in pointer.split('/').filter(|p| !p.is_empty()) {
        at = match at.get("properties").and_then(|p| p.get(part)) {
            Some(next) => next,
            None if at.get("items").is_some() => &at["items"],
            None => &at["additionalProperties"],
        };
    }
    at["properties"].as_object().map(|p| p.keys().cloned().collect()).unwrap_or_default()
}

/// Levenshtein distance without regard to case.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.to_lowercase(), b.to_lowercase());
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.chars().enumerate() {
            let above = row[j + 1];
            row[j + 1] = (diagonal + usize::from(x != y)).min(above + 1).min(row[j] + 1);
            diagonal = above;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<Value, Vec<String>> {
        let value = serde_saphyr::from_str(text).unwrap();
        let document = Document { file: "a.yaml".into(), line: 1, value };
        Checker::new().unwrap().check(&document, "default").map_err(|p| p.into_iter().map(|p| p.message).collect())
    }

    fn web(extra: &str, task: &str) -> String {
        format!(
            "apiVersion: landbridge.dev/v1alpha1\nkind: ECSService\nmetadata: {{name: web, namespace: shop}}\nspec:\n  \
             clusterRef: {{name: prod}}\n  desiredCount: 2\n{extra}  taskDefinition:\n{task}    \
             containerDefinitions:\n      - name: web\n        image: nginx\n        portMappings: \
             [{{containerPort: 80}}]\n"
        )
    }

    #[test]
    fn the_ten_line_service_is_accepted_with_sizes_as_numbers_or_text() {
        assert!(check(&web("", "    cpu: 256\n    memory: 512\n")).is_ok());
        assert!(check(&web("", "    cpu: \"256\"\n    memory: \"512\"\n")).is_ok());
    }

    #[test]
    fn an_unknown_field_is_named_with_the_one_that_was_meant() {
        let messages = check(&web("", "    cpuu: 256\n")).unwrap_err();
        assert_eq!(messages, ["unknown field spec.taskDefinition.cpuu; did you mean cpu?"]);
    }

    #[test]
    fn two_containers_of_one_name_are_refused_as_the_api_server_refuses_them() {
        let text = web("", "    cpu: 256\n") + "      - name: web\n        image: other\n";
        let messages = check(&text).unwrap_err();
        let list = "spec.taskDefinition.containerDefinitions";
        assert_eq!(messages, [format!("{list}[1] repeats name web of {list}[0]: keep one")]);
    }

    #[test]
    fn an_explicit_null_is_no_value() {
        let value = check(&web("  serviceName: null\n", "    cpu: ~\n    memory: 512\n")).unwrap();
        assert_eq!(value["spec"]["taskDefinition"].get("cpu"), None);
    }

    #[test]
    fn an_explicit_null_where_a_value_is_needed_is_said_to_be_missing() {
        let messages = check(&web("", "    cpu: 256\n").replace("{name: prod}", "{name: null}")).unwrap_err();
        assert_eq!(messages, ["spec.clusterRef.name is missing"]);
    }

    #[test]
    fn a_wrong_type_is_named_with_its_path() {
        let messages = check(&web("", "    ipcMode: 3\n")).unwrap_err();
        assert!(messages[0].starts_with("spec.taskDefinition.ipcMode: 3 is not"), "{messages:?}");
    }

    #[test]
    fn a_fargate_size_that_does_not_exist_is_refused_by_the_rule_of_the_crd() {
        let task = "    cpu: 256\n    memory: 4096\n    requiresCompatibilities: [FARGATE]\n";
        let messages = check(&web("", task)).unwrap_err();
        assert!(messages[0].contains("not a Fargate size"), "{messages:?}");
    }

    #[test]
    fn a_port_name_that_service_connect_does_not_find_is_refused() {
        let extra = "  serviceConnectConfiguration: {enabled: true, services: [{portName: http}]}\n";
        let messages = check(&web(extra, "    cpu: 256\n")).unwrap_err();
        assert!(messages[0].contains("portName must be the name of a port mapping"), "{messages:?}");
    }

    #[test]
    fn a_missing_name_is_said_to_be_missing() {
        assert_eq!(check("kind: ECSCluster\nmetadata: {}\nspec: {}\n").unwrap_err(), ["metadata.name is missing"]);
    }

    #[test]
    fn a_namespaced_object_without_a_namespace_gets_the_default_one() {
        let value = check("kind: IAMTaskRole\nmetadata: {name: web}\nspec: {}\n").unwrap();
        assert_eq!(value["metadata"]["namespace"], "default");
    }
}
