//! The managed Cloud Map service and what it needs of the task.

use landbridge_api::ecs::NetworkMode;
use landbridge_api::v1alpha1::{RecordType, ServiceDiscovery};

use super::super::pass::Pass;
use crate::cloud_map_service;

const PATH: &str = "spec.serviceDiscovery";

pub(super) fn check(pass: &Pass<'_>, found: &mut Vec<String>) {
    let (Some(spec), Some(target)) = (&pass.object.spec.service_discovery, &pass.resolved.discovery) else { return };
    if !pass.desired.typed.service_registries.is_empty() {
        found.push(format!("{PATH} and spec.serviceRegistries are both set: keep one"));
    }
    found.extend(cloud_map_service::name_fault("spec.serviceDiscovery.name", &target.name, target.namespace_type));
    if let Some(dns) = &spec.dns_config {
        found.extend(cloud_map_service::records_faults(PATH, dns, target.namespace_type));
    }
    if !target.is_http() {
        records(pass, spec, found);
    }
    container(pass, spec, found);
}

/// Only SRV records can tell the port of a task that shares its instance's address.
fn records(pass: &Pass<'_>, spec: &ServiceDiscovery, found: &mut Vec<String>) {
    let own_address = pass.desired.task.as_ref().is_none_or(|t| t.network_mode == Some(NetworkMode::Awsvpc));
    let types = spec.dns_config.as_ref().map(|d| d.dns_records.iter().map(|r| r.type_).collect::<Vec<_>>());
    let srv = types.as_ref().map_or(!own_address, |t| t.contains(&RecordType::Srv));
    if !own_address && !srv {
        found.push(format!(
            "{PATH}.dnsConfig: tasks in network mode bridge or host have no address of their own, so the record must be SRV"
        ));
    }
    if srv && spec.container_port.is_none() && (spec.port.is_none() || !own_address) {
        found.push(format!("{PATH}: an SRV record names a port: set containerName and containerPort"));
    }
}

fn container(pass: &Pass<'_>, spec: &ServiceDiscovery, found: &mut Vec<String>) {
    if spec.container_name.is_some() != spec.container_port.is_some() {
        found.push(format!("{PATH}.containerName and containerPort go together: set both or neither"));
    }
    if spec.port.is_some() && spec.container_port.is_some() {
        found.push(format!("{PATH}.port and containerPort are both set: keep one"));
    }
    let (Some(task), Some(name)) = (&pass.desired.task, &spec.container_name) else { return };
    let port = |p: &landbridge_api::ecs::container::PortMapping| p.container_port == spec.container_port;
    match task.container_definitions.iter().find(|c| c.name == *name) {
        None => found.push(format!("{PATH}.containerName is {name}, which the task does not have: correct the name")),
        Some(found_container) if !found_container.port_mappings.iter().any(port) => found.push(format!(
            "{PATH}.containerPort is not a port of container {name}: add it to portMappings, or name another"
        )),
        Some(_) => {}
    }
}
