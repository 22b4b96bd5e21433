//! What Amazon ECS does here on its own: it registers and deregisters its tasks, and moves the weights of rules during
//! blue/green, linear and canary deployments. Each write is in the call log as a call that ECS made.
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

/// A target group by its ARN.
pub(crate) fn group_of_ecs<'a>(world: &'a World, arn: &str) -> Option<&'a TargetGroup> {
    world.services.elbv2.groups.get(arn)
}

/// Puts a call of ECS's own, as `role`, into the call log and tells CloudTrail of it.
fn note(world: &mut World, operation: &str, target: &str, role: &str, input: &Value) {
    let mut parts = target.split(':').skip(3);
    let (region, account) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let role = role.rsplit('/').next().unwrap_or(role);
    let principal = format!("arn:aws:sts::{account}:assumed-role/{role}/{SESSION}");
    let action = format!("elasticloadbalancing:{operation}");
    world.calls.push_of_service(ECS, world.now, action, principal.clone(), target.to_owned());
    let cx = Cx {
        now: world.now,
        region: region.to_owned(),
        account: account.to_owned(),
        principal,
        host: String::new(),
        request_id: world.rng.uuid(),
    };
    events::record(world, &cx, "elasticloadbalancing", operation, input, &Ok(json!({})), Some(ECS));
}

fn one_target(group: &str, key: &Key) -> Value {
    json!({ "TargetGroupArn": group, "Targets": [{ "Id": key.id, "Port": key.port }] })
}

/// Registers a task; a group that is gone is not an error.
pub(crate) fn register_task(world: &mut World, task: TaskTarget) {
    if !world.services.elbv2.groups.contains_key(&task.group) {
        return;
    }
    note(world, "RegisterTargets", &task.group, LINKED_ROLE, &one_target(&task.group, &task.key));
    let target = Target::new(task.key, task.zone, Some(task.task), task.answers);
    target_life::register(world, &task.group, target);
}

/// Takes a task out; returns how long the target drains.
pub(crate) fn deregister_task(world: &mut World, group: &str, key: &Key) -> Duration {
    let registered = world.services.elbv2.groups.get(group).is_some_and(|group| group.targets.contains_key(key));
    if !registered {
        return Duration::ZERO;
    }
    note(world, "DeregisterTargets", group, LINKED_ROLE, &one_target(group, key));
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

/// Gives the groups of a rule new weights, as `role`; a rule that is gone is not an error. A rule that already has
/// them is not written.
pub(crate) fn shift_weights(world: &mut World, rule_or_listener: &str, weights: &[(String, u32)], role: &str) {
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
    note(world, operation, rule_or_listener, role, &input);
    rule_change::put(world, rule, actions);
}
