//! Imports: what Cloud Map or ECS has under a name as a Kubernetes Service, through rollouts and restarts, beside Services of
//! others.

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use landbridge_api::condition::{self, reason};
use landbridge_api::v1alpha1::{CloudMapImport, EcsService};
use landbridge_tests::bridge::{EXPORT, PLATFORM, SERVICE};
use landbridge_tests::shop::{is_ready, reason as reason_of};
use landbridge_tests::{Stage, outsider};
use serde_json::{Value, json};

/// A cluster, and `web` in it with two tasks; with a name in Cloud Map or without.
fn tasks(discovery: &str) -> String {
    format!(
        r#"
apiVersion: landbridge.dev/v1alpha1
kind: ECSCluster
metadata: {{name: prod}}
spec:
  allowedNamespaces: {{names: [shop]}}
  serviceDefaults:
    launchType: FARGATE
    networkConfiguration: {{awsvpcConfiguration: {{subnets: [subnet-0a1b2c3d4e5f60001]}}}}
---
apiVersion: landbridge.dev/v1alpha1
kind: ECSService
metadata: {{name: web, namespace: shop}}
spec:
  clusterRef: {{name: prod}}
  desiredCount: 2
  {discovery}
  taskDefinition:
    cpu: "256"
    memory: "512"
    containerDefinitions: [{{name: app, image: "nginx:1", portMappings: [{{containerPort: 8080}}]}}]
"#
    )
}

fn import(source: &str, port: &str) -> String {
    format!(
        r"
apiVersion: landbridge.dev/v1alpha1
kind: CloudMapImport
metadata: {{name: web-ecs, namespace: shop}}
spec:
  source: {source}
  service:
    ports: [{{name: http, port: 80{port}}}]
"
    )
}

const FROM_CLOUD_MAP: &str = "{cloudMap: {namespaceRef: {name: shop.internal}, service: web}}";
const FROM_ECS: &str = "{ecsServiceRef: {name: web}}";

fn slices_api(stage: &Stage) -> Api<EndpointSlice> {
    Api::namespaced(stage.client.clone(), "shop")
}

fn services(stage: &Stage) -> Api<Service> {
    Api::namespaced(stage.client.clone(), "shop")
}

async fn slices(stage: &Stage, service: &str) -> Vec<EndpointSlice> {
    let of = ListParams::default().labels(&format!("kubernetes.io/service-name={service}"));
    slices_api(stage).list(&of).await.unwrap().items
}

/// Addresses that are ready, sorted.
async fn ready(stage: &Stage, service: &str) -> Vec<String> {
    let slices = slices(stage, service).await;
    let endpoints = slices.into_iter().flat_map(|s| s.endpoints.unwrap_or_default());
    let ready = endpoints.filter(|e| e.conditions.as_ref().is_some_and(|c| c.ready == Some(true)));
    let mut addresses: Vec<String> = ready.flat_map(|e| e.addresses).collect();
    addresses.sort();
    addresses
}

/// Addresses of the tasks that run, sorted.
fn running(stage: &Stage) -> Vec<String> {
    let address = |task: &Value| {
        let details = task["attachments"][0]["details"].as_array().cloned().unwrap_or_default();
        let found = details.iter().find(|d| d["name"] == "privateIPv4Address");
        found.and_then(|d| d["value"].as_str()).map(str::to_owned)
    };
    let tasks = outsider::running_tasks(&stage.emulator);
    let mut all: Vec<String> = tasks.iter().filter(|t| t["desiredStatus"] == "RUNNING").filter_map(address).collect();
    all.sort();
    all
}

/// Waits until the ready endpoints are the tasks that run, and there are so many.
async fn until_followed(stage: &Stage, service: &str, count: usize) {
    let follows = async || {
        let tasks = running(stage);
        tasks.len() == count && ready(stage, service).await == tasks
    };
    stage.eventually(&format!("{service} leads to the {count} tasks"), follows).await;
}

async fn follows_its_source(stage: &mut Stage, source: &str, port: &str) {
    stage.apply(&import(source, port)).await;
    stage.until("shop", "web-ecs", "ready", is_ready::<CloudMapImport>).await;
    until_followed(stage, "web-ecs", 2).await;
    let service = services(stage).get("web-ecs").await.unwrap();
    let spec = service.spec.unwrap();
    assert!(spec.selector.is_none() && spec.cluster_ip.is_some_and(|ip| ip != "None"));
    let slice = slices(stage, "web-ecs").await.remove(0);
    assert_eq!(slice.ports.unwrap()[0].port, Some(8080));
    assert!(slice.endpoints.unwrap().iter().all(|e| e.zone.as_deref().is_some_and(|z| z.starts_with("us-east-1"))));

    stage.set_image("web", "nginx:2").await;
    stage.until("shop", "web", "ready", is_ready::<EcsService>).await;
    until_followed(stage, "web-ecs", 2).await;
    stage.merge::<EcsService>("web", json!({"spec": {"desiredCount": 3}})).await;
    until_followed(stage, "web-ecs", 3).await;

    // Another operator goes on with what is there, and writes nothing.
    let versions = async || {
        let list = slices(stage, "web-ecs").await;
        list.into_iter().map(|s| s.metadata.resource_version).collect::<Vec<_>>()
    };
    let before = versions().await;
    stage.stop_operator().await;
    stage.start_operator().await;
    stage.reconcile_all_now("again").await;
    assert_eq!(
        slices(stage, "web-ecs").await.into_iter().map(|s| s.metadata.resource_version).collect::<Vec<_>>(),
        before
    );

    // What others take away or change is put back.
    services(stage).delete("web-ecs", &DeleteParams::default()).await.unwrap();
    stage.eventually("the Service is back", async || services(stage).get_opt("web-ecs").await.unwrap().is_some()).await;
    for slice in slices(stage, "web-ecs").await {
        slices_api(stage).delete(&slice.metadata.name.unwrap(), &DeleteParams::default()).await.unwrap();
    }
    until_followed(stage, "web-ecs", 3).await;

    let imports: Api<CloudMapImport> = Api::namespaced(stage.client.clone(), "shop");
    stage.delete(imports.clone(), "web-ecs").await;
    stage.eventually("the import goes", async || imports.get_opt("web-ecs").await.unwrap().is_none()).await;
    assert!(services(stage).get_opt("web-ecs").await.unwrap().is_none());
    assert!(slices(stage, "web-ecs").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_from_cloud_map_follows_what_ecs_registers() {
    let mut stage = Stage::start(60.0).await;
    stage.apply(PLATFORM).await;
    stage.apply(&tasks("serviceDiscovery: {namespaceRef: {name: shop.internal}}")).await;
    stage.until("shop", "web", "ready", is_ready::<EcsService>).await;
    follows_its_source(&mut stage, FROM_CLOUD_MAP, ", targetPort: 8080").await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_of_an_ecs_service_outside_cloud_map_follows_its_tasks() {
    let mut stage = Stage::start(60.0).await;
    stage.apply(PLATFORM).await;
    stage.apply(&tasks("")).await;
    stage.until("shop", "web", "ready", is_ready::<EcsService>).await;
    follows_its_source(&mut stage, FROM_ECS, ", targetPort: 8080").await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_of_somebody_else_is_left_alone_and_a_missing_port_is_told() {
    let stage = Stage::start(60.0).await;
    stage.apply(PLATFORM).await;
    stage.apply(&tasks("serviceDiscovery: {namespaceRef: {name: shop.internal}}")).await;
    stage.until("shop", "web", "ready", is_ready::<EcsService>).await;
    let theirs =
        "{apiVersion: v1, kind: Service, metadata: {name: web-ecs, namespace: shop}, spec: {ports: [{port: 8000}]}}";
    stage.apply(theirs).await;
    let before = services(&stage).get("web-ecs").await.unwrap();
    stage.apply(&import(FROM_CLOUD_MAP, "")).await;
    let taken = |i: &CloudMapImport| reason_of(i, condition::READY) == Some(("False", reason::NAME_TAKEN));
    stage.until("shop", "web-ecs", "refused", taken).await;
    assert_eq!(
        services(&stage).get("web-ecs").await.unwrap().metadata.resource_version,
        before.metadata.resource_version
    );

    // ECS registers tasks with A records without a port.
    services(&stage).delete("web-ecs", &DeleteParams::default()).await.unwrap();
    let unknown = |i: &CloudMapImport| reason_of(i, condition::READY) == Some(("False", reason::PORT_UNKNOWN));
    stage.until("shop", "web-ecs", "without a port", unknown).await;
    assert!(slices(&stage, "web-ecs").await.is_empty());
    let ports = json!([{"name": "http", "port": 80, "targetPort": 8080}]);
    stage.merge::<CloudMapImport>("web-ecs", json!({"spec": {"service": {"ports": ports}}})).await;
    stage.until("shop", "web-ecs", "ready", is_ready::<CloudMapImport>).await;
    until_followed(&stage, "web-ecs", 2).await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_exported_is_imported_with_its_port_and_an_import_is_not_exported_again() {
    let stage = Stage::start(60.0).await;
    stage.apply(PLATFORM).await;
    stage.apply(SERVICE).await;
    stage.endpoints(&[("10.0.0.1", true), ("10.0.0.2", true)]).await;
    stage.apply(EXPORT).await;
    let source = FROM_CLOUD_MAP.replace("web", "orders");
    stage.apply(&import(&source, "")).await;
    let leads = async || ready(&stage, "web-ecs").await == ["10.0.0.1", "10.0.0.2"];
    stage.eventually("the import leads to the exported pods", leads).await;
    assert_eq!(slices(&stage, "web-ecs").await[0].ports.as_ref().unwrap()[0].port, Some(8080));
    stage
        .apply(
            &EXPORT
                .replace("metadata: {name: orders,", "metadata: {name: again,")
                .replace("serviceRef: {name: orders}", "serviceRef: {name: web-ecs}"),
        )
        .await;
    let refused = |e: &landbridge_api::v1alpha1::CloudMapExport| {
        reason_of(e, condition::READY) == Some(("False", reason::INVALID_SPEC))
    };
    stage.until("shop", "again", "refused", refused).await;

    // An edit by hand of what the import owns is put back.
    let edit = json!({"spec": {"ports": [{"name": "http", "port": 81}]}});
    services(&stage).patch("web-ecs", &PatchParams::default(), &Patch::Merge(&edit)).await.unwrap();
    let is_back = async || {
        let ports = services(&stage).get("web-ecs").await.unwrap().spec.unwrap().ports.unwrap();
        ports.len() == 1 && ports[0].port == 80
    };
    stage.eventually("the port is put back", is_back).await;
    stage.end().await;
}
