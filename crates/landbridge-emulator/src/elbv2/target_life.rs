//! A target's life: initial, healthy or unhealthy, draining. Source: "Target health status" in "Health checks for your
//! target groups", and "Deregistration delay".
//!
//! Health checks are not run one by one. What they would find is known, so the moment is planned at which enough of
//! them in a row have passed or failed: interval × threshold, as "Optimize load balancer health check parameters for
//! Amazon ECS" counts it.

use std::time::Duration;

use super::Event;
use super::target::{Answers, Failure, Key, State, Target};
use crate::clock::{later, seconds_between};
use crate::world::{Event as WorldEvent, World};

/// A point a target reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Registered; checks begin.
    Checked,
    Healthy,
    Unhealthy,
    /// The deregistration delay is over.
    Drained,
}

/// What ECS hears of a target it registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TargetNews {
    pub(crate) group: String,
    pub(crate) port: Option<u16>,
    /// None for a healthy target.
    pub(crate) failure: Option<Failure>,
}

fn target<'a>(world: &'a mut World, group: &str, key: &Key) -> Option<&'a mut Target> {
    world.services.elbv2.groups.get_mut(group)?.targets.get_mut(key)
}

/// Puts the target into its group. One that is there already stays as it is, unless it drains.
pub(super) fn register(world: &mut World, group: &str, mut new: Target) {
    let key = new.key.clone();
    let Some(kept) = world.services.elbv2.groups.get_mut(group) else { return };
    if let Some(present) = kept.targets.get(&key) {
        if present.state != State::Draining {
            return;
        }
        new.course = present.course;
    }
    kept.targets.insert(key.clone(), new);
    begin(world, group, &key);
}

/// A target is looked after from now on, as far as its group is in use.
fn begin(world: &mut World, group: &str, key: &Key) {
    let registration = world.timings.target_registration;
    let Some(kept) = world.services.elbv2.groups.get_mut(group) else { return };
    let (used, enabled) = (kept.is_used(), kept.check.enabled);
    let Some(target) = kept.targets.get_mut(key) else { return };
    target.course += 1;
    target.state = match (used, enabled) {
        (false, _) => State::Unused,
        (true, false) => State::Unknown,
        (true, true) => State::Registering,
    };
    if target.state == State::Registering {
        plan(world, group, key, registration, Moment::Checked);
    }
}

/// The group has come into use: its targets are looked after, but for those that still are.
pub(super) fn into_use(world: &mut World, group: &str) {
    begin_where(world, group, |state| state == State::Unused);
}

/// The group has fallen out of use, unless it is in use again.
pub(super) fn out_of_use(world: &mut World, group: &str) {
    if world.services.elbv2.groups.get(group).is_some_and(|kept| !kept.is_used()) {
        begin_where(world, group, |state| state != State::Draining);
    }
}

fn begin_where(world: &mut World, group: &str, holds: impl Fn(State) -> bool) {
    let Some(kept) = world.services.elbv2.groups.get(group) else { return };
    let keys: Vec<Key> = kept.targets.values().filter(|it| holds(it.state)).map(|it| it.key.clone()).collect();
    for key in keys {
        begin(world, group, &key);
    }
}

fn plan(world: &mut World, group: &str, key: &Key, delay: Duration, moment: Moment) {
    let Some(course) = target(world, group, key).map(|target| target.course) else { return };
    let event = Event::Target { group: group.to_owned(), key: key.clone(), course, moment };
    world.after(delay, WorldEvent::Elbv2(event));
}

pub(super) fn reach(world: &mut World, group: &str, key: &Key, course: u64, moment: Moment) {
    let Some(target) = target(world, group, key).filter(|target| target.course == course) else { return };
    let failure = target.answers.failure;
    match moment {
        Moment::Drained => {
            if let Some(group) = world.services.elbv2.groups.get_mut(group) {
                group.targets.remove(key);
            }
            return;
        }
        Moment::Checked => target.state = State::Checking,
        Moment::Healthy => target.state = State::Healthy,
        Moment::Unhealthy => target.state = State::Unhealthy(failure),
    }
    let owner = target.owner.clone().filter(|_| moment != Moment::Checked);
    foresee(world, group, key);
    if let Some(task) = owner {
        let failure = (moment == Moment::Unhealthy).then_some(failure);
        crate::ecs::target_news(world, &task, &TargetNews { group: group.to_owned(), port: key.port, failure });
    }
}

/// Plans what health checks find next.
fn foresee(world: &mut World, group: &str, key: &Key) {
    let now = world.now;
    let Some(kept) = world.services.elbv2.groups.get(group) else { return };
    let Some(target) = kept.targets.get(key) else { return };
    let (good, bad) = (kept.check.until_healthy(), kept.check.until_unhealthy());
    let fails_from = target.answers.fails_from;
    // From now, for a target that fails some time.
    let failing = fails_from.map(|from| Duration::from_secs_f64(seconds_between(now, from)) + bad);
    let next = match (target.state, failing) {
        (State::Checking, Some(failing)) if fails_from.is_some_and(|from| from < later(now, good)) => {
            Some((failing, Moment::Unhealthy))
        }
        (State::Checking, _) | (State::Unhealthy(_), None) => Some((good, Moment::Healthy)),
        (State::Healthy, Some(failing)) => Some((failing, Moment::Unhealthy)),
        _ => None,
    };
    if let Some((delay, moment)) = next {
        plan(world, group, key, delay, moment);
    }
}

/// Starts draining; returns how long the target drains. None if there is nothing to wait for.
pub(super) fn deregister(world: &mut World, group: &str, key: &Key) -> Option<Duration> {
    let kept = world.services.elbv2.groups.get_mut(group)?;
    let delay = kept.attributes.get("deregistration_delay.timeout_seconds").and_then(|it| it.parse().ok()).unwrap_or(0);
    let target = kept.targets.get_mut(key)?;
    if target.state == State::Draining {
        return None;
    }
    if target.state == State::Unused || delay == 0 {
        kept.targets.remove(key);
        return None;
    }
    target.course += 1;
    target.state = State::Draining;
    let delay = Duration::from_secs(delay);
    plan(world, group, key, delay, Moment::Drained);
    Some(delay)
}

/// Targets answer otherwise from now on, each as `answers` says of its id; those of ECS tasks keep to their images.
/// Looks at every target: for tests, not for a call.
pub(crate) fn answer_anew(world: &mut World) {
    let now = world.now;
    let groups = world.services.elbv2.groups.values();
    let of_users = groups.flat_map(|group| group.targets.values().map(|target| (group.arn.clone(), target)));
    let found: Vec<(String, Key, Answers)> = of_users
        .filter(|(_, target)| target.owner.is_none())
        .map(|(group, target)| (group, target.key.clone(), world.scripts.answers(&target.key.id, now)))
        .collect();
    for (group, key, answers) in found {
        let Some(target) = target(world, &group, &key) else { continue };
        let same = target.answers.fails_from.is_some() == answers.fails_from.is_some()
            && target.answers.failure == answers.failure;
        if same || matches!(target.state, State::Draining | State::Unused | State::Unknown | State::Registering) {
            target.answers = answers;
            continue;
        }
        target.answers = answers;
        target.course += 1;
        foresee(world, &group, &key);
    }
}
