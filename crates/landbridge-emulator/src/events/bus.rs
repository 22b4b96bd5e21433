//! Event buses: the default one, which every account has, and those that are made.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::rule::Rule;
use super::{DEFAULT_BUS, not_found};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::wire::json::epoch;
use crate::world::{Cx, World};

#[derive(Debug, Clone)]
pub(super) struct Bus {
    pub(super) name: String,
    pub(super) arn: String,
    created: Timestamp,
    pub(super) rules: BTreeMap<String, Rule>,
}

impl Bus {
    pub(super) fn new(cx: &Cx, name: &str, created: Timestamp) -> Self {
        let arn = format!("arn:aws:events:{}:{}:event-bus/{name}", cx.region, cx.account);
        Self { name: name.to_owned(), arn, created, rules: BTreeMap::new() }
    }

    pub(super) fn rule(&mut self, name: &str) -> Result<&mut Rule, Refusal> {
        let bus = self.name.clone();
        let missing = || not_found(format!("Rule {name} does not exist on EventBus {bus}."));
        self.rules.get_mut(name).ok_or_else(missing)
    }

    fn show(&self) -> Value {
        json!({ "Name": self.name, "Arn": self.arn, "CreationTime": epoch(self.created) })
    }

    pub(super) fn dump(&self) -> Value {
        json!({ "arn": self.arn, "rules": self.rules.values().map(Rule::dump).collect::<Vec<_>>() })
    }
}

pub(super) fn create(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let name = input.required("Name")?;
    let characters = name.chars().all(|c| c.is_ascii_alphanumeric() || "/.-_".contains(c));
    if !(1..=256).contains(&name.len()) || !characters || name == DEFAULT_BUS {
        return Err(input.refuse(format!("Event bus name {name} is not valid.")));
    }
    let place = (cx.account.clone(), cx.region.clone(), name.to_owned());
    let buses = &mut world.services.events.buses;
    if buses.contains_key(&place) {
        return Err(Refusal::new("ResourceAlreadyExistsException", format!("Event bus {name} already exists.")));
    }
    let bus = Bus::new(cx, name, cx.now);
    let arn = bus.arn.clone();
    buses.insert(place, bus);
    Ok(json!({ "EventBusArn": arn }))
}

pub(super) fn delete(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let name = input.required("Name")?;
    if name == DEFAULT_BUS {
        return Err(input.refuse("Cannot delete event bus default."));
    }
    let place = (cx.account.clone(), cx.region.clone(), name.to_owned());
    if world.services.events.buses.get(&place).is_some_and(|bus| !bus.rules.is_empty()) {
        return Err(input.refuse("Event bus can't be deleted since it has rules."));
    }
    world.services.events.buses.remove(&place);
    Ok(Value::Null)
}

pub(super) fn describe(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let named = json!({ "EventBusName": input.text("Name")? });
    Ok(world.services.events.bus(cx, Input::new(&named, "ValidationException"))?.show())
}

pub(super) fn list(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let prefix = input.text("NamePrefix")?.unwrap_or_default().to_owned();
    // It is there before anybody uses it.
    world.services.events.bus(cx, Input::new(&Value::Null, "ValidationException"))?;
    let here = |(account, region, name): &(String, String, String)| {
        *account == cx.account && *region == cx.region && name.starts_with(&prefix)
    };
    let buses = world.services.events.buses.iter().filter(|(place, _)| here(place));
    Ok(json!({ "EventBuses": buses.map(|(_, bus)| bus.show()).collect::<Vec<_>>() }))
}
