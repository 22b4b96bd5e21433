//! Which crate may reach what. A crate's `Cargo.toml` is its wall; this reads what cargo makes of it.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// A crate, and the prefixes of packages that it must not reach by any way.
const WALLS: &[(&str, &[&str])] = &[
    ("landbridge-api", &["tokio", "kube-client", "kube-runtime", "aws-", "hyper"]),
    ("landbridge-plan", &["tokio", "kube-client", "kube-runtime", "aws-", "hyper", "tracing"]),
    ("landbridge-aws", &["kube-client", "kube-runtime"]),
    ("landbridge-emulator", &["landbridge-api", "landbridge-plan", "landbridge-aws", "kube"]),
];

/// Prints every breach; true when there is none.
pub fn check(root: &Path) -> Result<bool> {
    let mut breaches = 0;
    for (package, forbidden) in WALLS {
        for reached in reach(root, package)? {
            if let Some(rule) = forbidden.iter().find(|f| matches(&reached, f)) {
                eprintln!(
                    "{package} reaches {reached}, which its wall forbids ({rule}): see `cargo tree -p {package} -i {reached}`"
                );
                breaches += 1;
            }
        }
    }
    println!("{} walls, {breaches} breaches", WALLS.len());
    Ok(breaches == 0)
}

/// A prefix that ends in a dash covers a family, any other one package.
fn matches(package: &str, rule: &str) -> bool {
    if rule.ends_with('-') { package.starts_with(rule) } else { package == rule }
}

fn reach(root: &Path, package: &str) -> Result<Vec<String>> {
    let cargo = crate::example::cargo();
    let output = Command::new(cargo)
        .args(["tree", "--package", package, "--edges", "normal", "--prefix", "none", "--format", "{p}"])
        .current_dir(root)
        .output()
        .context("running cargo tree")?;
    if !output.status.success() {
        bail!("cargo tree of {package} failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let mut packages: Vec<_> = text.lines().filter_map(|l| l.split_whitespace().next()).map(str::to_owned).collect();
    packages.sort();
    packages.dedup();
    Ok(packages)
}
