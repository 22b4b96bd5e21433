//! The floor of App Auto Scaling under the old side. It loses traffic step by step, and an autoscaler would take its tasks away
//! just when it must still be able to take everything back. So the minimum is raised to what it had, and put back at the end.

use std::time::Duration;

use landbridge_api::condition::reason;
use landbridge_api::v1alpha1::{PinnedScaling, TrafficMigrationStatus};

use super::ScalingFacts;
use super::pass::Pass;
use crate::change::Change;
use crate::plan::{Cause, Difference, Plan};

/// When one that could not be read is looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// Raises the minimum, once; says whether that is still to be written.
pub(super) fn pin(pass: &Pass<'_>, state: &mut TrafficMigrationStatus, plan: &mut Plan) -> bool {
    let (Some(found), Some(capacity)) = (&pass.observed.from.scaling, state.capacity) else { return false };
    if state.pinned.is_none() {
        let floor = capacity.min(found.max);
        if found.min >= floor {
            return false;
        }
        let (resource, before) = (found.resource.clone(), found.min);
        state.pinned = Some(PinnedScaling { resource, before, pinned: floor });
    }
    match &state.pinned {
        Some(pinned) if found.min == pinned.before => {
            write(plan, found, pinned.pinned);
            true
        }
        // Somebody else's minimum is theirs.
        _ => false,
    }
}

/// Puts the minimum back when it is still ours; what somebody else set since stays.
pub(super) fn unpin(pass: &Pass<'_>, state: &mut TrafficMigrationStatus, plan: &mut Plan) {
    let Some(pinned) = &state.pinned else { return };
    match &pass.observed.from.scaling {
        Some(found) if found.resource == pinned.resource && found.min == pinned.pinned => {
            write(plan, found, pinned.before);
        }
        Some(found) if found.unread => {
            plan.wait(reason::PROGRESSING, "App Auto Scaling has not said what the minimum is", LOOK_AGAIN);
        }
        _ => state.pinned = None,
    }
}

fn write(plan: &mut Plan, found: &ScalingFacts, min: i32) {
    let change = Change::SetMinCapacity { resource: found.resource.clone(), expected: found.min, min };
    let difference = Difference::new("minCapacity", Some(found.min.into()), Some(min.into()));
    plan.update("scaling", Cause::Spec, &[], change, vec![difference]);
}
