//! References of the kind, resolved: the account itself.

use std::sync::Arc;

use serde::Serialize;

use crate::account::AccountTarget;

/// The account that the object describes; its account ID is what the spec expects, or empty.
#[derive(Clone, Debug, Serialize)]
pub struct AwsAccountResolved {
    /// The account.
    pub account: Arc<AccountTarget>,
    /// Objects that refer to this one; filled in only while it is being deleted.
    #[serde(skip)]
    pub users: Vec<String>,
}
