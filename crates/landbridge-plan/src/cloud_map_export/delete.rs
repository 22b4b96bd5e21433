//! The end of an export: its instances go, and its Cloud Map service if nobody else is in it.

use landbridge_api::names::tag;
use landbridge_api::v1alpha1::CloudMapExport;

use super::plan::{made, wait_for_operations};
use super::{CloudMapExportObserved, CloudMapExportResolved, attributes};
use crate::change::{Change, Tagged, Tags};
use crate::kind::Kind;
use crate::owner::Owner;
use crate::plan::{Cause, Plan};
use crate::policy;

pub(super) fn plan(
    object: &CloudMapExport,
    resolved: &CloudMapExportResolved,
    observed: &CloudMapExportObserved,
) -> Plan {
    let mut plan = Plan::of(object.identity());
    let Some(service) = observed.service.as_ref().filter(|_| !policy::retains(&object.spec.knobs)) else {
        plan.gone = true;
        return plan;
    };
    let owner = attributes::owner(object, &resolved.account);
    let ours: Vec<&String> = observed.instances.keys().filter(|id| observed.owns(id, &owner)).collect();
    for id in &ours {
        if !observed.under_way.contains_key(*id) {
            let change = Change::DeregisterInstance { service_id: service.id.clone(), instance_id: (*id).clone() };
            plan.step(&format!("instance:{id}"), Cause::Deletion, &[], change);
        }
    }
    wait_for_operations(&mut plan, observed);
    if !ours.is_empty() || !observed.under_way.is_empty() {
        return plan;
    }
    if !made(&Owner::new(object.identity(), &resolved.account), service) {
        plan.gone = true;
    } else if observed.instances.is_empty() {
        let change = Change::DeleteDiscoveryService { id: service.id.clone(), name: service.name.clone() };
        plan.step("service", Cause::Deletion, &[], change);
    } else {
        // Others are found by it. It is left to them, and to nobody of us.
        let remove = vec![tag::OWNER.to_owned(), tag::INSTALLATION.to_owned()];
        let change = Change::Tag { api: Tagged::CloudMap, arn: service.arn.clone(), set: Tags::new(), remove };
        plan.step("release", Cause::Deletion, &[], change);
    }
    plan
}
