//! Attributes of an instance: those of Cloud Map, those that the AWS MCS controller for Kubernetes reads, and our own.
//!
//! The names are AWS's ("RegisterInstance", Cloud Map API reference) and the MCS controller's (aws-cloud-map-mcs-controller-
//! for-k8s, `pkg/model/types.go`), so that other clusters' importers understand what we register.

use std::net::IpAddr;

use landbridge_api::v1alpha1::CloudMapExport;

use super::{Exported, ReadyEndpoint};
use crate::account::AccountTarget;
use crate::change::Tags;
use crate::kind::Kind;

/// Attribute that says whose an instance is: `<installation>/<Kind>/<namespace>/<name>`.
pub const OWNER: &str = "LANDBRIDGE_OWNER";
/// Attribute with the IPv4 address.
pub const IPV4: &str = "AWS_INSTANCE_IPV4";
/// Attribute with the IPv6 address.
pub const IPV6: &str = "AWS_INSTANCE_IPV6";
/// Attribute with the port.
pub const PORT: &str = "AWS_INSTANCE_PORT";
/// Attribute with the health that an instance begins with; Cloud Map takes it only where there is a custom health check.
pub const INIT_HEALTH: &str = "AWS_INIT_HEALTH_STATUS";
/// Attribute with the name of the cluster.
pub(super) const CLUSTER: &str = "CLUSTER_ID";
/// Attribute with the name of the set of clusters.
pub(super) const CLUSTER_SET: &str = "CLUSTERSET_ID";
/// Attribute with the type of the Service.
pub(super) const SERVICE_TYPE: &str = "SERVICE_TYPE";
/// Attribute with the port of the Service.
pub(super) const SERVICE_PORT: &str = "SERVICE_PORT";
/// Attribute with the name of that port.
pub(super) const SERVICE_PORT_NAME: &str = "SERVICE_PORT_NAME";
const CONTROLLER: &str = "K8S_CONTROLLER";
const EXPORTED_AT: &str = "SERVICE_EXPORT_CREATION_TIMESTAMP";

/// Attributes that say nothing of the endpoint: an upgrade of the operator registers nothing anew.
const NOT_COMPARED: [&str; 2] = [CONTROLLER, INIT_HEALTH];

/// The value of [`OWNER`].
pub(crate) fn owner(object: &CloudMapExport, account: &AccountTarget) -> String {
    format!("{}/{}", account.installation, object.identity())
}

/// ID of an instance, as the MCS controller writes it: `tcp-10_0_1_2-8080`.
pub(super) fn instance_id(protocol: &str, address: IpAddr, port: u16) -> String {
    let address = address.to_string().replace(['.', ':'], "_");
    format!("{}-{address}-{port}", protocol.to_ascii_lowercase())
}

/// Whether an instance that is there is as wanted.
pub(super) fn is_same(present: &Tags, wanted: &Tags) -> bool {
    let compared = |key: &String| {
        // The command line does not know when the object was made.
        let known = key != EXPORTED_AT || wanted.contains_key(EXPORTED_AT);
        known && !NOT_COMPARED.contains(&key.as_str())
    };
    let of = |tags: &Tags| -> Vec<(String, String)> {
        tags.iter().filter(|(k, _)| compared(k)).map(|(k, v)| (k.clone(), v.clone())).collect()
    };
    of(present) == of(wanted)
}

/// Attributes of the instance of an endpoint. `other` is its address of the other family.
pub(super) fn of(
    object: &CloudMapExport,
    account: &AccountTarget,
    exported: &Exported,
    endpoint: &ReadyEndpoint,
    other: Option<IpAddr>,
    custom_health: bool,
) -> Tags {
    let spec = &object.spec;
    let mut all = Tags::new();
    let mut set = |key: &str, value: &str| drop(all.insert(key.to_owned(), value.to_owned()));
    for address in [Some(endpoint.address), other].into_iter().flatten() {
        set(if address.is_ipv4() { IPV4 } else { IPV6 }, &address.to_string());
    }
    set(PORT, &endpoint.port.to_string());
    if custom_health {
        set(INIT_HEALTH, "HEALTHY");
    }
    if let Some(zone) = &endpoint.zone {
        set("AVAILABILITY_ZONE", zone);
    }
    set("REGION", &account.region);
    set("ENDPOINT_PORT_NAME", &exported.port_name);
    set("ENDPOINT_PROTOCOL", &exported.protocol);
    set(SERVICE_PORT_NAME, &exported.port_name);
    set(SERVICE_PORT, &exported.port.to_string());
    set("SERVICE_TARGET_PORT", &exported.target_port);
    set("SERVICE_PROTOCOL", &exported.protocol);
    set(SERVICE_TYPE, service_type(exported));
    set(CLUSTER, spec.cluster_id.as_deref().unwrap_or(&account.installation));
    set(CLUSTER_SET, cluster_set(object));
    set("READY", "true");
    if let Some(made) = &object.metadata.creation_timestamp {
        set(EXPORTED_AT, &made.0.as_millisecond().to_string());
    }
    set("HOSTNAME", endpoint.hostname.as_deref().unwrap_or_default());
    set("NODENAME", endpoint.node.as_deref().unwrap_or_default());
    set(CONTROLLER, concat!("landbridge ", env!("CARGO_PKG_VERSION")));
    set("PLATFORM", "eks");
    set(OWNER, &owner(object, account));
    all
}

/// The value of [`CLUSTER_SET`].
pub(super) fn cluster_set(object: &CloudMapExport) -> &str {
    object.spec.cluster_set_id.as_deref().unwrap_or("landbridge")
}

/// The value of [`SERVICE_TYPE`].
pub(super) fn service_type(exported: &Exported) -> &'static str {
    if exported.headless { "Headless" } else { "ClusterSetIP" }
}
