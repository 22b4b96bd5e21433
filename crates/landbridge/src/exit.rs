//! Exit codes. `diff` follows kubectl (0, 1, more than 1), `plan --detailed-exitcode` follows Terraform (0, 2, 1), and
//! `convert --strict` says 2 when it refused a field, 1 when it converted nothing.

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
    /// `convert --strict` refused a field.
    Refused,
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
            Exit::Changes | Exit::Refused => 2,
            Exit::Interrupted => 130,
            Exit::Terminated => 143,
        })
    }
}
