//! What AWS CodeDeploy sees of a service under its controller, and does to it: it makes, promotes and deletes task sets.
//! Source: TaskSet.startedBy and "CodeDeploy blue/green deployments for Amazon ECS" in the developer guide.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::service_check::{fill_defaults, service as check};
use super::task_set::{self, New, Status};
use super::{balancer, names, service};
use crate::refusal::Refusal;
use crate::world::{Cx, World};

pub(crate) use super::task_set::{promote, remove as remove_task_set};

/// A task set, as far as CodeDeploy looks.
pub(crate) struct TaskSetView {
    pub(crate) id: String,
    pub(crate) status: &'static str,
    pub(crate) desired: usize,
    pub(crate) pending: usize,
    pub(crate) running: usize,
    /// Target groups that its tasks register in.
    pub(crate) groups: Vec<String>,
}

/// What a replacement task set has other than the primary one.
pub(crate) struct Replacement {
    pub(crate) definition: String,
    pub(crate) container: String,
    pub(crate) port: i64,
    pub(crate) group: String,
    /// Members of a service.
    pub(crate) overrides: Map<String, Value>,
    /// Id of CodeDeploy's deployment.
    pub(crate) deployment: String,
}

/// ARN and deployment controller of an active service.
pub(crate) fn find_service(world: &World, cx: &Cx, cluster: Option<&str>, name: &str) -> Option<(String, String)> {
    let ecs = &world.services.ecs;
    let arn = ecs.service_arn(cx, &json!({ "cluster": cluster }), name).ok()?;
    let found = ecs.services.get(&arn).filter(|service| service.is_active())?;
    Some((arn, found.controller().to_owned()))
}

pub(crate) fn task_sets(world: &World, service: &str) -> Vec<TaskSetView> {
    let ecs = &world.services.ecs;
    let Some(service) = ecs.services.get(service) else { return Vec::new() };
    let counts = service.counts(ecs);
    let views = service.deployments.iter().filter_map(|it| {
        let set = it.set.as_ref()?;
        let counts = counts.get(&*it.id).copied().unwrap_or_default();
        Some(TaskSetView {
            id: it.id.clone(),
            status: set.status.as_str(),
            desired: set.computed(service.desired),
            pending: counts.pending,
            running: counts.running,
            groups: it.revision.groups.clone(),
        })
    });
    views.collect()
}

pub(crate) fn has_task_set(world: &World, service: &str, id: &str) -> bool {
    world.services.ecs.services.get(service).is_some_and(|service| service.task_set(id).is_some())
}

/// Whether a task set is there and in STEADY_STATE.
pub(crate) fn is_steady(world: &World, service: &str, id: &str) -> bool {
    let service = world.services.ecs.services.get(service);
    service.and_then(|it| it.task_set(id)).and_then(|it| it.set.as_ref()).is_some_and(|set| set.steady)
}

/// Makes a task set like the primary one but for what is to be replaced; returns its id.
pub(crate) fn replace_primary(
    world: &mut World,
    cx: &Cx,
    service_arn: &str,
    wanted: &Replacement,
) -> Result<String, Refusal> {
    let ecs = &world.services.ecs;
    let kept = ecs.services.get(service_arn).filter(|it| it.is_active()).ok_or_else(service::not_active)?;
    let definition = Arc::clone(ecs.launchable(cx, names::last_part(&wanted.definition))?);
    let mut fields = kept.fields.clone();
    if wanted.overrides.contains_key("capacityProviderStrategy") {
        fields.remove("launchType");
    }
    fields.extend(wanted.overrides.clone());
    fields.insert(
        "loadBalancers".to_owned(),
        json!([{
            "targetGroupArn": wanted.group, "containerName": wanted.container, "containerPort": wanted.port,
        }]),
    );
    fill_defaults(&mut fields);
    check(world, cx, &fields, &definition)?;
    balancer::check(world, &fields, &definition)?;
    fields.insert("taskDefinition".to_owned(), json!(definition.arn));
    let new = New {
        definition,
        fields,
        status: Status::Active,
        scale: 100.0,
        external_id: Some(wanted.deployment.clone()),
        started_by: Some("CODE_DEPLOY".to_owned()),
        client_token: None,
    };
    task_set::begin(world, service_arn, new).ok_or_else(service::not_active)
}
