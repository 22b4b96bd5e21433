//! What an object may do with an AWS resource that is already there: use its own, take a free one over, or neither.

use std::time::Duration;

use landbridge_api::common::{AdoptionPolicy, DriftPolicy, Knobs};
use landbridge_api::condition::reason;
use landbridge_api::names::tag;

use crate::change::Tags;
use crate::kind::Health;
use crate::owner::{Owner, Ownership};
use crate::plan::{Blocked, Cause, Difference, Plan};

/// How long until somebody looks again whether a resource is still in use; a change of a user is quicker.
pub const IN_USE_LOOK_AFTER: Duration = Duration::from_secs(5);

/// What the object may do with a resource that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It carries this object's ownership tags.
    Ours,
    /// It is nobody's and may be taken over: the first write is the ownership tags, all others come after it.
    Adopt,
    /// It must be left alone.
    Refused(Blocked),
}

/// Decides by the tags of the resource `what` and the object's adoption policy. `differences` are those that are more
/// than tags.
pub fn claim(owner: &Owner, knobs: &Knobs, what: &str, tags: &Tags, differences: &[Difference]) -> Claim {
    match owner.reads(tags) {
        Ownership::Ours => Claim::Ours,
        Ownership::Other(other) => Claim::Refused(Blocked::new(
            reason::OWNERSHIP_CONFLICT,
            format!(
                "{what} belongs to {other}; give one of the two objects another name in AWS, or delete one of them{}",
                other_installation(&owner.installation, tags)
            ),
        )),
        Ownership::Free => match knobs.adoption() {
            AdoptionPolicy::Always => Claim::Adopt,
            AdoptionPolicy::IfUnchanged if differences.is_empty() => Claim::Adopt,
            AdoptionPolicy::IfUnchanged => Claim::Refused(Blocked::new(
                reason::ADOPTION_DIFFERS,
                format!(
                    "{what} exists and is not as the spec says ({}); change the spec to match, or set \
                     spec.adoptionPolicy: Always to change it",
                    listed(differences)
                ),
            )),
            AdoptionPolicy::Never => Claim::Refused(Blocked::new(
                reason::NAME_TAKEN,
                format!(
                    "{what} exists and carries no tag of Landbridge; set spec.adoptionPolicy to IfUnchanged or Always to \
                     take it over, or choose another name"
                ),
            )),
        },
    }
}

/// What else may be meant by a resource of another installation: an operator or a command that was named otherwise.
fn other_installation(ours: &str, tags: &Tags) -> String {
    match tags.get(tag::INSTALLATION).filter(|theirs| *theirs != ours) {
        Some(theirs) => format!("; if it is the same object, act as the same installation (--installation {theirs})"),
        None => String::new(),
    }
}

/// The cause of changes to something that is ours: the spec, or somebody who changed AWS behind an applied spec.
pub fn cause(is_applied: bool) -> Cause {
    if is_applied { Cause::Drift } else { Cause::Spec }
}

/// The health of something that is not there: on its way, unless somebody deleted it and the drift policy leaves it so.
pub fn absent(what: &str, knobs: &Knobs, is_applied: bool) -> Health {
    if is_applied && knobs.drift() != DriftPolicy::Correct {
        return Health::Failed {
            reason: reason::DRIFT_REPORTED,
            message: format!(
                "{what} was deleted outside Landbridge, and spec.driftPolicy: {:?} leaves it so; set Correct to have it made \
                 again",
                knobs.drift()
            ),
            stalled: true,
        };
    }
    Health::Progressing { reason: reason::PROGRESSING, message: format!("{what} is not there") }
}

/// Waits while other objects refer to this one. Says whether there are any.
pub fn waits_for_users(plan: &mut Plan, what: &str, users: &[String]) -> bool {
    if users.is_empty() {
        return false;
    }
    plan.wait(reason::IN_USE, format!("{what} is still used by {}", some_of(users)), IN_USE_LOOK_AFTER);
    true
}

/// The first few of a list in words.
pub fn some_of(items: &[String]) -> String {
    const SHOWN: usize = 5;
    let first = items.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match items.len().saturating_sub(SHOWN) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

fn listed(differences: &[Difference]) -> String {
    some_of(&differences.iter().map(crate::render::one_line).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::AccountTarget;
    use serde_json::json;

    fn owner() -> Owner {
        Owner::new("ECSCluster/prod", &AccountTarget { installation: "here".into(), ..AccountTarget::default() })
    }

    fn policy(policy: AdoptionPolicy) -> Knobs {
        Knobs { adoption_policy: Some(policy), ..Knobs::default() }
    }

    fn refused(claim: Claim) -> Blocked {
        match claim {
            Claim::Refused(blocked) => blocked,
            other => panic!("not refused: {other:?}"),
        }
    }

    #[test]
    fn what_another_object_owns_is_refused_whatever_the_policy() {
        let other = Owner { object: "ECSCluster/old".into(), ..owner() };
        let blocked = refused(claim(&owner(), &policy(AdoptionPolicy::Always), "ECS cluster prod", &other.tags(), &[]));
        assert_eq!(blocked.reason, reason::OWNERSHIP_CONFLICT);
        assert!(blocked.message.starts_with("ECS cluster prod belongs to ECSCluster/old;"), "{}", blocked.message);
    }

    #[test]
    fn a_refused_adoption_lists_what_differs() {
        let differences = [Difference::new("ttl", Some(json!(60)), Some(json!(30)))];
        let blocked =
            refused(claim(&owner(), &policy(AdoptionPolicy::IfUnchanged), "namespace x", &Tags::new(), &differences));
        assert_eq!(blocked.reason, reason::ADOPTION_DIFFERS);
        assert!(blocked.message.contains("(ttl: 60 -> 30)"), "{}", blocked.message);
    }

    #[test]
    fn without_a_policy_an_existing_name_is_taken() {
        let blocked = refused(claim(&owner(), &Knobs::default(), "namespace x", &Tags::new(), &[]));
        assert_eq!(blocked.reason, reason::NAME_TAKEN);
    }

    #[test]
    fn what_somebody_deleted_is_not_on_its_way_when_nobody_makes_it_again() {
        let report = Knobs { drift_policy: Some(DriftPolicy::Report), ..Knobs::default() };
        assert!(matches!(absent("x", &report, true), Health::Failed { stalled: true, .. }));
        assert!(matches!(absent("x", &report, false), Health::Progressing { .. }));
        assert!(matches!(absent("x", &Knobs::default(), true), Health::Progressing { .. }));
    }

    #[test]
    fn many_users_are_counted() {
        let users: Vec<String> = (0..7).map(|i| format!("ECSService shop/s{i}")).collect();
        let text = some_of(&users);
        assert!(text.ends_with("ECSService shop/s4 and 2 more"), "{text}");
    }
}
