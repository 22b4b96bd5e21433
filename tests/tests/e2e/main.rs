//! End to end: the operator between a real Kubernetes API and an emulated AWS. One binary, one module for each side of it.

// What the tests share may panic as they may.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bad_input;
mod call_counts;
mod capacity;
mod chart;
mod convert;
mod crash;
mod credentials;
mod docs;
mod drift;
mod exports;
mod fields;
mod gates;
mod imports;
mod in_use;
mod knobs;
mod load_balancer_controller;
mod migration;
mod migration_accounts;
mod migration_calls;
mod migration_cloud_map;
mod migration_deaths;
mod migration_external_dns;
mod migration_hands;
mod multi_cluster;

mod names;
mod neighbour;
mod ordinary_path;
mod pod_roles;
mod pods;
mod references;
mod replicas;
mod rolling;
mod routes;
mod second_pass;
mod story;
