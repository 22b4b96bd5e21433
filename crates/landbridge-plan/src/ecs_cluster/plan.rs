//! What an ECSCluster needs.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use landbridge_api::condition::reason;
use landbridge_api::ecs::ClusterFields;
use landbridge_api::v1alpha1::EcsCluster;
use serde_json::Value;

use super::fields::{self, Compared};
use super::providers::Providers;
use super::{ClusterFacts, EcsClusterObserved, EcsClusterResolved};
use crate::adoption::{self, Claim, IN_USE_LOOK_AFTER};
use crate::change::{Change, Tagged, Tags};
use crate::kind::Kind;
use crate::owner::{Owner, Ownership};
use crate::plan::{Cause, Difference, Plan};
use crate::{policy, tags};

/// ECS finishes the setup and the removal of capacity in tens of seconds.
const SETTLING: Duration = Duration::from_secs(5);

pub(super) fn plan(
    object: &EcsCluster,
    resolved: &EcsClusterResolved,
    observed: &EcsClusterObserved,
    now: Timestamp,
) -> Plan {
    let owner = Owner::new(object.identity(), &resolved.account);
    let providers = Providers { object, resolved, observed, owner: &owner, now };
    let mut plan = Plan::of(object.identity());
    if object.is_deleting() {
        delete(&mut plan, object, resolved, observed, &providers);
        return plan;
    }
    let wanted_tags = tags::wanted(&resolved.account, &object.spec.cluster.tags, &owner);
    refuse_invalid(&mut plan, resolved, &wanted_tags);
    providers.refuse_invalid(&mut plan);
    if !plan.blocked.is_empty() {
        return plan;
    }
    match &observed.cluster {
        None => create(&mut plan, object, resolved, &providers, &wanted_tags),
        Some(cluster) => update(&mut plan, object, resolved, cluster, &providers, &wanted_tags),
    }
    plan
}

fn refuse_invalid(plan: &mut Plan, resolved: &EcsClusterResolved, wanted_tags: &Tags) {
    let name = &resolved.name;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.is_empty() || name.len() > 255 || !name.chars().all(plain) {
        plan.block(
            reason::INVALID_SPEC,
            format!(
                "\"{name}\" cannot be the name of an ECS cluster: it takes 1 to 255 letters, digits, hyphens and \
                 underscores; set spec.clusterName"
            ),
        );
    }
    if let Err(why) = tags::validate(wanted_tags) {
        plan.block(reason::INVALID_SPEC, format!("spec.tags: {why}"));
    }
}

fn create(
    plan: &mut Plan,
    object: &EcsCluster,
    resolved: &EcsClusterResolved,
    providers: &Providers<'_>,
    wanted_tags: &Tags,
) {
    let name = resolved.name.clone();
    providers.converge(plan, false);
    let cause = adoption::cause(object.is_applied(resolved));
    if cause == Cause::Drift {
        plan.drift.push(Difference::new("clusterName", None, Some(Value::from(name.as_str()))));
    }
    let body = fields::create(&name, &providers.fields(plan), wanted_tags);
    let made = providers.made();
    let after: Vec<&str> = made.iter().map(String::as_str).collect();
    plan.step("cluster", cause, &after, Change::CreateCluster { name, body });
    providers.converge(plan, true);
}

fn update(
    plan: &mut Plan,
    object: &EcsCluster,
    resolved: &EcsClusterResolved,
    cluster: &ClusterFacts,
    providers: &Providers<'_>,
    wanted_tags: &Tags,
) {
    let name = &resolved.name;
    let applied = object.is_applied(resolved);
    let compared = compared(cluster, &providers.all_fields(), &providers.managed(), applied);
    let what = format!("ECS cluster {name}");
    let tag = |set: Tags, remove| Change::Tag { api: Tagged::Ecs, arn: cluster.arn.clone(), set, remove };
    let mut wanted_tags = wanted_tags.clone();
    match adoption::claim(providers.owner, &object.spec.knobs, &what, &cluster.tags, &compared.differences()) {
        Claim::Refused(blocked) => return plan.blocked.push(blocked),
        Claim::Adopt => {
            plan.step("adopt", Cause::Adoption, &[], tag(providers.owner.tags(), Vec::new()));
            wanted_tags.retain(|k, _| tags::is_users(k));
        }
        Claim::Ours => {}
    }
    if cluster.status == "PROVISIONING" || cluster.status == "DEPROVISIONING" {
        return plan.wait(reason::WAITING, format!("{what} is {}", cluster.status), SETTLING);
    }
    let cause = adoption::cause(applied);
    if let Some(change) = tags::change(&cluster.tags, &wanted_tags) {
        let differences = tags::differences("tags", &cluster.tags, &wanted_tags);
        correct(plan, "tags", cause, tag(change.set, change.remove), differences);
    }
    if let Some((body, differences)) = compared.update(name) {
        correct(plan, "update", cause, Change::UpdateCluster { name: name.clone(), body }, differences);
    }
    providers.converge(plan, false);
    providers.converge(plan, true);
    put_capacity(plan, cluster, providers, name, cause);
    providers.remove_undefined(plan);
}

/// The fields that are wanted and those that are there, without names of Managed Instances, which ECS adds by itself.
fn compared(cluster: &ClusterFacts, wanted: &ClusterFields, managed: &BTreeSet<&str>, applied: bool) -> Compared {
    let mut present = cluster.fields.clone();
    if let Some(Value::Array(names)) = present.get_mut("capacityProviders") {
        names.retain(|n| n.as_str().is_none_or(|name| !managed.contains(name)));
    }
    Compared::new(wanted, &present, cluster.service_connect_namespace.as_deref(), applied)
}

/// Replaces the names and the default strategy, once what they name is made.
fn put_capacity(plan: &mut Plan, cluster: &ClusterFacts, providers: &Providers<'_>, name: &str, cause: Cause) {
    let fields = providers.fields(plan);
    let busy = cluster.attachments_status.as_deref() == Some("UPDATE_IN_PROGRESS");
    match compared(cluster, &fields, &providers.managed(), cause == Cause::Drift).capacity(name) {
        Some(_) if busy => plan.wait(
            reason::WAITING,
            format!("ECS is still setting up the capacity providers of cluster {name}; then they are changed"),
            SETTLING,
        ),
        Some((body, differences)) => {
            if cause == Cause::Drift {
                plan.drift.extend(differences.iter().cloned());
            }
            let made = providers.made();
            let after: Vec<&str> = std::iter::once("adopt").chain(made.iter().map(String::as_str)).collect();
            let change = Change::PutClusterCapacityProviders { name: name.to_owned(), body };
            plan.update("capacity-providers", cause, &after, change, differences);
        }
        None if cluster.status == "FAILED" => plan.block(
            reason::REFUSED_BY_AWS,
            format!(
                "ECS cluster {name} is FAILED: ECS could not set up its capacity providers; change spec.capacityProviders, or \
                 delete the cluster in AWS so that it is made anew"
            ),
        ),
        None => {}
    }
}

/// Adds a step that puts something right, after an adoption if there is one, and notes the drift if it is one.
fn correct(plan: &mut Plan, id: &str, cause: Cause, change: Change, differences: Vec<Difference>) {
    if cause == Cause::Drift {
        plan.drift.extend(differences.iter().cloned());
    }
    plan.update(id, cause, &["adopt"], change, differences);
}

fn delete(
    plan: &mut Plan,
    object: &EcsCluster,
    resolved: &EcsClusterResolved,
    observed: &EcsClusterObserved,
    providers: &Providers<'_>,
) {
    let what = format!("ECS cluster {}", resolved.name);
    if adoption::waits_for_users(plan, &what, &resolved.users) {
        return;
    }
    if policy::retains(&object.spec.knobs) {
        plan.gone = true;
        return;
    }
    let ours = observed.cluster.as_ref().filter(|c| providers.owner.reads(&c.tags) == Ownership::Ours);
    let Some(cluster) = ours else {
        plan.gone = !providers.remove_all(plan);
        return;
    };
    let (services, tasks) = (cluster.active_services, cluster.running_tasks);
    if services > 0 || tasks > 0 {
        plan.wait(
            reason::IN_USE,
            format!("{what} still has {services} services and {tasks} running tasks; it is deleted when they are gone"),
            IN_USE_LOOK_AFTER,
        );
    } else if cluster.status == "PROVISIONING" || cluster.status == "DEPROVISIONING" {
        plan.wait(reason::DELETING, format!("{what} is {}", cluster.status), SETTLING);
    } else if !providers.remove_managed(plan) {
        plan.step("cluster", Cause::Deletion, &[], Change::DeleteCluster { name: resolved.name.clone() });
    }
}
