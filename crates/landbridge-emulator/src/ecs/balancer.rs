//! What ECS does with the load balancers of a service: it checks their target groups, registers tasks that run, takes
//! out those that stop, and replaces those that fail the health checks.
//! Source: "Use load balancing to distribute Amazon ECS service traffic", "Amazon ECS service event messages", and
//! `loadBalancers` and `healthCheckGracePeriodSeconds` of CreateService.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::member::{Members, invalid};
use super::scheduler::soon;
use super::service::Service;
use super::task::{Interface, Task};
use super::task_definition::TaskDefinition;
use super::task_life::{self, Moment};
use crate::clock::later;
use crate::elbv2::{self, Answers, Failure, TargetNews, TaskTarget};
use crate::refusal::Refusal;
use crate::world::World;

/// A task in a target group.
#[derive(Debug, Clone)]
pub(super) struct Target {
    group: String,
    key: elbv2::Key,
    /// What health checks found, once they found anything.
    pub(super) healthy: Option<bool>,
}

/// How many targets were registered (true) and taken out (false) of a group since the service's events said so.
pub(super) type News = std::collections::BTreeMap<(String, bool), usize>;

/// What CreateService and UpdateService refuse about target groups and listener rules.
pub(super) fn check(world: &World, fields: &Map<String, Value>, definition: &TaskDefinition) -> Result<(), Refusal> {
    for balancer in fields.list("loadBalancers") {
        let Some(arn) = balancer.text("targetGroupArn") else {
            // There are no Classic Load Balancers here.
            let name = balancer.text("loadBalancerName").unwrap_or_default();
            return Err(invalid(format!("The load balancer {name} does not exist.")));
        };
        check_group(world, arn, definition)?;
        let used = elbv2::group_of_ecs(world, arn).is_some_and(elbv2::TargetGroup::is_used);
        if !used {
            return Err(invalid(format!(
                "The target group with targetGroupArn {arn} does not have an associated load balancer."
            )));
        }
        if let Some(advanced) = balancer.object("advancedConfiguration") {
            check_advanced(world, arn, advanced, definition)?;
        }
    }
    Ok(())
}

fn check_group(world: &World, arn: &str, definition: &TaskDefinition) -> Result<(), Refusal> {
    let Some(group) = elbv2::group_of_ecs(world, arn) else {
        return Err(invalid(format!("The target group {arn} does not exist.")));
    };
    let mode = definition.fields.text("networkMode").unwrap_or("bridge");
    let (fits, kind) = (if definition.is_awsvpc() { "ip" } else { "instance" }, group.target_type());
    if kind != fits {
        return Err(invalid(format!(
            "The provided target group {arn} has target type {kind}, which is incompatible with the {mode} network mode \
             specified in the task definition."
        )));
    }
    Ok(())
}

/// Source: AdvancedConfiguration, and "Required resources for Amazon ECS blue/green deployments".
fn check_advanced(
    world: &World,
    group: &str,
    advanced: &Map<String, Value>,
    definition: &TaskDefinition,
) -> Result<(), Refusal> {
    let needed = |name: &str| {
        advanced.text(name).ok_or_else(|| invalid(format!("advancedConfiguration must include a {name}.")))
    };
    let alternate = needed("alternateTargetGroupArn")?;
    check_group(world, alternate, definition)?;
    if alternate == group {
        return Err(invalid("The alternate target group must be another than the target group."));
    }
    needed("roleArn")?;
    let rule = needed("productionListenerRule")?;
    for rule in [Some(rule), advanced.text("testListenerRule")].into_iter().flatten() {
        let Some(groups) = elbv2::rule_groups(world, rule) else {
            return Err(invalid(format!("The listener rule {rule} does not exist.")));
        };
        if !groups.iter().any(|named| named == group || named == alternate) {
            return Err(invalid(format!(
                "The listener rule {rule} does not forward to the target group {group} or {alternate}."
            )));
        }
    }
    Ok(())
}

/// The target group of each load balancer that a new revision's tasks register in. Where traffic is shifted from one
/// revision to the next, that is the one of the two that does not serve now.
pub(super) fn groups(service: &Service, fields: &Map<String, Value>) -> Vec<String> {
    let live = service.last_good.as_ref().filter(|_| service.strategy() != "ROLLING").map(|it| it.groups.as_slice());
    let of = |balancer: &Value| {
        let (first, alternate) = pair(balancer);
        let first_serves = live.is_some_and(|live| live.contains(&first));
        alternate.filter(|_| first_serves).unwrap_or(first)
    };
    fields.list("loadBalancers").iter().map(of).collect()
}

/// A load balancer's target group, empty for a Classic Load Balancer, and its alternate one.
fn pair(balancer: &Value) -> (String, Option<String>) {
    let alternate = balancer.object("advancedConfiguration").and_then(|it| it.text("alternateTargetGroupArn"));
    (balancer.text("targetGroupArn").unwrap_or_default().to_owned(), alternate.map(str::to_owned))
}

/// What DescribeServiceRevisions says of the target groups a revision uses (ServiceRevisionLoadBalancer).
pub(super) fn resolved(fields: &Map<String, Value>, groups: &[String]) -> Value {
    let used = fields.list("loadBalancers").iter().zip(groups).filter(|(_, group)| !group.is_empty());
    let shown = used.map(|(balancer, group)| {
        let rule = balancer.object("advancedConfiguration").and_then(|it| it.text("productionListenerRule"));
        match rule {
            Some(rule) => json!({ "targetGroupArn": group, "productionListenerRule": rule }),
            None => json!({ "targetGroupArn": group }),
        }
    });
    shown.collect()
}

/// Registers a task that has just come to run in its revision's target groups.
pub(super) fn register(world: &mut World, arn: &str) {
    let ecs = &world.services.ecs;
    let Some(task) = ecs.tasks.get(arn) else { return };
    let Some(service) = task.service.as_ref().and_then(|service| ecs.services.get(service)) else { return };
    let deployment = service.deployments.iter().find(|it| task.deployment.as_deref() == Some(&it.id));
    let Some(revision) = deployment.map(|it| std::sync::Arc::clone(&it.revision)) else { return };
    let service = service.arn.clone();
    for (balancer, group) in revision.fields.list("loadBalancers").iter().zip(&revision.groups) {
        let Some(task) = world.services.ecs.tasks.get(arn).filter(|_| !group.is_empty()) else { continue };
        let name = balancer.text("containerName").unwrap_or_default();
        let target = TaskTarget {
            group: group.clone(),
            key: key(task, name, balancer.number("containerPort")),
            zone: task.fields.text("availabilityZone").map(str::to_owned),
            task: arn.to_owned(),
            answers: answers(world, task, name),
        };
        let kept = Target { group: group.clone(), key: target.key.clone(), healthy: None };
        elbv2::register_task(world, target);
        if let Some(task) = world.services.ecs.tasks.get_mut(arn) {
            task.targets.push(kept);
        }
        note(world, &service, group, true);
    }
}

/// The address and container port of an awsvpc task; of any other, its instance and host port. There are no container
/// instances here, so both follow from the task's id.
fn key(task: &Task, container: &str, port: Option<i64>) -> elbv2::Key {
    let to_port = |port: i64| u16::try_from(port).ok();
    if let Some(Interface { address, .. }) = &task.network {
        return elbv2::Key { id: address.to_string(), port: port.and_then(to_port) };
    }
    let declared = task.definition.containers().iter().find(|it| it.text("name") == Some(container));
    let mappings = declared.map(|it| it.list("portMappings")).unwrap_or_default();
    let mapping = mappings.iter().find(|it| it.number("containerPort") == port);
    let fixed = mapping.and_then(|it| it.number("hostPort")).filter(|port| *port != 0).and_then(to_port);
    let id = task.id();
    let drawn = u16::from_str_radix(id.get(..4).unwrap_or_default(), 16).unwrap_or_default();
    elbv2::Key { id: format!("i-0{}", id.get(..16).unwrap_or(id)), port: fixed.or(Some(32_768 + drawn % 28_232)) }
}

/// How the container behind a load balancer answers health checks: as the script for its image says.
fn answers(world: &World, task: &Task, container: &str) -> Answers {
    let declared = task.definition.containers().iter().find(|it| it.text("name") == Some(container));
    let image = declared.and_then(|it| it.text("image")).unwrap_or_default();
    let fate = world.scripts.fate(image, world.timings.pulling);
    fate.answers(task.started_at.unwrap_or(world.now))
}

fn note(world: &mut World, service: &str, group: &str, registered: bool) {
    if let Some(service) = world.services.ecs.services.get_mut(service) {
        *service.news.entry((group.to_owned(), registered)).or_default() += 1;
    }
    soon(world, service);
}

/// Says in the service's events how many targets were registered and taken out.
pub(super) fn tell(world: &mut World, arn: &str) {
    let now = world.now;
    let Some(service) = world.services.ecs.services.get_mut(arn).filter(|it| !it.news.is_empty()) else { return };
    let news = std::mem::take(&mut service.news);
    for ((group, registered), number) in news {
        let Service { events, name, .. } = service;
        if registered {
            events.push(&mut world.rng, now, name, &format!("registered {number} targets in (target-group {group})"));
        } else {
            events.push(&mut world.rng, now, name, &format!("has begun draining connections on {number} tasks."));
            events.push(&mut world.rng, now, name, &format!("deregistered {number} targets in (target-group {group})"));
        }
    }
}

/// Takes a task out of its target groups; returns how long its connections drain.
pub(super) fn deregister(world: &mut World, arn: &str) -> Duration {
    let Some(task) = world.services.ecs.tasks.get_mut(arn) else { return Duration::ZERO };
    let (targets, service) = (std::mem::take(&mut task.targets), task.service.clone());
    let mut longest = Duration::ZERO;
    for target in targets {
        longest = longest.max(elbv2::deregister_task(world, &target.group, &target.key));
        if let Some(service) = &service {
            note(world, service, &target.group, false);
        }
    }
    longest
}

/// A target of a task became healthy or unhealthy.
pub(crate) fn target_news(world: &mut World, arn: &str, news: &TargetNews) {
    let Some(task) = world.services.ecs.tasks.get_mut(arn).filter(|task| task.is_alive()) else { return };
    let known = task.targets.iter_mut().find(|it| it.group == news.group && it.key.port == news.port);
    let Some(target) = known else { return };
    target.healthy = Some(news.failure.is_none());
    match news.failure {
        None => task_life::settle_if_whole(world, arn),
        Some(failure) => sick(world, arn, news, failure),
    }
}

/// Says that a target is unhealthy, and replaces its task unless that is too young.
fn sick(world: &mut World, arn: &str, news: &TargetNews, failure: Failure) {
    let now = world.now;
    let ecs = &mut world.services.ecs;
    let Some(task) = ecs.tasks.get(arn) else { return };
    let who = match &task.network {
        Some(_) => format!("(task {})", task.id()),
        None => format!("(instance {})", task.targets.first().map(|it| it.key.id.as_str()).unwrap_or_default()),
    };
    let port = news.port.map(|port| format!(" (port {port})")).unwrap_or_default();
    let (_, why) = failure.reason();
    let text = format!("{who}{port} is unhealthy in (target-group {}) due to (reason {why})", news.group);
    let Some(service) = task.service.as_ref().and_then(|service| ecs.services.get_mut(service)) else { return };
    let spared = spared_until(service, task).filter(|until| *until > now);
    let Service { events, name, arn: service_arn, .. } = service;
    let service_arn = service_arn.clone();
    events.push(&mut world.rng, now, name, &text);
    match spared {
        Some(until) => {
            let wait = Duration::from_secs_f64(crate::clock::seconds_between(now, until));
            task_life::exactly(world, arn, wait, Moment::GraceOver);
            soon(world, &service_arn);
        }
        None => replace(world, arn),
    }
}

/// Until when a task is not stopped for failed health checks of its targets (healthCheckGracePeriodSeconds).
fn spared_until(service: &Service, task: &Task) -> Option<Timestamp> {
    let grace = service.fields.number("healthCheckGracePeriodSeconds").unwrap_or(0).max(0) as u64;
    Some(later(task.started_at?, Duration::from_secs(grace)))
}

/// A task is not spared any more, or never was: if one of its targets is unhealthy, it goes.
pub(super) fn replace(world: &mut World, arn: &str) {
    let Some(task) = world.services.ecs.tasks.get(arn) else { return };
    let Some(target) = task.targets.iter().find(|target| target.healthy == Some(false)) else { return };
    let reason = format!("Task failed ELB health checks in (target-group {})", target.group);
    task_life::fail(world, arn, "ServiceSchedulerInitiated", &reason);
}

/// Gives the new revision of a service these percents of production and of test traffic, and the one that it replaces
/// the rest.
pub(super) fn shift(world: &mut World, arn: &str, production: f64, test: f64) {
    let Some(service) = world.services.ecs.services.get(arn) else { return };
    let Some(revision) = service.deployments.first().map(|it| std::sync::Arc::clone(&it.revision)) else { return };
    for (balancer, new) in revision.fields.list("loadBalancers").iter().zip(&revision.groups) {
        let (first, Some(alternate)) = pair(balancer) else { continue };
        let Some(advanced) = balancer.object("advancedConfiguration") else { continue };
        let role = advanced.text("roleArn").unwrap_or_default();
        for (rule, percent) in [("productionListenerRule", production), ("testListenerRule", test)] {
            let Some(rule) = advanced.text(rule) else { continue };
            let (to_new, to_old) = weights(percent);
            let of = |group: &String| if group == new { to_new } else { to_old };
            let weights = [(first.clone(), of(&first)), (alternate.clone(), of(&alternate))];
            elbv2::shift_weights(world, rule, &weights, elbv2::Caller::ecs(role));
        }
    }
}

/// Weights for a percentage, which has one decimal at most; a weight is at most 999.
fn weights(percent: f64) -> (u32, u32) {
    let tenths = (percent * 10.0).round().clamp(0.0, 1000.0) as u32;
    if tenths.is_multiple_of(10) { (tenths / 10, 100 - tenths / 10) } else { (tenths, 1000 - tenths) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_keep_a_tenth_of_a_percent_and_their_limit() {
        assert_eq!(weights(0.0), (0, 100));
        assert_eq!(weights(5.0), (5, 95));
        assert_eq!(weights(0.1), (1, 999));
        assert_eq!(weights(99.9), (999, 1));
        assert_eq!(weights(100.0), (100, 0));
    }
}
