//! Task sets: what a service under the EXTERNAL or CODE_DEPLOY deployment controller runs, each at its own scale. There,
//! ECS replaces nothing by itself: who controls the deployment makes, scales, promotes and deletes the sets.
//! Source: TaskSet in the Amazon ECS API reference, and "Deploy Amazon ECS services using a third-party controller".
//!
//! A task set is kept as a deployment of its service, whose id it shares.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::deployment::{Counts, Deployment, Revision, Rollout, platform_family, revised};
use super::member::Members;
use super::notice::{self, Grade};
use super::scheduler::{self, Halt};
use super::service::Service;
use super::service_check::runs_on_fargate;
use super::task_definition::{TaskDefinition, sweep};
use super::{balancer, names};
use crate::wire::json::epoch;
use crate::world::World;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    /// Serves production traffic, as far as ECS knows.
    Primary,
    Active,
    /// Being deleted: its tasks stop.
    Draining,
}

/// What a deployment is beside its revision if it is a task set.
#[derive(Debug, Clone)]
pub(crate) struct TaskSet {
    pub(super) status: Status,
    /// Percent of the service's desired count.
    pub(super) scale: f64,
    pub(super) external_id: Option<String>,
    pub(super) started_by: Option<String>,
    pub(super) client_token: Option<String>,
    /// Whether it was a deployment of ECS's until another controller took over.
    pub(super) inherited: bool,
    pub(super) steady: bool,
    pub(super) steady_at: Timestamp,
}

/// What a new task set is made of.
pub(crate) struct New {
    pub(crate) definition: Arc<TaskDefinition>,
    /// Members of a service, as filled in for it.
    pub(crate) fields: Map<String, Value>,
    pub(crate) status: Status,
    pub(crate) scale: f64,
    pub(crate) external_id: Option<String>,
    pub(crate) started_by: Option<String>,
    pub(crate) client_token: Option<String>,
}

impl New {
    /// The first task set of a service that is created with a task definition: it serves.
    pub(super) fn first(definition: &Arc<TaskDefinition>, fields: Map<String, Value>) -> Self {
        Self {
            definition: Arc::clone(definition),
            fields,
            status: Status::Primary,
            scale: 100.0,
            external_id: None,
            started_by: None,
            client_token: None,
        }
    }
}

impl Status {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "PRIMARY",
            Self::Active => "ACTIVE",
            Self::Draining => "DRAINING",
        }
    }
}

impl TaskSet {
    /// How many tasks it has at this desired count of its service, rounded up (TaskSet.computedDesiredCount).
    pub(super) fn computed(&self, desired: i64) -> usize {
        match self.status {
            Status::Draining => 0,
            _ => (desired.max(0) as f64 * self.scale / 100.0).ceil() as usize,
        }
    }
}

/// ARN of a task set from its id.
pub(super) fn arn(service: &Service, id: &str) -> String {
    format!("{}task-set/{}/{}/{id}", names::scope_of(&service.arn), service.cluster_name, service.name)
}

impl Service {
    /// Whether others than ECS deploy it, by way of task sets.
    pub(super) fn has_task_sets(&self) -> bool {
        self.controller() != "ECS"
    }

    /// The deployment that is the task set of this id or ARN.
    pub(super) fn task_set(&self, id_or_arn: &str) -> Option<&Deployment> {
        let digits = names::last_part(id_or_arn);
        self.deployments.iter().find(|it| it.set.is_some() && names::last_part(&it.id) == digits)
    }

    pub(super) fn primary_set(&self) -> Option<&Deployment> {
        self.deployments.iter().find(|it| it.set.as_ref().is_some_and(|set| set.status == Status::Primary))
    }

    fn set_mut(&mut self, id: &str) -> Option<&mut TaskSet> {
        self.deployments.iter_mut().find(|it| it.id == id)?.set.as_mut()
    }

    /// `deployments` and, under another controller than ECS, `taskSets`. What ECS deployed before another controller took over
    /// still is among the deployments ("Update Amazon ECS service parameters": responses "will still return `deployments` instead
    /// of `taskSets`"); task sets that were made since are task sets.
    pub(super) fn show_deployments(&self, counts: &BTreeMap<&str, Counts>) -> (Value, Option<Value>) {
        let of = |it: &Deployment| counts.get(&*it.id).copied().unwrap_or_default();
        if !self.has_task_sets() {
            let deployments = self.deployments.iter().enumerate().map(|(position, it)| {
                let counts = of(it);
                it.show(position, if position == 0 { self.desired } else { counts.alive as i64 }, counts)
            });
            return (deployments.collect(), None);
        }
        let (mut deployments, mut sets) = (Vec::new(), Vec::new());
        for it in &self.deployments {
            match it.set.as_ref().filter(|set| set.inherited) {
                Some(set) => {
                    let position = usize::from(set.status != Status::Primary);
                    deployments.push(it.show(position, set.computed(self.desired) as i64, of(it)));
                }
                None => sets.push(self.show_task_set(it, of(it))),
            }
        }
        let sets = (deployments.is_empty() || !sets.is_empty()).then_some(sets);
        (deployments.into(), sets.map(Value::from))
    }

    pub(super) fn show_task_set(&self, deployment: &Deployment, counts: Counts) -> Value {
        let Some(set) = &deployment.set else { return Value::Null };
        let revision = &deployment.revision;
        let mut shown = Map::new();
        for name in [
            "launchType",
            "capacityProviderStrategy",
            "platformVersion",
            "networkConfiguration",
            "loadBalancers",
            "serviceRegistries",
        ] {
            if let Some(value) = revision.fields.member(name) {
                shown.insert(name.to_owned(), value.clone());
            }
        }
        for (name, value) in [
            ("id", json!(deployment.id)),
            ("taskSetArn", json!(arn(self, &deployment.id))),
            ("serviceArn", json!(self.arn)),
            ("clusterArn", json!(self.cluster)),
            ("status", json!(set.status.as_str())),
            ("taskDefinition", json!(revision.definition.arn)),
            ("computedDesiredCount", json!(set.computed(self.desired))),
            ("pendingCount", json!(counts.pending)),
            ("runningCount", json!(counts.running)),
            ("createdAt", epoch(deployment.created_at)),
            ("updatedAt", epoch(deployment.updated_at)),
            ("scale", json!({ "value": set.scale, "unit": "PERCENT" })),
            ("stabilityStatus", json!(if set.steady { "STEADY_STATE" } else { "STABILIZING" })),
            ("stabilityStatusAt", epoch(set.steady_at)),
        ] {
            shown.insert(name.to_owned(), value);
        }
        for (name, text) in [("externalId", &set.external_id), ("startedBy", &set.started_by)] {
            if let Some(text) = text {
                shown.insert(name.to_owned(), json!(text));
            }
        }
        if runs_on_fargate(&revision.fields) {
            shown.insert("platformFamily".to_owned(), json!(platform_family(&revision.definition)));
        }
        shown.into()
    }
}

/// Makes a task set; returns its id.
pub(crate) fn begin(world: &mut World, service_arn: &str, new: New) -> Option<String> {
    let now = world.now;
    let id = format!("ecs-svc/{}", world.rng.decimal(19));
    let service = world.services.ecs.services.get(service_arn)?;
    let revision = Revision {
        arn: String::new(),
        service: service_arn.to_owned(),
        cluster: service.cluster.clone(),
        groups: balancer::groups(service, &new.fields),
        endpoints: Vec::new(),
        fields: revised(&new.fields),
        definition: new.definition,
        created_at: now,
    };
    let promoted = new.status == Status::Primary;
    let set = TaskSet {
        status: Status::Active,
        scale: new.scale,
        external_id: new.external_id,
        started_by: new.started_by,
        client_token: new.client_token,
        inherited: false,
        steady: false,
        steady_at: now,
    };
    let deployment = Deployment {
        id: id.clone(),
        revision: Arc::new(revision),
        record: String::new(),
        rollout: Rollout::InProgress,
        reason: String::new(),
        failed_tasks: 0,
        failures: 0,
        resume_at: None,
        set: Some(set),
        created_at: now,
        updated_at: now,
    };
    world.services.ecs.services.get_mut(service_arn)?.deployments.insert(0, deployment);
    if promoted {
        promote(world, service_arn, &id);
    }
    scheduler::soon(world, service_arn);
    Some(id)
}

/// Makes a task set the primary one: the service shows its members from now on.
pub(crate) fn promote(world: &mut World, service_arn: &str, id: &str) {
    let now = world.now;
    let Some(service) = world.services.ecs.services.get_mut(service_arn) else { return };
    let Some(revision) = service.task_set(id).map(|it| Arc::clone(&it.revision)) else { return };
    for deployment in &mut service.deployments {
        let Some(set) = &mut deployment.set else { continue };
        let status = match set.status {
            _ if deployment.id == id => Status::Primary,
            Status::Primary => Status::Active,
            other => other,
        };
        if status != set.status {
            (set.status, deployment.updated_at) = (status, now);
        }
    }
    service.fields.retain(|name, _| !super::deployment::REVISED.contains(&name.as_str()));
    service.fields.extend(revision.fields.clone());
}

/// Changes a task set's scale.
pub(crate) fn scale(world: &mut World, service_arn: &str, id: &str, scale: f64) {
    let now = world.now;
    let Some(service) = world.services.ecs.services.get_mut(service_arn) else { return };
    if let Some(deployment) = service.deployments.iter_mut().find(|it| it.id == id)
        && let Some(set) = &mut deployment.set
    {
        (set.scale, deployment.updated_at) = (scale, now);
    }
    scheduler::soon(world, service_arn);
}

/// Begins to delete a task set: its tasks stop, then it is gone.
pub(crate) fn remove(world: &mut World, service_arn: &str, id: &str) {
    if let Some(set) = world.services.ecs.services.get_mut(service_arn).and_then(|service| service.set_mut(id)) {
        set.status = Status::Draining;
    }
    scheduler::soon(world, service_arn);
}

/// The service scheduler looks at a service that consists of task sets.
pub(super) fn step(world: &mut World, service_arn: &str) {
    let Some(service) = world.services.ecs.services.get(service_arn) else { return };
    let ids: Vec<String> = service.deployments.iter().map(|it| it.id.clone()).collect();
    for id in ids {
        step_one(world, service_arn, &id);
    }
}

fn step_one(world: &mut World, service_arn: &str, id: &str) {
    let ecs = &world.services.ecs;
    let Some(service) = ecs.services.get(service_arn) else { return };
    let Some(set) = service.task_set(id).and_then(|it| it.set.clone()) else { return };
    let wanted = set.computed(service.desired);
    let counts = service.counts(ecs).get(id).copied().unwrap_or_default();
    if set.status == Status::Draining && counts.alive + counts.stopping == 0 {
        return forget(world, service_arn, id);
    }
    if counts.alive > wanted {
        let reason = format!("Scaling activity initiated by (deployment {id})");
        scheduler::halt(world, service_arn, &Halt { id, number: counts.alive - wanted, reason: &reason });
    }
    if counts.alive < wanted {
        scheduler::start(world, service_arn, id, wanted - counts.alive);
    }
    let whole = counts.healthy == wanted && counts.alive == wanted && counts.pending == 0 && counts.stopping == 0;
    settle(world, service_arn, id, whole && set.status != Status::Draining);
}

/// Notes whether a task set is steady, and says so when it has become it.
fn settle(world: &mut World, service_arn: &str, id: &str, steady: bool) {
    let now = world.now;
    let Some(service) = world.services.ecs.services.get_mut(service_arn) else { return };
    let Some(set) = service.set_mut(id).filter(|set| set.steady != steady) else { return };
    (set.steady, set.steady_at) = (steady, now);
    if steady {
        let who = format!("{}, taskSet {id}", service.name);
        service.events.push(&mut world.rng, now, &who, "has reached a steady state.");
        notice::action(world, service_arn, Grade::Info, "TASKSET_STEADY_STATE");
    }
}

/// A deleted task set has no task left.
fn forget(world: &mut World, service_arn: &str, id: &str) {
    let ecs = &mut world.services.ecs;
    let Some(service) = ecs.services.get_mut(service_arn) else { return };
    let Some(at) = service.deployments.iter().position(|it| it.id == id) else { return };
    let gone = service.deployments.remove(at);
    let set_arn = arn(service, id);
    ecs.tags.remove(&set_arn);
    sweep(ecs, &gone.revision.definition.arn);
}
