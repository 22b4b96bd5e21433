//! The programs of others: how they are built, and a running one.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use landbridge_emulator::Server;
use landbridge_tests::{Stage, repository};
use tokio::process::Child;

/// The package of the controller's main function.
const CONTROLLER: &str = "github.com/aws/aws-cloud-map-mcs-controller-for-k8s";

/// Where a program is: in the folder that is named, or built from its Go modules.
pub fn find(program: &str) -> PathBuf {
    if let Some(folder) = env::var_os("LANDBRIDGE_INTEROP").filter(|folder| !folder.is_empty()) {
        let found = PathBuf::from(folder).join(program);
        assert!(found.exists(), "there is no {}, which LANDBRIDGE_INTEROP names", found.display());
        return found;
    }
    let is_a_module = repository().join("tests/interop").join(program).exists();
    assert!(
        is_a_module,
        "{program} is not to be had as a Go module: name a folder that has it with LANDBRIDGE_INTEROP"
    );
    built(program)
}

/// Builds it with Go, which does nothing where it has been built.
fn built(program: &str) -> PathBuf {
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.unwrap_or_else(|| PathBuf::from(env::var_os("HOME").expect("HOME")).join(".cache"));
    let folder = cache.join("landbridge/interop");
    fs::create_dir_all(&folder).unwrap();
    let binary = folder.join(program);
    let package = if program == "mcs-controller" { CONTROLLER } else { "." };
    let source = repository().join("tests/interop").join(program);
    let mut go = Command::new("go");
    go.args(["build", "-mod=readonly", "-trimpath", "-o"]).arg(&binary).arg(package).current_dir(source);
    let status = go.status().expect("Go builds the programs of others: install it, or name a folder that has them");
    assert!(status.success(), "{program} was not built");
    binary
}

/// The environment of a program whose AWS is the emulator. AWS's SDK for Go puts `data-` before the host of DiscoverInstances,
/// whatever the endpoint is, so the endpoint is a name that nobody resolves, and the emulator the proxy that leads there.
pub fn aws(server: &Server) -> [(&'static str, String); 5] {
    [
        ("AWS_ENDPOINT_URL", "http://aws.test".to_owned()),
        ("HTTP_PROXY", server.url()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "sandbox".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "sandbox".to_owned()),
    ]
}

/// The emulator of a stage on a socket of its own.
pub async fn serve(stage: &Stage) -> Server {
    stage.emulator.serve(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap()
}

/// A program that runs until it is dropped.
pub struct Running {
    child: Child,
    log: PathBuf,
}

impl Running {
    /// Starts it with nothing in its environment but this. What it says goes to a file in `folder`.
    pub fn start(program: &Path, arguments: &[&str], environment: &[(&str, String)], folder: &Path) -> Self {
        let log = folder.join("log");
        let (out, errors) = (fs::File::create(&log).unwrap(), fs::OpenOptions::new().append(true).open(&log).unwrap());
        let mut command = tokio::process::Command::new(program);
        command.args(arguments).env_clear().env("HOME", folder).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(out).stderr(errors);
        for (key, value) in environment {
            command.env(key, value);
        }
        Self { child: command.spawn().unwrap(), log }
    }

    /// What it has said so far.
    pub fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Ends it.
    pub async fn end(mut self) {
        assert!(self.child.try_wait().unwrap().is_none(), "it has ended by itself:\n{}", self.said());
        self.child.kill().await.unwrap();
    }
}
