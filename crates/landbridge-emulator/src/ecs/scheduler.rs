//! The service scheduler: looks at a service, starts and stops tasks, and says when a deployment is complete and the
//! service steady. It looks only when something changed.
//! Source: "Rolling update deployments" (deployment-type-ecs) and DeploymentConfiguration.

use jiff::Timestamp;

use super::deployment::{Counts, Deployment, Rollout, complete, tell};
use super::notice::{self, Grade};
use super::service::{Service, Status};
use super::service_delete::deactivate;
use super::task_launch::{Launch, Unplaced, launch};
use super::task_life::stop;
use super::{Ecs, Event};
use crate::clock::{later, seconds_between};
use crate::world::{Event as WorldEvent, World};

/// What the scheduler sees of a service.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct View {
    pub(super) desired: usize,
    /// Tasks that may exist at once, and that have to stay healthy.
    pub(super) maximum: usize,
    pub(super) minimum: usize,
    pub(super) primary: Counts,
    pub(super) others: Counts,
    /// Tasks that the revision which serves has lost while another is being deployed.
    pub(super) lost: usize,
}

/// What the scheduler does next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Moves {
    pub(super) start: usize,
    /// Tasks of the revision that served before.
    pub(super) start_again: usize,
    pub(super) stop_primary: usize,
    pub(super) stop_others: usize,
}

/// Lets the scheduler look at a service soon, once however many changes there are until then.
pub(super) fn soon(world: &mut World, service: &str) {
    let Some(kept) = world.services.ecs.services.get_mut(service) else { return };
    if !std::mem::replace(&mut kept.step_planned, true) {
        let delay = world.timings.scheduler;
        world.after(delay, WorldEvent::Ecs(Event::Step(service.to_owned())));
    }
}

/// Lets the scheduler look at a service at a certain time, once.
pub(super) fn wake(world: &mut World, service: &str, at: Timestamp) {
    let now = world.now;
    let Some(kept) = world.services.ecs.services.get_mut(service) else { return };
    if kept.wake_at != Some(at) {
        kept.wake_at = Some(at);
        let wait = std::time::Duration::from_secs_f64(seconds_between(now, at));
        world.after(wait, WorldEvent::Ecs(Event::Step(service.to_owned())));
    }
}

pub(super) fn step(world: &mut World, arn: &str) {
    let ecs = &mut world.services.ecs;
    let Some(service) = ecs.services.get_mut(arn) else { return };
    service.step_planned = false;
    let (status, has_task_sets) = (service.status, service.has_task_sets());
    super::balancer::tell(world, arn);
    match status {
        Status::Inactive => {}
        Status::Draining => drain(world, arn),
        Status::Active if has_task_sets => super::task_set::step(world, arn),
        Status::Active => {
            super::zones::settle(world, arn);
            let Some(moves) = next_moves(&world.services.ecs, arn) else { return };
            make(world, arn, moves);
            super::rollout::scaled(world, arn);
            conclude(world, arn);
        }
    }
}

fn next_moves(ecs: &Ecs, arn: &str) -> Option<Moves> {
    let service = ecs.services.get(arn)?;
    let view = view(ecs, service)?;
    if service.deployments.first()?.rollout == Rollout::Failed {
        // The circuit is broken and nothing was rolled back: no task is launched (DeploymentCircuitBreaker).
        return Some(Moves::default());
    }
    Some(service.stage.as_ref().map_or_else(|| rolling(view), |stage| stage.moves(view)))
}

fn view(ecs: &Ecs, service: &Service) -> Option<View> {
    let counts = service.counts(ecs);
    let primary = service.deployments.first()?;
    let mut others = Counts::default();
    for (_, counts) in counts.iter().filter(|(id, _)| **id != primary.id) {
        others.alive += counts.alive;
        others.healthy += counts.healthy;
        others.stopping += counts.stopping;
    }
    let configuration = service.deployment_configuration();
    let percent = |name: &str, default: i64| {
        use super::member::Members;
        configuration.and_then(|it| it.number(name)).unwrap_or(default).max(0) as usize
    };
    let desired = service.desired.max(0) as usize + service.surplus;
    Some(View {
        desired,
        maximum: desired * percent("maximumPercent", 200) / 100,
        minimum: (desired * percent("minimumHealthyPercent", 100)).div_ceil(100),
        primary: counts.get(&*primary.id).copied().unwrap_or_default(),
        others,
        lost: source(service).map_or(0, |source| desired.saturating_sub(counts[&*source.id].alive)),
    })
}

/// The deployment of the last revision that worked, while another is being deployed.
fn source(service: &Service) -> Option<&Deployment> {
    let good = service.last_good.as_ref()?;
    service.deployments.iter().skip(1).find(|it| std::sync::Arc::ptr_eq(&it.revision, good))
}

/// One step of a rolling update: as many new tasks as the maximum allows, and old ones stopped as far as new ones are
/// healthy in their place, or as the minimum allows where there is no room to start.
pub(super) fn rolling(view: View) -> Moves {
    let View { desired, maximum, minimum, primary, others, .. } = view;
    let missing = desired.saturating_sub(primary.alive);
    // Without old tasks nothing is being replaced: missing tasks are simply started.
    let room = if others.alive == 0 { missing } else { maximum.saturating_sub(primary.alive + others.alive) };
    let start = missing.min(room);
    let replaced = (primary.healthy + others.alive).saturating_sub(desired).min(others.alive);
    let surplus_healthy = (primary.healthy + others.healthy).saturating_sub(minimum);
    let unhealthy_others = others.alive - others.healthy.min(others.alive);
    // Old tasks that are not healthy count for nothing and may go as soon as they are to be replaced.
    let allowed = surplus_healthy + unhealthy_others;
    let wanted = if start < missing { replaced.max(missing - start) } else { replaced };
    Moves {
        start,
        start_again: 0,
        stop_primary: primary.alive.saturating_sub(desired),
        stop_others: wanted.min(allowed).min(others.alive),
    }
}

fn make(world: &mut World, arn: &str, moves: Moves) {
    let ecs = &world.services.ecs;
    let Some(service) = ecs.services.get(arn) else { return };
    let Some(primary) = service.deployments.first() else { return };
    let primary_id = primary.id.clone();
    let source_id = source(service).map(|it| it.id.clone());
    let mut stopped = choose(world, service, moves.stop_others, |id| id != primary_id);
    stopped.extend(choose(world, service, moves.stop_primary, |id| id == primary_id));
    let reason = format!("Scaling activity initiated by (deployment {primary_id})");
    stop_all(world, arn, stopped, &reason);
    if moves.start > 0 {
        start(world, arn, &primary_id, moves.start);
    }
    if let Some(source) = source_id.filter(|_| moves.start_again > 0) {
        start(world, arn, &source, moves.start_again);
    }
}

fn stop_all(world: &mut World, arn: &str, tasks: Vec<String>, reason: &str) {
    let mut ids = Vec::with_capacity(tasks.len());
    for task in tasks {
        ids.push(super::names::last_part(&task).to_owned());
        stop(world, &task, "ServiceSchedulerInitiated", reason);
    }
    tell(world, arn, "stopped", &ids);
}

/// Tasks of one deployment that are too many.
pub(super) struct Halt<'a> {
    pub(super) id: &'a str,
    pub(super) number: usize,
    pub(super) reason: &'a str,
}

pub(super) fn halt(world: &mut World, arn: &str, what: &Halt<'_>) {
    let ecs = &world.services.ecs;
    let Some(service) = ecs.services.get(arn) else { return };
    let stopped = choose(world, service, what.number, |id| id == what.id);
    stop_all(world, arn, stopped, what.reason);
}

/// Tasks to stop: those not healthy yet first, then the youngest; never one that is protected.
fn choose(world: &World, service: &Service, number: usize, belongs: impl Fn(&str) -> bool) -> Vec<String> {
    if number == 0 {
        return Vec::new();
    }
    let ecs = &world.services.ecs;
    let mut tasks: Vec<_> = service
        .tasks
        .iter()
        .filter_map(|arn| ecs.tasks.get(arn))
        .filter(|task| task.is_alive() && !task.is_protected(world.now))
        .filter(|task| task.deployment.as_deref().is_some_and(&belongs))
        .collect();
    tasks.sort_by(|a, b| (a.is_healthy(), b.created_at, &a.arn).cmp(&(b.is_healthy(), a.created_at, &b.arn)));
    tasks.into_iter().take(number).map(|task| task.arn.clone()).collect()
}

/// Starts tasks of a deployment.
pub(super) fn start(world: &mut World, arn: &str, id: &str, number: usize) {
    let now = world.now;
    let Some(service) = world.services.ecs.services.get(arn) else { return };
    let Some(deployment) = service.deployments.iter().find(|it| it.id == id) else { return };
    if let Some(at) = deployment.resume_at.filter(|at| *at > now) {
        return wake(world, arn, at);
    }
    let order = Launch::of(service, deployment);
    let mut ids = Vec::with_capacity(number);
    for _ in 0..number {
        match launch(world, &order) {
            Ok(task) => ids.push(super::names::last_part(&task).to_owned()),
            Err(unplaced) => {
                place_later(world, arn, id, &unplaced);
                break;
            }
        }
    }
    tell(world, arn, "started", &ids);
}

/// Nowhere to place a task: says so and tries again later. Source: "was unable to place a task" in "Amazon ECS service
/// event messages".
fn place_later(world: &mut World, arn: &str, id: &str, unplaced: &Unplaced) {
    const AGAIN: std::time::Duration = std::time::Duration::from_secs(30);
    let now = world.now;
    let Some(service) = world.services.ecs.services.get_mut(arn) else { return };
    let text = format!(
        "was unable to place a task. Reason: {}. For more information, see the Troubleshooting section of the Amazon \
         ECS Developer Guide.",
        unplaced.reason
    );
    service.events.push(&mut world.rng, now, &service.name, &text);
    let again = later(now, AGAIN);
    if let Some(deployment) = service.deployments.iter_mut().find(|it| it.id == id) {
        deployment.resume_at = Some(again);
    }
    notice::unplaced(world, arn, unplaced.provider.as_deref());
    wake(world, arn, again);
}

/// Says that a deployment is complete and that the service is steady, once each.
fn conclude(world: &mut World, arn: &str) {
    let ecs = &world.services.ecs;
    let Some(service) = ecs.services.get(arn) else { return };
    let (Some(view), Some(primary)) = (view(ecs, service), service.deployments.first()) else { return };
    let rollout = primary.rollout;
    let whole =
        view.primary.healthy == view.desired && view.primary.alive == view.desired && view.primary.stopping == 0;
    let alone = view.others.alive == 0 && view.others.stopping == 0;
    let steady = whole && alone && service.stage.is_none() && rollout != Rollout::Failed;
    if steady && rollout == Rollout::InProgress {
        if let Some(until) = super::alarm::baking(world, arn) {
            return wake(world, arn, until);
        }
        complete(world, arn);
    }
    let now = world.now;
    let Some(service) = world.services.ecs.services.get_mut(arn) else { return };
    if steady && !service.steady {
        service.events.push(&mut world.rng, now, &service.name, "has reached a steady state.");
        notice::action(world, arn, Grade::Info, "SERVICE_STEADY_STATE");
    }
    if let Some(service) = world.services.ecs.services.get_mut(arn) {
        service.steady = steady;
    }
    if steady {
        super::zones::rebalance(world, arn);
    }
}

fn drain(world: &mut World, arn: &str) {
    let ecs = &world.services.ecs;
    let Some(service) = ecs.services.get(arn) else { return };
    if service.tasks.is_empty() {
        return deactivate(world, arn);
    }
    let alive = service.tasks.iter().filter(|arn| ecs.tasks.get(*arn).is_some_and(super::task::Task::is_alive));
    let alive: Vec<String> = alive.cloned().collect();
    let id = service.deployments.first().map(|it| it.id.clone()).unwrap_or_default();
    let mut ids = Vec::with_capacity(alive.len());
    for task in alive {
        ids.push(super::names::last_part(&task).to_owned());
        stop(world, &task, "ServiceSchedulerInitiated", &format!("Scaling activity initiated by (deployment {id})"));
    }
    tell(world, arn, "stopped", &ids);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(
        desired: usize,
        (maximum, minimum): (usize, usize),
        primary: (usize, usize),
        others: (usize, usize),
    ) -> View {
        let counts = |(alive, healthy)| Counts { alive, healthy, ..Counts::default() };
        View { desired, maximum, minimum, primary: counts(primary), others: counts(others), lost: 0 }
    }

    #[test]
    fn a_new_service_starts_all_its_tasks_whatever_the_maximum() {
        assert_eq!(rolling(view(3, (3, 0), (0, 0), (0, 0))).start, 3);
    }

    #[test]
    fn with_room_above_desired_new_tasks_start_before_old_ones_stop() {
        let moves = rolling(view(2, (4, 2), (0, 0), (2, 2)));
        assert_eq!(moves, Moves { start: 2, ..Moves::default() });
        assert_eq!(rolling(view(2, (4, 2), (2, 1), (2, 2))).stop_others, 1);
        assert_eq!(rolling(view(2, (4, 2), (2, 2), (2, 2))).stop_others, 2);
    }

    #[test]
    fn without_room_old_tasks_make_way_down_to_the_minimum() {
        let moves = rolling(view(4, (4, 2), (0, 0), (4, 4)));
        assert_eq!(moves, Moves { stop_others: 2, ..Moves::default() });
    }

    #[test]
    fn scaling_in_stops_what_is_too_much() {
        assert_eq!(rolling(view(1, (2, 1), (3, 3), (0, 0))).stop_primary, 2);
    }

    #[test]
    fn tasks_never_exceed_the_maximum_nor_healthy_ones_fall_below_the_minimum() {
        for desired in 1..6 {
            for maximum in desired..=desired * 2 {
                for minimum in 0..=desired {
                    for (primary, others) in (0..=desired).flat_map(|p| (0..=desired).map(move |o| (p, o))) {
                        let seen = view(desired, (maximum, minimum), (primary, primary), (others, others));
                        let moves = rolling(seen);
                        let after = primary + others + moves.start;
                        assert!(others == 0 || moves.start == 0 || after <= maximum, "{seen:?} {moves:?}");
                        assert!(
                            moves.stop_others == 0 || primary + others - moves.stop_others >= minimum,
                            "{seen:?} {moves:?}"
                        );
                    }
                }
            }
        }
    }
}
