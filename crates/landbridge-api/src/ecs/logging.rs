//! Where containers write their logs, and the secrets that this needs.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a container's standard output and error go.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogConfiguration {
    /// Log driver, such as `awslogs`, `awsfirelens` or `splunk` (the three that Fargate knows).
    pub log_driver: String,
    /// Options of the driver, all of them text, such as `awslogs-group`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
    /// Options whose values come from Secrets Manager or Parameter Store.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"], "x-landbridge-order" = "set"))]
    pub secret_options: Vec<Secret>,
}

/// A name whose value is read from Secrets Manager or Parameter Store when the task starts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Secret {
    /// Environment variable, or log option, that gets the value.
    #[schemars(length(max = 512))]
    pub name: String,
    /// ARN of the secret (with `:json-key:version-stage:version-id` if wanted), or ARN or name of the parameter.
    pub value_from: String,
}

/// Makes a container the log router of its task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FirelensConfiguration {
    /// Which log router the container is.
    pub type_: FirelensType,
    /// Its options, such as `config-file-type` and `enable-ecs-log-metadata`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
}

/// A log router.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(description = "")]
pub enum FirelensType {
    /// Fluent Bit.
    #[default]
    Fluentbit,
    /// Fluentd.
    Fluentd,
}
