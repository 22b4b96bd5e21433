//! Objects of others and objects of ours, against a real API server.

use k8s_openapi::api::core::v1::Service;
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use landbridge_tests::Stage;
use serde_json::json;
use tokio::sync::mpsc;

use super::*;
use crate::lease::{Leases, Timings};
use crate::metrics::Metrics;

fn writer(stage: &Stage) -> Writer {
    let (acquired, _) = mpsc::unbounded_channel();
    let leases = Leases::new(stage.client.clone(), "default", "me".to_owned(), Timings::default(), acquired);
    let guard = Arc::new(Guard::new(leases, Arc::new(Metrics::default())));
    let (feeds, _) = crate::run::feeds();
    let world = Arc::new(World::new(feeds, "here".to_owned()));
    Writer::new(Arc::new(ApiServer::new(stage.client.clone())), guard, world)
}

fn service(owner: &str, uid: Option<&str>, port: u16) -> Change {
    let body = json!({
        "metadata": {"annotations": {tag::OWNER: owner, tag::INSTALLATION: "here"}},
        "spec": {"ports": [{"name": "http", "port": port, "protocol": "TCP"}]},
    });
    Change::ApplyObject {
        api_version: "v1".to_owned(),
        kind: "Service".to_owned(),
        namespace: "default".to_owned(),
        name: "orders".to_owned(),
        uid: uid.map(str::to_owned),
        body: body.as_object().cloned().unwrap(),
    }
}

fn removal(uid: &str) -> Change {
    Change::DeleteObject {
        api_version: "v1".to_owned(),
        kind: "Service".to_owned(),
        namespace: "default".to_owned(),
        name: "orders".to_owned(),
        uid: uid.to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_made_changed_and_deleted_by_its_owner_only() {
    let stage = Stage::without_operator(1.0).await;
    let writer = writer(&stage);
    let services: Api<Service> = Api::namespaced(stage.client.clone(), "default");
    let uid = async || services.get("orders").await.unwrap().metadata.uid.unwrap();
    let class = |result: Result<(), Failure>| result.unwrap_err().class;

    writer.make(&service("CloudMapImport/default/orders", None, 80)).await.unwrap();
    let first = uid().await;
    // An answer that was lost: the same is found and changed.
    writer.make(&service("CloudMapImport/default/orders", None, 81)).await.unwrap();
    writer.make(&service("CloudMapImport/default/orders", Some(&first), 82)).await.unwrap();
    assert_eq!(uid().await, first);

    let edit = json!({"spec": {"ports": [{"name": "http", "port": 90}]}});
    services.patch("orders", &PatchParams::default(), &Patch::Merge(&edit)).await.unwrap();
    writer.make(&service("CloudMapImport/default/orders", Some(&first), 82)).await.unwrap();
    let ports = services.get("orders").await.unwrap().spec.unwrap().ports.unwrap();
    assert_eq!(ports.iter().map(|p| p.port).collect::<Vec<_>>(), [82], "a port of somebody else is taken away");

    let foreign = writer.make(&service("CloudMapImport/default/other", None, 83)).await.unwrap_err();
    assert_eq!(foreign.class, ErrorClass::AlreadyExists);
    assert!(foreign.message.contains("belongs to CloudMapImport/default/orders of installation here"), "{foreign:?}");
    assert_eq!(
        class(writer.make(&service("CloudMapImport/default/orders", Some("another"), 84)).await),
        ErrorClass::Conflict
    );

    writer.make(&removal("another")).await.unwrap();
    assert_eq!(uid().await, first, "another object than the one that was to go is left");
    writer.make(&removal(&first)).await.unwrap();
    assert!(services.get_opt("orders").await.unwrap().is_none());
    writer.make(&removal(&first)).await.unwrap();
    assert_eq!(
        class(writer.make(&service("CloudMapImport/default/orders", Some(&first), 85)).await),
        ErrorClass::Conflict
    );

    let theirs = json!({"metadata": {"name": "orders"}, "spec": {"ports": [{"port": 80}]}});
    services.create(&PostParams::default(), &serde_json::from_value(theirs).unwrap()).await.unwrap();
    let refused = writer.make(&service("CloudMapImport/default/orders", None, 80)).await.unwrap_err();
    assert!(refused.message.contains("was not made by Landbridge"), "{refused:?}");
    services.delete("orders", &DeleteParams::default()).await.unwrap();
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_lease_of_the_account_nothing_is_written() {
    let stage = Stage::without_operator(1.0).await;
    let writer = writer(&stage);
    let refused = writer.write(&service("a", None, 80), &AccountTarget::default()).await.unwrap_err();
    assert_eq!(refused.class, ErrorClass::Fenced);
    let services: Api<Service> = Api::namespaced(stage.client.clone(), "default");
    assert!(services.get_opt("orders").await.unwrap().is_none());
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_of_somebody_else_gets_only_what_the_patch_names_and_only_as_it_was_read() {
    use k8s_openapi::api::networking::v1::Ingress;

    let stage = Stage::without_operator(1.0).await;
    let writer = writer(&stage);
    let ingresses: Api<Ingress> = Api::namespaced(stage.client.clone(), "default");
    let theirs = json!({
        "metadata": {"name": "orders", "annotations": {"weights": "1", "theirs": "{ \"a\" : 1 }"}, "labels": {"app": "x"}},
        "spec": {"defaultBackend": {"service": {"name": "orders", "port": {"name": "http"}}}},
    });
    let made = ingresses.create(&PostParams::default(), &serde_json::from_value(theirs).unwrap()).await.unwrap();
    let patch = |read: &Ingress, weights: &str| Change::PatchObject {
        api_version: "networking.k8s.io/v1".to_owned(),
        kind: "Ingress".to_owned(),
        namespace: "default".to_owned(),
        name: "orders".to_owned(),
        version: read.metadata.resource_version.clone().unwrap(),
        patch: json!({"metadata": {"annotations": {"weights": weights}}}).as_object().cloned().unwrap(),
    };
    writer.make(&patch(&made, "2")).await.unwrap();
    let found = ingresses.get("orders").await.unwrap();
    let mut wanted = made.metadata.annotations.clone().unwrap();
    wanted.insert("weights".to_owned(), "2".to_owned());
    assert_eq!((found.metadata.annotations.as_ref(), &found.spec), (Some(&wanted), &made.spec));
    assert_eq!(found.metadata.labels, made.metadata.labels);
    let managers = found.metadata.managed_fields.clone().unwrap();
    assert!(managers.iter().any(|m| m.manager.as_deref() == Some(OBJECT_MANAGER)), "{managers:?}");

    // What was read before is not what is there now.
    let refused = writer.make(&patch(&made, "3")).await.unwrap_err();
    assert_eq!(refused.class, ErrorClass::Conflict, "{refused:?}");
    assert_eq!(ingresses.get("orders").await.unwrap().metadata.annotations, Some(wanted));
    ingresses.delete("orders", &DeleteParams::default()).await.unwrap();
    assert_eq!(writer.make(&patch(&found, "5")).await.unwrap_err().class, ErrorClass::NotFound);
    stage.end().await;
}
