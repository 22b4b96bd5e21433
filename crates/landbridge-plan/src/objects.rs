//! The other custom resources that an object may refer to, as one pass sees them.
//!
//! The operator answers from its watches, the CLI from its files; the planner cannot tell which.

use std::collections::BTreeMap;
use std::sync::Arc;

use landbridge_api::v1alpha1::{
    CloudMapExport, CloudMapImport, CloudMapNamespace, EcsCluster, EcsService, IamTaskRole, TrafficMigration,
};

use crate::account::AccountTarget;
use crate::kubernetes::{EndpointSlice, ForeignKind, ForeignObject, KubernetesService};
use crate::multi_cluster::ServiceImports;
use crate::plan::Unmet;

mod snapshot;

pub use snapshot::{Held, Snapshot};

/// Lookups of referenced objects, and of who refers to an object.
pub trait Objects {
    /// The account of that name. Without a name: the AWSAccount called `default`, or if there is none the process's
    /// own AWS environment.
    ///
    /// # Errors
    /// Not there, or its credentials have not been proved yet.
    fn account(&self, name: Option<&str>) -> Result<Arc<AccountTarget>, Unmet>;
    /// Identity of this installation, as ownership tags and annotations carry it.
    fn installation(&self) -> String;
    /// The ECSCluster of that name.
    fn ecs_cluster(&self, name: &str) -> Option<Arc<EcsCluster>>;
    /// The CloudMapNamespace of that name.
    fn cloud_map_namespace(&self, name: &str) -> Option<Arc<CloudMapNamespace>>;
    /// The IAMTaskRole of that namespace and name.
    fn iam_task_role(&self, namespace: &str, name: &str) -> Option<Arc<IamTaskRole>>;
    /// The ECSService of that namespace and name.
    fn ecs_service(&self, namespace: &str, name: &str) -> Option<Arc<EcsService>>;
    /// The Kubernetes Service of that namespace and name.
    ///
    /// # Errors
    /// Services are not known yet, or may not be read.
    fn kubernetes_service(&self, namespace: &str, name: &str) -> Result<Option<Arc<KubernetesService>>, Unmet>;
    /// The EndpointSlices of the Kubernetes Service of that namespace and name, sorted by their names.
    ///
    /// # Errors
    /// EndpointSlices are not known yet, or may not be read.
    fn endpoint_slices(&self, namespace: &str, service: &str) -> Result<Vec<Arc<EndpointSlice>>, Unmet>;
    /// What the cluster has of ServiceImports of the Multi-Cluster Services API, and the one of that namespace and name.
    ///
    /// # Errors
    /// ServiceImports are not known yet, or may not be read.
    fn service_imports(&self, namespace: &str, name: &str) -> Result<ServiceImports, Unmet>;
    /// The objects of a kind that others define, in a namespace, sorted by their names.
    ///
    /// # Errors
    /// They are not known yet, may not be read, or the cluster has no such kind.
    fn foreign(&self, kind: &'static ForeignKind, namespace: &str) -> Result<Vec<Arc<ForeignObject>>, Unmet>;
    /// The CloudMapImports of a namespace, in the order of their names.
    fn cloud_map_imports(&self, namespace: &str) -> Vec<Arc<CloudMapImport>>;
    /// Namespaces that hold an IAMTaskRole of that name; only for the message that a reference cannot cross namespaces.
    fn namespaces_with_iam_task_role(&self, name: &str) -> Vec<String>;
    /// Labels of a Kubernetes namespace.
    fn namespace_labels(&self, namespace: &str) -> BTreeMap<String, String>;
    /// Objects that refer to this ECSCluster, as `ECSService shop/web`.
    fn users_of_ecs_cluster(&self, name: &str) -> Vec<String>;
    /// Objects that refer to this CloudMapNamespace.
    fn users_of_cloud_map_namespace(&self, name: &str) -> Vec<String>;
    /// Objects that refer to this IAMTaskRole.
    fn users_of_iam_task_role(&self, namespace: &str, name: &str) -> Vec<String>;
    /// Objects that refer to this AWSAccount.
    fn users_of_account(&self, name: &str) -> Vec<String>;
    /// The TrafficMigrations of a namespace, in the order of their names.
    fn traffic_migrations(&self, namespace: &str) -> Vec<Arc<TrafficMigration>>;
    /// The CloudMapExports of a namespace, in the order of their names.
    fn cloud_map_exports(&self, namespace: &str) -> Vec<Arc<CloudMapExport>>;
}
