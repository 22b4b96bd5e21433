//! The kinds of the Multi-Cluster Services API and of `about.k8s.io`, as small as the tests need them: in the versions that
//! sig-multicluster serves, and as the AWS MCS controller for Kubernetes installs them.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::runtime::wait::{await_condition, conditions};
use serde_json::{Value, json};

use crate::Stage;

/// Who installs the kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Installed {
    /// sig-multicluster: `v1beta1` and `v1alpha1`, with a status subresource.
    BySig,
    /// sig-multicluster, a while ago: `v1alpha1` alone, with a status subresource.
    BySigLongAgo,
    /// The AWS MCS controller v0.3.1: `v1alpha1` alone, and the status a field like any other.
    ByAws,
}

fn conditions_schema() -> Value {
    let text = || json!({"type": "string"});
    json!({"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"], "items": {
        "type": "object", "required": ["lastTransitionTime", "message", "reason", "status", "type"],
        "properties": {"lastTransitionTime": {"type": "string", "format": "date-time"}, "message": text(), "reason": text(),
                       "status": text(), "type": text(), "observedGeneration": {"type": "integer"}}}})
}

fn schema(kind: &str, version: &str) -> Value {
    let text = || json!({"type": "string"});
    let texts = || json!({"type": "array", "items": {"type": "string"}});
    let object = |properties: Value| json!({"type": "object", "properties": properties});
    match kind {
        "ServiceExport" => {
            object(json!({"spec": object(json!({})), "status": object(json!({"conditions": conditions_schema()}))}))
        }
        "ServiceImport" => {
            let port = object(json!({"name": text(), "protocol": {"type": "string", "default": "TCP"},
                                     "port": {"type": "integer"}, "appProtocol": text()}));
            let mut ips = texts();
            ips["maxItems"] = json!(if version == "v1alpha1" { 1 } else { 2 });
            let spec = json!({"type": "object", "required": ["ports", "type"], "properties": {
                "ports": {"type": "array", "x-kubernetes-list-type": "atomic", "items": port}, "ips": ips,
                "type": {"type": "string", "enum": ["ClusterSetIP", "Headless"]}, "sessionAffinity": text()}});
            let mut status = json!({"clusters": {"type": "array", "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["cluster"],
                "items": {"type": "object", "required": ["cluster"], "properties": {"cluster": text()}}}});
            if version == "v1beta1" {
                status["conditions"] = conditions_schema();
            }
            object(json!({"spec": spec, "status": object(status)}))
        }
        _ => object(json!({"spec": object(json!({"value": text()})), "status": object(json!({}))})),
    }
}

fn crd(group: &str, kind: &str, plural: &str, scope: &str, installed: Installed) -> CustomResourceDefinition {
    let versions: &[&str] = match installed {
        Installed::BySig if group != "about.k8s.io" => &["v1beta1", "v1alpha1"],
        _ => &["v1alpha1"],
    };
    let versions: Vec<Value> = versions
        .iter()
        .map(|version| {
            let mut whole = json!({"name": version, "served": true, "storage": *version == versions[0],
                                   "schema": {"openAPIV3Schema": schema(kind, version)}});
            if installed != Installed::ByAws {
                whole["subresources"] = json!({"status": {}});
            }
            whole
        })
        .collect();
    serde_json::from_value(json!({
        "metadata": {
            "name": format!("{plural}.{group}"),
            // Groups under k8s.io are the community's.
            "annotations": {"api-approved.kubernetes.io": "https://github.com/kubernetes/enhancements/pull/1646"},
        },
        "spec": {"group": group, "scope": scope, "versions": versions,
                 "names": {"kind": kind, "listKind": format!("{kind}List"), "plural": plural, "singular": kind.to_lowercase()}},
    }))
    .unwrap()
}

impl Stage {
    /// Installs the kinds and waits until they are served.
    pub async fn install_multi_cluster(&self, installed: Installed) {
        let api: Api<CustomResourceDefinition> = Api::all(self.client.clone());
        for (group, kind, plural, scope) in [
            ("multicluster.x-k8s.io", "ServiceExport", "serviceexports", "Namespaced"),
            ("multicluster.x-k8s.io", "ServiceImport", "serviceimports", "Namespaced"),
            ("about.k8s.io", "ClusterProperty", "clusterproperties", "Cluster"),
        ] {
            let crd = crd(group, kind, plural, scope, installed);
            let name = crd.metadata.name.clone().unwrap();
            api.patch(&name, &PatchParams::apply("test").force(), &Patch::Apply(&crd)).await.unwrap();
            let established = await_condition(api.clone(), &name, conditions::is_crd_established());
            tokio::time::timeout(std::time::Duration::from_mins(1), established).await.expect("it is served").unwrap();
        }
    }

    /// The objects of a kind of the API in the namespace `shop`.
    pub fn multi_cluster(&self, version: &str, kind: &str) -> Api<DynamicObject> {
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("multicluster.x-k8s.io", version, kind));
        Api::namespaced_with(self.client.clone(), "shop", &kind)
    }

    /// Gives the cluster its names, as its administrator does.
    pub async fn name_cluster(&self, cluster: &str, cluster_set: &str) {
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("about.k8s.io", "v1alpha1", "ClusterProperty"));
        let kind = ApiResource { plural: "clusterproperties".to_owned(), ..kind };
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &kind);
        for (name, value) in [("cluster.clusterset.k8s.io", cluster), ("clusterset.k8s.io", cluster_set)] {
            let property = json!({"apiVersion": "about.k8s.io/v1alpha1", "kind": "ClusterProperty",
                                  "metadata": {"name": name}, "spec": {"value": value}});
            api.patch(name, &PatchParams::apply("test").force(), &Patch::Apply(&property)).await.unwrap();
        }
    }
}

/// The Deployment of the AWS MCS controller, as its kustomization names and labels it. Nothing here runs its pods.
pub const AWS_CONTROLLER: &str = r"
apiVersion: v1
kind: Namespace
metadata: {name: cloud-map-mcs-system}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cloud-map-mcs-controller-manager, namespace: cloud-map-mcs-system, labels: {control-plane: controller-manager}}
spec:
  selector: {matchLabels: {control-plane: controller-manager}}
  template:
    metadata: {labels: {control-plane: controller-manager}}
    spec:
      containers: [{name: manager, image: 'ghcr.io/aws/aws-cloud-map-mcs-controller-for-k8s:v0.3.1'}]
";
