//! Services and EndpointSlices by hand, as a cluster with pods would have them, and the names by which the two sides find
//! each other.

use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::{Stage, outsider};

/// The namespace `shop`, an account whose AWS does not count, and the Cloud Map namespace `shop.internal`.
pub const PLATFORM: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: landbridge.dev/v1alpha1
kind: AWSAccount
metadata: {name: default}
spec:
  region: us-east-1
  allowedNamespaces: {names: ["*"]}
---
apiVersion: landbridge.dev/v1alpha1
kind: CloudMapNamespace
metadata: {name: shop.internal}
spec:
  type: DNS_PRIVATE
  vpc: vpc-0a1b2c3d4e5f60001
  allowedNamespaces: {names: [shop]}
"#;

/// The Kubernetes Service `orders`.
pub const SERVICE: &str = r"
apiVersion: v1
kind: Service
metadata: {name: orders, namespace: shop}
spec:
  selector: {app: orders}
  ports: [{name: http, port: 80, targetPort: 8080}]
";

/// The export of `orders`.
pub const EXPORT: &str = r"
apiVersion: landbridge.dev/v1alpha1
kind: CloudMapExport
metadata: {name: orders, namespace: shop}
spec:
  serviceRef: {name: orders}
  namespaceRef: {name: shop.internal}
";

impl Stage {
    /// Makes the slice of `orders` hold exactly these addresses, each ready or not.
    pub async fn endpoints(&self, addresses: &[(&str, bool)]) {
        let endpoints: Vec<Value> = addresses
            .iter()
            .map(|(address, ready)| {
                json!({"addresses": [address], "conditions": {"ready": ready}, "zone": "us-east-1a", "nodeName": "node-1"})
            })
            .collect();
        let slice = json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {"name": "orders-1", "labels": {"kubernetes.io/service-name": "orders"}},
            "addressType": "IPv4", "ports": [{"name": "http", "port": 8080}], "endpoints": endpoints,
        });
        let api: Api<EndpointSlice> = Api::namespaced(self.client.clone(), "shop");
        api.patch("orders-1", &PatchParams::apply("pods").force(), &Patch::Apply(&slice)).await.unwrap();
    }

    /// IDs of the instances of the Cloud Map service of that name, sorted.
    pub fn instances(&self, service: &str) -> Vec<String> {
        let found = outsider::discovery(&self.emulator).into_iter().find(|s| s["Name"] == service);
        let mut ids: Vec<String> = found
            .iter()
            .flat_map(|s| s["Instances"].as_array().cloned().unwrap_or_default())
            .filter_map(|i| Some(i["Id"].as_str()?.to_owned()))
            .collect();
        ids.sort();
        ids
    }

    /// Waits until exactly these instances are registered.
    pub async fn until_registered(&self, service: &str, wanted: &[&str]) {
        self.eventually(&format!("{wanted:?} are registered"), async || self.instances(service) == wanted).await;
    }
}
