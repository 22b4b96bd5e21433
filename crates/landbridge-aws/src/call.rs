//! The one way to AWS: budget, lease, send, classify, tell the metrics, and repeat what only failed for a moment.

use std::error::Error as StdError;
use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use landbridge_plan::verdict::ErrorClass;
use tokio::time::Instant;

use crate::budget::Priority;
use crate::client::Aws;
use crate::error::AwsError;
use crate::operations::{Access, Operation};

/// Attempts at a call that AWS throttles; the budget spaces them.
const THROTTLED_ATTEMPTS: u32 = 5;
/// Attempts at a call that fails for a moment.
const TRANSIENT_ATTEMPTS: u32 = 3;
/// Longest pause before the second attempt; each later one may be four times as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

impl Aws {
    /// Makes the call. `send` is called once for each attempt.
    ///
    /// # Errors
    /// What AWS said at the last attempt; [`ErrorClass::Fenced`] when the lease is gone and nothing was sent.
    pub(crate) async fn call<T, E, F>(
        &self,
        operation: &'static Operation,
        priority: Priority,
        send: impl Fn() -> F,
    ) -> Result<T, AwsError>
    where
        E: ProvideErrorMetadata + StdError + 'static,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let error = match self.attempt(operation, priority, &send).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if !is_worth_repeating(operation, &error, attempt) {
                return Err(error);
            }
            tracing::debug!(operation = operation.name, attempt, %error, "the call is repeated");
            tokio::time::sleep(pause(&error, attempt)).await;
        }
    }

    async fn attempt<T, E, F>(
        &self,
        operation: &'static Operation,
        priority: Priority,
        send: &impl Fn() -> F,
    ) -> Result<T, AwsError>
    where
        E: ProvideErrorMetadata + StdError + 'static,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        let bucket = self.budgets().bucket(self.target(), operation);
        bucket.acquire(priority).await;
        if operation.access == Access::Write && !self.fence().may_write(self.target()) {
            return Err(AwsError::fenced(operation));
        }
        let sent = Instant::now();
        let result = send().await.map_err(|error| AwsError::from_sdk(operation, &error));
        self.observer().called(operation, result.as_ref().err().map(|e| e.class), sent.elapsed());
        if let Err(error) = &result {
            if error.class == ErrorClass::Throttled {
                bucket.throttled(sent, error.retry_after);
            }
            tracing::debug!(operation = operation.name, class = ?error.class, code = &*error.code, "the call failed");
        }
        result
    }
}

/// A throttled call did nothing, so it may be repeated whatever it is. One whose answer was lost may only be repeated
/// if it cannot do its work twice.
fn is_worth_repeating(operation: &Operation, error: &AwsError, attempt: u32) -> bool {
    match error.class {
        ErrorClass::Throttled => attempt < THROTTLED_ATTEMPTS,
        ErrorClass::Transient => attempt < TRANSIENT_ATTEMPTS && (operation.repeatable || !error.ambiguous),
        _ => false,
    }
}

/// Half of the pause is chance, so that callers that failed together do not come back together.
fn pause(error: &AwsError, attempt: u32) -> Duration {
    if error.class == ErrorClass::Throttled {
        return Duration::ZERO; // The budget was emptied: it makes the caller wait.
    }
    let longest = error.retry_after.unwrap_or(FIRST_PAUSE * 4_u32.saturating_pow(attempt - 1));
    let chance = (RandomState::new().hash_one(attempt) % 1000) as f64 / 1000.0;
    longest.mul_f64(0.5 + chance / 2.0)
}
