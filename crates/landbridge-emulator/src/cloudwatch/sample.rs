//! What was measured in a span of time, and the statistics of it ("CloudWatch statistics definitions").

use serde_json::{Value, json};

/// Many values in one: sums and extremes, and the values themselves for percentiles.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sample {
    pub(super) count: f64,
    pub(super) sum: f64,
    pub(super) minimum: f64,
    pub(super) maximum: f64,
    /// Each value and how often it came; empty if a part was given as a statistic set.
    values: Vec<(f64, f64)>,
}

impl Sample {
    pub(super) fn of(value: f64, count: f64) -> Self {
        Self { count, sum: value * count, minimum: value, maximum: value, values: vec![(value, count)] }
    }

    /// A statistic set, of which no percentile can be told.
    pub(super) fn of_set(count: f64, sum: f64, minimum: f64, maximum: f64) -> Self {
        Self { count, sum, minimum, maximum, values: Vec::new() }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.minimum = self.minimum.min(other.minimum);
        self.maximum = self.maximum.max(other.maximum);
        if self.values.is_empty() || other.values.is_empty() {
            self.values.clear();
        } else {
            self.values.extend(&other.values);
        }
    }

    /// A statistic by its name: `Average`, `p99.9`.
    pub(super) fn statistic(&self, name: &str) -> Option<f64> {
        match name {
            "SampleCount" => Some(self.count),
            "Sum" => Some(self.sum),
            "Average" if self.count > 0.0 => Some(self.sum / self.count),
            "Minimum" => Some(self.minimum),
            "Maximum" => Some(self.maximum),
            _ => self.percentile(percent(name)?),
        }
    }

    fn percentile(&self, percent: f64) -> Option<f64> {
        let mut values = self.values.clone();
        values.sort_by(|a, b| a.0.total_cmp(&b.0));
        let wanted = percent / 100.0 * self.count;
        let mut seen = 0.0;
        let found = values.iter().find(|(_, count)| {
            seen += count;
            seen >= wanted
        });
        found.or(values.last()).map(|(value, _)| *value)
    }

    /// As a datapoint of GetMetricStatistics.
    pub(super) fn show(&self, statistics: &[&str], extended: &[&str]) -> Value {
        let mut shown = json!({});
        for name in statistics {
            shown[*name] = json!(self.statistic(name));
        }
        if !extended.is_empty() {
            shown["ExtendedStatistics"] =
                extended.iter().map(|name| ((*name).to_owned(), json!(self.statistic(name)))).collect();
        }
        shown
    }
}

/// The number of `p99.9`.
fn percent(name: &str) -> Option<f64> {
    name.strip_prefix('p')?.parse().ok().filter(|percent| (0.0..=100.0).contains(percent))
}

pub(super) fn is_statistic(name: &str) -> bool {
    ["SampleCount", "Sum", "Average", "Minimum", "Maximum"].contains(&name) || percent(name).is_some()
}
