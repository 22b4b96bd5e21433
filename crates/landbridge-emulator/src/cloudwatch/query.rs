//! Metrics and expressions over them, as GetMetricData and alarms ask (MetricDataQuery).

use std::collections::BTreeMap;

use super::expression::{self, Expression};
use super::metric::{Metric, measured};
use super::sample::is_statistic;
use super::{Place, combination, invalid};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::World;

/// Values by the second at which their period begins.
pub(super) type Points = BTreeMap<i64, f64>;

#[derive(Debug, Clone)]
pub(super) struct Query {
    pub(super) id: String,
    pub(super) what: What,
    pub(super) label: Option<String>,
    /// Whether it is part of the answer; what an alarm watches.
    pub(super) returned: bool,
}

#[derive(Debug, Clone)]
pub(super) enum What {
    Stat { metric: Metric, stat: String, period: i64 },
    Math { text: String, parsed: Expression, period: Option<i64> },
}

/// Periods are 1, 5, 10, 20, 30 seconds or minutes.
pub(super) fn checked_period(period: i64) -> Result<i64, Refusal> {
    if [1, 5, 10, 20, 30].contains(&period) || period > 0 && period % 60 == 0 {
        return Ok(period);
    }
    Err(invalid("The parameter Period must be 1, 5, 10, 20, 30, or a multiple of 60."))
}

pub(super) fn checked_stat(stat: &str) -> Result<&str, Refusal> {
    if is_statistic(stat) {
        return Ok(stat);
    }
    Err(invalid(format!(
        "The value {stat} for parameter Stat is not supported: this emulator knows SampleCount, Sum, Average, Minimum, Maximum \
         and percentiles such as p90."
    )))
}

/// `MetricDataQueries` or an alarm's `Metrics`.
pub(super) fn read(input: Input<'_>, member: &str) -> Result<Vec<Query>, Refusal> {
    let mut queries: Vec<Query> = Vec::new();
    for given in input.objects(member)? {
        let id = given.required("Id")?;
        if !id.starts_with(|c: char| c.is_ascii_lowercase())
            || !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        {
            return Err(invalid(format!(
                "The value {id} for parameter {member}.Id is not matching the expected pattern."
            )));
        }
        if queries.iter().any(|query| query.id == id) {
            return Err(invalid(format!("The parameter {member}.Id must be unique, and {id} comes twice.")));
        }
        let what = match (given.object("MetricStat")?, given.text("Expression")?) {
            (Some(stat), None) => stat_of(stat)?,
            (None, Some(text)) => {
                let period = given.number("Period")?.map(checked_period).transpose()?;
                What::Math { text: text.to_owned(), parsed: expression::parse(text)?, period }
            }
            _ => return Err(combination(format!("{member} {id} must have either a MetricStat or an Expression."))),
        };
        let label = given.text("Label")?.map(str::to_owned);
        queries.push(Query { id: id.to_owned(), what, label, returned: given.flag("ReturnData")?.unwrap_or(true) });
    }
    for query in &queries {
        if let What::Math { parsed, .. } = &query.what {
            let unknown = parsed.names().into_iter().find(|name| !queries.iter().any(|other| other.id == *name));
            if let Some(unknown) = unknown {
                return Err(invalid(format!("Error in expression '{}': undefined variable {unknown}.", query.id)));
            }
        }
    }
    Ok(queries)
}

fn stat_of(stat: Input<'_>) -> Result<What, Refusal> {
    let metric = stat.object("Metric")?.ok_or_else(|| stat.missing("Metric"))?;
    let period = stat.number("Period")?.ok_or_else(|| stat.missing("Period"))?;
    let name = checked_stat(stat.required("Stat")?)?;
    Ok(What::Stat { metric: Metric::read(metric)?, stat: name.to_owned(), period: checked_period(period)? })
}

/// The longest period of the metrics, at which an alarm compares.
pub(super) fn period(queries: &[Query]) -> i64 {
    let periods = queries.iter().map(|query| match &query.what {
        What::Stat { period, .. } => *period,
        What::Math { period, .. } => period.unwrap_or_default(),
    });
    periods.max().filter(|period| *period > 0).unwrap_or(60)
}

/// One statistic in every period from `start` (which periods are counted from) until `end`.
pub(super) fn stat_points(
    world: &World,
    place: &Place,
    (metric, stat, period): (&Metric, &str, i64),
    (start, end): (i64, i64),
) -> Points {
    let starts = (start..end).step_by(period.max(1) as usize);
    let value = |from: i64| measured(world, place, metric, from, from + period)?.statistic(stat);
    starts.filter_map(|from| Some((from, value(from)?))).collect()
}

/// The values of every query. An expression may name another one; one that needs itself has none.
pub(super) fn evaluate(world: &World, place: &Place, queries: &[Query], span: (i64, i64)) -> BTreeMap<String, Points> {
    let mut known = BTreeMap::new();
    for query in queries {
        if let What::Stat { metric, stat, period } = &query.what {
            known.insert(query.id.clone(), stat_points(world, place, (metric, stat, *period), span));
        }
    }
    let mut waiting: Vec<&Query> = queries.iter().filter(|query| matches!(query.what, What::Math { .. })).collect();
    while !waiting.is_empty() {
        let before = waiting.len();
        waiting.retain(|query| {
            let What::Math { parsed, .. } = &query.what else { return false };
            if !parsed.names().iter().all(|name| known.contains_key(*name)) {
                return true;
            }
            let points = parsed.over(&known);
            known.insert(query.id.clone(), points);
            false
        });
        if waiting.len() == before {
            break;
        }
    }
    known
}
