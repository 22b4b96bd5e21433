//! Writes of capacity providers. ECS carries some of them out later and says so in `updateStatus`.

use aws_sdk_ecs::operation::create_capacity_provider::CreateCapacityProviderInput;
use aws_sdk_ecs::operation::update_capacity_provider::UpdateCapacityProviderInput;
use aws_sdk_ecs::types::CapacityProvider;
use landbridge_plan::change::Body;
use landbridge_plan::verdict::ErrorClass;
use serde_json::Value;

use super::{Produced, Writer, or_gone, with_member};
use crate::codec::{send, to_json};
use crate::error::AwsError;
use crate::facts;
use crate::operations::{self as op, Operation};

impl Writer<'_> {
    pub(super) async fn create_capacity_provider(self, name: &str, body: &Body) -> Result<Produced, AwsError> {
        let body = with_member(body, "name", name);
        let operation = op::CREATE_CAPACITY_PROVIDER;
        let answer = send!(
            self.aws,
            operation,
            self.priority,
            self.aws.ecs(),
            create_capacity_provider,
            CreateCapacityProviderInput,
            &body
        )
        .await?;
        self.heard_of_provider(operation, name, answer.capacity_provider(), Some(&body))
    }

    pub(super) async fn update_capacity_provider(self, name: &str, body: &Body) -> Result<Produced, AwsError> {
        let body = with_member(body, "name", name);
        let operation = op::UPDATE_CAPACITY_PROVIDER;
        let answer = send!(
            self.aws,
            operation,
            self.priority,
            self.aws.ecs(),
            update_capacity_provider,
            UpdateCapacityProviderInput,
            &body
        )
        .await?;
        self.heard_of_provider(operation, name, answer.capacity_provider(), None)
    }

    pub(super) async fn delete_capacity_provider(
        self,
        name: &str,
        cluster: Option<&str>,
    ) -> Result<Produced, AwsError> {
        let operation = op::DELETE_CAPACITY_PROVIDER;
        let call = || {
            let call = self.aws.ecs().delete_capacity_provider().capacity_provider(name);
            call.set_cluster(cluster.map(str::to_owned)).send()
        };
        let answer = match self.aws.call(operation, self.priority, call).await {
            Ok(answer) => answer,
            Err(error) => {
                let done = or_gone(Err(error))?;
                self.aws.memory().providers.removed(&name.to_owned());
                return Ok(done);
            }
        };
        let done = self.heard_of_provider(operation, name, answer.capacity_provider(), None)?;
        // ECS answers a deletion that it gives up at once without an error (`CapacityProvider.updateStatus`).
        let refusal =
            answer.capacity_provider().and_then(|p| Some((p.update_status()?.as_str(), p.update_status_reason())));
        match refusal {
            Some(("DELETE_FAILED", why)) => {
                let why = why.unwrap_or("ECS does not say why").trim_end_matches('.');
                let message = format!("capacity provider {name}: {why}; something still uses it, it is tried again");
                Err(AwsError::new(operation, ErrorClass::InUse, message))
            }
            _ => Ok(done),
        }
    }

    fn heard_of_provider(
        self,
        operation: &'static Operation,
        name: &str,
        provider: Option<&CapacityProvider>,
        body: Option<&Body>,
    ) -> Result<Produced, AwsError> {
        let provider = provider.ok_or_else(|| AwsError::incomplete(operation, "capacityProvider"))?;
        let key = name.to_owned();
        let Some(mut facts) = facts::capacity_provider(&to_json(operation, provider)?) else {
            self.aws.memory().providers.removed(&key);
            return Ok(Produced::new());
        };
        if let (true, Some(body)) = (facts.tags.is_empty(), body) {
            facts.tags = facts::tags(&Value::Object(body.clone()));
        }
        let produced = Produced::from([("arn", facts.arn.clone())]);
        self.aws.memory().providers.wrote(&key, facts);
        Ok(produced)
    }
}
