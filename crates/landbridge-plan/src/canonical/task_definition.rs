//! Rules of a task definition that span fields, each a function.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

/// The value with everything filled in that depends on other fields.
pub(super) fn in_context(value: &Value) -> Cow<'_, Value> {
    let Some(fields) = value.as_object() else { return Cow::Borrowed(value) };
    let mut fields = fields.clone();
    network_mode(&mut fields);
    runtime_platform(&mut fields);
    let shares_ports = matches!(text(&fields, "networkMode"), Some("awsvpc" | "host"));
    for container in objects(&mut fields, "containerDefinitions") {
        for port in objects(container, "portMappings") {
            host_port(port, shares_ports);
        }
        start_period(container);
    }
    Cow::Owned(Value::Object(fields))
}

/// Fargate knows only `awsvpc`; elsewhere Docker's bridge is the default (`networkMode` of RegisterTaskDefinition).
fn network_mode(fields: &mut Map<String, Value>) {
    if text(fields, "networkMode").is_none() {
        let mode = if on_fargate(fields) { "awsvpc" } else { "bridge" };
        fields.insert("networkMode".to_owned(), json!(mode));
    }
}

/// On Fargate an absent platform is Linux on x86 when a task starts, but stays absent in what AWS returns.
fn runtime_platform(fields: &mut Map<String, Value>) {
    if !on_fargate(fields) {
        return;
    }
    let platform = fields.entry("runtimePlatform").or_insert(Value::Null);
    if platform.is_null() {
        *platform = json!({});
    }
    let Some(platform) = platform.as_object_mut() else { return };
    for (name, default) in [("cpuArchitecture", "X86_64"), ("operatingSystemFamily", "LINUX")] {
        if text(platform, name).is_none() {
            platform.insert(name.to_owned(), json!(default));
        }
    }
}

/// In `awsvpc` and `host` mode the host port is the container's; in `bridge` mode 0 means "any", as absence does
/// (`hostPort` of PortMapping).
fn host_port(port: &mut Map<String, Value>, shares_ports: bool) {
    if port.get("hostPort").is_some_and(|port| !port.is_null() && *port != 0) {
        return;
    }
    match port.get("containerPort").filter(|port| shares_ports && !port.is_null()).cloned() {
        Some(container_port) => port.insert("hostPort".to_owned(), container_port),
        None => port.remove("hostPort"),
    };
}

/// A start period of 0 is none, and AWS returns none where none was given (`startPeriod` of HealthCheck).
fn start_period(container: &mut Map<String, Value>) {
    if let Some(check) = container.get_mut("healthCheck").and_then(Value::as_object_mut)
        && check.get("startPeriod").is_some_and(|period| *period == 0)
    {
        check.remove("startPeriod");
    }
}

fn on_fargate(fields: &Map<String, Value>) -> bool {
    let compatibilities = fields.get("requiresCompatibilities").and_then(Value::as_array);
    compatibilities.is_some_and(|list| list.iter().any(|value| value == "FARGATE"))
}

fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    fields.get(name).and_then(Value::as_str)
}

fn objects<'a>(fields: &'a mut Map<String, Value>, name: &str) -> impl Iterator<Item = &'a mut Map<String, Value>> {
    fields.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut)
}
