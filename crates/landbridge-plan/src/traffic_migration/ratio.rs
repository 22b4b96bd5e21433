//! Shares by numbers of instances: ECS registers its tasks by itself, and how many pods are registered beside them makes the
//! share. Nothing is written to AWS from here: the number goes into the status, and the CloudMapExport follows it.

use landbridge_api::v1alpha1::{
    CloudMapExport, CloudMapMode, MigrationIntent, MigrationPhase as Phase, MigrationSide, SideHealth,
    TrafficMigration, TrafficMigrationStatus, WeightedPoint,
};
use serde::Serialize;

use super::pass::Pass;
use super::shift::Shift;
use super::{
    CloudMapPlace, PointFacts, RegistryFacts, SharedFacts, Side, SideFacts, SideKind, TrafficMigrationResolved,
};
use super::{Pod, registry, weights};
use crate::adoption::some_of;
use crate::kind::Kind;
use crate::objects::Objects;

/// How far a share that can be made may be from the one that is asked for, in percent.
const NEAR: f64 = 0.5;
/// Shares that a refusal names at most.
const MOST_SAID: usize = 12;

/// How many endpoints an export registers while a migration governs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Most {
    /// No more than are registered: the migration has not begun.
    AsNow,
    /// So many.
    Count(usize),
}

/// What the migrations of the namespace say of an export; none when it registers everything that is ready. The one that is
/// under way counts, then one that has not begun, then the one that ended last.
pub(crate) fn governing(export: &CloudMapExport, objects: &dyn Objects) -> Option<Most> {
    let all = objects.traffic_migrations(export.object_namespace());
    let said = all.iter().filter_map(|m| Some((rank(m), word(m, export)?)));
    said.max_by(|(a, _), (b, _)| a.cmp(b)).and_then(|(_, most)| most)
}

/// Whether another migration than this one has a word on the export.
pub(super) fn has_other(this: &TrafficMigration, export: &CloudMapExport, objects: &dyn Objects) -> bool {
    let all = objects.traffic_migrations(export.object_namespace());
    all.iter().any(|m| m.metadata.name != this.metadata.name && !m.is_deleting() && word(m, export).is_some())
}

fn rank(migration: &TrafficMigration) -> (u8, String) {
    let status = migration.status.as_ref();
    let order = match status.and_then(|s| s.phase).unwrap_or_default() {
        Phase::Completed | Phase::RolledBack => 0,
        Phase::Preflight => 1,
        _ => 2,
    };
    (order, status.and_then(|s| s.phase_since.clone()).unwrap_or_default())
}

/// What a migration says of the export; none when it says nothing.
#[expect(clippy::option_option, reason = "that all are to be registered is a word, too")]
fn word(migration: &TrafficMigration, export: &CloudMapExport) -> Option<Option<Most>> {
    if registry::mode(migration) != Some(CloudMapMode::InstanceRatio) {
        return None;
    }
    let names = |side: &MigrationSide| {
        let service = side.kubernetes_service.as_ref().is_some_and(|k| k.name == export.spec.service_ref.name);
        service && side.cloud_map_export_ref.as_ref().is_none_or(|r| r.name == export.object_name())
    };
    let (from, to) = (names(&migration.spec.from), names(&migration.spec.to));
    let status = migration.status.as_ref();
    match status.and_then(|s| s.phase).unwrap_or_default() {
        Phase::Preflight => to.then_some(Some(Most::AsNow)),
        _ if !from && !to => None,
        _ => {
            let pods = status.and_then(|s| s.registered_pods);
            Some(pods.map(|n| Most::Count(usize::try_from(n).unwrap_or(0))))
        }
    }
}

/// The Cloud Map service that both sides share, as the place where shares are made.
pub fn shared_point(resolved: &TrafficMigrationResolved, facts: &RegistryFacts) -> PointFacts {
    let sides = [&resolved.from, &resolved.to];
    let healthy = |side: &Side| i32::try_from(facts.of(side).filter(|i| i.healthy).count()).unwrap_or(i32::MAX);
    let of_neither = |id: &&super::InstanceFacts| !sides.iter().any(|side| registry::is_of(id, side));
    PointFacts {
        id: facts.service.arn.clone(),
        weights: sides.map(|side| weights::weight(&side.set_identifier(), healthy(side))).to_vec(),
        tags: facts.service.tags.clone(),
        shared: Some(SharedFacts {
            name: facts.service.name.clone(),
            strangers: facts.instances.iter().filter(of_neither).map(|i| i.id.clone()).collect(),
        }),
        ..PointFacts::default()
    }
}

/// Both sides by what they are.
struct Parts<'a> {
    tasks: (&'a Side, &'a SideFacts),
    pods: (&'a Side, &'a [Pod]),
    registry: &'a RegistryFacts,
    to_pods: bool,
}

impl<'a> Parts<'a> {
    fn of(pass: &Pass<'a>) -> Option<Self> {
        let (from, to) = (&pass.resolved.from, &pass.resolved.to);
        let facts = (&pass.observed.from, &pass.observed.to);
        let registry = facts.0.registry.as_ref().or(facts.1.registry.as_ref())?;
        match (&from.kind, &to.kind) {
            (SideKind::Ecs { .. }, SideKind::Kubernetes { pods, .. }) => {
                Some(Self { tasks: (from, facts.0), pods: (to, pods), registry, to_pods: true })
            }
            (SideKind::Kubernetes { pods, .. }, SideKind::Ecs { .. }) => {
                Some(Self { tasks: (to, facts.1), pods: (from, pods), registry, to_pods: false })
            }
            _ => None,
        }
    }

    /// Instances of the ECS service.
    fn tasks(&self) -> usize {
        self.registry.of(self.tasks.0).count()
    }

    /// Instances of the export.
    fn registered(&self) -> usize {
        self.registry.of(self.pods.0).count()
    }

    /// Pods that could be registered.
    fn ready(&self) -> usize {
        self.pods.1.iter().filter(|p| p.ready && !p.terminating).count()
    }

    /// The share of `to` in percent when so many pods are registered.
    fn share(&self, pods: usize) -> f64 {
        let (tasks, pods) = (self.tasks() as f64, pods as f64);
        let own = if self.to_pods { pods } else { tasks };
        if tasks + pods > 0.0 { own * 100.0 / (tasks + pods) } else { 0.0 }
    }

    /// How many pods come nearest to that share, and never none or all of what is to be shared.
    fn nearest(&self, percent: f64) -> usize {
        let distance = |pods: &usize| (self.share(*pods) - percent).abs();
        (1..=self.ready()).min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap_or(0)
    }
}

/// Health of the Kubernetes side: its ready pods, whether they are registered or not, for their number is what it can take.
/// That of the ECS side: its instances.
pub(super) fn health(pass: &Pass<'_>, side: &Side, facts: &SideFacts) -> Option<SideHealth> {
    let SideKind::Kubernetes { pods, .. } = &side.kind else { return registry::health(side, facts) };
    let registry = facts.registry.as_ref().or(pass.observed.from.registry.as_ref())?;
    let is_in = |p: &&Pod| p.ready || registry.of(side).any(|i| i.address == p.address);
    let staying = pods.iter().filter(|p| !p.terminating).filter(is_in);
    Some(registry::count(staying.map(|p| (p.ready, p.zone.as_deref()))))
}

/// What the Cloud Map service is to hold when `to` gets `percent`. Without a number of tasks every ready pod is meant, and
/// those that come later.
pub(super) fn wanted(pass: &Pass<'_>, percent: f64) -> Option<Vec<WeightedPoint>> {
    let (parts, point) = (Parts::of(pass)?, pass.observed.points.first()?);
    let (none, all) = (percent <= 0.0, percent >= 100.0);
    let pods = match (parts.to_pods, none, all) {
        (true, _, true) | (false, true, _) => return Some(everything(&parts, point)),
        (true, true, _) | (false, _, true) => 0,
        _ => parts.nearest(percent),
    };
    Some(vec![held(&parts, point, pods)])
}

/// What it is to hold when everything goes back.
pub(super) fn before(pass: &Pass<'_>, undo: &[WeightedPoint]) -> Option<Vec<WeightedPoint>> {
    let (parts, point) = (Parts::of(pass)?, pass.observed.points.first()?);
    if !parts.to_pods {
        return Some(everything(&parts, point));
    }
    let member = parts.pods.0.set_identifier();
    let weight = undo.iter().flat_map(|p| &p.weights).find(|w| w.target == member).map_or(0, |w| w.weight);
    Some(vec![held(&parts, point, usize::try_from(weight).unwrap_or(0))])
}

fn everything(parts: &Parts<'_>, point: &PointFacts) -> Vec<WeightedPoint> {
    let weights = vec![weights::weight(&parts.pods.0.set_identifier(), number(parts.ready()))];
    vec![WeightedPoint { id: point.id.clone(), weights, records: Vec::new() }]
}

fn held(parts: &Parts<'_>, point: &PointFacts, pods: usize) -> WeightedPoint {
    let tasks = weights::weight(&parts.tasks.0.set_identifier(), number(parts.tasks()));
    let weights = vec![tasks, weights::weight(&parts.pods.0.set_identifier(), number(pods))];
    WeightedPoint { id: point.id.clone(), weights, records: Vec::new() }
}

fn number(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

/// Says in the status how many pods are to be registered, and waits until they are.
pub(super) fn shift(pass: &Pass<'_>, state: &mut TrafficMigrationStatus, wanted: Vec<WeightedPoint>) -> Shift {
    if let Some(conflict) = conflict(pass) {
        return Shift::Conflict(conflict);
    }
    let (Some(parts), Some(to)) = (Parts::of(pass), wanted.first()) else {
        return Shift::Conflict("the Cloud Map service is gone: put it back, or abort".to_owned());
    };
    let limit = pods_of(&parts, to);
    let target = limit.unwrap_or(usize::MAX).min(parts.ready());
    if let Some(why) = dead(&parts, pass, limit, target) {
        return Shift::Held(why);
    }
    state.registered_pods = limit.map(number);
    let registered = parts.registered();
    if registered == target {
        state.applied = wanted;
        return Shift::Done;
    }
    let (before, decided_at) = (pass.found(), pass.now.to_string());
    if state.intent.as_ref().is_none_or(|i| i.after != wanted) {
        state.intent = Some(MigrationIntent { before, after: wanted, decided_at });
    }
    let export = parts.pods.0.cloud_map.as_ref().and_then(|p| p.export.as_ref()).map_or("", |e| e.name.as_str());
    Shift::Waits(format!("{registered} pods are registered, and CloudMapExport {export} is to bring that to {target}"))
}

/// How many pods are meant; none for all of them.
fn pods_of(parts: &Parts<'_>, point: &WeightedPoint) -> Option<usize> {
    let tasks = parts.tasks.0.set_identifier();
    let is_limited = point.weights.iter().any(|w| w.target == tasks);
    let member = parts.pods.0.set_identifier();
    let weight = point.weights.iter().find(|w| w.target == member).map_or(0, |w| w.weight);
    is_limited.then(|| usize::try_from(weight).unwrap_or(0))
}

/// Why a side would get traffic that it cannot take.
fn dead(parts: &Parts<'_>, pass: &Pass<'_>, limit: Option<usize>, target: usize) -> Option<String> {
    let healthy = registry::health(parts.tasks.0, parts.tasks.1).map_or(0, |h| h.healthy);
    let pods_are_ready = parts.ready() > 0;
    let name = |side: &Side| side.name.clone();
    if limit != Some(0) && !pods_are_ready && healthy > 0 && !pass.object.is_deleting() {
        return Some(format!("{} has no ready pod, so none is registered", name(parts.pods.0)));
    }
    let shrinks = target < parts.registered();
    (shrinks && healthy == 0 && pods_are_ready)
        .then(|| format!("{} has no healthy instance, so it gets no more than it has", name(parts.tasks.0)))
}

/// Somebody else's hand in the Cloud Map service.
pub(super) fn conflict(pass: &Pass<'_>) -> Option<String> {
    let Some(point) = pass.observed.points.first() else {
        return Some("the Cloud Map service of both sides is gone: put it back, or abort".to_owned());
    };
    let shared = point.shared.as_ref().filter(|s| !s.strangers.is_empty())?;
    Some(format!(
        "Cloud Map service {} has instances of neither side ({}), which take a share that nobody counts: somebody else \
         registered them. Take them out, or `landbridge migrate abort`",
        shared.name,
        some_of(&shared.strangers)
    ))
}

/// Before the migration begins an export that it governs registers nothing more, and that stays so if it never does.
pub(super) fn as_now(pass: &Pass<'_>) -> Option<i32> {
    Parts::of(pass).filter(|p| p.to_pods).map(|p| number(p.registered()))
}

/// Why an object that is deleted must stay: without it the export would register every pod at once.
pub(super) fn holds_back(pass: &Pass<'_>, state: &TrafficMigrationStatus) -> Option<String> {
    let limit = state.registered_pods?;
    let sides = [&pass.resolved.from, &pass.resolved.to];
    let place = sides.into_iter().find_map(|s| s.cloud_map.as_ref()?.export.as_ref())?;
    (!place.is_going && !place.has_other).then(|| {
        format!(
            "CloudMapExport {} registers {limit} pods because this object says so, and without it would register all of them: \
             delete the export first, or make the next TrafficMigration",
            place.name
        )
    })
}

/// How many instances the old side still has when only its going makes the last step.
pub(super) fn still_there(pass: &Pass<'_>) -> Option<usize> {
    let parts = Parts::of(pass).filter(|p| p.to_pods)?;
    Some(parts.tasks()).filter(|n| *n > 0)
}

/// What must be right before the first write.
pub(super) fn refuse(pass: &Pass<'_>, places: [&CloudMapPlace; 2], found: &mut Vec<String>) {
    let [from, to] = places;
    if !from.is_same(to) {
        return found.push(format!(
            "{} is registered in {} and {} in {}: in the mode InstanceRatio both are registered in one Cloud Map service (give \
             the CloudMapExport that namespaceRef and name, and shared: true), or use the mode FrontName",
            pass.resolved.from.name,
            from.dns_name(),
            pass.resolved.to.name,
            to.dns_name()
        ));
    }
    let Some(parts) = Parts::of(pass) else {
        if pass.observed.from.registry.is_some() {
            found.push(
                "in the mode InstanceRatio one side is an ECSService and the other a Kubernetes Service".to_owned(),
            );
        }
        return;
    };
    found.extend(conflict(pass));
    if parts.tasks() == 0 {
        found.push(format!(
            "{} has no task registered in {}: nothing to share with",
            parts.tasks.0.name,
            from.dns_name()
        ));
    }
    if parts.to_pods && parts.registered() > 0 {
        found.push(format!(
            "{} pods of {} are registered in {} already and have traffic: delete the CloudMapExport, leave this object, and \
             create the export again; it then registers pods as the migration goes",
            parts.registered(),
            parts.pods.0.name,
            from.dns_name()
        ));
    }
    if parts.tasks() > 0 {
        steps(pass, &parts, found);
    }
}

/// Steps whose share the numbers cannot make.
fn steps(pass: &Pass<'_>, parts: &Parts<'_>, found: &mut Vec<String>) {
    let shares: Vec<f64> = (1..=parts.ready()).map(|pods| parts.share(pods)).collect();
    let cannot = |percent: f64| percent < 100.0 && !shares.iter().any(|s| (s - percent).abs() <= NEAR);
    let wrong: Vec<String> =
        pass.settings.steps.iter().filter(|s| cannot(s.percent)).map(|s| s.percent.to_string()).collect();
    if wrong.is_empty() {
        return;
    }
    let mut said: Vec<String> = shares.iter().map(|s| format!("{s:.1}").trim_end_matches(".0").to_owned()).collect();
    if !parts.to_pods {
        said.reverse();
    }
    let more = if said.len() > MOST_SAID { ", …" } else { "" };
    said.truncate(MOST_SAID);
    found.push(format!(
        "the steps {} % cannot be made: with {} tasks and {} ready pods the shares are {}{more} and 100 %. Set spec.steps to \
         some of them, run more pods, or use the mode FrontName",
        wrong.join(", "),
        parts.tasks(),
        parts.ready(),
        said.join(", ")
    ));
}
