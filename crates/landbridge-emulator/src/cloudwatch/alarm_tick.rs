//! Evaluating alarms: every minute, or every ten seconds for a shorter period, over as many periods as an alarm says
//! ("Alarm evaluation" and "Configuring how CloudWatch alarms treat missing data").

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::alarm::{Alarm, NO_DATA};
use super::alarm_config::Config;
use super::query::{self, Points};
use super::{Place, set_state};
use crate::world::{Event, World};

/// An alarm is due to be evaluated.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tick {
    place: Place,
    name: String,
    generation: u64,
}

/// Periods before those that count, in which values are looked for where some of those that count have none.
const EARLIER: i64 = 2;

/// Plans an alarm's next evaluation.
pub(super) fn plan(world: &mut World, place: &Place, name: &str) {
    let Some(alarm) = world.services.cloudwatch.alarm(place, name) else { return };
    let every = interval(&alarm.config);
    let tick = Tick { place: place.clone(), name: name.to_owned(), generation: alarm.generation };
    let milliseconds = every * 1000;
    let wait = milliseconds - world.now.as_millisecond().rem_euclid(milliseconds);
    world.after(Duration::from_millis(wait as u64), Event::CloudWatch(tick));
}

fn interval(config: &Config) -> i64 {
    if config.period % 60 == 0 { 60 } else { 10 }
}

pub(super) fn happen(world: &mut World, tick: &Tick) {
    let Tick { place, name, generation } = tick;
    let Some(alarm) = world.services.cloudwatch.alarm(place, name) else { return };
    if alarm.generation != *generation {
        return;
    }
    let (alarm, now) = (alarm.clone(), world.now);
    let evaluated = Evaluated::of(world, place, &alarm.config);
    let state = evaluated.state(&alarm.config, alarm.state);
    if state == alarm.state {
        set_state::act(world, place, name, false);
    } else {
        let (reason, data) = evaluated.reason(&alarm, state, now);
        set_state::transition(world, place, name, state, &reason, Some(data));
    }
    plan(world, place, name);
}

/// The values that an alarm looks at, oldest first, of the newest period and as many before as count, and some earlier.
struct Evaluated {
    end: i64,
    values: Vec<(i64, Option<f64>)>,
}

impl Evaluated {
    fn of(world: &World, place: &Place, config: &Config) -> Self {
        let interval = interval(config);
        let end = world.now.as_second().div_euclid(interval) * interval;
        let start = end - config.period * (config.periods as i64 + EARLIER);
        let points = query::evaluate(world, place, &config.queries, (start, end));
        let watched = points.get(&config.watched);
        let value = |from: i64| watched.and_then(|points: &Points| points.get(&from)).copied();
        let values = (start..end).step_by(config.period as usize).map(|from| (from, value(from))).collect();
        Self { end, values }
    }

    /// The newest values, of which there are enough or as many as there are.
    fn present(&self, config: &Config) -> Vec<(i64, f64)> {
        let present = self.values.iter().filter_map(|(from, value)| Some((*from, (*value)?)));
        let present: Vec<_> = present.collect();
        let surplus = present.len().saturating_sub(config.periods);
        present[surplus..].to_vec()
    }

    fn state(&self, config: &Config, before: &'static str) -> &'static str {
        let present = self.present(config);
        let breaching = present.iter().filter(|(_, value)| config.breaches(*value)).count();
        let absent = config.periods - present.len();
        let rings = |count: usize| if count >= config.datapoints { "ALARM" } else { "OK" };
        if absent == 0 || breaching >= config.datapoints {
            return rings(breaching);
        }
        match config.missing.as_str() {
            "breaching" => rings(breaching + absent),
            "notBreaching" => rings(breaching),
            "ignore" if breaching == present.len() => before,
            "missing" if present.is_empty() => NO_DATA,
            // What is old enough and was followed by nothing better is an alarm ("Avoiding premature transitions").
            "missing" if breaching == present.len() => {
                let oldest = present.first().map_or(0, |(from, _)| (self.end - from) / config.period);
                if oldest >= config.datapoints as i64 { "ALARM" } else { before }
            }
            _ => "OK",
        }
    }

    /// `StateReason` and `StateReasonData`.
    fn reason(&self, alarm: &Alarm, state: &str, now: Timestamp) -> (String, Value) {
        let config = &alarm.config;
        let present = self.present(config);
        let breaching: Vec<_> =
            present.iter().filter(|(_, value)| config.breaches(*value) == (state == "ALARM")).collect();
        let shown = |(from, value): &&(i64, f64)| {
            let at = Timestamp::from_second(*from).unwrap_or(now);
            format!("{value:?} ({})", at.strftime("%d/%m/%y %H:%M:%S"))
        };
        let listed = breaching.iter().rev().map(shown).collect::<Vec<_>>().join(", ");
        let plural = |number: usize| if number == 1 { "" } else { "s" };
        let words = config.comparison_words();
        let reason = match state {
            NO_DATA => {
                format!("Insufficient Data: {} datapoint{} were unknown.", config.periods, plural(config.periods))
            }
            _ if present.is_empty() => format!(
                "Threshold Crossed: no datapoints were received for {} period{} and {} missing datapoint{} were treated as \
                 [{}].",
                config.periods,
                plural(config.periods),
                config.periods,
                plural(config.periods),
                if config.missing == "breaching" { "Breaching" } else { "NonBreaching" }
            ),
            _ => format!(
                "Threshold Crossed: {} out of the last {} datapoints [{listed}] {} {}{words} the threshold ({:?}) (minimum {} \
                 datapoint{} for {} transition).",
                breaching.len(),
                config.periods,
                if breaching.len() == 1 { "was" } else { "were" },
                if state == "ALARM" { "" } else { "not " },
                config.threshold,
                config.datapoints,
                plural(config.datapoints),
                if state == "ALARM" { "OK -> ALARM" } else { "ALARM -> OK" },
            ),
        };
        let written = |at: Timestamp| at.strftime("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string();
        let mut data = json!({
            "version": "1.0", "queryDate": written(now), "period": config.period, "threshold": config.threshold,
            "recentDatapoints": present.iter().map(|(_, value)| value).collect::<Vec<_>>(),
        });
        if let Some((_, stat)) = config.metric() {
            data["statistic"] = json!(stat);
        }
        (reason, data)
    }
}
