//! Add-ons: CREATING, then ACTIVE; DELETING, then gone. Nothing is installed. Source: CreateAddon, DescribeAddon and Addon.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::cluster::{self, Cluster};
use super::{Eks, Event, in_use, not_found, page, tags};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::wire::json::epoch;
use crate::world::{Cx, Event as WorldEvent, World};

#[derive(Debug, Clone)]
pub(super) struct Addon {
    pub(super) arn: String,
    name: String,
    status: &'static str,
    created: Timestamp,
    asked: Map<String, Value>,
}

impl Addon {
    pub(super) fn show(&self, eks: &Eks, cluster: &Cluster) -> Value {
        let mut shown = Value::Object(self.asked.clone());
        for (member, value) in [
            ("addonName", json!(self.name)),
            ("clusterName", json!(cluster.name)),
            ("addonArn", json!(self.arn)),
            ("status", json!(self.status)),
            ("createdAt", epoch(self.created)),
            ("modifiedAt", epoch(self.created)),
            ("health", json!({"issues": []})),
            ("tags", eks.tags_of(&self.arn)),
        ] {
            shown[member] = value;
        }
        shown
    }
}

fn no_addon(cluster: &str, name: &str) -> Refusal {
    let message = format!("No addon: {name} found in cluster: {cluster}");
    not_found(message).with("clusterName", cluster).with("addonName", name)
}

pub(super) fn create(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let (cluster_name, name) = (input.required("clusterName")?, input.required("addonName")?);
    let tags = tags::read(input)?;
    let mut asked = input.members();
    let kept = ["addonVersion", "serviceAccountRoleArn", "configurationValues", "namespaceConfig"];
    asked.retain(|member, value| !value.is_null() && kept.contains(&member.as_str()));
    asked.entry("addonVersion").or_insert(json!("v1.0.0-eksbuild.1"));
    let cluster = cluster::named(&mut world.services.eks, cx, cluster_name)?;
    cluster.check_active()?;
    if cluster.addons.contains_key(name) {
        let refusal = in_use("Addon already exists.".to_owned());
        return Err(refusal.with("clusterName", cluster_name).with("addonName", name));
    }
    let arn = cluster.arn.replacen(":cluster/", ":addon/", 1);
    let arn = format!("{arn}/{name}/{}", world.rng.uuid());
    let addon = Addon { arn: arn.clone(), name: name.to_owned(), status: "CREATING", created: cx.now, asked };
    let cluster_arn = cluster.arn.clone();
    cluster.addons.insert(name.to_owned(), addon);
    world.services.eks.tags.insert(arn, tags);
    let delay = world.timings.eks_addon;
    world.after(delay, WorldEvent::Eks(Event::AddonActive(cluster_arn, name.to_owned())));
    shown(&mut world.services.eks, cx, cluster_name, name)
}

fn shown(eks: &mut Eks, cx: &Cx, cluster_name: &str, name: &str) -> Result<Value, Refusal> {
    let arn = cluster::named(eks, cx, cluster_name)?.arn.clone();
    let found = eks.clusters.get(&arn).and_then(|cluster| Some((cluster, cluster.addons.get(name)?)));
    let (cluster, addon) = found.ok_or_else(|| no_addon(cluster_name, name))?;
    Ok(json!({ "addon": addon.show(eks, cluster) }))
}

pub(super) fn describe(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    shown(&mut world.services.eks, cx, input.required("clusterName")?, input.required("addonName")?)
}

pub(super) fn list(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let cluster = cluster::named(&mut world.services.eks, cx, input.required("clusterName")?)?;
    page(input, "addons", cluster.addons.keys().map(|name| (name.clone(), json!(name))))
}

pub(super) fn delete(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let (cluster_name, name) = (input.required("clusterName")?, input.required("addonName")?);
    let cluster = cluster::named(&mut world.services.eks, cx, cluster_name)?;
    let addon = cluster.addons.get_mut(name).ok_or_else(|| no_addon(cluster_name, name))?;
    addon.status = "DELETING";
    let gone = Event::AddonGone(cluster.arn.clone(), name.to_owned());
    let delay = world.timings.eks_addon;
    world.after(delay, WorldEvent::Eks(gone));
    shown(&mut world.services.eks, cx, cluster_name, name)
}

pub(super) fn activate(eks: &mut Eks, cluster: &str, name: &str) {
    let addon = eks.clusters.get_mut(cluster).and_then(|cluster| cluster.addons.get_mut(name));
    if let Some(addon) = addon.filter(|addon| addon.status == "CREATING") {
        addon.status = "ACTIVE";
    }
}

pub(super) fn remove(eks: &mut Eks, cluster: &str, name: &str) {
    let gone = eks.clusters.get_mut(cluster).and_then(|cluster| cluster.addons.remove(name));
    if let Some(gone) = gone {
        eks.tags.remove(&gone.arn);
    }
}
