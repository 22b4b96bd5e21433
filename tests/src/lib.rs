//! What the end-to-end tests share: a stage with a real control plane, an AWS in the process, and the operator.

// This crate is nothing but tests and what they share: a panic here is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::missing_panics_doc)]

pub mod bare;
pub mod keys;
pub mod kstatus;
pub mod outsider;
pub mod shop;
pub mod stage;
pub mod wire;

pub use keys::Keys;
pub use stage::Stage;
