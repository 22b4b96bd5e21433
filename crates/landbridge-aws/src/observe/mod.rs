//! What AWS says of an object, in the planner's words, with as few calls as will do.

mod aws_account;
mod cloud_map_export;
mod cloud_map_import;
mod cloud_map_namespace;
mod discovery;
mod ecs_cluster;
mod ecs_service;
mod iam_task_role;
mod log_group;
mod pod_identity;
mod registry;
mod revision;
mod task_failure;
mod traffic_migration;

use std::future::Future;
use std::time::Duration;

use landbridge_plan::kind::Kind;

use crate::budget::Priority;
use crate::client::Aws;
use crate::error::AwsError;
use crate::round::Thing;

pub(crate) use cloud_map_import::{Discovered, SeenTasks};
pub(crate) use cloud_map_namespace::namespace_facts;
pub(crate) use discovery::{CLOUD_MAP_PAGE, discovery_facts};
pub(crate) use iam_task_role::document;
pub(crate) use pod_identity::association_facts;

/// How new what is observed must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Services and clusters at most two seconds old; roles, log groups and Cloud Map services, which seldom change and
    /// cost several calls, at most ten minutes. Own writes always show.
    Cached,
    /// Asked for now.
    Fresh,
}

impl Freshness {
    /// The greatest age of what usually may be as old as `age`.
    pub(crate) fn at_most(self, age: Duration) -> Option<Duration> {
        match self {
            Self::Cached => Some(age),
            Self::Fresh => None,
        }
    }
}

/// How old the dearer things may be in [`Freshness::Cached`].
pub(crate) const DEAR: Duration = Duration::from_mins(10);

/// A kind that can be looked up in AWS.
pub trait Observe: Kind {
    /// Looks the object up. Never writes.
    ///
    /// # Errors
    /// A read failed. That something is not there is no error.
    fn observe(
        &self,
        aws: &Aws,
        resolved: &Self::Resolved,
        freshness: Freshness,
    ) -> impl Future<Output = Result<Self::Observed, AwsError>> + Send;

    /// What of it can be looked at in bulk between two passes. What a sweep sees by itself is not among it.
    fn things(&self, _resolved: &Self::Resolved) -> Vec<Thing> {
        Vec::new()
    }
}

/// How urgent the calls for an object are: removal, putting back (when what is wanted has been applied), or a deploy.
pub fn priority<K: Kind>(object: &K, resolved: &K::Resolved) -> Priority {
    if object.is_deleting() {
        Priority::Delete
    } else if object.is_applied(resolved) {
        Priority::Drift
    } else {
        Priority::Deploy
    }
}
