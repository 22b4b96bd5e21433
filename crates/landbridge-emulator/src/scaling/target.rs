//! Scalable targets (RegisterScalableTarget, DescribeScalableTargets, DeregisterScalableTarget).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::policy::Policy;
use super::scheduled::Action;
use super::{activity, check_namespace, named, not_found, page, resource, split};
use crate::cloudwatch::Place;
use crate::ecs;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::wire::json::epoch;
use crate::world::{Cx, World};

#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) resource: String,
    pub(super) arn: String,
    pub(super) minimum: i64,
    pub(super) maximum: i64,
    role: String,
    /// `SuspendedState`: what is not done for now.
    suspended: Map<String, Value>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) policies: BTreeMap<String, Policy>,
    pub(super) actions: BTreeMap<String, Action>,
    created: Timestamp,
}

/// Members of `SuspendedState`.
pub(super) const IN: &str = "DynamicScalingInSuspended";
pub(super) const OUT: &str = "DynamicScalingOutSuspended";
pub(super) const SCHEDULED: &str = "ScheduledScalingSuspended";

impl Target {
    pub(super) fn show(&self) -> Value {
        let mut shown = named(&self.resource);
        let suspended = |name: &str| self.suspended.get(name).and_then(Value::as_bool).unwrap_or(false);
        for (name, value) in [
            ("MinCapacity", json!(self.minimum)),
            ("MaxCapacity", json!(self.maximum)),
            ("RoleARN", json!(self.role)),
            ("CreationTime", epoch(self.created)),
            ("ScalableTargetARN", json!(self.arn)),
            ("SuspendedState", json!({ IN: suspended(IN), OUT: suspended(OUT), SCHEDULED: suspended(SCHEDULED) })),
        ] {
            shown[name] = value;
        }
        shown
    }

    pub(super) fn is_suspended(&self, what: &str) -> bool {
        self.suspended.get(what).and_then(Value::as_bool).unwrap_or(false)
    }
}

/// A capacity that a request names: never negative, and the maximum not below the minimum.
pub(super) fn checked_bounds(
    input: Input<'_>,
    before: Option<(i64, i64)>,
) -> Result<(Option<i64>, Option<i64>), Refusal> {
    let (minimum, maximum) = (input.number("MinCapacity")?, input.number("MaxCapacity")?);
    for (name, value) in [("minCapacity", minimum), ("maxCapacity", maximum)] {
        if let Some(value) = value.filter(|value| !(0..=5000).contains(value)) {
            return Err(input.refuse(format!(
                "1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: Member must have value \
                 between 0 and 5000"
            )));
        }
    }
    let least = minimum.or(before.map(|(minimum, _)| minimum));
    let most = maximum.or(before.map(|(_, maximum)| maximum));
    if least.zip(most).is_some_and(|(least, most)| least > most) {
        return Err(input.refuse("Maximum capacity cannot be less than minimum capacity"));
    }
    Ok((minimum, maximum))
}

pub(super) fn register(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let resource = resource(input)?;
    let place = (cx.account.clone(), cx.region.clone());
    let tags: BTreeMap<String, String> = input.map("Tags")?.into_iter().collect();
    super::tags::check(input, &tags)?;
    if capacity(world, &place, resource).is_none() {
        return Err(input.refuse(format!("ECS service doesn't exist: {resource}")));
    }
    let suspended = input.object("SuspendedState")?.map(|suspended| suspended.members());
    let role = format!(
        "arn:aws:iam::{}:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/\
         AWSServiceRoleForApplicationAutoScaling_ECSService",
        cx.account
    );
    let id = world.rng.hex(36);
    let before = world.services.scaling.target(&place, resource).map(|target| (target.minimum, target.maximum));
    let (minimum, maximum) = checked_bounds(input, before)?;
    let (Some(least), Some(most)) =
        (minimum.or(before.map(|before| before.0)), maximum.or(before.map(|before| before.1)))
    else {
        return Err(
            input.refuse("You must specify both MinCapacity and MaxCapacity when you register a new scalable target")
        );
    };
    let target = world.services.scaling.here(cx).targets.entry(resource.to_owned()).or_insert_with(|| Target {
        resource: resource.to_owned(),
        arn: format!("arn:aws:application-autoscaling:{}:{}:scalable-target/{id}", cx.region, cx.account),
        minimum: least,
        maximum: most,
        role,
        suspended: Map::new(),
        tags,
        policies: BTreeMap::new(),
        actions: BTreeMap::new(),
        created: cx.now,
    });
    (target.minimum, target.maximum) = (least, most);
    target.suspended.extend(suspended.unwrap_or_default());
    let arn = target.arn.clone();
    keep_within(world, &place, resource, "a scalable target was registered");
    Ok(json!({ "ScalableTargetARN": arn }))
}

/// Desired count of the resource's service, and whether ECS deploys it, if it is there.
pub(super) fn capacity(world: &World, place: &Place, resource: &str) -> Option<ecs::Capacity> {
    let (cluster, service) = split(resource)?;
    ecs::capacity(world, place, cluster, service)
}

/// Scales to within the bounds, if the capacity is outside.
pub(super) fn keep_within(world: &mut World, place: &Place, resource: &str, cause: &str) {
    let Some(target) = world.services.scaling.target(place, resource) else { return };
    let (least, most) = (target.minimum, target.maximum);
    let Some(present) = capacity(world, place, resource) else { return };
    let wanted = present.desired.clamp(least, most);
    if wanted == present.desired {
        return;
    }
    let bound = if wanted == least { "minimum" } else { "maximum" };
    activity::scale(world, place, resource, wanted, &format!("{bound} capacity was set to {wanted}: {cause}"));
}

pub(super) fn describe(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    check_namespace(input)?;
    let resources = input.texts("ResourceIds")?;
    let targets = world.services.scaling.here(cx).targets.values();
    let wanted = targets.filter(|it| resources.is_empty() || resources.contains(&it.resource.as_str()));
    page(input, "ScalableTargets", 50, &wanted.map(Target::show).collect::<Vec<_>>())
}

/// Its policies, with the alarms of target tracking, and its scheduled actions go with it.
pub(super) fn deregister(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let resource = resource(input)?;
    let place = (cx.account.clone(), cx.region.clone());
    let target = world.services.scaling.here(cx).targets.remove(resource);
    let target = target.ok_or_else(|| not_found("scalable target", resource))?;
    for policy in target.policies.values() {
        policy.forget_alarms(world, &place);
    }
    Ok(Value::Null)
}
