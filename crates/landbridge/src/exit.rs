//! Exit codes. `diff` follows kubectl (0, 1, more than 1), `plan --detailed-exitcode` follows Terraform (0, 2, 1).

use std::process::ExitCode;

/// What a command came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done, or no difference.
    Ok,
    /// It did not come to what was asked for.
    Failed,
    /// `diff` found differences.
    Differs,
    /// `plan --detailed-exitcode` found changes.
    Changes,
    /// Ctrl-C. The code is the shell's for a process that the signal ended: 128 and the signal's number.
    Interrupted,
    /// SIGTERM.
    Terminated,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Ok => 0,
            Exit::Failed | Exit::Differs => 1,
            Exit::Changes => 2,
            Exit::Interrupted => 130,
            Exit::Terminated => 143,
        })
    }
}
