//! What an alarm watches and when it rings (PutMetricAlarm, MetricAlarm).

use serde_json::{Map, Number, Value};

use super::metric::Metric;
use super::query::{self, Query, What, checked_period, checked_stat};
use super::{combination, invalid};
use crate::input::Input;
use crate::refusal::Refusal;

#[derive(Debug, Clone)]
pub(super) struct Config {
    pub(super) queries: Vec<Query>,
    /// The query whose values are compared.
    pub(super) watched: String,
    pub(super) period: i64,
    pub(super) periods: usize,
    pub(super) datapoints: usize,
    pub(super) threshold: f64,
    pub(super) comparison: String,
    pub(super) missing: String,
}

const COMPARISONS: [(&str, &str); 4] = [
    ("GreaterThanOrEqualToThreshold", "greater than or equal to"),
    ("GreaterThanThreshold", "greater than"),
    ("LessThanThreshold", "less than"),
    ("LessThanOrEqualToThreshold", "less than or equal to"),
];
const MISSING: [&str; 4] = ["breaching", "notBreaching", "ignore", "missing"];

impl Config {
    pub(super) fn read(input: Input<'_>) -> Result<Self, Refusal> {
        let queries = if input.list("Metrics")?.is_empty() { vec![single(input)?] } else { several(input)? };
        let watched = queries.iter().find(|query| query.returned).map(|query| query.id.clone()).unwrap_or_default();
        let period = query::period(&queries);
        let periods = at_least_one(input, "EvaluationPeriods")?.ok_or_else(|| input.missing("EvaluationPeriods"))?;
        let datapoints = at_least_one(input, "DatapointsToAlarm")?.unwrap_or(periods);
        if datapoints > periods {
            return Err(super::with_query_code(Refusal::new(
                "ValidationError",
                "DatapointsToAlarm must be less than or equal to EvaluationPeriods.",
            )));
        }
        let longest = if period < 3600 { 86_400 } else { 7 * 86_400 };
        if period * periods as i64 > longest {
            return Err(Refusal::new(
                "ValidationError",
                format!(
                    "Metrics cannot be checked across more than {} (EvaluationPeriods * Period must be <= {longest}).",
                    if longest == 86_400 { "a day" } else { "a week" }
                ),
            ));
        }
        let comparison = input.required("ComparisonOperator")?;
        if !COMPARISONS.iter().any(|(name, _)| *name == comparison) {
            return Err(Refusal::new(
                "ValidationError",
                format!(
                    "1 validation error detected: Value '{comparison}' at 'comparisonOperator' failed to satisfy constraint: Member \
                 must satisfy enum value set"
                ),
            ));
        }
        let missing = input.text("TreatMissingData")?.unwrap_or("missing");
        if !MISSING.contains(&missing) {
            return Err(Refusal::new("ValidationError", format!("Invalid TreatMissingData value {missing}.")));
        }
        Ok(Self {
            queries,
            watched,
            period,
            periods,
            datapoints,
            threshold: input.float("Threshold")?.ok_or_else(|| input.missing("Threshold"))?,
            comparison: comparison.to_owned(),
            missing: missing.to_owned(),
        })
    }

    /// Whether a value is on the wrong side of the threshold.
    pub(super) fn breaches(&self, value: f64) -> bool {
        match self.comparison.as_str() {
            "GreaterThanOrEqualToThreshold" => value >= self.threshold,
            "GreaterThanThreshold" => value > self.threshold,
            "LessThanThreshold" => value < self.threshold,
            _ => value <= self.threshold,
        }
    }

    /// `greater than`.
    pub(super) fn comparison_words(&self) -> &'static str {
        COMPARISONS.iter().find(|(name, _)| *name == self.comparison).map_or("", |(_, words)| words)
    }

    /// The statistic and metric of an alarm that watches one metric only.
    pub(super) fn metric(&self) -> Option<(&Metric, &str)> {
        match &*self.queries {
            [Query { what: What::Stat { metric, stat, .. }, .. }] => Some((metric, stat)),
            _ => None,
        }
    }
}

fn at_least_one(input: Input<'_>, name: &str) -> Result<Option<usize>, Refusal> {
    match input.number(name)? {
        Some(number) if number < 1 => Err(Refusal::new(
            "ValidationError",
            format!(
                "1 validation error detected: Value '{number}' at '{name}' failed to satisfy constraint: Member must have value \
             greater than or equal to 1"
            ),
        )),
        number => Ok(number.map(|number| number as usize)),
    }
}

fn single(input: Input<'_>) -> Result<Query, Refusal> {
    let metric = Metric::read(input)?;
    let stat = match (input.text("Statistic")?, input.text("ExtendedStatistic")?) {
        (Some(stat), None) | (None, Some(stat)) => checked_stat(stat)?.to_owned(),
        _ => return Err(combination("Either Statistic or ExtendedStatistic must be specified, and not both.")),
    };
    let period = checked_period(input.number("Period")?.ok_or_else(|| input.missing("Period"))?)?;
    Ok(Query { id: "m1".to_owned(), what: What::Stat { metric, stat, period }, label: None, returned: true })
}

fn several(input: Input<'_>) -> Result<Vec<Query>, Refusal> {
    if ["MetricName", "Namespace", "Statistic", "Period"].iter().any(|name| input.get(name).is_some()) {
        return Err(combination(
            "Metrics cannot be specified together with MetricName, Namespace, Statistic or Period.",
        ));
    }
    let queries = query::read(input, "Metrics")?;
    if queries.iter().filter(|query| query.returned).count() != 1 {
        return Err(Refusal::new("ValidationError", "Exactly one element of the metrics list should return data."));
    }
    if queries.len() > 10 {
        return Err(invalid("An alarm has at most 10 metrics and expressions."));
    }
    Ok(queries)
}

/// The request's members with their types, which the query protocol does not carry.
pub(super) fn typed(members: Map<String, Value>) -> Map<String, Value> {
    members.into_iter().map(|(name, value)| (name.clone(), typed_value(&name, value))).collect()
}

fn typed_value(name: &str, value: Value) -> Value {
    match (name, value) {
        (_, Value::Object(members)) => Value::Object(typed(members)),
        (_, Value::Array(items)) => items.into_iter().map(|item| typed_value(name, item)).collect(),
        // A number with a fraction is another type than one without in CBOR.
        ("Threshold", value) => {
            let number = value.as_f64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
            number.and_then(Number::from_f64).map_or(value, Value::Number)
        }
        ("Period" | "EvaluationPeriods" | "DatapointsToAlarm", Value::String(text)) => {
            text.parse::<i64>().map_or(Value::String(text), Value::from)
        }
        ("ActionsEnabled" | "ReturnData", Value::String(text)) => {
            text.parse::<bool>().map_or(Value::String(text), Value::from)
        }
        (_, value) => value,
    }
}
