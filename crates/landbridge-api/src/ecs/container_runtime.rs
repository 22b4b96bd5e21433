//! What tunes a running container: restarts, kernel settings, limits and devices.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Restarts a container that exits, without replacing the task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContainerRestartPolicy {
    /// Whether the container restarts.
    pub enabled: bool,
    /// Exit codes after which the container stays stopped, at most 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), extend("x-landbridge-order" = "set"))]
    pub ignored_exit_codes: Vec<i32>,
    /// Seconds that the container must have run before it may be restarted, 60 to 1800. Default: 300.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 60, max = 1800), extend("x-landbridge-default" = 300))]
    pub restart_attempt_period: Option<i32>,
}

/// Linux kernel settings of a container.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LinuxParameters {
    /// Capabilities added to and taken from Docker's defaults.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<KernelCapabilities>,
    /// Devices of the instance to expose; not on Fargate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-landbridge-order" = "set"))]
    pub devices: Vec<Device>,
    /// Runs an init process that forwards signals and reaps children.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init_process_enabled: Option<bool>,
    /// Size of `/dev/shm` in MiB; not on Fargate.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub shared_memory_size: Option<i32>,
    /// Memory file systems to mount.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-landbridge-order" = "set"))]
    pub tmpfs: Vec<Tmpfs>,
    /// Swap in MiB the container may use, 0 for none; not on Fargate.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub max_swap: Option<i32>,
    /// How readily pages are swapped out, 0 to 100; needs `maxSwap`. Default: 60.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub swappiness: Option<i32>,
}

/// Linux capabilities of a container.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KernelCapabilities {
    /// Capabilities to add, such as `SYS_PTRACE`, the only one that Fargate allows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-landbridge-order" = "set"))]
    pub add: Vec<String>,
    /// Capabilities to take away, or `ALL`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-landbridge-order" = "set"))]
    pub drop: Vec<String>,
}

/// A device of the instance, exposed to a container.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Device {
    /// Path of the device on the instance.
    pub host_path: String,
    /// Path in the container. Default: the same path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_path: Option<String>,
    /// What the container may do with it. Default: everything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-landbridge-order" = "set"))]
    pub permissions: Vec<DevicePermission>,
}

/// A right on a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(description = "")]
pub enum DevicePermission {
    /// Read from it.
    Read,
    /// Write to it.
    Write,
    /// Make device nodes for it.
    Mknod,
}

/// A memory file system.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tmpfs {
    /// Absolute path where it is mounted.
    pub container_path: String,
    /// Largest size in MiB.
    #[schemars(range(min = 0))]
    pub size: i32,
    /// Mount options in order, such as `noexec`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mount_options: Vec<String>,
}

/// A line of `/etc/hosts`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostEntry {
    /// Host name.
    pub hostname: String,
    /// Its IP address.
    pub ip_address: String,
}

/// A limit of the container's processes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ulimit {
    /// Which limit.
    pub name: UlimitName,
    /// Value in force at the start.
    pub soft_limit: i32,
    /// Value up to which a process may raise it.
    pub hard_limit: i32,
}

/// A limit that Linux puts on processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(description = "")]
pub enum UlimitName {
    /// Open files.
    #[default]
    Nofile,
    /// Size of core dumps.
    Core,
    /// Processor time.
    Cpu,
    /// Size of the data segment.
    Data,
    /// File size.
    Fsize,
    /// File locks.
    Locks,
    /// Locked memory.
    Memlock,
    /// POSIX message queues.
    Msgqueue,
    /// Nice priority.
    Nice,
    /// Number of processes.
    Nproc,
    /// Resident memory.
    Rss,
    /// Real-time priority.
    Rtprio,
    /// Real-time processor time.
    Rttime,
    /// Pending signals.
    Sigpending,
    /// Stack size.
    Stack,
}

/// A kernel parameter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SystemControl {
    /// Name of the parameter, such as `net.core.somaxconn`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// A device that a container needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceRequirement {
    /// Kind of device: `GPU`, `NeuronDevice` or `InferenceAccelerator`.
    pub type_: String,
    /// How many, or for an inference accelerator its name; absent when a GPU is shared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// How a GPU is shared with other containers, in place of `value`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sharing_strategy: Option<SharingStrategy>,
}

/// How a GPU is shared; exactly one field is set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SharingStrategy {
    /// Shared through NVIDIA MPS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nvidia_mps: Option<NvidiaMpsAllocation>,
}

/// A container's share of a GPU under NVIDIA MPS.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NvidiaMpsAllocation {
    /// GPU memory in MiB, all of it on one GPU.
    #[schemars(range(min = 1))]
    pub memory: i32,
    /// Most of the GPU's compute that the container may use, in per cent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub max_compute_percent: Option<i32>,
}
