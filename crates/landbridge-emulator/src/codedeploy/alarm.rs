//! CloudWatch alarms that stop a deployment (AlarmConfiguration; "Monitoring deployments with CloudWatch alarms in CodeDeploy").

use serde_json::Value;

use super::deployment::{Deployment, Status};
use super::{Place, progress, rollback};
use crate::world::World;

impl Deployment {
    /// Names of the alarms that it watches. A rollback watches none.
    fn alarms(&self) -> Vec<&str> {
        if self.rolls_back.is_some() || self.setting(&["alarmConfiguration", "enabled"]) != true {
            return Vec::new();
        }
        let alarms = self.setting(&["alarmConfiguration", "alarms"]).as_array();
        alarms.into_iter().flatten().filter_map(|alarm| alarm.get("name").and_then(Value::as_str)).collect()
    }
}

/// An alarm reached a state: rings one that a deployment under way watches, the deployment stops.
pub(crate) fn alarm_changed(world: &mut World, place: &Place, name: &str, state: &str) {
    if state != "ALARM" {
        return;
    }
    let deployments = world.services.codedeploy.deployments.values();
    let under_way = deployments.filter(|it| it.place == *place && it.started_at.is_some() && !it.status.is_over());
    let stopped: Vec<String> = under_way.filter(|it| it.alarms().contains(&name)).map(|it| it.id.clone()).collect();
    for id in stopped {
        stop(world, &id, name);
    }
}

/// Stops a deployment that begins while one of its alarms rings. Returns whether it did.
pub(super) fn stop_if_any(world: &mut World, id: &str) -> bool {
    let Some(deployment) = world.services.codedeploy.deployments.get(id) else { return false };
    let rings = |name: &&str| world.services.cloudwatch.alarm_state(&deployment.place, name) == Some("ALARM");
    let Some(name) = deployment.alarms().into_iter().find(rings).map(str::to_owned) else { return false };
    stop(world, id, &name);
    true
}

fn stop(world: &mut World, id: &str, name: &str) {
    let message = format!(
        "One or more alarms have been activated according to the Amazon CloudWatch metrics you selected, and the affected \
         deployments have been stopped. Activated alarms: <{name}>"
    );
    progress::finish(world, id, Status::Stopped, Some(("ALARM_ACTIVE", message)));
    let deployment = world.services.codedeploy.deployments.get(id);
    if deployment.is_some_and(|it| it.rolls_back_on("DEPLOYMENT_STOP_ON_ALARM")) {
        rollback::begin(world, id);
    }
}
