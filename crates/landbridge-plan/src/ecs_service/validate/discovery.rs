//! The managed Cloud Map service and what it needs of the task.

use landbridge_api::ecs::NetworkMode;
use landbridge_api::v1alpha1::{RecordType, ServiceDiscovery};

use super::super::pass::Pass;

const PATH: &str = "spec.serviceDiscovery";

pub(super) fn check(pass: &Pass<'_>, found: &mut Vec<String>) {
    let (Some(spec), Some(target)) = (&pass.object.spec.service_discovery, &pass.resolved.discovery) else { return };
    if !pass.desired.typed.service_registries.is_empty() {
        found.push(format!("{PATH} and spec.serviceRegistries are both set: keep one"));
    }
    name(&target.name, target.is_http(), found);
    if let Some(dns) = &spec.dns_config {
        if target.is_http() {
            found.push(format!("{PATH}.dnsConfig has no place in an HTTP namespace, which has no DNS: remove it"));
        }
        let types: Vec<RecordType> = dns.dns_records.iter().map(|r| r.type_).collect();
        let fits =
            matches!(types.as_slice(), [_] | [RecordType::A, RecordType::Aaaa] | [RecordType::Aaaa, RecordType::A]);
        if !fits {
            found.push(format!(
                "{PATH}.dnsConfig.dnsRecords must be A, AAAA, A and AAAA together, or SRV: change the list"
            ));
        }
    }
    if !target.is_http() {
        records(pass, spec, found);
    }
    container(pass, spec, found);
}

/// DNS labels in DNS namespaces (`Name` of Cloud Map's CreateService).
fn name(name: &str, http: bool, found: &mut Vec<String>) {
    let label = |l: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        !l.is_empty() && l.len() <= 63 && l.chars().all(fits) && !l.starts_with('-') && !l.ends_with('-')
    };
    if name.len() > 127 {
        found.push(format!("{PATH}.name is {} characters long, and Cloud Map takes 127: shorten it", name.len()));
    } else if !http && !name.split('.').all(label) {
        found.push(format!(
            "{PATH}.name is {name:?}, and in a DNS namespace each part must be 1 to 63 letters, digits, hyphens and underscores: \
             change it"
        ));
    }
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
