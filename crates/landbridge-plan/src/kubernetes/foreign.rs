//! Objects of kinds that others define: an Ingress, an HTTPRoute. A plan reads them whole and writes only the few fields of
//! them that hold weights.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A kind that others define, and that a cluster may not have.
#[derive(Debug, PartialEq, Eq)]
pub struct ForeignKind {
    /// Group and version, `gateway.networking.k8s.io/v1`.
    pub api_version: &'static str,
    /// Kind.
    pub kind: &'static str,
    /// Plural, as it stands in paths.
    pub plural: &'static str,
    /// What to install where the API server does not serve it.
    pub install: &'static str,
    /// The chart's value that lets the operator read it.
    pub right: &'static str,
}

/// Ingresses, which tell the AWS Load Balancer Controller by their annotations.
pub static INGRESS: ForeignKind = ForeignKind {
    api_version: "networking.k8s.io/v1",
    kind: "Ingress",
    plural: "ingresses",
    install: "it is part of Kubernetes",
    right: "rbac.routes: true",
};
/// Routes of the Gateway API.
pub static HTTP_ROUTE: ForeignKind = ForeignKind {
    api_version: "gateway.networking.k8s.io/v1",
    kind: "HTTPRoute",
    plural: "httproutes",
    install: "install the CRDs of the Gateway API and something that carries its routes out",
    right: "rbac.routes: true",
};
/// What binds a Service to a target group of the AWS Load Balancer Controller.
pub static TARGET_GROUP_BINDING: ForeignKind = ForeignKind {
    api_version: "elbv2.k8s.aws/v1beta1",
    kind: "TargetGroupBinding",
    plural: "targetgroupbindings",
    install: "install the AWS Load Balancer Controller",
    right: "rbac.routes: true",
};
/// Services with the annotations of external-dns. (What else of Services is looked at, has its own small form.)
pub static SERVICE: ForeignKind = ForeignKind {
    api_version: "v1",
    kind: "Service",
    plural: "services",
    install: "it is part of Kubernetes",
    right: "rbac.services: Write",
};
/// Records that external-dns is told of.
pub static DNS_ENDPOINT: ForeignKind = ForeignKind {
    api_version: "externaldns.k8s.io/v1alpha1",
    kind: "DNSEndpoint",
    plural: "dnsendpoints",
    install: "install the CRD of external-dns and start it with --source=crd",
    right: "rbac.routes: true",
};
/// Every such kind that Landbridge may look at.
pub static FOREIGN_KINDS: [&ForeignKind; 5] = [&INGRESS, &HTTP_ROUTE, &TARGET_GROUP_BINDING, &SERVICE, &DNS_ENDPOINT];

/// An object of such a kind as the API server has it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ForeignObject {
    /// Group and version.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// UID: another one is another object of the same name.
    pub uid: String,
    /// Resource version: a write is refused when it is no longer this one.
    pub version: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations, but for kubectl's copy of the object.
    pub annotations: BTreeMap<String, String>,
    /// What the spec says.
    pub spec: Value,
    /// The field manager that changed it last, Landbridge aside.
    pub edited_by: Option<String>,
}

impl ForeignObject {
    /// An object of the kind, from what the API server answers.
    pub fn read(kind: &ForeignKind, object: &Value) -> Self {
        let meta = &object["metadata"];
        let text = |field: &str| meta[field].as_str().unwrap_or_default().to_owned();
        let map = |field: &str| -> BTreeMap<String, String> {
            let pairs = meta[field].as_object().into_iter().flatten();
            pairs.filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned()))).collect()
        };
        let mut annotations = map("annotations");
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
        Self {
            api_version: kind.api_version.to_owned(),
            kind: kind.kind.to_owned(),
            namespace: text("namespace"),
            name: text("name"),
            uid: text("uid"),
            version: text("resourceVersion"),
            labels: map("labels"),
            annotations,
            spec: object["spec"].clone(),
            edited_by: last_editor(&meta["managedFields"]),
        }
    }

    /// `HTTPRoute shop/orders`.
    pub fn said(&self) -> String {
        format!("{} {}/{}", self.kind, self.namespace, self.name)
    }

    /// Whether a plan would see the two differently.
    pub fn says_the_same(&self, other: &Self) -> bool {
        (&self.uid, &self.labels, &self.annotations, &self.spec)
            == (&other.uid, &other.labels, &other.annotations, &other.spec)
    }
}

/// Who changed anything but the status last.
fn last_editor(managed: &Value) -> Option<String> {
    let entries = managed.as_array()?.iter();
    let others = entries.filter(|e| {
        e["subresource"].is_null() && e["manager"] != landbridge_api::names::OBJECT_MANAGER && !e["manager"].is_null()
    });
    // Times are RFC 3339 in UTC, so that their order is that of their texts.
    let last = others.max_by_key(|e| e["time"].as_str().unwrap_or_default().to_owned())?;
    Some(last["manager"].as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_keeps_what_a_plan_asks_and_who_edited_it_last() {
        let object = json!({
            "metadata": {
                "name": "orders", "namespace": "shop", "uid": "u", "resourceVersion": "7",
                "annotations": {"a": "b", "kubectl.kubernetes.io/last-applied-configuration": "{}"},
                "managedFields": [
                    {"manager": "argocd-controller", "time": "2026-01-01T00:00:02Z"},
                    {"manager": "kubectl", "time": "2026-01-01T00:00:01Z"},
                    {"manager": "landbridge", "time": "2026-01-01T00:00:03Z"},
                    {"manager": "gateway", "time": "2026-01-01T00:00:04Z", "subresource": "status"},
                ],
            },
            "spec": {"rules": []}, "status": {"x": 1},
        });
        let read = ForeignObject::read(&HTTP_ROUTE, &object);
        assert_eq!((read.said().as_str(), read.version.as_str()), ("HTTPRoute shop/orders", "7"));
        assert_eq!((read.annotations.len(), read.edited_by.as_deref()), (1, Some("argocd-controller")));
        let mut later = object.clone();
        (later["metadata"]["resourceVersion"], later["status"]) = ("8".into(), json!({"x": 2}));
        assert!(read.says_the_same(&ForeignObject::read(&HTTP_ROUTE, &later)));
        later["spec"]["rules"] = json!([{}]);
        assert!(!read.says_the_same(&ForeignObject::read(&HTTP_ROUTE, &later)));
    }
}
