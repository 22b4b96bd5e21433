//! One file a command. Data goes to standard output, everything else to standard error.

mod apply;
mod convert;
mod crds;
mod describe;
mod emulator;
mod get;
mod migrate;
mod plan;

use std::io::Write as _;

use anyhow::{Context as _, Result};
use clap::CommandFactory as _;

use crate::cli::{Cli, Command};
use crate::exit::Exit;

/// Runs a command.
pub async fn run(command: Command) -> Result<Exit> {
    match command {
        Command::Plan(args) => plan::plan(&args).await,
        Command::Diff(args) => plan::diff(&args).await,
        Command::Apply(args) => apply::apply(&args).await,
        Command::Delete(args) => apply::delete(&args).await,
        Command::Get(args) => get::get(&args).await,
        Command::Describe(args) => describe::describe(&args).await,
        Command::Migrate(args) => migrate::migrate(&args).await,
        Command::Sandbox(args) => landbridge_sandbox::run(args).await.map(|()| Exit::Ok).map_err(anyhow::Error::from),
        Command::Emulator(args) => emulator::serve(&args).await,
        Command::Convert(args) => convert::convert(&args),
        Command::Crds => crds::print(),
        Command::Completion { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "landbridge", &mut script);
            std::io::stdout().write_all(&script).context("writing to standard output")?;
            Ok(Exit::Ok)
        }
    }
}
