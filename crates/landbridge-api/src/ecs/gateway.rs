//! The connection of a service to an ECS gateway, the shared ingress that ECS manages.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Connects a port of the service to the ECS gateways of its cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GatewayConnector {
    /// Name of a port mapping of the task definition.
    #[schemars(length(max = 64))]
    pub port_name: String,
    /// How the gateway knows that a task is healthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check: Option<GatewayHealthCheck>,
    /// Which ingress paths of the gateway this applies to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filters: Option<GatewayFilters>,
}

/// How a gateway checks tasks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GatewayHealthCheck {
    /// Protocol of the check: HTTP or HTTPS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check_protocol: Option<GatewayHealthCheckProtocol>,
    /// Port of the check.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub health_check_port: Option<i32>,
    /// Path to ask for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check_path: Option<String>,
    /// Seconds after which a check has failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub health_check_timeout_seconds: Option<i32>,
    /// Seconds between two checks.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub health_check_interval_seconds: Option<i32>,
    /// Passed checks in a row that make a task healthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub healthy_threshold_count: Option<i32>,
    /// Failed checks in a row that make it unhealthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub unhealthy_threshold_count: Option<i32>,
    /// Answers that count as healthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matcher: Option<GatewayHealthCheckMatcher>,
}

/// Protocol of a gateway's health check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schemars(description = "")]
pub enum GatewayHealthCheckProtocol {
    /// HTTP.
    Http,
    /// HTTPS.
    Https,
}

/// Answers that count as healthy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GatewayHealthCheckMatcher {
    /// HTTP status codes, such as `200-299`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_code: Option<String>,
    /// Status codes of gRPC, such as `0-99`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grpc_code: Option<String>,
}

/// Which ingress paths a connector applies to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GatewayFilters {
    /// Public paths, private paths or both.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 2), extend("x-landbridge-order" = "set"))]
    pub access_types: Vec<AccessType>,
}

/// Who can reach an ingress path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schemars(description = "")]
pub enum AccessType {
    /// Everybody.
    Public,
    /// Only clients inside the network.
    Private,
}
