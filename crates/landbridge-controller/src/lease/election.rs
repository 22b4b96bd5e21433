//! Who holds a lease, decided from what was read and a local clock. Pure: no I/O, and it reads no clock.
//!
//! Expiry is judged by how long *this* process has seen the lease unchanged, never by comparing the holder's wall
//! clock with ours: two machines need not agree on the time for this to be safe.

use std::time::{Duration, Instant};

/// How long a lease lasts and how often it is renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timings {
    /// How long others must see the lease unchanged before they may take it.
    pub duration: Duration,
    /// How long after its last renewal the holder still writes. Shorter than `duration`, so that a holder stops
    /// before anyone else starts.
    pub renew_deadline: Duration,
    /// How often the holder renews and others look.
    pub retry: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry: Duration::from_secs(2),
        }
    }
}

/// A lease as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Identity of the holder; empty when it was released.
    pub holder: String,
    /// The resource version; every write changes it.
    pub version: String,
    /// How long the holder asked for.
    pub duration: Duration,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Move {
    /// Make the lease, with us as the holder.
    Create,
    /// Become the holder: it was released, or its holder is silent.
    Take,
    /// Renew it: we hold it.
    Renew,
    /// Somebody else holds it; look again after that long.
    Wait(Duration),
}

/// One replica's view of one lease.
#[derive(Debug)]
pub struct Election {
    me: String,
    timings: Timings,
    seen: Option<(Seen, Instant)>,
}

impl Election {
    /// A view that has not read anything.
    pub fn new(me: impl Into<String>, timings: Timings) -> Self {
        Self { me: me.into(), timings, seen: None }
    }

    /// Takes in what was read at `now`; `None` when there is no such lease. An unchanged lease keeps the time at which
    /// it was first seen so.
    pub fn read(&mut self, lease: Option<Seen>, now: Instant) {
        self.seen = match (lease, self.seen.take()) {
            (Some(new), Some((old, since))) if new == old => Some((new, since)),
            (Some(new), _) => Some((new, now)),
            (None, _) => None,
        };
    }

    /// What to do at `now`.
    pub fn next(&self, now: Instant) -> Move {
        let Some((seen, since)) = &self.seen else { return Move::Create };
        if seen.holder == self.me {
            return Move::Renew;
        }
        let silent = now.saturating_duration_since(*since);
        if seen.holder.is_empty() || silent >= seen.duration {
            return Move::Take;
        }
        Move::Wait(self.timings.retry.min(seen.duration.saturating_sub(silent)))
    }

    /// The resource version that a write must name, so that it fails if anyone wrote in between.
    pub fn version(&self) -> Option<&str> {
        self.seen.as_ref().map(|(seen, _)| seen.version.as_str())
    }

    /// The timings.
    pub fn timings(&self) -> Timings {
        self.timings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held_by(holder: &str, version: &str) -> Seen {
        Seen { holder: holder.into(), version: version.into(), duration: Duration::from_secs(15) }
    }

    fn election() -> (Election, Instant) {
        (Election::new("a", Timings::default()), Instant::now())
    }

    #[test]
    fn a_lease_that_is_not_there_is_made_and_one_of_our_own_is_renewed() {
        let (mut a, t) = election();
        assert_eq!(a.next(t), Move::Create);
        a.read(Some(held_by("a", "1")), t);
        assert_eq!(a.next(t), Move::Renew);
    }

    #[test]
    fn a_released_lease_is_taken_at_once() {
        let (mut a, t) = election();
        a.read(Some(held_by("", "7")), t);
        assert_eq!(a.next(t), Move::Take);
        assert_eq!(a.version(), Some("7"));
    }

    #[test]
    fn a_lease_whose_holder_renews_is_never_taken() {
        let (mut a, t) = election();
        for i in 0..100_u64 {
            let now = t + Duration::from_secs(i * 2);
            a.read(Some(held_by("b", &i.to_string())), now);
            assert!(matches!(a.next(now), Move::Wait(_)), "at {i}");
        }
    }

    #[test]
    fn a_silent_holder_loses_its_lease_only_after_the_whole_duration_on_our_clock() {
        let (mut a, t) = election();
        a.read(Some(held_by("b", "1")), t);
        let almost = t + Duration::from_millis(14_999);
        a.read(Some(held_by("b", "1")), almost);
        assert_eq!(a.next(almost), Move::Wait(Duration::from_millis(1)));
        let over = t + Duration::from_secs(15);
        a.read(Some(held_by("b", "1")), over);
        assert_eq!(a.next(over), Move::Take);
    }

    #[test]
    fn a_replica_that_has_just_started_waits_the_whole_duration_whatever_the_lease_says_of_the_time() {
        let (mut a, t) = election();
        a.read(Some(held_by("b", "1")), t);
        assert_eq!(a.next(t), Move::Wait(Duration::from_secs(2)));
    }

    #[test]
    fn the_holder_stops_writing_before_anyone_else_may_start() {
        let timings = Timings::default();
        assert!(timings.renew_deadline + timings.retry < timings.duration);
    }
}
