//! Writes of plans into Kubernetes: objects that custom resources own there, such as the Service of an import.
//!
//! An object is read before it is written: only one that carries the owner's annotations is changed, and only while it is
//! still as it was read. Objects of others get a patch of a few fields, under the same condition. Like writes to AWS they
//! need the lease of the account.

use std::sync::Arc;

use kube::Resource as _;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, Preconditions, Request};
use kube::core::{ApiResource, GroupVersionKind};
use landbridge_api::names::{OBJECT_MANAGER, tag};
use landbridge_aws::{Kubernetes, Written};
use landbridge_plan::account::AccountTarget;
use landbridge_plan::change::{Body, Change};
use landbridge_plan::verdict::{ErrorClass, Failure};
use serde_json::{Value, json};

use crate::api_server::ApiServer;
use crate::guard::Guard;
use crate::objects::World;

/// Writes objects into Kubernetes.
pub struct Writer {
    api: Arc<ApiServer>,
    guard: Arc<Guard>,
    world: Arc<World>,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

/// An object's kind and names.
struct Target<'a> {
    api_version: &'a str,
    kind: &'a str,
    namespace: &'a str,
    name: &'a str,
}

impl Writer {
    /// A writer that tells `world` what it wrote.
    pub fn new(api: Arc<ApiServer>, guard: Arc<Guard>, world: Arc<World>) -> Self {
        Self { api, guard, world }
    }

    async fn make(&self, change: &Change) -> Result<(), Failure> {
        match change {
            Change::ApplyObject { api_version, kind, namespace, name, uid, body } => {
                self.apply(&Target { api_version, kind, namespace, name }, uid.as_deref(), body).await
            }
            Change::DeleteObject { api_version, kind, namespace, name, uid } => {
                self.delete(&Target { api_version, kind, namespace, name }, uid).await
            }
            Change::PatchObject { api_version, kind, namespace, name, version, patch } => {
                self.patch(&Target { api_version, kind, namespace, name }, version, patch).await
            }
            other => Err(failure(
                other.operation(),
                ErrorClass::Invalid,
                "it is not written to Kubernetes; this is a defect of Landbridge".to_owned(),
            )),
        }
    }

    async fn apply(&self, target: &Target<'_>, uid: Option<&str>, body: &Body) -> Result<(), Failure> {
        let operation = "kubernetes:Apply";
        let mut object = Value::Object(body.clone());
        let status = object.as_object_mut().and_then(|o| o.remove("status"));
        object["apiVersion"] = target.api_version.into();
        object["kind"] = target.kind.into();
        object["metadata"]["name"] = target.name.into();
        object["metadata"]["namespace"] = target.namespace.into();
        let mut params = PatchParams::apply(OBJECT_MANAGER);
        match self.present(target).await? {
            Some(present) => {
                refuse_foreign(target, &present, &object)?;
                if uid.is_some_and(|uid| present["metadata"]["uid"] != uid) {
                    let message = format!("{} was made anew meanwhile", target.said());
                    return Err(failure(operation, ErrorClass::Conflict, message));
                }
                // What others wrote into fields that are ours is put back, but only over what was read.
                let read = match ports_of_others(target, &present, &object) {
                    Some(patch) => self.merge(target, &patch).await?,
                    None => present,
                };
                for field in ["uid", "resourceVersion"] {
                    object["metadata"][field] = read["metadata"][field].clone();
                }
                params = params.force();
            }
            None if uid.is_some() => {
                let message = format!("{} is gone meanwhile", target.said());
                return Err(failure(operation, ErrorClass::Conflict, message));
            }
            None => {}
        }
        let request = target.request().patch(target.name, &params, &Patch::Apply(&object));
        let mut answer: Value = self.api.send(operation, request).await?;
        if let Some(status) = status {
            answer = self.api.merge_status(&target.path(), target.name, &json!({"status": status})).await?;
        }
        self.world.mirror.wrote(target.kind, &answer);
        self.world.multi_cluster.wrote(target.kind, &answer);
        Ok(())
    }

    /// Changes some fields of an object of somebody else. The API server refuses it (409) when the object is no longer the one
    /// that was read, so that nobody's edit is written over.
    async fn patch(&self, target: &Target<'_>, version: &str, patch: &Body) -> Result<(), Failure> {
        let mut patch = Value::Object(patch.clone());
        patch["metadata"]["resourceVersion"] = version.into();
        let params = PatchParams { field_manager: Some(OBJECT_MANAGER.to_owned()), ..PatchParams::default() };
        let request = target.request().patch(target.name, &params, &Patch::Merge(&patch));
        let answer: Value = self.api.send("kubernetes:Patch", request).await?;
        self.world.foreign.wrote(target.kind, &answer);
        Ok(())
    }

    async fn merge(&self, target: &Target<'_>, patch: &Value) -> Result<Value, Failure> {
        let params = PatchParams { field_manager: Some(OBJECT_MANAGER.to_owned()), ..PatchParams::default() };
        let request = target.request().patch(target.name, &params, &Patch::Merge(patch));
        self.api.send("kubernetes:Apply", request).await
    }

    async fn delete(&self, target: &Target<'_>, uid: &str) -> Result<(), Failure> {
        let operation = "kubernetes:Delete";
        let preconditions = Preconditions { uid: Some(uid.to_owned()), resource_version: None };
        let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::background() };
        let answer = self.api.send::<Value>(operation, target.request().delete(target.name, &params)).await;
        match answer {
            // Another of that name is not the one that was to go.
            Err(refusal) if !matches!(refusal.class, ErrorClass::NotFound | ErrorClass::Conflict) => Err(refusal),
            _ => {
                self.world.mirror.deleted(target.kind, target.namespace, target.name);
                self.world.multi_cluster.deleted(target.kind, target.namespace, target.name);
                Ok(())
            }
        }
    }

    async fn present(&self, target: &Target<'_>) -> Result<Option<Value>, Failure> {
        match self.api.get::<Value>(&target.path(), target.name).await {
            Ok(present) => Ok(Some(present)),
            Err(failure) if failure.class == ErrorClass::NotFound => Ok(None),
            Err(failure) => Err(failure),
        }
    }
}

impl Kubernetes for Writer {
    fn write<'a>(&'a self, change: &'a Change, account: &'a AccountTarget) -> Written<'a> {
        Box::pin(async move {
            let Some(_writing) = self.guard.begin(account) else {
                let message = "this replica no longer holds the lease of the account, so nothing was sent";
                return Err(failure(change.operation(), ErrorClass::Fenced, message.to_owned()));
            };
            self.make(change).await
        })
    }
}

impl Target<'_> {
    fn path(&self) -> String {
        let (group, version) = self.api_version.split_once('/').unwrap_or(("", self.api_version));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, self.kind));
        DynamicObject::url_path(&resource, Some(self.namespace))
    }

    fn request(&self) -> Request {
        Request::new(self.path())
    }

    fn said(&self) -> String {
        format!("{} {}/{}", self.kind, self.namespace, self.name)
    }
}

/// The patch that takes away the ports of a Service that we do not want. Server-side apply would leave those that somebody
/// else added, because each port has an owner of its own; other lists that we write are owned as a whole.
fn ports_of_others(target: &Target<'_>, present: &Value, wanted: &Value) -> Option<Value> {
    let keys = |object: &Value| -> Vec<(Value, Value)> {
        let ports = object["spec"]["ports"].as_array().cloned().unwrap_or_default();
        ports.iter().map(|p| (p["port"].clone(), p["protocol"].clone())).collect()
    };
    let ours = keys(wanted);
    if target.kind != "Service" || keys(present).iter().all(|key| ours.contains(key)) {
        return None;
    }
    let version = &present["metadata"]["resourceVersion"];
    Some(json!({"metadata": {"resourceVersion": version}, "spec": {"ports": wanted["spec"]["ports"]}}))
}

/// An object that is there and is not the owner's is left alone.
fn refuse_foreign(target: &Target<'_>, present: &Value, wanted: &Value) -> Result<(), Failure> {
    let said =
        |object: &Value| [tag::OWNER, tag::INSTALLATION].map(|key| object["metadata"]["annotations"][key].clone());
    if said(present) == said(wanted) && !said(present)[0].is_null() {
        return Ok(());
    }
    let whose = match said(present) {
        [Value::String(owner), Value::String(installation)] => {
            format!("belongs to {owner} of installation {installation}")
        }
        _ => "exists and was not made by Landbridge".to_owned(),
    };
    Err(failure(
        "kubernetes:Apply",
        ErrorClass::AlreadyExists,
        format!("{} {whose}, so it is left as it is: delete it, or choose another name", target.said()),
    ))
}

fn failure(operation: &str, class: ErrorClass, message: String) -> Failure {
    Failure { operation: operation.to_owned(), class, message }
}

#[cfg(test)]
#[path = "writer_tests.rs"]
mod tests;
