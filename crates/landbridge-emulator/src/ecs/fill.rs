//! What DescribeTaskDefinition shows beyond what was registered. Source: the defaults of TaskDefinition,
//! ContainerDefinition, PortMapping, HealthCheck and EFSVolumeConfiguration.

use serde_json::{Map, Value, json};

use super::member::Members;

/// What DescribeTaskDefinition shows beyond the request: defaults, empty lists, and environment in its own order.
pub(super) fn fill_defaults(fields: &mut Map<String, Value>) {
    let mode = fields.text("networkMode").unwrap_or("bridge").to_owned();
    for name in ["volumes", "placementConstraints"] {
        fields.entry(name).or_insert(json!([]));
    }
    fields.entry("enableFaultInjection").or_insert(json!(false));
    if let Some(Value::Array(containers)) = fields.get_mut("containerDefinitions") {
        containers.iter_mut().filter_map(Value::as_object_mut).for_each(|container| fill_container(container, &mode));
    }
    if let Some(Value::Array(volumes)) = fields.get_mut("volumes") {
        volumes.iter_mut().filter_map(Value::as_object_mut).for_each(fill_volume);
    }
    fields.insert("networkMode".to_owned(), json!(mode));
}

fn fill_container(container: &mut Map<String, Value>, mode: &str) {
    container.entry("cpu").or_insert(json!(0));
    container.entry("essential").or_insert(json!(true));
    for name in ["environment", "mountPoints", "volumesFrom", "portMappings", "systemControls"] {
        container.entry(name).or_insert(json!([]));
    }
    // AWS keeps these as sets: their order on read is not the request's.
    for name in ["environment", "secrets"] {
        if let Some(Value::Array(items)) = container.get_mut(name) {
            items.sort_by(|a, b| a.text("name").cmp(&b.text("name")));
        }
    }
    for mapping in objects(container, "portMappings") {
        mapping.entry("protocol").or_insert(json!("tcp"));
        if matches!(mode, "awsvpc" | "host")
            && let Some(port) = mapping.get("containerPort").cloned()
        {
            mapping.insert("hostPort".to_owned(), port);
        } else if mode == "bridge" && !mapping.contains_key("containerPortRange") {
            mapping.entry("hostPort").or_insert(json!(0));
        }
    }
    for mount in objects(container, "mountPoints") {
        mount.entry("readOnly").or_insert(json!(false));
    }
    if let Some(Value::Object(check)) = container.get_mut("healthCheck") {
        for (name, default) in [("interval", 30), ("timeout", 5), ("retries", 3)] {
            check.entry(name).or_insert(json!(default));
        }
    }
    if let Some(Value::Object(log)) = container.get_mut("logConfiguration") {
        log.entry("secretOptions").or_insert(json!([]));
    }
}

fn fill_volume(volume: &mut Map<String, Value>) {
    if let Some(Value::Object(efs)) = volume.get_mut("efsVolumeConfiguration") {
        efs.entry("rootDirectory").or_insert(json!("/"));
        efs.entry("transitEncryption").or_insert(json!("DISABLED"));
    }
    volume.entry("configuredAtLaunch").or_insert(json!(false));
    if volume.keys().all(|name| name == "name" || name == "configuredAtLaunch")
        && volume["configuredAtLaunch"] == json!(false)
    {
        volume.insert("host".to_owned(), json!({}));
    }
}

fn objects<'a>(container: &'a mut Map<String, Value>, name: &str) -> impl Iterator<Item = &'a mut Map<String, Value>> {
    container.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut)
}
