//! What becomes of a task, decided by its containers' images: the way to make a task fail on purpose.
//!
//! Built in, by text anywhere in the image's name or tag:
//! | text | fate |
//! |---|---|
//! | `pull-error` | the image cannot be pulled (`CannotPullContainerError`) |
//! | `crash` | the container exits with code 1 two seconds after it starts |
//! | `crash-after-30s`, `exit-137` | the same after 30 seconds; with code 137 |
//! | `unhealthy` | the container's health check, if it has one, and those of target groups never pass |
//! | `unhealthy-after-30s` | health checks of target groups pass for 30 seconds and fail from then on |
//! | `target-timeout` | health checks of target groups time out |
//! | `target-503` | health checks of target groups are answered with HTTP 503 |
//! | `slow-start` | pulling takes ten times as long |
//! | `no-capacity` | no capacity is found to place the task |
//! | `no-spot-capacity` | the same, for a task that is to run on Fargate Spot |
//! | `spot-interruption`, `spot-interruption-after-30s` | a task on Fargate Spot is interrupted after a minute; after 30 seconds |
//!
//! The Lambda functions of deployment lifecycle hooks succeed, unless the name in their ARN says otherwise: `hook-failed`,
//! `hook-in-progress-90s` (succeeds after 90 seconds), `hook-in-progress` (never ends).
//!
//! Tests add their own with [`crate::Emulator::script`]; the newest matching script decides.
//! Targets that a user registers answer health checks, unless [`crate::Emulator::script_target`] says otherwise.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::serde::unsigned_duration::friendly::compact::required as friendly;
use serde::Deserialize;

use crate::clock::later;
use crate::elbv2::{Answers, Failure};
use crate::faults::matches;
use crate::utilization::{Course, Measure, Utilization};

/// How a task with a certain image ends up.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum TaskFate {
    /// Runs, and passes its health check if it has one.
    Run,
    /// The image cannot be pulled.
    PullError,
    /// The container exits with `exit_code`, `after` it started.
    Crash {
        /// Running time before it exits.
        #[serde(with = "friendly")]
        after: Duration,
        /// What it exits with.
        exit_code: i32,
    },
    /// Runs, but its health check never passes, nor do those of target groups.
    Unhealthy,
    /// Runs, and answers the health checks of target groups as the fate says, this long after it started.
    Target {
        /// Running time with passing checks.
        #[serde(with = "friendly")]
        after: Duration,
        /// What checks meet from then on.
        fate: TargetFate,
    },
    /// Runs after this much longer than usual.
    SlowStart(#[serde(with = "friendly")] Duration),
    /// There is no capacity to place it.
    NoCapacity,
    /// There is no Spot capacity to place it; elsewhere than on Fargate Spot it runs.
    NoSpotCapacity,
    /// AWS takes its capacity back; elsewhere than on Fargate Spot it runs on.
    SpotInterruption {
        /// Running time before AWS warns it.
        #[serde(with = "friendly")]
        after: Duration,
    },
}

/// A fate for every image that matches a glob (`*` stands for any text).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TaskScript {
    image: String,
    fate: TaskFate,
}

impl TaskScript {
    /// Gives `fate` to each task started from now on with a container whose image matches `image`.
    pub fn new(image: impl Into<String>, fate: TaskFate) -> Self {
        Self { image: image.into(), fate }
    }
}

/// How a target answers the health checks of its target group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TargetFate {
    /// Checks pass.
    Healthy,
    /// The connection fails (`Target.FailedHealthChecks`).
    Failed,
    /// No answer comes in time (`Target.Timeout`).
    Timeout,
    /// This HTTP status comes (`Target.ResponseCodeMismatch`).
    Code(u16),
}

/// A fate for every target whose id matches a glob (`*` stands for any text).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TargetScript {
    id: String,
    fate: TargetFate,
}

impl TargetScript {
    /// Gives `fate` to each target whose id (an address, an instance, a function's ARN) matches `id`.
    pub fn new(id: impl Into<String>, fate: TargetFate) -> Self {
        Self { id: id.into(), fate }
    }
}

/// How many addresses every subnet has for tasks whose id matches a glob (`*` stands for any text): others hold the rest.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SubnetScript {
    id: String,
    addresses: u64,
}

impl SubnetScript {
    /// Lets at most `addresses` tasks have a network interface in each subnet whose id matches `id`. Those that have one keep it.
    pub fn new(id: impl Into<String>, addresses: u64) -> Self {
        Self { id: id.into(), addresses }
    }
}

/// What the Lambda function of a deployment lifecycle hook answers (`hookStatus`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HookAnswer {
    /// The deployment goes on.
    Succeeded,
    /// The deployment is rolled back.
    Failed,
    /// The function is asked again 30 seconds later.
    InProgress,
}

/// An answer of every function whose ARN matches a glob (`*` stands for any text).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HookScript {
    function: String,
    answer: HookAnswer,
    /// `IN_PROGRESS` is answered until the hook is this old.
    #[serde(with = "friendly", default)]
    after: Duration,
}

impl HookScript {
    /// Lets each function whose ARN matches `function` give this answer.
    pub fn new(function: impl Into<String>, answer: HookAnswer) -> Self {
        Self { function: function.into(), answer, after: Duration::ZERO }
    }

    /// Lets it answer `IN_PROGRESS` until its hook is this old.
    #[must_use]
    pub fn after(mut self, after: Duration) -> Self {
        self.after = after;
        self
    }
}

impl TargetFate {
    /// The answers of a target that has this fate from `from`.
    pub(crate) fn answers(self, from: Timestamp) -> Answers {
        let failure = match self {
            Self::Healthy => return Answers::default(),
            Self::Failed => Failure::Failed,
            Self::Timeout => Failure::Timeout,
            Self::Code(code) => Failure::Code(code),
        };
        Answers { fails_from: Some(from), failure }
    }
}

impl Answers {
    /// What whoever asks meets at `now`.
    pub(crate) fn fate(self, now: Timestamp) -> TargetFate {
        match self.failure {
            _ if self.fails_from.is_none_or(|from| from > now) => TargetFate::Healthy,
            Failure::Failed => TargetFate::Failed,
            Failure::Timeout => TargetFate::Timeout,
            Failure::Code(code) => TargetFate::Code(code),
        }
    }
}

impl TaskFate {
    /// How a target of a task with this fate answers that started at `started`.
    pub(crate) fn answers(&self, started: Timestamp) -> Answers {
        match self {
            Self::Unhealthy => TargetFate::Failed.answers(started),
            Self::Target { after, fate } => fate.answers(later(started, *after)),
            _ => Answers::default(),
        }
    }
}

#[derive(Debug, Default, Clone)]
pub(crate) struct Scripts {
    tasks: Vec<TaskScript>,
    targets: Vec<TargetScript>,
    hooks: Vec<HookScript>,
    subnets: Vec<SubnetScript>,
    utilization: Vec<Utilization>,
    lost_zones: BTreeSet<String>,
}

impl Scripts {
    pub(crate) fn lose_zone(&mut self, zone: &str) {
        self.lost_zones.insert(zone.to_owned());
    }

    pub(crate) fn restore_zone(&mut self, zone: &str) {
        self.lost_zones.remove(zone);
    }

    pub(crate) fn is_lost(&self, zone: &str) -> bool {
        self.lost_zones.contains(zone)
    }

    pub(crate) fn add(&mut self, script: TaskScript) {
        self.tasks.push(script);
    }

    pub(crate) fn add_target(&mut self, script: TargetScript) {
        // It decides wherever the older one did; who plays the targets' programs says something new all the time.
        self.targets.retain(|told| told.id != script.id);
        self.targets.push(script);
    }

    pub(crate) fn add_hook(&mut self, script: HookScript) {
        self.hooks.push(script);
    }

    pub(crate) fn add_subnet(&mut self, script: SubnetScript) {
        self.subnets.push(script);
    }

    /// The addresses that a subnet has for tasks, if a script says so.
    pub(crate) fn addresses(&self, subnet: &str) -> Option<u64> {
        self.subnets.iter().rev().find(|script| matches(&script.id, subnet)).map(|script| script.addresses)
    }

    pub(crate) fn add_utilization(&mut self, utilization: Utilization) {
        self.utilization.push(utilization);
    }

    /// What is measured of a service (`CLUSTER/SERVICE`), where it is told.
    pub(crate) fn utilization(&self, service: &str, measure: Measure) -> Option<&Course> {
        self.utilization.iter().rev().find_map(|it| it.says(service, measure))
    }

    pub(crate) fn clear(&mut self) {
        self.subnets.clear();
        self.utilization.clear();
        self.tasks.clear();
        self.targets.clear();
        self.hooks.clear();
    }

    /// What a function answers for a hook that has been running for `elapsed`.
    pub(crate) fn hook(&self, function: &str, elapsed: Duration) -> HookAnswer {
        let told = self.hooks.iter().rev().find(|script| matches(&script.function, function));
        match told {
            Some(script) if elapsed < script.after => HookAnswer::InProgress,
            Some(script) => script.answer,
            None => built_in_hook(function, elapsed),
        }
    }

    /// How a target that a user registered answers from `now`.
    pub(crate) fn answers(&self, id: &str, now: Timestamp) -> Answers {
        let told = self.targets.iter().rev().find(|script| matches(&script.id, id));
        told.map_or_else(Answers::default, |script| script.fate.answers(now))
    }

    pub(crate) fn fate(&self, image: &str, pulling: Duration) -> TaskFate {
        let told = self.tasks.iter().rev().find(|script| matches(&script.image, image));
        told.map_or_else(|| built_in(image, pulling), |script| script.fate.clone())
    }
}

fn built_in(image: &str, pulling: Duration) -> TaskFate {
    if image.contains("pull-error") {
        TaskFate::PullError
    } else if image.contains("no-capacity") {
        TaskFate::NoCapacity
    } else if image.contains("no-spot-capacity") {
        TaskFate::NoSpotCapacity
    } else if image.contains("spot-interruption") {
        let after = number_after(image, "spot-interruption-after-").unwrap_or(60);
        TaskFate::SpotInterruption { after: Duration::from_secs(after.into()) }
    } else if let Some(seconds) = number_after(image, "unhealthy-after-") {
        TaskFate::Target { after: Duration::from_secs(seconds.into()), fate: TargetFate::Failed }
    } else if image.contains("target-timeout") {
        TaskFate::Target { after: Duration::ZERO, fate: TargetFate::Timeout }
    } else if image.contains("target-503") {
        TaskFate::Target { after: Duration::ZERO, fate: TargetFate::Code(503) }
    } else if image.contains("unhealthy") {
        TaskFate::Unhealthy
    } else if image.contains("slow-start") {
        TaskFate::SlowStart(pulling * 9)
    } else if image.contains("crash") {
        let after = number_after(image, "crash-after-").unwrap_or(2);
        let exit_code = number_after(image, "exit-").unwrap_or(1) as i32;
        TaskFate::Crash { after: Duration::from_secs(after.into()), exit_code }
    } else {
        TaskFate::Run
    }
}

fn built_in_hook(function: &str, elapsed: Duration) -> HookAnswer {
    let seconds = number_after(function, "hook-in-progress-").map(|seconds| Duration::from_secs(seconds.into()));
    match seconds {
        Some(seconds) if elapsed < seconds => HookAnswer::InProgress,
        None if function.contains("hook-in-progress") => HookAnswer::InProgress,
        None if function.contains("hook-failed") => HookAnswer::Failed,
        _ => HookAnswer::Succeeded,
    }
}

/// The decimal number right after the first `marker`.
fn number_after(text: &str, marker: &str) -> Option<u32> {
    let (_, rest) = text.split_once(marker)?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).map_or(rest, |end| &rest[..end]);
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_says_what_becomes_of_its_task() {
        let fate = |image| Scripts::default().fate(image, Duration::from_secs(8));
        assert_eq!(fate("nginx:1"), TaskFate::Run);
        assert_eq!(fate("landbridge.test/pull-error:1"), TaskFate::PullError);
        assert_eq!(
            fate("landbridge.test/crash-after-30s:exit-137"),
            TaskFate::Crash { after: Duration::from_secs(30), exit_code: 137 }
        );
        assert_eq!(fate("shop:no-spot-capacity"), TaskFate::NoSpotCapacity);
        let interrupted = |seconds| TaskFate::SpotInterruption { after: Duration::from_secs(seconds) };
        assert_eq!(fate("shop:spot-interruption"), interrupted(60));
        assert_eq!(fate("shop:spot-interruption-after-30s"), interrupted(30));
        assert_eq!(fate("shop:crash"), TaskFate::Crash { after: Duration::from_secs(2), exit_code: 1 });
    }

    #[test]
    fn the_name_of_a_function_says_what_it_answers_unless_a_script_does() {
        let seconds = Duration::from_secs;
        let mut scripts = Scripts::default();
        let answer = |scripts: &Scripts, name, at| scripts.hook(&format!("arn:aws:lambda:r:a:function:{name}"), at);
        assert_eq!(answer(&scripts, "check", seconds(1)), HookAnswer::Succeeded);
        assert_eq!(answer(&scripts, "hook-failed", seconds(1)), HookAnswer::Failed);
        assert_eq!(answer(&scripts, "hook-in-progress-90s", seconds(89)), HookAnswer::InProgress);
        assert_eq!(answer(&scripts, "hook-in-progress-90s", seconds(91)), HookAnswer::Succeeded);
        assert_eq!(answer(&scripts, "hook-in-progress", seconds(999_999)), HookAnswer::InProgress);
        scripts.add_hook(HookScript::new("*:hook-*", HookAnswer::Failed).after(seconds(10)));
        assert_eq!(answer(&scripts, "hook-in-progress", seconds(9)), HookAnswer::InProgress);
        assert_eq!(answer(&scripts, "hook-in-progress", seconds(10)), HookAnswer::Failed);
    }

    #[test]
    fn the_newest_script_decides_over_older_ones_and_the_built_in() {
        let mut scripts = Scripts::default();
        scripts.add(TaskScript::new("*crash*", TaskFate::Unhealthy));
        scripts.add(TaskScript::new("shop:*", TaskFate::Run));
        assert_eq!(scripts.fate("shop:crash", Duration::ZERO), TaskFate::Run);
        assert_eq!(scripts.fate("other:crash", Duration::ZERO), TaskFate::Unhealthy);
    }
}
