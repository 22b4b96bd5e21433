//! The lifecycle stages of deployments: blue/green, linear and canary ones with their traffic weights and bake time, and
//! rolling ones that have hooks. Source: "Amazon ECS blue/green deployments", "Lifecycle stages for Amazon ECS
//! service deployments" and ServiceDeployment.lifecycleStage.
//!
//! Weights are shown in the service deployment and written to the listener rules that the service's load balancers name.
//! A stage is over when its time has passed and its hooks are done.

use std::time::Duration;

use serde_json::{Map, Value};

use super::deployment::Counts;
use super::member::Members;
use super::scheduler::{self, Moves, View};
use super::{Ecs, Event, balancer, hook};
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
    PreProductionTrafficShift,
    ProductionTrafficShift,
    PostProductionTrafficShift,
    BakeTime,
    CleanUp,
}

/// What a deployment does with the tasks and the traffic it finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Replaces tasks step by step; there is no traffic to move.
    Rolling,
    /// Moves traffic from the revision that serves to the new one.
    Shifting,
    /// Gives all traffic to the first revision of a service at once: there is none to go back to, so nothing bakes.
    First,
}

/// Where a deployment stands.
#[derive(Debug, Clone)]
pub(crate) struct Stage {
    /// The service deployment.
    pub(super) record: String,
    pub(super) kind: Kind,
    pub(super) at: At,
    /// Whether the stage has lasted as long as it takes without hooks.
    timed_out: bool,
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
            Self::PreProductionTrafficShift => "PRE_PRODUCTION_TRAFFIC_SHIFT",
            Self::ProductionTrafficShift => "PRODUCTION_TRAFFIC_SHIFT",
            Self::PostProductionTrafficShift => "POST_PRODUCTION_TRAFFIC_SHIFT",
            Self::BakeTime => "BAKE_TIME",
            Self::CleanUp => "CLEAN_UP",
        }
    }
}

impl Stage {
    /// The stage that follows. Traffic moves in steps, each with a stage before it.
    fn next(&self) -> Option<At> {
        Some(match (self.at, self.kind) {
            (At::ReconcileService, _) => At::PreScaleUp,
            (At::PreScaleUp, _) => At::ScaleUp,
            (At::ScaleUp, _) => At::PostScaleUp,
            (At::PostScaleUp, Kind::Rolling) | (At::PostProductionTrafficShift, Kind::First) | (At::BakeTime, _) => {
                At::CleanUp
            }
            (At::PostScaleUp, _) => At::TestTrafficShift,
            (At::TestTrafficShift, _) => At::PostTestTrafficShift,
            (At::PostTestTrafficShift, _) => At::PreProductionTrafficShift,
            (At::PreProductionTrafficShift, _) => At::ProductionTrafficShift,
            (At::ProductionTrafficShift, _) if self.weight < 100.0 => At::PreProductionTrafficShift,
            (At::ProductionTrafficShift, _) => At::PostProductionTrafficShift,
            (At::PostProductionTrafficShift, _) => At::BakeTime,
            (At::CleanUp, _) => return None,
        })
    }

    /// Percent of production and of test traffic that goes to the new revision; none where there is no traffic to move.
    pub(super) fn weights(&self) -> Option<(f64, f64)> {
        let test = if self.at >= At::TestTrafficShift { 100.0 } else { 0.0 };
        (self.kind != Kind::Rolling).then_some((self.weight, test))
    }

    /// New tasks start beside all old ones, and the old ones stop only at the end; but not so in a rolling deployment.
    pub(super) fn moves(&self, view: View) -> Moves {
        let View { desired, primary, others, lost, .. } = view;
        match self.kind {
            Kind::Rolling if self.at < At::ScaleUp => Moves { start_again: lost, ..Moves::default() },
            Kind::Rolling => scheduler::rolling(view),
            _ => Moves {
                start: if self.at >= At::ScaleUp { desired.saturating_sub(primary.alive) } else { 0 },
                start_again: if self.at == At::CleanUp { 0 } else { lost },
                stop_primary: primary.alive.saturating_sub(desired),
                stop_others: if self.at == At::CleanUp { others.alive } else { 0 },
            },
        }
    }
}

/// Starts the stages of a service's newest deployment, where it has them.
pub(super) fn begin(world: &mut World, arn: &str) {
    let Some(service) = world.services.ecs.services.get_mut(arn) else { return };
    service.stage = None;
    let Some(record) = service.record.clone() else { return };
    let replaces = service.deployments.len() > 1 && service.last_good.is_some();
    let kind = match service.strategy() {
        "ROLLING" => Kind::Rolling,
        _ if replaces => Kind::Shifting,
        _ => Kind::First,
    };
    // Only a deployment that finds more than one revision at work has to reconcile them (ServiceDeployment.lifecycleStage).
    let at = if service.deployments.len() > 2 { At::ReconcileService } else { At::PreScaleUp };
    let hooked = configuration(&world.services.ecs, &record).is_some_and(|it| !it.list("lifecycleHooks").is_empty());
    if kind == Kind::Rolling && !hooked {
        return;
    }
    if let Some(service) = world.services.ecs.services.get_mut(arn) {
        // Nobody else serves beside the first: to give it less than everything would leave callers without an answer.
        let weight = if kind == Kind::First { 100.0 } else { 0.0 };
        service.stage = Some(Stage { record, kind, at, timed_out: false, weight });
    }
    if kind == Kind::Shifting {
        // All traffic is the present revision's, whatever a deployment that this one replaces had shifted.
        balancer::shift(world, arn, 0.0, 0.0);
    }
    enter(world, arn);
}

/// The deployment configuration that a service deployment began with; a change of the service's is for the next one.
pub(super) fn configuration<'a>(ecs: &'a Ecs, record: &str) -> Option<&'a Map<String, Value>> {
    ecs.service_deployments.get(record)?.configuration()
}

/// Begins the stage that a deployment has come to: moves traffic, calls hooks, and plans the end.
fn enter(world: &mut World, arn: &str) {
    let usual = world.timings.stage;
    let ecs = &world.services.ecs;
    let Some(service) = ecs.services.get(arn) else { return };
    let Some(mut stage) = service.stage.clone() else { return };
    let configuration = configuration(ecs, &stage.record);
    let mut lasts = usual;
    match stage.at {
        At::TestTrafficShift => balancer::shift(world, arn, stage.weight, 100.0),
        At::ProductionTrafficShift => {
            let (weight, watched) = next_shift(&stage, configuration);
            (stage.weight, lasts) = (weight, watched.max(usual));
            balancer::shift(world, arn, weight, 100.0);
        }
        At::BakeTime => {
            let minutes = configuration.and_then(|it| it.number("bakeTimeInMinutes")).unwrap_or(0).max(0) as u64;
            lasts = Duration::from_secs(minutes * 60);
        }
        _ => {}
    }
    let (record, at) = (stage.record.clone(), stage.at);
    stage.timed_out = false;
    if let Some(service) = world.services.ecs.services.get_mut(arn) {
        service.stage = Some(stage);
    }
    hook::begin(world, &record, at);
    match at {
        // Over when the new tasks are healthy, or the old ones gone, which the scheduler sees.
        At::ScaleUp | At::CleanUp => scheduler::soon(world, arn),
        _ => world.after(lasts, WorldEvent::Ecs(Event::StageOver(record))),
    }
}

/// The share of production traffic that this step reaches, and how long it is watched.
fn next_shift(stage: &Stage, configuration: Option<&Map<String, Value>>) -> (f64, Duration) {
    let number = |member: &str, name: &str, default: f64| {
        let value = configuration.and_then(|it| it.object(member)).and_then(|it| it.member(name));
        value.and_then(Value::as_f64).unwrap_or(default).max(0.0)
    };
    let minutes = |number: f64| Duration::from_secs_f64(number * 60.0);
    let strategy = configuration.and_then(|it| it.text("strategy")).unwrap_or_default();
    let (weight, watched) = match strategy {
        _ if stage.kind == Kind::First => (100.0, Duration::ZERO),
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
    if weight >= 100.0 { (100.0, Duration::ZERO) } else { (weight, watched) }
}

/// The time of a stage has passed.
pub(super) fn stage_over(world: &mut World, record: &str) {
    let Some(arn) = service_of(record) else { return };
    let Some(service) = world.services.ecs.services.get_mut(&arn) else { return };
    let Some(stage) = service.stage.as_mut().filter(|stage| stage.record == record) else { return };
    stage.timed_out = true;
    proceed(world, &arn);
}

/// Goes on to the next stage, if this one has lasted long enough and none of its hooks is waited for.
pub(super) fn proceed(world: &mut World, arn: &str) {
    let ecs = &world.services.ecs;
    let Some(stage) = ecs.services.get(arn).and_then(|service| service.stage.as_ref()) else { return };
    if stage.timed_out && !hook::is_waited_for(ecs, &stage.record) {
        advance(world, arn);
    }
}

fn advance(world: &mut World, arn: &str) {
    let Some(stage) = world.services.ecs.services.get_mut(arn).and_then(|service| service.stage.as_mut()) else {
        return;
    };
    let Some(next) = stage.next() else { return };
    stage.at = next;
    enter(world, arn);
}

/// Lets stages pass that wait for tasks.
pub(super) fn scaled(world: &mut World, arn: &str) {
    let ecs = &world.services.ecs;
    let Some(service) = ecs.services.get(arn) else { return };
    let (Some(stage), Some(primary)) = (&service.stage, service.deployments.first()) else { return };
    let counts = service.counts(ecs);
    let new = counts.get(&*primary.id).copied().unwrap_or_default();
    let old_left = counts.iter().any(|(id, Counts { alive, stopping, .. })| **id != primary.id && alive + stopping > 0);
    let replaced = stage.kind != Kind::Rolling || !old_left;
    match stage.at {
        At::ScaleUp if new.healthy as i64 >= service.desired && replaced => advance(world, arn),
        At::CleanUp if !old_left => {
            if let Some(service) = world.services.ecs.services.get_mut(arn) {
                service.stage = None;
            }
        }
        _ => {}
    }
}

/// The service a service deployment's ARN belongs to.
pub(super) fn service_of(record: &str) -> Option<String> {
    let (path, _) = record.rsplit_once('/')?;
    Some(path.replacen(":service-deployment/", ":service/", 1))
}
