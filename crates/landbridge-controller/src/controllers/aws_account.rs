//! AWSAccount: a change of one wakes everything in the account.

use landbridge_api::v1alpha1::AwsAccount;
use landbridge_plan::account::DEFAULT_ACCOUNT;
use landbridge_plan::kind::Kind as _;

use super::users_see;
use crate::context::Converge;
use crate::feed::Change;
use crate::objects::{World, uses_account};

impl Converge for AwsAccount {
    fn changed(world: &World, change: &Change<'_, Self>) {
        let Some(account) = change.new.or(change.old) else { return };
        if users_see(change, |a| a.status.as_ref().and_then(|s| s.account_id.as_deref())) {
            wake_users(world, account.object_name());
        }
    }
}

/// Wakes every object that uses the AWSAccount of that name, or would if it existed.
fn wake_users(world: &World, name: &str) {
    world.clusters.wake_where(|c| uses_account(c.spec.account_ref.as_ref(), name));
    world.cloud_map.wake_where(|n| uses_account(n.spec.account_ref.as_ref(), name));
    world.roles.wake_where(|r| uses_account(r.spec.account_ref.as_ref(), name));
    // A service is in the account of its cluster.
    world.services.wake_where(|s| {
        let cluster = world.clusters.get(None, &s.spec.cluster_ref.name);
        cluster.is_some_and(|c| uses_account(c.spec.account_ref.as_ref(), name))
    });
}

/// Wakes every object that means the operator's own AWS environment.
pub fn wake_users_of_ambient(world: &World) {
    wake_users(world, DEFAULT_ACCOUNT);
}
