//! Coalesced reads of ECS: services, clusters, capacity providers, service deployments, service revisions. Each page is one
//! call.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_ecs::types::{CapacityProviderField, ClusterField, Failure, Service, ServiceField};
use landbridge_plan::change::Body;
use landbridge_plan::ecs_cluster::{CapacityProviderFacts, ClusterFacts};
use landbridge_plan::ecs_service::{ServiceDeploymentFacts, ServiceFacts};
use landbridge_plan::verdict::ErrorClass;
use serde_json::Value;

use crate::budget::Priority;
use crate::client::Aws;
use crate::codec::to_json;
use crate::error::AwsError;
use crate::facts;
use crate::operations as op;
use crate::recent::Heard;

/// How old an answer may be that a pass works with.
pub(crate) const RECENT: Duration = Duration::from_secs(2);

/// What ECS says of each thing that it was asked for. What is not there is left out; what ECS could not tell of is an error,
/// which must not be taken for it.
pub(crate) type Found<T> = BTreeMap<String, Result<T, AwsError>>;

/// Adds what ECS could not tell of (`failures` with another reason than `MISSING`) under the names that `name` finds in the ARNs.
fn add_untold<T>(found: &mut Found<T>, operation: &op::Operation, failures: &[Failure], name: fn(&str) -> &str) {
    for failure in failures.iter().filter(|failure| failure.reason() != Some("MISSING")) {
        let (arn, reason) = (failure.arn().unwrap_or_default(), failure.reason().unwrap_or("no reason was given"));
        let detail = failure.detail().map(|detail| format!(", {detail}")).unwrap_or_default();
        let message = format!("AWS could not tell of {arn} ({reason}{detail}); it is asked again");
        found.insert(name(arn).to_owned(), Err(AwsError::new(operation, ErrorClass::Transient, message)));
    }
}

/// The name at the end of an ARN.
fn name_in(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

impl Aws {
    /// The service of that name; none when it is not there, or INACTIVE.
    pub(crate) async fn service(
        &self,
        cluster: &str,
        name: &str,
        age: Duration,
        priority: Priority,
    ) -> Result<Option<ServiceFacts>, AwsError> {
        let key = (cluster.to_owned(), name.to_owned());
        if let Heard::Of(recent) = self.memory().services.get(&key, age) {
            return Ok(recent);
        }
        let (aws, cluster) = (self.clone(), cluster.to_owned());
        let load =
            move |names: Vec<String>, priority| async move { aws.describe_services(&cluster, names, priority).await };
        let pages = self.memory().service_pages(&key.0);
        let read = pages.get(op::DESCRIBE_SERVICES, key.1.clone(), priority, load).await?.transpose()?;
        Ok(self.memory().services.read(&key, read))
    }

    /// One DescribeServices of at most ten services of a cluster, by name. A cluster that is not there has none.
    pub(crate) async fn describe_services(
        &self,
        cluster: &str,
        names: Vec<String>,
        priority: Priority,
    ) -> Result<Found<ServiceFacts>, AwsError> {
        let operation = op::DESCRIBE_SERVICES;
        let answer = self
            .call(operation, priority, || {
                let call = self.ecs().describe_services().cluster(cluster).set_services(Some(names.clone()));
                call.include(ServiceField::Tags).send()
            })
            .await;
        let answer = match answer {
            Err(error) if &*error.code == "ClusterNotFoundException" => return Ok(BTreeMap::new()),
            other => other?,
        };
        let mut found = BTreeMap::new();
        for service in answer.services() {
            let name = service.service_name().unwrap_or_default().to_owned();
            if let Some(facts) = service_facts(operation, service)? {
                found.insert(name, Ok(facts));
            }
        }
        add_untold(&mut found, operation, answer.failures(), name_in);
        Ok(found)
    }

    /// The cluster of that name; none when it is not there, or INACTIVE.
    pub(crate) async fn cluster(
        &self,
        name: &str,
        age: Duration,
        priority: Priority,
    ) -> Result<Option<ClusterFacts>, AwsError> {
        let key = name.to_owned();
        if let Heard::Of(recent) = self.memory().clusters.get(&key, age) {
            return Ok(recent);
        }
        let aws = self.clone();
        let load = move |names, priority| async move { aws.describe_clusters(names, priority).await };
        let read =
            self.memory().cluster_pages.get(op::DESCRIBE_CLUSTERS, key.clone(), priority, load).await?.transpose()?;
        Ok(self.memory().clusters.read(&key, read))
    }

    /// One DescribeClusters of at most a hundred clusters, by name.
    pub(crate) async fn describe_clusters(
        &self,
        names: Vec<String>,
        priority: Priority,
    ) -> Result<Found<ClusterFacts>, AwsError> {
        let operation = op::DESCRIBE_CLUSTERS;
        let include = [
            ClusterField::Attachments,
            ClusterField::Configurations,
            ClusterField::Settings,
            ClusterField::Statistics,
            ClusterField::Tags,
        ];
        let answer = self
            .call(operation, priority, || {
                let call = self.ecs().describe_clusters().set_clusters(Some(names.clone()));
                call.set_include(Some(include.to_vec())).send()
            })
            .await?;
        let mut found = BTreeMap::new();
        for cluster in answer.clusters() {
            if let Some(facts) = facts::cluster(&to_json(operation, cluster)?) {
                found.insert(cluster.cluster_name().unwrap_or_default().to_owned(), Ok(facts));
            }
        }
        add_untold(&mut found, operation, answer.failures(), name_in);
        Ok(found)
    }

    /// The capacity provider of that name; none when it is not there, or INACTIVE.
    pub(crate) async fn capacity_provider(
        &self,
        name: &str,
        age: Duration,
        priority: Priority,
    ) -> Result<Option<CapacityProviderFacts>, AwsError> {
        let key = name.to_owned();
        if let Heard::Of(recent) = self.memory().providers.get(&key, age) {
            return Ok(recent);
        }
        let aws = self.clone();
        let load = move |names: Vec<String>, priority| async move {
            aws.describe_capacity_providers(Some(names), None, priority).await
        };
        let pages = &self.memory().provider_pages;
        let read = pages.get(op::DESCRIBE_CAPACITY_PROVIDERS, key.clone(), priority, load).await?.transpose()?;
        Ok(self.memory().providers.read(&key, read))
    }

    /// DescribeCapacityProviders: at most a hundred by name, or those of a cluster. AWS's own are left out.
    pub(crate) async fn describe_capacity_providers(
        &self,
        names: Option<Vec<String>>,
        cluster: Option<&str>,
        priority: Priority,
    ) -> Result<Found<CapacityProviderFacts>, AwsError> {
        let operation = op::DESCRIBE_CAPACITY_PROVIDERS;
        let (mut found, mut token) = (BTreeMap::new(), None::<String>);
        loop {
            let call = || {
                let call = self.ecs().describe_capacity_providers().set_capacity_providers(names.clone());
                let call = call.set_cluster(cluster.map(str::to_owned)).set_next_token(token.clone());
                call.include(CapacityProviderField::Tags).send()
            };
            let answer = self.call(operation, priority, call).await?;
            for provider in answer.capacity_providers() {
                let name = provider.name().unwrap_or_default();
                if let Some(facts) = facts::capacity_provider(&to_json(operation, provider)?)
                    && !is_of_aws(name)
                {
                    found.insert(name.to_owned(), Ok(facts));
                }
            }
            add_untold(&mut found, operation, answer.failures(), name_in);
            token = answer.next_token().map(str::to_owned);
            if token.is_none() {
                return Ok(found);
            }
        }
    }

    /// The service deployment of that ARN; none when ECS no longer knows it.
    pub(crate) async fn service_deployment(
        &self,
        arn: &str,
        priority: Priority,
    ) -> Result<Option<ServiceDeploymentFacts>, AwsError> {
        let operation = op::DESCRIBE_SERVICE_DEPLOYMENTS;
        let aws = self.clone();
        let load = move |arns: Vec<String>, priority| async move {
            let answer = aws
                .call(operation, priority, || {
                    aws.ecs().describe_service_deployments().set_service_deployment_arns(Some(arns.clone())).send()
                })
                .await?;
            let mut found = Found::new();
            for deployment in answer.service_deployments() {
                let facts = facts::service_deployment(&to_json(operation, deployment)?);
                found.insert(facts.arn.clone(), Ok(facts));
            }
            add_untold(&mut found, operation, answer.failures(), |arn| arn);
            Ok(found)
        };
        let found = self.memory().deployment_pages.get(operation, arn.to_owned(), priority, load).await;
        gone_is_none(found)?.transpose()
    }

    /// The members of a service that only its revision shows.
    pub(crate) async fn revision_fields(&self, arn: &str, priority: Priority) -> Result<Option<Body>, AwsError> {
        if let Some(known) = self.memory().revision_fields.get(arn, Duration::MAX) {
            return Ok(Some(known));
        }
        let operation = op::DESCRIBE_SERVICE_REVISIONS;
        let aws = self.clone();
        let load = move |arns: Vec<String>, priority| async move {
            let answer = aws
                .call(operation, priority, || {
                    aws.ecs().describe_service_revisions().set_service_revision_arns(Some(arns.clone())).send()
                })
                .await?;
            let mut found = Found::new();
            for revision in answer.service_revisions() {
                let json = to_json(operation, revision)?;
                found.insert(facts::text(&json, "serviceRevisionArn"), Ok(facts::revision_fields(&json)));
            }
            add_untold(&mut found, operation, answer.failures(), |arn| arn);
            Ok(found)
        };
        let found = self.memory().revision_pages.get(operation, arn.to_owned(), priority, load).await;
        let found = gone_is_none(found)?.transpose()?;
        if let Some(fields) = &found {
            self.memory().revision_fields.put(arn.to_owned(), fields.clone());
        }
        Ok(found)
    }
}

/// What a service looks like in an answer of `operation`.
pub(crate) fn service_facts(operation: &op::Operation, service: &Service) -> Result<Option<ServiceFacts>, AwsError> {
    let json: Value = to_json(operation, service)?;
    Ok(facts::service(&json))
}

/// Whether a capacity provider is one that every account has.
pub(crate) fn is_of_aws(name: &str) -> bool {
    name == "FARGATE" || name == "FARGATE_SPOT"
}

/// NotFound as nothing.
pub(crate) fn gone_is_none<T>(result: Result<Option<T>, AwsError>) -> Result<Option<T>, AwsError> {
    match result {
        Err(error) if error.class == ErrorClass::NotFound => Ok(None),
        other => other,
    }
}
