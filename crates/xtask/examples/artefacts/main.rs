//! Writes every file that is made from the code, or with `check` fails when one differs: what `cargo xtask generate` and
//! `cargo xtask check` run. An example, so that `xtask` itself needs no SDK and compiles in seconds.

mod artefact;
mod convert;
mod crds;
mod policy;
mod reference;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use artefact::Artefact;

fn main() -> ExitCode {
    match run(std::env::args().nth(1).as_deref()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Option<&str>) -> Result<bool> {
    let root = root()?;
    match command {
        Some("generate") => generate(&root),
        Some("check") => check(&root),
        _ => bail!("run this through `cargo xtask generate` or `cargo xtask check`"),
    }
}

fn generate(root: &Path) -> Result<bool> {
    let artefacts = all()?;
    for artefact in &artefacts {
        artefact.write(root)?;
    }
    println!("{} files are up to date", artefacts.len());
    Ok(true)
}

fn check(root: &Path) -> Result<bool> {
    let artefacts = all()?;
    let stale: Vec<_> = artefacts.iter().filter(|a| !a.is_current(root)).collect();
    for artefact in &stale {
        eprintln!("{} is stale: run `cargo xtask generate` and commit it", artefact.path);
    }
    println!("{} of {} generated files are current", artefacts.len() - stale.len(), artefacts.len());
    Ok(stale.is_empty())
}

fn all() -> Result<Vec<Artefact>> {
    let mut artefacts = crds::artefacts()?;
    artefacts.extend(reference::artefacts()?);
    artefacts.extend(policy::artefacts()?);
    artefacts.extend(convert::artefacts()?);
    Ok(artefacts)
}

/// The workspace's root: two levels above the crate that cargo runs, which is this one.
fn root() -> Result<PathBuf> {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let here = PathBuf::from(here);
    here.ancestors().nth(2).map(PathBuf::from).context("the xtask crate is not inside a workspace")
}
