//! A Kubernetes Service.

use std::collections::BTreeMap;
use std::net::IpAddr;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::Serialize;

use super::{Held, boxed};

/// How a Service is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum ServiceType {
    /// At an address inside the cluster, or by its endpoints when it is headless.
    #[default]
    ClusterIp,
    /// At a port of every node.
    NodePort,
    /// Through a load balancer.
    LoadBalancer,
    /// It is another DNS name.
    ExternalName,
}

/// A Service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct KubernetesService {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// UID: another one is another Service of the same name.
    pub uid: String,
    /// Type.
    pub type_: ServiceType,
    /// Whether it has no address of its own (`clusterIP: None`).
    pub headless: bool,
    /// Its addresses inside the cluster.
    pub cluster_ips: Vec<IpAddr>,
    /// Whether it has a selector; without one somebody else writes its EndpointSlices.
    pub selects: bool,
    /// Whether DNS gives addresses that are not ready (`publishNotReadyAddresses`).
    pub publishes_not_ready: bool,
    /// Ports.
    pub ports: Vec<ServicePort>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Who made it, if Landbridge did.
    pub held: Held,
    /// Whether its owner reference names the custom resource that made it.
    pub owner_uid: Option<Box<str>>,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// When it was made, in milliseconds since 1970.
    pub created_at: i64,
}

/// A port of a Service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ServicePort {
    /// Name; empty where the only port has none.
    pub name: Box<str>,
    /// Port of the Service.
    pub port: u16,
    /// Port of the pods: a number or a name.
    pub target_port: Box<str>,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: Box<str>,
    /// Protocol above that, for example `http`.
    pub app_protocol: Option<Box<str>>,
}

impl KubernetesService {
    /// `shop/orders`.
    pub fn said(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

impl From<&Service> for KubernetesService {
    fn from(service: &Service) -> Self {
        let meta = &service.metadata;
        let spec = service.spec.as_ref();
        let ips = spec.and_then(|s| s.cluster_ips.as_deref()).unwrap_or_default();
        let ip = spec.and_then(|s| s.cluster_ip.as_ref());
        Self {
            namespace: meta.namespace.clone().unwrap_or_default(),
            name: meta.name.clone().unwrap_or_default(),
            uid: meta.uid.clone().unwrap_or_default(),
            type_: match spec.and_then(|s| s.type_.as_deref()) {
                Some("NodePort") => ServiceType::NodePort,
                Some("LoadBalancer") => ServiceType::LoadBalancer,
                Some("ExternalName") => ServiceType::ExternalName,
                _ => ServiceType::ClusterIp,
            },
            headless: ips.iter().chain(ip).any(|ip| ip == "None"),
            cluster_ips: if ips.is_empty() {
                ip.iter().filter_map(|ip| ip.parse().ok()).collect()
            } else {
                ips.iter().filter_map(|ip| ip.parse().ok()).collect()
            },
            selects: spec.and_then(|s| s.selector.as_ref()).is_some_and(|s| !s.is_empty()),
            publishes_not_ready: spec.and_then(|s| s.publish_not_ready_addresses).unwrap_or(false),
            ports: spec.and_then(|s| s.ports.as_ref()).into_iter().flatten().filter_map(port).collect(),
            labels: meta.labels.clone().unwrap_or_default(),
            held: Held::of(meta),
            owner_uid: meta
                .owner_references
                .iter()
                .flatten()
                .find(|o| o.controller == Some(true))
                .map(|o| Box::from(o.uid.as_str())),
            deleting: meta.deletion_timestamp.is_some(),
            created_at: meta.creation_timestamp.as_ref().map_or(0, |t| t.0.as_millisecond()),
        }
    }
}

/// A port, if its number is one: the API server lets no other through.
fn port(port: &k8s_openapi::api::core::v1::ServicePort) -> Option<ServicePort> {
    let number = u16::try_from(port.port).ok()?;
    Some(ServicePort {
        name: boxed(port.name.as_ref()).unwrap_or_default(),
        port: number,
        target_port: match &port.target_port {
            Some(IntOrString::Int(0)) | None => number.to_string().into(),
            Some(IntOrString::Int(n)) => n.to_string().into(),
            Some(IntOrString::String(name)) => name.as_str().into(),
        },
        protocol: port.protocol.as_deref().unwrap_or("TCP").into(),
        app_protocol: boxed(port.app_protocol.as_ref()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::object;

    #[test]
    fn a_service_keeps_what_a_plan_asks() {
        let service: Service = object(
            "{metadata: {name: orders, namespace: shop, uid: u1, creationTimestamp: '1970-01-01T00:00:02Z', annotations: \
             {landbridge.dev/owner: CloudMapImport/shop/orders, landbridge.dev/installation: here, x: y}}, spec: {clusterIP: \
             10.96.0.7, clusterIPs: [10.96.0.7, 'fd00::7'], selector: {app: orders}, ports: [{name: http, port: 80, targetPort: \
             web, appProtocol: http}, {port: 53, protocol: UDP}]}}",
        );
        let service = KubernetesService::from(&service);
        assert_eq!(service.cluster_ips, ["10.96.0.7".parse::<IpAddr>().unwrap(), "fd00::7".parse().unwrap()]);
        assert!(service.selects && !service.headless && service.type_ == ServiceType::ClusterIp);
        assert_eq!((&*service.ports[0].target_port, &*service.ports[1].target_port), ("web", "53"));
        assert_eq!(&*service.ports[1].protocol, "UDP");
        assert_eq!(service.held.said(), "CloudMapImport/shop/orders of installation here");
        assert_eq!(service.created_at, 2_000);
    }

    #[test]
    fn none_as_an_address_is_a_headless_service() {
        let service: Service =
            object("{metadata: {name: db, namespace: shop}, spec: {clusterIP: None, clusterIPs: [None]}}");
        let service = KubernetesService::from(&service);
        assert!(service.headless && service.cluster_ips.is_empty() && !service.selects);
    }
}
