//! The desired count of services, as Application Auto Scaling reads and sets it.

use serde_json::json;

use super::deployment::Rollout;
use super::names;
use crate::cloudwatch::Place;
use crate::events;
use crate::world::{Cx, World};

/// What Application Auto Scaling knows of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Capacity {
    pub(crate) desired: i64,
    /// Whether ECS is deploying, during which nothing is scaled in.
    pub(crate) deploying: bool,
}

/// What CloudTrail calls who scales.
const SCALER: &str = "ecs.application-autoscaling.amazonaws.com";
const ROLE: &str = "AWSServiceRoleForApplicationAutoScaling_ECSService";

fn arn((account, region): &Place, cluster: &str, service: &str) -> String {
    format!("arn:aws:ecs:{region}:{account}:service/{cluster}/{service}")
}

/// The capacity of a service that is ACTIVE.
pub(crate) fn capacity(world: &World, place: &Place, cluster: &str, service: &str) -> Option<Capacity> {
    let service = world.services.ecs.services.get(&arn(place, cluster, service)).filter(|it| it.is_active())?;
    let deploying = service.deployments.first().is_some_and(|it| it.rollout == Rollout::InProgress);
    Some(Capacity { desired: service.desired, deploying: deploying && service.controller() != "EXTERNAL" })
}

/// Calls UpdateService as Application Auto Scaling does, with the role that is linked to it.
pub(crate) fn set_desired(world: &mut World, place: &Place, cluster: &str, service: &str, count: i64) {
    let principal = format!("arn:aws:sts::{}:assumed-role/{ROLE}/AutoScaling-UpdateDesiredCapacity", place.0);
    let cx = Cx {
        now: world.now,
        region: place.1.clone(),
        account: place.0.clone(),
        principal: principal.clone(),
        host: String::new(),
        request_id: world.rng.uuid(),
    };
    let input = json!({ "cluster": cluster, "service": service, "desiredCount": count });
    let result = super::service_update::update(world, &cx, &input);
    let target = names::last_part(service).to_owned();
    world.calls.push_of_service(SCALER, cx.now, "ecs:UpdateService".to_owned(), principal, target);
    events::record(world, &cx, "ecs", "UpdateService", &input, &result, Some(SCALER));
}
