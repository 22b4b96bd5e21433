//! Amazon CloudWatch: metrics that are put or set, their statistics, and metric alarms that are evaluated over the
//! world's time.
//!
//! Composite alarms, anomaly detection, dashboards, insight rules and metric streams are not modelled. Alarms act on
//! nothing but scaling policies, ECS deployments and EventBridge. Source: Amazon CloudWatch API reference.

mod alarm;
mod alarm_config;
mod alarm_list;
mod alarm_tick;
mod expression;
mod history;
mod metric;
mod put;
mod query;
mod read;
mod sample;
mod set_state;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};

use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

use alarm::Alarm;
use metric::Series;

pub(crate) use alarm_tick::Tick;
pub(crate) use metric::{Metric, set_level, set_point};
pub(crate) use set_state::{forget_alarm, put_alarm};

/// Account and region.
pub(crate) type Place = (String, String);

/// All accounts' and regions' metrics and alarms.
#[derive(Debug, Clone, Default)]
pub(crate) struct CloudWatch {
    places: BTreeMap<Place, Here>,
}

#[derive(Debug, Clone, Default)]
struct Here {
    series: BTreeMap<Metric, Series>,
    alarms: BTreeMap<String, Alarm>,
    /// Newest first.
    history: VecDeque<history::Item>,
    /// Counts alarms as they are put, so that what was planned for an older one is known.
    generation: u64,
}

impl CloudWatch {
    /// ARN and tags of each resource of an account and region.
    pub(crate) fn tagged(&self, cx: &Cx) -> crate::tagging::Tagged {
        let here = self.places.get(&(cx.account.clone(), cx.region.clone()));
        let alarms = here.into_iter().flat_map(|here| here.alarms.values());
        alarms.map(|alarm| (alarm.arn.clone(), alarm.tags.clone())).collect()
    }

    /// `OK`, `ALARM` or `INSUFFICIENT_DATA`, if there is such an alarm.
    pub(crate) fn alarm_state(&self, place: &Place, name: &str) -> Option<&'static str> {
        self.alarm(place, name).map(|alarm| alarm.state)
    }

    /// How far back an alarm looks.
    pub(crate) fn alarm_span(&self, place: &Place, name: &str) -> Option<Duration> {
        let config = &self.alarm(place, name)?.config;
        Some(Duration::from_secs(config.period.max(0) as u64 * config.periods as u64))
    }

    /// Everything remembered, for a look from outside; of metrics only the names.
    pub(crate) fn dump(&self) -> Value {
        let here = self.places.values();
        let alarms: Vec<Value> = here.clone().flat_map(|here| here.alarms.values()).map(Alarm::show).collect();
        let metrics: Vec<Value> = here.flat_map(|here| here.series.keys()).map(Metric::show).collect();
        json!({ "alarms": alarms, "metrics": metrics })
    }

    fn here(&mut self, cx: &Cx) -> &mut Here {
        self.places.entry((cx.account.clone(), cx.region.clone())).or_default()
    }

    fn alarm(&self, place: &Place, name: &str) -> Option<&Alarm> {
        self.places.get(place)?.alarms.get(name)
    }

    fn alarm_mut(&mut self, place: &Place, name: &str) -> Option<&mut Alarm> {
        self.places.get_mut(place)?.alarms.get_mut(name)
    }

    /// The tags of the alarm with that ARN.
    pub(crate) fn tags_mut(&mut self, arn: &str) -> Option<&mut BTreeMap<String, String>> {
        let mut alarms = self.places.values_mut().flat_map(|here| here.alarms.values_mut());
        alarms.find(|alarm| alarm.arn == arn).map(|alarm| &mut alarm.tags)
    }
}

const INVALID: &str = "InvalidParameterValueException";

/// A value that a parameter cannot have.
fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(INVALID, message).query("InvalidParameterValue")
}

fn combination(message: impl Into<String>) -> Refusal {
    Refusal::new("InvalidParameterCombinationException", message).query("InvalidParameterCombination")
}

/// The codes that this service gave before it spoke JSON, beside those of the shapes.
fn with_query_code(refusal: Refusal) -> Refusal {
    match &*refusal.code {
        INVALID => refusal.query("InvalidParameterValue"),
        "MissingRequiredParameterException" => refusal.query("MissingParameter"),
        _ => refusal,
    }
}

/// Answers one operation.
pub(crate) fn call(world: &mut World, cx: &Cx, op: &str, input: &Value) -> Result<Value, Refusal> {
    let input = Input::new(input, INVALID);
    let answer = match op {
        "PutMetricData" => put::data(world, cx, input),
        "GetMetricData" => read::data(world, cx, input),
        "GetMetricStatistics" => read::statistics(world, cx, input),
        "ListMetrics" => read::list(world, cx, input),
        "PutMetricAlarm" => alarm::put(world, cx, input),
        "DescribeAlarms" => alarm_list::describe(world, cx, input),
        "DescribeAlarmsForMetric" => alarm_list::for_metric(world, cx, input),
        "DeleteAlarms" => alarm_list::delete(world, cx, input),
        "SetAlarmState" => set_state::set(world, cx, input),
        "EnableAlarmActions" => set_state::enable(world, cx, input, true),
        "DisableAlarmActions" => set_state::enable(world, cx, input, false),
        "DescribeAlarmHistory" => history::describe(world, cx, input),
        "TagResource" => alarm_list::tag(world, cx, input),
        "UntagResource" => alarm_list::untag(world, cx, input),
        "ListTagsForResource" => alarm_list::tags(world, cx, input),
        _ => Err(Refusal::unknown_operation()),
    };
    answer.map_err(with_query_code)
}

/// The newest value that an alarm sees, within as long as it looks back, and its threshold.
pub(crate) fn reading(world: &World, place: &Place, alarm: &str) -> Option<(f64, f64)> {
    let config = &world.services.cloudwatch.alarm(place, alarm)?.config;
    let end = world.now.as_second().div_euclid(60) * 60;
    let start = end - config.period * config.periods as i64;
    let points = query::evaluate(world, place, &config.queries, (start, end));
    points.get(&config.watched)?.last_key_value().map(|(_, value)| (*value, config.threshold))
}

/// An alarm is due to be evaluated.
pub(crate) fn happen(world: &mut World, tick: &Tick) {
    alarm_tick::happen(world, tick);
}
