//! Looking at every managed service in turn, in full pages, and waking whoever owns one that changed.
//!
//! A service that rolls is looked at every few seconds, less often the longer it takes; a steady one once a minute. Pages are
//! filled with whatever is due next, so a thousand steady services cost a hundred reads a minute. Where rollouts begin one
//! after the other, a look waits a little for the next one, to share its page; a lone rollout never waits. What is read is
//! remembered, so the pass that is woken does not read again. AWS's events, where there are any, only make this rarer.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use crate::budget::Priority;
use crate::client::Aws;
use crate::facts::pulse;
use crate::recent::Heard;

/// How often services are looked at.
#[derive(Clone, Copy, Debug)]
pub struct Intervals {
    /// The shortest pause between two looks at a service that rolls.
    pub rolling: Duration,
    /// The longest pause between two looks at a service that rolls.
    pub slowest_rolling: Duration,
    /// The pause between two looks at a service that is steady.
    pub steady: Duration,
}

impl Default for Intervals {
    fn default() -> Self {
        Self {
            rolling: Duration::from_secs(1),
            slowest_rolling: Duration::from_secs(15),
            steady: Duration::from_mins(1),
        }
    }
}

/// How closely a service is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Something is going on.
    Rolling,
    /// Nothing should change.
    Steady,
}

/// The services of one account and Region. `K` names the owner of a service.
#[derive(Debug)]
pub struct Sweep<K> {
    aws: Aws,
    intervals: Intervals,
    watched: Mutex<HashMap<K, Watched>>,
    /// When a rollout last began, by cluster.
    begun: Mutex<HashMap<String, Instant>>,
    changed: Notify,
    wake: mpsc::Sender<K>,
}

#[derive(Clone, Debug)]
struct Watched {
    cluster: String,
    service: String,
    mode: Mode,
    since: Instant,
    /// How long before it is due it may share a page that goes anyway, or fill one.
    early: Duration,
    due: Instant,
    looked: Instant,
    under_way: bool,
    pulse: Option<u64>,
}

/// Services per DescribeServices.
const PAGE: usize = 10;
/// Rollouts that begin within so many of the shortest pauses of each other come one after the other.
const STREAM: u32 = 2;
/// Pages that are asked for at the same time; the budget sets the pace.
const PAGES_AT_ONCE: usize = 8;

struct Page<K> {
    cluster: String,
    services: Vec<(K, String)>,
}

impl<K: Clone + Eq + Hash + Send + 'static> Sweep<K> {
    /// A sweep that watches nothing yet, and sends the owners of changed services to `wake`.
    pub fn new(aws: Aws, intervals: Intervals, wake: mpsc::Sender<K>) -> Self {
        Self { aws, intervals, watched: Mutex::default(), begun: Mutex::default(), changed: Notify::new(), wake }
    }

    /// Watches the service of `owner`, as it was last seen by its owner. Saying the same again changes nothing.
    pub fn watch(&self, owner: K, cluster: &str, service: &str, mode: Mode) {
        let now = Instant::now();
        let key = (cluster.to_owned(), service.to_owned());
        let seen = self.aws.memory().services.get(&key, self.intervals.rolling);
        let pulse = match seen {
            Heard::Of(Some(facts)) => Some(pulse(&facts)),
            Heard::Of(None) | Heard::Nothing => None,
        };
        let mut watched = lock(&self.watched);
        let old = watched.get(&owner).filter(|w| w.cluster == cluster && w.service == service);
        let same = old.filter(|w| w.mode == mode);
        let mut entry = Watched {
            mode,
            since: same.map_or(now, |w| w.since),
            early: same.map_or_else(|| self.company(cluster, mode, now), |w| w.early),
            cluster: key.0,
            service: key.1,
            due: now,
            looked: now,
            under_way: old.is_some_and(|w| w.under_way),
            pulse: pulse.or_else(|| old.and_then(|w| w.pulse)),
        };
        entry.due = match same {
            Some(old) if pulse.is_none() => old.due,
            _ => now + self.pause(&entry, now),
        };
        watched.insert(owner, entry);
        drop(watched);
        self.changed.notify_one();
    }

    /// How long a look at what begins now may wait for company: not at all, unless another rollout began just before.
    fn company(&self, cluster: &str, mode: Mode, now: Instant) -> Duration {
        if mode == Mode::Steady {
            return Duration::ZERO;
        }
        let before = lock(&self.begun).insert(cluster.to_owned(), now);
        let is_stream = before.is_some_and(|before| now.duration_since(before) <= self.intervals.rolling * STREAM);
        if is_stream { self.intervals.rolling / 4 } else { Duration::ZERO }
    }

    /// Stops watching.
    pub fn unwatch(&self, owner: &K) {
        lock(&self.watched).remove(owner);
    }

    /// How many services are watched.
    pub fn len(&self) -> usize {
        lock(&self.watched).len()
    }

    /// Whether no service is watched.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Looks around until the receiver of `wake` is gone. Dropping the future stops it at any moment.
    pub async fn run(&self) {
        let mut pages = FuturesUnordered::new();
        while !self.wake.is_closed() {
            while pages.len() < PAGES_AT_ONCE
                && let Some(page) = self.next_page()
            {
                pages.push(self.look(page));
            }
            let due = self.next_due().unwrap_or_else(|| Instant::now() + self.intervals.steady);
            let is_full = pages.len() >= PAGES_AT_ONCE;
            tokio::select! {
                Some(()) = pages.next() => {}
                () = tokio::time::sleep_until(due), if !is_full => {}
                () = self.changed.notified(), if !is_full => {}
                () = self.wake.closed() => {}
            }
        }
    }

    fn next_due(&self) -> Option<Instant> {
        lock(&self.watched).values().filter(|w| !w.under_way).map(|w| w.due).min()
    }

    /// The services of one cluster that are due, filled up with those that are due next.
    fn next_page(&self) -> Option<Page<K>> {
        let now = Instant::now();
        let mut watched = lock(&self.watched);
        let ripe = |w: &&Watched| !w.under_way && w.due <= now + w.early;
        let first = watched.values().filter(ripe).min_by_key(|w| w.due)?;
        let full = || watched.values().filter(ripe).filter(|w| w.cluster == first.cluster).nth(PAGE - 1).is_some();
        if first.due > now && !full() {
            return None;
        }
        let cluster = first.cluster.clone();
        let mut next: Vec<(Instant, K)> = watched
            .iter()
            .filter(|(_, w)| w.cluster == cluster && !w.under_way)
            // One that was looked at a moment ago is worth no place on the page.
            .filter(|(_, w)| w.due <= now || now.duration_since(w.looked) >= self.worth(w, now))
            .map(|(owner, w)| (w.due, owner.clone()))
            .collect();
        next.sort_by_key(|(due, _)| *due);
        next.truncate(PAGE);
        let mut services = Vec::new();
        for (_, owner) in next {
            if let Some(entry) = watched.get_mut(&owner) {
                entry.under_way = true;
                services.push((owner, entry.service.clone()));
            }
        }
        Some(Page { cluster, services })
    }

    async fn look(&self, page: Page<K>) {
        let names = page.services.iter().map(|(_, name)| name.clone()).collect();
        let read = self.aws.describe_services(&page.cluster, names, Priority::Sweep).await;
        let found = match read {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(cluster = page.cluster, %error, "services could not be looked at");
                return page.services.iter().for_each(|(owner, _)| self.not_looked(owner));
            }
        };
        for (owner, name) in page.services {
            // Not found may be AWS's eventual consistency; the owner's own pass finds out.
            let facts = match found.get(&name) {
                Some(Err(error)) => {
                    tracing::warn!(cluster = page.cluster, service = name, %error, "a service could not be looked at");
                    self.not_looked(&owner);
                    continue;
                }
                Some(Ok(facts)) => Some(facts),
                None => None,
            };
            let is_news = self.looked(&owner, &name, facts.map(pulse));
            if let Some(facts) = facts.filter(|_| is_news) {
                self.aws.memory().services.read(&(page.cluster.clone(), name), Some(facts.clone()));
            }
            if is_news {
                // The receiver may be gone: then nobody is to be woken.
                drop(self.wake.send(owner).await);
            }
        }
    }

    /// It is tried again after its usual pause.
    fn not_looked(&self, owner: &K) {
        let now = Instant::now();
        if let Some(entry) = lock(&self.watched).get_mut(owner) {
            entry.under_way = false;
            entry.due = now + self.pause(entry, now);
        }
    }

    /// Notes what was seen; says whether it is news.
    fn looked(&self, owner: &K, service: &str, pulse: Option<u64>) -> bool {
        let now = Instant::now();
        let mut watched = lock(&self.watched);
        let Some(entry) = watched.get_mut(owner) else { return false };
        entry.under_way = false;
        entry.looked = now;
        entry.due = now + self.pause(entry, now);
        if entry.service != service {
            return false;
        }
        let is_news = entry.pulse != pulse;
        entry.pulse = pulse;
        is_news
    }

    /// When it is due again.
    fn pause(&self, entry: &Watched, now: Instant) -> Duration {
        match entry.mode {
            Mode::Steady => self.intervals.steady,
            Mode::Rolling => self.rolling(entry, now) + entry.early,
        }
    }

    fn rolling(&self, entry: &Watched, now: Instant) -> Duration {
        let age = now.duration_since(entry.since);
        (age / 2).clamp(self.intervals.rolling, self.intervals.slowest_rolling.max(self.intervals.rolling))
    }

    /// How long after a look another one is worth a place on a page that goes anyway.
    fn worth(&self, entry: &Watched, now: Instant) -> Duration {
        match entry.mode {
            Mode::Steady => self.intervals.steady / 2,
            Mode::Rolling if entry.early.is_zero() => self.rolling(entry, now) / 2,
            Mode::Rolling => self.rolling(entry, now) / 5,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
