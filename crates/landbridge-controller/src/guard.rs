//! What `landbridge-aws` asks and tells around every call: may this replica write, and how did it go.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use landbridge_aws::operations::{Access, Operation};
use landbridge_aws::{Fence, Observer};
use landbridge_plan::account::AccountTarget;
use landbridge_plan::verdict::ErrorClass;

use crate::context::shard;
use crate::lease::Leases;
use crate::metrics::Metrics;

/// The fence of the leases and the observer for the metrics.
pub struct Guard {
    leases: Leases,
    metrics: Arc<Metrics>,
    stopping: AtomicBool,
    writing: AtomicI64,
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard").field("writing", &self.writing).finish_non_exhaustive()
    }
}

impl Guard {
    /// A guard that lets through what the leases allow.
    pub fn new(leases: Leases, metrics: Arc<Metrics>) -> Self {
        Self { leases, metrics, stopping: AtomicBool::new(false), writing: AtomicI64::new(0) }
    }

    /// Lets no further write through.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// Begins a write that is none of AWS's, if this replica may write for the account.
    pub fn begin(&self, target: &AccountTarget) -> Option<Writing<'_>> {
        self.may_write(target).then_some(Writing(self))
    }

    /// Writes that are under way.
    pub fn writing(&self) -> i64 {
        self.writing.load(Ordering::Acquire)
    }
}

/// A write that is under way until this is dropped.
pub struct Writing<'a>(&'a Guard);

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.0.writing.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Fence for Guard {
    fn may_write(&self, target: &AccountTarget) -> bool {
        let may = !self.stopping.load(Ordering::Acquire) && self.leases.holds(&shard(target));
        if may {
            self.writing.fetch_add(1, Ordering::AcqRel);
        }
        may
    }
}

impl Observer for Guard {
    fn called(&self, operation: &'static Operation, class: Option<ErrorClass>, elapsed: Duration) {
        if operation.access == Access::Write {
            self.writing.fetch_sub(1, Ordering::AcqRel);
        }
        self.metrics.aws_call(operation.name, class, elapsed);
    }
}
