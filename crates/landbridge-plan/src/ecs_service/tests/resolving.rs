//! References, resolved or not.

use std::collections::BTreeMap;
use std::sync::Arc;

use landbridge_api::v1alpha1::{CloudMapNamespace, EcsCluster, IamTaskRole};
use serde_json::{Value, json};

use super::super::*;
use super::model::{account, patched, web};
use crate::kubernetes::{EndpointSlice, ForeignKind, ForeignObject, KubernetesService};

#[derive(Default)]
struct Cluster {
    clusters: BTreeMap<String, EcsCluster>,
    namespaces: BTreeMap<String, CloudMapNamespace>,
    roles: BTreeMap<(String, String), IamTaskRole>,
}

impl Objects for Cluster {
    fn account(&self, _: Option<&str>) -> Result<Arc<AccountTarget>, Unmet> {
        Ok(Arc::new(account()))
    }
    fn installation(&self) -> String {
        "here".into()
    }
    fn ecs_cluster(&self, name: &str) -> Option<Arc<EcsCluster>> {
        self.clusters.get(name).cloned().map(Arc::new)
    }
    fn cloud_map_namespace(&self, name: &str) -> Option<Arc<CloudMapNamespace>> {
        self.namespaces.get(name).cloned().map(Arc::new)
    }
    fn iam_task_role(&self, namespace: &str, name: &str) -> Option<Arc<IamTaskRole>> {
        self.roles.get(&(namespace.to_owned(), name.to_owned())).cloned().map(Arc::new)
    }
    fn ecs_service(&self, _: &str, _: &str) -> Option<Arc<EcsService>> {
        None
    }
    fn kubernetes_service(&self, _: &str, _: &str) -> Result<Option<Arc<KubernetesService>>, Unmet> {
        Ok(None)
    }
    fn service_imports(&self, _: &str, _: &str) -> Result<crate::multi_cluster::ServiceImports, Unmet> {
        Ok(crate::multi_cluster::ServiceImports::default())
    }
    fn endpoint_slices(&self, _: &str, _: &str) -> Result<Vec<Arc<EndpointSlice>>, Unmet> {
        Ok(Vec::new())
    }
    fn foreign(&self, _: &'static ForeignKind, _: &str) -> Result<Vec<Arc<ForeignObject>>, Unmet> {
        Ok(Vec::new())
    }
    fn cloud_map_imports(&self, _: &str) -> Vec<Arc<landbridge_api::v1alpha1::CloudMapImport>> {
        vec![]
    }
    fn namespaces_with_iam_task_role(&self, name: &str) -> Vec<String> {
        self.roles.keys().filter(|(_, n)| n == name).map(|(ns, _)| ns.clone()).collect()
    }
    fn namespace_labels(&self, _: &str) -> BTreeMap<String, String> {
        BTreeMap::new()
    }
    fn users_of_ecs_cluster(&self, _: &str) -> Vec<String> {
        vec![]
    }
    fn users_of_cloud_map_namespace(&self, _: &str) -> Vec<String> {
        vec![]
    }
    fn users_of_iam_task_role(&self, _: &str, _: &str) -> Vec<String> {
        vec![]
    }
    fn cloud_map_exports(&self, _: &str) -> Vec<Arc<landbridge_api::v1alpha1::CloudMapExport>> {
        Vec::new()
    }
    fn traffic_migrations(&self, _: &str) -> Vec<Arc<landbridge_api::v1alpha1::TrafficMigration>> {
        vec![]
    }
    fn users_of_account(&self, _: &str) -> Vec<String> {
        vec![]
    }
}

fn object<T: serde::de::DeserializeOwned>(kind: &str, spec: &Value, status: &Value, ready: bool) -> T {
    let condition = json!({
        "type": "Ready", "status": if ready { "True" } else { "False" }, "reason": "X", "message": "because",
        "lastTransitionTime": "2026-01-01T00:00:00Z"
    });
    let mut status = status.clone();
    status["conditions"] = json!([condition]);
    serde_json::from_value(json!({
        "apiVersion": "landbridge.dev/v1alpha1", "kind": kind, "metadata": {"name": "x"}, "spec": spec, "status": status
    }))
    .unwrap()
}

fn prod(ready: bool) -> EcsCluster {
    let spec = json!({
        "allowedNamespaces": {"names": ["shop"]},
        "defaultCapacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    });
    object("ECSCluster", &spec, &json!({"clusterArn": "arn:aws:ecs:eu-central-1:111122223333:cluster/prod"}), ready)
}

fn namespace(region: &str) -> CloudMapNamespace {
    let arn = format!("arn:aws:servicediscovery:{region}:111122223333:namespace/ns-1");
    let spec = json!({"type": "HTTP", "allowedNamespaces": {"names": ["*"]}});
    object("CloudMapNamespace", &spec, &json!({"namespaceId": "ns-1", "namespaceArn": arn}), true)
}

fn role(account: &str) -> IamTaskRole {
    object("IAMTaskRole", &json!({}), &json!({"roleArn": format!("arn:aws:iam::{account}:role/app")}), true)
}

fn whole() -> Cluster {
    Cluster {
        clusters: [("prod".to_owned(), prod(true))].into(),
        namespaces: [("internal".to_owned(), namespace("eu-central-1"))].into(),
        roles: [(("shop".to_owned(), "app".to_owned()), role("111122223333"))].into(),
    }
}

fn refusal(object: &EcsService, objects: &Cluster) -> (String, String) {
    match object.resolve(objects).unwrap_err() {
        Unmet::Wait(w) => (format!("wait {}", w.reason), w.message),
        Unmet::Blocked(b) => (format!("blocked {}", b.reason), b.message),
    }
}

fn with_references() -> EcsService {
    let references = json!({
        "taskRoleRef": {"name": "app"}, "serviceDiscovery": {"namespaceRef": {"name": "internal"}}
    });
    patched(&web(), &references)
}

fn deleting(mut object: EcsService, status: &Value) -> EcsService {
    object.metadata.deletion_timestamp =
        Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(super::model::now()));
    let mut status = status.clone();
    status["conditions"] = json!([]);
    object.status = serde_json::from_value(status).unwrap();
    object
}

#[test]
fn everything_that_is_ready_is_resolved() {
    let resolved = with_references().resolve(&whole()).unwrap();
    assert_eq!((resolved.cluster.as_str(), resolved.service.as_str()), ("prod", "web"));
    assert_eq!(resolved.task_role_arn.as_deref(), Some("arn:aws:iam::111122223333:role/app"));
    assert_eq!(resolved.discovery.unwrap().namespace_id, "ns-1");
    let strategy = resolved.defaults.capacity_provider_strategy.unwrap();
    assert_eq!(strategy[0].capacity_provider, "FARGATE_SPOT", "the cluster's default strategy is a default here");
}

#[test]
fn a_cluster_that_is_not_there_is_waited_for_with_what_to_create() {
    let (what, message) = refusal(&web(), &Cluster::default());
    assert_eq!(what, "wait ReferenceNotFound");
    assert_eq!(message, "spec.clusterRef names ECSCluster prod, which does not exist: create it, or name another");
}

#[test]
fn a_cluster_that_does_not_allow_the_namespace_is_a_refusal() {
    let mut object = web();
    object.metadata.namespace = Some("blog".into());
    assert_eq!(refusal(&object, &whole()).0, "blocked NamespaceNotAllowed");
}

#[test]
fn a_cluster_that_is_not_ready_stops_a_new_service_and_not_one_that_is_there() {
    let objects = Cluster { clusters: [("prod".to_owned(), prod(false))].into(), ..whole() };
    let (what, message) = refusal(&web(), &objects);
    assert_eq!(
        (what.as_str(), message.as_str()),
        ("wait ReferenceNotReady", "ECSCluster prod is not ready (X: because)")
    );
    let mut there = web();
    there.status = serde_json::from_value(json!({"conditions": [], "serviceArn": "arn:s"})).unwrap();
    assert!(there.resolve(&objects).is_ok());
}

#[test]
fn a_role_of_another_namespace_is_named_and_not_used() {
    let mut objects = whole();
    let role = objects.roles.remove(&("shop".to_owned(), "app".to_owned())).unwrap();
    assert!(refusal(&with_references(), &objects).1.ends_with("does not exist: create it"));
    objects.roles.insert(("iam".to_owned(), "app".to_owned()), role);
    let (what, message) = refusal(&with_references(), &objects);
    assert_eq!(what, "wait ReferenceNotFound");
    assert!(message.contains("there is one in namespace iam, but references do not cross namespaces"), "{message}");
}

#[test]
fn a_role_of_another_account_is_a_refusal() {
    let mut objects = whole();
    objects.roles.insert(("shop".to_owned(), "app".to_owned()), role("999999999999"));
    let (what, message) = refusal(&with_references(), &objects);
    assert_eq!(what, "blocked InvalidSpec");
    assert!(message.contains("IAMTaskRole app is in account 999999999999"), "{message}");
}

#[test]
fn a_namespace_of_another_region_is_a_refusal() {
    let objects = Cluster { namespaces: [("internal".to_owned(), namespace("us-east-1"))].into(), ..whole() };
    let (what, message) = refusal(&with_references(), &objects);
    assert_eq!(what, "blocked InvalidSpec");
    assert!(message.contains("Region us-east-1"), "{message}");
}

#[test]
fn an_object_of_which_nothing_was_made_can_be_deleted_without_its_cluster() {
    let object = deleting(with_references(), &json!({}));
    let resolved = object.resolve(&Cluster::default()).unwrap();
    assert!(resolved.nothing_in_aws);
    assert!(object.plan(&resolved, &EcsServiceObserved::default(), super::model::now()).gone);
}

#[test]
fn an_object_that_may_have_begun_cannot_be_deleted_without_its_cluster() {
    let mut object = deleting(web(), &json!({}));
    object.metadata.finalizers = Some(vec![landbridge_api::names::FINALIZER.to_owned()]);
    let (what, message) = refusal(&object, &Cluster::default());
    assert_eq!(what, "blocked ReferenceNotFound");
    assert!(message.contains("so what may have been made in AWS cannot be deleted"), "{message}");
}

#[test]
fn an_object_with_things_in_aws_cannot_be_deleted_without_its_cluster_unless_they_are_retained() {
    let status = json!({"serviceArn": "arn:aws:ecs:eu-central-1:111122223333:service/prod/web"});
    let (what, message) = refusal(&deleting(web(), &status), &Cluster::default());
    assert_eq!(what, "blocked ReferenceNotFound");
    assert!(message.contains("create ECSCluster prod again, or set spec.deletionPolicy to Retain"), "{message}");
    let retained = deleting(patched(&web(), &json!({"deletionPolicy": "Retain"})), &status);
    assert!(retained.resolve(&Cluster::default()).unwrap().nothing_in_aws);
}

#[test]
fn deletion_needs_neither_roles_nor_namespaces() {
    let objects = Cluster { clusters: [("prod".to_owned(), prod(false))].into(), ..Cluster::default() };
    let resolved = deleting(with_references(), &json!({})).resolve(&objects).unwrap();
    assert!(!resolved.nothing_in_aws);
    assert!(resolved.discovery.is_none());
}
