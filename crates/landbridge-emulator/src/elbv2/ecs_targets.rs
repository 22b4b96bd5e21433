//! What Amazon ECS and AWS CodeDeploy do here on their own: ECS registers and deregisters its tasks, and moves the weights of rules during
//! blue/green, linear and canary deployments, as CodeDeploy does in its own. Each write is in the call log as theirs.
//! Source: "Use load balancing to distribute Amazon ECS service traffic", and "Amazon ECS infrastructure IAM role for
//! load balancers".

use std::time::Duration;

use serde_json::{Value, json};

use super::rule::Rule;
use super::target::{Answers, Key, Target};
use super::target_group::TargetGroup;
use super::{Elb, action, names, rule_change, target_life};
use crate::events;
use crate::world::{Cx, World};

/// A task as ECS registers it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TaskTarget {
    pub(crate) group: String,
    pub(crate) key: super::target::Key,
    pub(crate) zone: Option<String>,
    /// ARN of the task.
    pub(crate) task: String,
    pub(crate) answers: Answers,
}

/// What CloudTrail calls ECS.
const ECS: &str = "ecs.amazonaws.com";
/// The session that ECS calls in.
const SESSION: &str = "ecs-service-scheduler";
const LINKED_ROLE: &str = "AWSServiceRoleForECS";

/// An AWS service that writes on its own, and the role it does so in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller<'a> {
    /// What CloudTrail calls it.
    pub(crate) service: &'a str,
    pub(crate) role: &'a str,
}

impl<'a> Caller<'a> {
    pub(crate) fn ecs(role: &'a str) -> Self {
        Self { service: ECS, role }
    }
}

/// A target group by its ARN.
pub(crate) fn group_of_ecs<'a>(world: &'a World, arn: &str) -> Option<&'a TargetGroup> {
    world.services.elbv2.groups.get(arn)
}

/// ARN of a target group by its name, which is unique in its account and region.
pub(crate) fn group_named(world: &World, account: &str, region: &str, name: &str) -> Option<String> {
    let prefix = format!("arn:aws:elasticloadbalancing:{region}:{account}:targetgroup/{name}/");
    let mut under = world.services.elbv2.groups.range(prefix.clone()..).take_while(|(arn, _)| arn.starts_with(&prefix));
    under.next().map(|(arn, _)| arn.clone())
}

/// The rules of a listener, the default one too, that forward to one of these groups.
pub(crate) fn rules_forwarding(world: &World, listener: &str, groups: &[String]) -> Vec<String> {
    let forwards = |rule: &&Rule| action::groups(&rule.actions).iter().any(|group| groups.contains(group));
    let of_listener = |rule: &&Rule| names::listener_of(&rule.arn) == listener;
    world.services.elbv2.rules.values().filter(of_listener).filter(forwards).map(|rule| rule.arn.clone()).collect()
}

/// Puts a call of an AWS service's own into the call log and tells CloudTrail of it.
fn note(world: &mut World, operation: &str, target: &str, caller: Caller<'_>, input: &Value) {
    let mut parts = target.split(':').skip(3);
    let (region, account) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let role = caller.role.rsplit('/').next().unwrap_or(caller.role);
    let session = if caller.service == ECS { SESSION } else { "codedeploy" };
    let principal = format!("arn:aws:sts::{account}:assumed-role/{role}/{session}");
    let action = format!("elasticloadbalancing:{operation}");
    world.calls.push_of_service(caller.service, world.now, action, principal.clone(), target.to_owned());
    let cx = Cx {
        now: world.now,
        region: region.to_owned(),
        account: account.to_owned(),
        principal,
        host: String::new(),
        request_id: world.rng.uuid(),
    };
    events::record(world, &cx, "elasticloadbalancing", operation, input, &Ok(json!({})), Some(caller.service));
}

fn one_target(group: &str, key: &Key) -> Value {
    json!({ "TargetGroupArn": group, "Targets": [{ "Id": key.id, "Port": key.port }] })
}

/// Registers a task; a group that is gone is not an error.
pub(crate) fn register_task(world: &mut World, task: TaskTarget) {
    if !world.services.elbv2.groups.contains_key(&task.group) {
        return;
    }
    note(world, "RegisterTargets", &task.group, Caller::ecs(LINKED_ROLE), &one_target(&task.group, &task.key));
    let target = Target::new(task.key, task.zone, Some(task.task), task.answers);
    target_life::register(world, &task.group, target);
}

/// Takes a task out; returns how long the target drains.
pub(crate) fn deregister_task(world: &mut World, group: &str, key: &Key) -> Duration {
    let registered = world.services.elbv2.groups.get(group).is_some_and(|group| group.targets.contains_key(key));
    if !registered {
        return Duration::ZERO;
    }
    note(world, "DeregisterTargets", group, Caller::ecs(LINKED_ROLE), &one_target(group, key));
    target_life::deregister(world, group, key).unwrap_or_default()
}

impl Elb {
    /// The rule that ECS means by a rule's ARN or, for the default rule, by a listener's.
    fn rule_of_ecs(&self, rule_or_listener: &str) -> Option<&Rule> {
        let default = self.listeners.get(rule_or_listener).map(|listener| &listener.default_rule);
        self.rules.get(default.map_or(rule_or_listener, |rule| rule))
    }
}

/// The target groups that a rule, or a listener's default rule, forwards to. None if there is no such rule.
pub(crate) fn rule_groups(world: &World, rule_or_listener: &str) -> Option<Vec<String>> {
    let rule = world.services.elbv2.rule_of_ecs(rule_or_listener)?;
    Some(action::weights(&rule.actions).into_iter().map(|(arn, _)| arn).collect())
}

/// Gives the groups of a rule new weights; a rule that is gone is not an error. A rule that already has
/// them is not written.
pub(crate) fn shift_weights(world: &mut World, rule_or_listener: &str, weights: &[(String, u32)], caller: Caller<'_>) {
    let Some(rule) = world.services.elbv2.rule_of_ecs(rule_or_listener).cloned() else { return };
    if action::weights(&rule.actions) == weights {
        return;
    }
    let actions = action::reweighted(&rule.actions, weights);
    // A default rule is changed by way of its listener.
    let (operation, input) = match rule.priority {
        None => {
            let listener = names::listener_of(&rule.arn);
            ("ModifyListener", json!({ "ListenerArn": listener, "DefaultActions": actions }))
        }
        Some(_) => ("ModifyRule", json!({ "RuleArn": rule.arn, "Actions": actions })),
    };
    note(world, operation, rule_or_listener, caller, &input);
    rule_change::put(world, rule, actions);
}
