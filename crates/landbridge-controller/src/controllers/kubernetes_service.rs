//! Services and EndpointSlices of the cluster: a change wakes the objects that refer to the Service.

use std::sync::Arc;

use futures::future::{join, join_all};
use kube::core::NamespaceResourceScope;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, watcher};
use kube::{Api, Client, Resource};
use landbridge_plan::cloud_map_import::service_name;
use landbridge_plan::kind::Kind as _;
use serde::de::DeserializeOwned;

use crate::mirror::{Shelf, Small};
use crate::objects::World;

/// Follows the watches of Services and EndpointSlices once somebody has asked for one, in all namespaces or in these.
pub async fn follow(world: Arc<World>, client: Client, settings: watcher::Config, namespaces: Vec<String>) {
    world.mirror.wanted().await;
    tracing::info!("Services and EndpointSlices are watched from now on");
    let services = shelf(&world, &world.mirror.services, &client, &settings, &namespaces);
    let slices = shelf(&world, &world.mirror.slices, &client, &settings, &namespaces);
    join(services, slices).await;
}

/// Follows the watches of one kind.
async fn shelf<T>(world: &World, shelf: &Shelf<T>, client: &Client, settings: &watcher::Config, namespaces: &[String])
where
    T: Small,
    T::Whole: Resource<Scope = NamespaceResourceScope> + Clone + DeserializeOwned + std::fmt::Debug + Send + 'static,
{
    let changed = |service: Option<(&str, &str)>| {
        match service {
            Some((namespace, name)) => wake_users(world, |n, s| n == namespace && s == name),
            None => wake_users(world, |_, _| true),
        }
        // A ServiceExport asks whether its Service is there, not where it leads.
        if T::Whole::kind(&()) == "Service" {
            world.multi_cluster.wake();
        }
    };
    shelf.begin(namespaces.len().max(1));
    let watch = |api: Api<T::Whole>| watcher(api, settings.clone()).default_backoff();
    if namespaces.is_empty() {
        return shelf.follow(None, watch(Api::all(client.clone())), changed).await;
    }
    let each = namespaces
        .iter()
        .map(|namespace| shelf.follow(Some(namespace), watch(Api::namespaced(client.clone(), namespace)), changed));
    join_all(each).await;
}

/// Wakes the objects that refer to a Service of such a namespace and name.
fn wake_users(world: &World, refers: impl Fn(&str, &str) -> bool) {
    world.exports.wake_where(|e| refers(e.object_namespace(), &e.spec.service_ref.name));
    world.imports.wake_where(|i| refers(i.object_namespace(), &service_name(i)));
    world.migrations.wake_where(|m| {
        let sides = [&m.spec.from, &m.spec.to].into_iter().filter_map(|s| s.kubernetes_service.as_ref());
        sides.into_iter().any(|s| refers(m.object_namespace(), &s.name))
    });
}
