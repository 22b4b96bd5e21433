//! Values that an earlier step of the same plan will produce: an ARN, a Cloud Map ID.
//!
//! A token is a string that no AWS value can look like. It sits wherever the value will sit, also inside the JSON
//! body of a request, is printed as `(known after apply)`, and is replaced right before the request is sent.

use std::collections::BTreeMap;

use serde_json::Value;

const PREFIX: &str = "\u{1}after:";

/// How a plan prints a value that is not known yet.
pub const KNOWN_AFTER_APPLY: &str = "(known after apply)";

/// The values that executed steps produced, by `step` and `output`.
pub type Outputs = BTreeMap<(String, String), String>;

/// The token for what step `step` will produce under the name `output`.
pub fn token(step: &str, output: &str) -> String {
    format!("{PREFIX}{step}\u{1}{output}")
}

/// Whether the text is a token.
pub fn is_token(text: &str) -> bool {
    text.starts_with(PREFIX)
}

/// The text itself, or what a plan prints for a token.
pub fn shown(text: &str) -> &str {
    if is_token(text) { KNOWN_AFTER_APPLY } else { text }
}

/// The text with a token replaced; `None` when the step it waits for has not produced the value.
pub fn resolve(text: &str, outputs: &Outputs) -> Option<String> {
    let Some(rest) = text.strip_prefix(PREFIX) else { return Some(text.to_owned()) };
    let (step, output) = rest.split_once('\u{1}')?;
    outputs.get(&(step.to_owned(), output.to_owned())).cloned()
}

/// The JSON value with every token in it replaced; `None` when one is not there.
pub fn resolve_value(value: &Value, outputs: &Outputs) -> Option<Value> {
    Some(match value {
        Value::String(text) => Value::String(resolve(text, outputs)?),
        Value::Array(items) => Value::Array(items.iter().map(|v| resolve_value(v, outputs)).collect::<Option<_>>()?),
        Value::Object(map) => Value::Object(
            map.iter().map(|(k, v)| Some((k.clone(), resolve_value(v, outputs)?))).collect::<Option<_>>()?,
        ),
        other => other.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_inside_a_body_is_replaced_by_what_its_step_produced() {
        let body = serde_json::json!({"registries": [{"registryArn": token("discovery", "arn")}], "n": 1});
        let mut outputs = Outputs::new();
        assert_eq!(resolve_value(&body, &outputs), None);
        outputs.insert(("discovery".into(), "arn".into()), "arn:x".into());
        assert_eq!(
            resolve_value(&body, &outputs),
            Some(serde_json::json!({"registries": [{"registryArn": "arn:x"}], "n": 1}))
        );
        assert_eq!(shown(&token("a", "b")), KNOWN_AFTER_APPLY);
    }
}
