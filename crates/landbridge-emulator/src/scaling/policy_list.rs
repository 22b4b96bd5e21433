//! Finding and deleting policies (DescribeScalingPolicies, DeleteScalingPolicy).

use serde_json::Value;

use super::{check_namespace, not_found, page, resource};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

pub(super) fn describe(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    check_namespace(input)?;
    let (names, resource) = (input.texts("PolicyNames")?, input.text("ResourceId")?);
    let targets = world.services.scaling.here(cx).targets.values();
    let targets = targets.filter(|target| resource.is_none_or(|resource| target.resource == resource));
    let shown = targets.flat_map(|target| {
        let wanted = target.policies.values().filter(|it| names.is_empty() || names.contains(&it.name.as_str()));
        wanted.map(|policy| policy.show(target))
    });
    page(input, "ScalingPolicies", 10, &shown.collect::<Vec<_>>())
}

pub(super) fn delete(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let (name, resource) = (input.required("PolicyName")?, resource(input)?);
    let place = (cx.account.clone(), cx.region.clone());
    let target = world.services.scaling.target_mut(&place, resource);
    let policy = target.and_then(|target| target.policies.remove(name));
    policy.ok_or_else(|| not_found("scaling policy", resource))?.forget_alarms(world, &place);
    Ok(Value::Null)
}
