//! From custom resources and what AWS says to a [`plan::Plan`]. Pure: no I/O, no clock, no client.
//!
//! One planner serves the operator, the CLI and the tests. It is total (bad input is a refusal, waiting is a wait,
//! neither is an error) and deterministic.
#![deny(missing_docs)]

pub mod account;
pub mod adoption;
pub mod aws_account;
pub mod canonical;
pub mod change;
pub mod cloud_map_export;
pub mod cloud_map_import;
pub mod cloud_map_namespace;
pub mod cloud_map_service;
pub mod convert;
pub mod diff;
pub mod ecs_cluster;
pub mod ecs_service;
pub mod hash;
pub mod iam_task_role;
pub mod kind;
pub mod kubernetes;
pub mod multi_cluster;
pub mod objects;
pub mod owner;
pub mod plan;
pub mod policy;
pub mod policy_document;
pub mod redact;
pub mod render;
pub mod tags;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod token;
pub mod traffic_migration;
pub mod units;
pub mod verdict;
