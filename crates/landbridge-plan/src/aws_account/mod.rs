//! The account: it owns nothing in AWS; its plan says whether its credentials are the right ones.

mod observed;
mod resolved;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use jiff::Timestamp;
use landbridge_api::common::{CommonStatus, Knobs};
use landbridge_api::condition::reason;
use landbridge_api::v1alpha1::{AwsAccount, AwsAccountStatus};

use crate::account::AccountTarget;
use crate::adoption;
use crate::kind::{Health, Kind};
use crate::objects::Objects;
use crate::plan::{Plan, Unmet};

pub use observed::*;
pub use resolved::*;

impl Kind for AwsAccount {
    type Resolved = AwsAccountResolved;
    type Observed = AwsAccountObserved;
    type Status = AwsAccountStatus;

    fn knobs(&self) -> Knobs {
        Knobs::default()
    }
    fn stored(&self) -> Option<&AwsAccountStatus> {
        self.status.as_ref()
    }
    fn common(status: &AwsAccountStatus) -> &CommonStatus {
        &status.common
    }
    fn common_mut(status: &mut AwsAccountStatus) -> &mut CommonStatus {
        &mut status.common
    }

    /// The account resolves to itself. It writes nothing, so the installation, which only tags need, is left out.
    fn resolve(&self, objects: &dyn Objects) -> Result<AwsAccountResolved, Unmet> {
        Ok(AwsAccountResolved {
            account: Arc::new(AccountTarget::of(self, "")),
            users: if self.is_deleting() { objects.users_of_account(self.object_name()) } else { Vec::new() },
        })
    }

    fn account(resolved: &AwsAccountResolved) -> &AccountTarget {
        &resolved.account
    }

    fn plan(&self, resolved: &AwsAccountResolved, observed: &AwsAccountObserved, _now: Timestamp) -> Plan {
        let mut plan = Plan::of(self.identity());
        if self.is_deleting() {
            let used =
                adoption::waits_for_users(&mut plan, &format!("AWSAccount {}", self.object_name()), &resolved.users);
            plan.gone = !used;
            return plan;
        }
        if let Some(wanted) = &self.spec.account_id
            && !observed.account_id.is_empty()
            && *wanted != observed.account_id
        {
            plan.block(
                reason::CREDENTIALS,
                format!(
                    "the credentials are those of account {} ({}), and spec.accountId is {wanted}; correct spec.accountId, \
                     or give the operator credentials or a spec.assumeRole of account {wanted}",
                    observed.account_id, observed.caller_arn
                ),
            );
        }
        plan
    }

    fn health(&self, _resolved: &AwsAccountResolved, observed: &AwsAccountObserved, _now: Timestamp) -> Health {
        if observed.account_id.is_empty() {
            return Health::Progressing {
                reason: reason::PENDING,
                message: "the credentials have not been tried yet".to_owned(),
            };
        }
        Health::Healthy(format!("account {} in {} as {}", observed.account_id, self.spec.region, observed.caller_arn))
    }

    fn facts(&self, _resolved: &AwsAccountResolved, observed: &AwsAccountObserved) -> AwsAccountStatus {
        let known = |text: &String| (!text.is_empty()).then(|| text.clone());
        AwsAccountStatus {
            common: CommonStatus::default(),
            account_id: known(&observed.account_id),
            caller_arn: known(&observed.caller_arn),
        }
    }
}
