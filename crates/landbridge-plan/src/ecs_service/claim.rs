//! Whether a resource that is there may be written: it is ours, it is taken over as `adoptionPolicy` says, or it is
//! refused with a sentence that says what to do.

use landbridge_api::common::AdoptionPolicy;
use landbridge_api::condition::reason;

use super::pass::Pass;
use crate::change::{Change, Tagged, Tags};
use crate::owner::Ownership;
use crate::plan::{Cause, Difference, Plan};

/// A resource that was found under the wanted name.
pub(super) struct Found<'a> {
    /// In words: `ECS service prod/web`.
    pub(super) what: String,
    /// Name of the step that takes it over.
    pub(super) step: &'a str,
    pub(super) api: Tagged,
    pub(super) arn: &'a str,
    pub(super) tags: &'a Tags,
    /// What to set to use another name: `spec.serviceName`.
    pub(super) name_field: &'a str,
}

/// Whether later steps may write the resource. A step that takes it over is planned where that is allowed; what
/// differs is computed only where it decides.
pub(super) fn claim(
    pass: &Pass<'_>,
    plan: &mut Plan,
    found: &Found<'_>,
    differences: impl FnOnce() -> Vec<Difference>,
) -> bool {
    let Found { what, name_field, .. } = found;
    match pass.desired.owner.reads(found.tags) {
        Ownership::Ours => true,
        Ownership::Other(owner) => {
            plan.block(
                reason::OWNERSHIP_CONFLICT,
                format!("{what} belongs to {owner}: set another {name_field} in one of the two objects"),
            );
            false
        }
        Ownership::Free => match pass.object.spec.knobs.adoption() {
            AdoptionPolicy::Never => {
                plan.block(
                    reason::NAME_TAKEN,
                    format!(
                        "{what} exists and is not managed by Landbridge: set another {name_field}, or spec.adoptionPolicy \
                         to IfUnchanged (take it over if it is as the spec says) or Always (take it over and change it)"
                    ),
                );
                false
            }
            AdoptionPolicy::Always => adopt(pass, plan, found),
            AdoptionPolicy::IfUnchanged => {
                let differences = differences();
                if differences.is_empty() {
                    return adopt(pass, plan, found);
                }
                let paths = differences.iter().map(|d| d.path.as_str()).collect::<Vec<_>>().join(", ");
                plan.block(
                    reason::ADOPTION_DIFFERS,
                    format!(
                        "{what} exists and differs from the spec in {paths}: make the spec say what is there, or set \
                         spec.adoptionPolicy to Always to change it"
                    ),
                );
                false
            }
        },
    }
}

fn adopt(pass: &Pass<'_>, plan: &mut Plan, found: &Found<'_>) -> bool {
    let change =
        Change::Tag { api: found.api, arn: found.arn.to_owned(), set: pass.desired.owner.tags(), remove: Vec::new() };
    plan.step(found.step, Cause::Adoption, &[], change);
    true
}
