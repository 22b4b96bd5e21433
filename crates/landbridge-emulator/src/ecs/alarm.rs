//! CloudWatch alarms that fail a deployment (DeploymentAlarms; "How CloudWatch alarms detect Amazon ECS deployment
//! failures" in the developer guide).

use jiff::Timestamp;
use serde_json::{Value, json};

use super::deployment::{Failure, Rollout, fail};
use super::member::Members;
use super::names;
use super::service::Service;
use super::service_deployment::Status;
use crate::clock::later;
use crate::cloudwatch::Place;
use crate::world::World;

fn place(arn: &str) -> Place {
    (names::account_of(arn).to_owned(), names::region_of(arn).to_owned())
}

/// The alarms that are watched while a deployment runs that begins now: none of them if one rings already, so that a
/// deployment can mend what it rings for ("Amazon ECS will not monitor alarms for the duration of that deployment",
/// AmazonECS/latest/developerguide/deployment-alarm-failure.html).
pub(super) fn watched(world: &World, service: &Service) -> Vec<String> {
    let alarms = service.deployment_configuration().and_then(|it| it.object("alarms"));
    let Some(alarms) = alarms.filter(|alarms| alarms.flag("enable") == Some(true)) else { return Vec::new() };
    let place = place(&service.arn);
    let names = alarms.texts("alarmNames");
    if names.iter().any(|name| world.services.cloudwatch.alarm_state(&place, name) == Some("ALARM")) {
        return Vec::new();
    }
    names.into_iter().map(str::to_owned).collect()
}

/// An alarm reached a state: rings one that a deployment watches, the deployment fails.
pub(crate) fn alarm_changed(world: &mut World, (account, region): &Place, name: &str, state: &str) {
    if state != "ALARM" {
        return;
    }
    let scope = format!("arn:aws:ecs:{region}:{account}:");
    let ecs = &world.services.ecs;
    let services = ecs.services.values().filter(|it| it.is_active() && it.arn.starts_with(&scope));
    let failing = services.filter(|service| {
        let deploying = service.deployments.first().filter(|it| it.rollout == Rollout::InProgress);
        let record = deploying.and_then(|it| ecs.service_deployments.get(&it.record));
        // A rollback is watched by nothing.
        let record = record.filter(|it| it.status == Status::InProgress);
        record.is_some_and(|it| it.watched_alarms.iter().any(|watched| watched == name))
    });
    let failing: Vec<String> = failing.map(|service| service.arn.clone()).collect();
    for arn in failing {
        ring(world, &arn, name);
    }
}

fn ring(world: &mut World, arn: &str, name: &str) {
    let ecs = &mut world.services.ecs;
    let Some(service) = ecs.services.get(arn) else { return };
    let Some(primary) = service.deployments.first() else { return };
    let Some(record) = ecs.service_deployments.get_mut(&primary.record) else { return };
    record.triggered_alarms.push(name.to_owned());
    let alarms = record.configuration().and_then(|it| it.object("alarms"));
    let rollback = alarms.and_then(|alarms| alarms.flag("rollback")).unwrap_or(false);
    let failure = Failure {
        by: "ECS deployment alarms",
        why: &format!("alarm detected: {name}"),
        because: &format!("the alarm {name} was detected"),
    };
    fail(world, arn, &failure, rollback);
}

/// Until when a rolling deployment that has all its tasks waits for its alarms. AWS computes this bake time from the alarms and does
/// not publish how; here it is as long as the slowest of them looks back.
pub(super) fn baking(world: &mut World, arn: &str) -> Option<Timestamp> {
    let now = world.now;
    let services = &mut world.services;
    let service = services.ecs.services.get(arn).filter(|service| service.strategy() == "ROLLING")?;
    let record = services.ecs.service_deployments.get_mut(&service.deployments.first()?.record)?;
    if record.status != Status::InProgress {
        return None;
    }
    let place = place(arn);
    let spans = record.watched_alarms.iter().filter_map(|name| services.cloudwatch.alarm_span(&place, name));
    let until = later(*record.whole_since.get_or_insert(now), spans.max()?);
    (until > now).then_some(until)
}

/// `alarms` of a service deployment (ServiceDeploymentAlarms). `DISABLED` is what that page calls alarms that ECS is not using,
/// which those are of a deployment that began while one of them rang.
pub(super) fn show(configuration: &Value, watched: &[String], triggered: &[String], over: bool) -> Value {
    let alarms = configuration.object("alarms").filter(|alarms| alarms.flag("enable") == Some(true));
    let Some(alarms) = alarms else { return json!({ "status": "DISABLED" }) };
    let status = match over {
        _ if watched.is_empty() => "DISABLED",
        _ if !triggered.is_empty() => "TRIGGERED",
        true => "MONITORING_COMPLETE",
        false => "MONITORING",
    };
    json!({ "status": status, "alarmNames": alarms.texts("alarmNames"), "triggeredAlarmNames": triggered })
}
