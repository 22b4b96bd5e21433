//! The kinds of Landbridge: their schema, their validation rules, their conditions, and every label, annotation
//! and tag string. Nothing here talks to Kubernetes or to AWS.
#![deny(missing_docs)]

pub mod common;
pub mod condition;
pub mod crd;
pub mod ecs;
pub mod names;
pub mod v1alpha1;

pub use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
