//! Service deployments, the record of what each deployment did, and service revisions.
//! Source: ListServiceDeployments, DescribeServiceDeployments, StopServiceDeployment, DescribeServiceRevisions.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::alarm;
use super::deployment::{Counts, roll_back};
use super::hook::Hook;
use super::list::{answer, cut};
use super::member::{Members, invalid};
use super::rollout::Stage;
use super::service::{self, Service};
use super::{Ecs, failure, scheduler};
use crate::refusal::Refusal;
use crate::wire::json::epoch;
use crate::world::{Cx, World};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    InProgress,
    StopRequested,
    RollbackInProgress,
    Successful,
    Stopped,
    RollbackSuccessful,
}

#[derive(Debug, Clone)]
pub(crate) struct ServiceDeployment {
    arn: String,
    service: String,
    cluster: String,
    sources: Vec<String>,
    target: String,
    configuration: Value,
    pub(super) status: Status,
    pub(super) reason: Option<String>,
    pub(super) circuit_broken: bool,
    pub(super) failure_count: u32,
    threshold: Option<u32>,
    rollback: Option<Rollback>,
    /// Alarms that fail the deployment when they ring.
    pub(super) watched_alarms: Vec<String>,
    pub(super) triggered_alarms: Vec<String>,
    /// Since when a rolling deployment has all its tasks and waits for its alarms.
    pub(super) whole_since: Option<Timestamp>,
    /// Hooks of the stage that had any last.
    pub(super) hooks: Vec<Hook>,
    created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    finished_at: Option<Timestamp>,
}

#[derive(Debug, Clone)]
struct Rollback {
    reason: String,
    at: Timestamp,
    revision: String,
}

pub(super) fn not_found() -> Refusal {
    let message = "The service deployment ARN that you specified doesn't exist.";
    Refusal::new("ServiceDeploymentNotFoundException", message)
}

impl Status {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "IN_PROGRESS",
            Self::StopRequested => "STOP_REQUESTED",
            Self::RollbackInProgress => "ROLLBACK_IN_PROGRESS",
            Self::Successful => "SUCCESSFUL",
            Self::Stopped => "STOPPED",
            Self::RollbackSuccessful => "ROLLBACK_SUCCESSFUL",
        }
    }

    pub(super) fn is_final(self) -> bool {
        matches!(self, Self::Successful | Self::Stopped | Self::RollbackSuccessful)
    }

    pub(super) fn is_rollback(self) -> bool {
        self == Self::RollbackInProgress
    }
}

impl ServiceDeployment {
    pub(super) fn begin(
        arn: &str,
        service: &Service,
        sources: Vec<String>,
        target: &str,
        configuration: Value,
        now: Timestamp,
    ) -> Self {
        Self {
            arn: arn.to_owned(),
            service: service.arn.clone(),
            cluster: service.cluster.clone(),
            sources,
            target: target.to_owned(),
            configuration,
            status: Status::InProgress,
            reason: None,
            circuit_broken: false,
            failure_count: 0,
            threshold: service.circuit_breaker().map(|breaker| breaker.threshold(service.desired)),
            rollback: None,
            watched_alarms: Vec::new(),
            triggered_alarms: Vec::new(),
            whole_since: None,
            hooks: Vec::new(),
            created_at: now,
            updated_at: now,
            finished_at: None,
        }
    }

    /// The deployment configuration it began with.
    pub(super) fn configuration(&self) -> Option<&Map<String, Value>> {
        self.configuration.as_object()
    }

    pub(super) fn service(&self) -> &str {
        &self.service
    }

    pub(super) fn cluster(&self) -> &str {
        &self.cluster
    }

    pub(super) fn finish(&mut self, status: Status, reason: Option<&str>, now: Timestamp) {
        self.hooks.retain(Hook::is_over);
        self.status = status;
        self.reason = reason.map(str::to_owned).or(self.reason.take());
        self.updated_at = now;
        self.finished_at = Some(now);
    }

    pub(super) fn roll_back(&mut self, reason: &str, revision: &str, now: Timestamp) {
        self.hooks.retain(Hook::is_over);
        self.status = Status::RollbackInProgress;
        self.reason = Some(reason.to_owned());
        self.updated_at = now;
        self.rollback = Some(Rollback { reason: reason.to_owned(), at: now, revision: revision.to_owned() });
    }

    fn show(&self, ecs: &Ecs) -> Value {
        let service = ecs.services.get(&self.service);
        let mut shown = json!({
            "serviceDeploymentArn": self.arn,
            "serviceArn": self.service,
            "clusterArn": self.cluster,
            "createdAt": epoch(self.created_at),
            "startedAt": epoch(self.created_at),
            "updatedAt": epoch(self.updated_at),
            "status": self.status.as_str(),
            "deploymentConfiguration": self.configuration,
            "deploymentCircuitBreaker": self.circuit_breaker(),
            "alarms": alarm::show(
                &self.configuration,
                &self.watched_alarms,
                &self.triggered_alarms,
                self.status.is_final(),
            ),
        });
        let stage = service.and_then(|service| service.stage.as_ref()).filter(|stage| stage.record == self.arn);
        let weights = stage.and_then(Stage::weights);
        shown["targetServiceRevision"] = summary(ecs, service, &self.target, weights);
        let good = service.and_then(|service| service.last_good.as_ref()).map(|good| good.arn.as_str());
        let source = |arn: &String| {
            // Traffic that has not moved is the revision's that served before.
            let rest =
                weights.filter(|_| good == Some(arn)).map(|(production, test)| (100.0 - production, 100.0 - test));
            summary(ecs, service, arn, rest)
        };
        shown["sourceServiceRevisions"] = self.sources.iter().map(source).collect();
        if let Some(stage) = stage {
            shown["lifecycleStage"] = json!(stage.at.as_str());
        }
        if !self.hooks.is_empty() {
            shown["lifecycleHookDetails"] = self.hooks.iter().map(Hook::show).collect();
        }
        if let Some(reason) = &self.reason {
            shown["statusReason"] = json!(reason);
        }
        if let Some(at) = self.finished_at {
            shown["finishedAt"] = epoch(at);
            if self.status == Status::Stopped {
                shown["stoppedAt"] = epoch(at);
            }
        }
        if let Some(rollback) = &self.rollback {
            shown["rollback"] = json!({
                "reason": rollback.reason,
                "startedAt": epoch(rollback.at),
                "serviceRevisionArn": rollback.revision,
            });
        }
        shown
    }

    fn circuit_breaker(&self) -> Value {
        let status = match self.threshold {
            None => "DISABLED",
            Some(_) if self.circuit_broken => "TRIGGERED",
            Some(_) if self.status.is_final() => "MONITORING_COMPLETE",
            Some(_) => "MONITORING",
        };
        json!({ "status": status, "failureCount": self.failure_count, "threshold": self.threshold.unwrap_or(0) })
    }

    fn brief(&self) -> Value {
        let mut brief = json!({
            "serviceDeploymentArn": self.arn,
            "serviceArn": self.service,
            "clusterArn": self.cluster,
            "createdAt": epoch(self.created_at),
            "startedAt": epoch(self.created_at),
            "targetServiceRevisionArn": self.target,
            "status": self.status.as_str(),
        });
        if let Some(reason) = &self.reason {
            brief["statusReason"] = json!(reason);
        }
        if let Some(at) = self.finished_at {
            brief["finishedAt"] = epoch(at);
        }
        brief
    }
}

/// ServiceRevisionSummary: how many tasks of a revision there are now, and its share of traffic where that is shifted.
fn summary(ecs: &Ecs, service: Option<&Service>, revision: &str, weights: Option<(f64, f64)>) -> Value {
    let deployments = service.map(|service| service.deployments.as_slice()).unwrap_or_default();
    let position = deployments.iter().position(|deployment| deployment.revision.arn == revision);
    let counts = position
        .zip(service)
        .and_then(|(at, service)| service.counts(ecs).get(&*deployments[at].id).copied())
        .unwrap_or_default();
    let Counts { running, pending, alive, .. } = counts;
    let requested = match (position, service) {
        (Some(0), Some(service)) => service.desired,
        _ => alive as i64,
    };
    let mut summary = json!({
        "arn": revision,
        "requestedTaskCount": requested,
        "runningTaskCount": running,
        "pendingTaskCount": pending,
    });
    if let Some((production, test)) = weights {
        summary["requestedProductionTrafficWeight"] = json!(production);
        summary["requestedTestTrafficWeight"] = json!(test);
    }
    summary
}

pub(crate) fn list(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let name = input.text("service").ok_or_else(|| invalid("service can not be null or empty."))?;
    let ecs = &world.services.ecs;
    let arn = ecs.service_arn(cx, input, name)?;
    ecs.services.get(&arn).ok_or_else(service::not_found)?;
    let statuses = input.texts("status");
    let created = input.object("createdAt");
    let bound = |name: &str| created.and_then(|created| created.member(name)).and_then(Value::as_f64);
    let (after, before) = (bound("after"), bound("before"));
    let prefix = format!("{}/", arn.replacen(":service/", ":service-deployment/", 1));
    let mut entries: Vec<&ServiceDeployment> = ecs
        .service_deployments
        .range(prefix.clone()..)
        .take_while(|(arn, _)| arn.starts_with(&prefix))
        .map(|(_, entry)| entry)
        .filter(|entry| statuses.is_empty() || statuses.contains(&entry.status.as_str()))
        .filter(|entry| {
            let at = entry.created_at.as_millisecond() as f64 / 1000.0;
            after.is_none_or(|after| at >= after) && before.is_none_or(|before| at <= before)
        })
        .collect();
    entries.sort_by(|a, b| (b.created_at, &b.arn).cmp(&(a.created_at, &a.arn)));
    let (arns, token) = cut(entries.iter().map(|entry| entry.arn.clone()), input, 20)?;
    let briefs: Value =
        arns.iter().filter_map(|arn| ecs.service_deployments.get(arn)).map(ServiceDeployment::brief).collect();
    Ok(answer("serviceDeployments", briefs, token))
}

pub(crate) fn describe(world: &mut World, _cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    describe_each(world, "serviceDeployment", input, |ecs, arn| {
        ecs.service_deployments.get(arn).map(|entry| entry.show(ecs))
    })
}

pub(crate) fn describe_revisions(world: &mut World, _cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    describe_each(world, "serviceRevision", input, |ecs, arn| {
        ecs.service_revisions.get(arn).map(|revision| revision.show())
    })
}

/// 1 to 20 ARNs under `kind` + `Arns`, answered under `kind` + `s` with `failures` for those that are not there.
fn describe_each(
    world: &mut World,
    kind: &str,
    input: &Value,
    find: impl Fn(&Ecs, &str) -> Option<Value>,
) -> Result<Value, Refusal> {
    let arns = input.list(&format!("{kind}Arns"));
    if arns.is_empty() || arns.len() > 20 {
        return Err(invalid(format!("{kind}Arns must have between 1 and 20 items.")));
    }
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    let arns: Vec<&str> = arns.iter().filter_map(Value::as_str).collect();
    let spoilt = world.spoilt(arns.iter().copied());
    for (arn, spoilt) in arns.into_iter().zip(spoilt) {
        match find(&world.services.ecs, arn) {
            _ if spoilt => failures.push(failure::broken(arn)),
            Some(shown) => found.push(shown),
            None => failures.push(failure::missing(arn)),
        }
    }
    Ok(json!({ format!("{kind}s"): found, "failures": failures }))
}

pub(crate) fn stop(world: &mut World, _cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let arn =
        input.text("serviceDeploymentArn").ok_or_else(|| invalid("serviceDeploymentArn can not be null or empty."))?;
    if input.text("stopType").is_some_and(|it| it != "ROLLBACK") {
        return Err(invalid("The only valid stopType is ROLLBACK."));
    }
    let entry = world.services.ecs.service_deployments.get(arn).ok_or_else(not_found)?;
    if entry.status.is_final() {
        let message =
            format!("The service deployment cannot be stopped because its status is {}.", entry.status.as_str());
        return Err(Refusal::new("ConflictException", message));
    }
    let (service, rolling_back) = (entry.service.clone(), entry.status.is_rollback());
    let reason = "Service deployment rolled back because of a user request.";
    if !rolling_back && !roll_back(world, &service, "ECS deployment stopped by user", reason) {
        return Err(Refusal::new("ConflictException", "There is no completed service deployment to roll back to."));
    }
    scheduler::soon(world, &service);
    Ok(json!({ "serviceDeploymentArn": arn }))
}
