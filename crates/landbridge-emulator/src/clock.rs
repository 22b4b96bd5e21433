//! The one source of time. Tests move it by hand; the sandbox lets it follow the machine, faster if asked.
//! Nothing else in the crate may read the system's clock.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

/// Virtual time: either moved by hand or the machine's, multiplied. Clones share the same time.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    Manual(Arc<Mutex<Timestamp>>),
    Real { start: Timestamp, origin: Instant, speed: f64 },
}

impl Clock {
    /// Stands still at `start` until [`Clock::advance`] moves it.
    pub fn manual(start: Timestamp) -> Self {
        Self(Source::Manual(Arc::new(Mutex::new(start))))
    }

    /// Starts at the machine's present and runs `speed` virtual seconds per second. A speed that is not a positive
    /// finite number counts as 1.
    pub fn real(speed: f64) -> Self {
        let speed = if speed.is_finite() && speed > 0.0 { speed } else { 1.0 };
        Self(Source::Real { start: Timestamp::now(), origin: Instant::now(), speed })
    }

    /// The present in virtual time.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::Manual(at) => *at.lock().unwrap_or_else(PoisonError::into_inner),
            Source::Real { start, origin, speed } => {
                let elapsed = Duration::try_from_secs_f64(origin.elapsed().as_secs_f64() * speed);
                elapsed.map_or(*start, |elapsed| later(*start, elapsed))
            }
        }
    }

    /// Whether only [`Clock::advance`] moves it.
    pub(crate) fn is_manual(&self) -> bool {
        matches!(self.0, Source::Manual(_))
    }

    /// Moves a manual clock forward; returns false, and does nothing, for a real one.
    pub fn advance(&self, by: Duration) -> bool {
        let Source::Manual(at) = &self.0 else { return false };
        let mut at = at.lock().unwrap_or_else(PoisonError::into_inner);
        *at = later(*at, by);
        true
    }

    /// Moves a manual clock to `to` if that is later; time never goes back.
    pub(crate) fn advance_to(&self, to: Timestamp) {
        if let Source::Manual(at) = &self.0 {
            let mut at = at.lock().unwrap_or_else(PoisonError::into_inner);
            *at = to.max(*at);
        }
    }
}

/// `at + by`, saturating at the end of time.
pub(crate) fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// Seconds from `from` to `to`, never negative.
pub(crate) fn seconds_between(from: Timestamp, to: Timestamp) -> f64 {
    (to.duration_since(from).as_secs_f64()).max(0.0)
}
