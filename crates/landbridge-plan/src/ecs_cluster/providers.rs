//! The capacity providers that an ECSCluster defines: made before the cluster names them, changed in place, and deleted
//! once nothing names them any more.
//!
//! A capacity provider with an Auto Scaling group belongs to the account and is attached to clusters by name. One of Managed
//! Instances belongs to its cluster from the start: it needs the cluster to be there, PutClusterCapacityProviders does not
//! take its name ("Amazon ECS Managed Instances doesn't support this"), and the cluster cannot go before it.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use landbridge_api::common::CommonStatus;
use landbridge_api::condition::{self, reason};
use landbridge_api::ecs::{CapacityProvider, CapacityProviderStrategyItem, ClusterFields};
use landbridge_api::names::annotation;
use landbridge_api::v1alpha1::EcsCluster;
use serde_json::Value;

use super::provider::{self, Compared};
use super::{CapacityProviderFacts, EcsClusterObserved, EcsClusterResolved};
use crate::adoption::{self, Claim};
use crate::change::{Body, Change, Tagged, Tags};
use crate::kind::Kind;
use crate::owner::{Owner, Ownership};
use crate::plan::{Cause, Difference, Plan};
use crate::{policy, tags};

/// ECS makes, changes and removes capacity providers in tens of seconds.
const SETTLING: Duration = Duration::from_secs(5);
/// When a change that ECS gave up is tried again by itself.
const TRY_AGAIN_AFTER: Duration = Duration::from_mins(10);

/// What a plan does about them.
pub(super) struct Providers<'a> {
    pub(super) object: &'a EcsCluster,
    pub(super) resolved: &'a EcsClusterResolved,
    pub(super) observed: &'a EcsClusterObserved,
    pub(super) owner: &'a Owner,
    pub(super) now: Timestamp,
}

impl<'a> Providers<'a> {
    fn definitions(&self) -> &'a [CapacityProvider] {
        &self.object.spec.capacity_provider_definitions
    }

    fn cause(&self) -> Cause {
        adoption::cause(self.object.is_applied(self.resolved))
    }

    fn wanted_tags(&self, definition: &CapacityProvider) -> Tags {
        let mut wanted = tags::wanted(&self.resolved.account, &definition.tags, self.owner);
        wanted.extend(provider::content(definition));
        wanted
    }

    /// Those of this object that are there.
    pub(super) fn ours(&self) -> impl Iterator<Item = &'a CapacityProviderFacts> {
        self.observed.providers.values().filter(|p| self.owner.reads(&p.tags) == Ownership::Ours)
    }

    /// Those of this object that its spec does not define any more.
    fn undefined(&self) -> impl Iterator<Item = &'a CapacityProviderFacts> {
        let kept = policy::retains(&self.object.spec.knobs);
        self.ours().filter(move |p| !kept && self.definitions().iter().all(|d| d.name != p.name))
    }

    /// Refuses what ECS would.
    pub(super) fn refuse_invalid(&self, plan: &mut Plan) {
        let cluster = &self.object.spec.cluster;
        for definition in self.definitions() {
            if let Err(why) = tags::validate(&self.wanted_tags(definition)) {
                let name = &definition.name;
                plan.block(reason::INVALID_SPEC, format!("spec.capacityProviderDefinitions[{name}].tags: {why}"));
            }
        }
        self.refuse_mixed(plan);
        for item in &cluster.default_capacity_provider_strategy {
            let name = &item.capacity_provider;
            if !cluster.capacity_providers.contains(name) && self.definitions().iter().all(|d| d.name != *name) {
                plan.block(
                    reason::INVALID_SPEC,
                    format!(
                        "spec.defaultCapacityProviderStrategy names {name}, which is not in spec.capacityProviders; add it \
                         there, or define it in spec.capacityProviderDefinitions"
                    ),
                );
            }
        }
    }

    /// Refuses a default strategy of two sorts ("A capacity provider strategy cannot contain a mix of capacity providers using
    /// Auto Scaling groups and Fargate providers").
    fn refuse_mixed(&self, plan: &mut Plan) {
        let names = self.object.spec.cluster.default_capacity_provider_strategy.iter().map(|i| &i.capacity_provider);
        let (fargate, others): (Vec<&String>, Vec<&String>) = names.partition(|name| name.starts_with("FARGATE"));
        if let (Some(fargate), Some(other)) = (fargate.first(), others.first()) {
            plan.block(
                reason::INVALID_SPEC,
                format!(
                    "spec.defaultCapacityProviderStrategy names {fargate} and {other}; ECS does not mix Fargate with instances in \
                     one strategy: let services that want the other say so in their own capacityProviderStrategy"
                ),
            );
        }
    }

    /// Makes and changes those of one sort.
    pub(super) fn converge(&self, plan: &mut Plan, managed: bool) {
        for definition in self.definitions().iter().filter(|d| provider::is_managed(d) == managed) {
            match self.observed.providers.get(&definition.name) {
                None => self.create(plan, definition),
                Some(present) => self.change(plan, definition, present),
            }
        }
    }

    fn create(&self, plan: &mut Plan, definition: &CapacityProvider) {
        let name = definition.name.clone();
        if let Some(older) = self.holder(definition) {
            return plan.wait(
                reason::WAITING,
                format!(
                    "an Auto Scaling group takes one capacity provider: {name} is made when {} is gone, which has the group \
                     still",
                    older.name
                ),
                SETTLING,
            );
        }
        let cause = self.cause();
        if cause == Cause::Drift {
            let path = format!("capacityProviderDefinitions[{name}]");
            plan.drift.push(Difference::new(path, None, Some(Value::from(name.as_str()))));
        }
        let body = provider::create(definition, &self.resolved.name, &self.wanted_tags(definition));
        let after: &[&str] = if provider::is_managed(definition) { &["adopt", "cluster"] } else { &["adopt"] };
        plan.step(&step(&name), cause, after, Change::CreateCapacityProvider { name, body });
    }

    /// The one that goes and still has the group of a definition.
    fn holder(&self, definition: &CapacityProvider) -> Option<&'a CapacityProviderFacts> {
        let group = provider::group(&definition.auto_scaling_group_provider.as_ref()?.auto_scaling_group_arn);
        self.undefined().find(|p| provider::group_of(p) == Some(group))
    }

    fn change(&self, plan: &mut Plan, definition: &CapacityProvider, present: &CapacityProviderFacts) {
        let name = &definition.name;
        let what = format!("capacity provider {name}");
        let compared = Compared::new(definition, present);
        let mut wanted = self.wanted_tags(definition);
        let adopt = format!("adopt/{name}");
        let tag = |set: Tags, remove| Change::Tag { api: Tagged::Ecs, arn: present.arn.clone(), set, remove };
        match adoption::claim(self.owner, &self.object.spec.knobs, &what, &present.tags, compared.differences()) {
            Claim::Refused(blocked) => return plan.blocked.push(blocked),
            Claim::Adopt => {
                let ours: Tags = wanted.iter().filter(|(k, _)| !tags::is_users(k)).map(owned).collect();
                plan.step(&adopt, Cause::Adoption, &["adopt"], tag(ours, Vec::new()));
                wanted.retain(|k, _| tags::is_users(k));
            }
            Claim::Ours => {}
        }
        if self.refuses(plan, &compared, present) {
            return;
        }
        if present.is_going() {
            return plan.wait(reason::WAITING, format!("{what} is being deleted; it is made again then"), SETTLING);
        }
        let differs = !compared.differences().is_empty();
        if differs && present.is_moving() {
            return plan.wait(reason::WAITING, format!("ECS is still setting up {what}; then it is changed"), SETTLING);
        }
        let after = ["adopt", &adopt, &step(name)];
        if let Some(body) = compared.update(name, &self.resolved.name) {
            let change = Change::UpdateCapacityProvider { name: name.clone(), body };
            self.correct(plan, &step(name), &after[..2], change, compared.differences().to_vec());
        }
        // After the change: its content tag says what ECS has.
        if let Some(change) = tags::change(&present.tags, &wanted) {
            let path = format!("capacityProviderDefinitions[{name}].tags");
            let differences = tags::differences(&path, &present.tags, &wanted);
            self.correct(plan, &format!("tags/{name}"), &after, tag(change.set, change.remove), differences);
        }
    }

    /// Refuses what cannot be done about one that is there.
    fn refuses(&self, plan: &mut Plan, compared: &Compared, present: &CapacityProviderFacts) -> bool {
        let name = &present.name;
        let before = plan.blocked.len();
        if let Some(field) = compared.immutable() {
            plan.block(
                reason::IMMUTABLE_FIELD,
                format!(
                    "ECS cannot change {field} of capacity provider {name}; define another one, with another name, and take \
                     this one out"
                ),
            );
        } else if let Some(other) = present.cluster.as_ref().filter(|c| **c != self.resolved.name) {
            plan.block(
                reason::NAME_TAKEN,
                format!("capacity provider {name} belongs to ECS cluster {other}; choose another name"),
            );
        } else if let Some(why) = present.failure("CREATE_FAILED") {
            plan.block(
                reason::REFUSED_BY_AWS,
                format!(
                    "ECS could not make capacity provider {name}: {why}; correct what it says, then take the definition out \
                     and put it in again"
                ),
            );
        } else if let Some(why) = present.failure("UPDATE_FAILED")
            && !compared.differences().is_empty()
            && !self.may_try_again()
        {
            plan.block(
                reason::REFUSED_BY_AWS,
                format!(
                    "ECS could not change capacity provider {name}: {why}; it is tried again after ten minutes, when the spec \
                     changes, or with a new value of the annotation {}",
                    annotation::RECONCILE_NOW
                ),
            );
        }
        plan.blocked.len() > before
    }

    /// Whether a change that ECS gave up for this very spec may be tried again.
    fn may_try_again(&self) -> bool {
        let none = CommonStatus::default();
        let stored = self.object.status.as_ref().map_or(&none, |s| &s.common);
        let asked = self.object.metadata.annotations.as_ref().and_then(|a| a.get(annotation::RECONCILE_NOW));
        let edited = stored.observed_generation != Some(self.object.generation());
        let stalled = condition::find(&stored.conditions, condition::STALLED).map(|c| c.last_transition_time.0);
        let waited = |since| self.now.duration_since(since).unsigned_abs() >= TRY_AGAIN_AFTER && self.now > since;
        edited || asked.is_some() && asked != stored.last_handled_reconcile_at.as_ref() || stalled.is_some_and(waited)
    }

    fn correct(&self, plan: &mut Plan, id: &str, after: &[&str], change: Change, differences: Vec<Difference>) {
        let cause = self.cause();
        if cause == Cause::Drift {
            plan.drift.extend(differences.iter().cloned());
        }
        plan.update(id, cause, after, change, differences);
    }

    /// Steps after which the cluster may name what it should.
    pub(super) fn made(&self) -> Vec<String> {
        self.definitions().iter().map(|d| step(&d.name)).collect()
    }

    /// The fields of the cluster with the names of all its own capacity providers.
    pub(super) fn all_fields(&self) -> ClusterFields {
        self.fields_with(&self.definitions().iter().map(|d| d.name.as_str()).collect())
    }

    fn fields_with(&self, usable: &BTreeSet<&str>) -> ClusterFields {
        let mut fields = self.object.spec.cluster.clone();
        let managed = self.managed();
        fields.capacity_providers.retain(|name| !managed.contains(name.as_str()));
        fields.capacity_providers.extend(usable.difference(&managed).map(|name| (*name).to_owned()));
        fields
    }

    /// [`Self::all_fields`] as far as they can be when the steps of the plan are done. Waits for the rest.
    pub(super) fn fields(&self, plan: &mut Plan) -> ClusterFields {
        let usable: BTreeSet<&str> =
            self.definitions().iter().filter(|d| self.is_usable(plan, d)).map(|d| d.name.as_str()).collect();
        let mut fields = self.fields_with(&usable);
        let missing = |item: &&CapacityProviderStrategyItem| {
            let name = &item.capacity_provider;
            self.definitions().iter().any(|d| d.name == *name) && !usable.contains(name.as_str())
        };
        let missing = fields.default_capacity_provider_strategy.iter().find(missing);
        if let Some(item) = missing.map(|item| item.capacity_provider.clone()) {
            plan.wait(
                reason::WAITING,
                format!("spec.defaultCapacityProviderStrategy is set when capacity provider {item} is ACTIVE"),
                SETTLING,
            );
            fields.default_capacity_provider_strategy = self.strategy_until_then(&fields);
        }
        fields
    }

    /// What is left of the strategy that the cluster has.
    fn strategy_until_then(&self, fields: &ClusterFields) -> Vec<CapacityProviderStrategyItem> {
        let managed = self.managed();
        let present = self.observed.cluster.as_ref().and_then(|c| c.fields.get("defaultCapacityProviderStrategy"));
        let present = present.and_then(|s| serde_json::from_value(s.clone()).ok());
        let mut items: Vec<CapacityProviderStrategyItem> = present.unwrap_or_default();
        items.retain(|i| {
            let name = &i.capacity_provider;
            fields.capacity_providers.contains(name)
                || managed.contains(name.as_str()) && self.undefined().all(|p| p.name != *name)
        });
        items
    }

    /// Whether the cluster can name it when the steps of the plan are done.
    fn is_usable(&self, plan: &Plan, definition: &CapacityProvider) -> bool {
        match self.observed.providers.get(&definition.name) {
            Some(present) => present.status == "ACTIVE",
            // Those with an Auto Scaling group are ACTIVE at once.
            None => !provider::is_managed(definition) && plan.has(&step(&definition.name)),
        }
    }

    /// Names of Managed Instances, of whomever they are: they are no part of what the cluster is given.
    pub(super) fn managed(&self) -> BTreeSet<&'a str> {
        let defined = self.definitions().iter().filter(|d| provider::is_managed(d)).map(|d| d.name.as_str());
        let present = self.observed.providers.values().filter(|p| p.is_managed()).map(|p| p.name.as_str());
        defined.chain(present).collect()
    }

    /// Deletes those that the spec does not define any more, once the cluster has let go of them.
    pub(super) fn remove_undefined(&self, plan: &mut Plan) {
        let busy =
            self.observed.cluster.as_ref().and_then(|c| c.attachments_status.as_deref()) == Some("UPDATE_IN_PROGRESS");
        for present in self.undefined() {
            let name = &present.name;
            if present.is_moving() {
                wait_for(plan, present);
            } else if busy || self.is_named(present) {
                let message = format!("capacity provider {name} is deleted when the cluster has let go of it");
                plan.wait(reason::WAITING, message, SETTLING);
            } else {
                self.delete(plan, present, self.cause());
            }
        }
    }

    /// Deletes those of Managed Instances, which the cluster cannot go before. Says whether there are any.
    pub(super) fn remove_managed(&self, plan: &mut Plan) -> bool {
        let managed: Vec<_> = self.ours().filter(|p| p.is_managed()).collect();
        if managed.iter().any(|p| self.is_named(p)) {
            let name = self.resolved.name.clone();
            let empty = Value::Array(Vec::new());
            let body = Body::from_iter([
                ("cluster".to_owned(), name.as_str().into()),
                ("capacityProviders".to_owned(), empty.clone()),
                ("defaultCapacityProviderStrategy".to_owned(), empty),
            ]);
            let change = Change::PutClusterCapacityProviders { name, body };
            plan.step("capacity-providers", Cause::Deletion, &[], change);
            return true;
        }
        for present in &managed {
            self.remove(plan, present);
        }
        !managed.is_empty()
    }

    /// Deletes all of them, when the cluster is gone. Says whether there are any.
    pub(super) fn remove_all(&self, plan: &mut Plan) -> bool {
        let mut any = false;
        for present in self.ours() {
            any = true;
            self.remove(plan, present);
        }
        any
    }

    fn remove(&self, plan: &mut Plan, present: &CapacityProviderFacts) {
        if present.is_moving() { wait_for(plan, present) } else { self.delete(plan, present, Cause::Deletion) }
    }

    fn delete(&self, plan: &mut Plan, present: &CapacityProviderFacts, cause: Cause) {
        let cluster = present.is_managed().then(|| self.resolved.name.clone());
        let change = Change::DeleteCapacityProvider { name: present.name.clone(), cluster };
        plan.step(&format!("delete/{}", present.name), cause, &[], change);
    }

    /// Whether the cluster names it where that keeps it from being deleted.
    fn is_named(&self, present: &CapacityProviderFacts) -> bool {
        let Some(cluster) = &self.observed.cluster else { return false };
        let list = |field: &str| cluster.fields.get(field).and_then(Value::as_array).into_iter().flatten();
        let name = Value::from(present.name.as_str());
        list("defaultCapacityProviderStrategy").any(|i| i.get("capacityProvider") == Some(&name))
            || !present.is_managed() && list("capacityProviders").any(|n| *n == name)
    }

    /// What is not as it should be and moves by itself, in words.
    pub(super) fn unfinished(&self) -> Option<String> {
        self.definitions().iter().find_map(|d| match self.observed.providers.get(&d.name) {
            None => Some(format!("capacity provider {} is not there", d.name)),
            Some(p) if p.is_moving() => Some(format!("ECS is setting up capacity provider {}", d.name)),
            Some(_) => None,
        })
    }
}

fn step(name: &str) -> String {
    format!("provider/{name}")
}

fn owned((key, value): (&String, &String)) -> (String, String) {
    (key.clone(), value.clone())
}

/// Waits until ECS is done with one that is to go.
fn wait_for(plan: &mut Plan, present: &CapacityProviderFacts) {
    let name = &present.name;
    let (why, message) = if present.is_going() {
        (reason::DELETING, format!("capacity provider {name} is being deleted"))
    } else {
        (reason::WAITING, format!("ECS is still setting up capacity provider {name}; then it is deleted"))
    };
    plan.wait(why, message, SETTLING);
}
