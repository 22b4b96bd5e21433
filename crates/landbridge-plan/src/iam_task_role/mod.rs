//! The IAM role for tasks and pods: plans, health and facts.

mod associations;
mod foreign;
mod irsa;
mod observed;
mod plan;
mod pod_rules;
#[cfg(test)]
mod pod_tests;
mod pods;
mod resolved;
mod rules;
mod status;
#[cfg(test)]
mod tests;
mod trust;
mod wanted;

use jiff::Timestamp;
use landbridge_api::common::{CommonStatus, Knobs};
use landbridge_api::condition::reason;
use landbridge_api::v1alpha1::{IamTaskRole, IamTaskRoleStatus, MigrationPhase, MigrationSide, TrafficMigration};

use crate::account::{AccountTarget, account_for};
use crate::adoption;
use crate::kind::{Health, Kind, News};
use crate::objects::Objects;
use crate::plan::{Plan, Unmet};

use associations::{EKS_LOOK_AFTER, cluster_absent};
pub use irsa::provider_arn;
pub use observed::*;
use pods::groups;
pub use pods::{Pods, clusters, known_pods, wanted_pods};
pub use resolved::*;
pub use trust::Trust;

/// Name of a role in IAM.
pub fn name_in_iam(role: &IamTaskRole) -> String {
    let of_object = || format!("{}-{}", role.object_namespace(), role.object_name());
    role.spec.role_name.clone().unwrap_or_else(of_object)
}

/// Adds the migration that a service is part of, unless that has come to its end.
fn name_migration(user: &mut String, objects: &dyn Objects, namespace: &str) {
    let Some(service) = user.rsplit('/').next().map(str::to_owned) else { return };
    let sides = |m: &TrafficMigration| [m.spec.from.clone(), m.spec.to.clone()];
    let is_side = |side: &MigrationSide| side.ecs_service_ref.as_ref().is_some_and(|r| r.name == service);
    for migration in objects.traffic_migrations(namespace) {
        let phase = migration.status.as_ref().and_then(|s| s.phase);
        if phase != Some(MigrationPhase::Completed) && sides(&migration).iter().any(is_side) {
            let phase = phase.map_or_else(|| "not begun".to_owned(), |p| format!("{p:?}"));
            let name = migration.object_name();
            *user = format!("{user} (part of TrafficMigration {namespace}/{name}, which is {phase} and not Completed)");
        }
    }
}

impl Kind for IamTaskRole {
    type Resolved = IamTaskRoleResolved;
    type Observed = IamTaskRoleObserved;
    type Status = IamTaskRoleStatus;

    fn knobs(&self) -> Knobs {
        self.spec.knobs.clone()
    }
    fn stored(&self) -> Option<&IamTaskRoleStatus> {
        self.status.as_ref()
    }
    fn common(status: &IamTaskRoleStatus) -> &CommonStatus {
        &status.common
    }
    fn common_mut(status: &mut IamTaskRoleStatus) -> &mut CommonStatus {
        &mut status.common
    }

    fn resolve(&self, objects: &dyn Objects) -> Result<IamTaskRoleResolved, Unmet> {
        let (namespace, name) = (self.object_namespace(), self.object_name());
        let in_iam = name_in_iam(self);
        if let Some(why) = rules::bad_name(&in_iam) {
            return Err(Unmet::blocked(reason::INVALID_SPEC, why));
        }
        // A namespace that is not allowed any more may still take away what it made.
        let user = Some(namespace).filter(|_| !self.is_deleting());
        let account = account_for(objects, self.spec.account_ref.as_ref(), user)?;
        if !self.is_deleting() {
            pod_rules::check_namespaces(self, objects, &account)?;
        }
        let shuts_tasks_out = self.spec.trust.as_ref().is_some_and(|t| t.ecs_tasks == Some(false));
        let asks = self.is_deleting() || shuts_tasks_out;
        let mut users = if asks { objects.users_of_iam_task_role(namespace, name) } else { Vec::new() };
        if !self.is_deleting() {
            for user in &mut users {
                name_migration(user, objects, namespace);
            }
        }
        Ok(IamTaskRoleResolved { account, name: in_iam, users })
    }

    fn account(resolved: &IamTaskRoleResolved) -> &AccountTarget {
        &resolved.account
    }

    fn plan(&self, resolved: &IamTaskRoleResolved, observed: &IamTaskRoleObserved, _now: Timestamp) -> Plan {
        plan::plan(self, resolved, observed)
    }

    fn health(&self, resolved: &IamTaskRoleResolved, observed: &IamTaskRoleObserved, _now: Timestamp) -> Health {
        if observed.role.is_some() {
            return Health::Healthy(status::message(self, resolved, observed));
        }
        let what = format!("IAM role {}", resolved.name);
        adoption::absent(&what, &self.spec.knobs, self.is_applied(resolved))
    }

    fn facts(&self, resolved: &IamTaskRoleResolved, observed: &IamTaskRoleObserved) -> IamTaskRoleStatus {
        status::facts(self, resolved, observed)
    }

    fn intent(&self, _: &IamTaskRoleResolved, _: &IamTaskRoleObserved, plan: &Plan) -> Option<IamTaskRoleStatus> {
        status::intent(self, plan)
    }

    fn finds_again(&self, intent: &IamTaskRoleStatus) -> bool {
        // Clusters that leave the spec are known from the status alone.
        intent.pod_identity_associations.is_empty()
    }

    fn news(&self, _: &IamTaskRoleResolved, observed: &IamTaskRoleObserved) -> Vec<News> {
        status::news(self, observed)
    }
}
