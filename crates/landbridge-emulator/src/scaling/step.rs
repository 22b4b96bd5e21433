//! Step scaling: an alarm that a user made, and an adjustment by how far its metric is beyond the threshold ("Step scaling
//! policies for Application Auto Scaling").

use std::time::Duration;

use super::policy::Policy;
use super::tracking::cooldown;
use crate::cloudwatch::{self, Place};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::World;

#[derive(Debug, Clone)]
pub(super) struct Step {
    /// `ChangeInCapacity`, `PercentChangeInCapacity` or `ExactCapacity`.
    kind: String,
    /// Lower and upper bound, relative to the threshold, and the adjustment.
    steps: Vec<(f64, f64, i64)>,
    least: i64,
    pub(super) cooldown: Duration,
}

const KINDS: [&str; 3] = ["ChangeInCapacity", "PercentChangeInCapacity", "ExactCapacity"];
const STEPS: usize = 20;

impl Step {
    pub(super) fn read(input: Input<'_>) -> Result<Self, Refusal> {
        let kind = input.required("AdjustmentType")?;
        if !KINDS.contains(&kind) {
            return Err(input.refuse(format!(
                "1 validation error detected: Value '{kind}' at 'stepScalingPolicyConfiguration.adjustmentType' failed to \
                 satisfy constraint: Member must satisfy enum value set: [{}]",
                KINDS.join(", ")
            )));
        }
        let mut steps = Vec::new();
        for step in input.objects("StepAdjustments")? {
            let lower = step.float("MetricIntervalLowerBound")?.unwrap_or(f64::NEG_INFINITY);
            let upper = step.float("MetricIntervalUpperBound")?.unwrap_or(f64::INFINITY);
            let adjustment = step.number("ScalingAdjustment")?.ok_or_else(|| step.missing("ScalingAdjustment"))?;
            if lower >= upper {
                return Err(input.refuse("The lower bound of a step adjustment must be less than its upper bound."));
            }
            steps.push((lower, upper, adjustment));
        }
        steps.sort_by(|a, b| a.0.total_cmp(&b.0));
        if steps.is_empty() || steps.len() > STEPS {
            return Err(input.refuse(format!("A step scaling policy has 1 to {STEPS} step adjustments.")));
        }
        // Infinite bounds, which have no difference, are never between two steps.
        if steps.windows(2).any(|pair| pair[0].1.total_cmp(&pair[1].0).is_ne()) {
            return Err(input.refuse("There must be no gap and no overlap between step adjustments."));
        }
        if kind == "ExactCapacity" && steps.iter().any(|(_, _, adjustment)| *adjustment < 0) {
            return Err(input.refuse("The adjustments of an ExactCapacity policy must not be negative."));
        }
        let least = input.number("MinAdjustmentMagnitude")?.unwrap_or(0).max(0);
        Ok(Self { kind: kind.to_owned(), steps, least, cooldown: cooldown(input, "Cooldown")? })
    }

    pub(super) fn wanted(
        &self,
        world: &World,
        place: &Place,
        policy: &Policy,
        alarm: &str,
        desired: i64,
    ) -> Option<i64> {
        // An alarm that was set by hand may have seen nothing: it counts as just beyond its threshold.
        let beyond = cloudwatch::reading(world, place, alarm).map_or(0.0, |(value, threshold)| value - threshold);
        let adjustment = self.adjustment(beyond)?;
        let adds = self.kind != "ExactCapacity" && adjustment > 0;
        let base = if adds { policy.base(world.now, desired) } else { desired };
        let wanted = self.adjusted(base, adjustment);
        Some(if adds { wanted.max(desired) } else { wanted })
    }

    /// Above the threshold the lower bound belongs to a step, below it the upper one.
    fn adjustment(&self, beyond: f64) -> Option<i64> {
        let above = |(lower, upper, _): &&(f64, f64, i64)| *lower <= beyond && beyond < *upper;
        let below = |(lower, upper, _): &&(f64, f64, i64)| *lower < beyond && beyond <= *upper;
        let steps = || self.steps.iter();
        let found = match beyond {
            beyond if beyond > 0.0 => steps().find(above),
            beyond if beyond < 0.0 => steps().find(below),
            _ => steps().find(above).or_else(|| steps().find(below)),
        };
        found.map(|(_, _, adjustment)| *adjustment)
    }

    fn adjusted(&self, capacity: i64, adjustment: i64) -> i64 {
        let change = match self.kind.as_str() {
            "ExactCapacity" => return adjustment,
            "ChangeInCapacity" => adjustment,
            _ => {
                let change = capacity as f64 * adjustment as f64 / 100.0;
                // Less than one is one, more is cut ("PercentChangeInCapacity").
                let whole = if change.abs() < 1.0 && change != 0.0 { change.signum() } else { change.trunc() };
                (whole as i64).abs().max(self.least) * adjustment.signum()
            }
        };
        (capacity + change).max(0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn step(configuration: &Value) -> Result<Step, Refusal> {
        Step::read(Input::new(configuration, "ValidationException"))
    }

    #[test]
    fn the_step_that_a_value_is_in_decides() {
        let both = json!({ "AdjustmentType": "ChangeInCapacity", "StepAdjustments": [
            { "MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 10, "ScalingAdjustment": 1 },
            { "MetricIntervalLowerBound": 10, "ScalingAdjustment": 3 },
            { "MetricIntervalUpperBound": 0, "ScalingAdjustment": -1 },
        ] });
        let both = step(&both).unwrap();
        let found: Vec<_> = [0.0, 9.9, 10.0, 1e9, -0.1, -1e9].map(|beyond| both.adjustment(beyond).unwrap()).into();
        assert_eq!(found, [1, 1, 3, 3, -1, -1]);
        let only = json!({ "AdjustmentType": "ExactCapacity", "StepAdjustments": [
            { "MetricIntervalUpperBound": 0, "ScalingAdjustment": 2 },
        ] });
        let only = step(&only).unwrap();
        assert_eq!((only.adjustment(0.0), only.adjustment(1.0)), (Some(2), None));
    }

    #[test]
    fn percentages_are_cut_to_whole_tasks_and_are_at_least_one() {
        let percent = |adjustment: i64, least: i64| {
            let steps = json!([{ "MetricIntervalLowerBound": 0, "ScalingAdjustment": adjustment }]);
            let kind = "PercentChangeInCapacity";
            step(&json!({ "AdjustmentType": kind, "StepAdjustments": steps, "MinAdjustmentMagnitude": least })).unwrap()
        };
        assert_eq!(percent(10, 0).adjusted(4, 10), 5);
        assert_eq!(percent(67, 0).adjusted(10, 67), 16);
        assert_eq!(percent(-10, 0).adjusted(4, -10), 3);
        assert_eq!(percent(10, 2).adjusted(10, 10), 12);
        assert_eq!(percent(-90, 0).adjusted(1, -90), 0);
    }

    #[test]
    fn steps_with_gaps_or_overlaps_are_refused() {
        for steps in [
            json!([]),
            json!([{ "MetricIntervalLowerBound": 5, "MetricIntervalUpperBound": 5, "ScalingAdjustment": 1 }]),
            json!([
                { "MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 5, "ScalingAdjustment": 1 },
                { "MetricIntervalLowerBound": 6, "ScalingAdjustment": 1 },
            ]),
            json!([{ "ScalingAdjustment": 1 }, { "ScalingAdjustment": 2 }]),
            json!([{ "MetricIntervalLowerBound": 0 }]),
        ] {
            let configuration = json!({ "AdjustmentType": "ChangeInCapacity", "StepAdjustments": steps });
            assert_eq!(step(&configuration).unwrap_err().code, "ValidationException", "{configuration}");
        }
    }
}
