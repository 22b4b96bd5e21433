//! Services and EndpointSlices of the cluster, in the planner's small form, for objects that refer to them.
//!
//! Most clusters have many and most installations need none, so they are watched from the moment at which somebody first
//! asks for one. Until they are listed, and while they may not be read, whoever asks is told so and woken when that ends.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use futures::{Stream, StreamExt};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice as Slice;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::runtime::watcher::{self, Event};
use landbridge_api::condition::reason;
use landbridge_plan::kubernetes::{EndpointSlice, KubernetesService};
use landbridge_plan::plan::Unmet;
use tokio_util::sync::CancellationToken;

/// Namespace and name.
type Key = (Box<str>, Box<str>);

/// What the watches see of Services and EndpointSlices.
#[derive(Debug, Default)]
pub struct Mirror {
    /// Services.
    pub services: Shelf<KubernetesService>,
    /// EndpointSlices.
    pub slices: Shelf<EndpointSlice>,
    /// Cancelled, that is signalled, when somebody first asks.
    wanted: CancellationToken,
}

impl Mirror {
    /// Resolves when somebody asked for a Service or its slices.
    pub async fn wanted(&self) {
        self.wanted.cancelled().await;
    }

    /// The Service of that name. Asking is what starts the watches.
    pub fn service(&self, namespace: &str, name: &str) -> Result<Option<Arc<KubernetesService>>, Unmet> {
        self.wanted.cancel();
        let found = self.services.of("Services", namespace, name)?;
        Ok(found.into_iter().next())
    }

    /// The slices of a Service, sorted by name.
    pub fn slices(&self, namespace: &str, service: &str) -> Result<Vec<Arc<EndpointSlice>>, Unmet> {
        self.wanted.cancel();
        self.slices.of("EndpointSlices", namespace, service)
    }

    /// Takes in what the API server answered to a write of ours, so that the next pass does not plan on the past.
    pub fn wrote(&self, kind: &str, answer: &serde_json::Value) {
        match kind {
            "Service" => drop(serde_json::from_value::<Service>(answer.clone()).map(|s| self.services.put(&s))),
            "EndpointSlice" => drop(serde_json::from_value::<Slice>(answer.clone()).map(|s| self.slices.put(&s))),
            _ => {}
        }
    }

    /// Takes out what we deleted.
    pub fn deleted(&self, kind: &str, namespace: &str, name: &str) {
        match kind {
            "Service" => drop(self.services.lock().remove(&(namespace.into(), name.into()))),
            "EndpointSlice" => drop(self.slices.lock().remove(&(namespace.into(), name.into()))),
            _ => {}
        }
    }
}

/// A small form of a Kubernetes kind.
pub trait Small: for<'a> From<&'a Self::Whole> + PartialEq + Send + Sync + 'static {
    /// Kubernetes' own type.
    type Whole: Resource<DynamicType = ()>;
    /// Name of the Service that it is, or belongs to.
    fn service(&self) -> &str;
    /// Its own name.
    fn name(&self) -> &str;
}

impl Small for KubernetesService {
    type Whole = Service;
    fn service(&self) -> &str {
        &self.name
    }
    fn name(&self) -> &str {
        &self.name
    }
}

impl Small for EndpointSlice {
    type Whole = Slice;
    fn service(&self) -> &str {
        &self.service
    }
    fn name(&self) -> &str {
        &self.name
    }
}

/// All objects of one kind.
#[derive(Debug)]
pub struct Shelf<T>(RwLock<State<T>>);

#[derive(Debug)]
struct State<T> {
    objects: HashMap<Key, Entry<T>>,
    /// Sorted by name.
    by_service: HashMap<Key, Vec<Arc<T>>>,
    /// How many watches are to list and have not; none before the watches begin.
    unlisted: Option<usize>,
    /// Why they cannot be read.
    trouble: Option<String>,
}

#[derive(Debug)]
struct Entry<T> {
    version: Option<u64>,
    object: Arc<T>,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self(RwLock::new(State { objects: HashMap::new(), by_service: HashMap::new(), unlisted: None, trouble: None }))
    }
}

impl<T: Small> Shelf<T> {
    /// The objects of a Service.
    pub(crate) fn of(&self, what: &str, namespace: &str, service: &str) -> Result<Vec<Arc<T>>, Unmet> {
        let state = self.read();
        if let Some(trouble) = &state.trouble {
            return Err(Unmet::blocked(reason::ACCESS_DENIED, trouble));
        }
        if state.unlisted != Some(0) {
            return Err(Unmet::wait(reason::REFERENCE_NOT_READY, format!("{what} of the cluster are being listed")));
        }
        Ok(state.by_service.get(&(namespace.into(), service.into())).cloned().unwrap_or_default())
    }

    /// All of them, once they are listed and while they can be read.
    pub(crate) fn all(&self) -> Option<Vec<Arc<T>>> {
        let state = self.read();
        let readable = state.unlisted == Some(0) && state.trouble.is_none();
        readable.then(|| state.objects.values().map(|e| e.object.clone()).collect())
    }

    /// Takes one out.
    pub(crate) fn take(&self, namespace: &str, name: &str) {
        self.lock().remove(&(namespace.into(), name.into()));
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.read().objects.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// So many watches begin.
    pub fn begin(&self, watches: usize) {
        self.lock().unlisted = Some(watches);
    }

    /// Follows a watch of one namespace, or of all. `changed` is told namespace and name of a Service whose objects are not
    /// as they were; without a name, all of them may be.
    pub async fn follow(
        &self,
        scope: Option<&str>,
        events: impl Stream<Item = Result<Event<T::Whole>, watcher::Error>>,
        changed: impl Fn(Option<(&str, &str)>),
    ) {
        let (mut fresh, mut first) = (Vec::new(), true);
        let mut events = pin!(events);
        let tell = |touched: Vec<Key>| touched.iter().for_each(|(namespace, name)| changed(Some((namespace, name))));
        while let Some(event) = events.next().await {
            match event {
                Ok(Event::Apply(object)) => tell(self.put(&object)),
                Ok(Event::Delete(object)) => tell(self.lock().remove(&key(object.meta()))),
                Ok(Event::Init) => fresh.clear(),
                Ok(Event::InitApply(object)) => fresh.push(entry(&object)),
                Ok(Event::InitDone) => {
                    let touched = self.lock().replace(scope, std::mem::take(&mut fresh));
                    let opened = self.lock().listed(std::mem::take(&mut first));
                    if opened { changed(None) } else { tell(touched) }
                }
                Err(error) => {
                    if self.lock().refused(trouble::<T>(&error)) {
                        changed(None);
                    }
                    tracing::warn!(kind = %T::Whole::kind(&()), %error, "watch broke; it is tried again");
                }
            }
        }
    }

    /// Stores an object unless a newer one is there. Gives the Services that see a difference.
    pub(crate) fn put(&self, object: &T::Whole) -> Vec<Key> {
        let (key, entry) = entry(object);
        self.lock().put(key, entry)
    }

    fn read(&self) -> RwLockReadGuard<'_, State<T>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> RwLockWriteGuard<'_, State<T>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Small> State<T> {
    fn put(&mut self, key: Key, entry: Entry<T>) -> Vec<Key> {
        if let Some(old) = self.objects.get(&key) {
            // Our own write may be newer than what the watch delivers.
            if old.version.zip(entry.version).is_some_and(|(old, new)| old >= new) {
                return Vec::new();
            }
            if old.object == entry.object {
                self.objects.insert(key, entry);
                return Vec::new();
            }
        }
        let mut touched = self.remove(&key);
        let service: Key = (key.0.clone(), entry.object.service().into());
        let siblings = self.by_service.entry(service.clone()).or_default();
        let place = siblings.partition_point(|s| s.name() < entry.object.name());
        siblings.insert(place, entry.object.clone());
        self.objects.insert(key, entry);
        if !touched.contains(&service) {
            touched.push(service);
        }
        touched
    }

    fn remove(&mut self, key: &Key) -> Vec<Key> {
        let Some(old) = self.objects.remove(key) else { return Vec::new() };
        let service: Key = (key.0.clone(), old.object.service().into());
        if let Some(siblings) = self.by_service.get_mut(&service) {
            siblings.retain(|s| s.name() != old.object.name());
            if siblings.is_empty() {
                self.by_service.remove(&service);
            }
        }
        vec![service]
    }

    /// Takes in a fresh list of one namespace, or of all.
    fn replace(&mut self, scope: Option<&str>, fresh: Vec<(Key, Entry<T>)>) -> Vec<Key> {
        let names: std::collections::HashSet<&Key> = fresh.iter().map(|(key, _)| key).collect();
        let here = |key: &Key| scope.is_none_or(|scope| &*key.0 == scope);
        let gone: Vec<Key> = self.objects.keys().filter(|k| here(k) && !names.contains(k)).cloned().collect();
        let mut touched: Vec<Key> = gone.iter().flat_map(|key| self.remove(key)).collect();
        for (key, entry) in fresh {
            touched.extend(self.put(key, entry));
        }
        touched.sort_unstable();
        touched.dedup();
        touched
    }

    /// A list is in. Says whether everything can be read from now on.
    fn listed(&mut self, first: bool) -> bool {
        let was_open = self.unlisted == Some(0) && self.trouble.is_none();
        self.trouble = None;
        if let Some(unlisted) = self.unlisted.as_mut().filter(|_| first) {
            *unlisted = unlisted.saturating_sub(1);
        }
        !was_open && self.unlisted == Some(0)
    }

    /// The watch broke. Says whether that is news to who asks.
    fn refused(&mut self, trouble: Option<String>) -> bool {
        let is_news = trouble.is_some() && self.trouble != trouble;
        if trouble.is_some() {
            self.trouble = trouble;
        }
        is_news
    }
}

fn key(meta: &ObjectMeta) -> Key {
    let text = |t: &Option<String>| Box::from(t.as_deref().unwrap_or_default());
    (text(&meta.namespace), text(&meta.name))
}

fn entry<T: Small>(object: &T::Whole) -> (Key, Entry<T>) {
    let version = object.meta().resource_version.as_deref().and_then(|v| v.parse().ok());
    (key(object.meta()), Entry { version, object: Arc::new(T::from(object)) })
}

/// What a person has to do, if only a person can help.
fn trouble<T: Small>(error: &watcher::Error) -> Option<String> {
    let (watcher::Error::InitialListFailed(kube::Error::Api(status))
    | watcher::Error::WatchStartFailed(kube::Error::Api(status))
    | watcher::Error::WatchFailed(kube::Error::Api(status))) = error
    else {
        return None;
    };
    let kind = T::Whole::kind(&());
    status.is_forbidden().then(|| {
        format!(
            "the operator may not list {kind} objects ({}): give its service account get, list and watch on {} \
             (chart value rbac.services: Read or Write)",
            status.message,
            T::Whole::plural(&()),
        )
    })
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use futures::stream;
    use landbridge_plan::kubernetes::SERVICE_NAME_LABEL;

    use super::*;

    fn slice(name: &str, service: &str, version: &str, address: &str) -> Slice {
        let json = serde_json::json!({
            "metadata": {"name": name, "namespace": "shop", "uid": name, "resourceVersion": version,
                         "labels": {SERVICE_NAME_LABEL: service}},
            "addressType": "IPv4", "endpoints": [{"addresses": [address]}],
        });
        serde_json::from_value(json).unwrap()
    }

    async fn follow(mirror: &Mirror, events: Vec<Event<Slice>>) -> Vec<Option<String>> {
        let told = RefCell::new(Vec::new());
        let events = stream::iter(events.into_iter().map(Ok));
        mirror.slices.follow(None, events, |c| told.borrow_mut().push(c.map(|(_, s)| s.to_owned()))).await;
        told.into_inner()
    }

    #[tokio::test]
    async fn who_asks_before_the_list_is_in_waits_and_is_told_when_it_is() {
        let mirror = Mirror::default();
        assert!(matches!(mirror.slices("shop", "orders"), Err(Unmet::Wait(_))));
        mirror.wanted().await;
        mirror.slices.begin(1);
        let list = vec![Event::Init, Event::InitApply(slice("a", "orders", "1", "10.0.0.1")), Event::InitDone];
        assert_eq!(follow(&mirror, list).await, [None]);
        assert_eq!(mirror.slices("shop", "orders").unwrap().len(), 1);
        assert!(mirror.slices("blog", "orders").unwrap().is_empty());
    }

    #[tokio::test]
    async fn only_services_whose_slices_differ_are_told_and_a_slice_may_move() {
        let mirror = Mirror::default();
        mirror.slices.begin(1);
        follow(&mirror, vec![Event::Init, Event::InitApply(slice("a", "orders", "1", "10.0.0.1")), Event::InitDone])
            .await;
        let same = Event::Apply(slice("a", "orders", "2", "10.0.0.1"));
        assert!(follow(&mirror, vec![same]).await.is_empty());
        let changed = follow(&mirror, vec![Event::Apply(slice("a", "orders", "3", "10.0.0.2"))]).await;
        assert_eq!(changed, [Some("orders".to_owned())]);
        let moved = follow(&mirror, vec![Event::Apply(slice("a", "web", "4", "10.0.0.2"))]).await;
        assert_eq!(moved, [Some("orders".to_owned()), Some("web".to_owned())]);
        assert!(mirror.slices("shop", "orders").unwrap().is_empty());
        let relisted = vec![Event::Init, Event::InitApply(slice("b", "web", "6", "10.0.0.3")), Event::InitDone];
        assert_eq!(follow(&mirror, relisted).await, [Some("web".to_owned())]);
        let names: Vec<_> = mirror.slices("shop", "web").unwrap().iter().map(|s| s.name.clone()).collect();
        assert_eq!(names, ["b"]);
    }

    #[tokio::test]
    async fn the_answer_to_our_own_write_is_not_undone_by_an_older_event() {
        let mirror = Mirror::default();
        mirror.slices.begin(0);
        let ours = serde_json::to_value(slice("a", "orders", "9", "10.0.0.9")).unwrap();
        mirror.wrote("EndpointSlice", &ours);
        follow(&mirror, vec![Event::Apply(slice("a", "orders", "7", "10.0.0.7"))]).await;
        let found = mirror.slices("shop", "orders").unwrap();
        assert_eq!(found[0].endpoints[0].address.to_string(), "10.0.0.9");
        mirror.deleted("EndpointSlice", "shop", "a");
        assert!(mirror.slices("shop", "orders").unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_right_that_is_missing_is_said_once_and_ends_with_the_first_list() {
        let mirror = Mirror::default();
        mirror.slices.begin(1);
        let refusal = || {
            let status = kube::core::Status::failure("endpointslices is forbidden", "Forbidden").with_code(403);
            Err(watcher::Error::InitialListFailed(kube::Error::Api(Box::new(status))))
        };
        let told = RefCell::new(0);
        let events = stream::iter(vec![refusal(), refusal()]);
        mirror.slices.follow(None, events, |_| *told.borrow_mut() += 1).await;
        assert_eq!(told.into_inner(), 1);
        let Err(Unmet::Blocked(blocked)) = mirror.slices("shop", "orders") else { panic!("it is not refused") };
        assert!(blocked.message.contains("rbac.services"), "{}", blocked.message);
        assert_eq!(follow(&mirror, vec![Event::Init, Event::InitDone]).await, [None]);
        assert!(mirror.slices("shop", "orders").is_ok());
    }
}
