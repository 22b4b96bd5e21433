//! AWSAccount: a change of one wakes everything in the account.

use landbridge_api::condition;
use landbridge_api::v1alpha1::AwsAccount;
use landbridge_plan::account::DEFAULT_ACCOUNT;
use landbridge_plan::kind::Kind as _;

use crate::context::Converge;
use crate::feed::Change;
use crate::objects::{World, uses_account};

impl Converge for AwsAccount {
    fn changed(world: &World, change: &Change<'_, Self>) {
        let Some(account) = change.new.or(change.old) else { return };
        if change.old.map(Seen::of) != change.new.map(Seen::of) {
            wake_users(world, account.object_name());
        }
    }
}

/// What the objects of an account see of it. That AWS does not answer for a while is not among it: they find that out
/// themselves.
#[derive(PartialEq)]
struct Seen<'a> {
    uid: Option<&'a str>,
    deleting: bool,
    /// The generation of the spec that was checked; an edit counts once it was.
    checked: Option<i64>,
    stalled: bool,
    account: Option<&'a str>,
}

impl<'a> Seen<'a> {
    fn of(account: &'a AwsAccount) -> Self {
        let conditions = account.stored().map(|s| s.common.conditions.as_slice()).unwrap_or_default();
        Self {
            uid: account.metadata.uid.as_deref(),
            deleting: account.is_deleting(),
            checked: condition::find(conditions, condition::READY).and_then(|c| c.observed_generation),
            stalled: condition::is_true(conditions, condition::STALLED),
            account: account.stored().and_then(|s| s.account_id.as_deref()),
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
    // An export is in the account of its namespace.
    world.exports.wake_where(|e| {
        let namespace = world.cloud_map.get(None, &e.spec.namespace_ref.name);
        namespace.is_some_and(|n| uses_account(n.spec.account_ref.as_ref(), name))
    });
    // An import is in the account of its source; there are few, and a look costs a call.
    world.imports.wake_where(|_| true);
}

/// Wakes every object that means the operator's own AWS environment.
pub fn wake_users_of_ambient(world: &World) {
    wake_users(world, DEFAULT_ACCOUNT);
}
