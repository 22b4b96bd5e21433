//! IAMTaskRole: a change of one wakes the services of its namespace that use it; an account that is going may wait for it.

use std::time::Duration;

use landbridge_api::v1alpha1::IamTaskRole;
use landbridge_plan::account::DEFAULT_ACCOUNT;
use landbridge_plan::kind::Kind as _;

use super::{users_see, wake_if_going};
use crate::config::Config;
use crate::context::Converge;
use crate::feed::Change;
use crate::objects::{World, uses_role};

impl Converge for IamTaskRole {
    /// Rounds see all but the description and the longest session, and a look at a role is four calls or more.
    fn resync(config: &Config) -> Duration {
        config.service_resync
    }

    fn changed(world: &World, change: &Change<'_, Self>) {
        let Some(role) = change.new.or(change.old) else { return };
        // A role that was deleted and made again has the same ARN and another ID.
        if users_see(change, |r| r.status.as_ref().and_then(|s| s.role_id.as_deref())) {
            let (namespace, name) = (role.object_namespace(), role.object_name());
            world.services.wake_where(|s| s.object_namespace() == namespace && uses_role(s, name));
        }
        if change.new.is_none() {
            let account = role.spec.account_ref.as_ref().map_or(DEFAULT_ACCOUNT, |r| &r.name);
            wake_if_going(&world.accounts, None, account);
        }
    }
}
