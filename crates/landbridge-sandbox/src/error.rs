//! What can go wrong in the sandbox, each with what, where and what to do about it.

use std::{io, path::PathBuf, process::ExitStatus, time::Duration};

/// A failure to find, build, start or reach a part of the sandbox.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused something.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done, with the path or program it was done to.
        doing: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// There is no place for the cache: neither variable that says where it is has a value.
    #[error(
        "no directory for the cache of Kubernetes programs: set LANDBRIDGE_CACHE to a directory with 1 GB free, or set HOME"
    )]
    NoCache,
    /// A place that was named explicitly does not hold the program it should, or not one that serves.
    #[error("{place} does not serve: {reason}. {remedy}")]
    Unusable {
        /// The environment variable or path.
        place: String,
        /// What is wrong with it.
        reason: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The program is nowhere to be found and cannot be built because there is no Go toolchain.
    #[error(
        "{program} is not to be found, and without Go it cannot be built. Either set KUBEBUILDER_ASSETS to a directory \
         that holds it (`setup-envtest use -p path` downloads one), or put it on the PATH, or install Go 1.26 or later \
         (https://go.dev/dl) and run this again"
    )]
    NoGo {
        /// The program that was wanted.
        program: &'static str,
    },
    /// `go` ran and failed.
    #[error(
        "building {program} failed ({status}). It needs Go 1.26 or later, the Go module proxy (see `go env GOPROXY`) and \
         4 GB of disk for modules and build cache. Nothing half-done was left. The end of what go said:\n{log}"
    )]
    Build {
        /// The program that was being built.
        program: &'static str,
        /// How `go` ended.
        status: ExitStatus,
        /// The last lines of its output.
        log: String,
    },
    /// Whoever wanted the build no longer does.
    #[error("building {program} was interrupted; nothing half-done was left")]
    Cancelled {
        /// The program that was being built.
        program: &'static str,
    },
    /// A part of the control plane ended by itself.
    #[error("{program} ended by itself ({status}). The end of its log:\n{log}")]
    Ended {
        /// The program that ended.
        program: &'static str,
        /// How it ended.
        status: ExitStatus,
        /// The last lines of its output.
        log: String,
    },
    /// The API server did not become ready in time.
    #[error("the API server was not ready after {after:?}; its last answer: {last}. The end of its log:\n{log}")]
    NotReady {
        /// How long it had.
        after: Duration,
        /// The last answer of `/readyz`, or why there was none.
        last: String,
        /// The last lines of its output.
        log: String,
    },
    /// The API server refused or could not be reached.
    #[error("{doing}: {source}")]
    Kube {
        /// What was being asked of it.
        doing: String,
        /// What it said.
        source: Box<kube::Error>,
    },
    /// A certificate could not be made.
    #[error("making the control plane's certificates: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The kubeconfig made for the control plane was refused by the client.
    #[error("reading the control plane's kubeconfig: {0}")]
    Kubeconfig(#[from] kube::config::KubeconfigError),
    /// Something that the API server should do by itself did not happen in time.
    #[error("{what} took more than {after:?}")]
    Late {
        /// What was waited for.
        what: String,
        /// For how long.
        after: Duration,
    },
    /// A watch on the API server broke.
    #[error("watching the API server: {0}")]
    Watch(Box<kube::runtime::wait::Error>),
    /// The operator ended by itself.
    #[error("the operator ended by itself: {reason}. The end of its log:\n{log}")]
    Operator {
        /// What it ended with.
        reason: String,
        /// The last lines of its log.
        log: String,
    },
    /// `--once` ran out of time.
    #[error("the sample was not Ready within {within:?}:\n{reasons}")]
    NotAllReady {
        /// How long it had.
        within: Duration,
        /// A line for each object that was not.
        reasons: String,
    },
    /// Not all of a demo held.
    #[error("the demo did not hold:\n  {}", reasons.join("\n  "))]
    Demo {
        /// What did not.
        reasons: Vec<String>,
    },
    /// The emulated AWS refused a call of the demo's.
    #[error("{operation} of the emulated AWS was refused: {answer}")]
    Aws {
        /// The operation.
        operation: String,
        /// What it answered.
        answer: String,
    },
    /// The directory of the sandbox is still there.
    #[error("could not remove {}: please remove it by hand", dir.display())]
    Left {
        /// The directory.
        dir: PathBuf,
    },
    /// The user ended the sandbox before it had done what it was started for.
    #[error("interrupted; nothing was left behind")]
    Interrupted,
    /// A file that comes with the sandbox or that it was given is not what it should be.
    #[error("{path}: {reason}")]
    Input {
        /// Where the text is from.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// The result of everything in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Adds what was being done to what the operating system said.
pub(crate) trait Doing<T> {
    /// Names the work; the closure runs only on failure.
    fn doing<S: Into<String>>(self, doing: impl FnOnce() -> S) -> Result<T>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing<S: Into<String>>(self, doing: impl FnOnce() -> S) -> Result<T> {
        self.map_err(|source| Error::Io { doing: doing().into(), source })
    }
}

impl<T> Doing<T> for Result<T, kube::Error> {
    fn doing<S: Into<String>>(self, doing: impl FnOnce() -> S) -> Result<T> {
        self.map_err(|source| Error::Kube { doing: doing().into(), source: Box::new(source) })
    }
}
