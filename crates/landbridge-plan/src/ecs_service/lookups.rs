//! What one pass must look at beyond the service itself. The observer asks here, so that what is looked up and what is
//! planned from it are decided in one place.

use landbridge_api::v1alpha1::{EcsService, EcsServiceStatus};

use super::pass::Pass;
use super::rollout;
use super::{DeploymentFacts, Desired, EcsServiceObserved, EcsServiceResolved, ServiceDeploymentFacts};
use crate::kind::Kind;

/// States of a service deployment that end well; what happens to the service after them is somebody's change.
pub(super) const SUCCEEDED: &[&str] = &["COMPLETED", "SUCCESSFUL"];
/// How many revisions a pass looks at and deregisters; the bucket of that API refills with one call per second.
const RETIRED_AT_ONCE: usize = 3;
const RETIRED_AT_ONCE_IN_DELETION: usize = 10;
const DEFAULT_HISTORY: i32 = 10;

/// Whether a revision may have been registered of which the status says nothing. The finalizer is stored right before the
/// first write to AWS, so without a note of the content somebody died between the two.
pub fn may_have_registered(object: &EcsService) -> bool {
    object.has_finalizer() && object.stored().is_none_or(|s| s.task_definition.is_none())
}

/// Whether all that the intent says is the content that is to be registered, which [`may_have_registered`] stands for.
pub(super) fn finds_again(object: &EcsService, intent: &EcsServiceStatus) -> bool {
    let stored = object.stored().cloned().unwrap_or_default();
    stored.task_definition.is_none() && EcsServiceStatus { task_definition: None, ..intent.clone() } == stored
}

/// ARN of a service that this object had before, in another cluster or under another name, and that still has to go.
pub fn replaced(object: &EcsService, resolved: &EcsServiceResolved) -> Option<String> {
    let wanted = resolved.account.ecs_arn(&format!("service/{}/{}", resolved.cluster, resolved.service));
    let stored = object.stored()?;
    stored.service_arn.iter().chain(&stored.replaced).find(|arn| **arn != wanted).cloned()
}

/// ID of the Cloud Map service that was managed last. It may be the wanted one; if it is not, it still has to go.
pub fn left_discovery(object: &EcsService) -> Option<String> {
    let stored = object.stored()?;
    stored.replaced_discovery.iter().chain(&stored.discovery).map(|d| d.service_id.clone()).next()
}

/// Name of the log group to look at: the wanted one, else the one that was managed last.
pub fn log_group(object: &EcsService, resolved: &EcsServiceResolved) -> Option<String> {
    let wanted = Desired::of(object, resolved).log_group.map(|g| g.name);
    wanted.or_else(|| object.stored()?.log_group.clone())
}

/// Whether a revision that [`retired`] names needs nothing more: it is deregistered, or AWS does not know it any more.
pub(super) fn is_retired(pass: &Pass<'_>, arn: &str) -> bool {
    let seen = pass.observed.retired.iter().find(|r| r.arn == arn);
    let asked = || retired(pass.object, pass.observed).iter().any(|a| a == arn);
    seen.map_or_else(asked, |r| r.status != "ACTIVE")
}

/// ARNs of revisions that are past their retention (when the object is being deleted: all that it registered), of
/// which the pass must know whether they are still ACTIVE. `observed.service` must be filled in.
pub fn retired(object: &EcsService, observed: &EcsServiceObserved) -> Vec<String> {
    let Some(stored) = object.stored() else { return Vec::new() };
    let all = stored.revisions.iter().map(|r| r.arn.clone());
    if object.is_deleting() {
        return all.take(RETIRED_AT_ONCE_IN_DELETION).collect();
    }
    // While it is not known what runs, everything may be in use.
    let Some(service) = &observed.service else { return Vec::new() };
    let in_use = |arn: &String| {
        *arn == service.task_definition
            || service.deployments.iter().any(|d| d.task_definition == *arn)
            || observed.replaced.iter().any(|s| s.task_definition == *arn)
            || stored.task_definition.as_ref().is_some_and(|t| t.arn.as_ref() == Some(arn))
    };
    let limit = object.spec.revision_history_limit.unwrap_or(DEFAULT_HISTORY).max(0) as usize;
    all.filter(|arn| !in_use(arn)).skip(limit).take(RETIRED_AT_ONCE).collect()
}

/// ARN of the service deployment to describe: of one that ECS does not report on in `deployments`, or of ours when the
/// service no longer has what it was to bring. `observed.service` must be filled in.
pub fn deployment(object: &EcsService, resolved: &EcsServiceResolved, observed: &EcsServiceObserved) -> Option<String> {
    let pass = Pass::of(object, resolved, observed);
    let service = pass.ours().filter(|s| s.status == "ACTIVE")?;
    let succeeded = |state: Option<&String>| state.is_some_and(|s| SUCCEEDED.contains(&s.as_str()));
    let stored = pass.stored.deployment.as_ref();
    let open = stored.filter(|d| d.content.as_ref() == Some(&pass.desired.content) && !succeeded(d.state.as_ref()));
    if let Some(open) = open
        && pass.stored.rolled_back.is_none()
        && !rollout::outstanding(&pass, service).is_empty()
    {
        return open.arn.clone();
    }
    let silent = rollout::primary(service).is_some_and(|p| p.rollout_state.is_none());
    let current = service.current_service_deployment.clone()?;
    let done = stored.is_some_and(|d| d.arn.as_ref() == Some(&current) && succeeded(d.state.as_ref()));
    (silent && !done).then_some(current)
}

/// The deployments of which it is asked why tasks stop; none means any. Where no deployment fails, but tasks are missing,
/// stopped tasks of deployments that are over say nothing about those that are.
pub fn failing_deployments(observed: &EcsServiceObserved) -> Option<Vec<String>> {
    let rolled_back = |d: &ServiceDeploymentFacts| d.status.starts_with("ROLLBACK");
    let deployments = &observed.service.as_ref()?.deployments;
    let fails = |d: &DeploymentFacts| d.failed_tasks > 0 || d.rollout_state.as_deref() == Some("FAILED");
    if deployments.iter().any(fails) || observed.deployment.as_ref().is_some_and(rolled_back) {
        return None;
    }
    Some(deployments.iter().map(|d| d.id.clone()).collect())
}

/// Whether tasks fail, so that it is worth asking why. `observed.service` and `observed.deployment` must be filled in:
/// a quick rollback leaves no failed deployment in the service, only in the service deployment that was rolled back.
pub fn tasks_fail(observed: &EcsServiceObserved) -> bool {
    let rolled_back = |d: &ServiceDeploymentFacts| d.status.starts_with("ROLLBACK");
    let Some(service) = observed.service.as_ref().filter(|s| s.status == "ACTIVE") else { return false };
    let failed = |state: Option<&String>| state.is_some_and(|s| s == "FAILED");
    let settled = service.deployments.iter().all(|d| d.rollout_state.as_deref() != Some("IN_PROGRESS"));
    service.deployments.iter().any(|d| d.failed_tasks > 0 || failed(d.rollout_state.as_ref()))
        || (settled && service.running_count < service.desired_count)
        || observed.deployment.as_ref().is_some_and(rolled_back)
}
