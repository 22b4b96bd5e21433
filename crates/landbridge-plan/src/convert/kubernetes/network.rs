//! How the pods are reached: one ClusterIP Service, a Service for each further name of Service Connect, and the security
//! groups of the pods. Nothing here is of type LoadBalancer: what comes from outside comes through an ingress object.

use landbridge_api::ecs::container::{ApplicationProtocol, TransportProtocol};
use landbridge_api::names::annotation;
use serde_json::{Map, Value, json};

use super::container::spelled_out;
use super::{Making, put};
use crate::convert::name;

/// Adds what the service is reached by.
pub fn objects(making: &mut Making<'_>) {
    let ports = ports(making);
    if !ports.is_empty() && !making.is_scheduled() {
        let mut metadata = making.metadata(&making.name());
        if let Some(known) = making.unit.spec["serviceDiscovery"]["namespaceRef"]["name"].as_str() {
            // The whole name, not its first label: the way back needs both halves.
            let own = making.name();
            let called = making.unit.spec["serviceDiscovery"]["name"].as_str().unwrap_or(&own);
            let full = json!({ annotation::CLOUD_MAP_NAME: format!("{called}.{known}") });
            metadata.insert("annotations".into(), full);
        }
        let spec = json!({"type": "ClusterIP", "selector": making.selector(), "ports": ports});
        making.add("v1", "Service", metadata, vec![("spec", spec)]);
    }
    aliases(making);
    security_groups(making);
}

/// A port of the Service for each port of a container that stays.
fn ports(making: &Making<'_>) -> Vec<Value> {
    let mut out: Vec<Value> = Vec::new();
    for mapping in making.task.container_definitions.iter().flat_map(|c| &c.port_mappings) {
        let range = mapping.container_port_range.as_deref().and_then(spelled_out);
        let own = mapping.container_port.and_then(|p| u32::try_from(p).ok()).filter(|p| *p > 0);
        let numbers = range.map_or_else(|| own.into_iter().collect::<Vec<_>>(), Iterator::collect);
        for number in numbers {
            let udp = mapping.protocol == Some(TransportProtocol::Udp);
            let (protocol, word) = if udp { ("UDP", "udp") } else { ("TCP", "tcp") };
            if out.iter().any(|p| p["port"] == number && p["protocol"] == protocol) {
                continue;
            }
            let named = mapping.name.as_deref().filter(|_| own.is_some()).map(name::label);
            let taken = |n: &str| out.iter().any(|p| p["name"] == n);
            let named = named.filter(|n| !taken(n)).unwrap_or_else(|| format!("{word}-{number}"));
            let mut port = Map::new();
            port.insert("name".into(), json!(named));
            port.insert("port".into(), json!(number));
            port.insert("targetPort".into(), json!(number));
            port.insert("protocol".into(), json!(protocol));
            put(&mut port, "appProtocol", mapping.app_protocol.map(|p| Value::from(word_of(p))));
            out.push(Value::Object(port));
        }
    }
    out.sort_by_key(|p| (p["port"].as_i64(), p["protocol"].as_str().map(str::to_owned)));
    out
}

/// Kubernetes' word for an application protocol.
pub fn word_of(protocol: ApplicationProtocol) -> &'static str {
    match protocol {
        ApplicationProtocol::Http => "http",
        ApplicationProtocol::Http2 => "kubernetes.io/h2c",
        ApplicationProtocol::Grpc => "grpc",
    }
}

/// A Service for each name by which clients know the service through Service Connect.
fn aliases(making: &mut Making<'_>) {
    let Some(connect) = making.service.service_connect_configuration.clone().filter(|c| c.enabled) else { return };
    for service in &connect.services {
        let mappings = making.task.container_definitions.iter().flat_map(|c| &c.port_mappings);
        let target =
            mappings.clone().find(|m| m.name.as_ref() == Some(&service.port_name)).and_then(|m| m.container_port);
        for alias in &service.client_aliases {
            let known = alias.dns_name.as_deref().filter(|n| name::label(n) == **n && *n != making.name());
            let (Some(known), Some(target)) = (known, target) else { continue };
            if making.draft.objects.iter().any(|o| o["kind"] == "Service" && o["metadata"]["name"] == known) {
                continue;
            }
            let ports = json!([{"name": name::label(&service.port_name), "port": alias.port, "targetPort": target, "protocol": "TCP"}]);
            let spec = json!({"type": "ClusterIP", "selector": making.selector(), "ports": ports});
            let metadata = making.metadata(known);
            making.add("v1", "Service", metadata, vec![("spec", spec)]);
        }
    }
}

fn security_groups(making: &mut Making<'_>) {
    let groups = making.service.network_configuration.as_ref().and_then(|n| n.awsvpc_configuration.as_ref());
    let groups = groups.map(|a| a.security_groups.clone()).unwrap_or_default();
    if !groups.is_empty() {
        let spec = json!({"podSelector": {"matchLabels": making.selector()}, "securityGroups": {"groupIds": groups}});
        let metadata = making.metadata(&making.name());
        making.add("vpcresources.k8s.aws/v1beta1", "SecurityGroupPolicy", metadata, vec![("spec", spec)]);
    }
}
