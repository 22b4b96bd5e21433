//! The state machine. One turn looks at the phase, what is observed and the clock, and moves on, writes, or waits. Here is what
//! the phases share; [`preparation`], [`step`] and [`end`] have the phases.
//!
//! Whoever dies between two turns loses nothing: the phase, the instants of its timers and what is about to be written are
//! stored before a write, and AWS is read again before the next.

mod end;
mod preparation;
mod step;

use jiff::Timestamp;
use landbridge_api::condition::reason;
use landbridge_api::v1alpha1::{MigrationPhase as Phase, TrafficMigrationStatus};

use super::gates::{self, Verdict};
use super::pass::Pass;
use super::shift::{self, Shift};
use super::{command, delete, group, recorded, scaling};
use crate::kind::Kind;
use crate::plan::Plan;

/// More turns than a pass can need: a phase is never entered twice in one.
const MOST_TURNS: usize = 32;

/// Whether a turn ends the pass.
pub(super) enum Flow {
    /// The state moved on; look at it again.
    Go,
    /// There is something to write or to wait for, or nothing to do.
    Stop,
}

/// What a pass comes to: the state to store, and the plan.
pub(super) struct Advance {
    pub(super) state: TrafficMigrationStatus,
    pub(super) plan: Plan,
}

pub(super) fn advance(pass: &Pass<'_>) -> Advance {
    let mut turn = Turn { pass, state: pass.state(), plan: Plan::of(pass.object.identity()), promoted: false };
    turn.promoted = command::carry_out(pass, &mut turn.state);
    if pass.object.is_deleting() {
        delete::prepare(&mut turn);
    }
    for _ in 0..MOST_TURNS {
        if matches!(turn.one(), Flow::Stop) {
            break;
        }
    }
    if pass.object.is_deleting() {
        delete::finish(&mut turn);
    } else {
        turn.keep_pods_registered();
    }
    let steps = pass.settings.steps.len();
    turn.state.progress = turn.state.step.map(|step| format!("{}/{steps}", step + 1));
    Advance { state: turn.state, plan: turn.plan }
}

/// A moment for a person to read.
fn whole(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// One pass through the machine.
pub(super) struct Turn<'a, 'b> {
    pub(super) pass: &'a Pass<'b>,
    pub(super) state: TrafficMigrationStatus,
    pub(super) plan: Plan,
    /// A person agreed to the next step just now.
    pub(super) promoted: bool,
}

impl Turn<'_, '_> {
    pub(super) fn phase(&self) -> Phase {
        self.state.phase.unwrap_or_default()
    }

    fn one(&mut self) -> Flow {
        let phase = self.phase();
        if command::has_way_back(phase)
            && phase != Phase::Conflicted
            && let Some(message) = recorded::changed(self.pass, &self.state)
        {
            return self.conflict(message);
        }
        match phase {
            Phase::Preflight => self.preflight(),
            Phase::Preparing => self.preparing(),
            Phase::Verifying => self.verifying(),
            Phase::Applying => self.applying(),
            Phase::Propagating => self.propagating(),
            Phase::Baking => self.baking(),
            Phase::Gating => self.gating(),
            Phase::Soaking => self.soaking(),
            Phase::Finalising => self.finalising(),
            Phase::Draining => self.draining(),
            Phase::RollingBack => self.rolling_back(),
            Phase::Conflicted => self.conflicted(),
            Phase::Completed | Phase::RolledBack => {
                scaling::unpin(self.pass, &mut self.state, &mut self.plan);
                Flow::Stop
            }
        }
    }

    pub(super) fn enter(&mut self, phase: Phase) -> Flow {
        self.state.phase = Some(phase);
        self.state.phase_since = Some(self.pass.now.to_string());
        if phase == Phase::Propagating {
            self.state.step_since = Some(self.pass.now.to_string());
            self.state.propagated_since = None;
        }
        Flow::Go
    }

    /// What a person types.
    fn command(&self, verb: &str) -> String {
        let object = self.pass.object;
        format!("landbridge migrate {verb} {} -n {}", object.object_name(), object.object_namespace())
    }

    pub(super) fn wait(&mut self, reason: &str, message: impl Into<String>) -> Flow {
        self.plan.wait(reason, message, self.pass.settings.look_every());
        Flow::Stop
    }

    /// Whether the phase has lasted `seconds`; if not, says until when it goes on.
    fn is_over(&mut self, seconds: i64, what: &str) -> bool {
        let since = self.state.phase_since.clone();
        self.is_over_since(since.as_deref(), seconds, what)
    }

    fn is_over_since(&mut self, since: Option<&str>, seconds: i64, what: &str) -> bool {
        let end = self.pass.after(since, seconds);
        if self.pass.now >= end {
            return true;
        }
        self.state.next_action_at = Some(end.to_string());
        let left = end.duration_since(self.pass.now).unsigned_abs();
        let interval = self.pass.settings.look_every();
        self.plan.wait(reason::PROGRESSING, format!("{what}, until {}", whole(end)), left.min(interval));
        false
    }

    pub(super) fn go_back(&mut self, why: impl Into<String>) -> Flow {
        self.state.abort_reason = Some(why.into());
        self.enter(Phase::RollingBack)
    }

    fn is_paused(&self) -> bool {
        self.pass.object.spec.paused == Some(true) || self.state.paused == Some(true)
    }

    /// Writes what is wanted, and enters the phase once it is there.
    fn shift_then(&mut self, wanted: Option<Vec<landbridge_api::v1alpha1::WeightedPoint>>, phase: Phase) -> Flow {
        let Some(wanted) = wanted else { return self.go_back("a target group is gone") };
        match shift::shift(self.pass, &mut self.state, &mut self.plan, wanted) {
            Shift::Done => self.enter(phase),
            Shift::Writes => Flow::Stop,
            Shift::Waits(why) if phase == Phase::Propagating => self.hold_or_give_up(&why),
            Shift::Waits(why) => self.wait(reason::PROGRESSING, why),
            Shift::Held(why) => self.wait(reason::HOLDING, why),
            Shift::Silent(why) => self.wait(reason::MANAGER_SILENT, why),
            Shift::Conflict(conflict) => self.conflict(conflict),
        }
    }

    /// Whether somebody else changed a rule between two of our writes.
    fn others_wrote(&mut self) -> Option<Flow> {
        match shift::rests(self.pass, &self.state)? {
            Shift::Conflict(conflict) => Some(self.conflict(conflict)),
            _ => Some(self.wait(reason::PROGRESSING, "the weights are not to be seen everywhere yet")),
        }
    }

    fn conflict(&mut self, message: String) -> Flow {
        let (phase, found) = (self.phase(), self.pass.found());
        self.state.conflict = Some(landbridge_api::v1alpha1::MigrationConflict { message, phase, found });
        self.enter(Phase::Conflicted)
    }

    /// Reads the gates. A gate that fails for long sends the traffic back.
    fn watch(&mut self) -> Option<Flow> {
        let decides = match self.phase() {
            Phase::Gating => true,
            Phase::Soaking => {
                self.pass.now >= self.pass.after(self.state.phase_since.as_deref(), self.pass.settings.soak)
            }
            _ => false,
        };
        match gates::read(self.pass, &mut self.state, decides) {
            Verdict::Holds => None,
            Verdict::Doubtful(why) => Some(self.wait(reason::HOLDING, why)),
            Verdict::Failed(why) if self.pass.settings.automatic_abort => Some(self.go_back(why)),
            Verdict::Failed(why) => Some(self.wait(reason::HOLDING, format!("{why}; abort.automatic is false"))),
        }
    }

    /// A gate that has nothing to tell from, unless a person says that it goes on all the same.
    fn no_data(&self) -> Option<String> {
        let silent = gates::missing(self.pass, &self.state).filter(|_| !self.promoted)?;
        Some(format!("{silent}; without it, it goes on with: {}", self.command("promote")))
    }

    fn hold_or_give_up(&mut self, why: &str) -> Flow {
        let end = self.pass.after(self.state.phase_since.as_deref(), self.pass.settings.progress_deadline);
        if self.pass.now >= end && self.pass.settings.automatic_abort {
            return self.go_back(format!("{why}, for longer than abort.progressDeadline"));
        }
        self.wait(reason::HOLDING, why)
    }

    /// Pods come and go in every phase, and after the last one.
    fn keep_pods_registered(&mut self) {
        if self.phase() == Phase::Preflight {
            return;
        }
        let sides =
            [(&self.pass.resolved.from, &self.pass.observed.from), (&self.pass.resolved.to, &self.pass.observed.to)];
        for (side, facts) in sides {
            let (Some(there), Some((owner, pods))) = (&facts.group, side.managed()) else { continue };
            // One that cannot be found says nothing of its pods.
            if side.missing.is_none() && group::is_ours(there, &group::owner(owner, &self.pass.resolved.account)) {
                group::pods(&mut self.plan, there, pods);
            }
        }
    }
}
