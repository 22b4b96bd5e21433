//! Kubernetes namespaces: their labels decide what `allowedNamespaces` selectors let in.

use std::sync::Arc;

use futures::Stream;
use k8s_openapi::api::core::v1::Namespace;
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::{self, Event};
use landbridge_plan::kind::Kind as _;

use crate::feed::Change;
use crate::objects::World;

/// Follows the watch of the namespaces. A change of labels wakes the objects in the namespace.
pub async fn follow(
    world: Arc<World>,
    events: impl Stream<Item = Result<Event<PartialObjectMeta<Namespace>>, watcher::Error>>,
) {
    let changed = |change: &Change<'_, PartialObjectMeta<Namespace>>| {
        let Some(namespace) = change.new.or(change.old).and_then(|n| n.metadata.name.as_deref()) else { return };
        if change.old.map(|n| &n.metadata.labels) != change.new.map(|n| &n.metadata.labels) {
            world.roles.wake_where(|r| r.object_namespace() == namespace);
            world.services.wake_where(|s| s.object_namespace() == namespace);
            world.exports.wake_where(|e| e.object_namespace() == namespace);
            world.imports.wake_where(|i| i.object_namespace() == namespace);
            world.multi_cluster.wake();
        }
    };
    world.namespaces.follow(events, changed).await;
}
