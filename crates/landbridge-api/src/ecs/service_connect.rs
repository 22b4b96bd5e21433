//! Service Connect: the names by which services of a namespace reach each other, and the proxy that does it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::logging::LogConfiguration;
use super::toggle::Toggle;

/// Service Connect of a service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceConnectConfiguration {
    /// Whether Service Connect is on.
    pub enabled: bool,
    /// Name or ARN of the Cloud Map namespace. Default: the cluster's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Ports that others may reach; none for a service that only calls others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-landbridge-order" = "set"))]
    pub services: Vec<ServiceConnectService>,
    /// Where the proxy's log goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_configuration: Option<LogConfiguration>,
    /// The proxy's log of requests; ECS turns it off when an update leaves it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_log_configuration: Option<ServiceConnectAccessLog>,
    /// Settings of the proxy container, one in each entry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), extend("x-landbridge-order" = "set"))]
    pub container_configurations: Vec<ServiceConnectContainer>,
}

/// A port that others in the namespace may reach.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceConnectService {
    /// Name of a port mapping of the task definition.
    #[schemars(length(max = 64))]
    pub port_name: String,
    /// Name of the Cloud Map service that ECS makes. Default: the port's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), regex(pattern = r"^[a-z0-9_][a-z0-9_-]*$"))]
    pub discovery_name: Option<String>,
    /// Name and port that clients use, at most one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1), extend("x-landbridge-order" = "set"))]
    pub client_aliases: Vec<ServiceConnectClientAlias>,
    /// Port on which the proxy listens. Default: the container's own in `awsvpc` mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 65535))]
    pub ingress_port_override: Option<i32>,
    /// How long the proxy waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<ServiceConnectTimeout>,
    /// TLS between proxies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<ServiceConnectTls>,
}

/// Name and port that clients use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceConnectClientAlias {
    /// Port that clients connect to.
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,
    /// Name that clients use, at most 127 characters. Default: `discoveryName.namespace`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 127))]
    pub dns_name: Option<String>,
    /// Which requests reach the new revision during a BLUE_GREEN deployment's test.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_traffic_rules: Option<TestTrafficRules>,
}

/// Which requests are test traffic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TestTrafficRules {
    /// A header that marks them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<TestTrafficHeader>,
}

/// A header that marks test traffic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TestTrafficHeader {
    /// Name of the header.
    pub name: String,
    /// Value it must have. Default: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<TestTrafficHeaderValue>,
}

/// Value of a header that marks test traffic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TestTrafficHeaderValue {
    /// The whole value.
    pub exact: String,
}

/// How long the proxy waits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceConnectTimeout {
    /// Seconds without traffic after which a connection closes, 0 for never. Default: 300 for HTTP, 3600 for TCP.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub idle_timeout_seconds: Option<i32>,
    /// Seconds for a whole answer, 0 for no limit; not for TCP.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub per_request_timeout_seconds: Option<i32>,
}

/// TLS between Service Connect proxies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceConnectTls {
    /// Authority that signs the certificates.
    pub issuer_certificate_authority: TlsCertificateAuthority,
    /// KMS key that encrypts the private keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
    /// IAM role with which ECS obtains certificates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
}

/// Authority that signs certificates.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TlsCertificateAuthority {
    /// ARN of an AWS Private CA.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws_pca_authority_arn: Option<String>,
}

/// The proxy's log of requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceConnectAccessLog {
    /// Form of the lines.
    pub format: AccessLogFormat,
    /// Whether query parameters are logged, which may hold secrets. Default: DISABLED.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = "DISABLED"))]
    pub include_query_parameters: Option<Toggle>,
}

/// Form of access log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schemars(description = "")]
pub enum AccessLogFormat {
    /// Plain text.
    #[default]
    Text,
    /// JSON.
    Json,
}

/// A setting of the proxy container; exactly one field is set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceConnectContainer {
    /// How much the proxy logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_level: Option<ProxyLogLevel>,
}

/// How much the Service Connect proxy logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(description = "")]
pub enum ProxyLogLevel {
    /// The ordinary log.
    Info,
    /// Everything.
    Debug,
}
