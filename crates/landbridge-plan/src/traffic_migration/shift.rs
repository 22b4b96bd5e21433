//! Writing weights by comparing and setting: what is there must be what we left there.

use landbridge_api::v1alpha1::{MigrationIntent, TrafficMigrationStatus, WeightedPoint};

use super::pass::Pass;
use super::{PointFacts, Side, SideFacts, preflight, ratio, records, weights};
use crate::change::Change;
use crate::plan::{Cause, Difference, Plan};

/// How long after a write an older answer is no sign of somebody else, in seconds.
const LATE: i64 = 60;

/// What became of the weights.
pub(super) enum Shift {
    /// They are what is wanted.
    Done,
    /// They are being written, or not to be seen yet.
    Writes,
    /// Another of our objects brings it about; in words.
    Waits(String),
    /// A side that would get more traffic is dead, and the other is not; in words.
    Held(String),
    /// Somebody else changed them; in words.
    Conflict(String),
}

/// Adds the writes that bring every rule to `wanted`, and stores them as the intent.
pub(super) fn shift(
    pass: &Pass<'_>,
    state: &mut TrafficMigrationStatus,
    plan: &mut Plan,
    wanted: Vec<WeightedPoint>,
) -> Shift {
    if pass.by_ratio() {
        return ratio::shift(pass, state, wanted);
    }
    let mut writes = Vec::new();
    for to in &wanted {
        let Some(found) = pass.observed.points.iter().find(|p| p.id == to.id) else {
            return Shift::Conflict(format!("{} is gone: put it back, or abort", to.id));
        };
        if is_same(&found.point(), to) {
            continue;
        }
        if !is_known(state, &found.point()) {
            return Shift::Conflict(conflict(pass, state, &found.point()));
        }
        writes.push((found, to));
    }
    if writes.is_empty() {
        state.applied = wanted;
        return Shift::Done;
    }
    if let Some(why) = writes.iter().find_map(|(found, to)| dead(pass, found, to)) {
        return Shift::Held(why);
    }
    for (found, to) in writes {
        let change = match &found.record {
            Some(record) => Change::ReplaceRecords {
                zone: record.zone.clone(),
                name: format!("{} {}", record.name, record.type_),
                expected: record.sets.clone(),
                records: to.records.clone(),
            },
            None => Change::ShiftWeights {
                point: to.id.clone(),
                is_default: found.is_default,
                expected: found.weights.clone(),
                weights: to.weights.clone(),
            },
        };
        let difference = Difference::new("weights", Some(said(&found.weights)), Some(said(&to.weights)));
        plan.update(&format!("weights:{}", to.id), Cause::Spec, &[], change, vec![difference]);
    }
    let before = pass.found();
    let decided_at = pass.now.to_string();
    // The same intent keeps its instant, so that a pass that only looks again writes no status.
    let is_same = state.intent.as_ref().is_some_and(|i| i.after == wanted && i.before == before);
    if !is_same {
        state.intent = Some(MigrationIntent { before, after: wanted, decided_at });
    }
    Shift::Writes
}

/// The side that would get more traffic with no healthy target, while the other side has some.
fn dead(pass: &Pass<'_>, found: &PointFacts, to: &WeightedPoint) -> Option<String> {
    let after = PointFacts { weights: to.weights.clone(), ..found.clone() };
    let from = (&pass.resolved.from, &pass.observed.from);
    let to = (&pass.resolved.to, &pass.observed.to);
    let healthy = |(side, facts): (&Side, &SideFacts)| pass.health(side, facts).map_or(0, |h| h.healthy);
    let sides = [(from, to, pass.old_member()), (to, from, pass.new_member())];
    sides.into_iter().find_map(|(side, other, member)| {
        let member = member?;
        let grows = after.share(&member) > found.share(&member);
        (grows && healthy(side) == 0 && healthy(other) > 0)
            .then(|| format!("{} has no healthy target, so it gets no more traffic than it has", side.0.name))
    })
}

/// Whether every rule is as it was left; none when it is.
pub(super) fn rests(pass: &Pass<'_>, state: &TrafficMigrationStatus) -> Option<Shift> {
    if pass.by_ratio() {
        // Tasks and pods come and go; only whose they are counts.
        return ratio::conflict(pass).map(Shift::Conflict);
    }
    for left in &state.applied {
        let Some(found) = pass.observed.points.iter().find(|p| p.id == left.id) else {
            return Some(Shift::Conflict(format!("{} is gone: put it back, or abort", left.id)));
        };
        if is_same(&found.point(), left) {
            continue;
        }
        if is_late(pass, state, &found.point()) {
            return Some(Shift::Writes);
        }
        return Some(Shift::Conflict(conflict(pass, state, &found.point())));
    }
    None
}

/// Whether it is an older answer, as may still come right after a write.
fn is_late(pass: &Pass<'_>, state: &TrafficMigrationStatus, found: &WeightedPoint) -> bool {
    let Some(intent) = &state.intent else { return false };
    let is_before = intent.before.iter().any(|b| b.id == found.id && is_same(b, found));
    is_before && pass.now < pass.after(Some(&intent.decided_at), LATE)
}

/// Whether every rule is what was written last.
pub(super) fn is_as_applied(pass: &Pass<'_>, state: &TrafficMigrationStatus) -> bool {
    rests(pass, state).is_none()
}

/// Whether both are the same: records in all that they hold, rules in their weights.
fn is_same(a: &WeightedPoint, b: &WeightedPoint) -> bool {
    if a.records.is_empty() && b.records.is_empty() {
        return weights::same(&a.weights, &b.weights);
    }
    records::same(&a.records, &b.records)
}

/// Whether it is something that this migration left there, or was about to.
fn is_known(state: &TrafficMigrationStatus, found: &WeightedPoint) -> bool {
    let intended = state.intent.iter().flat_map(|i| i.before.iter().chain(&i.after));
    let mut known = state.applied.iter().chain(&state.undo).chain(intended);
    known.any(|k| k.id == found.id && is_same(k, found))
}

fn conflict(pass: &Pass<'_>, state: &TrafficMigrationStatus, found: &WeightedPoint) -> String {
    let point = pass.observed.points.iter().find(|p| p.id == found.id);
    let who = point.and_then(preflight::controller).unwrap_or_else(|| {
        "somebody else (CloudTrail's ModifyRule, ModifyListener and ChangeResourceRecordSets say who)".to_owned()
    });
    let left = state.applied.iter().find(|p| p.id == found.id);
    format!(
        "{} has weights {}, and {} was left there: changed by {who}. Nothing is written until `landbridge migrate \
         resume` (ours again), `adopt-current` (go on from there) or `abort`",
        point.map_or_else(|| found.id.clone(), PointFacts::said),
        said(&found.weights),
        left.map_or_else(|| "nothing".into(), |l| said(&l.weights))
    )
}

/// Weights for people, by the names of the target groups.
fn said(list: &[landbridge_api::v1alpha1::TargetWeight]) -> serde_json::Value {
    let name = |of: &str| if of.starts_with("arn:") { of.split('/').nth(1).unwrap_or(of) } else { of }.to_owned();
    list.iter().map(|w| format!("{}={}", name(&w.target), w.weight)).collect::<Vec<_>>().join(" ").into()
}
