//! ServiceExports: when a CloudMapExport stands for one, what it holds, and what the conditions say.

use std::sync::Arc;

use landbridge_api::v1alpha1::CloudMapExport;
use serde_json::{Value, json};

use super::*;
use crate::change::Change;
use crate::kubernetes::KubernetesService;
use crate::testing::now;

fn export(label: Option<&str>) -> ServiceExport {
    ServiceExport {
        namespace: "shop".into(),
        name: "orders".into(),
        uid: "u-1".into(),
        generation: 1,
        cloud_map_namespace: label.map(Into::into),
        ..ServiceExport::default()
    }
}

fn service(spec: &Value) -> Arc<KubernetesService> {
    let whole = json!({"metadata": {"name": "orders", "namespace": "shop"}, "spec": spec});
    Arc::new(KubernetesService::from(&serde_json::from_value(whole).unwrap()))
}

fn around() -> Surroundings {
    Surroundings {
        version: "v1beta1".into(),
        service: Some(service(&json!({"selector": {"app": "orders"}, "ports": [{"port": 80}]}))),
        installation: "here".into(),
        ..Surroundings::default()
    }
}

fn cloud_map_export(metadata: &Value, service: &str, conditions: &Value) -> Arc<CloudMapExport> {
    let mut whole = json!({
        "metadata": metadata,
        "spec": {"serviceRef": {"name": service}, "namespaceRef": {"name": "shop"}},
    });
    if !conditions.is_null() {
        whole["status"] = json!({"conditions": conditions});
    }
    Arc::new(serde_json::from_value(whole).unwrap())
}

fn of_somebody(name: &str, service: &str, conditions: &Value) -> Arc<CloudMapExport> {
    cloud_map_export(&json!({"name": name, "namespace": "shop", "uid": "u-theirs"}), service, conditions)
}

fn ready(status: &str, reason: &str) -> Value {
    json!([{"type": "Ready", "status": status, "reason": reason, "message": "said", "lastTransitionTime": "2026-01-01T00:00:00Z"}])
}

/// The CloudMapExport that a plan makes, as the API server would have it.
fn made(plan: &ExportPlan) -> Arc<CloudMapExport> {
    let Some(Change::ApplyObject { namespace, name, body, .. }) = &plan.change else { panic!("{plan:?}") };
    let mut whole = Value::Object(body.clone());
    for (key, value) in [("namespace", namespace.as_str()), ("name", name), ("uid", "u-made")] {
        whole["metadata"][key] = json!(value);
    }
    Arc::new(serde_json::from_value(whole).unwrap())
}

/// `Type=Status Reason` of each condition.
fn said(plan: &ExportPlan) -> Vec<String> {
    let of = |c: &Value| {
        format!("{}={} {}", c["type"].as_str().unwrap(), c["status"].as_str().unwrap(), c["reason"].as_str().unwrap())
    };
    plan.conditions.iter().flatten().map(of).collect()
}

#[test]
fn a_label_makes_a_cloud_map_export_and_the_conditions_follow_it() {
    let (mut export, mut around) = (export(Some("shop")), around());
    around.identity = ClusterIdentity { cluster: Some("west".into()), cluster_set: Some("set".into()) };
    let first = plan(&export, &around, now());
    assert_eq!(said(&first), ["Ready=False Pending", "Valid=True Valid"]);
    let by = made(&first);
    assert_eq!((by.spec.service_ref.name.as_str(), by.spec.namespace_ref.name.as_str()), ("orders", "shop"));
    assert_eq!((by.spec.cluster_id.as_deref(), by.spec.cluster_set_id.as_deref()), (Some("west"), Some("set")));
    assert_eq!(by.metadata.owner_references.as_ref().unwrap()[0].api_version, "multicluster.x-k8s.io/v1beta1");
    assert_eq!((stands_for(&by, "here"), stands_for(&by, "there")), (Some("orders"), None));

    // It is there, and nothing of it is to be changed.
    around.exports = vec![by.clone()];
    export.conditions = first.conditions.unwrap();
    let second = plan(&export, &around, now());
    assert_eq!(second.change, None);
    assert_eq!(said(&second), ["Conflict=False NoConflicts", "Ready=False Pending", "Valid=True Valid"]);
    let mut whole = CloudMapExport::clone(&by);
    let conflict = json!({"reason": "PortConflict", "message": "cluster east"});
    whole.status = serde_json::from_value(json!({"conditions": ready("True", "Ready"), "conflict": conflict})).ok();
    around.exports = vec![Arc::new(whole)];
    export.conditions = second.conditions.unwrap();
    let third = plan(&export, &around, now());
    assert_eq!(said(&third), ["Conflict=True PortConflict", "Ready=True Exported", "Valid=True Valid"]);
    export.conditions = third.conditions.unwrap();
    assert_eq!(plan(&export, &around, now()), ExportPlan::default(), "a second pass plans nothing");

    // The label goes, and what stood for it with it; or it names another namespace, which needs another object.
    export.cloud_map_namespace = None;
    assert!(matches!(plan(&export, &around, now()).change, Some(Change::DeleteObject { uid, .. }) if uid == "u-made"));
    around.cloud_map_namespace = Some("blog".into());
    assert!(matches!(plan(&export, &around, now()).change, Some(Change::DeleteObject { .. })));
    around.cloud_map_namespace = Some("shop".into());
    assert_eq!(plan(&export, &around, now()).change, None, "the label of the namespace does as well");
}

#[test]
fn a_cloud_map_export_of_somebody_is_enough_and_its_state_is_told() {
    for (conditions, wanted) in [
        (json!(null), "Ready=False Pending"),
        (ready("True", "Ready"), "Ready=True Exported"),
        (ready("False", "NoEndpoints"), "Ready=False Pending"),
    ] {
        let mut around = around();
        around.exports = vec![of_somebody("by-hand", "orders", &conditions)];
        let plan = plan(&export(Some("shop")), &around, now());
        assert_eq!(plan.change, None);
        assert_eq!(said(&plan)[1], wanted);
    }
    let mut around = around();
    let mut stalled = ready("False", "OwnershipConflict");
    stalled.as_array_mut().unwrap().push(json!({"type": "Stalled", "status": "True", "reason": "OwnershipConflict",
                                                "message": "said", "lastTransitionTime": "2026-01-01T00:00:00Z"}));
    around.exports = vec![of_somebody("by-hand", "orders", &stalled)];
    assert_eq!(said(&plan(&export(None), &around, now()))[1], "Ready=False Failed");
}

#[test]
fn what_nobody_names_a_namespace_for_is_left_to_others() {
    assert_eq!(plan(&export(None), &around(), now()), ExportPlan::default());
}

#[test]
fn what_cannot_be_exported_is_told_and_nothing_is_made() {
    let mut lost = around();
    lost.service = None;
    let mut external = around();
    external.service = Some(service(&json!({"type": "ExternalName", "externalName": "example.com"})));
    let mut foreign = around();
    foreign.foreign = Some("cloud-map-mcs-system/manager".into());
    let mut taken = around();
    taken.exports = vec![of_somebody("orders", "other", &json!(null))];
    for (around, wanted) in [
        (lost, ["Ready=False Failed", "Valid=False NoService"]),
        (external, ["Ready=False Failed", "Valid=False InvalidServiceType"]),
        (foreign, ["Ready=False ForeignMCSController", "Valid=True Valid"]),
        (taken, ["Ready=False Failed", "Valid=True Valid"]),
    ] {
        let plan = plan(&export(Some("shop")), &around, now());
        assert_eq!((plan.change.as_ref(), said(&plan)), (None, wanted.map(str::to_owned).to_vec()));
    }
}

#[test]
fn an_export_that_is_there_stays_when_the_aws_controller_or_its_service_comes_and_goes() {
    let (export, mut around) = (export(Some("shop")), around());
    around.exports = vec![made(&plan(&export, &around, now()))];
    around.foreign = Some("cloud-map-mcs-system/manager".into());
    around.service = None;
    assert_eq!(plan(&export, &around, now()).change, None);
}

#[test]
fn conditions_of_others_and_the_time_of_a_transition_stay() {
    let mut export = export(Some("shop"));
    let old = json!({"type": "Valid", "status": "True", "reason": "Valid", "message": "otherwise",
                     "lastTransitionTime": "2020-01-01T00:00:00Z"});
    let theirs = json!({"type": "example.com/Synced", "status": "True", "reason": "Yes", "message": "",
                        "lastTransitionTime": "2020-01-01T00:00:00Z"});
    export.conditions = vec![old, theirs.clone()];
    let all = plan(&export, &around(), now()).conditions.unwrap();
    assert_eq!(all.iter().find(|c| c["type"] == "Valid").unwrap()["lastTransitionTime"], "2020-01-01T00:00:00Z");
    assert!(all.contains(&theirs));
}
