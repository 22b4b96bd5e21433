//! CreateService: what a new service gets, and what a repeated request is answered.
//! Source: CreateService in the Amazon ECS API reference.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::event::Events;
use super::member::{Members, invalid, without_nulls};
use super::service::{Service, Status};
use super::service_check::{fill_defaults, service as check};
use super::task_set::{self, New};
use super::{Ecs, balancer, cluster, controller, deployment, names, scheduler, tags};
use crate::refusal::Refusal;
use crate::world::{Cx, World};

pub(crate) fn create(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let name = input.text("serviceName").ok_or_else(|| invalid("Service name can not be null or empty."))?;
    check_names(name, input)?;
    let ecs = &world.services.ecs;
    let arn = ecs.service_arn(cx, input, name)?;
    let request = without_nulls(input);
    if let Some(existing) = ecs.services.get(&arn).filter(|service| !service.is_inactive()) {
        return replay(ecs, existing, &request);
    }
    let cluster = ecs.cluster(cx, input)?;
    let (cluster_arn, cluster_name) = (cluster.arn.clone(), cluster.name.clone());
    let mut fields = raw_fields(&request);
    let controller = controller::check(&fields)?;
    controller::check_new(&controller, &fields)?;
    if controller != "EXTERNAL" {
        inherit(cluster, &mut fields);
    }
    let definition = match fields.text("taskDefinition") {
        Some(name) => Some(Arc::clone(ecs.launchable(cx, name)?)),
        None if controller == "EXTERNAL" => None,
        None => return Err(invalid("TaskDefinition can not be blank.")),
    };
    if fields.text("launchType").is_some() && !fields.list("capacityProviderStrategy").is_empty() {
        return Err(invalid(
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.",
        ));
    }
    let desired = desired_count(&request)?;
    fill_defaults(&mut fields);
    if let Some(definition) = &definition {
        check(world, cx, &fields, definition)?;
        balancer::check(world, &fields, definition)?;
        fields.insert("taskDefinition".to_owned(), json!(definition.arn));
    } else {
        controller::strip(&mut fields);
    }
    let tags = tags::requested(input)?;
    let service = Service {
        arn: arn.clone(),
        name: name.to_owned(),
        cluster: cluster_arn,
        cluster_name,
        status: Status::Active,
        fields,
        desired,
        deployments: Vec::new(),
        record: None,
        superseded: Vec::new(),
        last_good: None,
        stage: None,
        events: Events::default(),
        news: balancer::News::default(),
        connected: BTreeSet::new(),
        tasks: BTreeSet::new(),
        surplus: 0,
        uneven: false,
        steady: false,
        step_planned: false,
        wake_at: None,
        created_at: cx.now,
        created_by: cx.principal.clone(),
        client_token: request.text("clientToken").map(str::to_owned),
        request: request.to_string(),
    };
    Ok(insert(world, service, tags, definition.as_ref()))
}

/// Remembers a new service, starts its first deployment, and shows it.
fn insert(
    world: &mut World,
    service: Service,
    tags: BTreeMap<String, String>,
    definition: Option<&Arc<super::task_definition::TaskDefinition>>,
) -> Value {
    let arn = service.arn.clone();
    let has_task_sets = service.has_task_sets();
    let fields = service.fields.clone();
    let ecs = &mut world.services.ecs;
    if let Some(cluster) = ecs.clusters.get_mut(&service.cluster) {
        cluster.services.insert(arn.clone());
        cluster.active_services += 1;
    }
    ecs.tags.replace(&arn, tags);
    ecs.services.insert(arn.clone(), service);
    if let Some(definition) = definition.filter(|_| has_task_sets) {
        task_set::begin(world, &arn, New::first(definition, fields));
    } else if let Some(definition) = definition {
        deployment::begin(world, &arn, definition);
        scheduler::soon(world, &arn);
    }
    let ecs = &world.services.ecs;
    json!({ "service": ecs.services.get(&arn).map(|service| service.show(ecs, true)) })
}

/// A service of this name exists: the same request again is answered with it, any other is refused.
fn replay(ecs: &Ecs, existing: &Service, request: &Value) -> Result<Value, Refusal> {
    if existing.status == Status::Draining {
        return Err(invalid("Unable to Start a service that is still Draining."));
    }
    let token = request.text("clientToken");
    let same_token = token.is_some() && token == existing.client_token.as_deref();
    // Both sides go through text, so that numbers are rounded alike.
    let tree = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    if !same_token && tree(&existing.request) != tree(&request.to_string()) {
        return Err(invalid("Creation of service was not idempotent."));
    }
    Ok(json!({ "service": existing.show(ecs, true) }))
}

fn raw_fields(request: &Value) -> Map<String, Value> {
    let mut fields = request.as_object().cloned().unwrap_or_default();
    fields.retain(|name, _| {
        !matches!(name.as_str(), "cluster" | "tags" | "clientToken" | "serviceName" | "desiredCount")
    });
    fields
}

/// What a new service takes over from its cluster: the default capacity provider strategy and namespace.
fn inherit(cluster: &cluster::Cluster, fields: &mut Map<String, Value>) {
    inherit_strategy(cluster, fields);
    let defaults = cluster.fields.object("serviceConnectDefaults").and_then(|it| it.text("namespace"));
    connect_namespace(defaults, fields);
}

/// Without a launch type or a strategy of its own, the cluster's default strategy is used.
pub(super) fn inherit_strategy(cluster: &cluster::Cluster, fields: &mut Map<String, Value>) {
    let strategy = cluster.fields.list("defaultCapacityProviderStrategy");
    if fields.text("launchType").is_none()
        && fields.member("capacityProviderStrategy").is_none()
        && !strategy.is_empty()
    {
        fields.insert("capacityProviderStrategy".to_owned(), strategy.into());
    }
}

/// Service Connect without a namespace uses the cluster's default one.
pub(super) fn connect_namespace(default: Option<&str>, fields: &mut Map<String, Value>) {
    if let (Some(namespace), Some(Value::Object(connect))) = (default, fields.get_mut("serviceConnectConfiguration"))
        && connect.flag("enabled") == Some(true)
    {
        connect.entry("namespace").or_insert(json!(namespace));
    }
}

fn desired_count(request: &Value) -> Result<i64, Refusal> {
    if request.text("schedulingStrategy") == Some("DAEMON") {
        // One task for each container instance, of which there are none here.
        return match request.member("desiredCount") {
            None => Ok(0),
            Some(_) => Err(invalid("The daemon scheduling strategy does not support a desired count for services.")),
        };
    }
    match request.number("desiredCount") {
        Some(count @ 0..=5000) => Ok(count),
        Some(count) => Err(invalid(format!("desiredCount must be between 0 and 5000, and is {count}."))),
        // "Required if schedulingStrategy is REPLICA or isn't specified" (CreateService, desiredCount).
        None => Err(invalid("Desired count can not be null for a service with the REPLICA scheduling strategy.")),
    }
}

fn check_names(name: &str, input: &Value) -> Result<(), Refusal> {
    if !names::is_name(name) {
        return Err(invalid("Service name can only contain up to 255 letters, numbers, underscores and hyphens."));
    }
    if input.text("clientToken").is_some_and(|token| token.is_empty() || token.len() > 36) {
        return Err(invalid("Client token must have between 1 and 36 characters."));
    }
    Ok(())
}
