//! TrafficMigration: it looks by itself, again and again, while it moves; a change of its sides makes it look at once.

use landbridge_api::v1alpha1::TrafficMigration;
use landbridge_plan::kind::Kind as _;

use crate::context::Converge;
use crate::feed::Change;
use crate::objects::World;

impl Converge for TrafficMigration {
    fn changed(world: &World, change: &Change<'_, Self>) {
        let Some(migration) = change.new.or(change.old) else { return };
        let phase = |m: &Self| m.status.as_ref().and_then(|s| s.phase);
        // One that ends lets another begin.
        if change.old.map(phase) != change.new.map(phase) {
            let (namespace, name) = (migration.object_namespace(), migration.object_name());
            world.migrations.wake_where(|m| m.object_namespace() == namespace && m.object_name() != name);
        }
    }
}
