//! The Multi-Cluster Services API (`multicluster.x-k8s.io`, sig-multicluster) as the planner sees it: ServiceExports, which become
//! CloudMapExports, and ServiceImports, which stand beside what a CloudMapImport makes.
//!
//! Its kinds are optional, and served as `v1beta1` or only as `v1alpha1`; the names of the fields used here are the same.

mod export;
mod import;
#[cfg(test)]
mod tests;
mod whole;

pub use export::*;
pub use import::*;
pub use whole::*;

/// The group of its kinds.
pub const GROUP: &str = "multicluster.x-k8s.io";
/// Label on EndpointSlices, and on what else belongs to an imported service: the name of the ServiceImport.
pub const SERVICE_NAME: &str = "multicluster.kubernetes.io/service-name";
/// Label on EndpointSlices: the cluster that their endpoints are in.
pub const SOURCE_CLUSTER: &str = "multicluster.kubernetes.io/source-cluster";
