//! Operators die in a migration, one after the other: right before each call to AWS and each write of an object, and right after
//! each write. Traffic never sees it, and AWS gets exactly the writes of a migration in which nobody dies.

use std::collections::BTreeMap;

use landbridge_api::v1alpha1::{MigrationPhase as Phase, TrafficMigration};
use landbridge_tests::Stage;
use landbridge_tests::deaths::Deaths;
use landbridge_tests::gateway::HTTP_ROUTES;
use landbridge_tests::shop::NAMESPACE;
use landbridge_tests::wire::Loss;
use serde_json::json;

use crate::load_balancer_controller::{self, foreign_writes, long, managed};
use crate::migration::{ECS, EKS, Front, HOST, Name, SPEED, Watch, command, migration};
use crate::migration_cloud_map::{self, FRONT, by_cloud_map, front_zone, in_front, registered, sides};
use crate::migration_external_dns::{ExternalDns, Governed};
use crate::migration_hands::{at_stop, stepwise};
use crate::routes::{ROUTE, by_route};

/// With two steps, for what is tried is each call and not each percentage; with the default for how long weights take; and
/// with a deadline that does not pass while operators die.
fn soon(yaml: &str) -> String {
    let yaml = yaml
        .replace("propagation: 1s, ", "")
        .replace("propagation: 1s", "")
        .replace("{weight: 1, bake: 0s}, {weight: 10, bake: 0s}, ", "");
    yaml.replace("abort: {afterFailures: 2}", "abort: {progressDeadline: 240h}")
}

async fn phase(stage: &Stage, name: &str) -> Option<Phase> {
    stage.get::<TrafficMigration>(NAMESPACE, name).await?.status?.phase
}

/// The migration from its first look to Completed, each operator of it dying at a call at which none died before. Gives how
/// many died at each.
async fn endures(stage: &mut Stage, name: &str, yaml: &str, loss: Loss) -> BTreeMap<String, usize> {
    let deaths = Deaths::new(loss);
    stage.hasten_operators();
    let is_over = async |stage: &Stage| phase(stage, name).await == Some(Phase::Completed);
    stage.endure(&deaths, async |stage| stage.apply(&soon(yaml)).await, is_over).await;
    deaths.by_call()
}

fn writes(stage: &Stage) -> BTreeMap<String, usize> {
    let calls = stage.emulator.take_calls();
    let mut writes = BTreeMap::new();
    for call in calls.writes() {
        *writes.entry(call.action.clone()).or_insert(0) += 1;
    }
    writes
}

fn counts<const N: usize>(counts: [(&str, usize); N]) -> BTreeMap<String, usize> {
    counts.into_iter().map(|(action, count)| (action.to_owned(), count)).collect()
}

/// Fails unless operators died at each of these calls, `fewest` times.
fn died_at(deaths: &BTreeMap<String, usize>, calls: &[&str], fewest: usize) {
    for call in calls {
        let there: usize = deaths.iter().filter(|(name, _)| name.contains(call)).map(|(_, count)| count).sum();
        assert!(there >= fewest, "{call}: {deaths:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_of_a_rule_survives_a_death_at_each_of_its_calls_and_writes_as_if_none_had_been() {
    let mut stage = Stage::start(SPEED).await;
    let front = Front::open(&stage).await;
    let watch = Watch::begin(&stage, &front);
    writes(&stage);

    let deaths = endures(&mut stage, "to-eks", &migration("to-eks", ECS, EKS, ""), Loss::Request).await;
    died_at(&deaths, &["CreateTargetGroup", "RegisterTargets", "ModifyTargetGroupAttributes"], 1);
    died_at(&deaths, &["DescribeRules", "DescribeTargetHealth", "ModifyRule", "PUT trafficmigrations/status"], 4);
    assert_eq!(front.shares(&stage.emulator), [("new".to_owned(), 100.0, 2)]);
    let of_one = [
        ("elasticloadbalancing:CreateTargetGroup", 1),
        ("elasticloadbalancing:ModifyTargetGroupAttributes", 1),
        ("elasticloadbalancing:RegisterTargets", 1),
        // Joined with nothing, half, everything, alone.
        ("elasticloadbalancing:ModifyRule", 4),
    ];
    assert_eq!(writes(&stage), counts(of_one));

    let deaths = endures(&mut stage, "to-ecs", &migration("to-ecs", EKS, ECS, ""), Loss::Answer).await;
    died_at(&deaths, &["ModifyRule", "PUT trafficmigrations/status"], 4);
    assert_eq!(front.shares(&stage.emulator), [("old".to_owned(), 100.0, 2)]);
    assert_eq!(writes(&stage), counts([("elasticloadbalancing:ModifyRule", 4)]));
    watch.end();
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_back_from_half_way_is_one_write_whoever_dies_on_it() {
    let mut stage = Stage::start(SPEED).await;
    let front = Front::open(&stage).await;
    stage.hasten_operators();
    stage.next_operator().await;
    let watch = Watch::begin(&stage, &front);
    for (name, loss, calls) in [("first", Loss::Request, 8), ("second", Loss::Answer, 2)] {
        stage.apply(&stepwise(&soon(&migration(name, ECS, EKS, "")))).await;
        at_stop(&stage, name, 0).await;
        assert!(front.shares(&stage.emulator).iter().all(|share| (share.1 - 50.0).abs() < 0.1));
        writes(&stage);
        let deaths = Deaths::new(loss);
        let back = async |stage: &Stage| phase(stage, name).await == Some(Phase::RolledBack);
        stage.endure(&deaths, async |stage| command(stage, name, "abort").await, back).await;
        died_at(&deaths.by_call(), &["ModifyRule", "PUT trafficmigrations/status"], 1);
        assert!(deaths.by_call().values().sum::<usize>() >= calls, "{:?}", deaths.by_call());
        assert_eq!(writes(&stage), counts([("elasticloadbalancing:ModifyRule", 1)]));
        assert_eq!(front.shares(&stage.emulator), [("old".to_owned(), 100.0, 2)]);
    }
    watch.end();
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_of_a_name_survives_a_death_at_each_of_its_calls_and_writes_as_if_none_had_been() {
    let mut stage = Stage::start(SPEED).await;
    let front = Front::open(&stage).await;
    let name = Name::before(&stage).await;
    let watch = Watch::begin(&stage, &front);
    writes(&stage);
    let in_pods = |stage: &Stage| {
        let answers = stage.emulator.resolve(HOST, "A");
        assert_eq!(answers.len(), 1, "{answers:?}");
        answers[0].values.iter().all(|value| value.contains("pods"))
    };

    let there = name.migration("to-eks", &name.ecs(), &name.eks());
    let deaths = endures(&mut stage, "to-eks", &there, Loss::Request).await;
    died_at(&deaths, &["/rrset", "PUT trafficmigrations/status"], 4);
    assert!(in_pods(&stage));
    assert_eq!(writes(&stage), counts([("route53:ChangeResourceRecordSets", 4)]));

    let back = name.migration("to-ecs", &name.eks(), &name.ecs());
    let deaths = endures(&mut stage, "to-ecs", &back, Loss::Answer).await;
    died_at(&deaths, &["/rrset", "PUT trafficmigrations/status"], 4);
    assert!(!in_pods(&stage));
    assert_eq!(writes(&stage), counts([("route53:ChangeResourceRecordSets", 4)]));
    watch.end();
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_by_a_front_name_survives_a_death_at_each_of_its_calls_and_writes_as_if_none_had_been() {
    let mut stage = Stage::start(SPEED).await;
    sides(&stage, "ecs.internal", "eks.internal").await;
    let zone = front_zone(&stage.emulator);
    stage.eventually("the name resolves", async || !stage.emulator.resolve(FRONT, "A").is_empty()).await;
    let leads_to = |stage: &Stage| {
        let answers = stage.emulator.resolve(FRONT, "CNAME");
        assert_eq!(answers.len(), 1, "{answers:?}");
        answers[0].values[0].trim_end_matches('.').to_owned()
    };
    writes(&stage);
    let turns =
        [("to-eks", ECS, EKS, Loss::Request, "eks.internal"), ("to-ecs", EKS, ECS, Loss::Answer, "ecs.internal")];
    for (name, from, to, loss, end) in turns {
        let yaml = by_cloud_map(name, from, to, &in_front(&zone));
        let deaths = endures(&mut stage, name, &yaml, loss).await;
        died_at(&deaths, &["/rrset", "PUT trafficmigrations/status"], 4);
        assert_eq!(leads_to(&stage), format!("orders.{end}"));
        assert_eq!(writes(&stage), counts([("route53:ChangeResourceRecordSets", 4)]));
    }
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_that_leave_a_name_step_by_step_leave_once_whoever_dies() {
    let mut stage = Stage::start(migration_cloud_map::SPEED).await;
    sides(&stage, "shop.internal", "shop.internal").await;
    stage.apply(&migration_cloud_map::export("shop.internal", true)).await;
    stage.eventually("tasks and pods are found", async || registered(&stage) == (2, 2)).await;
    writes(&stage);
    let yaml = by_cloud_map("to-ecs", EKS, ECS, migration_cloud_map::RATIO);
    let yaml = yaml.replace("{weight: 50, bake: 0s}", "{weight: 66.7, bake: 0s}");
    for (name, loss) in [("to-ecs", Loss::Request), ("again", Loss::Answer)] {
        let deaths = endures(&mut stage, name, &yaml.replace("to-ecs", name), loss).await;
        died_at(&deaths, &["DeregisterInstance", "PUT trafficmigrations/status"], 2);
        assert_eq!(registered(&stage), (2, 0));
        assert_eq!(writes(&stage), counts([("servicediscovery:DeregisterInstance", 2)]));
        // The pods come back when nothing holds them any more.
        stage.delete(migration_cloud_map::migrations(&stage), name).await;
        stage.merge::<TrafficMigration>(name, json!({"metadata": {"finalizers": null}})).await;
        stage.eventually("the pods are back", async || registered(&stage) == (2, 2)).await;
        writes(&stage);
    }
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_by_a_route_survives_a_death_at_each_write_of_the_route_and_of_itself() {
    let mut stage = crate::routes::open().await;
    stage.make_kind(HTTP_ROUTES).await;
    stage.apply(ROUTE).await;
    let before = stage.rules("orders").await;
    let turns = [("to-eks", ECS, EKS, Loss::Request, [0, 100]), ("to-ecs", EKS, ECS, Loss::Answer, [100, 0])];
    for (name, from, to, loss, [old, new]) in turns {
        let deaths = endures(&mut stage, name, &by_route(&migration(name, from, to, "")), loss).await;
        died_at(&deaths, &["httproutes", "PUT trafficmigrations/status"], 2);
        assert_eq!(stage.rules("orders").await, crate::routes::weighted(&before, old, new));
    }
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_by_the_ingress_of_a_controller_survives_a_death_at_each_write_of_the_ingress_and_of_itself() {
    let mut stage = Stage::start(SPEED).await;
    let (front, playing) = load_balancer_controller::open(&stage).await;
    let watch = Watch::begin(&stage, &front);
    let turns = [("to-eks", ECS, EKS, Loss::Request, [0, 100]), ("to-ecs", EKS, ECS, Loss::Answer, [100, 0])];
    for (name, from, to, loss, [old, new]) in turns {
        let deaths = endures(&mut stage, name, &managed(&migration(name, from, to, ""), "240h"), loss).await;
        died_at(&deaths, &["PATCH ingresses"], 2);
        died_at(&deaths, &["PUT trafficmigrations/status"], 4);
        assert_eq!(load_balancer_controller::read(&stage).await.1, long(&front, old, new));
        assert_eq!(foreign_writes(&stage, &playing), 0);
    }
    watch.end();
    playing.task.abort();
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_by_the_sources_of_external_dns_survives_a_death_at_each_write_of_a_source_and_of_itself() {
    let mut governed = Governed::open().await;
    let dns = ExternalDns::start(&governed.stage, &governed.zone, &governed.canonical, "here");
    governed.both_sets_are_there().await;
    let turns = [("to-eks", false, Loss::Request, ("0", "100")), ("to-ecs", true, Loss::Answer, ("100", "0"))];
    for (name, back, loss, (tasks, pods)) in turns {
        let yaml = governed.migration(name, back).replace("managerDeadline: 3s", "managerDeadline: 240h");
        let deaths = endures(&mut governed.stage, name, &yaml, loss).await;
        // An Ingress for the pods, a DNSEndpoint for the tasks: one of them grows before the other shrinks.
        died_at(&deaths, &["PATCH ingresses", "PATCH dnsendpoints"], 2);
        died_at(&deaths, &["PUT trafficmigrations/status"], 4);
        assert_eq!(governed.weights().await, (tasks.to_owned(), pods.to_owned()));
        assert!(dns.wrote_everything(&governed.stage.emulator), "only external-dns writes records");
    }
    dns.task.abort();
    governed.stage.end().await;
}
