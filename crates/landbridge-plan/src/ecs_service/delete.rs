//! Taking everything away, in the order in which AWS lets go: the service, what it registered in Cloud Map, the Cloud Map
//! service, the log group, the task definitions. Each pass plans what can be done now and waits for the rest.

use landbridge_api::condition::reason;

use super::pass::Pass;
use super::{ServiceFacts, discovery, lookups, retention, service, task_definition};
use crate::change::Change;
use crate::plan::{Cause, Plan};
use crate::policy;

/// The plan of an object that is being deleted.
pub(super) fn plan(pass: &Pass<'_>, plan: &mut Plan) {
    if pass.resolved.nothing_in_aws || policy::retains(&pass.object.spec.knobs) {
        plan.gone = true;
        return;
    }
    let observed = pass.observed;
    let services = [("service", &observed.service), ("replaced-service", &observed.replaced)];
    for (id, facts) in services {
        if let Some(facts) = facts.as_ref().filter(|s| s.status != "INACTIVE" && pass.owns(&s.tags)) {
            remove_service(plan, id, facts);
        }
    }
    if !plan.waits.is_empty() {
        return;
    }
    remove_rest(pass, plan);
    // More than one replaced service, or more revisions than one pass looks at.
    let known = pass.stored.replaced.len() + usize::from(observed.replaced.is_some());
    let revisions = pass.stored.revisions.iter().filter(|r| !is_done(pass, &r.arn)).count();
    let left_in_cloud_map = pass.stored.replaced_discovery.len() > 1;
    if !plan.steps.is_empty() {
        plan.wait(reason::DELETING, "the last resources are being deleted", super::SOON);
    } else if known > 1 || revisions > 0 || left_in_cloud_map {
        plan.wait(reason::DELETING, "looking for what is left in AWS", super::SOON);
    } else {
        plan.gone = true;
    }
}

/// Whether a revision needs nothing more, also because it is not ours to deregister.
fn is_done(pass: &Pass<'_>, arn: &str) -> bool {
    let foreign = pass.observed.retired.iter().any(|r| r.arn == arn && !pass.owns(&r.tags));
    foreign || lookups::is_retired(pass, arn)
}

fn remove_service(plan: &mut Plan, id: &str, facts: &ServiceFacts) {
    let (cluster, name) = (service::cluster_of(&facts.arn).to_owned(), task_definition::short(&facts.arn).to_owned());
    plan.wait(
        reason::DELETING,
        format!("ECS service {cluster}/{name} is stopping {} tasks", facts.running_count + facts.pending_count),
        super::SOON,
    );
    if facts.status != "DRAINING" {
        plan.step(id, Cause::Deletion, &[], Change::DeleteService { cluster, name });
    }
}

fn remove_rest(pass: &Pass<'_>, plan: &mut Plan) {
    let observed = pass.observed;
    let discoveries = [("discovery", &observed.discovery), ("left-discovery", &observed.left_discovery)];
    for (id, facts) in discoveries {
        if let Some(facts) = facts.as_ref().filter(|d| pass.owns(&d.tags)) {
            discovery::take_away(plan, id, Cause::Deletion, facts);
        }
    }
    if let Some(group) = observed.log_group.as_ref().filter(|g| pass.owns(&g.tags)) {
        plan.step("log-group", Cause::Deletion, &[], Change::DeleteLogGroup { name: group.name.clone() });
    }
    retention::plan(pass, plan, Cause::Deletion);
    // A revision whose registration was never noted, because the answer was lost.
    if let Some(revision) = observed.task_definition.as_ref().filter(|r| r.status == "ACTIVE" && pass.owns(&r.tags))
        && !observed.retired.iter().any(|r| r.arn == revision.arn)
        && !pass.stored.revisions.iter().any(|r| r.arn == revision.arn)
    {
        let change = Change::DeregisterTaskDefinition { arn: revision.arn.clone() };
        plan.step("task-definition", Cause::Deletion, &[], change);
    }
}
