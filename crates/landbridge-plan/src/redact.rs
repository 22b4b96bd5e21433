//! Keeps secrets out of plans, events and status: what looks secret is shown as `(sensitive)`.
//!
//! A value is hidden because of the name it goes by (an environment variable `DB_PASSWORD`, a log driver option
//! `splunk-token`) or because of what it is (a private key, a URL with a password in it). ARNs in `valueFrom` say where
//! a secret is, not what it is, and stay visible.

use serde_json::Value;

use crate::change::Body;

/// What is shown in place of a secret.
pub const SENSITIVE: &str = "(sensitive)";

/// Members whose own members are named by the user, so that those names say what a value is.
const FREE_MAPS: &[&str] = &["options", "driverOpts", "dockerLabels", "labels"];

/// Where in a value we are, as far as it matters to what may be shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Context {
    /// What is here is a secret.
    secret: bool,
    /// The members here are named by the user.
    free: bool,
}

impl Context {
    /// The context of a member.
    pub(crate) fn member(self, parent: &Body, name: &str) -> Self {
        let named = || parent.get("name").and_then(Value::as_str).is_some_and(looks_secret);
        let secret = self.secret || (self.free && looks_secret(name)) || (name == "value" && named());
        Self { secret, free: FREE_MAPS.contains(&name) }
    }

    /// The context of a list's item.
    pub(crate) fn item(self) -> Self {
        Self { free: false, ..self }
    }

    /// The stricter of two contexts.
    pub(crate) fn or(self, other: Self) -> Self {
        Self { secret: self.secret || other.secret, free: self.free || other.free }
    }
}

/// The value with every secret in it hidden.
pub fn redacted(value: &Value) -> Value {
    redacted_in(Context::default(), value)
}

/// The value with every secret in it hidden, somewhere inside another value.
pub(crate) fn redacted_in(context: Context, value: &Value) -> Value {
    match value {
        Value::Null => Value::Null,
        _ if context.secret => SENSITIVE.into(),
        Value::String(text) => shown_text(text).map_or_else(|| value.clone(), Value::String),
        Value::Array(items) => items.iter().map(|v| redacted_in(context.item(), v)).collect(),
        Value::Object(map) => Value::Object(redacted_body(context, map)),
        Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

fn redacted_body(context: Context, body: &Body) -> Body {
    body.iter().map(|(name, v)| (name.clone(), redacted_in(context.member(body, name), v))).collect()
}

/// What to show instead of a text that is a secret, or holds one; none when it may be shown.
fn shown_text(text: &str) -> Option<String> {
    if text.contains("-----BEGIN ") && text.contains("PRIVATE KEY") {
        return Some(SENSITIVE.to_owned());
    }
    if let Some((_, rest)) = text.split_once("://") {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':')) {
            return Some(SENSITIVE.to_owned());
        }
    }
    // An argument such as `--api-key=…`.
    let (name, value) = text.split_once('=')?;
    let argument = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    (argument && !value.is_empty() && looks_secret(name)).then(|| format!("{name}={SENSITIVE}"))
}

/// Whether something of that name is probably a secret.
pub fn looks_secret(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let anywhere = ["PASSW", "PASSPHRASE", "SECRET", "TOKEN", "CREDENTIAL", "PRIVATE"];
    let endings = ["KEY", "KEYS"];
    let words = ["PASS", "PWD", "AUTH", "SALT", "DSN", "PAT", "PIN"];
    anywhere.iter().any(|part| upper.contains(part))
        || upper
            .split(|c: char| !c.is_ascii_alphanumeric())
            .any(|word| words.contains(&word) || endings.iter().any(|e| word.ends_with(e)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_that_hold_secrets_are_recognised_in_any_spelling() {
        for name in ["DB_PASSWORD", "github-token", "apiKey", "AWS_SECRET_ACCESS_KEY", "MYSQL_PWD", "jwt.secret"] {
            assert!(looks_secret(name), "{name}");
        }
        for name in ["LOG_LEVEL", "PORT", "KEYSPACE", "AUTHOR", "COMPASS", "SPRING_PROFILE"] {
            assert!(!looks_secret(name), "{name}");
        }
    }

    #[test]
    fn only_the_value_of_a_secret_variable_is_hidden() {
        let container = json!({
            "name": "api-key-server",
            "environment": [{"name": "API_KEY", "value": "k"}, {"name": "LOG", "value": "debug"}],
            "secrets": [{"name": "DB_PASSWORD", "valueFrom": "arn:aws:ssm:eu-central-1:111122223333:parameter/db"}],
            "logConfiguration": {"logDriver": "splunk", "options": {"splunk-token": "t", "splunk-url": "https://s"}},
            "command": ["--password=hunter2", "--port=80"],
        });
        let shown = redacted(&container);
        assert_eq!(shown["environment"][0], json!({"name": "API_KEY", "value": "(sensitive)"}));
        assert_eq!(shown["environment"][1], json!({"name": "LOG", "value": "debug"}));
        assert_eq!(shown["secrets"], container["secrets"]);
        assert_eq!(
            shown["logConfiguration"]["options"],
            json!({"splunk-token": "(sensitive)", "splunk-url": "https://s"})
        );
        assert_eq!(shown["command"], json!(["--password=(sensitive)", "--port=80"]));
    }

    #[test]
    fn a_url_with_a_password_and_a_private_key_are_hidden_whatever_their_name() {
        let list = json!([
            "postgres://shop:hunter2@db:5432/shop",
            "https://example.com/a:b@c",
            "-----BEGIN RSA PRIVATE KEY-----\nMII",
        ]);
        assert_eq!(redacted(&list), json!(["(sensitive)", "https://example.com/a:b@c", "(sensitive)"]));
    }
}
