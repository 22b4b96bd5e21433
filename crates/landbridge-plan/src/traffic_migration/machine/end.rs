//! After the last step, or the way back: the old side is let go, or gets everything again; and what somebody else holds up.

use landbridge_api::condition::reason;
use landbridge_api::v1alpha1::MigrationPhase as Phase;

use super::super::{gates, ratio, recorded, scaling, shift};
use super::{Flow, Turn};

impl Turn<'_, '_> {
    pub(super) fn soaking(&mut self) -> Flow {
        if let Some(flow) = self.others_wrote().or_else(|| self.watch()) {
            return flow;
        }
        let what = format!("{} has everything; the old side stays beside it", self.pass.resolved.to.name);
        if !self.is_over(self.pass.settings.soak, &what) {
            return Flow::Stop;
        }
        if let Some(why) = self.no_data() {
            return self.wait(reason::HOLDING, why);
        }
        if self.is_paused() {
            return self.wait(reason::PAUSED, "paused before the old side is let go");
        }
        if let Some(left) = self.pass.by_ratio().then(|| ratio::still_there(self.pass)).flatten() {
            // Its autoscaling must not bring back what a person takes away.
            scaling::unpin(self.pass, &mut self.state, &mut self.plan);
            let name = &self.pass.resolved.from.name;
            let message = format!(
                "every ready pod is registered; {name} still has {left} instances and its share. The last step is yours: set its \
                 desiredCount (and the minimum of its autoscaling) to 0, or take out its serviceDiscovery; until then an abort is possible"
            );
            return self.wait(reason::AWAITING_APPROVAL, message);
        }
        if self.pass.settings.manual_finalise && !self.promoted {
            let message = format!("the old side is let go with: {}", self.command("promote"));
            return self.wait(reason::AWAITING_APPROVAL, message);
        }
        self.enter(Phase::Finalising)
    }

    pub(super) fn finalising(&mut self) -> Flow {
        if let Some(why) = self.pass.below_floor(&self.pass.resolved.to, &self.pass.observed.to) {
            return self.wait(reason::HOLDING, why);
        }
        if !self.pass.settings.remove_old {
            return self.enter(Phase::Draining);
        }
        self.shift_then(self.pass.wanted_only_to(), Phase::Draining)
    }

    /// Requests that are under way on the old side, and clients that cookies tie to it, are given their time.
    pub(super) fn draining(&mut self) -> Flow {
        if let Some(flow) = self.others_wrote() {
            return flow;
        }
        let delay = |g: &super::super::TargetGroupFacts| g.seconds("deregistration_delay.timeout_seconds", 300);
        let delay = self.pass.observed.from.group.as_ref().map_or(0, delay);
        let sticky = self.pass.observed.points.iter().filter_map(|p| p.sticky_seconds).max().unwrap_or(0);
        // Resolvers go on with the old name for as long as they may, and proxies with the old weights.
        let names = self.pass.names_linger();
        let what = format!("what is under way on {} ends", self.pass.resolved.from.name);
        if !self.is_over(delay.max(i64::from(sticky)).max(names), &what) {
            return Flow::Stop;
        }
        if let Some(max) = self.pass.settings.max_drain
            && let Some(why) = gates::still_busy(self.pass, &mut self.state)
            && self.pass.now < self.pass.after(self.state.phase_since.as_deref(), max)
        {
            return self.wait(reason::PROGRESSING, why);
        }
        self.state.intent = None;
        self.enter(Phase::Completed)
    }

    /// Back to what was there, with one write per rule. It needs the rules and the snapshot, and nobody else.
    pub(super) fn rolling_back(&mut self) -> Flow {
        let wanted = if self.pass.by_ratio() {
            ratio::before(self.pass, &self.state.undo)
        } else {
            Some(self.pass.wanted_back(&self.state))
        };
        // A Cloud Map service that is gone is for a person to look at.
        self.shift_then(wanted.or_else(|| Some(Vec::new())), Phase::RolledBack)
    }

    /// As soon as the rules are again what was written, the migration goes on; otherwise a person decides.
    pub(super) fn conflicted(&mut self) -> Flow {
        if shift::is_as_applied(self.pass, &self.state) && recorded::changed(self.pass, &self.state).is_none() {
            let phase = self.state.conflict.take().map_or(Phase::Baking, |c| c.phase);
            return self.enter(phase);
        }
        let message = self.state.conflict.as_ref().map(|c| c.message.clone()).unwrap_or_default();
        self.wait(reason::CONFLICTED, message)
    }
}
