//! Ports of a container, and what the Services in front of them say of their protocol.

use serde_json::{Map, Value, json};

use super::{Taking, items, put};
use crate::convert::path::Path;

/// Takes the ports of a container.
pub fn take(taking: &mut Taking<'_>, container: &Value, at: &Path) -> Value {
    let mut out = Vec::new();
    for (index, port) in items(&container["ports"]).enumerate() {
        let at = at.field("ports").index(index);
        if port["protocol"] == "SCTP" {
            taking.refuse(&at, "ECS knows TCP and UDP");
            continue;
        }
        let mut made = Map::new();
        made.insert("containerPort".into(), port["containerPort"].clone());
        if let Some(host) = port["hostPort"].as_i64() {
            if taking.on_fargate() {
                taking.approximate(
                    &at.field("hostPort"),
                    "a task on Fargate has an address of its own, and its port is the container's",
                );
            } else {
                made.insert("hostPort".into(), json!(host));
            }
        }
        if let Some(protocol) = port["protocol"].as_str() {
            made.insert("protocol".into(), json!(protocol.to_lowercase()));
        }
        put(&mut made, "name", Some(port["name"].clone()));
        put(&mut made, "appProtocol", application(taking, port).map(Value::from));
        out.push(Value::Object(made));
    }
    Value::Array(out)
}

/// The application protocol of the Service's port that leads to this one.
fn application(taking: &Taking<'_>, port: &Value) -> Option<&'static str> {
    let services = taking.group.around.iter().map(|at| taking.objects[*at]).filter(|o| o["kind"] == "Service");
    let mut ports = services.flat_map(|s| items(&s["spec"]["ports"]));
    let leads_here = |p: &&Value| {
        let target = if p["targetPort"].is_null() { &p["port"] } else { &p["targetPort"] };
        let protocol = |v: &Value| v["protocol"].as_str().unwrap_or("TCP").to_owned();
        (*target == port["containerPort"] || (target.is_string() && *target == port["name"]))
            && protocol(p) == protocol(port)
    };
    let found = ports.find(|p| leads_here(p) && !p["appProtocol"].is_null())?;
    match found["appProtocol"].as_str()? {
        "http" => Some("http"),
        "kubernetes.io/h2c" | "http2" => Some("http2"),
        "grpc" => Some("grpc"),
        _ => None,
    }
}
