//! One uninterrupted time of holding a shard, and the fence that every AWS write looks at.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

/// Holding a shard from when it was acquired until it is lost. A shard that is lost and acquired again is another
/// tenure, so that a pass that began in the first cannot write in the second on the ground of what it saw before.
#[derive(Debug)]
pub struct Tenure {
    shard: String,
    start: Instant,
    /// Milliseconds after `start` until which writes are allowed.
    valid_for: AtomicU64,
    lost: CancellationToken,
}

impl Tenure {
    /// A tenure renewed at `now`, allowed to write for `deadline`.
    pub(crate) fn begin(shard: &str, now: Instant, deadline: Duration) -> Self {
        let valid_for = AtomicU64::new(millis(deadline));
        Self { shard: shard.to_owned(), start: now, valid_for, lost: CancellationToken::new() }
    }

    /// A tenure that cannot be lost, for a process that is alone by construction (tests).
    pub fn unlimited(shard: &str) -> Self {
        Self::begin(shard, Instant::now(), Duration::MAX)
    }

    /// The shard.
    pub fn shard(&self) -> &str {
        &self.shard
    }

    /// Whether this replica may write to the shard right now.
    pub fn holds(&self) -> bool {
        self.holds_at(Instant::now())
    }

    fn holds_at(&self, now: Instant) -> bool {
        !self.lost.is_cancelled()
            && millis(now.saturating_duration_since(self.start)) < self.valid_for.load(Ordering::Acquire)
    }

    /// Extends the tenure: a renewal that was sent at `sent` succeeded.
    pub(crate) fn renew(&self, sent: Instant, deadline: Duration) {
        let until = millis(sent.saturating_duration_since(self.start).saturating_add(deadline));
        self.valid_for.fetch_max(until, Ordering::AcqRel);
    }

    /// When it ends unless it is renewed.
    pub(crate) fn ends(&self) -> Instant {
        let valid = Duration::from_millis(self.valid_for.load(Ordering::Acquire));
        self.start.checked_add(valid).unwrap_or_else(|| self.start + Duration::from_hours(1))
    }

    /// Ends it for good.
    pub(crate) fn end(&self) {
        self.lost.cancel();
    }

    /// Resolves when it has ended.
    pub async fn ended(&self) {
        self.lost.cancelled().await;
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEADLINE: Duration = Duration::from_secs(10);

    #[test]
    fn a_tenure_that_is_not_renewed_stops_writes_at_its_deadline() {
        let start = Instant::now();
        let tenure = Tenure::begin("1-eu", start, DEADLINE);
        assert!(tenure.holds_at(start + Duration::from_millis(9_999)));
        assert!(!tenure.holds_at(start + DEADLINE));
    }

    #[test]
    fn a_renewal_counts_from_when_it_was_sent_and_a_late_answer_never_shortens() {
        let start = Instant::now();
        let tenure = Tenure::begin("1-eu", start, DEADLINE);
        tenure.renew(start + Duration::from_secs(4), DEADLINE);
        tenure.renew(start + Duration::from_secs(2), DEADLINE);
        assert!(tenure.holds_at(start + Duration::from_secs(13)));
        assert!(!tenure.holds_at(start + Duration::from_secs(14)));
    }

    #[test]
    fn an_ended_tenure_stays_ended_even_if_a_late_renewal_succeeds() {
        let start = Instant::now();
        let tenure = Tenure::begin("1-eu", start, DEADLINE);
        tenure.end();
        tenure.renew(start, DEADLINE);
        assert!(!tenure.holds_at(start));
    }
}
