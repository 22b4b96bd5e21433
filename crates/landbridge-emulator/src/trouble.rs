//! What goes wrong, read from a file: rules that break calls, scripts that decide what becomes of tasks and how targets and
//! lifecycle hooks answer, and what services are busy with.
//!
//! The form is that of [`Trouble`]'s fields; the file may be YAML or JSON, which its reader decides.

use serde::Deserialize;

use crate::emulator::Emulator;
use crate::faults::Fault;
use crate::scripts::{HookScript, SubnetScript, TargetScript, TaskScript};
use crate::utilization::Utilization;

/// The content of a file of faults.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Trouble {
    /// What happens to calls. The first rule that matches a call decides.
    pub calls: Vec<Fault>,
    /// What becomes of tasks. The last script that matches an image decides.
    pub tasks: Vec<TaskScript>,
    /// How targets that are no ECS tasks answer health checks. The last script that matches an id decides.
    pub targets: Vec<TargetScript>,
    /// What the Lambda functions of deployment lifecycle hooks answer. The last script that matches an ARN decides.
    pub hooks: Vec<HookScript>,
    /// How many addresses subnets have for tasks. The last script that matches an id decides.
    pub subnets: Vec<SubnetScript>,
    /// What services are busy with. The last that matches a service decides.
    pub utilization: Vec<Utilization>,
    /// Availability Zones that are lost: no task is placed there.
    pub zones: Vec<String>,
}

impl Emulator {
    /// Adds every rule and script.
    pub fn trouble(&self, trouble: Trouble) {
        trouble.calls.into_iter().for_each(|rule| self.fault(rule));
        trouble.tasks.into_iter().for_each(|script| self.script(script));
        trouble.targets.into_iter().for_each(|script| self.script_target(script));
        trouble.hooks.into_iter().for_each(|script| self.script_hook(script));
        trouble.subnets.into_iter().for_each(|script| self.script_subnet(script));
        trouble.utilization.into_iter().for_each(|it| self.script_utilization(it));
        trouble.zones.iter().for_each(|zone| self.lose_zone(zone));
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::{Entries, FaultKind, HookAnswer, TargetFate, TaskFate};

    #[test]
    fn every_kind_of_fault_and_fate_can_be_written_in_a_file() {
        let trouble: Trouble = serde_json::from_value(json!({
            "calls": [
                {"action": "ecs:*", "fault": "throttle", "probability": 0.5},
                {"action": "ecs:CreateService", "fault": "loseAnswerAfter", "skip": 1, "times": 1},
                {"action": "iam:*", "fault": {"error": ["AccessDenied", "not you"]}},
                {"action": "ecs:Describe*", "fault": {"staleRead": "5s"}},
                {"action": "events:*", "fault": {"partial": {"every": 3}}},
                {"action": "ecs:DescribeTasks", "fault": {"partial": {"named": "*web"}}, "times": 2},
                {"action": "sqs:*Batch", "fault": {"partial": {"probability": 0.25}}},
            ],
            "tasks": [
                {"image": "*/flaky:*", "fate": {"crash": {"after": "10s", "exitCode": 137}}},
                {"image": "*/slow:*", "fate": {"slowStart": "1m"}},
                {"image": "*/gone:*", "fate": "pullError"},
                {"image": "*/spot:*", "fate": {"spotInterruption": {"after": "1m"}}},
                {"image": "*/rare:*", "fate": "noSpotCapacity"},
                {"image": "*/sick:*", "fate": {"target": {"after": "30s", "fate": {"code": 503}}}},
            ],
            "targets": [{"id": "10.0.0.7", "fate": "timeout"}],
            "subnets": [{"id": "subnet-1*", "addresses": 2}],
            "utilization": [{"service": "shop/*", "cpu": 80, "requestCountPerTarget": [{"after": "5m", "value": 900}]}],
            "hooks": [{"function": "*:check", "answer": "failed", "after": "90s"}, {"function": "*", "answer": "succeeded"}],
        }))
        .unwrap();
        assert_eq!(
            trouble.calls,
            [
                Fault::on("ecs:*", FaultKind::Throttle).probability(0.5),
                Fault::on("ecs:CreateService", FaultKind::LoseAnswerAfter).nth(2),
                Fault::on("iam:*", FaultKind::Error("AccessDenied".into(), "not you".into())),
                Fault::on("ecs:Describe*", FaultKind::StaleRead(Duration::from_secs(5))),
                Fault::on("events:*", FaultKind::Partial(Entries::Every(NonZeroU64::new(3).unwrap()))),
                Fault::on("ecs:DescribeTasks", FaultKind::Partial(Entries::Named("*web".into()))).times(2),
                Fault::on("sqs:*Batch", FaultKind::Partial(Entries::Probability(0.25))),
            ]
        );
        assert_eq!(
            trouble.tasks,
            [
                TaskScript::new("*/flaky:*", TaskFate::Crash { after: Duration::from_secs(10), exit_code: 137 }),
                TaskScript::new("*/slow:*", TaskFate::SlowStart(Duration::from_mins(1))),
                TaskScript::new("*/gone:*", TaskFate::PullError),
                TaskScript::new("*/spot:*", TaskFate::SpotInterruption { after: Duration::from_mins(1) }),
                TaskScript::new("*/rare:*", TaskFate::NoSpotCapacity),
                TaskScript::new(
                    "*/sick:*",
                    TaskFate::Target { after: Duration::from_secs(30), fate: TargetFate::Code(503) }
                ),
            ]
        );
        assert_eq!(trouble.targets, [TargetScript::new("10.0.0.7", TargetFate::Timeout)]);
        assert_eq!(trouble.subnets, [SubnetScript::new("subnet-1*", 2)]);
        let busy = Utilization::of("shop/*").cpu(80.0).request_count_per_target([(Duration::from_mins(5), 900.0)]);
        assert_eq!(trouble.utilization, [busy]);
        let fails = HookScript::new("*:check", HookAnswer::Failed).after(Duration::from_secs(90));
        assert_eq!(trouble.hooks, [fails, HookScript::new("*", HookAnswer::Succeeded)]);
    }

    #[test]
    fn a_batch_that_fails_only_as_a_whole_cannot_fail_in_part_and_the_error_says_which_can() {
        let rule = json!({"action": "elasticloadbalancing:RegisterTargets", "fault": {"partial": {"every": 2}}});
        let error = serde_json::from_value::<Trouble>(json!({"calls": [rule]})).unwrap_err().to_string();
        for told in
            ["`partial` cannot break elasticloadbalancing:RegisterTargets", "ecs:DescribeServices", "Name one of them"]
        {
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn a_word_that_means_nothing_is_refused() {
        for wrong in [
            json!({"call": []}),
            json!({"calls": [{"action": "ecs:*", "fault": "explode"}]}),
            json!({"calls": [{"fault": "throttle"}]}),
            json!({"calls": [{"action": "ecs:*", "fault": "throttle", "probability": 7}]}),
            json!({"tasks": [{"image": "*", "fate": {"slowStart": "soon"}}]}),
            json!({"tasks": [{"image": "*", "fate": "spotInterruption"}]}),
            json!({"calls": [{"action": "sqs:*", "fault": {"partial": {"every": 0}}}]}),
            json!({"calls": [{"action": "sqs:*", "fault": {"partial": {"probability": 2}}}]}),
            json!({"calls": [{"action": "sqs:*", "fault": "partial"}]}),
            json!({"subnets": [{"id": "subnet-1", "addresses": -1}]}),
            json!({"subnets": [{"subnet": "subnet-1", "addresses": 1}]}),
        ] {
            assert!(serde_json::from_value::<Trouble>(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
