//! Reading metrics (GetMetricData, GetMetricStatistics, ListMetrics).

use jiff::Timestamp;
use serde_json::{Value, json};

use super::metric::{Metric, measured};
use super::query::{self, Query, What, checked_period, checked_stat};
use super::{combination, invalid};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

const DATAPOINTS: i64 = 1440;
const QUERIES: usize = 500;
const LISTED: usize = 500;

/// Start and end as whole seconds, the start at the beginning of a period.
fn span(input: Input<'_>, period: i64) -> Result<(i64, i64), Refusal> {
    let time = |name: &str| input.time(name)?.map(Timestamp::as_second).ok_or_else(|| input.missing(name));
    let (start, end) = (time("StartTime")?, time("EndTime")?);
    if start >= end {
        return Err(invalid("The parameter StartTime must be less than the parameter EndTime."));
    }
    Ok((start.div_euclid(period) * period, end))
}

pub(super) fn data(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let queries = query::read(input, "MetricDataQueries")?;
    if !(1..=QUERIES).contains(&queries.len()) {
        return Err(invalid(format!("The collection MetricDataQueries must have 1 to {QUERIES} items.")));
    }
    let span = span(input, query::period(&queries))?;
    let ascending = input.text("ScanBy")? == Some("TimestampAscending");
    let place = (cx.account.clone(), cx.region.clone());
    let points = query::evaluate(world, &place, &queries, span);
    let result = |query: &Query| {
        let mut found: Vec<(i64, f64)> = points.get(&query.id).into_iter().flatten().map(|(at, v)| (*at, *v)).collect();
        if !ascending {
            found.reverse();
        }
        let label = query.label.clone().unwrap_or_else(|| match &query.what {
            What::Stat { metric, .. } => metric.name.clone(),
            What::Math { .. } => query.id.clone(),
        });
        let (times, values): (Vec<i64>, Vec<f64>) = found.into_iter().unzip();
        json!({ "Id": query.id, "Label": label, "Timestamps": times, "Values": values, "StatusCode": "Complete" })
    };
    let results: Vec<Value> = queries.iter().filter(|query| query.returned).map(result).collect();
    Ok(json!({ "MetricDataResults": results, "Messages": [] }))
}

pub(super) fn statistics(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let metric = Metric::read(input)?;
    let period = checked_period(input.number("Period")?.ok_or_else(|| input.missing("Period"))?)?;
    let (start, end) = span(input, period)?;
    let (plain, extended) = (input.texts("Statistics")?, input.texts("ExtendedStatistics")?);
    if plain.is_empty() && extended.is_empty() {
        return Err(Refusal::new(
            "MissingRequiredParameterException",
            "The request must contain the parameter Statistics or ExtendedStatistics.",
        ));
    }
    for stat in plain.iter().chain(&extended) {
        checked_stat(stat)?;
    }
    if (end - start) / period > DATAPOINTS {
        return Err(combination(format!(
            "You have requested up to {} datapoints, which exceeds the limit of {DATAPOINTS}. You may reduce the datapoints \
             requested by increasing Period, or decreasing the time range.",
            (end - start) / period
        )));
    }
    let place = (cx.account.clone(), cx.region.clone());
    let here = world.services.cloudwatch.here(cx);
    let unit = here.series.get(&metric).and_then(|series| series.unit.clone()).unwrap_or_else(|| default_unit(&metric));
    let mut points = Vec::new();
    for from in (start..end).step_by(period as usize) {
        if let Some(sample) = measured(world, &place, &metric, from, from + period) {
            let mut point = sample.show(&plain, &extended);
            point["Timestamp"] = json!(from);
            point["Unit"] = json!(unit);
            points.push(point);
        }
    }
    Ok(json!({ "Label": metric.name, "Datapoints": points }))
}

fn default_unit(metric: &Metric) -> String {
    if metric.name.ends_with("Utilization") { "Percent" } else { "None" }.to_owned()
}

/// Metrics by namespace, name and dimensions; of dimensions that name no value, every value.
pub(super) fn list(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let (namespace, name) = (input.text("Namespace")?, input.text("MetricName")?);
    let after = input.text("NextToken")?.map_or(Ok(0), str::parse::<usize>);
    let after = after.map_err(|_| invalid("The parameter NextToken is invalid."))?;
    let mut wanted = Vec::new();
    for dimension in input.objects("Dimensions")? {
        wanted.push((dimension.required("Name")?, dimension.text("Value")?));
    }
    let fits = |metric: &Metric| {
        namespace.is_none_or(|namespace| metric.namespace == namespace)
            && name.is_none_or(|name| metric.name == name)
            && wanted.iter().all(|(name, value)| {
                let found = metric.dimensions.get(*name);
                found.is_some_and(|found| value.is_none_or(|value| found == value))
            })
    };
    let mut metrics: Vec<Metric> = world.services.cloudwatch.here(cx).series.keys().cloned().collect();
    metrics.extend(crate::ecs::services_with_metrics(world, &cx.account, &cx.region).into_iter().flat_map(
        |(cluster, service)| {
            let of = |name| Metric::new("AWS/ECS", name, &[("ClusterName", &cluster), ("ServiceName", &service)]);
            [of("CPUUtilization"), of("MemoryUtilization")]
        },
    ));
    metrics.sort();
    metrics.dedup();
    let found: Vec<&Metric> = metrics.iter().filter(|metric| fits(metric)).collect();
    let page: Vec<Value> = found.iter().skip(after).take(LISTED).map(|metric| metric.show()).collect();
    let next = after + page.len();
    let mut answer = json!({ "Metrics": page });
    if next < found.len() {
        answer["NextToken"] = json!(next.to_string());
    }
    Ok(answer)
}
