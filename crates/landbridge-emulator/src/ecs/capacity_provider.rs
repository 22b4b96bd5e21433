//! Capacity providers: kept and checked; they provide whatever is asked. Source: CreateCapacityProvider,
//! DescribeCapacityProviders, UpdateCapacityProvider and DeleteCapacityProvider in the Amazon ECS API reference.

use serde_json::{Map, Value, json};

use super::list::{answer, cut};
use super::member::{Members, client, invalid, without_nulls};
use super::{Ecs, names, tags};
use crate::refusal::Refusal;
use crate::world::{Cx, World};

#[derive(Debug, Clone)]
pub(crate) struct CapacityProvider {
    arn: String,
    name: String,
    /// `autoScalingGroupProvider` or `managedInstancesProvider`, and `cluster` for the latter.
    fields: Map<String, Value>,
    updated: bool,
}

/// Every account has these; they cannot be changed.
const FARGATE: [&str; 2] = ["FARGATE", "FARGATE_SPOT"];

impl CapacityProvider {
    fn show(&self, ecs: &Ecs, with_tags: bool) -> Value {
        let mut shown = self.fields.clone();
        shown.insert("capacityProviderArn".to_owned(), json!(self.arn));
        shown.insert("name".to_owned(), json!(self.name));
        shown.insert("status".to_owned(), json!("ACTIVE"));
        shown.insert("type".to_owned(), json!(self.kind()));
        if self.updated {
            shown.insert("updateStatus".to_owned(), json!("UPDATE_COMPLETE"));
        }
        shown.insert("tags".to_owned(), if with_tags { ecs.tags.show(&self.arn) } else { json!([]) });
        shown.into()
    }

    fn kind(&self) -> &'static str {
        if self.fields.contains_key("managedInstancesProvider") { "MANAGED_INSTANCES" } else { "EC2_AUTOSCALING" }
    }
}

/// Refuses the name of a capacity provider there is not.
pub(super) fn check_known(ecs: &Ecs, cx: &Cx, name: &str) -> Result<(), Refusal> {
    let arn = names::arn(cx, "capacity-provider", names::last_part(name));
    if FARGATE.contains(&name) || ecs.capacity_providers.contains_key(&arn) {
        return Ok(());
    }
    Err(invalid(format!("The specified capacity provider '{name}' is not in an ACTIVE state or does not exist.")))
}

pub(crate) fn create(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
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
    if managed.is_some() && input.text("cluster").is_none() {
        return Err(invalid("A cluster is required for a capacity provider of Amazon ECS Managed Instances."));
    }
    if input.text("cluster").is_some() {
        world.services.ecs.cluster(cx, input)?;
    }
    let arn = names::arn(cx, "capacity-provider", name);
    if world.services.ecs.capacity_providers.contains_key(&arn) {
        return Err(client(format!("A capacity provider with the name {name} already exists.")));
    }
    let tags = tags::requested(input)?;
    let provider = CapacityProvider { arn: arn.clone(), name: name.to_owned(), fields: kept(input), updated: false };
    let ecs = &mut world.services.ecs;
    ecs.tags.replace(&arn, tags);
    let shown = provider.show(ecs, true);
    ecs.capacity_providers.insert(arn, provider);
    Ok(json!({ "capacityProvider": shown }))
}

pub(crate) fn describe(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let ecs = &world.services.ecs;
    let prefix = names::arn(cx, "capacity-provider", "");
    let own =
        ecs.capacity_providers.range(prefix.clone()..).map(|(arn, _)| arn).take_while(|arn| arn.starts_with(&prefix));
    let fargate = FARGATE.iter().map(|name| format!("{prefix}{name}"));
    let wanted = input.texts("capacityProviders");
    let all = wanted.is_empty();
    let wanted: Vec<String> = if all {
        fargate.chain(own.cloned()).collect()
    } else {
        wanted.iter().map(|name| format!("{prefix}{}", names::last_part(name))).collect()
    };
    let (wanted, token) = if all { cut(wanted, input, 10)? } else { (wanted, None) };
    let (mut shown, mut failures) = (Vec::new(), Vec::new());
    for arn in wanted {
        let name = names::last_part(&arn);
        if FARGATE.contains(&name) {
            shown.push(
                json!({ "capacityProviderArn": arn, "name": name, "status": "ACTIVE", "type": name, "tags": [] }),
            );
        } else if let Some(provider) = ecs.capacity_providers.get(&arn) {
            shown.push(provider.show(ecs, input.includes("TAGS")));
        } else {
            failures.push(json!({ "arn": arn, "reason": "MISSING" }));
        }
    }
    let mut answer = answer("capacityProviders", shown.into(), token);
    answer["failures"] = failures.into();
    Ok(answer)
}

pub(crate) fn update(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let arn = existing(world, cx, input.text("name"))?;
    let ecs = &mut world.services.ecs;
    if let Some(provider) = ecs.capacity_providers.get_mut(&arn) {
        for (name, changed) in kept(input) {
            // Members of the provider that are not named keep their value.
            match (provider.fields.get_mut(&name).and_then(Value::as_object_mut), changed) {
                (Some(old), Value::Object(mut new)) => old.append(&mut new),
                (_, changed) => drop(provider.fields.insert(name, changed)),
            }
        }
        provider.updated = true;
    }
    shown(ecs, &arn)
}

pub(crate) fn delete(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let name = input.text("capacityProvider").map(names::last_part);
    if name.is_some_and(|name| FARGATE.contains(&name)) {
        return Err(client("The FARGATE and FARGATE_SPOT capacity providers are reserved and cannot be deleted."));
    }
    let arn = existing(world, cx, name)?;
    let ecs = &mut world.services.ecs;
    let name = names::last_part(&arn).to_owned();
    let used = ecs
        .clusters
        .values()
        .any(|cluster| cluster.is_active() && cluster.fields.texts("capacityProviders").contains(&&*name));
    if used {
        return Err(client("The capacity provider cannot be deleted because it is associated with a cluster."));
    }
    let mut answer = shown(ecs, &arn)?;
    answer["capacityProvider"]["status"] = json!("DEPROVISIONING");
    answer["capacityProvider"]["updateStatus"] = json!("DELETE_IN_PROGRESS");
    ecs.capacity_providers.remove(&arn);
    ecs.tags.remove(&arn);
    Ok(answer)
}

fn existing(world: &World, cx: &Cx, name: Option<&str>) -> Result<String, Refusal> {
    let arn = names::arn(cx, "capacity-provider", names::last_part(name.unwrap_or_default()));
    if world.services.ecs.capacity_providers.contains_key(&arn) {
        Ok(arn)
    } else {
        Err(client("The specified capacity provider does not exist. Specify a valid name or ARN and try again."))
    }
}

fn shown(ecs: &Ecs, arn: &str) -> Result<Value, Refusal> {
    let provider =
        ecs.capacity_providers.get(arn).ok_or_else(|| client("The specified capacity provider does not exist."))?;
    Ok(json!({ "capacityProvider": provider.show(ecs, true) }))
}

fn kept(input: &Value) -> Map<String, Value> {
    let names = ["autoScalingGroupProvider", "managedInstancesProvider", "cluster"];
    names.iter().filter_map(|name| Some(((*name).to_owned(), without_nulls(input.member(name)?)))).collect()
}
