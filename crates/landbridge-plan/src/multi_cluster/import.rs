//! A ServiceImport as the API server has it, and as one should be.

use std::collections::BTreeSet;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::Value;

use super::WholeServiceImport;
use crate::kubernetes::Held;

/// What the cluster has of ServiceImports.
#[derive(Clone, Debug, Default)]
pub struct ServiceImports {
    /// The version that is served; none where the kind is not there.
    pub version: Option<String>,
    /// Deployment of the AWS MCS controller, where that runs.
    pub foreign: Option<String>,
    /// The one of the name that was asked for, whoever made it.
    pub present: Option<Arc<ServiceImport>>,
}

/// A ServiceImport.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceImport {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// UID.
    pub uid: String,
    /// Who made it, if Landbridge did.
    pub held: Held,
    /// UID of the object that controls it by an owner reference.
    pub owner_uid: Option<String>,
    /// What it says.
    pub said: Imported,
    /// Since when its condition `Ready` is as it is.
    pub since: Option<Time>,
}

/// What a ServiceImport says, in an order of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// `ClusterSetIP` or `Headless`.
    pub type_: String,
    /// Name, number, protocol and the protocol above.
    pub ports: BTreeSet<(String, i64, String, String)>,
    /// The addresses at which it is reached.
    pub ips: BTreeSet<String>,
    /// Names of the clusters that its endpoints are in.
    pub clusters: BTreeSet<String>,
    /// Whether it is ready, and the reason, in the versions that have conditions.
    pub ready: Option<(bool, String)>,
}

impl From<&WholeServiceImport> for ServiceImport {
    fn from(whole: &WholeServiceImport) -> Self {
        let meta = &whole.metadata;
        let ready = list(&whole.status["conditions"]).find(|c| c["type"] == "Ready");
        let owner = meta.owner_references.iter().flatten().find(|o| o.controller == Some(true));
        Self {
            namespace: meta.namespace.clone().unwrap_or_default(),
            name: meta.name.clone().unwrap_or_default(),
            uid: meta.uid.clone().unwrap_or_default(),
            held: Held::of(meta),
            owner_uid: owner.map(|o| o.uid.clone()),
            said: Imported::read(&whole.spec, &whole.status),
            since: ready.and_then(|c| serde_json::from_value(c["lastTransitionTime"].clone()).ok()),
        }
    }
}

impl Imported {
    /// What the JSON of a spec and a status says.
    pub(crate) fn read(spec: &Value, status: &Value) -> Self {
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        let port = |p: &Value| {
            let protocol = p["protocol"].as_str().unwrap_or("TCP").to_owned();
            (text(&p["name"]), p["port"].as_i64().unwrap_or_default(), protocol, text(&p["appProtocol"]))
        };
        let ready = list(&status["conditions"]).find(|c| c["type"] == "Ready");
        Self {
            type_: text(&spec["type"]),
            ports: list(&spec["ports"]).map(port).collect(),
            ips: list(&spec["ips"]).map(text).collect(),
            clusters: list(&status["clusters"]).map(|c| text(&c["cluster"])).collect(),
            ready: ready.map(|c| (c["status"] == "True", text(&c["reason"]))),
        }
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
