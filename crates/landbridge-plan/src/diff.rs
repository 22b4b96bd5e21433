//! What differs between two JSON values, field by field, with paths that a reader can follow.
//!
//! Both sides are expected in canonical form: this module does not know defaults or which lists are sets. Values
//! that look secret are hidden by [`crate::redact`] before they become part of a difference.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::change::Body;
use crate::plan::Difference;
use crate::redact::{Context, redacted_in};

/// Members that tell the items of a list apart, tried in this order. All members of an entry count together.
const IDENTITIES: &[&[&str]] = &[
    &["name"],
    &["key"],
    &["Key"],
    &["Sid"],
    &["containerPort"],
    &["containerPort", "protocol"],
    &["capacityProvider"],
    &["containerName"],
    &["containerPath"],
    &["portName"],
    &["targetGroupArn"],
    &["registryArn"],
    &["type"],
];

/// Everything that differs between what AWS has and what is wanted; `path` is put before every path.
///
/// There is no difference if and only if the values are equal, where an absent member, `null` and a number's
/// spelling (`1`, `1.0`) do not count.
pub fn differences(path: &str, from: &Value, to: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    walk(path, Context::default(), Some(from), Some(to), &mut found);
    found
}

/// The same for request bodies.
pub fn body_differences(path: &str, from: &Body, to: &Body) -> Vec<Difference> {
    let mut found = Vec::new();
    members(path, Context::default(), from, to, &mut found);
    found
}

/// Whether two values have no differences.
pub fn same(from: &Value, to: &Value) -> bool {
    differences("", from, to).is_empty()
}

fn walk(path: &str, context: Context, from: Option<&Value>, to: Option<&Value>, found: &mut Vec<Difference>) {
    match (from.filter(|v| !v.is_null()), to.filter(|v| !v.is_null())) {
        (Some(Value::Object(from)), Some(Value::Object(to))) => members(path, context, from, to, found),
        (Some(Value::Array(from)), Some(Value::Array(to))) => items(path, context, from, to, found),
        (Some(Value::Number(a)), Some(Value::Number(b))) if same_number(a, b) => {}
        (from, to) if from == to => {}
        (from, to) => {
            let shown = |v: Option<&Value>| v.map(|v| redacted_in(context, v));
            found.push(Difference::new(path, shown(from), shown(to)));
        }
    }
}

fn members(path: &str, context: Context, from: &Body, to: &Body, found: &mut Vec<Difference>) {
    let mut names: Vec<&String> = from.keys().chain(to.keys()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        // Either side's name may be the one that looks secret; the values of both are hidden then.
        let inside = context.member(from, name).or(context.member(to, name));
        walk(&member(path, name), inside, from.get(name), to.get(name), found);
    }
}

fn items(path: &str, context: Context, from: &[Value], to: &[Value], found: &mut Vec<Difference>) {
    let scalar = |v: &Value| !v.is_object() && !v.is_array();
    if from.iter().chain(to).all(scalar) {
        if from.len() != to.len() || from.iter().zip(to).any(|(a, b)| !same(a, b)) {
            let shown = |list: &[Value]| Some(redacted_in(context, &Value::Array(list.to_vec())));
            found.push(Difference::new(path, shown(from), shown(to)));
        }
        return;
    }
    match IDENTITIES.iter().find_map(|i| Some((keyed(from, i)?, keyed(to, i)?))) {
        Some((from, to)) => keyed_items(path, context, &from, &to, found),
        None => {
            for index in 0..from.len().max(to.len()) {
                walk(&format!("{path}[{index}]"), context.item(), from.get(index), to.get(index), found);
            }
        }
    }
}

fn keyed_items(
    path: &str,
    context: Context,
    from: &[(String, &Value)],
    to: &[(String, &Value)],
    found: &mut Vec<Difference>,
) {
    let wanted: BTreeMap<&str, &Value> = to.iter().map(|(k, v)| (k.as_str(), *v)).collect();
    let present: BTreeMap<&str, &Value> = from.iter().map(|(k, v)| (k.as_str(), *v)).collect();
    let differ = found.len();
    let order = to.iter().chain(from.iter().filter(|(k, _)| !wanted.contains_key(k.as_str())));
    for (key, _) in order {
        let (from, to) = (present.get(key.as_str()).copied(), wanted.get(key.as_str()).copied());
        walk(&format!("{path}[{key}]"), context.item(), from, to, found);
    }
    let common = |list: &[(String, &Value)], other: &BTreeMap<&str, &Value>| -> Vec<Value> {
        list.iter().filter(|(k, _)| other.contains_key(k.as_str())).map(|(k, _)| Value::from(k.as_str())).collect()
    };
    let (before, after) = (common(from, &wanted), common(to, &present));
    // A set of objects is sorted by content, so an item that changes may also move; that says nothing more.
    if before != after && found.len() == differ {
        found.push(Difference::new(format!("{path}[order]"), Some(Value::Array(before)), Some(Value::Array(after))));
    }
}

/// The items with their identity, if every item has one of its own.
fn keyed<'a>(items: &'a [Value], identity: &[&str]) -> Option<Vec<(String, &'a Value)>> {
    let mut seen = std::collections::BTreeSet::new();
    items
        .iter()
        .map(|item| {
            let parts: Vec<String> = identity.iter().map(|m| scalar_text(item.get(m)?)).collect::<Option<_>>()?;
            let key = parts.join("/");
            seen.insert(key.clone()).then_some((key, item))
        })
        .collect()
}

fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(crate::token::shown(text).to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn member(path: &str, name: &str) -> String {
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    match (plain, path.is_empty()) {
        (true, true) => name.to_owned(),
        (true, false) => format!("{path}.{name}"),
        (false, _) => format!("{path}[{}]", Value::from(name)),
    }
}

fn same_number(a: &serde_json::Number, b: &serde_json::Number) -> bool {
    if a == b {
        return true;
    }
    // Two integers that differ are different even where f64 cannot tell them apart.
    let integer = |n: &serde_json::Number| n.is_i64() || n.is_u64();
    !(integer(a) && integer(b)) && a.as_f64() == b.as_f64()
}

#[cfg(test)]
#[path = "diff_tests.rs"]
mod tests;
