//! Writes to CloudWatch Logs.

use landbridge_plan::change::Tags;
use landbridge_plan::ecs_service::LogGroupFacts;

use super::{Produced, Writer, or_gone};
use crate::error::AwsError;
use crate::operations as op;

impl Writer<'_> {
    /// A group of that name that is there already is refused by AWS; the next pass sees it and whose it is.
    pub(super) async fn create_log_group(
        self,
        name: &str,
        kms_key_id: Option<&str>,
        tags: &Tags,
    ) -> Result<Produced, AwsError> {
        let call = || {
            let call = self.aws.logs().create_log_group().log_group_name(name);
            let tags = tags.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
            call.set_kms_key_id(kms_key_id.map(str::to_owned)).set_tags(Some(tags)).send()
        };
        self.aws.call(op::CREATE_LOG_GROUP, self.priority, call).await?;
        let target = self.aws.target();
        let arn = format!("arn:{}:logs:{}:{}:log-group:{name}", target.partition, target.region, target.account_id);
        let kms_key_id = kms_key_id.map(str::to_owned);
        let facts =
            LogGroupFacts { name: name.to_owned(), arn, retention_in_days: None, kms_key_id, tags: tags.clone() };
        self.aws.memory().log_groups.put(name.to_owned(), facts);
        Ok(Produced::new())
    }

    pub(super) async fn set_retention(self, name: &str, days: Option<i32>) -> Result<Produced, AwsError> {
        if let Some(days) = days {
            let call = || self.aws.logs().put_retention_policy().log_group_name(name).retention_in_days(days).send();
            self.aws.call(op::PUT_RETENTION_POLICY, self.priority, call).await?;
        } else {
            let call = || self.aws.logs().delete_retention_policy().log_group_name(name).send();
            self.aws.call(op::DELETE_RETENTION_POLICY, self.priority, call).await?;
        }
        if let Some(mut facts) = self.aws.memory().log_groups.get(name, std::time::Duration::MAX) {
            facts.retention_in_days = days;
            self.aws.memory().log_groups.put(name.to_owned(), facts);
        }
        Ok(Produced::new())
    }

    pub(super) async fn delete_log_group(self, name: &str) -> Result<Produced, AwsError> {
        let call = || self.aws.logs().delete_log_group().log_group_name(name).send();
        let done = or_gone(self.aws.call(op::DELETE_LOG_GROUP, self.priority, call).await.map(drop))?;
        self.aws.memory().log_groups.forget(name);
        Ok(done)
    }

    pub(super) async fn tag_log_group(self, arn: &str, set: &Tags, remove: &[String]) -> Result<Produced, AwsError> {
        if !set.is_empty() {
            let call = || {
                let tags = set.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
                self.aws.logs().tag_resource().resource_arn(arn).set_tags(Some(tags)).send()
            };
            self.aws.call(op::LOGS_TAG, self.priority, call).await?;
        }
        if !remove.is_empty() {
            let call = || self.aws.logs().untag_resource().resource_arn(arn).set_tag_keys(Some(remove.to_vec())).send();
            self.aws.call(op::LOGS_UNTAG, self.priority, call).await?;
        }
        if let Some((_, name)) = arn.split_once(":log-group:") {
            self.aws.memory().log_groups.forget(name);
        }
        Ok(Produced::new())
    }
}
