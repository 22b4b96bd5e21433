//! CloudMapNamespace: a change of one wakes the services and exports that register in it; an account that is going may wait for it.

use landbridge_api::v1alpha1::CloudMapNamespace;
use landbridge_plan::account::DEFAULT_ACCOUNT;
use landbridge_plan::kind::Kind as _;

use super::{users_see, wake_if_going};
use crate::context::Converge;
use crate::feed::Change;
use crate::objects::{World, imports_from, uses_namespace};

impl Converge for CloudMapNamespace {
    fn changed(world: &World, change: &Change<'_, Self>) {
        let Some(namespace) = change.new.or(change.old) else { return };
        if users_see(change, |n| n.status.as_ref().and_then(|s| s.namespace_id.as_deref())) {
            world.services.wake_where(|s| uses_namespace(s, namespace.object_name()));
            world.exports.wake_where(|e| e.spec.namespace_ref.name == namespace.object_name());
            world.imports.wake_where(|i| imports_from(i, namespace.object_name()));
        }
        if change.new.is_none() {
            let account = namespace.spec.account_ref.as_ref().map_or(DEFAULT_ACCOUNT, |r| &r.name);
            wake_if_going(&world.accounts, None, account);
        }
    }
}
