//! Why tasks of a service stop on their own: two calls, made again only after something happened to the service.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_ecs::types::{Container, DesiredStatus, Task, TaskStopCode};
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use landbridge_api::v1alpha1::TaskFailure;
use landbridge_plan::ecs_service::ServiceFacts;

use crate::budget::Priority;
use crate::client::Aws;
use crate::describe::gone_is_none;
use crate::error::AwsError;
use crate::facts::pulse;
use crate::operations as op;

impl Aws {
    /// The most frequent failure among the stopped tasks of the deployment whose task failed last. `of` names the
    /// deployments that count, as `startedBy` of a task does; none means any.
    pub(super) async fn task_failure(
        &self,
        cluster: &str,
        name: &str,
        service: &ServiceFacts,
        of: Option<&[String]>,
        priority: Priority,
    ) -> Result<Option<TaskFailure>, AwsError> {
        let (key, now) = ((cluster.to_owned(), name.to_owned()), pulse(service));
        if let Some((then, known)) = self.memory().failures.get(&key, Duration::MAX)
            && then == now
        {
            return Ok(known);
        }
        let call = || {
            let call = self.ecs().list_tasks().cluster(cluster).service_name(name);
            call.desired_status(DesiredStatus::Stopped).send()
        };
        let listed = gone_is_none(self.call(op::LIST_TASKS, priority, call).await.map(Some))?;
        let arns = listed.map(|answer| answer.task_arns().to_vec()).unwrap_or_default();
        let mut failure = None;
        if !arns.is_empty() {
            let call = || self.ecs().describe_tasks().cluster(cluster).set_tasks(Some(arns.clone())).send();
            let answer = self.call(op::DESCRIBE_TASKS, priority, call).await?;
            failure = most_frequent(answer.tasks(), of);
        }
        self.memory().failures.put(key, (now, failure.clone()));
        Ok(failure)
    }
}

/// One way to fail.
type Manner = (Option<String>, Option<i32>, String, Option<String>);

fn most_frequent(tasks: &[Task], of: Option<&[String]>) -> Option<TaskFailure> {
    let counts = |t: &&Task| of.is_none_or(|ids| t.started_by().is_some_and(|by| ids.iter().any(|id| id == by)));
    let mut failed: Vec<&Task> = tasks.iter().filter(|t| failed_on_its_own(t)).filter(counts).collect();
    failed.sort_by_key(|t| std::cmp::Reverse(t.stopped_at().map(DateTime::as_nanos)));
    let newest = failed.first()?.started_by();
    let mut manners: BTreeMap<Manner, (i32, &Task)> = BTreeMap::new();
    for task in failed.iter().filter(|t| t.started_by() == newest) {
        manners.entry(manner(task)).or_insert((0, task)).0 += 1;
    }
    let last = |task: &Task| task.stopped_at().map(DateTime::as_nanos);
    let (manner, (times, task)) = manners.into_iter().max_by_key(|(_, (times, task))| (*times, last(task)))?;
    let (container, exit_code, reason, stop_code) = manner;
    Some(TaskFailure {
        container,
        exit_code,
        reason,
        stop_code,
        times,
        last_seen: task.stopped_at().and_then(|at| at.fmt(Format::DateTime).ok()),
        task_arn: task.task_arn().map(str::to_owned),
    })
}

/// Tasks that ECS stops to scale in or to make room are no failures; those that it stops for their health are.
fn failed_on_its_own(task: &Task) -> bool {
    match task.stop_code() {
        Some(TaskStopCode::ServiceSchedulerInitiated | TaskStopCode::UserInitiated) => {
            task.stopped_reason().is_some_and(|reason| reason.to_ascii_lowercase().contains("health check"))
        }
        Some(_) => true,
        None => false,
    }
}

fn manner(task: &Task) -> Manner {
    let broke = |c: &&Container| c.exit_code().is_some_and(|code| code != 0) || c.reason().is_some();
    let container = task.containers().iter().find(broke);
    let reason = container.and_then(|c| c.reason()).or(task.stopped_reason()).unwrap_or("no reason was given");
    (
        container.and_then(|c| c.name()).map(str::to_owned),
        container.and_then(Container::exit_code),
        reason.to_owned(),
        task.stop_code().map(|code| code.as_str().to_owned()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(started_by: &str, at: i64, code: TaskStopCode, reason: &str, exit: Option<i32>) -> Task {
        let container = Container::builder().name("web").set_exit_code(exit).build();
        Task::builder()
            .task_arn(format!("arn:task/{at}"))
            .started_by(started_by)
            .stopped_at(DateTime::from_secs(at))
            .stop_code(code)
            .stopped_reason(reason)
            .containers(container)
            .build()
    }

    #[test]
    fn the_most_frequent_failure_of_the_deployment_that_failed_last_is_told() {
        let exited = || TaskStopCode::EssentialContainerExited;
        let tasks = [
            task("old", 1, exited(), "old", Some(1)),
            task("old", 2, exited(), "old", Some(1)),
            task("old", 3, exited(), "old", Some(1)),
            task("new", 4, exited(), "Essential container in task exited", Some(137)),
            task("new", 5, exited(), "Essential container in task exited", Some(137)),
            task("new", 6, TaskStopCode::TaskFailedToStart, "CannotPullContainerError", None),
        ];
        let failure = most_frequent(&tasks, None).unwrap();
        let other = ["other".to_owned()];
        assert_eq!(most_frequent(&tasks, Some(&other)), None, "tasks of a deployment that is over do not count");
        assert_eq!((failure.exit_code, failure.times), (Some(137), 2));
        assert_eq!(failure.container.as_deref(), Some("web"));
        assert_eq!(failure.last_seen.as_deref(), Some("1970-01-01T00:00:05Z"));
    }

    #[test]
    fn scaling_in_is_no_failure_and_a_failed_health_check_is() {
        let scaled = task("d", 1, TaskStopCode::ServiceSchedulerInitiated, "Scaling activity initiated by d", Some(0));
        assert_eq!(most_frequent(&[scaled], None), None);
        let reason = "Task failed container health checks";
        let unhealthy = task("d", 1, TaskStopCode::ServiceSchedulerInitiated, reason, Some(137));
        assert_eq!(most_frequent(&[unhealthy], None).unwrap().reason, reason);
    }
}
