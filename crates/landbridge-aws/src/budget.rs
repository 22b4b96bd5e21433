//! Request budgets: one token bucket per account, Region and AWS bucket, shared by everything in the process.
//!
//! Waiting callers are served by priority, then in order of arrival. The whole of AWS's refill rate and burst is spent, less
//! a hair for the jitter of the network; when AWS throttles all the same (somebody else calls too), the rate is halved
//! and comes back within a minute. A rate that changes and a queue with priorities is what ready-made limiters do not
//! have, so this one is our own. Time is tokio's, so tests can pause it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use landbridge_plan::account::AccountTarget;
use serde::Serialize;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::operations::Operation;

/// Who goes first when tokens are short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Something that a person waits for.
    Deploy,
    /// Removal.
    Delete,
    /// Putting back what somebody changed.
    Drift,
    /// Looking around.
    Sweep,
}

/// Size and refill of a token bucket, in calls and calls per second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Quota {
    /// Largest burst.
    pub burst: f64,
    /// Refill per second.
    pub per_second: f64,
}

const fn quota(burst: f64, per_second: f64) -> Quota {
    Quota { burst, per_second }
}

/// AWS's figures. ECS: «Request throttling for the Amazon ECS API»; Logs: «CloudWatch Logs quotas»; STS: «IAM and AWS
/// STS quotas»; Route 53: «Quotas». Cloud Map, IAM, EKS and Elastic Load Balancing publish none: those are limits of our
/// own.
pub const DEFAULTS: &[(&str, Quota)] = &[
    ("ecs/cluster-modify", quota(20.0, 1.0)),
    ("ecs/cluster-read", quota(50.0, 20.0)),
    ("ecs/capacity-provider-modify", quota(10.0, 1.0)),
    ("ecs/capacity-provider-read", quota(50.0, 20.0)),
    ("ecs/task-definition-modify", quota(20.0, 1.0)),
    ("ecs/task-definition-read", quota(50.0, 20.0)),
    ("ecs/service-modify", quota(50.0, 5.0)),
    ("ecs/service-read", quota(100.0, 20.0)),
    ("ecs/service-deployment", quota(50.0, 20.0)),
    ("ecs/service-revision", quota(50.0, 20.0)),
    ("ecs/cluster-resource-read", quota(100.0, 20.0)),
    ("ecs/tag-modify", quota(20.0, 10.0)),
    ("servicediscovery/modify", quota(10.0, 5.0)),
    // The AWS MCS controller for Kubernetes paces itself at this.
    ("servicediscovery/instances", quota(50.0, 50.0)),
    // AWS gives a thousand a second to all of the account, and the applications in it ask too («AWS Cloud Map quotas»).
    ("servicediscovery/discover", quota(100.0, 50.0)),
    // Of three thousand a second.
    ("servicediscovery/discover-revision", quota(500.0, 250.0)),
    ("servicediscovery/read", quota(20.0, 10.0)),
    ("iam/modify", quota(10.0, 2.0)),
    ("iam/read", quota(40.0, 10.0)),
    ("eks/modify", quota(10.0, 2.0)),
    ("eks/read", quota(20.0, 10.0)),
    ("sts/all", quota(100.0, 100.0)),
    ("route53/all", quota(5.0, 5.0)),
    // AWS publishes none for these two; they are asked at a migration's beginning and end.
    ("application-autoscaling/modify", quota(5.0, 2.0)),
    ("application-autoscaling/read", quota(10.0, 5.0)),
    ("elasticloadbalancing/modify", quota(10.0, 3.0)),
    ("elasticloadbalancing/read", quota(40.0, 10.0)),
    // Parts of what all of the account has («CloudWatch service quotas»).
    ("cloudwatch/get-metric-data", quota(10.0, 10.0)),
    ("cloudwatch/describe-alarms", quota(3.0, 3.0)),
    ("logs/create-log-group", quota(10.0, 10.0)),
    ("logs/delete-log-group", quota(10.0, 10.0)),
    ("logs/describe-log-groups", quota(10.0, 10.0)),
    ("logs/put-retention-policy", quota(5.0, 5.0)),
    ("logs/delete-retention-policy", quota(5.0, 5.0)),
    ("logs/tag-resource", quota(5.0, 5.0)),
    ("logs/list-tags-for-resource", quota(5.0, 5.0)),
];

/// The default of a bucket.
pub fn default_quota(bucket: &str) -> Option<Quota> {
    DEFAULTS.iter().find(|(name, _)| *name == bucket).map(|(_, quota)| *quota)
}

/// Part of the refill that is spent; the rest covers clocks that run differently.
const RATE_SPENT: f64 = 0.998;
/// How much later than its successors a request may reach AWS (a first one shakes hands), in seconds, and the least
/// number of calls that is kept for that.
const JITTER: f64 = 0.1;
const LEAST_KEPT: f64 = 0.3;
/// How far the rate goes down at most when AWS keeps throttling.
const LOWEST_FACTOR: f64 = 0.05;
/// How long a halved rate takes to come back.
const RECOVERY: Duration = Duration::from_mins(1);

/// All buckets of the process.
#[derive(Debug, Default)]
pub struct Budgets {
    buckets: Mutex<HashMap<BucketKey, Arc<Bucket>>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct BucketKey {
    account: String,
    region: String,
    name: &'static str,
}

/// What a bucket looks like at a moment, for metrics.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BucketSnapshot {
    /// Account ID.
    pub account: String,
    /// Region; empty for global services.
    pub region: String,
    /// `ecs/service-modify`.
    pub bucket: &'static str,
    /// Calls that could be made at once.
    pub tokens: f64,
    /// Calls per second at present.
    pub per_second: f64,
    /// Callers that wait.
    pub waiting: usize,
    /// Calls let through so far.
    pub taken: u64,
    /// Seconds that callers have waited so far, in sum.
    pub waited_seconds: f64,
    /// Times that AWS throttled all the same.
    pub throttles: u64,
}

impl Budgets {
    /// The bucket that calls of `operation` to this account are counted in. IAM is one service for all Regions.
    pub fn bucket(&self, target: &AccountTarget, operation: &Operation) -> Arc<Bucket> {
        let region = if operation.service() == "iam" { "" } else { target.region.as_str() };
        let key = BucketKey { account: target.account_id.clone(), region: region.to_owned(), name: operation.bucket };
        let wanted = target.quotas.get(operation.bucket).map_or_else(
            || default_quota(operation.bucket).unwrap_or(quota(1.0, 1.0)),
            |q| quota(f64::from(q.burst), f64::from(q.per_second)),
        );
        let mut buckets = lock(&self.buckets);
        let bucket = buckets.entry(key).or_insert_with(|| Arc::new(Bucket::new(wanted)));
        bucket.set_quota(wanted);
        Arc::clone(bucket)
    }

    /// Every bucket, in a stable order.
    pub fn snapshot(&self) -> Vec<BucketSnapshot> {
        let mut buckets: Vec<_> = lock(&self.buckets).iter().map(|(k, b)| (k.clone(), Arc::clone(b))).collect();
        buckets.sort_by(|a, b| a.0.cmp(&b.0));
        buckets.into_iter().map(|(key, bucket)| bucket.snapshot(key)).collect()
    }
}

/// One token bucket.
#[derive(Debug)]
pub struct Bucket {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    quota: Quota,
    tokens: f64,
    at: Instant,
    /// Share of the quota that is spent since AWS throttled, and when it did.
    slowed: Option<(f64, Instant)>,
    blocked_until: Option<Instant>,
    queue: BTreeMap<Ticket, Arc<Notify>>,
    next: u64,
    taken: u64,
    waited: Duration,
    throttles: u64,
}

type Ticket = (Priority, u64);

impl Bucket {
    /// A full bucket.
    pub fn new(quota: Quota) -> Self {
        let state = State {
            quota,
            tokens: burst(quota),
            at: Instant::now(),
            slowed: None,
            blocked_until: None,
            queue: BTreeMap::new(),
            next: 0,
            taken: 0,
            waited: Duration::ZERO,
            throttles: 0,
        };
        Self { state: Mutex::new(state) }
    }

    /// Waits for a token. Callers of a higher priority go first. Dropping the future gives the place up.
    pub async fn acquire(&self, priority: Priority) {
        let start = Instant::now();
        let place = self.queue(priority);
        loop {
            match self.turn(&place, start) {
                // Dropping the place wakes the next one.
                Turn::Taken => return,
                Turn::In(pause) => {
                    tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        () = place.notify.notified() => {}
                    }
                }
                Turn::OfAnother => place.notify.notified().await,
            }
        }
    }

    /// AWS throttled a call that was sent at `sent`. Calls that were under way together count as one.
    pub fn throttled(&self, sent: Instant, retry_after: Option<Duration>) {
        let mut state = lock(&self.state);
        let now = Instant::now();
        state.refill(now);
        state.throttles += 1;
        if let Some(pause) = retry_after {
            state.blocked_until = Some(now + pause);
        }
        if state.slowed.is_none_or(|(_, at)| sent > at) {
            let factor = (state.factor(now) / 2.0).max(LOWEST_FACTOR);
            state.slowed = Some((factor, now));
            // Whatever was counted here, AWS has none left.
            state.tokens = state.tokens.min(0.0);
        }
    }

    fn set_quota(&self, quota: Quota) {
        let mut state = lock(&self.state);
        if state.quota != quota {
            state.refill(Instant::now());
            state.tokens = (state.tokens + burst(quota) - burst(state.quota)).clamp(0.0, burst(quota));
            state.quota = quota;
        }
    }

    fn queue(&self, priority: Priority) -> Place<'_> {
        let notify = Arc::new(Notify::new());
        let mut state = lock(&self.state);
        let ticket = (priority, state.next);
        state.next += 1;
        state.queue.insert(ticket, Arc::clone(&notify));
        Place { bucket: self, ticket, notify }
    }

    /// Takes a token if it is the turn of `place` and one is there.
    fn turn(&self, place: &Place<'_>, start: Instant) -> Turn {
        let mut state = lock(&self.state);
        if state.queue.first_key_value().is_some_and(|(first, _)| *first != place.ticket) {
            return Turn::OfAnother;
        }
        let now = Instant::now();
        state.refill(now);
        let pause = state.pause(now);
        if pause > Duration::ZERO {
            return Turn::In(pause);
        }
        state.tokens -= 1.0;
        state.taken += 1;
        state.waited += now - start;
        Turn::Taken
    }

    fn snapshot(&self, key: BucketKey) -> BucketSnapshot {
        let mut state = lock(&self.state);
        let now = Instant::now();
        state.refill(now);
        BucketSnapshot {
            account: key.account,
            region: key.region,
            bucket: key.name,
            tokens: state.tokens.max(0.0),
            per_second: state.quota.per_second * state.factor(now),
            waiting: state.queue.len(),
            taken: state.taken,
            waited_seconds: state.waited.as_secs_f64(),
            throttles: state.throttles,
        }
    }
}

impl State {
    fn factor(&self, now: Instant) -> f64 {
        let Some((factor, at)) = self.slowed else { return 1.0 };
        let back = now.duration_since(at).as_secs_f64() / RECOVERY.as_secs_f64();
        (factor + (1.0 - factor) * back).min(1.0)
    }

    fn refill(&mut self, now: Instant) {
        let rate = self.quota.per_second * RATE_SPENT * self.factor(now);
        let gained = now.duration_since(self.at).as_secs_f64() * rate;
        self.tokens = (self.tokens + gained).min(burst(self.quota));
        self.at = now;
    }

    /// How long until a token is there.
    fn pause(&self, now: Instant) -> Duration {
        let blocked = self.blocked_until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        if self.tokens >= 1.0 {
            return blocked;
        }
        let rate = self.quota.per_second * RATE_SPENT * self.factor(now);
        // A timer ticks in milliseconds; a whole one more would be lost with every token of a fast bucket.
        Duration::from_secs_f64((1.0 - self.tokens) / rate.max(1e-6)).max(Duration::from_micros(1)).max(blocked)
    }
}

/// The burst that is spent: AWS's, less what requests that overtake each other need.
fn burst(quota: Quota) -> f64 {
    (quota.burst - (quota.per_second * JITTER).max(LEAST_KEPT)).max(1.0)
}

/// How a caller stands.
enum Turn {
    Taken,
    In(Duration),
    OfAnother,
}

struct Place<'a> {
    bucket: &'a Bucket,
    ticket: Ticket,
    notify: Arc<Notify>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.bucket.state);
        state.queue.remove(&self.ticket);
        if let Some((_, next)) = state.queue.first_key_value() {
            next.notify_one();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "budget_tests.rs"]
mod tests;
