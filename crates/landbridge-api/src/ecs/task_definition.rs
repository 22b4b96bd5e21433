//! The task definition: what RegisterTaskDefinition takes, whole.
//! Containers and volumes have modules of their own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::container::{ContainerDefinition, KeyValuePair};
use super::int_or_string::IntOrString;
use super::tag::Tag;
use super::volume::Volume;

/// A task definition as RegisterTaskDefinition takes it; a `taskdef.json` for the AWS CLI fits here unchanged.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskDefinition {
    /// Name that the revisions share, at most 255 letters, digits, `_` and `-`. Default: made from the object's
    /// namespace and name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255), regex(pattern = r"^[A-Za-z0-9_-]+$"))]
    pub family: Option<String>,
    /// IAM role that the containers act as, as a name or an ARN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_role_arn: Option<String>,
    /// IAM role that the ECS agent uses to pull images, read secrets and write logs, as a name or an ARN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution_role_arn: Option<String>,
    /// Docker networking mode: `awsvpc`, `bridge`, `host` or `none`. Default: `awsvpc` on Fargate, otherwise
    /// `bridge`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_mode: Option<NetworkMode>,
    /// The containers of the task, at most 10, each name once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"], "x-landbridge-order" = "set"))]
    pub container_definitions: Vec<ContainerDefinition>,
    /// Volumes that containers may mount, each name once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"], "x-landbridge-order" = "set"))]
    pub volumes: Vec<Volume>,
    /// Which container instances may run the task, at most 10 rules; not on Fargate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), extend("x-landbridge-order" = "set"))]
    pub placement_constraints: Vec<TaskPlacementConstraint>,
    /// Where the task must be able to run; ECS refuses a definition that could not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4), extend("x-landbridge-order" = "set"))]
    pub requires_compatibilities: Vec<Compatibility>,
    /// CPU of the whole task: 256 or "256" (CPU units, 1024 are one vCPU) or "1 vCPU"; required on Fargate.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-units" = "cpu"))]
    pub cpu: Option<IntOrString>,
    /// Memory of the whole task: 512 or "512" (MiB) or "2 GB"; required on Fargate.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-units" = "memory"))]
    pub memory: Option<IntOrString>,
    /// Tags of the task definition, at most 50; Landbridge adds its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["key"], "x-landbridge-order" = "set"))]
    pub tags: Vec<Tag>,
    /// Process namespace that the containers share: `host` or `task`, on Fargate only `task`. Default: each container
    /// has its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid_mode: Option<PidMode>,
    /// IPC namespace that the containers share: `host`, `task` or `none`. Not on Fargate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipc_mode: Option<IpcMode>,
    /// Settings of an App Mesh proxy container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_configuration: Option<ProxyConfiguration>,
    /// Elastic Inference accelerators; AWS no longer offers them to new accounts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-landbridge-order" = "set"))]
    pub inference_accelerators: Vec<InferenceAccelerator>,
    /// Size of the task's scratch disk on Fargate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ephemeral_storage: Option<EphemeralStorage>,
    /// Operating system and processor. Default on Fargate: LINUX on X86_64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime_platform: Option<RuntimePlatform>,
    /// Lets tasks accept requests from fault injection tools. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = false))]
    pub enable_fault_injection: Option<bool>,
}

/// Docker networking mode of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(description = "")]
pub enum NetworkMode {
    /// Each task has a network interface of its own.
    Awsvpc,
    /// Docker's bridge on the instance.
    Bridge,
    /// The instance's own network.
    Host,
    /// No network outside the task.
    None,
}

/// Kind of capacity a task definition can run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schemars(description = "")]
pub enum Compatibility {
    /// Container instances of the account.
    Ec2,
    /// Fargate.
    Fargate,
    /// Registered machines outside AWS (ECS Anywhere).
    External,
    /// EC2 instances that ECS runs.
    ManagedInstances,
}

/// Process namespace of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(description = "")]
pub enum PidMode {
    /// The instance's namespace.
    Host,
    /// One namespace for all containers of the task.
    Task,
}

/// IPC namespace of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(description = "")]
pub enum IpcMode {
    /// The instance's namespace.
    Host,
    /// One namespace for all containers of the task.
    Task,
    /// No sharing between containers.
    None,
}

/// A rule for where tasks of this definition may be placed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskPlacementConstraint {
    /// Kind of rule; `memberOf` is the only one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub type_: Option<TaskPlacementConstraintType>,
    /// Expression in the ECS cluster query language.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2000))]
    pub expression: Option<String>,
}

/// Kind of placement rule in a task definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(description = "")]
pub enum TaskPlacementConstraintType {
    /// Only instances for which the expression holds.
    MemberOf,
}

/// An App Mesh proxy of the task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProxyConfiguration {
    /// Kind of proxy; `APPMESH` is the only one and the default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = "APPMESH"))]
    pub type_: Option<String>,
    /// Container that is the proxy.
    pub container_name: String,
    /// Settings of the proxy, such as `ProxyIngressPort`, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"], "x-landbridge-order" = "set"))]
    pub properties: Vec<KeyValuePair>,
}

/// An Elastic Inference accelerator.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InferenceAccelerator {
    /// Name by which containers ask for it.
    pub device_name: String,
    /// Type of accelerator.
    pub device_type: String,
}

/// Scratch disk of a Fargate task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EphemeralStorage {
    /// Total size in GiB, 21 to 200; a task without this block has 20.
    #[serde(rename = "sizeInGiB")]
    #[schemars(range(min = 21, max = 200))]
    pub size_in_gib: i32,
}

/// Operating system and processor of a task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RuntimePlatform {
    /// Processor architecture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_architecture: Option<CpuArchitecture>,
    /// Operating system, such as `LINUX` or `WINDOWS_SERVER_2022_CORE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operating_system_family: Option<String>,
}

/// Processor architecture of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(description = "")]
pub enum CpuArchitecture {
    /// 64-bit Intel and AMD.
    #[serde(rename = "X86_64")]
    X8664,
    /// 64-bit Arm (Graviton).
    #[serde(rename = "ARM64")]
    Arm64,
}
