//! The custom resources as the watches see them: lookups for the planner, and who refers to whom.
//!
//! There is no index of references. A referenced object changes seldom, and looking through ten thousand objects in
//! memory takes less than a millisecond; an index would have to be kept right and paid for all the time.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use k8s_openapi::api::core::v1::Namespace;
use kube::core::PartialObjectMeta;
use landbridge_api::common::ClusterScopedRef;
use landbridge_api::condition::{self, reason};
use landbridge_api::v1alpha1::{
    AwsAccount, CloudMapExport, CloudMapImport, CloudMapNamespace, EcsCluster, EcsService, IamTaskRole,
    TrafficMigration,
};
use landbridge_plan::account::{AccountTarget, DEFAULT_ACCOUNT};
use landbridge_plan::kind::Kind;
use landbridge_plan::kubernetes::{EndpointSlice, ForeignKind, ForeignObject, KubernetesService};
use landbridge_plan::multi_cluster::ServiceImports;
use landbridge_plan::objects::Objects;
use landbridge_plan::plan::Unmet;

use crate::ambient::Ambient;
use crate::feed::Feed;
use crate::foreign::Foreign;
use crate::mirror::Mirror;
use crate::multi_cluster::MultiCluster;

/// Every watched kind.
pub struct World {
    /// AWSAccounts.
    pub accounts: Arc<Feed<AwsAccount>>,
    /// ECSClusters.
    pub clusters: Arc<Feed<EcsCluster>>,
    /// CloudMapNamespaces.
    pub cloud_map: Arc<Feed<CloudMapNamespace>>,
    /// IAMTaskRoles.
    pub roles: Arc<Feed<IamTaskRole>>,
    /// ECSServices.
    pub services: Arc<Feed<EcsService>>,
    /// CloudMapExports.
    pub exports: Arc<Feed<CloudMapExport>>,
    /// CloudMapImports.
    pub imports: Arc<Feed<CloudMapImport>>,
    /// TrafficMigrations.
    pub migrations: Arc<Feed<TrafficMigration>>,
    /// Kubernetes namespaces, of which only the metadata is kept.
    pub namespaces: Arc<Feed<PartialObjectMeta<Namespace>>>,
    /// Services and EndpointSlices, watched once somebody asks for one.
    pub mirror: Mirror,
    /// The Multi-Cluster Services API, where it is served.
    pub multi_cluster: MultiCluster,
    /// Objects of kinds that others define, watched once somebody asks for one.
    pub foreign: Foreign,
    /// The operator's own AWS environment.
    pub ambient: Ambient,
    /// Identity of this installation.
    pub installation: String,
    /// The last usable target of every AWSAccount: an edit of one does not stop the objects of the account while the
    /// edit is being checked.
    proved: Mutex<HashMap<String, Proved>>,
}

struct Proved {
    uid: Option<String>,
    generation: i64,
    target: Arc<AccountTarget>,
}

impl World {
    /// A world of these feeds.
    pub fn new(feeds: Feeds, installation: String) -> Self {
        let Feeds { accounts, clusters, cloud_map, roles, services, exports, imports, migrations, namespaces } = feeds;
        let (mirror, foreign) = (Mirror::default(), Foreign::default());
        let (ambient, proved) = (Ambient::default(), Mutex::default());
        Self {
            accounts,
            clusters,
            cloud_map,
            roles,
            services,
            exports,
            imports,
            migrations,
            namespaces,
            mirror,
            multi_cluster: MultiCluster::default(),
            foreign,
            ambient,
            installation,
            proved,
        }
    }

    /// Resolves when every kind has been listed.
    pub async fn listed(&self) {
        futures::join!(
            self.accounts.ready(),
            self.clusters.ready(),
            self.cloud_map.ready(),
            self.roles.ready(),
            self.services.ready(),
            self.exports.ready(),
            self.imports.ready(),
            self.migrations.ready(),
            self.namespaces.ready(),
        );
    }

    /// Whether some object means the operator's own AWS environment.
    pub fn uses_ambient(&self) -> bool {
        let is_default = |reference: Option<&ClusterScopedRef>| uses_account(reference, DEFAULT_ACCOUNT);
        self.accounts.get(None, DEFAULT_ACCOUNT).is_none()
            && (!self.clusters.store().state_filter(|c| is_default(c.spec.account_ref.as_ref())).is_empty()
                || !self.cloud_map.store().state_filter(|n| is_default(n.spec.account_ref.as_ref())).is_empty())
    }

    /// Every account that is in use.
    pub fn targets(&self) -> Vec<Arc<AccountTarget>> {
        let proved = self.proved.lock().unwrap_or_else(PoisonError::into_inner);
        proved.values().map(|p| p.target.clone()).chain(self.ambient.known()).collect()
    }

    /// The target of an AWSAccount whose credentials have been proved for its spec, or were for the spec before.
    fn proved(&self, account: &AwsAccount) -> Result<Arc<AccountTarget>, Unmet> {
        let mut proved = self.proved.lock().unwrap_or_else(PoisonError::into_inner);
        let known = proved.get(account.object_name()).filter(|p| p.uid == account.metadata.uid);
        let head = account.status.as_ref().map(|s| &s.common);
        let ready = head.and_then(|h| condition::find(&h.conditions, condition::READY));
        let current = ready.is_some_and(|c| c.observed_generation == account.metadata.generation);
        let stalled = head.is_some_and(|h| condition::is_true(&h.conditions, condition::STALLED));
        if current && stalled {
            let message = ready.map(|c| c.message.as_str()).unwrap_or_default();
            return Err(not_ready(account.object_name(), message));
        }
        if let Some(known) = known.filter(|p| !current || p.generation == account.generation()) {
            return Ok(known.target.clone());
        }
        let found = account.status.as_ref().is_some_and(|s| s.account_id.is_some());
        if !current || !found {
            return Err(not_ready(account.object_name(), "its credentials have not been checked yet"));
        }
        let target = Arc::new(AccountTarget::of(account, &self.installation));
        let (uid, generation) = (account.metadata.uid.clone(), account.generation());
        proved.insert(account.object_name().to_owned(), Proved { uid, generation, target: target.clone() });
        Ok(target)
    }
}

/// The feeds that make a [`World`].
pub struct Feeds {
    /// AWSAccounts.
    pub accounts: Arc<Feed<AwsAccount>>,
    /// ECSClusters.
    pub clusters: Arc<Feed<EcsCluster>>,
    /// CloudMapNamespaces.
    pub cloud_map: Arc<Feed<CloudMapNamespace>>,
    /// IAMTaskRoles.
    pub roles: Arc<Feed<IamTaskRole>>,
    /// ECSServices.
    pub services: Arc<Feed<EcsService>>,
    /// CloudMapExports.
    pub exports: Arc<Feed<CloudMapExport>>,
    /// CloudMapImports.
    pub imports: Arc<Feed<CloudMapImport>>,
    /// TrafficMigrations.
    pub migrations: Arc<Feed<TrafficMigration>>,
    /// Kubernetes namespaces.
    pub namespaces: Arc<Feed<PartialObjectMeta<Namespace>>>,
}

fn not_ready(name: &str, why: &str) -> Unmet {
    Unmet::wait(reason::REFERENCE_NOT_READY, format!("AWSAccount {name} is not ready: {why}"))
}

impl Objects for World {
    fn account(&self, name: Option<&str>) -> Result<Arc<AccountTarget>, Unmet> {
        match self.accounts.get(None, name.unwrap_or(DEFAULT_ACCOUNT)) {
            Some(account) => self.proved(&account),
            None => match name {
                None => self.ambient.account(),
                Some(name) => Err(Unmet::missing(format!(
                    "spec.accountRef names AWSAccount {name}, which does not exist: create it, or name another"
                ))),
            },
        }
    }

    fn installation(&self) -> String {
        self.installation.clone()
    }

    fn ecs_cluster(&self, name: &str) -> Option<Arc<EcsCluster>> {
        self.clusters.get(None, name)
    }

    fn cloud_map_namespace(&self, name: &str) -> Option<Arc<CloudMapNamespace>> {
        self.cloud_map.get(None, name)
    }

    fn iam_task_role(&self, namespace: &str, name: &str) -> Option<Arc<IamTaskRole>> {
        self.roles.get(Some(namespace), name)
    }

    fn ecs_service(&self, namespace: &str, name: &str) -> Option<Arc<EcsService>> {
        self.services.get(Some(namespace), name)
    }

    fn kubernetes_service(&self, namespace: &str, name: &str) -> Result<Option<Arc<KubernetesService>>, Unmet> {
        self.mirror.service(namespace, name)
    }

    fn endpoint_slices(&self, namespace: &str, service: &str) -> Result<Vec<Arc<EndpointSlice>>, Unmet> {
        self.mirror.slices(namespace, service)
    }

    fn service_imports(&self, namespace: &str, name: &str) -> Result<ServiceImports, Unmet> {
        self.multi_cluster.service_imports(namespace, name)
    }

    fn foreign(&self, kind: &'static ForeignKind, namespace: &str) -> Result<Vec<Arc<ForeignObject>>, Unmet> {
        self.foreign.of(kind, namespace)
    }

    fn cloud_map_imports(&self, namespace: &str) -> Vec<Arc<CloudMapImport>> {
        let mut all = self.imports.store().state_filter(|i| i.object_namespace() == namespace);
        all.sort_by(|a, b| a.object_name().cmp(b.object_name()));
        all
    }

    fn namespaces_with_iam_task_role(&self, name: &str) -> Vec<String> {
        let found = self.roles.store().state_filter(|r| r.object_name() == name);
        sorted(found.iter().map(|r| r.object_namespace().to_owned()))
    }

    fn namespace_labels(&self, namespace: &str) -> BTreeMap<String, String> {
        self.namespaces.get(None, namespace).and_then(|n| n.metadata.labels.clone()).unwrap_or_default()
    }

    fn users_of_ecs_cluster(&self, name: &str) -> Vec<String> {
        said(&self.services.store().state_filter(|s| s.spec.cluster_ref.name == name))
    }

    fn users_of_cloud_map_namespace(&self, name: &str) -> Vec<String> {
        let mut users = said(&self.services.store().state_filter(|s| uses_namespace(s, name)));
        users.extend(said(&self.exports.store().state_filter(|e| e.spec.namespace_ref.name == name)));
        users.extend(said(&self.imports.store().state_filter(|i| imports_from(i, name))));
        users
    }

    fn users_of_iam_task_role(&self, namespace: &str, name: &str) -> Vec<String> {
        said(&self.services.store().state_filter(|s| s.object_namespace() == namespace && uses_role(s, name)))
    }

    fn traffic_migrations(&self, namespace: &str) -> Vec<Arc<TrafficMigration>> {
        let mut all = self.migrations.store().state_filter(|m| m.object_namespace() == namespace);
        all.sort_by(|a, b| a.object_name().cmp(b.object_name()));
        all
    }

    fn cloud_map_exports(&self, namespace: &str) -> Vec<Arc<CloudMapExport>> {
        let mut all = self.exports.store().state_filter(|e| e.object_namespace() == namespace);
        all.sort_by(|a, b| a.object_name().cmp(b.object_name()));
        all
    }

    fn users_of_account(&self, name: &str) -> Vec<String> {
        let mut users = said(&self.clusters.store().state_filter(|c| uses_account(c.spec.account_ref.as_ref(), name)));
        users.extend(said(&self.cloud_map.store().state_filter(|n| uses_account(n.spec.account_ref.as_ref(), name))));
        users.extend(said(&self.roles.store().state_filter(|r| uses_account(r.spec.account_ref.as_ref(), name))));
        users
    }
}

/// Whether a reference, absent or not, means the AWSAccount of that name.
pub fn uses_account(reference: Option<&ClusterScopedRef>, name: &str) -> bool {
    reference.map_or(DEFAULT_ACCOUNT, |r| r.name.as_str()) == name
}

/// Whether the service registers in the CloudMapNamespace of that name.
pub fn uses_namespace(service: &EcsService, name: &str) -> bool {
    service.spec.service_discovery.as_ref().is_some_and(|d| d.namespace_ref.name == name)
}

/// Whether the import's source is in the CloudMapNamespace of that name.
pub fn imports_from(import: &CloudMapImport, name: &str) -> bool {
    import.spec.source.cloud_map.as_ref().is_some_and(|s| s.namespace_ref.name == name)
}

/// Whether the import's source is the ECSService of that name in its own namespace.
pub fn imports_tasks_of(import: &CloudMapImport, name: &str) -> bool {
    import.spec.source.ecs_service_ref.as_ref().is_some_and(|r| r.name == name)
}

/// Whether the service refers to an IAMTaskRole of that name in its own namespace.
pub fn uses_role(service: &EcsService, name: &str) -> bool {
    [&service.spec.task_role_ref, &service.spec.execution_role_ref].into_iter().flatten().any(|r| r.name == name)
}

/// The objects as people name them, `ECSService shop/web`, in order.
fn said<K: Kind>(objects: &[Arc<K>]) -> Vec<String> {
    sorted(objects.iter().map(|o| match o.object_namespace() {
        "" => format!("{} {}", K::kind(&()), o.object_name()),
        namespace => format!("{} {namespace}/{}", K::kind(&()), o.object_name()),
    }))
}

fn sorted(items: impl Iterator<Item = String>) -> Vec<String> {
    let mut items: Vec<_> = items.collect();
    items.sort();
    items
}
