//! `cargo xtask test`: what the tests need that cargo does not build, then `cargo test`.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

/// Runs every test; true when all passed.
pub fn run(root: &Path, arguments: &[String]) -> Result<bool> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    // In a process of its own, so that its progress is seen: inside a test it would be captured.
    let assets = Command::new(&cargo)
        .args(["run", "--quiet", "--package", "landbridge-sandbox", "--example", "assets"])
        .current_dir(root)
        .status()
        .context("preparing the Kubernetes binaries")?;
    if !assets.success() {
        return Ok(false);
    }
    let tests = Command::new(&cargo)
        .args(["test", "--workspace"])
        .args(arguments)
        .current_dir(root)
        .status()
        .context("running cargo test")?;
    Ok(tests.success())
}
