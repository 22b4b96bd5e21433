//! What happens when a shard is acquired after its objects were turned away: they are all queued again.

use std::sync::Arc;

use landbridge_plan::kind::Kind;
use tokio::sync::mpsc;

use crate::context::{Operator, shard, shard_of};
use crate::feed::Feed;
use crate::objects::World;

/// Wakes the objects of every shard whose name comes in.
pub async fn wake_acquired(operator: Arc<Operator>, mut acquired: mpsc::UnboundedReceiver<String>) {
    while let Some(name) = acquired.recv().await {
        // What was remembered of AWS is from before another replica wrote there.
        forget(&operator, &name);
        let world = &operator.world;
        wake(&world.accounts, world, &name);
        wake(&world.clusters, world, &name);
        wake(&world.cloud_map, world, &name);
        wake(&world.roles, world, &name);
        wake(&world.services, world, &name);
        wake(&world.exports, world, &name);
        wake(&world.imports, world, &name);
        wake(&world.migrations, world, &name);
        world.multi_cluster.wake();
    }
}

fn wake<K: Kind>(feed: &Feed<K>, world: &World, name: &str) {
    feed.wake_where(|object| shard_of(object, world) == name);
}

fn forget(operator: &Operator, name: &str) {
    for account in operator.world.targets() {
        if shard(&account) == name {
            operator.pool.forget(account.name.as_deref());
        }
    }
}
