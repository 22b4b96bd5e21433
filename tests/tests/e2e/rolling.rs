//! A release of either side while a migration shares the traffic between them: real requests through the emulated load
//! balancer to real servers, by clients that try once more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::Request;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::TokioIo;
use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use landbridge_api::v1alpha1::{EcsService, MigrationPhase as Phase};
use landbridge_sandbox::{Backends, DataPlane, Side};
use landbridge_tests::shop::{NAMESPACE, is_ready};
use landbridge_tests::{Stage, outsider};
use serde_json::json;
use tokio::net::TcpStream;

use crate::migration::{ECS, EKS, Front, HOST, migration, until};

/// Three pods that stay until load balancers have heard that they go.
const PODS: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: orders, namespace: shop}
spec:
  replicas: 3
  minReadySeconds: 3
  selector: {matchLabels: {app: orders}}
  template:
    metadata: {labels: {app: orders}}
    spec:
      terminationGracePeriodSeconds: 10
      containers: [{name: orders, image: 'shop/orders:1', lifecycle: {preStop: {sleep: {seconds: 5}}}}]
---
apiVersion: v1
kind: Service
metadata: {name: orders, namespace: shop}
spec: {selector: {app: orders}, ports: [{name: http, port: 80, targetPort: 8080}]}
";

/// What the clients have seen.
#[derive(Debug, Default)]
struct Seen {
    requests: usize,
    /// Answers by the server's name.
    servers: std::collections::BTreeMap<String, usize>,
    /// First tries that failed.
    retried: Vec<String>,
    /// Both tries failed.
    failed: Vec<String>,
}

/// Status and server of one request.
async fn ask(socket: std::net::SocketAddr) -> Result<String, String> {
    let stream = TcpStream::connect(socket).await.map_err(|error| error.to_string())?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    tokio::spawn(connection);
    let request = Request::get("/").header("host", HOST).body(Empty::<bytes::Bytes>::new()).unwrap();
    let answer = sender.send_request(request).await.map_err(|error| error.to_string())?;
    let status = answer.status();
    let name = answer.headers().get("x-landbridge-name").and_then(|name| name.to_str().ok()).unwrap_or("-").to_owned();
    answer.into_body().collect().await.map_err(|error| error.to_string())?;
    if status.is_success() { Ok(name) } else { Err(format!("{status} from {name}")) }
}

/// Clients that ask until they are told to end, each request twice at most.
async fn clients(socket: std::net::SocketAddr, ends: Arc<AtomicBool>) -> Seen {
    let mut seen = Seen::default();
    let mut tick = tokio::time::interval(Duration::from_millis(15));
    while !ends.load(Ordering::Relaxed) {
        tick.tick().await;
        seen.requests += 1;
        let first = ask(socket).await;
        let answer = match first {
            Ok(name) => Ok(name),
            Err(why) => {
                seen.retried.push(why);
                ask(socket).await
            }
        };
        match answer {
            Ok(name) => *seen.servers.entry(name).or_default() += 1,
            Err(why) => seen.failed.push(why),
        }
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_of_either_side_in_the_middle_of_a_migration_fails_no_request_that_is_tried_once_more() {
    let stage = Stage::start_with_workloads(20.0).await;
    let backends = Backends::start(&stage.client, &stage.emulator);
    let addresses = backends.addresses();
    let front = Front::before(&stage, PODS).await;
    let of = |side: Side| -> Vec<String> {
        addresses.all().into_iter().filter(|it| it.side == side).map(|it| it.name).collect()
    };
    stage.eventually("three pods are served", async || of(Side::Eks).len() == 3).await;
    let plane = DataPlane::start(&stage.emulator, addresses.clone());
    let socket = plane.listeners().socket(&front.listener, Duration::from_secs(30)).await.unwrap();
    let ends = Arc::new(AtomicBool::new(false));
    let traffic = tokio::spawn(clients(socket, Arc::clone(&ends)));

    let yaml = migration("half", ECS, EKS, "").replace("{weight: 50, bake: 0s}", "{weight: 50, bake: 1h}");
    stage.apply(&yaml).await;
    until(&stage, "half", Phase::Baking).await;
    stage.eventually("half of the traffic is there", async || front.shares(&stage.emulator)[0].1 < 51.0).await;

    let (tasks, pods) = (of(Side::Ecs), of(Side::Eks));
    let containers = json!([{"name": "orders", "image": "shop/orders:2"}]);
    stage.merge::<Deployment>("orders", json!({"spec": {"template": {"spec": {"containers": containers}}}})).await;
    let replaced = async |side: Side, before: &[String]| {
        let now = of(side);
        !now.is_empty() && now.iter().all(|name| !before.contains(name))
    };
    stage.eventually("only new pods are served", async || replaced(Side::Eks, &pods).await).await;
    stage.set_image("orders", "shop/orders:2").await;
    stage.eventually("only new tasks are served", async || replaced(Side::Ecs, &tasks).await).await;
    stage.until::<EcsService>(NAMESPACE, "orders", "ready", is_ready).await;

    // Both releases were met by the migration, which went on as if nothing were.
    let phase = until(&stage, "half", Phase::Baking).await;
    assert_eq!(phase.status.unwrap().share.as_deref(), Some("50/50"));
    ends.store(true, Ordering::Relaxed);
    let seen = traffic.await.unwrap();
    assert_eq!(seen.failed, [] as [String; 0], "of {} requests; tried again: {:?}", seen.requests, seen.retried);
    for name in of(Side::Ecs).iter().chain(&of(Side::Eks)).chain(&tasks).chain(&pods) {
        assert!(seen.servers.contains_key(name), "{name} got no request: {:?}", seen.servers);
    }
    assert!(seen.retried.len() * 100 <= seen.requests, "{:?} of {}", seen.retried, seen.requests);
    let api = Api::<landbridge_api::v1alpha1::TrafficMigration>::namespaced(stage.client.clone(), NAMESPACE);
    stage.delete(api, "half").await;
    stage
        .eventually("the migration is gone", async || {
            let gone = stage.get::<landbridge_api::v1alpha1::TrafficMigration>(NAMESPACE, "half").await.is_none();
            gone && outsider::running_tasks(&stage.emulator).len() == 2
        })
        .await;
    stage.end().await;
}
