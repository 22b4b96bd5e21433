//! `cargo xtask test`: what the tests need that cargo does not build, then `cargo test`.

use std::env;
use std::path::Path;
use std::process::Command;
use std::thread;

use anyhow::{Context, Result};

use crate::example;

/// Tests wait for AWS and Kubernetes far more than they compute, so few cores run more of them than cores.
const FEWEST_AT_ONCE: usize = 6;

/// Runs every test; true when all passed.
pub fn run(root: &Path, arguments: &[String]) -> Result<bool> {
    // In a process of its own, so that its progress is seen: inside a test it would be captured.
    if !example::run(root, "assets", &[])? {
        return Ok(false);
    }
    let tests = Command::new(example::cargo())
        // All of them, also after one that fails: who waited for minutes wants to know everything that is wrong.
        .args(["test", "--workspace", "--no-fail-fast"])
        .args(arguments)
        .env("RUST_TEST_THREADS", at_once())
        .current_dir(root)
        .status()
        .context("running cargo test")?;
    Ok(tests.success())
}

/// How many tests run at once, where the caller does not say.
fn at_once() -> String {
    let cores = || thread::available_parallelism().map_or(FEWEST_AT_ONCE, usize::from).max(FEWEST_AT_ONCE);
    env::var("RUST_TEST_THREADS").unwrap_or_else(|_| cores().to_string())
}
