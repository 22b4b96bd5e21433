//! The operator as a process of its own, so that its memory and its share of the machine can be told.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use landbridge_controller::{Config, Hooks, run, telemetry};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// What the process says on standard output once it is ready, before its address.
const READY: &str = "ready ";

/// Is the operator until standard input ends.
pub async fn be(config: Config) -> anyhow::Result<()> {
    telemetry::start(&config)?;
    let client = kube::Client::try_default().await?;
    let (ready, is_ready) = oneshot::channel();
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(run(config, client, shutdown.clone(), Hooks { ready: Some(ready), ..Hooks::default() }));
    println!("{READY}{}", is_ready.await?);
    let mut rest = String::new();
    tokio::io::stdin().read_to_string(&mut rest).await?;
    shutdown.cancel();
    running.await?
}

/// A running operator. Dropping it kills it.
pub struct Operator {
    child: Child,
    address: SocketAddr,
}

impl Operator {
    /// Starts this program again as the operator, and waits until its watches have listed.
    pub async fn start(kubeconfig: &Path, aws: &str, log: &str) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["operator", "--admin-address", "127.0.0.1:0", "--log", log])
            .env("KUBECONFIG", kubeconfig)
            .env("AWS_ENDPOINT_URL", aws)
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "AKIATEST")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let output = child.stdout.take().context("no standard output")?;
        let said = BufReader::new(output).lines().next_line().await?.context("the operator ended at once")?;
        let address = said.strip_prefix(READY).with_context(|| format!("unexpected output: {said}"))?.parse()?;
        Ok(Self { child, address })
    }

    /// Waits until so many objects of that kind have become Ready. The metric is counted after the status is stored,
    /// and asking for it costs the API server nothing.
    pub async fn until_ready(&self, kind: &str, wanted: usize, patience: Duration) -> anyhow::Result<()> {
        let line = format!("landbridge_rollout_seconds_count{{kind=\"{kind}\"}} ");
        let began = Instant::now();
        loop {
            let metrics = self.metrics().await?;
            let count = metrics.lines().find_map(|l| l.strip_prefix(&line)).map_or(Ok(0), str::parse::<usize>)?;
            if count >= wanted {
                return Ok(());
            }
            if began.elapsed() > patience {
                bail!("after {patience:?} {count} of {wanted} {kind} are ready\n{metrics}");
            }
            // Answering takes the operator a millisecond.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The operator's metrics.
    pub async fn metrics(&self) -> anyhow::Result<String> {
        let mut stream = TcpStream::connect(self.address).await?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        ensure!(answer.starts_with("HTTP/1.1 200"), "the operator answered {answer}");
        Ok(answer)
    }

    /// Memory of the process, in bytes.
    pub fn rss(&self) -> u64 {
        self.child.id().map_or(0, crate::process::rss)
    }

    /// Lets it stop in its own way.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        drop(self.child.stdin.take());
        let status =
            tokio::time::timeout(Duration::from_secs(30), self.child.wait()).await.context("it does not stop")??;
        ensure!(status.success(), "the operator ended with {status}");
        Ok(())
    }
}
