//! What the benchmark creates: one cluster, and bare services of ten lines.

use anyhow::ensure;
use futures::{StreamExt as _, TryStreamExt as _};
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client};
use landbridge_api::condition;
use landbridge_api::v1alpha1::EcsService;
use landbridge_sandbox::install::apply_yaml;
use landbridge_tests::bare::PLATFORM;
use serde_json::{Value, json};

/// The kind that has to be ready before services are created beside the operator.
pub const KIND_OF_PLATFORM: &str = "ECSCluster";

/// Without quotas at AWS there are none to keep either: this is what `AWSAccount.spec.quotas` is for.
const NO_QUOTAS: &str = r"
  quotas:
    ecs/task-definition-modify: {burst: 100000, perSecond: 100000}
    ecs/task-definition-read: {burst: 100000, perSecond: 100000}
    ecs/service-modify: {burst: 100000, perSecond: 100000}
    ecs/service-read: {burst: 100000, perSecond: 100000}
    ecs/service-deployment: {burst: 100000, perSecond: 100000}
";

const ACCOUNT: &str = r"
apiVersion: landbridge.dev/v1alpha1
kind: AWSAccount
metadata: {name: default}
spec:
  region: us-east-1
  allowedNamespaces: {names: ['*']}";

/// Applies what the services refer to.
pub async fn open(client: &Client, quotas: bool) -> anyhow::Result<()> {
    let account = if quotas { ACCOUNT.to_owned() } else { format!("{ACCOUNT}{NO_QUOTAS}") };
    apply_yaml(client, "the account", &account).await?;
    apply_yaml(client, "the platform", PLATFORM).await?;
    Ok(())
}

/// Applies so many services, each its own file, with so many writers at once.
pub async fn create_services(client: &Client, count: usize, writers: usize) -> anyhow::Result<()> {
    let api: Api<EcsService> = Api::namespaced(client.clone(), "shop");
    let params = PatchParams::apply("benchmark");
    let created = futures::stream::iter(0..count).map(|number| {
        let (api, params) = (api.clone(), params.clone());
        async move {
            let name = format!("service-{number:05}");
            api.patch(&name, &params, &Patch::Apply(service(&name))).await.map(|_| ())
        }
    });
    created.buffer_unordered(writers).try_collect::<Vec<()>>().await?;
    Ok(())
}

fn service(name: &str) -> Value {
    json!({
        "apiVersion": "landbridge.dev/v1alpha1",
        "kind": "ECSService",
        "metadata": { "name": name },
        "spec": {
            "clusterRef": { "name": "prod" },
            "desiredCount": 1,
            "taskDefinition": {
                "cpu": "256",
                "memory": "512",
                "containerDefinitions": [{
                    "name": "app",
                    "image": "public.ecr.aws/nginx/nginx:1.29",
                    "portMappings": [{ "containerPort": 80 }],
                }],
            },
        },
    })
}

/// Fails unless so many services are there and every one is Ready for its present spec.
pub async fn all_are_ready(client: &Client, count: usize) -> anyhow::Result<()> {
    let api: Api<EcsService> = Api::namespaced(client.clone(), "shop");
    let services = api.list(&ListParams::default()).await?.items;
    ensure!(services.len() == count, "there are {} services", services.len());
    for service in &services {
        let ready = service.status.as_ref().is_some_and(|s| {
            s.common.observed_generation == service.metadata.generation
                && s.running_count == Some(1)
                && condition::is_true(&s.common.conditions, condition::READY)
        });
        ensure!(ready, "{:?} is not ready: {:#?}", service.metadata.name, service.status);
    }
    Ok(())
}
