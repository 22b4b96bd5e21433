//! The task that contends for one shard's lease, renews it, notices its loss, and gives it back at the end.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::PostParams;
use tokio::sync::watch;

use super::election::{Election, Move, Seen};
use super::{Inner, State, Tenure};

/// Contends until the operator stops, then releases the lease if it is held.
pub(super) async fn run(inner: Arc<Inner>, shard: String, state: watch::Sender<State>) {
    tokio::time::sleep(inner.hold_back()).await;
    let mut contender = Contender {
        election: Election::new(&inner.me, inner.timings),
        stored: None,
        tenure: None,
        inner,
        shard,
        state,
    };
    loop {
        let pause = contender.attempt().await;
        let ends = contender.tenure.as_ref().map(|t| t.ends());
        tokio::select! {
            () = contender.inner.stop.cancelled() => break,
            () = tokio::time::sleep(pause) => {}
            () = sleep_until(ends) => contender.lose("it could not be renewed in time"),
        }
    }
    contender.release().await;
}

struct Contender {
    inner: Arc<Inner>,
    shard: String,
    state: watch::Sender<State>,
    election: Election,
    /// The lease as it is stored, as far as we know.
    stored: Option<Lease>,
    tenure: Option<Arc<Tenure>>,
}

impl Contender {
    /// One look and at most one write. Gives back how long to pause.
    async fn attempt(&mut self) -> Duration {
        let timings = self.election.timings();
        // The holder's own copy is current unless somebody took the lease, and then the write fails by its version.
        if self.tenure.is_none()
            && let Err(error) = self.read().await
        {
            tracing::warn!(shard = self.shard, %error, "lease cannot be read");
            self.elsewhere();
            return timings.retry;
        }
        let wanted = self.election.next(Instant::now());
        if let Move::Wait(pause) = wanted {
            self.elsewhere();
            return pause;
        }
        let sent = Instant::now();
        match self.write(&wanted).await {
            Ok(lease) => self.won(lease, sent),
            Err(kube::Error::Api(status)) if status.is_conflict() || status.is_already_exists() => {
                // Somebody else wrote it. If that was a take-over, our tenure is over.
                if self.tenure.is_some() {
                    let read = self.read().await;
                    if read.is_err() || self.election.next(Instant::now()) != Move::Renew {
                        self.lose("another replica took it");
                    }
                } else {
                    self.elsewhere();
                }
            }
            Err(error) => {
                tracing::warn!(shard = self.shard, %error, "lease cannot be written");
                self.elsewhere();
            }
        }
        timings.retry
    }

    fn won(&mut self, lease: Lease, sent: Instant) {
        let timings = self.election.timings();
        self.election.read(seen(&lease, timings.duration), sent);
        self.stored = Some(lease);
        // A tenure that ran out while the answer was on its way is over; what follows is a new one.
        if let Some(tenure) = self.tenure.as_ref().filter(|t| t.holds()) {
            tenure.renew(sent, timings.renew_deadline);
            return;
        }
        if self.tenure.is_some() {
            self.lose("it was renewed too late");
        }
        let first = matches!(&*self.state.borrow(), State::Contending);
        let tenure = Arc::new(Tenure::begin(&self.shard, sent, timings.renew_deadline));
        self.tenure = Some(tenure.clone());
        self.inner.held.fetch_add(1, Ordering::Relaxed);
        self.state.send_replace(State::Held(tenure));
        tracing::info!(shard = self.shard, holder = self.inner.me, "lease acquired");
        if !first {
            // Whoever listens has stopped when this fails.
            let _ = self.inner.acquired.send(self.shard.clone());
        }
    }

    fn lose(&mut self, why: &str) {
        if let Some(tenure) = self.tenure.take() {
            tenure.end();
            self.inner.held.fetch_sub(1, Ordering::Relaxed);
            tracing::warn!(shard = self.shard, why, "lease lost: writes of this shard stop");
        }
        self.elsewhere();
    }

    /// Says that another replica is in charge, unless we are.
    fn elsewhere(&self) {
        if self.tenure.is_none() && !matches!(&*self.state.borrow(), State::Elsewhere) {
            self.state.send_replace(State::Elsewhere);
        }
    }

    async fn read(&mut self) -> Result<(), kube::Error> {
        let found = timed(self.timeout(), self.inner.api.get_opt(&self.name())).await?;
        self.election.read(found.as_ref().and_then(|l| seen(l, self.inner.timings.duration)), Instant::now());
        self.stored = found;
        Ok(())
    }

    async fn write(&self, wanted: &Move) -> Result<Lease, kube::Error> {
        let lease = self.lease(&self.inner.me, *wanted != Move::Renew);
        let params = PostParams::default();
        if *wanted == Move::Create {
            timed(self.timeout(), self.inner.api.create(&params, &lease)).await
        } else {
            timed(self.timeout(), self.inner.api.replace(&self.name(), &params, &lease)).await
        }
    }

    /// Gives the lease back. The tenure ends first: nothing may be written once somebody else can take it.
    async fn release(mut self) {
        let Some(tenure) = self.tenure.take() else { return };
        tenure.end();
        self.inner.held.fetch_sub(1, Ordering::Relaxed);
        self.state.send_replace(State::Elsewhere);
        let lease = self.lease("", false);
        let released =
            timed(self.timeout(), self.inner.api.replace(&self.name(), &PostParams::default(), &lease)).await;
        match released {
            Ok(_) => tracing::info!(shard = self.shard, "lease released"),
            Err(error) => {
                tracing::warn!(shard = self.shard, %error, "lease could not be released; it expires by itself");
            }
        }
    }

    /// The lease to write; `new` when its holder changes.
    fn lease(&self, holder: &str, new: bool) -> Lease {
        let old = self.stored.as_ref().and_then(|l| l.spec.as_ref());
        let now = Some(MicroTime(Timestamp::now()));
        let transitions = old.and_then(|s| s.lease_transitions).unwrap_or(0);
        let seconds = if holder.is_empty() { 1 } else { self.inner.timings.duration.as_secs().max(1) };
        Lease {
            metadata: ObjectMeta {
                name: Some(self.name()),
                resource_version: self.election.version().map(str::to_owned),
                labels: Some([("app.kubernetes.io/managed-by".to_owned(), "landbridge".to_owned())].into()),
                ..ObjectMeta::default()
            },
            spec: Some(LeaseSpec {
                holder_identity: Some(holder.to_owned()),
                lease_duration_seconds: i32::try_from(seconds).ok(),
                renew_time: now.clone(),
                acquire_time: if new { now } else { old.and_then(|s| s.acquire_time.clone()) },
                lease_transitions: Some(if new && old.is_some() { transitions + 1 } else { transitions }),
                ..LeaseSpec::default()
            }),
        }
    }

    fn name(&self) -> String {
        format!("landbridge-{}", self.shard)
    }

    /// A call may take as long as leaves time for another before the deadline.
    fn timeout(&self) -> Duration {
        self.inner.timings.renew_deadline / 3
    }
}

fn seen(lease: &Lease, ours: Duration) -> Option<Seen> {
    let spec = lease.spec.clone().unwrap_or_default();
    let asked = spec.lease_duration_seconds.and_then(|s| u64::try_from(s).ok()).map_or(ours, Duration::from_secs);
    Some(Seen {
        holder: spec.holder_identity.unwrap_or_default(),
        version: lease.metadata.resource_version.clone()?,
        duration: asked,
    })
}

async fn timed<T>(limit: Duration, call: impl Future<Output = Result<T, kube::Error>>) -> Result<T, kube::Error> {
    let late = |_| kube::Error::Service(format!("no answer within {limit:?}").into());
    tokio::time::timeout(limit, call).await.map_err(late)?
}

async fn sleep_until(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant.into()).await,
        None => std::future::pending().await,
    }
}
