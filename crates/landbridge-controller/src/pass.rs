//! The phases of one pass over one object. Each is a few lines; their order is in [`crate::reconcile`].

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use kube::runtime::controller::Action;
use landbridge_api::condition::{self, reason};
use landbridge_api::names::annotation;
use landbridge_aws::Aws;
use landbridge_aws::budget::Priority;
use landbridge_aws::execute::{Executed, execute};
use landbridge_aws::observe::{Freshness, priority};
use landbridge_aws::round::Owner;
use landbridge_plan::kind::News;
use landbridge_plan::plan::{Cause, Plan, Unmet};
use landbridge_plan::policy;
use landbridge_plan::verdict::{self, ErrorClass, Failure, Verdict};

use crate::context::{Context, Converge};
use crate::news;
use crate::outcome::Outcome;

/// How long the first steps of a new object may take before its status says that they run.
const A_WHILE: Duration = Duration::from_millis(500);

/// One pass over one object.
pub struct Pass<'a, K: Converge> {
    ctx: &'a Context<K>,
    /// As it is stored, our own writes of this pass included.
    object: Arc<K>,
    /// What was done, to be told once the status says so too.
    news: Vec<News>,
    /// What AWS told.
    heard: Vec<News>,
    /// The generation of the spec that the pass works on.
    generation: i64,
    /// Clock of the whole pass.
    now: Timestamp,
    started: Instant,
}

impl<'a, K: Converge> Pass<'a, K> {
    /// A pass that begins now.
    pub fn new(object: Arc<K>, ctx: &'a Context<K>) -> Self {
        let generation = object.generation();
        Self {
            ctx,
            object,
            news: Vec::new(),
            heard: Vec::new(),
            generation,
            now: ctx.operator.pool.now(),
            started: Instant::now(),
        }
    }

    /// Whether the object is going and has nothing of ours: it never got as far as the finalizer.
    pub fn is_not_ours_any_more(&self) -> bool {
        self.object.is_deleting() && !self.object.has_finalizer()
    }

    /// Resolves references and the account from the watches.
    pub fn resolve(&self) -> Result<K::Resolved, Unmet> {
        self.object.resolve(&*self.ctx.operator.world)
    }

    /// The way to the account.
    pub async fn aws(&self, resolved: &K::Resolved) -> Aws {
        self.ctx.operator.pool.get(K::account(resolved)).await
    }

    /// Reads AWS.
    pub async fn observe(&self, resolved: &K::Resolved, aws: &Aws) -> Result<K::Observed, Failure> {
        let freshness = if self.wants_fresh() { Freshness::Fresh } else { Freshness::Cached };
        self.object.observe(aws, resolved, freshness).await.map_err(|error| Failure::from(&error))
    }

    /// Plans, and takes away what the knobs do not allow.
    pub fn plan(&self, resolved: &K::Resolved, observed: &K::Observed) -> Plan {
        let plan = policy::filter(self.object.plan(resolved, observed, self.now), &self.object.knobs());
        if !plan.drift.is_empty() {
            self.ctx.operator.metrics.drifted(&K::kind(&()));
        }
        plan
    }

    /// Stores what has to be stored before the steps run: the finalizer, since nothing is written to AWS for an object that
    /// could vanish unseen, and what a lost answer is found again by. Where the finalizer alone is enough for that, gives
    /// back the status that tells of the beginning, for steps that take time. (Until then the schema's default keeps a new
    /// object from looking finished.)
    pub async fn store_beginning(
        &mut self,
        resolved: &K::Resolved,
        observed: &K::Observed,
        plan: &Plan,
    ) -> Result<Option<K::Status>, Failure> {
        let begins = self.store_finalizer().await?;
        if plan.steps.is_empty() || self.object.knobs().is_paused() {
            return Ok(None);
        }
        let intent = self.object.intent(resolved, observed, plan);
        let is_found_again = intent.as_ref().is_none_or(|i| self.object.finds_again(i));
        let can_wait = begins && is_found_again && !verdict::is_spoken_of(&*self.object);
        let Some(status) = verdict::before_steps(&*self.object, intent, self.now) else { return Ok(None) };
        if can_wait {
            return Ok(Some(status));
        }
        self.put_status(status).await?;
        self.unedited()?;
        Ok(None)
    }

    /// Stores the finalizer if it is not there yet; says whether it was not.
    async fn store_finalizer(&mut self) -> Result<bool, Failure> {
        if self.object.has_finalizer() || self.object.is_deleting() {
            return Ok(false);
        }
        let stored = self.ctx.operator.api.add_finalizer(&*self.object).await?;
        self.stored(stored);
        self.unedited()?;
        Ok(true)
    }

    /// Executes the steps, unless the object is paused. When they take a while, `word` is stored meanwhile.
    pub async fn execute(
        &mut self,
        resolved: &K::Resolved,
        plan: &Plan,
        aws: &Aws,
        word: Option<K::Status>,
    ) -> Result<Executed, Failure> {
        if plan.steps.is_empty() || self.object.knobs().is_paused() {
            return Ok(Executed::default());
        }
        let only_drift = plan.steps.iter().all(|s| s.cause == Cause::Drift);
        let priority = if only_drift { Priority::Drift } else { priority(&*self.object, resolved) };
        let (done, told) = self.telling(word, execute(plan, aws, &self.ctx.operator.writer, priority)).await;
        for step in plan.steps.iter().filter(|s| done.done.contains(&s.id)) {
            tracing::info!(object = plan.object, step = step.id, operation = step.change.operation(), "done");
        }
        self.news = news::of_steps(plan, &done.done);
        if let Err(failure) = told {
            // What was done is seen by the pass that follows.
            self.tell(Vec::new());
            return Err(failure);
        }
        Ok(done)
    }

    /// Waits for the steps. When that takes longer than anybody would wait for a word, gives it.
    async fn telling(
        &mut self,
        word: Option<K::Status>,
        steps: impl Future<Output = Executed>,
    ) -> (Executed, Result<(), Failure>) {
        let mut steps = pin!(steps);
        let Some(word) = word else { return (steps.await, Ok(())) };
        if let Ok(done) = tokio::time::timeout(A_WHILE, &mut steps).await {
            return (done, Ok(()));
        }
        let told = async { self.put_status(word).await.and_then(|()| self.unedited()) };
        tokio::join!(steps, told)
    }

    /// After a write, what is true is read again, and what is still to do is planned from that. The plan that comes back
    /// holds the executed steps first and then those that are left.
    pub async fn observe_again(
        &self,
        resolved: K::Resolved,
        aws: &Aws,
        plan: Plan,
        observed: K::Observed,
        done: &Executed,
    ) -> (K::Resolved, Plan, K::Observed) {
        if done.done.is_empty() {
            return (resolved, plan, observed);
        }
        // What was written to Kubernetes is among what the object refers to.
        let wrote_kubernetes = plan.steps.iter().any(|s| s.change.is_kubernetes());
        let resolved = if wrote_kubernetes { self.resolve().unwrap_or(resolved) } else { resolved };
        // If this fails the next pass will see; what was observed before is still the best there is.
        let Ok(observed) = self.observe(&resolved, aws).await else { return (resolved, plan, observed) };
        let next = policy::filter(self.object.plan(&resolved, &observed, self.now), &self.object.knobs());
        let mut steps = plan.steps;
        if done.failure.is_none() {
            steps.extend(next.steps);
        }
        let merged = Plan { steps, drift: plan.drift, ..next };
        (resolved, merged, observed)
    }

    /// Removes the finalizer: AWS holds nothing of the object any more.
    pub async fn let_go(&mut self) -> Result<Outcome, Failure> {
        self.tell(Vec::new());
        self.ctx.operator.api.remove_finalizer(&*self.object).await?;
        self.ctx.operator.sweeps.unwatch_things(&self.object.identity());
        self.object.forget(&self.ctx.operator);
        tracing::info!(object = self.object.identity(), "gone");
        Ok(Outcome::Gone)
    }

    /// A reference is not usable: says so and waits.
    pub async fn unmet(&mut self, unmet: &Unmet) -> Result<Outcome, Failure> {
        if let (Unmet::Wait(wait), Some(rest)) = (unmet, self.ctx.operator.settling_in())
            && wait.reason == reason::REFERENCE_NOT_READY
        {
            // What it refers to is being looked at in this moment, and wakes it.
            return Ok(Outcome::Waiting(rest));
        }
        self.settle(&Verdict::Unmet(unmet)).await?;
        Ok(match unmet {
            Unmet::Wait(wait) => Outcome::Waiting(wait.look_after),
            Unmet::Blocked(_) => Outcome::Blocked,
        })
    }

    /// AWS could not be read: says so and tries again. What is known of AWS stays in the status.
    pub async fn unreadable(&mut self, failure: Failure) -> Result<Outcome, Failure> {
        self.settle(&Verdict::Unreadable(&failure)).await?;
        Ok(Outcome::Failed(failure))
    }

    /// Writes the status and the events, and says what comes next.
    pub async fn conclude(
        &mut self,
        resolved: &K::Resolved,
        observed: &K::Observed,
        plan: &Plan,
        done: &Executed,
    ) -> Result<Outcome, Failure> {
        self.heard = self.object.news(resolved, observed);
        let Executed { done, failure, .. } = done;
        let executed = done.len();
        let verdict = Verdict::Done { resolved, observed, plan, failure: failure.as_ref(), executed };
        self.settle(&verdict).await?;
        Ok(match failure {
            Some(failure) if failure.class == ErrorClass::Fenced => Outcome::Fenced,
            Some(failure) => Outcome::Failed(failure.clone()),
            None => self.next(plan, executed),
        })
    }

    /// Follows what moves, and keeps an eye on what is settled, in the way of the kind.
    pub fn follow(&self, resolved: &K::Resolved, aws: &Aws, outcome: Outcome) -> Outcome {
        self.keep_in_sight(resolved, aws);
        let moves = matches!(outcome, Outcome::Moving | Outcome::Waiting(_) | Outcome::Again);
        let delay = self.object.follow(&self.ctx.operator, resolved, aws, moves);
        if matches!(outcome, Outcome::Moving) { Outcome::Waiting(delay) } else { outcome }
    }

    /// What bulk reads can see of the object is looked at between passes.
    fn keep_in_sight(&self, resolved: &K::Resolved, aws: &Aws) {
        let operator = &self.ctx.operator;
        let identity = self.object.identity();
        if self.object.is_deleting() {
            return operator.sweeps.unwatch_things(&identity);
        }
        let (feed, namespace) = (self.ctx.feed.clone(), self.object.meta().namespace.clone());
        let name = self.object.object_name().to_owned();
        let whose = Owner::new(&identity, move || feed.wake_name(namespace.as_deref(), &name));
        let things = self.object.things(resolved);
        operator.sweeps.watch_things(&whose, things, K::account(resolved), aws, &operator.leases);
    }

    /// The pass is over: metrics, log, and when to look again.
    pub fn end(&self, outcome: &Outcome) -> Action {
        let operator = &self.ctx.operator;
        let identity = self.object.identity();
        operator.metrics.reconciled(&K::kind(&()), outcome.label(), self.started.elapsed());
        match outcome {
            Outcome::Failed(Failure { operation, class, message }) if *class != ErrorClass::Conflict => {
                tracing::warn!(object = identity, operation, ?class, message, "pass failed");
            }
            _ => {
                let took = self.started.elapsed();
                tracing::debug!(object = identity, outcome = outcome.label(), ?took, "pass ended");
            }
        }
        outcome.action(&identity, self.object.generation(), &operator.backoff, K::resync(&operator.config))
    }

    fn next(&self, plan: &Plan, executed: usize) -> Outcome {
        let conditions = self.object.stored().map(|s| K::common(s).conditions.as_slice()).unwrap_or_default();
        if !plan.blocked.is_empty() {
            return Outcome::Blocked;
        }
        if plan.steps.len() > executed && !self.object.knobs().is_paused() {
            return Outcome::Again;
        }
        if let Some(delay) = verdict::look_again(plan) {
            return Outcome::Waiting(delay);
        }
        if condition::is_true(conditions, condition::RECONCILING) {
            return Outcome::Moving;
        }
        Outcome::Settled
    }

    /// Stores the status that follows from the verdict, if it differs, and tells the news.
    async fn settle(&mut self, verdict: &Verdict<'_, K>) -> Result<(), Failure> {
        let before = self.object.clone();
        let status = verdict::status(&*before, verdict, self.now);
        if before.stored() == Some(&status) {
            self.tell(Vec::new());
            return Ok(());
        }
        let old = before.stored().map(|s| K::common(s).conditions.as_slice()).unwrap_or_default();
        let new = K::common(&status).conditions.clone();
        self.put_status(status).await?;
        self.tell(news::of_transition(old, &new));
        let began = matches!(verdict, Verdict::Done { executed: 1.., .. }).then_some(self.now);
        if let Some(took) = news::rollout(old, &new, began, self.ctx.operator.pool.now()) {
            self.ctx.operator.metrics.became_ready(&K::kind(&()), took);
        }
        Ok(())
    }

    /// Tells the news of the pass and the turn that it led to.
    fn tell(&mut self, turn: Vec<News>) {
        let mut news = std::mem::take(&mut self.news);
        news.extend(turn);
        for item in news::gathered(news, std::mem::take(&mut self.heard)) {
            self.ctx.operator.events.tell(&*self.object, item);
        }
    }

    async fn put_status(&mut self, status: K::Status) -> Result<(), Failure> {
        match self.ctx.operator.api.put_status(&*self.object, &status).await {
            Ok(stored) => {
                self.stored(stored);
                Ok(())
            }
            // It is gone; the watch will say so.
            Err(failure) if failure.class == ErrorClass::NotFound => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    /// Goes on with what the API server answered, and lets later passes see it without waiting for the watch.
    fn stored(&mut self, mut object: K) {
        crate::feed::strip(object.meta_mut());
        self.ctx.feed.put(&object, |change| K::changed(&self.ctx.operator.world, change));
        self.object = Arc::new(object);
    }

    /// A pass works on one generation of the spec. When an answer shows that it was edited on the way, the pass ends: what
    /// it saw and planned is not what is wanted any more, and the edit has queued the object.
    fn unedited(&self) -> Result<(), Failure> {
        if self.object.generation() == self.generation {
            return Ok(());
        }
        let message = "the object was edited meanwhile".to_owned();
        Err(Failure { operation: "kubernetes:Reconcile".to_owned(), class: ErrorClass::Conflict, message })
    }

    /// Whether what was read minutes ago will not do: somebody asks for a look, or the pass before failed.
    fn wants_fresh(&self) -> bool {
        let asked = self.object.meta().annotations.as_ref().and_then(|a| a.get(annotation::RECONCILE_NOW));
        let handled = self.object.stored().and_then(|s| K::common(s).last_handled_reconcile_at.as_ref());
        (asked.is_some() && asked != handled) || self.ctx.operator.backoff.is_failing(&self.object.identity())
    }
}
