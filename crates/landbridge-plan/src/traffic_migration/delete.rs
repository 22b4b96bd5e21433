//! When the object is deleted: traffic first goes back, or stays where it is, and then what was made goes.

use std::time::Duration;

use landbridge_api::condition::reason;
use landbridge_api::v1alpha1::{MigrationPhase as Phase, OnDelete};

use super::machine::Turn;
use super::{Side, SideFacts, command, group, ratio};
use crate::change::Change;
use crate::plan::Cause;

/// On the way, the traffic goes back first.
pub(super) fn prepare(turn: &mut Turn<'_, '_>) {
    let frozen = turn.pass.object.spec.on_delete.unwrap_or_default() == OnDelete::Freeze;
    match turn.phase() {
        // Nothing was written, or nothing more is.
        Phase::Preflight => {
            turn.enter(Phase::RolledBack);
        }
        phase if frozen && phase != Phase::Completed && phase != Phase::RolledBack => {
            turn.enter(Phase::Completed);
        }
        Phase::Conflicted => {
            turn.state.applied = turn.pass.found();
            turn.state.conflict = None;
            turn.go_back("the object is deleted");
        }
        phase if command::has_way_back(phase) => {
            turn.go_back("the object is deleted");
        }
        _ => {}
    }
}

/// Once traffic is where it stays, target groups that nothing uses go.
pub(super) fn finish(turn: &mut Turn<'_, '_>) {
    if !matches!(turn.phase(), Phase::Completed | Phase::RolledBack)
        || !turn.plan.steps.is_empty()
        || turn.state.pinned.is_some()
    {
        return;
    }
    if let Some(why) = turn.pass.by_ratio().then(|| ratio::holds_back(turn.pass, &turn.state)).flatten() {
        return turn.plan.wait(reason::IN_USE, why, Duration::from_mins(1));
    }
    let frozen = turn.pass.object.spec.on_delete.unwrap_or_default() == OnDelete::Freeze;
    let sides =
        [(&turn.pass.resolved.from, &turn.pass.observed.from), (&turn.pass.resolved.to, &turn.pass.observed.to)];
    let mut left = false;
    for (side, facts) in sides {
        // What another migration of the same Service has too is for the last of them.
        let shared = |made: &&super::TargetGroupFacts| turn.pass.resolved.shared_groups.contains(&made.arn);
        let Some(made) = made_by_us(turn, side, facts).filter(|made| !shared(made)) else { continue };
        let used = turn.pass.observed.points.iter().any(|p| p.weights.iter().any(|w| w.target == made.arn));
        if used && !frozen {
            turn.plan.wait(
                reason::IN_USE,
                format!(
                    "this object keeps the pods of {} registered in target group {}, which has traffic. Name that target \
                     group in a TargetGroupBinding and set onDelete: Freeze, or migrate back first",
                    side.name, made.name
                ),
                Duration::from_mins(1),
            );
            left = true;
        } else if !used && made.load_balancers.is_empty() {
            turn.plan.step(
                &format!("delete:{}", made.arn),
                Cause::Deletion,
                &[],
                Change::DeleteTargetGroup { arn: made.arn.clone() },
            );
            left = true;
        }
    }
    turn.plan.gone = !left;
}

fn made_by_us<'a>(turn: &Turn<'_, 'a>, side: &Side, facts: &'a SideFacts) -> Option<&'a super::TargetGroupFacts> {
    let (owner, _) = side.managed()?;
    let owner = group::owner(owner, &turn.pass.resolved.account);
    facts.group.as_ref().filter(|g| group::is_ours(g, &owner))
}
