//! Exports: what is registered, what is refused, and that nothing of others is touched.

use std::collections::BTreeMap;

use landbridge_api::condition::reason;
use landbridge_api::v1alpha1::{CloudMapExport, CloudMapExportStatus};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::change::{Change, Tags};
use crate::ecs_service::DiscoveryFacts;
use crate::objects::Snapshot;
use crate::testing::laws::{self, Tampered as _};
use crate::testing::model::apply;
use crate::testing::{self, deleted, now, outline, resolved, shop};

fn export(spec: &Value) -> CloudMapExport {
    let mut whole = json!({"serviceRef": {"name": "orders"}, "namespaceRef": {"name": "shop"}});
    if let (Some(whole), Some(spec)) = (whole.as_object_mut(), spec.as_object()) {
        whole.extend(spec.clone());
    }
    let meta = json!({"name": "orders", "namespace": "shop", "uid": "u1", "creationTimestamp": "2026-01-01T00:00:00Z"});
    serde_json::from_value(json!({"metadata": meta, "spec": whole})).unwrap()
}

/// The shop with these endpoints of `orders`: address and whether it is ready.
fn shop_with(endpoints: &[(&str, bool)]) -> Snapshot {
    let mut objects = shop();
    objects.endpoint_slices.clear();
    for (name, type_, v6) in [("orders-4", "IPv4", false), ("orders-6", "IPv6", true)] {
        let here: Vec<Value> = endpoints
            .iter()
            .filter(|(address, _)| address.contains(':') == v6)
            .map(|(address, ready)| {
                // The two addresses of a pod end alike.
                let pod = format!("p{}", address.rsplit(['.', ':']).next().unwrap());
                let target = json!({"kind": "Pod", "name": pod});
                json!({"addresses": [address], "conditions": {"ready": ready}, "targetRef": target})
            })
            .collect();
        let labels = json!({"kubernetes.io/service-name": "orders"});
        let slice = json!({
            "metadata": {"name": name, "namespace": "shop", "labels": labels}, "addressType": type_,
            "ports": [{"name": "http", "port": 8080}], "endpoints": here,
        });
        objects.insert_slice(&serde_json::from_value(slice).unwrap());
    }
    objects
}

fn plan_in(objects: &Snapshot, export: &CloudMapExport, observed: &CloudMapExportObserved) -> Plan {
    export.plan(&resolved(export, objects), observed, now())
}

/// The world after the plans of the export have come to nothing, and the plan that came to nothing.
fn settled(
    objects: &Snapshot,
    export: &CloudMapExport,
    from: CloudMapExportObserved,
) -> (CloudMapExportObserved, Plan) {
    let mut world = from;
    for _ in 0..5 {
        let plan = plan_in(objects, export, &world);
        assert_eq!(plan.blocked, []);
        if plan.steps.is_empty() {
            return (world, plan);
        }
        world = apply::<CloudMapExport>(&world, &plan);
    }
    panic!("it does not settle: {:?}", outline(&plan_in(objects, export, &world)));
}

fn ids(world: &CloudMapExportObserved) -> Vec<&str> {
    world.instances.keys().map(String::as_str).collect()
}

fn health(objects: &Snapshot, export: &CloudMapExport, world: &CloudMapExportObserved) -> (&'static str, String) {
    match export.health(&resolved(export, objects), world, now()) {
        Health::Healthy(message) => (reason::READY, message),
        Health::Progressing { reason, message } | Health::Failed { reason, message, .. } => (reason, message),
    }
}

#[test]
fn a_new_export_makes_the_service_and_registers_every_ready_endpoint_after_it() {
    let objects = shop();
    let plan = plan_in(&objects, &export(&json!({})), &CloudMapExportObserved::default());
    assert_eq!(
        outline(&plan),
        [
            "servicediscovery:CreateService Cloud Map service orders <- Spec",
            "servicediscovery:RegisterInstance Cloud Map instance tcp-10_0_0_1-8080 of (known after apply) <- Spec after service",
            "servicediscovery:RegisterInstance Cloud Map instance tcp-10_0_0_2-8080 of (known after apply) <- Spec after service",
        ]
    );
    let world = apply::<CloudMapExport>(&CloudMapExportObserved::default(), &plan);
    let (reason, message) = health(&objects, &export(&json!({})), &world);
    assert_eq!(reason, reason::READY);
    assert_eq!(message, "2 endpoints of Service shop/orders are registered in orders.shop.internal");
}

#[test]
fn the_attributes_are_those_of_cloud_map_of_the_mcs_controller_and_ours() {
    let export = export(&json!({"clusterId": "blue"}));
    let (world, _) = settled(&shop(), &export, CloudMapExportObserved::default());
    let wanted: Tags = [
        ("AWS_INSTANCE_IPV4", "10.0.0.1"),
        ("AWS_INSTANCE_PORT", "8080"),
        ("AWS_INIT_HEALTH_STATUS", "HEALTHY"),
        ("AVAILABILITY_ZONE", "eu-central-1a"),
        ("REGION", "eu-central-1"),
        ("ENDPOINT_PORT_NAME", "http"),
        ("ENDPOINT_PROTOCOL", "TCP"),
        ("SERVICE_PORT_NAME", "http"),
        ("SERVICE_PORT", "80"),
        ("SERVICE_TARGET_PORT", "8080"),
        ("SERVICE_PROTOCOL", "TCP"),
        ("SERVICE_TYPE", "ClusterSetIP"),
        ("CLUSTER_ID", "blue"),
        ("CLUSTERSET_ID", "landbridge"),
        ("READY", "true"),
        ("SERVICE_EXPORT_CREATION_TIMESTAMP", "1767225600000"),
        ("HOSTNAME", ""),
        ("NODENAME", "n1"),
        ("K8S_CONTROLLER", concat!("landbridge ", env!("CARGO_PKG_VERSION"))),
        ("PLATFORM", "eks"),
        ("LANDBRIDGE_OWNER", "here/CloudMapExport/shop/orders"),
    ]
    .map(|(k, v)| (k.to_owned(), v.to_owned()))
    .into();
    assert_eq!(world.instances["tcp-10_0_0_1-8080"], wanted);
    let custom = wanted.keys().filter(|k| !k.starts_with("AWS_")).count();
    assert!(custom <= 30, "{custom}");
}

#[test]
fn an_upgrade_of_the_operator_registers_nothing_anew_and_a_pod_that_moved_is() {
    let export = export(&json!({}));
    let (mut world, _) = settled(&shop(), &export, CloudMapExportObserved::default());
    for attributes in world.instances.values_mut() {
        attributes.insert("K8S_CONTROLLER".into(), "landbridge 0.0.1".into());
        attributes.remove("AWS_INIT_HEALTH_STATUS");
    }
    assert!(plan_in(&shop(), &export, &world).steps.is_empty());
    world.instances.get_mut("tcp-10_0_0_1-8080").unwrap().insert("AVAILABILITY_ZONE".into(), "eu-central-1c".into());
    let plan = plan_in(&shop(), &export, &world);
    assert_eq!(plan.steps.len(), 1);
    assert_eq!(plan.steps[0].differences[0].path, "instances[tcp-10_0_0_1-8080].AVAILABILITY_ZONE");
}

#[test]
fn one_change_of_an_instance_is_under_way_at_a_time_and_a_failure_is_told() {
    let (objects, export) = (shop(), export(&json!({})));
    let (mut world, _) = settled(&objects, &export, CloudMapExportObserved::default());
    let lost = world.instances.remove("tcp-10_0_0_1-8080").unwrap();
    world.under_way.insert("tcp-10_0_0_1-8080".into(), InstanceOperation { id: "op".into(), failure: None });
    assert_eq!(outline(&plan_in(&objects, &export, &world)), ["wait Progressing"]);
    let failure = Some("ACCESS_DENIED (no route53:ChangeResourceRecordSets)".to_owned());
    world.under_way.insert("tcp-10_0_0_1-8080".into(), InstanceOperation { id: "op".into(), failure });
    let plan = plan_in(&objects, &export, &world);
    assert_eq!(outline(&plan), ["wait RefusedByAWS"]);
    assert!(plan.waits[0].message.contains("tcp-10_0_0_1-8080: ACCESS_DENIED"), "{}", plan.waits[0].message);
    world.under_way.clear();
    assert_eq!(plan_in(&objects, &export, &world).steps.len(), 1);
    world.instances.insert("tcp-10_0_0_1-8080".into(), lost);
    assert!(plan_in(&objects, &export, &world).is_empty());
}

#[test]
fn an_endpoint_that_is_not_ready_or_ends_is_taken_out() {
    let export = export(&json!({}));
    let (world, _) =
        settled(&shop_with(&[("10.0.0.1", true), ("10.0.0.2", true)]), &export, CloudMapExportObserved::default());
    let (world, _) = settled(&shop_with(&[("10.0.0.1", true), ("10.0.0.2", false)]), &export, world);
    assert_eq!(ids(&world), ["tcp-10_0_0_1-8080"]);
    let none = shop_with(&[("10.0.0.1", false), ("10.0.0.2", false)]);
    let (world, _) = settled(&none, &export, world);
    assert!(world.instances.is_empty() && world.service.is_some());
    let (reason, message) = health(&none, &export, &world);
    assert_eq!(
        (reason, message.as_str()),
        (reason::NO_ENDPOINTS, "none of 2 endpoints of Service shop/orders is ready")
    );
}

#[test]
fn a_service_that_is_deleted_takes_its_instances_along_and_a_new_export_waits_for_its_service() {
    let mut export = export(&json!({}));
    let mut objects = shop();
    let (world, _) = settled(&objects, &export, CloudMapExportObserved::default());
    objects.kubernetes_services.clear();
    assert!(matches!(export.resolve(&objects), Err(Unmet::Wait(_))));
    export.status = Some(CloudMapExportStatus { service_id: Some("srv-1".into()), ..Default::default() });
    let (world, _) = settled(&objects, &export, world);
    assert!(world.instances.is_empty());
    assert_eq!(health(&objects, &export, &world).0, reason::REFERENCE_NOT_FOUND);
    // A file without the cluster knows of no Service, and must not take anything out.
    objects.knows_kubernetes = false;
    assert!(matches!(export.resolve(&objects), Err(Unmet::Blocked(_))));
}

/// A Cloud Map service of somebody else with an instance in it.
fn of_others(tags: &[(&str, &str)]) -> CloudMapExportObserved {
    let tags = tags.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let dns = json!({"RoutingPolicy": "MULTIVALUE", "DnsRecords": [{"Type": "A", "TTL": 60}]});
    CloudMapExportObserved {
        service: Some(DiscoveryFacts {
            id: "srv-9".into(),
            arn: "arn:aws:servicediscovery:eu-central-1:1:service/srv-9".into(),
            name: "orders".into(),
            namespace_id: "ns-1".into(),
            dns_config: Some(dns),
            custom_health: true,
            tags,
            ..DiscoveryFacts::default()
        }),
        instances: [("task".to_owned(), Tags::from([("ECS_SERVICE_NAME".to_owned(), "orders".to_owned())]))].into(),
        ..CloudMapExportObserved::default()
    }
}

const AN_ECS_SERVICE: &[(&str, &str)] =
    &[("landbridge.dev/owner", "ECSService/shop/orders"), ("landbridge.dev/installation", "here")];

#[test]
fn the_service_of_somebody_else_is_refused_unless_it_is_shared_and_then_only_our_instances_are_written() {
    let world = of_others(AN_ECS_SERVICE);
    let plan = plan_in(&shop(), &export(&json!({})), &world);
    assert_eq!(outline(&plan), ["blocked OwnershipConflict"]);
    assert!(plan.blocked[0].message.contains("spec.shared: true"), "{}", plan.blocked[0].message);

    let shared = export(&json!({"shared": true, "description": "mine"}));
    let (after, _) = settled(&shop(), &shared, world.clone());
    assert_eq!(ids(&after), ["task", "tcp-10_0_0_1-8080", "tcp-10_0_0_2-8080"]);
    assert_eq!(after.service, world.service);
    assert_eq!(after.instances["task"], world.instances["task"]);
    let (_, message) = health(&shop(), &shared, &after);
    assert!(message.contains("beside 1 instances of others"), "{message}");

    let (after, plan) = settled(&shop(), &deleted(shared), after);
    assert!(plan.gone);
    assert_eq!(after, world, "what others had is left as it was");
}

#[test]
fn a_service_that_we_made_is_left_to_others_who_registered_in_it() {
    let export = export(&json!({}));
    let (mut world, _) = settled(&shop(), &export, CloudMapExportObserved::default());
    world.instances.insert("task".into(), Tags::new());
    let (world, plan) = settled(&shop(), &deleted(export), world);
    assert!(plan.gone);
    assert_eq!(ids(&world), ["task"]);
    assert!(world.service.unwrap().tags.keys().all(|k| !k.starts_with("landbridge.dev/")));
}

#[test]
fn what_cannot_be_exported_is_refused_with_what_to_do() {
    let managed = of_others(&[("AmazonECSManaged", "true")]);
    let nothing = CloudMapExportObserved::default;
    for (spec, world, word) in [
        (json!({"shared": true}), managed, "Service Connect"),
        (json!({"name": "a..b"}), nothing(), "spec.name"),
        (
            json!({"dnsConfig": {"dnsRecords": [{"type": "A", "ttl": 5}, {"type": "SRV", "ttl": 5}]}}),
            nothing(),
            "dnsRecords",
        ),
        (json!({"tags": [{"key": "aws:x", "value": ""}]}), nothing(), "spec.tags"),
    ] {
        let plan = plan_in(&shop(), &export(&spec), &world);
        assert_eq!(plan.blocked.len(), 1, "{spec}: {:?}", outline(&plan));
        assert!(plan.blocked[0].message.contains(word), "{}", plan.blocked[0].message);
    }
    let mut http = shop();
    let namespace = std::sync::Arc::make_mut(http.cloud_map_namespaces.get_mut("shop").unwrap());
    namespace.spec.type_ = NamespaceType::Http;
    let with_records = export(&json!({"dnsConfig": {"dnsRecords": [{"type": "SRV", "ttl": 5}]}}));
    let plan = plan_in(&http, &with_records, &nothing());
    assert!(plan.blocked[0].message.contains("HTTP namespace"), "{}", plan.blocked[0].message);
    let plan = plan_in(&http, &export(&json!({})), &nothing());
    let Change::CreateDiscoveryService { body, .. } = &plan.steps[0].change else { panic!("{:?}", outline(&plan)) };
    assert_eq!((&body["Type"], body.get("DnsConfig")), (&json!("HTTP"), None));
}

/// The shop whose Service `orders` is like this.
fn shop_of(spec: &Value, annotations: &Value) -> Snapshot {
    let mut objects = shop();
    let meta = json!({"name": "orders", "namespace": "shop", "annotations": annotations});
    objects.insert_service(&serde_json::from_value(json!({"metadata": meta, "spec": spec})).unwrap());
    objects
}

#[test]
fn a_service_that_cannot_be_exported_as_it_is_says_why() {
    let ports = json!([{"name": "http", "port": 80}, {"name": "admin", "port": 81}]);
    let imported = json!({"landbridge.dev/owner": "CloudMapImport/shop/orders"});
    for (spec, annotations, wanted, word) in [
        (json!({"type": "ExternalName", "externalName": "x.example.com"}), json!({}), json!({}), "ExternalName"),
        (json!({"clusterIP": "None", "selector": {"a": "b"}}), json!({}), json!({}), "has no port"),
        (json!({"ports": ports}), json!({}), json!({}), "http (80), admin (81): say in spec.port"),
        (json!({"ports": ports}), json!({}), json!({"port": "web"}), "has no port web"),
        (json!({"ports": [{"port": 80}]}), imported, json!({}), "was made by CloudMapImport/shop/orders"),
    ] {
        let objects = shop_of(&spec, &annotations);
        let (reason, message) = health(&objects, &export(&wanted), &CloudMapExportObserved::default());
        assert_eq!(reason, reason::INVALID_SPEC);
        assert!(message.contains(word), "{message}");
    }
    let objects = shop_of(&json!({"ports": ports}), &json!({}));
    for port in [json!("http"), json!(80), json!("80")] {
        let (world, _) = settled(&objects, &export(&json!({"port": port})), CloudMapExportObserved::default());
        assert_eq!(world.instances.len(), 2, "{port}");
    }
}

#[test]
fn addresses_that_nobody_can_reach_are_left_out_and_named() {
    let objects = shop_with(&[("127.0.0.1", true), ("169.254.1.1", true), ("10.96.0.7", true), ("100.64.0.9", true)]);
    let (world, _) = settled(&objects, &export(&json!({})), CloudMapExportObserved::default());
    assert_eq!(ids(&world), ["tcp-100_64_0_9-8080"]);
    let (reason, message) = health(&objects, &export(&json!({})), &world);
    assert_eq!(reason, reason::UNROUTABLE_ADDRESS);
    assert!(message.contains("10.96.0.7, 127.0.0.1, 169.254.1.1") && message.contains("VPC"), "{message}");
}

#[test]
fn a_cloud_map_service_takes_a_thousand_instances_and_the_rest_is_told() {
    let addresses: Vec<String> = (0..1_003).map(|i| format!("10.1.{}.{}", i / 256, i % 256)).collect();
    let endpoints: Vec<(&str, bool)> = addresses.iter().map(|a| (a.as_str(), true)).collect();
    let objects = shop_with(&endpoints);
    let shared = export(&json!({"shared": true}));
    let (world, _) = settled(&objects, &shared, of_others(AN_ECS_SERVICE));
    assert_eq!(world.instances.len(), 1_000);
    let (reason, message) = health(&objects, &shared, &world);
    assert_eq!(reason, reason::QUOTA_EXCEEDED);
    assert!(message.starts_with("4 endpoints do not fit"), "{message}");
}

#[test]
fn the_addresses_of_a_pod_follow_the_records() {
    let both = [("10.0.0.1", true), ("fd00::1", true), ("10.0.0.2", true)];
    let records = |types: &[&str]| {
        let records: Vec<Value> = types.iter().map(|t| json!({"type": t, "ttl": 5})).collect();
        export(&json!({"dnsConfig": {"dnsRecords": records}}))
    };
    let registered = |endpoints: &[(&str, bool)], export: &CloudMapExport| {
        let (world, _) = settled(&shop_with(endpoints), export, CloudMapExportObserved::default());
        ids(&world).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(registered(&both, &records(&["A"])), ["tcp-10_0_0_1-8080", "tcp-10_0_0_2-8080"]);
    assert_eq!(registered(&both, &records(&["AAAA"])), ["tcp-fd00__1-8080"]);
    assert_eq!(registered(&both, &records(&["A", "AAAA"])), ["tcp-10_0_0_1-8080"]);
    assert_eq!(registered(&[("fd00::1", true)], &records(&["SRV"])), ["tcp-fd00__1-8080"]);
    assert_eq!(registered(&[("fd00::1", true)], &export(&json!({}))), ["tcp-fd00__1-8080"]);
    let objects = shop_with(&[("fd00::1", true)]);
    let (world, _) = settled(&objects, &records(&["A"]), CloudMapExportObserved::default());
    let (reason, message) = health(&objects, &records(&["A"]), &world);
    assert_eq!(reason, reason::INVALID_SPEC);
    assert!(message.contains("no endpoint has an IPv4 address"), "{message}");
}

#[test]
fn an_instance_that_another_controller_registered_under_the_same_id_is_left_alone() {
    let mut world = of_others(AN_ECS_SERVICE);
    world.instances.insert("tcp-10_0_0_1-8080".into(), Tags::from([("CLUSTER_ID".into(), "mcs".into())]));
    let shared = export(&json!({"shared": true}));
    let (after, _) = settled(&shop(), &shared, world.clone());
    assert_eq!(after.instances["tcp-10_0_0_1-8080"], world.instances["tcp-10_0_0_1-8080"]);
    let (reason, message) = health(&shop(), &shared, &after);
    assert_eq!(reason, reason::OWNERSHIP_CONFLICT);
    assert!(message.contains("AWS MCS controller"), "{message}");
}

#[test]
fn a_cluster_of_the_same_set_that_exports_the_name_otherwise_is_a_conflict_and_nothing_else_is() {
    let (objects, export) = (shop(), export(&json!({})));
    let (world, _) = settled(&objects, &export, CloudMapExportObserved::default());
    let conflict = |other: &[(&str, &str)]| {
        let mut world = world.clone();
        let ours = [("SERVICE_TYPE", "ClusterSetIP"), ("SERVICE_PORT_NAME", "http"), ("SERVICE_PORT", "80")];
        let place = [("CLUSTER_ID", "east"), ("CLUSTERSET_ID", "landbridge")];
        let mut attributes: Tags = ours.into_iter().chain(place).map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        attributes.extend(other.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        world.instances.insert("tcp-10_9_9_9-8080".to_owned(), attributes);
        export.facts(&resolved(&export, &objects), &world).conflict
    };
    assert_eq!(conflict(&[]), None, "another cluster exports it alike");
    let found = conflict(&[("SERVICE_PORT", "8000")]).unwrap();
    assert_eq!(found.reason, "PortConflict");
    assert_eq!(
        found.message,
        "cluster east exports it with port 8000, and this one has 80: make the two Services alike"
    );
    assert_eq!(conflict(&[("SERVICE_TYPE", "Headless")]).unwrap().reason, "TypeConflict");
    assert_eq!(conflict(&[("SERVICE_PORT", "8000"), ("SERVICE_PORT_NAME", "admin")]), None, "another port");
    assert_eq!(conflict(&[("SERVICE_TYPE", "Headless"), ("CLUSTERSET_ID", "others")]), None, "another set");
    let alone = export.facts(&resolved(&export, &objects), &world).conflict;
    assert_eq!(alone, None, "its own instances are none");
}

fn spec() -> impl Strategy<Value = Value> {
    let description = proptest::option::of("[a-z]{1,8}");
    let tags = proptest::collection::btree_map("[a-z]{1,3}", "[a-z]{0,3}", 0..3);
    (description, tags, 1..100_i64, proptest::option::of("[a-z]{1,5}")).prop_map(|(description, tags, ttl, cluster)| {
        let mut spec = json!({"dnsConfig": {"dnsRecords": [{"type": "A", "ttl": ttl}]}});
        spec["tags"] = tags.iter().map(|(k, v)| json!({"key": k, "value": v})).collect();
        if let Some(description) = description {
            spec["description"] = json!(description);
        }
        if let Some(cluster) = cluster {
            spec["clusterId"] = json!(cluster);
        }
        spec
    })
}

/// Endpoints by the last part of their address.
fn endpoints() -> impl Strategy<Value = BTreeMap<u8, bool>> {
    proptest::collection::btree_map(any::<u8>(), any::<bool>(), 0..12)
}

fn objects_of(endpoints: &BTreeMap<u8, bool>) -> Snapshot {
    let addresses: Vec<(String, bool)> = endpoints.iter().map(|(n, ready)| (format!("10.0.0.{n}"), *ready)).collect();
    shop_with(&addresses.iter().map(|(a, r)| (a.as_str(), *r)).collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(laws::cases())]

    #[test]
    fn a_second_pass_plans_nothing(before in spec(), after in spec()) {
        laws::a_second_pass_plans_nothing(&export(&before), &export(&after));
    }

    #[test]
    fn adoption_follows_its_policy(before in spec(), after in spec()) {
        let same = |mut spec: Value| { spec["clusterId"] = json!("one"); spec };
        laws::adoption_follows_its_policy(&export(&same(before)), &export(&same(after)));
    }

    #[test]
    fn whatever_churns_exactly_the_ready_are_registered_and_nothing_of_others_is_touched(
        rounds in proptest::collection::vec(endpoints(), 1..5), theirs in proptest::collection::btree_set(any::<u8>(), 0..6)
    ) {
        let shared = export(&json!({"shared": true}));
        let mut world = of_others(AN_ECS_SERVICE);
        // Somebody else may even be registered at the address of one of our pods.
        for n in &theirs {
            let id = format!("tcp-10_0_0_{n}-8080");
            world.instances.insert(id, Tags::from([(OWNER.to_owned(), "there/CloudMapExport/shop/orders".to_owned())]));
        }
        let foreign = world.clone();
        for endpoints in &rounds {
            let objects = objects_of(endpoints);
            let plan = plan_in(&objects, &shared, &world);
            for step in &plan.steps {
                match &step.change {
                    Change::RegisterInstance { instance_id, .. } => prop_assert!(!foreign.instances.contains_key(instance_id)),
                    Change::DeregisterInstance { instance_id, .. } => prop_assert!(!foreign.instances.contains_key(instance_id)),
                    other => prop_assert!(false, "{other:?}"),
                }
            }
            (world, _) = settled(&objects, &shared, world);
            let ours: Vec<String> = world.instances.keys().filter(|id| !foreign.instances.contains_key(*id)).cloned().collect();
            let mut wanted: Vec<String> = endpoints
                .iter()
                .filter(|(n, ready)| **ready && !theirs.contains(n))
                .map(|(n, _)| format!("tcp-10_0_0_{n}-8080"))
                .collect();
            wanted.sort();
            prop_assert_eq!(ours, wanted);
        }
        let (world, plan) = settled(&shop(), &deleted(shared), world);
        prop_assert!(plan.gone);
        prop_assert_eq!(world, foreign);
    }

    #[test]
    fn deletion_ends_with_nothing(spec in spec(), endpoints in endpoints()) {
        let export = export(&spec);
        let (world, _) = settled(&objects_of(&endpoints), &export, CloudMapExportObserved::default());
        let (world, plan) = settled(&shop(), &deleted(export.clone()), world);
        prop_assert!(plan.gone && world.service.is_none() && world.instances.is_empty());
        let mut retaining = deleted(export);
        retaining.set_knobs(landbridge_api::common::Knobs {
            deletion_policy: Some(landbridge_api::common::DeletionPolicy::Retain),
            ..Default::default()
        });
        let (world, _) = settled(&shop(), &testing::object(&serde_json::to_string(&self::export(&spec)).unwrap()), world);
        prop_assert_eq!(outline(&plan_in(&shop(), &retaining, &world)), ["gone"]);
    }
}

#[test]
fn a_migration_by_numbers_of_instances_says_how_many_pods_are_registered_and_zones_are_filled_evenly() {
    let mut objects = shop_with(&[("10.0.0.1", true), ("10.0.0.2", true), ("10.0.0.3", true)]);
    let migration = |status: &str| {
        testing::object::<landbridge_api::v1alpha1::TrafficMigration>(&format!(
            "apiVersion: landbridge.dev/v1alpha1
kind: TrafficMigration
metadata: {{name: orders, namespace: shop}}
spec:
  from: {{ecsServiceRef: {{name: orders}}}}
  to: {{kubernetesService: {{name: orders}}}}
  backend: {{cloudMap: {{mode: InstanceRatio}}}}
{status}"
        ))
    };
    let export = export(&json!({}));
    // Before it has begun, and before it was even looked at, nothing joins.
    objects.insert(migration(""));
    let (world, _) = settled(&objects, &export, CloudMapExportObserved::default());
    assert_eq!(ids(&world), [] as [&str; 0]);
    let (reason, message) = health(&objects, &export, &world);
    assert_eq!(reason, reason::READY);
    assert!(message.contains("0 of 3 ready endpoints") && message.contains("has not begun"), "{message}");
    objects.insert(migration("status: {phase: Applying, registeredPods: 2}"));
    let (world, _) = settled(&objects, &export, world);
    assert_eq!(ids(&world).len(), 2);
    // Those that are registered stay.
    objects.insert(migration("status: {phase: Baking, registeredPods: 1}"));
    let (world, _) = settled(&objects, &export, world);
    assert_eq!(ids(&world), ["tcp-10_0_0_1-8080"]);
    objects.insert(migration("status: {phase: Completed}"));
    let (world, _) = settled(&objects, &export, world);
    assert_eq!(ids(&world).len(), 3);
    // The next one has not begun: what is there stays.
    let mut next = migration("");
    next.metadata.name = Some("next".into());
    objects.insert(next);
    let (world, plan) = settled(&objects, &export, world);
    assert_eq!((ids(&world).len(), plan.steps.len()), (3, 0));
}
