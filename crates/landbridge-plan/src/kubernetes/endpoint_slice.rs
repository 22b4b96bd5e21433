//! EndpointSlices: where the connections to a Service go.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use k8s_openapi::api::discovery::v1 as discovery;
use serde::Serialize;

use super::{Held, boxed};

/// Label that says which Service a slice belongs to.
pub const SERVICE_NAME_LABEL: &str = "kubernetes.io/service-name";
/// Label that says which program writes a slice.
pub const MANAGED_BY_LABEL: &str = "endpointslice.kubernetes.io/managed-by";

/// A slice of the endpoints of a Service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EndpointSlice {
    /// Name of the slice.
    pub name: String,
    /// UID.
    pub uid: String,
    /// Name of the Service; empty for a slice of none.
    pub service: String,
    /// `IPv4`, `IPv6` or `FQDN`.
    pub address_type: Box<str>,
    /// Which program writes it (label `endpointslice.kubernetes.io/managed-by`).
    pub managed_by: Option<Box<str>>,
    /// Labels beside the two that are members of their own.
    pub labels: BTreeMap<Box<str>, Box<str>>,
    /// Ports of all its endpoints.
    pub ports: Vec<EndpointPort>,
    /// Endpoints; those that have no address, or whose address is a name, are left out.
    pub endpoints: Vec<Endpoint>,
    /// Who made it, if Landbridge did.
    pub held: Held,
    /// UID of the object that controls it by an owner reference.
    pub owner_uid: Option<Box<str>>,
}

/// A port of the endpoints of a slice.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct EndpointPort {
    /// Name, as the Service's port has it; empty where it has none.
    pub name: Box<str>,
    /// Port; none means every port.
    pub port: Option<u16>,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: Box<str>,
    /// Protocol above that.
    pub app_protocol: Option<Box<str>>,
}

/// One address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Endpoint {
    /// The address. The others of an endpoint are the same place (`addresses` of EndpointSlice in the API reference).
    pub address: IpAddr,
    /// Whether it takes new connections.
    pub ready: bool,
    /// Whether it answers, also while it ends.
    pub serving: bool,
    /// Whether it ends.
    pub terminating: bool,
    /// Availability Zone.
    pub zone: Option<Arc<str>>,
    /// Node.
    pub node: Option<Arc<str>>,
    /// Host name in a headless Service.
    pub hostname: Option<Box<str>>,
    /// Name of the pod.
    pub pod: Option<Box<str>>,
}

impl From<&discovery::EndpointSlice> for EndpointSlice {
    fn from(slice: &discovery::EndpointSlice) -> Self {
        let meta = &slice.metadata;
        let label = |key: &str| meta.labels.as_ref().and_then(|l| l.get(key));
        let others = meta.labels.iter().flatten().filter(|(k, _)| *k != SERVICE_NAME_LABEL && *k != MANAGED_BY_LABEL);
        let mut texts = Texts::default();
        Self {
            name: meta.name.clone().unwrap_or_default(),
            uid: meta.uid.clone().unwrap_or_default(),
            service: label(SERVICE_NAME_LABEL).cloned().unwrap_or_default(),
            address_type: slice.address_type.as_str().into(),
            managed_by: boxed(label(MANAGED_BY_LABEL)),
            labels: others.map(|(k, v)| (k.as_str().into(), v.as_str().into())).collect(),
            ports: slice.ports.iter().flatten().map(port).collect(),
            endpoints: slice.endpoints.iter().flatten().filter_map(|e| endpoint(e, &mut texts)).collect(),
            held: Held::of(meta),
            owner_uid: meta
                .owner_references
                .iter()
                .flatten()
                .find(|o| o.controller == Some(true))
                .map(|o| Box::from(o.uid.as_str())),
        }
    }
}

fn port(port: &discovery::EndpointPort) -> EndpointPort {
    EndpointPort {
        name: boxed(port.name.as_ref()).unwrap_or_default(),
        port: port.port.and_then(|p| u16::try_from(p).ok()),
        protocol: port.protocol.as_deref().unwrap_or("TCP").into(),
        app_protocol: boxed(port.app_protocol.as_ref()),
    }
}

fn endpoint(endpoint: &discovery::Endpoint, texts: &mut Texts) -> Option<Endpoint> {
    let address = endpoint.addresses.first()?.parse().ok()?;
    let conditions = endpoint.conditions.as_ref();
    // Unknown is ready, and who is ready serves (EndpointConditions in the API reference).
    let ready = conditions.and_then(|c| c.ready).unwrap_or(true);
    let pod = endpoint.target_ref.as_ref().filter(|t| t.kind.as_deref() == Some("Pod"));
    Some(Endpoint {
        address,
        ready,
        serving: conditions.and_then(|c| c.serving).unwrap_or(ready),
        terminating: conditions.and_then(|c| c.terminating).unwrap_or(false),
        zone: texts.of(endpoint.zone.as_ref()),
        node: texts.of(endpoint.node_name.as_ref()),
        hostname: boxed(endpoint.hostname.as_ref()),
        pod: boxed(pod.and_then(|t| t.name.as_ref())),
    })
}

/// Zones and nodes repeat: one copy of each in a slice.
#[derive(Default)]
struct Texts(BTreeMap<String, Arc<str>>);

impl Texts {
    fn of(&mut self, text: Option<&String>) -> Option<Arc<str>> {
        let text = text.filter(|t| !t.is_empty())?;
        if let Some(known) = self.0.get(text) {
            return Some(known.clone());
        }
        let new: Arc<str> = text.as_str().into();
        self.0.insert(text.clone(), new.clone());
        Some(new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::object;

    #[test]
    fn an_endpoint_whose_conditions_are_unknown_is_ready_and_one_that_ends_is_not() {
        let slice: discovery::EndpointSlice = object(
            "{metadata: {name: orders-1, namespace: shop, labels: {kubernetes.io/service-name: orders, x: y, \
             endpointslice.kubernetes.io/managed-by: endpointslice-controller.k8s.io}}, addressType: IPv4, ports: [{name: '', \
             port: 8080}], endpoints: [{addresses: [10.0.0.1], zone: a, nodeName: n}, {addresses: [10.0.0.2], zone: a, \
             conditions: {ready: false, serving: true, terminating: true}, targetRef: {kind: Pod, name: p}}, {addresses: []}]}",
        );
        let slice = EndpointSlice::from(&slice);
        assert_eq!(
            (slice.service.as_str(), slice.managed_by.as_deref()),
            ("orders", Some("endpointslice-controller.k8s.io"))
        );
        assert_eq!(slice.labels.len(), 1);
        assert_eq!(slice.ports[0].port, Some(8080));
        let [first, second] = slice.endpoints.as_slice() else { panic!("{slice:?}") };
        assert!(first.ready && first.serving && !first.terminating);
        assert!(!second.ready && second.serving && second.terminating);
        assert_eq!(second.pod.as_deref(), Some("p"));
        assert!(Arc::ptr_eq(first.zone.as_ref().unwrap(), second.zone.as_ref().unwrap()));
    }

    #[test]
    fn a_thousand_endpoints_take_little_memory() {
        // Box and Arc in place of String, an address in place of its text: what a slice of a hundred holds is counted here.
        assert!(size_of::<Endpoint>() <= 96, "{}", size_of::<Endpoint>());
    }
}
