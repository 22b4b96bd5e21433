//! What IAM would refuse in a policy document, found before IAM is asked.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{PolicyError, parse};

/// What a document is for; the two have different statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// What a role may do: statements name resources.
    Permissions,
    /// Who may assume a role: statements name principals.
    Trust,
}

/// Checks a document.
///
/// # Errors
/// The first thing that IAM would answer with `MalformedPolicyDocument`.
pub fn validate(document: &Value, usage: Usage) -> Result<(), PolicyError> {
    let policy = parse(document)?;
    only_members(&policy, &["Version", "Id", "Statement"], "")?;
    match policy.get("Version") {
        None => {}
        Some(Value::String(v)) if v == "2012-10-17" || v == "2008-10-17" => {}
        Some(other) => {
            return Err(PolicyError::new("Version", format!("{other} is not a version; use \"2012-10-17\"")));
        }
    }
    let statements: &[Value] = match policy.get("Statement") {
        Some(Value::Array(items)) => items,
        Some(one) => std::slice::from_ref(one),
        None => return Err(PolicyError::new("Statement", "is missing")),
    };
    if statements.is_empty() {
        return Err(PolicyError::new("Statement", "has no statements; leave the policy out instead"));
    }
    let mut sids = BTreeSet::new();
    for (index, value) in statements.iter().enumerate() {
        let at = format!("Statement[{index}]");
        validate_statement(value, usage, &at)?;
        if let Some(sid) = value.get("Sid").and_then(Value::as_str)
            && !sids.insert(sid)
        {
            return Err(PolicyError::new(format!("{at}.Sid"), format!("{sid} is used twice in the document")));
        }
    }
    characters(&Value::Object(policy.clone()), "document")
}

/// Checks one statement, which is at `at` in its document.
///
/// # Errors
/// As [`validate`].
pub fn validate_statement(value: &Value, usage: Usage, at: &str) -> Result<(), PolicyError> {
    let Value::Object(statement) = value else {
        return Err(PolicyError::new(at, "is not an object"));
    };
    let known: &[&str] = match usage {
        Usage::Permissions => &["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"],
        Usage::Trust => &["Sid", "Effect", "Action", "NotAction", "Principal", "NotPrincipal", "Condition"],
    };
    only_members(statement, known, at)?;
    match statement.get("Effect") {
        Some(Value::String(effect)) if effect == "Allow" || effect == "Deny" => {}
        Some(other) => {
            return Err(PolicyError::new(format!("{at}.Effect"), format!("{other} is neither \"Allow\" nor \"Deny\"")));
        }
        None => return Err(PolicyError::new(format!("{at}.Effect"), "is missing; it is \"Allow\" or \"Deny\"")),
    }
    sid(statement, at)?;
    let action = one_of(statement, ["Action", "NotAction"], at)?;
    each_text(action.1, &format!("{at}.{}", action.0), |text| {
        let named = text.split_once(':').is_some_and(|(service, name)| !service.is_empty() && !name.is_empty());
        if named || text == "*" { Ok(()) } else { Err("is not an action such as \"s3:GetObject\" or \"*\"") }
    })?;
    match usage {
        Usage::Permissions => {
            let resource = one_of(statement, ["Resource", "NotResource"], at)?;
            each_text(resource.1, &format!("{at}.{}", resource.0), |text| {
                let arn = text == "*" || text.starts_with("arn:") || text.starts_with("${") || text.starts_with('*');
                if arn { Ok(()) } else { Err("is neither an ARN nor \"*\"") }
            })?;
        }
        Usage::Trust => {
            let principal = one_of(statement, ["Principal", "NotPrincipal"], at)?;
            principals(principal.1, &format!("{at}.{}", principal.0))?;
        }
    }
    statement.get("Condition").map_or(Ok(()), |c| conditions(c, &format!("{at}.Condition")))
}

fn only_members(map: &Map<String, Value>, known: &[&str], at: &str) -> Result<(), PolicyError> {
    let Some(name) = map.keys().find(|k| !known.contains(&k.as_str())) else { return Ok(()) };
    let at = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
    let same_but_case = known.iter().find(|k| k.eq_ignore_ascii_case(name));
    let why = match same_but_case {
        Some(known) => format!("is not known; names are case-sensitive, write {known}"),
        None => format!("is not known here; known are {}", known.join(", ")),
    };
    Err(PolicyError::new(at, why))
}

fn sid(statement: &Map<String, Value>, at: &str) -> Result<(), PolicyError> {
    match statement.get("Sid") {
        None => Ok(()),
        Some(Value::String(sid)) if sid.chars().all(|c| c.is_ascii_alphanumeric()) => Ok(()),
        Some(other) => {
            Err(PolicyError::new(format!("{at}.Sid"), format!("{other} may hold only the letters A-Z, a-z and digits")))
        }
    }
}

/// The one of two members that is there.
fn one_of<'a>(
    statement: &'a Map<String, Value>,
    names: [&'static str; 2],
    at: &str,
) -> Result<(&'static str, &'a Value), PolicyError> {
    let [name, not_name] = names;
    match (statement.get(name), statement.get(not_name)) {
        (Some(value), None) => Ok((name, value)),
        (None, Some(value)) => Ok((not_name, value)),
        (None, None) => Err(PolicyError::new(format!("{at}.{name}"), "is missing")),
        (Some(_), Some(_)) => Err(PolicyError::new(at, format!("has both {name} and {not_name}; keep one"))),
    }
}

fn each_text(value: &Value, at: &str, check: impl Fn(&str) -> Result<(), &'static str>) -> Result<(), PolicyError> {
    let items: &[Value] = match value {
        Value::Array(items) => items,
        one => std::slice::from_ref(one),
    };
    if items.is_empty() {
        return Err(PolicyError::new(at, "is an empty list"));
    }
    for item in items {
        let Value::String(text) = item else {
            return Err(PolicyError::new(at, format!("{item} is not text")));
        };
        check(text).map_err(|why| PolicyError::new(at, format!("\"{text}\" {why}")))?;
    }
    Ok(())
}

fn principals(value: &Value, at: &str) -> Result<(), PolicyError> {
    match value {
        Value::String(text) if text == "*" => Ok(()),
        Value::Object(kinds) if !kinds.is_empty() => {
            for (kind, who) in kinds {
                let at = format!("{at}.{kind}");
                if !["AWS", "Service", "Federated", "CanonicalUser"].contains(&kind.as_str()) {
                    return Err(PolicyError::new(
                        at,
                        "is not a kind of principal: AWS, Service, Federated or CanonicalUser",
                    ));
                }
                each_text(who, &at, |text| if text.is_empty() { Err("is empty") } else { Ok(()) })?;
            }
            Ok(())
        }
        _ => Err(PolicyError::new(at, "is an object such as {\"Service\": \"ecs-tasks.amazonaws.com\"}, or \"*\"")),
    }
}

fn conditions(value: &Value, at: &str) -> Result<(), PolicyError> {
    let Value::Object(operators) = value else {
        return Err(PolicyError::new(at, "is an object of operators, such as {\"StringEquals\": {…}}"));
    };
    for (operator, keys) in operators {
        let at = format!("{at}.{operator}");
        let Value::Object(keys) = keys else {
            return Err(PolicyError::new(at, "is an object of condition keys, such as {\"aws:SourceAccount\": …}"));
        };
        for (key, wanted) in keys {
            let plain = |v: &Value| v.is_string() || v.is_boolean() || v.is_number();
            let fine = plain(wanted) || wanted.as_array().is_some_and(|l| l.iter().all(plain));
            if !fine {
                return Err(PolicyError::new(
                    format!("{at}[{key}]"),
                    "is a text, a number, a boolean or a list of them",
                ));
            }
        }
    }
    Ok(())
}

/// IAM takes tab, line feed, carriage return and U+0020 to U+00FF (API reference, `PolicyDocument` pattern).
fn characters(value: &Value, at: &str) -> Result<(), PolicyError> {
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{ff}');
    match value.to_string().chars().find(|c| !allowed(*c)) {
        Some(c) => Err(PolicyError::new(at, format!("IAM does not take the character {c:?} in a policy"))),
        None => Ok(()),
    }
}
