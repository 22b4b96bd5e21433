//! Every write to the Kubernetes API server: status, finalizer, events. Each has a timeout, and only so many run at once.
//!
//! Requests are built from the kind alone, so that one function serves namespaced and cluster-scoped kinds.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Client;
use kube::api::{Patch, PatchParams, PostParams, Request};
use kube::core::params::ValidationDirective;
use kube::core::request::Error;
use landbridge_api::condition;
use landbridge_api::names::{FINALIZER, STATUS_MANAGER};
use landbridge_plan::kind::Kind;
use landbridge_plan::verdict::{ErrorClass, Failure};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::feed::Watched;

/// How long one call may take, retries of the client included.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Writes at once. The client speaks HTTP/1.1, so this is also the number of connections.
const AT_ONCE: usize = 32;
/// Finalizers that are stored at once. Each begins something new, and what has begun goes first: AWS's slowest budget
/// should not wait until a thousand new objects have their finalizers.
const BEGINNINGS: usize = 8;

/// How often a status is written anew because the object was edited meanwhile.
const REFUSALS: usize = 5;
const PUT_STATUS: &str = "kubernetes:PutStatus";

/// The API server, for writes.
pub struct ApiServer {
    client: Client,
    slots: Semaphore,
    beginnings: Semaphore,
}

impl ApiServer {
    /// The API server of a client.
    pub fn new(client: Client) -> Self {
        Self { client, slots: Semaphore::new(AT_ONCE), beginnings: Semaphore::new(BEGINNINGS) }
    }

    /// Writes the whole status, but for conditions of others, and gives back the object as it is stored now.
    ///
    /// A replacement, which costs the API server a third less than server-side apply. It is refused when the object is not
    /// the one that was read. Edits by others do not matter to a status: then it is written over what is stored now. But a
    /// status that is not the one this one follows from was written by another replica, and stays (`Conflict`).
    pub async fn put_status<K: Kind>(&self, object: &K, status: &K::Status) -> Result<K, Failure> {
        let (mut version, mut status) = (object.meta().resource_version.clone(), status.clone());
        for _ in 0..REFUSALS {
            match self.replace_status(object, version.clone(), &status).await {
                Err(refusal) if refusal.class == ErrorClass::Conflict => {}
                answer => return answer,
            }
            let path = K::url_path(&(), object.meta().namespace.as_deref());
            let latest: K = self.get(&path, object.object_name()).await?;
            if latest.meta().uid != object.meta().uid {
                return Err(failure(PUT_STATUS, ErrorClass::NotFound, &"another object has taken the name"));
            }
            if latest.stored() == Some(&status) {
                // It was written by a try whose answer was lost.
                return Ok(latest);
            }
            if own_status(&latest) != own_status(object) {
                return Err(failure(PUT_STATUS, ErrorClass::Conflict, &"somebody else wrote the status"));
            }
            version.clone_from(&latest.meta().resource_version);
            let theirs = latest.stored().map(|s| K::common(s).conditions.clone()).unwrap_or_default();
            let common = K::common_mut(&mut status);
            let ours = std::mem::take(&mut common.conditions).into_iter().filter(|c| !condition::is_foreign(c));
            common.conditions = condition::merge(&theirs, ours.collect());
        }
        Err(failure(PUT_STATUS, ErrorClass::Conflict, &"the object is being edited all the time"))
    }

    async fn replace_status<K: Kind>(
        &self,
        object: &K,
        version: Option<String>,
        status: &K::Status,
    ) -> Result<K, Failure> {
        // Nothing but the status is looked at. The UID makes the write fail if another object has taken the name.
        let metadata = ObjectMeta { resource_version: version, ..known(object.meta()) };
        let body = serde_json::to_vec(&of_status::<K>(&metadata, status));
        let body = body.map_err(|e| failure(PUT_STATUS, ErrorClass::Invalid, &e))?;
        let params = PostParams { field_manager: Some(STATUS_MANAGER.to_owned()), ..PostParams::default() };
        let request = Self::of::<K>(object.meta()).replace_subresource("status", object.object_name(), &params, body);
        self.send(PUT_STATUS, request.and_then(strictly)).await
    }

    /// Writes the conditions of an object of which only the metadata could be read (server-side apply, forced). Whatever
    /// else its status says stays.
    pub async fn apply_status<K: Watched>(&self, meta: &ObjectMeta, status: &impl Serialize) -> Result<(), Failure> {
        let name = meta.name.as_deref().unwrap_or_default();
        let body = of_status::<K>(&known(meta), status);
        let mut params = PatchParams::apply(STATUS_MANAGER).force();
        params.field_validation = Some(ValidationDirective::Strict);
        let request = Self::of::<K>(meta).patch_subresource("status", name, &params, &Patch::Apply(&body));
        self.send::<Value>(PUT_STATUS, request).await.map(|_| ())
    }

    /// Stores the finalizer and gives back the object as it is stored now.
    pub async fn add_finalizer<K: Kind>(&self, object: &K) -> Result<K, Failure> {
        let _begin = self.beginnings.acquire().await.ok();
        let mut finalizers = object.meta().finalizers.clone().unwrap_or_default();
        finalizers.push(FINALIZER.to_owned());
        self.put_finalizers(object, &finalizers).await
    }

    /// Takes the finalizer away, which lets the object go. An object that has gone already is fine.
    pub async fn remove_finalizer<K: Kind>(&self, object: &K) -> Result<(), Failure> {
        let mut finalizers = object.meta().finalizers.clone().unwrap_or_default();
        finalizers.retain(|f| f != FINALIZER);
        match self.put_finalizers(object, &finalizers).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.class == ErrorClass::NotFound => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    /// Makes an object of any kind at a path.
    pub(crate) async fn create<T: Serialize + DeserializeOwned>(&self, path: &str, object: &T) -> Result<T, Failure> {
        let body = serde_json::to_vec(object).map_err(|e| failure("kubernetes:Create", ErrorClass::Invalid, &e))?;
        self.send("kubernetes:Create", Request::new(path).create(&PostParams::default(), body)).await
    }

    /// Reads an object of any kind at a path.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str, name: &str) -> Result<T, Failure> {
        self.send("kubernetes:Get", Request::new(path).get(name, &kube::api::GetParams::default())).await
    }

    /// Merges `patch` into an object of any kind at a path.
    pub(crate) async fn merge<T: DeserializeOwned>(
        &self,
        path: &str,
        name: &str,
        patch: &impl Serialize,
    ) -> Result<T, Failure> {
        let request = Request::new(path).patch(name, &PatchParams::default(), &Patch::Merge(patch));
        self.send("kubernetes:Patch", request).await
    }

    /// Merges `patch` into the status of an object of any kind at a path. Where the kind has no status subresource, as the
    /// AWS MCS controller's ServiceExport, it is a part of the object like any other.
    pub(crate) async fn merge_status(&self, path: &str, name: &str, patch: &Value) -> Result<Value, Failure> {
        let params = PatchParams { field_manager: Some(STATUS_MANAGER.to_owned()), ..PatchParams::default() };
        let patch = Patch::Merge(patch);
        let request = Request::new(path).patch_subresource("status", name, &params, &patch);
        match self.send(PUT_STATUS, request).await {
            Err(refusal) if refusal.class == ErrorClass::NotFound => {
                self.send(PUT_STATUS, Request::new(path).patch(name, &params, &patch)).await
            }
            answer => answer,
        }
    }

    async fn put_finalizers<K: Kind>(&self, object: &K, finalizers: &[String]) -> Result<K, Failure> {
        // The version makes the write fail when somebody else changed the list in between.
        let patch = json!({
            "metadata": { "finalizers": finalizers, "resourceVersion": object.meta().resource_version },
        });
        let params = PatchParams { field_manager: Some(STATUS_MANAGER.to_owned()), ..PatchParams::default() };
        let request = Self::of::<K>(object.meta()).patch(object.object_name(), &params, &Patch::Merge(&patch));
        self.send("kubernetes:PutFinalizer", request).await
    }

    fn of<K: Watched>(meta: &ObjectMeta) -> Request {
        Request::new(K::url_path(&(), meta.namespace.as_deref()))
    }

    /// Sends a request, when it is its turn.
    pub(crate) async fn send<T: DeserializeOwned>(
        &self,
        operation: &str,
        request: Result<http::Request<Vec<u8>>, Error>,
    ) -> Result<T, Failure> {
        let request = request.map_err(|e| failure(operation, ErrorClass::Invalid, &e))?;
        // The semaphore is never closed; if it were, the call would just not be limited. Waiting for a slot is no fault
        // of the API server, so the timeout begins after it: with a thousand new objects the last one waits long.
        let _slot = self.slots.acquire().await.ok();
        match tokio::time::timeout(TIMEOUT, self.client.request::<T>(request)).await {
            Ok(answer) => answer.map_err(|e| failure(operation, class(&e), &e)),
            Err(_) => Err(failure(operation, ErrorClass::Transient, &format!("no answer within {TIMEOUT:?}"))),
        }
    }
}

/// A field that the schema does not know is a defect of ours; it must show, not vanish. (kube can ask for that in a patch
/// only.)
fn strictly(mut request: http::Request<Vec<u8>>) -> Result<http::Request<Vec<u8>>, Error> {
    let asked = format!("{}&fieldValidation=Strict", request.uri());
    *request.uri_mut() = asked.parse().map_err(|e: http::uri::InvalidUri| Error::BuildRequest(e.into()))?;
    Ok(request)
}

/// Which object is meant: a name, and the UID of the one that was read.
fn known(meta: &ObjectMeta) -> ObjectMeta {
    ObjectMeta {
        name: meta.name.clone(),
        namespace: meta.namespace.clone(),
        uid: meta.uid.clone(),
        ..ObjectMeta::default()
    }
}

fn of_status<K: Watched>(metadata: &ObjectMeta, status: &impl Serialize) -> Value {
    json!({
        "apiVersion": K::api_version(&()),
        "kind": K::kind(&()),
        "metadata": metadata,
        "status": status,
    })
}

/// What the status says without the conditions of others.
fn own_status<K: Kind>(object: &K) -> K::Status {
    let mut status = object.stored().cloned().unwrap_or_default();
    K::common_mut(&mut status).conditions.retain(|c| !condition::is_foreign(c));
    status
}

fn class(error: &kube::Error) -> ErrorClass {
    match error {
        kube::Error::Api(status) if status.is_not_found() => ErrorClass::NotFound,
        kube::Error::Api(status) if status.is_already_exists() => ErrorClass::AlreadyExists,
        kube::Error::Api(status) if status.is_conflict() => ErrorClass::Conflict,
        kube::Error::Api(status) if status.is_forbidden() => ErrorClass::AccessDenied,
        kube::Error::Api(status) if status.is_invalid() => ErrorClass::Invalid,
        kube::Error::Api(status) if status.code == 429 => ErrorClass::Throttled,
        kube::Error::Api(status) if (400..500).contains(&status.code) => ErrorClass::Invalid,
        _ => ErrorClass::Transient,
    }
}

fn failure(operation: &str, class: ErrorClass, error: &impl std::fmt::Display) -> Failure {
    Failure { operation: operation.to_owned(), class, message: error.to_string() }
}

#[cfg(test)]
#[path = "api_server_tests.rs"]
mod tests;
