//! Which capacity providers a cluster has, and what it does without a strategy. Attaching and detaching those with an Auto
//! Scaling group takes time (`attachmentsStatus`). Source: PutClusterCapacityProviders, CreateCluster and Cluster in the
//! Amazon ECS API reference.

use std::collections::BTreeSet;

use serde_json::Value;

use super::capacity_provider::{check_usable, managed_of};
use super::cluster::{self, Cluster};
use super::member::{Members, client, invalid};
use super::{Ecs, Event};
use crate::refusal::Refusal;
use crate::world::{Cx, Event as WorldEvent, World};

impl Cluster {
    /// Whether a capacity provider of that name can be used in it.
    pub(super) fn has(&self, ecs: &Ecs, name: &str) -> bool {
        self.fields.texts("capacityProviders").contains(&name) || managed_of(ecs, &self.arn).iter().any(|it| it == name)
    }

    /// Whether it names a capacity provider, and so keeps it from being deleted.
    pub(super) fn names(&self, name: &str) -> bool {
        let strategy = self.fields.list("defaultCapacityProviderStrategy");
        self.fields.texts("capacityProviders").contains(&name)
            || strategy.iter().any(|item| item.text("capacityProvider") == Some(name))
    }
}

pub(crate) fn put(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let arn = cluster::required(world, cx, input)?;
    for required in ["capacityProviders", "defaultCapacityProviderStrategy"] {
        if input.member(required).is_none() {
            return Err(invalid(format!("{required} can not be null.")));
        }
    }
    let ecs = &world.services.ecs;
    let cluster = ecs.clusters.get(&arn).ok_or_else(cluster::not_found)?;
    if cluster.attachments == Some("UPDATE_IN_PROGRESS") {
        let message = "The specified cluster is in a busy state. Cluster attachments must be in UPDATE_COMPLETE or \
                       UPDATE_FAILED state before they can be updated. Wait and try again.";
        return Err(Refusal::new("UpdateInProgressException", message));
    }
    check(ecs, cx, Some(&arn), input)?;
    check_removed(ecs, cluster, input)?;
    let attached = |names: &[&str]| -> BTreeSet<String> {
        names.iter().filter(|name| !name.starts_with("FARGATE")).map(|name| (*name).to_owned()).collect()
    };
    let moves = attached(&cluster.fields.texts("capacityProviders")) != attached(&input.texts("capacityProviders"));
    let shown = cluster::change(world, &arn, |cluster| {
        let mut replaced = cluster::kept(input);
        replaced.retain(|name, _| matches!(name.as_str(), "capacityProviders" | "defaultCapacityProviderStrategy"));
        cluster.fields.append(&mut replaced);
        if moves {
            cluster.attachments = Some("UPDATE_IN_PROGRESS");
        }
    });
    if moves {
        plan(world, &arn);
    }
    shown
}

/// Plans the end of an attachment.
pub(super) fn plan(world: &mut World, cluster: &str) {
    let delay = world.timings.capacity_provider;
    world.after(delay, WorldEvent::Ecs(Event::Attached(cluster.to_owned())));
}

/// The attachments of a cluster are as it was asked for.
pub(super) fn done(world: &mut World, cluster: &str) {
    if let Some(cluster) = world.services.ecs.clusters.get_mut(cluster) {
        cluster.attachments = Some("UPDATE_COMPLETE");
    }
}

/// Refuses providers and a strategy that a cluster (none yet for a new one) cannot have.
pub(super) fn check(ecs: &Ecs, cx: &Cx, cluster: Option<&str>, input: &Value) -> Result<(), Refusal> {
    let providers = input.texts("capacityProviders");
    let managed = cluster.map(|arn| managed_of(ecs, arn)).unwrap_or_default();
    if providers.len() + managed.len() > 20 {
        return Err(client("The limit of 20 capacity providers per cluster is exceeded."));
    }
    for provider in &providers {
        if check_usable(ecs, cx, cluster, provider)? {
            return Err(invalid(
                "Cannot associate Managed Instances capacity provider to clusters using this API. Managed Instances capacity \
                 providers are already associated with their cluster.",
            ));
        }
    }
    super::validate::strategy(input.list("defaultCapacityProviderStrategy"))?;
    for item in input.list("defaultCapacityProviderStrategy") {
        let name = item.text("capacityProvider").unwrap_or_default();
        if managed.iter().any(|it| it == name) {
            check_usable(ecs, cx, cluster, name)?;
        } else if !providers.contains(&name) {
            return Err(invalid(format!(
                "The specified capacity provider '{name}' was not found. Specify a capacity provider that is associated \
                 with the cluster."
            )));
        }
    }
    Ok(())
}

/// A provider that services use stays.
fn check_removed(ecs: &Ecs, cluster: &Cluster, input: &Value) -> Result<(), Refusal> {
    let kept = input.texts("capacityProviders");
    let services = cluster.services.iter().filter_map(|arn| ecs.services.get(arn)).filter(|it| it.is_active());
    let mut strategies = services.flat_map(|service| service.fields.list("capacityProviderStrategy"));
    let gone = |name: &str| cluster.fields.texts("capacityProviders").contains(&name) && !kept.contains(&name);
    if strategies.any(|item| item.text("capacityProvider").is_some_and(gone)) {
        let message = "The specified capacity provider is in use and cannot be removed.";
        return Err(Refusal::new("ResourceInUseException", message));
    }
    Ok(())
}
