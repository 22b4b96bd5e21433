//! Volumes of a task definition, of every kind, and how containers mount them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::toggle::Toggle;

/// A volume of a task; at most one of the kinds is set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Volume {
    /// Name that mount points refer to, at most 255 letters, digits, `_` and `-`.
    #[schemars(length(min = 1, max = 255), regex(pattern = r"^[A-Za-z0-9_-]+$"))]
    pub name: String,
    /// A directory of the instance, or scratch space when it has no path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<HostVolume>,
    /// A Docker volume; EC2 only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub docker_volume_configuration: Option<DockerVolumeConfiguration>,
    /// A directory of an EFS file system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub efs_volume_configuration: Option<EfsVolumeConfiguration>,
    /// A directory of an S3 Files file system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub s3files_volume_configuration: Option<S3FilesVolumeConfiguration>,
    /// A directory of an FSx for Windows file system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fsx_windows_file_server_volume_configuration: Option<FsxWindowsVolumeConfiguration>,
    /// Whether the service says in `volumeConfigurations` what the volume is. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = false))]
    pub configured_at_launch: Option<bool>,
}

/// A volume on the instance itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostVolume {
    /// Directory of the instance; not on Fargate. Default: one that Docker makes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_path: Option<String>,
}

/// A volume that Docker manages on the instance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DockerVolumeConfiguration {
    /// Whether the volume outlives the task. Default: `task`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = "task"))]
    pub scope: Option<VolumeScope>,
    /// Makes a `shared` volume that does not exist yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = false))]
    pub autoprovision: Option<bool>,
    /// Docker volume driver. Default: `local`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = "local"))]
    pub driver: Option<String>,
    /// Options of the driver.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub driver_opts: BTreeMap<String, String>,
    /// Docker labels of the volume.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// How long a Docker volume lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(description = "")]
pub enum VolumeScope {
    /// As long as the task.
    Task,
    /// Until it is removed from the instance.
    Shared,
}

/// A directory of an EFS file system.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EfsVolumeConfiguration {
    /// ID of the file system, such as `fs-0123456789abcdef0`.
    pub file_system_id: String,
    /// Directory to mount; leave it out with an access point. Default: `/`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = "/"))]
    pub root_directory: Option<String>,
    /// TLS between task and EFS; IAM authorization needs it. Default: DISABLED.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = "DISABLED"))]
    pub transit_encryption: Option<Toggle>,
    /// Local port for the encrypted connection. Default: the mount helper chooses one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 65535))]
    pub transit_encryption_port: Option<i32>,
    /// Access point and IAM authorization.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = {}))]
    pub authorization_config: Option<EfsAuthorization>,
}

/// How a task is let in to an EFS file system.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EfsAuthorization {
    /// ID of the access point.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_point_id: Option<String>,
    /// Whether the task role is used to mount. Default: DISABLED.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = "DISABLED"))]
    pub iam: Option<Toggle>,
}

/// A directory of an S3 Files file system.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct S3FilesVolumeConfiguration {
    /// ARN of the file system.
    pub file_system_arn: String,
    /// Directory to mount; leave it out with an access point. Default: `/`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = "/"))]
    pub root_directory: Option<String>,
    /// Local port for the encrypted connection. Default: the mount helper chooses one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 65535))]
    pub transit_encryption_port: Option<i32>,
    /// ARN of the access point.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_point_arn: Option<String>,
}

/// A directory of an FSx for Windows File Server file system.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FsxWindowsVolumeConfiguration {
    /// ID of the file system.
    pub file_system_id: String,
    /// Directory to mount.
    pub root_directory: String,
    /// Credentials in an Active Directory domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_config: Option<FsxWindowsAuthorization>,
}

/// Active Directory credentials for FSx for Windows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FsxWindowsAuthorization {
    /// ARN of the secret or parameter with user name and password.
    pub credentials_parameter: String,
    /// Fully qualified domain name of the directory.
    pub domain: String,
}

/// Where a container mounts a volume of its task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MountPoint {
    /// Name of the volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255))]
    pub source_volume: Option<String>,
    /// Path in the container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_path: Option<String>,
    /// Whether the container may only read it. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = false))]
    pub read_only: Option<bool>,
}

/// A container whose mounts another shares.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VolumeFrom {
    /// Name of that container.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255))]
    pub source_container: Option<String>,
    /// Whether they may only be read. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = false))]
    pub read_only: Option<bool>,
}
