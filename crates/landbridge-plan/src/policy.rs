//! What the knobs of an object do to its plan: paused, drift policy, refusals, deletion policy.

use landbridge_api::common::{DeletionPolicy, DriftPolicy, Knobs};

use crate::plan::{Cause, Plan};

/// The plan that may be executed. A refusal anywhere means that nothing is written.
pub fn filter(mut plan: Plan, knobs: &Knobs) -> Plan {
    if !plan.blocked.is_empty() {
        plan.steps.clear();
    }
    match knobs.drift() {
        DriftPolicy::Correct => {}
        DriftPolicy::Report => plan.steps.retain(|s| s.cause != Cause::Drift),
        DriftPolicy::Ignore => {
            plan.steps.retain(|s| s.cause != Cause::Drift);
            plan.drift.clear();
        }
    }
    plan
}

/// Whether an object that is being deleted leaves its AWS resources as they are.
pub fn retains(knobs: &Knobs) -> bool {
    knobs.deletion() == DeletionPolicy::Retain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::Change;
    use crate::plan::Difference;

    fn drifted() -> Plan {
        let mut plan = Plan::of("CloudMapNamespace/shop");
        plan.step("ttl", Cause::Drift, &[], Change::DeleteLogGroup { name: "x".into() });
        plan.drift.push(Difference::new("ttl", None, None));
        plan
    }

    #[test]
    fn report_writes_nothing_and_keeps_the_difference() {
        let plan = filter(drifted(), &Knobs { drift_policy: Some(DriftPolicy::Report), ..Knobs::default() });
        assert!(plan.steps.is_empty());
        assert_eq!(plan.drift.len(), 1);
    }

    #[test]
    fn a_refusal_clears_every_step() {
        let mut plan = drifted();
        plan.block("InvalidSpec", "no");
        assert!(filter(plan, &Knobs::default()).steps.is_empty());
    }
}
