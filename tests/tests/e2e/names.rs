//! Pods call tasks and tasks call pods by name, with real requests, while either side is rolled over.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Api;
use kube::api::ListParams;
use landbridge_api::v1alpha1::{CloudMapExport, CloudMapImport};
use landbridge_sandbox::{Addresses, Backends};
use landbridge_tests::bridge::{EXPORT, PLATFORM};
use landbridge_tests::shop::is_ready;
use landbridge_tests::{Stage, outsider};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

const PODS: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: orders, namespace: shop}
spec:
  replicas: 3
  selector: {matchLabels: {app: orders}}
  template:
    metadata: {labels: {app: orders}}
    spec:
      containers:
        - name: web
          image: shop/orders:1
          ports: [{containerPort: 8080}]
          # Serves on while callers still have its address, as the how-to says.
          lifecycle: {preStop: {sleep: {seconds: 4}}}
---
apiVersion: v1
kind: Service
metadata: {name: orders, namespace: shop}
spec:
  selector: {app: orders}
  ports: [{name: http, port: 80, targetPort: 8080}]
";

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
metadata: {name: web, namespace: shop}
spec:
  clusterRef: {name: prod}
  desiredCount: 3
  # One at a time, as the how-to says: a program that got SIGTERM answers nobody, and two whose going is not yet known
  # would meet both tries of a client.
  deploymentConfiguration: {minimumHealthyPercent: 100, maximumPercent: 134}
  serviceDiscovery: {namespaceRef: {name: shop.internal}}
  taskDefinition:
    cpu: "256"
    memory: "512"
    containerDefinitions: [{name: app, image: "shop/web:1", portMappings: [{containerPort: 8080}]}]
---
apiVersion: landbridge.dev/v1alpha1
kind: CloudMapImport
metadata: {name: web, namespace: shop}
spec:
  source: {cloudMap: {namespaceRef: {name: shop.internal}, service: web}}
  service: {ports: [{name: http, port: 80, targetPort: 8080}]}
"#;

/// How long a client tries to connect: nobody answers for an address that is nobody's.
const CONNECT: Duration = Duration::from_secs(1);

/// What a client saw.
#[derive(Default)]
struct Tally {
    calls: AtomicUsize,
    /// Calls whose two tries failed, and how.
    failed: Mutex<Vec<String>>,
}

/// How a task finds pods: DiscoverInstances, as an SDK or Cloud Map's DNS would.
fn pods_by_name(stage: &landbridge_emulator::Emulator) -> Vec<IpAddr> {
    let input = json!({"NamespaceName": "shop.internal", "ServiceName": "orders"});
    let found = outsider::call(stage, "servicediscovery", "DiscoverInstances", &input);
    let instances = found["Instances"].as_array().cloned().unwrap_or_default();
    instances.iter().filter_map(|i| i["Attributes"]["AWS_INSTANCE_IPV4"].as_str()?.parse().ok()).collect()
}

/// How a pod finds tasks: the ready endpoints of the Service, as kube-proxy would.
async fn tasks_by_name(slices: &Api<EndpointSlice>) -> Vec<IpAddr> {
    addresses_of(slices, "web").await
}

/// Addresses of the ready endpoints of a Service.
async fn addresses_of(slices: &Api<EndpointSlice>, service: &str) -> Vec<IpAddr> {
    let of = ListParams::default().labels(&format!("kubernetes.io/service-name={service}"));
    let list = slices.list(&of).await.unwrap().items;
    let endpoints = list.into_iter().flat_map(|s| s.endpoints.unwrap_or_default());
    let ready = endpoints.filter(|e| e.conditions.as_ref().is_some_and(|c| c.ready == Some(true)));
    ready.filter_map(|e| e.addresses.first()?.parse().ok()).collect()
}

/// Two tries at the addresses of a name, if it takes two; how both failed.
async fn call<F: Future<Output = Vec<IpAddr>>>(
    network: &Addresses,
    n: usize,
    resolve: impl Fn() -> F,
) -> Result<(), String> {
    let mut tries = Vec::new();
    for attempt in 0..2 {
        let found = resolve().await;
        let Some(address) = found.get((n + attempt) % found.len().max(1)) else {
            tries.push("the name leads nowhere".to_owned());
            continue;
        };
        let Some(socket) = network.lookup_within(*address, CONNECT).await else {
            tries.push(format!("nobody at {address} of {found:?}"));
            continue;
        };
        match get(socket).await {
            Some(answer) if answer.starts_with("HTTP/1.0 200") => return Ok(()),
            answer => tries.push(format!("{address} of {found:?} says {answer:?}")),
        }
    }
    Err(format!("call {n}: {}", tries.join("; then ")))
}

async fn get(socket: SocketAddr) -> Option<String> {
    let mut stream = TcpStream::connect(socket).await.ok()?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    Some(answer)
}

/// Calls until the end.
async fn keep_calling<F: Future<Output = Vec<IpAddr>>>(
    network: Addresses,
    tally: Arc<Tally>,
    end: CancellationToken,
    resolve: impl Fn() -> F,
) {
    for n in 0.. {
        if end.is_cancelled() {
            return;
        }
        tally.calls.fetch_add(1, Ordering::Relaxed);
        if let Err(how) = call(&network, n, &resolve).await {
            tally.failed.lock().unwrap().push(how);
        }
        // A client's pace: the API server that it asks for endpoints has others to serve.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_side_calls_the_other_by_name_through_a_rollout_of_either_without_an_error_after_one_retry() {
    // Emulated seconds pass as fast as this machine may be late with them.
    let stage = Stage::start_with_workloads(6.0).await;
    let backends = Backends::start(&stage.client, &stage.emulator);
    for yaml in [PLATFORM, PODS, TASKS, EXPORT] {
        stage.apply(yaml).await;
    }
    stage.until("shop", "orders", "ready", is_ready::<CloudMapExport>).await;
    stage.until("shop", "web", "ready", is_ready::<CloudMapImport>).await;
    let slices: Api<EndpointSlice> = Api::namespaced(stage.client.clone(), "shop");
    let both = async || pods_by_name(&stage.emulator).len() == 3 && tasks_by_name(&slices).await.len() == 3;
    stage.eventually("each side finds the three of the other", both).await;
    // The servers are there a moment after the addresses: this machine's business, and nothing that is shown here.
    let served = async || backends.addresses().all().len() == 6;
    stage.eventually("all six answer", served).await;

    let (to_pods, to_tasks, end) = (Arc::<Tally>::default(), Arc::<Tally>::default(), CancellationToken::new());
    let emulator = stage.emulator.clone();
    let from_tasks = tokio::spawn(keep_calling(backends.addresses(), to_pods.clone(), end.clone(), move || {
        std::future::ready(pods_by_name(&emulator))
    }));
    let callers = slices.clone();
    let from_pods = tokio::spawn(keep_calling(backends.addresses(), to_tasks.clone(), end.clone(), move || {
        let slices = callers.clone();
        async move { tasks_by_name(&slices).await }
    }));
    let template = json!({"metadata": {"annotations": {"release": "2"}}});
    stage.merge::<Deployment>("orders", json!({"spec": {"template": template}})).await;
    // Addresses come again, so it is the pods that are compared.
    let rolled = async || {
        let deployment: Deployment = stage.get("shop", "orders").await.unwrap();
        let status = deployment.status.unwrap_or_default();
        let whole = [status.replicas, status.updated_replicas, status.available_replicas] == [Some(3); 3];
        let mut found = pods_by_name(&stage.emulator);
        let mut ready = addresses_of(&slices, "orders").await;
        found.sort();
        ready.sort();
        whole && status.observed_generation == deployment.metadata.generation && found.len() == 3 && found == ready
    };
    stage.eventually("tasks find exactly the new pods", rolled).await;
    stage.set_image("web", "shop/web:2").await;
    stage.until_current().await;
    end.cancel();
    from_tasks.await.unwrap();
    from_pods.await.unwrap();
    for (tally, what) in [(&to_pods, "tasks to pods"), (&to_tasks, "pods to tasks")] {
        let (calls, failed) = (tally.calls.load(Ordering::Relaxed), tally.failed.lock().unwrap().clone());
        println!("{what}: {calls} calls, {} failed after one retry", failed.len());
        assert!(calls > 20, "{what}: only {calls} calls");
        assert_eq!(failed, [] as [String; 0], "{what}: of {calls} calls");
    }
    stage.end().await;
}
