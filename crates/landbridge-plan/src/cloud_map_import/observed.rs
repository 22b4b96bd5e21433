//! What AWS says of the source of an import.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// The endpoints of the source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CloudMapImportObserved {
    /// Whether the source is there at all.
    pub exists: bool,
    /// Its endpoints, in no order.
    pub endpoints: Vec<ImportedEndpoint>,
}

/// An instance of a Cloud Map service, or a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportedEndpoint {
    /// Its address.
    pub address: IpAddr,
    /// The port that it is registered with.
    pub port: Option<u16>,
    /// Availability Zone.
    pub zone: Option<String>,
    /// Where it runs: the CLUSTER_ID of an exporter, or the name of an ECS cluster.
    pub cluster: Option<String>,
    /// Whether it takes new connections.
    pub ready: bool,
    /// Whether it answers.
    pub serving: bool,
    /// Whether it ends.
    pub terminating: bool,
}
