//! AWS: observing what is there and executing what a plan says. The only crate that links the AWS SDK.
//!
//! The way of a call: [`operations`] names it, [`budget`] paces it, the lease is checked, it is sent, and [`error`]
//! says what an error means. Deciding what to do is the business of `landbridge-plan`.

mod batcher;
pub mod budget;
mod call;
mod client;
mod clock;
mod codec;
mod describe;
mod elbv2;
#[cfg(test)]
mod emulator_tests;
mod error;
pub mod execute;
mod facts;
mod gates;
mod host;
mod in_flight;
mod kubernetes;
mod memory;
pub mod observe;
mod observer;
pub mod operations;
mod reader;
mod recent;
pub mod round;
mod route53;
mod scaling;
pub mod sweep;

pub use client::{Aws, AwsPool};
pub use clock::Clock;
pub use error::AwsError;
pub use kubernetes::{Kubernetes, NoKubernetes, Written};
pub use observer::{Alone, Fence, Observer};
