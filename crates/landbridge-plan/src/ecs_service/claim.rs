//! Whether a resource that is there may be written, and its tags: what [`crate::adoption`] decides becomes steps here.

use super::pass::Pass;
use crate::adoption::{self, Claim};
use crate::change::{Change, Tagged, Tags};
use crate::plan::{Cause, Difference, Plan};
use crate::tags;

/// A resource that was found under the wanted name.
pub(super) struct Found<'a> {
    /// In words: `ECS service prod/web`.
    pub(super) what: String,
    /// Name of the step that takes it over.
    pub(super) step: &'a str,
    pub(super) api: Tagged,
    pub(super) arn: &'a str,
    pub(super) tags: &'a Tags,
    /// Where the spec says its name: `spec.serviceName`.
    pub(super) name_field: &'a str,
}

/// Whether later steps may write the resource. A step that takes it over is planned where that is allowed.
pub(super) fn claim(pass: &Pass<'_>, plan: &mut Plan, found: &Found<'_>, differences: &[Difference]) -> bool {
    let knobs = &pass.object.spec.knobs;
    match adoption::claim(&pass.desired.owner, knobs, &found.what, found.tags, differences) {
        Claim::Ours => true,
        Claim::Adopt => {
            let (arn, set) = (found.arn.to_owned(), pass.desired.owner.tags());
            let change = Change::Tag { api: found.api, arn, set, remove: Vec::new() };
            plan.step(found.step, Cause::Adoption, &[], change);
            true
        }
        Claim::Refused(blocked) => {
            plan.block(&blocked.reason, format!("{} (its name comes from {})", blocked.message, found.name_field));
            false
        }
    }
}

/// Puts the tags right. The step that takes a resource over has written the ownership tags.
pub(super) fn retag(pass: &Pass<'_>, plan: &mut Plan, found: &Found<'_>, wanted: &Tags, step: &str, path: &str) {
    let Some(mut change) = tags::change(found.tags, wanted) else { return };
    if plan.has(found.step) {
        change.set.retain(|key, _| tags::is_users(key));
    }
    if change.set.is_empty() && change.remove.is_empty() {
        return;
    }
    let differences = tags::differences(path, found.tags, wanted);
    let change = Change::Tag { api: found.api, arn: found.arn.to_owned(), set: change.set, remove: change.remove };
    pass.correct(plan, step, &[found.step], change, differences);
}
