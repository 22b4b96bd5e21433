//! Chores of the workspace: what is generated, the walls between the crates, and all tests by one command.
//!
//! Holds no code of Landbridge and depends on none, so that it compiles in seconds; what needs the crates is an example
//! that is built as the tests are, see [`example`].

mod example;
mod tests;
mod walls;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Generates what is generated, checks that nothing drifted, runs the tests")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write the CRDs, their chart copies, the IAM policy and the reference pages.
    Generate,
    /// Fail, naming the files, when one of them is not what `generate` would write.
    Check,
    /// Fail when a crate can reach what its place forbids: the planner a client, anything but landbridge-aws an SDK.
    Walls,
    /// Run every test. Builds the Kubernetes binaries first if they are not in the cache, with progress.
    Test {
        /// Arguments for `cargo test`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

fn main() -> ExitCode {
    match run(&Cli::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> Result<bool> {
    let root = root()?;
    match command {
        Command::Generate => example::run(&root, "artefacts", &["generate"]),
        Command::Check => example::run(&root, "artefacts", &["check"]),
        Command::Walls => walls::check(&root),
        Command::Test { arguments } => tests::run(&root, arguments),
    }
}

/// The workspace's root: two levels above this crate. Cargo says at run time where that is; what it said when this was
/// compiled may be another checkout that shares the target directory.
fn root() -> Result<PathBuf> {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let here = PathBuf::from(here);
    here.ancestors().nth(2).map(PathBuf::from).context("the xtask crate is not inside a workspace")
}
