//! Callers inside the cluster move by the weights of an HTTPRoute, on a real API server: nothing else in it changes, and nobody
//! else's edit is written over. Where the kind is not served, the operator says so and notices when it arrives.

use landbridge_api::condition::{self, reason};
use landbridge_api::v1alpha1::{CloudMapImport, EcsService, MigrationPhase as Phase, TrafficMigration};
use landbridge_tests::Stage;
use landbridge_tests::bridge::{PLATFORM, SERVICE};
use landbridge_tests::gateway::HTTP_ROUTES;
use landbridge_tests::shop::{NAMESPACE, is_ready};
use serde_json::{Value, json};

use crate::migration::{ECS, EKS, command, migration, until};

/// Two tasks, the Service by which pods find them, and what the two have in common.
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
  taskDefinition:
    cpu: "256"
    memory: "512"
    containerDefinitions: [{name: app, image: "nginx:1", portMappings: [{containerPort: 8080}]}]
---
apiVersion: landbridge.dev/v1alpha1
kind: CloudMapImport
metadata: {name: orders-ecs, namespace: shop}
spec:
  source: {ecsServiceRef: {name: orders}}
  service:
    ports: [{name: http, port: 80, targetPort: 8080}]
"#;

/// A route with a rule of somebody else's, and one of the migration's with more in it than backends.
pub const ROUTE: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: orders, namespace: shop}
spec:
  parentRefs: [{group: '', kind: Service, name: orders-front, port: 80}]
  hostnames: [orders.example.com]
  rules:
    - matches: [{path: {type: PathPrefix, value: /static}}]
      backendRefs: [{name: web, port: 80}]
    - matches: [{path: {type: PathPrefix, value: /}}]
      timeouts: {request: 3s}
      filters:
        - type: RequestHeaderModifier
          requestHeaderModifier: {set: [{name: x-from, value: mesh}]}
      backendRefs:
        - {name: orders-ecs, port: 80, weight: 100}
        - {name: orders, port: 80, weight: 0}
";

pub async fn open() -> Stage {
    let stage = Stage::start(100.0).await;
    stage.apply(PLATFORM).await;
    stage.apply(TASKS).await;
    stage.apply(SERVICE).await;
    stage.endpoints(&[("10.20.0.1", true), ("10.20.0.2", true)]).await;
    stage.until::<EcsService>(NAMESPACE, "orders", "ready", is_ready).await;
    stage.until::<CloudMapImport>(NAMESPACE, "orders-ecs", "ready", is_ready).await;
    stage
}

pub fn by_route(yaml: &str) -> String {
    yaml.replace("applicationLoadBalancer: {propagation: 1s}", "httpRoute: {name: orders, propagation: 1s}")
}

/// The rules with these weights.
pub fn weighted(rules: &Value, old: i32, new: i32) -> Value {
    let mut rules = rules.clone();
    rules[1]["backendRefs"][0]["weight"] = old.into();
    rules[1]["backendRefs"][1]["weight"] = new.into();
    rules
}

fn says<'a>(migration: &'a TrafficMigration, reason: &str) -> Option<&'a str> {
    let conditions = migration.status.as_ref().map(|s| s.common.conditions.as_slice()).unwrap_or_default();
    condition::find(conditions, condition::READY).filter(|c| c.reason == reason).map(|c| c.message.as_str())
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_inside_the_cluster_move_to_pods_and_back_by_the_weights_of_a_route() {
    let stage = open().await;
    stage.apply(&by_route(&migration("to-eks", ECS, EKS, ""))).await;
    // The cluster does not know the kind yet.
    let refused = |m: &TrafficMigration| says(m, reason::REFERENCE_NOT_FOUND).is_some();
    let refused = stage.until::<TrafficMigration>(NAMESPACE, "to-eks", "refused", refused).await;
    let message = says(&refused, reason::REFERENCE_NOT_FOUND).unwrap();
    assert!(message.contains("does not serve HTTPRoute (gateway.networking.k8s.io/v1)"), "{message}");
    stage.make_kind(HTTP_ROUTES).await;
    let refused =
        |m: &TrafficMigration| says(m, reason::PREFLIGHT).is_some_and(|said| said.contains("there is no HTTPRoute"));
    stage.until::<TrafficMigration>(NAMESPACE, "to-eks", "refused for want of a route", refused).await;

    stage.apply(ROUTE).await;
    let before = stage.rules("orders").await;
    let there = until(&stage, "to-eks", Phase::Completed).await;
    assert_eq!(there.status.unwrap().share.as_deref(), Some("0/100"));
    assert_eq!(stage.rules("orders").await, weighted(&before, 0, 100));

    stage.apply(&by_route(&migration("to-ecs", EKS, ECS, ""))).await;
    until(&stage, "to-ecs", Phase::Completed).await;
    assert_eq!(stage.rules("orders").await, before);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_edit_of_a_route_is_left_alone_and_told_and_pods_that_go_give_the_callers_back() {
    let stage = open().await;
    stage.make_kind(HTTP_ROUTES).await;
    stage.apply(ROUTE).await;
    let before = stage.rules("orders").await;
    let yaml = by_route(&migration("first", ECS, EKS, "")).replace("{weight: 10, bake: 0s}", "{weight: 10, bake: 1h}");
    stage.apply(&yaml).await;
    let is_at_ten = async || stage.rules("orders").await == weighted(&before, 90, 10);
    stage.eventually("a tenth is there", is_at_ten).await;
    until(&stage, "first", Phase::Baking).await;
    stage.write_rules("orders", "argocd-controller", &weighted(&before, 60, 40)).await;
    let conflicted = until(&stage, "first", Phase::Conflicted).await;
    let message = conflicted.status.unwrap().conflict.unwrap().message;
    assert!(message.contains("HTTPRoute shop/orders has weights orders-ecs=60 orders=40"), "{message}");
    assert!(message.contains("argocd-controller"), "{message}");
    assert_eq!(stage.rules("orders").await, weighted(&before, 60, 40));
    command(&stage, "first", "abort").await;
    until(&stage, "first", Phase::RolledBack).await;
    assert_eq!(stage.rules("orders").await, before);

    stage.apply(&yaml.replace("name: first", "name: ill")).await;
    stage.eventually("a tenth is there", is_at_ten).await;
    stage.endpoints(&[("10.20.0.1", false), ("10.20.0.2", false)]).await;
    let back = until(&stage, "ill", Phase::RolledBack).await;
    let why = back.status.unwrap().abort_reason.unwrap();
    assert!(why.contains("gate targets failed"), "{why}");
    assert_eq!(stage.rules("orders").await, before);
    assert_eq!(stage.routes().get("orders").await.unwrap().data["spec"]["hostnames"], json!(["orders.example.com"]));
    stage.end().await;
}
