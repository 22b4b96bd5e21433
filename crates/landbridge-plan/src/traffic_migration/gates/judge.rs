//! What an answer means for a gate.

use std::collections::BTreeMap;

use landbridge_api::v1alpha1::{ErrorRate, GateReading, GateResult, Latency, ThresholdRange};

use super::declared::{Gate, What};
use super::question::{Said, unasked};
use crate::traffic_migration::pass::Pass;

type Measured = BTreeMap<String, Vec<(i64, f64)>>;

/// What numbers that are equal may differ by.
const HAIR: f64 = 1e-9;

/// Reads a gate. `before` is what `from` had when it last had enough requests.
pub(super) fn judge(pass: &Pass<'_>, gate: &Gate<'_>, before: Option<f64>) -> GateReading {
    let answer = pass.observed.answers.iter().find(|a| a.gate == gate.name).map(|a| &a.said);
    let mut judged = match (answer, &gate.what) {
        (None, _) => Judged::silent(unasked(pass, gate)),
        (Some(Said::Nothing(why)), _) => Judged::silent(why),
        (Some(Said::Measured(measured)), What::ErrorRate(bounds, least)) => {
            error_rate(&names(pass), measured, bounds, *least, before)
        }
        (Some(Said::Measured(measured)), What::Latency(bounds, least)) => {
            latency(&names(pass), measured, bounds, *least, before)
        }
        (Some(Said::Measured(measured)), What::Metric(metric)) => {
            let points = measured.get("value").map(Vec::as_slice).unwrap_or_default();
            match whole(points, metric.statistic.as_deref().unwrap_or("Average")) {
                Some(value) => within(value, &metric.threshold_range),
                None => Judged::silent("the metric has no value in this time"),
            }
        }
        (Some(Said::Value(value)), What::Prometheus(gate)) => within(*value, &gate.threshold_range),
        (Some(Said::Alarm(state)), What::Alarm(_)) => match state.as_str() {
            "OK" => Judged::of(GateResult::Passed, "it is OK"),
            "ALARM" => Judged::of(GateResult::Failed, "it is in ALARM"),
            other => Judged::silent(format!("it is {other}")),
        },
        (Some(Said::Status(status)), What::Webhook(_)) => match status {
            200..=299 => Judged::of(GateResult::Passed, format!("it answered {status}")),
            400..=599 => Judged::of(GateResult::Failed, format!("it answered {status}")),
            _ => Judged::silent(format!("it answered {status}, which neither passes nor fails")),
        },
        // The spec was changed between question and answer.
        (Some(_), _) => Judged::silent("it has not been asked yet"),
    };
    let other = judged.other.take().or(before);
    GateReading { name: gate.name.clone(), result: judged.result, message: judged.message, failures: None, other }
}

struct Judged {
    result: GateResult,
    message: String,
    /// What `from` has, where it has enough requests.
    other: Option<f64>,
}

impl Judged {
    fn of(result: GateResult, message: impl Into<String>) -> Self {
        Self { result, message: message.into(), other: None }
    }

    fn silent(message: impl Into<String>) -> Self {
        Self::of(GateResult::NoData, message)
    }
}

fn names<'a>(pass: &'a Pass<'_>) -> [&'a str; 2] {
    [&pass.resolved.from.name, &pass.resolved.to.name]
}

/// Points of a series, if the side could be asked at all.
fn points<'a>(measured: &'a Measured, side: &str, what: &str) -> &'a [(i64, f64)] {
    measured.get(&format!("{side}.{what}")).map(Vec::as_slice).unwrap_or_default()
}

fn sum(points: &[(i64, f64)]) -> f64 {
    points.iter().map(|(_, value)| value).sum()
}

fn error_rate(
    [from, to]: &[&str; 2],
    measured: &Measured,
    bounds: &ErrorRate,
    least: f64,
    before: Option<f64>,
) -> Judged {
    // CloudWatch has no value for a minute without requests or errors: that is none.
    let rate = |side: &str| {
        let requests = sum(points(measured, side, "requests"));
        (requests >= least).then(|| sum(points(measured, side, "errors")) * 100.0 / requests)
    };
    let now = rate("from");
    let Some(value) = rate("to") else { return too_few(to, measured, least, now) };
    let above = bounds.max_above_other.map(|points| Relative { by: points, of: |points, other| other + points });
    let said = |value: f64| format!("{value:.2} %");
    let compared = Compared { value, other: now.or(before), is_now: now.is_some(), least };
    let mut judged = compared.judge([from, to], bounds.max_percent, above, &said);
    judged.other = now;
    judged
}

fn latency([from, to]: &[&str; 2], measured: &Measured, bounds: &Latency, least: f64, before: Option<f64>) -> Judged {
    let of = |side: &str| {
        let requests = points(measured, side, "requests");
        (sum(requests) >= least).then(|| weighted(points(measured, side, "latency"), requests)).flatten()
    };
    let now = of("from");
    let Some(value) = of("to") else { return too_few(to, measured, least, now) };
    let times = bounds.max_times_other.map(|times| Relative { by: times, of: |times, other| other * times });
    let said = |value: f64| format!("{value:.3} s");
    let compared = Compared { value, other: now.or(before), is_now: now.is_some(), least };
    let mut judged = compared.judge([from, to], bounds.max_seconds, times, &said);
    judged.other = now;
    judged
}

/// The mean of what minutes measured, each as often as it has requests.
fn weighted(values: &[(i64, f64)], requests: &[(i64, f64)]) -> Option<f64> {
    let counts: BTreeMap<i64, f64> = requests.iter().copied().collect();
    let both: Vec<(f64, f64)> = values.iter().filter_map(|(at, value)| Some((*value, *counts.get(at)?))).collect();
    let whole: f64 = both.iter().map(|(_, count)| count).sum();
    (whole > 0.0).then(|| both.iter().map(|(value, count)| value * count).sum::<f64>() / whole)
}

fn too_few(to: &str, measured: &Measured, least: f64, other: Option<f64>) -> Judged {
    let requests = sum(points(measured, "to", "requests"));
    let message = format!("{to} has {requests:.0} requests in this time, and {least:.0} are needed");
    Judged { other, ..Judged::silent(message) }
}

/// What the value may be, from that of the other side.
#[derive(Clone, Copy)]
struct Relative {
    by: f64,
    of: fn(f64, f64) -> f64,
}

/// A value of `to`, and that of `from`: of now, or the last one.
struct Compared {
    value: f64,
    other: Option<f64>,
    is_now: bool,
    least: f64,
}

impl Compared {
    fn judge(
        &self,
        [from, to]: [&str; 2],
        absolute: Option<f64>,
        relative: Option<Relative>,
        said: &dyn Fn(f64) -> String,
    ) -> Judged {
        let value = self.value;
        let own = format!("{to} has {}", said(value));
        let mut bounds = Vec::new();
        bounds.extend(absolute.map(|most| (most, format!("at most {}", said(most)))));
        let has = if self.is_now { "has" } else { "had last" };
        let compared = |(limit, other): (Relative, f64)| {
            let most = (limit.of)(limit.by, other);
            (most, format!("at most {}, for {from} {has} {}", said(most), said(other)))
        };
        bounds.extend(relative.zip(self.other).map(compared));
        if let Some((_, bound)) = bounds.iter().find(|(most, _)| value > most + HAIR) {
            return Judged::of(GateResult::Failed, format!("{own}, and may have {bound}"));
        }
        if bounds.is_empty() {
            return Judged::silent(format!(
                "{own}, and {from} has fewer than {:.0} requests to compare with; a bound that needs no other side would \
                 decide",
                self.least
            ));
        }
        let bounds: Vec<String> = bounds.into_iter().map(|(_, bound)| bound).collect();
        Judged::of(GateResult::Passed, format!("{own}; {}", bounds.join(" and ")))
    }
}

/// A statistic over several minutes from that of each.
fn whole(points: &[(i64, f64)], statistic: &str) -> Option<f64> {
    let values = points.iter().map(|(_, value)| *value);
    if points.is_empty() {
        return None;
    }
    Some(match statistic {
        "Sum" | "SampleCount" => values.sum(),
        "Minimum" => values.fold(f64::INFINITY, f64::min),
        "Maximum" => values.fold(f64::NEG_INFINITY, f64::max),
        _ => values.sum::<f64>() / points.len() as f64,
    })
}

fn within(value: f64, range: &ThresholdRange) -> Judged {
    let low = range.min.filter(|min| value < min - HAIR).map(|min| format!("at least {min}"));
    let high = range.max.filter(|max| value > max + HAIR).map(|max| format!("at most {max}"));
    // Few figures, so that a value that hardly moves is not told again and again.
    let value = figures(value);
    match low.or(high) {
        Some(bound) => Judged::of(GateResult::Failed, format!("it is {value}, and must be {bound}")),
        None => Judged::of(GateResult::Passed, format!("it is {value}")),
    }
}

/// Three figures that count.
fn figures(value: f64) -> f64 {
    let most = value.abs();
    if most < 1e-9 || !most.is_finite() {
        return value;
    }
    let scale = 10_f64.powf(2.0 - most.log10().floor());
    if scale < 1.0 { value.round() } else { (value * scale).round() / scale }
}
