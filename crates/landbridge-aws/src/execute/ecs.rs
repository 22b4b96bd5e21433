//! Writes to ECS. Their answers are remembered, so that a read that AWS answers from the past does not confuse a pass.

use std::time::Duration;

use aws_sdk_ecs::operation::create_cluster::CreateClusterInput;
use aws_sdk_ecs::operation::create_service::CreateServiceInput;
use aws_sdk_ecs::operation::put_cluster_capacity_providers::PutClusterCapacityProvidersInput;
use aws_sdk_ecs::operation::register_task_definition::RegisterTaskDefinitionInput;
use aws_sdk_ecs::operation::update_cluster::UpdateClusterInput;
use aws_sdk_ecs::operation::update_service::UpdateServiceInput;
use aws_sdk_ecs::types::{Cluster, Service, Tag};
use landbridge_plan::change::{Body, Tags};
use landbridge_plan::ecs_service::RevisionFacts;
use serde_json::Value;

use super::{Produced, Writer, or_gone, with_member};
use crate::codec::{send, to_json};
use crate::describe::service_facts;
use crate::error::AwsError;
use crate::facts;
use crate::operations::{self as op, Operation};

impl Writer<'_> {
    pub(super) async fn create_cluster(self, name: &str, body: &Body) -> Result<Produced, AwsError> {
        let body = with_member(body, "clusterName", name);
        let operation = op::CREATE_CLUSTER;
        let call = send!(self.aws, operation, self.priority, self.aws.ecs(), create_cluster, CreateClusterInput, &body);
        let answer = call.await?;
        self.heard_of_cluster(operation, name, answer.cluster(), &body)
    }

    pub(super) async fn update_cluster(self, name: &str, body: &Body) -> Result<Produced, AwsError> {
        let body = with_member(body, "cluster", name);
        let operation = op::UPDATE_CLUSTER;
        let call = send!(self.aws, operation, self.priority, self.aws.ecs(), update_cluster, UpdateClusterInput, &body);
        let answer = call.await?;
        self.heard_of_cluster(operation, name, answer.cluster(), &body)
    }

    pub(super) async fn put_cluster_capacity_providers(self, name: &str, body: &Body) -> Result<Produced, AwsError> {
        let body = with_member(body, "cluster", name);
        let operation = op::PUT_CLUSTER_CAPACITY_PROVIDERS;
        let answer = send!(
            self.aws,
            operation,
            self.priority,
            self.aws.ecs(),
            put_cluster_capacity_providers,
            PutClusterCapacityProvidersInput,
            &body
        )
        .await?;
        self.heard_of_cluster(operation, name, answer.cluster(), &body)
    }

    pub(super) async fn delete_cluster(self, name: &str) -> Result<Produced, AwsError> {
        let call = || self.aws.ecs().delete_cluster().cluster(name).send();
        let result = self.aws.call(op::DELETE_CLUSTER, self.priority, call).await;
        let done = or_gone(result.map(drop))?;
        self.aws.memory().clusters.removed(&name.to_owned());
        Ok(done)
    }

    pub(super) async fn register_task_definition(
        self,
        family: &str,
        content: &str,
        body: &Body,
    ) -> Result<Produced, AwsError> {
        let body = with_member(body, "family", family);
        let operation = op::REGISTER_TASK_DEFINITION;
        let answer = send!(
            self.aws,
            operation,
            self.priority,
            self.aws.ecs(),
            register_task_definition,
            RegisterTaskDefinitionInput,
            &body
        )
        .await?;
        let arn = answer.task_definition().and_then(|t| t.task_definition_arn());
        let arn = arn.ok_or_else(|| AwsError::incomplete(operation, "taskDefinition"))?.to_owned();
        let facts = RevisionFacts {
            arn: arn.clone(),
            status: "ACTIVE".to_owned(),
            content: Some(content.to_owned()),
            definition: None,
            tags: facts::tags(&Value::Object(body)),
        };
        self.aws.memory().revisions.put(family.to_owned(), facts);
        Ok(Produced::from([("arn", arn)]))
    }

    pub(super) async fn deregister_task_definition(self, arn: &str) -> Result<Produced, AwsError> {
        let call = || self.aws.ecs().deregister_task_definition().task_definition(arn).send();
        let done = or_gone(self.aws.call(op::DEREGISTER_TASK_DEFINITION, self.priority, call).await.map(drop))?;
        let (made, retired) = (&self.aws.memory().revisions, &self.aws.memory().retired);
        // `…:task-definition/family:revision`. The next object of that name would use what is no longer there.
        let family = arn.rsplit('/').next().and_then(|named| named.split(':').next()).unwrap_or_default();
        if made.get(family, Duration::MAX).is_some_and(|newest| newest.arn == arn) {
            made.forget(family);
        }
        if let Some(known) = retired.get(arn, Duration::MAX) {
            retired.put(arn.to_owned(), RevisionFacts { status: "INACTIVE".to_owned(), ..known });
        }
        Ok(done)
    }

    pub(super) async fn create_service(self, cluster: &str, name: &str, body: &Body) -> Result<Produced, AwsError> {
        let body = with_member(&with_member(body, "cluster", cluster), "serviceName", name);
        let operation = op::CREATE_SERVICE;
        let call = send!(self.aws, operation, self.priority, self.aws.ecs(), create_service, CreateServiceInput, &body);
        let answer = call.await?;
        self.heard_of_service(operation, cluster, name, answer.service(), Some(&body))
    }

    pub(super) async fn update_service(self, cluster: &str, name: &str, body: &Body) -> Result<Produced, AwsError> {
        let body = with_member(&with_member(body, "cluster", cluster), "service", name);
        let operation = op::UPDATE_SERVICE;
        let call = send!(self.aws, operation, self.priority, self.aws.ecs(), update_service, UpdateServiceInput, &body);
        let answer = call.await?;
        self.heard_of_service(operation, cluster, name, answer.service(), None)
    }

    pub(super) async fn delete_service(self, cluster: &str, name: &str) -> Result<Produced, AwsError> {
        let operation = op::DELETE_SERVICE;
        let call = || self.aws.ecs().delete_service().cluster(cluster).service(name).force(true).send();
        match self.aws.call(operation, self.priority, call).await {
            Ok(answer) => self.heard_of_service(operation, cluster, name, answer.service(), None),
            Err(error) => {
                let done = or_gone(Err(error))?;
                self.aws.memory().services.removed(&(cluster.to_owned(), name.to_owned()));
                Ok(done)
            }
        }
    }

    pub(super) async fn tag_ecs(self, arn: &str, set: &Tags, remove: &[String]) -> Result<Produced, AwsError> {
        if !set.is_empty() {
            let tags: Vec<Tag> = set.iter().map(|(k, v)| Tag::builder().key(k).value(v).build()).collect();
            let call = || self.aws.ecs().tag_resource().resource_arn(arn).set_tags(Some(tags.clone())).send();
            self.aws.call(op::ECS_TAG, self.priority, call).await?;
        }
        if !remove.is_empty() {
            let call = || self.aws.ecs().untag_resource().resource_arn(arn).set_tag_keys(Some(remove.to_vec())).send();
            self.aws.call(op::ECS_UNTAG, self.priority, call).await?;
        }
        let retag = |tags: &mut Tags| {
            tags.retain(|key, _| !remove.contains(key));
            tags.extend(set.clone());
        };
        let resource = arn.rsplit(':').next().unwrap_or_default();
        match resource.split('/').collect::<Vec<_>>().as_slice() {
            ["service", cluster, name] => {
                let key = ((*cluster).to_owned(), (*name).to_owned());
                self.aws.memory().services.change(&key, |s| retag(&mut s.tags));
            }
            ["capacity-provider", name] => {
                self.aws.memory().providers.change(&(*name).to_owned(), |p| retag(&mut p.tags));
            }
            ["cluster", name] => self.aws.memory().clusters.change(&(*name).to_owned(), |c| retag(&mut c.tags)),
            _ => {}
        }
        Ok(Produced::new())
    }

    fn heard_of_cluster(
        self,
        operation: &'static Operation,
        name: &str,
        cluster: Option<&Cluster>,
        body: &Body,
    ) -> Result<Produced, AwsError> {
        let cluster = cluster.ok_or_else(|| AwsError::incomplete(operation, "cluster"))?;
        let Some(mut facts) = facts::cluster(&to_json(operation, cluster)?) else { return Ok(Produced::new()) };
        let arn = facts.arn.clone();
        if facts.tags.is_empty() {
            facts.tags = facts::tags(&Value::Object(body.clone()));
        }
        // The answer need not show what DescribeClusters shows only when asked to include it.
        for (name, value) in body.iter().filter(|(n, _)| facts::is_cluster_member(n)) {
            facts.fields.entry(name.clone()).or_insert_with(|| value.clone());
        }
        self.aws.memory().clusters.wrote(&name.to_owned(), facts);
        Ok(Produced::from([("arn", arn)]))
    }

    fn heard_of_service(
        self,
        operation: &'static Operation,
        cluster: &str,
        name: &str,
        service: Option<&Service>,
        body: Option<&Body>,
    ) -> Result<Produced, AwsError> {
        let service = service.ok_or_else(|| AwsError::incomplete(operation, "service"))?;
        let key = (cluster.to_owned(), name.to_owned());
        let Some(mut facts) = service_facts(operation, service)? else {
            self.aws.memory().services.removed(&key);
            return Ok(Produced::new());
        };
        if let (true, Some(body)) = (facts.tags.is_empty(), body) {
            facts.tags = facts::tags(&Value::Object(body.clone()));
        }
        let produced = Produced::from([("arn", facts.arn.clone())]);
        self.aws.memory().services.wrote(&key, facts);
        Ok(produced)
    }
}
