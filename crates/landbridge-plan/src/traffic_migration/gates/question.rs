//! What is asked of whom for the sake of the gates, and what comes back.

use std::collections::BTreeMap;

use jiff::Timestamp;
use landbridge_api::v1alpha1::{MigrationPhase as Phase, Span, TrafficMigration};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::address;
use super::declared::{self, Gate, What};
use crate::kind::Kind;
use crate::traffic_migration::command;
use crate::traffic_migration::settings::Settings;
use crate::traffic_migration::weights::seconds;
use crate::traffic_migration::{SideFacts, TargetGroupFacts, pass};

/// CloudWatch has a minute of a load balancer within about another one, and a minute is measured once it is over.
const LAG: i64 = 60;
const MINUTE: i64 = 60;
/// How far back a window that nobody has set goes at most, in seconds.
const HOUR: i64 = 3600;
/// How long an answer is waited for when the spec does not say, in seconds.
const TIMEOUT: i64 = 5;

/// What is asked in one round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GateRound {
    /// Whose answers are not for another: the step of the migration, as the instant at which its weights were written.
    pub step: String,
    /// How often everything is asked, in seconds.
    pub interval: u64,
    /// What is asked.
    pub questions: Vec<GateQuestion>,
}

/// What is asked for one gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GateQuestion {
    /// Name of the gate.
    pub gate: String,
    /// What is asked.
    pub ask: Ask,
}

/// Whom, and what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Ask {
    /// CloudWatch, the values of each minute.
    Metrics {
        /// What is measured, by a name of its own.
        series: BTreeMap<String, Series>,
        /// From this second since 1970, a whole minute.
        start: i64,
        /// Until before this one.
        end: i64,
    },
    /// CloudWatch, the state of the alarm of that name.
    Alarm(String),
    /// A Prometheus server.
    Prometheus {
        /// Its address.
        address: String,
        /// The query.
        query: String,
        /// Seconds.
        timeout: u64,
    },
    /// A service of somebody's own.
    Webhook {
        /// Where to.
        url: String,
        /// What is posted.
        body: Value,
        /// Seconds.
        timeout: u64,
    },
}

/// Whose account and Region a metric is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum MeasuredIn {
    /// Where the migration writes: what holds the load balancer or the hosted zone.
    #[default]
    Written,
    /// Where the load balancer of `from` is.
    From,
    /// Where that of `to` is.
    To,
}

/// A metric of CloudWatch and a statistic of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Series {
    /// Whose CloudWatch has it.
    pub measured_in: MeasuredIn,
    /// `AWS/ApplicationELB`.
    pub namespace: String,
    /// `RequestCount`.
    pub metric: String,
    /// Dimensions by name.
    pub dimensions: BTreeMap<String, String>,
    /// `Sum`, `p95`.
    pub statistic: String,
}

/// What came back for a gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GateAnswer {
    /// Name of the gate.
    pub gate: String,
    /// When it was asked.
    pub at: Timestamp,
    /// What came back.
    pub said: Said,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Said {
    /// Values by second, of each series.
    Measured(BTreeMap<String, Vec<(i64, f64)>>),
    /// `OK`, `ALARM` or `INSUFFICIENT_DATA`.
    Alarm(String),
    /// A finite number.
    Value(f64),
    /// Status of an HTTP answer.
    Status(u16),
    /// Nothing that could be used; in words.
    Nothing(String),
}

/// What is to be asked now: nothing before the new side has any traffic, once the traffic is on its way back, and when
/// somebody has asked for that.
pub fn questions(
    object: &TrafficMigration,
    from: Option<&TargetGroupFacts>,
    to: Option<&TargetGroupFacts>,
    now: Timestamp,
) -> Option<GateRound> {
    let status = object.status.as_ref()?;
    if status.phase == Some(Phase::Draining) {
        return quiet(object, from?, now);
    }
    let watched =
        matches!(status.phase?, Phase::Applying | Phase::Propagating | Phase::Baking | Phase::Gating | Phase::Soaking);
    let step = status.step_since.clone().filter(|_| watched)?;
    if object.is_deleting() || command::goes_back(object) {
        return None;
    }
    let window = window(object, now);
    let settings = Settings::of(&object.spec);
    let of = |gate: Gate<'_>| {
        let ask = ask(object, &settings, &gate.what, window, [from, to])?;
        Some(GateQuestion { gate: gate.name, ask })
    };
    let questions: Vec<_> = declared::all(object.spec.gates.as_ref()).into_iter().filter_map(of).collect();
    let interval = settings.look_every().as_secs();
    (!questions.is_empty()).then_some(GateRound { step, interval, questions })
}

/// While the old side drains, whether it still gets requests, where that is waited for.
fn quiet(object: &TrafficMigration, from: &TargetGroupFacts, now: Timestamp) -> Option<GateRound> {
    let settings = Settings::of(&object.spec);
    settings.max_drain.filter(|_| !object.is_deleting())?;
    let end = (now.as_second() - LAG).div_euclid(MINUTE) * MINUTE;
    let requests = of_group(MeasuredIn::From, "RequestCount", dimensions(from)?, "Sum");
    let ask = Ask::Metrics { series: [("from.requests".to_owned(), requests)].into(), start: end - 3 * MINUTE, end };
    let questions = vec![GateQuestion { gate: super::QUIET.to_owned(), ask }];
    let step = object.status.as_ref()?.phase_since.clone()?;
    Some(GateRound { step, interval: settings.look_every().as_secs(), questions })
}

/// Seconds since 1970 between which CloudWatch is asked: whole minutes that it has; none while there is no such minute.
pub(super) fn window(object: &TrafficMigration, now: Timestamp) -> Option<(i64, i64)> {
    let end = (now.as_second() - LAG).div_euclid(MINUTE) * MINUTE;
    let wanted = object.spec.gates.as_ref().and_then(|g| g.window.as_ref()).and_then(seconds);
    let start = if let Some(length) = wanted {
        end - up(length.max(MINUTE))
    } else {
        let since = object.status.as_ref()?.step_since.as_deref()?.parse::<Timestamp>().ok()?.as_second();
        // The minute in which the weights were written belongs to two steps.
        up(since).max(end - HOUR)
    };
    (start < end).then_some((start, end))
}

/// The next whole minute.
fn up(seconds: i64) -> i64 {
    (seconds + MINUTE - 1).div_euclid(MINUTE) * MINUTE
}

fn ask(
    object: &TrafficMigration,
    settings: &Settings,
    what: &What<'_>,
    window: Option<(i64, i64)>,
    groups: [Option<&TargetGroupFacts>; 2],
) -> Option<Ask> {
    let metrics = |series: BTreeMap<String, Series>| {
        let (start, end) = window?;
        (!series.is_empty()).then_some(Ask::Metrics { series, start, end })
    };
    let sides = |wanted: &[(&str, &str, &str)]| {
        let named = [("from", MeasuredIn::From, groups[0]), ("to", MeasuredIn::To, groups[1])].into_iter();
        let of = |(side, place, group): (&str, MeasuredIn, Option<&TargetGroupFacts>)| {
            let dimensions = dimensions(group?)?;
            let one = |(key, metric, statistic): &(&str, &str, &str)| {
                (format!("{side}.{key}"), of_group(place, metric, dimensions.clone(), statistic))
            };
            Some(wanted.iter().map(one).collect::<Vec<_>>())
        };
        named.filter_map(of).flatten().collect::<BTreeMap<_, _>>()
    };
    match what {
        What::ErrorRate(..) => {
            metrics(sides(&[("requests", "RequestCount", "Sum"), ("errors", "HTTPCode_Target_5XX_Count", "Sum")]))
        }
        What::Latency(bounds, _) => {
            let statistic = bounds.statistic.as_deref().unwrap_or("p95");
            metrics(sides(&[("requests", "RequestCount", "Sum"), ("latency", "TargetResponseTime", statistic)]))
        }
        What::Metric(metric) => {
            let statistic = metric.statistic.as_deref().unwrap_or("Average");
            let series = Series {
                measured_in: MeasuredIn::Written,
                namespace: metric.namespace.clone(),
                metric: metric.metric_name.clone(),
                dimensions: metric.dimensions.clone(),
                statistic: statistic.to_owned(),
            };
            metrics([("value".to_owned(), series)].into())
        }
        What::Alarm(name) => Some(Ask::Alarm((*name).to_owned())),
        What::Prometheus(gate) if address::refused(&gate.address).is_none() => Some(Ask::Prometheus {
            address: gate.address.clone(),
            query: gate.query.clone(),
            timeout: timeout(gate.timeout.as_ref()),
        }),
        What::Webhook(gate) if address::refused(&gate.url).is_none() => Some(Ask::Webhook {
            url: gate.url.clone(),
            body: body(object, settings, &gate.metadata),
            timeout: timeout(gate.timeout.as_ref()),
        }),
        What::Prometheus(_) | What::Webhook(_) => None,
    }
}

/// What a load balancer measures of a target group, where both are.
fn of_group(place: MeasuredIn, metric: &str, dimensions: BTreeMap<String, String>, statistic: &str) -> Series {
    let (namespace, metric, statistic) = ("AWS/ApplicationELB".to_owned(), metric.to_owned(), statistic.to_owned());
    Series { measured_in: place, namespace, metric, dimensions, statistic }
}

/// Dimensions of a target group's metrics («CloudWatch metrics for your Application Load Balancer»): the last parts of the
/// ARNs. One that no load balancer uses has none.
fn dimensions(group: &TargetGroupFacts) -> Option<BTreeMap<String, String>> {
    let balancer = group.load_balancers.first()?;
    let balancer = balancer.split_once("loadbalancer/").map_or(balancer.as_str(), |(_, name)| name);
    let own = group.arn.rsplit(':').next().unwrap_or_default();
    Some([("TargetGroup".to_owned(), own.to_owned()), ("LoadBalancer".to_owned(), balancer.to_owned())].into())
}

fn timeout(span: Option<&Span>) -> u64 {
    u64::try_from(span.and_then(seconds).unwrap_or(TIMEOUT).clamp(1, 30)).unwrap_or(1)
}

/// What a webhook is told.
fn body(object: &TrafficMigration, settings: &Settings, metadata: &BTreeMap<String, String>) -> Value {
    let status = object.status.clone().unwrap_or_default();
    let step = status.step.unwrap_or(0);
    let weight = usize::try_from(step).ok().and_then(|s| settings.steps.get(s)).map(|s| s.percent);
    json!({
        "name": object.object_name(), "namespace": object.object_namespace(),
        "phase": status.phase, "step": step + 1, "steps": settings.steps.len(), "weight": weight,
        "share": status.share, "metadata": metadata,
    })
}

pub(super) fn has_balancer(side: &SideFacts) -> bool {
    side.group.as_ref().is_some_and(|g| !g.load_balancers.is_empty())
}

/// In words, why a gate that could be asked was not.
pub(super) fn unasked(pass: &pass::Pass<'_>, gate: &Gate<'_>) -> String {
    let url = match gate.what {
        What::Prometheus(gate) => address::refused(&gate.address),
        What::Webhook(gate) => address::refused(&gate.url),
        What::Alarm(_) => None,
        _ if window(pass.object, pass.now).is_none() => {
            return "no whole minute of this step has been measured yet".to_owned();
        }
        What::ErrorRate(..) | What::Latency(..) if !has_balancer(&pass.observed.to) => {
            return format!("no load balancer uses the target group of {}", pass.resolved.to.name);
        }
        _ => None,
    };
    url.unwrap_or_else(|| "it has not been asked yet".to_owned())
}
