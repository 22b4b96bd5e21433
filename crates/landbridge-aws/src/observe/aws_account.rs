//! Who we are in an account.

use landbridge_api::v1alpha1::AwsAccount;
use landbridge_plan::aws_account::{AwsAccountObserved, AwsAccountResolved};

use super::{Freshness, Observe, priority};
use crate::budget::Priority;
use crate::client::Aws;
use crate::error::AwsError;
use crate::operations as op;

impl Observe for AwsAccount {
    async fn observe(
        &self,
        aws: &Aws,
        resolved: &AwsAccountResolved,
        _: Freshness,
    ) -> Result<AwsAccountObserved, AwsError> {
        aws.caller(priority(self, resolved)).await
    }
}

impl Aws {
    /// Account and identity that the credentials belong to.
    ///
    /// # Errors
    /// There are no credentials, or AWS does not accept them.
    pub async fn caller(&self, priority: Priority) -> Result<AwsAccountObserved, AwsError> {
        let answer = self.call(op::GET_CALLER_IDENTITY, priority, || self.sts().get_caller_identity().send()).await?;
        Ok(AwsAccountObserved {
            account_id: answer.account().unwrap_or_default().to_owned(),
            caller_arn: answer.arn().unwrap_or_default().to_owned(),
        })
    }
}
