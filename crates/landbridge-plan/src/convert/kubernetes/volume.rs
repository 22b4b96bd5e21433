//! Volumes of every kind, and how containers mount them.

use landbridge_api::ecs::volume::EfsVolumeConfiguration;
use landbridge_api::ecs::{ContainerDefinition, Toggle, Volume};
use serde_json::{Map, Value, json};

use super::{Making, put, within};
use crate::convert::name;
use crate::convert::path::Path;
use crate::convert::quantity::memory_text;

/// Where POSIX shared memory is.
const SHARED_MEMORY: &str = "/dev/shm";

/// Whether Kubernetes has something for a volume.
fn is_carried(volume: &Volume) -> bool {
    volume.docker_volume_configuration.is_none()
        && volume.s3files_volume_configuration.is_none()
        && volume.fsx_windows_file_server_volume_configuration.is_none()
}

/// The mounts of a container.
pub fn mounts(making: &mut Making<'_>, container: &ContainerDefinition) -> Value {
    let mut out = Vec::new();
    for (index, mount) in container.mount_points.iter().enumerate() {
        let at = within(container).field("mountPoints").index(index);
        let volume = making.task.volumes.iter().find(|v| Some(&v.name) == mount.source_volume.as_ref());
        let (Some(volume), Some(path)) = (volume, &mount.container_path) else {
            making.draft.refuse(&at, "it names no volume of the task definition, or no path");
            continue;
        };
        if !is_carried(volume) {
            making.draft.refuse(&at, "its volume is refused");
            continue;
        }
        let mut made = Map::new();
        made.insert("name".into(), json!(name::label(&volume.name)));
        made.insert("mountPath".into(), json!(path));
        put(&mut made, "readOnly", mount.read_only.map(Value::from));
        out.push(Value::Object(made));
    }
    let memory = in_memory(container);
    out.extend(memory.into_iter().map(|(name, path, _)| json!({"name": name, "mountPath": path})));
    Value::Array(out)
}

/// Memory file systems of a container: name of the volume, path, size in MiB.
fn in_memory(container: &ContainerDefinition) -> Vec<(String, String, i32)> {
    let Some(linux) = &container.linux_parameters else { return Vec::new() };
    let base = name::label(&container.name);
    let shared =
        linux.shared_memory_size.map(|size| (name::label(&format!("shm-{base}")), SHARED_MEMORY.to_owned(), size));
    let tmpfs = linux.tmpfs.iter().enumerate();
    let tmpfs = tmpfs.map(|(i, t)| (name::label(&format!("tmpfs-{base}-{i}")), t.container_path.clone(), t.size));
    shared.into_iter().chain(tmpfs).collect()
}

/// The volumes of the pod, with claims and storage beside it.
pub fn volumes(making: &mut Making<'_>) -> Value {
    let mut out = Vec::new();
    let volumes = making.task.volumes.clone();
    for volume in volumes.iter().filter(|v| is_carried(v)) {
        let mut made = Map::new();
        made.insert("name".into(), json!(name::label(&volume.name)));
        if let Some(efs) = &volume.efs_volume_configuration {
            made.insert("persistentVolumeClaim".into(), json!({"claimName": claim(making, &volume.name, efs)}));
        } else if volume.configured_at_launch == Some(true) {
            made.insert("ephemeral".into(), ebs(making, volume));
        } else if let Some(path) = volume.host.as_ref().and_then(|h| h.source_path.as_ref()) {
            made.insert("hostPath".into(), json!({"path": path}));
        } else {
            made.insert("emptyDir".into(), json!({}));
        }
        out.push(Value::Object(made));
    }
    for volume in volumes.iter().filter(|v| !is_carried(v)) {
        let at = Path::of("taskDefinition.volumes").key(&volume.name).field("name");
        making.draft.refuse(&at, "its kind is refused");
    }
    let memory = making.task.container_definitions.iter().flat_map(in_memory);
    out.extend(memory.map(|(name, _, size)| {
        json!({"name": name, "emptyDir": {"medium": "Memory", "sizeLimit": memory_text(i64::from(size))}})
    }));
    Value::Array(out)
}

/// The volume that ECS makes for each task is one that Kubernetes makes for each pod.
fn ebs(making: &mut Making<'_>, volume: &Volume) -> Value {
    let configuration = making.service.volume_configurations.iter().find(|c| c.name == volume.name);
    let size = configuration.and_then(|c| c.managed_ebs_volume.as_ref()).and_then(|e| e.size_in_gib);
    if size.is_none() {
        making.draft.notes.push(format!(
            "volume {} says no size (it has that of a snapshot, or its service was not given): 20Gi was written, set what it needs",
            volume.name
        ));
    }
    let size = size.map_or_else(|| "20Gi".to_owned(), |s| format!("{s}Gi"));
    json!({"volumeClaimTemplate": {"spec": {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": size}},
    }}})
}

/// A PersistentVolume of the EFS CSI driver and a claim on it; the name of the claim.
fn claim(making: &mut Making<'_>, volume: &str, efs: &EfsVolumeConfiguration) -> String {
    let claim = name::label(&format!("{}-{}", making.name(), name::label(volume)));
    let metadata = making.metadata(&claim);
    let namespace = metadata.get("namespace").cloned();
    let storage = namespace
        .as_ref()
        .and_then(Value::as_str)
        .map_or_else(|| claim.clone(), |ns| name::label(&format!("{ns}-{claim}")));
    // EFS grows as it is filled; Kubernetes wants a number.
    let size = json!({"storage": "5Gi"});
    let mut spec = Map::new();
    spec.insert("capacity".into(), size.clone());
    spec.insert("accessModes".into(), json!(["ReadWriteMany"]));
    spec.insert("persistentVolumeReclaimPolicy".into(), json!("Retain"));
    spec.insert("storageClassName".into(), json!(""));
    put(&mut spec, "mountOptions", mount_options(efs));
    spec.insert("csi".into(), csi(efs));
    let mut of_cluster = making.metadata(&storage);
    of_cluster.remove("namespace");
    making.add("v1", "PersistentVolume", of_cluster, vec![("spec", Value::Object(spec))]);
    let claimed = json!({
        "accessModes": ["ReadWriteMany"], "storageClassName": "", "volumeName": storage, "resources": {"requests": size},
    });
    making.add("v1", "PersistentVolumeClaim", metadata, vec![("spec", claimed)]);
    claim
}

fn mount_options(efs: &EfsVolumeConfiguration) -> Value {
    let mut options = Vec::new();
    if efs.transit_encryption == Some(Toggle::Enabled) {
        options.push("tls");
    }
    if efs.authorization_config.as_ref().and_then(|a| a.iam) == Some(Toggle::Enabled) {
        options.push("iam");
    }
    json!(options)
}

/// `file system:directory:access point`, as the EFS CSI driver reads it.
fn csi(efs: &EfsVolumeConfiguration) -> Value {
    let point = efs.authorization_config.as_ref().and_then(|a| a.access_point_id.as_deref());
    let directory = efs.root_directory.as_deref().unwrap_or_default();
    let handle = match (directory, point) {
        ("", None) => efs.file_system_id.clone(),
        (directory, None) => format!("{}:{directory}", efs.file_system_id),
        (directory, Some(point)) => format!("{}:{directory}:{point}", efs.file_system_id),
    };
    let mut out = Map::new();
    out.insert("driver".into(), json!("efs.csi.aws.com"));
    out.insert("volumeHandle".into(), json!(handle));
    if efs.transit_encryption == Some(Toggle::Disabled) {
        out.insert("volumeAttributes".into(), json!({"encryptInTransit": "false"}));
    }
    Value::Object(out)
}
