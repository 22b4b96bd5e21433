//! Contract tests of ECS: each call goes through the wire, over manual time.

mod cluster;
mod deployment;
mod service;
mod support;
mod task;
mod task_definition;
