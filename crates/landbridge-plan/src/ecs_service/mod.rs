//! Plans of an ECSService: its task definition, the service, and the Cloud Map service and log group that hang on it.
//!
//! [`Desired`] is what the spec asks for, [`EcsServiceObserved`] what AWS has; each part of the service has a module that
//! compares the two and adds its steps. [`lookups`] tells the observer what a pass needs to know.

use std::time::Duration;

use jiff::Timestamp;
use landbridge_api::common::{CommonStatus, Knobs};
use landbridge_api::condition::reason;
use landbridge_api::v1alpha1::{EcsService, EcsServiceStatus};

use crate::account::AccountTarget;
use crate::kind::{Health, Kind, News};
use crate::objects::Objects;
use crate::plan::{Cause, Plan, Unmet};

mod claim;
mod delete;
mod desire;
mod discovery;
mod facts;
mod immutable;
mod logs;
pub mod lookups;
mod news;
mod observed;
mod pass;
mod resolve;
mod resolved;
mod retention;
mod rollout;
mod service;
mod service_fields;
mod task_definition;
#[cfg(test)]
mod tests;
mod validate;

pub use desire::{Desired, WantedLogGroup};
pub use discovery::WantedDiscovery;
pub use observed::*;
pub use resolved::*;
pub use task_definition::{WantedContent, WantedRevision, content_of};

use pass::Pass;
pub(crate) use validate::fargate_memory;

/// When to look again at something that ECS is doing.
const SOON: Duration = Duration::from_secs(5);

impl Kind for EcsService {
    type Resolved = EcsServiceResolved;
    type Observed = EcsServiceObserved;
    type Status = EcsServiceStatus;

    fn knobs(&self) -> Knobs {
        self.spec.knobs.clone()
    }
    fn stored(&self) -> Option<&EcsServiceStatus> {
        self.status.as_ref()
    }
    fn common(status: &EcsServiceStatus) -> &CommonStatus {
        &status.common
    }
    fn common_mut(status: &mut EcsServiceStatus) -> &mut CommonStatus {
        &mut status.common
    }
    fn resolve(&self, objects: &dyn Objects) -> Result<EcsServiceResolved, Unmet> {
        resolve::resolve(self, objects)
    }
    fn account(resolved: &EcsServiceResolved) -> &AccountTarget {
        &resolved.account
    }
    fn plan(&self, resolved: &EcsServiceResolved, observed: &EcsServiceObserved, _now: Timestamp) -> Plan {
        planned(&Pass::of(self, resolved, observed))
    }
    fn health(&self, resolved: &EcsServiceResolved, observed: &EcsServiceObserved, _now: Timestamp) -> Health {
        rollout::health(&Pass::of(self, resolved, observed))
    }
    fn facts(&self, resolved: &EcsServiceResolved, observed: &EcsServiceObserved) -> EcsServiceStatus {
        facts::status(&Pass::of(self, resolved, observed))
    }
    fn intent(
        &self,
        resolved: &EcsServiceResolved,
        observed: &EcsServiceObserved,
        plan: &Plan,
    ) -> Option<EcsServiceStatus> {
        facts::intent(&Pass::of(self, resolved, observed), plan)
    }
    fn finds_again(&self, intent: &EcsServiceStatus) -> bool {
        lookups::finds_again(self, intent)
    }
    fn news(&self, resolved: &EcsServiceResolved, observed: &EcsServiceObserved) -> Vec<News> {
        news::news(&Pass::of(self, resolved, observed))
    }
}

/// The plan of one pass.
fn planned(pass: &Pass<'_>) -> Plan {
    let mut plan = Plan::of(pass.object.identity());
    if pass.object.is_deleting() {
        delete::plan(pass, &mut plan);
        return plan;
    }
    for violation in validate::violations(pass) {
        plan.block(reason::INVALID_SPEC, violation);
    }
    if let Some(refusal) = moved_account(pass) {
        plan.block(reason::IMMUTABLE_FIELD, refusal);
    }
    if !plan.blocked.is_empty() {
        return plan;
    }
    logs::plan(pass, &mut plan);
    discovery::plan(pass, &mut plan);
    let revision = task_definition::plan(pass, &mut plan);
    service::plan(pass, &mut plan, &revision);
    let settled = matches!(rollout::health(pass), Health::Healthy(_));
    service::remove_replaced(pass, &mut plan, settled);
    discovery::leave(pass, &mut plan, settled);
    retention::plan(pass, &mut plan, Cause::Retention);
    plan
}

/// A service cannot follow its object into another account or Region: the old one would be out of reach.
fn moved_account(pass: &Pass<'_>) -> Option<String> {
    let old = lookups::replaced(pass.object, pass.resolved)?;
    let here = pass.resolved.account.ecs_arn("");
    (!old.starts_with(&here)).then(|| {
        format!(
            "ECS service {old} is in another account or Region than ECSCluster {}: put spec.clusterRef back, and make a new \
             ECSService for the other account",
            pass.object.spec.cluster_ref.name
        )
    })
}
