//! Writes to Kubernetes that a plan holds. This crate knows nothing of Kubernetes: whoever executes a plan brings the way.

use std::fmt::Debug;
use std::pin::Pin;

use landbridge_plan::account::AccountTarget;
use landbridge_plan::change::Change;
use landbridge_plan::verdict::{ErrorClass, Failure};

/// What a write to Kubernetes comes to.
pub type Written<'a> = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send + 'a>>;

/// The way to a Kubernetes API server.
pub trait Kubernetes: Debug + Send + Sync {
    /// Makes a change for which [`Change::is_kubernetes`] is true, if this process may write for the account: the lease of
    /// an account covers what its objects write into Kubernetes too. A write whose answer was lost may be repeated.
    fn write<'a>(&'a self, change: &'a Change, account: &'a AccountTarget) -> Written<'a>;
}

/// No Kubernetes: every write is refused.
#[derive(Clone, Copy, Debug)]
pub struct NoKubernetes;

impl Kubernetes for NoKubernetes {
    fn write<'a>(&'a self, change: &'a Change, _: &'a AccountTarget) -> Written<'a> {
        let failure = Failure {
            operation: change.operation().to_owned(),
            class: ErrorClass::AccessDenied,
            message: format!(
                "{} is written by the operator, because it belongs to a Kubernetes cluster: apply the file with kubectl there",
                change.target()
            ),
        };
        Box::pin(std::future::ready(Err(failure)))
    }
}
