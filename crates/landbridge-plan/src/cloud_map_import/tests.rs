//! Imports: which Service and slices are made, how little changes, and what is left alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use landbridge_api::common::{DeletionPolicy, Knobs};
use landbridge_api::condition::reason;
use landbridge_api::v1alpha1::{CloudMapImport, CloudMapImportStatus};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::slices::MOST;
use super::*;
use crate::change::Change;
use crate::kubernetes::KubernetesService;
use crate::objects::Snapshot;
use crate::testing::laws;
use crate::testing::{deleted, now, outline, shop};

fn import(spec: &Value) -> CloudMapImport {
    let mut whole = json!({
        "source": {"cloudMap": {"namespaceRef": {"name": "shop"}, "service": "orders"}},
        "service": {"name": "orders-ecs", "ports": [{"name": "http", "port": 80, "appProtocol": "http"}]},
    });
    if let (Some(whole), Some(spec)) = (whole.as_object_mut(), spec.as_object()) {
        whole.extend(spec.clone());
    }
    let meta = json!({"name": "orders", "namespace": "shop", "uid": "u-import"});
    serde_json::from_value(json!({"metadata": meta, "spec": whole})).unwrap()
}

fn found(address: &str, ready: bool) -> ImportedEndpoint {
    ImportedEndpoint {
        address: address.parse().unwrap(),
        port: Some(8080),
        zone: Some("eu-central-1a".into()),
        cluster: Some("ecs-prod".into()),
        ready,
        serving: ready,
        terminating: false,
    }
}

fn observed(endpoints: Vec<ImportedEndpoint>) -> CloudMapImportObserved {
    CloudMapImportObserved { exists: true, endpoints }
}

fn plan_in(objects: &Snapshot, import: &CloudMapImport, observed: &CloudMapImportObserved) -> Plan {
    import.plan(&import.resolve(objects).unwrap(), observed, now())
}

/// What the API server has after the change.
fn apply(objects: &mut Snapshot, change: &Change) {
    match change {
        Change::ApplyObject { kind, namespace, name, uid, body, .. } => {
            let mut object = Value::Object(body.clone());
            object["metadata"]["namespace"] = json!(namespace);
            object["metadata"]["name"] = json!(name);
            object["metadata"]["uid"] = json!(uid.clone().unwrap_or_else(|| format!("uid-of-{name}")));
            if kind == "Service" {
                if object["spec"]["clusterIP"].is_null() {
                    object["spec"]["clusterIP"] = json!("10.96.0.9");
                }
                objects.insert_service(&serde_json::from_value(object).unwrap());
            } else if kind == "ServiceImport" {
                objects.insert_service_import(&serde_json::from_value(object).unwrap());
            } else {
                objects.insert_slice(&serde_json::from_value(object).unwrap());
            }
        }
        Change::DeleteObject { kind, namespace, name, .. } if kind == "Service" => {
            objects.kubernetes_services.remove(&(namespace.clone(), name.clone())).unwrap();
        }
        Change::DeleteObject { kind, namespace, name, .. } if kind == "ServiceImport" => {
            objects.service_imports.remove(&(namespace.clone(), name.clone())).unwrap();
        }
        Change::DeleteObject { name, .. } => {
            let before: usize = objects.endpoint_slices.values().map(Vec::len).sum();
            objects.endpoint_slices.values_mut().for_each(|slices| slices.retain(|s| s.name != *name));
            assert_eq!(objects.endpoint_slices.values().map(Vec::len).sum::<usize>() + 1, before);
        }
        other => panic!("{other:?}"),
    }
}

/// Carries the plan out and checks that another one has nothing to do. Gives the steps.
fn settle(objects: &mut Snapshot, import: &CloudMapImport, observed: &CloudMapImportObserved) -> Vec<String> {
    let plan = plan_in(objects, import, observed);
    assert_eq!(plan.blocked, []);
    plan.steps.iter().for_each(|s| apply(objects, &s.change));
    let again = plan_in(objects, import, observed);
    assert!(again.steps.is_empty(), "{:?}\n{:?}", outline(&again), again.steps);
    plan.steps.iter().map(|s| format!("{} {}", s.change.operation(), s.change.target())).collect()
}

fn service(objects: &Snapshot) -> Arc<KubernetesService> {
    objects.kubernetes_services[&("shop".to_owned(), "orders-ecs".to_owned())].clone()
}

/// Addresses in the slices of the import, with readiness, by slice.
fn slices(objects: &Snapshot) -> BTreeMap<String, Vec<(String, bool)>> {
    let all = objects.endpoint_slices.get(&("shop".to_owned(), "orders-ecs".to_owned())).cloned().unwrap_or_default();
    all.iter()
        .map(|s| (s.name.clone(), s.endpoints.iter().map(|e| (e.address.to_string(), e.ready)).collect()))
        .collect()
}

fn health(objects: &Snapshot, import: &CloudMapImport, observed: &CloudMapImportObserved) -> (&'static str, String) {
    match import.health(&import.resolve(objects).unwrap(), observed, now()) {
        Health::Healthy(message) => (reason::READY, message),
        Health::Progressing { reason, message } | Health::Failed { reason, message, .. } => (reason, message),
    }
}

#[test]
fn an_import_is_a_service_without_a_selector_and_a_slice_with_zones_and_conditions() {
    let mut objects = shop();
    let mut ending = found("10.0.3.19", true);
    (ending.ready, ending.terminating) = (false, true);
    let world = observed(vec![found("10.0.3.18", false), found("10.0.3.17", true), ending]);
    let plan = plan_in(&objects, &import(&json!({})), &world);
    let [service_step, slice_step] = plan.steps.as_slice() else { panic!("{:?}", outline(&plan)) };
    assert_eq!(slice_step.after, ["service"]);
    let Change::ApplyObject { body, .. } = &service_step.change else { panic!() };
    assert_eq!(
        body["spec"],
        json!({"type": "ClusterIP", "ports": [
            {"name": "http", "port": 80, "targetPort": 80, "protocol": "TCP", "appProtocol": "http"}]})
    );
    assert_eq!(body["metadata"]["ownerReferences"][0]["uid"], "u-import");
    let Change::ApplyObject { body, .. } = &slice_step.change else { panic!() };
    assert_eq!(
        body["metadata"]["labels"],
        json!({
            "kubernetes.io/service-name": "orders-ecs",
            "endpointslice.kubernetes.io/managed-by": "cloud-map-importer.landbridge.dev",
            "multicluster.kubernetes.io/service-name": "orders-ecs",
            "multicluster.kubernetes.io/source-cluster": "ecs-prod",
        })
    );
    assert_eq!(body["ports"], json!([{"name": "http", "port": 8080, "protocol": "TCP", "appProtocol": "http"}]));
    let conditions: Vec<Value> =
        body["endpoints"].as_array().unwrap().iter().map(|e| e["conditions"].clone()).collect();
    assert_eq!(
        conditions,
        [
            json!({"ready": true, "serving": true, "terminating": false}),
            json!({"ready": false, "serving": false, "terminating": false}),
            json!({"ready": false, "serving": true, "terminating": true}),
        ]
    );
    assert_eq!(body["endpoints"][0]["zone"], "eu-central-1a");
    settle(&mut objects, &import(&json!({})), &world);
    let (_, message) = health(&objects, &import(&json!({})), &world);
    assert_eq!(message, "Service shop/orders-ecs leads to 1 of 3 endpoints of orders in shop.internal");
}

#[test]
fn the_service_of_somebody_else_is_never_written() {
    let mut objects = shop();
    for annotations in
        [json!({}), json!({"landbridge.dev/owner": "CloudMapImport/shop/other", "landbridge.dev/installation": "here"})]
    {
        let meta = json!({"name": "orders-ecs", "namespace": "shop", "annotations": annotations});
        objects.insert_service(
            &serde_json::from_value(json!({"metadata": meta, "spec": {"ports": [{"port": 80}]}})).unwrap(),
        );
        let plan = plan_in(&objects, &import(&json!({})), &observed(vec![found("10.0.3.17", true)]));
        assert_eq!(outline(&plan), ["blocked NameTaken"]);
        assert_eq!(outline(&plan_in(&objects, &deleted(import(&json!({}))), &observed(vec![]))), ["gone"]);
    }
}

#[test]
fn slices_of_others_under_the_same_service_stay() {
    let mut objects = shop();
    settle(&mut objects, &import(&json!({})), &observed(vec![found("10.0.3.17", true)]));
    let labels = json!({"kubernetes.io/service-name": "orders-ecs"});
    let theirs = json!({"metadata": {"name": "by-hand", "namespace": "shop", "labels": labels}, "addressType": "IPv4",
                        "endpoints": [{"addresses": ["10.9.9.9"]}]});
    objects.insert_slice(&serde_json::from_value(theirs).unwrap());
    settle(&mut objects, &import(&json!({})), &observed(vec![]));
    assert_eq!(slices(&objects).into_keys().collect::<Vec<_>>(), ["by-hand"]);
    settle_deletion(&mut objects, &deleted(import(&json!({}))));
    assert_eq!(slices(&objects).len(), 1);
}

fn settle_deletion(objects: &mut Snapshot, import: &CloudMapImport) {
    let plan = plan_in(objects, import, &observed(vec![]));
    plan.steps.iter().for_each(|s| apply(objects, &s.change));
    assert_eq!(outline(&plan_in(objects, import, &observed(vec![]))), ["gone"]);
}

#[test]
fn one_endpoint_more_or_less_changes_one_slice() {
    let mut objects = shop();
    let all: Vec<ImportedEndpoint> = (0..250).map(|i| found(&format!("10.1.{}.{}", i / 250, i % 250), true)).collect();
    assert_eq!(settle(&mut objects, &import(&json!({})), &observed(all.clone())).len(), 4);
    assert!(slices(&objects).values().all(|s| s.len() <= MOST));
    let before = slices(&objects);
    let mut fewer = all.clone();
    fewer.remove(7);
    fewer.reverse();
    assert_eq!(settle(&mut objects, &import(&json!({})), &observed(fewer.clone())).len(), 1);
    // A new one fills the gap rather than the slice with most room.
    fewer.push(found("10.2.0.1", true));
    assert_eq!(settle(&mut objects, &import(&json!({})), &observed(fewer.clone())).len(), 1);
    let changed = slices(&objects).iter().filter(|(name, s)| before.get(*name) != Some(s)).count();
    assert_eq!(changed, 1);
    fewer[3].ready = false;
    assert_eq!(settle(&mut objects, &import(&json!({})), &observed(fewer)).len(), 1);
}

#[test]
fn an_instance_without_a_port_is_left_out_until_the_spec_says_one() {
    let objects = shop();
    let mut without = found("10.0.3.17", true);
    without.port = None;
    let world = observed(vec![without]);
    assert_eq!(plan_in(&objects, &import(&json!({})), &world).steps.len(), 1);
    let (reason, message) = health(&objects, &import(&json!({})), &world);
    assert_eq!(reason, reason::PORT_UNKNOWN);
    assert!(message.contains("10.0.3.17") && message.contains("targetPort"), "{message}");
    let said = import(&json!({"service": {"name": "orders-ecs", "ports": [{"port": 80, "targetPort": 9000}]}}));
    let plan = plan_in(&objects, &said, &world);
    let Change::ApplyObject { body, .. } = &plan.steps[1].change else { panic!() };
    assert_eq!(body["ports"], json!([{"name": "", "port": 9000, "protocol": "TCP"}]));
}

#[test]
fn a_service_becomes_headless_by_another_one_and_ports_change_in_place() {
    let mut objects = shop();
    let world = observed(vec![found("10.0.3.17", true)]);
    settle(&mut objects, &import(&json!({})), &world);
    let ports = json!([{"name": "http", "port": 8000}]);
    let other_port = import(&json!({"service": {"name": "orders-ecs", "ports": ports}}));
    let steps = settle(&mut objects, &other_port, &world);
    assert_eq!(steps[0], "kubernetes:Apply Service shop/orders-ecs");
    assert_eq!(service(&objects).ports[0].port, 8000);
    let headless = import(&json!({"service": {"name": "orders-ecs", "type": "Headless", "ports": ports}}));
    let steps = settle(&mut objects, &headless, &world);
    assert_eq!(steps, ["kubernetes:Delete Service shop/orders-ecs", "kubernetes:Apply Service shop/orders-ecs"]);
    assert!(service(&objects).headless);
}

#[test]
fn under_retain_no_owner_reference_lets_kubernetes_delete_what_was_made() {
    let mut objects = shop();
    let world = observed(vec![found("10.0.3.17", true)]);
    settle(&mut objects, &import(&json!({})), &world);
    assert_eq!(service(&objects).owner_uid.as_deref(), Some("u-import"));
    let retaining = import(&json!({"deletionPolicy": "Retain"}));
    assert_eq!(settle(&mut objects, &retaining, &world).len(), 2);
    assert_eq!(service(&objects).owner_uid, None);
    assert_eq!(outline(&plan_in(&objects, &deleted(retaining), &world)), ["gone"]);
    assert_eq!(import(&json!({})).knobs(), Knobs::default());
    assert_eq!(Knobs::default().deletion(), DeletionPolicy::Delete);
}

#[test]
fn addresses_that_lead_back_into_the_cluster_or_nowhere_are_left_out() {
    let mut objects = shop();
    let world = observed(vec![
        found("10.0.3.17", true),
        found("127.0.0.1", true),
        found("169.254.0.1", true),
        found("10.96.0.9", true),
    ]);
    settle(&mut objects, &import(&json!({})), &observed(vec![]));
    settle(&mut objects, &import(&json!({})), &world);
    assert_eq!(slices(&objects).values().flatten().map(|(a, _)| a.as_str()).collect::<Vec<_>>(), ["10.0.3.17"]);
}

#[test]
fn a_source_that_is_gone_leads_nobody_anywhere_and_a_new_import_waits_for_it() {
    let mut objects = shop();
    let mut import = import(&json!({}));
    let world = observed(vec![found("10.0.3.17", true)]);
    settle(&mut objects, &import, &world);
    objects.cloud_map_namespaces.clear();
    assert!(matches!(import.resolve(&objects), Err(Unmet::Wait(_))));
    import.status = Some(CloudMapImportStatus { service: Some("orders-ecs".into()), ..Default::default() });
    settle(&mut objects, &import, &CloudMapImportObserved::default());
    assert!(slices(&objects).is_empty());
    assert_eq!(health(&objects, &import, &CloudMapImportObserved::default()).0, reason::REFERENCE_NOT_FOUND);
    settle_deletion(&mut objects, &deleted(import));
    assert!(!objects.kubernetes_services.contains_key(&("shop".to_owned(), "orders-ecs".to_owned())));
}

/// A cluster that serves ServiceImports in that version.
fn serving(version: &str) -> Snapshot {
    let mut objects = shop();
    objects.multi_cluster.version = Some(version.to_owned());
    objects
}

fn service_import(objects: &Snapshot) -> Option<Arc<crate::multi_cluster::ServiceImport>> {
    objects.service_imports.get(&("shop".to_owned(), "orders-ecs".to_owned())).cloned()
}

/// The condition that speaks of the ServiceImport: whether it holds, its reason and message.
fn imported(
    objects: &Snapshot,
    import: &CloudMapImport,
    world: &CloudMapImportObserved,
) -> (bool, &'static str, String) {
    let all = import.dependents(&import.resolve(objects).unwrap(), world);
    let [only] = all.as_slice() else { panic!("{all:?}") };
    (only.holds, only.reason, only.message.clone())
}

/// [`settle`] for what takes two passes: the address of a Service is known once it is there.
fn settle_twice(objects: &mut Snapshot, import: &CloudMapImport, world: &CloudMapImportObserved) {
    let plan = plan_in(objects, import, world);
    plan.steps.iter().for_each(|s| apply(objects, &s.change));
    settle(objects, import, world);
}

#[test]
fn a_service_import_has_the_ports_addresses_and_clusters_of_what_is_imported() {
    let (mut objects, asking) = (serving("v1beta1"), import(&json!({"serviceImport": true})));
    let world = observed(vec![found("10.0.3.17", true)]);
    settle_twice(&mut objects, &asking, &world);
    let said = service_import(&objects).unwrap().said.clone();
    assert_eq!((said.type_.as_str(), said.ready), ("ClusterSetIP", Some((true, "Ready".to_owned()))));
    assert_eq!(said.ips.iter().collect::<Vec<_>>(), ["10.96.0.9"]);
    assert_eq!(said.clusters.iter().collect::<Vec<_>>(), ["ecs-prod"]);
    assert_eq!(said.ports.first().map(|p| (p.0.as_str(), p.1, p.3.as_str())), Some(("http", 80, "http")));
    let label = service(&objects).labels["multicluster.kubernetes.io/service-name"].clone();
    assert_eq!(label, "orders-ecs");
    let condition = imported(&objects, &asking, &world);
    assert_eq!(
        condition,
        (true, reason::READY, "ServiceImport shop/orders-ecs stands beside Service shop/orders-ecs".into())
    );
    // Without a ready endpoint it says so; the other clusters follow.
    let mut elsewhere = found("10.0.4.1", false);
    elsewhere.cluster = Some("east".into());
    assert_eq!(settle(&mut objects, &asking, &observed(vec![elsewhere])).len(), 3);
    let said = service_import(&objects).unwrap().said.clone();
    assert_eq!(said.ready, Some((false, "Pending".to_owned())));
    assert_eq!(said.clusters.iter().collect::<Vec<_>>(), ["east"]);
    settle_deletion_of(&mut objects, asking);
    assert!(service_import(&objects).is_none());
}

fn settle_deletion_of(objects: &mut Snapshot, mut import: CloudMapImport) {
    let status = CloudMapImportStatus { service_import: Some("orders-ecs".into()), ..Default::default() };
    import.status = Some(status);
    settle_deletion(objects, &deleted(import));
}

#[test]
fn the_old_version_has_one_address_and_no_conditions_and_a_headless_one_has_no_address() {
    let (mut objects, asking) = (serving("v1alpha1"), import(&json!({"serviceImport": true})));
    let world = observed(vec![found("10.0.3.17", true)]);
    let plan = plan_in(&objects, &asking, &world);
    let Some(Change::ApplyObject { api_version, .. }) = plan.steps.last().map(|s| &s.change) else { panic!() };
    assert_eq!(api_version, "multicluster.x-k8s.io/v1alpha1");
    settle_twice(&mut objects, &asking, &world);
    assert_eq!(service_import(&objects).unwrap().said.ready, None);
    let service = json!({"name": "orders-ecs", "type": "Headless", "ports": [{"port": 80}]});
    settle_twice(&mut objects, &import(&json!({"serviceImport": true, "service": service})), &world);
    let said = service_import(&objects).unwrap().said.clone();
    assert_eq!((said.type_.as_str(), said.ips.len()), ("Headless", 0));
}

#[test]
fn where_the_kind_is_not_served_or_its_aws_controller_runs_there_is_a_service_and_no_service_import() {
    let asking = import(&json!({"serviceImport": true}));
    let world = observed(vec![found("10.0.3.17", true)]);
    let mut objects = shop();
    settle(&mut objects, &asking, &world);
    assert_eq!(imported(&objects, &asking, &world).1, reason::NOT_SERVED);
    // The kind arrives.
    objects.multi_cluster.version = Some("v1beta1".to_owned());
    settle_twice(&mut objects, &asking, &world);
    assert!(imported(&objects, &asking, &world).0 && service_import(&objects).is_some());
    // The AWS MCS controller arrives: it deletes Services that carry the label, too.
    objects.multi_cluster.foreign = Some("cloud-map-mcs-system/manager".to_owned());
    settle(&mut objects, &asking, &world);
    assert!(service_import(&objects).is_none() && service(&objects).labels.is_empty());
    let (holds, reason, message) = imported(&objects, &asking, &world);
    assert_eq!((holds, reason), (false, reason::FOREIGN_MCS_CONTROLLER));
    assert!(message.contains("cloud-map-mcs-system/manager"), "{message}");
    assert_eq!(health(&objects, &asking, &world).0, reason::READY);
    // An import that does not ask has no such condition.
    let silent = import(&json!({}));
    assert_eq!(silent.dependents(&silent.resolve(&objects).unwrap(), &world), []);
}

#[test]
fn the_service_import_of_somebody_else_is_left_alone_and_one_that_is_not_wanted_any_more_goes() {
    let asking = import(&json!({"serviceImport": true}));
    let world = observed(vec![found("10.0.3.17", true)]);
    let mut objects = serving("v1beta1");
    let theirs = json!({"metadata": {"name": "orders-ecs", "namespace": "shop", "uid": "theirs"},
                        "spec": {"type": "ClusterSetIP", "ports": []}});
    objects.insert_service_import(&serde_json::from_value(theirs).unwrap());
    settle(&mut objects, &asking, &world);
    assert_eq!(imported(&objects, &asking, &world).1, reason::NAME_TAKEN);
    assert_eq!(service_import(&objects).unwrap().uid, "theirs");
    objects.service_imports.clear();
    settle_twice(&mut objects, &asking, &world);
    let mut silent = import(&json!({}));
    silent.status = Some(CloudMapImportStatus { service_import: Some("orders-ecs".into()), ..Default::default() });
    settle(&mut objects, &silent, &world);
    assert!(service_import(&objects).is_none());
}

fn endpoints() -> impl Strategy<Value = BTreeMap<u16, (bool, bool)>> {
    proptest::collection::btree_map(0..400_u16, any::<(bool, bool)>(), 0..300)
}

proptest! {
    #![proptest_config(laws::cases())]

    #[test]
    fn whatever_churns_the_slices_hold_exactly_the_source_and_a_second_pass_plans_nothing(
        rounds in proptest::collection::vec(endpoints(), 1..4)
    ) {
        let (mut objects, import) = (shop(), import(&json!({})));
        for round in &rounds {
            let all: Vec<ImportedEndpoint> = round
                .iter()
                .map(|(n, (ready, v6))| {
                    let address = if *v6 { format!("fd00::{n:x}") } else { format!("10.1.{}.{}", n / 200, n % 200) };
                    found(&address, *ready)
                })
                .collect();
            settle(&mut objects, &import, &observed(all.clone()));
            let slices = slices(&objects);
            prop_assert!(slices.values().all(|s| !s.is_empty() && s.len() <= MOST));
            let mut there: Vec<(String, bool)> = slices.into_values().flatten().collect();
            let mut wanted: Vec<(String, bool)> = all.iter().map(|e| (e.address.to_string(), e.ready)).collect();
            there.sort();
            wanted.sort();
            prop_assert_eq!(there, wanted);
        }
        settle_deletion(&mut objects, &deleted(import));
        prop_assert!(slices(&objects).is_empty());
    }
}
