//! What a queue does over time, and what its policy lets in.

use serde_json::json;

use super::attributes::lets_in;

#[test]
fn only_a_policy_that_names_service_queue_and_source_lets_events_in() {
    let (queue, rule) = ("arn:aws:sqs:eu-west-1:1:q", "arn:aws:events:eu-west-1:1:rule/r");
    let policy = |condition: serde_json::Value| {
        json!({"Statement": {
            "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage", "Resource": queue, "Condition": condition,
        }})
        .to_string()
    };
    let lets = |policy: Option<&str>| lets_in(policy, "events.amazonaws.com", queue, rule);
    assert!(!lets(None));
    assert!(!lets(Some("no policy")));
    assert!(lets(Some(&policy(json!({"ArnEquals": {"aws:SourceArn": rule}})))));
    assert!(!lets(Some(&policy(json!({"ArnEquals": {"aws:SourceArn": "arn:aws:events:eu-west-1:1:rule/other"}})))));
    assert!(!lets(Some(&policy(json!({"Bool": {"aws:SecureTransport": "true"}})))));
    assert!(!lets_in(Some(&policy(json!({}))), "sns.amazonaws.com", queue, rule));
}
