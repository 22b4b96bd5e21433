//! What ECS services are busy with, told from outside: the metrics that AWS's own services would measure, and that a client
//! cannot put (PutMetricData refuses namespaces that begin with `AWS/`). Target tracking and alarms follow them.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::serde::unsigned_duration::friendly::compact::required as friendly;
use serde::Deserialize;

use crate::clock::later;
use crate::faults::matches;

/// What is measured of every service whose `CLUSTER/SERVICE` matches a glob (`*` stands for any text) while it runs tasks.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Utilization {
    service: String,
    #[serde(default)]
    cpu: Option<Course>,
    #[serde(default)]
    memory: Option<Course>,
    #[serde(default)]
    request_count_per_target: Option<Course>,
}

/// A value that holds, or one after the other.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Written")]
pub struct Course(Vec<Turn>);

/// A value from some time after the service was created, until the next.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Turn {
    #[serde(with = "friendly")]
    after: Duration,
    value: f64,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a number, or a list of {after: DURATION, value: NUMBER}")]
enum Written {
    Steady(f64),
    Turns(Vec<Turn>),
}

impl TryFrom<Written> for Course {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let turns = match written {
            Written::Steady(value) => vec![Turn { after: Duration::ZERO, value }],
            Written::Turns(turns) => turns,
        };
        if let Some(turn) = turns.iter().find(|turn| !turn.value.is_finite() || turn.value < 0.0) {
            return Err(format!("{} is measured of no service: it must be 0 or more", turn.value));
        }
        if !turns.is_sorted_by_key(|turn| turn.after) {
            return Err("the values of a utilization must be in the order of their times".to_owned());
        }
        Ok(Self(turns))
    }
}

impl From<f64> for Course {
    fn from(value: f64) -> Self {
        Self(vec![Turn { after: Duration::ZERO, value }])
    }
}

/// Values with their times after the service was created, in the order of these.
impl<const N: usize> From<[(Duration, f64); N]> for Course {
    fn from(turns: [(Duration, f64); N]) -> Self {
        Self(turns.into_iter().map(|(after, value)| Turn { after, value }).collect())
    }
}

impl Course {
    /// The value before `end` of a service created at `created`; none before the first.
    pub(crate) fn before(&self, end: Timestamp, created: Timestamp) -> Option<f64> {
        self.0.iter().rev().find(|turn| later(created, turn.after) < end).map(|turn| turn.value)
    }
}

/// One of the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measure {
    Cpu,
    Memory,
    Requests,
}

impl Utilization {
    /// Nothing yet, of each service whose `CLUSTER/SERVICE` matches `service`.
    pub fn of(service: impl Into<String>) -> Self {
        Self { service: service.into(), cpu: None, memory: None, request_count_per_target: None }
    }

    /// `CPUUtilization` in `AWS/ECS`, in percent of what its tasks reserve.
    #[must_use]
    pub fn cpu(mut self, course: impl Into<Course>) -> Self {
        self.cpu = Some(course.into());
        self
    }

    /// `MemoryUtilization` in `AWS/ECS`, in percent of what its tasks reserve.
    #[must_use]
    pub fn memory(mut self, course: impl Into<Course>) -> Self {
        self.memory = Some(course.into());
        self
    }

    /// `RequestCountPerTarget` in `AWS/ApplicationELB`, by minute, of each target group that it registers in.
    #[must_use]
    pub fn request_count_per_target(mut self, course: impl Into<Course>) -> Self {
        self.request_count_per_target = Some(course.into());
        self
    }

    /// What it says of a service.
    pub(crate) fn says(&self, service: &str, measure: Measure) -> Option<&Course> {
        let course = match measure {
            Measure::Cpu => &self.cpu,
            Measure::Memory => &self.memory,
            Measure::Requests => &self.request_count_per_target,
        };
        course.as_ref().filter(|_| matches(&self.service, service))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: serde_json::Value) -> Result<Utilization, serde_json::Error> {
        serde_json::from_value(value)
    }

    #[test]
    fn a_value_holds_from_its_time_after_the_service_s_creation_until_the_next() {
        let turns = json!([{ "after": "1m", "value": 20 }, { "after": "10m", "value": 90.5 }]);
        let said = read(json!({ "service": "prod/*", "cpu": turns, "memory": 40 })).unwrap();
        let minutes = |number: u64| Duration::from_mins(number);
        assert_eq!(said, Utilization::of("prod/*").cpu([(minutes(1), 20.0), (minutes(10), 90.5)]).memory(40.0));
        let created = Timestamp::UNIX_EPOCH;
        let at = |seconds: u64| {
            let course = said.says("prod/web", Measure::Cpu).unwrap();
            course.before(later(created, Duration::from_secs(seconds)), created)
        };
        assert_eq!(
            [at(60), at(61), at(600), at(601), at(9999)],
            [None, Some(20.0), Some(20.0), Some(90.5), Some(90.5)]
        );
        assert!(said.says("test/web", Measure::Cpu).is_none() && said.says("prod/web", Measure::Requests).is_none());
    }

    #[test]
    fn what_cannot_be_measured_is_refused_with_what_can() {
        for (wrong, told) in [
            (json!({ "service": "*", "cpu": -1 }), "must be 0 or more"),
            (json!({ "service": "*", "cpu": "much" }), "a number, or a list of {after: DURATION, value: NUMBER}"),
            (json!({ "service": "*", "cpu": [{ "after": "soon", "value": 1 }] }), "a number, or a list"),
            (
                json!({ "service": "*", "memory": [{ "after": "2m", "value": 1 }, { "after": "1m", "value": 1 }] }),
                "in the order of their times",
            ),
            (json!({ "cpu": 1 }), "missing field `service`"),
            (json!({ "service": "*", "disk": 1 }), "unknown field `disk`"),
        ] {
            let refused = read(wrong.clone()).unwrap_err().to_string();
            assert!(refused.contains(told), "{wrong}: {refused}");
        }
    }
}
