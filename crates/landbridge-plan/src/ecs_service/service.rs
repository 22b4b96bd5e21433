//! The service itself: created once, changed in place with only the fields that differ, replaced when its cluster or
//! name changes.

use landbridge_api::common::DriftPolicy;
use landbridge_api::condition::reason;
use landbridge_api::ecs::service::DeploymentControllerType;
use serde_json::{Value, json};

use super::claim::{Found, claim, retag};
use super::pass::Pass;
use super::service_fields::{FieldDifference, compare};
use super::{ServiceFacts, rollout, task_definition};
use crate::change::{Body, Change, Tagged};
use crate::kind::Kind;
use crate::plan::{Cause, Difference, Plan};
use crate::{hash, tags, token};

/// Name of the step that creates or updates the service.
pub(super) const STEP: &str = "service";
/// Name of the step that takes a service over.
pub(super) const ADOPT: &str = "adopt-service";
/// Path of the difference that stands for a restart.
pub(super) const RESTART: &str = "restart";
/// How often in a row ECS must not show a service before it is believed to be gone.
const MISSES: i32 = 2;

/// Creates the service or changes what differs. `revision` is an ARN or a token.
pub(super) fn plan(pass: &Pass<'_>, plan: &mut Plan, revision: &str) {
    match &pass.observed.service {
        Some(service) if service.status == "DRAINING" => plan.wait(
            reason::WAITING,
            format!("{} is draining; it is made anew once ECS gives the name free", what(pass)),
            super::SOON,
        ),
        Some(service) if service.status != "INACTIVE" => change(pass, plan, service, revision),
        gone => create(pass, plan, revision, gone.is_some()),
    }
}

fn what(pass: &Pass<'_>) -> String {
    format!("ECS service {}/{}", pass.desired.cluster, pass.desired.service)
}

fn create(pass: &Pass<'_>, plan: &mut Plan, revision: &str, surely_gone: bool) {
    let desired = &pass.desired;
    let known = pass.stored.service_arn.as_deref() == Some(&desired.arn);
    if known && !surely_gone && pass.stored.missing.unwrap_or(0) < MISSES {
        plan.wait(
            reason::WAITING,
            format!("ECS does not show {}, which was there; looking again before it is made anew", what(pass)),
            super::SOON,
        );
        return;
    }
    let mut body = with_registry(pass);
    body.insert("cluster".to_owned(), json!(desired.cluster));
    body.insert("serviceName".to_owned(), json!(desired.service));
    if desired.controller() != DeploymentControllerType::External {
        body.insert("taskDefinition".to_owned(), json!(revision));
    }
    if !desired.is_daemon() {
        body.insert("desiredCount".to_owned(), json!(desired.desired_count.unwrap_or(1)));
    }
    body.insert("tags".to_owned(), tags::listed(&desired.tags, "key", "value"));
    body.insert("clientToken".to_owned(), json!(client_token(pass)));
    let missing = Difference::new("service", None, Some(desired.service.as_str().into()));
    let change = Change::CreateService { cluster: desired.cluster.clone(), name: desired.service.clone(), body };
    pass.correct(plan, STEP, PREPARATIONS, change, vec![missing]);
}

/// Steps that a service needs first, where they are in the plan.
const PREPARATIONS: &[&str] = &[super::logs::STEP, super::discovery::STEP, task_definition::STEP, ADOPT];

/// The same for every try of one creation, another after a service of that name was seen and is gone.
fn client_token(pass: &Pass<'_>) -> String {
    let desired = &pass.desired;
    let uid = pass.object.metadata.uid.clone().unwrap_or_default();
    let generation = pass.object.generation().to_string();
    let before = pass.stored.deployment.as_ref().and_then(|d| d.arn.clone()).unwrap_or_default();
    hash::client_token(&[&uid, &pass.object.identity(), &desired.cluster, &desired.service, &generation, &before])
}

/// The fields with the ARN of the managed Cloud Map service, or its token, in place.
pub(super) fn with_registry(pass: &Pass<'_>) -> Body {
    let outputs = [((super::discovery::STEP.to_owned(), "arn".to_owned()), pass.registry_arn())].into();
    match token::resolve_value(&Value::Object(pass.desired.fields.clone()), &outputs) {
        Some(Value::Object(body)) => body,
        _ => pass.desired.fields.clone(),
    }
}

fn change(pass: &Pass<'_>, plan: &mut Plan, service: &ServiceFacts, revision: &str) {
    let differences = compare(pass, service, revision);
    let found = Found {
        what: what(pass),
        step: ADOPT,
        api: Tagged::Ecs,
        arn: &service.arn,
        tags: &service.tags,
        name_field: "spec.serviceName",
    };
    let all: Vec<Difference> = differences.iter().flat_map(|d| d.differences.clone()).collect();
    if !claim(pass, plan, &found, &all) || super::immutable::refuse(pass, plan, service) {
        return;
    }
    if let Some(controller) = super::immutable::controller_change(pass, plan, service) {
        return update(pass, plan, service, &[controller], false);
    }
    let held = rollout::rolled_back(pass).is_some();
    let sent: Vec<FieldDifference> = differences.into_iter().filter(|d| !(held && d.deploys())).collect();
    if super::immutable::refuse_foreign_controller(pass, plan, &sent) {
        return;
    }
    update(pass, plan, service, &sent, restart_wanted(pass, service) && !plan.has(ADOPT));
    retag(pass, plan, &found, &pass.desired.tags, "service-tags", "tags");
}

fn update(pass: &Pass<'_>, plan: &mut Plan, service: &ServiceFacts, fields: &[FieldDifference], restart: bool) {
    if fields.is_empty() && !restart {
        return;
    }
    let mut differences: Vec<Difference> = fields.iter().flat_map(|f| f.differences.clone()).collect();
    if pass.applied {
        plan.drift.extend(differences.iter().cloned());
    }
    // A restart is the spec's, and goes ahead also where drift is left as it is.
    let alone = restart && pass.applied && pass.object.spec.knobs.drift() != DriftPolicy::Correct;
    let fields = if alone { &[] } else { fields };
    let mut body: Body = fields.iter().map(|f| (f.name.clone(), f.value.clone())).collect();
    let only_with_new_tasks =
        fields.iter().any(FieldDifference::needs_force) && !fields.iter().any(FieldDifference::deploys_by_itself);
    if restart || only_with_new_tasks {
        body.insert("forceNewDeployment".to_owned(), json!(true));
    }
    if restart {
        let current = service.current_service_deployment.as_deref().map(Value::from);
        differences.push(Difference::new(RESTART, current, pass.desired.restart.as_deref().map(Value::from)));
    }
    body.insert("cluster".to_owned(), json!(pass.desired.cluster));
    body.insert("service".to_owned(), json!(pass.desired.service));
    let change =
        Change::UpdateService { cluster: pass.desired.cluster.clone(), name: pass.desired.service.clone(), body };
    let cause = if restart { Cause::Spec } else { pass.cause() };
    plan.update(STEP, cause, PREPARATIONS, change, differences);
}

/// Whether the annotation asks for a restart that has not begun: the deployment that was current when it was asked for
/// still is.
pub(super) fn restart_wanted(pass: &Pass<'_>, service: &ServiceFacts) -> bool {
    let Some(value) = &pass.desired.restart else { return false };
    match pass.stored.restart.as_ref().filter(|r| r.value == *value) {
        Some(asked) => asked.before.is_some() && asked.before == service.current_service_deployment,
        None => pass.ours().is_some(),
    }
}

/// Takes away a service that this one replaced, once this one is proved.
pub(super) fn remove_replaced(pass: &Pass<'_>, plan: &mut Plan, proved: bool) {
    let Some(old) = pass.observed.replaced.as_ref().filter(|s| s.status != "INACTIVE" && pass.owns(&s.tags)) else {
        return;
    };
    let name = task_definition::short(&old.arn).to_owned();
    let cluster = cluster_of(&old.arn).to_owned();
    if !proved {
        return;
    }
    plan.wait(reason::PROGRESSING, format!("ECS service {cluster}/{name}, which was replaced, is going"), super::SOON);
    if old.status != "DRAINING" {
        plan.step("replaced-service", Cause::Replacement, &[], Change::DeleteService { cluster, name });
    }
}

/// The cluster in the ARN of a service.
pub(super) fn cluster_of(arn: &str) -> &str {
    arn.rsplit('/').nth(1).unwrap_or_default()
}
