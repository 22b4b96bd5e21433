//! What ECS takes an absent field to mean, and when two values mean the same, by the declaration in `landbridge-api`.

use std::sync::LazyLock;

use landbridge_api::ecs::schema::{DEFAULT, ORDER, UNITS, schema_of};
use landbridge_api::v1alpha1::EcsServiceSpec;
use serde_json::Value;

use super::path::{Path, Step};
use crate::canonical::compare;
use crate::units;

static SCHEMA: LazyLock<Value> = LazyLock::new(schema_of::<EcsServiceSpec>);

/// The schema at a path of ECSService's spec, and what an absent field there means.
fn at(path: &Path) -> (Option<&'static Value>, Option<Value>) {
    let mut schema: &Value = &SCHEMA;
    let mut default: Option<Value> = None;
    for step in &path.0 {
        if schema["x-kubernetes-preserve-unknown-fields"] == true {
            return (Some(schema), None);
        }
        let next = match step {
            Step::Field(name) => schema["properties"].get(name).or_else(|| schema.get("additionalProperties")),
            Step::Key(_) | Step::Index(_) => schema.get("items"),
        };
        let Some(next) = next else { return (None, None) };
        let inherited = match (default, step) {
            (Some(value), Step::Field(name)) => value.get(name).cloned(),
            _ => None,
        };
        default = next.get(DEFAULT).cloned().or(inherited);
        schema = next;
    }
    (Some(schema), default)
}

/// Whether ECS knows the field at all.
pub fn is_known(path: &Path) -> bool {
    at(path).0.is_some()
}

/// Whether a value is what ECS takes anyway when the field is absent.
pub fn is_default(path: &Path, value: &Value) -> bool {
    let (schema, default) = at(path);
    default.is_some_and(|d| means_same(schema, &d, value))
}

/// Whether two values of a field mean the same to ECS.
pub fn same(path: &Path, left: &Value, right: &Value) -> bool {
    means_same(at(path).0, left, right)
}

fn means_same(schema: Option<&Value>, left: &Value, right: &Value) -> bool {
    if left == right {
        return true;
    }
    let text = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    let read: fn(&str) -> Option<i64> = match schema.and_then(|s| s[UNITS].as_str()) {
        Some("cpu") => units::cpu,
        Some("memory") => units::memory,
        _ => {
            let is_set = schema.is_some_and(|s| s[ORDER] == "set");
            return match (left.as_array(), right.as_array()) {
                (Some(left), Some(right)) if is_set => sorted(left) == sorted(right),
                _ => left.as_f64().is_some() && left.as_f64() == right.as_f64(),
            };
        }
    };
    read(&text(left)).is_some() && read(&text(left)) == read(&text(right))
}

fn sorted(items: &[Value]) -> Vec<Value> {
    let mut items = items.to_vec();
    items.sort_by(compare);
    items
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn defaults_and_spellings_are_those_of_the_declaration() {
        let container = Path::of("taskDefinition.containerDefinitions").key("web");
        assert!(is_default(&container.field("essential"), &json!(true)));
        assert!(!is_default(&container.field("essential"), &json!(false)));
        assert!(is_default(&container.field("restartPolicy").field("enabled"), &json!(false)));
        assert!(same(&Path::of("taskDefinition.cpu"), &json!("1 vCPU"), &json!(1024)));
        assert!(same(&Path::of("taskDefinition.memory"), &json!("2 GB"), &json!("2048")));
        let groups = Path::of("networkConfiguration.awsvpcConfiguration.securityGroups");
        assert!(same(&groups, &json!(["a", "b"]), &json!(["b", "a"])));
        assert!(!same(&container.field("command"), &json!(["a", "b"]), &json!(["b", "a"])));
        assert!(!is_known(&Path::of("taskDefinition.fancy")));
    }
}
