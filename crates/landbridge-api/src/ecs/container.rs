//! One container of a task definition: image, size, ports, environment, mounts.
//! What tunes the running container is in [`super::container_runtime`], its health in [`super::health_check`], its logs in
//! [`super::logging`].

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::container_runtime::{
    ContainerRestartPolicy, HostEntry, LinuxParameters, ResourceRequirement, SystemControl, Ulimit,
};
use super::health_check::HealthCheck;
use super::logging::{FirelensConfiguration, LogConfiguration, Secret};
use super::volume::{MountPoint, VolumeFrom};

/// One container of a task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContainerDefinition {
    /// Name within the task, at most 255 letters, digits, `_` and `-`.
    #[schemars(length(min = 1, max = 255), regex(pattern = r"^[A-Za-z0-9_-]+$"))]
    pub name: String,
    /// Image to run, with tag or digest, as `docker pull` takes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(required, length(min = 1, max = 1024))]
    pub image: Option<String>,
    /// Credentials for a private registry other than ECR.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository_credentials: Option<RepositoryCredentials>,
    /// CPU units kept for this container (1024 are one vCPU). Default: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0), extend("x-landbridge-default" = 0))]
    pub cpu: Option<i32>,
    /// Memory limit in MiB; a container that exceeds it is killed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 4))]
    pub memory: Option<i32>,
    /// Memory in MiB kept for the container, which may use more while there is some.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 4))]
    pub memory_reservation: Option<i32>,
    /// Containers to reach by name in `bridge` mode, as `name` or `name:alias`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
    /// Ports that the container listens on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-landbridge-order" = "set"))]
    pub port_mappings: Vec<PortMapping>,
    /// Whether the task stops when this container stops. Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = true))]
    pub essential: Option<bool>,
    /// Restarts this container alone, without replacing the task.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = {"enabled":false}))]
    pub restart_policy: Option<ContainerRestartPolicy>,
    /// Replaces the image's ENTRYPOINT.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entry_point: Vec<String>,
    /// Replaces the image's CMD.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Environment variables, each name once; not for secrets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"], "x-landbridge-order" = "set"))]
    pub environment: Vec<KeyValuePair>,
    /// Files in S3 with environment variables, at most 10, read from the top down; `environment` wins over them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub environment_files: Vec<EnvironmentFile>,
    /// Volumes of the task to mount, and where.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-landbridge-order" = "set"))]
    pub mount_points: Vec<MountPoint>,
    /// Containers whose mounts this one shares.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-landbridge-order" = "set"))]
    pub volumes_from: Vec<VolumeFrom>,
    /// Linux kernel settings of the container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linux_parameters: Option<Box<LinuxParameters>>,
    /// Environment variables whose values come from Secrets Manager or Parameter Store, each name once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"], "x-landbridge-order" = "set"))]
    pub secrets: Vec<Secret>,
    /// Containers that must reach a state before this one starts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["containerName"], "x-landbridge-order" = "set"))]
    pub depends_on: Vec<ContainerDependency>,
    /// Seconds that containers depending on this one wait for it before they give up; 2 to 120 on Fargate.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2))]
    pub start_timeout: Option<i32>,
    /// Seconds between SIGTERM and SIGKILL, on Fargate 2 to 120. Default: 30.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub stop_timeout: Option<i32>,
    /// Whether every task of a deployment runs the image digest that the tag had at the first one: `enabled` or
    /// `disabled`. Default: `enabled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = "enabled"))]
    pub version_consistency: Option<VersionConsistency>,
    /// Host name inside the container; not in `awsvpc` mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// User to run as, as `user`, `user:group`, `uid` or `uid:gid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Directory in which the command starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub working_directory: Option<String>,
    /// Turns networking off; not on Fargate.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = false))]
    pub disable_networking: Option<bool>,
    /// Gives the container the privileges of the host's root user; not on Fargate.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = false))]
    pub privileged: Option<bool>,
    /// Makes the container's own file system read-only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = false))]
    pub readonly_root_filesystem: Option<bool>,
    /// DNS servers, in the order in which they are asked; not in `awsvpc` mode.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns_servers: Vec<String>,
    /// DNS search domains, in order; not in `awsvpc` mode.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns_search_domains: Vec<String>,
    /// Lines to add to `/etc/hosts`; not in `awsvpc` mode.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra_hosts: Vec<HostEntry>,
    /// Options for SELinux, AppArmor or a gMSA credential; not on Fargate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-landbridge-order" = "set"))]
    pub docker_security_options: Vec<String>,
    /// Keeps standard input open, for applications that need it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = false))]
    pub interactive: Option<bool>,
    /// Gives the container a terminal.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = false))]
    pub pseudo_terminal: Option<bool>,
    /// Docker labels of the container.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub docker_labels: BTreeMap<String, String>,
    /// Limits of the container's processes. Default on Fargate: 65535 for `nofile`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 15), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"], "x-landbridge-order" = "set"))]
    pub ulimits: Vec<Ulimit>,
    /// Where standard output and error go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_configuration: Option<LogConfiguration>,
    /// Command that tells whether the container is healthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check: Option<HealthCheck>,
    /// Kernel parameters (sysctls) to set in the container's namespaces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-landbridge-order" = "set"))]
    pub system_controls: Vec<SystemControl>,
    /// GPUs and other devices that the container needs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), extend("x-landbridge-order" = "set"))]
    pub resource_requirements: Vec<ResourceRequirement>,
    /// Makes this container the FireLens log router of the task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub firelens_configuration: Option<FirelensConfiguration>,
    /// Where the gMSA credential specification file is, as `credentialspec:ARN` or `credentialspecdomainless:ARN`; at
    /// most one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1))]
    pub credential_specs: Vec<String>,
}

/// Whether image tags are resolved once per deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(description = "")]
pub enum VersionConsistency {
    /// The tag's digest at the first task holds for the whole deployment.
    Enabled,
    /// Each task resolves the tag anew.
    Disabled,
}

/// Credentials for a private registry.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryCredentials {
    /// Secrets Manager secret with user name and password, as an ARN or a name.
    pub credentials_parameter: String,
}

/// One port, or range of ports, of a container.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PortMapping {
    /// Port that the container listens on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 65535))]
    pub container_port: Option<i32>,
    /// Port on the instance. Default: the container's own in `awsvpc` and `host` mode; in `bridge` mode any that is
    /// free, as with 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 65535))]
    pub host_port: Option<i32>,
    /// Transport protocol: `tcp` or `udp`. Default: `tcp`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = "tcp"))]
    pub protocol: Option<TransportProtocol>,
    /// Name that Service Connect and VPC Lattice refer to, at most 64 lower-case letters, digits, `_` and `-`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), regex(pattern = r"^[a-z0-9_][a-z0-9_-]*$"))]
    pub name: Option<String>,
    /// Protocol that Service Connect reads on this port: `http`, `http2` or `grpc`. Default: plain TCP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_protocol: Option<ApplicationProtocol>,
    /// Range of ports such as `8000-8010`, in place of `containerPort`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 11), regex(pattern = r"^[0-9]{1,5}-[0-9]{1,5}$"))]
    pub container_port_range: Option<String>,
}

/// Transport protocol of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(description = "")]
pub enum TransportProtocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// Application protocol of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(description = "")]
pub enum ApplicationProtocol {
    /// HTTP/1.1.
    Http,
    /// HTTP/2.
    Http2,
    /// gRPC.
    Grpc,
}

/// A name and its value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyValuePair {
    /// Name.
    #[schemars(length(max = 512))]
    pub name: String,
    /// Value; it is text, so write numbers and booleans in quotes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// A file of environment variables in S3.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnvironmentFile {
    /// ARN of an S3 object whose name ends in `.env`.
    #[schemars(regex(pattern = r"^arn:.*\.env$"))]
    pub value: String,
    /// Where the file is; `s3` is the only value.
    pub type_: String,
}

/// A container that must be in some state before this one starts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContainerDependency {
    /// The other container of the same task.
    #[schemars(length(max = 255))]
    pub container_name: String,
    /// State that it must have reached: START, COMPLETE (ended), SUCCESS (ended with exit code 0) or HEALTHY.
    pub condition: ContainerCondition,
}

/// State of a container that another waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schemars(description = "")]
pub enum ContainerCondition {
    /// It has started.
    #[default]
    Start,
    /// It has ended, however it ended.
    Complete,
    /// It has ended with exit code 0.
    Success,
    /// Its health check passes.
    Healthy,
}
