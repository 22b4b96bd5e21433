//! Making, changing, ordering and deleting rules, and what that means for the target groups they forward to.
//! Source: CreateRule, ModifyRule, SetRulePriorities and DeleteRule.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::rule::{Rule, not_found};
use super::{Elb, Event, action, condition, listener, names, tags, target_life};
use crate::clock::later;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, Event as WorldEvent, World};

/// "Quotas for your Application Load Balancers": rules per load balancer, not counting default rules.
const RULES_PER_BALANCER: usize = 100;
/// And target groups per load balancer.
const GROUPS_PER_BALANCER: usize = 100;

pub(super) fn create(world: &mut World, _cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let listener = input.required("ListenerArn")?;
    let elb = &world.services.elbv2;
    if !elb.listeners.contains_key(listener) {
        return Err(listener::not_found());
    }
    let balancer = names::balancer_of(listener);
    let priority = input.number_within("Priority", 1, 50_000)?.ok_or_else(|| input.missing("Priority"))?;
    let priority = u32::try_from(priority).unwrap_or_default();
    let conditions = condition::read(input, &balancer)?;
    let actions = action::read(elb, input, "Actions", &balancer)?;
    let transforms = input.list("Transforms")?.to_vec();
    let tags = tags::read(input)?;
    if elb.rules_of(listener).any(|rule| rule.priority == Some(priority)) {
        return Err(in_use(priority));
    }
    if elb.rules_of_balancer(&balancer).filter(|rule| rule.priority.is_some()).count() >= RULES_PER_BALANCER {
        let message = format!(
            "The maximum number of rules for load balancer '{balancer}' has been reached: '{RULES_PER_BALANCER}'"
        );
        return Err(Refusal::new("TooManyRules", message));
    }
    check_groups(elb, &balancer, &actions)?;
    let arn = format!("{}{}", names::under(listener, "listener", "listener-rule"), names::id(&mut world.rng));
    let rule =
        Rule { arn: arn.clone(), priority: Some(priority), conditions, actions: Vec::new(), transforms, before: None };
    world.services.elbv2.tags.insert(arn.clone(), tags);
    put(world, rule, actions);
    Ok(answer(&world.services.elbv2, [arn.as_str()]))
}

fn in_use(priority: u32) -> Refusal {
    Refusal::new("PriorityInUse", format!("Priority '{priority}' is currently in use"))
}

fn answer<'a>(elb: &Elb, arns: impl IntoIterator<Item = &'a str>) -> Value {
    json!({ "Rules": arns.into_iter().filter_map(|arn| elb.rules.get(arn)).map(Rule::show).collect::<Vec<_>>() })
}

/// Whether the load balancer may forward to the groups of `actions`: each belongs to one load balancer only.
pub(super) fn check_groups(elb: &Elb, balancer: &str, actions: &[Value]) -> Result<(), Refusal> {
    let named = action::groups(actions);
    let foreign = named.iter().find(|arn| {
        let used_by = elb.groups.get(*arn).and_then(super::target_group::TargetGroup::balancer);
        used_by.is_some_and(|used_by| used_by != balancer)
    });
    if let Some(arn) = foreign {
        let message =
            format!("The following target groups cannot be associated with more than one load balancer: {arn}");
        return Err(Refusal::new("TargetGroupAssociationLimit", message));
    }
    let mut all = elb.groups_of(balancer);
    all.extend(named);
    if all.len() > GROUPS_PER_BALANCER {
        let message =
            format!("The maximum number of unique target groups has been reached for load balancer '{balancer}'");
        return Err(Refusal::new("TooManyUniqueTargetGroupsPerLoadBalancer", message));
    }
    Ok(())
}

/// Remembers a rule with `actions`. Groups that come into use or fall out of it hear of that. Where it replaces others, these
/// stay in force until the change has propagated, and so do the groups that they forward to.
pub(super) fn put(world: &mut World, mut rule: Rule, actions: Vec<Value>) {
    if actions != rule.actions {
        let before = std::mem::replace(&mut rule.actions, actions);
        let in_force = later(world.now, world.timings.rule_propagation);
        rule.before = (!before.is_empty()).then_some((in_force, before));
    }
    let (arn, new) = (rule.arn.clone(), rule.groups());
    let old = world.services.elbv2.rules.insert(arn.clone(), rule).map(|old| old.groups()).unwrap_or_default();
    associate(world, &arn, &old, &new, world.timings.rule_propagation);
}

/// `lasts` is how long the load balancer still forwards to a group that leaves the rule.
fn associate(world: &mut World, rule: &str, old: &BTreeSet<String>, new: &BTreeSet<String>, lasts: Duration) {
    for arn in old.union(new) {
        let Some(group) = world.services.elbv2.groups.get_mut(arn) else { continue };
        let was_used = group.is_used();
        if new.contains(arn) {
            group.rules.insert(rule.to_owned());
        } else {
            group.rules.remove(rule);
        }
        match (was_used, group.is_used()) {
            (false, true) => target_life::into_use(world, arn),
            (true, false) => world.after(lasts, WorldEvent::Elbv2(Event::OutOfUse(arn.clone()))),
            _ => {}
        }
    }
}

/// What a rule may not be: a listener's default one.
fn check_not_default(rule: &Rule, what: &str) -> Result<(), Refusal> {
    if rule.priority.is_some() {
        return Ok(());
    }
    Err(Refusal::new("OperationNotPermitted", format!("Default rule '{}' cannot be {what}", rule.arn)))
}

/// The lists that a request names replace those of the rule; the others stay.
pub(super) fn modify(world: &mut World, _cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let arn = input.required("RuleArn")?;
    let elb = &world.services.elbv2;
    let mut rule = elb.rules.get(arn).ok_or_else(not_found)?.clone();
    check_not_default(&rule, "modified")?;
    let balancer = names::balancer_of(&names::listener_of(arn));
    if input.get("Conditions").is_some() {
        rule.conditions = condition::read(input, &balancer)?;
    }
    let actions = match input.get("Actions") {
        None => rule.actions.clone(),
        Some(_) => action::read(elb, input, "Actions", &balancer)?,
    };
    if input.flag("ResetTransforms")? == Some(true) {
        rule.transforms.clear();
    } else if input.get("Transforms").is_some() {
        rule.transforms = input.list("Transforms")?.to_vec();
    }
    check_groups(elb, &balancer, &actions)?;
    put(world, rule, actions);
    Ok(answer(&world.services.elbv2, [arn]))
}

pub(super) fn delete(world: &mut World, _cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let arn = input.required("RuleArn")?;
    check_not_default(world.services.elbv2.rules.get(arn).ok_or_else(not_found)?, "deleted")?;
    remove(world, arn);
    Ok(json!({}))
}

pub(super) fn remove(world: &mut World, arn: &str) {
    let elb = &mut world.services.elbv2;
    elb.tags.remove(arn);
    let Some(rule) = elb.rules.remove(arn) else { return };
    associate(world, arn, &rule.groups(), &BTreeSet::new(), Duration::ZERO);
}

/// All at once: the new priorities may be those of rules that get others by the same call.
pub(super) fn set_priorities(world: &mut World, _cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let elb = &mut world.services.elbv2;
    let mut wanted: Vec<(&str, u32)> = Vec::new();
    for pair in input.objects("RulePriorities")? {
        let arn = pair.required("RuleArn")?;
        let priority = pair.number_within("Priority", 1, 50_000)?.ok_or_else(|| pair.missing("Priority"))?;
        check_not_default(elb.rules.get(arn).ok_or_else(not_found)?, "modified")?;
        wanted.push((arn, u32::try_from(priority).unwrap_or_default()));
    }
    if wanted.is_empty() {
        return Err(input.missing("RulePriorities"));
    }
    for (at, (arn, priority)) in wanted.iter().enumerate() {
        let listener = names::listener_of(arn);
        let others = elb.rules_of(&listener).filter(|rule| !wanted.iter().any(|(named, _)| *named == rule.arn));
        let twice =
            wanted[..at].iter().any(|(other, taken)| taken == priority && names::listener_of(other) == listener);
        if twice || others.into_iter().any(|rule| rule.priority == Some(*priority)) {
            return Err(in_use(*priority));
        }
    }
    for (arn, priority) in &wanted {
        if let Some(rule) = elb.rules.get_mut(*arn) {
            rule.priority = Some(*priority);
        }
    }
    Ok(answer(elb, wanted.iter().map(|(arn, _)| *arn)))
}
