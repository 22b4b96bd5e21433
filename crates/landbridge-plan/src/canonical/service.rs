//! Rules of a service that span fields, each a function.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

/// The value with everything filled in that depends on other fields.
pub(super) fn in_context(value: &Value) -> Cow<'_, Value> {
    let Some(fields) = value.as_object() else { return Cow::Borrowed(value) };
    let mut fields = fields.clone();
    // ECS answers with `roleArn`, and with its service-linked role where none was given, so a role cannot be compared.
    fields.remove("role");
    capacity(&mut fields);
    daemon_percentages(&mut fields);
    traffic_steps(&mut fields);
    zone_rebalancing(&mut fields);
    placement(&mut fields);
    service_connect(&mut fields);
    Cow::Owned(Value::Object(fields))
}

/// DescribeServices leaves the launch type out where a capacity provider strategy is used.
fn capacity(fields: &mut Map<String, Value>) {
    if fields.get("capacityProviderStrategy").and_then(Value::as_array).is_some_and(|items| !items.is_empty()) {
        fields.remove("launchType");
    }
}

/// A DAEMON service may lose every task during a deployment and never has more than one per instance
/// (`minimumHealthyPercent` and `maximumPercent` of DeploymentConfiguration).
fn daemon_percentages(fields: &mut Map<String, Value>) {
    if !is_daemon(fields) {
        return;
    }
    let Some(deployment) = object(fields, "deploymentConfiguration") else { return };
    for (name, percent) in [("maximumPercent", 100), ("minimumHealthyPercent", 0)] {
        if absent(deployment, name) {
            deployment.insert(name.to_owned(), json!(percent));
        }
    }
}

/// A LINEAR or CANARY deployment has steps, with ECS's defaults where none are given.
fn traffic_steps(fields: &mut Map<String, Value>) {
    let strategy = fields.get("deploymentConfiguration").and_then(|deployment| deployment["strategy"].as_str());
    let steps = match strategy {
        Some("LINEAR") => "linearConfiguration",
        Some("CANARY") => "canaryConfiguration",
        _ => return,
    };
    if let Some(deployment) = object(fields, "deploymentConfiguration") {
        object(deployment, steps);
    }
}

/// Zone rebalancing is for REPLICA services that ECS itself deploys.
fn zone_rebalancing(fields: &mut Map<String, Value>) {
    let controller = fields.get("deploymentController").and_then(|controller| controller["type"].as_str());
    if is_daemon(fields) || controller.is_some_and(|controller| controller != "ECS") {
        fields.insert("availabilityZoneRebalancing".to_owned(), json!("DISABLED"));
    }
}

/// ECS returns `cpu` and `memory` in upper case, and takes `host` to mean `instanceId` (`field` of PlacementStrategy).
fn placement(fields: &mut Map<String, Value>) {
    let strategies = fields.get_mut("placementStrategy").and_then(Value::as_array_mut);
    for strategy in strategies.into_iter().flatten() {
        let Some(field) = strategy.get_mut("field") else { continue };
        match field.as_str() {
            Some("host") => *field = json!("instanceId"),
            Some(name) if name.eq_ignore_ascii_case("cpu") || name.eq_ignore_ascii_case("memory") => {
                *field = json!(name.to_ascii_uppercase());
            }
            _ => {}
        }
    }
}

/// Service Connect that is off is the same as none; a port's discovery name is the port's name when absent
/// (`discoveryName` of ServiceConnectService).
fn service_connect(fields: &mut Map<String, Value>) {
    let Some(connect) = fields.get_mut("serviceConnectConfiguration") else { return };
    if connect["enabled"] == false {
        fields.remove("serviceConnectConfiguration");
        return;
    }
    let services = connect.get_mut("services").and_then(Value::as_array_mut);
    for service in services.into_iter().flatten().filter_map(Value::as_object_mut) {
        if absent(service, "discoveryName")
            && let Some(port) = service.get("portName").cloned()
        {
            service.insert("discoveryName".to_owned(), port);
        }
    }
}

fn is_daemon(fields: &Map<String, Value>) -> bool {
    fields.get("schedulingStrategy").is_some_and(|strategy| strategy == "DAEMON")
}

fn absent(fields: &Map<String, Value>, name: &str) -> bool {
    fields.get(name).is_none_or(Value::is_null)
}

/// The object under a name, made when absent; none when something else is there.
fn object<'a>(fields: &'a mut Map<String, Value>, name: &str) -> Option<&'a mut Map<String, Value>> {
    let value = fields.entry(name).or_insert(Value::Null);
    if value.is_null() {
        *value = json!({});
    }
    value.as_object_mut()
}
