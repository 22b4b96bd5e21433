//! One watch per kind, shared by everyone: the store that lookups read, and the queue of objects to reconcile.
//!
//! An object is queued when something changed that a pass would act on, which our own status writes are not. The
//! difference is taken against the stored copy, so it costs no memory and survives a broken watch. Our own writes are
//! put into the store from their answers: the next pass never plans on a status older than the one we wrote.

use std::collections::{HashMap, HashSet};
use std::fmt::Debug;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures::{Stream, StreamExt};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher::{self, Event};
use landbridge_api::names::FINALIZER;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Annotations of this prefix are ours; a change of any other means nothing to a pass.
const OUR_ANNOTATIONS: &str = "landbridge.dev/";

/// What a watch can carry.
pub trait Watched: Resource<DynamicType = ()> + Clone + Debug + Send + Sync + 'static {}
impl<K: Resource<DynamicType = ()> + Clone + Debug + Send + Sync + 'static> Watched for K {}

/// The store and queue of one kind.
pub struct Feed<K: Watched> {
    writer: Mutex<Writer<K>>,
    store: Store<K>,
    queue: mpsc::UnboundedSender<ObjectRef<K>>,
    /// Cancelled, that is signalled, when the first list is in.
    listed: CancellationToken,
}

/// What a watch saw: the object before and after, either of which may be missing.
pub struct Change<'a, K> {
    /// As it was stored; `None` when it is new.
    pub old: Option<&'a K>,
    /// As it is; `None` when it is gone.
    pub new: Option<&'a K>,
}

impl<K: Watched> Feed<K> {
    /// An empty feed, and the end of its queue.
    pub fn new() -> (Arc<Self>, mpsc::UnboundedReceiver<ObjectRef<K>>) {
        let (queue, queued) = mpsc::unbounded_channel();
        let writer = Writer::default();
        let store = writer.as_reader();
        (Arc::new(Self { writer: Mutex::new(writer), store, queue, listed: CancellationToken::new() }), queued)
    }

    /// The store, for lookups.
    pub fn store(&self) -> &Store<K> {
        &self.store
    }

    /// Whether the first list is in.
    pub fn is_ready(&self) -> bool {
        self.listed.is_cancelled()
    }

    /// Resolves when the first list is in. (The store's own signal wakes only one of those who wait.)
    pub async fn ready(&self) {
        self.listed.cancelled().await;
    }

    /// The object of that name.
    pub fn get(&self, namespace: Option<&str>, name: &str) -> Option<Arc<K>> {
        let key = ObjectRef::new(name);
        self.store.get(&if let Some(namespace) = namespace { key.within(namespace) } else { key })
    }

    /// Queues an object.
    pub fn wake(&self, object: &K) {
        // Nobody listens any more when this fails: the operator stops.
        let _ = self.queue.send(ObjectRef::from_obj(object));
    }

    /// Queues the object of that name.
    pub fn wake_name(&self, namespace: Option<&str>, name: &str) {
        let key = ObjectRef::new(name);
        let _ = self.queue.send(if let Some(namespace) = namespace { key.within(namespace) } else { key });
    }

    /// Queues every object for which `wanted` is true.
    pub fn wake_where(&self, wanted: impl Fn(&K) -> bool) {
        for object in self.store.state_filter(wanted) {
            self.wake(&object);
        }
    }

    /// Stores what the API server answered to a write of ours, unless the watch was quicker or the object is gone. The
    /// watch will deliver nothing new then, so whoever is told of changes is told here.
    pub fn put(&self, object: &K, changed: impl Fn(&Change<'_, K>)) {
        let old = {
            let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
            let old = self.store.get(&ObjectRef::from_obj(object));
            let current = |o: &Arc<K>| o.meta().uid == object.meta().uid && is_newer(object.meta(), o.meta());
            let Some(old) = old.filter(current) else { return };
            writer.apply_watcher_event(&Event::Apply(object.clone()));
            old
        };
        self.differ(Some(&old), object, &changed);
    }

    /// Follows a watch until it ends. `changed` is told every difference, after the store has it.
    pub async fn follow(
        &self,
        events: impl Stream<Item = Result<Event<K>, watcher::Error>>,
        changed: impl Fn(&Change<'_, K>),
    ) {
        let mut events = pin!(events);
        while let Some(event) = events.next().await {
            match event {
                Ok(Event::Apply(object)) => self.applied(&object, &changed),
                Ok(Event::Delete(object)) => self.deleted(object, &changed),
                // A fresh list is collected aside and takes the place of the store at its end.
                Ok(event @ (Event::Init | Event::InitApply(_))) => self.write(&event),
                Ok(Event::InitDone) => self.listed(&changed),
                // The stream backs off and lists again by itself.
                Err(error) => tracing::warn!(kind = %K::kind(&()), %error, "watch broke; it is tried again"),
            }
        }
    }

    /// Follows a watch of one namespace among several. `left` counts those that have not been listed for the first time;
    /// the last one makes the store ready.
    pub async fn follow_namespace(
        &self,
        namespace: &str,
        left: &AtomicUsize,
        events: impl Stream<Item = Result<Event<K>, watcher::Error>>,
        changed: impl Fn(&Change<'_, K>),
    ) {
        let mut events = pin!(events);
        let (mut listed, mut first) = (Vec::new(), true);
        while let Some(event) = events.next().await {
            match event {
                Ok(Event::Apply(object)) => self.applied(&object, &changed),
                Ok(Event::Delete(object)) => self.deleted(object, &changed),
                Ok(Event::Init) => listed.clear(),
                Ok(Event::InitApply(object)) => listed.push(object),
                Ok(Event::InitDone) => {
                    self.listed_in(namespace, &std::mem::take(&mut listed), &changed);
                    if std::mem::take(&mut first) && left.fetch_sub(1, Ordering::AcqRel) == 1 {
                        self.make_ready();
                    }
                }
                Err(error) => tracing::warn!(kind = %K::kind(&()), namespace, %error, "watch broke; it is tried again"),
            }
        }
    }

    /// Takes in a fresh list of one namespace, among objects of others.
    fn listed_in(&self, namespace: &str, objects: &[K], changed: &impl Fn(&Change<'_, K>)) {
        let names: HashSet<_> = objects.iter().map(ObjectRef::from_obj).collect();
        for object in objects {
            self.applied(object, changed);
        }
        let here = |o: &K| o.meta().namespace.as_deref() == Some(namespace);
        for gone in self.store.state_filter(|o| here(o) && !names.contains(&ObjectRef::from_obj(o))) {
            self.deleted(K::clone(&gone), changed);
        }
    }

    /// Makes a store ready that was filled object by object.
    fn make_ready(&self) {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.apply_watcher_event(&Event::Init);
        for object in self.store.state() {
            writer.apply_watcher_event(&Event::InitApply(K::clone(&object)));
        }
        writer.apply_watcher_event(&Event::InitDone);
        self.listed.cancel();
    }

    fn applied(&self, object: &K, changed: &impl Fn(&Change<'_, K>)) {
        let old = {
            let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
            let old = self.store.get(&ObjectRef::from_obj(object));
            // Our own write may be newer than what the watch delivers.
            if old.as_ref().is_some_and(|o| o.meta().uid == object.meta().uid && !is_newer(object.meta(), o.meta())) {
                return;
            }
            writer.apply_watcher_event(&Event::Apply(object.clone()));
            old
        };
        self.differ(old.as_deref(), object, changed);
    }

    fn deleted(&self, object: K, changed: &impl Fn(&Change<'_, K>)) {
        let event = Event::Delete(object);
        self.write(&event);
        if let Event::Delete(object) = event {
            changed(&Change { old: Some(&object), new: None });
        }
    }

    /// Puts a fresh list in place and tells what differs, also what went while the watch was broken.
    fn listed(&self, changed: &impl Fn(&Change<'_, K>)) {
        let mut before: HashMap<_, _> =
            self.store.state().into_iter().map(|o| (ObjectRef::from_obj(o.as_ref()), o)).collect();
        let first = !self.is_ready();
        self.write(&Event::InitDone);
        self.listed.cancel();
        for object in self.store.state() {
            if first {
                self.wake(&object);
                continue;
            }
            let old = before.remove(&ObjectRef::from_obj(object.as_ref()));
            self.differ(old.as_deref(), &object, changed);
        }
        for gone in before.values() {
            changed(&Change { old: Some(gone), new: None });
        }
    }

    fn write(&self, event: &Event<K>) {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner).apply_watcher_event(event);
    }

    fn differ(&self, old: Option<&K>, new: &K, changed: &impl Fn(&Change<'_, K>)) {
        if old.is_none_or(|old| needs_a_pass(old.meta(), new.meta())) {
            self.wake(new);
        }
        // The first list is no change: passes begin when every kind has been listed.
        if self.is_ready() {
            changed(&Change { old, new: Some(new) });
        }
    }
}

/// Takes from an object what nobody reads: it is half of what a store would hold.
pub fn strip(meta: &mut ObjectMeta) {
    meta.managed_fields = None;
    if let Some(annotations) = &mut meta.annotations {
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
        if annotations.is_empty() {
            meta.annotations = None;
        }
    }
}

/// Whether a pass would see the two differently: spec, our annotations, deletion, another object of the same name, or
/// our finalizer taken away by somebody.
fn needs_a_pass(old: &ObjectMeta, new: &ObjectMeta) -> bool {
    let ours = |m: &ObjectMeta| -> Vec<(String, String)> {
        m.annotations
            .iter()
            .flatten()
            .filter(|(k, _)| k.starts_with(OUR_ANNOTATIONS))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect()
    };
    let finalized = |m: &ObjectMeta| m.finalizers.iter().flatten().any(|f| f == FINALIZER);
    old.uid != new.uid
        || old.generation != new.generation
        || old.deletion_timestamp.is_some() != new.deletion_timestamp.is_some()
        || (finalized(old) && !finalized(new))
        || ours(old) != ours(new)
}

/// Whether `a` was written after `b`. Versions of one kind are numbers that grow (Kubernetes says so since 1.35; every
/// version that kube supports behaves so); anything else counts as newer.
fn is_newer(a: &ObjectMeta, b: &ObjectMeta) -> bool {
    let version = |m: &ObjectMeta| m.resource_version.as_deref().and_then(|v| v.parse::<u64>().ok());
    match (version(a), version(b)) {
        (Some(a), Some(b)) => a > b,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    use k8s_openapi::api::core::v1::ConfigMap;

    use super::*;

    fn object(name: &str, version: &str, generation: i64) -> ConfigMap {
        ConfigMap {
            metadata: ObjectMeta {
                name: Some(name.into()),
                namespace: Some("shop".into()),
                uid: Some(format!("uid-of-{name}")),
                resource_version: Some(version.into()),
                generation: Some(generation),
                ..ObjectMeta::default()
            },
            ..ConfigMap::default()
        }
    }

    /// Feeds the events and gives back what was queued and which objects went.
    async fn follow(
        feed: &Feed<ConfigMap>,
        queued: &mut mpsc::UnboundedReceiver<ObjectRef<ConfigMap>>,
        events: Vec<Event<ConfigMap>>,
    ) -> (Vec<String>, Vec<String>) {
        let gone = RefCell::new(Vec::new());
        feed.follow(futures::stream::iter(events.into_iter().map(Ok)), |change| {
            if let (Some(old), None) = (change.old, change.new) {
                gone.borrow_mut().push(old.metadata.name.clone().unwrap());
            }
        })
        .await;
        let mut names = Vec::new();
        while let Ok(key) = queued.try_recv() {
            names.push(key.name);
        }
        (names, gone.into_inner())
    }

    #[tokio::test]
    async fn a_status_write_does_not_queue_the_object_and_a_new_generation_does() {
        let (feed, mut queued) = Feed::new();
        let list = vec![Event::Init, Event::InitApply(object("a", "1", 1)), Event::InitDone];
        assert_eq!(follow(&feed, &mut queued, list).await.0, ["a"]);
        assert!(follow(&feed, &mut queued, vec![Event::Apply(object("a", "2", 1))]).await.0.is_empty());
        assert_eq!(follow(&feed, &mut queued, vec![Event::Apply(object("a", "3", 2))]).await.0, ["a"]);
    }

    #[tokio::test]
    async fn a_fresh_list_queues_only_what_changed_and_tells_what_went_while_the_watch_was_broken() {
        let (feed, mut queued) = Feed::new();
        let list = |objects: Vec<ConfigMap>| {
            let mut events = vec![Event::Init];
            events.extend(objects.into_iter().map(Event::InitApply));
            events.push(Event::InitDone);
            events
        };
        follow(&feed, &mut queued, list(vec![object("a", "1", 1), object("b", "2", 1)])).await;
        let (woken, gone) = follow(&feed, &mut queued, list(vec![object("b", "2", 1), object("c", "3", 1)])).await;
        assert_eq!(woken, ["c"]);
        assert_eq!(gone, ["a"]);
    }

    #[tokio::test]
    async fn the_answer_to_our_own_write_is_stored_at_once_and_an_older_watch_event_does_not_undo_it() {
        let (feed, mut queued) = Feed::new();
        follow(&feed, &mut queued, vec![Event::Apply(object("a", "5", 1))]).await;
        feed.put(&object("a", "9", 1), |_| {});
        follow(&feed, &mut queued, vec![Event::Apply(object("a", "7", 1))]).await;
        assert_eq!(feed.get(Some("shop"), "a").unwrap().metadata.resource_version.as_deref(), Some("9"));
    }

    #[tokio::test]
    async fn an_edit_that_only_the_answer_to_our_own_write_shows_is_queued_and_told() {
        let (feed, mut queued) = Feed::new();
        let list = vec![Event::Init, Event::InitApply(object("a", "5", 1)), Event::InitDone];
        follow(&feed, &mut queued, list).await;
        let told = RefCell::new(0);
        feed.put(&object("a", "9", 2), |_| *told.borrow_mut() += 1);
        assert_eq!(follow(&feed, &mut queued, vec![Event::Apply(object("a", "8", 2))]).await.0, ["a"]);
        assert_eq!(told.into_inner(), 1);
    }

    #[tokio::test]
    async fn a_late_answer_does_not_bring_a_deleted_object_back() {
        let (feed, mut queued) = Feed::new();
        follow(&feed, &mut queued, vec![Event::Apply(object("a", "5", 1)), Event::Delete(object("a", "6", 1))]).await;
        feed.put(&object("a", "7", 1), |_| {});
        assert!(feed.get(Some("shop"), "a").is_none());
    }

    #[tokio::test]
    async fn a_store_of_several_namespaces_is_ready_when_all_are_listed_and_a_fresh_list_of_one_leaves_the_others() {
        let (feed, mut queued) = Feed::<ConfigMap>::new();
        let left = AtomicUsize::new(2);
        let in_blog = |name: &str| {
            let mut object = object(name, "1", 1);
            object.metadata.namespace = Some("blog".into());
            object
        };
        let list = |objects: Vec<ConfigMap>| {
            let events = std::iter::once(Event::Init).chain(objects.into_iter().map(Event::InitApply));
            futures::stream::iter(events.chain([Event::InitDone]).map(Ok).collect::<Vec<_>>())
        };
        feed.follow_namespace("shop", &left, list(vec![object("a", "1", 1)]), |_| {}).await;
        assert!(!feed.is_ready());
        feed.follow_namespace("blog", &left, list(vec![in_blog("b"), in_blog("c")]), |_| {}).await;
        assert!(feed.is_ready());
        feed.follow_namespace("blog", &AtomicUsize::new(9), list(vec![in_blog("c")]), |_| {}).await;
        assert!(feed.get(Some("shop"), "a").is_some() && feed.get(Some("blog"), "b").is_none());
        queued.close();
    }

    #[test]
    fn annotations_of_others_mean_nothing_and_ours_do() {
        let annotated = |key: &str| ObjectMeta {
            annotations: Some(BTreeMap::from([(key.to_owned(), "x".to_owned())])),
            ..ObjectMeta::default()
        };
        assert!(!needs_a_pass(&ObjectMeta::default(), &annotated("argocd.argoproj.io/sync")));
        assert!(needs_a_pass(&ObjectMeta::default(), &annotated("landbridge.dev/reconcile-now")));
    }
}
