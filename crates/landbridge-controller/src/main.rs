//! `landbridge-controller`: the operator as a process. Outside a cluster it needs only `KUBECONFIG` and AWS's own environment.

use anyhow::Context as _;
use clap::Parser;
use landbridge_controller::{Config, Hooks, run, telemetry};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

// Gives the memory of the first listing back to the system, which glibc's allocator does not.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Converges Amazon ECS services, Cloud Map namespaces and IAM task roles to what custom resources say.
#[derive(Parser)]
#[command(name = "landbridge-controller", version)]
struct Cli {
    #[command(flatten)]
    config: Config,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let config = Cli::parse().config;
    telemetry::start(&config)?;
    // kube and the AWS SDK share rustls, which must be told once which cryptography to use.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        tracing::debug!("a TLS provider is installed already");
    }
    let mut settings =
        kube::Config::infer().await.context("no Kubernetes configuration: set KUBECONFIG, or run in a pod")?;
    let client = kube::Client::try_from(settings.clone())?;
    // A lease call that is retried for minutes is worse than one that fails: the lease has own deadlines.
    settings.default_retry = false;
    let lease_client = kube::Client::try_from(settings)?;
    let shutdown = CancellationToken::new();
    tokio::spawn(cancel_on_signal(shutdown.clone())?);
    run(config, client, shutdown, Hooks { lease_client: Some(lease_client), ..Hooks::default() }).await
}

/// Cancels at the first SIGTERM or Ctrl-C; a second one ends the process at once.
fn cancel_on_signal(shutdown: CancellationToken) -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if shutdown.is_cancelled() {
                tracing::warn!("second signal: ending at once");
                std::process::exit(130);
            }
            shutdown.cancel();
        }
    })
}
