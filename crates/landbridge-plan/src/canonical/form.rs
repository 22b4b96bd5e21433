//! A schema, read once into what comparison needs of it.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use landbridge_api::ecs::schema::{DEFAULT, ORDER, UNITS};
use serde_json::{Map, Number, Value};

use crate::units;

/// What comparison needs to know of a schema.
#[derive(Clone, Debug)]
pub enum Form {
    /// Known fields.
    Fields {
        /// The fields by name.
        known: BTreeMap<String, Field>,
        /// Whether an empty object says something that its absence does not, because fields of it have defaults.
        means_something_empty: bool,
    },
    /// Any keys, one form of value.
    Entries(Box<Form>),
    /// A list; when `set`, its order means nothing.
    List {
        /// Form of each item.
        item: Box<Form>,
        /// Whether the order means nothing.
        set: bool,
    },
    /// A number, whole or not.
    Number,
    /// CPU units, as a number or as text.
    Cpu,
    /// Mebibytes, as a number or as text.
    Memory,
    /// Compared as it is: text, booleans, free JSON.
    Plain,
}

/// What becomes of fields that have a default.
#[derive(Clone, Copy, PartialEq)]
enum Defaults {
    Filled,
    Dropped,
    AsGiven,
}

/// A field of an object.
#[derive(Clone, Debug)]
pub struct Field {
    form: Form,
    /// What an absent field means, if anything.
    default: Option<Default>,
}

/// What an absent field means.
#[derive(Clone, Debug)]
struct Default {
    canonical: Value,
    minimal: Value,
}

impl Form {
    /// Reads a schema. What it does not understand compares as it is.
    pub fn of(schema: &Value) -> Self {
        match schema[UNITS].as_str() {
            Some("cpu") => return Self::Cpu,
            Some("memory") => return Self::Memory,
            _ => {}
        }
        match schema["type"].as_str() {
            Some("object") => match schema["properties"].as_object() {
                Some(properties) => Self::fields(properties),
                None => Self::Entries(Box::new(Self::of(&schema["additionalProperties"]))),
            },
            Some("array") => Self::List { item: Box::new(Self::of(&schema["items"])), set: schema[ORDER] == "set" },
            Some("integer" | "number") => Self::Number,
            _ => Self::Plain,
        }
    }

    fn fields(properties: &Map<String, Value>) -> Self {
        let known: BTreeMap<_, _> =
            properties.iter().map(|(name, property)| (name.clone(), Field::of(property))).collect();
        let means_something_empty = known.values().any(|field| field.default.is_some());
        Self::Fields { known, means_something_empty }
    }

    /// The canonical form of a value, with defaults filled in; null when nothing is left of it.
    pub fn canonical(&self, value: &Value) -> Value {
        self.normal(value, Defaults::Filled)
    }

    /// The canonical form without any field that has its default. A declaration that gains a field leaves it as it was.
    pub fn minimal(&self, value: &Value) -> Value {
        self.normal(value, Defaults::Dropped)
    }

    /// The value as AWS takes it: sizes spelled as text, nothing null or empty, no unknown field, no default filled in,
    /// every list in its order.
    pub fn request(&self, value: &Value) -> Value {
        self.normal(value, Defaults::AsGiven)
    }

    fn normal(&self, value: &Value, defaults: Defaults) -> Value {
        match (self, value) {
            (Self::Fields { known, means_something_empty }, Value::Object(object)) => {
                let normal = normal_fields(known, object, defaults);
                if *means_something_empty { Value::Object(normal) } else { non_empty(normal) }
            }
            (Self::Entries(form), Value::Object(object)) => {
                let entries = object.iter().map(|(key, value)| (key.clone(), form.normal(value, defaults)));
                non_empty(entries.filter(|(_, value)| !value.is_null()).collect())
            }
            (Self::List { item, set }, Value::Array(items)) => {
                let mut items: Vec<_> =
                    items.iter().map(|value| item.normal(value, defaults)).filter(|value| !value.is_null()).collect();
                if *set && defaults != Defaults::AsGiven {
                    items.sort_by(compare);
                }
                if items.is_empty() { Value::Null } else { Value::Array(items) }
            }
            (Self::Number, Value::Number(number)) => Value::Number(whole(number)),
            (Self::Cpu, _) => size(value, units::cpu),
            (Self::Memory, _) => size(value, units::memory),
            _ => value.clone(),
        }
    }
}

impl Field {
    fn of(schema: &Value) -> Self {
        let form = Form::of(schema);
        let default = schema
            .get(DEFAULT)
            .map(|value| Default { canonical: form.canonical(value), minimal: form.minimal(value) })
            .filter(|default| !default.canonical.is_null());
        Self { form, default }
    }
}

fn normal_fields(
    fields: &BTreeMap<String, Field>,
    object: &Map<String, Value>,
    defaults: Defaults,
) -> Map<String, Value> {
    let normal = fields.iter().filter_map(|(name, field)| {
        let given = object.get(name).map(|value| field.form.normal(value, defaults)).filter(|value| !value.is_null());
        let value = match defaults {
            Defaults::Filled => given.or_else(|| field.default.as_ref().map(|default| default.canonical.clone())),
            Defaults::Dropped => {
                given.filter(|value| field.default.as_ref().is_none_or(|default| default.minimal != *value))
            }
            Defaults::AsGiven => given,
        };
        Some((name.clone(), value?))
    });
    normal.collect()
}

fn non_empty(object: Map<String, Value>) -> Value {
    if object.is_empty() { Value::Null } else { Value::Object(object) }
}

/// 10.0 is 10: a double that is whole becomes an integer.
fn whole(number: &Number) -> Number {
    match number.as_f64() {
        // Beyond 2^53 a double no longer tells whole numbers apart.
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 9_007_199_254_740_992.0 => {
            Number::from(float as i64)
        }
        _ => number.clone(),
    }
}

/// A size as the text of an integer; what is no size stays, for AWS to refuse.
fn size(value: &Value, parse: fn(&str) -> Option<i64>) -> Value {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => whole(number).to_string(),
        _ => return value.clone(),
    };
    Value::String(parse(&text).map_or(text, |number| number.to_string()))
}

/// A total order of JSON values, so that a set has one order.
pub fn compare(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
        (Value::String(left), Value::String(right)) => left.cmp(right),
        (Value::Number(left), Value::Number(right)) => compare_numbers(left, right),
        (Value::Array(left), Value::Array(right)) => {
            let unequal = left.iter().zip(right).map(|(left, right)| compare(left, right)).find(|order| order.is_ne());
            unequal.unwrap_or_else(|| left.len().cmp(&right.len()))
        }
        (Value::Object(left), Value::Object(right)) => compare_objects(left, right),
        _ => rank(left).cmp(&rank(right)),
    }
}

fn compare_numbers(left: &Number, right: &Number) -> Ordering {
    match (left.as_i64(), right.as_i64()) {
        (Some(left), Some(right)) => left.cmp(&right),
        _ => left.as_f64().unwrap_or(0.0).total_cmp(&right.as_f64().unwrap_or(0.0)),
    }
}

fn compare_objects(left: &Map<String, Value>, right: &Map<String, Value>) -> Ordering {
    let fields = left
        .iter()
        .zip(right)
        .map(|((left_key, left), (right_key, right))| left_key.cmp(right_key).then_with(|| compare(left, right)));
    fields.into_iter().find(|order| order.is_ne()).unwrap_or_else(|| left.len().cmp(&right.len()))
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) => 4,
        Value::Object(_) => 5,
    }
}
