//! The ECS cluster: plans, health and facts. Which tasks run where is the business of the services.

mod fields;
mod observed;
mod plan;
mod provider;
#[cfg(test)]
mod provider_tests;
mod providers;
mod resolved;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use landbridge_api::common::{CommonStatus, Knobs};
use landbridge_api::condition::reason;
use landbridge_api::v1alpha1::{CapacityProviderStatus, EcsCluster, EcsClusterStatus};

use crate::account::{AccountTarget, account_for};
use crate::adoption;
use crate::change::Change;
use crate::kind::{Health, Kind};
use crate::objects::Objects;
use crate::owner::{Owner, Ownership};
use crate::plan::{Plan, Unmet};
use providers::Providers;

pub use observed::*;
pub use resolved::*;

/// Name of a cluster in ECS.
pub fn name_in_ecs(cluster: &EcsCluster) -> String {
    cluster.spec.cluster_name.clone().or_else(|| cluster.metadata.name.clone()).unwrap_or_default()
}

impl Kind for EcsCluster {
    type Resolved = EcsClusterResolved;
    type Observed = EcsClusterObserved;
    type Status = EcsClusterStatus;

    fn knobs(&self) -> Knobs {
        self.spec.knobs.clone()
    }
    fn stored(&self) -> Option<&EcsClusterStatus> {
        self.status.as_ref()
    }
    fn common(status: &EcsClusterStatus) -> &CommonStatus {
        &status.common
    }
    fn common_mut(status: &mut EcsClusterStatus) -> &mut CommonStatus {
        &mut status.common
    }

    fn resolve(&self, objects: &dyn Objects) -> Result<EcsClusterResolved, Unmet> {
        Ok(EcsClusterResolved {
            account: account_for(objects, self.spec.account_ref.as_ref(), None)?,
            name: name_in_ecs(self),
            users: if self.is_deleting() { objects.users_of_ecs_cluster(self.object_name()) } else { Vec::new() },
        })
    }

    fn account(resolved: &EcsClusterResolved) -> &AccountTarget {
        &resolved.account
    }

    fn plan(&self, resolved: &EcsClusterResolved, observed: &EcsClusterObserved, now: Timestamp) -> Plan {
        plan::plan(self, resolved, observed, now)
    }

    fn health(&self, resolved: &EcsClusterResolved, observed: &EcsClusterObserved, now: Timestamp) -> Health {
        let name = &resolved.name;
        let Some(cluster) = &observed.cluster else {
            return adoption::absent(&format!("ECS cluster {name}"), &self.spec.knobs, self.is_applied(resolved));
        };
        match (cluster.status.as_str(), cluster.attachments_status.as_deref()) {
            ("FAILED", _) | ("ACTIVE", Some("UPDATE_FAILED")) => Health::Failed {
                reason: reason::REFUSED_BY_AWS,
                message: format!("ECS could not set up the capacity providers of cluster {name}"),
                stalled: false,
            },
            ("ACTIVE", Some("UPDATE_IN_PROGRESS")) => Health::Progressing {
                reason: reason::PROGRESSING,
                message: format!("ECS is setting up the capacity providers of cluster {name}"),
            },
            ("ACTIVE", _) => {
                let owner = Owner::new(self.identity(), &resolved.account);
                let providers = Providers { object: self, resolved, observed, owner: &owner, now };
                match providers.unfinished() {
                    Some(message) => Health::Progressing { reason: reason::PROGRESSING, message },
                    None => Health::Healthy(format!("ECS cluster {name} is ACTIVE")),
                }
            }
            (status, _) => {
                Health::Progressing { reason: reason::PROGRESSING, message: format!("ECS cluster {name} is {status}") }
            }
        }
    }

    fn facts(&self, resolved: &EcsClusterResolved, observed: &EcsClusterObserved) -> EcsClusterStatus {
        let cluster = observed.cluster.as_ref();
        let owner = Owner::new(self.identity(), &resolved.account);
        let ours = observed.providers.values().filter(|p| owner.reads(&p.tags) == Ownership::Ours);
        EcsClusterStatus {
            common: CommonStatus::default(),
            cluster_arn: cluster.map(|c| c.arn.clone()),
            active_services: cluster.map(|c| c.active_services),
            running_tasks: cluster.map(|c| c.running_tasks),
            capacity_providers: ours.map(provider_status).collect(),
        }
    }

    /// Names of capacity providers that are about to be made: one that the spec stops to define is found by it.
    fn intent(
        &self,
        _resolved: &EcsClusterResolved,
        _observed: &EcsClusterObserved,
        plan: &Plan,
    ) -> Option<EcsClusterStatus> {
        let mut status = self.status.clone().unwrap_or_default();
        let known = status.capacity_providers.len();
        for step in &plan.steps {
            if let Change::CreateCapacityProvider { name, .. } = &step.change
                && status.capacity_providers.iter().all(|p| p.name != *name)
            {
                let made = CapacityProviderStatus { name: name.clone(), ..CapacityProviderStatus::default() };
                status.capacity_providers.push(made);
            }
        }
        (status.capacity_providers.len() > known).then_some(status)
    }

    /// What is made by a name that an edit takes out of the spec is found by the status alone.
    fn finds_again(&self, intent: &EcsClusterStatus) -> bool {
        intent.capacity_providers.is_empty()
    }
}

fn provider_status(facts: &CapacityProviderFacts) -> CapacityProviderStatus {
    CapacityProviderStatus {
        name: facts.name.clone(),
        arn: Some(facts.arn.clone()),
        status: Some(facts.status.clone()),
        update_status: facts.update_status.clone(),
        update_status_reason: facts.update_status_reason.clone(),
    }
}
