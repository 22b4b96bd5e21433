//! Operations on task sets. Source: CreateTaskSet, UpdateTaskSet, DescribeTaskSets, DeleteTaskSet and
//! UpdateServicePrimaryTaskSet in the Amazon ECS API reference.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::member::{Members, invalid, without_nulls};
use super::service::{Status as ServiceStatus, not_active, not_found};
use super::service_check::{fill_defaults, service as check};
use super::service_create::inherit_strategy;
use super::task_set::{self, New, Status};
use super::{balancer, failure, tags};
use crate::refusal::Refusal;
use crate::world::{Cx, World};

/// A service has at most so many task sets at once.
const MOST: usize = 5;

/// ARN of the ACTIVE service that a request means, under a controller whose task sets a caller may touch.
fn service(world: &World, cx: &Cx, input: &Value) -> Result<String, Refusal> {
    let name = input.text("service").ok_or_else(|| invalid("Service can not be null or empty."))?;
    let ecs = &world.services.ecs;
    let arn = ecs.service_arn(cx, input, name)?;
    let service = ecs.services.get(&arn).ok_or_else(not_found)?;
    if service.status != ServiceStatus::Active {
        return Err(not_active());
    }
    Ok(arn)
}

fn external(world: &World, cx: &Cx, input: &Value) -> Result<String, Refusal> {
    let arn = service(world, cx, input)?;
    if world.services.ecs.services.get(&arn).is_some_and(|service| service.controller() == "EXTERNAL") {
        return Ok(arn);
    }
    Err(invalid(
        "Amazon ECS only supports task set management on services configured to use external deployment controllers.",
    ))
}

/// The id of the task set that a request names under `member`.
fn named(world: &World, service: &str, input: &Value, member: &str) -> Result<String, Refusal> {
    let name = input.text(member).ok_or_else(|| invalid(format!("{member} can not be null or empty.")))?;
    let found = world.services.ecs.services.get(service).and_then(|service| service.task_set(name));
    found.map(|it| it.id.clone()).ok_or_else(|| {
        let message = "The specified task set wasn't found. You can view your available task sets with DescribeTaskSets. \
                       Task sets are specific to each cluster, service and Region.";
        Refusal::new("TaskSetNotFoundException", message)
    })
}

fn shown(world: &World, service: &str, id: &str, with_tags: bool) -> Value {
    let ecs = &world.services.ecs;
    let Some(service) = ecs.services.get(service) else { return Value::Null };
    let Some(deployment) = service.task_set(id) else { return Value::Null };
    let counts = service.counts(ecs).get(&*deployment.id).copied().unwrap_or_default();
    let mut shown = service.show_task_set(deployment, counts);
    if with_tags {
        shown["tags"] = ecs.tags.show(&task_set::arn(service, &deployment.id));
    }
    shown
}

/// The `scale` of a request, a percentage.
fn scale(input: &Value) -> Result<Option<f64>, Refusal> {
    let Some(scale) = input.object("scale") else { return Ok(None) };
    if scale.text("unit").is_some_and(|unit| unit != "PERCENT") {
        return Err(invalid("The unit of a scale must be PERCENT."));
    }
    let value = scale.member("value").and_then(Value::as_f64).unwrap_or(0.0);
    if !(0.0..=100.0).contains(&value) {
        return Err(invalid(format!("Scale value must be between 0 and 100, and is {value}.")));
    }
    Ok(Some(value))
}

pub(crate) fn create(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let arn = external(world, cx, input)?;
    let ecs = &world.services.ecs;
    let kept = ecs.services.get(&arn).ok_or_else(not_found)?;
    let token = input.text("clientToken").map(str::to_owned);
    let has_token = |set: &task_set::TaskSet| set.client_token.is_some() && set.client_token == token;
    if let Some(replay) = kept.deployments.iter().find(|it| it.set.as_ref().is_some_and(has_token)) {
        return Ok(json!({ "taskSet": shown(world, &arn, &replay.id, true) }));
    }
    if kept.deployments.len() >= MOST {
        return Err(invalid(format!(
            "{MOST} deployments exist on the service. Unable to create new TaskSet since this exceeds the maximum limit."
        )));
    }
    let name = input.text("taskDefinition").ok_or_else(|| invalid("TaskDefinition can not be blank."))?;
    let definition = Arc::clone(ecs.launchable(cx, name)?);
    let mut fields = launch_fields(&without_nulls(input))?;
    inherit_strategy(ecs.cluster(cx, input)?, &mut fields);
    fill_defaults(&mut fields);
    check(world, cx, &fields, &definition)?;
    balancer::check(world, &fields, &definition)?;
    fields.insert("taskDefinition".to_owned(), json!(definition.arn));
    let scale = scale(input)?.unwrap_or(100.0);
    let tags = tags::requested(input)?;
    let external_id = input.text("externalId").map(str::to_owned);
    let new =
        New { definition, fields, status: Status::Active, scale, external_id, started_by: None, client_token: token };
    let id = task_set::begin(world, &arn, new).ok_or_else(not_found)?;
    let ecs = &mut world.services.ecs;
    if let Some(service) = ecs.services.get(&arn) {
        ecs.tags.replace(&task_set::arn(service, &id), tags);
    }
    Ok(json!({ "taskSet": shown(world, &arn, &id, true) }))
}

/// What a task set is launched with, in a service's members.
fn launch_fields(request: &Value) -> Result<Map<String, Value>, Refusal> {
    let kept = [
        "launchType",
        "capacityProviderStrategy",
        "platformVersion",
        "networkConfiguration",
        "loadBalancers",
        "serviceRegistries",
    ];
    let fields: Map<String, Value> =
        kept.iter().filter_map(|name| Some(((*name).to_owned(), request.member(name)?.clone()))).collect();
    if fields.contains_key("launchType") && !fields.list("capacityProviderStrategy").is_empty() {
        return Err(invalid(
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.",
        ));
    }
    Ok(fields)
}

pub(crate) fn update(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let arn = external(world, cx, input)?;
    let id = named(world, &arn, input, "taskSet")?;
    let scale = scale(input)?.ok_or_else(|| invalid("Scale can not be null."))?;
    refuse_draining(world, &arn, &id)?;
    task_set::scale(world, &arn, &id, scale);
    Ok(json!({ "taskSet": shown(world, &arn, &id, false) }))
}

pub(crate) fn set_primary(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let arn = external(world, cx, input)?;
    let id = named(world, &arn, input, "primaryTaskSet")?;
    refuse_draining(world, &arn, &id)?;
    task_set::promote(world, &arn, &id);
    Ok(json!({ "taskSet": shown(world, &arn, &id, false) }))
}

fn refuse_draining(world: &World, service: &str, id: &str) -> Result<(), Refusal> {
    let set = world.services.ecs.services.get(service).and_then(|service| service.task_set(id));
    if set.and_then(|it| it.set.as_ref()).is_some_and(|set| set.status == Status::Draining) {
        return Err(invalid("The task set is being deleted."));
    }
    Ok(())
}

pub(crate) fn describe(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let arn = service(world, cx, input)?;
    let kept = world.services.ecs.services.get(&arn).ok_or_else(not_found)?.clone();
    let wanted = input.texts("taskSets");
    let all = kept.deployments.iter().filter(|it| it.set.is_some()).map(|it| it.id.as_str());
    let wanted = if wanted.is_empty() { all.collect() } else { wanted };
    let (mut sets, mut failures) = (Vec::new(), Vec::new());
    let spoilt = world.spoilt(wanted.iter().copied());
    for (name, spoilt) in wanted.into_iter().zip(spoilt) {
        let arn_of = || if name.starts_with("arn:") { name.to_owned() } else { task_set::arn(&kept, name) };
        match kept.task_set(name) {
            _ if spoilt => failures.push(failure::broken(&arn_of())),
            Some(set) => sets.push(shown(world, &arn, &set.id, input.includes("TAGS"))),
            None => failures.push(failure::missing(&arn_of())),
        }
    }
    Ok(json!({ "taskSets": sets, "failures": failures }))
}

pub(crate) fn delete(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let arn = external(world, cx, input)?;
    let id = named(world, &arn, input, "taskSet")?;
    let set = world.services.ecs.services.get(&arn).and_then(|service| service.task_set(&id));
    let set = set.and_then(|it| it.set.as_ref());
    let force = input.flag("force").unwrap_or(false);
    if set.is_some_and(|set| set.status == Status::Primary) && !force {
        return Err(invalid("The primary task set of a service cannot be deleted without force."));
    }
    if set.is_some_and(|set| set.status != Status::Draining && set.scale > 0.0) && !force {
        return Err(invalid("The task set cannot be deleted while it is scaled above 0. Scale it down or use force."));
    }
    task_set::remove(world, &arn, &id);
    Ok(json!({ "taskSet": shown(world, &arn, &id, true) }))
}
