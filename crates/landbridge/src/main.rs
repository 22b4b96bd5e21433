//! Landbridge on the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    landbridge::main_as("landbridge")
}
