//! What is remembered of AWS for a short while: answers of writes that reads do not show yet, and things that are
//! too dear to be read at every pass.
//!
//! Everything here may be lost at any moment without harm; nothing lives longer than minutes.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use landbridge_api::v1alpha1::TaskFailure;
use landbridge_plan::change::Tags;
use landbridge_plan::cloud_map_namespace::NamespaceFacts;
use landbridge_plan::ecs_cluster::{CapacityProviderFacts, ClusterFacts};
use landbridge_plan::ecs_service::{
    DiscoveryFacts, LogGroupFacts, RevisionFacts, ServiceDeploymentFacts, ServiceFacts,
};
use landbridge_plan::iam_task_role::{AssociationFacts, EksClusterFacts, IamTaskRoleObserved, Pods};
use tokio::time::Instant;

use crate::batcher::{Batcher, Pages};
use crate::error::AwsError;
use crate::in_flight::InFlight;
use crate::observe::{Discovered, SeenTasks};
use crate::recent::Recent;
use crate::route53::RecordChange;

/// Cluster and service name.
pub(crate) type ServiceKey = (String, String);

/// One batcher for each ECS cluster.
type PerCluster<V> = Mutex<HashMap<String, Arc<Batcher<String, V>>>>;

/// Everything that one account and Region remembers.
pub(crate) struct Memory {
    pub(crate) services: Recent<ServiceKey, ServiceFacts>,
    pub(crate) clusters: Recent<String, ClusterFacts>,
    /// Capacity providers by name.
    pub(crate) providers: Recent<String, CapacityProviderFacts>,
    /// Newest revision by family, from RegisterTaskDefinition's answer.
    pub(crate) revisions: Memo<String, RevisionFacts>,
    /// Revisions that go, by ARN: whose they are never changes, and whether they are registered only when we say so.
    pub(crate) retired: Memo<String, RevisionFacts>,
    /// Members that only a service revision shows, by ARN; revisions never change.
    pub(crate) revision_fields: Memo<String, landbridge_plan::change::Body>,
    /// Cloud Map services by ID.
    pub(crate) discovery: Memo<String, DiscoveryFacts>,
    /// IDs of Cloud Map services that were just made, by namespace ID and name.
    pub(crate) discovery_made: Memo<(String, String), String>,
    /// Attributes of the instances of a Cloud Map service, by its ID.
    pub(crate) instances: Memo<String, Arc<BTreeMap<String, Tags>>>,
    /// Names by which DiscoverInstances knows namespaces, by their IDs.
    pub(crate) http_names: Memo<String, String>,
    /// What DiscoverInstances answered, by namespace ID and name.
    pub(crate) discovered: Memo<(String, String), Discovered>,
    /// Tasks of services that imports follow.
    pub(crate) tasks: Memo<ServiceKey, SeenTasks>,
    /// Changes of instances that have begun.
    pub(crate) in_flight: InFlight,
    /// Cloud Map namespaces by ID.
    pub(crate) namespaces: Memo<String, NamespaceFacts>,
    /// IDs of Cloud Map services by name, by namespace ID.
    pub(crate) discovery_ids: Memo<String, Arc<HashMap<String, String>>>,
    pub(crate) log_groups: Memo<String, LogGroupFacts>,
    /// Roles by name, without what is in EKS.
    pub(crate) roles: Memo<String, IamTaskRoleObserved>,
    /// Tags of load balancer things by ARN.
    pub(crate) elb_tags: Memo<String, landbridge_plan::change::Tags>,
    /// Changes of records that this process made, by zone, name and type.
    pub(crate) record_changes: Memo<String, RecordChange>,
    /// Quotas of Elastic Load Balancing by name, under the one empty key.
    pub(crate) elb_limits: Memo<String, BTreeMap<String, i64>>,
    /// Attributes of target groups by ARN.
    pub(crate) elb_attributes: Memo<String, std::collections::BTreeMap<String, String>>,
    /// EKS clusters by name, once pods can take roles in them.
    pub(crate) eks_clusters: Memo<String, EksClusterFacts>,
    /// Client IDs of IAM OIDC providers by ARN.
    pub(crate) oidc_providers: Memo<String, Vec<String>>,
    /// Pod Identity associations by cluster, namespace and service account.
    pub(crate) associations: Memo<Pods, AssociationFacts>,
    /// Operations in flight by namespace name.
    pub(crate) operations: Memo<String, String>,
    /// Why tasks of a service stopped, with what the service looked like when that was asked.
    pub(crate) failures: Memo<ServiceKey, (u64, Option<TaskFailure>)>,
    pub(crate) service_pages: PerCluster<Result<ServiceFacts, AwsError>>,
    pub(crate) cluster_pages: Batcher<String, Result<ClusterFacts, AwsError>>,
    pub(crate) provider_pages: Batcher<String, Result<CapacityProviderFacts, AwsError>>,
    pub(crate) deployment_pages: Batcher<String, Result<ServiceDeploymentFacts, AwsError>>,
    pub(crate) revision_pages: Batcher<String, Result<landbridge_plan::change::Body, AwsError>>,
}

/// How long the dearer things are remembered at most.
const KEEP: Duration = Duration::from_mins(15);

impl Default for Memory {
    fn default() -> Self {
        Self {
            services: Recent::default(),
            clusters: Recent::default(),
            providers: Recent::default(),
            revisions: Memo::keeping(KEEP),
            retired: Memo::keeping(KEEP),
            revision_fields: Memo::keeping(KEEP),
            discovery: Memo::keeping(KEEP),
            discovery_made: Memo::keeping(Duration::from_mins(1)),
            instances: Memo::keeping(KEEP),
            http_names: Memo::keeping(KEEP),
            discovered: Memo::keeping(Duration::from_mins(1)),
            tasks: Memo::keeping(KEEP),
            in_flight: InFlight::default(),
            namespaces: Memo::keeping(KEEP),
            discovery_ids: Memo::keeping(Duration::from_mins(1)),
            log_groups: Memo::keeping(KEEP),
            roles: Memo::keeping(KEEP),
            elb_tags: Memo::keeping(KEEP),
            record_changes: Memo::keeping(KEEP),
            elb_limits: Memo::keeping(KEEP),
            elb_attributes: Memo::keeping(KEEP),
            eks_clusters: Memo::keeping(KEEP),
            oidc_providers: Memo::keeping(KEEP),
            associations: Memo::keeping(KEEP),
            operations: Memo::keeping(KEEP),
            failures: Memo::keeping(KEEP),
            service_pages: Mutex::default(),
            cluster_pages: Batcher::new(Pages::of(100)),
            provider_pages: Batcher::new(Pages::of(100)),
            deployment_pages: Batcher::new(Pages::of(20)),
            revision_pages: Batcher::new(Pages::of(20)),
        }
    }
}

impl Memory {
    /// The batcher of a cluster's services.
    pub(crate) fn service_pages(&self, cluster: &str) -> Arc<Batcher<String, Result<ServiceFacts, AwsError>>> {
        let mut pages = lock(&self.service_pages);
        if let Some(batcher) = pages.get(cluster) {
            return Arc::clone(batcher);
        }
        let batcher = Arc::new(Batcher::new(Pages::of(10)));
        pages.insert(cluster.to_owned(), Arc::clone(&batcher));
        batcher
    }
}

/// Values with an age.
pub(crate) struct Memo<K, V> {
    keep: Duration,
    state: Mutex<Held<K, V>>,
}

struct Held<K, V> {
    values: HashMap<K, (Instant, V)>,
    purged: Instant,
}

impl<K: Eq + Hash, V: Clone> Memo<K, V> {
    pub(crate) fn keeping(keep: Duration) -> Self {
        Self { keep, state: Mutex::new(Held { values: HashMap::new(), purged: Instant::now() }) }
    }

    /// The value, if it is not older than `age`.
    pub(crate) fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q, age: Duration) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let state = lock(&self.state);
        state.values.get(key).filter(|(at, _)| at.elapsed() <= age.min(self.keep)).map(|(_, v)| v.clone())
    }

    pub(crate) fn put(&self, key: K, value: V) {
        let now = Instant::now();
        let mut state = lock(&self.state);
        if now.duration_since(state.purged) > self.keep {
            let keep = self.keep;
            state.values.retain(|_, (at, _)| now.duration_since(*at) <= keep);
            state.purged = now;
        }
        state.values.insert(key, (now, value));
    }

    /// Forgets every value of which that holds.
    pub(crate) fn forget_where(&self, holds: impl Fn(&V) -> bool) {
        lock(&self.state).values.retain(|_, (_, value)| !holds(value));
    }

    pub(crate) fn forget<Q: Eq + Hash + ?Sized>(&self, key: &Q)
    where
        K: Borrow<Q>,
    {
        lock(&self.state).values.remove(key);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
