//! Where a secret is: ECS's `valueFrom`, and the `remoteRef` of an ExternalSecret. Never what it is.
//!
//! `valueFrom` is the ARN of a secret in Secrets Manager, with `:json-key:version-stage:version-id` if wanted, or the ARN
//! or the name of a parameter (`valueFrom` of Secret in the ECS API reference). An ExternalSecret has `key`, `property`
//! and `version` (the stage, or `uuid/` and the ID) (provider "AWS Secrets Manager" of External Secrets Operator).

use serde_json::{Map, Value, json};

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// Whether it is in Secrets Manager, not in Parameter Store.
    pub in_secrets_manager: bool,
    /// ARN or name.
    pub key: String,
    /// Member of the secret's JSON.
    pub property: Option<String>,
    /// `AWSPREVIOUS` and the like, or `uuid/…`.
    pub version: Option<String>,
}

/// Parts of the ARN of a secret before the JSON key: `arn:aws:secretsmanager:region:account:secret:name`.
const ARN_PARTS: usize = 7;

impl Location {
    /// Reads ECS's form. Anything that is no ARN of a secret is a parameter, as it is for ECS.
    pub fn of_value_from(text: &str) -> Self {
        let parts: Vec<&str> = text.split(':').collect();
        if parts.len() < ARN_PARTS || parts[0] != "arn" || parts[2] != "secretsmanager" {
            return Self { in_secrets_manager: false, key: text.to_owned(), property: None, version: None };
        }
        let part = |at: usize| parts.get(at).filter(|p| !p.is_empty()).map(|p| (*p).to_owned());
        let version = part(ARN_PARTS + 2).map(|id| format!("uuid/{id}")).or_else(|| part(ARN_PARTS + 1));
        Self { in_secrets_manager: true, key: parts[..ARN_PARTS].join(":"), property: part(ARN_PARTS), version }
    }

    /// ECS's form; none when ECS has no word for it.
    pub fn value_from(&self) -> Option<String> {
        if !self.in_secrets_manager {
            // Parameter Store gives ECS the newest version, and ECS takes nothing out of a parameter's JSON.
            return (self.property.is_none() && self.version.is_none()).then(|| self.key.clone());
        }
        if self.property.is_none() && self.version.is_none() {
            return Some(self.key.clone());
        }
        if !self.key.starts_with("arn:") {
            return None;
        }
        let property = self.property.as_deref().unwrap_or_default();
        let version = self.version.as_deref().unwrap_or_default();
        let (stage, id) = version.strip_prefix("uuid/").map_or((version, ""), |id| ("", id));
        Some(format!("{}:{property}:{stage}:{id}", self.key))
    }

    /// The form of an ExternalSecret.
    pub fn remote_ref(&self) -> Value {
        let mut map = Map::new();
        map.insert("key".into(), json!(self.key));
        for (name, value) in [("property", &self.property), ("version", &self.version)] {
            if let Some(value) = value {
                map.insert(name.into(), json!(value));
            }
        }
        Value::Object(map)
    }

    /// Reads the form of an ExternalSecret whose store is called `store`.
    pub fn of_remote_ref(reference: &Value, store: &str) -> Option<Self> {
        let text = |name: &str| reference[name].as_str().filter(|t| !t.is_empty()).map(str::to_owned);
        let key = text("key")?;
        let in_secrets_manager = match key.split(':').nth(2) {
            Some(service) if key.starts_with("arn:") => service == "secretsmanager",
            _ => !store.contains("parameter") && !store.contains("ssm"),
        };
        Some(Self { in_secrets_manager, key, property: text("property"), version: text("version") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf";

    #[test]
    fn json_key_stage_and_version_are_kept_both_ways() {
        for suffix in
            ["", ":password::", ":password:AWSPREVIOUS:", ":password::0a1b2c3d", "::AWSPREVIOUS:", ":::0a1b2c3d"]
        {
            let text = format!("{ARN}{suffix}");
            let location = Location::of_value_from(&text);
            assert_eq!(location.key, ARN);
            let again = Location::of_remote_ref(&location.remote_ref(), "any").unwrap();
            assert_eq!(again.value_from().as_deref(), Some(text.as_str()));
        }
        let id = Location::of_value_from(&format!("{ARN}:password::0a1b2c3d"));
        assert_eq!(id.remote_ref(), json!({"key": ARN, "property": "password", "version": "uuid/0a1b2c3d"}));
    }

    #[test]
    fn a_parameter_is_one_by_arn_or_by_name() {
        for text in ["/shop/db", "db", "arn:aws:ssm:eu-west-1:123456789012:parameter/shop/db"] {
            let location = Location::of_value_from(text);
            assert!(!location.in_secrets_manager, "{text}");
            let again = Location::of_remote_ref(&location.remote_ref(), "aws-parameter-store").unwrap();
            assert_eq!(again.value_from().as_deref(), Some(text));
        }
    }

    #[test]
    fn what_ecs_cannot_say_is_none() {
        let of = |reference: Value, store: &str| Location::of_remote_ref(&reference, store).unwrap().value_from();
        assert_eq!(of(json!({"key": "db", "property": "password"}), "aws-secrets-manager"), None);
        assert_eq!(of(json!({"key": "/db", "version": "3"}), "aws-parameter-store"), None);
        assert_eq!(of(json!({"key": "db"}), "aws-secrets-manager").as_deref(), Some("db"));
    }
}
