//! A ServiceExport: which CloudMapExport should stand for it, and what its conditions say.
//!
//! The operator registers nothing for a ServiceExport by itself: a CloudMapExport does, one that somebody wrote for the same
//! Service or one that is made here, where a label names the CloudMapNamespace. Without either it is left to others.

use std::sync::Arc;

use jiff::Timestamp;
use landbridge_api::condition::{self, reason};
use landbridge_api::names::label;
use landbridge_api::v1alpha1::CloudMapExport;
use serde_json::{Value, json};

use super::WholeServiceExport;
use crate::change::Change;
use crate::kind::Kind as _;
use crate::kubernetes::{Held, KubernetesService, ServiceType, annotations};
use crate::owner::Owner;

/// Types and reasons of the conditions of a ServiceExport, as the API defines them.
mod mcs {
    pub(super) const VALID: &str = "Valid";
    pub(super) const READY: &str = "Ready";
    pub(super) const CONFLICT: &str = "Conflict";
    pub(super) const NO_SERVICE: &str = "NoService";
    pub(super) const INVALID_SERVICE_TYPE: &str = "InvalidServiceType";
    pub(super) const EXPORTED: &str = "Exported";
    pub(super) const PENDING: &str = "Pending";
    pub(super) const FAILED: &str = "Failed";
    pub(super) const NO_CONFLICTS: &str = "NoConflicts";
}

/// A ServiceExport.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceExport {
    /// Namespace, which is the Service's.
    pub namespace: String,
    /// Name, which is the Service's.
    pub name: String,
    /// UID.
    pub uid: String,
    /// Version of the object.
    pub resource_version: Option<String>,
    /// Generation of the spec.
    pub generation: i64,
    /// The CloudMapNamespace that its label names.
    pub cloud_map_namespace: Option<String>,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// Its conditions, whoever wrote them.
    pub conditions: Vec<Value>,
}

impl From<&WholeServiceExport> for ServiceExport {
    fn from(whole: &WholeServiceExport) -> Self {
        let meta = &whole.metadata;
        Self {
            namespace: meta.namespace.clone().unwrap_or_default(),
            name: meta.name.clone().unwrap_or_default(),
            uid: meta.uid.clone().unwrap_or_default(),
            resource_version: meta.resource_version.clone(),
            generation: meta.generation.unwrap_or(0),
            cloud_map_namespace: meta.labels.as_ref().and_then(|l| l.get(label::CLOUD_MAP_NAMESPACE)).cloned(),
            deleting: meta.deletion_timestamp.is_some(),
            conditions: whole.status["conditions"].as_array().cloned().unwrap_or_default(),
        }
    }
}

/// The names that this cluster has in its set of clusters: the ClusterProperties `cluster.clusterset.k8s.io` and
/// `clusterset.k8s.io` of `about.k8s.io`, where they are there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterIdentity {
    /// Name of the cluster.
    pub cluster: Option<String>,
    /// Name of the set.
    pub cluster_set: Option<String>,
}

/// What is known around a ServiceExport.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Version of the API.
    pub version: String,
    /// The Service of its name.
    pub service: Option<Arc<KubernetesService>>,
    /// The CloudMapExports that name that Service, and the one that has the ServiceExport's own name.
    pub exports: Vec<Arc<CloudMapExport>>,
    /// The CloudMapNamespace that the label of its namespace names.
    pub cloud_map_namespace: Option<String>,
    /// Deployment of the AWS MCS controller, where that runs.
    pub foreign: Option<String>,
    /// The cluster's names.
    pub identity: ClusterIdentity,
    /// Identity of this installation.
    pub installation: String,
}

/// What is to be written for a ServiceExport.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExportPlan {
    /// The write of the CloudMapExport that stands for it.
    pub change: Option<Change>,
    /// Its whole list of conditions, if that is not as it should be.
    pub conditions: Option<Vec<Value>>,
}

/// The owner whose annotations a CloudMapExport carries that stands for this ServiceExport.
fn owner(namespace: &str, name: &str, installation: &str) -> Owner {
    Owner { object: format!("ServiceExport/{namespace}/{name}"), installation: installation.to_owned() }
}

/// Whether the CloudMapExport was made for a ServiceExport by this installation; gives that one's name.
pub fn stands_for<'a>(export: &'a CloudMapExport, installation: &str) -> Option<&'a str> {
    let annotations = export.metadata.annotations.as_ref()?;
    let said = annotations.get(landbridge_api::names::tag::OWNER)?;
    let name = said.strip_prefix("ServiceExport/")?.strip_prefix(export.object_namespace())?.strip_prefix('/')?;
    Held::of(&export.metadata).is(&owner(export.object_namespace(), name, installation)).then_some(name)
}

/// The deletion of a CloudMapExport that stood for a ServiceExport.
pub fn removal(made: &CloudMapExport) -> Change {
    Change::DeleteObject {
        api_version: "landbridge.dev/v1alpha1".to_owned(),
        kind: "CloudMapExport".to_owned(),
        namespace: made.object_namespace().to_owned(),
        name: made.object_name().to_owned(),
        uid: made.metadata.uid.clone().unwrap_or_default(),
    }
}

/// Plans what a ServiceExport needs.
pub fn plan(export: &ServiceExport, around: &Surroundings, now: Timestamp) -> ExportPlan {
    let Plan { change, conditions } = Pass { export, around }.plan();
    let merged = conditions.map(|new| merged(export, new, now));
    ExportPlan { change, conditions: merged.filter(|m| !is_same(m, &export.conditions)) }
}

/// Type, status, reason, message.
type Said = (&'static str, bool, String, String);

struct Plan {
    change: Option<Change>,
    conditions: Option<Vec<Said>>,
}

struct Pass<'a> {
    export: &'a ServiceExport,
    around: &'a Surroundings,
}

impl Pass<'_> {
    fn plan(&self) -> Plan {
        let made = self.made();
        let label = self.export.cloud_map_namespace.as_ref().or(self.around.cloud_map_namespace.as_ref());
        if self.export.deleting {
            return Plan { change: made.filter(|m| !m.is_deleting()).map(removal), conditions: None };
        }
        let by = made.or_else(|| self.covering());
        if label.is_none() && by.is_none() {
            return Plan { change: None, conditions: None };
        }
        let valid = self.valid();
        let change = match (made, label) {
            (Some(made), _) if made.is_deleting() => None,
            // namespaceRef cannot be changed: another one follows when this one is gone.
            (Some(made), label) if label != Some(&made.spec.namespace_ref.name) => Some(removal(made)),
            (Some(made), Some(label)) => (!self.is_as_wanted(made, label)).then(|| self.apply(label, Some(made))),
            (None, Some(label)) if self.may_make() && valid.1 => Some(self.apply(label, None)),
            _ => None,
        };
        let mut conditions = vec![self.ready(by, &valid), valid];
        if let Some(by) = by {
            let conflict = by.status.as_ref().and_then(|s| s.conflict.as_ref());
            let none = || (mcs::NO_CONFLICTS.to_owned(), "no other cluster exports it otherwise".to_owned());
            let (reason, message) = conflict.map_or_else(none, |c| (c.reason.clone(), c.message.clone()));
            conditions.push((mcs::CONFLICT, conflict.is_some(), reason, message));
        }
        Plan { change, conditions: Some(conditions) }
    }

    /// The CloudMapExport that was made for it.
    fn made(&self) -> Option<&CloudMapExport> {
        let is = |e: &&Arc<CloudMapExport>| stands_for(e, &self.around.installation) == Some(&self.export.name);
        self.around.exports.iter().find(is).map(|e| &**e)
    }

    /// A CloudMapExport of the same Service that somebody wrote.
    fn covering(&self) -> Option<&CloudMapExport> {
        let is = |e: &&Arc<CloudMapExport>| e.spec.service_ref.name == self.export.name;
        self.around.exports.iter().find(is).map(|e| &**e)
    }

    fn name_is_taken(&self) -> bool {
        self.around.exports.iter().any(|e| e.object_name() == self.export.name)
    }

    fn may_make(&self) -> bool {
        self.around.foreign.is_none() && self.covering().is_none() && !self.name_is_taken()
    }

    fn said(&self) -> String {
        format!("{}/{}", self.export.namespace, self.export.name)
    }

    fn valid(&self) -> Said {
        let said = self.said();
        let no = |reason: &str, message: String| (mcs::VALID, false, reason.to_owned(), message);
        match &self.around.service {
            None => no(mcs::NO_SERVICE, format!("there is no Service {said}: create it, or delete the ServiceExport")),
            Some(service) if service.type_ == ServiceType::ExternalName => no(
                mcs::INVALID_SERVICE_TYPE,
                format!("Service {said} is an ExternalName, which has no endpoints: export a Service with a selector"),
            ),
            Some(_) => (mcs::VALID, true, mcs::VALID.to_owned(), format!("Service {said} can be exported")),
        }
    }

    fn ready(&self, by: Option<&CloudMapExport>, valid: &Said) -> Said {
        let no = |reason: &str, message: String| (mcs::READY, false, reason.to_owned(), message);
        let Some(by) = by else { return self.not_made(valid) };
        let conditions = by.status.as_ref().map(|s| s.common.conditions.as_slice()).unwrap_or_default();
        let name = by.object_name();
        match condition::find(conditions, condition::READY) {
            Some(c) if c.status == "True" => {
                (mcs::READY, true, mcs::EXPORTED.to_owned(), format!("CloudMapExport {name}: {}", c.message))
            }
            Some(c) => {
                let stalled = condition::is_true(conditions, condition::STALLED);
                let reason = if stalled { mcs::FAILED } else { mcs::PENDING };
                no(reason, format!("CloudMapExport {name} is not ready ({}): {}", c.reason, c.message))
            }
            None => no(mcs::PENDING, format!("CloudMapExport {name} has not been reconciled yet")),
        }
    }

    fn not_made(&self, valid: &Said) -> Said {
        let no = |reason: &str, message: String| (mcs::READY, false, reason.to_owned(), message);
        if let Some(deployment) = &self.around.foreign {
            let message = format!(
                "the AWS MCS controller (Deployment {deployment}) exports the ServiceExports of this cluster: write a \
                 CloudMapExport for what Landbridge is to export, or take the controller out"
            );
            return no(reason::FOREIGN_MCS_CONTROLLER, message);
        }
        if self.name_is_taken() {
            let message = format!(
                "CloudMapExport {} exports another Service, and the one for this ServiceExport would have its name: give it \
                 another name",
                self.said()
            );
            return no(mcs::FAILED, message);
        }
        if !valid.1 {
            return no(mcs::FAILED, valid.3.clone());
        }
        no(mcs::PENDING, "its CloudMapExport is being made".to_owned())
    }

    fn is_as_wanted(&self, made: &CloudMapExport, label: &str) -> bool {
        let spec = &made.spec;
        let owner = made.metadata.owner_references.iter().flatten().find(|o| o.controller == Some(true));
        let identity = &self.around.identity;
        spec.namespace_ref.name == label
            && spec.service_ref.name == self.export.name
            && identity.cluster.as_ref().is_none_or(|c| spec.cluster_id.as_ref() == Some(c))
            && identity.cluster_set.as_ref().is_none_or(|c| spec.cluster_set_id.as_ref() == Some(c))
            && owner.is_some_and(|o| o.uid == self.export.uid)
    }

    fn apply(&self, label: &str, made: Option<&CloudMapExport>) -> Change {
        let Self { export, around } = self;
        let owner = owner(&export.namespace, &export.name, &around.installation);
        let mut body = json!({
            "metadata": {
                "annotations": annotations(&owner),
                // It goes with the ServiceExport also when the operator is away.
                "ownerReferences": [{
                    "apiVersion": format!("{}/{}", super::GROUP, around.version),
                    "kind": "ServiceExport",
                    "name": export.name,
                    "uid": export.uid,
                    "controller": true,
                    "blockOwnerDeletion": false,
                }],
            },
            "spec": {"serviceRef": {"name": export.name}, "namespaceRef": {"name": label}},
        });
        for (field, name) in [("clusterId", &around.identity.cluster), ("clusterSetId", &around.identity.cluster_set)] {
            if let Some(name) = name {
                body["spec"][field] = json!(name);
            }
        }
        Change::ApplyObject {
            api_version: "landbridge.dev/v1alpha1".to_owned(),
            kind: "CloudMapExport".to_owned(),
            namespace: export.namespace.clone(),
            name: export.name.clone(),
            uid: made.and_then(|m| m.metadata.uid.clone()),
            body: body.as_object().cloned().unwrap_or_default(),
        }
    }
}

/// The whole list: ours as they are now, those of others as they were.
fn merged(export: &ServiceExport, new: Vec<Said>, now: Timestamp) -> Vec<Value> {
    let mut all: Vec<Value> = new
        .into_iter()
        .map(|(type_, holds, reason, message)| {
            let status = if holds { "True" } else { "False" };
            let old = export.conditions.iter().find(|c| c["type"] == type_ && c["status"] == status);
            let since = old.map(|o| o["lastTransitionTime"].clone()).filter(Value::is_string);
            json!({
                "type": type_,
                "status": status,
                "reason": reason,
                "message": message,
                "observedGeneration": export.generation,
                "lastTransitionTime": since.unwrap_or_else(|| json!(at(now))),
            })
        })
        .collect();
    let is_ours = |c: &Value| [mcs::VALID, mcs::READY, mcs::CONFLICT].iter().any(|t| c["type"] == **t);
    all.extend(export.conditions.iter().filter(|c| !is_ours(c)).cloned());
    all.sort_by_key(|c| c["type"].as_str().unwrap_or_default().to_owned());
    all
}

/// A time as Kubernetes writes it: whole seconds.
pub(crate) fn at(now: Timestamp) -> String {
    Timestamp::from_second(now.as_second()).unwrap_or(now).to_string()
}

/// Whether two lists say the same, in whatever order. An old schema does not keep `observedGeneration`.
fn is_same(one: &[Value], other: &[Value]) -> bool {
    let said = |all: &[Value]| -> Vec<[String; 4]> {
        let of =
            |c: &Value| ["type", "status", "reason", "message"].map(|k| c[k].as_str().unwrap_or_default().to_owned());
        let mut said: Vec<_> = all.iter().map(of).collect();
        said.sort();
        said
    };
    said(one) == said(other)
}
