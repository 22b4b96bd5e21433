//! Watches of kinds that others define. A kind that the API server does not serve is looked for again and again, quietly; one
//! that is taken away while it is watched is looked for again.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::select_all;
use kube::api::DynamicObject;
use kube::core::{ApiResource, GroupVersionKind};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use landbridge_api::v1alpha1::TrafficMigration;
use landbridge_plan::kind::Kind as _;
use landbridge_plan::kubernetes::ForeignKind;
use serde_json::Value;

use crate::foreign::{Shelf, Standing};
use crate::objects::World;

/// How often a kind that is not there is looked for.
const LOOK_AGAIN: Duration = Duration::from_secs(3);

/// Follows the objects of a kind once somebody has asked for one, in all namespaces or in these.
pub async fn follow(
    world: Arc<World>,
    client: Client,
    kind: &'static ForeignKind,
    settings: watcher::Config,
    namespaces: Vec<String>,
) {
    let Some(shelf) = world.foreign.shelf(kind) else { return };
    shelf.wanted().await;
    loop {
        match is_served(&client, kind).await {
            Ok(true) => {
                tracing::info!(kind = kind.kind, "objects of this kind are watched from now on");
                watch(&world, shelf, &client, kind, &settings, &namespaces).await;
            }
            Ok(false) if shelf.stands(Standing::Absent) => {
                tracing::info!(kind = kind.kind, "the API server does not serve this kind; it is looked for");
                wake_users(&world, None);
            }
            Ok(false) => {}
            Err(error) => tracing::debug!(kind = kind.kind, %error, "it is not known whether the kind is there"),
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Whether the API server serves the kind.
async fn is_served(client: &Client, kind: &ForeignKind) -> kube::Result<bool> {
    let is_in_a_group = kind.api_version.contains('/');
    let resources = if is_in_a_group {
        client.list_api_group_resources(kind.api_version).await
    } else {
        client.list_core_api_resources(kind.api_version).await
    };
    match resources {
        Ok(found) => Ok(found.resources.iter().any(|r| r.name == kind.plural)),
        // An unknown group is answered with a plain text, so that only the code says it.
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(false),
        Err(error) => Err(error),
    }
}

/// Follows the watches until the kind is gone.
async fn watch(
    world: &World,
    shelf: &Shelf,
    client: &Client,
    kind: &ForeignKind,
    settings: &watcher::Config,
    namespaces: &[String],
) {
    let (group, version) = kind.api_version.split_once('/').unwrap_or(("", kind.api_version));
    let gvk = GroupVersionKind::gvk(group, version, kind.kind);
    let resource = ApiResource::from_gvk_with_plural(&gvk, kind.plural);
    let of = |api: Api<DynamicObject>| watcher(api, settings.clone()).default_backoff();
    let mut scopes: Vec<Option<&str>> = namespaces.iter().map(|n| Some(n.as_str())).collect();
    if scopes.is_empty() {
        scopes.push(None);
    }
    let streams = scopes.iter().enumerate().map(|(place, scope)| {
        let api = match scope {
            Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
            None => Api::all_with(client.clone(), &resource),
        };
        of(api).map(move |event| (place, event)).boxed()
    });
    let mut events = select_all(streams);
    let mut lists = vec![Some(Vec::new()); scopes.len()];
    let mut listed = vec![false; scopes.len()];
    while let Some((place, event)) = events.next().await {
        match event {
            Ok(Event::Init) => lists[place] = Some(Vec::new()),
            Ok(Event::InitApply(object)) => lists[place].get_or_insert_default().push(json(object)),
            Ok(Event::InitDone) => {
                let fresh = lists[place].take().unwrap_or_default();
                let touched = shelf.replace(scopes[place], &fresh);
                listed[place] = true;
                if listed.iter().all(|l| *l) && shelf.stands(Standing::Read) {
                    wake_users(world, None);
                } else {
                    for namespace in &touched {
                        wake_users(world, Some(namespace));
                    }
                }
            }
            Ok(Event::Apply(object)) => drop(shelf.put(&json(object)).map(|n| wake_users(world, Some(&n)))),
            Ok(Event::Delete(object)) => drop(shelf.remove(&json(object)).map(|n| wake_users(world, Some(&n)))),
            Err(error) => match refusal(&error) {
                // The kind was taken away.
                Some(status) if status.code == 404 => return,
                Some(status) if status.is_forbidden() => {
                    if shelf.stands(Standing::Refused(status.message.clone())) {
                        tracing::warn!(kind = kind.kind, %error, "objects of this kind may not be read; it is tried again");
                        wake_users(world, None);
                    }
                }
                _ => tracing::warn!(kind = kind.kind, %error, "watch broke; it is tried again"),
            },
        }
    }
}

fn json(object: DynamicObject) -> Value {
    serde_json::to_value(object).unwrap_or_default()
}

fn refusal(error: &watcher::Error) -> Option<&kube::core::Status> {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status)) => Some(status),
        _ => None,
    }
}

/// Wakes the migrations that go through such objects, in a namespace or in all.
fn wake_users(world: &World, namespace: Option<&str>) {
    let goes_through_them = |m: &TrafficMigration| {
        m.spec.backend.http_route.is_some() || m.status.as_ref().is_some_and(|s| s.manager.is_some())
    };
    world.migrations.wake_where(|m| namespace.is_none_or(|n| n == m.object_namespace()) && goes_through_them(m));
}
