//! The emulator as the AWS SDK for Rust sees it over HTTP: every answer is parsed, and every refusal classified, by the
//! client that the operator uses.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it finds something wrong"
)]

mod cloud_map;
mod cloudwatch;
mod codedeploy;
mod ec2;
mod ecr;
mod ecs;
mod ecs_alarms;
mod ecs_discovery;
mod ecs_hooks;
mod ecs_load_balancing;
mod ecs_matrix;
mod ecs_task_sets;
mod eks;
mod elsewhere;
mod events;
mod fault;
mod fault_batches;
mod fault_tasks;
mod iam;
mod load_balancing;
mod logs;
mod operations;
mod route53;
mod scaling;
mod scheduler;
mod secrets;
mod seed;
mod sts;
mod support;
mod tagging;
