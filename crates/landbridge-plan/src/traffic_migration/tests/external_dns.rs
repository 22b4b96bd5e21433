//! Records that external-dns writes, or does not.

use std::sync::Arc;

use landbridge_api::condition::reason;
use landbridge_api::v1alpha1::{MigrationPhase as Phase, TargetWeight};
use serde_json::{Value, json};

use super::model::World;
use crate::change::Change;
use crate::kind::Kind;
use crate::kubernetes::{DNS_ENDPOINT, ForeignKind, ForeignObject, SERVICE};
use crate::objects::Snapshot;
use crate::traffic_migration::external_dns;

const GOVERNED: &str = "
metadata: {name: orders, namespace: shop}
spec:
  from: {ecsServiceRef: {name: orders}, dnsSource: {kind: Service, name: orders-tasks}}
  to: {kubernetesService: {name: orders}, dnsSource: {setIdentifier: pods}}
  backend: {route53: {hostedZoneId: Z1, name: orders.example.com, manager: ExternalDNS}}
  steps: [{weight: 1, bake: 1m}, {weight: 50, bake: 1m}, {weight: 100, bake: 1m}]
  finalise: {soak: 10m}
";
const ALPHA: &str = "external-dns.alpha.kubernetes.io/";

/// The sources, the zone, and the program between them.
struct Cluster {
    world: World,
    service: Value,
    endpoint: Value,
    version: u64,
    works: bool,
    /// Every patch, as `kind weight`.
    patches: Vec<String>,
}

impl Cluster {
    fn new() -> Self {
        let mut world = World::named(GOVERNED);
        let annotations = json!({
            format!("{ALPHA}hostname"): "other.example.com, orders.example.com", format!("{ALPHA}set-identifier"): "tasks",
            format!("{ALPHA}aws-weight"): "255", format!("{ALPHA}ttl"): "60",
        });
        let service =
            json!({"metadata": {"name": "orders-tasks", "namespace": "shop", "annotations": annotations}, "spec": {}});
        let set = |kind: &str, weight: &str| {
            json!({
                "dnsName": "Orders.example.com", "recordType": kind, "setIdentifier": "pods", "targets": ["x"],
                "providerSpecific": [{"name": "alias", "value": "true"}, {"name": "aws/weight", "value": weight}],
            })
        };
        let endpoint = json!({
            "metadata": {"name": "orders-pods", "namespace": "shop"},
            "spec": {"endpoints": [{"dnsName": "web.example.com", "targets": ["y"]}, set("A", "0"), set("AAAA", "0")]},
        });
        let point = &mut world.observed.points[0];
        let record = point.record.as_mut().unwrap();
        record.governed = true;
        let sets = ["tasks", "pods"].map(|id| json!({"SetIdentifier": id, "TTL": 60}));
        record.sets = sets.to_vec();
        let mut cluster = Self { world, service, endpoint, version: 1, works: true, patches: Vec::new() };
        cluster.carry_out(&["tasks", "pods"]);
        cluster.look();
        cluster
    }

    fn weight(&self, id: &str) -> i32 {
        let text = if id == "tasks" {
            &self.service["metadata"]["annotations"][format!("{ALPHA}aws-weight")]
        } else {
            &self.endpoint["spec"]["endpoints"][1]["providerSpecific"][1]["value"]
        };
        text.as_str().unwrap().parse().unwrap()
    }

    /// external-dns writes these sets.
    fn carry_out(&mut self, ids: &[&str]) {
        for id in ids {
            let weight = TargetWeight { target: (*id).into(), weight: self.weight(id) };
            let weights = &mut self.world.observed.points[0].weights;
            weights.retain(|w| w.target != *id && w.target != "ecs/shop/orders");
            weights.push(weight);
        }
    }

    /// What a watch would tell the next pass.
    fn look(&mut self) {
        let mut objects = Snapshot { knows_kubernetes: true, ..Snapshot::default() };
        let version = self.version.to_string();
        let mut put = |kind: &'static ForeignKind, object: &mut Value| {
            object["metadata"]["resourceVersion"] = version.clone().into();
            let read = ForeignObject::read(kind, object);
            objects.foreign.insert((kind.kind.into(), "shop".into(), read.name.clone()), Arc::new(read));
        };
        put(&SERVICE, &mut self.service);
        put(&DNS_ENDPOINT, &mut self.endpoint);
        let resolved = &mut self.world.resolved;
        resolved.manager = self.world.object.status.as_ref().and_then(|s| s.manager.clone());
        (resolved.from.identifier, resolved.to.identifier) = (None, None);
        if resolved.manager.is_some() {
            let told = external_dns::told(&self.world.object, &objects, &mut resolved.from, &mut resolved.to).unwrap();
            (resolved.objects, resolved.unreadable) = (told.objects, told.unreadable);
        }
    }

    /// A pass; with a death, right after the write of that number.
    fn pass(&mut self, death: Option<usize>) {
        self.look();
        let plan = self.world.plan();
        for (number, step) in plan.steps.iter().enumerate() {
            let Change::PatchObject { kind, version, patch, .. } = &step.change else {
                panic!("only sources are written: {}", step.change.operation())
            };
            assert_eq!(*version, self.version.to_string(), "written over something that was not read");
            let object = if kind == "Service" { &mut self.service } else { &mut self.endpoint };
            merge(object, &Value::Object(patch.clone()));
            let id = if kind == "Service" { "tasks" } else { "pods" };
            self.patches.push(format!("{id}={}", self.weight(id)));
            // I7: at no moment both are without a weight.
            assert!(self.weight("tasks") + self.weight("pods") > 0);
            if death == Some(number) {
                let World { object, resolved, observed, .. } = &self.world;
                let intent = object.intent(resolved, observed, &plan);
                self.world.object.status = intent.or(self.world.object.status.take());
                return;
            }
        }
        self.version += u64::from(!plan.steps.is_empty());
        self.world.conclude(&plan);
        self.program();
        self.world.wait(10);
    }

    /// It comes round between two writes as well.
    fn program(&mut self) {
        if self.works {
            self.carry_out(&["pods"]);
            self.carry_out(&["tasks"]);
        }
    }

    fn run_until(&mut self, phase: Phase) {
        for _ in 0..1000 {
            if self.world.phase() == phase {
                return;
            }
            self.pass(None);
        }
        panic!("{phase:?} was not reached: {:?} {:?}", self.world.status(), self.world.plan());
    }
}

/// JSON merge patch (RFC 7396), as far as plans use it.
fn merge(object: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *object = patch.clone();
        return;
    };
    for (key, value) in patch {
        merge(&mut object[key], value);
    }
}

#[test]
fn weights_go_through_the_sources_the_growing_side_first_and_the_zone_is_what_is_true() {
    let mut cluster = Cluster::new();
    let (service, endpoint) = (cluster.service.clone(), cluster.endpoint.clone());
    cluster.run_until(Phase::Completed);
    let wanted = ["tasks=100", "pods=1", "tasks=99", "pods=50", "tasks=50", "pods=100", "tasks=0"];
    assert_eq!(cluster.patches, wanted);
    assert_eq!(cluster.world.status().share.as_deref(), Some("0/100"));
    // Only weights have changed, and those of both record types.
    let mut service_now = cluster.service.clone();
    service_now["metadata"]["annotations"][format!("{ALPHA}aws-weight")] = "255".into();
    service_now["metadata"]["resourceVersion"] = service["metadata"]["resourceVersion"].clone();
    assert_eq!(service_now, service);
    assert_eq!(cluster.endpoint["spec"]["endpoints"][2]["providerSpecific"][1]["value"], "100");
    let mut endpoints = cluster.endpoint["spec"]["endpoints"].clone();
    endpoints[1]["providerSpecific"][1]["value"] = "0".into();
    endpoints[2]["providerSpecific"][1]["value"] = "0".into();
    assert_eq!(endpoints, endpoint["spec"]["endpoints"]);
}

#[test]
fn a_silent_program_is_told_of_after_the_deadline_and_an_abort_puts_back_what_the_sources_said() {
    let mut cluster = Cluster::new();
    cluster.run_until(Phase::Soaking);
    cluster.works = false;
    cluster.world.command("abort");
    for _ in 0..30 {
        cluster.pass(None);
    }
    assert_eq!(cluster.world.phase(), Phase::RollingBack);
    assert_eq!((cluster.weight("tasks"), cluster.weight("pods")), (255, 0));
    let wait = cluster.world.plan().waits[0].clone();
    assert_eq!(wait.reason, reason::MANAGER_SILENT);
    assert!(wait.message.contains("external-dns has not carried out"), "{}", wait.message);
    cluster.works = true;
    cluster.run_until(Phase::RolledBack);
    assert_eq!(cluster.world.status().share.as_deref(), Some("100/0"));
}

#[test]
fn a_program_that_is_half_way_is_no_conflict_and_a_weight_that_nobody_meant_is_one() {
    let mut cluster = Cluster::new();
    cluster.run_until(Phase::Baking);
    cluster.works = false;
    for _ in 0..20 {
        cluster.pass(None);
    }
    assert_eq!((cluster.world.phase(), cluster.weight("pods")), (Phase::Applying, 50));
    cluster.carry_out(&["pods"]);
    cluster.pass(None);
    assert_eq!(cluster.world.phase(), Phase::Applying);
    cluster.world.observed.points[0].weights[0].weight = 7;
    cluster.pass(None);
    assert_eq!(cluster.world.phase(), Phase::Conflicted);
}

#[test]
fn a_death_between_two_sources_is_made_up_for() {
    for number in 0..2 {
        let mut cluster = Cluster::new();
        cluster.run_until(Phase::Baking);
        let before = cluster.patches.len();
        for _ in 0..50 {
            cluster.pass(Some(number));
            if cluster.patches.len() > before {
                break;
            }
            cluster.program();
            cluster.world.wait(10);
        }
        cluster.version += 1;
        cluster.world.wait(10);
        cluster.run_until(Phase::Completed);
        assert_eq!(cluster.world.status().share.as_deref(), Some("0/100"), "{number}");
        assert_eq!(cluster.patches.len(), 7, "{:?}", cluster.patches);
    }
}

#[test]
fn what_cannot_go_well_with_external_dns_is_refused_with_what_to_do() {
    type Table = Vec<(&'static str, Box<dyn FnOnce(&mut Cluster)>, &'static str)>;
    let annotate = |c: &mut Cluster, key: &str, value: Value| c.service["metadata"]["annotations"][key] = value;
    let table: Table = vec![
        ("", Box::new(move |c| annotate(c, &format!("{ALPHA}aws-weight"), "x".into())), "with a number from 0 to 255"),
        (
            "",
            Box::new(move |c| annotate(c, "external-dns.kubernetes.io/set-identifier", "tasks".into())),
            "--annotation-prefix",
        ),
        (
            "",
            Box::new(move |c| annotate(c, &format!("{ALPHA}hostname"), "else.example.com".into())),
            "it is not clear which source tells external-dns of orders.example.com for spec.from",
        ),
        (
            "",
            Box::new(|c| c.endpoint["spec"]["endpoints"][1]["providerSpecific"] = json!([])),
            "spec.endpoints[1] of DNSEndpoint shop/orders-pods has no aws/weight",
        ),
        (
            "dnsSource: {setIdentifier: other}",
            Box::new(|_| {}),
            "there is in namespace shop: Service shop/orders-tasks (tasks)",
        ),
        ("dnsSource: {setIdentifier: tasks}", Box::new(|_| {}), "external-dns would take one's record for the other's"),
        (
            "",
            Box::new(|c| {
                c.world.observed.points[0].weights.push(TargetWeight { target: "third".into(), weight: 1 });
            }),
            "a third set, third",
        ),
        (
            "",
            Box::new(|c| c.world.observed.points[0].weights.retain(|w| w.target != "pods")),
            "look at whether it runs and takes that source",
        ),
        (
            "",
            Box::new(|c| c.world.observed.points[0].weights.iter_mut().for_each(|w| w.weight = 9)),
            "external-dns has not carried it out",
        ),
        (
            "",
            Box::new(|c| {
                let tags = &mut c.world.observed.points[0].tags;
                tags.insert("external-dns/owner/pods".into(), "default".into());
                tags.insert("external-dns/resource/pods".into(), "ingress/shop/elsewhere".into());
            }),
            "(external-dns#1698). Give each cluster an owner ID of its own",
        ),
    ];
    for (to, change, words) in table {
        let mut cluster = Cluster::new();
        if !to.is_empty() {
            let yaml = GOVERNED.replace("dnsSource: {setIdentifier: pods}", to);
            cluster.world.object = World::named(&yaml).object;
        }
        cluster.works = false;
        change(&mut cluster);
        for _ in 0..5 {
            cluster.pass(None);
        }
        assert_eq!((cluster.world.phase(), cluster.patches.len()), (Phase::Preflight, 0), "{words}");
        let plan = cluster.world.plan();
        let said = plan.blocked.iter().map(|b| b.message.as_str()).collect::<Vec<_>>().join("\n");
        assert!(said.contains(words), "{words:?} is not in {said:?}");
    }
}
