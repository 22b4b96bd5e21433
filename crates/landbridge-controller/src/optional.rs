//! Kinds of others that Landbridge works with where they are there: which of them the API server serves, and in which version.
//! It is looked again and again, so that a CRD that arrives, is upgraded or goes is noticed without a restart.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::runtime::conditions;
use kube::runtime::wait::Condition as _;
use kube::{Api, Client};
use tokio::sync::watch;

/// CRD of ServiceExports of the Multi-Cluster Services API.
pub const SERVICE_EXPORTS: &str = "serviceexports.multicluster.x-k8s.io";
/// CRD of ServiceImports of the Multi-Cluster Services API.
pub const SERVICE_IMPORTS: &str = "serviceimports.multicluster.x-k8s.io";
/// CRD of the names that a cluster has in a set of clusters.
pub const CLUSTER_PROPERTIES: &str = "clusterproperties.about.k8s.io";

/// Every CRD that is looked for, with the versions that Landbridge reads, the best first.
const LOOKED_FOR: [(&str, &[&str]); 3] = [
    (SERVICE_EXPORTS, &["v1beta1", "v1alpha1"]),
    (SERVICE_IMPORTS, &["v1beta1", "v1alpha1"]),
    (CLUSTER_PROPERTIES, &["v1beta1", "v1alpha1"]),
];

/// Versions by the names of their CRDs; none before the first look.
type Known = Option<BTreeMap<&'static str, String>>;

/// Which optional kinds are served.
#[derive(Debug)]
pub struct Optional(watch::Sender<Known>);

impl Default for Optional {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl Optional {
    /// Whether it has been looked.
    pub fn is_known(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// The version in which the kind of that CRD is served.
    pub fn version(&self, crd: &str) -> Option<String> {
        self.0.borrow().as_ref()?.get(crd).cloned()
    }

    /// Resolves when the kind is served in another version than `before`, or not at all, or for the first time.
    pub async fn becomes_other_than(&self, crd: &str, before: Option<&str>) -> Option<String> {
        let mut known = self.0.subscribe();
        let of = |known: &Known| known.as_ref().and_then(|k| k.get(crd).cloned());
        // The sender lives as long as this; if it did not, nothing would change any more.
        let now = known.wait_for(|known| known.is_some() && of(known).as_deref() != before).await;
        now.map_or_else(|_| None, |known| of(&known))
    }

    /// Looks once. Says whether anything is otherwise than before. When that could not be read, everything is taken to be as
    /// it was.
    pub async fn look(&self, client: &Client) -> bool {
        let api: Api<CustomResourceDefinition> = Api::all(client.clone());
        let mut found = self.0.borrow().clone().unwrap_or_default();
        for (name, versions) in LOOKED_FOR {
            match tokio::time::timeout(Duration::from_secs(10), api.get_opt(name)).await {
                Ok(Ok(crd)) => match served(crd.as_ref(), versions) {
                    Some(version) => drop(found.insert(name, version)),
                    None => drop(found.remove(name)),
                },
                // The next look is soon; who may not read one may not read the others.
                Ok(Err(error)) => {
                    tracing::warn!(crd = name, %error, "it cannot be told whether the kind is served");
                    return false;
                }
                Err(_) => {
                    tracing::warn!(crd = name, "the API server does not answer whether the kind is served");
                    return false;
                }
            }
        }
        self.0.send_if_modified(|known| {
            let news = known.as_ref() != Some(&found);
            if news {
                tracing::info!(kinds = ?found, "kinds of others that are served");
                *known = Some(found);
            }
            news
        })
    }
}

/// The best version of an established CRD that is served.
fn served(crd: Option<&CustomResourceDefinition>, versions: &[&str]) -> Option<String> {
    let established = crd.filter(|_| conditions::is_crd_established().matches_object(crd))?;
    let is_served = |wanted: &&&str| established.spec.versions.iter().any(|v| v.served && v.name == ***wanted);
    versions.iter().find(is_served).map(|v| (*v).to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn crd(established: &str, versions: &[(&str, bool)]) -> CustomResourceDefinition {
        let versions: Vec<_> =
            versions.iter().map(|(n, s)| json!({"name": n, "served": s, "storage": false})).collect();
        serde_json::from_value(json!({
            "metadata": {"name": SERVICE_EXPORTS},
            "spec": {"group": "x", "names": {"kind": "X", "plural": "xs"}, "scope": "Namespaced", "versions": versions},
            "status": {"conditions": [{"type": "Established", "status": established}]},
        }))
        .unwrap()
    }

    #[test]
    fn the_best_version_that_is_served_is_taken_and_one_that_is_only_stored_is_not() {
        let both = crd("True", &[("v1alpha1", true), ("v1beta1", true)]);
        assert_eq!(served(Some(&both), &["v1beta1", "v1alpha1"]).as_deref(), Some("v1beta1"));
        let old = crd("True", &[("v1alpha1", true), ("v1beta1", false)]);
        assert_eq!(served(Some(&old), &["v1beta1", "v1alpha1"]).as_deref(), Some("v1alpha1"));
        assert_eq!(served(Some(&crd("False", &[("v1beta1", true)])), &["v1beta1"]), None);
        assert_eq!(served(Some(&crd("True", &[("v9", true)])), &["v1beta1"]), None);
        assert_eq!(served(None, &["v1beta1"]), None);
    }
}
