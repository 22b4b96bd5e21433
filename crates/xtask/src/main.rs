//! Everything in the tree that is made from something else: `cargo xtask generate` writes it, `cargo xtask check`
//! fails when a file differs from what would be written.

mod artefact;
mod crds;
mod policy;
mod reference;
mod tests;
mod walls;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use artefact::Artefact;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Generates what is generated, and checks that nothing drifted")]
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
        Command::Generate => {
            let artefacts = all()?;
            for artefact in &artefacts {
                artefact.write(&root)?;
            }
            println!("{} files are up to date", artefacts.len());
            Ok(true)
        }
        Command::Check => {
            let artefacts = all()?;
            let stale: Vec<_> = artefacts.iter().filter(|a| !a.is_current(&root)).collect();
            for artefact in &stale {
                eprintln!("{} is stale: run `cargo xtask generate` and commit it", artefact.path);
            }
            println!("{} of {} generated files are current", artefacts.len() - stale.len(), artefacts.len());
            Ok(stale.is_empty())
        }
        Command::Walls => walls::check(&root),
        Command::Test { arguments } => tests::run(&root, arguments),
    }
}

fn all() -> Result<Vec<Artefact>> {
    let mut artefacts = crds::artefacts()?;
    artefacts.extend(reference::artefacts()?);
    artefacts.extend(policy::artefacts()?);
    Ok(artefacts)
}

/// The workspace's root: two levels above this crate.
fn root() -> Result<PathBuf> {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).map(PathBuf::from).context("the xtask crate is not inside a workspace")
}
