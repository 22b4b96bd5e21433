//! ExecuteCommand: the session that AWS answers with. Nothing runs in it. Source: ExecuteCommand and Session in the Amazon ECS
//! API reference, and "Monitor Amazon ECS containers with ECS Exec".

use serde_json::{Value, json};

use super::member::{Members, invalid};
use super::task_operation::task_arn;
use super::{cluster, names};
use crate::refusal::Refusal;
use crate::world::{Cx, World};

pub(crate) fn command(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let required = |name: &str| input.text(name).ok_or_else(|| invalid(format!("{name} can not be null or empty.")));
    required("command")?;
    if input.flag("interactive") != Some(true) {
        return Err(invalid("Interactive is the only mode supported currently."));
    }
    let arn = task_arn(world, cx, input, required("task")?)?;
    let id = format!("ecs-execute-command-{}", world.rng.hex(17));
    let token = names::token(&mut world.rng, 64);
    let ecs = &world.services.ecs;
    let task = ecs.tasks.get(&arn).ok_or_else(|| invalid("The referenced task was not found."))?;
    let enabled = task.fields.flag("enableExecuteCommand") == Some(true);
    if !enabled || !task.is_running() {
        return Err(invalid(
            "The execute command failed because execute command was not enabled when the task was run or the execute command \
             agent isn\u{2019}t running. Wait and try again or run a new task with execute command enabled and try again.",
        ));
    }
    let declared = task.definition.containers();
    let at = match input.text("container") {
        Some(name) => declared.iter().position(|it| it.text("name") == Some(name)),
        None if declared.len() == 1 => Some(0),
        None => return Err(invalid("A container name must be specified for a task with multiple containers.")),
    };
    let container = at.and_then(|at| Some((declared.get(at)?, task.containers.get(at)?)));
    let Some((declared, state)) = container else {
        return Err(invalid("The specified container does not exist in the task."));
    };
    let url = format!("wss://ssmmessages.{}.amazonaws.com/v1/data-channel/{id}?role=publish_subscribe", cx.region);
    let cluster = ecs.clusters.get(&task.cluster).ok_or_else(cluster::not_found)?;
    Ok(json!({
        "clusterArn": cluster.arn,
        "containerArn": state.arn,
        "containerName": declared["name"],
        "interactive": true,
        "session": { "sessionId": id, "streamUrl": url, "tokenValue": token },
        "taskArn": arn,
    }))
}
