//! The operator: a thin Kubernetes shell around `landbridge-plan` (what to do) and `landbridge-aws` (doing it).
//!
//! From `kubectl apply` to the AWS call in three hops: [`feed`] sees the change and queues the object, [`reconcile`]
//! takes it through resolve, observe, plan and execute, and `landbridge-aws` makes the call. What each kind means is in
//! `landbridge-plan`; [`controllers`] only says who must be told when one changes.

pub mod admin;
mod ambient;
mod api_server;
mod backoff;
pub mod config;
mod context;
mod controllers;
mod crds;
mod events;
mod feed;
mod foreign;
mod guard;
pub mod lease;
mod metrics;
mod mirror;
mod multi_cluster;
mod news;
mod objects;
mod optional;
mod outcome;
mod pass;
mod reconcile;
pub mod run;
mod shards;
mod slots;
mod sweeps;
pub mod telemetry;
mod watch;
mod writer;

pub use config::Config;
pub use run::{Hooks, run};
