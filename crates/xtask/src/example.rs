//! Builds and runs an example of the workspace with the features that `cargo test --workspace` has. By
//! `cargo run --package` it would have fewer, and the whole AWS SDK would be compiled once more.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// Runs the example; true when it ended well. Cargo's progress goes to stderr.
pub fn run(root: &Path, name: &str, arguments: &[&str]) -> Result<bool> {
    let program = build(root, name)?;
    let status = Command::new(&program)
        .args(arguments)
        .current_dir(root)
        .status()
        .with_context(|| format!("running {}", program.display()))?;
    Ok(status.success())
}

fn build(root: &Path, name: &str) -> Result<PathBuf> {
    let built = Command::new(cargo())
        .args(["build", "--workspace", "--example", name, "--message-format=json-render-diagnostics"])
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .context("running cargo build")?;
    if !built.status.success() {
        bail!("the example {name} does not build");
    }
    String::from_utf8_lossy(&built.stdout)
        .lines()
        .find_map(|line| program(line, name))
        .with_context(|| format!("cargo did not say where the example {name} is"))
}

/// Path of the example, if that line of cargo's tells of it.
fn program(line: &str, name: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(line).ok()?;
    let target = &message["target"];
    let is_it = target["name"] == name && target["kind"][0] == "example";
    message["executable"].as_str().filter(|_| is_it).map(PathBuf::from)
}

/// The cargo that runs us.
pub fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}
