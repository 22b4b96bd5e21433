//! DeleteService: a service drains, is INACTIVE for a while, and is forgotten.
//! Source: DeleteService in the Amazon ECS API reference.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::member::{Members, invalid};
use super::service::{Status, not_active, not_found};
use super::task_definition::sweep;
use super::{Event, scheduler};
use crate::refusal::Refusal;
use crate::world::{Cx, World};

pub(crate) fn delete(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let name = input.text("service").unwrap_or_default();
    let ecs = &mut world.services.ecs;
    let arn = ecs.service_arn(cx, input, name)?;
    let service = ecs.services.get_mut(&arn).ok_or_else(not_found)?;
    match service.status {
        Status::Inactive => return Err(not_active()),
        Status::Draining => {}
        Status::Active => {
            let force = input.flag("force").unwrap_or(false);
            let replica = service.fields.text("schedulingStrategy") != Some("DAEMON");
            if replica && service.desired > 0 && !force {
                return Err(invalid("The service cannot be stopped while it is scaled above 0."));
            }
            service.status = Status::Draining;
            service.desired = 0;
            if let Some(cluster) = ecs.clusters.get_mut(&service.cluster) {
                cluster.active_services = cluster.active_services.saturating_sub(1);
            }
            scheduler::soon(world, &arn);
        }
    }
    let ecs = &world.services.ecs;
    Ok(json!({ "service": ecs.services.get(&arn).map(|service| service.show(ecs, true)) }))
}

/// A DRAINING service has no task left.
pub(super) fn deactivate(world: &mut World, arn: &str) {
    let ecs = &mut world.services.ecs;
    let Some(service) = ecs.services.get_mut(arn) else { return };
    service.status = Status::Inactive;
    let definitions: Vec<String> = service.definitions_in_use().map(str::to_owned).collect();
    service.deployments.clear();
    service.last_good = None;
    service.stage = None;
    let created_at = service.created_at;
    super::discovery::sweep(world, arn);
    let ecs = &mut world.services.ecs;
    let Some(service) = ecs.services.get_mut(arn) else { return };
    if let Some(cluster) = ecs.clusters.get_mut(&service.cluster) {
        cluster.services.remove(arn);
    }
    ecs.tags.remove(arn);
    // The history of deployments and revisions goes with the service (ListServiceDeployments).
    let prefix = |kind: &str| format!("{}/", arn.replacen(":service/", &format!(":{kind}/"), 1));
    let (records, revisions) = (prefix("service-deployment"), prefix("service-revision"));
    remove_under(&mut ecs.service_deployments, &records);
    remove_under(&mut ecs.service_revisions, &revisions);
    for definition in definitions {
        sweep(ecs, &definition);
    }
    let retention = world.timings.inactive_retention;
    world.after(retention, crate::world::Event::Ecs(Event::ForgetService(arn.to_owned(), created_at)));
}

/// Removes what begins with `prefix`, without a look at the rest.
fn remove_under<T>(entries: &mut BTreeMap<String, T>, prefix: &str) {
    let under = entries.range(prefix.to_owned()..).map(|(arn, _)| arn).take_while(|arn| arn.starts_with(prefix));
    for arn in under.cloned().collect::<Vec<_>>() {
        entries.remove(&arn);
    }
}

/// An INACTIVE service can be described for a while; then it is MISSING.
pub(super) fn forget(world: &mut World, arn: &str, created_at: Timestamp) {
    let services = &mut world.services.ecs.services;
    if services.get(arn).is_some_and(|service| service.is_inactive() && service.created_at == created_at) {
        services.remove(arn);
    }
}
