//! What an ECSCluster needs.

use std::time::Duration;

use landbridge_api::condition::reason;
use landbridge_api::v1alpha1::EcsCluster;
use serde_json::Value;

use super::fields::{self, Compared};
use super::{ClusterFacts, EcsClusterObserved, EcsClusterResolved};
use crate::adoption::{self, Claim, IN_USE_LOOK_AFTER};
use crate::change::{Change, Tagged, Tags};
use crate::kind::Kind;
use crate::owner::{Owner, Ownership};
use crate::plan::{Cause, Difference, Plan};
use crate::{policy, tags};

/// ECS finishes the setup and the removal of capacity in tens of seconds.
const SETTLING: Duration = Duration::from_secs(5);

pub(super) fn plan(object: &EcsCluster, resolved: &EcsClusterResolved, observed: &EcsClusterObserved) -> Plan {
    let owner = Owner::new(object.identity(), &resolved.account);
    let mut plan = Plan::of(object.identity());
    if object.is_deleting() {
        delete(&mut plan, object, resolved, observed, &owner);
        return plan;
    }
    let wanted_tags = tags::wanted(&resolved.account, &object.spec.cluster.tags, &owner);
    refuse_invalid(&mut plan, object, resolved, &wanted_tags);
    if !plan.blocked.is_empty() {
        return plan;
    }
    match &observed.cluster {
        None => create(&mut plan, object, resolved, &wanted_tags),
        Some(cluster) => update(&mut plan, object, resolved, cluster, &owner, &wanted_tags),
    }
    plan
}

fn refuse_invalid(plan: &mut Plan, object: &EcsCluster, resolved: &EcsClusterResolved, wanted_tags: &Tags) {
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
    let cluster = &object.spec.cluster;
    for item in &cluster.default_capacity_provider_strategy {
        let provider = &item.capacity_provider;
        if !cluster.capacity_providers.contains(provider) {
            plan.block(
                reason::INVALID_SPEC,
                format!(
                    "spec.defaultCapacityProviderStrategy names {provider}, which is not in spec.capacityProviders; add \
                     it there"
                ),
            );
        }
    }
    if let Err(why) = tags::validate(wanted_tags) {
        plan.block(reason::INVALID_SPEC, format!("spec.tags: {why}"));
    }
}

fn create(plan: &mut Plan, object: &EcsCluster, resolved: &EcsClusterResolved, wanted_tags: &Tags) {
    let name = resolved.name.clone();
    let cause = adoption::cause(object.is_applied(resolved));
    if cause == Cause::Drift {
        plan.drift.push(Difference::new("clusterName", None, Some(Value::from(name.as_str()))));
    }
    let body = fields::create(&name, &object.spec.cluster, wanted_tags);
    plan.step("cluster", cause, &[], Change::CreateCluster { name, body });
}

fn update(
    plan: &mut Plan,
    object: &EcsCluster,
    resolved: &EcsClusterResolved,
    cluster: &ClusterFacts,
    owner: &Owner,
    wanted_tags: &Tags,
) {
    let name = &resolved.name;
    let applied = object.is_applied(resolved);
    let namespace = cluster.service_connect_namespace.as_deref();
    let compared = Compared::new(&object.spec.cluster, &cluster.fields, namespace, applied);
    let what = format!("ECS cluster {name}");
    let tag = |set: Tags, remove| Change::Tag { api: Tagged::Ecs, arn: cluster.arn.clone(), set, remove };
    let mut wanted_tags = wanted_tags.clone();
    match adoption::claim(owner, &object.spec.knobs, &what, &cluster.tags, &compared.differences()) {
        Claim::Refused(blocked) => return plan.blocked.push(blocked),
        Claim::Adopt => {
            plan.step("adopt", Cause::Adoption, &[], tag(owner.tags(), Vec::new()));
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
    let busy = cluster.attachments_status.as_deref() == Some("UPDATE_IN_PROGRESS");
    match compared.capacity(name) {
        Some(_) if busy => plan.wait(
            reason::WAITING,
            format!("ECS is still setting up the capacity providers of cluster {name}; then they are changed"),
            SETTLING,
        ),
        Some((body, differences)) => {
            let change = Change::PutClusterCapacityProviders { name: name.clone(), body };
            correct(plan, "capacity-providers", cause, change, differences);
        }
        None if cluster.status == "FAILED" => plan.block(
            reason::REFUSED_BY_AWS,
            format!(
                "{what} is FAILED: ECS could not set up its capacity providers; change spec.capacityProviders, or delete \
                 the cluster in AWS so that it is made anew"
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
    owner: &Owner,
) {
    let what = format!("ECS cluster {}", resolved.name);
    if adoption::waits_for_users(plan, &what, &resolved.users) {
        return;
    }
    let ours = observed.cluster.as_ref().filter(|c| owner.reads(&c.tags) == Ownership::Ours);
    let Some(cluster) = ours.filter(|_| !policy::retains(&object.spec.knobs)) else {
        plan.gone = true;
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
    } else {
        plan.step("cluster", Cause::Deletion, &[], Change::DeleteCluster { name: resolved.name.clone() });
    }
}
