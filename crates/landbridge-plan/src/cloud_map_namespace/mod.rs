//! The Cloud Map namespace: plans, health and facts. Its writes are operations that Cloud Map works on for a while; the
//! operation's ID is kept in the status, so that a restart goes on waiting for it.

mod observed;
mod operation;
mod plan;
mod resolved;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use landbridge_api::common::{CommonStatus, Knobs};
use landbridge_api::condition::reason;
use landbridge_api::v1alpha1::{CloudMapNamespace, CloudMapNamespaceStatus};

use crate::account::{AccountTarget, account_for};
use crate::adoption;
use crate::kind::{Health, Kind};
use crate::objects::Objects;
use crate::plan::{Plan, Unmet};

pub use observed::*;
pub use resolved::*;

/// Name of a namespace in Cloud Map.
pub fn name_in_cloud_map(namespace: &CloudMapNamespace) -> String {
    namespace.spec.namespace_name.clone().or_else(|| namespace.metadata.name.clone()).unwrap_or_default()
}

impl Kind for CloudMapNamespace {
    type Resolved = CloudMapNamespaceResolved;
    type Observed = CloudMapNamespaceObserved;
    type Status = CloudMapNamespaceStatus;

    fn knobs(&self) -> Knobs {
        self.spec.knobs.clone()
    }
    fn stored(&self) -> Option<&CloudMapNamespaceStatus> {
        self.status.as_ref()
    }
    fn common(status: &CloudMapNamespaceStatus) -> &CommonStatus {
        &status.common
    }
    fn common_mut(status: &mut CloudMapNamespaceStatus) -> &mut CommonStatus {
        &mut status.common
    }

    fn resolve(&self, objects: &dyn Objects) -> Result<CloudMapNamespaceResolved, Unmet> {
        let deleting = self.is_deleting();
        Ok(CloudMapNamespaceResolved {
            account: account_for(objects, self.spec.account_ref.as_ref(), None)?,
            name: name_in_cloud_map(self),
            users: if deleting { objects.users_of_cloud_map_namespace(self.object_name()) } else { Vec::new() },
        })
    }

    fn account(resolved: &CloudMapNamespaceResolved) -> &AccountTarget {
        &resolved.account
    }

    fn plan(&self, resolved: &CloudMapNamespaceResolved, observed: &CloudMapNamespaceObserved, now: Timestamp) -> Plan {
        plan::plan(self, resolved, observed, now)
    }

    fn health(
        &self,
        resolved: &CloudMapNamespaceResolved,
        observed: &CloudMapNamespaceObserved,
        _now: Timestamp,
    ) -> Health {
        match (&observed.namespace, &observed.operation) {
            (_, Some(operation)) if operation.in_flight() => {
                Health::Progressing { reason: reason::PROGRESSING, message: operation.progress() }
            }
            (Some(namespace), _) => {
                Health::Healthy(format!("Cloud Map namespace {} is {}", resolved.name, namespace.id))
            }
            (None, _) => {
                let what = format!("Cloud Map namespace {}", resolved.name);
                adoption::absent(&what, &self.spec.knobs, self.is_applied(resolved))
            }
        }
    }

    fn facts(
        &self,
        _resolved: &CloudMapNamespaceResolved,
        observed: &CloudMapNamespaceObserved,
    ) -> CloudMapNamespaceStatus {
        let namespace = observed.namespace.as_ref();
        // An operation is forgotten when what it made can be seen. A failed one is kept until another one follows it.
        let seen = |o: &&OperationFacts| !(o.status == "SUCCESS" && (namespace.is_some() || o.deletes()));
        CloudMapNamespaceStatus {
            common: CommonStatus::default(),
            namespace_id: namespace.map(|n| n.id.clone()),
            namespace_arn: namespace.map(|n| n.arn.clone()),
            hosted_zone_id: namespace.and_then(|n| n.hosted_zone_id.clone()),
            operation_id: observed.operation.as_ref().filter(seen).map(|o| o.id.clone()),
        }
    }
}
