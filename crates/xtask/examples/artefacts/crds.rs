//! `crds/<plural>.yaml`, and the copies that the chart renders.

use anyhow::{Context, Result};
use landbridge_api::crd::crds;
use serde_json::Value;

use crate::artefact::Artefact;

const HEADER: &str = "# Made by `cargo xtask generate` from crates/landbridge-api. Do not edit.\n";

/// The CRD files.
pub fn artefacts() -> Result<Vec<Artefact>> {
    let mut artefacts = Vec::new();
    for crd in crds().context("deriving the CRDs")? {
        let plural = crd["spec"]["names"]["plural"].as_str().context("a CRD without a plural")?;
        artefacts.push(Artefact::new(format!("crds/{plural}.yaml"), format!("{HEADER}{}", yaml(&crd)?)));
        artefacts.push(Artefact::new(format!("charts/landbridge/files/crds/{plural}.yaml"), yaml(&chart_copy(&crd))?));
    }
    Ok(artefacts)
}

/// Helm must not delete CRDs, and with them every object, when a release is uninstalled.
fn chart_copy(crd: &Value) -> Value {
    let mut crd = crd.clone();
    crd["metadata"]["annotations"]["helm.sh/resource-policy"] = Value::from("keep");
    crd
}

fn yaml(value: &Value) -> Result<String> {
    serde_saphyr::to_string(value).context("writing YAML")
}
