//! Operations on tasks. Source: RunTask, StopTask, ListTasks and DescribeTasks in the Amazon ECS API reference.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::list::page;
use super::member::{Members, invalid, without_nulls};
use super::service_check::{fill_defaults, runs_on_fargate, service as check};
use super::task_launch::{Launch, NO_CAPACITY, launch};
use super::task_life::stop as stop_task;
use super::{failure, names, tags};
use crate::refusal::Refusal;
use crate::world::{Cx, World};

/// A RunTask that was answered, kept for its client token.
#[derive(Debug, Clone)]
pub(crate) struct Replay {
    request: Value,
    tasks: Vec<String>,
}

pub(crate) fn list(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let ecs = &world.services.ecs;
    let cluster = ecs.cluster(cx, input)?;
    let service = input.text("serviceName").map(|name| ecs.service_arn(cx, input, name)).transpose()?;
    if let Some(service) = &service
        && !ecs.services.contains_key(service)
    {
        return Err(super::service::not_found());
    }
    let desired = input.text("desiredStatus").unwrap_or("RUNNING");
    if !matches!(desired, "RUNNING" | "STOPPED" | "PENDING") {
        return Err(invalid(format!("Invalid desired status: {desired}")));
    }
    let (family, started_by, launch_type) = (input.text("family"), input.text("startedBy"), input.text("launchType"));
    let tasks = cluster.tasks.iter().filter_map(|arn| ecs.tasks.get(arn)).filter(|task| {
        task.desired_status() == desired
            && service.is_none_or_is(task.service.as_deref())
            && family.is_none_or(|it| task.definition.family == it)
            && started_by.is_none_or(|it| task.started_by.as_deref() == Some(it))
            && launch_type.is_none_or(|it| task.fields.text("launchType") == Some(it))
    });
    page("taskArns", tasks.map(|task| task.arn.clone()), input, 100)
}

trait Wanted {
    fn is_none_or_is(&self, other: Option<&str>) -> bool;
}

impl Wanted for Option<String> {
    fn is_none_or_is(&self, other: Option<&str>) -> bool {
        self.as_deref().is_none_or(|wanted| other == Some(wanted))
    }
}

/// ARN of the task a request means: by id in its cluster, or by ARN.
pub(super) fn task_arn(world: &World, cx: &Cx, input: &Value, name: &str) -> Result<String, Refusal> {
    let cluster = world.services.ecs.cluster(cx, input)?;
    Ok(format!("{}task/{}/{}", names::scope_of(&cluster.arn), cluster.name, names::last_part(name)))
}

pub(crate) fn describe(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let wanted = input.texts("tasks");
    if wanted.is_empty() || wanted.len() > 100 {
        return Err(invalid("tasks must have between 1 and 100 items."));
    }
    let spoilt = world.spoilt(wanted.iter().copied());
    let ecs = &world.services.ecs;
    let (mut tasks, mut failures) = (Vec::new(), Vec::new());
    for (name, spoilt) in wanted.into_iter().zip(spoilt) {
        let arn = task_arn(world, cx, input, name)?;
        match ecs.tasks.get(&arn) {
            _ if spoilt => failures.push(failure::broken(&arn)),
            Some(task) => tasks.push(task.show(ecs, input.includes("TAGS"))),
            None => failures.push(failure::missing(&arn)),
        }
    }
    Ok(json!({ "tasks": tasks, "failures": failures }))
}

pub(crate) fn stop(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let name = input.text("task").ok_or_else(|| invalid("Task can not be null or empty."))?;
    let arn = task_arn(world, cx, input, name)?;
    if !world.services.ecs.tasks.contains_key(&arn) {
        return Err(invalid("The referenced task was not found."));
    }
    let reason = input.text("reason").unwrap_or("Task stopped by user").to_owned();
    stop_task(world, &arn, "UserInitiated", &reason);
    let ecs = &world.services.ecs;
    Ok(json!({ "task": ecs.tasks.get(&arn).map(|task| task.show(ecs, true)) }))
}

pub(crate) fn run(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let count = input.number("count").unwrap_or(1);
    if !(1..=10).contains(&count) {
        return Err(invalid(format!("count must be between 1 and 10, and is {count}.")));
    }
    let ecs = &world.services.ecs;
    let cluster = ecs.cluster(cx, input)?;
    let (cluster_arn, cluster_name) = (cluster.arn.clone(), cluster.name.clone());
    let request = without_nulls(input);
    let token = input.text("clientToken").map(|token| (cluster_arn.clone(), token.to_owned()));
    if let Some(replay) = token.as_ref().and_then(|token| ecs.run_tokens.get(token)) {
        if replay.request != request {
            let message = "The request was made before with the same client token and other parameters.";
            return Err(Refusal::new("ConflictException", message).with("resourceIds", replay.tasks.clone()));
        }
        let shown: Vec<Value> =
            replay.tasks.iter().filter_map(|arn| ecs.tasks.get(arn)).map(|it| it.show(ecs, true)).collect();
        return Ok(json!({ "tasks": shown, "failures": [] }));
    }
    let definition = Arc::clone(ecs.launchable(cx, input.text("taskDefinition").unwrap_or_default())?);
    let fields = launch_fields(&request)?;
    check(world, cx, &fields, &definition)?;
    let mut order = Launch {
        cluster: cluster_arn,
        cluster_name,
        service: None,
        deployment: None,
        group: input.text("group").map_or_else(|| format!("family:{}", definition.family), str::to_owned),
        started_by: input.text("startedBy").map(str::to_owned),
        definition,
        fields,
        overrides: request.get("overrides").cloned(),
        tags: tags::requested(input)?,
        peers: Vec::new(),
    };
    let mut failures = Vec::new();
    // The tasks that are asked for have no names; a rule may go by the one that they are of.
    let family = order.definition.family.clone();
    for spoilt in world.spoilt((0..count).map(|_| family.as_str())) {
        if spoilt {
            failures.push(json!({ "reason": NO_CAPACITY }));
            continue;
        }
        match launch(world, &order) {
            Ok(arn) => order.peers.push(arn),
            Err(unplaced) => failures.push(json!({ "reason": unplaced.reason })),
        }
    }
    let arns = order.peers;
    if let Some(token) = token {
        world.services.ecs.run_tokens.insert(token, Replay { request, tasks: arns.clone() });
    }
    let ecs = &world.services.ecs;
    let shown: Vec<Value> = arns.iter().filter_map(|arn| ecs.tasks.get(arn)).map(|task| task.show(ecs, true)).collect();
    Ok(json!({ "tasks": shown, "failures": failures }))
}

/// Starts tasks on container instances, of which there are none here.
pub(crate) fn start(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let instances = input.texts("containerInstances");
    if instances.is_empty() || instances.len() > 10 {
        return Err(invalid("containerInstances must have between 1 and 10 items."));
    }
    let ecs = &world.services.ecs;
    let cluster = ecs.cluster(cx, input)?;
    ecs.launchable(cx, input.text("taskDefinition").unwrap_or_default())?;
    let prefix = format!("{}container-instance/{}/", names::scope_of(&cluster.arn), cluster.name);
    let failure = |name: &&str| json!({ "arn": format!("{prefix}{}", names::last_part(name)), "reason": "MISSING" });
    Ok(json!({ "tasks": [], "failures": instances.iter().map(failure).collect::<Vec<_>>() }))
}

/// How a standalone task is launched, in a service's members.
fn launch_fields(request: &Value) -> Result<Map<String, Value>, Refusal> {
    let kept = [
        "launchType",
        "capacityProviderStrategy",
        "networkConfiguration",
        "platformVersion",
        "enableExecuteCommand",
        "enableECSManagedTags",
        "propagateTags",
        "volumeConfigurations",
    ];
    let mut fields: Map<String, Value> =
        kept.iter().filter_map(|name| Some(((*name).to_owned(), request.member(name)?.clone()))).collect();
    if fields.contains_key("launchType") && !fields.list("capacityProviderStrategy").is_empty() {
        return Err(invalid(
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.",
        ));
    }
    fill_defaults(&mut fields);
    if !runs_on_fargate(&fields) {
        fields.remove("platformVersion");
    }
    Ok(fields)
}
