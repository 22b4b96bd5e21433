//! A real Kubernetes control plane on this machine, started in seconds and gone without a trace: for `landbridge sandbox`
//! and for every test that wants the API server's own opinion. No container engine is needed.

pub mod args;
pub mod assets;
pub mod backends;
mod certs;
pub mod control_plane;
pub mod data_plane;
mod demo;
pub mod error;
mod go_build;
mod guarded;
pub mod install;
pub mod instructions;
pub mod objects;
mod operator;
mod port;
pub mod progress;
pub mod row;
mod run;
pub mod run_dir;
pub mod sandbox;
mod screen;
pub mod signals;
mod workloads;

use std::sync::Once;

pub use self::{
    args::{Demo, SandboxArgs},
    assets::{Assets, Binary},
    backends::{Addresses, Backend, Backends, Side},
    control_plane::{ControlPlane, Options},
    data_plane::{DataPlane, Listeners},
    error::{Error, Result},
    progress::Progress,
    run::run,
    sandbox::{Sandbox, SandboxOptions},
};

/// Chooses the cryptography of TLS for this process, once; before it, the first TLS connection would panic in a program
/// that links more than one. A choice that was made before stays.
pub fn install_crypto() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // It fails only when the choice was made before, and then there is nothing to do.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    });
}
