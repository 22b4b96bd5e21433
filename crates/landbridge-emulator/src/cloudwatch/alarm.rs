//! Metric alarms as they are made and shown (PutMetricAlarm, MetricAlarm).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::alarm_config::{Config, typed};
use super::{Place, alarm_tick, history};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::wire::json::epoch;
use crate::world::{Cx, World};

#[derive(Debug, Clone)]
pub(super) struct Alarm {
    pub(super) name: String,
    pub(super) arn: String,
    /// The request's members.
    pub(super) fields: Map<String, Value>,
    pub(super) config: Config,
    pub(super) tags: BTreeMap<String, String>,
    /// `OK`, `ALARM` or `INSUFFICIENT_DATA`.
    pub(super) state: &'static str,
    pub(super) reason: String,
    pub(super) reason_data: Option<String>,
    pub(super) state_at: Timestamp,
    pub(super) configured_at: Timestamp,
    pub(super) generation: u64,
}

pub(super) const NO_DATA: &str = "INSUFFICIENT_DATA";

impl Alarm {
    pub(super) fn actions_enabled(&self) -> bool {
        self.fields.get("ActionsEnabled").and_then(Value::as_bool).unwrap_or(true)
    }

    /// What happens in the present state, if actions are enabled.
    pub(super) fn actions(&self) -> Vec<String> {
        let member = match self.state {
            "OK" => "OKActions",
            "ALARM" => "AlarmActions",
            _ => "InsufficientDataActions",
        };
        let actions = self.fields.get(member).and_then(Value::as_array).filter(|_| self.actions_enabled());
        actions.into_iter().flatten().filter_map(|action| action.as_str().map(str::to_owned)).collect()
    }

    pub(super) fn show(&self) -> Value {
        let mut shown = self.fields.clone();
        shown.remove("Tags");
        for member in ["OKActions", "AlarmActions", "InsufficientDataActions", "Dimensions"] {
            let of_one_metric = member != "Dimensions" || self.config.metric().is_some();
            if of_one_metric {
                shown.entry(member).or_insert_with(|| json!([]));
            }
        }
        for (name, value) in [
            ("AlarmArn", json!(self.arn)),
            ("ActionsEnabled", json!(self.actions_enabled())),
            ("StateValue", json!(self.state)),
            ("StateReason", json!(self.reason)),
            ("StateUpdatedTimestamp", epoch(self.state_at)),
            ("StateTransitionedTimestamp", epoch(self.state_at)),
            ("AlarmConfigurationUpdatedTimestamp", epoch(self.configured_at)),
        ] {
            shown.insert(name.to_owned(), value);
        }
        if let Some(data) = &self.reason_data {
            shown.insert("StateReasonData".to_owned(), json!(data));
        }
        Value::Object(shown)
    }
}

pub(super) fn put(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let place = (cx.account.clone(), cx.region.clone());
    let tags: BTreeMap<String, String> = input.tags("Tags")?.into_iter().collect();
    put_as(world, &place, input, tags)?;
    Ok(Value::Null)
}

/// Makes an alarm, or gives one another configuration; it keeps its state and its tags.
pub(super) fn put_as(
    world: &mut World,
    place: &Place,
    input: Input<'_>,
    tags: BTreeMap<String, String>,
) -> Result<(), Refusal> {
    let name = input.required("AlarmName")?;
    if name.is_empty() || name.chars().count() > 255 || name.contains(|c: char| c.is_ascii_control()) {
        return Err(super::invalid("An alarm's name has 1 to 255 characters, and no control character."));
    }
    for actions in ["AlarmActions", "OKActions", "InsufficientDataActions"] {
        let given = input.texts(actions)?;
        if given.len() > 5 || given.iter().any(|action| !action.starts_with("arn:")) {
            return Err(Refusal::new("ValidationError", format!("Invalid {actions}: give up to 5 ARNs.")));
        }
    }
    let config = Config::read(input)?;
    let now = world.now;
    let here = world.services.cloudwatch.places.entry(place.clone()).or_default();
    here.generation += 1;
    let generation = here.generation;
    let before = here.alarms.get(name);
    let (what, summary) = match before {
        None => ("Create", format!("Alarm \"{name}\" created")),
        Some(_) => ("Update", format!("Alarm \"{name}\" updated")),
    };
    let alarm = match before {
        Some(before) => {
            Alarm { fields: typed(input.members()), config, configured_at: now, generation, ..before.clone() }
        }
        None => Alarm {
            name: name.to_owned(),
            arn: format!("arn:aws:cloudwatch:{}:{}:alarm:{name}", place.1, place.0),
            fields: typed(input.members()),
            config,
            tags,
            state: NO_DATA,
            reason: "Unchecked: Initial alarm creation".to_owned(),
            reason_data: None,
            state_at: now,
            configured_at: now,
            generation,
        },
    };
    let shown = alarm.show();
    here.alarms.insert(name.to_owned(), alarm);
    let data = json!({ "version": "1.0", "type": what, "updatedAlarm": shown });
    history::add(world, place, name, "ConfigurationUpdate", &summary, &data);
    alarm_tick::plan(world, place, name);
    Ok(())
}
