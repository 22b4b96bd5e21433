//! Which events a pattern takes, as the table of "Comparison operators for use in event patterns" has them.

use serde_json::{Value, json};

use super::pattern::Pattern;

fn takes(pattern: &Value, event: &Value) -> bool {
    Pattern::parse(&pattern.to_string()).unwrap().takes(event)
}

#[test]
fn every_field_of_a_pattern_must_match_and_one_of_its_values_is_enough() {
    let event = json!({
        "source": "aws.ecs", "detail-type": "ECS Task State Change", "resources": ["arn:aws:ecs:r:1:task/prod/1"],
        "detail": {"group": "service:web", "lastStatus": "STOPPED", "version": 4, "stopCode": null},
    });
    for (pattern, expected) in [
        (json!({"source": ["aws.ecs"]}), true),
        (json!({"source": ["aws.ecs", "aws.iam"], "detail-type": ["ECS Task State Change"]}), true),
        (json!({"source": ["aws.ecs"], "detail-type": ["ECS Service Action"]}), false),
        (json!({"detail": {"lastStatus": ["RUNNING", "STOPPED"]}}), true),
        (json!({"detail": {"group": [{"prefix": "service:"}]}}), true),
        (json!({"detail": {"group": [{"suffix": ":orders"}]}}), false),
        (json!({"detail": {"group": [{"equals-ignore-case": "SERVICE:WEB"}]}}), true),
        (json!({"detail": {"group": [{"anything-but": "service:web"}]}}), false),
        (json!({"detail": {"group": [{"anything-but": ["a", "b"]}]}}), true),
        (json!({"detail": {"group": [{"anything-but": {"prefix": "family:"}}]}}), true),
        (json!({"detail": {"version": [{"numeric": [">", 3, "<=", 4]}]}}), true),
        (json!({"detail": {"version": [{"numeric": ["=", 5]}]}}), false),
        (json!({"detail": {"stoppedReason": [{"exists": false}]}}), true),
        (json!({"detail": {"group": [{"exists": true}]}}), true),
        (json!({"detail": {"stopCode": [null]}}), true),
        (json!({"resources": [{"wildcard": "arn:aws:ecs:*:task/prod/*"}]}), true),
        (json!({"$or": [{"source": ["aws.iam"]}, {"detail": {"version": [4]}}]}), true),
    ] {
        assert_eq!(takes(&pattern, &event), expected, "{pattern}");
    }
}

#[test]
fn a_pattern_that_means_nothing_is_refused() {
    for text in ["", "[]", "{}", r#"{"source": "aws.ecs"}"#, r#"{"source": []}"#, r#"{"source": [{"like": "x"}]}"#] {
        let refusal = Pattern::parse(text).unwrap_err();
        assert_eq!(refusal.code, "InvalidEventPatternException", "{text}");
    }
}
