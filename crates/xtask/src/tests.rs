//! `cargo xtask test`: what the tests need that cargo does not build, then `cargo test`.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::example;

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
        .current_dir(root)
        .status()
        .context("running cargo test")?;
    Ok(tests.success())
}
