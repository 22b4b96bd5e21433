//! Carrying out a plan: each step once what it waits for has succeeded, independent steps side by side.
//!
//! A step that fails stops what depends on it and nothing else; the next pass plans again from what is there.

mod capacity_provider;
mod cloud_map;
mod ecs;
mod eks;
mod elbv2;
mod iam;
mod logs;
mod route53;
mod scaling;

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{FuturesUnordered, StreamExt};
use landbridge_plan::change::{Change, Tagged};
use landbridge_plan::iam_task_role::Pods;
use landbridge_plan::plan::{Plan, Step};
use landbridge_plan::token::{self, Outputs};
use landbridge_plan::verdict::{ErrorClass, Failure};

use crate::budget::Priority;
use crate::client::Aws;
use crate::error::AwsError;
use crate::kubernetes::Kubernetes;

/// What became of a plan.
#[derive(Clone, Debug, Default)]
pub struct Executed {
    /// IDs of the steps that succeeded, in the order in which they did.
    pub done: Vec<String>,
    /// What they produced.
    pub outputs: Outputs,
    /// The first failure.
    pub failure: Option<Failure>,
}

/// What a step produced, by name.
type Produced = BTreeMap<&'static str, String>;

/// Executes the steps of a plan. Refusals are the caller's business: a plan with any should have no steps.
pub async fn execute(plan: &Plan, aws: &Aws, kubernetes: &dyn Kubernetes, priority: Priority) -> Executed {
    let mut executed = Executed::default();
    let mut running = FuturesUnordered::new();
    let mut started = BTreeSet::new();
    loop {
        for step in &plan.steps {
            let is_ready = step.after.iter().all(|id| executed.done.contains(id));
            if is_ready && started.insert(&step.id) {
                match resolved(step, &executed.outputs) {
                    Ok(change) => running.push(Box::pin(async move {
                        if change.is_kubernetes() {
                            return (step, kubernetes.write(&change, aws.target()).await.map(|()| Produced::new()));
                        }
                        (step, write(&change, aws, priority).await.map_err(|error| Failure::from(&error)))
                    })),
                    Err(failure) => executed.failed(failure),
                }
            }
        }
        let Some((step, result)) = running.next().await else { return executed };
        match result {
            Ok(produced) => executed.succeeded(&step.id, produced),
            Err(failure) => executed.failed(failure),
        }
    }
}

impl Executed {
    fn succeeded(&mut self, step: &str, produced: Produced) {
        self.done.push(step.to_owned());
        for (name, value) in produced {
            self.outputs.insert((step.to_owned(), name.to_owned()), value);
        }
    }

    fn failed(&mut self, failure: Failure) {
        self.failure.get_or_insert(failure);
    }
}

/// The step's change with values in place of tokens.
fn resolved(step: &Step, outputs: &Outputs) -> Result<Change, Failure> {
    let json = serde_json::to_value(&step.change).unwrap_or_default();
    let change = token::resolve_value(&json, outputs).and_then(|v| serde_json::from_value(v).ok());
    change.ok_or_else(|| Failure {
        operation: step.change.operation().to_owned(),
        class: ErrorClass::NotYet,
        message: format!("step {} needs a value that an earlier step has not produced; it is planned again", step.id),
    })
}

/// Makes one change.
async fn write(change: &Change, aws: &Aws, priority: Priority) -> Result<Produced, AwsError> {
    use Change as C;
    let with = Writer { aws, priority };
    match change {
        C::CreateCluster { name, body } => with.create_cluster(name, body).await,
        C::UpdateCluster { name, body } => with.update_cluster(name, body).await,
        C::PutClusterCapacityProviders { name, body } => with.put_cluster_capacity_providers(name, body).await,
        C::DeleteCluster { name } => with.delete_cluster(name).await,
        C::CreateCapacityProvider { name, body } => with.create_capacity_provider(name, body).await,
        C::UpdateCapacityProvider { name, body } => with.update_capacity_provider(name, body).await,
        C::DeleteCapacityProvider { name, cluster } => with.delete_capacity_provider(name, cluster.as_deref()).await,
        C::RegisterTaskDefinition { family, content, body } => {
            with.register_task_definition(family, content, body).await
        }
        C::DeregisterTaskDefinition { arn } => with.deregister_task_definition(arn).await,
        C::CreateService { cluster, name, body } => with.create_service(cluster, name, body).await,
        C::UpdateService { cluster, name, body } => with.update_service(cluster, name, body).await,
        C::DeleteService { cluster, name } => with.delete_service(cluster, name).await,
        C::CreateNamespace { name, body } => with.create_namespace(name, body).await,
        C::UpdateNamespace { id, name, body } => with.update_namespace(id, name, body).await,
        C::DeleteNamespace { id, name } => with.delete_namespace(id, name).await,
        C::CreateDiscoveryService { name, body } => with.create_discovery_service(name, body).await,
        C::UpdateDiscoveryService { id, name: _, body } => with.update_discovery_service(id, body).await,
        C::RegisterInstance { service_id, instance_id, attributes } => {
            with.register_instance(service_id, instance_id, attributes).await
        }
        C::DeregisterInstance { service_id, instance_id } => with.deregister_instance(service_id, instance_id).await,
        C::DeleteDiscoveryService { id, name: _ } => with.delete_discovery_service(id).await,
        C::CreateLogGroup { name, kms_key_id, tags } => with.create_log_group(name, kms_key_id.as_deref(), tags).await,
        C::SetRetention { name, days } => with.set_retention(name, *days).await,
        C::DeleteLogGroup { name } => with.delete_log_group(name).await,
        C::CreateRole { name, path, trust, body, tags } => with.create_role(name, path, trust, body, tags).await,
        C::UpdateTrust { role, trust } => with.update_trust(role, trust).await,
        C::UpdateRole { role, description, max_session_duration } => {
            with.update_role(role, description, *max_session_duration).await
        }
        C::SetBoundary { role, arn } => with.set_boundary(role, arn.as_deref()).await,
        C::PutRolePolicy { role, name, document } => with.put_role_policy(role, name, document).await,
        C::DeleteRolePolicy { role, name } => with.delete_role_policy(role, name).await,
        C::AttachRolePolicy { role, arn } => with.attach_role_policy(role, arn).await,
        C::DetachRolePolicy { role, arn } => with.detach_role_policy(role, arn).await,
        C::TagRole { role, set, remove } => with.tag_role(role, set, remove).await,
        C::DeleteRole { name } => with.delete_role(name).await,
        C::CreatePodIdentityAssociation { cluster, namespace, service_account, body, tags } => {
            with.create_association(&pods(cluster, namespace, service_account), body, tags).await
        }
        C::UpdatePodIdentityAssociation { cluster, namespace, service_account, id, body } => {
            with.update_association(&pods(cluster, namespace, service_account), id, body).await
        }
        C::DeletePodIdentityAssociation { cluster, namespace, service_account, id } => {
            with.delete_association(&pods(cluster, namespace, service_account), id).await
        }
        // These go another way; see `execute`.
        C::ApplyObject { .. } | C::PatchObject { .. } | C::DeleteObject { .. } => Ok(Produced::new()),
        C::CreateTargetGroup { name, settings, tags } => with.create_target_group(name, settings, tags).await,
        C::SetTargetGroupAttributes { arn, attributes } => with.set_target_group_attributes(arn, attributes).await,
        C::DeleteTargetGroup { arn } => with.delete_target_group(arn).await,
        C::RegisterTargets { group, targets } => with.register_targets(group, targets).await,
        C::DeregisterTargets { group, targets } => with.deregister_targets(group, targets).await,
        C::ShiftWeights { point, is_default, expected, weights } => {
            with.shift_weights(point, *is_default, expected, weights).await
        }
        C::ReplaceRecords { zone, name, expected, records } => {
            with.replace_records(zone, name, expected, records).await
        }
        C::SetMinCapacity { resource, expected, min } => with.set_min_capacity(resource, *expected, *min).await,
        C::Tag { api: Tagged::Ecs, arn, set, remove } => with.tag_ecs(arn, set, remove).await,
        C::Tag { api: Tagged::CloudMap, arn, set, remove } => with.tag_cloud_map(arn, set, remove).await,
        C::Tag { api: Tagged::Logs, arn, set, remove } => with.tag_log_group(arn, set, remove).await,
        C::Tag { api: Tagged::Eks, arn, set, remove } => with.tag_association(arn, set, remove).await,
    }
}

fn pods(cluster: &str, namespace: &str, service_account: &str) -> Pods {
    Pods { cluster: cluster.to_owned(), namespace: namespace.to_owned(), service_account: service_account.to_owned() }
}

/// Who writes, and how urgently.
#[derive(Clone, Copy)]
struct Writer<'a> {
    aws: &'a Aws,
    priority: Priority,
}

/// A removal of what is gone already has done what it should.
fn or_gone(result: Result<(), AwsError>) -> Result<Produced, AwsError> {
    match result {
        Err(error) if error.class != ErrorClass::NotFound => Err(error),
        _ => Ok(Produced::new()),
    }
}

/// The body with a member that the change holds by itself.
fn with_member(body: &landbridge_plan::change::Body, name: &str, value: &str) -> landbridge_plan::change::Body {
    let mut body = body.clone();
    body.insert(name.to_owned(), value.into());
    body
}
