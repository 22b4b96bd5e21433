//! What people ask for with the annotation `landbridge.dev/migrate`: each new value once.

use landbridge_api::names::annotation;
use landbridge_api::v1alpha1::{MigrationPhase as Phase, TrafficMigration, TrafficMigrationStatus};

use super::pass::Pass;
use super::recorded;

/// Carries out a new command; says whether it was `promote`.
pub(super) fn carry_out(pass: &Pass<'_>, state: &mut TrafficMigrationStatus) -> bool {
    let Some(value) = annotated(pass) else { return false };
    if state.last_command.as_deref() == Some(value) {
        return false;
    }
    state.last_command = Some(value.to_owned());
    let enter = |phase: Phase, state: &mut TrafficMigrationStatus| {
        state.phase = Some(phase);
        state.phase_since = Some(pass.now.to_string());
    };
    let phase = state.phase.unwrap_or_default();
    match verb(value) {
        "promote" => return true,
        "pause" => state.paused = Some(true),
        "resume" | "adopt-current" | "abort" if phase == Phase::Conflicted => {
            // What was found counts as what we left there.
            let stopped = state.conflict.take();
            state.applied = pass.found();
            recorded::record_anew(pass, state);
            state.intent = None;
            match verb(value) {
                "abort" => {
                    state.abort_reason = Some("asked for".to_owned());
                    enter(Phase::RollingBack, state);
                }
                "adopt-current" => enter(Phase::Baking, state),
                _ => enter(stopped.map_or(Phase::Applying, |c| rewriting(c.phase)), state),
            }
        }
        "resume" => state.paused = None,
        "abort" if phase == Phase::Preflight => {
            state.abort_reason = Some("asked for, before anything was written".to_owned());
            enter(Phase::RolledBack, state);
        }
        "abort" if has_way_back(phase) => {
            state.abort_reason = Some("asked for".to_owned());
            enter(Phase::RollingBack, state);
        }
        _ => {}
    }
    false
}

/// Whether the traffic goes back, or is about to because somebody asked for it: what only serves the way forward need not be
/// looked at any more.
pub fn goes_back(object: &TrafficMigration) -> bool {
    let phase = object.status.as_ref().and_then(|s| s.phase);
    phase == Some(Phase::RollingBack) || (is_abort(object) && phase.is_some_and(has_way_back))
}

/// Whether an abort is asked for that has not been carried out.
fn is_abort(object: &TrafficMigration) -> bool {
    let value = object.metadata.annotations.as_ref().and_then(|a| a.get(annotation::MIGRATE));
    let done = object.status.as_ref().and_then(|s| s.last_command.as_ref());
    value.is_some_and(|value| verb(value) == "abort" && Some(value) != done)
}

/// Whether somebody said `start`.
pub(super) fn says_start(pass: &Pass<'_>) -> bool {
    annotated(pass).is_some_and(|value| verb(value) == "start")
}

/// Whether the old side still can take everything back: until it is let go.
pub(super) fn has_way_back(phase: Phase) -> bool {
    !matches!(
        phase,
        Phase::Preflight
            | Phase::Finalising
            | Phase::Draining
            | Phase::Completed
            | Phase::RollingBack
            | Phase::RolledBack
    )
}

/// The phase that writes the weights which hold in `phase`.
fn rewriting(phase: Phase) -> Phase {
    match phase {
        Phase::Verifying => Phase::Preparing,
        Phase::Propagating | Phase::Baking | Phase::Gating | Phase::Soaking => Phase::Applying,
        Phase::Draining => Phase::Finalising,
        other => other,
    }
}

fn annotated<'a>(pass: &Pass<'a>) -> Option<&'a str> {
    pass.object.metadata.annotations.as_ref()?.get(annotation::MIGRATE).map(String::as_str)
}

fn verb(value: &str) -> &str {
    value.split_whitespace().next().unwrap_or_default()
}
