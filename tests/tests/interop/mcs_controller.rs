//! The AWS MCS controller v0.3.1 beside the operator: it imports what we export, we import what it exports, and after ten of its
//! loops both are as they were.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams};
use landbridge_api::condition::{self, reason};
use landbridge_api::v1alpha1::{CloudMapExport, CloudMapImport};
use landbridge_emulator::Server;
use landbridge_tests::bridge::{PLATFORM, SERVICE};
use landbridge_tests::multi_cluster::{AWS_CONTROLLER, Installed};
use landbridge_tests::shop::{is_ready, reason as reason_of};
use landbridge_tests::{Stage, outsider};
use serde_json::{Value, json};

use crate::programs::{Running, aws, find, serve};

/// It looks every two seconds, and keeps what it read for up to ten.
const TEN_OF_ITS_LOOPS: Duration = Duration::from_secs(20);

const QUIET: Duration = Duration::from_secs(6);

/// What Landbridge exports: `orders`, in the Cloud Map namespace that is called as the Kubernetes namespace.
const OURS: &str = r"
apiVersion: landbridge.dev/v1alpha1
kind: CloudMapNamespace
metadata: {name: shop}
spec:
  type: HTTP
  allowedNamespaces: {names: [shop]}
---
apiVersion: landbridge.dev/v1alpha1
kind: CloudMapExport
metadata: {name: orders, namespace: shop}
spec:
  serviceRef: {name: orders}
  namespaceRef: {name: shop}
  clusterId: landbridge-west
  clusterSetId: shops
";

/// What it exports: `billing`. And what Landbridge imports of that, under the very name that it imports `orders` under.
const THEIRS: &str = r"
apiVersion: v1
kind: Service
metadata: {name: billing, namespace: shop}
spec:
  selector: {app: billing}
  ports: [{name: http, port: 80, targetPort: 9090}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: billing-1, namespace: shop, labels: {kubernetes.io/service-name: billing}}
addressType: IPv4
ports: [{name: http, port: 9090, protocol: TCP}]
endpoints:
  - {addresses: [10.0.9.1], conditions: {ready: true}}
  - {addresses: [10.0.9.2], conditions: {ready: false}}
---
apiVersion: multicluster.x-k8s.io/v1alpha1
kind: ServiceExport
metadata: {name: billing, namespace: shop, labels: {landbridge.dev/cloud-map-namespace: shop}}
---
apiVersion: landbridge.dev/v1alpha1
kind: CloudMapImport
metadata: {name: billing-import, namespace: shop}
spec:
  source: {cloudMap: {namespaceRef: {name: shop}, service: billing}}
  serviceImport: true
  service:
    ports: [{name: http, port: 80}]
";

/// The controller on the same API server and AWS.
struct Beside {
    _aws: Server,
    controller: Running,
    _folder: tempfile::TempDir,
}

impl Beside {
    async fn start(stage: &Stage, program: PathBuf) -> Self {
        let server = serve(stage).await;
        let folder = tempfile::tempdir().unwrap();
        let mut environment = aws(&server).to_vec();
        environment.push(("KUBECONFIG", stage.kubeconfig().display().to_string()));
        let arguments = ["--metrics-bind-address=0", "--health-probe-bind-address=0", "--zap-log-level=debug"];
        let controller = Running::start(&program, &arguments, &environment, folder.path());
        Self { _aws: server, controller, _folder: folder }
    }

    /// [`Stage::eventually`] that shows what the controller said.
    async fn eventually<F: Future<Output = bool>>(&self, what: &str, holds: impl Fn() -> F) {
        let deadline = Instant::now() + Duration::from_secs(90);
        while !holds().await {
            assert!(Instant::now() < deadline, "it did not happen: {what}\n{}", tail(&self.controller.said()));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(60)..].join("\n")
}

fn instances(stage: &Stage, service: &str) -> Vec<Value> {
    let found = outsider::discovery(&stage.emulator).into_iter().find(|s| s["Name"] == service).unwrap_or_default();
    found["Instances"].as_array().cloned().unwrap_or_default()
}

/// Ready addresses behind a Service, sorted.
async fn ready(stage: &Stage, service: &str) -> Vec<String> {
    let api: Api<EndpointSlice> = Api::namespaced(stage.client.clone(), "shop");
    let of = ListParams::default().labels(&format!("kubernetes.io/service-name={service}"));
    let endpoints = api.list(&of).await.unwrap().items.into_iter().flat_map(|s| s.endpoints.unwrap_or_default());
    let ready = endpoints.filter(|e| e.conditions.as_ref().is_some_and(|c| c.ready == Some(true)));
    let mut addresses: Vec<String> = ready.flat_map(|e| e.addresses).collect();
    addresses.sort();
    addresses
}

/// Services that the controller derived from a ServiceImport.
async fn derived(stage: &Stage, import: &str) -> Vec<Service> {
    let of = ListParams::default().labels(&format!("multicluster.kubernetes.io/service-name={import}"));
    Api::namespaced(stage.client.clone(), "shop").list(&of).await.unwrap().items
}

/// Everything that either of the two has made, with its version: the same twice means that nobody wrote in between.
async fn made(stage: &Stage) -> Vec<String> {
    let mut all = Vec::new();
    let services: Api<Service> = Api::namespaced(stage.client.clone(), "shop");
    let slices: Api<EndpointSlice> = Api::namespaced(stage.client.clone(), "shop");
    all.extend(services.list(&ListParams::default()).await.unwrap().items.into_iter().map(|o| ("Service", o.metadata)));
    all.extend(slices.list(&ListParams::default()).await.unwrap().items.into_iter().map(|o| ("Slice", o.metadata)));
    for kind in ["ServiceImport", "ServiceExport"] {
        let found = stage.multi_cluster("v1alpha1", kind).list(&ListParams::default()).await.unwrap();
        all.extend(found.items.into_iter().map(|o| (kind, o.metadata)));
    }
    let version = |m: &kube::core::ObjectMeta| m.resource_version.clone().unwrap_or_default();
    let said = |(kind, m): (&str, kube::core::ObjectMeta)| {
        format!("{kind} {} {}", m.name.clone().unwrap_or_default(), version(&m))
    };
    let mut said: Vec<String> = all.into_iter().map(said).collect();
    said.sort();
    said
}

/// Waits until nobody has written for three of its loops.
async fn until_quiet(stage: &Stage) {
    let deadline = Instant::now() + Duration::from_secs(90);
    let (mut before, mut since) = (made(stage).await, Instant::now());
    while since.elapsed() < QUIET {
        assert!(Instant::now() < deadline, "they write and write: {before:?}");
        tokio::time::sleep(Duration::from_millis(250)).await;
        let now = made(stage).await;
        if now != before {
            (before, since) = (now, Instant::now());
        }
    }
}

/// Watches for ten of its loops that nobody writes anything.
async fn stays(stage: &Stage, beside: &Beside) {
    until_quiet(stage).await;
    let (before, aws) = (made(stage).await, [instances(stage, "orders"), instances(stage, "billing")]);
    let end = Instant::now() + TEN_OF_ITS_LOOPS;
    while Instant::now() < end {
        assert_eq!(made(stage).await, before, "{}", tail(&beside.controller.said()));
        assert_eq!([instances(stage, "orders"), instances(stage, "billing")], aws);
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "builds mcs-controller from its Go modules"]
async fn the_aws_mcs_controller_and_the_operator_read_each_other_and_undo_nothing() {
    let program = find("mcs-controller");
    let stage = exported(&[("10.0.0.1", true), ("10.0.0.2", true)]).await;
    let ours = instances(&stage, "orders");
    let beside = Beside::start(&stage, program).await;

    // It imports what we export, with the ports and addresses.
    let imports = stage.multi_cluster("v1alpha1", "ServiceImport");
    let imported = async || {
        let Some(import) = imports.get_opt("orders").await.unwrap() else { return false };
        let Some(service) = derived(&stage, "orders").await.pop() else { return false };
        let found = ready(&stage, service.metadata.name.as_deref().unwrap_or_default()).await;
        import.data["spec"]["ports"][0]["port"] == 80 && found == ["10.0.0.1", "10.0.0.2"]
    };
    beside.eventually("it imports orders", imported).await;

    // We import what it exports; of its pods that are not ready we lead nobody to.
    stage.apply(THEIRS).await;
    let import = stage.until("shop", "billing-import", "ready", is_ready::<CloudMapImport>).await;
    let leads = async || ready(&stage, "billing-import").await == ["10.0.9.1"];
    beside.eventually("billing-import leads to its ready pod", leads).await;
    assert_eq!(instances(&stage, "billing").len(), 2);
    let conditions = &import.status.unwrap().common.conditions;
    let told = condition::find(conditions, condition::SERVICE_IMPORTED).unwrap();
    assert_eq!(
        (told.status.as_str(), told.reason.as_str()),
        ("False", reason::FOREIGN_MCS_CONTROLLER),
        "{}",
        told.message
    );
    let exports = stage.multi_cluster("v1alpha1", "ServiceExport");
    let left_alone = async || {
        let found = exports.get("billing").await.unwrap();
        let conditions = found.data["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.iter().any(|c| c["reason"] == reason::FOREIGN_MCS_CONTROLLER)
    };
    beside.eventually("the ServiceExport says whose it is", left_alone).await;
    assert!(stage.get::<CloudMapExport>("shop", "billing").await.is_none());

    // It imports its own service as well, as `billing`; then all is quiet.
    let own =
        async || imports.get_opt("billing").await.unwrap().is_some() && derived(&stage, "billing").await.len() == 1;
    beside.eventually("it imports billing", own).await;
    stays(&stage, &beside).await;
    assert_eq!(instances(&stage, "orders"), ours);

    // What moves on one side is followed on the other.
    stage.endpoints(&[("10.0.0.2", true), ("10.0.0.3", true)]).await;
    let followed = async || {
        let Some(service) = derived(&stage, "orders").await.pop() else { return false };
        ready(&stage, service.metadata.name.as_deref().unwrap_or_default()).await == ["10.0.0.2", "10.0.0.3"]
    };
    beside.eventually("it follows our pods", followed).await;
    let slices: Api<EndpointSlice> = Api::namespaced(stage.client.clone(), "shop");
    let endpoints = json!({"endpoints": [{"addresses": ["10.0.9.3"], "conditions": {"ready": true}}]});
    slices.patch("billing-1", &PatchParams::default(), &Patch::Merge(&endpoints)).await.unwrap();
    let followed = async || ready(&stage, "billing-import").await == ["10.0.9.3"];
    beside.eventually("we follow its pods", followed).await;
    beside.controller.end().await;
    stage.end().await;
}

/// A cluster with the controller's kinds, whose Service `orders` with these pods we export.
async fn exported(pods: &[(&str, bool)]) -> Stage {
    let mut stage = Stage::without_operator(10.0).await;
    stage.install_multi_cluster(Installed::ByAws).await;
    stage.name_cluster("aws-west", "shops").await;
    for yaml in [PLATFORM, AWS_CONTROLLER] {
        stage.apply(yaml).await;
    }
    stage.start_operator().await;
    for yaml in [SERVICE, OURS] {
        stage.apply(yaml).await;
    }
    stage.endpoints(pods).await;
    stage.until("shop", "orders", "ready", is_ready::<CloudMapExport>).await;
    stage
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "builds mcs-controller from its Go modules"]
async fn an_import_under_the_name_that_the_aws_mcs_controller_imports_keeps_its_service() {
    let program = find("mcs-controller");
    let stage = exported(&[("10.0.0.1", true)]).await;
    // `pay` is in Cloud Map by the hand of somebody, with all attributes; both import it, under one name.
    stage.apply(&IMPORT_PAY.replace("serviceImport: true", "serviceImport: false")).await;
    register_pay(&stage);
    stage.until("shop", "pay", "ready", is_ready::<CloudMapImport>).await;
    let services: Api<Service> = Api::namespaced(stage.client.clone(), "shop");
    let before = services.get("pay").await.unwrap();
    let beside = Beside::start(&stage, program).await;
    let imports = stage.multi_cluster("v1alpha1", "ServiceImport");
    let imported = async || imports.get_opt("pay").await.unwrap().is_some() && !derived(&stage, "pay").await.is_empty();
    beside.eventually("it imports pay", imported).await;
    stage.apply(IMPORT_PAY).await;
    stays(&stage, &beside).await;
    let after = services.get("pay").await.unwrap();
    assert_eq!(after.metadata.uid, before.metadata.uid, "the controller deleted our Service");
    assert_eq!(ready(&stage, "pay").await, ["10.0.7.1"]);
    beside.controller.end().await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "builds mcs-controller from its Go modules"]
async fn two_exports_of_one_service_under_one_name_do_not_fight_and_ours_says_whose_the_instances_are() {
    let program = find("mcs-controller");
    let stage = exported(&[("10.0.0.1", true)]).await;
    let beside = Beside::start(&stage, program).await;
    stage.apply(SERVICE_EXPORT_OF_ORDERS).await;
    // It names instances as we do, and registers its own over ours without looking.
    let taken = async || instances(&stage, "orders").iter().all(|i| i["Attributes"]["CLUSTER_ID"] == "aws-west");
    beside.eventually("it registers orders", taken).await;
    stage
        .merge::<CloudMapExport>("orders", json!({"metadata": {"annotations": {"landbridge.dev/reconcile-now": "1"}}}))
        .await;
    let conflict = |e: &CloudMapExport| reason_of(e, condition::READY) == Some(("False", reason::OWNERSHIP_CONFLICT));
    let export = stage.until("shop", "orders", "in conflict", conflict).await;
    let conditions = &export.status.unwrap().common.conditions;
    let said = &condition::find(conditions, condition::READY).unwrap().message;
    assert!(said.contains("tcp-10_0_0_1-8080") && said.contains("AWS MCS controller"), "{said}");
    stays(&stage, &beside).await;
    beside.controller.end().await;
    stage.end().await;
}

const SERVICE_EXPORT_OF_ORDERS: &str =
    "{apiVersion: multicluster.x-k8s.io/v1alpha1, kind: ServiceExport, metadata: {name: orders, namespace: shop}}";

const IMPORT_PAY: &str = r"
apiVersion: landbridge.dev/v1alpha1
kind: CloudMapImport
metadata: {name: pay, namespace: shop}
spec:
  source: {cloudMap: {namespaceRef: {name: shop}, service: pay}}
  serviceImport: true
  service:
    ports: [{name: http, port: 80}]
";

/// A third cluster's instance of `pay`.
fn register_pay(stage: &Stage) {
    let call = |operation: &str, input: &Value| outsider::call(&stage.emulator, "servicediscovery", operation, input);
    let namespaces = call("ListNamespaces", &json!({}));
    let shop = namespaces["Namespaces"].as_array().unwrap().iter().find(|n| n["Name"] == "shop").unwrap();
    let service = call("CreateService", &json!({"Name": "pay", "NamespaceId": shop["Id"]}));
    let attributes = json!({
        "AWS_INSTANCE_IPV4": "10.0.7.1", "AWS_INSTANCE_PORT": "8080", "ENDPOINT_PORT_NAME": "http", "ENDPOINT_PROTOCOL": "TCP",
        "SERVICE_PORT_NAME": "http", "SERVICE_PORT": "80", "SERVICE_TARGET_PORT": "8080", "SERVICE_PROTOCOL": "TCP",
        "SERVICE_TYPE": "ClusterSetIP", "CLUSTER_ID": "east", "CLUSTERSET_ID": "shops", "READY": "true",
        "SERVICE_EXPORT_CREATION_TIMESTAMP": "1700000000000", "HOSTNAME": "", "NODENAME": "node-1", "K8S_CONTROLLER": "by hand",
    });
    let input =
        json!({"ServiceId": service["Service"]["Id"], "InstanceId": "tcp-10_0_7_1-8080", "Attributes": attributes});
    call("RegisterInstance", &input);
}
