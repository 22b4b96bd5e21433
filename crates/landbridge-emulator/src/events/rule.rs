//! Rules: a pattern, a state and targets (PutRule, DescribeRule, DeleteRule).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::bus::Bus;
use super::pattern::Pattern;
use super::target::Target;
use super::{DEFAULT_BUS, not_found};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

const STATES: [&str; 3] = ["ENABLED", "DISABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"];

#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) pattern: Option<Pattern>,
    /// The pattern as it was given.
    pattern_text: Option<String>,
    schedule: Option<String>,
    pub(super) state: String,
    description: Option<String>,
    role: Option<String>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) targets: BTreeMap<String, Target>,
}

impl Rule {
    pub(super) fn is_on(&self) -> bool {
        self.state != "DISABLED"
    }

    fn show(&self, bus: &str) -> Value {
        let mut shown = json!({ "Name": self.name, "Arn": self.arn, "State": self.state, "EventBusName": bus });
        for (name, value) in [
            ("EventPattern", &self.pattern_text),
            ("ScheduleExpression", &self.schedule),
            ("Description", &self.description),
            ("RoleArn", &self.role),
        ] {
            if let Some(value) = value {
                shown[name] = json!(value);
            }
        }
        shown
    }

    pub(super) fn dump(&self) -> Value {
        let targets: Vec<Value> = self.targets.values().map(Target::show).collect();
        json!({ "arn": self.arn, "state": self.state, "pattern": self.pattern_text, "tags": self.tags, "targets": targets })
    }
}

fn checked_name(input: Input<'_>) -> Result<&str, Refusal> {
    let name = input.required("Name")?;
    let characters = name.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c));
    if !(1..=64).contains(&name.len()) || !characters {
        return Err(input.refuse(format!(
            "1 validation error detected: Value '{name}' at 'name' failed to satisfy constraint: Member must satisfy regular \
             expression pattern: [\\.\\-_A-Za-z0-9]+ and have 1 to 64 characters"
        )));
    }
    Ok(name)
}

pub(super) fn put(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let name = checked_name(input)?;
    let text = input.text("EventPattern")?.filter(|text| !text.is_empty());
    let schedule = input.text("ScheduleExpression")?.filter(|text| !text.is_empty());
    if text.is_none() && schedule.is_none() {
        return Err(input.refuse("Parameter(s) EventPattern or ScheduleExpression must be specified."));
    }
    let pattern = text.map(Pattern::parse).transpose()?;
    let state = input.text("State")?.unwrap_or("ENABLED");
    if !STATES.contains(&state) {
        return Err(input.refuse(format!("State {state} is not one of {}", STATES.join(", "))));
    }
    let bus = world.services.events.bus(cx, input)?;
    // The default bus is not named in the ARNs of its rules.
    let path = if bus.name == DEFAULT_BUS { name.to_owned() } else { format!("{}/{name}", bus.name) };
    let arn = format!("arn:aws:events:{}:{}:rule/{path}", cx.region, cx.account);
    let before = bus.rules.remove(name);
    // Tags are taken at the making only (PutRule, "Tags").
    let tags = match &before {
        Some(rule) => rule.tags.clone(),
        None => input.tags("Tags")?.into_iter().collect(),
    };
    let rule = Rule {
        name: name.to_owned(),
        arn: arn.clone(),
        pattern,
        pattern_text: text.map(str::to_owned),
        schedule: schedule.map(str::to_owned),
        state: state.to_owned(),
        description: input.text("Description")?.map(str::to_owned),
        role: input.text("RoleArn")?.map(str::to_owned),
        tags,
        targets: before.map(|rule| rule.targets).unwrap_or_default(),
    };
    bus.rules.insert(name.to_owned(), rule);
    Ok(json!({ "RuleArn": arn }))
}

pub(super) fn describe(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let name = input.required("Name")?;
    let bus = world.services.events.bus(cx, input)?;
    let bus_name = bus.name.clone();
    let mut shown = bus.rule(name)?.show(&bus_name);
    shown["CreatedBy"] = json!(cx.account);
    Ok(shown)
}

/// A rule that is not there is no error; one with targets is.
pub(super) fn delete(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let name = input.required("Name")?;
    let bus = world.services.events.bus(cx, input)?;
    if bus.rules.get(name).is_some_and(|rule| !rule.targets.is_empty()) {
        return Err(input.refuse("Rule can't be deleted since it has targets."));
    }
    bus.rules.remove(name);
    Ok(Value::Null)
}

pub(super) fn set_state(world: &mut World, cx: &Cx, input: Input<'_>, state: &str) -> Result<Value, Refusal> {
    let name = input.required("Name")?;
    state.clone_into(&mut world.services.events.bus(cx, input)?.rule(name)?.state);
    Ok(Value::Null)
}

pub(super) fn list(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let prefix = input.text("NamePrefix")?.unwrap_or_default();
    let most = input.number_within("Limit", 1, 100)?.unwrap_or(100) as usize;
    let after = input.text("NextToken")?.unwrap_or_default();
    let Bus { name: bus, rules, .. } = world.services.events.bus(cx, input)?;
    let mut found = rules.values().filter(|rule| rule.name.starts_with(prefix) && rule.name.as_str() > after);
    let page: Vec<&Rule> = found.by_ref().take(most).collect();
    let mut answer = json!({ "Rules": page.iter().map(|rule| rule.show(bus)).collect::<Vec<_>>() });
    if let (Some(last), true) = (page.last(), found.next().is_some()) {
        answer["NextToken"] = json!(last.name);
    }
    Ok(answer)
}

/// The rule that `ResourceARN` names.
fn by_arn<'a>(world: &'a mut World, input: Input<'_>) -> Result<&'a mut Rule, Refusal> {
    let arn = input.required("ResourceARN")?;
    let rules = world.services.events.buses.values_mut().flat_map(|bus| bus.rules.values_mut());
    let missing = || not_found(format!("Resource {arn} does not exist."));
    rules.into_iter().find(|rule| rule.arn == arn).ok_or_else(missing)
}

pub(super) fn tag(world: &mut World, _cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let tags = input.tags("Tags")?;
    by_arn(world, input)?.tags.extend(tags);
    Ok(Value::Null)
}

pub(super) fn untag(world: &mut World, _cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let keys = input.texts("TagKeys")?;
    by_arn(world, input)?.tags.retain(|key, _| !keys.contains(&key.as_str()));
    Ok(Value::Null)
}

pub(super) fn tags(world: &mut World, _cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let rule = by_arn(world, input)?;
    let tags: Vec<Value> = rule.tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
    Ok(json!({ "Tags": tags }))
}
