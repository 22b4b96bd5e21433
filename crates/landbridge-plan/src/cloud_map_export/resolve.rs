//! References of a CloudMapExport: its namespace in Cloud Map, its Service and where that is served.

use std::net::IpAddr;
use std::sync::Arc;

use landbridge_api::condition::{self, reason};
use landbridge_api::ecs::IntOrString;
use landbridge_api::v1alpha1::{CloudMapExport, CloudMapNamespace, NamespaceType};

use super::{CloudMapExportResolved, ExportTarget, Exported, ReadyEndpoint, Source};
use crate::account::{AccountTarget, account_for, allows, not_allowed};
use crate::cloud_map_namespace::name_in_cloud_map;
use crate::kind::Kind;
use crate::kubernetes::{EndpointSlice, KubernetesService, ServicePort, ServiceType};
use crate::objects::Objects;
use crate::plan::Unmet;
use crate::policy;
use crate::traffic_migration::governing;

pub(super) fn resolve(object: &CloudMapExport, objects: &dyn Objects) -> Result<CloudMapExportResolved, Unmet> {
    let reference = &object.spec.namespace_ref.name;
    let Some(namespace) = objects.cloud_map_namespace(reference) else { return without_namespace(object) };
    let deleting = object.is_deleting();
    if !deleting && !allows(objects, namespace.spec.allowed_namespaces.as_ref(), object.object_namespace()) {
        return Err(not_allowed("CloudMapNamespace", reference, object.object_namespace()));
    }
    let account = account_for(objects, namespace.spec.account_ref.as_ref(), None)?;
    let target = target(object, &namespace)?;
    let source = if deleting { Source::Missing("it is being deleted".to_owned()) } else { source(object, objects)? };
    let most = governing(object, objects);
    Ok(CloudMapExportResolved { account, target, source, most, nothing_in_aws: false })
}

fn without_namespace(object: &CloudMapExport) -> Result<CloudMapExportResolved, Unmet> {
    let reference = &object.spec.namespace_ref.name;
    if !object.is_deleting() {
        return Err(Unmet::missing(format!(
            "spec.namespaceRef names CloudMapNamespace {reference}, which does not exist: create it, or name another"
        )));
    }
    let made = object.stored().and_then(|s| s.service_id.as_ref());
    if let Some(id) = made.filter(|_| !policy::retains(&object.spec.knobs)) {
        return Err(Unmet::blocked(
            reason::REFERENCE_NOT_FOUND,
            format!(
                "CloudMapNamespace {reference} does not exist, so what is registered in Cloud Map service {id} cannot be \
                 taken out: create CloudMapNamespace {reference} again, or set spec.deletionPolicy to Retain to leave \
                 everything in AWS as it is"
            ),
        ));
    }
    Ok(CloudMapExportResolved {
        account: Arc::new(AccountTarget::default()),
        target: ExportTarget {
            namespace_id: String::new(),
            namespace_name: reference.clone(),
            namespace_type: NamespaceType::Http,
            name: name(object),
        },
        source: Source::Missing("it is being deleted".to_owned()),
        most: None,
        nothing_in_aws: true,
    })
}

/// Name of the Cloud Map service.
pub(crate) fn name(object: &CloudMapExport) -> String {
    object.spec.name.clone().unwrap_or_else(|| object.spec.service_ref.name.clone())
}

fn target(object: &CloudMapExport, namespace: &CloudMapNamespace) -> Result<ExportTarget, Unmet> {
    let status = namespace.status.as_ref();
    let ready = status.is_some_and(|s| condition::is_true(&s.common.conditions, condition::READY));
    let established = object.is_deleting() || object.stored().is_some_and(|s| s.service_id.is_some());
    let id = status.and_then(|s| s.namespace_id.clone()).filter(|_| ready || established);
    if id.is_none() && !object.is_deleting() {
        let why = status.and_then(|s| condition::find(&s.common.conditions, condition::READY));
        let why =
            why.map_or_else(|| "it has not been reconciled yet".to_owned(), |c| format!("{}: {}", c.reason, c.message));
        let name = namespace.object_name();
        let message = format!("CloudMapNamespace {name} is not ready ({why})");
        return Err(Unmet::wait(reason::REFERENCE_NOT_READY, message));
    }
    Ok(ExportTarget {
        namespace_id: id.unwrap_or_default(),
        namespace_name: name_in_cloud_map(namespace),
        namespace_type: namespace.spec.type_,
        name: name(object),
    })
}

/// What is exported. A Service that is gone is news to an export that has registered something; to a new one it may still
/// arrive.
fn source(object: &CloudMapExport, objects: &dyn Objects) -> Result<Source, Unmet> {
    let (namespace, name) = (object.object_namespace(), &object.spec.service_ref.name);
    let Some(service) = objects.kubernetes_service(namespace, name)? else {
        let message = format!(
            "spec.serviceRef names Service {namespace}/{name}, which does not exist: create it, or make an export of another"
        );
        let registered = object.stored().is_some_and(|s| s.service_id.is_some());
        return if registered { Ok(Source::Missing(message)) } else { Err(Unmet::missing(message)) };
    };
    if let Some(why) = unusable(&service) {
        return Ok(Source::Unusable(why));
    }
    let port = match port(&service, object.spec.port.as_ref()) {
        Ok(port) => port,
        Err(why) => return Ok(Source::Unusable(why)),
    };
    let slices = objects.endpoint_slices(namespace, name)?;
    Ok(Source::Found(exported(&service, port, &slices)))
}

fn unusable(service: &KubernetesService) -> Option<String> {
    let said = service.said();
    if service.type_ == ServiceType::ExternalName {
        return Some(format!(
            "Service {said} is an ExternalName, which has no endpoints: export a Service with a selector, or let callers use \
             the external name"
        ));
    }
    let importer = service.held.owner.as_deref().filter(|o| o.starts_with("CloudMapImport/"))?;
    Some(format!(
        "Service {said} was made by {importer} and leads to what Cloud Map has already: export a Service of this cluster"
    ))
}

fn port<'a>(service: &'a KubernetesService, wanted: Option<&IntOrString>) -> Result<&'a ServicePort, String> {
    let said = service.said();
    let listed = || {
        let name =
            |p: &ServicePort| if p.name.is_empty() { p.port.to_string() } else { format!("{} ({})", p.name, p.port) };
        service.ports.iter().map(name).collect::<Vec<_>>().join(", ")
    };
    match (wanted, service.ports.as_slice()) {
        (None, [only]) => Ok(only),
        (_, []) => Err(format!("Service {said} has no port: give it one")),
        (None, _) => Err(format!("Service {said} has the ports {}: say in spec.port which one is exported", listed())),
        (Some(wanted), ports) => {
            let text = wanted.to_string();
            let is = |p: &&ServicePort| *p.name == *text || p.port.to_string() == text;
            let found = ports.iter().find(is);
            found.ok_or_else(|| format!("Service {said} has no port {text}: set spec.port to one of {}", listed()))
        }
    }
}

fn exported(service: &KubernetesService, port: &ServicePort, slices: &[Arc<EndpointSlice>]) -> Exported {
    let mut exported = Exported {
        service: service.said(),
        headless: service.headless,
        port_name: port.name.clone(),
        port: port.port,
        target_port: port.target_port.clone(),
        protocol: port.protocol.clone(),
        ..Exported::default()
    };
    for slice in slices {
        let same = |p: &&crate::kubernetes::EndpointPort| p.name == port.name && p.protocol == port.protocol;
        let number = slice.ports.iter().find(same).and_then(|p| p.port);
        exported.endpoints += slice.endpoints.len();
        let Some(number) = number else { continue };
        for endpoint in slice.endpoints.iter().filter(|e| e.ready && !e.terminating) {
            if is_unroutable(endpoint.address) || service.cluster_ips.contains(&endpoint.address) {
                exported.unroutable.push(endpoint.address);
                continue;
            }
            exported.ready.push(ReadyEndpoint {
                address: endpoint.address,
                port: number,
                pod: endpoint.pod.clone(),
                zone: endpoint.zone.clone(),
                node: endpoint.node.clone(),
                hostname: endpoint.hostname.clone(),
            });
        }
    }
    // While slices are rewritten, an endpoint may be in two of them.
    exported.ready.sort_unstable();
    exported.ready.dedup_by(|a, b| (a.address, a.port) == (b.address, b.port));
    exported.unroutable.sort_unstable();
    exported.unroutable.dedup();
    exported
}

/// Whether nobody outside a node can reach the address. 100.64.0.0/10 is reachable: EKS gives pods such addresses in a
/// VPC's secondary ranges.
pub(crate) fn is_unroutable(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(ip) => {
            ip.is_loopback() || ip.is_link_local() || ip.is_unspecified() || ip.is_multicast() || ip.is_broadcast()
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unspecified() || ip.is_multicast() || ip.is_unicast_link_local(),
    }
}
