//! Policy documents: what IAM refuses as `MalformedPolicyDocument`, and how it counts their size.
//!
//! The grammar is "Grammar of the IAM JSON policy language" (reference_policies_grammar.html). Checked is what IAM
//! checks when it stores a document: structure, element names, effects, action prefixes, resource forms and the kinds
//! of principals. Not checked is whether an action or a service exists, which IAM does not do either.

use serde_json::{Map, Value};

use super::{malformed, names};
use crate::refusal::Refusal;

/// Which elements a document must and may not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A role's trust policy: principals, only STS actions, no resources.
    Trust,
    /// An inline or managed policy: resources, no principals.
    Permissions,
}

const STATEMENT_ELEMENTS: [&str; 10] = [
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
    "Comment",
];

/// The number of characters that count against a quota: all but white space (reference_iam-quotas.html).
pub(crate) fn size(document: &str) -> usize {
    document.chars().filter(|c| !c.is_whitespace()).count()
}

/// Parses and checks a document.
pub(crate) fn check(document: &str, purpose: Purpose) -> Result<Value, Refusal> {
    if !document.chars().all(|c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{ff}')) {
        return Err(malformed("The policy contains characters outside of U+0009, U+000A, U+000D and U+0020 to U+00FF"));
    }
    let value: Value = serde_json::from_str(document).map_err(|_| malformed("This policy contains invalid Json"))?;
    let Some(policy) = value.as_object() else { return Err(syntax()) };
    if policy.keys().any(|key| !["Version", "Id", "Statement"].contains(&key.as_str())) {
        return Err(syntax());
    }
    match policy.get("Version") {
        None => {}
        Some(Value::String(version)) if version == "2012-10-17" || version == "2008-10-17" => {}
        Some(_) => return Err(malformed("The policy must contain a valid version string")),
    }
    let statements = statements(&value);
    if statements.is_empty() {
        return Err(syntax());
    }
    let mut sids = Vec::new();
    for statement in statements {
        let statement = statement.as_object().ok_or_else(syntax)?;
        check_statement(statement, purpose)?;
        if let Some(sid) = statement.get("Sid") {
            sids.push(check_sid(sid, purpose)?);
        }
    }
    sids.retain(|sid| !sid.is_empty());
    sids.sort_unstable();
    if sids.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(malformed("Statement IDs (SID) in a single policy must be unique."));
    }
    Ok(value)
}

/// The statements of a document; a single one may stand without a list.
pub(crate) fn statements(document: &Value) -> &[Value] {
    match document.get("Statement") {
        Some(Value::Array(list)) => list,
        Some(one) => std::slice::from_ref(one),
        None => &[],
    }
}

/// The strings of an element that may be one string or a list; none if it is neither.
pub(crate) fn strings(element: &Value) -> Option<Vec<&str>> {
    match element {
        Value::String(one) => Some(vec![one]),
        Value::Array(list) => list.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

fn syntax() -> Refusal {
    malformed("Syntax errors in policy.")
}

fn check_sid(sid: &Value, purpose: Purpose) -> Result<&str, Refusal> {
    let sid = sid.as_str().ok_or_else(syntax)?;
    // Trust policies are resource policies, whose Sid is free text; identity policies restrict it
    // (reference_policies_elements_sid.html).
    if purpose == Purpose::Permissions && !sid.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Err(malformed(
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*",
        ));
    }
    Ok(sid)
}

fn check_statement(statement: &Map<String, Value>, purpose: Purpose) -> Result<(), Refusal> {
    if statement.keys().any(|key| !STATEMENT_ELEMENTS.contains(&key.as_str())) {
        return Err(syntax());
    }
    if !matches!(statement.get("Effect").and_then(Value::as_str), Some("Allow" | "Deny")) {
        return Err(syntax());
    }
    let actions =
        one_of(statement, "Action", "NotAction")?.ok_or_else(|| malformed("Policy statement must contain actions."))?;
    check_actions(&actions, purpose)?;
    if let Some(condition) = statement.get("Condition") {
        check_condition(condition)?;
    }
    match purpose {
        Purpose::Permissions => {
            if statement.contains_key("Principal") || statement.contains_key("NotPrincipal") {
                return Err(malformed("Policy document should not specify a principal."));
            }
            let resources = one_of(statement, "Resource", "NotResource")?
                .ok_or_else(|| malformed("Policy statement must contain resources."))?;
            check_resources(&resources)
        }
        Purpose::Trust => {
            for element in ["Resource", "NotResource"] {
                if statement.contains_key(element) {
                    return Err(malformed(format!("Has prohibited field {element}")));
                }
            }
            let principal = statement.get("Principal").or_else(|| statement.get("NotPrincipal"));
            check_principal(principal.ok_or_else(|| malformed("Missing required field Principal cannot be empty!"))?)
        }
    }
}

/// The strings under `name` or its negation; both at once, or no strings at all, is a syntax error.
fn one_of<'a>(statement: &'a Map<String, Value>, name: &str, not: &str) -> Result<Option<Vec<&'a str>>, Refusal> {
    let element = match (statement.get(name), statement.get(not)) {
        (Some(_), Some(_)) => return Err(syntax()),
        (Some(element), None) | (None, Some(element)) => element,
        (None, None) => return Ok(None),
    };
    let strings = strings(element).ok_or_else(syntax)?;
    Ok((!strings.is_empty()).then_some(strings))
}

fn check_actions(actions: &[&str], purpose: Purpose) -> Result<(), Refusal> {
    for action in actions {
        let vendor = action.split_once(':').map(|(vendor, _)| vendor);
        if *action != "*" && vendor.is_none_or(str::is_empty) {
            return Err(malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."));
        }
        if purpose == Purpose::Trust && !vendor.is_some_and(|vendor| vendor.eq_ignore_ascii_case("sts")) {
            return Err(malformed("AssumeRole policy may only specify STS AssumeRole actions."));
        }
    }
    Ok(())
}

fn check_resources(resources: &[&str]) -> Result<(), Refusal> {
    for resource in resources {
        if *resource == "*" {
            continue;
        }
        if !resource.starts_with("arn:") {
            return Err(malformed(format!("Resource {resource} must be in ARN format or \"*\".")));
        }
        if resource.splitn(6, ':').count() < 6 {
            return Err(malformed("The policy failed legacy parsing"));
        }
    }
    Ok(())
}

/// `{operator: {key: value or values}}`, values being strings, numbers or booleans.
fn check_condition(condition: &Value) -> Result<(), Refusal> {
    let scalar = |value: &Value| value.is_string() || value.is_number() || value.is_boolean();
    let values = |value: &Value| scalar(value) || value.as_array().is_some_and(|list| list.iter().all(scalar));
    for keys in condition.as_object().ok_or_else(syntax)?.values() {
        let keys = keys.as_object().ok_or_else(syntax)?;
        if !keys.values().all(values) {
            return Err(syntax());
        }
        if keys.keys().any(|key| !key.contains(':')) {
            return Err(malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."));
        }
    }
    Ok(())
}

fn check_principal(principal: &Value) -> Result<(), Refusal> {
    let kinds = match principal {
        Value::String(any) if any == "*" => return Ok(()),
        Value::Object(kinds) if !kinds.is_empty() => kinds,
        _ => return Err(syntax()),
    };
    for (kind, who) in kinds {
        let valid: fn(&str) -> bool = match kind.as_str() {
            "AWS" => is_aws_principal,
            "Service" => is_service_principal,
            "Federated" => is_federated_principal,
            "CanonicalUser" => |_| true,
            _ => return Err(syntax()),
        };
        let who = strings(who).filter(|who| !who.is_empty()).ok_or_else(syntax)?;
        if let Some(bad) = who.iter().find(|who| !valid(who)) {
            return Err(malformed(format!("Invalid principal in policy: \"{}\":\"{bad}\"", kind.to_uppercase())));
        }
    }
    Ok(())
}

/// Everything, an account, or a principal's ARN (reference_policies_elements_principal.html). A unique ID (`AROA...`) is
/// what a document shows for a principal that is gone.
fn is_aws_principal(who: &str) -> bool {
    let unique = who.len() >= 16 && who.starts_with('A') && who.bytes().all(|c| c.is_ascii_alphanumeric());
    who == "*" || names::is_account(who) || names::account_of(who).is_some() || unique
}

fn is_service_principal(who: &str) -> bool {
    let domains = [".amazonaws.com", ".amazonaws.com.cn", ".aws.internal", ".api.aws"];
    who == "*" || domains.iter().any(|domain| who.len() > domain.len() && who.ends_with(domain))
}

fn is_federated_principal(who: &str) -> bool {
    let web = ["cognito-identity.amazonaws.com", "www.amazon.com", "graph.facebook.com", "accounts.google.com"];
    let provider = who.contains(":oidc-provider/") || who.contains(":saml-provider/");
    web.contains(&who) || (names::account_of(who).is_some() && provider)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::needless_pass_by_value)]

    use serde_json::json;

    use super::*;

    fn refused(document: &Value, purpose: Purpose) -> String {
        let refusal = check(&document.to_string(), purpose).unwrap_err();
        assert_eq!(refusal.code, "MalformedPolicyDocument");
        refusal.message
    }

    fn trust(statement: Value) -> Value {
        json!({"Version": "2012-10-17", "Statement": [statement]})
    }

    #[test]
    fn white_space_does_not_count_against_the_size() {
        assert_eq!(size("{ \"a\" :\n\t1 }"), 7);
    }

    #[test]
    fn a_document_that_is_not_json_or_not_an_object_is_malformed() {
        for text in ["{", "", "[]", "\"x\"", "{}", r#"{"Statement": []}"#, r#"{"Statement": 5}"#] {
            assert_eq!(check(text, Purpose::Trust).unwrap_err().code, "MalformedPolicyDocument", "{text}");
        }
    }

    #[test]
    fn the_usual_trust_policies_are_accepted() {
        for statement in [
            json!({"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}),
            json!({"Effect": "Allow", "Principal": {"Service": ["pods.eks.amazonaws.com"]},
                   "Action": ["sts:AssumeRole", "sts:TagSession"]}),
            json!({"Sid": "a b", "Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole",
                   "Condition": {"StringEquals": {"sts:ExternalId": "x"}}}),
            json!({"Effect": "Allow", "Principal": {"Federated": "arn:aws:iam::123456789012:oidc-provider/o.example"},
                   "Action": "sts:AssumeRoleWithWebIdentity"}),
        ] {
            check(&trust(statement).to_string(), Purpose::Trust).unwrap();
        }
    }

    #[test]
    fn a_trust_policy_with_a_resource_without_a_principal_or_with_other_actions_is_refused() {
        let service = json!({"Service": "ecs-tasks.amazonaws.com"});
        let with = |extra: &str, value: Value| {
            let mut statement = json!({"Effect": "Allow", "Principal": service, "Action": "sts:AssumeRole"});
            statement[extra] = value;
            trust(statement)
        };
        assert_eq!(refused(&with("Resource", json!("*")), Purpose::Trust), "Has prohibited field Resource");
        assert!(refused(&with("Action", json!("s3:GetObject")), Purpose::Trust).contains("only specify STS"));
        assert!(refused(&with("Principal", json!({"Service": "ecs-tasks"})), Purpose::Trust).contains("\"SERVICE\""));
        assert!(refused(&with("Principal", json!({"AWS": "bob"})), Purpose::Trust).contains("\"AWS\":\"bob\""));
        assert!(refused(&with("Effect", json!("allow")), Purpose::Trust).contains("Syntax"));
        assert!(refused(&with("Bogus", json!(1)), Purpose::Trust).contains("Syntax"));
        let nobody = trust(json!({"Effect": "Allow", "Action": "sts:AssumeRole"}));
        assert!(refused(&nobody, Purpose::Trust).contains("Missing required field Principal"));
    }

    #[test]
    fn a_permissions_policy_needs_actions_and_resources_and_takes_no_principal() {
        let good = json!({"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::bucket/*"});
        check(&trust(good.clone()).to_string(), Purpose::Permissions).unwrap();
        let with = |key: &str, value: Value| {
            let mut statement = good.clone();
            statement[key] = value;
            trust(statement)
        };
        assert!(refused(&with("Principal", json!("*")), Purpose::Permissions).contains("principal"));
        assert!(refused(&with("Action", json!("GetObject")), Purpose::Permissions).contains("vendor"));
        assert!(refused(&with("Action", json!([])), Purpose::Permissions).contains("must contain actions"));
        assert!(refused(&with("Resource", json!("bucket")), Purpose::Permissions).contains("ARN format"));
        assert!(refused(&with("Resource", json!([])), Purpose::Permissions).contains("must contain resources"));
        assert!(refused(&with("Sid", json!("a-b")), Purpose::Permissions).contains("alpha-numeric"));
        assert!(refused(&with("Condition", json!({"StringEquals": "x"})), Purpose::Permissions).contains("Syntax"));
        let version = json!({"Version": "2020-01-01", "Statement": [good.clone()]});
        assert!(refused(&version, Purpose::Permissions).contains("version"));
        let mut twice = good.clone();
        twice["Sid"] = json!("same");
        let twins = json!({"Version": "2012-10-17", "Statement": [twice.clone(), twice]});
        assert!(refused(&twins, Purpose::Permissions).contains("unique"));
    }
}
