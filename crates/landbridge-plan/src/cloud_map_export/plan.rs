//! What an export needs: its Cloud Map service, and an instance for each ready endpoint.

use std::time::Duration;

use landbridge_api::condition::reason;
use landbridge_api::v1alpha1::CloudMapExport;

use super::instances::{Wanted, wanted_dns};
use super::{CloudMapExportObserved, CloudMapExportResolved, Exported, Source, attributes};
use crate::adoption::{self, Claim};
use crate::change::{Change, Tagged, Tags};
use crate::cloud_map_service::{CloudMapService, name_fault, records_faults, seen_dns, types_of};
use crate::ecs_service::DiscoveryFacts;
use crate::kind::Kind;
use crate::owner::{Owner, Ownership};
use crate::plan::{Cause, Difference, Plan};
use crate::{tags, token};

const STEP: &str = "service";
const ADOPT: &str = "adopt";
const PATH: &str = "cloudMapService";
/// How soon it is looked at whether registrations have ended; with DNS records they take a few seconds.
const LOOK_AFTER: Duration = Duration::from_secs(2);
/// The same with more than a page of instances, which costs several calls.
const LOOK_AFTER_MANY: Duration = Duration::from_secs(5);
/// The tag of services that ECS makes for Service Connect («Amazon ECS Service Connect components»).
const MANAGED_BY_ECS: &str = "AmazonECSManaged";

/// What a pass looks at.
struct Pass<'a> {
    object: &'a CloudMapExport,
    resolved: &'a CloudMapExportResolved,
    observed: &'a CloudMapExportObserved,
    owner: Owner,
    cause: Cause,
}

pub(super) fn plan(
    object: &CloudMapExport,
    resolved: &CloudMapExportResolved,
    observed: &CloudMapExportObserved,
) -> Plan {
    let owner = Owner::new(object.identity(), &resolved.account);
    let cause = adoption::cause(object.is_applied(resolved));
    let pass = Pass { object, resolved, observed, owner, cause };
    let mut plan = Plan::of(object.identity());
    pass.refuse_invalid(&mut plan);
    if !plan.blocked.is_empty() {
        return plan;
    }
    match &resolved.source {
        Source::Found(exported) => pass.export(&mut plan, exported),
        // Where the Service leads nowhere, callers must not be led there.
        Source::Missing(_) | Source::Unusable(_) => pass.instances(&mut plan, &Wanted::default(), false),
    }
    plan
}

impl Pass<'_> {
    fn refuse_invalid(&self, plan: &mut Plan) {
        let (spec, target) = (&self.object.spec, &self.resolved.target);
        let mut found: Vec<String> = Vec::new();
        let path =
            if spec.name.is_some() { "spec.name" } else { "spec.serviceRef.name, which is the name in Cloud Map," };
        found.extend(name_fault(path, &target.name, target.namespace_type));
        if let Some(dns) = &spec.dns_config {
            found.extend(records_faults("spec", dns, target.namespace_type));
        }
        if let Err(why) = tags::validate(&self.wanted_tags()) {
            found.push(format!("spec.tags: {why}"));
        }
        for message in found {
            plan.block(reason::INVALID_SPEC, message);
        }
    }

    fn wanted_tags(&self) -> Tags {
        tags::wanted(&self.resolved.account, &self.object.spec.tags, &self.owner)
    }

    fn wanted_service(&self, exported: &Exported) -> CloudMapService {
        let (object, target) = (self.object, &self.resolved.target);
        let before = object.stored().and_then(|s| s.service_id.clone());
        let dns_config = match (&object.spec.dns_config, &self.observed.service) {
            // A default follows what it once was, not the endpoints of today.
            (None, Some(facts)) => seen_dns(facts),
            _ => wanted_dns(object, self.resolved, exported),
        };
        CloudMapService {
            namespace_id: target.namespace_id.clone(),
            namespace_type: target.namespace_type,
            name: target.name.clone(),
            description: object.spec.description.clone().unwrap_or_default(),
            dns_config,
            tags: self.wanted_tags(),
            request: vec![
                object.metadata.uid.clone().unwrap_or_default(),
                object.identity(),
                target.namespace_id.clone(),
                target.name.clone(),
                before.unwrap_or_default(),
            ],
        }
    }

    fn export(&self, plan: &mut Plan, exported: &Exported) {
        let service = self.wanted_service(exported);
        match &self.observed.service {
            None => {
                let missing = Difference::new(PATH, None, Some(service.name.as_str().into()));
                let change = Change::CreateDiscoveryService { name: service.name.clone(), body: service.create() };
                self.correct(plan, STEP, change, vec![missing]);
            }
            Some(facts) => self.service(plan, facts, service),
        }
        if plan.blocked.is_empty() {
            let wanted = Wanted::of(self.object, self.resolved, self.observed, exported);
            self.instances(plan, &wanted, true);
        }
    }

    fn correct(&self, plan: &mut Plan, id: &str, change: Change, differences: Vec<Difference>) {
        if self.cause == Cause::Drift {
            plan.drift.extend(differences.iter().cloned());
        }
        plan.update(id, self.cause, &[ADOPT], change, differences);
    }

    /// The Cloud Map service that is there: put right when it is ours, and left as it is when it is shared.
    fn service(&self, plan: &mut Plan, facts: &DiscoveryFacts, mut wanted: CloudMapService) {
        let what = format!("Cloud Map service {}", wanted.name);
        if facts.tags.contains_key(MANAGED_BY_ECS) {
            let message = format!(
                "{what} was made by Amazon ECS for Service Connect, which takes no other instances: set another spec.name"
            );
            return plan.block(reason::NAME_TAKEN, message);
        }
        if types_of(seen_dns(facts).as_ref()).iter().any(|t| t == "CNAME") {
            let message = format!("{what} has CNAME records, and pods have addresses: set another spec.name");
            return plan.block(reason::NAME_TAKEN, message);
        }
        let differences = wanted.differences(PATH, facts);
        match adoption::claim(&self.owner, &self.object.spec.knobs, &what, &facts.tags, &differences) {
            Claim::Refused(_) if self.object.spec.shared == Some(true) => return,
            Claim::Refused(blocked) => {
                let beside = "or set spec.shared: true to register the pods beside the instances of others";
                return plan.block(&blocked.reason, format!("{}, {beside}", blocked.message));
            }
            Claim::Adopt => {
                plan.step(ADOPT, Cause::Adoption, &[], tag(facts, self.owner.tags(), Vec::new()));
                wanted.tags.retain(|k, _| tags::is_users(k));
            }
            Claim::Ours => {}
        }
        if let Some(blocked) = wanted.immutable(facts, "make another CloudMapExport under another spec.name") {
            return plan.blocked.push(blocked);
        }
        if !differences.is_empty() {
            let (id, name) = (facts.id.clone(), wanted.name.clone());
            self.correct(
                plan,
                "update",
                Change::UpdateDiscoveryService { id, name, body: wanted.update() },
                differences,
            );
        }
        if let Some(change) = tags::change(&facts.tags, &wanted.tags) {
            let differences = tags::differences("tags", &facts.tags, &wanted.tags);
            self.correct(plan, "tags", tag(facts, change.set, change.remove), differences);
        }
    }

    /// Registers what is wanted and takes out what is ours and is not. One change of an instance is under way at a time.
    fn instances(&self, plan: &mut Plan, wanted: &Wanted, exists: bool) {
        let known = self.observed.service.as_ref().map(|s| s.id.clone());
        let Some(service_id) = known.or_else(|| exists.then(|| token::token(STEP, "id"))) else { return };
        let owner = attributes::owner(self.object, &self.resolved.account);
        for (id, attributes) in &wanted.instances {
            if self.observed.has(id, attributes) || self.observed.under_way.contains_key(id) {
                continue;
            }
            let differences = differences(id, self.observed.instances.get(id), Some(attributes));
            let change = Change::RegisterInstance {
                service_id: service_id.clone(),
                instance_id: id.clone(),
                attributes: attributes.clone(),
            };
            self.step(plan, id, change, differences);
        }
        let is_over = |id: &String| self.observed.owns(id, &owner) && !wanted.instances.contains_key(id);
        for (id, present) in self.observed.instances.iter().filter(|(id, _)| is_over(id)) {
            if !self.observed.under_way.contains_key(id) {
                let change = Change::DeregisterInstance { service_id: service_id.clone(), instance_id: id.clone() };
                self.step(plan, id, change, differences(id, Some(present), None));
            }
        }
        wait_for_operations(plan, self.observed);
    }

    fn step(&self, plan: &mut Plan, id: &str, change: Change, differences: Vec<Difference>) {
        if self.cause == Cause::Drift {
            plan.drift.extend(differences.iter().cloned());
        }
        plan.update(&format!("instance:{id}"), self.cause, &[STEP, ADOPT], change, differences);
    }
}

fn tag(facts: &DiscoveryFacts, set: Tags, remove: Vec<String>) -> Change {
    Change::Tag { api: Tagged::CloudMap, arn: facts.arn.clone(), set, remove }
}

/// The attributes of an instance that differ; of one that is new or goes, only that.
fn differences(id: &str, from: Option<&Tags>, to: Option<&Tags>) -> Vec<Difference> {
    let path = format!("instances[{id}]");
    let (Some(from), Some(to)) = (from, to) else {
        let there = |tags: Option<&Tags>| tags.map(|_| "registered".into());
        return vec![Difference::new(path, there(from), there(to))];
    };
    let keys: std::collections::BTreeSet<&String> = from.keys().chain(to.keys()).collect();
    let value = |tags: &Tags, key: &str| tags.get(key).map(|v| v.as_str().into());
    let differ = keys.into_iter().filter(|k| from.get(*k) != to.get(*k));
    differ.map(|k| Difference::new(format!("{path}.{k}"), value(from, k), value(to, k))).collect()
}

/// Waits for what Cloud Map works on; what failed is said and tried again by itself.
pub(super) fn wait_for_operations(plan: &mut Plan, observed: &CloudMapExportObserved) {
    let failed: Vec<String> =
        observed.under_way.iter().filter_map(|(id, o)| Some(format!("{id}: {}", o.failure.as_ref()?))).collect();
    let look_after = if observed.instances.len() > 100 { LOOK_AFTER_MANY } else { LOOK_AFTER };
    if !failed.is_empty() {
        let message = format!(
            "Cloud Map could not change {} instances, and they are tried again ({})",
            failed.len(),
            adoption::some_of(&failed)
        );
        plan.wait(reason::REFUSED_BY_AWS, message, Duration::from_secs(10));
    } else if !observed.under_way.is_empty() {
        let count = observed.under_way.len();
        plan.wait(reason::PROGRESSING, format!("Cloud Map works on {count} instances"), look_after);
    }
}

/// Whether the export made the Cloud Map service, or took it over.
pub(super) fn made(owner: &Owner, facts: &DiscoveryFacts) -> bool {
    owner.reads(&facts.tags) == Ownership::Ours
}
