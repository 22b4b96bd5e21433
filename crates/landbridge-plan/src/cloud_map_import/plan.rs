//! What an import needs in Kubernetes: its Service, and slices with the endpoints of the source.

use jiff::Timestamp;
use landbridge_api::condition::reason;
use landbridge_api::v1alpha1::{CloudMapImport, ImportType, ImportedPort};

use super::slices::{Wanted, WantedSlice, protocol};
use super::{CloudMapImportObserved, CloudMapImportResolved, ImportedFrom, body, service_import, service_name};
use crate::adoption;
use crate::change::{Body, Change};
use crate::kind::Kind;
use crate::kubernetes::{Endpoint, EndpointSlice, KubernetesService, ServicePort};
use crate::multi_cluster::SERVICE_NAME;
use crate::owner::Owner;
use crate::plan::{Cause, Difference, Plan};
use crate::policy;

pub(super) const SERVICE: &str = "service";
const REPLACED: &str = "replaced-service";

pub(super) fn plan(
    object: &CloudMapImport,
    resolved: &CloudMapImportResolved,
    observed: &CloudMapImportObserved,
    owner: &Owner,
    now: Timestamp,
) -> Plan {
    let mut plan = Plan::of(object.identity());
    service(object, resolved, owner, &mut plan);
    if !plan.blocked.is_empty() {
        return plan;
    }
    let wanted = match &resolved.source {
        ImportedFrom::Gone(_) => Wanted::default(),
        ImportedFrom::CloudMap { .. } | ImportedFrom::Ecs { .. } => Wanted::of(object, resolved, observed),
    };
    let wanted = wanted.slices(object, &resolved.slices, owner);
    for slice in &wanted {
        if slice.present.as_ref().is_none_or(|present| !is_as_wanted(object, present, slice)) {
            let uid = slice.present.as_ref().map(|p| p.uid.clone());
            let change = apply(
                object,
                "discovery.k8s.io/v1",
                "EndpointSlice",
                &slice.name,
                uid,
                body::slice(object, owner, slice),
            );
            // Endpoints come and go by themselves: that is no drift.
            plan.update(&slice.name, Cause::Spec, &[SERVICE], change, differences(slice));
        }
    }
    let is_over = |s: &EndpointSlice| s.held.is(owner) && !wanted.iter().any(|w| w.name == s.name);
    for slice in resolved.slices.iter().filter(|s| is_over(s)) {
        plan.step(&slice.name, Cause::Spec, &[SERVICE], delete_slice(object, slice));
    }
    service_import::plan(object, resolved, observed, owner, now, &mut plan);
    plan
}

/// Nothing is left of what the import made; under Retain all of it is.
pub(super) fn delete(object: &CloudMapImport, resolved: &CloudMapImportResolved, owner: &Owner) -> Plan {
    let mut plan = Plan::of(object.identity());
    if !policy::retains(&object.spec.knobs) {
        if let Some(made) = service_import::made(resolved, owner) {
            plan.step(service_import::STEP, Cause::Deletion, &[], service_import::removal(resolved, made));
        }
        for slice in resolved.slices.iter().filter(|s| s.held.is(owner)) {
            plan.step(&slice.name, Cause::Deletion, &[], delete_slice(object, slice));
        }
        let ours = resolved.service.as_ref().filter(|s| s.held.is(owner) && !s.deleting);
        if let Some(service) = ours {
            plan.step(SERVICE, Cause::Deletion, &[], delete_service(object, service));
        }
    }
    plan.gone = plan.steps.is_empty();
    plan
}

fn service(object: &CloudMapImport, resolved: &CloudMapImportResolved, owner: &Owner, plan: &mut Plan) {
    let name = service_name(object);
    let cause = adoption::cause(object.is_applied(resolved));
    let make = |uid: Option<String>| apply(object, "v1", "Service", &name, uid, body::service(object, resolved, owner));
    let Some(present) = &resolved.service else {
        if cause == Cause::Drift {
            plan.drift.push(Difference::new("service", None, Some(name.as_str().into())));
        }
        plan.step(SERVICE, cause, &[], make(None));
        return;
    };
    if !present.held.is(owner) {
        let message = format!(
            "Service {} belongs to {}, and an import never writes another's: set another spec.service.name, or delete the \
             Service",
            present.said(),
            present.held.said()
        );
        return plan.block(reason::NAME_TAKEN, message);
    }
    let found = service_differences(object, resolved, present);
    if found.is_empty() {
        return;
    }
    if cause == Cause::Drift {
        plan.drift.extend(found.iter().cloned());
    }
    if found.iter().any(|d| d.path == "service.type" || d.path == "service.selector") {
        // Kubernetes does not change whether a Service has an address of its own.
        plan.step(REPLACED, Cause::Replacement, &[], delete_service(object, present));
        plan.update(SERVICE, cause, &[REPLACED], make(None), found);
    } else {
        plan.update(SERVICE, cause, &[], make(Some(present.uid.clone())), found);
    }
}

fn service_differences(
    object: &CloudMapImport,
    resolved: &CloudMapImportResolved,
    present: &KubernetesService,
) -> Vec<Difference> {
    let spec = &object.spec.service;
    let mut found = Vec::new();
    let mut differ = |path: &str, from: serde_json::Value, to: serde_json::Value| {
        if from != to {
            found.push(Difference::new(path, Some(from), Some(to)));
        }
    };
    let type_ = |headless: bool| if headless { "Headless" } else { "ClusterIP" }.into();
    differ("service.type", type_(present.headless), type_(spec.type_.unwrap_or_default() == ImportType::Headless));
    // With a selector Kubernetes would add the endpoints of pods.
    differ("service.selector", present.selects.into(), false.into());
    let said = |p: &ServicePort| {
        format!("{} {}/{} {}", p.name, p.port, p.protocol, p.app_protocol.as_deref().unwrap_or_default())
    };
    let wanted = |p: &ImportedPort| {
        let app = p.app_protocol.as_deref().unwrap_or_default();
        format!("{} {}/{} {app}", p.name.as_deref().unwrap_or_default(), p.port, protocol(p))
    };
    let sorted = |mut all: Vec<String>| {
        all.sort();
        all.into()
    };
    differ(
        "service.ports",
        sorted(present.ports.iter().map(said).collect()),
        sorted(spec.ports.iter().map(wanted).collect()),
    );
    differ("service.ownerReferences", present.owner_uid.as_deref().into(), body::owner_uid(object).into());
    let label = present.labels.get(SERVICE_NAME).map(String::as_str);
    let wanted = service_import::is_written(object, resolved).then(|| service_name(object));
    differ("service.labels", label.into(), wanted.into());
    found
}

fn is_as_wanted(object: &CloudMapImport, present: &EndpointSlice, wanted: &WantedSlice) -> bool {
    let mut endpoints: Vec<&Endpoint> = present.endpoints.iter().collect();
    endpoints.sort_by_key(|e| e.address);
    present.managed_by.as_deref() == Some(body::MANAGER)
        && present.owner_uid.as_deref() == body::owner_uid(object)
        && endpoints.into_iter().eq(&wanted.endpoints)
}

/// How the endpoints of a slice change: those that come, go, or are otherwise than they were.
fn differences(wanted: &WantedSlice) -> Vec<Difference> {
    let Some(present) = &wanted.present else { return Vec::new() };
    let state = |e: &Endpoint| match (e.ready, e.terminating) {
        (_, true) => "terminating",
        (true, _) => "ready",
        (false, _) => "not ready",
    };
    let from: std::collections::BTreeMap<_, _> = present.endpoints.iter().map(|e| (e.address, state(e))).collect();
    let to: std::collections::BTreeMap<_, _> = wanted.endpoints.iter().map(|e| (e.address, state(e))).collect();
    let all: std::collections::BTreeSet<_> = from.keys().chain(to.keys()).collect();
    let value = |s: Option<&&str>| s.map(|s| (*s).into());
    all.into_iter()
        .filter(|a| from.get(a) != to.get(a))
        .map(|a| Difference::new(format!("endpoints[{a}]"), value(from.get(a)), value(to.get(a))))
        .collect()
}

pub(super) fn apply(
    object: &CloudMapImport,
    version: &str,
    kind: &str,
    name: &str,
    uid: Option<String>,
    body: Body,
) -> Change {
    Change::ApplyObject {
        api_version: version.to_owned(),
        kind: kind.to_owned(),
        namespace: object.object_namespace().to_owned(),
        name: name.to_owned(),
        uid,
        body,
    }
}

fn delete_service(object: &CloudMapImport, service: &KubernetesService) -> Change {
    Change::DeleteObject {
        api_version: "v1".to_owned(),
        kind: "Service".to_owned(),
        namespace: object.object_namespace().to_owned(),
        name: service.name.clone(),
        uid: service.uid.clone(),
    }
}

fn delete_slice(object: &CloudMapImport, slice: &EndpointSlice) -> Change {
    Change::DeleteObject {
        api_version: "discovery.k8s.io/v1".to_owned(),
        kind: "EndpointSlice".to_owned(),
        namespace: object.object_namespace().to_owned(),
        name: slice.name.clone(),
        uid: slice.uid.clone(),
    }
}
