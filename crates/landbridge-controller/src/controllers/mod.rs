//! One file per kind: what a change of such an object means to others, and what only that kind needs. Everything else is
//! generic and here: watching into a feed, and working off its queue.

mod aws_account;
mod cloud_map_export;
mod cloud_map_import;
mod cloud_map_namespace;
mod ecs_cluster;
mod ecs_service;
mod foreign_kind;
mod iam_task_role;
mod kubernetes_service;
mod multi_cluster;
mod namespace;
mod traffic_migration;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use futures::StreamExt;
use kube::core::{ClusterResourceScope, DeserializeGuard, NamespaceResourceScope};
use kube::runtime::controller::{Action, Config, applier};
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher;
use kube::{Api, Client, Resource};
use landbridge_api::condition;
use landbridge_plan::kubernetes::FOREIGN_KINDS;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::context::{Context, Converge, Operator};
use crate::feed::{Change, Feed};
use crate::reconcile::reconcile;
use crate::watch;

pub use aws_account::wake_users_of_ambient;
pub use namespace::follow as follow_namespaces;

/// The queue of one kind, to be worked off.
pub type Queue<K> = mpsc::UnboundedReceiver<ObjectRef<K>>;

/// What starting a kind needs.
pub struct Start<'a> {
    /// What all kinds share.
    pub operator: &'a Arc<Operator>,
    /// For the watches.
    pub client: &'a Client,
    /// Begins taking work: every kind has been listed.
    pub begin: &'a CancellationToken,
    /// Ends taking work.
    pub stop: &'a CancellationToken,
    /// Where the watches run.
    pub watches: &'a mut JoinSet<()>,
    /// Where the queues are worked off.
    pub workers: &'a mut JoinSet<()>,
}

impl Start<'_> {
    /// Watches and reconciles a cluster-scoped kind.
    pub fn cluster_scoped<K>(&mut self, feed: &Arc<Feed<K>>, queue: Queue<K>)
    where
        K: Converge + Resource<Scope = ClusterResourceScope>,
    {
        self.watch_all(feed.clone());
        self.work(feed.clone(), queue);
    }

    /// Watches and reconciles a namespaced kind, in all namespaces or in those of the settings.
    pub fn namespaced<K>(&mut self, feed: &Arc<Feed<K>>, queue: Queue<K>)
    where
        K: Converge + Resource<Scope = NamespaceResourceScope>,
    {
        let namespaces = self.operator.config.watch_namespaces.clone();
        if namespaces.is_empty() {
            self.watch_all(feed.clone());
        }
        let left = Arc::new(AtomicUsize::new(namespaces.len()));
        for namespace in namespaces {
            let api: Api<DeserializeGuard<K>> = Api::namespaced(self.client.clone(), &namespace);
            let events = watch::of(api, settings(self.operator), self.operator.api.clone());
            let (feed, left, world) = (feed.clone(), left.clone(), self.operator.world.clone());
            self.watches.spawn(async move {
                feed.follow_namespace(&namespace, &left, events, |change| K::changed(&world, change)).await;
            });
        }
        self.work(feed.clone(), queue);
    }

    /// Watches the Kubernetes namespaces, for their labels.
    pub fn kubernetes_namespaces(&mut self) {
        let events = watch::of_namespaces(self.client.clone(), settings(self.operator));
        self.watches.spawn(follow_namespaces(self.operator.world.clone(), events));
    }

    /// Watches Services and EndpointSlices from the moment at which an object refers to one.
    pub fn kubernetes_services(&mut self) {
        let (world, client) = (self.operator.world.clone(), self.client.clone());
        let (settings, namespaces) = (settings(self.operator), self.operator.config.watch_namespaces.clone());
        self.watches.spawn(kubernetes_service::follow(world, client, settings, namespaces));
    }

    /// Watches the kinds of the Multi-Cluster Services API where they are served, and has a CloudMapExport stand for each
    /// ServiceExport.
    pub fn multi_cluster(&mut self) {
        let (operator, client) = (self.operator.clone(), self.client.clone());
        let (settings, namespaces) = (settings(&operator), operator.config.watch_namespaces.clone());
        self.watches.spawn(multi_cluster::follow(operator.clone(), client, settings, namespaces));
        let (begin, stop) = (self.begin.clone(), self.stop.clone());
        self.workers.spawn(async move {
            tokio::select! {
                () = begin.cancelled() => multi_cluster::work_off(operator, stop).await,
                () = stop.cancelled() => {}
            }
        });
    }

    /// Watches kinds that others define, each from the moment at which an object asks for one.
    pub fn foreign_kinds(&mut self) {
        for kind in FOREIGN_KINDS {
            let (world, client) = (self.operator.world.clone(), self.client.clone());
            let (settings, namespaces) = (settings(self.operator), self.operator.config.watch_namespaces.clone());
            self.watches.spawn(foreign_kind::follow(world, client, kind, settings, namespaces));
        }
    }

    fn watch_all<K: Converge>(&mut self, feed: Arc<Feed<K>>) {
        let api: Api<DeserializeGuard<K>> = Api::all(self.client.clone());
        let events = watch::of(api, settings(self.operator), self.operator.api.clone());
        let world = self.operator.world.clone();
        self.watches.spawn(async move { feed.follow(events, |change| K::changed(&world, change)).await });
    }

    fn work<K: Converge>(&mut self, feed: Arc<Feed<K>>, queue: Queue<K>) {
        let context = Arc::new(Context { operator: self.operator.clone(), feed });
        let (begin, stop) = (self.begin.clone(), self.stop.clone());
        self.workers.spawn(async move {
            tokio::select! {
                () = begin.cancelled() => work_off(context, queue, stop).await,
                () = stop.cancelled() => {}
            }
        });
    }
}

/// How the watches ask.
fn settings(operator: &Operator) -> watcher::Config {
    let settings = watcher::Config::default();
    if operator.config.streaming_lists { settings.streaming_lists() } else { settings }
}

/// Reconciles what is queued until `stop`, then lets what is under way end. An object is never in two passes at once.
async fn work_off<K: Converge>(context: Arc<Context<K>>, queue: Queue<K>, stop: CancellationToken) {
    let store = context.feed.store().clone();
    let next = |mut queue: Queue<K>| async move { queue.recv().await.map(|key| (Ok::<_, Infallible>(key), queue)) };
    let queue = Box::pin(futures::stream::unfold(queue, next).take_until(stop.cancelled_owned()));
    let passes = applier(
        // A task each, so that passes use all cores and a defect in one is only that object's.
        |object, context| tokio::spawn(reconcile(object, context)),
        |object: Arc<K>, error: &JoinError, _| {
            tracing::error!(object = object.identity(), %error, "the pass broke off; this is a defect of Landbridge");
            Action::requeue(Duration::from_mins(1))
        },
        context,
        store,
        queue,
        // Slots are per account, not per kind.
        Config::default().concurrency(0),
    );
    // What fails has been logged where it failed; an object that went while it was queued is no failure.
    passes.for_each(|_| std::future::ready(())).await;
}

/// What others see of an object beside its spec: whether it is going, whether it is ready and for which spec, and its
/// identity in AWS.
#[derive(PartialEq)]
struct Seen<'a> {
    uid: Option<&'a str>,
    generation: i64,
    deleting: bool,
    ready: Option<(&'a str, Option<i64>)>,
    in_aws: Option<&'a str>,
}

fn seen<'a, K: Converge>(object: &'a K, in_aws: Option<&'a str>) -> Seen<'a> {
    let conditions = object.stored().map(|s| K::common(s).conditions.as_slice()).unwrap_or_default();
    Seen {
        uid: object.meta().uid.as_deref(),
        generation: object.generation(),
        deleting: object.is_deleting(),
        ready: condition::find(conditions, condition::READY).map(|c| (c.status.as_str(), c.observed_generation)),
        in_aws,
    }
}

/// Whether users of the object see the change; `in_aws` gives the object's identity in AWS.
fn users_see<'a, K: Converge>(change: &Change<'a, K>, in_aws: impl Fn(&'a K) -> Option<&'a str>) -> bool {
    change.old.map(|o| seen(o, in_aws(o))) != change.new.map(|o| seen(o, in_aws(o)))
}

/// Wakes the object of that name if it is going: it may wait for the last of its users.
fn wake_if_going<K: Converge>(feed: &Feed<K>, namespace: Option<&str>, name: &str) {
    if let Some(object) = feed.get(namespace, name).filter(|o| o.is_deleting()) {
        feed.wake(&object);
    }
}
