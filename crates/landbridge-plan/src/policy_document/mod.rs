//! IAM policy documents, compared as policies and not as text.
//!
//! Two documents are the same when IAM cannot tell them apart: the order of statements and of lists, one value or a list
//! of one, the case of actions and condition keys, and the two spellings of a principal do not count. Nothing here asks
//! whether a policy is wise; `validate` refuses only what IAM would refuse (IAM User Guide, «Grammar of the IAM JSON
//! policy language»).

mod validate;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::plan::Difference;

pub use validate::{Usage, validate, validate_statement};

/// What is wrong with a document, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {what}")]
pub struct PolicyError {
    /// Where, for example `Statement[0].Action` or `line 3, column 14`.
    pub at: String,
    /// What is wrong and what should be there.
    pub what: String,
}

impl PolicyError {
    fn new(at: impl Into<String>, what: impl Into<String>) -> Self {
        Self { at: at.into(), what: what.into() }
    }
}

/// The document as an object: JSON text is parsed, an object is taken as it is.
///
/// # Errors
/// The text is not JSON, or not an object.
pub fn parse(document: &Value) -> Result<Map<String, Value>, PolicyError> {
    let parsed = match document {
        Value::String(text) => serde_json::from_str(text).map_err(|e| {
            let message = e.to_string();
            let what = message.split(" at line ").next().unwrap_or_default().to_owned();
            PolicyError::new(format!("line {}, column {}", e.line(), e.column()), format!("not JSON: {what}"))
        })?,
        other => other.clone(),
    };
    match parsed {
        Value::Object(map) => Ok(map),
        _ => Err(PolicyError::new("document", "a policy is an object with Version and Statement")),
    }
}

/// The canonical form: equal for documents that mean the same. It does not need a valid document.
///
/// # Errors
/// As [`parse`].
pub fn canonical(document: &Value) -> Result<Value, PolicyError> {
    let mut policy = parse(document)?;
    let mut statements: Vec<Value> = as_list(policy.remove("Statement")).into_iter().map(statement).collect();
    // By Sid first, so that a statement that changes stays where it was.
    statements.sort_by_cached_key(|s| (s["Sid"].as_str().unwrap_or_default().to_owned(), s.to_string()));
    statements.dedup();
    // IAM takes a document without a version for the old language, in which policy variables are plain text.
    policy.entry("Version").or_insert_with(|| json!("2008-10-17"));
    policy.insert("Statement".to_owned(), statements.into());
    Ok(policy.into())
}

/// Whether two documents mean the same. A document that cannot be read is the same as nothing but itself.
pub fn same(a: &Value, b: &Value) -> bool {
    match (canonical(a), canonical(b)) {
        (Ok(a), Ok(b)) => a == b,
        _ => a == b,
    }
}

/// How two documents differ as policies, with paths such as `trust.Statement[EcsTasks].Action`.
pub fn differences(path: &str, from: &Value, to: &Value) -> Vec<Difference> {
    match (canonical(from), canonical(to)) {
        (Ok(from), Ok(to)) => crate::diff::differences(path, &from, &to),
        _ => crate::diff::differences(path, from, to),
    }
}

/// The statements as they are written; none of a document that cannot be read.
pub fn statements(document: &Value) -> Vec<Value> {
    parse(document).map(|mut policy| as_list(policy.remove("Statement"))).unwrap_or_default()
}

/// The canonical form of one statement: equal for statements that mean the same.
pub fn canonical_statement(value: &Value) -> Value {
    statement(value.clone())
}

/// The size that IAM's quotas speak of: characters of the document without white space (IAM User Guide, «IAM and AWS STS
/// quotas»).
///
/// # Errors
/// As [`parse`].
pub fn size(document: &Value) -> Result<usize, PolicyError> {
    let text = Value::Object(parse(document)?).to_string();
    Ok(text.chars().filter(|c| !c.is_whitespace()).count())
}

fn statement(value: Value) -> Value {
    let Value::Object(map) = value else { return value };
    let members = map.into_iter().filter_map(|(name, value)| {
        let value = match name.as_str() {
            "Action" | "NotAction" => set(value, str::to_ascii_lowercase),
            "Resource" | "NotResource" => set(value, str::to_owned),
            "Principal" | "NotPrincipal" => principal(value),
            "Condition" => condition(value)?,
            _ => value,
        };
        Some((name, value))
    });
    Value::Object(members.collect())
}

/// `"*"` means every AWS principal, and an account is meant by its ID as well as by its root user's ARN.
fn principal(value: Value) -> Value {
    match value {
        Value::String(text) if text == "*" => json!({ "AWS": ["*"] }),
        Value::Object(map) => map.into_iter().map(|(k, v)| (k, set(v, account_of))).collect(),
        other => other,
    }
}

fn account_of(principal: &str) -> String {
    let root = || {
        let rest = principal.strip_prefix("arn:")?.strip_suffix(":root")?;
        let (partition, account) = rest.split_once(":iam::")?;
        (partition.starts_with("aws") && account.len() == 12).then(|| account.to_owned())
    };
    root().unwrap_or_else(|| principal.to_owned())
}

/// Operators and keys are case-insensitive, values are sets of text. No condition is the same as an empty one.
fn condition(value: Value) -> Option<Value> {
    let Value::Object(operators) = value else { return Some(value) };
    let operators: BTreeMap<String, Value> = lowered(operators)
        .into_iter()
        .filter_map(|(operator, keys)| match keys {
            Value::Object(keys) if keys.is_empty() => None,
            Value::Object(keys) => {
                let keys = lowered(keys).into_iter().map(|(k, v)| (k, set(v, str::to_owned)));
                Some((operator, Value::Object(keys.collect())))
            }
            other => Some((operator, other)),
        })
        .collect();
    (!operators.is_empty()).then(|| Value::Object(operators.into_iter().collect()))
}

/// The members under lower-case names; as they are when two of them would get the same name.
fn lowered(map: Map<String, Value>) -> Map<String, Value> {
    let lower: Map<String, Value> = map.iter().map(|(k, v)| (k.to_ascii_lowercase(), v.clone())).collect();
    if lower.len() == map.len() { lower } else { map }
}

/// A value or a list of values as a sorted list of different texts.
fn set(value: Value, spell: impl Fn(&str) -> String) -> Value {
    let mut items: Vec<Value> = as_list(Some(value))
        .into_iter()
        .map(|v| match v {
            Value::String(text) => Value::String(spell(&text)),
            Value::Bool(_) | Value::Number(_) => Value::String(v.to_string()),
            other => other,
        })
        .collect();
    items.sort_by_cached_key(Value::to_string);
    items.dedup();
    items.into()
}

fn as_list(value: Option<Value>) -> Vec<Value> {
    match value {
        None => Vec::new(),
        Some(Value::Array(items)) => items,
        Some(one) => vec![one],
    }
}

#[cfg(test)]
mod tests;
