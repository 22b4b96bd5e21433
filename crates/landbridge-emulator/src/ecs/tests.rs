//! Contract tests of ECS: each call goes through the wire, over manual time.

// Requests are written in place with `json!`, which a reference would only clutter.
#![allow(clippy::needless_pass_by_value)]

mod addresses;
mod capacity_provider;
mod cluster;
mod deployment;
mod hook;
mod protection;
mod service;
mod spot;
mod support;
mod task;
mod task_definition;
mod task_set;
mod walk;
mod zones;
