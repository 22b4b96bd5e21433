//! A log group.

use std::time::Duration;

use landbridge_plan::ecs_service::LogGroupFacts;

use crate::budget::Priority;
use crate::client::Aws;
use crate::describe::gone_is_none;
use crate::error::AwsError;
use crate::operations as op;

impl Aws {
    /// The log group of exactly that name with its tags; none when it is not there.
    pub(crate) async fn log_group(
        &self,
        name: &str,
        age: Option<Duration>,
        priority: Priority,
    ) -> Result<Option<LogGroupFacts>, AwsError> {
        if let Some(known) = age.and_then(|age| self.memory().log_groups.get(name, age)) {
            return Ok(Some(known));
        }
        let mut token = None;
        let found = loop {
            let call = || {
                let call = self.logs().describe_log_groups().log_group_name_prefix(name);
                call.set_next_token(token.clone()).send()
            };
            let answer = self.call(op::DESCRIBE_LOG_GROUPS, priority, call).await?;
            // Groups come in the order of their names, so the one that is its own prefix is the first.
            if let Some(group) = answer.log_groups().iter().find(|g| g.log_group_name() == Some(name)) {
                break group.clone();
            }
            token = answer.next_token().map(str::to_owned);
            if token.is_none() {
                self.memory().log_groups.forget(name);
                return Ok(None);
            }
        };
        let arn = found.log_group_arn().or_else(|| found.arn()).unwrap_or_default().trim_end_matches(":*").to_owned();
        let call = || self.logs().list_tags_for_resource().resource_arn(&arn).send();
        let tags = gone_is_none(self.call(op::LOGS_LIST_TAGS, priority, call).await.map(Some))?;
        let tags = tags.and_then(|answer| answer.tags).unwrap_or_default();
        let facts = LogGroupFacts {
            name: name.to_owned(),
            arn,
            retention_in_days: found.retention_in_days(),
            kms_key_id: found.kms_key_id().map(str::to_owned),
            tags: tags.into_iter().collect(),
        };
        self.memory().log_groups.put(name.to_owned(), facts.clone());
        Ok(Some(facts))
    }
}
