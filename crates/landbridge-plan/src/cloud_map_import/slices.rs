//! Which EndpointSlices there should be: few changes for few changes of the endpoints.
//!
//! Endpoints of one source cluster, address family and set of ports share slices of at most a hundred. One that is in a slice
//! stays there, one that is gone leaves a gap, and new ones fill the gaps.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use landbridge_api::v1alpha1::{CloudMapImport, ImportedPort, TransportProtocol};
use serde_json::json;

use super::{CloudMapImportObserved, CloudMapImportResolved, ImportedEndpoint, ImportedFrom, service_name};
use crate::adoption::some_of;
use crate::cloud_map_export::is_unroutable;
use crate::hash;
use crate::kubernetes::{Endpoint, EndpointPort, EndpointSlice};
use crate::multi_cluster::SOURCE_CLUSTER;
use crate::owner::Owner;

/// Endpoints of a slice, as Kubernetes' own controller has them by default (`--max-endpoints-per-slice`).
pub(super) const MOST: usize = 100;

/// What the endpoints of a slice have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Group {
    pub(super) cluster: String,
    pub(super) is_v6: bool,
    pub(super) ports: Vec<EndpointPort>,
}

/// A slice as it should be.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct WantedSlice {
    pub(super) name: String,
    pub(super) group: Group,
    /// Sorted by address.
    pub(super) endpoints: Vec<Endpoint>,
    /// The slice of that name, if it is there.
    pub(super) present: Option<Arc<EndpointSlice>>,
}

/// The endpoints that are wanted.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// Sorted by address.
    pub(super) groups: BTreeMap<Group, Vec<Endpoint>>,
    /// What to do about endpoints whose port nobody says.
    pub(super) without_port: Option<String>,
}

impl Wanted {
    pub(super) fn of(
        object: &CloudMapImport,
        resolved: &CloudMapImportResolved,
        observed: &CloudMapImportObserved,
    ) -> Self {
        let mut wanted = Self::default();
        let mut without_port = Vec::new();
        let own: &[IpAddr] = resolved.service.as_ref().map_or(&[], |s| &s.cluster_ips);
        for found in &observed.endpoints {
            if is_unroutable(found.address) || own.contains(&found.address) {
                continue;
            }
            let Some(ports) = ports(object, resolved, found) else {
                without_port.push(found.address.to_string());
                continue;
            };
            let cluster = source_cluster(resolved, found);
            let group = Group { cluster, is_v6: found.address.is_ipv6(), ports };
            wanted.groups.entry(group).or_default().push(endpoint(found));
        }
        for endpoints in wanted.groups.values_mut() {
            // Two registrations of one address are one endpoint, ready if one of them is.
            endpoints.sort_by_key(|e| (e.address, !e.ready));
            endpoints.dedup_by_key(|e| e.address);
        }
        if !without_port.is_empty() {
            without_port.sort();
            wanted.without_port = Some(format!(
                "{} are registered without a port (AWS_INSTANCE_PORT) and are left out: set targetPort in spec.service.ports",
                some_of(&without_port)
            ));
        }
        wanted
    }

    /// The slices for them, given those that are there.
    pub(super) fn slices(
        mut self,
        object: &CloudMapImport,
        present: &[Arc<EndpointSlice>],
        owner: &Owner,
    ) -> Vec<WantedSlice> {
        let service = service_name(object);
        let mut slices = Vec::new();
        let ours = || present.iter().filter(|s| s.held.is(owner));
        let mut taken: BTreeSet<String> = present.iter().map(|s| s.name.clone()).collect();
        for (group, endpoints) in std::mem::take(&mut self.groups) {
            let mut left: BTreeMap<IpAddr, Endpoint> = endpoints.into_iter().map(|e| (e.address, e)).collect();
            let first = slices.len();
            for slice in ours().filter(|s| group.is(s)) {
                let stay: Vec<Endpoint> = slice.endpoints.iter().filter_map(|e| left.remove(&e.address)).collect();
                let (name, group) = (slice.name.clone(), group.clone());
                slices.push(WantedSlice { name, group, endpoints: stay, present: Some(slice.clone()) });
            }
            let mut new: Vec<Endpoint> = left.into_values().collect();
            for slice in &mut slices[first..] {
                let room = MOST.saturating_sub(slice.endpoints.len()).min(new.len());
                slice.endpoints.extend(new.drain(..room));
            }
            for endpoints in new.chunks(MOST) {
                let name = free_name(&service, &group, &mut taken);
                slices.push(WantedSlice { name, group: group.clone(), endpoints: endpoints.to_vec(), present: None });
            }
        }
        slices.retain(|s| !s.endpoints.is_empty());
        for slice in &mut slices {
            slice.endpoints.sort_by_key(|e| e.address);
        }
        slices
    }
}

impl Group {
    /// Whether a slice holds endpoints of the group.
    fn is(&self, slice: &EndpointSlice) -> bool {
        let cluster = slice.labels.get(SOURCE_CLUSTER).map_or("", |c| c);
        let mut ports = slice.ports.clone();
        ports.sort();
        cluster == self.cluster && *slice.address_type == *self.address_type() && ports == self.ports
    }

    pub(super) fn address_type(&self) -> &'static str {
        if self.is_v6 { "IPv6" } else { "IPv4" }
    }
}

/// `orders-3f9a01-0`: names that do not depend on the order in which endpoints came.
fn free_name(service: &str, group: &Group, taken: &mut BTreeSet<String>) -> String {
    let hash = hash::short(&json!([group.cluster, group.is_v6, group.ports]));
    let stem: String = service.chars().take(50).collect();
    let mut number = 0;
    loop {
        let name = format!("{stem}-{}-{number}", &hash[..8.min(hash.len())]);
        if taken.insert(name.clone()) {
            return name;
        }
        number += 1;
    }
}

/// The ports of an endpoint; none when nobody says one of them.
fn ports(
    object: &CloudMapImport,
    resolved: &CloudMapImportResolved,
    found: &ImportedEndpoint,
) -> Option<Vec<EndpointPort>> {
    let in_ecs = matches!(resolved.source, ImportedFrom::Ecs { .. });
    let port = |p: &ImportedPort| {
        let said = p.target_port.or(in_ecs.then_some(p.port)).and_then(|n| u16::try_from(n).ok());
        Some(EndpointPort {
            name: p.name.as_deref().unwrap_or_default().into(),
            port: Some(said.or(found.port)?),
            protocol: protocol(p).into(),
            app_protocol: p.app_protocol.as_deref().map(Into::into),
        })
    };
    let mut ports: Vec<EndpointPort> = object.spec.service.ports.iter().map(port).collect::<Option<_>>()?;
    ports.sort();
    Some(ports)
}

/// Kubernetes' word for the protocol of a port.
pub(super) fn protocol(port: &ImportedPort) -> &'static str {
    match port.protocol.unwrap_or_default() {
        TransportProtocol::Tcp => "TCP",
        TransportProtocol::Udp => "UDP",
        TransportProtocol::Sctp => "SCTP",
    }
}

/// A label that names the cluster of an endpoint: lower case letters, digits and hyphens, at most 63.
fn source_cluster(resolved: &CloudMapImportResolved, found: &ImportedEndpoint) -> String {
    let name = match (&resolved.source, &found.cluster) {
        (ImportedFrom::Ecs { cluster, .. }, _) => format!("ecs-{cluster}"),
        (_, Some(cluster)) => cluster.clone(),
        (_, None) => "cloud-map".to_owned(),
    };
    let fits = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let label: String = name.chars().map(fits).take(63).collect();
    label.trim_matches('-').to_owned()
}

fn endpoint(found: &ImportedEndpoint) -> Endpoint {
    Endpoint {
        address: found.address,
        ready: found.ready && !found.terminating,
        serving: found.serving,
        terminating: found.terminating,
        zone: found.zone.as_deref().filter(|z| !z.is_empty()).map(Into::into),
        node: None,
        hostname: None,
        pod: None,
    }
}
