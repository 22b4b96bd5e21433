//! CloudMapExport: a namespace that is going may wait for it. What wakes it are Services and EndpointSlices.

use std::time::Duration;

use landbridge_api::v1alpha1::CloudMapExport;
use landbridge_aws::Aws;
use landbridge_plan::cloud_map_export::CloudMapExportResolved;
use landbridge_plan::kind::Kind as _;

use super::wake_if_going;
use crate::context::{Converge, Operator};
use crate::feed::Change;
use crate::objects::World;

impl Converge for CloudMapExport {
    /// Endpoints become ready in Kubernetes, whose watches tell of it.
    fn follow(&self, _: &Operator, _: &CloudMapExportResolved, _: &Aws, _moves: bool) -> Duration {
        Duration::from_mins(5)
    }

    fn changed(world: &World, change: &Change<'_, Self>) {
        wake_migrations(world, change);
        world.multi_cluster.wake();
        if let (Some(old), None) = (change.old, change.new) {
            wake_if_going(&world.cloud_map, None, &old.spec.namespace_ref.name);
        }
    }
}

/// A migration waits for the pods that it asked for to be registered.
fn wake_migrations(world: &World, change: &Change<'_, CloudMapExport>) {
    let counts = |e: &CloudMapExport| e.status.as_ref().map(|s| (s.registered, s.of_others));
    let Some(export) = change.new.or(change.old) else { return };
    if change.old.map(counts) == change.new.map(counts) && change.old.is_some() && change.new.is_some() {
        return;
    }
    let (namespace, service) = (export.object_namespace(), &export.spec.service_ref.name);
    world.migrations.wake_where(|m| {
        let sides = [&m.spec.from, &m.spec.to].into_iter().filter_map(|s| s.kubernetes_service.as_ref());
        m.spec.backend.cloud_map.is_some()
            && m.object_namespace() == namespace
            && sides.into_iter().any(|k| k.name == *service)
    });
}
