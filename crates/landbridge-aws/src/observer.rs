//! What the outside is told and asked while calls are made: metrics, and whether this process may still write.

use std::fmt::Debug;
use std::time::Duration;

use landbridge_plan::account::AccountTarget;
use landbridge_plan::verdict::ErrorClass;

use crate::operations::Operation;

/// Told of every attempt of every call.
pub trait Observer: Debug + Send + Sync {
    /// One attempt ended: `class` is none when it succeeded. `elapsed` does not include waiting for the budget.
    fn called(&self, operation: &'static Operation, class: Option<ErrorClass>, elapsed: Duration);
}

/// Asked right before every mutating call.
pub trait Fence: Debug + Send + Sync {
    /// Whether this process still holds the lease of the account.
    fn may_write(&self, target: &AccountTarget) -> bool;
}

/// Tells nobody and may always write: for the CLI.
#[derive(Clone, Copy, Debug)]
pub struct Alone;

impl Observer for Alone {
    fn called(&self, _: &'static Operation, _: Option<ErrorClass>, _: Duration) {}
}

impl Fence for Alone {
    fn may_write(&self, _: &AccountTarget) -> bool {
        true
    }
}
