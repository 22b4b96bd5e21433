//! Version `v1alpha1` of every kind, one file a kind.

// Each printer column repeats the names of the derive's own keys.
#![allow(clippy::duplicated_attributes)]

pub mod aws_account;
pub mod cloud_map_export;
pub mod cloud_map_import;
pub mod cloud_map_namespace;
pub mod ecs_cluster;
pub mod ecs_service;
pub mod iam_task_role;
pub mod migration_backend;
pub mod migration_gates;
pub mod migration_status;
pub mod traffic_migration;

pub use aws_account::*;
pub use cloud_map_export::*;
pub use cloud_map_import::*;
pub use cloud_map_namespace::*;
pub use ecs_cluster::*;
pub use ecs_service::*;
pub use iam_task_role::*;
pub use migration_backend::*;
pub use migration_gates::*;
pub use migration_status::*;
pub use traffic_migration::*;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

/// The CustomResourceDefinitions as derived from the types, in the order in which they should be applied.
pub fn derived_crds() -> Vec<CustomResourceDefinition> {
    vec![
        AwsAccount::crd(),
        EcsCluster::crd(),
        CloudMapNamespace::crd(),
        IamTaskRole::crd(),
        EcsService::crd(),
        CloudMapExport::crd(),
        CloudMapImport::crd(),
        TrafficMigration::crd(),
    ]
}
