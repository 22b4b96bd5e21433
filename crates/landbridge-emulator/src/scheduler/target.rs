//! What a schedule may name as its target. Source: Target, EcsParameters and "Managing targets" (EventBridge Scheduler user
//! guide).

use crate::iam;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

/// Refuses a target that EventBridge Scheduler would: without a role that it can take, or without what its service needs.
pub(super) fn check(world: &World, cx: &Cx, target: Input<'_>) -> Result<(), Refusal> {
    let (arn, role) = (target.required("Arn")?, target.required("RoleArn")?);
    if arn.split(':').count() < 6 || !arn.starts_with("arn:aws") {
        return Err(target.refuse(format!("Provided Arn is not in correct format: {arn}")));
    }
    if !role.starts_with("arn:aws:iam::") || !role.contains(":role/") {
        return Err(target.refuse(format!("Provided RoleArn is not in correct format: {role}")));
    }
    if world.check_roles && !iam::trusts(world, role, "scheduler.amazonaws.com", &cx.account) {
        return Err(
            target.refuse("The execution role you provide must allow AWS EventBridge Scheduler to assume the role.")
        );
    }
    let ecs = target.object("EcsParameters")?;
    if arn.starts_with("arn:aws:ecs:") {
        let ecs = ecs.ok_or_else(|| target.refuse("EcsParameters is required for an ECS target."))?;
        ecs.required("TaskDefinitionArn")?;
        ecs.number_within("TaskCount", 1, 10)?;
    } else if ecs.is_some() {
        return Err(target.refuse("EcsParameters is not supported for this target."));
    }
    let fifo = arn.starts_with("arn:aws:sqs:") && arn.rsplit('.').next() == Some("fifo");
    let group = target.object("SqsParameters")?.map(|sqs| sqs.text("MessageGroupId")).transpose()?.flatten();
    if fifo && group.is_none() {
        return Err(target.refuse("MessageGroupId is required for a FIFO queue target."));
    }
    if let Some(retry) = target.object("RetryPolicy")? {
        retry.number_within("MaximumEventAgeInSeconds", 60, 86_400)?;
        retry.number_within("MaximumRetryAttempts", 0, 185)?;
    }
    Ok(())
}
