//! The import of a Cloud Map service, or of the tasks of an ECSService, as a Kubernetes Service with EndpointSlices. A Service
//! that Landbridge did not make for this import is never written.

mod body;
mod observed;
mod plan;
mod resolve;
mod resolved;
mod service_import;
mod slices;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use landbridge_api::common::{CommonStatus, Knobs};
use landbridge_api::condition::reason;
use landbridge_api::v1alpha1::{CloudMapImport, CloudMapImportStatus};

use crate::account::AccountTarget;
use crate::kind::{Dependent, Health, Kind};
use crate::objects::Objects;
use crate::owner::Owner;
use crate::plan::{Plan, Unmet};

pub use observed::*;
pub use resolved::*;

use slices::Wanted;

/// Name of the Service of an import.
pub fn service_name(import: &CloudMapImport) -> String {
    import.spec.service.name.clone().or_else(|| import.metadata.name.clone()).unwrap_or_default()
}

impl Kind for CloudMapImport {
    type Resolved = CloudMapImportResolved;
    type Observed = CloudMapImportObserved;
    type Status = CloudMapImportStatus;

    fn knobs(&self) -> Knobs {
        self.spec.knobs.clone()
    }
    fn stored(&self) -> Option<&CloudMapImportStatus> {
        self.status.as_ref()
    }
    fn common(status: &CloudMapImportStatus) -> &CommonStatus {
        &status.common
    }
    fn common_mut(status: &mut CloudMapImportStatus) -> &mut CommonStatus {
        &mut status.common
    }
    fn resolve(&self, objects: &dyn Objects) -> Result<CloudMapImportResolved, Unmet> {
        resolve::resolve(self, objects)
    }
    fn account(resolved: &CloudMapImportResolved) -> &AccountTarget {
        &resolved.account
    }
    fn plan(&self, resolved: &CloudMapImportResolved, observed: &CloudMapImportObserved, now: Timestamp) -> Plan {
        let owner = Owner::new(self.identity(), &resolved.account);
        if self.is_deleting() {
            return plan::delete(self, resolved, &owner);
        }
        plan::plan(self, resolved, observed, &owner, now)
    }

    fn dependents(&self, resolved: &CloudMapImportResolved, observed: &CloudMapImportObserved) -> Vec<Dependent> {
        let owner = Owner::new(self.identity(), &resolved.account);
        service_import::dependent(self, resolved, observed, &owner).into_iter().collect()
    }

    fn health(&self, resolved: &CloudMapImportResolved, observed: &CloudMapImportObserved, _now: Timestamp) -> Health {
        let stalled = |reason, message: String| Health::Failed { reason, message, stalled: true };
        let what = match &resolved.source {
            ImportedFrom::Gone(message) => return stalled(reason::REFERENCE_NOT_FOUND, message.clone()),
            ImportedFrom::CloudMap { namespace_name, service, .. } => format!("{service} in {namespace_name}"),
            ImportedFrom::Ecs { cluster, service, .. } => format!("ECS service {cluster}/{service}"),
        };
        if !observed.exists {
            let message = format!("there is no {what} in AWS yet");
            return Health::Progressing { reason: reason::NO_ENDPOINTS, message };
        }
        let wanted = Wanted::of(self, resolved, observed);
        if let Some(message) = wanted.without_port {
            return stalled(reason::PORT_UNKNOWN, message);
        }
        let all = wanted.groups.values().map(Vec::len).sum::<usize>();
        let ready = wanted.groups.values().flatten().filter(|e| e.ready).count();
        let name = service_name(self);
        if ready == 0 {
            let message = format!("none of {all} endpoints of {what} is ready");
            return Health::Progressing { reason: reason::NO_ENDPOINTS, message };
        }
        let namespace = self.object_namespace();
        Health::Healthy(format!("Service {namespace}/{name} leads to {ready} of {all} endpoints of {what}"))
    }

    fn facts(&self, resolved: &CloudMapImportResolved, _observed: &CloudMapImportObserved) -> CloudMapImportStatus {
        let owner = Owner::new(self.identity(), &resolved.account);
        let ours = || resolved.slices.iter().filter(|s| s.held.is(&owner)).flat_map(|s| &s.endpoints);
        let there = resolved.service.as_ref().filter(|s| s.held.is(&owner));
        let count = |n: usize| there.and(i32::try_from(n).ok());
        CloudMapImportStatus {
            common: CommonStatus::default(),
            service: there.map(|s| s.name.clone()),
            endpoints: count(ours().count()),
            ready_endpoints: count(ours().filter(|e| e.ready).count()),
            service_import: service_import::made(resolved, &owner).map(|i| i.name.clone()),
        }
    }
}
