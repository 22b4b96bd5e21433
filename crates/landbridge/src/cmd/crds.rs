//! `landbridge crds`.

use std::io::Write as _;

use anyhow::{Context as _, Result};

use crate::exit::Exit;

/// Prints the CustomResourceDefinitions as one YAML stream.
pub fn print() -> Result<Exit> {
    let mut out = std::io::stdout().lock();
    for crd in landbridge_api::crd::crds()? {
        let text = serde_saphyr::to_string(&crd).context("writing YAML")?;
        write!(out, "---\n{text}").context("writing to standard output")?;
    }
    Ok(Exit::Ok)
}
