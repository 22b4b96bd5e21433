//! The objects of all files, typed, each once, in the order in which they depend on each other.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::core::DynamicObject;
use landbridge_api::v1alpha1::{
    AwsAccount, CloudMapExport, CloudMapImport, CloudMapNamespace, EcsCluster, EcsService, IamTaskRole,
    TrafficMigration,
};
use landbridge_plan::kubernetes::{FOREIGN_KINDS, ForeignKind};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::check::Checker;
use super::document::Document;
use super::problem::{Problem, Problems};

/// One object of ours.
#[derive(Clone, Debug)]
pub enum Object {
    /// An account.
    Account(Box<AwsAccount>),
    /// A cluster.
    Cluster(Box<EcsCluster>),
    /// A namespace.
    Namespace(Box<CloudMapNamespace>),
    /// A role.
    Role(Box<IamTaskRole>),
    /// A service.
    Service(Box<EcsService>),
    /// An export.
    Export(Box<CloudMapExport>),
    /// An import.
    Import(Box<CloudMapImport>),
    /// A migration.
    Migration(Box<TrafficMigration>),
}

/// The objects of all files.
#[derive(Clone, Debug, Default)]
pub struct ObjectSet {
    /// Sorted so that what is referred to comes first; within a kind by namespace and name.
    pub objects: Vec<Object>,
    /// Labels of the Kubernetes namespaces that the files declare.
    pub namespace_labels: BTreeMap<String, BTreeMap<String, String>>,
    /// Kubernetes Services, which objects of ours may refer to.
    pub services: Vec<Service>,
    /// EndpointSlices of such Services.
    pub slices: Vec<EndpointSlice>,
    /// Routes and Ingresses, through which migrations may write weights.
    pub through: Vec<(&'static ForeignKind, Value)>,
    /// Whether Services, slices and those are all that the cluster has.
    pub knows_kubernetes: bool,
    /// Objects of other groups that were passed over, as `Deployment shop/web`.
    pub foreign: Vec<String>,
}

/// The objects by kind, in the order in which kinds depend on each other.
#[derive(Clone, Debug, Default)]
pub struct ByKind {
    /// Accounts.
    pub accounts: Vec<AwsAccount>,
    /// Clusters.
    pub clusters: Vec<EcsCluster>,
    /// Namespaces.
    pub namespaces: Vec<CloudMapNamespace>,
    /// Roles.
    pub roles: Vec<IamTaskRole>,
    /// Services.
    pub services: Vec<EcsService>,
    /// Exports.
    pub exports: Vec<CloudMapExport>,
    /// Imports.
    pub imports: Vec<CloudMapImport>,
    /// Migrations.
    pub migrations: Vec<TrafficMigration>,
}

impl ObjectSet {
    /// Checks and types all documents; every mistake of every file is collected before it fails.
    pub fn build(documents: Vec<Document>, default_namespace: &str) -> Result<Self> {
        let checker = Checker::new()?;
        let mut problems = Vec::new();
        let mut set = Self::default();
        let mut seen: BTreeMap<(u8, String, String), Document> = BTreeMap::new();
        let mut keyed = BTreeMap::new();
        for document in documents {
            match checker.knows(&document) {
                Ok(true) => {}
                Ok(false) => {
                    set.pass_over(&document, default_namespace);
                    continue;
                }
                Err(problem) => {
                    problems.push(problem);
                    continue;
                }
            }
            let value = match checker.check(&document, default_namespace) {
                Ok(value) => value,
                Err(found) => {
                    problems.extend(found);
                    continue;
                }
            };
            match typed(&without_status(value.clone())) {
                Ok((object, key)) => {
                    if let Some(first) = seen.get(&key) {
                        problems.push(twice(&document, &value, first));
                        continue;
                    }
                    seen.insert(key.clone(), document);
                    keyed.insert(key, object);
                }
                Err(error) => problems.push(document.problem(None, format!("{error:#}"))),
            }
        }
        if !problems.is_empty() {
            return Err(Problems(problems).into());
        }
        set.objects = keyed.into_values().collect();
        Ok(set)
    }

    /// The objects of a cluster, as the API server has them, statuses included.
    pub fn of_cluster(
        found: Vec<DynamicObject>,
        namespace_labels: BTreeMap<String, BTreeMap<String, String>>,
    ) -> Result<Self> {
        let mut keyed = BTreeMap::new();
        for object in found {
            let value = serde_json::to_value(&object)?;
            let (object, key) = typed(&value)?;
            keyed.insert(key, object);
        }
        Ok(Self { objects: keyed.into_values().collect(), namespace_labels, ..Self::default() })
    }

    /// The objects, kind by kind; within a kind in their order.
    pub fn by_kind(self) -> ByKind {
        let mut sorted = ByKind::default();
        for object in self.objects {
            match object {
                Object::Account(o) => sorted.accounts.push(*o),
                Object::Cluster(o) => sorted.clusters.push(*o),
                Object::Namespace(o) => sorted.namespaces.push(*o),
                Object::Role(o) => sorted.roles.push(*o),
                Object::Service(o) => sorted.services.push(*o),
                Object::Export(o) => sorted.exports.push(*o),
                Object::Import(o) => sorted.imports.push(*o),
                Object::Migration(o) => sorted.migrations.push(*o),
            }
        }
        sorted
    }

    /// Takes from an object that is not ours what ours may refer to.
    fn pass_over(&mut self, document: &Document, default_namespace: &str) {
        let name = document.value["metadata"]["name"].as_str().unwrap_or_default();
        if document.api_version() == "v1" && document.kind() == "Namespace" {
            let labels = document.value["metadata"]["labels"].as_object();
            let labels = labels.into_iter().flatten().filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned())));
            self.namespace_labels.insert(name.to_owned(), labels.collect());
        } else if let Some(service) = read_foreign(document, "v1", "Service", default_namespace) {
            self.services.push(service);
        } else if let Some(slice) = read_foreign(document, "discovery.k8s.io/v1", "EndpointSlice", default_namespace) {
            self.slices.push(slice);
        } else if let Some(kind) = foreign_kind(document)
            && let Some(object) = read_foreign(document, kind.api_version, kind.kind, default_namespace)
        {
            self.through.push((kind, object));
        } else {
            self.foreign.push(format!("{} {name}", document.kind()));
        }
    }
}

/// The kind of a document, if migrations may go through such objects.
fn foreign_kind(document: &Document) -> Option<&'static ForeignKind> {
    FOREIGN_KINDS.into_iter().find(|k| k.api_version == document.api_version() && k.kind == document.kind())
}

/// The document as one of Kubernetes' own kinds, if it is one that can be read.
fn read_foreign<T: DeserializeOwned>(document: &Document, version: &str, kind: &str, namespace: &str) -> Option<T> {
    if document.api_version() != version || document.kind() != kind {
        return None;
    }
    let mut value = document.value.clone();
    if value["metadata"]["namespace"].is_null() {
        value["metadata"]["namespace"] = namespace.into();
    }
    serde_json::from_value(value).ok()
}

fn twice(document: &Document, value: &Value, first: &Document) -> Problem {
    let name = value["metadata"]["name"].as_str().unwrap_or_default();
    let message = format!("{} {name} stands twice: first in {}:{}", document.kind(), first.file, first.line);
    document.problem(None, message)
}

type Key = (u8, String, String);

fn typed(value: &Value) -> Result<(Object, Key)> {
    let text = |field: &str| value["metadata"][field].as_str().unwrap_or_default().to_owned();
    let (rank, object) = match value["kind"].as_str().unwrap_or_default() {
        "AWSAccount" => (0, Object::Account(read(value)?)),
        "ECSCluster" => (1, Object::Cluster(read(value)?)),
        "CloudMapNamespace" => (2, Object::Namespace(read(value)?)),
        "IAMTaskRole" => (3, Object::Role(read(value)?)),
        "ECSService" => (4, Object::Service(read(value)?)),
        "CloudMapExport" => (5, Object::Export(read(value)?)),
        "CloudMapImport" => (6, Object::Import(read(value)?)),
        "TrafficMigration" => (7, Object::Migration(read(value)?)),
        other => anyhow::bail!("kind {other} is in the CRDs and not in the CLI"),
    };
    Ok((object, (rank, text("namespace"), text("name"))))
}

fn read<T: DeserializeOwned>(value: &Value) -> Result<Box<T>> {
    serde_json::from_value(value.clone()).map(Box::new).context("does not fit its type")
}

/// A status in a file (from `kubectl get -o yaml`) is somebody's past; what counts is what AWS says now.
fn without_status(mut value: Value) -> Value {
    if let Some(map) = value.as_object_mut() {
        map.remove("status");
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_among_the_files_is_known_and_what_nobody_refers_to_is_passed_over() {
        let document =
            |text: &str| Document { file: "a.yaml".into(), line: 1, value: serde_saphyr::from_str(text).unwrap() };
        let documents = vec![
            document(
                "{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: orders}, spec: {rules: []}}",
            ),
            document("{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}}"),
        ];
        let set = ObjectSet::build(documents, "shop").unwrap();
        assert_eq!(set.foreign, ["Deployment web"]);
        let [(kind, route)] = set.through.as_slice() else { panic!("{:?}", set.through) };
        assert_eq!((kind.kind, &route["metadata"]["namespace"]), ("HTTPRoute", &Value::from("shop")));
    }
}
