//! Availability Zones: where tasks are placed, evenly over the zones of their subnets, and how a service's tasks come to be
//! even again after a zone was lost. Source: "Balancing an Amazon ECS service across Availability Zones" and "Amazon ECS
//! Availability Zone service rebalancing service event messages" in the developer guide.

use std::collections::BTreeMap;

use super::Ecs;
use super::event;
use super::member::Members;
use super::names;
use super::notice::{self, Grade};
use super::scheduler::soon;
use super::service::Service;
use super::task::Task;
use super::task_launch::{Launch, launch};
use super::task_life::{fail, stop};
use crate::ec2;
use crate::world::World;

/// Where a task can go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spot {
    /// None for a task without an interface of its own.
    pub(super) subnet: Option<String>,
    pub(super) zone: String,
}

/// The spots that tasks with such members can go to. The zone of a subnet that EC2 does not know follows from its place
/// among the others.
fn spots(world: &World, cluster: &str, fields: &serde_json::Map<String, serde_json::Value>) -> Vec<Spot> {
    let (account, region) = (names::account_of(cluster), names::region_of(cluster));
    let letter = |at: usize| format!("{region}{}", ["a", "b", "c"][at % 3]);
    let network = fields.object("networkConfiguration").and_then(|it| it.object("awsvpcConfiguration"));
    let all: Vec<Spot> = match network {
        Some(network) => {
            let spot = |(at, subnet): (usize, &str)| Spot {
                zone: ec2::zone_of(world, account, region, subnet).unwrap_or_else(|| letter(at)),
                subnet: Some(subnet.to_owned()),
            };
            network.texts("subnets").into_iter().enumerate().map(spot).collect()
        }
        None => (0..3).map(|at| Spot { subnet: None, zone: letter(at) }).collect(),
    };
    all.into_iter().filter(|spot| !world.scripts.is_lost(&spot.zone)).collect()
}

/// The spot with the fewest tasks of the same deployment, then of the same service; others take turns. None if every zone
/// is lost.
pub(super) fn place(world: &World, order: &Launch) -> Option<Spot> {
    let ecs = &world.services.ecs;
    let spots = spots(world, &order.cluster, &order.fields);
    let service = order.service.as_ref().and_then(|arn| ecs.services.get(arn));
    let tasks: Vec<&Task> = service.map(|service| alive(ecs, service).collect()).unwrap_or_default();
    let turn = ecs.addresses.asked as usize;
    let rank = |(at, spot): &(usize, Spot)| {
        let here = tasks.iter().filter(|task| zone(task) == spot.zone);
        let (mut own, mut all) = (0, 0);
        for task in here {
            all += 1;
            own += usize::from(task.deployment == order.deployment);
        }
        (own, all, (at + spots.len() - turn % spots.len()) % spots.len())
    };
    spots.iter().cloned().enumerate().min_by_key(rank).map(|(_, spot)| spot)
}

fn alive<'a>(ecs: &'a Ecs, service: &'a Service) -> impl Iterator<Item = &'a Task> {
    service.tasks.iter().filter_map(|arn| ecs.tasks.get(arn)).filter(|task| task.is_alive())
}

fn zone(task: &Task) -> &str {
    task.fields.text("availabilityZone").unwrap_or_default()
}

/// Tasks of a service in each zone that it can use.
fn spread(world: &World, service: &Service) -> BTreeMap<String, usize> {
    let spots = spots(world, &service.cluster, &service.fields);
    let mut counts: BTreeMap<String, usize> = spots.into_iter().map(|spot| (spot.zone, 0)).collect();
    for task in alive(&world.services.ecs, service) {
        *counts.entry(zone(task).to_owned()).or_default() += 1;
    }
    counts
}

/// `2 tasks in us-east-1a, 1 tasks in us-east-1b`, the most first.
fn told(counts: &BTreeMap<String, usize>) -> String {
    let mut counts: Vec<(&String, &usize)> = counts.iter().collect();
    counts.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    counts.iter().map(|(zone, count)| format!("{count} tasks in {zone}")).collect::<Vec<_>>().join(", ")
}

/// A service is steady: if its tasks are uneven, more start where there are few.
pub(super) fn rebalance(world: &mut World, arn: &str) {
    let Some(service) = world.services.ecs.services.get(arn) else { return };
    if service.fields.text("availabilityZoneRebalancing") != Some("ENABLED") || service.surplus > 0 {
        return;
    }
    let counts = spread(world, service);
    let (Some(most), Some(least)) = (counts.values().max(), counts.values().min()) else { return };
    let uneven = most - least > 1;
    if !uneven {
        return balanced(world, arn, &counts);
    }
    let share = counts.values().sum::<usize>() / counts.len();
    let missing: usize = counts.values().map(|count| share.saturating_sub(*count)).sum();
    let text = format!("is not AZ balanced with {}. AZ Rebalancing in progress.", told(&counts));
    say(world, arn, &text, "SERVICE_REBALANCING_STARTED");
    start(world, arn, missing.max(1));
}

fn balanced(world: &mut World, arn: &str, counts: &BTreeMap<String, usize>) {
    let Some(service) = world.services.ecs.services.get_mut(arn) else { return };
    if std::mem::take(&mut service.uneven) {
        let text = format!("is AZ balanced with {}.", told(counts));
        say(world, arn, &text, "SERVICE_REBALANCING_COMPLETED");
    }
}

fn say(world: &mut World, arn: &str, text: &str, name: &str) {
    let now = world.now;
    let Some(service) = world.services.ecs.services.get_mut(arn) else { return };
    let Service { events, name: service, .. } = service;
    events.push(&mut world.rng, now, service, text);
    notice::action(world, arn, Grade::Info, name);
}

fn start(world: &mut World, arn: &str, number: usize) {
    let Some(service) = world.services.ecs.services.get(arn) else { return };
    let Some(primary) = service.deployments.first() else { return };
    let order = Launch::of(service, primary);
    for _ in 0..number {
        let Ok(task) = launch(world, &order) else { break };
        let here = world.services.ecs.tasks.get(&task).map(|task| zone(task).to_owned()).unwrap_or_default();
        let ids = [names::last_part(&task).to_owned()];
        let text = format!("has started 1 tasks in {here} to AZ Rebalance: {}.", event::tasks(&ids));
        if let Some(service) = world.services.ecs.services.get_mut(arn) {
            (service.surplus, service.uneven) = (service.surplus + 1, true);
        }
        say(world, arn, &text, "TASKS_STARTED");
    }
}

/// The tasks that were started to make a service even are healthy: as many stop where there are most.
pub(super) fn settle(world: &mut World, arn: &str) {
    let ecs = &world.services.ecs;
    let Some(service) = ecs.services.get(arn).filter(|service| service.surplus > 0) else { return };
    let counts = service.deployments.first().and_then(|it| service.counts(ecs).get(&*it.id).copied());
    let wanted = service.desired.max(0) as usize + service.surplus;
    if counts.is_none_or(|counts| counts.healthy < wanted) {
        return;
    }
    for _ in 0..service.surplus {
        stop_one(world, arn);
    }
    if let Some(service) = world.services.ecs.services.get_mut(arn) {
        service.surplus = 0;
    }
}

fn stop_one(world: &mut World, arn: &str) {
    let ecs = &world.services.ecs;
    let Some(service) = ecs.services.get(arn) else { return };
    let counts = spread(world, service);
    let free = alive(ecs, service).filter(|task| !task.is_protected(world.now));
    let victim =
        free.max_by_key(|task| (counts.get(zone(task)).copied(), std::cmp::Reverse(task.created_at), &task.arn));
    let Some((task, here)) = victim.map(|task| (task.arn.clone(), zone(task).to_owned())) else { return };
    let ids = [names::last_part(&task).to_owned()];
    stop(world, &task, "ServiceSchedulerInitiated", "Task stopped by Availability Zone rebalancing");
    let text = format!("has stopped 1 running tasks in {here} due to AZ rebalancing: {}.", event::tasks(&ids));
    say(world, arn, &text, "TASKS_STOPPED");
}

/// A zone fails: what runs there ends, and nothing is placed there until it is back.
pub(crate) fn lose(world: &mut World, lost: &str) {
    world.scripts.lose_zone(lost);
    let tasks = world.services.ecs.tasks.values().filter(|task| task.is_alive() && zone(task) == lost);
    for arn in tasks.map(|task| task.arn.clone()).collect::<Vec<_>>() {
        let reason = format!("Task stopped because its Availability Zone {lost} is impaired.");
        fail(world, &arn, "TerminationNotice", &reason);
    }
}

/// A zone is back; services look whether they are even.
pub(crate) fn restore(world: &mut World, zone: &str) {
    world.scripts.restore_zone(zone);
    for arn in world.services.ecs.services.keys().cloned().collect::<Vec<_>>() {
        soon(world, &arn);
    }
}
