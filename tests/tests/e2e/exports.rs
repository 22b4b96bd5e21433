//! Exports: pods registered in Cloud Map through readiness, restarts and deaths, beside the instances of others.

use kube::Api;
use kube::api::DeleteParams;
use landbridge_api::condition::{self, reason};
use landbridge_api::v1alpha1::{CloudMapExport, EcsService};
use landbridge_tests::bridge::{EXPORT, PLATFORM, SERVICE};
use landbridge_tests::shop::{is_ready, reason as reason_of};
use landbridge_tests::wire::Loss;
use landbridge_tests::{Stage, outsider};
use serde_json::{Value, json};

const FIRST: &str = "tcp-10_0_0_1-8080";
const SECOND: &str = "tcp-10_0_0_2-8080";
const THIRD: &str = "tcp-10_0_0_3-8080";

fn exports(stage: &Stage) -> Api<CloudMapExport> {
    Api::namespaced(stage.client.clone(), "shop")
}

/// The message of the export's Ready condition.
fn message(export: &CloudMapExport) -> &str {
    let conditions = export.status.as_ref().map(|s| s.common.conditions.as_slice()).unwrap_or_default();
    condition::find(conditions, condition::READY).map_or("", |c| c.message.as_str())
}

/// A client of DNS and of DiscoverInstances in the emulator.
fn discover(stage: &Stage) -> Vec<Value> {
    let input = json!({"NamespaceName": "shop.internal", "ServiceName": "orders"});
    let found = outsider::call(&stage.emulator, "servicediscovery", "DiscoverInstances", &input);
    found["Instances"].as_array().cloned().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_are_found_by_name_while_they_are_ready_and_the_name_goes_with_the_export() {
    let stage = Stage::start(30.0).await;
    for yaml in [PLATFORM, SERVICE] {
        stage.apply(yaml).await;
    }
    stage.endpoints(&[("10.0.0.1", true), ("10.0.0.2", true), ("10.0.0.3", false)]).await;
    stage.apply(EXPORT).await;
    stage.until_registered("orders", &[FIRST, SECOND]).await;
    let export = stage.until("shop", "orders", "ready", is_ready::<CloudMapExport>).await;
    assert_eq!(message(&export), "2 endpoints of Service shop/orders are registered in orders.shop.internal");
    let found = discover(&stage);
    assert_eq!(found.len(), 2);
    assert_eq!(found[0]["HealthStatus"], "HEALTHY");
    let attributes = &found[0]["Attributes"];
    assert_eq!(attributes["AVAILABILITY_ZONE"], "us-east-1a");
    assert_eq!(attributes["LANDBRIDGE_OWNER"], "landbridge/CloudMapExport/shop/orders");

    // A rolling update: one comes, one goes.
    stage.endpoints(&[("10.0.0.1", false), ("10.0.0.2", true), ("10.0.0.3", true)]).await;
    stage.until_registered("orders", &[SECOND, THIRD]).await;
    stage.endpoints(&[]).await;
    stage.until_registered("orders", &[]).await;
    let no_endpoints = |e: &CloudMapExport| reason_of(e, condition::READY) == Some(("False", reason::NO_ENDPOINTS));
    stage.until("shop", "orders", "without endpoints", no_endpoints).await;
    stage.endpoints(&[("10.0.0.1", true)]).await;
    stage.until_registered("orders", &[FIRST]).await;

    // The namespace waits for the export; the export takes its instances and its service along.
    let namespaces: Api<landbridge_api::v1alpha1::CloudMapNamespace> = Api::all(stage.client.clone());
    stage.delete(namespaces.clone(), "shop.internal").await;
    stage.delete(exports(&stage), "orders").await;
    let gone = async || namespaces.get_opt("shop.internal").await.unwrap().is_none();
    stage.eventually("the namespace goes after the export", gone).await;
    assert!(outsider::discovery(&stage.emulator).is_empty());
    stage.end().await;
}

/// `orders` on ECS, found under the same name.
const TASKS: &str = r#"
apiVersion: landbridge.dev/v1alpha1
kind: ECSCluster
metadata: {name: prod}
spec:
  allowedNamespaces: {names: [shop]}
  serviceDefaults:
    launchType: FARGATE
    networkConfiguration: {awsvpcConfiguration: {subnets: [subnet-0a1b2c3d4e5f60001]}}
---
apiVersion: landbridge.dev/v1alpha1
kind: ECSService
metadata: {name: orders, namespace: shop}
spec:
  clusterRef: {name: prod}
  desiredCount: 2
  serviceDiscovery: {namespaceRef: {name: shop.internal}}
  taskDefinition:
    cpu: "256"
    memory: "512"
    containerDefinitions: [{name: app, image: nginx, portMappings: [{containerPort: 8080}]}]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn pods_share_the_name_of_an_ecs_service_only_if_asked_and_never_touch_its_tasks() {
    let stage = Stage::start(60.0).await;
    for yaml in [PLATFORM, SERVICE, TASKS] {
        stage.apply(yaml).await;
    }
    stage.until("shop", "orders", "ready", is_ready::<EcsService>).await;
    let tasks = stage.instances("orders");
    assert_eq!(tasks.len(), 2);
    stage.endpoints(&[("10.0.0.1", true)]).await;
    stage.apply(EXPORT).await;
    let refused = |e: &CloudMapExport| reason_of(e, condition::READY) == Some(("False", reason::OWNERSHIP_CONFLICT));
    let export = stage.until("shop", "orders", "refused", refused).await;
    assert!(message(&export).contains("spec.shared: true"), "{}", message(&export));
    assert_eq!(stage.instances("orders"), tasks);

    stage.merge::<CloudMapExport>("orders", json!({"spec": {"shared": true}})).await;
    let export = stage.until("shop", "orders", "ready", is_ready::<CloudMapExport>).await;
    assert!(message(&export).ends_with("beside 2 instances of others"), "{}", message(&export));
    let mut both = tasks.clone();
    both.push(FIRST.to_owned());
    both.sort();
    assert_eq!(stage.instances("orders"), both);

    stage.delete(exports(&stage), "orders").await;
    stage.eventually("the export goes", async || exports(&stage).get_opt("orders").await.unwrap().is_none()).await;
    assert_eq!(stage.instances("orders"), tasks, "the tasks are left as they were");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_whose_operator_dies_at_any_write_ends_with_exactly_the_ready_pods() {
    let mut stage = Stage::start(300.0).await;
    for yaml in [PLATFORM, SERVICE] {
        stage.apply(yaml).await;
    }
    stage.endpoints(&[("10.0.0.1", true), ("10.0.0.2", true)]).await;
    stage.until_current().await;
    for (nth, loss) in [(1, Loss::Answer), (1, Loss::Request), (2, Loss::Answer), (3, Loss::Answer)] {
        stage.wire().cut_at(nth, loss);
        stage.apply(EXPORT).await;
        another_goes_on(&mut stage).await;
        stage.until_registered("orders", &[FIRST, SECOND]).await;
        stage.wire().cut_at(nth.min(2), loss);
        stage.endpoints(&[("10.0.0.2", true), ("10.0.0.3", true)]).await;
        another_goes_on(&mut stage).await;
        stage.until_registered("orders", &[SECOND, THIRD]).await;
        stage.until("shop", "orders", "ready", is_ready::<CloudMapExport>).await;
        stage.wire().cut_at(nth, loss);
        exports(&stage).delete("orders", &DeleteParams::background()).await.unwrap();
        another_goes_on(&mut stage).await;
        stage.eventually("the export goes", async || exports(&stage).get_opt("orders").await.unwrap().is_none()).await;
        assert!(outsider::discovery(&stage.emulator).is_empty(), "left behind after a death at write {nth}: {loss:?}");
        stage.endpoints(&[("10.0.0.1", true), ("10.0.0.2", true)]).await;
    }
    stage.end().await;
}

/// Waits for the cut; then another operator takes over.
async fn another_goes_on(stage: &mut Stage) {
    let wire = stage.wire();
    stage.eventually("the wire is cut", async || wire.is_cut()).await;
    stage.kill_operator();
    stage.release_leases().await;
    stage.start_operator().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_to_read_services_the_export_says_which_right_is_missing() {
    let mut stage = Stage::without_operator(30.0).await;
    stage.apply(PLATFORM).await;
    stage.apply(ROLE_WITHOUT_SERVICES).await;
    stage.user = Some("system:serviceaccount:default:poor".to_owned());
    stage.start_operator().await;
    stage.apply(SERVICE).await;
    stage.apply(EXPORT).await;
    let denied = |e: &CloudMapExport| reason_of(e, condition::READY) == Some(("False", reason::ACCESS_DENIED));
    let export = stage.until("shop", "orders", "denied", denied).await;
    assert!(message(&export).contains("rbac.services"), "{}", message(&export));
    stage.apply(&ROLE_WITHOUT_SERVICES.replace("resources: [namespaces]", "resources: [namespaces, services]")).await;
    stage.apply(&ROLE_OF_SLICES.replace("ROLE", "poor-slices")).await;
    stage.endpoints(&[("10.0.0.1", true)]).await;
    stage.until_registered("orders", &[FIRST]).await;
    stage.end().await;
}

const ROLE_WITHOUT_SERVICES: &str = r#"
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: poor}
rules:
  - apiGroups: [landbridge.dev, apiextensions.k8s.io, coordination.k8s.io, events.k8s.io]
    resources: ["*"]
    verbs: ["*"]
  - apiGroups: [""]
    resources: [namespaces]
    verbs: [get, list, watch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: poor}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: poor}
subjects: [{kind: ServiceAccount, name: poor, namespace: default}]
"#;

const ROLE_OF_SLICES: &str = r"
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: ROLE}
rules: [{apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [get, list, watch]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: ROLE}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: ROLE}
subjects: [{kind: ServiceAccount, name: poor, namespace: default}]
";
