//! The IAM role for tasks and pods: plans, health and facts.

mod observed;
mod plan;
mod resolved;
mod rules;
#[cfg(test)]
mod tests;
mod trust;
mod wanted;

use jiff::Timestamp;
use landbridge_api::common::{CommonStatus, Knobs};
use landbridge_api::condition::reason;
use landbridge_api::v1alpha1::{IamTaskRole, IamTaskRoleStatus};

use crate::account::{AccountTarget, account_for};
use crate::adoption;
use crate::kind::{Health, Kind};
use crate::objects::Objects;
use crate::plan::{Plan, Unmet};

pub use observed::*;
pub use resolved::*;
pub use trust::trust_policy;

/// Name of a role in IAM.
pub fn name_in_iam(role: &IamTaskRole) -> String {
    let of_object = || format!("{}-{}", role.object_namespace(), role.object_name());
    role.spec.role_name.clone().unwrap_or_else(of_object)
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
        Ok(IamTaskRoleResolved {
            account: account_for(objects, self.spec.account_ref.as_ref(), user)?,
            name: in_iam,
            users: if self.is_deleting() { objects.users_of_iam_task_role(namespace, name) } else { Vec::new() },
        })
    }

    fn account(resolved: &IamTaskRoleResolved) -> &AccountTarget {
        &resolved.account
    }

    fn plan(&self, resolved: &IamTaskRoleResolved, observed: &IamTaskRoleObserved, _now: Timestamp) -> Plan {
        plan::plan(self, resolved, observed)
    }

    fn health(&self, resolved: &IamTaskRoleResolved, observed: &IamTaskRoleObserved, _now: Timestamp) -> Health {
        let name = &resolved.name;
        match &observed.role {
            Some(_) => Health::Healthy(format!("IAM role {name} is as the spec says")),
            None => adoption::absent(&format!("IAM role {name}"), &self.spec.knobs, self.is_applied(resolved)),
        }
    }

    fn facts(&self, resolved: &IamTaskRoleResolved, observed: &IamTaskRoleObserved) -> IamTaskRoleStatus {
        let role = observed.role.as_ref();
        IamTaskRoleStatus {
            common: CommonStatus::default(),
            role_name: Some(resolved.name.clone()),
            role_arn: role.map(|r| r.arn.clone()),
            role_id: role.map(|r| r.id.clone()),
            created_at: role.and_then(|r| r.created_at.clone()),
        }
    }
}
