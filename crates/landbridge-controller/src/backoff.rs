//! How long an object waits after a failure: by class, doubling with every failure in a row, with jitter.
//!
//! It remembers only objects that fail. A success or a new generation of the spec starts afresh.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use landbridge_plan::verdict::ErrorClass;

/// The failures in a row of every object that fails.
#[derive(Debug, Default)]
pub struct Backoff {
    streaks: Mutex<HashMap<String, Streak>>,
}

#[derive(Clone, Copy, Debug)]
struct Streak {
    generation: i64,
    failures: u32,
}

impl Backoff {
    /// Counts a failure of the object and says when to try again; `None` when only a change can help.
    pub fn failed(&self, identity: &str, generation: i64, class: ErrorClass) -> Option<Duration> {
        let mut streaks = self.streaks.lock().unwrap_or_else(PoisonError::into_inner);
        let streak = streaks.entry(identity.to_owned()).or_insert(Streak { generation, failures: 0 });
        if streak.generation != generation {
            *streak = Streak { generation, failures: 0 };
        }
        streak.failures = streak.failures.saturating_add(1);
        delay(class, streak.failures).map(spread)
    }

    /// Forgets the failures of an object that succeeded or is gone.
    pub fn succeeded(&self, identity: &str) {
        self.streaks.lock().unwrap_or_else(PoisonError::into_inner).remove(identity);
    }

    /// Whether the last pass of the object failed.
    pub fn is_failing(&self, identity: &str) -> bool {
        self.streaks.lock().unwrap_or_else(PoisonError::into_inner).contains_key(identity)
    }

    /// How many objects fail now.
    pub fn failing(&self) -> usize {
        self.streaks.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// The delay after that many failures in a row (from 1), without jitter.
///
/// | class | first | longest | why |
/// |---|---|---|---|
/// | Conflict | 0.2 s | 10 s | somebody else was quicker; reading again is enough |
/// | NotYet, NotFound | 1 s | 15 s | AWS is eventually consistent; it will be accepted soon |
/// | Throttled, Transient | 1 s | 60 s | AWS or the network recovers by itself |
/// | InUse | 5 s | 60 s | something else must go first |
/// | AlreadyExists, AccessDenied, Credentials, Quota | 60 s | 300 s | a person must act, outside Kubernetes |
/// | Invalid | 30 min | 30 min | a person must edit the object, and that wakes it at once |
/// | Fenced | - | - | whoever holds the lease acts; getting it back wakes the object |
fn delay(class: ErrorClass, failures: u32) -> Option<Duration> {
    let (first, longest) = match class {
        ErrorClass::Conflict => (200, 10_000),
        ErrorClass::NotYet | ErrorClass::NotFound => (1_000, 15_000),
        ErrorClass::Throttled | ErrorClass::Transient => (1_000, 60_000),
        ErrorClass::InUse => (5_000, 60_000),
        ErrorClass::AlreadyExists | ErrorClass::AccessDenied | ErrorClass::Credentials | ErrorClass::Quota => {
            (60_000, 300_000)
        }
        ErrorClass::Invalid => (1_800_000, 1_800_000),
        ErrorClass::Fenced => return None,
    };
    let doubled = 1_u64.checked_shl(failures.saturating_sub(1).min(20)).map_or(longest, |f| f.saturating_mul(first));
    Some(Duration::from_millis(doubled.min(longest)))
}

/// The duration, made up to a fifth shorter or longer, so that objects that failed together do not come back together.
pub fn spread(duration: Duration) -> Duration {
    // A fresh RandomState hashes nothing to a random number: enough for jitter, and no further dependency.
    let random = RandomState::new().hash_one(()) as f64 / u64::MAX as f64;
    duration.mul_f64(0.8 + 0.4 * random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_in_a_row_double_the_delay_up_to_the_longest_of_the_class() {
        let delays: Vec<_> = (1..=8).filter_map(|n| delay(ErrorClass::Throttled, n)).map(|d| d.as_secs()).collect();
        assert_eq!(delays, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(delay(ErrorClass::Transient, u32::MAX), Some(Duration::from_mins(1)));
    }

    #[test]
    fn a_new_generation_and_a_success_start_afresh() {
        let backoff = Backoff::default();
        for _ in 0..6 {
            backoff.failed("ECSService/shop/web", 1, ErrorClass::Transient);
        }
        let edited = backoff.failed("ECSService/shop/web", 2, ErrorClass::Transient).unwrap();
        assert!(edited <= Duration::from_millis(1_200), "{edited:?}");
        backoff.succeeded("ECSService/shop/web");
        assert_eq!(backoff.failing(), 0);
    }

    #[test]
    fn what_only_a_person_can_help_is_tried_rarely_and_what_is_fenced_not_at_all() {
        let backoff = Backoff::default();
        assert!(backoff.failed("a", 1, ErrorClass::AccessDenied).unwrap() >= Duration::from_secs(48));
        assert!(backoff.failed("b", 1, ErrorClass::Invalid).unwrap() >= Duration::from_mins(24));
        assert_eq!(backoff.failed("c", 1, ErrorClass::Fenced), None);
    }

    #[test]
    fn jitter_stays_within_a_fifth() {
        for _ in 0..1_000 {
            let spread = spread(Duration::from_secs(10));
            assert!(spread >= Duration::from_secs(8) && spread <= Duration::from_secs(12), "{spread:?}");
        }
    }
}
