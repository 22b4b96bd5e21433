//! TrafficMigration: it looks by itself, again and again, while it moves; a change of its sides makes it look at once.

use landbridge_api::v1alpha1::TrafficMigration;
use landbridge_plan::kind::Kind as _;

use crate::context::Converge;
use crate::feed::Change;
use crate::objects::World;

impl Converge for TrafficMigration {
    fn changed(world: &World, change: &Change<'_, Self>) {
        let Some(migration) = change.new.or(change.old) else { return };
        wake_exports(world, change);
        let phase = |m: &Self| m.status.as_ref().and_then(|s| s.phase);
        // One that ends lets another begin.
        if change.old.map(phase) != change.new.map(phase) {
            let (namespace, name) = (migration.object_namespace(), migration.object_name());
            world.migrations.wake_where(|m| m.object_namespace() == namespace && m.object_name() != name);
        }
    }
}

/// How many pods an export registers may be what a migration says.
fn wake_exports(world: &World, change: &Change<'_, TrafficMigration>) {
    let word = |m: &TrafficMigration| m.status.as_ref().map(|s| (s.phase, s.registered_pods));
    let Some(migration) = change.new.or(change.old) else { return };
    if migration.spec.backend.cloud_map.is_none() || change.old.map(word) == change.new.map(word) {
        return;
    }
    let sides = [&migration.spec.from, &migration.spec.to].into_iter().filter_map(|s| s.kubernetes_service.as_ref());
    let services: Vec<&str> = sides.map(|k| k.name.as_str()).collect();
    world.exports.wake_where(|e| {
        e.object_namespace() == migration.object_namespace() && services.contains(&e.spec.service_ref.name.as_str())
    });
}
