//! References of a CloudMapImport, resolved, and what it has made in Kubernetes.

use std::sync::Arc;

use serde::Serialize;

use crate::account::AccountTarget;
use crate::kubernetes::{EndpointSlice, KubernetesService};
use crate::multi_cluster::ServiceImports;

/// Everything that a CloudMapImport takes from other objects, and the Service and slices of its name.
#[derive(Clone, Debug, Serialize)]
pub struct CloudMapImportResolved {
    /// The account of the source.
    pub account: Arc<AccountTarget>,
    /// Where the endpoints are found.
    pub source: ImportedFrom,
    /// The Kubernetes Service of the wanted name, whoever made it.
    #[serde(skip)]
    pub service: Option<Arc<KubernetesService>>,
    /// The EndpointSlices of that Service, whoever made them.
    #[serde(skip)]
    pub slices: Vec<Arc<EndpointSlice>>,
    /// What the cluster has of ServiceImports, where the import asks for one or has made one.
    #[serde(skip)]
    pub service_imports: Option<ServiceImports>,
}

/// Where the endpoints are found.
#[derive(Clone, Debug, Serialize)]
pub enum ImportedFrom {
    /// In a Cloud Map service.
    CloudMap {
        /// `ns-…`, or a token while the namespace is planned and not made.
        namespace_id: String,
        /// Name of the namespace.
        namespace_name: String,
        /// Name of the service.
        service: String,
    },
    /// Among the tasks of an ECS service.
    Ecs {
        /// Name of the cluster.
        cluster: String,
        /// Name of the service.
        service: String,
        /// Whether no task is about to come or go, as far as its object's status says.
        #[serde(skip)]
        settled: bool,
    },
    /// What it refers to is gone, or the import is being deleted. The text says what to do.
    Gone(String),
}
