//! What a pass came to, and when the object is looked at again: the only place that makes an [`Action`].

use std::time::Duration;

use kube::runtime::controller::Action;
use landbridge_plan::verdict::Failure;

use crate::backoff::{Backoff, spread};
use crate::metrics::outcome_of;

/// What a pass came to.
#[derive(Debug)]
pub enum Outcome {
    /// AWS is as wanted, or only an edit can help; either way nothing moves.
    Settled,
    /// It moves by itself; the kind knows how it is followed.
    Moving,
    /// It is looked at again after that long.
    Waiting(Duration),
    /// More is to be done right away.
    Again,
    /// The planner refuses, for a reason that may go away outside Kubernetes.
    Blocked,
    /// A call failed.
    Failed(Failure),
    /// The object is gone, or nothing of it is ours.
    Gone,
    /// The lease was lost on the way.
    Fenced,
}

/// How long a refusal stands before AWS is looked at again; an edit wakes the object at once.
const BLOCKED: Duration = Duration::from_mins(5);
/// Pause before the next pass when one pass was not enough.
const AGAIN: Duration = Duration::from_millis(500);

impl Outcome {
    /// When to look again. `resync` is for what is settled.
    pub fn action(&self, identity: &str, generation: i64, backoff: &Backoff, resync: Duration) -> Action {
        if let Self::Failed(failure) = self {
            return match backoff.failed(identity, generation, failure.class) {
                Some(delay) => Action::requeue(delay),
                None => Action::await_change(),
            };
        }
        backoff.succeeded(identity);
        match self {
            Self::Settled => Action::requeue(spread(resync)),
            Self::Waiting(delay) => Action::requeue(*delay),
            Self::Again | Self::Moving => Action::requeue(AGAIN),
            Self::Blocked => Action::requeue(spread(BLOCKED)),
            // Getting the lease back wakes what was fenced; what is gone stays gone.
            Self::Gone | Self::Fenced | Self::Failed(_) => Action::await_change(),
        }
    }

    /// The label of the metric.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Settled => "ok",
            Self::Waiting(_) | Self::Moving | Self::Again => "waiting",
            Self::Blocked => "blocked",
            Self::Failed(failure) => outcome_of(failure.class),
            Self::Gone => "gone",
            Self::Fenced => "fenced",
        }
    }
}

#[cfg(test)]
mod tests {
    use landbridge_plan::verdict::ErrorClass;

    use super::*;

    const RESYNC: Duration = Duration::from_mins(10);

    fn action(outcome: &Outcome, backoff: &Backoff) -> Action {
        outcome.action("ECSService/shop/web", 1, backoff, RESYNC)
    }

    #[test]
    fn a_wait_is_taken_as_it_is_and_what_is_gone_or_fenced_is_not_queued() {
        let backoff = Backoff::default();
        let waiting = Outcome::Waiting(Duration::from_secs(7));
        assert_eq!(action(&waiting, &backoff), Action::requeue(Duration::from_secs(7)));
        assert_eq!(action(&Outcome::Gone, &backoff), Action::await_change());
        assert_eq!(action(&Outcome::Fenced, &backoff), Action::await_change());
    }

    #[test]
    fn a_pass_that_goes_through_ends_the_streak_of_failures() {
        let backoff = Backoff::default();
        let failed = Failure { operation: "x".into(), class: ErrorClass::Transient, message: String::new() };
        action(&Outcome::Failed(failed), &backoff);
        assert_eq!(backoff.failing(), 1);
        action(&Outcome::Settled, &backoff);
        assert_eq!(backoff.failing(), 0);
    }
}
