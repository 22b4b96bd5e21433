//! What the operator sees of the Multi-Cluster Services API: ServiceExports and ServiceImports, whether the AWS MCS controller
//! runs in the cluster, and the cluster's own names.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client};
use landbridge_api::condition::reason;
use landbridge_plan::multi_cluster::{
    ClusterIdentity, ServiceExport, ServiceImport, ServiceImports, WholeServiceExport, WholeServiceImport,
};
use landbridge_plan::plan::Unmet;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::mirror::{Shelf, Small};
use crate::optional::{CLUSTER_PROPERTIES, Optional, SERVICE_EXPORTS, SERVICE_IMPORTS};

/// Label of the AWS MCS controller's Deployment, as its kustomization has it (`config/manager/manager.yaml`).
const MANAGER: &str = "control-plane=controller-manager";
/// Name of that Deployment.
const NAME: &str = "cloud-map-mcs-controller-manager";
/// Part of the name of its image, under whatever registry.
const IMAGE: &str = "aws-cloud-map-mcs-controller-for-k8s";

/// The state of the API in this cluster.
#[derive(Debug, Default)]
pub struct MultiCluster {
    /// Which of its kinds, and of others, are served.
    pub optional: Optional,
    /// ServiceExports.
    pub exports: Shelf<ServiceExport>,
    /// ServiceImports, watched once an import asks for one.
    pub imports: Shelf<ServiceImport>,
    surroundings: Mutex<Option<Around>>,
    wake: Notify,
    wants_imports: CancellationToken,
}

/// What a look around the cluster found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Around {
    /// The AWS MCS controller's Deployment, `namespace/name`.
    pub foreign: Option<String>,
    /// The cluster's names.
    pub identity: ClusterIdentity,
}

impl Small for ServiceExport {
    type Whole = WholeServiceExport;
    fn service(&self) -> &str {
        &self.name
    }
    fn name(&self) -> &str {
        &self.name
    }
}

impl Small for ServiceImport {
    type Whole = WholeServiceImport;
    fn service(&self) -> &str {
        &self.name
    }
    fn name(&self) -> &str {
        &self.name
    }
}

impl MultiCluster {
    /// Has the ServiceExports looked at.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Resolves when somebody woke it since the last time.
    pub async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Resolves when somebody asked for a ServiceImport.
    pub async fn wants_imports(&self) {
        self.wants_imports.cancelled().await;
    }

    /// What the last look around found; none before the first.
    pub fn around(&self) -> Option<Around> {
        self.surroundings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the planner asks. Asking is what starts the watch.
    pub fn service_imports(&self, namespace: &str, name: &str) -> Result<ServiceImports, Unmet> {
        self.wants_imports.cancel();
        let unknown = || Unmet::wait(reason::REFERENCE_NOT_READY, "it is being looked which kinds are served");
        let around = self.around().ok_or_else(unknown)?;
        let version = self.optional.version(SERVICE_IMPORTS);
        let present = match &version {
            Some(_) => self.imports.of("ServiceImports", namespace, name)?.into_iter().next(),
            None => None,
        };
        Ok(ServiceImports { version, foreign: around.foreign, present })
    }

    /// Looks which kinds are served, and around where one of them is. Says whether anything is otherwise than before.
    pub async fn look(&self, client: &Client) -> bool {
        let kinds = self.optional.look(client).await;
        if !self.optional.is_known() {
            return false;
        }
        let is_there = [SERVICE_EXPORTS, SERVICE_IMPORTS].iter().any(|k| self.optional.version(k).is_some());
        let before = self.around();
        let mut found = before.clone().unwrap_or_default();
        if is_there {
            // What could not be read is taken to be as it was.
            found.foreign = foreign(client).await.unwrap_or(found.foreign);
            found.identity = match self.optional.version(CLUSTER_PROPERTIES) {
                Some(version) => identity(client, &version).await.unwrap_or(found.identity),
                None => ClusterIdentity::default(),
            };
        } else {
            found = Around::default();
        }
        let news = before.as_ref() != Some(&found);
        if let Some(deployment) = found.foreign.as_ref().filter(|_| news) {
            tracing::info!(
                deployment,
                "the AWS MCS controller runs: no ServiceImport is written, no ServiceExport taken up"
            );
        }
        *self.surroundings.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
        kinds || news
    }

    /// Takes in what the API server answered to a write of ours.
    pub fn wrote(&self, kind: &str, answer: &serde_json::Value) {
        match kind {
            "ServiceExport" => drop(serde_json::from_value(answer.clone()).map(|e| self.exports.put(&e))),
            "ServiceImport" => drop(serde_json::from_value(answer.clone()).map(|i| self.imports.put(&i))),
            _ => {}
        }
    }

    /// Takes out what we deleted.
    pub fn deleted(&self, kind: &str, namespace: &str, name: &str) {
        if kind == "ServiceImport" {
            self.imports.take(namespace, name);
        }
    }
}

/// The AWS MCS controller's Deployment, if there is one. None when it cannot be told.
async fn foreign(client: &Client) -> Option<Option<String>> {
    let api: Api<Deployment> = Api::all(client.clone());
    let all = read(api.list(&ListParams::default().labels(MANAGER)), "Deployments").await?;
    let is = |d: &Deployment| {
        let template = d.spec.as_ref().and_then(|s| s.template.spec.as_ref());
        let images = template.iter().flat_map(|t| &t.containers).filter_map(|c| c.image.as_deref());
        d.metadata.name.as_deref() == Some(NAME) || images.into_iter().any(|i| i.contains(IMAGE))
    };
    let said = |d: &Deployment| {
        let text = |t: &Option<String>| t.clone().unwrap_or_default();
        format!("{}/{}", text(&d.metadata.namespace), text(&d.metadata.name))
    };
    Some(all.items.iter().find(|d| is(d)).map(said))
}

/// The cluster's names. None when it cannot be told.
async fn identity(client: &Client, version: &str) -> Option<ClusterIdentity> {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("about.k8s.io", version, "ClusterProperty"));
    let kind = ApiResource { plural: "clusterproperties".to_owned(), ..kind };
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &kind);
    let all = read(api.list(&ListParams::default()), "ClusterProperties").await?;
    let of = |name: &str| {
        let found = all.items.iter().find(|p| p.metadata.name.as_deref() == Some(name))?;
        found.data["spec"]["value"].as_str().map(str::to_owned)
    };
    Some(ClusterIdentity { cluster: of("cluster.clusterset.k8s.io"), cluster_set: of("clusterset.k8s.io") })
}

async fn read<T>(list: impl Future<Output = Result<T, kube::Error>>, what: &str) -> Option<T> {
    match tokio::time::timeout(Duration::from_secs(10), list).await {
        Ok(Ok(found)) => Some(found),
        Ok(Err(error)) => {
            tracing::warn!(what, %error, "they cannot be listed, which the Multi-Cluster Services API needs");
            None
        }
        Err(_) => None,
    }
}
