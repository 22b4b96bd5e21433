//! Old revisions: only what this object registered, only what nothing uses, a few in each pass.

use super::pass::Pass;
use crate::change::Change;
use crate::owner::Ownership;
use crate::plan::{Cause, Plan};

/// Deregisters the revisions that are past their retention and still registered.
pub(super) fn plan(pass: &Pass<'_>, plan: &mut Plan, cause: Cause) {
    for revision in pass.observed.retired.iter().filter(|r| r.status == "ACTIVE") {
        if pass.desired.owner.reads(&revision.tags) != Ownership::Ours {
            continue;
        }
        let change = Change::DeregisterTaskDefinition { arn: revision.arn.clone() };
        plan.step(&format!("retire-{}", super::task_definition::short(&revision.arn)), cause, &[], change);
    }
}
