//! Looking in bulk at what is no ECS service (clusters, capacity providers, namespaces, Cloud Map services, log groups,
//! roles) and waking whoever owns something that differs from what passes know of it.
//!
//! One round after another, each begun `interval` after the one before. A round makes at most twenty calls in an
//! interval, evenly; what needs more takes longer. Only fingerprints are kept: the pass that is woken reads for itself.

mod pages;
mod thing;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use landbridge_plan::verdict::ErrorClass;
use tokio::time::Instant;

use crate::client::Aws;
use crate::error::AwsError;
use pages::{Source, sources};

pub use thing::Thing;

/// Calls in an interval.
const CALLS: u32 = 20;
/// How often a pass is woken for the same difference. One is enough unless AWS answers the pass from a past; a
/// difference that passes never see (AWS shows one thing in two ways) must not wake them for ever.
const TOLD: u8 = 3;
/// How often things are looked at one by one, by the passes of their owners, where AWS refuses the bulk read.
const ONE_BY_ONE: Duration = Duration::from_mins(10);

/// Fingerprints of what is there.
type Prints = HashMap<Thing, u64>;

/// Whoever wants to know.
#[derive(Clone)]
pub struct Owner {
    name: Arc<str>,
    wake: Arc<dyn Fn() + Send + Sync>,
}

impl Owner {
    /// The owner of that unique name; `wake` queues its next pass.
    pub fn new(name: &str, wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self { name: name.into(), wake: Arc::new(wake) }
    }
}

impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Owner").field(&self.name).finish()
    }
}

/// The things of one account and Region.
#[derive(Debug)]
pub struct Round {
    aws: Aws,
    interval: Duration,
    watched: Mutex<Watched>,
}

#[derive(Debug, Default)]
struct Watched {
    by_owner: HashMap<Arc<str>, Vec<Thing>>,
    things: HashMap<Thing, Entry>,
}

#[derive(Debug)]
struct Entry {
    owners: Vec<Owner>,
    /// What passes know; none when they know nothing.
    known: Option<u64>,
    /// The difference that was told last, and how often.
    told: Option<Told>,
    /// When it was last compared.
    at: Instant,
}

#[derive(Debug, PartialEq)]
struct Told {
    known: Option<u64>,
    shown: Option<u64>,
    times: u8,
}

/// Spaces the calls of a round.
struct Pace {
    gap: Duration,
    next: Mutex<Instant>,
}

impl Pace {
    fn of(interval: Duration) -> Self {
        Self { gap: interval / CALLS, next: Mutex::new(Instant::now()) }
    }

    /// Resolves when the next call may be made.
    async fn next(&self) {
        let at = {
            let mut next = lock(&self.next);
            let at = (*next).max(Instant::now());
            *next = at + self.gap;
            at
        };
        tokio::time::sleep_until(at).await;
    }
}

impl Round {
    /// Rounds that begin every `interval` and watch nothing yet.
    pub fn new(aws: Aws, interval: Duration) -> Self {
        Self { aws, interval, watched: Mutex::default() }
    }

    /// Watches exactly `things` for that owner, as its pass has just seen them.
    pub fn watch(&self, owner: &Owner, things: Vec<Thing>) {
        let mut watched = lock(&self.watched);
        watched.drop_all_but(&owner.name, &things);
        for thing in &things {
            let known = thing.remembered(&self.aws);
            let now = Instant::now();
            let fresh = || Entry { owners: Vec::new(), known: None, told: None, at: now };
            let entry = watched.things.entry(thing.clone()).or_insert_with(fresh);
            if !entry.owners.iter().any(|o| o.name == owner.name) {
                entry.owners.push(owner.clone());
            }
            if known.is_some() {
                entry.known = known;
                entry.at = now;
            }
        }
        if !things.is_empty() {
            watched.by_owner.insert(owner.name.clone(), things);
        }
    }

    /// Watches nothing of that owner any more.
    pub fn unwatch(&self, owner: &str) {
        lock(&self.watched).drop_all_but(owner, &[]);
    }

    /// How many things are watched.
    pub fn len(&self) -> usize {
        lock(&self.watched).things.len()
    }

    /// Whether nothing is watched.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Goes round until it is dropped. The first round begins after an interval: the passes that watch have just looked.
    pub async fn run(&self) {
        let mut refused = HashSet::new();
        let mut begin = Instant::now() + self.interval;
        loop {
            tokio::time::sleep_until(begin).await;
            begin += self.interval;
            self.once(&mut refused).await;
            begin = begin.max(Instant::now());
        }
    }

    async fn once(&self, refused: &mut HashSet<&'static str>) {
        let things: BTreeSet<Thing> = lock(&self.watched).things.keys().cloned().collect();
        let pace = Pace::of(self.interval);
        for (source, things) in sources(things) {
            match source.read(&self.aws, &things, &pace).await {
                Ok(prints) => {
                    refused.remove(source.operation().name);
                    self.compare(&things, &prints);
                }
                Err(error) => self.not_read(&source, &things, &error, refused),
            }
        }
    }

    /// Wakes the owners of what differs.
    fn compare(&self, things: &[Thing], prints: &Prints) {
        let mut woken = Vec::new();
        let mut watched = lock(&self.watched);
        for thing in things {
            let Some(entry) = watched.things.get_mut(thing) else { continue };
            if entry.is_news(prints.get(thing).copied()) {
                tracing::debug!(?thing, "it is not as passes know it");
                woken.push((thing, entry.owners.clone()));
            }
        }
        drop(watched);
        self.wake(woken);
    }

    /// Where AWS does not let us read in bulk, passes look at one thing at a time, which is why they do so less often.
    fn not_read(&self, source: &Source, things: &[Thing], error: &AwsError, refused: &mut HashSet<&'static str>) {
        let operation = source.operation().name;
        if refused.insert(operation) {
            tracing::warn!(operation, %error, "AWS could not be looked at in bulk; changes by others are seen later");
        }
        if error.class != ErrorClass::AccessDenied {
            return;
        }
        let mut woken = Vec::new();
        let mut watched = lock(&self.watched);
        for thing in things {
            let Some(entry) = watched.things.get_mut(thing) else { continue };
            if entry.at.elapsed() >= ONE_BY_ONE {
                entry.at = Instant::now();
                woken.push((thing, entry.owners.clone()));
            }
        }
        drop(watched);
        self.wake(woken);
    }

    fn wake(&self, woken: Vec<(&Thing, Vec<Owner>)>) {
        for (thing, owners) in woken {
            thing.forget(&self.aws);
            for owner in owners {
                (owner.wake)();
            }
        }
    }
}

impl Watched {
    fn drop_all_but(&mut self, owner: &str, kept: &[Thing]) {
        for thing in self.by_owner.remove(owner).unwrap_or_default() {
            if kept.contains(&thing) {
                continue;
            }
            if let Some(entry) = self.things.get_mut(&thing) {
                entry.owners.retain(|o| &*o.name != owner);
                if entry.owners.is_empty() {
                    self.things.remove(&thing);
                }
            }
        }
    }
}

impl Entry {
    /// Notes what AWS shows; says whether somebody has to look.
    fn is_news(&mut self, shown: Option<u64>) -> bool {
        self.at = Instant::now();
        let known = self.known;
        if known.is_none() {
            // Nobody said what it should look like: what is seen first is what later looks compare with.
            self.known = shown;
        }
        if known.is_none() || known == shown {
            self.told = None;
            return false;
        }
        let before = self.told.as_ref().filter(|t| t.known == known && t.shown == shown).map_or(0, |t| t.times);
        self.told = Some(Told { known, shown, times: before.saturating_add(1) });
        before < TOLD
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(known: Option<u64>) -> Entry {
        Entry { owners: Vec::new(), known, told: None, at: Instant::now() }
    }

    #[test]
    fn what_is_as_passes_know_it_is_no_news() {
        let mut entry = entry(Some(1));
        assert!(!entry.is_news(Some(1)));
        assert!(entry.is_news(Some(2)));
    }

    #[test]
    fn what_is_gone_is_news_and_what_nobody_knew_is_not() {
        assert!(entry(Some(1)).is_news(None));
        let mut unknown = entry(None);
        assert!(!unknown.is_news(Some(1)));
        assert!(unknown.is_news(Some(2)));
    }

    #[test]
    fn a_difference_that_passes_do_not_see_wakes_them_three_times_and_another_one_again() {
        let mut entry = entry(Some(1));
        let woken = (0..10).filter(|_| entry.is_news(Some(2))).count();
        assert_eq!(woken, usize::from(TOLD));
        assert!(entry.is_news(Some(3)));
    }

    #[tokio::test(start_paused = true)]
    async fn twenty_calls_at_most_are_made_in_an_interval() {
        let pace = Pace::of(Duration::from_mins(1));
        let began = Instant::now();
        for _ in 0..41 {
            pace.next().await;
        }
        assert_eq!(began.elapsed(), Duration::from_mins(2));
    }
}
