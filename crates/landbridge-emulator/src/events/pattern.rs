//! Event patterns: which events a rule takes ("Comparison operators for use in event patterns").

use serde_json::{Map, Value, json};

use crate::input::Input;
use crate::refusal::Refusal;
use crate::wildcard;

/// A pattern that was checked.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pattern(Map<String, Value>);

fn invalid(reason: impl std::fmt::Display) -> Refusal {
    Refusal::new("InvalidEventPatternException", format!("Event pattern is not valid. Reason: {reason}"))
}

impl Pattern {
    /// Reads a pattern: an object whose leaves are lists of values and comparisons.
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        let pattern: Value = serde_json::from_str(text).map_err(invalid)?;
        let Value::Object(pattern) = pattern else { return Err(invalid("Filter is not an object")) };
        if pattern.is_empty() {
            return Err(invalid("Event pattern is empty"));
        }
        check(&pattern)?;
        Ok(Self(pattern))
    }

    /// Whether an event matches: every field of the pattern does.
    pub(super) fn takes(&self, event: &Value) -> bool {
        object_takes(&self.0, event)
    }
}

fn check(pattern: &Map<String, Value>) -> Result<(), Refusal> {
    for (name, value) in pattern {
        match value {
            Value::Object(nested) => check(nested)?,
            Value::Array(ways) if name == "$or" => {
                let nested = |way: &Value| way.as_object().map(check).ok_or_else(|| invalid("$or takes objects"))?;
                ways.iter().try_for_each(nested)?;
            }
            Value::Array(values) if values.is_empty() => return Err(invalid("Empty arrays are not allowed")),
            Value::Array(values) => values.iter().try_for_each(check_leaf)?,
            _ => return Err(invalid(format!("\"{name}\" must be an object or an array"))),
        }
    }
    Ok(())
}

fn check_leaf(leaf: &Value) -> Result<(), Refusal> {
    const KNOWN: [&str; 7] =
        ["prefix", "suffix", "anything-but", "numeric", "exists", "equals-ignore-case", "wildcard"];
    match leaf {
        Value::Object(comparison) => {
            let (Some((name, _)), 1) = (comparison.iter().next(), comparison.len()) else {
                return Err(invalid("Only one key allowed in match expression"));
            };
            if KNOWN.contains(&name.as_str()) {
                Ok(())
            } else {
                Err(invalid(format!("Unrecognized match type {name}")))
            }
        }
        Value::Array(_) => Err(invalid("Match value must be String, number, true, false, or null")),
        _ => Ok(()),
    }
}

fn object_takes(pattern: &Map<String, Value>, event: &Value) -> bool {
    pattern.iter().all(|(name, wanted)| match wanted {
        Value::Array(ways) if name == "$or" => {
            ways.iter().filter_map(Value::as_object).any(|way| object_takes(way, event))
        }
        Value::Object(nested) => object_takes(nested, &event[name]),
        Value::Array(leaves) => field_takes(leaves, event.get(name)),
        _ => false,
    })
}

/// A field matches when one of its values matches one leaf; a list's values are its items.
fn field_takes(leaves: &[Value], value: Option<&Value>) -> bool {
    let values: Vec<&Value> = match value {
        Some(Value::Array(items)) => items.iter().collect(),
        Some(value) => vec![value],
        None => Vec::new(),
    };
    leaves.iter().any(|leaf| match leaf.get("exists").and_then(Value::as_bool) {
        // It is of leaves only: an object is not there for it.
        Some(wanted) => wanted == values.iter().any(|value| !value.is_object()),
        None => values.iter().any(|value| leaf_takes(leaf, value)),
    })
}

fn leaf_takes(leaf: &Value, value: &Value) -> bool {
    let Some((name, wanted)) = leaf.as_object().and_then(|comparison| comparison.iter().next()) else {
        return leaf == value || same_number(leaf, value);
    };
    let text = value.as_str();
    let by = |is: &dyn Fn(&str, &str) -> bool| text.zip(wanted.as_str()).is_some_and(|(text, wanted)| is(text, wanted));
    match name.as_str() {
        "prefix" => by(&|text, wanted| text.starts_with(wanted)),
        "suffix" => by(&|text, wanted| text.ends_with(wanted)),
        "equals-ignore-case" => by(&|text, wanted| text.eq_ignore_ascii_case(wanted)),
        "wildcard" => by(&|text, wanted| wildcard::star(wanted, text)),
        "anything-but" => !match wanted {
            Value::Array(values) => values.iter().any(|wanted| wanted == value || same_number(wanted, value)),
            Value::Object(comparison) => comparison.iter().any(|(name, wanted)| match wanted {
                Value::Array(several) => several.iter().any(|one| leaf_takes(&json!({ name: one }), value)),
                one => leaf_takes(&json!({ name: one }), value),
            }),
            one => one == value || same_number(one, value),
        },
        "numeric" => value.as_f64().is_some_and(|number| numeric(wanted, number)),
        _ => false,
    }
}

fn same_number(a: &Value, b: &Value) -> bool {
    a.as_f64().zip(b.as_f64()).is_some_and(|(a, b)| (a - b).abs() < f64::EPSILON)
}

/// `["=", 1]`, `[">", 0, "<=", 5]`.
fn numeric(wanted: &Value, number: f64) -> bool {
    let Some(terms) = wanted.as_array() else { return false };
    terms.chunks(2).all(|term| {
        let [operator, bound] = term else { return false };
        let Some(bound) = bound.as_f64() else { return false };
        match operator.as_str() {
            Some("=") => (number - bound).abs() < f64::EPSILON,
            Some("<") => number < bound,
            Some("<=") => number <= bound,
            Some(">") => number > bound,
            Some(">=") => number >= bound,
            _ => false,
        }
    })
}

pub(super) fn test(input: Input<'_>) -> Result<Value, Refusal> {
    let pattern = Pattern::parse(input.required("EventPattern")?)?;
    let event: Value = serde_json::from_str(input.required("Event")?)
        .map_err(|error| input.refuse(format!("Parameter Event is not valid. Reason: {error}")))?;
    Ok(json!({ "Result": pattern.takes(&event) }))
}
