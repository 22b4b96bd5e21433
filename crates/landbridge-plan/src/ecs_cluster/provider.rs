//! One capacity provider: how it differs from its definition, and the request bodies that make and change it.

use landbridge_api::ecs::CapacityProvider;
use landbridge_api::names::tag;
use serde_json::{Map, Value, json};

use super::CapacityProviderFacts;
use super::observed::MANAGED;
use crate::change::{Body, Tags};
use crate::plan::Difference;
use crate::{canonical, diff, tags};

const GROUP: &str = "autoScalingGroupProvider";
/// What UpdateCapacityProvider does not take (`AutoScalingGroupProviderUpdate` and `InstanceLaunchTemplateUpdate` in the ECS
/// API reference).
const IMMUTABLE: [&str; 3] = ["autoScalingGroupArn", "capacityOptionType", "fipsEnabled"];

/// Whether ECS runs the instances.
pub(super) fn is_managed(definition: &CapacityProvider) -> bool {
    definition.managed_instances_provider.is_some()
}

/// Name of the Auto Scaling group behind its ARN or name.
pub(super) fn group(arn_or_name: &str) -> &str {
    arn_or_name.rsplit_once("autoScalingGroupName/").map_or(arn_or_name, |(_, name)| name)
}

/// Name of the Auto Scaling group of a capacity provider that is there.
pub(super) fn group_of(facts: &CapacityProviderFacts) -> Option<&str> {
    facts.fields.get(GROUP)?.get("autoScalingGroupArn")?.as_str().map(group)
}

/// The body of CreateCapacityProvider.
pub(super) fn create(definition: &CapacityProvider, cluster: &str, wanted: &Tags) -> Body {
    let mut body = written(definition);
    body.insert("name".to_owned(), definition.name.as_str().into());
    body.insert("tags".to_owned(), tags::listed(wanted, "key", "value"));
    if is_managed(definition) {
        body.insert("cluster".to_owned(), cluster.into());
    }
    body
}

/// The content tag of a provider of Managed Instances: ECS fills in what a definition leaves out, so only this tells that
/// something was taken out of the definition.
pub(super) fn content(definition: &CapacityProvider) -> Option<(String, String)> {
    let hash = || canonical::capacity_provider_hash(&Value::Object(written(definition)));
    is_managed(definition).then(|| (tag::CONTENT.to_owned(), hash()))
}

/// A definition and what is there, made comparable.
pub(super) struct Compared {
    path: String,
    wanted: Body,
    present: Body,
    differences: Vec<Difference>,
}

impl Compared {
    pub(super) fn new(definition: &CapacityProvider, facts: &CapacityProviderFacts) -> Self {
        let mut wanted = canonical_fields(&written(definition));
        let mut present = canonical_fields(&facts.fields);
        same_group(&wanted, &mut present);
        unscaled(&mut wanted, &mut present);
        let edited = content(definition).is_some_and(|(key, hash)| facts.tags.get(&key).is_some_and(|h| *h != hash));
        let seen = if is_managed(definition) && !edited { named(&present, &wanted) } else { present.clone() };
        let path = format!("capacityProviderDefinitions[{}]", definition.name);
        let differences = diff::body_differences(&path, &seen, &wanted);
        Self { path, wanted, present, differences }
    }

    pub(super) fn differences(&self) -> &[Difference] {
        &self.differences
    }

    /// What differs and cannot be changed, by its name.
    pub(super) fn immutable(&self) -> Option<String> {
        let kind = [GROUP, MANAGED].into_iter().find(|k| self.wanted.contains_key(*k) != self.present.contains_key(*k));
        let field = || {
            // What the definition does not say may be as it is.
            let said = self.differences.iter().filter(|d| d.to.is_some());
            let last = |d: &Difference| d.path.rsplit('.').next().unwrap_or_default().to_owned();
            said.map(last).find(|name| IMMUTABLE.contains(&name.as_str()))
        };
        kind.map(str::to_owned).or_else(field)
    }

    /// The body of UpdateCapacityProvider with the members that differ, if anything can be sent.
    ///
    /// Whether ECS keeps or resets what a launch template or the scaling leaves out is not documented, so they are sent in
    /// full.
    pub(super) fn update(&self, name: &str, cluster: &str) -> Option<Body> {
        let managed = self.wanted.contains_key(MANAGED);
        let kind = if managed { MANAGED } else { GROUP };
        let wanted = self.wanted.get(kind)?.as_object()?;
        let changed = |field: &String| {
            let path = format!("{}.{kind}.{field}", self.path);
            let inside =
                |d: &Difference| d.path.strip_prefix(&path).is_some_and(|r| r.is_empty() || r.starts_with(['.', '[']));
            self.differences.iter().any(inside)
        };
        let mut fields: Map<String, Value> =
            wanted.iter().filter(|(field, _)| changed(field)).map(|(f, v)| (f.clone(), mutable(v))).collect();
        if fields.is_empty() {
            return None;
        }
        let mut body = Body::from_iter([("name".to_owned(), name.into())]);
        if managed {
            // Required in every update.
            fields.insert("infrastructureRoleArn".to_owned(), wanted.get("infrastructureRoleArn")?.clone());
            body.insert("cluster".to_owned(), cluster.into());
        }
        body.insert(kind.to_owned(), Value::Object(fields));
        Some(body)
    }
}

/// The two kinds of a definition, as it has them.
fn written(definition: &CapacityProvider) -> Body {
    // A struct of plain fields always becomes an object.
    let mut body = serde_json::to_value(definition).ok().and_then(|v| v.as_object().cloned()).unwrap_or_default();
    body.retain(|field, _| field == GROUP || field == MANAGED);
    body
}

fn canonical_fields(fields: &Body) -> Body {
    let mut fields =
        canonical::capacity_provider(&Value::Object(fields.clone())).as_object().cloned().unwrap_or_default();
    fields.retain(|field, _| field == GROUP || field == MANAGED);
    fields
}

/// A group may be given by its name; ECS shows its ARN.
fn same_group(wanted: &Body, present: &mut Body) {
    let arn_of = |fields: &Body| Some(fields.get(GROUP)?.get("autoScalingGroupArn")?.as_str()?.to_owned());
    let (Some(want), Some(have)) = (arn_of(wanted), arn_of(present)) else { return };
    if !want.starts_with("arn:") && group(&have) == want {
        set_in_group(present, "autoScalingGroupArn", want.into());
    }
}

/// How a group would be scaled means nothing while it is not.
fn unscaled(wanted: &mut Body, present: &mut Body) {
    let off = |fields: &Body| {
        let scaling = fields.get(GROUP).and_then(|g| g.get("managedScaling"));
        scaling.is_some_and(|s| s.get("status") == Some(&json!("DISABLED")))
    };
    if off(wanted) && off(present) {
        for fields in [wanted, present] {
            set_in_group(fields, "managedScaling", json!({ "status": "DISABLED" }));
        }
    }
}

fn set_in_group(fields: &mut Body, member: &str, value: Value) {
    if let Some(group) = fields.get_mut(GROUP).and_then(Value::as_object_mut) {
        group.insert(member.to_owned(), value);
    }
}

/// The members of `present` that `wanted` has, at any depth.
fn named(present: &Map<String, Value>, wanted: &Map<String, Value>) -> Map<String, Value> {
    let both = present.iter().filter_map(|(name, have)| Some((name, have, wanted.get(name)?)));
    both.map(|(name, have, want)| {
        let kept = match (have, want) {
            (Value::Object(have), Value::Object(want)) => Value::Object(named(have, want)),
            _ => have.clone(),
        };
        (name.clone(), kept)
    })
    .collect()
}

/// Without what an update does not take.
fn mutable(value: &Value) -> Value {
    let mut value = value.clone();
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|field, _| !IMMUTABLE.contains(&field.as_str()));
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_has_its_name_at_the_end_of_its_arn() {
        let arn = "arn:aws:autoscaling:eu-central-1:111122223333:autoScalingGroup:0f-1:autoScalingGroupName/spare/a";
        assert_eq!(group(arn), "spare/a");
        assert_eq!(group("spare"), "spare");
    }

    #[test]
    fn only_members_that_both_have_are_compared() {
        let present = json!({ "a": { "x": 1, "y": 2 }, "b": 3 });
        let wanted = json!({ "a": { "x": 5 }, "c": 4 });
        let kept = named(present.as_object().unwrap(), wanted.as_object().unwrap());
        assert_eq!(Value::Object(kept), json!({ "a": { "x": 1 } }));
    }

    #[test]
    fn the_launch_template_is_sent_without_what_cannot_change() {
        let template = json!({ "capacityOptionType": "SPOT", "fipsEnabled": true, "monitoring": "BASIC" });
        assert_eq!(mutable(&template), json!({ "monitoring": "BASIC" }));
    }
}
