//! The scale benchmark: how long until so many new services are Ready, where the time goes, and what it costs.
//!
//! ```text
//! cargo run --profile scale -p landbridge-tests --example scale -- --services 200 --quotas
//! cargo run --profile scale -p landbridge-tests --example scale -- --services 1000
//! ```
//!
//! etcd, kube-apiserver and the operator are processes of their own; AWS is the emulator in this one, over HTTP on
//! loopback. Time is the machine's: AWS's quotas would mean something else under a faster clock.

// A benchmark that cannot go on says so and ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod operator;
mod process;
mod report;
mod shop;

use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use landbridge_emulator::{Emulator, Timings};
use landbridge_sandbox::install::install_crds;
use landbridge_sandbox::{ControlPlane, Options};

use crate::operator::Operator;
use crate::process::Usage;
use crate::report::{ApiServerCalls, Report};

// The operator's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures how quickly new services become Ready.
#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    scene: Scene,
    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(Subcommand)]
enum Part {
    /// The operator's process; the benchmark starts it.
    #[command(hide = true)]
    Operator(Box<landbridge_controller::Config>),
}

#[derive(Args)]
struct Scene {
    /// Services to create.
    #[arg(long, default_value_t = 200, value_name = "N")]
    services: usize,

    /// Enforce the request quotas that AWS publishes.
    #[arg(long)]
    quotas: bool,

    /// Create the services while the operator runs, with so many writers, instead of before it starts.
    #[arg(long, value_name = "WRITERS")]
    live: Option<usize>,

    /// Tasks take as long as on Fargate (the emulator's default), not a few milliseconds.
    #[arg(long)]
    slow_tasks: bool,

    /// Watch the settled services for that many seconds and count the calls of that time.
    #[arg(long, default_value_t = 0, value_name = "SECONDS")]
    steady: u64,

    /// kube-apiserver's GOGC. Go's default is 100; but a new API server's heap is so small that collecting garbage would be
    /// a third of its work, and those of real clusters have grown.
    #[arg(long, default_value_t = 400, value_name = "PERCENT")]
    apiserver_gogc: u32,

    /// The operator's log filter.
    #[arg(long, default_value = "warn", value_name = "FILTER")]
    log: String,

    /// Give up after that many seconds.
    #[arg(long, default_value_t = 900, value_name = "SECONDS")]
    patience: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    landbridge_sandbox::install_crypto();
    match cli.part {
        Some(Part::Operator(config)) => operator::be(*config).await,
        None => measure(&cli.scene).await,
    }
}

async fn measure(scene: &Scene) -> anyhow::Result<()> {
    let apiserver_env = vec![("GOGC", scene.apiserver_gogc.to_string().into())];
    let plane = ControlPlane::start(Options { apiserver_env, ..Options::from_env()? }).await?;
    let client = plane.client().await?;
    install_crds(&client).await?;
    let timings = if scene.slow_tasks { Timings::default() } else { Timings::quick() };
    let emulator = Emulator::builder().timings(timings).quotas(scene.quotas).build();
    let server = emulator.serve(([127, 0, 0, 1], 0).into()).await?;
    shop::open(&client, scene.quotas).await?;
    if scene.live.is_none() {
        let began = Instant::now();
        shop::create_services(&client, scene.services, 16).await?;
        println!(
            "{} objects stored in {:.2} s, before the operator starts",
            scene.services,
            began.elapsed().as_secs_f64()
        );
    }

    let before = ApiServerCalls::read(&client).await?;
    let used = Usage::of_all(std::process::id());
    let mut began = Instant::now();
    let operator = Operator::start(&plane.kubeconfig_path(), &server.url(), &scene.log).await?;
    if let Some(writers) = scene.live {
        operator.until_ready(shop::KIND_OF_PLATFORM, 1, Duration::from_mins(1)).await?;
        began = Instant::now();
        shop::create_services(&client, scene.services, writers).await?;
        println!("{} objects created in {:.2} s, beside the operator", scene.services, began.elapsed().as_secs_f64());
    }
    operator.until_ready("ECSService", scene.services, Duration::from_secs(scene.patience)).await?;
    let took = began.elapsed();
    let used = Usage::of_all(std::process::id()).since(&used);
    let calls = emulator.take_calls();
    let writes = ApiServerCalls::read(&client).await?.since(&before);
    shop::all_are_ready(&client, scene.services).await.context("the metric said that all were ready")?;
    let rss = operator.rss();
    let report = Report { services: scene.services, quotas: scene.quotas, took, calls, writes, used, rss };
    print!("{report}");
    if scene.steady > 0 {
        tokio::time::sleep(Duration::from_secs(scene.steady)).await;
        let calls = emulator.take_calls();
        let writes = calls.writes().len();
        println!("steady for {} s: {writes} AWS writes, {} reads", scene.steady, calls.total() - writes);
    }
    if std::env::var_os("LANDBRIDGE_SCALE_METRICS").is_some() {
        println!("{}", operator.metrics().await?);
    }
    operator.stop().await?;
    server.shutdown().await;
    plane.stop().await;
    Ok(())
}
