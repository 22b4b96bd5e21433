//! Evaluates a trust policy: may this principal, in this context, assume the role?
//!
//! "Policy evaluation logic" (reference_policies_evaluation-logic.html): an explicit deny wins, else one allow suffices.
//! Condition operators that are not known here never hold, so that an unknown condition closes the door.

use serde_json::Value;

use super::document::{statements, strings};
use crate::faults::matches;
use crate::wildcard;
use crate::world::World;

/// A trust policy, already checked.
#[derive(Debug, Clone)]
pub(crate) struct Trust(pub(crate) Value);

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) enum Principal {
    Service(&'static str),
    /// The ARNs that stand for the caller (session, role or user) and the account.
    Aws {
        arns: Vec<String>,
        account: String,
    },
    Federated(String),
}

/// One question to a trust policy.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) action: &'static str,
    pub(crate) principal: Principal,
    /// Condition keys of the request, compared without regard to case.
    pub(crate) context: Vec<(String, String)>,
}

impl Request {
    /// Amazon ECS assumes a task role with the account as source and a resource of the account as source ARN ("Task IAM
    /// role", AmazonECS developer guide, task-iam-roles.html).
    pub(crate) fn for_ecs_tasks(account: &str, region: &str) -> Self {
        Self {
            action: "sts:AssumeRole",
            principal: Principal::Service("ecs-tasks.amazonaws.com"),
            context: vec![
                ("aws:SourceAccount".to_owned(), account.to_owned()),
                ("aws:SourceArn".to_owned(), format!("arn:aws:ecs:{region}:{account}:*")),
            ],
        }
    }
}

/// Whether the role of this ARN is there, has propagated, and lets an AWS service of the account assume it.
pub(crate) fn trusts(world: &World, role: &str, service: &'static str, account: &str) -> bool {
    let request = Request {
        action: "sts:AssumeRole",
        principal: Principal::Service(service),
        context: vec![("aws:SourceAccount".to_owned(), account.to_owned())],
    };
    let role = world.services.iam.by_arn(role);
    role.is_some_and(|role| role.usable_at <= world.now && role.trust_at(world.now).allows(&request))
}

impl Trust {
    pub(crate) fn allows(&self, request: &Request) -> bool {
        let applying = statements(&self.0).iter().filter(|statement| applies(statement, request));
        let mut allowed = false;
        for statement in applying {
            match statement.get("Effect").and_then(Value::as_str) {
                Some("Allow") => allowed = true,
                _ => return false,
            }
        }
        allowed
    }
}

fn applies(statement: &Value, request: &Request) -> bool {
    let action = |element: &Value| {
        strings(element).is_some_and(|actions| actions.iter().any(|pattern| matches(pattern, request.action)))
    };
    let action = match (statement.get("Action"), statement.get("NotAction")) {
        (Some(actions), _) => action(actions),
        (None, Some(actions)) => !action(actions),
        (None, None) => false,
    };
    let principal = match (statement.get("Principal"), statement.get("NotPrincipal")) {
        (Some(who), _) => is_meant(who, &request.principal),
        (None, Some(who)) => !is_meant(who, &request.principal),
        (None, None) => false,
    };
    action && principal && conditions_hold(statement.get("Condition"), &request.context)
}

fn is_meant(element: &Value, principal: &Principal) -> bool {
    if element.as_str() == Some("*") {
        return true;
    }
    let listed = |kind: &str| element.get(kind).and_then(strings).unwrap_or_default();
    match principal {
        Principal::Service(name) => listed("Service").iter().any(|service| service == name || *service == "*"),
        Principal::Federated(provider) => listed("Federated").contains(&provider.as_str()),
        Principal::Aws { arns, account } => listed("AWS").iter().any(|who| {
            // An account's number and its root ARN mean every principal of the account.
            let root = format!("arn:aws:iam::{account}:root");
            *who == "*" || who == account || *who == root || arns.iter().any(|arn| arn == who)
        }),
    }
}

/// All operators and all keys must hold ("Conditions with multiple context keys or values").
pub(crate) fn conditions_hold(condition: Option<&Value>, context: &[(String, String)]) -> bool {
    let Some(Value::Object(operators)) = condition else { return true };
    operators.iter().all(|(operator, keys)| {
        let Some(keys) = keys.as_object() else { return false };
        keys.iter().all(|(key, wanted)| {
            let actual =
                context.iter().find(|(known, _)| known.eq_ignore_ascii_case(key)).map(|(_, value)| value.as_str());
            holds(operator, actual, &texts(wanted))
        })
    })
}

/// Condition values as text: numbers and booleans are equal to their spelling.
fn texts(wanted: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    wanted.as_array().map_or_else(|| vec![text(wanted)], |list| list.iter().map(text).collect())
}

fn holds(operator: &str, actual: Option<&str>, wanted: &[String]) -> bool {
    let operator = operator.to_ascii_lowercase();
    let (operator, if_exists) =
        operator.strip_suffix("ifexists").map_or((operator.as_str(), false), |base| (base, true));
    if operator == "null" {
        return wanted.iter().any(|wanted| (wanted == "true") == actual.is_none());
    }
    let same: fn(&str, &str) -> bool = match operator {
        "stringequals" | "stringnotequals" => |wanted, actual| wanted == actual,
        "stringequalsignorecase" | "stringnotequalsignorecase" | "bool" => {
            |wanted, actual| wanted.eq_ignore_ascii_case(actual)
        }
        "stringlike" | "stringnotlike" | "arnlike" | "arnequals" | "arnnotlike" | "arnnotequals" => wildcard::like,
        _ => return false,
    };
    let negated = operator.contains("not");
    match actual {
        // A key that is not in the request satisfies the negated operators and IfExists
        // (reference_policies_elements_condition_operators.html).
        None => negated || if_exists,
        Some(actual) => wanted.iter().any(|wanted| same(wanted, actual)) != negated,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::needless_pass_by_value)]

    use serde_json::json;

    use super::*;

    fn trust(statements: Value) -> Trust {
        Trust(json!({"Version": "2012-10-17", "Statement": statements}))
    }

    fn ecs_tasks(condition: Value) -> Trust {
        trust(json!({"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"},
                     "Action": "sts:AssumeRole", "Condition": condition}))
    }

    #[test]
    fn ecs_tasks_are_trusted_with_the_confused_deputy_conditions_of_the_developer_guide() {
        let request = Request::for_ecs_tasks("123456789012", "eu-west-1");
        let guarded = ecs_tasks(json!({
            "ArnLike": {"aws:SourceArn": "arn:aws:ecs:eu-west-1:123456789012:*"},
            "StringEquals": {"aws:SourceAccount": "123456789012"}
        }));
        assert!(guarded.allows(&request));
        assert!(!guarded.allows(&Request::for_ecs_tasks("123456789012", "us-east-1")));
        assert!(!guarded.allows(&Request::for_ecs_tasks("210987654321", "eu-west-1")));
    }

    #[test]
    fn another_service_in_the_trust_policy_does_not_let_ecs_tasks_in() {
        let pods = trust(json!([{"Effect": "Allow", "Principal": {"Service": "pods.eks.amazonaws.com"},
                                 "Action": ["sts:AssumeRole", "sts:TagSession"]}]));
        assert!(!pods.allows(&Request::for_ecs_tasks("123456789012", "eu-west-1")));
    }

    #[test]
    fn an_explicit_deny_wins_over_an_allow() {
        let both = trust(json!([
            {"Effect": "Allow", "Principal": "*", "Action": "sts:*"},
            {"Effect": "Deny", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ]));
        assert!(!both.allows(&Request::for_ecs_tasks("123456789012", "eu-west-1")));
    }

    #[test]
    fn an_unknown_condition_operator_closes_the_door() {
        let strange = ecs_tasks(json!({"MoonPhase": {"aws:SourceAccount": "123456789012"}}));
        assert!(!strange.allows(&Request::for_ecs_tasks("123456789012", "eu-west-1")));
    }

    #[test]
    fn wildcards_match_as_iam_matches_them() {
        for (pattern, text, expected) in
            [("*", "", true), ("a*c", "abbc", true), ("a?c", "abc", true), ("a?c", "ac", false), ("A*", "abc", false)]
        {
            assert_eq!(wildcard::like(pattern, text), expected, "{pattern} against {text}");
        }
    }

    #[test]
    fn a_key_that_the_request_lacks_satisfies_only_negated_operators_and_if_exists() {
        let wanted = vec!["x".to_owned()];
        assert!(!holds("StringEquals", None, &wanted));
        assert!(holds("StringNotEquals", None, &wanted));
        assert!(holds("StringEqualsIfExists", None, &wanted));
        assert!(holds("Null", None, &["true".to_owned()]));
        assert!(!holds("Null", Some("x"), &["true".to_owned()]));
    }
}
