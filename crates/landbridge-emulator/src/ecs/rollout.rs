//! Blue/green, linear and canary deployments: the lifecycle stages, traffic weights and bake time.
//! Source: "Amazon ECS blue/green deployments" and "Lifecycle stages for Amazon ECS service deployments".
//!
//! Hooks are kept and shown but not run. Weights are shown in the service deployment and written to the listener rules
//! that the service's load balancers name.

use std::time::Duration;

use serde_json::Value;

use super::Event;
use super::balancer;
use super::deployment::Counts;
use super::member::Members;
use super::scheduler::{self, Moves, View};
use super::service::Service;
use crate::world::{Event as WorldEvent, World};

/// The stages a deployment goes through, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum At {
    ReconcileService,
    PreScaleUp,
    ScaleUp,
    PostScaleUp,
    TestTrafficShift,
    PostTestTrafficShift,
    ProductionTrafficShift,
    PostProductionTrafficShift,
    BakeTime,
    CleanUp,
}

/// Where a deployment stands.
#[derive(Debug, Clone)]
pub(crate) struct Stage {
    /// The service deployment.
    pub(super) record: String,
    pub(super) at: At,
    /// Percent of production traffic that goes to the new revision.
    pub(super) weight: f64,
}

impl At {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::ReconcileService => "RECONCILE_SERVICE",
            Self::PreScaleUp => "PRE_SCALE_UP",
            Self::ScaleUp => "SCALE_UP",
            Self::PostScaleUp => "POST_SCALE_UP",
            Self::TestTrafficShift => "TEST_TRAFFIC_SHIFT",
            Self::PostTestTrafficShift => "POST_TEST_TRAFFIC_SHIFT",
            Self::ProductionTrafficShift => "PRODUCTION_TRAFFIC_SHIFT",
            Self::PostProductionTrafficShift => "POST_PRODUCTION_TRAFFIC_SHIFT",
            Self::BakeTime => "BAKE_TIME",
            Self::CleanUp => "CLEAN_UP",
        }
    }

    fn next(self) -> Option<Self> {
        Some(match self {
            Self::ReconcileService => Self::PreScaleUp,
            Self::PreScaleUp => Self::ScaleUp,
            Self::ScaleUp => Self::PostScaleUp,
            Self::PostScaleUp => Self::TestTrafficShift,
            Self::TestTrafficShift => Self::PostTestTrafficShift,
            Self::PostTestTrafficShift => Self::ProductionTrafficShift,
            Self::ProductionTrafficShift => Self::PostProductionTrafficShift,
            Self::PostProductionTrafficShift => Self::BakeTime,
            Self::BakeTime => Self::CleanUp,
            Self::CleanUp => return None,
        })
    }
}

impl Stage {
    /// Percent of test traffic that goes to the new revision.
    pub(super) fn test_weight(&self) -> f64 {
        if self.at >= At::TestTrafficShift { 100.0 } else { 0.0 }
    }

    /// New tasks start beside all old ones, and the old ones stop only at the end.
    pub(super) fn moves(&self, view: View) -> Moves {
        let View { desired, primary, others, .. } = view;
        Moves {
            start: if self.at >= At::ScaleUp { desired.saturating_sub(primary.alive) } else { 0 },
            stop_primary: primary.alive.saturating_sub(desired),
            stop_others: if self.at == At::CleanUp { others.alive } else { 0 },
        }
    }
}

/// Starts the stages of a service's newest deployment, where its strategy has them and there is a revision to replace.
pub(super) fn begin(world: &mut World, arn: &str) {
    let Some(service) = world.services.ecs.services.get_mut(arn) else { return };
    service.stage = None;
    let staged = service.strategy() != "ROLLING" && service.deployments.len() > 1 && service.last_good.is_some();
    let Some(record) = service.record.clone().filter(|_| staged) else { return };
    service.stage = Some(Stage { record: record.clone(), at: At::ReconcileService, weight: 0.0 });
    // All traffic is the present revision's, whatever a deployment that this one replaces had shifted.
    balancer::shift(world, arn, 0.0, 0.0);
    let delay = world.timings.stage;
    world.after(delay, WorldEvent::Ecs(Event::StageOver(record)));
}

/// A stage that takes a fixed time is over.
pub(super) fn stage_over(world: &mut World, record: &str) {
    let Some(arn) = service_of(record) else { return };
    let Some(service) = world.services.ecs.services.get_mut(&arn) else { return };
    let Some(stage) = service.stage.as_ref().filter(|stage| stage.record == record) else { return };
    if let Some((weight, bake)) = next_shift(service, stage) {
        if let Some(stage) = &mut service.stage {
            stage.weight = weight;
        }
        balancer::shift(world, &arn, weight, 100.0);
        return world.after(bake, WorldEvent::Ecs(Event::StageOver(record.to_owned())));
    }
    advance(world, &arn);
}

/// The next share of production traffic, and how long it is watched, while traffic is being shifted.
fn next_shift(service: &Service, stage: &Stage) -> Option<(f64, Duration)> {
    if stage.at != At::ProductionTrafficShift || stage.weight >= 100.0 {
        return None;
    }
    let configuration = service.deployment_configuration()?;
    let number = |member: &str, name: &str, default: f64| {
        let value = configuration.object(member).and_then(|it| it.member(name)).and_then(Value::as_f64);
        value.unwrap_or(default).max(0.0)
    };
    let minutes = |number: f64| Duration::from_secs_f64(number * 60.0);
    let (weight, bake) = match service.strategy() {
        "CANARY" if stage.weight == 0.0 => (
            number("canaryConfiguration", "canaryPercent", 5.0),
            minutes(number("canaryConfiguration", "canaryBakeTimeInMinutes", 10.0)),
        ),
        "LINEAR" => (
            stage.weight + number("linearConfiguration", "stepPercent", 10.0).max(3.0),
            minutes(number("linearConfiguration", "stepBakeTimeInMinutes", 6.0)),
        ),
        _ => (100.0, Duration::ZERO),
    };
    // The last step needs no watching of its own: bake time follows.
    Some(if weight >= 100.0 { (100.0, Duration::ZERO) } else { (weight, bake) })
}

fn advance(world: &mut World, arn: &str) {
    let usual = world.timings.stage;
    let Some(service) = world.services.ecs.services.get_mut(arn) else { return };
    let bake =
        service.deployment_configuration().and_then(|it| it.number("bakeTimeInMinutes")).unwrap_or(0).max(0) as u64;
    let Some(stage) = &mut service.stage else { return };
    let Some(next) = stage.at.next() else { return };
    stage.at = next;
    let record = stage.record.clone();
    if next == At::TestTrafficShift {
        let weight = stage.weight;
        balancer::shift(world, arn, weight, 100.0);
    }
    match next {
        // Over when the new tasks are healthy, or the old ones gone, which the scheduler sees.
        At::ScaleUp | At::CleanUp => scheduler::soon(world, arn),
        At::BakeTime => world.after(Duration::from_secs(bake * 60), WorldEvent::Ecs(Event::StageOver(record))),
        _ => world.after(usual, WorldEvent::Ecs(Event::StageOver(record))),
    }
}

/// Lets stages pass that wait for tasks.
pub(super) fn scaled(world: &mut World, arn: &str) {
    let ecs = &world.services.ecs;
    let Some(service) = ecs.services.get(arn) else { return };
    let (Some(stage), Some(primary)) = (&service.stage, service.deployments.first()) else { return };
    let counts = service.counts(ecs);
    let new = counts.get(&*primary.id).copied().unwrap_or_default();
    let old_left = counts.iter().any(|(id, Counts { alive, stopping, .. })| **id != primary.id && alive + stopping > 0);
    match stage.at {
        At::ScaleUp if new.healthy as i64 >= service.desired => advance(world, arn),
        At::CleanUp if !old_left => {
            if let Some(service) = world.services.ecs.services.get_mut(arn) {
                service.stage = None;
            }
        }
        _ => {}
    }
}

/// The service a service deployment's ARN belongs to.
fn service_of(record: &str) -> Option<String> {
    let (path, _) = record.rsplit_once('/')?;
    Some(path.replacen(":service-deployment/", ":service/", 1))
}
