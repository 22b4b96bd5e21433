//! Metrics: their names, the values that were put, and levels that hold until they are changed.
//!
//! Values are kept for 455 days ("Metrics retention"). AWS's own services publish a level every minute; here a level is
//! set once, and its datapoints are there when somebody asks.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::sample::Sample;
use super::{Place, invalid};
use crate::ecs;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::utilization::{Course, Measure};
use crate::world::World;

/// What a metric is known by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Metric {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) dimensions: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Series {
    /// By second; values of standard resolution are at the beginning of their minute.
    points: BTreeMap<i64, Sample>,
    /// Since when which value is published every minute, in order.
    levels: Vec<(Timestamp, f64)>,
    pub(super) unit: Option<String>,
}

const KEPT_SECONDS: i64 = 455 * 86_400;
const MINUTE: i64 = 60;
/// What ECS reports of a service, in percent, unless something else is set or told.
const IDLE_PERCENT: f64 = 1.0;

impl Metric {
    pub(crate) fn new(namespace: &str, name: &str, dimensions: &[(&str, &str)]) -> Self {
        let dimensions = dimensions.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { namespace: namespace.to_owned(), name: name.to_owned(), dimensions }
    }

    /// `Namespace`, `MetricName` and `Dimensions`.
    pub(super) fn read(input: Input<'_>) -> Result<Self, Refusal> {
        let (namespace, name) = (input.required("Namespace")?, input.required("MetricName")?);
        Ok(Self { namespace: namespace.to_owned(), name: name.to_owned(), dimensions: dimensions(input)? })
    }

    pub(super) fn show(&self) -> Value {
        json!({ "Namespace": self.namespace, "MetricName": self.name, "Dimensions": self.show_dimensions() })
    }

    pub(super) fn show_dimensions(&self) -> Value {
        self.dimensions.iter().map(|(name, value)| json!({ "Name": name, "Value": value })).collect()
    }
}

/// `[{Name, Value}]`, at most 30.
pub(super) fn dimensions(input: Input<'_>) -> Result<BTreeMap<String, String>, Refusal> {
    let mut dimensions = BTreeMap::new();
    for dimension in input.objects("Dimensions")? {
        let (name, value) = (dimension.required("Name")?, dimension.required("Value")?);
        if name.is_empty() || value.is_empty() || name.starts_with(':') {
            return Err(invalid(format!("The value {value} for dimension {name} is invalid: neither may be empty.")));
        }
        dimensions.insert(name.to_owned(), value.to_owned());
    }
    if dimensions.len() > 30 {
        return Err(invalid("The collection Dimensions must not have a size greater than 30."));
    }
    Ok(dimensions)
}

impl Series {
    pub(super) fn put(&mut self, at: Timestamp, sample: &Sample, resolution: i64) {
        let second = at.as_second().div_euclid(resolution) * resolution;
        match self.points.get_mut(&second) {
            Some(known) => known.add(sample),
            None => drop(self.points.insert(second, sample.clone())),
        }
        let oldest = at.as_second() - KEPT_SECONDS;
        while self.points.first_key_value().is_some_and(|(second, _)| *second < oldest) {
            self.points.pop_first();
        }
    }

    /// The level that a minute has, which is that at its end.
    fn level(&self, minute: i64) -> Option<f64> {
        self.levels.iter().rev().find(|(since, _)| since.as_second() < minute + MINUTE).map(|(_, value)| *value)
    }
}

/// Publishes `value` every minute from now on, in place of what was published before.
pub(crate) fn set_level(world: &mut World, place: &Place, metric: Metric, value: f64) {
    let now = world.now;
    let here = world.services.cloudwatch.places.entry(place.clone()).or_default();
    here.series.entry(metric).or_default().levels.push((now, value));
}

/// The value of the minute of `at`, in place of what was there.
pub(crate) fn set_point(world: &mut World, place: &Place, metric: Metric, at: Timestamp, value: f64) {
    let here = world.services.cloudwatch.places.entry(place.clone()).or_default();
    let minute = at.as_second().div_euclid(MINUTE) * MINUTE;
    here.series.entry(metric).or_default().points.insert(minute, Sample::of(value, 1.0));
}

/// What was measured from second `from` until before second `to`; nothing that is still to come.
pub(super) fn measured(world: &World, place: &Place, metric: &Metric, from: i64, to: i64) -> Option<Sample> {
    let series = world.services.cloudwatch.places.get(place).and_then(|here| here.series.get(metric));
    let mut whole: Option<Sample> = None;
    let mut add = |sample: &Sample| match &mut whole {
        Some(whole) => whole.add(sample),
        None => whole = Some(sample.clone()),
    };
    if let Some(series) = series {
        series.points.range(from..to).for_each(|(_, sample)| add(sample));
    }
    let (levelled, ecs) = (series.is_some_and(|series| !series.levels.is_empty()), metric.namespace == "AWS/ECS");
    let reported = if ecs { utilization(world, place, metric) } else { requests(world, place, metric) };
    if reported.is_none() && (ecs || !levelled) {
        return whole;
    }
    let first = from.max(reported.as_ref().filter(|_| ecs).map_or(i64::MIN, |it| it.since.as_second()));
    let mut minute = (first + MINUTE - 1).div_euclid(MINUTE) * MINUTE;
    let end = to.min(world.now.as_second() - MINUTE + 1);
    while minute < end {
        let set = series.and_then(|series| series.level(minute));
        if let Some(level) = set.or_else(|| reported.as_ref()?.at(minute)) {
            add(&Sample::of(level, 1.0));
        }
        minute += MINUTE;
    }
    whole
}

/// What AWS measures of a service by itself.
struct Reported<'w> {
    /// When the service was made.
    since: Timestamp,
    told: Option<&'w Course>,
    untold: Option<f64>,
}

impl Reported<'_> {
    /// The value of a minute, which is that at its end.
    fn at(&self, minute: i64) -> Option<f64> {
        let end = Timestamp::from_second(minute + MINUTE).ok().filter(|end| *end > self.since)?;
        self.told.and_then(|told| told.before(end, self.since)).or(self.untold)
    }
}

/// A service's utilization, reported while it runs tasks ("Amazon ECS service utilization metrics").
fn utilization<'w>(world: &'w World, (account, region): &Place, metric: &Metric) -> Option<Reported<'w>> {
    let measure = match metric.name.as_str() {
        "CPUUtilization" => Measure::Cpu,
        "MemoryUtilization" => Measure::Memory,
        _ => return None,
    };
    let dimensions = &metric.dimensions;
    let (cluster, service) = (dimensions.get("ClusterName")?, dimensions.get("ServiceName")?);
    let since = ecs::runs_since(world, account, region, cluster, service).filter(|_| dimensions.len() == 2)?;
    let told = world.scripts.utilization(&format!("{cluster}/{service}"), measure);
    Some(Reported { since, told, untold: Some(IDLE_PERCENT) })
}

/// Requests to the targets of a group, if it is told of the service that registers there ("CloudWatch metrics for your
/// Application Load Balancer").
fn requests<'w>(world: &'w World, (account, region): &Place, metric: &Metric) -> Option<Reported<'w>> {
    if metric.namespace != "AWS/ApplicationELB" || metric.name != "RequestCountPerTarget" {
        return None;
    }
    let (service, since) = ecs::runs_behind(world, account, region, metric.dimensions.get("TargetGroup")?)?;
    let told = world.scripts.utilization(&service, Measure::Requests)?;
    Some(Reported { since, told: Some(told), untold: None })
}
