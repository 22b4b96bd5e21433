//! Amazon EventBridge: rules on event buses, and the delivery of what matches them to SQS queues.
//!
//! Other targets are kept and shown, and get nothing; schedules of rules are kept and do not fire (EventBridge Scheduler is
//! another service). Source: Amazon EventBridge API reference and "Amazon EventBridge event patterns".

mod bus;
mod delivery;
mod pattern;
mod rule;
mod target;
mod trail;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

use bus::Bus;

pub(crate) use delivery::{Delivery, Occurrence, emit, is_heard};
pub(crate) use trail::record;

/// The bus on which AWS's own services tell.
pub(crate) const DEFAULT_BUS: &str = "default";

/// Where a bus is: account, region and name.
type Place = (String, String, String);

/// All buses that were made or used.
#[derive(Debug, Clone, Default)]
pub(crate) struct Events {
    buses: BTreeMap<Place, Bus>,
}

impl Events {
    /// Everything remembered, for a look from outside.
    pub(crate) fn dump(&self) -> Value {
        self.buses.values().map(Bus::dump).collect()
    }

    /// Rules with their tags.
    pub(crate) fn tagged(&self, cx: &Cx) -> crate::tagging::Tagged {
        let here = self.buses.iter().filter(|((account, region, _), _)| *account == cx.account && *region == cx.region);
        let rules = here.flat_map(|(_, bus)| bus.rules.values());
        rules.map(|rule| (rule.arn.clone(), rule.tags.clone())).collect()
    }

    /// The bus that a call means: by name or ARN, or the default one.
    fn bus(&mut self, cx: &Cx, input: Input<'_>) -> Result<&mut Bus, Refusal> {
        let named = input.text("EventBusName")?.unwrap_or(DEFAULT_BUS);
        let name = named.rsplit("event-bus/").next().unwrap_or(named);
        let place = (cx.account.clone(), cx.region.clone(), name.to_owned());
        if name == DEFAULT_BUS {
            return Ok(self.buses.entry(place).or_insert_with(|| Bus::new(cx, DEFAULT_BUS, cx.now)));
        }
        self.buses.get_mut(&place).ok_or_else(|| not_found(format!("Event bus {name} does not exist.")))
    }
}

fn not_found(message: impl Into<String>) -> Refusal {
    Refusal::new("ResourceNotFoundException", message)
}

/// Answers one operation.
pub(crate) fn call(world: &mut World, cx: &Cx, op: &str, input: &Value) -> Result<Value, Refusal> {
    let input = Input::new(input, "ValidationException");
    match op {
        "CreateEventBus" => bus::create(world, cx, input),
        "DeleteEventBus" => bus::delete(world, cx, input),
        "DescribeEventBus" => bus::describe(world, cx, input),
        "ListEventBuses" => bus::list(world, cx, input),
        "PutRule" => rule::put(world, cx, input),
        "DescribeRule" => rule::describe(world, cx, input),
        "DeleteRule" => rule::delete(world, cx, input),
        "EnableRule" => rule::set_state(world, cx, input, "ENABLED"),
        "DisableRule" => rule::set_state(world, cx, input, "DISABLED"),
        "ListRules" => rule::list(world, cx, input),
        "ListRuleNamesByTarget" => target::rules_of(world, cx, input),
        "PutTargets" => target::put(world, cx, input),
        "RemoveTargets" => target::remove(world, cx, input),
        "ListTargetsByRule" => target::list(world, cx, input),
        "PutEvents" => delivery::put_events(world, cx, input),
        "TestEventPattern" => pattern::test(input),
        "TagResource" => rule::tag(world, cx, input),
        "UntagResource" => rule::untag(world, cx, input),
        "ListTagsForResource" => rule::tags(world, cx, input),
        _ => Err(Refusal::unknown_operation()),
    }
}

/// Something arrives at its target.
pub(crate) fn happen(world: &mut World, delivery: &Delivery) {
    delivery::arrive(world, delivery);
}
