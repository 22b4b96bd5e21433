//! Rolling back: a deployment of its own that gives all traffic back to the original task set and deletes the replacement.
//! Source: "Redeploy and roll back a deployment with CodeDeploy" and RollbackInfo.

use std::time::Duration;

use super::deployment::{At, Deployment, Stage, Status, new_id};
use super::progress;
use crate::world::World;

/// Rolls a deployment back that is over.
pub(super) fn begin(world: &mut World, id: &str) {
    let Some(failed) = world.services.codedeploy.deployments.get(id).cloned() else { return };
    // Without a replacement nothing was changed.
    if failed.green.is_none() {
        return;
    }
    let back = new_id(world);
    let names =
        if failed.pair.test.is_some() { vec!["AllowTestTraffic", "AllowTraffic"] } else { vec!["AllowTraffic"] };
    let stages =
        names.into_iter().map(|name| Stage { name, function: None, status: "Pending", began: None, ended: None });
    let deployment = Deployment {
        id: back.clone(),
        revision: failed.previous_revision.clone().unwrap_or_else(|| failed.revision.clone()),
        stages: stages.collect(),
        creator: "codeDeployRollback",
        status: Status::InProgress,
        error: None,
        at: At::Created,
        course: 0,
        rolls_back: Some(id.to_owned()),
        created_at: world.now,
        started_at: Some(world.now),
        completed_at: None,
        ..failed
    };
    if let Some(failed) = world.services.codedeploy.deployments.get_mut(id) {
        failed.rolled_back_by = Some(back.clone());
    }
    progress::begin(world, deployment);
    // Traffic goes back at once; only what follows takes its time.
    progress::plan(world, &back, Duration::ZERO);
}
