//! The same program under the name by which kubectl finds its plugins.

use std::process::ExitCode;

fn main() -> ExitCode {
    landbridge::main_as("kubectl landbridge")
}
