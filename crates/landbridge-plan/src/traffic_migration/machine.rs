//! The state machine. One turn looks at the phase, what is observed and the clock, and moves on, writes, or waits.
//!
//! Whoever dies between two turns loses nothing: the phase, the instants of its timers and what is about to be written are
//! stored before a write, and AWS is read again before the next.

use landbridge_api::condition::reason;
use landbridge_api::v1alpha1::{MigrationPhase as Phase, TrafficMigrationStatus};

use super::Reach;
use super::gates::{self, Verdict};
use super::pass::Pass;
use super::shift::{self, Shift};
use super::{command, delete, group, manager, preflight, ratio, recorded, scaling};
use crate::kind::Kind;
use crate::plan::Plan;

/// More turns than a pass can need: a phase is never entered twice in one.
const MOST_TURNS: usize = 32;

/// How long a change takes to all servers of Route 53, in seconds (API reference, `ChangeResourceRecordSets`: «generally …
/// within 60 seconds»).
const ROUTE_53: i64 = 60;

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
        self.plan.wait(reason::PROGRESSING, format!("{what}, until {end}"), left.min(interval));
        false
    }

    pub(super) fn go_back(&mut self, why: impl Into<String>) -> Flow {
        self.state.abort_reason = Some(why.into());
        self.enter(Phase::RollingBack)
    }

    fn is_paused(&self) -> bool {
        self.pass.object.spec.paused == Some(true) || self.state.paused == Some(true)
    }

    /// The step that is under way, as a place among the steps.
    fn step(&self) -> usize {
        usize::try_from(self.state.step.unwrap_or(0)).unwrap_or(0)
    }

    fn percent(&self) -> f64 {
        self.pass.settings.steps.get(self.step()).map_or(100.0, |s| s.percent)
    }

    /// Nothing is written; what stands in the way is said whole.
    fn preflight(&mut self) -> Flow {
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
            let message = format!("checked; it starts with: landbridge migrate start {}", pass.object.object_name());
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
    fn preparing(&mut self) -> Flow {
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

    fn verifying(&mut self) -> Flow {
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
            return self.wait(reason::PROGRESSING, format!("{} is healthy, since {since}", self.pass.resolved.to.name));
        }
        self.state.step = Some(0);
        self.enter(Phase::Applying)
    }

    fn applying(&mut self) -> Flow {
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

    fn propagating(&mut self) -> Flow {
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

    fn baking(&mut self) -> Flow {
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

    fn gating(&mut self) -> Flow {
        if let Some(flow) = self.others_wrote().or_else(|| self.watch()) {
            return flow;
        }
        if let Some(why) = self.no_data().or_else(|| self.old_side_is_short()) {
            return self.wait(reason::HOLDING, why);
        }
        let step = self.step();
        let manual = self.pass.settings.steps.get(step).is_some_and(|s| s.manual);
        if manual && !self.promoted {
            let name = self.pass.object.object_name();
            let message = format!("step {} holds; it goes on with: landbridge migrate promote {name}", step + 1);
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

    fn soaking(&mut self) -> Flow {
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
            let name = self.pass.object.object_name();
            let message = format!("the old side is let go with: landbridge migrate promote {name}");
            return self.wait(reason::AWAITING_APPROVAL, message);
        }
        self.enter(Phase::Finalising)
    }

    fn finalising(&mut self) -> Flow {
        if let Some(why) = self.pass.below_floor(&self.pass.resolved.to, &self.pass.observed.to) {
            return self.wait(reason::HOLDING, why);
        }
        if !self.pass.settings.remove_old {
            return self.enter(Phase::Draining);
        }
        self.shift_then(self.pass.wanted_only_to(), Phase::Draining)
    }

    /// Requests that are under way on the old side, and clients that cookies tie to it, are given their time.
    fn draining(&mut self) -> Flow {
        if let Some(flow) = self.others_wrote() {
            return flow;
        }
        let delay = |g: &super::TargetGroupFacts| g.seconds("deregistration_delay.timeout_seconds", 300);
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
    fn rolling_back(&mut self) -> Flow {
        let wanted = if self.pass.by_ratio() {
            ratio::before(self.pass, &self.state.undo)
        } else {
            Some(self.pass.wanted_back(&self.state))
        };
        // A Cloud Map service that is gone is for a person to look at.
        self.shift_then(wanted.or_else(|| Some(Vec::new())), Phase::RolledBack)
    }

    /// As soon as the rules are again what was written, the migration goes on; otherwise a person decides.
    fn conflicted(&mut self) -> Flow {
        if shift::is_as_applied(self.pass, &self.state) && recorded::changed(self.pass, &self.state).is_none() {
            let phase = self.state.conflict.take().map_or(Phase::Baking, |c| c.phase);
            return self.enter(phase);
        }
        let message = self.state.conflict.as_ref().map(|c| c.message.clone()).unwrap_or_default();
        self.wait(reason::CONFLICTED, message)
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
        let name = self.pass.object.object_name();
        Some(format!("{silent}; without it, it goes on with: landbridge migrate promote {name}"))
    }

    /// The old side keeps what it needs for all of the traffic until it is let go.
    fn old_side_is_short(&self) -> Option<String> {
        let healthy = self.state.from.as_ref().map_or(0, |h| h.healthy);
        let wanted = self.state.capacity.unwrap_or(0);
        (healthy < wanted).then(|| {
            let name = &self.pass.resolved.from.name;
            format!("{name} has {healthy} healthy targets and had {wanted}: it must be able to take everything back")
        })
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
