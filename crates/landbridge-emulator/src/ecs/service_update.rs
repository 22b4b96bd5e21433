//! UpdateService: which members change a service in place, and which start a new deployment.
//! Source: UpdateService and "Updating a service" (update-service-parameters) in the developer guide.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::deployment::{begin, revised};
use super::member::{Members, invalid, without_nulls};
use super::service::{Status, not_active, not_found};
use super::service_check::{fill_defaults, service as check};
use super::service_create::connect_namespace;
use super::{balancer, controller, scheduler};
use crate::refusal::Refusal;
use crate::world::{Cx, World};

/// Members that UpdateService takes and keeps.
const ACCEPTED: [&str; 20] = [
    "taskDefinition",
    "capacityProviderStrategy",
    "deploymentConfiguration",
    "deploymentController",
    "networkConfiguration",
    "placementConstraints",
    "placementStrategy",
    "platformVersion",
    "healthCheckGracePeriodSeconds",
    "enableExecuteCommand",
    "enableECSManagedTags",
    "loadBalancers",
    "propagateTags",
    "serviceRegistries",
    "serviceConnectConfiguration",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
    "availabilityZoneRebalancing",
    "gatewayConnectors",
    "monitoring",
];

pub(crate) fn update(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let name = input.text("service").ok_or_else(|| invalid("Service can not be null or empty."))?;
    let ecs = &world.services.ecs;
    let arn = ecs.service_arn(cx, input, name)?;
    let service = ecs.services.get(&arn).ok_or_else(not_found)?;
    if service.status != Status::Active {
        return Err(not_active());
    }
    let controller = service.controller().to_owned();
    controller::check_update(&controller, input)?;
    let change = controller::changes(&controller, input).map(str::to_owned);
    if let Some(to) = &change {
        controller::check_change(service, to)?;
    }
    let mut fields = merged(&service.fields, input);
    let defaults = ecs.cluster(cx, input)?.fields.object("serviceConnectDefaults").and_then(|it| it.text("namespace"));
    connect_namespace(defaults, &mut fields);
    controller::check(&fields)?;
    let definition = match input.text("taskDefinition") {
        Some(name) => Some(Arc::clone(ecs.launchable(cx, name)?)),
        // A service keeps running a definition that has been deregistered since.
        None if service.has_task_sets() => service.primary_set().map(|it| Arc::clone(&it.revision.definition)),
        None => service.deployments.first().map(|primary| Arc::clone(&primary.revision.definition)),
    };
    let desired = match input.number("desiredCount") {
        Some(_) if service.fields.text("schedulingStrategy") == Some("DAEMON") => {
            return Err(invalid("The daemon scheduling strategy does not support a desired count for services."));
        }
        Some(count @ 0..=5000) => count,
        Some(count) => return Err(invalid(format!("desiredCount must be between 0 and 5000, and is {count}."))),
        None => service.desired,
    };
    fill_defaults(&mut fields);
    if let Some(definition) = &definition {
        check(world, cx, &fields, definition)?;
        // A change of something else goes through whatever has become of the target groups since.
        if input.member("loadBalancers").is_some() || input.member("deploymentConfiguration").is_some() {
            balancer::check(world, &fields, definition)?;
        }
        fields.insert("taskDefinition".to_owned(), json!(definition.arn));
    } else {
        controller::strip(&mut fields);
    }
    let force = input.flag("forceNewDeployment").unwrap_or(false);
    let deploys = match change.as_deref() {
        Some(to) => to == "ECS",
        None => controller == "ECS" && (force || is_redeployed(&service.fields, &fields)),
    };
    let ecs = &mut world.services.ecs;
    if let Some(service) = ecs.services.get_mut(&arn) {
        service.fields = fields;
        if service.desired != desired {
            service.desired = desired;
            service.surplus = 0;
            service.steady = false;
        }
    }
    match change.as_deref() {
        Some("ECS") => controller::adopt(world, &arn),
        Some(_) if controller == "ECS" => controller::release(world, &arn),
        _ => {}
    }
    if let Some(definition) = definition.filter(|_| deploys) {
        begin(world, &arn, &definition);
    }
    scheduler::soon(world, &arn);
    let ecs = &world.services.ecs;
    Ok(json!({ "service": ecs.services.get(&arn).map(|service| service.show(ecs, true)) }))
}

/// The service's fields with the request's over them. What is absent stays; an empty list clears.
fn merged(fields: &Map<String, Value>, input: &Value) -> Map<String, Value> {
    let mut merged = fields.clone();
    for name in ACCEPTED {
        let Some(changed) = input.member(name).map(without_nulls) else { continue };
        match (name, merged.get_mut(name).and_then(Value::as_object_mut), changed) {
            // Members of the deployment configuration that are not named keep their value, but a new strategy starts
            // from its own defaults.
            ("deploymentConfiguration", Some(old), Value::Object(mut new)) => {
                if new.text("strategy").is_some_and(|strategy| old.text("strategy") != Some(strategy)) {
                    old.remove("linearConfiguration");
                    old.remove("canaryConfiguration");
                }
                old.append(&mut new);
            }
            (name, _, changed) => drop(merged.insert(name.to_owned(), changed)),
        }
    }
    if input.member("capacityProviderStrategy").is_some() {
        // A strategy replaces the launch type; the empty one brings the launch type back.
        merged.remove("launchType");
        if input.list("capacityProviderStrategy").is_empty() {
            let fargate = super::service_check::runs_on_fargate(fields);
            merged.insert("launchType".to_owned(), json!(if fargate { "FARGATE" } else { "EC2" }));
        }
    }
    merged
}

/// True if a member changed that only a new deployment brings to the tasks. A capacity provider strategy alone does
/// not: UpdateService says it needs forceNewDeployment.
fn is_redeployed(old: &Map<String, Value>, new: &Map<String, Value>) -> bool {
    let comparable = |fields: &Map<String, Value>| {
        let mut fields = revised(fields);
        fields.retain(|name, value| {
            !matches!(name.as_str(), "capacityProviderStrategy" | "launchType") && *value != json!([])
        });
        fields
    };
    comparable(old) != comparable(new)
}
