//! Up to the first request for the new side: nothing written, joined with weight 0, healthy.

use landbridge_api::condition::reason;
use landbridge_api::v1alpha1::MigrationPhase as Phase;

use super::super::shift::{self, Shift};
use super::super::{command, group, manager, preflight, recorded, scaling};
use super::{Flow, Turn, whole};

impl Turn<'_, '_> {
    /// Nothing is written; what stands in the way is said whole.
    pub(super) fn preflight(&mut self) -> Flow {
        let pass = self.pass;
        if let Some(flow) = self.meets_the_manager() {
            return flow;
        }
        let refusals = preflight::refusals(pass);
        for refusal in &refusals {
            self.plan.block(reason::PREFLIGHT, refusal.as_str());
        }
        if !refusals.is_empty() {
            return Flow::Stop;
        }
        if let Some(why) = pass.deploying().or_else(|| pass.below_floor(&pass.resolved.from, &pass.observed.from)) {
            return self.wait(reason::WAITING, format!("{why}; the migration begins after that"));
        }
        self.state.undo = pass.found();
        self.state.applied = pass.found();
        self.state.capacity = self.state.from.as_ref().map(|h| h.healthy);
        // What is edited before the start is no conflict: nothing was written that it could contradict.
        recorded::record_anew(pass, &mut self.state);
        if pass.settings.manual_start && !command::says_start(pass) {
            let message = format!("checked; it starts with: {}", self.command("start"));
            return self.wait(reason::AWAITING_APPROVAL, message);
        }
        self.enter(Phase::Preparing)
    }

    /// Whoever governs the rules is stored, so that the next look finds what it is told by.
    fn meets_the_manager(&mut self) -> Option<Flow> {
        match manager::of(self.pass.object, &self.pass.observed.points) {
            Err(why) => {
                self.plan.block(reason::PREFLIGHT, why);
                Some(Flow::Stop)
            }
            Ok(found) if found == self.pass.resolved.manager => None,
            Ok(found) => {
                self.state.manager = found;
                Some(self.wait(reason::WAITING, "it is looked up who governs the rules"))
            }
        }
    }

    /// The manager makes the new side's target group when it is told of the side: with weight 0.
    fn asks_the_manager_for_the_group(&mut self) -> Flow {
        let wanted = self.pass.wanted_of_hands(0.0);
        match shift::shift(self.pass, &mut self.state, &mut self.plan, wanted) {
            Shift::Writes => Flow::Stop,
            Shift::Held(why) | Shift::Waits(why) => self.wait(reason::HOLDING, why),
            Shift::Conflict(conflict) => self.conflict(conflict),
            Shift::Done | Shift::Silent(_) => {
                if let Some(why) = shift::silence(self.pass, &self.state) {
                    return self.wait(reason::MANAGER_SILENT, why);
                }
                let name = self.pass.resolved.manager.as_ref().map(|m| m.name.clone()).unwrap_or_default();
                let to = &self.pass.resolved.to.name;
                self.wait(reason::PROGRESSING, format!("{name} makes a target group for {to}"))
            }
        }
    }

    /// The new side's target group is made and joins every rule with weight 0: before that a load balancer does not
    /// even check its targets (`Target.NotInUse`).
    pub(super) fn preparing(&mut self) -> Flow {
        let pass = self.pass;
        if self.is_paused() {
            return self.wait(reason::PAUSED, "paused before the new side joins the rules");
        }
        if pass.is_managed() && pass.observed.to.group.is_none() {
            return self.asks_the_manager_for_the_group();
        }
        let makes_groups = pass.by_target_groups() || pass.object.spec.backend.route53.is_some();
        if pass.is_managed() || !makes_groups {
            return self.join();
        }
        let (Some(like), side) = (&pass.observed.from.group, &pass.resolved.to) else {
            return self.go_back("the target group of the old side is gone");
        };
        let load_balancer = pass.observed.points.first().map_or("", |p| p.load_balancer.as_str());
        match (&pass.observed.to.group, side.managed()) {
            (None, Some((owner, _))) => {
                let account = &pass.resolved.account;
                let name = group::name_for(owner, account, load_balancer);
                group::create(&mut self.plan, &name, &group::owner(owner, account), like, account);
                return Flow::Stop;
            }
            (None, None) => return self.go_back(format!("the target group of {} is gone", side.name)),
            (Some(there), Some((owner, _))) if !group::is_ours(there, &group::owner(owner, &pass.resolved.account)) => {
                let message = format!("target group {} is there and not ours: delete or rename it", there.name);
                self.plan.block(reason::NAME_TAKEN, message);
                return Flow::Stop;
            }
            (Some(there), Some(_)) => group::attributes(&mut self.plan, there, like),
            (Some(_), None) => {}
        }
        self.join()
    }

    /// The new side joins with weight 0, once the old one is sure to keep what it has.
    fn join(&mut self) -> Flow {
        if scaling::pin(self.pass, &mut self.state, &mut self.plan) {
            return Flow::Stop;
        }
        recorded::record(self.pass, &mut self.state);
        self.shift_then(self.pass.wanted(0.0), Phase::Verifying)
    }

    pub(super) fn verifying(&mut self) -> Flow {
        if let Some(flow) = self.others_wrote() {
            return flow;
        }
        if let Some(why) = self.pass.not_ready() {
            self.state.healthy_since = None;
            return self.hold_or_give_up(&why);
        }
        let now = self.pass.now.to_string();
        let since = self.state.healthy_since.get_or_insert(now).clone();
        let end = self.pass.after(Some(&since), self.pass.settings.min_ready);
        if self.pass.now < end {
            self.state.next_action_at = Some(end.to_string());
            let since = since.parse().map_or(since, |at| whole(at).to_string());
            return self.wait(reason::PROGRESSING, format!("{} is healthy, since {since}", self.pass.resolved.to.name));
        }
        self.state.step = Some(0);
        self.enter(Phase::Applying)
    }
}
