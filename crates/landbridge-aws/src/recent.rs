//! Reads that AWS answers from a past: for a minute after a write, its answer covers what a read does not show yet.
//!
//! ECS is eventually consistent ("CreateService", "RunTask" in the API reference): a service that was just made reads
//! MISSING, and one that was just changed reads as it was. Such a read is known by showing exactly what was there before the
//! write and telling of nothing that happened since; anything else is news and is believed, also that ECS went back.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// How long an answer covers older reads.
const COVERS: Duration = Duration::from_mins(1);

/// What can be remembered like this.
pub(crate) trait Facts: Clone {
    /// Changes when somebody writes, and not when things merely run.
    fn stamp(&self) -> u64;
    /// Whether it is there for good, so that «not there» right after a write cannot be true.
    fn stays(&self) -> bool;
    /// When the newest thing that it tells of happened, on AWS's clock.
    fn told(&self) -> Option<Timestamp> {
        None
    }
    /// Whether this shows the end of what an answer says is in progress. The end may look as it was before the write; to
    /// take a read from before for it does no harm, because AWS refuses a change while another is in progress.
    fn ends(&self, _answer: &Self) -> bool {
        false
    }
    /// Carries over what an answer to a write leaves out.
    fn complete(&mut self, before: Option<&Self>);
}

/// What is remembered of a key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Heard<F> {
    /// Nothing, or nothing new enough.
    Nothing,
    /// That it is like this, or that it is not there.
    Of(Option<F>),
}

/// The last word on each key.
pub(crate) struct Recent<K, F> {
    entries: Mutex<HashMap<K, Entry<F>>>,
    purged: Mutex<Instant>,
}

struct Entry<F> {
    facts: Option<F>,
    at: Instant,
    written: Option<Written>,
}

struct Written {
    /// Stamps of what was there before this write and those shortly before it, as far as it is known.
    before: Vec<u64>,
    at: Instant,
}

impl<K, F> Default for Recent<K, F> {
    fn default() -> Self {
        Self { entries: Mutex::default(), purged: Mutex::new(Instant::now()) }
    }
}

impl<K: Eq + Hash + Clone, F: Facts> Recent<K, F> {
    /// What was last heard of the key, if that is not older than `age`.
    pub(crate) fn get(&self, key: &K, age: Duration) -> Heard<F> {
        match lock(&self.entries).get(key).filter(|e| e.at.elapsed() <= age) {
            Some(entry) => Heard::Of(entry.facts.clone()),
            None => Heard::Nothing,
        }
    }

    /// A read was answered; gives back what is true.
    pub(crate) fn read(&self, key: &K, facts: Option<F>) -> Option<F> {
        self.purge();
        let now = Instant::now();
        let mut entries = lock(&self.entries);
        if let Some(entry) = entries.get_mut(key)
            && entry.covers(facts.as_ref(), now)
        {
            return entry.facts.clone();
        }
        let written = entries.get_mut(key).and_then(|e| e.written.take()).filter(|w| now - w.at < COVERS);
        entries.insert(key.clone(), Entry { facts: facts.clone(), at: now, written });
        facts
    }

    /// A write was answered with `facts`.
    pub(crate) fn wrote(&self, key: &K, mut facts: F) {
        self.purge();
        let now = Instant::now();
        let mut entries = lock(&self.entries);
        let old = entries.remove(key);
        facts.complete(old.as_ref().and_then(|e| e.facts.as_ref()));
        let written = Some(Written::after(old.as_ref(), now));
        entries.insert(key.clone(), Entry { facts: Some(facts), at: now, written });
    }

    /// A write whose answer says nothing changed what is remembered in this way.
    pub(crate) fn change(&self, key: &K, change: impl FnOnce(&mut F)) {
        let now = Instant::now();
        let mut entries = lock(&self.entries);
        let Some(entry) = entries.get_mut(key) else { return };
        let Some(facts) = &entry.facts else { return };
        let mut changed = facts.clone();
        change(&mut changed);
        entry.written = Some(Written::after(Some(entry), now));
        entry.facts = Some(changed);
        entry.at = now;
    }

    /// What was there is gone.
    pub(crate) fn removed(&self, key: &K) {
        let mut entries = lock(&self.entries);
        let at = Instant::now();
        let written = Some(Written::after(entries.get(key), at));
        entries.insert(key.clone(), Entry { facts: None, at, written });
    }

    fn purge(&self) {
        let now = Instant::now();
        let mut purged = lock(&self.purged);
        if now.duration_since(*purged) > COVERS / 2 {
            *purged = now;
            lock(&self.entries).retain(|_, e| now.duration_since(e.at) < COVERS);
        }
    }
}

impl Written {
    fn after<F: Facts>(old: Option<&Entry<F>>, at: Instant) -> Self {
        let earlier = old.and_then(|e| e.written.as_ref()).filter(|w| at.duration_since(w.at) < COVERS);
        let mut before = earlier.map(|w| w.before.clone()).unwrap_or_default();
        before.extend(old.and_then(|e| e.facts.as_ref()).map(Facts::stamp));
        Self { before, at }
    }
}

impl<F: Facts> Entry<F> {
    /// Whether `read` is from before the write.
    fn covers(&self, read: Option<&F>, now: Instant) -> bool {
        let Some(written) = self.written.as_ref().filter(|w| now.duration_since(w.at) < COVERS) else { return false };
        match (read, &self.facts) {
            (None, Some(answer)) => answer.stays(),
            (None, None) => false,
            (Some(read), answer) => {
                let is_new = |a: &F| a.stamp() == read.stamp() || a.told() < read.told() || read.ends(a);
                written.before.contains(&read.stamp()) && !answer.as_ref().is_some_and(is_new)
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    struct Thing(u64, bool);

    /// A service that looks like this, with its newest event at that second.
    #[derive(Clone, Debug, PartialEq)]
    struct Telling(u64, i64);

    impl Facts for Telling {
        fn stamp(&self) -> u64 {
            self.0
        }
        fn stays(&self) -> bool {
            true
        }
        fn told(&self) -> Option<Timestamp> {
            Timestamp::from_second(self.1).ok()
        }
        fn complete(&mut self, _: Option<&Self>) {}
    }

    impl Facts for Thing {
        fn stamp(&self) -> u64 {
            self.0
        }
        fn stays(&self) -> bool {
            self.1
        }
        fn complete(&mut self, _: Option<&Self>) {}
    }

    #[tokio::test(start_paused = true)]
    async fn a_thing_that_was_just_made_is_there_even_if_aws_says_missing_for_a_minute() {
        let recent = Recent::default();
        assert_eq!(recent.read(&"a", None), None);
        recent.wrote(&"a", Thing(1, true));
        assert_eq!(recent.get(&"a", Duration::from_secs(2)), Heard::Of(Some(Thing(1, true))));
        assert_eq!(recent.read(&"a", None), Some(Thing(1, true)));
        tokio::time::sleep(COVERS).await;
        assert_eq!(recent.read(&"a", None), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_from_before_the_write_is_covered_and_news_is_believed() {
        let recent = Recent::default();
        recent.read(&"a", Some(Thing(1, true)));
        recent.wrote(&"a", Thing(2, true));
        assert_eq!(recent.read(&"a", Some(Thing(1, true))), Some(Thing(2, true)));
        assert_eq!(recent.read(&"a", Some(Thing(3, true))), Some(Thing(3, true)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_that_looks_as_before_and_tells_of_something_newer_than_the_write_is_believed() {
        let recent = Recent::default();
        recent.read(&"a", Some(Telling(1, 10)));
        recent.wrote(&"a", Telling(2, 10));
        assert_eq!(recent.read(&"a", Some(Telling(1, 10))), Some(Telling(2, 10)), "from before the write");
        assert_eq!(recent.read(&"a", Some(Telling(1, 11))), Some(Telling(1, 11)), "it was rolled back");
    }

    /// Something that looks like this, in progress or not.
    #[derive(Clone, Debug, PartialEq)]
    struct Moving(u64, bool);

    impl Facts for Moving {
        fn stamp(&self) -> u64 {
            self.0
        }
        fn stays(&self) -> bool {
            true
        }
        fn ends(&self, answer: &Self) -> bool {
            answer.1 && !self.1
        }
        fn complete(&mut self, _: Option<&Self>) {}
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_a_change_is_believed_although_it_looks_as_before_the_change() {
        let recent = Recent::default();
        recent.read(&"a", Some(Moving(1, false)));
        recent.wrote(&"a", Moving(2, true));
        assert_eq!(recent.read(&"a", Some(Moving(1, false))), Some(Moving(1, false)), "it failed");
    }

    #[tokio::test(start_paused = true)]
    async fn what_drains_after_a_delete_may_be_gone_at_once() {
        let recent = Recent::default();
        recent.read(&"a", Some(Thing(1, true)));
        recent.wrote(&"a", Thing(2, false));
        assert_eq!(recent.read(&"a", Some(Thing(1, true))), Some(Thing(2, false)));
        assert_eq!(recent.read(&"a", None), None);
    }
}
