//! The ServiceImport beside the Service of an import, for programs that read the Multi-Cluster Services API.
//!
//! It is not written where the AWS MCS controller for Kubernetes runs: that one deletes every ServiceImport that it does not
//! find in Cloud Map under its own attributes, every two seconds (`pkg/controllers/multicluster/cloudmap_controller.go`).

use jiff::Timestamp;
use landbridge_api::condition::{self, reason};
use landbridge_api::v1alpha1::{CloudMapImport, ImportType};
use serde_json::{Value, json};

use super::slices::{Wanted, protocol};
use super::{CloudMapImportObserved, CloudMapImportResolved, ImportedFrom, body, service_name};
use crate::adoption;
use crate::change::{Body, Change};
use crate::kind::{Dependent, Kind as _};
use crate::multi_cluster::{GROUP, Imported, SERVICE_NAME, ServiceImport, at};
use crate::owner::Owner;
use crate::plan::{Cause, Difference, Plan};

/// The step that writes it.
pub(super) const STEP: &str = "service-import";

/// Whether the import wants one and nothing stands in the way.
pub(super) fn is_written(object: &CloudMapImport, resolved: &CloudMapImportResolved) -> bool {
    let served = resolved.service_imports.as_ref().filter(|s| s.foreign.is_none() && s.version.is_some());
    object.spec.service_import == Some(true) && served.is_some()
}

/// The one that this import made.
pub(super) fn made<'a>(resolved: &'a CloudMapImportResolved, owner: &Owner) -> Option<&'a ServiceImport> {
    resolved.service_imports.as_ref()?.present.as_deref().filter(|p| p.held.is(owner))
}

pub(super) fn removal(resolved: &CloudMapImportResolved, made: &ServiceImport) -> Change {
    Change::DeleteObject {
        api_version: api_version(resolved),
        kind: "ServiceImport".to_owned(),
        namespace: made.namespace.clone(),
        name: made.name.clone(),
        uid: made.uid.clone(),
    }
}

fn api_version(resolved: &CloudMapImportResolved) -> String {
    let version = resolved.service_imports.as_ref().and_then(|s| s.version.as_deref());
    format!("{GROUP}/{}", version.unwrap_or("v1beta1"))
}

pub(super) fn plan(
    object: &CloudMapImport,
    resolved: &CloudMapImportResolved,
    observed: &CloudMapImportObserved,
    owner: &Owner,
    now: Timestamp,
    plan: &mut Plan,
) {
    if !is_written(object, resolved) {
        if let Some(made) = made(resolved, owner) {
            plan.step(STEP, Cause::Spec, &[], removal(resolved, made));
        }
        return;
    }
    let present = resolved.service_imports.as_ref().and_then(|s| s.present.as_deref());
    if present.is_some_and(|p| !p.held.is(owner)) {
        return;
    }
    let (spec, status) = (spec(object, resolved), status(object, resolved, observed, present, now));
    let wanted = Imported::read(&spec, &status);
    let is_as_wanted = |p: &ServiceImport| p.said == wanted && p.owner_uid.as_deref() == body::owner_uid(object);
    if present.is_some_and(is_as_wanted) {
        return;
    }
    let cause = adoption::cause(object.is_applied(resolved));
    let difference = Difference::new("serviceImport", present.map(|p| said(&p.said)), Some(said(&wanted)));
    let metadata = body::metadata(object, owner, &json!({SERVICE_NAME: service_name(object)}));
    let mut whole = Body::new();
    for (key, value) in [("metadata", metadata), ("spec", spec), ("status", status)] {
        whole.insert(key.to_owned(), value);
    }
    if cause == Cause::Drift && present.is_none() {
        plan.drift.push(difference.clone());
    }
    // Addresses and clusters come and go by themselves: that is no drift.
    let cause = if present.is_some() { Cause::Spec } else { cause };
    let uid = present.map(|p| p.uid.clone());
    let name = service_name(object);
    let change = super::plan::apply(object, &api_version(resolved), "ServiceImport", &name, uid, whole);
    plan.update(STEP, cause, &[super::plan::SERVICE], change, vec![difference]);
}

/// What the condition says, for an import that asks for one.
pub(super) fn dependent(
    object: &CloudMapImport,
    resolved: &CloudMapImportResolved,
    _observed: &CloudMapImportObserved,
    owner: &Owner,
) -> Option<Dependent> {
    let asked = resolved.service_imports.as_ref().filter(|_| object.spec.service_import == Some(true))?;
    let name = format!("{}/{}", object.object_namespace(), service_name(object));
    let of = |holds, reason, message| Some(Dependent { type_: condition::SERVICE_IMPORTED, holds, reason, message });
    if asked.version.is_none() {
        let message = format!(
            "no ServiceImport is written: the API server does not serve serviceimports.{GROUP}; install the CRDs of the \
             Multi-Cluster Services API, or take spec.serviceImport away"
        );
        return of(false, reason::NOT_SERVED, message);
    }
    if let Some(deployment) = &asked.foreign {
        let message = format!(
            "no ServiceImport is written: the AWS MCS controller (Deployment {deployment}) deletes those that are not its \
             own; Service {name} is there without one"
        );
        return of(false, reason::FOREIGN_MCS_CONTROLLER, message);
    }
    match asked.present.as_deref() {
        Some(present) if present.held.is(owner) => {
            of(true, reason::READY, format!("ServiceImport {name} stands beside Service {name}"))
        }
        Some(present) => {
            let message = format!(
                "ServiceImport {name} belongs to {} and is left as it is: set another spec.service.name, or delete it",
                present.held.said()
            );
            of(false, reason::NAME_TAKEN, message)
        }
        None => of(false, reason::PROGRESSING, format!("ServiceImport {name} is not there yet")),
    }
}

fn spec(object: &CloudMapImport, resolved: &CloudMapImportResolved) -> Value {
    let spec = &object.spec.service;
    let ports: Vec<Value> = spec
        .ports
        .iter()
        .map(|p| {
            let mut port = json!({"port": p.port, "protocol": protocol(p)});
            for (key, value) in [("name", &p.name), ("appProtocol", &p.app_protocol)] {
                if let Some(value) = value {
                    port[key] = json!(value);
                }
            }
            port
        })
        .collect();
    if spec.type_.unwrap_or_default() == ImportType::Headless {
        return json!({"type": "Headless", "ports": ports});
    }
    let mut whole = json!({"type": "ClusterSetIP", "ports": ports});
    let ips = resolved.service.as_ref().map(|s| s.cluster_ips.as_slice()).unwrap_or_default();
    // v1alpha1 takes one address.
    let most = if api_version(resolved).ends_with("/v1alpha1") { 1 } else { 2 };
    if !ips.is_empty() {
        whole["ips"] = ips.iter().take(most).map(ToString::to_string).collect();
    }
    whole
}

/// The clusters that endpoints are in, and from v1beta1 on whether it can be used.
fn status(
    object: &CloudMapImport,
    resolved: &CloudMapImportResolved,
    observed: &CloudMapImportObserved,
    present: Option<&ServiceImport>,
    now: Timestamp,
) -> Value {
    let wanted = match &resolved.source {
        ImportedFrom::Gone(_) => Wanted::default(),
        ImportedFrom::CloudMap { .. } | ImportedFrom::Ecs { .. } => Wanted::of(object, resolved, observed),
    };
    let clusters: std::collections::BTreeSet<&str> = wanted.groups.keys().map(|g| g.cluster.as_str()).collect();
    let mut status = json!({"clusters": clusters.iter().map(|c| json!({"cluster": c})).collect::<Vec<_>>()});
    if api_version(resolved).ends_with("/v1alpha1") {
        return status;
    }
    let ready = wanted.groups.values().flatten().any(|e| e.ready);
    let (reason, message) =
        if ready { ("Ready", "endpoints take connections") } else { ("Pending", "no endpoint takes connections") };
    let before = present.filter(|p| p.said.ready.as_ref().is_some_and(|(was, _)| *was == ready));
    let since = before.and_then(|p| p.since.as_ref()).map_or_else(|| at(now), |t| at(t.0));
    status["conditions"] = json!([{
        "type": "Ready",
        "status": if ready { "True" } else { "False" },
        "reason": reason,
        "message": message,
        "lastTransitionTime": since,
    }]);
    status
}

/// In one line.
fn said(imported: &Imported) -> Value {
    let list = |set: &std::collections::BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(" ");
    let state = match &imported.ready {
        Some((_, reason)) => reason.as_str(),
        None => "",
    };
    format!("{} {} [{}] {state}", imported.type_, list(&imported.ips), list(&imported.clusters)).into()
}
