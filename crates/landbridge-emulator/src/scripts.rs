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
//!
//! Tests add their own with [`crate::Emulator::script`]; the newest matching script decides.
//! Targets that a user registers answer health checks, unless [`crate::Emulator::script_target`] says otherwise.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::serde::unsigned_duration::friendly::compact::required as friendly;
use serde::Deserialize;

use crate::clock::later;
use crate::elbv2::{Answers, Failure};
use crate::faults::matches;

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
}

impl Scripts {
    pub(crate) fn add(&mut self, script: TaskScript) {
        self.tasks.push(script);
    }

    pub(crate) fn add_target(&mut self, script: TargetScript) {
        self.targets.push(script);
    }

    pub(crate) fn clear(&mut self) {
        self.tasks.clear();
        self.targets.clear();
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
        assert_eq!(fate("shop:crash"), TaskFate::Crash { after: Duration::from_secs(2), exit_code: 1 });
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
