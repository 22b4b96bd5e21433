//! The parts of the `landbridge` program, as a library so that tests can call them.

pub mod cli;
pub mod cmd;
pub mod exit;
pub mod files;
pub mod live;
pub mod session;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

/// The whole program: reads the command line, runs the command, and says how it went. Its help calls it `name`, which is
/// what its user types.
pub fn main_as(name: &'static str) -> ExitCode {
    landbridge_sandbox::install_crypto();
    let matches = cli::Cli::command().name(name).bin_name(name).get_matches();
    let cli = cli::Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    // An error of `diff` must not look like a difference.
    let error_code = if matches!(cli.command, cli::Command::Diff(_)) { 2 } else { 1 };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: cannot start: {error}");
            return ExitCode::from(error_code);
        }
    };
    match runtime.block_on(cmd::run(cli.command)) {
        Ok(exit) => exit.into(),
        Err(error) => {
            // Whoever closed the pipe (`| head`) has read what they wanted.
            if !is_broken_pipe(&error) {
                eprintln!("error: {error:#}");
            }
            ExitCode::from(error_code)
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.chain().find_map(|e| e.downcast_ref::<std::io::Error>());
    io.is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
}
