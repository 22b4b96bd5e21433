//! [`Objects`] over a set of custom resources in memory: what the CLI read from files, what a test made up.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Service;
use landbridge_api::common::ClusterScopedRef;
use landbridge_api::condition::reason;
use landbridge_api::v1alpha1::{
    AwsAccount, CloudMapExport, CloudMapImport, CloudMapNamespace, EcsCluster, EcsService, IamTaskRole,
    TrafficMigration,
};

use super::Objects;
use crate::account::{AccountTarget, DEFAULT_ACCOUNT};
use crate::kubernetes::{EndpointSlice, ForeignKind, ForeignObject, KubernetesService};
use crate::multi_cluster::{ServiceImport, ServiceImports, WholeServiceImport};
use crate::plan::Unmet;

/// Custom resources by name, or by namespace and name.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Identity of the Landbridge installation, for the ownership tags.
    pub installation: String,
    /// The process's own AWS environment, which is meant where no AWSAccount `default` is there.
    pub environment: Option<Arc<AccountTarget>>,
    /// AWSAccounts.
    pub accounts: BTreeMap<String, Arc<AwsAccount>>,
    /// ECSClusters.
    pub ecs_clusters: BTreeMap<String, Arc<EcsCluster>>,
    /// CloudMapNamespaces.
    pub cloud_map_namespaces: BTreeMap<String, Arc<CloudMapNamespace>>,
    /// IAMTaskRoles.
    pub iam_task_roles: BTreeMap<(String, String), Arc<IamTaskRole>>,
    /// ECSServices.
    pub ecs_services: BTreeMap<(String, String), Arc<EcsService>>,
    /// CloudMapImports.
    pub cloud_map_imports: BTreeMap<(String, String), Arc<CloudMapImport>>,
    /// CloudMapExports.
    pub cloud_map_exports: BTreeMap<(String, String), Arc<CloudMapExport>>,
    /// TrafficMigrations.
    pub traffic_migrations: BTreeMap<(String, String), Arc<TrafficMigration>>,
    /// Whether the Services and EndpointSlices here are all that the cluster has. Otherwise one that is not here is not known,
    /// which is something else than not there.
    pub knows_kubernetes: bool,
    /// Kubernetes Services.
    pub kubernetes_services: BTreeMap<(String, String), Arc<KubernetesService>>,
    /// EndpointSlices by the namespace and the name of their Service, sorted by name.
    pub endpoint_slices: BTreeMap<(String, String), Vec<Arc<EndpointSlice>>>,
    /// What the cluster has of ServiceImports; the one that is present is looked up among [`Snapshot::service_imports`].
    pub multi_cluster: ServiceImports,
    /// ServiceImports.
    pub service_imports: BTreeMap<(String, String), Arc<ServiceImport>>,
    /// Objects of kinds that others define, by kind, namespace and name.
    pub foreign: BTreeMap<(String, String, String), Arc<ForeignObject>>,
    /// Labels of Kubernetes namespaces.
    pub namespace_labels: BTreeMap<String, BTreeMap<String, String>>,
}

/// A custom resource that a [`Snapshot`] holds.
pub trait Held: kube::Resource<DynamicType = ()> + Sized {
    /// Puts it where it is looked up.
    fn put(self, snapshot: &mut Snapshot);
}

impl Snapshot {
    /// Adds an object, or replaces the one of the same kind, namespace and name.
    pub fn insert(&mut self, object: impl Held) {
        object.put(self);
    }

    /// Adds a Kubernetes Service.
    pub fn insert_service(&mut self, service: &Service) {
        let service = KubernetesService::from(service);
        self.kubernetes_services.insert((service.namespace.clone(), service.name.clone()), Arc::new(service));
    }

    /// Adds an object of a kind that others define.
    pub fn insert_foreign(&mut self, kind: &ForeignKind, object: &serde_json::Value) {
        let object = ForeignObject::read(kind, object);
        let key = (object.kind.clone(), object.namespace.clone(), object.name.clone());
        self.foreign.insert(key, Arc::new(object));
    }

    /// Adds an EndpointSlice, or replaces the one of the same name.
    pub fn insert_slice(&mut self, slice: &k8s_openapi::api::discovery::v1::EndpointSlice) {
        let namespace = slice.metadata.namespace.clone().unwrap_or_default();
        let slice = EndpointSlice::from(slice);
        let slices = self.endpoint_slices.entry((namespace, slice.service.clone())).or_default();
        slices.retain(|s| s.name != slice.name);
        slices.push(Arc::new(slice));
        slices.sort_by(|a, b| a.name.cmp(&b.name));
    }

    /// Adds a ServiceImport.
    pub fn insert_service_import(&mut self, import: &WholeServiceImport) {
        let import = ServiceImport::from(import);
        self.service_imports.insert((import.namespace.clone(), import.name.clone()), Arc::new(import));
    }

    fn users(
        &self,
        service: impl Fn(&EcsService) -> bool,
        role: impl Fn(&IamTaskRole) -> bool,
        of_account: Option<&str>,
    ) -> Vec<String> {
        let mut users = Vec::new();
        if let Some(account) = of_account {
            let is = |r: Option<&ClusterScopedRef>| r.map_or(DEFAULT_ACCOUNT, |r| r.name.as_str()) == account;
            let clusters = self.ecs_clusters.iter().filter(|(_, c)| is(c.spec.account_ref.as_ref()));
            users.extend(clusters.map(|(name, _)| format!("ECSCluster {name}")));
            let namespaces = self.cloud_map_namespaces.iter().filter(|(_, n)| is(n.spec.account_ref.as_ref()));
            users.extend(namespaces.map(|(name, _)| format!("CloudMapNamespace {name}")));
        }
        let roles = self.iam_task_roles.iter().filter(|(_, r)| role(r));
        users.extend(roles.map(|((namespace, name), _)| format!("IAMTaskRole {namespace}/{name}")));
        let services = self.ecs_services.iter().filter(|(_, s)| service(s));
        users.extend(services.map(|((namespace, name), _)| format!("ECSService {namespace}/{name}")));
        users
    }
}

impl Objects for Snapshot {
    fn account(&self, name: Option<&str>) -> Result<Arc<AccountTarget>, Unmet> {
        let wanted = name.unwrap_or(DEFAULT_ACCOUNT);
        let Some(account) = self.accounts.get(wanted) else {
            return match (name, &self.environment) {
                (None, Some(environment)) => Ok(Arc::clone(environment)),
                (None, None) => Err(Unmet::blocked(
                    reason::REFERENCE_NOT_FOUND,
                    format!(
                        "there is no AWSAccount {DEFAULT_ACCOUNT} and no AWS environment; create AWSAccount \
                         {DEFAULT_ACCOUNT}, set spec.accountRef, or set AWS_REGION and credentials"
                    ),
                )),
                (Some(name), _) => Err(Unmet::blocked(
                    reason::REFERENCE_NOT_FOUND,
                    format!("spec.accountRef names AWSAccount {name}, which does not exist; create it"),
                )),
            };
        };
        let target = AccountTarget::of(account, &self.installation);
        if target.account_id.is_empty() {
            return Err(Unmet::wait(
                reason::REFERENCE_NOT_READY,
                format!("the account ID of AWSAccount {wanted} is not known until its credentials have been tried"),
            ));
        }
        Ok(Arc::new(target))
    }

    fn installation(&self) -> String {
        self.installation.clone()
    }

    fn ecs_cluster(&self, name: &str) -> Option<Arc<EcsCluster>> {
        self.ecs_clusters.get(name).cloned()
    }

    fn cloud_map_namespace(&self, name: &str) -> Option<Arc<CloudMapNamespace>> {
        self.cloud_map_namespaces.get(name).cloned()
    }

    fn iam_task_role(&self, namespace: &str, name: &str) -> Option<Arc<IamTaskRole>> {
        self.iam_task_roles.get(&(namespace.to_owned(), name.to_owned())).cloned()
    }

    fn ecs_service(&self, namespace: &str, name: &str) -> Option<Arc<EcsService>> {
        self.ecs_services.get(&(namespace.to_owned(), name.to_owned())).cloned()
    }

    fn kubernetes_service(&self, namespace: &str, name: &str) -> Result<Option<Arc<KubernetesService>>, Unmet> {
        let found = self.kubernetes_services.get(&(namespace.to_owned(), name.to_owned())).cloned();
        if found.is_none() && !self.knows_kubernetes {
            return Err(unknown("Service", namespace, name));
        }
        Ok(found)
    }

    fn endpoint_slices(&self, namespace: &str, service: &str) -> Result<Vec<Arc<EndpointSlice>>, Unmet> {
        let found = self.endpoint_slices.get(&(namespace.to_owned(), service.to_owned())).cloned();
        if found.is_none() && !self.knows_kubernetes {
            return Err(unknown("EndpointSlices of Service", namespace, service));
        }
        Ok(found.unwrap_or_default())
    }

    fn service_imports(&self, namespace: &str, name: &str) -> Result<ServiceImports, Unmet> {
        let present = self.service_imports.get(&(namespace.to_owned(), name.to_owned())).cloned();
        Ok(ServiceImports { present, ..self.multi_cluster.clone() })
    }

    fn foreign(&self, kind: &'static ForeignKind, namespace: &str) -> Result<Vec<Arc<ForeignObject>>, Unmet> {
        let here = |key: &(String, String, String)| key.0 == kind.kind && key.1 == namespace;
        let found: Vec<_> = self.foreign.iter().filter(|(key, _)| here(key)).map(|(_, o)| o.clone()).collect();
        if found.is_empty() && !self.knows_kubernetes {
            return Err(unknown(kind.kind, namespace, "…"));
        }
        Ok(found)
    }

    fn cloud_map_imports(&self, namespace: &str) -> Vec<Arc<CloudMapImport>> {
        self.cloud_map_imports.iter().filter(|((n, _), _)| n == namespace).map(|(_, i)| i.clone()).collect()
    }

    fn namespaces_with_iam_task_role(&self, name: &str) -> Vec<String> {
        self.iam_task_roles.keys().filter(|(_, n)| n == name).map(|(namespace, _)| namespace.clone()).collect()
    }

    fn namespace_labels(&self, namespace: &str) -> BTreeMap<String, String> {
        self.namespace_labels.get(namespace).cloned().unwrap_or_default()
    }

    fn users_of_ecs_cluster(&self, name: &str) -> Vec<String> {
        self.users(|s| s.spec.cluster_ref.name == name, |_| false, None)
    }

    fn users_of_cloud_map_namespace(&self, name: &str) -> Vec<String> {
        let uses = |s: &EcsService| s.spec.service_discovery.as_ref().is_some_and(|d| d.namespace_ref.name == name);
        let mut users = self.users(uses, |_| false, None);
        let exports = self.cloud_map_exports.iter().filter(|(_, e)| e.spec.namespace_ref.name == name);
        users.extend(exports.map(|((namespace, name), _)| format!("CloudMapExport {namespace}/{name}")));
        let uses = |i: &CloudMapImport| i.spec.source.cloud_map.as_ref().is_some_and(|s| s.namespace_ref.name == name);
        let imports = self.cloud_map_imports.iter().filter(|(_, i)| uses(i));
        users.extend(imports.map(|((namespace, name), _)| format!("CloudMapImport {namespace}/{name}")));
        users
    }

    fn users_of_iam_task_role(&self, namespace: &str, name: &str) -> Vec<String> {
        let uses = |s: &EcsService| {
            s.metadata.namespace.as_deref() == Some(namespace)
                && [&s.spec.task_role_ref, &s.spec.execution_role_ref].into_iter().flatten().any(|r| r.name == name)
        };
        self.users(uses, |_| false, None)
    }

    fn traffic_migrations(&self, namespace: &str) -> Vec<Arc<TrafficMigration>> {
        self.traffic_migrations.iter().filter(|((n, _), _)| n == namespace).map(|(_, m)| m.clone()).collect()
    }

    fn cloud_map_exports(&self, namespace: &str) -> Vec<Arc<CloudMapExport>> {
        self.cloud_map_exports.iter().filter(|((n, _), _)| n == namespace).map(|(_, e)| e.clone()).collect()
    }

    fn users_of_account(&self, name: &str) -> Vec<String> {
        let uses = |r: &IamTaskRole| r.spec.account_ref.as_ref().map_or(DEFAULT_ACCOUNT, |r| r.name.as_str()) == name;
        self.users(|_| false, uses, Some(name))
    }
}

/// What only the cluster knows.
fn unknown(what: &str, namespace: &str, name: &str) -> Unmet {
    Unmet::blocked(
        reason::REFERENCE_NOT_FOUND,
        format!(
            "{what} {namespace}/{name} is not among the files, and only the cluster knows it: apply the file with kubectl, or              plan without -f against the cluster"
        ),
    )
}

/// Name of a cluster-scoped object.
fn name(meta: &kube::core::ObjectMeta) -> String {
    meta.name.clone().unwrap_or_default()
}

/// Namespace and name of a namespaced object.
fn namespaced(meta: &kube::core::ObjectMeta) -> (String, String) {
    (meta.namespace.clone().unwrap_or_default(), name(meta))
}

impl Held for AwsAccount {
    fn put(self, snapshot: &mut Snapshot) {
        snapshot.accounts.insert(name(&self.metadata), Arc::new(self));
    }
}

impl Held for EcsCluster {
    fn put(self, snapshot: &mut Snapshot) {
        snapshot.ecs_clusters.insert(name(&self.metadata), Arc::new(self));
    }
}

impl Held for CloudMapNamespace {
    fn put(self, snapshot: &mut Snapshot) {
        snapshot.cloud_map_namespaces.insert(name(&self.metadata), Arc::new(self));
    }
}

impl Held for IamTaskRole {
    fn put(self, snapshot: &mut Snapshot) {
        snapshot.iam_task_roles.insert(namespaced(&self.metadata), Arc::new(self));
    }
}

impl Held for EcsService {
    fn put(self, snapshot: &mut Snapshot) {
        snapshot.ecs_services.insert(namespaced(&self.metadata), Arc::new(self));
    }
}

impl Held for CloudMapImport {
    fn put(self, snapshot: &mut Snapshot) {
        snapshot.cloud_map_imports.insert(namespaced(&self.metadata), Arc::new(self));
    }
}

impl Held for CloudMapExport {
    fn put(self, snapshot: &mut Snapshot) {
        snapshot.cloud_map_exports.insert(namespaced(&self.metadata), Arc::new(self));
    }
}

impl Held for TrafficMigration {
    fn put(self, snapshot: &mut Snapshot) {
        snapshot.traffic_migrations.insert(namespaced(&self.metadata), Arc::new(self));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn without_a_name_the_default_account_wins_over_the_environment() {
        let mut objects = Snapshot {
            environment: Some(Arc::new(AccountTarget {
                account_id: "999988887777".into(),
                ..AccountTarget::default()
            })),
            ..Snapshot::default()
        };
        assert_eq!(objects.account(None).unwrap().account_id, "999988887777");
        assert!(matches!(objects.account(Some("default")), Err(Unmet::Blocked(_))));
        objects.insert(testing::account("default"));
        assert_eq!(objects.account(None).unwrap().account_id, testing::ACCOUNT_ID);
    }

    #[test]
    fn an_account_whose_id_is_not_known_yet_is_waited_for() {
        let mut objects = Snapshot::default();
        let mut account = testing::account("prod");
        account.spec.account_id = None;
        objects.insert(account.clone());
        assert!(matches!(objects.account(Some("prod")), Err(Unmet::Wait(_))));
        account.status = Some(landbridge_api::v1alpha1::AwsAccountStatus {
            account_id: Some("111122223333".into()),
            ..Default::default()
        });
        objects.insert(account);
        assert_eq!(objects.account(Some("prod")).unwrap().account_id, "111122223333");
    }

    #[test]
    fn a_service_that_is_not_among_the_files_is_not_known_rather_than_not_there() {
        let mut objects = Snapshot::default();
        assert!(matches!(objects.kubernetes_service("shop", "orders"), Err(Unmet::Blocked(_))));
        assert!(matches!(objects.endpoint_slices("shop", "orders"), Err(Unmet::Blocked(_))));
        objects.insert_service(&testing::object("{metadata: {name: orders, namespace: shop}, spec: {}}"));
        let slice = "{metadata: {name: b, namespace: shop, labels: {kubernetes.io/service-name: orders}}, addressType: IPv4, \
                     endpoints: []}";
        objects.insert_slice(&testing::object(slice));
        objects.insert_slice(&testing::object(&slice.replace("name: b", "name: a")));
        objects.insert_slice(&testing::object(slice));
        let names: Vec<_> = objects.endpoint_slices("shop", "orders").unwrap().iter().map(|s| s.name.clone()).collect();
        assert_eq!(names, ["a", "b"]);
        assert!(objects.kubernetes_service("shop", "orders").unwrap().is_some());
        objects.knows_kubernetes = true;
        assert_eq!(objects.kubernetes_service("shop", "web"), Ok(None));
    }

    #[test]
    fn everything_that_refers_to_an_object_is_found() {
        let objects = testing::shop();
        assert_eq!(
            objects.users_of_account("default"),
            ["ECSCluster prod", "CloudMapNamespace shop", "IAMTaskRole shop/orders"]
        );
        assert_eq!(objects.users_of_account("other"), Vec::<String>::new());
        assert_eq!(objects.users_of_ecs_cluster("prod"), ["ECSService shop/web"]);
        assert_eq!(objects.users_of_cloud_map_namespace("shop"), ["ECSService shop/web"]);
        assert_eq!(objects.users_of_iam_task_role("shop", "orders"), ["ECSService shop/web"]);
        assert_eq!(objects.users_of_iam_task_role("blog", "orders"), Vec::<String>::new());
        assert_eq!(objects.namespaces_with_iam_task_role("orders"), ["shop"]);
    }
}
