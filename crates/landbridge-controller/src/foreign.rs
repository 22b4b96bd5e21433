//! Objects of kinds that others define, for objects that refer to them. A cluster may not have the kind at all, and it may
//! come and go while the operator runs.
//!
//! A kind is looked at from the moment at which somebody first asks for an object of it. Whoever asks is told when it is not
//! there, not listed yet, or may not be read, and is woken when that changes.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use landbridge_api::condition::reason;
use landbridge_plan::kubernetes::{FOREIGN_KINDS, ForeignKind, ForeignObject};
use landbridge_plan::plan::Unmet;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

/// What the watches see of such kinds.
#[derive(Debug)]
pub struct Foreign(HashMap<&'static str, Shelf>);

/// All objects of one kind.
#[derive(Debug)]
pub struct Shelf {
    kind: &'static ForeignKind,
    state: RwLock<State>,
    /// Cancelled, that is signalled, when somebody first asks.
    wanted: CancellationToken,
}

#[derive(Debug, Default)]
struct State {
    standing: Standing,
    /// By namespace and name.
    objects: BTreeMap<(String, String), Arc<ForeignObject>>,
}

/// How the kind stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// Not listed yet.
    #[default]
    Unread,
    /// The API server does not serve it.
    Absent,
    /// It may not be read; what the API server says.
    Refused(String),
    /// Listed.
    Read,
}

impl Default for Foreign {
    fn default() -> Self {
        let shelf =
            |kind: &'static ForeignKind| Shelf { kind, state: RwLock::default(), wanted: CancellationToken::new() };
        Self(FOREIGN_KINDS.into_iter().map(|kind| (kind.kind, shelf(kind))).collect())
    }
}

impl Foreign {
    /// The objects of the kind in a namespace. Asking is what starts the watch.
    pub fn of(&self, kind: &'static ForeignKind, namespace: &str) -> Result<Vec<Arc<ForeignObject>>, Unmet> {
        match self.shelf(kind) {
            Some(shelf) => shelf.of(namespace),
            None => Err(Unmet::blocked(reason::REFERENCE_NOT_FOUND, format!("{} is not watched", kind.kind))),
        }
    }

    /// Where the objects of the kind are kept.
    pub fn shelf(&self, kind: &'static ForeignKind) -> Option<&Shelf> {
        self.0.get(kind.kind)
    }

    /// Takes in what the API server answered to a write of ours, so that the next pass does not plan on the past.
    pub fn wrote(&self, kind: &str, answer: &Value) {
        if let Some(shelf) = self.0.get(kind) {
            shelf.put(answer);
        }
    }
}

impl Shelf {
    /// Resolves when somebody asked for an object of the kind.
    pub async fn wanted(&self) {
        self.wanted.cancelled().await;
    }

    fn of(&self, namespace: &str) -> Result<Vec<Arc<ForeignObject>>, Unmet> {
        self.wanted.cancel();
        let state = self.read();
        let ForeignKind { api_version, kind, plural, install, right } = self.kind;
        match &state.standing {
            Standing::Unread => {
                Err(Unmet::wait(reason::REFERENCE_NOT_READY, format!("{plural} of the cluster are being listed")))
            }
            Standing::Absent => Err(Unmet::blocked(
                reason::REFERENCE_NOT_FOUND,
                format!("the API server does not serve {kind} ({api_version}): {install}"),
            )),
            Standing::Refused(why) => Err(Unmet::blocked(
                reason::ACCESS_DENIED,
                format!(
                    "the operator may not list {plural} ({why}): give its service account get, list, watch and patch on \
                     them (chart value {right})"
                ),
            )),
            Standing::Read => {
                Ok(state.objects.iter().filter(|(key, _)| key.0 == namespace).map(|(_, o)| o.clone()).collect())
            }
        }
    }

    /// Says how the kind stands; gives back whether that is news. What is not there has no objects.
    pub fn stands(&self, standing: Standing) -> bool {
        let mut state = self.lock();
        if standing == Standing::Absent {
            state.objects.clear();
        }
        let is_news = state.standing != standing;
        state.standing = standing;
        is_news
    }

    /// Stores an object unless a newer one is there. Gives back its namespace if a plan would see a difference.
    pub fn put(&self, object: &Value) -> Option<String> {
        let new = ForeignObject::read(self.kind, object);
        self.lock().put(new)
    }

    /// Takes an object out, and gives back its namespace.
    pub fn remove(&self, object: &Value) -> Option<String> {
        let old = ForeignObject::read(self.kind, object);
        self.lock().objects.remove(&(old.namespace, old.name)).map(|o| o.namespace.clone())
    }

    /// Takes in a fresh list of one namespace, or of all, and gives back the namespaces that differ.
    pub fn replace(&self, scope: Option<&str>, fresh: &[Value]) -> Vec<String> {
        let fresh: Vec<ForeignObject> = fresh.iter().map(|o| ForeignObject::read(self.kind, o)).collect();
        let mut state = self.lock();
        let here = |namespace: &str| scope.is_none_or(|scope| scope == namespace);
        let stays =
            |(namespace, name): &(String, String)| fresh.iter().any(|o| o.namespace == *namespace && o.name == *name);
        let gone: Vec<_> = state.objects.keys().filter(|k| here(&k.0) && !stays(k)).cloned().collect();
        let mut touched: Vec<String> =
            gone.iter().filter_map(|k| state.objects.remove(k)).map(|o| o.namespace.clone()).collect();
        touched.extend(fresh.into_iter().filter_map(|object| state.put(object)));
        touched.sort();
        touched.dedup();
        touched
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn put(&mut self, new: ForeignObject) -> Option<String> {
        let key = (new.namespace.clone(), new.name.clone());
        let version = |o: &ForeignObject| o.version.parse::<u64>().ok();
        let old = self.objects.get(&key).cloned();
        // Our own write may be newer than what the watch delivers.
        if let Some(old) = &old
            && old.uid == new.uid
            && version(old).zip(version(&new)).is_some_and(|(old, new)| old >= new)
        {
            return None;
        }
        let differs = old.is_none_or(|old| !old.says_the_same(&new));
        self.objects.insert(key.clone(), Arc::new(new));
        differs.then_some(key.0)
    }
}

#[cfg(test)]
mod tests {
    use landbridge_plan::kubernetes::HTTP_ROUTE;
    use serde_json::json;

    use super::*;

    fn route(name: &str, version: &str, weight: i64) -> Value {
        json!({
            "metadata": {"name": name, "namespace": "shop", "uid": name, "resourceVersion": version},
            "spec": {"rules": [{"backendRefs": [{"name": "orders", "weight": weight}]}]},
        })
    }

    #[test]
    fn whoever_asks_before_the_kind_is_there_is_told_so_and_what_to_do() {
        let foreign = Foreign::default();
        let shelf = foreign.shelf(&HTTP_ROUTE).unwrap();
        let said = || match foreign.of(&HTTP_ROUTE, "shop") {
            Err(Unmet::Blocked(b)) => b.message,
            Err(Unmet::Wait(w)) => w.message,
            Ok(found) => format!("{}", found.len()),
        };
        assert!(!shelf.wanted.is_cancelled());
        assert!(said().contains("are being listed"));
        assert!(shelf.wanted.is_cancelled());
        assert!(shelf.stands(Standing::Absent) && !shelf.stands(Standing::Absent));
        assert!(said().contains("install the CRDs of the Gateway API"), "{}", said());
        assert!(shelf.stands(Standing::Refused("forbidden".into())));
        assert!(said().contains("rbac.routes"), "{}", said());
        shelf.stands(Standing::Read);
        assert_eq!(said(), "0");
    }

    #[test]
    fn only_differences_are_told_and_an_older_answer_undoes_nothing() {
        let foreign = Foreign::default();
        let shelf = foreign.shelf(&HTTP_ROUTE).unwrap();
        assert_eq!(shelf.replace(None, &[route("a", "1", 1)]), ["shop"]);
        assert_eq!(shelf.put(&route("a", "2", 1)), None);
        assert_eq!(shelf.put(&route("a", "5", 9)).as_deref(), Some("shop"));
        assert_eq!(shelf.put(&route("a", "3", 7)), None);
        shelf.stands(Standing::Read);
        let found = foreign.of(&HTTP_ROUTE, "shop").unwrap();
        assert_eq!((found.len(), found[0].version.as_str()), (1, "5"));
        assert!(foreign.of(&HTTP_ROUTE, "blog").unwrap().is_empty());
        assert_eq!(shelf.replace(Some("blog"), &[]), [] as [String; 0]);
        assert_eq!(shelf.replace(None, &[route("b", "6", 1)]), ["shop"]);
        assert_eq!(shelf.remove(&route("b", "7", 1)).as_deref(), Some("shop"));
        assert!(foreign.of(&HTTP_ROUTE, "shop").unwrap().is_empty());
    }
}
