//! Puts the programs of the control plane, of its pods, and Helm, into the cache, with progress: what `cargo xtask test` does first.

use landbridge_sandbox::{Assets, Binary, Progress, Result};

#[tokio::main]
async fn main() -> Result<()> {
    let assets = Assets::from_env()?;
    let cluster = [Binary::KubeApiserver, Binary::Kubectl, Binary::KubeControllerManager, Binary::KubeScheduler];
    for binary in cluster.into_iter().chain([Binary::Kwok, Binary::Helm]) {
        let path = assets.obtain(binary, &Progress::stderr()).await?;
        println!("{}: {}", binary.name(), path.display());
    }
    Ok(())
}
