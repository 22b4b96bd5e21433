//! References of a CloudMapExport, resolved.

use std::net::IpAddr;
use std::sync::Arc;

use landbridge_api::v1alpha1::NamespaceType;
use serde::Serialize;

use crate::account::AccountTarget;
use crate::traffic_migration::Most;

/// Everything that a CloudMapExport takes from other objects, those of Kubernetes among them.
#[derive(Clone, Debug, Serialize)]
pub struct CloudMapExportResolved {
    /// The account of the namespace.
    pub account: Arc<AccountTarget>,
    /// Where in Cloud Map it is exported to.
    pub target: ExportTarget,
    /// What is exported.
    pub source: Source,
    /// How many endpoints are registered at most, where a TrafficMigration says so.
    pub most: Option<Most>,
    /// The object is being deleted and nothing of it is in AWS: no call is to be made.
    pub nothing_in_aws: bool,
}

/// A place in Cloud Map.
#[derive(Clone, Debug, Serialize)]
pub struct ExportTarget {
    /// `ns-…`, or a token while the namespace is planned and not made; empty when the namespace is gone.
    pub namespace_id: String,
    /// Name of the namespace.
    pub namespace_name: String,
    /// Type of the namespace.
    pub namespace_type: NamespaceType,
    /// Name of the Cloud Map service.
    pub name: String,
}

/// What there is to export.
#[derive(Clone, Debug, Serialize)]
pub enum Source {
    /// A Service with a port.
    Found(Exported),
    /// The Service is gone, and its endpoints with it. The text says what to do.
    Missing(String),
    /// The Service is there, and cannot be exported as it is. The text says why, and what to do.
    Unusable(String),
}

/// A port of a Service, and where it is served.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Exported {
    /// `shop/orders`.
    pub service: String,
    /// Whether the Service is headless.
    pub headless: bool,
    /// Name of the port; empty where it has none.
    pub port_name: Box<str>,
    /// Port of the Service.
    pub port: u16,
    /// Port of the pods as the Service says it.
    pub target_port: Box<str>,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: Box<str>,
    /// Endpoints that take new connections, sorted by address.
    pub ready: Vec<ReadyEndpoint>,
    /// How many endpoints there are, ready or not.
    pub endpoints: usize,
    /// Addresses that nobody outside a node can reach.
    pub unroutable: Vec<IpAddr>,
}

/// An endpoint that takes new connections.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ReadyEndpoint {
    /// Address.
    pub address: IpAddr,
    /// Port.
    pub port: u16,
    /// Name of the pod, which joins the two addresses of a dual-stack pod.
    pub pod: Option<Box<str>>,
    /// Availability Zone.
    pub zone: Option<Arc<str>>,
    /// Node.
    pub node: Option<Arc<str>>,
    /// Host name in a headless Service.
    pub hostname: Option<Box<str>>,
}
