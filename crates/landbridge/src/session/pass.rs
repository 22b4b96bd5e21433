//! One object: looked at, planned, written, told.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use landbridge_api::condition::{self, reason};
use landbridge_aws::budget::Priority;
use landbridge_aws::execute::{Executed, execute};
use landbridge_aws::observe::Freshness;
use landbridge_aws::{AwsError, NoKubernetes};
use landbridge_plan::kind::Kind;
use landbridge_plan::plan::{Blocked, Plan, Unmet};
use landbridge_plan::policy;
use landbridge_plan::verdict::{self, ErrorClass, Verdict};

use super::{Carried, Outcome, Session, Until};

/// Pause between two looks at AWS while something is waited for.
const LOOK: Duration = Duration::from_secs(2);
/// Pauses before a read that failed in passing is tried again.
const AGAIN: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];

/// How far an object is. The texts are for people.
enum State {
    /// Only a person can help.
    Refused(String),
    /// It moves by itself.
    Moving(String),
    /// It is as wanted, or gone.
    Settled(String),
}

impl Session {
    /// The plan of one object, and the object as others may refer to it once it is applied.
    pub(super) async fn plan_one<K: Carried>(&self, mut object: K) -> Result<(K, Plan)> {
        let resolved = match object.resolve(&self.snapshot) {
            Ok(resolved) => resolved,
            Err(unmet) => {
                let plan = unmet_plan(&object, unmet);
                return Ok((object, plan));
            }
        };
        let (plan, observed) = self
            .look(&object, &resolved)
            .await
            .map_err(|e| anyhow::anyhow!("{e}"))
            .with_context(|| format!("looking at {} in AWS", object.identity()))?;
        let now = Timestamp::now();
        let verdict = Verdict::Done {
            resolved: &resolved,
            observed: &observed,
            plan: &plan,
            failure: None,
            executed: plan.steps.len(),
        };
        let mut status = verdict::status(&object, &verdict, now);
        if plan.blocked.is_empty() {
            K::expect(&mut status, &object.identity());
            let generation = object.generation();
            K::common_mut(&mut status).conditions =
                vec![condition::condition(condition::READY, true, reason::READY, "planned", generation, now)];
        }
        *object.status_mut() = Some(status);
        Ok((object, plan))
    }

    /// Looks at the object in AWS. What fails in passing is tried again; nothing is written.
    async fn look<K: Carried>(&self, object: &K, resolved: &K::Resolved) -> Result<(Plan, K::Observed), AwsError> {
        let aws = self.pool.get(K::account(resolved)).await;
        let mut pauses = AGAIN.into_iter();
        let observed = loop {
            let error = match object.observe(&aws, resolved, Freshness::Fresh).await {
                Ok(observed) => break observed,
                Err(error) => error,
            };
            let passing = matches!(error.class, ErrorClass::Throttled | ErrorClass::Transient);
            let Some(pause) = pauses.next().filter(|_| passing) else { return Err(error) };
            tokio::time::sleep(error.retry_after.unwrap_or(pause)).await;
        };
        let plan = policy::filter(object.plan(resolved, &observed, Timestamp::now()), &object.knobs());
        Ok((plan, observed))
    }

    /// Applies one object: plan and execute until nothing is left to do, or until it is healthy.
    pub(super) async fn carry<K: Carried>(&self, mut object: K, until: Until, deadline: Instant) -> (K, Outcome) {
        let identity = object.identity();
        let mut said = String::new();
        loop {
            // A pass holds whole descriptions; on the heap they are not part of every future above this one.
            match Box::pin(self.pass(&mut object)).await {
                State::Refused(message) => {
                    eprintln!("✗ {identity}: {message}");
                    return (object, Outcome::Failed);
                }
                State::Moving(_) if until == Until::Written && is_written(&object) => {
                    eprintln!("✓ {identity}: applied; the rollout goes on (--wait follows it)");
                    return (object, Outcome::Written);
                }
                State::Settled(message) => {
                    eprintln!("✓ {identity}: {message}");
                    return (object, Outcome::Settled);
                }
                State::Moving(message) => {
                    if message != said {
                        eprintln!("… {identity}: {message}");
                        said = message;
                    }
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                eprintln!("✗ {identity}: the time is over (--timeout); last: {said}");
                return (object, Outcome::Failed);
            }
            tokio::time::sleep(LOOK.min(left)).await;
        }
    }

    async fn pass<K: Carried>(&self, object: &mut K) -> State {
        let resolved = match object.resolve(&self.snapshot) {
            Ok(resolved) => resolved,
            Err(unmet) => {
                let Blocked { reason, message } = refusal(unmet);
                return State::Refused(format!("{reason}: {message}"));
            }
        };
        match self.write(object, &resolved).await {
            Ok(state) => state,
            Err(error) => State::Refused(error.to_string()),
        }
    }

    async fn write<K: Carried>(&self, object: &mut K, resolved: &K::Resolved) -> Result<State, AwsError> {
        let (mut plan, mut observed) = self.look(object, resolved).await?;
        if !plan.blocked.is_empty() {
            let told: Vec<_> = plan.blocked.iter().map(|b| format!("{}: {}", b.reason, b.message)).collect();
            return Ok(State::Refused(told.join("; ")));
        }
        let mut execution = Executed::default();
        if !plan.steps.is_empty() && !object.knobs().is_paused() {
            execution = self.execute(object, resolved, &observed, &plan).await;
            if !execution.done.is_empty() {
                let (next, seen) = self.look(object, resolved).await?;
                let mut steps = plan.steps;
                steps.extend(next.steps);
                plan = Plan { steps, ..next };
                observed = seen;
            }
        }
        let failure = execution.failure.as_ref();
        let executed = execution.done.len();
        let verdict = Verdict::Done { resolved, observed: &observed, plan: &plan, failure, executed };
        let status = verdict::status(object, &verdict, Timestamp::now());
        let state = state_of::<K>(&status, plan.gone);
        *object.status_mut() = Some(status);
        Ok(match failure {
            Some(failure) if failure.class.is_stalled() => {
                State::Refused(format!("{}: {}: {}", failure.class.reason(), failure.operation, failure.message))
            }
            _ => state,
        })
    }

    async fn execute<K: Carried>(
        &self,
        object: &mut K,
        resolved: &K::Resolved,
        observed: &K::Observed,
        plan: &Plan,
    ) -> Executed {
        let aws = self.pool.get(K::account(resolved)).await;
        if let Some(intent) = object.intent(resolved, observed, plan) {
            *object.status_mut() = Some(intent);
        }
        let execution = execute(plan, &aws, &NoKubernetes, Priority::Deploy).await;
        let identity = object.identity();
        for step in plan.steps.iter().filter(|s| execution.done.contains(&s.id)) {
            eprintln!("  {identity}: {} ({})", step.change.operation(), step.change.target());
        }
        self.writes.fetch_add(execution.done.len(), Ordering::Relaxed);
        execution
    }
}

fn state_of<K: Kind>(status: &K::Status, gone: bool) -> State {
    if gone {
        return State::Settled("gone".to_owned());
    }
    let conditions = &K::common(status).conditions;
    let Some(ready) = condition::find(conditions, condition::READY) else { return State::Moving(String::new()) };
    if condition::is_true(conditions, condition::READY) {
        State::Settled(ready.message.clone())
    } else if condition::is_true(conditions, condition::RECONCILING) {
        State::Moving(format!("{}: {}", ready.reason, ready.message))
    } else {
        // Stalled, or paused with changes to make: nothing moves by itself.
        State::Refused(format!("{}: {}{}", ready.reason, ready.message, advice(&ready.reason)))
    }
}

/// What a user of this program can do besides what the planner says: unlike the operator it remembers nothing of earlier runs.
fn advice(reason: &str) -> &'static str {
    if reason == reason::ROLLED_BACK {
        "; without an operator another `landbridge apply` tries it again too, once ECS has finished the rollback"
    } else {
        ""
    }
}

/// Whether everything that the spec asks for has been written.
fn is_written<K: Carried>(object: &K) -> bool {
    object.stored().is_some_and(|s| K::common(s).applied_spec.is_some())
}

fn unmet_plan<K: Kind>(object: &K, unmet: Unmet) -> Plan {
    let mut plan = Plan::of(object.identity());
    match unmet {
        Unmet::Wait(wait) if wait.reason != reason::REFERENCE_NOT_FOUND => plan.waits.push(wait),
        unmet => plan.blocked.push(refusal(unmet)),
    }
    plan
}

/// In a run over a given set nobody else makes what is missing, so that what an operator waits for is refused.
fn refusal(unmet: Unmet) -> Blocked {
    match unmet {
        Unmet::Blocked(blocked) => blocked,
        Unmet::Wait(wait) if wait.reason == reason::REFERENCE_NOT_FOUND => {
            Blocked { reason: wait.reason, message: format!("{}; its file has to be given with -f too", wait.message) }
        }
        Unmet::Wait(wait) => Blocked { reason: wait.reason, message: wait.message },
    }
}
