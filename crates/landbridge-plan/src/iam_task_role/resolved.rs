//! References of the kind, resolved.

use std::sync::Arc;

use serde::Serialize;

use crate::account::AccountTarget;

/// The account and the name in AWS.
#[derive(Clone, Debug, Serialize)]
pub struct IamTaskRoleResolved {
    /// The account.
    pub account: Arc<AccountTarget>,
    /// Name in AWS.
    pub name: String,
    /// Objects that refer to this one; filled in only while it is being deleted, and where ECS tasks are to lose it.
    #[serde(skip)]
    pub users: Vec<String>,
}
