//! The command by which ECS knows that a container is healthy.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A command that ECS runs in the container to learn whether it is healthy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HealthCheck {
    /// `CMD` and its arguments, or `CMD-SHELL` and one line for the shell; exit code 0 means healthy.
    pub command: Vec<String>,
    /// Seconds between checks, 5 to 300. Default: 30.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 5, max = 300), extend("x-landbridge-default" = 30))]
    pub interval: Option<i32>,
    /// Seconds after which a check has failed, 2 to 60. Default: 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2, max = 60), extend("x-landbridge-default" = 5))]
    pub timeout: Option<i32>,
    /// Failures in a row after which the container is unhealthy, 1 to 10. Default: 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10), extend("x-landbridge-default" = 3))]
    pub retries: Option<i32>,
    /// Seconds after the start in which failures do not count, 0 to 300. Default: off.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 300))]
    pub start_period: Option<i32>,
}
