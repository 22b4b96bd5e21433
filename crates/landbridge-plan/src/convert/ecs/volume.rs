//! Volumes and mounts: scratch space, directories of the host, EFS through its CSI driver, a disk for each pod.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{Taking, items, pod_path, put};
use crate::convert::path::Path;
use crate::convert::quantity::{bytes, mebibytes};
use crate::convert::report::Outcome;

/// Where POSIX shared memory is.
const SHARED_MEMORY: &str = "/dev/shm";
const GIB: i64 = 1 << 30;

/// Takes the volumes of the pod.
pub fn take(taking: &mut Taking<'_>) {
    let pod = taking.pod();
    let (mut out, mut disks) = (Vec::new(), Vec::new());
    for volume in items(&pod["volumes"]) {
        if is_memory(taking, volume) {
            continue;
        }
        let name = volume["name"].as_str().unwrap_or_default();
        let at = pod_path().field("volumes").key(name);
        let mut made = Map::new();
        made.insert("name".into(), json!(name));
        if !volume["emptyDir"].is_null() {
            if volume["emptyDir"]["medium"] == "Memory" {
                taking.approximate(&at.field("emptyDir"), "on Fargate scratch space is on disk");
            } else if !volume["emptyDir"]["sizeLimit"].is_null() {
                taking.approximate(
                    &at.field("emptyDir").field("sizeLimit"),
                    "all scratch space of a task has one size: ephemeralStorage",
                );
            }
        } else if !volume["hostPath"].is_null() {
            if taking.on_fargate() {
                taking.refuse(&at, "a task on Fargate has no host: use --capacity ec2, or EFS");
                continue;
            }
            made.insert("host".into(), json!({"sourcePath": volume["hostPath"]["path"]}));
        } else if !volume["ephemeral"].is_null() {
            made.insert("configuredAtLaunch".into(), json!(true));
            disks.push(disk(taking, volume, name));
        } else if !volume["persistentVolumeClaim"].is_null() {
            match efs(taking, volume, &at) {
                Some(efs) => {
                    made.insert("efsVolumeConfiguration".into(), efs);
                }
                None => continue,
            }
        } else {
            taking.refuse(&at, why_not(volume));
            continue;
        }
        out.push(Value::Object(made));
    }
    put(&mut taking.task, "volumes", Value::Array(out));
    put(&mut taking.service, "volumeConfigurations", Value::Array(disks));
}

fn why_not(volume: &Value) -> &'static str {
    if !volume["configMap"].is_null() || !volume["secret"].is_null() || !volume["projected"].is_null() {
        "ECS mounts no ConfigMap or Secret: write the file into the image, to EFS, or with a container that runs first"
    } else if !volume["downwardAPI"].is_null() {
        "ECS has no downward API: a task reads ${ECS_CONTAINER_METADATA_URI_V4} itself"
    } else {
        "ECS has no such volume: use EFS, or an EBS volume for each task"
    }
}

/// Whether a volume is memory, which ECS gives to one container and not to the task. Fargate has none.
fn is_memory(taking: &Taking<'_>, volume: &Value) -> bool {
    volume["emptyDir"]["medium"] == "Memory" && !taking.on_fargate() && !volume["emptyDir"]["sizeLimit"].is_null()
}

/// The mounts of a container, without those of memory and of what was refused.
pub fn mounts(taking: &mut Taking<'_>, container: &Value, at: &Path) -> Value {
    let pod = taking.pod();
    let known: BTreeSet<String> = items(taking.task.get("volumes").unwrap_or(&Value::Null))
        .filter_map(|v| v["name"].as_str().map(str::to_owned))
        .collect();
    let mut out = Vec::new();
    for (index, mount) in items(&container["volumeMounts"]).enumerate() {
        let at = at.field("volumeMounts").index(index);
        let name = mount["name"].as_str().unwrap_or_default();
        if items(&pod["volumes"]).any(|v| v["name"] == name && is_memory(taking, v)) {
            continue;
        }
        if !known.contains(name) {
            taking.refuse(&at, "its volume is refused");
            continue;
        }
        for field in ["subPath", "subPathExpr"] {
            if !mount[field].is_null() {
                taking.refuse(
                    &at.field(field),
                    "ECS mounts a volume as a whole: use an access point or a volume of its own",
                );
            }
        }
        let mut made = Map::new();
        made.insert("sourceVolume".into(), json!(name));
        made.insert("containerPath".into(), mount["mountPath"].clone());
        put(&mut made, "readOnly", Some(mount["readOnly"].clone()));
        out.push(Value::Object(made));
    }
    Value::Array(out)
}

/// Memory file systems of a container.
pub fn in_memory(taking: &mut Taking<'_>, container: &Value, out: &mut Map<String, Value>) {
    let pod = taking.pod();
    let mut linux = out.get("linuxParameters").and_then(Value::as_object).cloned().unwrap_or_default();
    let mut tmpfs = Vec::new();
    for mount in items(&container["volumeMounts"]) {
        let volume = items(&pod["volumes"]).find(|v| v["name"] == mount["name"] && is_memory(taking, v));
        let Some(size) = volume.and_then(|v| mebibytes(&v["emptyDir"]["sizeLimit"])) else { continue };
        if mount["mountPath"] == SHARED_MEMORY {
            linux.insert("sharedMemorySize".into(), json!(size));
        } else {
            tmpfs.push(json!({"containerPath": mount["mountPath"], "size": size}));
        }
    }
    put(&mut linux, "tmpfs", Value::Array(tmpfs));
    put(out, "linuxParameters", Value::Object(linux));
}

fn disk(taking: &mut Taking<'_>, volume: &Value, name: &str) -> Value {
    let mut ebs = Map::new();
    let wanted = &volume["ephemeral"]["volumeClaimTemplate"]["spec"]["resources"]["requests"]["storage"];
    put(&mut ebs, "sizeInGiB", bytes(wanted).map(|b| Value::from((b + GIB - 1) / GIB)));
    put(&mut ebs, "roleArn", taking.options.infrastructure_role_arn.clone().map(Value::from));
    json!({"name": name, "managedEBSVolume": ebs})
}

/// A claim on a volume of the EFS CSI driver.
fn efs(taking: &mut Taking<'_>, volume: &Value, at: &Path) -> Option<Value> {
    let of = |kind: &str, name: &Value| {
        let mut around = taking.group.around.iter().map(|at| (*at, taking.objects[*at]));
        around.find(|(_, o)| o["kind"] == kind && o["metadata"]["name"] == *name)
    };
    let claim = of("PersistentVolumeClaim", &volume["persistentVolumeClaim"]["claimName"]);
    let storage = claim.and_then(|(_, c)| of("PersistentVolume", &c["spec"]["volumeName"]));
    let Some((place, storage)) = storage.filter(|(_, v)| v["spec"]["csi"]["driver"] == "efs.csi.aws.com") else {
        taking.refuse(
            at,
            "no PersistentVolume of efs.csi.aws.com is among the files for it: add its file, or move the data to EFS",
        );
        return None;
    };
    let csi = &storage["spec"]["csi"];
    let handle: Vec<&str> = csi["volumeHandle"].as_str().unwrap_or_default().splitn(3, ':').collect();
    let part = |at: usize| handle.get(at).filter(|p| !p.is_empty()).map(|p| Value::from(*p));
    let mut out = Map::new();
    out.insert("fileSystemId".into(), part(0).unwrap_or_default());
    put(&mut out, "rootDirectory", part(1));
    let options = items(&storage["spec"]["mountOptions"]).filter_map(Value::as_str);
    let mut authorization = Map::new();
    put(&mut authorization, "accessPointId", part(2));
    for option in options {
        match option {
            "tls" => {
                out.insert("transitEncryption".into(), json!("ENABLED"));
            }
            "iam" => {
                authorization.insert("iam".into(), json!("ENABLED"));
            }
            _ => {
                let at = Path::of("spec.mountOptions");
                taking.say(place, &at, Outcome::Refused, "ECS knows tls and iam only");
            }
        }
    }
    if csi["volumeAttributes"]["encryptInTransit"] == "false" {
        out.insert("transitEncryption".into(), json!("DISABLED"));
    }
    put(&mut out, "authorizationConfig", Value::Object(authorization));
    Some(Value::Object(out))
}
