//! Clusters. Source: CreateCluster, DescribeClusters, UpdateCluster, UpdateClusterSettings and DeleteCluster in the Amazon ECS
//! API reference.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::account_setting::account_default;
use super::capacity_provider::managed_of;
use super::list::page;
use super::member::{Members, invalid, without_nulls};
use super::{Ecs, attachment, failure, names, tags};
use crate::cloud_map;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    pub(super) arn: String,
    pub(super) name: String,
    active: bool,
    /// `attachmentsStatus`, once there was something to attach.
    pub(super) attachments: Option<&'static str>,
    /// `configuration`, `settings`, `serviceConnectDefaults`, `capacityProviders`, `defaultCapacityProviderStrategy`.
    pub(super) fields: Map<String, Value>,
    /// Services that are not INACTIVE.
    pub(super) services: BTreeSet<String>,
    pub(super) active_services: usize,
    /// Every task that can be described.
    pub(super) tasks: BTreeSet<String>,
    pub(super) running: usize,
    pub(super) pending: usize,
}

/// Parts of a cluster that DescribeClusters shows only when `include` asks.
pub(crate) const EVERYTHING: [&str; 5] = ["ATTACHMENTS", "CONFIGURATIONS", "SETTINGS", "STATISTICS", "TAGS"];

/// The members of a request that a cluster keeps as they are.
const KEPT: [&str; 5] =
    ["configuration", "settings", "serviceConnectDefaults", "capacityProviders", "defaultCapacityProviderStrategy"];

pub(crate) fn not_found() -> Refusal {
    Refusal::new("ClusterNotFoundException", "Cluster not found.")
}

impl Cluster {
    pub(super) fn is_active(&self) -> bool {
        self.active
    }

    /// As the API shows it, with the parts `include` names.
    pub(super) fn show(&self, ecs: &Ecs, include: &[&str]) -> Value {
        let mut shown = json!({
            "clusterArn": self.arn,
            "clusterName": self.name,
            "status": if self.active { "ACTIVE" } else { "INACTIVE" },
            "registeredContainerInstancesCount": 0,
            "runningTasksCount": self.running,
            "pendingTasksCount": self.pending,
            "activeServicesCount": self.active_services,
            "statistics": [],
            "tags": [],
            "settings": [],
            "capacityProviders": self.providers(ecs),
            "defaultCapacityProviderStrategy": self.fields.list("defaultCapacityProviderStrategy"),
        });
        if let Some(defaults) = self.fields.member("serviceConnectDefaults") {
            shown["serviceConnectDefaults"] = defaults.clone();
        }
        if let Some(status) = self.attachments {
            shown["attachmentsStatus"] = json!(status);
        }
        for part in include {
            match *part {
                "SETTINGS" => shown["settings"] = self.fields.list("settings").into(),
                "TAGS" => shown["tags"] = ecs.tags.show(&self.arn),
                "STATISTICS" => shown["statistics"] = self.statistics(ecs),
                "CONFIGURATIONS" => {
                    if let Some(configuration) = self.fields.member("configuration") {
                        shown["configuration"] = configuration.clone();
                    }
                }
                _ => {}
            }
        }
        shown
    }

    /// Those that were attached, and those of Managed Instances, which are in it from the start.
    fn providers(&self, ecs: &Ecs) -> Vec<String> {
        let attached = self.fields.texts("capacityProviders").into_iter().map(str::to_owned);
        attached.chain(managed_of(ecs, &self.arn)).collect()
    }

    fn statistics(&self, ecs: &Ecs) -> Value {
        let draining =
            self.services.iter().filter(|arn| ecs.services.get(*arn).is_some_and(|it| !it.is_active())).count();
        let numbers = [
            ("runningEC2TasksCount", 0),
            ("runningFargateTasksCount", self.running),
            ("pendingEC2TasksCount", 0),
            ("pendingFargateTasksCount", self.pending),
            ("activeEC2ServiceCount", 0),
            ("activeFargateServiceCount", self.active_services),
            ("drainingEC2ServiceCount", 0),
            ("drainingFargateServiceCount", draining),
        ];
        numbers.iter().map(|(name, value)| json!({ "name": name, "value": value.to_string() })).collect()
    }
}

impl Ecs {
    /// The ACTIVE cluster a request means: by name, by ARN, or `default`.
    pub(super) fn cluster(&self, cx: &Cx, input: &Value) -> Result<&Cluster, Refusal> {
        let named = input.text("cluster").filter(|name| !name.is_empty()).unwrap_or("default");
        match self.clusters.get(&names::cluster_arn(cx, named)) {
            Some(cluster) if cluster.active => Ok(cluster),
            Some(_) => Err(Refusal::new("ClusterNotFoundException", "The referenced cluster was inactive.")),
            None => Err(not_found()),
        }
    }
}

pub(crate) fn create(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let name = input.text("clusterName").unwrap_or("default");
    if !names::is_name(name) {
        return Err(invalid(
            "Cluster name can only contain up to 255 letters (uppercase and lowercase), numbers, hyphens, and underscores.",
        ));
    }
    let arn = names::arn(cx, "cluster", name);
    // Creating a cluster that is ACTIVE answers with it and changes nothing.
    if let Some(existing) = world.services.ecs.clusters.get(&arn).filter(|cluster| cluster.active) {
        return Ok(json!({ "cluster": existing.show(&world.services.ecs, &EVERYTHING) }));
    }
    let tags = tags::requested(input)?;
    attachment::check(&world.services.ecs, cx, None, input)?;
    check_settings(input)?;
    let mut fields: Map<String, Value> = kept(input);
    fill_settings(&mut fields, &account_default(world, cx, "containerInsights"));
    default_namespace(world, cx, &mut fields);
    let attaches = fields.texts("capacityProviders").iter().any(|name| !name.starts_with("FARGATE"));
    let cluster = Cluster {
        arn: arn.clone(),
        name: name.to_owned(),
        active: true,
        attachments: attaches.then_some("UPDATE_IN_PROGRESS"),
        fields,
        services: BTreeSet::new(),
        active_services: 0,
        tasks: BTreeSet::new(),
        running: 0,
        pending: 0,
    };
    let ecs = &mut world.services.ecs;
    ecs.tags.replace(&arn, tags);
    let shown = cluster.show(ecs, &EVERYTHING);
    ecs.clusters.insert(arn.clone(), cluster);
    if attaches {
        attachment::plan(world, &arn);
    }
    Ok(json!({ "cluster": shown }))
}

pub(crate) fn describe(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let mut wanted = input.texts("clusters");
    if wanted.is_empty() {
        wanted.push("default");
    }
    if wanted.len() > 100 {
        return Err(invalid("Clusters can have at most 100 items."));
    }
    let include = input.texts("include");
    let spoilt = world.spoilt(wanted.iter().copied());
    let ecs = &world.services.ecs;
    let (mut clusters, mut failures) = (Vec::new(), Vec::new());
    for (name, spoilt) in wanted.into_iter().zip(spoilt) {
        let arn = names::cluster_arn(cx, name);
        match ecs.clusters.get(&arn) {
            _ if spoilt => failures.push(failure::broken(&arn)),
            Some(cluster) => clusters.push(cluster.show(ecs, &include)),
            None => failures.push(failure::missing(&arn)),
        }
    }
    Ok(json!({ "clusters": clusters, "failures": failures }))
}

pub(crate) fn list(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let prefix = names::arn(cx, "cluster", "");
    let clusters = world.services.ecs.clusters.values();
    let active = clusters.filter(|cluster| cluster.active && cluster.arn.starts_with(&prefix));
    page("clusterArns", active.map(|cluster| cluster.arn.clone()), input, 100)
}

pub(crate) fn update(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let arn = required(world, cx, input)?;
    check_settings(input)?;
    let mut changed: Map<String, Value> = kept(input);
    changed.retain(|name, _| matches!(name.as_str(), "settings" | "configuration" | "serviceConnectDefaults"));
    default_namespace(world, cx, &mut changed);
    change(world, &arn, |cluster| {
        if let Some(settings) = changed.remove("settings") {
            merge_settings(&mut cluster.fields, settings.as_array().map_or(&[], Vec::as_slice));
        }
        // An empty namespace takes the default away (ClusterServiceConnectDefaultsRequest.namespace).
        if changed.object("serviceConnectDefaults").is_some_and(Map::is_empty) {
            changed.remove("serviceConnectDefaults");
            cluster.fields.remove("serviceConnectDefaults");
        }
        cluster.fields.append(&mut changed);
    })
}

pub(crate) fn update_settings(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let arn = required(world, cx, input)?;
    if input.list("settings").is_empty() {
        return Err(invalid("Settings can not be empty."));
    }
    check_settings(input)?;
    change(world, &arn, |cluster| merge_settings(&mut cluster.fields, input.list("settings")))
}

pub(crate) fn delete(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let arn = required(world, cx, input)?;
    let cluster = world.services.ecs.clusters.get(&arn).ok_or_else(not_found)?;
    if !cluster.services.is_empty() {
        let message = "The Cluster cannot be deleted while Services are active.";
        return Err(Refusal::new("ClusterContainsServicesException", message));
    }
    if cluster.running + cluster.pending > 0 {
        let message = "The Cluster cannot be deleted while Tasks are active.";
        return Err(Refusal::new("ClusterContainsTasksException", message));
    }
    if !managed_of(&world.services.ecs, &arn).is_empty() {
        let message =
            "The Cluster cannot be deleted while Cluster Scoped Capacity Providers are attached to the cluster.";
        return Err(Refusal::new("ClusterContainsCapacityProviderException", message));
    }
    if cluster.attachments == Some("UPDATE_IN_PROGRESS") {
        let message = "The Cluster cannot be deleted while its attachments are being updated. Wait and try again.";
        return Err(Refusal::new("UpdateInProgressException", message));
    }
    let shown = change(world, &arn, |cluster| cluster.active = false);
    world.services.ecs.tags.remove(&arn);
    shown
}

/// The ARN of the ACTIVE cluster in the request, which has to name one.
pub(super) fn required(world: &World, cx: &Cx, input: &Value) -> Result<String, Refusal> {
    if input.text("cluster").is_none_or(str::is_empty) {
        return Err(invalid("Cluster can not be null or empty."));
    }
    world.services.ecs.cluster(cx, input).map(|cluster| cluster.arn.clone())
}

/// Changes a cluster and answers with all of it.
pub(super) fn change(world: &mut World, arn: &str, change: impl FnOnce(&mut Cluster)) -> Result<Value, Refusal> {
    let ecs = &mut world.services.ecs;
    change(ecs.clusters.get_mut(arn).ok_or_else(not_found)?);
    let cluster = ecs.clusters.get(arn).ok_or_else(not_found)?;
    Ok(json!({ "cluster": cluster.show(ecs, &EVERYTHING) }))
}

pub(super) fn kept(input: &Value) -> Map<String, Value> {
    let members = KEPT.iter().filter_map(|name| Some(((*name).to_owned(), without_nulls(input.member(name)?))));
    let mut fields: Map<String, Value> = members.collect();
    if let Some(Value::Array(strategy)) = fields.get_mut("defaultCapacityProviderStrategy") {
        strategy.iter_mut().for_each(fill_strategy_item);
    }
    fields
}

/// Weight and base of a strategy item read back as 0 where absent (CapacityProviderStrategyItem).
pub(super) fn fill_strategy_item(item: &mut Value) {
    if let Some(item) = item.as_object_mut() {
        item.entry("weight").or_insert(json!(0));
        item.entry("base").or_insert(json!(0));
    }
}

fn check_settings(input: &Value) -> Result<(), Refusal> {
    for setting in input.list("settings") {
        let (name, value) = (setting.text("name").unwrap_or_default(), setting.text("value").unwrap_or_default());
        if name != "containerInsights" {
            return Err(invalid(format!("Invalid cluster setting name: {name}")));
        }
        if !matches!(value, "enabled" | "disabled" | "enhanced") {
            return Err(invalid(format!("Invalid cluster setting value: {value}")));
        }
    }
    Ok(())
}

fn fill_settings(fields: &mut Map<String, Value>, container_insights: &str) {
    if fields.list("settings").is_empty() {
        fields.insert("settings".to_owned(), json!([{ "name": "containerInsights", "value": container_insights }]));
    }
}

/// Settings not named keep their value.
fn merge_settings(fields: &mut Map<String, Value>, changed: &[Value]) {
    let mut settings = fields.list("settings").to_vec();
    for change in changed {
        match settings.iter_mut().find(|setting| setting.text("name") == change.text("name")) {
            Some(setting) => *setting = change.clone(),
            None => settings.push(change.clone()),
        }
    }
    fields.insert("settings".to_owned(), settings.into());
}

/// Turns the default namespace's name into its ARN, making an HTTP namespace where there is none yet
/// (ClusterServiceConnectDefaultsRequest.namespace). An empty name leaves an empty object: no default.
fn default_namespace(world: &mut World, cx: &Cx, fields: &mut Map<String, Value>) {
    let Some(name) =
        fields.object("serviceConnectDefaults").map(|defaults| defaults.text("namespace").unwrap_or_default())
    else {
        return;
    };
    let name = name.to_owned();
    let defaults = if name.is_empty() {
        json!({})
    } else {
        json!({ "namespace": cloud_map::ensure_http_namespace(world, cx, &name) })
    };
    fields.insert("serviceConnectDefaults".to_owned(), defaults);
}
