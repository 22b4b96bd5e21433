//! The network of tasks in `awsvpc` mode.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::toggle::Toggle;

/// The network of a service's tasks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NetworkConfiguration {
    /// Subnets and security groups of the tasks' network interfaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub awsvpc_configuration: Option<AwsvpcConfiguration>,
}

/// Subnets and security groups of tasks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AwsvpcConfiguration {
    /// IDs of subnets of one VPC, at most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-landbridge-order" = "set"))]
    pub subnets: Vec<String>,
    /// IDs of security groups of that VPC, at most 5. Default: the VPC's default group.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5), extend("x-landbridge-order" = "set"))]
    pub security_groups: Vec<String>,
    /// Whether tasks get a public IP address. Default: DISABLED.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = "DISABLED"))]
    pub assign_public_ip: Option<Toggle>,
}
