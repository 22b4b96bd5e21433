//! AWS in a process: what Amazon ECS and the services around it would remember and do, over injected time.
//!
//! One model, three fronts: [`Emulator::respond`] answers an HTTP request without a socket, [`Emulator::serve`] listens on
//! loopback, and [`Emulator::advance`] moves virtual time. Nothing here sleeps or reads a clock of its own, every
//! identifier comes from a seed, and no code is shared with the operator, so the two cannot share a mistake.
//! Behaviour is cited by the page of the AWS API reference or developer guide that documents it.

#[cfg(test)]
mod bench;
mod calls;
mod clock;
mod cloud_map;
mod cloudwatch;
mod codedeploy;
mod cron;
mod ec2;
mod ecr;
mod ecs;
mod eks;
mod elbv2;
mod emulator;
mod events;
mod faults;
mod gateway;
mod iam;
mod identifier;
mod input;
mod logs;
mod page;
mod partial;
mod quotas;
mod refusal;
mod route53;
mod scaling;
mod scheduler;
mod scripts;
#[cfg(feature = "sdk")]
mod sdk;
mod secrets;
mod server;
mod service_quotas;
mod sqs;
mod ssm;
mod sts;
mod tagging;
mod timings;
mod trouble;
mod utilization;
mod wildcard;
mod wire;
mod world;

pub use calls::{Call, Calls};
pub use clock::Clock;
pub use ecs::RunningTask;
pub use elbv2::{Asked, ListenerFacts, Route, RoutedTarget, Share};
pub use emulator::{Builder, Emulator};
pub use faults::{Fault, FaultKind};
pub use gateway::{ConnectionLost, is_region};
pub use partial::Entries;
pub use route53::DnsAnswer;
pub use scripts::{HookAnswer, HookScript, SubnetScript, TargetFate, TargetScript, TaskFate, TaskScript};
pub use server::Server;
pub use timings::Timings;
pub use trouble::Trouble;
pub use utilization::{Course, Utilization};
