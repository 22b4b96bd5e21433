//! Shards and their leases: AWS's quotas are per account and region, so each such pair is a shard that one replica
//! holds, by a Kubernetes Lease `landbridge-<shard>` in the operator's namespace.
//!
//! Any number of replicas run; each contends for every shard that its objects need. Replicas that start together share
//! the shards about evenly, because one that already holds some is slower to reach for the next. Shards do not move
//! to a replica that joins later: a move would cost a full read of the account and gain nothing.

mod contender;
pub mod election;
mod tenure;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use election::Timings;
pub use tenure::Tenure;

/// The shard of objects that have no account yet: whose references are not resolved, and AWSAccounts themselves.
pub const UNASSIGNED: &str = "operator";

/// The leases that this replica contends for.
#[derive(Clone)]
pub struct Leases {
    inner: Arc<Inner>,
}

struct Inner {
    api: Api<Lease>,
    me: String,
    timings: Timings,
    shards: Mutex<BTreeMap<String, Shard>>,
    held: AtomicUsize,
    acquired: mpsc::UnboundedSender<String>,
    stop: CancellationToken,
}

struct Shard {
    state: watch::Receiver<State>,
    task: JoinHandle<()>,
}

/// Where a shard stands.
#[derive(Clone, Debug)]
pub(crate) enum State {
    /// The first attempt has not ended.
    Contending,
    /// Another replica holds it, or the API server cannot be reached.
    Elsewhere,
    /// This replica holds it.
    Held(Arc<Tenure>),
}

impl Leases {
    /// Leases in a namespace. `client` should not retry by itself: a lease call that takes long is worth nothing.
    /// Names of shards that were acquired later than at the first attempt are sent to `acquired`.
    pub fn new(
        client: Client,
        namespace: &str,
        me: String,
        timings: Timings,
        acquired: mpsc::UnboundedSender<String>,
    ) -> Self {
        let inner = Inner {
            api: Api::namespaced(client, namespace),
            me,
            timings,
            shards: Mutex::default(),
            held: AtomicUsize::new(0),
            acquired,
            stop: CancellationToken::new(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The tenure of the shard, if this replica holds it. The first question about a shard starts the contest and waits
    /// for the first attempt.
    pub async fn tenure(&self, shard: &str) -> Option<Arc<Tenure>> {
        let mut state = self.contend(shard);
        let state = state.wait_for(|s| !matches!(s, State::Contending)).await.ok()?;
        match &*state {
            State::Held(tenure) if tenure.holds() => Some(tenure.clone()),
            _ => None,
        }
    }

    /// The tenure of the shard, if this replica holds it right now.
    pub fn current(&self, shard: &str) -> Option<Arc<Tenure>> {
        let shards = self.inner.shards.lock().unwrap_or_else(PoisonError::into_inner);
        match &*shards.get(shard)?.state.borrow() {
            State::Held(tenure) if tenure.holds() => Some(tenure.clone()),
            _ => None,
        }
    }

    /// Whether this replica may write to the shard right now.
    pub fn holds(&self, shard: &str) -> bool {
        self.current(shard).is_some()
    }

    /// Shards that this replica holds.
    pub fn held(&self) -> Vec<String> {
        let shards = self.inner.shards.lock().unwrap_or_else(PoisonError::into_inner);
        shards
            .iter()
            .filter(|(_, s)| matches!(&*s.state.borrow(), State::Held(t) if t.holds()))
            .map(|(n, _)| n.clone())
            .collect()
    }

    /// Identity of this replica.
    pub fn identity(&self) -> &str {
        &self.inner.me
    }

    /// Releases every shard, so that another replica can take it at once. Waits for `within` at most.
    pub async fn release(&self, within: Duration) {
        self.inner.stop.cancel();
        let shards = std::mem::take(&mut *self.inner.shards.lock().unwrap_or_else(PoisonError::into_inner));
        let tasks = futures::future::join_all(shards.into_values().map(|s| s.task));
        if tokio::time::timeout(within, tasks).await.is_err() {
            tracing::warn!("not every lease could be released in time; they expire by themselves");
        }
    }

    fn contend(&self, shard: &str) -> watch::Receiver<State> {
        let mut shards = self.inner.shards.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = shards.get(shard) {
            return known.state.clone();
        }
        let (sender, state) = watch::channel(State::Contending);
        if self.inner.stop.is_cancelled() {
            return state;
        }
        let task = tokio::spawn(contender::run(self.inner.clone(), shard.to_owned(), sender));
        shards.insert(shard.to_owned(), Shard { state: state.clone(), task });
        state
    }
}

impl Inner {
    /// How long to hold back before the first attempt: longer, the more shards are held already.
    fn hold_back(&self) -> Duration {
        Duration::from_millis(25) * u32::try_from(self.held.load(Ordering::Relaxed).min(20)).unwrap_or(20)
    }
}
