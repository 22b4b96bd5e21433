//! Serves an emulated AWS on loopback, for the AWS CLI, boto3 or anything else that takes an endpoint.
//!
//! `cargo run -p landbridge-emulator --example serve -- --speed 10`

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Parser;
use landbridge_emulator::Emulator;

/// AWS in a process: ECS, Cloud Map, IAM, STS and CloudWatch Logs.
#[derive(Debug, Parser)]
struct Options {
    /// Loopback address and port; port 0 is any free one.
    #[arg(long, default_value = "127.0.0.1:4570")]
    listen: SocketAddr,
    /// Virtual seconds per second.
    #[arg(long, default_value_t = 1.0)]
    speed: f64,
    /// Enforce AWS's published request quotas.
    #[arg(long)]
    quotas: bool,
    /// Account of credentials that name no other.
    #[arg(long, default_value = "000000000000")]
    account: String,
    /// Region of signatures that name no other.
    #[arg(long, default_value = "us-east-1")]
    region: String,
    /// Where identifiers and chance come from.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let filter = tracing_subscriber::EnvFilter::from_default_env();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let emulator = Emulator::builder()
        .account(options.account)
        .region(options.region)
        .speed(options.speed)
        .quotas(options.quotas)
        .seed(options.seed)
        .build();
    let server = match emulator.serve(options.listen).await {
        Ok(server) => server,
        Err(error) => {
            eprintln!("cannot listen on {}: {error}", options.listen);
            return ExitCode::FAILURE;
        }
    };
    println!("export AWS_ENDPOINT_URL={}", server.url());
    if let Err(error) = tokio::signal::ctrl_c().await {
        eprintln!("cannot wait for Ctrl-C: {error}");
    }
    server.shutdown().await;
    for (action, count) in emulator.calls().by_action() {
        eprintln!("{count:>8}  {action}");
    }
    ExitCode::SUCCESS
}
