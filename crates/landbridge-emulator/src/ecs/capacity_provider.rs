//! Capacity providers: checked, and made, changed and removed over time as `status` and `updateStatus` tell. The capacity
//! itself is not modelled. Source: CreateCapacityProvider, DescribeCapacityProviders, UpdateCapacityProvider,
//! DeleteCapacityProvider and CapacityProvider in the Amazon ECS API reference.
//!
//! A change of a provider whose Auto Scaling group has `update-fails` in its name ends in UPDATE_FAILED.

use serde_json::{Map, Value, json};

use super::capacity_provider_fill::fill;
use super::list::{answer, cut};
use super::member::{Members, client, invalid, without_nulls};
use super::{Ecs, Event, failure, names, tags};
use crate::refusal::Refusal;
use crate::world::{Cx, Event as WorldEvent, World};

#[derive(Debug, Clone)]
pub(crate) struct CapacityProvider {
    arn: String,
    name: String,
    /// `autoScalingGroupProvider` or `managedInstancesProvider`, and `cluster` for the latter.
    fields: Map<String, Value>,
    status: &'static str,
    /// `updateStatus` and its reason.
    update: Option<(&'static str, Option<String>)>,
}

/// Every account has these; they cannot be changed.
const FARGATE: [&str; 2] = ["FARGATE", "FARGATE_SPOT"];

impl CapacityProvider {
    pub(super) fn show(&self, ecs: &Ecs, with_tags: bool) -> Value {
        let mut shown = self.fields.clone();
        shown.insert("capacityProviderArn".to_owned(), json!(self.arn));
        shown.insert("name".to_owned(), json!(self.name));
        shown.insert("status".to_owned(), json!(self.status));
        shown.insert("type".to_owned(), json!(self.kind()));
        if let Some((status, reason)) = &self.update {
            shown.insert("updateStatus".to_owned(), json!(status));
            if let Some(reason) = reason {
                shown.insert("updateStatusReason".to_owned(), json!(reason));
            }
        }
        shown.insert("tags".to_owned(), if with_tags { ecs.tags.show(&self.arn) } else { json!([]) });
        shown.into()
    }

    fn kind(&self) -> &'static str {
        if self.cluster().is_some() { "MANAGED_INSTANCES" } else { "EC2_AUTOSCALING" }
    }

    /// ARN of the cluster that a provider of Managed Instances belongs to.
    fn cluster(&self) -> Option<&str> {
        self.fields.text("cluster")
    }

    fn is_there(&self) -> bool {
        self.status != "INACTIVE"
    }

    fn group(&self) -> Option<&str> {
        self.fields.member("autoScalingGroupProvider")?.text("autoScalingGroupArn")
    }

    fn is_moving(&self) -> bool {
        self.update.as_ref().is_some_and(|(status, _)| status.ends_with("_IN_PROGRESS"))
    }
}

/// Names of the Managed Instances of a cluster.
pub(super) fn managed_of(ecs: &Ecs, cluster: &str) -> Vec<String> {
    let all = ecs.capacity_providers.values().filter(|it| it.is_there() && it.cluster() == Some(cluster));
    all.map(|it| it.name.clone()).collect()
}

/// Refuses the name of a capacity provider that cannot be used in the cluster of that ARN, or in none if there is none yet.
/// Says whether it is of Managed Instances.
pub(super) fn check_usable(ecs: &Ecs, cx: &Cx, cluster: Option<&str>, name: &str) -> Result<bool, Refusal> {
    let of = check_known(ecs, cx, name)?.and_then(CapacityProvider::cluster);
    if of.is_some() && of != cluster { Err(unknown(name)) } else { Ok(of.is_some()) }
}

/// Refuses the name of a capacity provider that is not there or not ACTIVE. Those of AWS are always.
pub(super) fn check_known<'a>(ecs: &'a Ecs, cx: &Cx, name: &str) -> Result<Option<&'a CapacityProvider>, Refusal> {
    if FARGATE.contains(&name) {
        return Ok(None);
    }
    let arn = names::arn(cx, "capacity-provider", names::last_part(name));
    let provider = ecs.capacity_providers.get(&arn).filter(|it| it.is_there()).ok_or_else(|| unknown(name))?;
    if provider.status == "ACTIVE" {
        return Ok(Some(provider));
    }
    Err(invalid(format!(
        "The specified capacity provider '{name}' is not in an ACTIVE state. Specify a valid capacity provider and try again."
    )))
}

fn unknown(name: &str) -> Refusal {
    invalid(format!(
        "The specified capacity provider '{name}' was not found. Specify a valid name or ARN and try again."
    ))
}

fn check_create(world: &World, cx: &Cx, input: &Value) -> Result<(), Refusal> {
    let name = input.text("name").unwrap_or_default();
    let reserved = ["aws", "ecs", "fargate"].iter().any(|prefix| name.to_ascii_lowercase().starts_with(prefix));
    if !names::is_name(name) || reserved {
        return Err(invalid(
            "The capacity provider name is invalid. Up to 255 letters, numbers, underscores and hyphens are allowed, and \
             it cannot begin with aws, ecs or fargate.",
        ));
    }
    let group = input.object("autoScalingGroupProvider");
    let managed = input.object("managedInstancesProvider");
    if group.is_some() == managed.is_some() {
        return Err(invalid("Specify either autoScalingGroupProvider or managedInstancesProvider."));
    }
    if managed.is_some() != input.text("cluster").is_some() {
        return Err(invalid("A cluster is required for a capacity provider of Managed Instances, and for no other."));
    }
    if managed.is_some() {
        world.services.ecs.cluster(cx, input)?;
    }
    Ok(())
}

pub(crate) fn create(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    check_create(world, cx, input)?;
    let name = input.text("name").unwrap_or_default();
    let arn = names::arn(cx, "capacity-provider", name);
    let mut fields = kept(input);
    if let Some(cluster) = fields.get_mut("cluster") {
        *cluster = json!(world.services.ecs.cluster(cx, input)?.arn);
    }
    fill(cx, &mut fields)?;
    let managed = fields.contains_key("managedInstancesProvider");
    let mut provider =
        CapacityProvider { arn: arn.clone(), name: name.to_owned(), fields, status: "ACTIVE", update: None };
    let ecs = &world.services.ecs;
    if ecs.capacity_providers.get(&arn).is_some_and(CapacityProvider::is_there) {
        return Err(client(
            "The specified capacity provider already exists. To change the configuration of an existing capacity provider, \
             update the capacity provider.",
        ));
    }
    let mut others = ecs.capacity_providers.values().filter(|it| it.is_there());
    if provider.group().is_some() && others.any(|it| it.group() == provider.group()) {
        return Err(client(
            "The specified Auto Scaling group ARN is already being used by another capacity provider. Specify a unique Auto \
             Scaling group ARN and try again.",
        ));
    }
    let tags = tags::requested(input)?;
    if managed {
        (provider.status, provider.update) = ("PROVISIONING", Some(("CREATE_IN_PROGRESS", None)));
    }
    world.services.ecs.tags.replace(&arn, tags);
    world.services.ecs.capacity_providers.insert(arn.clone(), provider);
    if managed {
        moves(world, &arn);
    }
    shown(&world.services.ecs, &arn)
}

/// Plans the end of what is in progress.
fn moves(world: &mut World, arn: &str) {
    let delay = world.timings.capacity_provider;
    world.after(delay, WorldEvent::Ecs(Event::CapacityProviderMoved(arn.to_owned())));
}

/// What was in progress is over.
pub(super) fn moved(world: &mut World, arn: &str) {
    let ecs = &mut world.services.ecs;
    let Some(provider) = ecs.capacity_providers.get_mut(arn) else { return };
    let fails = provider.group().is_some_and(|group| group.contains("update-fails"));
    let (status, update, reason) = match &provider.update {
        Some(("CREATE_IN_PROGRESS", _)) => ("ACTIVE", "CREATE_COMPLETE", None),
        Some(("UPDATE_IN_PROGRESS", _)) if fails => {
            let reason = "The capacity provider cannot be updated due to an internal error. Try again.";
            ("ACTIVE", "UPDATE_FAILED", Some(reason.to_owned()))
        }
        Some(("UPDATE_IN_PROGRESS", _)) => ("ACTIVE", "UPDATE_COMPLETE", None),
        Some(("DELETE_IN_PROGRESS", _)) => ("INACTIVE", "DELETE_COMPLETE", None),
        _ => return,
    };
    (provider.status, provider.update) = (status, Some((update, reason)));
    if status == "INACTIVE" {
        ecs.tags.remove(arn);
    }
}

pub(crate) fn describe(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let ecs = &world.services.ecs;
    let cluster = input.text("cluster").map(|_| ecs.cluster(cx, input)).transpose()?;
    let prefix = names::arn(cx, "capacity-provider", "");
    let own = ecs.capacity_providers.range(prefix.clone()..).filter(|(_, it)| it.is_there());
    let own = own.map(|(arn, _)| arn).take_while(|arn| arn.starts_with(&prefix));
    let fargate = FARGATE.iter().map(|name| format!("{prefix}{name}"));
    let named = input.texts("capacityProviders");
    if named.len() > 100 {
        return Err(invalid("Capacity providers can have at most 100 items."));
    }
    let wanted: Vec<String> = if named.is_empty() {
        fargate.chain(own.cloned()).collect()
    } else {
        named.iter().map(|name| format!("{prefix}{}", names::last_part(name))).collect()
    };
    let of_cluster = |arn: &String| cluster.is_none_or(|cluster| cluster.has(ecs, names::last_part(arn)));
    let wanted: Vec<String> = wanted.into_iter().filter(of_cluster).collect();
    let (wanted, token) = if named.is_empty() { cut(wanted, input, 10)? } else { (wanted, None) };
    let (mut shown, mut failures) = (Vec::new(), Vec::new());
    let spoilt = world.spoilt(wanted.iter().map(String::as_str));
    let ecs = &world.services.ecs;
    for (arn, spoilt) in wanted.into_iter().zip(spoilt) {
        let name = names::last_part(&arn);
        if spoilt {
            failures.push(failure::broken(&arn));
        } else if FARGATE.contains(&name) {
            shown.push(
                json!({ "capacityProviderArn": arn, "name": name, "status": "ACTIVE", "type": name, "tags": [] }),
            );
        } else if let Some(provider) = ecs.capacity_providers.get(&arn) {
            shown.push(provider.show(ecs, input.includes("TAGS")));
        } else {
            failures.push(failure::missing(&arn));
        }
    }
    let mut answer = answer("capacityProviders", shown.into(), token);
    answer["failures"] = failures.into();
    Ok(answer)
}

pub(crate) fn update(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let arn = existing(world, cx, input, input.text("name"))?;
    let mut changed = kept(input);
    changed.remove("cluster");
    if changed.values().any(|it| it.member("autoScalingGroupArn").is_some()) {
        return Err(invalid("The Auto Scaling group of a capacity provider cannot be changed."));
    }
    let ecs = &mut world.services.ecs;
    let provider = ecs.capacity_providers.get_mut(&arn).ok_or_else(not_found)?;
    if changed.keys().any(|kind| !provider.fields.contains_key(kind)) {
        return Err(invalid("The kind of a capacity provider cannot be changed."));
    }
    let fails = provider.group().is_some_and(|group| group.contains("update-fails"));
    for (kind, members) in changed.into_iter().filter(|_| !fails) {
        for (name, value) in members.as_object().into_iter().flatten() {
            merge(&mut provider.fields[&kind][name], value);
        }
    }
    provider.update = Some(("UPDATE_IN_PROGRESS", None));
    moves(world, &arn);
    shown(&world.services.ecs, &arn)
}

/// Members that are not named keep their value.
fn merge(present: &mut Value, changed: &Value) {
    match (present, changed) {
        (Value::Object(present), Value::Object(changed)) => present.extend(changed.clone()),
        (present, changed) => present.clone_from(changed),
    }
}

pub(crate) fn delete(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let name = input.text("capacityProvider").map(names::last_part);
    if name.is_some_and(|name| FARGATE.contains(&name)) {
        return Err(client("The FARGATE and FARGATE_SPOT capacity providers are reserved and cannot be deleted."));
    }
    let arn = existing(world, cx, input, name)?;
    let ecs = &mut world.services.ecs;
    let name = names::last_part(&arn).to_owned();
    let holder = ecs.clusters.values().find(|cluster| cluster.is_active() && cluster.names(&name));
    // A deletion that ECS gives up at once is no error; `updateStatus` says so, and the provider stays ACTIVE.
    let reason = holder.map(|cluster| {
        format!(
            "The capacity provider cannot be deleted because it is associated with cluster: {}. Remove the capacity provider \
             from the cluster and try again.",
            cluster.name
        )
    });
    let refused = reason.is_some();
    let provider = ecs.capacity_providers.get_mut(&arn).ok_or_else(not_found)?;
    if refused {
        provider.update = Some(("DELETE_FAILED", reason));
    } else {
        (provider.status, provider.update) = ("DEPROVISIONING", Some(("DELETE_IN_PROGRESS", None)));
        moves(world, &arn);
    }
    shown(&world.services.ecs, &arn)
}

fn not_found() -> Refusal {
    client("The specified capacity provider does not exist. Specify a valid name or ARN and try again.")
}

/// The ARN of the one that a change means, which must not be in the middle of another.
fn existing(world: &World, cx: &Cx, input: &Value, name: Option<&str>) -> Result<String, Refusal> {
    let arn = names::arn(cx, "capacity-provider", names::last_part(name.unwrap_or_default()));
    let ecs = &world.services.ecs;
    let provider = ecs.capacity_providers.get(&arn).filter(|it| it.is_there()).ok_or_else(not_found)?;
    let cluster = input.text("cluster").map(|_| ecs.cluster(cx, input)).transpose()?;
    if provider.cluster() != cluster.map(|cluster| cluster.arn.as_str()) {
        return Err(invalid("Name the cluster of a capacity provider of Managed Instances, and of no other."));
    }
    if provider.is_moving() {
        let message = "The specified capacity provider is being updated. Wait and try again.";
        return Err(Refusal::new("UpdateInProgressException", message));
    }
    Ok(arn)
}

fn shown(ecs: &Ecs, arn: &str) -> Result<Value, Refusal> {
    let provider = ecs.capacity_providers.get(arn).ok_or_else(not_found)?;
    Ok(json!({ "capacityProvider": provider.show(ecs, true) }))
}

fn kept(input: &Value) -> Map<String, Value> {
    let names = ["autoScalingGroupProvider", "managedInstancesProvider", "cluster"];
    names.iter().filter_map(|name| Some(((*name).to_owned(), without_nulls(input.member(name)?)))).collect()
}
