//! Task definition revisions: read from AWS only when nothing that is stored or remembered says which one holds the
//! wanted content.

use std::time::Duration;

use aws_sdk_ecs::types::TaskDefinitionField;
use landbridge_api::names::tag;
use landbridge_plan::ecs_service::lookups::may_have_registered;
use landbridge_plan::ecs_service::{Desired, EcsServiceObserved, RevisionFacts};
use landbridge_plan::kind::Kind as _;
use serde_json::Value;

use super::DEAR;
use super::ecs_service::Look;
use crate::budget::Priority;
use crate::client::Aws;
use crate::codec::to_json;
use crate::describe::gone_is_none;
use crate::error::AwsError;
use crate::facts::{optional, text};
use crate::operations as op;

impl Look<'_> {
    /// The revision that may hold the wanted content, where the stored status does not say. A revision is registered
    /// only after its content hash is stored, or for a new object the finalizer: a hash without an ARN, and a finalizer
    /// without a hash, are answers that may have been lost.
    pub(super) async fn task_definition(
        &self,
        observed: &EcsServiceObserved,
    ) -> Result<Option<RevisionFacts>, AwsError> {
        let wanted = Desired::of(self.object, self.resolved).revision;
        let Some(family) = wanted.family() else { return Ok(None) };
        if self.object.is_deleting() {
            return self.unnoted_revision(family).await;
        }
        if let Some(made) = self.aws.memory().revisions.get(family, Duration::MAX)
            && wanted.is_held_by(&made)
        {
            return Ok(Some(made));
        }
        let stored = self.object.stored();
        let noted = stored.and_then(|s| s.revisions.iter().find(|r| r.content == wanted.content()));
        match (noted, stored.and_then(|s| s.task_definition.as_ref())) {
            // A revision that is about to be used again may have been deregistered by others since.
            (Some(noted), _) if goes_back(observed, &noted.arn) && stored.is_some_and(|s| s.rolled_back.is_none()) => {
                self.aws.revision(&noted.arn, self.priority).await
            }
            (None, Some(intent)) if intent.content == wanted.content() && intent.arn.is_none() => {
                self.aws.revision(family, self.priority).await
            }
            (Some(_), _) | (None, Some(_)) => Ok(None),
            (None, None) => {
                let mut found = None;
                if let Some(service) = &observed.service {
                    found = self.aws.revision(&service.task_definition, self.priority).await?;
                }
                // Without Kubernetes nothing is ever stored: the newest revision may be one that an earlier run made.
                let forgotten = stored.is_none() || may_have_registered(self.object);
                if forgotten && !found.as_ref().is_some_and(|f| wanted.is_held_by(f)) {
                    found = self.aws.revision(family, self.priority).await?.or(found);
                }
                Ok(found)
            }
        }
    }

    /// A revision that is about to go. Whether it is ours has to be seen once and not again in every pass until then.
    pub(super) async fn retired(&self, arn: &str) -> Result<Option<RevisionFacts>, AwsError> {
        let known = self.freshness.at_most(DEAR).and_then(|age| self.aws.memory().retired.get(arn, age));
        if known.is_some() {
            return Ok(known);
        }
        let found = self.aws.revision(arn, self.priority).await?;
        if let Some(found) = &found {
            self.aws.memory().retired.put(arn.to_owned(), found.clone());
        }
        Ok(found)
    }

    /// The newest revision of the family, when the object is being deleted and the answer to its registration was lost.
    async fn unnoted_revision(&self, family: &str) -> Result<Option<RevisionFacts>, AwsError> {
        let intent = self.object.stored().and_then(|s| s.task_definition.as_ref());
        if intent.is_some_and(|i| i.arn.is_none()) || may_have_registered(self.object) {
            return self.aws.revision(family, self.priority).await;
        }
        Ok(None)
    }
}

/// Whether the service, if it is there, runs something else than this revision.
fn goes_back(observed: &EcsServiceObserved, arn: &str) -> bool {
    observed.service.as_ref().is_none_or(|s| s.task_definition != arn)
}

impl Aws {
    /// A revision by ARN, or the newest ACTIVE one by family; none when there is none.
    pub(super) async fn revision(&self, name: &str, priority: Priority) -> Result<Option<RevisionFacts>, AwsError> {
        let operation = op::DESCRIBE_TASK_DEFINITION;
        let call =
            || self.ecs().describe_task_definition().task_definition(name).include(TaskDefinitionField::Tags).send();
        let found = gone_is_none(self.call(operation, priority, call).await.map(Some))?;
        let Some(answer) = found else { return Ok(None) };
        let definition = answer.task_definition().ok_or_else(|| AwsError::incomplete(operation, "taskDefinition"))?;
        let json = to_json(operation, definition)?;
        let tags =
            answer.tags().iter().filter_map(|t| Some((t.key()?.to_owned(), t.value().unwrap_or_default().to_owned())));
        let tags: landbridge_plan::change::Tags = tags.collect();
        Ok(Some(RevisionFacts {
            arn: text(&json, "taskDefinitionArn"),
            status: optional(&json, "status").unwrap_or_else(|| "ACTIVE".to_owned()),
            content: tags.get(tag::CONTENT).cloned(),
            definition: match json {
                Value::Object(definition) => Some(definition),
                _ => None,
            },
            tags,
        }))
    }
}
