//! The benchmark of emulators: how quickly each starts, what it holds in memory, and how quickly it answers.
//!
//! ```text
//! cargo build --profile scale -p landbridge
//! cargo run --profile scale -p landbridge-tests --example emulators -- \
//!     --program 'landbridge=target/scale/landbridge emulator --listen 127.0.0.1:{port}' \
//!     --program 'moto=moto_server -H 127.0.0.1 -p {port}'
//! ```
//!
//! Every program gets the same requests, one after the other over one connection where it keeps it. Answers are read whole, not parsed.

// A benchmark that cannot go on says so and ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod client;
mod program;
mod shop;

use std::time::Duration;

use clap::Parser;

use crate::program::Program;
use crate::shop::Rate;

/// Compares emulators of AWS.
#[derive(Parser)]
struct Cli {
    /// An emulator: its name and the command that starts it, with {port} where its port belongs.
    #[arg(long, required = true, value_name = "NAME=COMMAND")]
    program: Vec<String>,

    /// Services for the second look.
    #[arg(long, default_value_t = 5000, value_name = "N")]
    services: usize,

    /// How long each rate of reads is measured.
    #[arg(long, default_value_t = 3, value_name = "SECONDS")]
    seconds: u64,
}

/// What was measured of one program.
struct Figures {
    name: String,
    start: Duration,
    empty: u64,
    few: Rate,
    create: f64,
    many: Rate,
    full: u64,
    answer: usize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let mut all = Vec::new();
    for program in &cli.program {
        let (name, command) = program.split_once('=').unwrap_or((program, program));
        eprintln!("{name} ...");
        all.push(measure(name, command, &cli).await?);
    }
    print(&all, cli.services);
    Ok(())
}

async fn measure(name: &str, command: &str, cli: &Cli) -> anyhow::Result<Figures> {
    let (program, start) = Program::start(command).await?;
    let empty = program.memory();
    let time = Duration::from_secs(cli.seconds);
    let mut shop = shop::Shop::open(&program).await?;
    shop.create(10).await?;
    let few = shop.describe(time).await?;
    let create = shop.create(cli.services.saturating_sub(10)).await?;
    let many = shop.describe(time).await?;
    let answer = shop.answer_bytes();
    Ok(Figures { name: name.to_owned(), start, empty, few, create, many, full: program.memory(), answer })
}

#[expect(clippy::cast_precision_loss, reason = "memory of a process, in megabytes")]
fn print(all: &[Figures], services: usize) {
    println!(
        "| emulator | start | memory, empty | DescribeServices of 10, a second (p50, p99) | CreateService, a second | \
         DescribeServices of 10 among {services} | memory with {services} | bytes of that answer |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for it in all {
        println!(
            "| {} | {:.2} s | {:.0} MB | {} | {:.0} | {} | {:.0} MB | {} |",
            it.name,
            it.start.as_secs_f64(),
            it.empty as f64 / 1e6,
            it.few,
            it.create,
            it.many,
            it.full as f64 / 1e6,
            it.answer,
        );
    }
}
