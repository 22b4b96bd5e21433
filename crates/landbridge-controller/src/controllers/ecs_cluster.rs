//! ECSCluster: a change of one wakes the services in it; an account that is going may wait for it.

use landbridge_api::v1alpha1::EcsCluster;
use landbridge_plan::account::DEFAULT_ACCOUNT;
use landbridge_plan::kind::Kind as _;

use super::{users_see, wake_if_going};
use crate::context::Converge;
use crate::feed::Change;
use crate::objects::World;

impl Converge for EcsCluster {
    fn changed(world: &World, change: &Change<'_, Self>) {
        let Some(cluster) = change.new.or(change.old) else { return };
        if users_see(change, |c| c.status.as_ref().and_then(|s| s.cluster_arn.as_deref())) {
            world.services.wake_where(|s| s.spec.cluster_ref.name == cluster.object_name());
        }
        if change.new.is_none() {
            let account = cluster.spec.account_ref.as_ref().map_or(DEFAULT_ACCOUNT, |r| &r.name);
            wake_if_going(&world.accounts, None, account);
        }
    }
}
