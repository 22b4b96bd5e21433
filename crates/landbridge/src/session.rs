//! Planning and applying a set of objects without an operator: the same planner, the same executor, the statuses kept
//! in memory for as long as the command runs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::core::object::HasStatus;
use landbridge_api::condition::{self, reason};
use landbridge_api::v1alpha1::{AwsAccount, CloudMapNamespace, EcsCluster, EcsService, IamTaskRole};
use landbridge_aws::AwsPool;
use landbridge_aws::budget::Priority;
use landbridge_aws::execute::{Executed, execute};
use landbridge_aws::observe::{Freshness, Observe};
use landbridge_plan::account::AccountTarget;
use landbridge_plan::kind::Kind;
use landbridge_plan::objects::{Held, Snapshot};
use landbridge_plan::plan::{Plan, Unmet};
use landbridge_plan::verdict::{self, Verdict};
use landbridge_plan::{policy, token};

use crate::cli::SourceArgs;
use crate::files::{self, Object, ObjectSet};
use crate::live::{KindInfo, Live};

/// Pause between two looks at AWS while something is waited for.
const LOOK: Duration = Duration::from_secs(2);

/// A kind that a session can carry through.
pub trait Carried: Observe + Held + HasStatus<Status = <Self as Kind>::Status> {
    /// The planned object as others may refer to it before it is made.
    fn expect(_status: &mut <Self as Kind>::Status, _identity: &str) {}
    /// Takes the object out of the snapshot.
    fn leave(&self, snapshot: &mut Snapshot);
}

/// The objects that the arguments name: from files, or from the current Kubernetes cluster.
pub async fn load(args: &SourceArgs) -> Result<ObjectSet> {
    if args.files.is_empty() {
        return from_cluster(args).await;
    }
    let documents = files::read(&args.files, args.recursive)?;
    let set = ObjectSet::build(documents, args.namespace.as_deref().unwrap_or("default"))?;
    for foreign in &set.foreign {
        eprintln!("note: {foreign} is not Landbridge's and is passed over");
    }
    anyhow::ensure!(!set.objects.is_empty(), "the files hold no object of landbridge.dev");
    Ok(set)
}

async fn from_cluster(args: &SourceArgs) -> Result<ObjectSet> {
    let live = Live::connect().await?;
    let mut found = Vec::new();
    for kind in KindInfo::all()? {
        found.extend(live.list(&kind, args.namespace.as_deref()).await?);
    }
    ObjectSet::of_cluster(found, live.namespace_labels().await?)
}

/// One run over a set of objects.
pub struct Session {
    pool: AwsPool,
    snapshot: Snapshot,
}

impl Session {
    /// A session whose references resolve among `set`.
    pub async fn open(set: &ObjectSet, installation: &str) -> Self {
        let pool = AwsPool::default();
        let mut snapshot = Snapshot {
            installation: installation.to_owned(),
            environment: environment(&pool, installation).await.map(Arc::new),
            namespace_labels: set.namespace_labels.clone(),
            ..Snapshot::default()
        };
        for object in &set.objects {
            match object.clone() {
                Object::Account(o) => snapshot.insert(*o),
                Object::Cluster(o) => snapshot.insert(*o),
                Object::Namespace(o) => snapshot.insert(*o),
                Object::Role(o) => snapshot.insert(*o),
                Object::Service(o) => snapshot.insert(*o),
            }
        }
        Self { pool, snapshot }
    }

    /// The plans of all objects, in order. Nothing is written.
    pub async fn plan(&mut self, set: ObjectSet) -> Result<Vec<Plan>> {
        let mut plans = Vec::new();
        for object in set.objects {
            plans.push(match object {
                Object::Account(o) => self.plan_one(*o).await,
                Object::Cluster(o) => self.plan_one(*o).await,
                Object::Namespace(o) => self.plan_one(*o).await,
                Object::Role(o) => self.plan_one(*o).await,
                Object::Service(o) => self.plan_one(*o).await,
            }?);
        }
        Ok(plans)
    }

    /// Makes AWS what the objects say, in order. True when all of them came through.
    pub async fn apply(&mut self, set: ObjectSet, follow: bool, deadline: Instant) -> Result<bool> {
        let mut all = true;
        for object in set.objects {
            // What others refer to has to be there first; a service is followed only when that is asked for.
            all &= match object {
                Object::Account(o) => self.carry(*o, true, deadline).await,
                Object::Cluster(o) => self.carry(*o, true, deadline).await,
                Object::Namespace(o) => self.carry(*o, true, deadline).await,
                Object::Role(o) => self.carry(*o, true, deadline).await,
                Object::Service(o) => self.carry(*o, false, deadline).await,
            }?;
        }
        if follow {
            let services: Vec<_> = self.snapshot.ecs_services.values().cloned().collect();
            for service in services {
                all &= self.carry(EcsService::clone(&service), true, deadline).await?;
            }
        }
        Ok(all)
    }

    /// Deletes from AWS what the objects describe, users before what they use. True when all are gone.
    pub async fn delete(&mut self, set: ObjectSet, deadline: Instant) -> Result<bool> {
        let mut all = true;
        for object in set.objects.into_iter().rev() {
            all &= match object {
                Object::Account(o) => self.remove(*o, deadline).await,
                Object::Cluster(o) => self.remove(*o, deadline).await,
                Object::Namespace(o) => self.remove(*o, deadline).await,
                Object::Role(o) => self.remove(*o, deadline).await,
                Object::Service(o) => self.remove(*o, deadline).await,
            }?;
        }
        Ok(all)
    }

    async fn plan_one<K: Carried>(&mut self, mut object: K) -> Result<Plan> {
        let resolved = match object.resolve(&self.snapshot) {
            Ok(resolved) => resolved,
            Err(unmet) => return Ok(unmet_plan(&object, unmet)),
        };
        let (plan, observed) = self.look(&object, &resolved).await?;
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
        self.snapshot.insert(object);
        Ok(plan)
    }

    async fn look<K: Carried>(&self, object: &K, resolved: &K::Resolved) -> Result<(Plan, K::Observed)> {
        let aws = self.pool.get(K::account(resolved)).await;
        let observed = object
            .observe(&aws, resolved, Freshness::Fresh)
            .await
            .map_err(|e| anyhow::anyhow!("{e}"))
            .with_context(|| format!("looking at {} in AWS", object.identity()))?;
        let plan = policy::filter(object.plan(resolved, &observed, Timestamp::now()), &object.knobs());
        Ok((plan, observed))
    }

    /// Applies one object: plan and execute until nothing is left to do, and with `follow` until it is healthy.
    async fn carry<K: Carried>(&mut self, mut object: K, follow: bool, deadline: Instant) -> Result<bool> {
        let identity = object.identity();
        let mut said = String::new();
        loop {
            // A pass holds whole descriptions; on the heap they are not part of every future above this one.
            let state = Box::pin(self.pass(&mut object)).await?;
            self.snapshot.insert(object.clone());
            match state {
                State::Refused(message) => {
                    eprintln!("✗ {identity}: {message}");
                    return Ok(false);
                }
                State::Moving(_) if !follow && said.is_empty() && is_written(&object) => {
                    eprintln!("✓ {identity}: applied; the rollout goes on (--wait follows it)");
                    return Ok(true);
                }
                State::Settled(message) => {
                    eprintln!("✓ {identity}: {message}");
                    return Ok(true);
                }
                State::Moving(message) => {
                    if message != said {
                        eprintln!("… {identity}: {message}");
                        said = message;
                    }
                }
            }
            if Instant::now() >= deadline {
                eprintln!("✗ {identity}: the time is over; last: {said}");
                return Ok(false);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn pass<K: Carried>(&mut self, object: &mut K) -> Result<State> {
        let resolved = match object.resolve(&self.snapshot) {
            Ok(resolved) => resolved,
            Err(Unmet::Blocked(blocked)) => return Ok(State::Refused(blocked.message)),
            Err(Unmet::Wait(wait)) => return Ok(State::Refused(wait.message)),
        };
        let (mut plan, mut observed) = self.look(object, &resolved).await?;
        if let Some(blocked) = plan.blocked.first() {
            return Ok(State::Refused(blocked.message.clone()));
        }
        let mut execution = Executed::default();
        if !plan.steps.is_empty() && !object.knobs().is_paused() {
            let aws = self.pool.get(K::account(&resolved)).await;
            if let Some(intent) = object.intent(&resolved, &plan) {
                *object.status_mut() = Some(intent);
            }
            execution = execute(&plan, &aws, Priority::Deploy).await;
            for step in plan.steps.iter().filter(|s| execution.done.contains(&s.id)) {
                eprintln!("  {} {}", step.change.operation(), step.change.target());
            }
            if !execution.done.is_empty() {
                let (next, seen) = self.look(object, &resolved).await?;
                let mut steps = plan.steps;
                steps.extend(next.steps);
                plan = Plan { steps, ..next };
                observed = seen;
            }
        }
        let failure = execution.failure.as_ref();
        let verdict = Verdict::Done {
            resolved: &resolved,
            observed: &observed,
            plan: &plan,
            failure,
            executed: execution.done.len(),
        };
        let status = verdict::status(object, &verdict, Timestamp::now());
        let gone = plan.gone;
        let state = state_of::<K>(&status, gone);
        *object.status_mut() = Some(status);
        match failure {
            Some(failure) if failure.class.is_stalled() => {
                Ok(State::Refused(format!("{}: {}", failure.operation, failure.message)))
            }
            _ => Ok(state),
        }
    }

    async fn remove<K: Carried>(&mut self, mut object: K, deadline: Instant) -> Result<bool> {
        object.meta_mut().deletion_timestamp = Some(Time(Timestamp::now()));
        let done = Box::pin(self.carry(object.clone(), true, deadline)).await?;
        object.leave(&mut self.snapshot);
        Ok(done)
    }
}

/// How far an object is.
enum State {
    /// Only a person can help.
    Refused(String),
    /// It moves by itself.
    Moving(String),
    /// It is as wanted, or gone.
    Settled(String),
}

fn state_of<K: Kind>(status: &K::Status, gone: bool) -> State {
    if gone {
        return State::Settled("gone".to_owned());
    }
    let conditions = &K::common(status).conditions;
    let ready = condition::find(conditions, condition::READY);
    let message = ready.map(|c| c.message.clone()).unwrap_or_default();
    if condition::is_true(conditions, condition::READY) {
        State::Settled(message)
    } else if condition::is_true(conditions, condition::STALLED) {
        State::Refused(message)
    } else {
        State::Moving(message)
    }
}

/// Whether everything that the spec asks for has been written.
fn is_written<K: Carried>(object: &K) -> bool {
    object.stored().is_some_and(|s| K::common(s).applied_spec.is_some())
}

fn unmet_plan<K: Kind>(object: &K, unmet: Unmet) -> Plan {
    let mut plan = Plan::of(object.identity());
    match unmet {
        Unmet::Wait(wait) => plan.waits.push(wait),
        Unmet::Blocked(blocked) => plan.blocked.push(blocked),
    }
    plan
}

/// The account that the process's own AWS environment leads to, if it leads to one.
async fn environment(pool: &AwsPool, installation: &str) -> Option<AccountTarget> {
    let region = pool.environment_region().await?;
    let target = AccountTarget {
        partition: AccountTarget::partition_of(&region).to_owned(),
        region,
        installation: installation.to_owned(),
        ..AccountTarget::default()
    };
    let identity = pool.get(&target).await.caller(Priority::Deploy).await.ok()?;
    Some(AccountTarget { account_id: identity.account_id, ..target })
}

impl Carried for AwsAccount {
    fn leave(&self, snapshot: &mut Snapshot) {
        snapshot.accounts.remove(self.object_name());
    }
}

impl Carried for EcsCluster {
    fn leave(&self, snapshot: &mut Snapshot) {
        snapshot.ecs_clusters.remove(self.object_name());
    }
}

impl Carried for CloudMapNamespace {
    fn expect(status: &mut <Self as Kind>::Status, identity: &str) {
        status.namespace_id.get_or_insert_with(|| token::token(identity, "id"));
    }
    fn leave(&self, snapshot: &mut Snapshot) {
        snapshot.cloud_map_namespaces.remove(self.object_name());
    }
}

impl Carried for IamTaskRole {
    fn expect(status: &mut <Self as Kind>::Status, identity: &str) {
        status.role_arn.get_or_insert_with(|| token::token(identity, "arn"));
    }
    fn leave(&self, snapshot: &mut Snapshot) {
        snapshot.iam_task_roles.remove(&(self.object_namespace().to_owned(), self.object_name().to_owned()));
    }
}

impl Carried for EcsService {
    fn leave(&self, snapshot: &mut Snapshot) {
        snapshot.ecs_services.remove(&(self.object_namespace().to_owned(), self.object_name().to_owned()));
    }
}
