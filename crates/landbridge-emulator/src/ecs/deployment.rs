//! Deployments of a service and the immutable revisions they deploy.
//! Source: Deployment, ServiceRevision and "Amazon ECS service revisions".

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::alarm;
use super::balancer;
use super::discovery::{self, Endpoint};
use super::event;
use super::hook;
use super::member::Members;
use super::names;
use super::notice::{self, Grade};
use super::rollout::{self, At};
use super::service::Service;
use super::service_check::runs_on_fargate;
use super::service_deployment::{ServiceDeployment, Status as RecordStatus};
use super::task_definition::TaskDefinition;
use super::task_set::TaskSet;
use crate::wire::json::epoch;
use crate::world::World;

/// The members of a service a revision fixes: a change of one of them is a new deployment, and a rollback brings
/// them back.
pub(super) const REVISED: [&str; 12] = [
    "taskDefinition",
    "launchType",
    "capacityProviderStrategy",
    "platformVersion",
    "networkConfiguration",
    "loadBalancers",
    "serviceRegistries",
    "serviceConnectConfiguration",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
    "gatewayConnectors",
    "monitoring",
];

#[derive(Debug, Clone)]
pub(crate) struct Revision {
    pub(super) arn: String,
    pub(super) service: String,
    pub(super) cluster: String,
    pub(super) fields: Map<String, Value>,
    pub(super) definition: Arc<TaskDefinition>,
    /// The target group of each load balancer that its tasks register in.
    pub(super) groups: Vec<String>,
    /// Under which names Service Connect finds its tasks.
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) created_at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rollout {
    InProgress,
    Completed,
    Failed,
}

#[derive(Debug, Clone)]
pub(crate) struct Deployment {
    /// `ecs-svc/` and 19 digits.
    pub(super) id: String,
    pub(super) revision: Arc<Revision>,
    /// ARN of the service deployment this one belongs to.
    pub(super) record: String,
    pub(super) rollout: Rollout,
    pub(super) reason: String,
    /// Tasks that failed since the deployment began (`Deployment.failedTasks`).
    pub(super) failed_tasks: u32,
    /// Tasks that failed since one was healthy; what the circuit breaker counts.
    pub(super) failures: u32,
    /// No task is started before; set after repeated failures.
    pub(super) resume_at: Option<Timestamp>,
    /// What it is beside, where others than ECS deploy the service.
    pub(super) set: Option<TaskSet>,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
}

/// Tasks of one deployment by what they count as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Not stopping.
    pub(super) alive: usize,
    /// Not stopping, and counted as healthy.
    pub(super) healthy: usize,
    pub(super) running: usize,
    pub(super) pending: usize,
    /// On their way to STOPPED.
    pub(super) stopping: usize,
}

impl Rollout {
    fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "IN_PROGRESS",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
        }
    }
}

impl Revision {
    pub(super) fn show(&self) -> Value {
        let mut shown = self.fields.clone();
        shown.retain(|_, value| *value != json!([]));
        shown.insert("serviceRevisionArn".to_owned(), json!(self.arn));
        shown.insert("serviceArn".to_owned(), json!(self.service));
        shown.insert("clusterArn".to_owned(), json!(self.cluster));
        shown.insert("containerImages".to_owned(), self.images());
        shown.insert("guardDutyEnabled".to_owned(), json!(false));
        shown.insert("createdAt".to_owned(), epoch(self.created_at));
        if runs_on_fargate(&self.fields) {
            shown.insert("platformFamily".to_owned(), json!(platform_family(&self.definition)));
            shown.entry("fargateEphemeralStorage").or_insert(json!({}));
        }
        let groups = balancer::resolved(&self.fields, &self.groups);
        shown.insert("resolvedConfiguration".to_owned(), json!({ "loadBalancers": groups }));
        shown.into()
    }

    fn images(&self) -> Value {
        let image = |container: &Value| {
            let image = container.text("image").unwrap_or_default();
            json!({ "containerName": container["name"], "image": image, "imageDigest": digest(image) })
        };
        self.definition.containers().iter().map(image).collect()
    }
}

/// The digest an image's tag stands for. There is no registry here, so it is derived from the name.
pub(super) fn digest(image: &str) -> String {
    let hash = Sha256::digest(image.as_bytes());
    hash.iter().fold("sha256:".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

/// `Linux` or a Windows family, from the definition's `runtimePlatform`.
pub(super) fn platform_family(definition: &TaskDefinition) -> String {
    let system = definition.fields.object("runtimePlatform").and_then(|it| it.text("operatingSystemFamily"));
    match system {
        None | Some("LINUX") => "Linux".to_owned(),
        Some(windows) => windows.to_owned(),
    }
}

impl Deployment {
    pub(super) fn show(&self, position: usize, desired: i64, counts: Counts) -> Value {
        let fields = &self.revision.fields;
        let mut shown = json!({
            "id": self.id,
            "status": if position == 0 { "PRIMARY" } else { "ACTIVE" },
            "taskDefinition": self.revision.definition.arn,
            "desiredCount": desired,
            "pendingCount": counts.pending,
            "runningCount": counts.running,
            "failedTasks": self.failed_tasks,
            "createdAt": epoch(self.created_at),
            "updatedAt": epoch(self.updated_at),
            "rolloutState": self.rollout.as_str(),
            "rolloutStateReason": self.reason,
        });
        for name in [
            "launchType",
            "capacityProviderStrategy",
            "platformVersion",
            "networkConfiguration",
            "serviceConnectConfiguration",
            "volumeConfigurations",
            "vpcLatticeConfigurations",
        ] {
            if let Some(value) = fields.member(name).filter(|value| **value != json!([])) {
                shown[name] = value.clone();
            }
        }
        if !self.revision.endpoints.is_empty() {
            shown["serviceConnectResources"] = self.revision.endpoints.iter().map(Endpoint::show).collect();
        }
        if runs_on_fargate(fields) {
            shown["platformFamily"] = json!(platform_family(&self.revision.definition));
        }
        shown
    }
}

/// Makes the service's present fields a revision and starts deploying it, in place of whatever is being deployed.
pub(super) fn begin(world: &mut World, service: &str, definition: &Arc<TaskDefinition>) {
    let endpoints = discovery::endpoints(world, service, definition);
    let Some(kept) = world.services.ecs.services.get(service) else { return };
    let path = format!("{}/{}", kept.cluster_name, kept.name);
    let scope = names::scope_of(service);
    let revision = Arc::new(Revision {
        arn: format!("{scope}service-revision/{path}/{}", world.rng.decimal(19)),
        service: service.to_owned(),
        cluster: kept.cluster.clone(),
        groups: balancer::groups(kept, &kept.fields),
        endpoints,
        fields: revised(&kept.fields),
        definition: Arc::clone(definition),
        created_at: world.now,
    });
    let record = format!("{scope}service-deployment/{path}/{}", names::token(&mut world.rng, 21));
    let sources: Vec<String> = kept.deployments.iter().map(|deployment| deployment.revision.arn.clone()).collect();
    let configuration = kept.fields.member("deploymentConfiguration").cloned().unwrap_or_default();
    let mut entry = ServiceDeployment::begin(&record, kept, sources, &revision.arn, configuration, world.now);
    entry.watched_alarms = alarm::watched(world, kept);
    world.services.ecs.service_revisions.insert(revision.arn.clone(), Arc::clone(&revision));
    world.services.ecs.service_deployments.insert(record.clone(), entry);
    supersede(world, service);
    let id = add(world, service, revision, record, "in progress.");
    let reason = format!("ECS deployment {id} in progress.");
    notice::deployment(world, service, Grade::Info, "SERVICE_DEPLOYMENT_IN_PROGRESS", &id, &reason);
    super::rollout::begin(world, service);
}

/// Puts a deployment of `revision` first; returns its id.
pub(super) fn add(world: &mut World, service: &str, revision: Arc<Revision>, record: String, reason: &str) -> String {
    let id = format!("ecs-svc/{}", world.rng.decimal(19));
    let deployment = Deployment {
        reason: format!("ECS deployment {id} {reason}"),
        id: id.clone(),
        revision,
        record: record.clone(),
        rollout: Rollout::InProgress,
        failed_tasks: 0,
        failures: 0,
        resume_at: None,
        set: None,
        created_at: world.now,
        updated_at: world.now,
    };
    if let Some(service) = world.services.ecs.services.get_mut(service) {
        service.deployments.insert(0, deployment);
        service.record = Some(record);
        service.steady = false;
        service.surplus = 0;
    }
    id
}

/// The service deployment under way, if any, is asked to stop: a new one takes its place.
fn supersede(world: &mut World, service: &str) {
    let ecs = &mut world.services.ecs;
    let Some(service) = ecs.services.get_mut(service) else { return };
    let Some(record) = service.record.clone() else { return };
    if let Some(entry) = ecs.service_deployments.get_mut(&record).filter(|entry| !entry.status.is_final()) {
        entry.status = RecordStatus::StopRequested;
        entry.reason =
            Some("The service deployment is stopping because a new service deployment was started.".to_owned());
        entry.updated_at = world.now;
        service.superseded.push(record);
    }
}

pub(super) fn revised(fields: &Map<String, Value>) -> Map<String, Value> {
    REVISED.iter().filter_map(|name| Some(((*name).to_owned(), fields.member(name)?.clone()))).collect()
}

/// A task of the deployment failed: counts it, slows starting down, and breaks the circuit when that is reached.
/// Source: "How the Amazon ECS deployment circuit breaker detects failures".
pub(super) fn note_failure(world: &mut World, service_arn: &str, id: &str) {
    let now = world.now;
    let Some(service) = world.services.ecs.services.get_mut(service_arn) else { return };
    let desired = service.desired;
    let breaker = service.circuit_breaker();
    let Some(at) = service.deployments.iter().position(|deployment| deployment.id == id) else { return };
    let deployment = &mut service.deployments[at];
    deployment.failed_tasks += 1;
    deployment.failures += 1;
    deployment.updated_at = now;
    let failures = deployment.failures;
    if let Some(delay) = backoff(failures) {
        deployment.resume_at = Some(crate::clock::later(now, delay));
    }
    let deploying = at == 0 && deployment.rollout == Rollout::InProgress;
    if failures.is_multiple_of(10) {
        let text = "is unable to consistently start tasks successfully. For more information, see the Troubleshooting \
                    section of the Amazon ECS Developer Guide.";
        service.events.push(&mut world.rng, now, &service.name, text);
        notice::action(world, service_arn, Grade::Warn, "SERVICE_TASK_START_IMPAIRED");
    }
    let Some(service) = world.services.ecs.services.get_mut(service_arn) else { return };
    let Some(breaker) = breaker else { return };
    let threshold = breaker.threshold(desired);
    if let Some(entry) =
        service.record.as_ref().and_then(|record| world.services.ecs.service_deployments.get_mut(record))
        && deploying
    {
        entry.failure_count = failures;
    }
    if deploying && failures >= threshold {
        break_circuit(world, service_arn, breaker.rollback);
    }
}

/// How long starting pauses after this many failures in a row (service throttle logic: ever longer, at most 15
/// minutes). The first few are retried at once, so that a circuit breaker sees them soon.
fn backoff(failures: u32) -> Option<std::time::Duration> {
    let doublings = failures.checked_sub(5)?.min(10);
    Some(std::time::Duration::from_secs((2u64 << doublings).min(900)))
}

fn break_circuit(world: &mut World, service_arn: &str, rollback: bool) {
    let ecs = &mut world.services.ecs;
    let record = ecs.services.get(service_arn).and_then(|service| service.deployments.first()).map(|it| &it.record);
    if let Some(entry) = record.and_then(|record| ecs.service_deployments.get_mut(record)) {
        entry.circuit_broken = true;
    }
    let failure = Failure {
        by: "ECS deployment circuit breaker",
        why: "tasks failed to start",
        because: "the circuit breaker threshold was exceeded",
    };
    fail(world, service_arn, &failure, rollback);
}

/// Why a deployment failed: who found out, in the words of events, and in those of `statusReason`.
pub(super) struct Failure<'a> {
    pub(super) by: &'a str,
    pub(super) why: &'a str,
    pub(super) because: &'a str,
}

/// The newest deployment has failed: it is rolled back, if that is wanted and there is something to go back to, or stays
/// failed.
pub(super) fn fail(world: &mut World, service_arn: &str, failure: &Failure<'_>, rollback: bool) {
    let now = world.now;
    let Failure { by, why, because } = failure;
    let Some(service) = world.services.ecs.services.get_mut(service_arn) else { return };
    let Some(failed) = service.deployments.first_mut() else { return };
    failed.rollout = Rollout::Failed;
    failed.reason = format!("{by}: {why}.");
    failed.updated_at = now;
    let text = format!("(deployment {}) deployment failed: {why}.", failed.id);
    let (record, id, reason) = (failed.record.clone(), failed.id.clone(), failed.reason.clone());
    service.events.push(&mut world.rng, now, &service.name, &text);
    notice::deployment(world, service_arn, Grade::Error, "SERVICE_DEPLOYMENT_FAILED", &id, &reason);
    let reason = format!("Service deployment rolled back because {because}.");
    if rollback && roll_back(world, service_arn, by, &reason) {
        return;
    }
    let ecs = &mut world.services.ecs;
    if let Some(service) = ecs.services.get_mut(service_arn) {
        service.stage = None;
    }
    if let Some(entry) = ecs.service_deployments.get_mut(&record) {
        let reason = format!("Service deployment stopped because {because}.");
        entry.finish(RecordStatus::Stopped, Some(&reason), now);
    }
}

/// Goes back to the newest revision whose deployment completed. False if there is none.
pub(super) fn roll_back(world: &mut World, service_arn: &str, by: &str, reason: &str) -> bool {
    let now = world.now;
    let Some(service) = world.services.ecs.services.get_mut(service_arn) else { return false };
    let Some((good, record)) = service.last_good.clone().zip(service.record.clone()) else { return false };
    if service.deployments.first().is_some_and(|it| Arc::ptr_eq(&it.revision, &good) && it.rollout != Rollout::Failed) {
        return false;
    }
    let stage = service.stage.take();
    if let Some(failed) = service.deployments.first_mut() {
        failed.rollout = Rollout::Failed;
        failed.updated_at = now;
    }
    // Where the good deployment still has tasks it becomes the primary one again, under its own id.
    let id = match service.deployments.iter().position(|it| Arc::ptr_eq(&it.revision, &good)) {
        Some(at) => {
            let mut again = service.deployments.remove(at);
            again.rollout = Rollout::InProgress;
            again.record.clone_from(&record);
            (again.failures, again.resume_at, again.updated_at) = (0, None, now);
            let id = again.id.clone();
            service.deployments.insert(0, again);
            id
        }
        None => add(world, service_arn, Arc::clone(&good), record.clone(), "in progress."),
    };
    let ecs = &mut world.services.ecs;
    let Some(service) = ecs.services.get_mut(service_arn) else { return false };
    if let Some(primary) = service.deployments.first_mut() {
        primary.reason = format!("{by}: rolling back to deploymentId {id}.");
    }
    let why = format!("{by}: rolling back to deploymentId {id}.");
    service.fields.retain(|name, _| !REVISED.contains(&name.as_str()));
    service.fields.extend(good.fields.clone());
    service.steady = false;
    service.events.push(&mut world.rng, now, &service.name, &format!("rolling back to deployment {id}."));
    if let Some(entry) = ecs.service_deployments.get_mut(&record) {
        entry.roll_back(reason, &good.arn, now);
    }
    notice::deployment(world, service_arn, Grade::Info, "SERVICE_DEPLOYMENT_IN_PROGRESS", &id, &why);
    let staged = rollout::configuration(&world.services.ecs, &record).and_then(|it| it.text("strategy"));
    if staged.is_some_and(|strategy| strategy != "ROLLING") {
        balancer::shift(world, service_arn, 100.0, 100.0);
    }
    let (production, test) = stage.and_then(|stage| stage.weights()).unwrap_or_default();
    for (moved, at) in [(production, At::ProductionTrafficShift), (test, At::TestTrafficShift)] {
        if moved > 0.0 {
            hook::begin_again(world, &record, at);
        }
    }
    super::scheduler::soon(world, service_arn);
    true
}

/// The primary deployment has all its tasks, and no other has any.
pub(super) fn complete(world: &mut World, service_arn: &str) {
    let now = world.now;
    let ecs = &mut world.services.ecs;
    let Some(service) = ecs.services.get_mut(service_arn) else { return };
    service.deployments.truncate(1);
    let Some(primary) = service.deployments.first_mut() else { return };
    primary.rollout = Rollout::Completed;
    primary.reason = format!("ECS deployment {} completed.", primary.id);
    primary.updated_at = now;
    let (id, why) = (primary.id.clone(), primary.reason.clone());
    service.last_good = Some(Arc::clone(&primary.revision));
    let text = format!("(deployment {}) deployment completed.", primary.id);
    service.events.push(&mut world.rng, now, &service.name, &text);
    if let Some(entry) = ecs.service_deployments.get_mut(&primary.record) {
        let status =
            if entry.status.is_rollback() { RecordStatus::RollbackSuccessful } else { RecordStatus::Successful };
        entry.finish(status, None, now);
    }
    for record in std::mem::take(&mut service.superseded) {
        if let Some(entry) = ecs.service_deployments.get_mut(&record) {
            let reason = "Service deployment stopped because a new service deployment was started.";
            entry.finish(RecordStatus::Stopped, Some(reason), now);
        }
    }
    notice::deployment(world, service_arn, Grade::Info, "SERVICE_DEPLOYMENT_COMPLETED", &id, &why);
    discovery::sweep(world, service_arn);
}

/// Says that tasks were started or stopped.
pub(super) fn tell(world: &mut World, service_arn: &str, what: &str, ids: &[String]) {
    let now = world.now;
    if ids.is_empty() {
        return;
    }
    if let Some(service) = world.services.ecs.services.get_mut(service_arn) {
        let text = format!("has {what} {}: {}.", count_of(what, ids.len()), event::tasks(ids));
        let Service { events, name, .. } = service;
        events.push(&mut world.rng, now, name, &text);
    }
}

/// AWS says "has started 1 tasks" and "has stopped 1 running tasks", whatever the number.
fn count_of(what: &str, number: usize) -> String {
    if what == "stopped" { format!("{number} running tasks") } else { format!("{number} tasks") }
}
