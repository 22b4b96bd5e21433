//! What one pass over a migration looks at.

use jiff::{SignedDuration, Timestamp};
use landbridge_api::v1alpha1::{SideHealth, TargetWeight, TrafficMigration, TrafficMigrationStatus, WeightedPoint};

use super::settings::Settings;
use super::{PointFacts, Side, SideFacts, TrafficMigrationObserved, TrafficMigrationResolved, records, weights};

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
        if let Some(from) = self.old_group() {
            let share = self.share_of_to();
            state.share = (!self.observed.points.is_empty() && !from.is_empty()).then(|| weights::said(share));
        }
        state.from = health(&self.observed.from);
        state.to = health(&self.observed.to);
        let groups = state.target_groups.get_or_insert_default();
        groups.from = self.old_group().map(str::to_owned).or(groups.from.take());
        groups.to = self.new_group().map(str::to_owned).or(groups.to.take());
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
        if self.object.spec.backend.route53.is_some() {
            return Some(side.set_identifier());
        }
        group.map(str::to_owned)
    }

    /// What every rule is when `to` gets `percent`; none while a side is not there.
    pub(super) fn wanted(&self, percent: f64) -> Option<Vec<WeightedPoint>> {
        let (from, to) = (self.old_member()?, self.new_member()?);
        let largest = if self.object.spec.backend.route53.is_some() { weights::OF_RECORD } else { weights::OF_GROUP };
        self.each(&weights::split(&from, &to, percent, largest))
    }

    /// What every rule is when only `to` is left in it.
    pub(super) fn wanted_only_to(&self) -> Option<Vec<WeightedPoint>> {
        self.each(&[weights::weight(&self.new_member()?, 100)])
    }

    fn each(&self, weights: &[TargetWeight]) -> Option<Vec<WeightedPoint>> {
        let of = |p: &PointFacts| {
            let records = match &p.record {
                Some(record) => records::wanted(self, record, weights)?,
                None => Vec::new(),
            };
            Some(WeightedPoint { id: p.id.clone(), weights: weights.to_vec(), records })
        };
        self.observed.points.iter().map(of).collect()
    }

    /// The rules as they are.
    pub(super) fn found(&self) -> Vec<WeightedPoint> {
        self.observed.points.iter().map(PointFacts::point).collect()
    }

    /// The moment `seconds` from the stored instant; now when none is stored or it cannot be read.
    pub(super) fn after(&self, since: Option<&str>, seconds: i64) -> Timestamp {
        let since = since.and_then(|t| t.parse::<Timestamp>().ok()).unwrap_or(self.now);
        since.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
    }

    /// How long new weights take to be in force everywhere, in seconds: 30 on a load balancer, which says nothing of it, and
    /// twice the time to live in DNS.
    pub(super) fn propagation(&self) -> i64 {
        let names = self.observed.points.iter().filter_map(|p| p.record.as_ref()).map(|r| r.ttl() * 2).max();
        self.settings.propagation.unwrap_or(names.unwrap_or(30))
    }

    /// Why the side is below its floor: too few healthy targets in all, or in a zone.
    pub(super) fn below_floor(&self, side: &Side, facts: &SideFacts) -> Option<String> {
        let name = &side.name;
        let Some(health) = health(facts) else { return Some(format!("{name} has no target group yet")) };
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
        let health = health(facts).unwrap_or_default();
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

/// Health of a side, when it has a target group.
pub(super) fn health(facts: &SideFacts) -> Option<SideHealth> {
    facts.group.as_ref().map(super::TargetGroupFacts::health)
}
