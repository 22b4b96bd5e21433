//! Tests of [`super`].

use super::*;
use proptest::prelude::*;
use proptest::sample::subsequence;

// `json!` at every call site reads better without a borrow.
#[allow(clippy::needless_pass_by_value)]
fn allow(extra: Value) -> Value {
    let mut statement = json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"});
    for (k, v) in extra.as_object().unwrap() {
        statement[k] = v.clone();
    }
    json!({"Version": "2012-10-17", "Statement": [statement]})
}

#[allow(clippy::needless_pass_by_value)]
fn trust(principal: Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}})
}

fn refusal(document: &Value, usage: Usage) -> String {
    validate(document, usage).unwrap_err().to_string()
}

#[test]
fn one_value_and_a_list_of_one_mean_the_same() {
    assert!(same(&allow(json!({})), &allow(json!({"Action": ["s3:GetObject"], "Resource": ["*"]}))));
}

#[test]
fn text_and_object_mean_the_same() {
    let document = allow(json!({}));
    assert!(same(&Value::String(serde_json::to_string_pretty(&document).unwrap()), &document));
}

#[test]
fn actions_are_case_insensitive_and_resources_are_not() {
    assert!(same(&allow(json!({})), &allow(json!({"Action": "S3:getobject"}))));
    let to = |resource: &str| allow(json!({"Resource": resource}));
    assert!(!same(&to("arn:aws:s3:::Shop/*"), &to("arn:aws:s3:::shop/*")));
}

#[test]
fn the_order_and_repetition_of_actions_and_statements_mean_nothing() {
    let a = json!({"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "*"});
    let b = json!({"Effect": "Deny", "Action": "iam:*", "Resource": "*"});
    let a2 = json!({"Effect": "Allow", "Action": ["s3:PutObject", "s3:GetObject", "s3:GetObject"], "Resource": "*"});
    assert!(same(&json!({"Statement": [a, b.clone()]}), &json!({"Statement": [b.clone(), a2, b]})));
}

#[test]
fn a_star_principal_is_every_aws_principal_and_an_account_is_its_root() {
    assert!(same(&trust(json!("*")), &trust(json!({"AWS": "*"}))));
    assert!(same(&trust(json!({"AWS": "111122223333"})), &trust(json!({"AWS": ["arn:aws:iam::111122223333:root"]}))));
    assert!(!same(&trust(json!({"AWS": "111122223333"})), &trust(json!({"AWS": "111122223334"}))));
}

#[test]
fn condition_operators_and_keys_are_case_insensitive_and_values_are_text() {
    let with = |condition: Value| allow(json!({"Condition": condition}));
    assert!(same(
        &with(json!({"Bool": {"aws:SecureTransport": true}})),
        &with(json!({"bool": {"AWS:securetransport": ["true"]}}))
    ));
    assert!(same(
        &with(json!({"NumericLessThan": {"aws:MultiFactorAuthAge": 3600}})),
        &with(json!({"NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}}))
    ));
    assert!(!same(
        &with(json!({"StringEquals": {"aws:PrincipalTag/team": "Shop"}})),
        &with(json!({"StringEquals": {"aws:PrincipalTag/team": "shop"}}))
    ));
    assert!(same(&with(json!({})), &allow(json!({}))));
}

#[test]
fn two_condition_keys_that_differ_in_case_only_are_both_kept() {
    let with = |condition: Value| allow(json!({"Condition": condition}));
    let both = with(json!({"StringEquals": {"aws:A": "1", "aws:a": "2"}}));
    assert!(!same(&both, &with(json!({"StringEquals": {"aws:a": "2"}}))));
}

#[test]
fn a_document_without_a_version_is_one_of_the_old_language() {
    let mut document = allow(json!({}));
    document.as_object_mut().unwrap().remove("Version");
    assert!(!same(&document, &allow(json!({}))));
    document["Version"] = json!("2008-10-17");
    let mut without = document.clone();
    without.as_object_mut().unwrap().remove("Version");
    assert!(same(&document, &without));
}

#[test]
fn a_changed_statement_is_named_by_its_sid() {
    let document = |action: &str| {
        json!({"Version": "2012-10-17", "Statement": [
            {"Sid": "Read", "Effect": "Allow", "Action": action, "Resource": "*"},
            {"Sid": "Other", "Effect": "Allow", "Action": "m:N", "Resource": "*"},
        ]})
    };
    assert_eq!(
        differences("policies[s3]", &document("a:Z"), &document("s3:List")),
        [Difference::new("policies[s3].Statement[Read].Action", Some(json!(["a:z"])), Some(json!(["s3:list"])))]
    );
}

#[test]
fn white_space_does_not_count_towards_the_size() {
    let compact = json!(r#"{"Version":"2012-10-17","Statement":[]}"#);
    let spaced = json!("{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": []\n}");
    assert_eq!(size(&compact).unwrap(), 39);
    assert_eq!(size(&spaced).unwrap(), 39);
}

#[test]
fn text_that_is_not_json_is_refused_with_line_and_column() {
    let text = json!("{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [}\n}");
    assert_eq!(refusal(&text, Usage::Permissions), "line 3, column 17: not JSON: expected value");
}

#[test]
fn every_refusal_says_where_and_what() {
    let cases = [
        (json!([]), "document: a policy is an object with Version and Statement"),
        (json!({"Version": "2012-10-17"}), "Statement: is missing"),
        (json!({"Statement": []}), "Statement: has no statements; leave the policy out instead"),
        (json!({"version": "2012-10-17"}), "version: is not known; names are case-sensitive, write Version"),
        (json!({"Version": "2012-10-18"}), "Version: \"2012-10-18\" is not a version; use \"2012-10-17\""),
        (json!({"Statement": ["x"]}), "Statement[0]: is not an object"),
        (json!({"Statement": {"Action": "*"}}), "Statement[0].Effect: is missing; it is \"Allow\" or \"Deny\""),
        (allow(json!({"Effect": "allow"})), "Statement[0].Effect: \"allow\" is neither \"Allow\" nor \"Deny\""),
        (
            allow(json!({"Sid": "read only"})),
            "Statement[0].Sid: \"read only\" may hold only the letters A-Z, a-z and digits",
        ),
        (
            allow(json!({"Action": "GetObject"})),
            "Statement[0].Action: \"GetObject\" is not an action such as \"s3:GetObject\" or \"*\"",
        ),
        (allow(json!({"Action": []})), "Statement[0].Action: is an empty list"),
        (allow(json!({"Action": 7})), "Statement[0].Action: 7 is not text"),
        (allow(json!({"NotAction": "s3:*"})), "Statement[0]: has both Action and NotAction; keep one"),
        (allow(json!({"Resource": "bucket"})), "Statement[0].Resource: \"bucket\" is neither an ARN nor \"*\""),
        (
            allow(json!({"Condition": []})),
            "Statement[0].Condition: is an object of operators, such as {\"StringEquals\": {…}}",
        ),
        (
            allow(json!({"Condition": {"Bool": {"k": {}}}})),
            "Statement[0].Condition.Bool[k]: is a text, a number, a boolean or a list of them",
        ),
        (
            allow(json!({"Resource": "arn:aws:s3:::\u{20ac}"})),
            "document: IAM does not take the character '€' in a policy",
        ),
    ];
    for (document, expected) in cases {
        assert_eq!(refusal(&document, Usage::Permissions), expected, "{document}");
    }
}

#[test]
fn a_trust_policy_has_principals_and_no_resources() {
    assert_eq!(validate(&trust(json!({"Service": "ecs-tasks.amazonaws.com"})), Usage::Trust), Ok(()));
    assert!(refusal(&allow(json!({})), Usage::Trust).starts_with("Statement[0].Resource: is not known here"));
    assert_eq!(
        refusal(&trust(json!({"Users": "x"})), Usage::Trust),
        "Statement[0].Principal.Users: is not a kind of principal: AWS, Service, Federated or CanonicalUser"
    );
    assert!(refusal(&trust(json!("ecs")), Usage::Trust).starts_with("Statement[0].Principal: is an object"));
}

#[test]
fn two_statements_of_one_sid_are_refused() {
    let one = json!({"Sid": "A", "Effect": "Allow", "Action": "s3:*", "Resource": "*"});
    let document = json!({"Statement": [one.clone(), one]});
    assert_eq!(refusal(&document, Usage::Permissions), "Statement[1].Sid: A is used twice in the document");
}

/// A policy, and the same policy written differently.
fn spelled_twice() -> impl Strategy<Value = (Value, Value)> {
    let actions = subsequence(vec!["s3:GetObject", "s3:PutObject", "sqs:SendMessage", "iam:PassRole"], 1..=4);
    let resources = subsequence(vec!["*", "arn:aws:s3:::a", "arn:aws:s3:::B/*"], 1..=3);
    let keys = subsequence(vec!["aws:SourceAccount", "aws:RequestTag/team", "aws:MultiFactorAuthAge"], 0..=3);
    let one = (actions, resources, keys, any::<bool>()).prop_map(|(actions, resources, keys, deny)| {
        let effect = if deny { "Deny" } else { "Allow" };
        let condition: Map<String, Value> = keys.iter().map(|k| ((*k).to_owned(), json!(7))).collect();
        let plain = json!({
            "Effect": effect, "Action": actions, "Resource": resources, "Condition": {"StringEquals": condition},
        });
        let flip = |list: &[&str]| match list {
            [one] => json!(one),
            many => many.iter().rev().copied().collect(),
        };
        let upper: Vec<String> = actions.iter().map(|a| a.to_uppercase()).collect();
        let condition: Map<String, Value> =
            condition.keys().rev().map(|k| (k.to_uppercase(), json!(["7", "7"]))).collect();
        let other = json!({
            "Condition": {"stringequals": condition},
            "Resource": flip(&resources),
            "Action": flip(&upper.iter().map(String::as_str).collect::<Vec<_>>()),
            "Effect": effect,
        });
        (plain, other)
    });
    prop::collection::vec(one, 1..4).prop_map(|statements| {
        let (plain, mut other): (Vec<Value>, Vec<Value>) = statements.into_iter().unzip();
        other.reverse();
        let text = serde_json::to_string_pretty(&json!({"Statement": other, "Version": "2012-10-17"})).unwrap();
        (json!({"Version": "2012-10-17", "Statement": plain}), Value::String(text))
    })
}

proptest! {
    #[test]
    fn a_policy_written_differently_is_the_same_and_has_no_differences((a, b) in spelled_twice()) {
        prop_assert!(same(&a, &b));
        prop_assert_eq!(differences("", &a, &b), vec![]);
        prop_assert_eq!(validate(&a, Usage::Permissions), Ok(()));
    }

    #[test]
    fn the_canonical_form_of_a_canonical_form_is_itself((a, b) in spelled_twice()) {
        let once = canonical(&b).unwrap();
        prop_assert_eq!(canonical(&once).unwrap(), once.clone());
        prop_assert_eq!(validate(&once, Usage::Permissions), Ok(()));
        prop_assert!(same(&a, &once));
    }

    #[test]
    fn policies_of_different_meaning_are_different((a, _) in spelled_twice(), (b, _) in spelled_twice()) {
        prop_assert_eq!(same(&a, &b), canonical(&a) == canonical(&b));
        prop_assert_eq!(same(&a, &b), differences("", &a, &b).is_empty());
    }

    #[test]
    fn nothing_that_is_not_a_policy_makes_it_panic(text in ".{0,60}") {
        let document = Value::String(text);
        let _ = validate(&document, Usage::Trust);
        let _ = canonical(&document);
    }
}
