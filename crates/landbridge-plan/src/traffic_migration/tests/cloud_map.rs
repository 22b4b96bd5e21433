//! Migrations by Cloud Map: by a name in front of two services, and by numbers of instances in one.

use landbridge_api::v1alpha1::{MigrationPhase as Phase, NamespaceType, TargetWeight};
use proptest::prelude::*;
use serde_json::json;

use super::model::{Crash, World};
use crate::ecs_service::DiscoveryFacts;
use crate::testing::deleted;
use crate::traffic_migration::{
    CloudMapPlace, ExportPlace, InstanceFacts, Pod, PointFacts, Reach, RecordFacts, RegistryFacts, ScalingFacts,
    SideKind, ZoneFacts, shared_point,
};

const FRONT: &str = "
metadata: {name: orders, namespace: shop}
spec:
  from: {ecsServiceRef: {name: orders}}
  to: {kubernetesService: {name: orders}}
  backend: {cloudMap: {mode: FrontName, frontName: {hostedZoneId: Z1, name: orders.internal}}}
  steps: [{weight: 1, bake: 1m}, {weight: 50, bake: 1m}, {weight: 100, bake: 1m}]
  finalise: {soak: 10m}
";
const TO_PODS: &str = "
metadata: {name: orders, namespace: shop}
spec:
  from: {ecsServiceRef: {name: orders}}
  to: {kubernetesService: {name: orders}}
  backend: {cloudMap: {mode: InstanceRatio}}
  steps: [{weight: 33.3, bake: 1m}, {weight: 50, bake: 1m}, {weight: 100, bake: 1m}]
  finalise: {soak: 10m}
";
const TO_TASKS: &str = "
metadata: {name: back, namespace: shop}
spec:
  from: {kubernetesService: {name: orders}}
  to: {ecsServiceRef: {name: orders}}
  backend: {cloudMap: {mode: InstanceRatio}}
  steps: [{weight: 66.7, bake: 1m}, {weight: 100, bake: 1m}]
  finalise: {soak: 10m}
";
const OWNER: &str = "here/CloudMapExport/shop/orders";

fn place(service: &str, namespace: &str, export: bool) -> CloudMapPlace {
    let owner = OWNER.to_owned();
    let made = || ExportPlace { name: "orders".into(), owner, is_going: false, has_other: false };
    CloudMapPlace {
        namespace_id: format!("ns-{namespace}"),
        namespace: namespace.into(),
        namespace_type: NamespaceType::DnsPrivate,
        vpc: Some("vpc-1".into()),
        service: service.into(),
        export: export.then(made),
    }
}

fn registry(name: &str, instances: Vec<InstanceFacts>) -> RegistryFacts {
    let service = DiscoveryFacts {
        id: format!("srv-{name}"),
        arn: format!("arn:{name}"),
        name: name.into(),
        dns_config: Some(json!({"RoutingPolicy": "MULTIVALUE", "DnsRecords": [{"Type": "A", "TTL": 10}]})),
        ..DiscoveryFacts::default()
    };
    RegistryFacts { service, instances }
}

fn task(n: usize) -> InstanceFacts {
    InstanceFacts {
        id: format!("task-{n}"),
        address: format!("10.0.0.{n}"),
        zone: Some("a".into()),
        owner: None,
        ecs: Some(("prod".into(), "orders".into())),
        healthy: true,
    }
}

fn pod(n: usize) -> InstanceFacts {
    let address = format!("10.1.0.{n}");
    InstanceFacts {
        id: format!("pod-{n}"),
        address,
        zone: Some("b".into()),
        owner: Some(OWNER.into()),
        ecs: None,
        healthy: true,
    }
}

/// Each side in a Cloud Map service of its own, and a name before both.
fn front() -> World {
    let mut world = World::new(FRONT, 0);
    world.observed.from.group = None;
    world.resolved.from.cloud_map = Some(place("orders", "ecs.internal", false));
    world.resolved.to.cloud_map = Some(place("orders", "eks.internal", true));
    world.observed.from.registry = Some(registry("orders", vec![task(1), task(2)]));
    world.observed.to.registry = Some(registry("orders", vec![pod(1), pod(2)]));
    let set = json!({"Name": "orders.internal.", "Type": "CNAME", "TTL": 60,
                     "ResourceRecords": [{"Value": "orders.ecs.internal."}]});
    let (zone, name) = ("Z1".to_owned(), "orders.internal.".to_owned());
    world.observed.points = vec![PointFacts {
        id: "Z1 orders.internal. CNAME".into(),
        weights: vec![TargetWeight { target: "ecs/shop/orders".into(), weight: 1 }],
        record: Some(RecordFacts {
            zone,
            name,
            type_: "CNAME".into(),
            sets: vec![set],
            reach: Reach::Everywhere,
            governed: false,
        }),
        ..PointFacts::default()
    }];
    world.observed.zone = Some(ZoneFacts { id: "Z1".into(), private: true, vpcs: vec!["vpc-1".into()], made_by: None });
    world
}

/// Both sides in one Cloud Map service, with so many tasks and ready pods, of which so many are registered.
fn shared(spec: &str, tasks: usize, pods: usize, registered: usize) -> World {
    let mut world = World::new(spec, 0);
    world.observed.from.group = None;
    let service = world.observed.from.service.take();
    if spec == TO_TASKS {
        std::mem::swap(&mut world.resolved.from, &mut world.resolved.to);
        world.observed.to.service = service;
    } else {
        world.observed.from.service = service;
    }
    let pod_of =
        |n: usize| Pod { address: format!("10.1.0.{n}"), port: 8080, ready: true, terminating: false, zone: None };
    for side in [&mut world.resolved.from, &mut world.resolved.to] {
        let is_pods = matches!(side.kind, SideKind::Kubernetes { .. });
        if let SideKind::Kubernetes { pods: list, .. } = &mut side.kind {
            *list = (1..=pods).map(pod_of).collect();
        }
        side.cloud_map = Some(place("orders", "internal", is_pods));
    }
    let instances = (1..=tasks).map(task).chain((1..=registered).map(pod)).collect();
    hold(&mut world, instances);
    world
}

fn hold(world: &mut World, instances: Vec<InstanceFacts>) {
    let facts = registry("orders", instances);
    world.observed.points = vec![shared_point(&world.resolved, &facts)];
    world.observed.from.registry = Some(facts.clone());
    world.observed.to.registry = Some(facts);
}

fn instances(world: &World) -> Vec<InstanceFacts> {
    world.observed.from.registry.as_ref().unwrap().instances.clone()
}

fn healed(all: &mut [InstanceFacts]) {
    for instance in all {
        instance.healthy = true;
    }
}

fn counts(world: &World) -> (usize, usize) {
    let all = instances(world);
    (all.iter().filter(|i| i.ecs.is_some()).count(), all.iter().filter(|i| i.owner.is_some()).count())
}

/// What the export does: it follows the number that the status has.
fn export_follows(world: &mut World) {
    let status = world.status();
    let phase = status.phase.unwrap_or_default();
    let pods = [&world.resolved.from, &world.resolved.to].into_iter().find_map(|s| match &s.kind {
        SideKind::Kubernetes { pods, .. } => Some(pods.iter().filter(|p| p.ready).count()),
        SideKind::Ecs { .. } => None,
    });
    let (_, now) = counts(world);
    let limit = status.registered_pods.map_or(usize::MAX, |n| usize::try_from(n).unwrap());
    let wanted = if phase == Phase::Preflight { now } else { pods.unwrap().min(limit) };
    let tasks = instances(world).into_iter().filter(|i| i.owner.is_none());
    let all = tasks.chain((1..=wanted).map(pod)).collect();
    hold(world, all);
}

fn run(world: &mut World, phase: Phase) -> Vec<(usize, usize)> {
    let mut seen = vec![counts(world)];
    for _ in 0..2_000 {
        if world.phase() == phase {
            return seen;
        }
        world.pass(None);
        export_follows(world);
        world.wait(10);
        if seen.last() != Some(&counts(world)) {
            seen.push(counts(world));
        }
    }
    panic!("{phase:?} was not reached: {:?} {:?}", world.phase(), world.status());
}

#[test]
fn a_front_name_moves_from_one_cloud_map_service_to_the_other_and_becomes_simple_again() {
    let mut world = front();
    world.run_until(Phase::Completed);
    let pair = |old: i32, new: i32| format!("ecs/shop/orders={old} kubernetes/shop/orders={new}");
    let shifts = [pair(100, 0), pair(99, 1), pair(50, 50), pair(0, 100), "kubernetes/shop/orders=1".to_owned()];
    assert_eq!(world.shifts, shifts);
    let sets = &world.observed.points[0].record.as_ref().unwrap().sets;
    assert_eq!(sets[0]["ResourceRecords"][0]["Value"], "orders.eks.internal");
    assert_eq!(sets[0]["TTL"], 60);
    assert_eq!(world.status().share.as_deref(), Some("0/100"));
}

#[test]
fn pods_that_leave_cloud_map_send_the_name_back_with_one_batch() {
    let mut world = front();
    world.run_until(Phase::Soaking);
    let before = world.shifts.len();
    world.observed.to.registry.as_mut().unwrap().instances.clear();
    world.run_until(Phase::RolledBack);
    assert_eq!(world.shifts[before..], ["ecs/shop/orders=1"]);
    let sets = &world.observed.points[0].record.as_ref().unwrap().sets;
    assert_eq!(sets[0]["ResourceRecords"][0]["Value"], "orders.ecs.internal.");
}

#[test]
fn instances_are_registered_step_by_step_and_the_last_step_is_that_the_old_side_goes() {
    let mut world = shared(TO_PODS, 2, 2, 0);
    assert_eq!(run(&mut world, Phase::Soaking), [(2, 0), (2, 1), (2, 2)]);
    assert_eq!((world.status().share.as_deref(), world.status().registered_pods), (Some("50/50"), None));
    for _ in 0..100 {
        world.pass(None);
        world.wait(60);
    }
    assert_eq!(world.phase(), Phase::Soaking);
    let waits: Vec<String> = world.plan().waits.into_iter().map(|w| w.message).collect();
    assert!(waits[0].contains("set its desiredCount"), "{waits:?}");
    // More pods are registered as they come, and the tasks go.
    let left = instances(&world).into_iter().filter(|i| i.owner.is_some()).collect();
    hold(&mut world, left);
    run(&mut world, Phase::Completed);
    assert_eq!((counts(&world), world.status().share.as_deref()), ((0, 2), Some("0/100")));
}

#[test]
fn the_floor_of_autoscaling_is_let_go_when_the_old_side_is_to_go() {
    let mut world = shared(TO_PODS, 2, 2, 0);
    let scaling = ScalingFacts { resource: "service/prod/orders".into(), min: 1, max: 4, ..ScalingFacts::default() };
    world.observed.from.scaling = Some(scaling);
    let floor = |w: &World| w.observed.from.scaling.as_ref().map_or(0, |s| s.min);
    run(&mut world, Phase::Soaking);
    assert_eq!(floor(&world), 2);
    for _ in 0..20 {
        world.pass(None);
        world.wait(60);
    }
    assert_eq!((world.phase(), floor(&world)), (Phase::Soaking, 1));
}

#[test]
fn on_the_way_to_ecs_pods_are_taken_out_step_by_step_to_none() {
    let mut world = shared(TO_TASKS, 2, 3, 3);
    assert_eq!(run(&mut world, Phase::Completed), [(2, 3), (2, 1), (2, 0)]);
    assert_eq!(world.status().registered_pods, Some(0));
    // Without the object every pod would be registered again.
    world.object = deleted(world.object);
    let plan = world.plan();
    assert!(!plan.gone && plan.waits[0].message.contains("delete the export first"), "{plan:?}");
    if let Some(export) = world.resolved.from.cloud_map.as_mut().unwrap().export.as_mut() {
        export.is_going = true;
    }
    assert!(world.plan().gone);
}

#[test]
fn an_abort_takes_the_pods_out_again_and_never_the_last_that_work() {
    let mut world = shared(TO_PODS, 2, 2, 0);
    run(&mut world, Phase::Soaking);
    // The tasks are ill: the pods stay.
    let mut all = instances(&world);
    all.iter_mut().filter(|i| i.ecs.is_some()).for_each(|i| i.healthy = false);
    hold(&mut world, all.clone());
    world.command("abort");
    for _ in 0..10 {
        world.pass(None);
        world.wait(10);
    }
    assert_eq!((world.phase(), counts(&world)), (Phase::RollingBack, (2, 2)));
    healed(&mut all);
    hold(&mut world, all);
    run(&mut world, Phase::RolledBack);
    assert_eq!((counts(&world), world.status().registered_pods), ((2, 0), Some(0)));
}

#[test]
fn a_stranger_in_the_service_is_named_and_nothing_moves_until_it_is_gone() {
    let mut world = shared(TO_PODS, 2, 2, 0);
    run(&mut world, Phase::Baking);
    let before = world.status().registered_pods;
    let mut all = instances(&world);
    all.push(InstanceFacts { id: "by-hand".into(), ..InstanceFacts::default() });
    hold(&mut world, all);
    world.pass(None);
    assert_eq!(world.phase(), Phase::Conflicted);
    assert!(world.status().conflict.unwrap().message.contains("by-hand"));
    for _ in 0..30 {
        world.pass(None);
        world.wait(60);
    }
    assert_eq!(world.status().registered_pods, before);
    let left = instances(&world).into_iter().filter(|i| i.id != "by-hand").collect();
    hold(&mut world, left);
    run(&mut world, Phase::Soaking);
}

fn refused(mut world: World, change: impl FnOnce(&mut World)) -> String {
    change(&mut world);
    for _ in 0..3 {
        world.pass(None);
        world.wait(10);
    }
    assert_eq!(world.phase(), Phase::Preflight);
    let plan = world.plan();
    assert!(plan.steps.is_empty());
    plan.blocked.iter().map(|b| b.message.as_str()).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_cannot_go_well_by_cloud_map_is_refused_with_what_to_do() {
    type Table = Vec<(World, Box<dyn FnOnce(&mut World)>, &'static str)>;
    let dns = |w: &mut World, pointer: &str, value: serde_json::Value| {
        let config = w.observed.from.registry.as_mut().unwrap().service.dns_config.as_mut().unwrap();
        *config.pointer_mut(pointer).unwrap() = value;
    };
    let zone = |w: &mut World, f: &dyn Fn(&mut ZoneFacts)| f(w.observed.zone.as_mut().unwrap());
    let ratio = || shared(TO_PODS, 2, 2, 0);
    let http = |w: &mut World| w.resolved.from.cloud_map.as_mut().unwrap().namespace_type = NamespaceType::Http;
    let table: Table = vec![
        (front(), Box::new(http), "Use a namespace of type DNS_PRIVATE"),
        (ratio(), Box::new(http), "Use a namespace of type DNS_PRIVATE"),
        (front(), Box::new(|w| w.observed.from.registry = None), "is not there yet"),
        (
            front(),
            Box::new(|w| {
                let tags = &mut w.observed.from.registry.as_mut().unwrap().service.tags;
                tags.insert("AmazonECSManaged".into(), "true".into());
            }),
            "made by Amazon ECS for Service Connect",
        ),
        (front(), Box::new(move |w| dns(w, "/DnsRecords/0/TTL", json!(86_400))), "wait 86400 s before you begin"),
        (front(), Box::new(move |w| dns(w, "/DnsRecords/0/Type", json!("SRV"))), "make both the same"),
        (ratio(), Box::new(move |w| dns(w, "/RoutingPolicy", json!("WEIGHTED"))), "Use a service with MULTIVALUE"),
        (
            front(),
            Box::new(move |w| zone(w, &|z| z.made_by = Some("servicediscovery.amazonaws.com".into()))),
            "is never written to",
        ),
        (front(), Box::new(move |w| zone(w, &|z| z.private = false)), "put the front name into a private zone"),
        (front(), Box::new(move |w| zone(w, &|z| z.vpcs = vec!["vpc-2".into()])), "associate the zone with vpc-1"),
        (front(), Box::new(|w| w.observed.points.clear()), "create it, leading to orders.ecs.internal"),
        (
            front(),
            Box::new(|w| {
                let set = &mut w.observed.points[0].record.as_mut().unwrap().sets[0];
                set["ResourceRecords"][0]["Value"] = "elsewhere.internal".into();
            }),
            "leads to elsewhere.internal, and not to orders.ecs.internal",
        ),
        (
            front(),
            Box::new(|w| w.resolved.to.cloud_map.as_mut().unwrap().namespace_id = "ns-ecs.internal".into()),
            "use the mode InstanceRatio",
        ),
        (
            ratio(),
            Box::new(|w| w.resolved.to.cloud_map.as_mut().unwrap().service = "other".into()),
            "registered in one Cloud Map service",
        ),
        (shared(TO_PODS, 2, 2, 1), Box::new(|_| {}), "delete the CloudMapExport, leave this object"),
        (shared(TO_PODS, 0, 2, 0), Box::new(|_| {}), "has no task registered"),
        (
            shared(TO_PODS, 4, 3, 0),
            Box::new(|_| {}),
            "the steps 50 % cannot be made: with 4 tasks and 3 ready pods the shares are 20, 33.3, 42.9 and 100 %",
        ),
        (
            ratio(),
            Box::new(|w| {
                let mut all = instances(w);
                all.push(InstanceFacts { id: "by-hand".into(), ..InstanceFacts::default() });
                hold(w, all);
            }),
            "instances of neither side (by-hand)",
        ),
    ];
    for (world, change, words) in table {
        let said = refused(world, change);
        assert!(said.contains(words), "{words:?} is not in {said:?}");
    }
}

#[test]
fn an_aborted_preflight_leaves_the_export_as_it_is() {
    let mut world = shared(TO_PODS, 2, 2, 0);
    hold(&mut world, vec![task(1), task(2)]);
    world.resolved.rivals.push("TrafficMigration shop/other".into());
    world.pass(None);
    assert_eq!((world.phase(), world.status().registered_pods), (Phase::Preflight, Some(0)));
    world.command("abort");
    world.pass(None);
    assert_eq!((world.phase(), world.status().registered_pods), (Phase::RolledBack, Some(0)));
}

#[derive(Clone, Debug)]
enum Event {
    Pass,
    Wait(i64),
    Tasks(usize),
    Pods(usize),
    Ill(bool),
    Dies,
    Export,
    Command(&'static str),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => Just(Event::Pass),
        6 => Just(Event::Export),
        4 => (1..200_i64).prop_map(Event::Wait),
        1 => (1..5_usize).prop_map(Event::Tasks),
        1 => (0..5_usize).prop_map(Event::Pods),
        1 => any::<bool>().prop_map(Event::Ill),
        1 => Just(Event::Dies),
        1 => prop::sample::select(vec!["promote", "pause", "resume", "abort"]).prop_map(Event::Command),
    ]
}

fn ready_pods(world: &mut World, count: usize) {
    for side in [&mut world.resolved.from, &mut world.resolved.to] {
        let SideKind::Kubernetes { pods, .. } = &mut side.kind else { continue };
        for (n, pod) in pods.iter_mut().enumerate() {
            pod.ready = n < count;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// The number is lowered only while tasks can take the traffic, whatever happens.
    #[test]
    fn whatever_happens_pods_are_never_taken_out_while_no_task_is_healthy(
        events in prop::collection::vec(event(), 0..80),
        back in any::<bool>(),
    ) {
        let mut world = if back { shared(TO_TASKS, 2, 3, 3) } else { shared(TO_PODS, 2, 2, 0) };
        for (number, event) in events.iter().enumerate() {
            match event {
                Event::Pass => {
                    let before = world.status();
                    let healthy = instances(&world).iter().any(|i| i.ecs.is_some() && i.healthy);
                    world.pass(None);
                    let of = |pods: Option<i32>| pods.unwrap_or(i32::MAX);
                    let registered = i32::try_from(counts(&world).1).unwrap();
                    let after = of(world.status().registered_pods);
                    let lowers = after < registered && after < of(before.registered_pods);
                    let begun = before.phase.unwrap_or_default() != Phase::Preflight;
                    let pods_ready = [&world.resolved.from, &world.resolved.to].into_iter().any(|s| {
                        matches!(&s.kind, SideKind::Kubernetes { pods, .. } if pods.iter().any(|p| p.ready))
                    });
                    prop_assert!(!(lowers && begun && !healthy && pods_ready), "{:?}", world.status());
                }
                Event::Export => export_follows(&mut world),
                Event::Wait(seconds) => world.wait(*seconds),
                Event::Tasks(count) => {
                    let pods = instances(&world).into_iter().filter(|i| i.owner.is_some());
                    let all = (1..=*count).map(task).chain(pods).collect();
                    hold(&mut world, all);
                }
                Event::Pods(count) => ready_pods(&mut world, *count),
                Event::Ill(ill) => {
                    let mut all = instances(&world);
                    all.iter_mut().filter(|i| i.ecs.is_some()).for_each(|i| i.healthy = !ill);
                    hold(&mut world, all);
                }
                Event::Dies => world.pass(Some(Crash::Before(0))),
                Event::Command(verb) => world.command(&format!("{verb} {number}")),
            }
        }
        // The trouble is over.
        ready_pods(&mut world, 5);
        let pods = instances(&world).into_iter().filter(|i| i.owner.is_some());
        let mut all: Vec<_> = (1..=2).map(task).chain(pods).collect();
        healed(&mut all);
        hold(&mut world, all);
        for round in 0..3_000 {
            if matches!(world.phase(), Phase::Completed | Phase::RolledBack) {
                break;
            }
            if round % 50 == 0 {
                world.command(&format!("resume at the end {round}"));
            }
            if world.phase() == Phase::Soaking && !back {
                let left = instances(&world).into_iter().filter(|i| i.owner.is_some()).collect();
                hold(&mut world, left);
            }
            world.pass(None);
            export_follows(&mut world);
            world.wait(30);
        }
        let end = world.phase();
        prop_assert!(matches!(end, Phase::Completed | Phase::RolledBack), "{:?} {:?}", end, world.status());
    }
}
