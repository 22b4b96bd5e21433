//! `kubectl landbridge`: the same program, found and started by a real kubectl against a real API server.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use landbridge_sandbox::install::{install_crds, seed};
use landbridge_sandbox::{Assets, Binary, ControlPlane, Options, Progress};
use tempfile::TempDir;

use crate::bench::Ran;

/// Where the plugin is, and a kubectl.
struct Plugin {
    kubectl: PathBuf,
    folder: PathBuf,
    home: TempDir,
}

impl Plugin {
    async fn new() -> Self {
        let assets = Assets::from_env().unwrap();
        let kubectl = assets.obtain(Binary::Kubectl, &Progress::stderr()).await.unwrap();
        let home = TempDir::new().unwrap();
        // Alone in a folder, as an installation has it; cargo's holds files that kubectl takes for broken plugins.
        let folder = home.path().join("bin");
        fs::create_dir(&folder).unwrap();
        symlink(env!("CARGO_BIN_EXE_kubectl-landbridge"), folder.join("kubectl-landbridge")).unwrap();
        Self { kubectl, folder, home }
    }

    fn kubectl(&self, kubeconfig: &Path, args: &[&str]) -> Ran {
        let mut command = Command::new(&self.kubectl);
        command.args(args).env_clear().env("PATH", &self.folder).env("HOME", self.home.path());
        command.env("KUBECONFIG", kubeconfig).current_dir(self.home.path());
        Ran::of(&command.output().unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_finds_the_program_as_its_plugin_and_both_see_the_same_cluster() {
    landbridge_sandbox::install_crypto();
    let plane = ControlPlane::start(Options::from_env().unwrap()).await.unwrap();
    let client = plane.client().await.unwrap();
    install_crds(&client).await.unwrap();
    seed(&client).await.unwrap();
    let (plugin, config) = (Plugin::new().await, plane.kubeconfig_path());
    let run = |args: &[&str]| plugin.kubectl(&config, args);

    run(&["plugin", "list"]).ended(0).shows("kubectl-landbridge");
    run(&["landbridge", "--help"]).ended(0).shows("Usage: kubectl landbridge");
    run(&["landbridge", "get", "ecsservice", "-n", "shop"]).ended(0).shows("ECSService   shop        orders   Unknown");
    run(&["landbridge", "get", "all", "-A", "-o", "name"]).ended(0).shows("ecsservices.landbridge.dev/web");
    run(&["landbridge", "describe", "ecsservice/web", "-n", "shop"]).ended(0).shows("is the operator running?");
    run(&["landbridge", "describe", "ecsservice/nowhere", "-n", "shop"])
        .ended(1)
        .told("there is no ECSService nowhere in namespace shop");
    // What it prints is what kubectl takes.
    let crds = run(&["landbridge", "crds"]).ended(0).out;
    let file = plugin.home.path().join("crds.yaml");
    fs::write(&file, crds).unwrap();
    run(&["apply", "-f", file.to_str().unwrap()]).ended(0).shows("ecsservices.landbridge.dev configured");
    plane.stop().await;
}
