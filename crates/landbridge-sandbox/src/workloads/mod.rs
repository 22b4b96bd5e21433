//! Pods that become Ready: kube-controller-manager, kube-scheduler and kwok beside a control plane, and nodes in three zones.
//!
//! No container runs: kwok reports what a kubelet would (`stages.yaml`), so there are no logs, no `kubectl exec`, no volumes
//! and no kube-proxy. What answers under a pod's address is in [`crate::backends`].

mod nodes;
mod skew;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use k8s_openapi::api::core::v1::{Node, ServiceAccount};
use kube::{Api, Client, api::ListParams};
use tokio::time::{Instant, sleep};

use crate::{
    assets::{Assets, Binary},
    error::{Doing, Error, Result},
    guarded::{Guarded, Program, flag},
    progress::Progress,
    run_dir::RunDir,
};

pub(crate) use self::nodes::pod_addresses;

/// How often it is asked whether pods can be made.
const ASK_EVERY: Duration = Duration::from_millis(50);
/// Seconds a program has to end when asked; nothing of what it knows is kept.
const GRACE: u32 = 1;

/// Where the three programs are.
#[derive(Debug)]
pub(crate) struct Programs {
    controller_manager: PathBuf,
    scheduler: PathBuf,
    kwok: PathBuf,
}

impl Programs {
    /// Finds them, after a build of what is nowhere else.
    pub(crate) async fn obtain(assets: &Assets, apiserver: &Path, progress: &Progress) -> Result<Self> {
        let controller_manager = assets.obtain(Binary::KubeControllerManager, progress).await?;
        let scheduler = assets.obtain(Binary::KubeScheduler, progress).await?;
        let kwok = assets.obtain(Binary::Kwok, progress).await?;
        skew::check(apiserver, &[&controller_manager, &scheduler])?;
        Ok(Self { controller_manager, scheduler, kwok })
    }
}

/// The running programs. Dropping it ends them.
#[derive(Debug)]
pub(crate) struct Workloads {
    programs: Vec<Guarded>,
}

impl Workloads {
    /// Starts them in a run directory that has `kubeconfig`, `ca.crt` and a ready API server.
    pub(crate) async fn start(programs: Programs, run: &RunDir, client: &Client, within: Duration) -> Result<Self> {
        let stages = run.path().join("stages.yaml");
        fs::write(&stages, include_str!("stages.yaml")).doing(|| format!("writing {}", stages.display()))?;
        nodes::create(client).await?;
        let programs = vec![
            Guarded::spawn(controller_manager(programs.controller_manager, run), run)?,
            Guarded::spawn(scheduler(programs.scheduler, run), run)?,
            Guarded::spawn(kwok(programs.kwok, run), run)?,
        ];
        let mut workloads = Self { programs };
        workloads.await_ready(client, within).await?;
        Ok(workloads)
    }

    /// An error when one of them has ended by itself.
    pub(crate) fn check_alive(&mut self) -> Result<()> {
        self.programs.iter_mut().try_for_each(Guarded::check_alive)
    }

    /// Until a pod can be made and scheduled: the service account that it needs is there, and no node is tainted any more.
    async fn await_ready(&mut self, client: &Client, within: Duration) -> Result<()> {
        let deadline = Instant::now() + within;
        loop {
            self.check_alive()?;
            if can_make_pods(client).await? {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let log = self.programs.first().map(Guarded::log_tail).unwrap_or_default();
                let what =
                    format!("getting nodes and service accounts ready (the end of the controllers' log:\n{log}\n)");
                return Err(Error::Late { what, after: within });
            }
            sleep(ASK_EVERY).await;
        }
    }
}

impl Drop for Workloads {
    fn drop(&mut self) {
        // All are asked before the first is waited for.
        self.programs.iter_mut().for_each(Guarded::ask_to_stop);
    }
}

async fn can_make_pods(client: &Client) -> Result<bool> {
    let accounts = Api::<ServiceAccount>::namespaced(client.clone(), "default");
    let account = accounts.get_opt("default").await.doing(|| "looking for the service account default")?;
    let nodes = Api::<Node>::all(client.clone()).list(&ListParams::default()).await.doing(|| "listing nodes")?;
    let tainted =
        |node: &Node| node.spec.as_ref().is_some_and(|spec| spec.taints.as_ref().is_some_and(|it| !it.is_empty()));
    Ok(account.is_some() && !nodes.items.iter().any(tainted))
}

fn controller_manager(path: PathBuf, run: &RunDir) -> Program {
    let file = |name: &str| run.path().join(name);
    let args = vec![
        flag("kubeconfig", file("kubeconfig")),
        // Published in every namespace for pods to trust the API server by.
        flag("root-ca-file", file("ca.crt")),
        // It serves nothing: no port.
        flag("secure-port", "0"),
        flag("leader-elect", "false"),
        flag("kube-api-qps", "500"),
        flag("kube-api-burst", "1000"),
        // Somebody is watching; the default is 15 seconds.
        flag("horizontal-pod-autoscaler-sync-period", "5s"),
        flag("profiling", "false"),
    ];
    program("kube-controller-manager", path, args, run)
}

fn scheduler(path: PathBuf, run: &RunDir) -> Program {
    let args = vec![
        flag("kubeconfig", run.path().join("kubeconfig")),
        flag("secure-port", "0"),
        flag("leader-elect", "false"),
        flag("kube-api-qps", "500"),
        flag("kube-api-burst", "1000"),
        flag("profiling", "false"),
    ];
    program("kube-scheduler", path, args, run)
}

fn kwok(path: PathBuf, run: &RunDir) -> Program {
    let args = vec![
        flag("kubeconfig", run.path().join("kubeconfig")),
        flag("config", run.path().join("stages.yaml")),
        flag("manage-all-nodes", "true"),
        flag("node-ip", nodes::ANY_NODE),
        // Of pods on nodes that somebody else makes without a podCIDR.
        flag("cidr", nodes::OTHER_PODS),
        flag("node-lease-duration-seconds", "40"),
    ];
    // It would read a configuration in the user's home as well.
    let home = vec![("KWOK_WORKDIR", run.path().as_os_str().to_owned())];
    Program { env: home, ..program("kwok", path, args, run) }
}

fn program(name: &'static str, path: PathBuf, args: Vec<std::ffi::OsString>, run: &RunDir) -> Program {
    Program { name, path, args, env: Vec::new(), dir: run.path().to_owned(), grace: GRACE }
}
