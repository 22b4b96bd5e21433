//! What AWS says of an account: who we are there.

use serde::{Deserialize, Serialize};

/// The answer of sts:GetCallerIdentity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AwsAccountObserved {
    /// Account ID of the credentials.
    pub account_id: String,
    /// ARN of the caller.
    pub caller_arn: String,
}
