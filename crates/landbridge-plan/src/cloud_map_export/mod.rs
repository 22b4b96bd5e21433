//! The export of a Kubernetes Service to Cloud Map: which instances should be registered, which of those that are there are
//! ours, and what is to be written. Instances of others in the same Cloud Map service are never touched.

mod attributes;
mod conflict;
mod delete;
mod instances;
mod observed;
mod plan;
mod resolve;
mod resolved;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use landbridge_api::common::{CommonStatus, Knobs};
use landbridge_api::condition::reason;
use landbridge_api::v1alpha1::{CloudMapExport, CloudMapExportStatus, NamespaceType};

use crate::account::AccountTarget;
use crate::adoption;
use crate::kind::{Health, Kind};
use crate::objects::Objects;
use crate::plan::{Plan, Unmet};
use crate::traffic_migration::Most;

pub use attributes::*;
pub use observed::*;
pub use resolved::*;

pub(crate) use resolve::{is_unroutable, name};

use instances::Wanted;

/// Answers that one DNS query gives at most with routing policy MULTIVALUE (`RoutingPolicy`, Cloud Map API reference).
const DNS_ANSWERS: usize = 8;

impl Kind for CloudMapExport {
    type Resolved = CloudMapExportResolved;
    type Observed = CloudMapExportObserved;
    type Status = CloudMapExportStatus;

    fn knobs(&self) -> Knobs {
        self.spec.knobs.clone()
    }
    fn stored(&self) -> Option<&CloudMapExportStatus> {
        self.status.as_ref()
    }
    fn common(status: &CloudMapExportStatus) -> &CommonStatus {
        &status.common
    }
    fn common_mut(status: &mut CloudMapExportStatus) -> &mut CommonStatus {
        &mut status.common
    }
    fn resolve(&self, objects: &dyn Objects) -> Result<CloudMapExportResolved, Unmet> {
        resolve::resolve(self, objects)
    }
    fn account(resolved: &CloudMapExportResolved) -> &AccountTarget {
        &resolved.account
    }
    fn plan(&self, resolved: &CloudMapExportResolved, observed: &CloudMapExportObserved, _now: Timestamp) -> Plan {
        if self.is_deleting() {
            return delete::plan(self, resolved, observed);
        }
        plan::plan(self, resolved, observed)
    }

    fn health(&self, resolved: &CloudMapExportResolved, observed: &CloudMapExportObserved, _now: Timestamp) -> Health {
        let stalled = |reason, message: String| Health::Failed { reason, message, stalled: true };
        let exported = match &resolved.source {
            Source::Found(exported) => exported,
            Source::Missing(message) => return stalled(reason::REFERENCE_NOT_FOUND, message.clone()),
            Source::Unusable(message) => return stalled(reason::INVALID_SPEC, message.clone()),
        };
        let what = format!("Cloud Map service {}", resolved.target.name);
        let Some(service) = &observed.service else {
            return adoption::absent(&what, &self.spec.knobs, self.is_applied(resolved));
        };
        let wanted = Wanted::of(self, resolved, observed, exported);
        if let Some((reason, message)) = wanted.trouble {
            return stalled(reason, message);
        }
        let name = callers_name(resolved);
        let registered = wanted.instances.iter().filter(|(id, w)| observed.has(id, w)).count();
        let count = wanted.instances.len();
        if let Some(most) = resolved.most.filter(|_| registered == count) {
            let why = match most {
                Most::AsNow => "a TrafficMigration that has not begun",
                Most::Count(_) => "a TrafficMigration",
            };
            let ready = wanted.ready;
            return Health::Healthy(format!(
                "{count} of {ready} ready endpoints are registered in {name}, as {why} says"
            ));
        }
        if count == 0 {
            let message = format!("none of {} endpoints of Service {} is ready", exported.endpoints, exported.service);
            return Health::Progressing { reason: reason::NO_ENDPOINTS, message };
        }
        if registered < count {
            let message = format!("{registered} of {count} endpoints are registered in {name}");
            return Health::Progressing { reason: reason::PROGRESSING, message };
        }
        let mut message = format!("{count} endpoints of Service {} are registered in {name}", exported.service);
        let others = observed.of_others(self, resolved);
        if others > 0 {
            message = format!("{message}, beside {others} instances of others");
        }
        if crate::cloud_map_service::seen_dns(service).is_some() && count + others > DNS_ANSWERS {
            message = format!("{message}; a DNS answer holds {DNS_ANSWERS} of them at a time");
        }
        Health::Healthy(message)
    }

    fn facts(&self, resolved: &CloudMapExportResolved, observed: &CloudMapExportObserved) -> CloudMapExportStatus {
        let service = observed.service.as_ref();
        let count = |n: usize| service.and(i32::try_from(n).ok());
        let of_others = observed.of_others(self, resolved);
        CloudMapExportStatus {
            common: CommonStatus::default(),
            name: Some(callers_name(resolved)).filter(|_| service.is_some()),
            service_id: service.map(|s| s.id.clone()),
            service_arn: service.map(|s| s.arn.clone()),
            endpoints: match &resolved.source {
                Source::Found(exported) => i32::try_from(exported.ready.len()).ok(),
                Source::Missing(_) | Source::Unusable(_) => None,
            },
            registered: count(observed.instances.len().saturating_sub(of_others)),
            of_others: count(of_others),
            conflict: conflict::of(self, resolved, observed),
        }
    }
}

/// Under which name callers find the service.
fn callers_name(resolved: &CloudMapExportResolved) -> String {
    let ExportTarget { namespace_name, name, namespace_type, .. } = &resolved.target;
    match namespace_type {
        NamespaceType::Http => format!("{name} in namespace {namespace_name}"),
        NamespaceType::DnsPrivate | NamespaceType::DnsPublic => format!("{name}.{namespace_name}"),
    }
}
