//! What a pass works with: the parts of the operator that all kinds share, and those of one kind.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use landbridge_aws::observe::Observe;
use landbridge_aws::{Aws, AwsPool};
use landbridge_plan::account::AccountTarget;
use landbridge_plan::kind::Kind;

use crate::api_server::ApiServer;
use crate::backoff::Backoff;
use crate::config::Config;
use crate::events::Events;
use crate::feed::{Change, Feed};
use crate::lease::{Leases, UNASSIGNED};
use crate::metrics::Metrics;
use crate::objects::World;
use crate::slots::Slots;
use crate::sweeps::Sweeps;
use crate::writer::Writer;

/// A kind that the operator converges: what `landbridge-plan` and `landbridge-aws` know of it, and the little that only
/// the operator does.
pub trait Converge: Kind + Observe {
    /// How often a settled object is compared whole with AWS.
    fn resync(config: &Config) -> Duration {
        config.resync
    }

    /// Wakes the objects that see the change of this one.
    fn changed(world: &World, change: &Change<'_, Self>);

    /// Told at the end of every pass that went through, with whether the thing moves by itself. Gives back when to look
    /// again at one that does.
    fn follow(&self, _operator: &Operator, _resolved: &Self::Resolved, _aws: &Aws, _moves: bool) -> Duration {
        Duration::from_secs(5)
    }

    /// Told when the object is let go.
    fn forget(&self, _operator: &Operator) {}
}

/// What all kinds share.
pub struct Operator {
    /// Settings.
    pub config: Config,
    /// Writes to Kubernetes.
    pub api: Arc<ApiServer>,
    /// What the watches see.
    pub world: Arc<World>,
    /// Writes of plans into Kubernetes.
    pub writer: Writer,
    /// Ways to AWS.
    pub pool: Arc<AwsPool>,
    /// Shards that this replica holds.
    pub leases: Leases,
    /// Sweeps of those shards.
    pub sweeps: Arc<Sweeps>,
    /// Slots of each account.
    pub slots: Slots,
    /// Objects that fail.
    pub backoff: Backoff,
    /// Kubernetes Events.
    pub events: Events,
    /// Metrics.
    pub metrics: Arc<Metrics>,
    /// When passes began.
    pub begun: OnceLock<Instant>,
}

/// How long after its start the operator does not tell of references that are not ready.
const SETTLING_IN: Duration = Duration::from_secs(2);

impl Operator {
    /// How much longer the operator settles in. Everything is looked at at once then: that an account or a cluster is not
    /// ready would be told of thousands of objects, and be wrong before it is written.
    pub fn settling_in(&self) -> Option<Duration> {
        let rest = SETTLING_IN.saturating_sub(self.begun.get()?.elapsed());
        (!rest.is_zero()).then_some(rest)
    }
}

/// What the passes of one kind work with.
pub struct Context<K: Converge> {
    /// What all kinds share.
    pub operator: Arc<Operator>,
    /// The store and queue of the kind.
    pub feed: Arc<Feed<K>>,
}

impl<K: Converge> Context<K> {
    /// The object as it is stored now.
    pub fn latest(&self, object: &K) -> Option<Arc<K>> {
        self.feed.get(object.meta().namespace.as_deref(), object.object_name())
    }
}

/// The shard that an object belongs to. Without an account it is the operator's own.
pub fn shard_of<K: Kind>(object: &K, world: &World) -> String {
    object.resolve(world).map_or_else(|_| UNASSIGNED.to_owned(), |resolved| shard(K::account(&resolved)))
}

/// The shard of an account; one whose ID is not known yet has none.
pub fn shard(account: &AccountTarget) -> String {
    if account.account_id.is_empty() { UNASSIGNED.to_owned() } else { account.shard() }
}
