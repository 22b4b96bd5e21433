//! Landbridge's objects in a Kubernetes cluster, as the API server has them.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, anyhow};
use k8s_openapi::api::core::v1::{Namespace, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::ListParams;
use kube::core::{ApiResource, DynamicObject, GroupVersionKind, NamespaceResourceScope, ObjectMeta};
use kube::{Api, Client, Config};
use landbridge_api::names::GROUP;
use landbridge_plan::kubernetes::ForeignKind;
use serde_json::Value;

/// One of our kinds, from its CRD.
#[derive(Clone, Debug)]
pub struct KindInfo {
    /// `ECSService`.
    pub kind: String,
    /// `ecsservices`.
    pub plural: String,
    /// Whether it lives in a namespace.
    pub namespaced: bool,
    short_names: Vec<String>,
}

impl KindInfo {
    /// All kinds in the order in which they depend on each other.
    pub fn all() -> Result<Vec<Self>> {
        let crds = landbridge_api::crd::crds()?;
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        Ok(crds
            .iter()
            .map(|crd| Self {
                kind: text(&crd["spec"]["names"]["kind"]),
                plural: text(&crd["spec"]["names"]["plural"]),
                namespaced: crd["spec"]["scope"] == "Namespaced",
                short_names: crd["spec"]["names"]["shortNames"].as_array().into_iter().flatten().map(text).collect(),
            })
            .collect())
    }

    /// The kinds that a word means: a kind, its plural, a short name, or `all`.
    pub fn named(word: &str) -> Result<Vec<Self>> {
        let all = Self::all()?;
        let lower = word.to_lowercase();
        if lower == "all" || lower == "landbridge" {
            return Ok(all);
        }
        let found: Vec<_> = all.iter().filter(|k| k.answers_to(&lower)).cloned().collect();
        if found.is_empty() {
            let known = all.iter().map(|k| k.plural.as_str()).collect::<Vec<_>>().join(", ");
            anyhow::bail!("there is no kind {word:?}; there are {known}, and all");
        }
        Ok(found)
    }

    fn answers_to(&self, lower: &str) -> bool {
        lower == self.plural
            || lower == self.kind.to_lowercase()
            || lower == format!("{}.{GROUP}", self.plural)
            || self.short_names.iter().any(|s| s == lower)
    }

    /// Where its objects are.
    pub fn api(&self, client: &Client, namespace: Option<&str>) -> Api<DynamicObject> {
        let kind = GroupVersionKind::gvk(GROUP, "v1alpha1", &self.kind);
        let resource = ApiResource::from_gvk_with_plural(&kind, &self.plural);
        match namespace.filter(|_| self.namespaced) {
            Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
            None => Api::all_with(client.clone(), &resource),
        }
    }
}

/// A connection to the cluster that kubectl would talk to.
pub struct Live {
    /// The client.
    pub client: Client,
    /// The current namespace.
    pub namespace: String,
}

impl Live {
    /// From `KUBECONFIG`, the default kubeconfig, or the pod's service account.
    pub async fn connect() -> Result<Self> {
        // Its chain of causes says the same three times; the last link is what a person can act on.
        let config = Config::infer().await.map_err(|error| {
            let cause = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            anyhow!("no Kubernetes cluster is configured (set KUBECONFIG; plan, diff and apply also take files with -f): {cause}")
        })?;
        let namespace = config.default_namespace.clone();
        let client = Client::try_from(config).context("connecting to the Kubernetes API")?;
        Ok(Self { client, namespace })
    }

    /// The objects of a kind; `namespace` none means all.
    pub async fn list(&self, kind: &KindInfo, namespace: Option<&str>) -> Result<Vec<DynamicObject>> {
        let list = kind.api(&self.client, namespace).list(&ListParams::default()).await;
        match list {
            Ok(list) => Ok(list.items),
            Err(kube::Error::Api(status)) if status.code == 404 => Err(unknown(kind)),
            Err(error) => Err(error).with_context(|| format!("listing {}", kind.plural)),
        }
    }

    /// Labels of all namespaces, which `allowedNamespaces` may ask for.
    pub async fn namespace_labels(&self) -> Result<BTreeMap<String, BTreeMap<String, String>>> {
        let api: Api<Namespace> = Api::all(self.client.clone());
        let list = api.list_metadata(&ListParams::default()).await.context("listing namespaces")?;
        let labels = |m: ObjectMeta| (m.name.unwrap_or_default(), m.labels.unwrap_or_default());
        Ok(list.items.into_iter().map(|n| labels(n.metadata)).collect())
    }

    /// Services and EndpointSlices, which exports refer to; `namespace` none means all.
    pub async fn services(&self, namespace: Option<&str>) -> Result<(Vec<Service>, Vec<EndpointSlice>)> {
        fn api<K>(client: &Client, namespace: Option<&str>) -> Api<K>
        where
            K: kube::Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
        {
            match namespace {
                Some(namespace) => Api::namespaced(client.clone(), namespace),
                None => Api::all(client.clone()),
            }
        }
        let all = ListParams::default();
        let services = api::<Service>(&self.client, namespace).list(&all).await.context("listing services")?;
        let slices =
            api::<EndpointSlice>(&self.client, namespace).list(&all).await.context("listing endpointslices")?;
        Ok((services.items, slices.items))
    }

    /// Objects of a kind that others define; none where the cluster has no such kind, or lets nobody see them.
    pub async fn of_others(&self, kind: &ForeignKind, namespace: Option<&str>) -> Result<Vec<Value>> {
        let (group, version) = kind.api_version.split_once('/').unwrap_or(("", kind.api_version));
        let gvk = GroupVersionKind::gvk(group, version, kind.kind);
        let resource = ApiResource::from_gvk_with_plural(&gvk, kind.plural);
        let api: Api<DynamicObject> = match namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        };
        match api.list(&ListParams::default()).await {
            Ok(list) => list.items.iter().map(|o| serde_json::to_value(o).context("reading an object")).collect(),
            Err(kube::Error::Api(status)) if matches!(status.code, 403 | 404) => Ok(Vec::new()),
            Err(error) => Err(error).with_context(|| format!("listing {}", kind.plural)),
        }
    }

    /// One object.
    pub async fn get(&self, kind: &KindInfo, namespace: &str, name: &str) -> Result<DynamicObject> {
        let found = kind.api(&self.client, Some(namespace)).get_opt(name).await;
        if let Some(found) = found.with_context(|| format!("reading {} {name}", kind.kind))? {
            return Ok(found);
        }
        // An object that is not there and a kind that is not there are answered alike.
        let list = kind.api(&self.client, Some(namespace)).list(&ListParams::default().limit(1)).await;
        if matches!(list, Err(kube::Error::Api(status)) if status.code == 404) {
            return Err(unknown(kind));
        }
        let place =
            if kind.namespaced { format!(" in namespace {namespace}; -n names another") } else { String::new() };
        Err(anyhow!("there is no {} {name}{place}", kind.kind))
    }
}

fn unknown(kind: &KindInfo) -> anyhow::Error {
    anyhow!("the cluster does not know {}: install the CRDs with `landbridge crds | kubectl apply -f -`", kind.plural)
}
