//! Parameters and their versions (Parameter, ParameterMetadata and ParameterHistory of the API reference).

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::wire::json::epoch;

#[derive(Debug, Clone)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) arn: String,
    /// `String`, `StringList` or `SecureString`.
    pub(super) kind: String,
    /// `text`, or a type of value that AWS checks.
    pub(super) data_type: String,
    pub(super) tier: &'static str,
    pub(super) description: Option<String>,
    pub(super) pattern: Option<String>,
    pub(super) key: Option<String>,
    pub(super) policies: Option<String>,
    pub(super) tags: BTreeMap<String, String>,
    /// Oldest first, never empty.
    pub(super) versions: Vec<Version>,
}

#[derive(Debug, Clone)]
pub(super) struct Version {
    pub(super) number: i64,
    pub(super) value: String,
    pub(super) labels: BTreeSet<String>,
    pub(super) modified: Timestamp,
    /// ARN of who made it.
    pub(super) by: String,
}

impl Parameter {
    pub(super) fn latest(&self) -> Option<&Version> {
        self.versions.last()
    }

    /// The version of a number or a label; the latest without one.
    pub(super) fn version(&self, selector: Option<&str>) -> Option<&Version> {
        match selector {
            None => self.latest(),
            Some(selector) => match selector.parse::<i64>() {
                Ok(number) => self.versions.iter().find(|version| version.number == number),
                Err(_) => self.versions.iter().find(|version| version.labels.contains(selector)),
            },
        }
    }

    /// A value as it is shown: what is secure and not to be decrypted is opaque.
    pub(super) fn value(&self, version: &Version, decrypted: bool) -> String {
        if self.kind == "SecureString" && !decrypted {
            STANDARD.encode(Sha256::digest(format!("{} {}", self.arn, version.value)))
        } else {
            version.value.clone()
        }
    }

    /// What GetParameter shows of one version.
    pub(super) fn show(&self, version: &Version, selector: Option<&str>, decrypted: bool) -> Value {
        let mut shown = json!({
            "Name": self.name, "Type": self.kind, "Value": self.value(version, decrypted), "Version": version.number,
            "LastModifiedDate": epoch(version.modified), "ARN": self.arn, "DataType": self.data_type,
        });
        if let Some(selector) = selector {
            shown["Selector"] = json!(format!(":{selector}"));
        }
        shown
    }

    /// What DescribeParameters shows: everything but the value.
    pub(super) fn describe(&self) -> Value {
        let mut shown = json!({
            "Name": self.name, "ARN": self.arn, "Type": self.kind, "Tier": self.tier, "DataType": self.data_type,
            "Policies": [],
        });
        if let Some(version) = self.latest() {
            shown["Version"] = json!(version.number);
            shown["LastModifiedDate"] = epoch(version.modified);
            shown["LastModifiedUser"] = json!(version.by);
        }
        for (name, text) in
            [("Description", &self.description), ("AllowedPattern", &self.pattern), ("KeyId", &self.key)]
        {
            if let Some(text) = text {
                shown[name] = json!(text);
            }
        }
        let policies = self.policies.as_deref().and_then(|text| serde_json::from_str::<Vec<Value>>(text).ok());
        for policy in policies.unwrap_or_default() {
            let one = json!({
                "PolicyText": policy.to_string(), "PolicyType": policy["Type"], "PolicyStatus": "Pending",
            });
            if let Some(list) = shown["Policies"].as_array_mut() {
                list.push(one);
            }
        }
        shown
    }
}
