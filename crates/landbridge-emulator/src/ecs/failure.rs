//! Entries of a batch that fail. Source: Failure in the Amazon ECS API reference and "Amazon ECS API failure reasons".

use serde_json::{Value, json};

use crate::refusal::Refusal;

/// What is asked for is not there.
pub(super) fn missing(arn: &str) -> Value {
    json!({ "arn": arn, "reason": "MISSING" })
}

/// ECS itself fails, as a rule for partial failures has it. AWS documents no reason for that: it is the code that a whole call
/// would fail with.
pub(super) fn broken(arn: &str) -> Value {
    let Refusal { code, message, .. } = Refusal::server_error();
    json!({ "arn": arn, "reason": code, "detail": message })
}
