//! Values from outside (PutMetricData).

use serde_json::Value;

use super::metric::{Metric, dimensions};
use super::sample::Sample;
use super::{combination, invalid};
use crate::clock::seconds_between;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

const DATA: usize = 1000;
const VALUES: usize = 150;
/// Two weeks back and two hours ahead (MetricDatum, "Timestamp").
const PAST: f64 = 14.0 * 86_400.0;
const FUTURE: f64 = 7200.0;

pub(super) fn data(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let namespace = input.required("Namespace")?;
    if namespace.is_empty() || namespace.starts_with("AWS/") || namespace.starts_with(':') {
        // What AWS keeps to itself it names by the prefix alone.
        let named = if namespace.starts_with("AWS/") { "AWS/" } else { namespace };
        return Err(invalid(format!("The value {named} for parameter Namespace is invalid.")));
    }
    let data = input.objects("MetricData")?;
    if data.len() > DATA {
        return Err(invalid(format!("The collection MetricData must not have a size greater than {DATA}.")));
    }
    // All or nothing: everything is read before anything is kept.
    let mut read = Vec::with_capacity(data.len());
    for (place, datum) in data.into_iter().enumerate() {
        read.push(datum_of(cx, namespace, place + 1, datum)?);
    }
    let here = world.services.cloudwatch.here(cx);
    for (metric, at, samples, resolution, unit) in read {
        let series = here.series.entry(metric).or_default();
        series.unit = unit.or(series.unit.take());
        for sample in &samples {
            series.put(at, sample, resolution);
        }
    }
    Ok(Value::Null)
}

type Datum = (Metric, jiff::Timestamp, Vec<Sample>, i64, Option<String>);

fn datum_of(cx: &Cx, namespace: &str, place: usize, datum: Input<'_>) -> Result<Datum, Refusal> {
    let name = datum.required("MetricName")?;
    if name.is_empty() || name.len() > 255 {
        return Err(invalid(format!(
            "The parameter MetricData.member.{place}.MetricName must have 1 to 255 characters."
        )));
    }
    let metric = Metric { namespace: namespace.to_owned(), name: name.to_owned(), dimensions: dimensions(datum)? };
    let at = datum.time("Timestamp")?.unwrap_or(cx.now);
    if seconds_between(at, cx.now) > PAST || seconds_between(cx.now, at) > FUTURE {
        return Err(invalid(format!(
            "The parameter MetricData.member.{place}.Timestamp must specify a time within the past two weeks and no more than \
             two hours in the future."
        )));
    }
    let resolution = match datum.number("StorageResolution")? {
        None | Some(60) => 60,
        Some(1) => 1,
        Some(other) => {
            let message =
                format!("The parameter MetricData.member.{place}.StorageResolution is 1 or 60, and not {other}.");
            return Err(invalid(message));
        }
    };
    let samples = samples(place, datum)?;
    Ok((metric, at, samples, resolution, datum.text("Unit")?.map(str::to_owned)))
}

fn samples(place: usize, datum: Input<'_>) -> Result<Vec<Sample>, Refusal> {
    let (value, values, counts) = (datum.float("Value")?, datum.floats("Values")?, datum.floats("Counts")?);
    let set = datum.object("StatisticValues")?;
    let forms = usize::from(value.is_some()) + usize::from(!values.is_empty()) + usize::from(set.is_some());
    if forms != 1 {
        return Err(combination(format!(
            "The parameters MetricData.member.{place}.Value, .Values and .StatisticValues are mutually exclusive, and you must \
             specify one."
        )));
    }
    if values.len() > VALUES || !counts.is_empty() && counts.len() != values.len() {
        return Err(invalid(format!(
            "The parameters MetricData.member.{place}.Values and .Counts must have the same number of items, at most {VALUES}."
        )));
    }
    if let Some(set) = set {
        let number = |name: &str| set.float(name)?.ok_or_else(|| set.missing(name));
        let (count, sum) = (number("SampleCount")?, number("Sum")?);
        return Ok(vec![Sample::of_set(count, sum, number("Minimum")?, number("Maximum")?)]);
    }
    let counted = values.iter().enumerate().map(|(at, value)| (*value, counts.get(at).copied().unwrap_or(1.0)));
    let all: Vec<(f64, f64)> = value.map(|value| (value, 1.0)).into_iter().chain(counted).collect();
    if all.iter().any(|(value, count)| !value.is_finite() || *count < 0.0) {
        return Err(invalid(format!("The parameter MetricData.member.{place} has a value that is no finite number.")));
    }
    Ok(all.into_iter().map(|(value, count)| Sample::of(value, count)).collect())
}
