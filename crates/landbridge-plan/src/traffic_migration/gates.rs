//! What must hold while a step is watched. A single bad reading proves nothing: a gate fails when it does several times in a
//! row, an interval apart.

use landbridge_api::v1alpha1::{GateReading, GateResult, TrafficMigrationStatus};

use super::pass::Pass;

/// What the gates say together.
pub(super) enum Verdict {
    /// Nothing failed.
    Holds,
    /// Something failed, not yet often enough.
    Doubtful(String),
    /// Something failed often enough.
    Failed(String),
}

/// Reads every gate and counts the failures.
pub(super) fn read(pass: &Pass<'_>, state: &mut TrafficMigrationStatus) -> Verdict {
    let mut readings = vec![targets(pass)];
    readings.extend(pass.observed.readings.iter().cloned());
    let failed: Vec<String> = readings
        .iter()
        .filter(|r| r.result == GateResult::Failed)
        .map(|r| format!("gate {} failed: {}", r.name, r.message))
        .collect();
    state.gates = readings;
    let due = state.gates_read_at.as_deref().is_none_or(|at| pass.now >= pass.after(Some(at), pass.settings.interval));
    if failed.is_empty() {
        // The instant of a good reading says nothing: left out, so that watching writes no status.
        (state.failures, state.gates_read_at) = (None, None);
        return Verdict::Holds;
    }
    if due {
        state.gates_read_at = Some(pass.now.to_string());
        state.failures = Some(state.failures.unwrap_or(0) + 1);
    }
    let (failures, most) = (state.failures.unwrap_or(0), pass.settings.after_failures);
    let why = failed.join("; ");
    if failures >= most { Verdict::Failed(why) } else { Verdict::Doubtful(format!("{why} ({failures} of {most})")) }
}

/// A gate that has nothing to tell from holds the step.
pub(super) fn missing(state: &TrafficMigrationStatus) -> Option<String> {
    let silent = state.gates.iter().find(|g| g.result == GateResult::NoData)?;
    Some(format!("gate {} has no data: {}", silent.name, silent.message))
}

/// Healthy targets of the new side.
fn targets(pass: &Pass<'_>) -> GateReading {
    let name = "targets".to_owned();
    if let Some(message) = pass.below_floor(&pass.resolved.to, &pass.observed.to) {
        return GateReading { name, result: GateResult::Failed, message };
    }
    let health = pass.health(&pass.resolved.to, &pass.observed.to).unwrap_or_default();
    let message = format!("{} of {} targets are healthy", health.healthy, health.registered);
    GateReading { name, result: GateResult::Passed, message }
}
