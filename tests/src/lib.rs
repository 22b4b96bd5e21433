//! What the end-to-end tests share: a stage with a real control plane, an AWS in the process, and the operator.

// This crate is nothing but tests and what they share: a panic here is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::missing_panics_doc)]

pub mod answering;
pub mod bare;
pub mod bridge;
pub mod deaths;
pub mod gateway;
pub mod keys;
pub mod kstatus;
pub mod multi_cluster;
pub mod outsider;
pub mod shop;
pub mod stage;
pub mod wire;

pub use keys::Keys;
pub use stage::Stage;

/// The repository. Cargo says where at run time; what it said when this was compiled may be another checkout that shares
/// the target directory.
pub fn repository() -> std::path::PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    std::path::Path::new(&here).parent().unwrap().to_owned()
}
