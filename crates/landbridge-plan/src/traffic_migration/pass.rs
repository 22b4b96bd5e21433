//! What one pass over a migration looks at.

use jiff::{SignedDuration, Timestamp};
use landbridge_api::v1alpha1::{
    CloudMapMode, MigrationPhase, SideHealth, TargetWeight, TrafficMigration, TrafficMigrationStatus, WeightedPoint,
};

use super::settings::Settings;
use super::{
    PointFacts, Side, SideFacts, TrafficMigrationObserved, TrafficMigrationResolved, external_dns, object, ratio,
    records, registry, weights,
};

/// One look at the object, its sides and AWS.
pub(super) struct Pass<'a> {
    pub(super) object: &'a TrafficMigration,
    pub(super) resolved: &'a TrafficMigrationResolved,
    pub(super) observed: &'a TrafficMigrationObserved,
    pub(super) settings: Settings,
    pub(super) now: Timestamp,
}

impl<'a> Pass<'a> {
    pub(super) fn of(
        object: &'a TrafficMigration,
        resolved: &'a TrafficMigrationResolved,
        observed: &'a TrafficMigrationObserved,
    ) -> Self {
        let settings = Settings::of(&object.spec);
        Self { object, resolved, observed, settings, now: observed.at }
    }

    /// The stored status, with what was observed now in it.
    pub(super) fn state(&self) -> TrafficMigrationStatus {
        let mut state = self.object.status.clone().unwrap_or_default();
        if self.old_member().is_some() {
            state.share = (!self.observed.points.is_empty()).then(|| weights::said(self.share_of_to()));
        }
        state.from = self.health(&self.resolved.from, &self.observed.from);
        state.to = self.health(&self.resolved.to, &self.observed.to);
        let groups = state.target_groups.get_or_insert_default();
        groups.from = self.old_group().map(str::to_owned).or(groups.from.take());
        groups.to = self.new_group().map(str::to_owned).or(groups.to.take());
        if self.by_ratio() && state.phase.unwrap_or_default() == MigrationPhase::Preflight {
            state.registered_pods = ratio::as_now(self);
        }
        state.next_action_at = None;
        state
    }

    pub(super) fn old_group(&self) -> Option<&'a str> {
        self.observed.from.group.as_ref().map(|g| g.arn.as_str())
    }

    pub(super) fn new_group(&self) -> Option<&'a str> {
        self.observed.to.group.as_ref().map(|g| g.arn.as_str())
    }

    /// Smallest share of `to` over all rules: what is certain.
    pub(super) fn share_of_to(&self) -> f64 {
        let Some(to) = self.new_member() else { return 0.0 };
        self.observed.points.iter().map(|p| p.share(&to)).fold(1.0, f64::min)
    }

    /// How `from` is named among the weights: by its target group, or by a set identifier.
    pub(super) fn old_member(&self) -> Option<String> {
        self.member(&self.resolved.from, self.old_group())
    }

    /// How `to` is named among the weights.
    pub(super) fn new_member(&self) -> Option<String> {
        self.member(&self.resolved.to, self.new_group())
    }

    fn member(&self, side: &Side, group: Option<&str>) -> Option<String> {
        if self.is_inside() {
            return side.service.as_ref().map(|s| s.name.clone());
        }
        if self.by_target_groups() { group.map(str::to_owned) } else { Some(side.set_identifier()) }
    }

    /// Whether weights are those of target groups.
    pub(super) fn by_target_groups(&self) -> bool {
        self.object.spec.backend.application_load_balancer.is_some()
    }

    /// Whether shares are numbers of instances.
    pub(super) fn by_ratio(&self) -> bool {
        registry::mode(self.object) == Some(CloudMapMode::InstanceRatio)
    }

    /// Health of a side, when it has what tells it.
    pub(super) fn health(&self, side: &Side, facts: &SideFacts) -> Option<SideHealth> {
        match registry::mode(self.object) {
            None if self.is_inside() => facts.endpoints.clone(),
            None => facts.group.as_ref().map(super::TargetGroupFacts::health),
            Some(CloudMapMode::FrontName) => registry::health(side, facts),
            Some(CloudMapMode::InstanceRatio) => ratio::health(self, side, facts),
        }
    }

    /// Whether it is about callers inside the cluster.
    pub(super) fn is_inside(&self) -> bool {
        self.object.spec.backend.http_route.is_some()
    }

    /// Whether another program writes the weights into AWS.
    pub(super) fn is_managed(&self) -> bool {
        self.resolved.manager.is_some()
    }

    /// The Kubernetes objects that tell it.
    pub(super) fn hands(&self) -> &'a [PointFacts] {
        if self.is_managed() { &self.resolved.objects } else { &[] }
    }

    /// A rule, record or object.
    pub(super) fn point(&self, id: &str) -> Option<&'a PointFacts> {
        self.hands().iter().chain(&self.observed.points).find(|p| p.id == id)
    }

    /// Whether it is a rule that the manager writes.
    pub(super) fn is_governed(&self, point: &PointFacts) -> bool {
        self.is_managed() && point.object.is_none()
    }

    /// What every rule is when `to` gets `percent`; none while a side is not there.
    pub(super) fn wanted(&self, percent: f64) -> Option<Vec<WeightedPoint>> {
        if self.by_ratio() {
            return ratio::wanted(self, percent);
        }
        let (from, to) = (self.old_member()?, self.new_member()?);
        let largest = self.largest_weight();
        let mut wanted = self.wanted_of_hands(percent);
        wanted.extend(self.each(&weights::split(&from, &to, percent, largest))?);
        Some(wanted)
    }

    fn largest_weight(&self) -> i32 {
        if self.by_target_groups() || self.is_inside() { weights::OF_GROUP } else { weights::OF_RECORD }
    }

    /// What the objects that tell the manager are when `to` gets `percent`.
    pub(super) fn wanted_of_hands(&self, percent: f64) -> Vec<WeightedPoint> {
        let (old, new) = weights::pair(percent, self.largest_weight());
        if external_dns::governs(self.object) {
            return external_dns::wanted(self, old, new);
        }
        self.hands().iter().filter_map(|hand| self.reweighted(hand, None, old, new)).collect()
    }

    /// What an object is with these weights: as it is, or as it was.
    fn reweighted(
        &self,
        point: &PointFacts,
        before: Option<&[serde_json::Value]>,
        old: i32,
        new: i32,
    ) -> Option<WeightedPoint> {
        let facts = point.object.as_ref()?;
        let sides = [(&self.resolved.from, old), (&self.resolved.to, new)];
        let records = object::reweighted(&facts.whole, before.unwrap_or(&facts.parts), sides);
        Some(WeightedPoint { id: point.id.clone(), weights: object::weights_of(&facts.whole, &records), records })
    }

    /// What every rule is when only `to` is left in it. Objects in Kubernetes are their owners', so that the old side stays
    /// there with weight 0.
    pub(super) fn wanted_only_to(&self) -> Option<Vec<WeightedPoint>> {
        if self.by_ratio() {
            return ratio::wanted(self, 100.0);
        }
        if self.is_managed() || self.is_inside() {
            return self.wanted(100.0);
        }
        self.each(&[weights::weight(&self.new_member()?, 100)])
    }

    /// What every rule is when everything is back. The target group that a manager made stays in its rules with weight 0: the
    /// manager would delete it at once otherwise, with the requests that are under way.
    pub(super) fn wanted_back(&self, state: &TrafficMigrationStatus) -> Vec<WeightedPoint> {
        if external_dns::governs(self.object) {
            return state.undo.clone();
        }
        let new = self.new_member().filter(|_| self.is_managed());
        let has = |weights: &[TargetWeight]| new.as_ref().is_some_and(|n| weights.iter().any(|w| w.target == *n));
        let joined = self.observed.points.iter().any(|p| has(&p.weights));
        let of = |before: &WeightedPoint| {
            let mut back = before.clone();
            match self.point(&before.id) {
                Some(hand) if hand.object.is_some() && joined => {
                    let old = self.old_weight(hand, &before.records);
                    return self.reweighted(hand, Some(&before.records), old, 0).unwrap_or(back);
                }
                Some(rule) if rule.object.is_none() && has(&rule.weights) && !has(&before.weights) => {
                    back.weights.extend(new.as_deref().map(|n| weights::weight(n, 0)));
                }
                _ => {}
            }
            back
        };
        state.undo.iter().map(of).collect()
    }

    /// The weight that `from` has in the parts of an object.
    fn old_weight(&self, hand: &PointFacts, parts: &[serde_json::Value]) -> i32 {
        let Some(facts) = &hand.object else { return 0 };
        let facts = super::ObjectFacts { whole: facts.whole.clone(), parts: parts.to_vec() };
        let all = object::weights_of_parts(&facts);
        let of_from = all.iter().flatten().find(|(entry, _)| object::is(&self.resolved.from, entry));
        of_from.map_or(100, |(_, weight)| *weight)
    }

    fn each(&self, weights: &[TargetWeight]) -> Option<Vec<WeightedPoint>> {
        let of = |p: &PointFacts| {
            if p.object.is_some() {
                let weight = |side: usize| weights.get(side).map_or(0, |w| w.weight);
                return self.reweighted(p, None, weight(0), weight(1));
            }
            let records = match &p.record {
                Some(record) if record.governed => Vec::new(),
                Some(record) => records::wanted(self, record, weights)?,
                None => Vec::new(),
            };
            Some(WeightedPoint { id: p.id.clone(), weights: weights.to_vec(), records })
        };
        self.observed.points.iter().map(of).collect()
    }

    /// The rules as they are.
    pub(super) fn found(&self) -> Vec<WeightedPoint> {
        self.hands().iter().chain(&self.observed.points).map(PointFacts::point).collect()
    }

    /// The moment `seconds` from the stored instant; now when none is stored or it cannot be read.
    pub(super) fn after(&self, since: Option<&str>, seconds: i64) -> Timestamp {
        let since = since.and_then(|t| t.parse::<Timestamp>().ok()).unwrap_or(self.now);
        since.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
    }

    /// How long new weights take to be in force everywhere, in seconds: 30 on a load balancer, which says nothing of it, and
    /// twice the time to live in DNS.
    pub(super) fn propagation(&self) -> i64 {
        self.settings.propagation.or(self.resolvers_keep()).unwrap_or(30)
    }

    /// How long resolvers may keep what they know, in seconds, where the migration goes by names.
    fn resolvers_keep(&self) -> Option<i64> {
        let names = self.observed.points.iter().filter_map(|p| p.record.as_ref()).map(super::RecordFacts::ttl);
        let sides = [&self.observed.from, &self.observed.to];
        let registries = sides.into_iter().filter_map(|s| s.registry.as_ref()).map(super::RegistryFacts::ttl);
        // Nobody says when what another program wrote is on all servers of Route 53; it takes about a minute.
        let unsaid = if external_dns::governs(self.object) { 60 } else { 0 };
        names.chain(registries).max().map(|ttl| ttl * 2 + unsaid)
    }

    /// How long after the end somebody may still follow an old answer, in seconds.
    pub(super) fn names_linger(&self) -> i64 {
        if self.by_target_groups() { 0 } else { self.propagation() }
    }

    /// Why the side is below its floor: too few healthy targets in all, or in a zone.
    pub(super) fn below_floor(&self, side: &Side, facts: &SideFacts) -> Option<String> {
        let name = &side.name;
        let Some(health) = self.health(side, facts) else {
            let what = match () {
                () if self.by_target_groups() => "target group",
                () if self.is_inside() => "Service",
                () => "Cloud Map service",
            };
            return Some(format!("{name} has no {what} yet"));
        };
        let wanted = self.settings.min_healthy;
        if health.healthy < wanted {
            let SideHealth { healthy, registered, .. } = health;
            return Some(format!("{name} has {healthy} healthy of {registered} targets, and needs {wanted}"));
        }
        let wanted = self.settings.min_healthy_per_zone;
        let short = health.zones.iter().find(|(_, healthy)| **healthy < wanted);
        short.map(|(zone, healthy)| format!("{name} has {healthy} healthy targets in {zone}, and needs {wanted} there"))
    }

    /// Why `to` may not get more traffic than it has.
    pub(super) fn not_ready(&self) -> Option<String> {
        let (side, facts) = (&self.resolved.to, &self.observed.to);
        if let Some(why) = self.below_floor(side, facts) {
            return Some(why);
        }
        let health = self.health(side, facts).unwrap_or_default();
        let percent = self.settings.healthy_percent;
        (i64::from(health.healthy) * 100 < i64::from(health.registered) * i64::from(percent)).then(|| {
            let SideHealth { healthy, registered, .. } = health;
            format!("{} has {healthy} healthy of {registered} targets, and {percent} % of them must be", side.name)
        })
    }

    /// Whether a rule gives the new side any traffic now.
    pub(super) fn has_traffic(&self) -> bool {
        self.new_member().is_some_and(|to| self.observed.points.iter().any(|point| point.share(&to) > 0.0))
    }

    /// The deployment of an ECS service that is under way.
    pub(super) fn deploying(&self) -> Option<String> {
        let sides = [(&self.resolved.from, &self.observed.from), (&self.resolved.to, &self.observed.to)];
        sides.into_iter().find_map(|(side, facts)| {
            let service = facts.service.as_ref()?;
            let rolls = |state: Option<&str>| state == Some("IN_PROGRESS");
            let moving =
                service.deployments.len() > 1 || service.deployments.iter().any(|d| rolls(d.rollout_state.as_deref()));
            moving.then(|| format!("{} has a deployment in progress", side.name))
        })
    }
}
