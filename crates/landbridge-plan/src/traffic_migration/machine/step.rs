//! One step: written, everywhere, watched, decided over.

use landbridge_api::condition::reason;
use landbridge_api::v1alpha1::MigrationPhase as Phase;

use super::super::Reach;
use super::{Flow, Turn};

/// How long a change takes to all servers of Route 53, in seconds (API reference, `ChangeResourceRecordSets`: «generally …
/// within 60 seconds»).
const ROUTE_53: i64 = 60;

impl Turn<'_, '_> {
    /// The step that is under way, as a place among the steps.
    fn step(&self) -> usize {
        usize::try_from(self.state.step.unwrap_or(0)).unwrap_or(0)
    }

    fn percent(&self) -> f64 {
        self.pass.settings.steps.get(self.step()).map_or(100.0, |s| s.percent)
    }

    pub(super) fn applying(&mut self) -> Flow {
        let pass = self.pass;
        // While the next step waits for something, a side that has traffic is watched as in every other phase.
        if pass.has_traffic()
            && let Some(flow) = self.watch()
        {
            return flow;
        }
        if self.is_paused() {
            return self.wait(reason::PAUSED, "paused before the next step");
        }
        let percent = self.percent();
        if let Some(why) = pass.not_ready() {
            return self.hold_or_give_up(&why);
        }
        if let Some(why) = pass.deploying() {
            return self.wait(reason::HOLDING, format!("{why}; the next step follows it"));
        }
        if let Some(why) = self.old_side_is_short().filter(|_| percent < 100.0) {
            return self.wait(reason::HOLDING, why);
        }
        self.shift_then(pass.wanted(percent), Phase::Propagating)
    }

    pub(super) fn propagating(&mut self) -> Flow {
        if let Some(flow) = self.others_wrote().or_else(|| self.watch()) {
            return flow;
        }
        let what = format!("{} of the traffic is on its way", self.state.share.clone().unwrap_or_default());
        if !self.is_on_all_servers(&what) {
            return Flow::Stop;
        }
        let since = self.state.propagated_since.clone().or_else(|| self.state.phase_since.clone());
        if !self.is_over_since(since.as_deref(), self.pass.propagation(), &what) {
            return Flow::Stop;
        }
        self.state.intent = None;
        self.enter(Phase::Baking)
    }

    /// Whether all of Route 53's servers tell the step. Since when is stored, because what resolvers keep ends that much later.
    fn is_on_all_servers(&mut self, what: &str) -> bool {
        let records = self.pass.observed.points.iter().filter_map(|p| p.record.as_ref());
        let ours: Vec<Reach> = records.filter(|r| !r.governed).map(|r| r.reach).collect();
        if ours.is_empty() || self.state.propagated_since.is_some() {
            return true;
        }
        if ours.contains(&Reach::Pending) {
            self.wait(reason::PROGRESSING, format!("{what}: Route 53 has not brought it everywhere yet"));
            return false;
        }
        let written = self.state.step_since.clone();
        let what = format!("{what}; another operator wrote it, and Route 53 is given its time");
        if ours.contains(&Reach::Unknown) && !self.is_over_since(written.as_deref(), ROUTE_53, &what) {
            return false;
        }
        self.state.propagated_since = Some(self.pass.now.to_string());
        true
    }

    pub(super) fn baking(&mut self) -> Flow {
        if let Some(flow) = self.others_wrote().or_else(|| self.watch()) {
            return flow;
        }
        let step = self.step();
        let bake = self.pass.settings.steps.get(step).map_or(0, |s| s.bake);
        let what = format!("step {} of {} is watched", step + 1, self.pass.settings.steps.len());
        if !self.promoted && !self.is_over(bake, &what) {
            return Flow::Stop;
        }
        self.enter(Phase::Gating)
    }

    pub(super) fn gating(&mut self) -> Flow {
        if let Some(flow) = self.others_wrote().or_else(|| self.watch()) {
            return flow;
        }
        if let Some(why) = self.no_data().or_else(|| self.old_side_is_short()) {
            return self.wait(reason::HOLDING, why);
        }
        let step = self.step();
        let manual = self.pass.settings.steps.get(step).is_some_and(|s| s.manual);
        if manual && !self.promoted {
            let message = format!("step {} holds; it goes on with: {}", step + 1, self.command("promote"));
            return self.wait(reason::AWAITING_APPROVAL, message);
        }
        // One yes is for one step: letting the old side go is another question.
        self.promoted = false;
        if step + 1 < self.pass.settings.steps.len() {
            self.state.step = Some(i32::try_from(step + 1).unwrap_or(i32::MAX));
            return self.enter(Phase::Applying);
        }
        self.enter(Phase::Soaking)
    }

    /// The old side keeps what it needs for all of the traffic until it is let go.
    pub(super) fn old_side_is_short(&self) -> Option<String> {
        let healthy = self.state.from.as_ref().map_or(0, |h| h.healthy);
        let wanted = self.state.capacity.unwrap_or(0);
        (healthy < wanted).then(|| {
            let name = &self.pass.resolved.from.name;
            format!("{name} has {healthy} healthy targets and had {wanted}: it must be able to take everything back")
        })
    }
}
