//! One sweep for each shard that this replica holds: it looks at the ECS services in full pages, and at everything else
//! in bulk, and wakes those that changed. It ends with the tenure of its shard.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use kube::runtime::reflector::ObjectRef;
use landbridge_api::v1alpha1::EcsService;
use landbridge_aws::Aws;
use landbridge_aws::round::{Owner as Whose, Round, Thing};
use landbridge_aws::sweep::{Intervals, Mode, Sweep};
use landbridge_plan::account::AccountTarget;
use landbridge_plan::ecs_service::EcsServiceResolved;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::config::Config;
use crate::context::shard;
use crate::feed::Feed;
use crate::lease::Leases;

/// How a sweep names the object to wake.
type Owner = ObjectRef<EcsService>;

/// Changed services that wait to be queued before the sweeps wait for them.
const WAITING: usize = 1_024;

/// The sweeps of all shards.
pub struct Sweeps {
    intervals: Intervals,
    by_shard: Arc<Mutex<HashMap<String, Running>>>,
    wake: mpsc::Sender<Owner>,
}

struct Running {
    shard: Arc<Shard>,
    aws: Aws,
    /// Ends the sweep when another takes its place.
    #[allow(dead_code, reason = "it works by being dropped")]
    end: DropGuard,
}

/// What looks around in one shard.
struct Shard {
    services: Sweep<Owner>,
    rest: Round,
}

impl Sweeps {
    /// No sweeps yet, and the end where the owners of changed services come out.
    pub fn new(config: &Config) -> (Self, mpsc::Receiver<Owner>) {
        let (wake, woken) = mpsc::channel(WAITING);
        let intervals = Intervals { rolling: config.rolling_sweep, steady: config.sweep, ..Intervals::default() };
        (Self { intervals, by_shard: Arc::default(), wake }, woken)
    }

    /// Watches the service of an object, more closely while it rolls.
    pub fn watch(&self, service: &EcsService, resolved: &EcsServiceResolved, aws: &Aws, mode: Mode, leases: &Leases) {
        if let Some(shard) = self.of(&shard(&resolved.account), aws, leases) {
            shard.services.watch(owner(service), &resolved.cluster, &resolved.service, mode);
        }
    }

    /// Watches exactly these things for an object, beside its service.
    pub fn watch_things(&self, whose: &Whose, things: Vec<Thing>, account: &AccountTarget, aws: &Aws, leases: &Leases) {
        if let Some(shard) = self.of(&shard(account), aws, leases) {
            shard.rest.watch(whose, things);
        }
    }

    /// Stops watching the service of an object.
    pub fn unwatch(&self, owner: &Owner) {
        for running in self.lock().values() {
            running.shard.services.unwatch(owner);
        }
    }

    /// Stops watching the things of the object of that identity.
    pub fn unwatch_things(&self, identity: &str) {
        for running in self.lock().values() {
            running.shard.rest.unwatch(identity);
        }
    }

    /// How many services are watched.
    pub fn watched(&self) -> usize {
        self.lock().values().map(|r| r.shard.services.len()).sum()
    }

    /// How many other things are watched.
    pub fn watched_things(&self) -> usize {
        self.lock().values().map(|r| r.shard.rest.len()).sum()
    }

    /// The sweep of a shard that this replica holds; started when it is first asked for, and anew when the way to the
    /// account changed (which wakes every object of the account, so all are watched again).
    fn of(&self, shard: &str, aws: &Aws, leases: &Leases) -> Option<Arc<Shard>> {
        let mut by_shard = self.lock();
        if let Some(running) = by_shard.get(shard).filter(|r| std::ptr::eq(r.aws.target(), aws.target())) {
            return Some(running.shard.clone());
        }
        let tenure = leases.current(shard)?;
        let around = Arc::new(Shard {
            services: Sweep::new(aws.clone(), self.intervals, self.wake.clone()),
            rest: Round::new(aws.clone(), self.intervals.steady),
        });
        let dropped = CancellationToken::new();
        let end = dropped.clone().drop_guard();
        by_shard.insert(shard.to_owned(), Running { shard: around.clone(), aws: aws.clone(), end });
        drop(by_shard);
        let (all, started, shard) = (self.by_shard.clone(), around.clone(), shard.to_owned());
        tokio::spawn(async move {
            tokio::select! {
                () = started.services.run() => {}
                () = started.rest.run() => {}
                () = tenure.ended() => {}
                () = dropped.cancelled() => return,
            }
            all.lock().unwrap_or_else(PoisonError::into_inner).remove(&shard);
        });
        Some(around)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Running>> {
        self.by_shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Queues the owners of changed services.
pub async fn wake(feed: Arc<Feed<EcsService>>, sweeps: Arc<Sweeps>, mut woken: mpsc::Receiver<Owner>) {
    while let Some(owner) = woken.recv().await {
        match feed.store().get(&owner) {
            Some(object) => feed.wake(&object),
            None => sweeps.unwatch(&owner),
        }
    }
}

/// How sweeps name an object.
pub fn owner(service: &EcsService) -> Owner {
    let (name, namespace) = (service.metadata.name.as_deref(), service.metadata.namespace.as_deref());
    ObjectRef::new(name.unwrap_or_default()).within(namespace.unwrap_or_default())
}
