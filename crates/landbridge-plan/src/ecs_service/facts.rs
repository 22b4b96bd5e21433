//! The status of an ECSService: what AWS says, and what must be remembered from one pass to the next.

use landbridge_api::common::DriftPolicy;
use landbridge_api::v1alpha1::{
    DeploymentStatus, DiscoveryStatus, EcsServiceStatus, RegisteredRevision, RestartStatus, TaskDefinitionStatus,
};
use serde_json::Value;

use super::pass::Pass;
use super::task_definition::{WantedRevision, short};
use super::{DiscoveryFacts, SHOWN_IN_REVISIONS, ServiceFacts, lookups, rollout};
use crate::canonical;
use crate::change::Verb;
use crate::kind::{Health, Kind};
use crate::plan::Plan;

/// Everything but the head.
pub(super) fn status(pass: &Pass<'_>) -> EcsServiceStatus {
    let deleting = pass.object.is_deleting();
    let service = pass.ours().filter(|s| s.status != "INACTIVE");
    let kept = pass.stored.service_arn.clone().filter(|_| !deleting);
    EcsServiceStatus {
        common: pass.stored.common.clone(),
        service_arn: service.map(|s| s.arn.clone()).or(kept),
        task_definition: if deleting { pass.stored.task_definition.clone() } else { task_definition(pass) },
        deployment: deployment(pass),
        rolled_back: rollout::rolled_back(pass),
        last_failure: last_failure(pass),
        desired_count: service.map(|s| s.desired_count),
        running_count: service.map(|s| s.running_count),
        pending_count: service.map(|s| s.pending_count),
        selector: Some(format!("landbridge.dev/service={}", pass.object.object_name())),
        log_group: pass.observed.log_group.as_ref().filter(|g| pass.owns(&g.tags)).map(|g| g.name.clone()),
        discovery: pass.observed.discovery.as_ref().filter(|d| pass.owns(&d.tags)).map(noted),
        revisions: revisions(pass),
        replaced: replaced(pass),
        replaced_discovery: replaced_discovery(pass),
        restart: pass.stored.restart.clone(),
        missing: missing(pass),
        shown_in_revision: service.map(shown_in_revision).unwrap_or_default(),
        last_event_at: last_event_at(pass),
        drift: drift(pass),
    }
}

/// What must be stored before the steps run: with it a lost answer is found again, and a restart begins once.
pub(super) fn intent(pass: &Pass<'_>, plan: &Plan) -> Option<EcsServiceStatus> {
    if plan.steps.is_empty() || pass.object.is_deleting() {
        return None;
    }
    let mut status = pass.stored.clone();
    // An adoption makes nothing that could be lost.
    let makes = plan.steps.iter().any(|s| s.change.verb() == Verb::Create);
    let known = status.task_definition.as_ref().is_some_and(|t| t.content == pass.desired.revision.content());
    if makes && !known {
        status.task_definition = task_definition(pass);
    }
    if let Some(group) = &pass.desired.log_group {
        status.log_group.get_or_insert_with(|| group.name.clone());
    }
    status.restart = restart(pass, plan);
    note_revision(pass, &mut status.revisions);
    (status != pass.stored).then_some(status)
}

fn shown_in_revision(service: &ServiceFacts) -> Vec<String> {
    // In the canonical form what is empty is not there.
    let set = canonical::service(&Value::Object(service.fields.clone()));
    SHOWN_IN_REVISIONS.iter().filter(|name| set.get(**name).is_some()).map(|name| (*name).to_owned()).collect()
}

fn restart(pass: &Pass<'_>, plan: &Plan) -> Option<RestartStatus> {
    let stored = pass.stored.restart.clone();
    let Some(value) = pass.desired.restart.clone().filter(|v| stored.as_ref().is_none_or(|s| s.value != *v)) else {
        return stored;
    };
    let asked = plan.steps.iter().flat_map(|s| &s.differences).find(|d| d.path == super::service::RESTART);
    let begins = |id: &str| plan.steps.iter().any(|s| s.id == id && s.change.operation() != "ecs:UpdateService");
    match asked {
        Some(difference) => {
            Some(RestartStatus { value, before: difference.from.as_ref().and_then(Value::as_str).map(str::to_owned) })
        }
        // A service that begins with this very pass has nothing to restart.
        None if begins(super::service::STEP) || plan.has(super::service::ADOPT) => {
            Some(RestartStatus { value, before: None })
        }
        None => stored,
    }
}

fn task_definition(pass: &Pass<'_>) -> Option<TaskDefinitionStatus> {
    let arn = pass.revision().filter(|a| !a.is_empty());
    if let WantedRevision::Given(given) = &pass.desired.revision
        && given.is_empty()
    {
        return None;
    }
    Some(TaskDefinitionStatus {
        content: pass.desired.revision.content().to_owned(),
        arn: arn.map(str::to_owned),
        revision: arn.map(|a| short(a).to_owned()),
    })
}

fn deployment(pass: &Pass<'_>) -> Option<DeploymentStatus> {
    let stored = pass.stored.deployment.clone();
    let described = |arn: Option<&String>| pass.observed.deployment.as_ref().filter(|d| Some(&d.arn) == arn);
    let service = pass.ours().filter(|s| s.status == "ACTIVE");
    let Some(service) = service.filter(|s| rollout::outstanding(pass, s).is_empty()) else {
        let mut stored = stored?;
        if let Some(facts) = described(stored.arn.as_ref()) {
            stored.state = Some(facts.status.clone());
            stored.reason.clone_from(&facts.status_reason);
        }
        return Some(stored);
    };
    let arn = service.current_service_deployment.clone();
    let before = stored.filter(|d| d.arn == arn);
    let facts = described(arn.as_ref());
    let primary = rollout::primary(service);
    let only = match service.current_service_revisions.as_slice() {
        [one] => Some(one.clone()),
        _ => None,
    };
    let revision = facts.and_then(|f| f.target_revision.clone()).or(only);
    let state = primary.and_then(|p| p.rollout_state.clone()).or_else(|| facts.map(|f| f.status.clone()));
    let reason = primary.and_then(|p| p.rollout_state_reason.clone());
    Some(DeploymentStatus {
        revision_arn: revision.or_else(|| before.as_ref().and_then(|d| d.revision_arn.clone())),
        state: state.or_else(|| before.as_ref().and_then(|d| d.state.clone())),
        reason: reason.or_else(|| facts.and_then(|f| f.status_reason.clone())),
        task_definition_arn: Some(service.task_definition.clone()),
        content: Some(pass.desired.content.clone()),
        arn,
    })
}

fn last_failure(pass: &Pass<'_>) -> Option<landbridge_api::v1alpha1::TaskFailure> {
    let healthy = || matches!(rollout::health(pass), Health::Healthy(_));
    pass.observed.failure.clone().or_else(|| pass.stored.last_failure.clone().filter(|_| !healthy()))
}

fn noted(facts: &DiscoveryFacts) -> DiscoveryStatus {
    DiscoveryStatus { service_id: facts.id.clone(), service_arn: facts.arn.clone() }
}

/// What we registered and what is still registered, newest first.
fn revisions(pass: &Pass<'_>) -> Vec<RegisteredRevision> {
    let inactive = |arn: &str| pass.observed.task_definition.iter().any(|r| r.arn == arn && r.status != "ACTIVE");
    let gone = |arn: &str| inactive(arn) || lookups::is_retired(pass, arn);
    let mut list: Vec<_> = pass.stored.revisions.iter().filter(|r| !gone(&r.arn)).cloned().collect();
    note_revision(pass, &mut list);
    list
}

/// Adds the revision that was seen, if it is ours. It may be one of an earlier content, whose answer was lost.
fn note_revision(pass: &Pass<'_>, list: &mut Vec<RegisteredRevision>) {
    if let Some(seen) = pass.observed.task_definition.as_ref().filter(|r| r.status == "ACTIVE" && pass.owns(&r.tags))
        && let Some(content) = seen.content.clone()
        && !list.iter().any(|r| r.arn == seen.arn)
    {
        list.insert(0, RegisteredRevision { arn: seen.arn.clone(), content });
    }
}

/// Services that still have to go. One that is not seen is gone; one that is not ours is nobody's business here.
fn replaced(pass: &Pass<'_>) -> Vec<String> {
    let mut list = pass.stored.replaced.clone();
    list.retain(|arn| *arn != pass.desired.arn);
    let Some(looked_at) = lookups::replaced(pass.object, pass.resolved) else { return list };
    list.retain(|arn| *arn != looked_at);
    if pass.observed.replaced.as_ref().is_some_and(|s| s.status != "INACTIVE" && pass.owns(&s.tags)) {
        list.insert(0, looked_at);
    }
    list
}

fn replaced_discovery(pass: &Pass<'_>) -> Vec<DiscoveryStatus> {
    let mut list = pass.stored.replaced_discovery.clone();
    if let Some(looked_at) = lookups::left_discovery(pass.object) {
        list.retain(|d| d.service_id != looked_at);
    }
    if let Some(left) = pass.observed.left_discovery.as_ref().filter(|d| pass.owns(&d.tags)) {
        list.insert(0, noted(left));
    }
    let wanted = pass.observed.discovery.as_ref().map(|d| d.id.as_str());
    list.retain(|d| Some(d.service_id.as_str()) != wanted);
    list
}

fn missing(pass: &Pass<'_>) -> Option<i32> {
    let known = pass.stored.service_arn.as_deref() == Some(&pass.desired.arn);
    let misses = known && !pass.object.is_deleting() && pass.observed.service.is_none();
    misses.then(|| pass.stored.missing.unwrap_or(0).saturating_add(1))
}

fn last_event_at(pass: &Pass<'_>) -> Option<String> {
    let stored = pass.stored.last_event_at.clone();
    let Some(service) = pass.ours() else { return stored };
    let newest = service.events.iter().map(|e| e.created_at).max();
    newest.map(|t| t.to_string()).or(stored).or_else(|| service.created_at.map(|t| t.to_string()))
}

fn drift(pass: &Pass<'_>) -> Vec<String> {
    if pass.object.spec.knobs.drift() != DriftPolicy::Report || pass.object.is_deleting() {
        return Vec::new();
    }
    super::planned(pass).drift.into_iter().map(|d| d.path).collect()
}
