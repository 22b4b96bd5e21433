//! What must hold while a step is watched. A single bad reading proves nothing: a gate fails when it does several times in a
//! row, an interval apart.
//!
//! [`question`] says what is to be asked, [`judge`] what an answer means, and [`address`] whom nobody may be made to ask.

pub(super) mod address;
mod declared;
mod judge;
mod mistakes;
pub(super) mod question;

use jiff::Timestamp;
use landbridge_api::v1alpha1::{GateReading, GateResult, OnNoData, TrafficMigrationStatus};

use super::pass::Pass;

pub(super) use mistakes::mistakes;

/// Name of the reading that tells whether the old side still gets requests.
const QUIET: &str = "quiet";

/// What the gates say together.
pub(super) enum Verdict {
    /// Nothing failed.
    Holds,
    /// Something failed, not yet often enough.
    Doubtful(String),
    /// Something failed often enough.
    Failed(String),
}

/// Reads every gate and counts the failures of each. Where the step is decided, no data is a failure for a gate that says so.
pub(super) fn read(pass: &Pass<'_>, state: &mut TrafficMigrationStatus, decides: bool) -> Verdict {
    let counted = state.gates_read_at.as_deref().and_then(|at| at.parse::<Timestamp>().ok());
    let due = counted.is_none() || pass.now >= pass.after(state.gates_read_at.as_deref(), pass.settings.interval);
    let mut readings = vec![targets(pass)];
    let mut counts = false;
    for gate in declared::all(pass.object.spec.gates.as_ref()) {
        let before = state.gates.iter().find(|g| g.name == gate.name).and_then(|g| g.other);
        let mut reading = judge::judge(pass, &gate, before);
        if decides && reading.result == GateResult::NoData && gate.on_no_data == OnNoData::Fail {
            reading.result = GateResult::Failed;
            reading.message = format!("no data: {}", reading.message);
        }
        readings.push(reading);
    }
    for reading in &mut readings {
        let before = state.gates.iter().find(|g| g.name == reading.name).and_then(|g| g.failures);
        // An answer counts once, however often it is looked at.
        let is_new = due && answered_at(pass, &reading.name).is_none_or(|at| counted.is_none_or(|then| at > then));
        reading.failures = match reading.result {
            GateResult::Passed => None,
            // No answer is neither a good one nor a bad one.
            GateResult::NoData => before,
            GateResult::Failed => Some(before.unwrap_or(0) + i32::from(is_new)),
        };
        counts |= reading.result == GateResult::Failed && is_new;
    }
    state.failures = readings.iter().filter_map(|r| r.failures).max();
    if state.failures.is_none() {
        // The instant of a good reading says nothing: left out, so that watching writes no status.
        state.gates_read_at = None;
    } else if counts {
        state.gates_read_at = Some(pass.now.to_string());
    }
    let verdict = verdict(&readings, pass.settings.after_failures);
    state.gates = readings;
    verdict
}

fn verdict(readings: &[GateReading], most: i32) -> Verdict {
    let failed = || readings.iter().filter(|r| r.result == GateResult::Failed);
    if failed().next().is_none() {
        return Verdict::Holds;
    }
    let why: Vec<String> = failed().map(|r| format!("gate {} failed: {}", r.name, r.message)).collect();
    let (why, failures) = (why.join("; "), failed().filter_map(|r| r.failures).max().unwrap_or(0));
    if failures >= most { Verdict::Failed(why) } else { Verdict::Doubtful(format!("{why} ({failures} of {most})")) }
}

/// A gate that has nothing to tell from, and whose step waits for that.
pub(super) fn missing(pass: &Pass<'_>, state: &TrafficMigrationStatus) -> Option<String> {
    let waits = |name: &str| {
        let mut gates = declared::all(pass.object.spec.gates.as_ref()).into_iter();
        gates.any(|g| g.name == name && g.on_no_data != OnNoData::Pass)
    };
    let silent = state.gates.iter().find(|g| g.result == GateResult::NoData && waits(&g.name))?;
    Some(format!("gate {} has no data: {}", silent.name, silent.message))
}

/// Why the old side is not quiet yet, or not known to be; stored as a reading, so that it is told also when nobody waits for
/// it any longer.
pub(super) fn still_busy(pass: &Pass<'_>, state: &mut TrafficMigrationStatus) -> Option<String> {
    let name = &pass.resolved.from.name;
    let reading = |result, message| GateReading { name: QUIET.to_owned(), result, message, ..GateReading::default() };
    let answer = pass.observed.answers.iter().find(|a| a.gate == QUIET).map(|a| &a.said);
    let read = match answer {
        Some(question::Said::Measured(found)) => {
            let requests: f64 = found.values().flatten().map(|(_, value)| value).sum();
            let message = format!("{name} has had {requests:.0} requests in the last three minutes");
            reading(if requests > 0.0 { GateResult::Failed } else { GateResult::Passed }, message)
        }
        Some(question::Said::Nothing(why)) => reading(GateResult::NoData, why.clone()),
        // Without a load balancer there is nobody to send it a request.
        None if !question::has_balancer(&pass.observed.from) => {
            reading(GateResult::Passed, format!("no load balancer uses the target group of {name}"))
        }
        _ => reading(GateResult::NoData, "it has not been asked yet".to_owned()),
    };
    let busy = (read.result != GateResult::Passed).then(|| format!("the old side is to be quiet: {}", read.message));
    state.gates.retain(|g| g.name != QUIET);
    state.gates.push(read);
    busy
}

/// When the gate's answer came; a gate that is not asked has none.
fn answered_at(pass: &Pass<'_>, gate: &str) -> Option<Timestamp> {
    pass.observed.answers.iter().find(|a| a.gate == gate).map(|a| a.at)
}

/// Healthy targets of the new side.
fn targets(pass: &Pass<'_>) -> GateReading {
    let reading =
        |result, message| GateReading { name: "targets".to_owned(), result, message, ..GateReading::default() };
    if let Some(message) = pass.below_floor(&pass.resolved.to, &pass.observed.to) {
        return reading(GateResult::Failed, message);
    }
    let health = pass.health(&pass.resolved.to, &pass.observed.to).unwrap_or_default();
    reading(GateResult::Passed, format!("{} of {} targets are healthy", health.healthy, health.registered))
}
