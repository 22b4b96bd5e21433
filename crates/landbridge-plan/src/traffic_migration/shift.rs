//! Writing weights by comparing and setting: what is there must be what we left there.

use landbridge_api::v1alpha1::{MigrationIntent, TargetWeight, TrafficMigrationStatus, WeightedPoint};

use super::pass::Pass;
use super::{PointFacts, Side, SideFacts, external_dns, object, preflight, ratio, records, weights};
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
    /// The manager has not carried them out for too long; in words.
    Silent(String),
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
    if let Some(why) = unreadable(pass) {
        return Shift::Held(why);
    }
    let (mut writes, mut pending) = (Vec::new(), Vec::new());
    for to in &wanted {
        let Some(found) = pass.point(&to.id) else {
            return Shift::Conflict(format!("{} is gone: put it back, or abort", to.id));
        };
        if is_same(&found.point(), to) {
            continue;
        }
        if !is_known(state, &found.point()) && !is_between(pass, state, found) {
            return Shift::Conflict(conflict(pass, state, &found.point()));
        }
        if pass.is_governed(found) { pending.push((found, to)) } else { writes.push((found, to)) }
    }
    if writes.is_empty() && pending.is_empty() {
        state.applied = wanted;
        return Shift::Done;
    }
    if writes.is_empty() {
        return carried_out(pass, state, &pending);
    }
    if let Some(why) = writes.iter().chain(&pending).find_map(|(found, to)| dead(pass, found, to)) {
        return Shift::Held(why);
    }
    let one_by_one = external_dns::governs(pass.object);
    if one_by_one {
        writes.sort_by_key(|(found, to)| !external_dns::grows(found, to));
    }
    let mut before = String::new();
    for (found, to) in writes {
        let difference = Difference::new("weights", Some(said(&found.weights)), Some(said(&to.weights)));
        let after: &[&str] = if one_by_one && !before.is_empty() { &[before.as_str()] } else { &[] };
        let id = format!("weights:{}", to.id);
        plan.update(&id, Cause::Spec, after, change(found, to), vec![difference]);
        before = id;
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

/// The write that brings the weights there.
fn change(found: &PointFacts, to: &WeightedPoint) -> Change {
    match (&found.record, &found.object) {
        (Some(record), _) => Change::ReplaceRecords {
            zone: record.zone.clone(),
            name: format!("{} {}", record.name, record.type_),
            expected: record.sets.clone(),
            records: to.records.clone(),
        },
        (None, Some(facts)) => Change::PatchObject {
            api_version: facts.whole.api_version.clone(),
            kind: facts.whole.kind.clone(),
            namespace: facts.whole.namespace.clone(),
            name: facts.whole.name.clone(),
            version: facts.whole.version.clone(),
            patch: if external_dns::is_source(&to.records) {
                external_dns::patch(&facts.whole, &to.records)
            } else {
                object::patch(&facts.whole, &to.records)
            },
        },
        (None, None) => Change::ShiftWeights {
            point: to.id.clone(),
            is_default: found.is_default,
            expected: found.weights.clone(),
            weights: to.weights.clone(),
        },
    }
}

/// Why the Kubernetes objects that hold the weights cannot be read. Nothing is written past them.
fn unreadable(pass: &Pass<'_>) -> Option<String> {
    let goes_through_them = pass.is_managed() || pass.is_inside();
    (goes_through_them && !pass.resolved.unreadable.is_empty()).then(|| pass.resolved.unreadable.join("; "))
}

/// The objects are as they should be, and the rules are not yet: that is the manager's work, and it gets its time.
fn carried_out(pass: &Pass<'_>, state: &TrafficMigrationStatus, pending: &[(&PointFacts, &WeightedPoint)]) -> Shift {
    match silence(pass, state) {
        None => Shift::Writes,
        Some(since) => {
            let rules = pending.iter().map(|(found, _)| format!("{} has {}", found.said(), words(&found.weights)));
            Shift::Silent(format!("{since}: {}", rules.collect::<Vec<_>>().join(", ")))
        }
    }
}

/// That the manager has been silent for longer than its deadline, in words.
pub(super) fn silence(pass: &Pass<'_>, state: &TrafficMigrationStatus) -> Option<String> {
    let asked = state.intent.as_ref().map(|i| i.decided_at.as_str())?;
    let name = pass.resolved.manager.as_ref().map_or("the manager", |m| m.name.as_str());
    let objects = pass.hands().iter().map(PointFacts::said).collect::<Vec<_>>().join(", ");
    (pass.now >= pass.after(Some(asked), pass.settings.manager_deadline)).then(|| {
        format!(
            "{name} has not carried out the weights that {objects} has held since {asked}. Landbridge does not write past it: \
             look at whether it runs and what its events on {objects} say"
        )
    })
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
        let Some(found) = pass.point(&left.id) else {
            if unreadable(pass).is_some() {
                // It is not known how it is; the next write will ask.
                continue;
            }
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

/// Whether it is a record that external-dns is half way through: each of its sets has a weight that was meant at some time.
fn is_between(pass: &Pass<'_>, state: &TrafficMigrationStatus, found: &PointFacts) -> bool {
    let intended = state.intent.iter().flat_map(|i| i.before.iter().chain(&i.after));
    let known: Vec<_> = state.applied.iter().chain(&state.undo).chain(intended).filter(|k| k.id == found.id).collect();
    let is_meant = |w: &TargetWeight| known.iter().any(|k| k.weights.contains(w));
    found.record.as_ref().is_some_and(|r| r.governed) && pass.is_governed(found) && found.weights.iter().all(is_meant)
}

fn conflict(pass: &Pass<'_>, state: &TrafficMigrationStatus, found: &WeightedPoint) -> String {
    let point = pass.point(&found.id);
    let who = point.and_then(preflight::controller).unwrap_or_else(|| {
        "somebody else (CloudTrail's ModifyRule, ModifyListener and ChangeResourceRecordSets say who)".to_owned()
    });
    let left = state.applied.iter().find(|p| p.id == found.id);
    format!(
        "{} has weights {}, and {} was left there: changed by {who}. Nothing is written until `landbridge migrate \
         resume` (ours again), `adopt-current` (go on from there) or `abort`",
        point.map_or_else(|| found.id.clone(), PointFacts::said),
        words(&found.weights),
        left.map_or_else(|| "nothing".into(), |l| words(&l.weights))
    )
}

/// Weights for people, as a value.
fn said(list: &[landbridge_api::v1alpha1::TargetWeight]) -> serde_json::Value {
    words(list).into()
}

/// Weights for people, by the names of the target groups.
fn words(list: &[landbridge_api::v1alpha1::TargetWeight]) -> String {
    let name = |of: &str| if of.starts_with("arn:") { of.split('/').nth(1).unwrap_or(of) } else { of }.to_owned();
    list.iter().map(|w| format!("{}={}", name(&w.target), w.weight)).collect::<Vec<_>>().join(" ")
}
