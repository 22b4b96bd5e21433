//! ServiceExports and ServiceImports: honoured where their kinds are served, from the moment at which they are; left to the
//! AWS MCS controller where that runs.

use kube::Api;
use kube::api::{DynamicObject, Patch, PatchParams};
use landbridge_api::condition::{self, reason};
use landbridge_api::v1alpha1::{CloudMapExport, CloudMapImport};
use landbridge_tests::Stage;
use landbridge_tests::bridge::{EXPORT, PLATFORM, SERVICE};
use landbridge_tests::multi_cluster::{AWS_CONTROLLER, Installed};
use landbridge_tests::shop::is_ready;
use serde_json::{Value, json};

const FIRST: &str = "tcp-10_0_0_1-8080";
const SECOND: &str = "tcp-10_0_0_2-8080";

fn service_export(version: &str, labels: &str) -> String {
    format!(
        "{{apiVersion: multicluster.x-k8s.io/{version}, kind: ServiceExport, metadata: {{name: orders, namespace: shop, \
         labels: {{{labels}}}}}}}"
    )
}

const LABEL: &str = "landbridge.dev/cloud-map-namespace: shop.internal";

const IMPORT: &str = r"
apiVersion: landbridge.dev/v1alpha1
kind: CloudMapImport
metadata: {name: orders-import, namespace: shop}
spec:
  source: {cloudMap: {namespaceRef: {name: shop.internal}, service: orders}}
  serviceImport: true
  service:
    ports: [{name: http, port: 80, targetPort: 8080}]
";

/// `Type=Status Reason` of each condition, sorted.
fn said(object: &DynamicObject) -> Vec<String> {
    let of = |c: &Value| {
        let text = |key: &str| c[key].as_str().unwrap_or_default().to_owned();
        format!("{}={} {}", text("type"), text("status"), text("reason"))
    };
    let mut all: Vec<_> = object.data["status"]["conditions"].as_array().into_iter().flatten().map(of).collect();
    all.sort();
    all
}

async fn until_said(stage: &Stage, version: &str, wanted: &[&str]) {
    let api = stage.multi_cluster(version, "ServiceExport");
    let says = async || api.get_opt("orders").await.unwrap().is_some_and(|e| said(&e) == wanted);
    stage.eventually(&format!("the ServiceExport says {wanted:?}"), says).await;
}

fn exports(stage: &Stage) -> Api<CloudMapExport> {
    Api::namespaced(stage.client.clone(), "shop")
}

/// The condition that speaks of the ServiceImport.
fn imported(import: &CloudMapImport) -> Option<(&str, &str)> {
    let conditions = &import.status.as_ref()?.common.conditions;
    condition::find(conditions, condition::SERVICE_IMPORTED).map(|c| (c.status.as_str(), c.reason.as_str()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_export_is_registered_in_cloud_map_from_the_day_its_kind_arrives() {
    let mut stage = Stage::start(30.0).await;
    for yaml in [PLATFORM, SERVICE] {
        stage.apply(yaml).await;
    }
    stage.endpoints(&[("10.0.0.1", true)]).await;
    stage.install_multi_cluster(Installed::BySig).await;
    stage.name_cluster("west", "shops").await;
    // Nobody says where it is to be registered, so it is not ours.
    stage.apply(&service_export("v1beta1", "")).await;
    stage.apply(&service_export("v1beta1", LABEL)).await;
    until_said(&stage, "v1beta1", &["Conflict=False NoConflicts", "Ready=True Exported", "Valid=True Valid"]).await;
    stage.until_registered("orders", &[FIRST]).await;
    let made = exports(&stage).get("orders").await.unwrap();
    assert_eq!((made.spec.cluster_id.as_deref(), made.spec.cluster_set_id.as_deref()), (Some("west"), Some("shops")));
    stage.endpoints(&[("10.0.0.1", true), ("10.0.0.2", true)]).await;
    stage.until_registered("orders", &[FIRST, SECOND]).await;

    // It is kept as it should be, and its readiness follows.
    stage.delete(exports(&stage), "orders").await;
    let is_back = async || {
        let found = exports(&stage).get_opt("orders").await.unwrap();
        found.is_some_and(|e| e.metadata.uid != made.metadata.uid && is_ready(&e))
    };
    stage.eventually("the CloudMapExport is made again", is_back).await;
    stage.endpoints(&[]).await;
    until_said(&stage, "v1beta1", &["Conflict=False NoConflicts", "Ready=False Pending", "Valid=True Valid"]).await;

    // It goes while the operator is away, and what stood for it goes when that comes back. (Nobody collects garbage here.)
    stage.stop_operator().await;
    stage.delete(stage.multi_cluster("v1beta1", "ServiceExport"), "orders").await;
    stage.start_operator().await;
    let gone = async || exports(&stage).get_opt("orders").await.unwrap().is_none();
    stage.eventually("the CloudMapExport goes with the ServiceExport", gone).await;
    stage.until_registered("orders", &[]).await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_export_of_the_old_version_follows_the_cloud_map_export_that_covers_its_service() {
    let stage = Stage::without_operator(30.0).await;
    stage.install_multi_cluster(Installed::ByAws).await;
    let mut stage = stage;
    stage.start_operator().await;
    for yaml in [PLATFORM, SERVICE] {
        stage.apply(yaml).await;
    }
    stage.endpoints(&[("10.0.0.1", true)]).await;
    stage.apply(&EXPORT.replace("metadata: {name: orders,", "metadata: {name: by-hand,")).await;
    stage.until("shop", "by-hand", "ready", is_ready::<CloudMapExport>).await;
    stage.apply(&service_export("v1alpha1", "")).await;
    until_said(&stage, "v1alpha1", &["Conflict=False NoConflicts", "Ready=True Exported", "Valid=True Valid"]).await;
    assert!(exports(&stage).get_opt("orders").await.unwrap().is_none(), "one that covers it is enough");
    // A label on the namespace does for everything in it; without a Service nothing is made.
    let label = json!({"metadata": {"labels": {"landbridge.dev/cloud-map-namespace": "shop.internal"}}});
    let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(stage.client.clone());
    namespaces.patch("shop", &PatchParams::default(), &Patch::Merge(&label)).await.unwrap();
    stage.apply(&service_export("v1alpha1", "").replace("name: orders", "name: lost")).await;
    let api = stage.multi_cluster("v1alpha1", "ServiceExport");
    let lost = async || {
        let found = api.get("lost").await.unwrap();
        said(&found) == ["Ready=False Failed", "Valid=False NoService"]
    };
    stage.eventually("a ServiceExport without a Service says so", lost).await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_writes_a_service_import_once_the_kind_is_served_and_none_beside_the_aws_controller() {
    let stage = Stage::start(30.0).await;
    for yaml in [PLATFORM, SERVICE] {
        stage.apply(yaml).await;
    }
    stage.endpoints(&[("10.0.0.1", true)]).await;
    stage.apply(EXPORT).await;
    stage.apply(IMPORT).await;
    let with =
        |wanted: (&'static str, &'static str)| move |i: &CloudMapImport| is_ready(i) && imported(i) == Some(wanted);
    stage.until("shop", "orders-import", "without the kind", with(("False", reason::NOT_SERVED))).await;

    stage.install_multi_cluster(Installed::BySig).await;
    stage.until("shop", "orders-import", "with a ServiceImport", with(("True", reason::READY))).await;
    let api = stage.multi_cluster("v1beta1", "ServiceImport");
    let complete = async || {
        let Some(found) = api.get_opt("orders-import").await.unwrap() else { return false };
        let spec = &found.data["spec"];
        spec["ips"].as_array().is_some_and(|ips| ips.len() == 1)
            && spec["ports"][0]["port"] == 80
            && found.data["status"]["clusters"] == json!([{"cluster": "landbridge"}])
            && said(&found) == ["Ready=True Ready"]
    };
    stage.eventually("the ServiceImport is complete", complete).await;
    stage.delete(api.clone(), "orders-import").await;
    stage.eventually("the ServiceImport is back", complete).await;

    // The AWS MCS controller would delete it.
    stage.apply(AWS_CONTROLLER).await;
    stage.until("shop", "orders-import", "refused", with(("False", reason::FOREIGN_MCS_CONTROLLER))).await;
    let gone = async || api.get_opt("orders-import").await.unwrap().is_none();
    stage.eventually("the ServiceImport goes", gone).await;
    let deployments: Api<k8s_openapi::api::apps::v1::Deployment> =
        Api::namespaced(stage.client.clone(), "cloud-map-mcs-system");
    stage.delete(deployments, "cloud-map-mcs-controller-manager").await;
    stage.eventually("the ServiceImport is back once the controller is gone", complete).await;

    let imports: Api<CloudMapImport> = Api::namespaced(stage.client.clone(), "shop");
    stage.delete(imports.clone(), "orders-import").await;
    stage.eventually("the import goes", async || imports.get_opt("orders-import").await.unwrap().is_none()).await;
    assert!(api.get_opt("orders-import").await.unwrap().is_none());
    stage.end().await;
}
