//! How many calls AWS gets: the table in `docs/explanation/aws-calls.md` is measured here, row by row.
//!
//! Writes are exact. Reads have a bound: how full the pages get, and how often a rollout is looked at, depends on how busy
//! the machine is.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use futures::future::join_all;
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use landbridge_api::condition;
use landbridge_api::v1alpha1::{CloudMapExport, CloudMapImport, EcsService, IamTaskRole};
use landbridge_controller::lease;
use landbridge_emulator::{Calls, Emulator, Timings};
use landbridge_sandbox::install::SAMPLE;
use landbridge_tests::bare::{self, service};
use landbridge_tests::bridge;
use landbridge_tests::shop::is_ready as is_ready_one;
use landbridge_tests::{Stage, kstatus};
use serde_json::json;

const PAGE: &str = include_str!("../../../docs/explanation/aws-calls.md");

const ACCOUNT: &str = r"
apiVersion: landbridge.dev/v1alpha1
kind: AWSAccount
metadata: {name: default}
spec:
  region: us-east-1
  allowedNamespaces: {names: ['*']}
  quotas:
    ecs/cluster-modify: {burst: 100000, perSecond: 100000}
    ecs/task-definition-modify: {burst: 100000, perSecond: 100000}
    ecs/task-definition-read: {burst: 100000, perSecond: 100000}
    ecs/service-modify: {burst: 100000, perSecond: 100000}
    ecs/service-read: {burst: 100000, perSecond: 100000}
    ecs/service-deployment: {burst: 100000, perSecond: 100000}
    servicediscovery/instances: {burst: 100000, perSecond: 100000}
    servicediscovery/read: {burst: 100000, perSecond: 100000}
";

/// The platform, in an account without quotas.
fn unlimited() -> String {
    format!("{ACCOUNT}---{}", bare::PLATFORM)
}

/// A stage on which tasks run at once, so that the first look at a rollout finds it complete, and on which nothing is
/// swept that is settled unless `sweep` says so.
async fn stage(sweep: Duration) -> Stage {
    let mut stage = Stage::without_operator(1.0).await;
    stage.emulator = Emulator::builder().timings(Timings::quick()).build();
    stage.config.rolling_sweep = Duration::from_secs(1);
    stage.config.sweep = sweep;
    // A lease that is lost because the machine is busy costs reads that are not to be counted here.
    stage.config.lease = lease::Timings {
        duration: Duration::from_mins(2),
        renew_deadline: Duration::from_secs(100),
        retry: Duration::from_millis(300),
    };
    stage.start_operator().await;
    stage
}

const NEVER: Duration = Duration::from_hours(1);

fn services(stage: &Stage) -> Api<EcsService> {
    Api::namespaced(stage.client.clone(), "shop")
}

fn is_ready(service: &EcsService) -> bool {
    service.status.as_ref().is_some_and(|s| {
        s.common.observed_generation == service.metadata.generation
            && condition::is_true(&s.common.conditions, condition::READY)
    })
}

/// Waits until `holds` of the list of all services, as long as a hundred may take on a busy machine.
async fn until(stage: &Stage, what: &str, holds: impl Fn(&[EcsService]) -> bool) {
    let deadline = Instant::now() + Duration::from_mins(3);
    loop {
        let all = services(stage).list(&ListParams::default()).await.unwrap().items;
        if holds(&all) {
            return;
        }
        assert!(Instant::now() < deadline, "not {what}: {all:#?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn until_ready(stage: &Stage, count: usize) {
    until(stage, "ready", |all| all.len() == count && all.iter().all(is_ready)).await;
}

async fn change_images(stage: &Stage, names: &[String], container: &str) {
    let container = json!([{ "name": container, "image": "public.ecr.aws/nginx/nginx:1.30" }]);
    let patch = json!({
        "apiVersion": "landbridge.dev/v1alpha1",
        "kind": "ECSService",
        "spec": { "taskDefinition": { "containerDefinitions": container } },
    });
    for name in names {
        let params = PatchParams::apply("test-images").force();
        services(stage).patch(name, &params, &Patch::Apply(&patch)).await.unwrap();
    }
}

async fn delete_all(stage: &Stage) {
    services(stage).delete_collection(&DeleteParams::background(), &ListParams::default()).await.unwrap();
    until(stage, "gone", <[EcsService]>::is_empty).await;
}

/// A row of the table: calls by action, and whether a number is the most it may be.
#[derive(Debug, PartialEq)]
struct Row {
    writes: BTreeMap<String, usize>,
    reads: BTreeMap<String, usize>,
    bounded: bool,
}

fn documented(what: &str, step: &str) -> Row {
    let cells = PAGE
        .lines()
        .filter(|l| l.starts_with('|'))
        .map(|l| l.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>())
        .find(|cells| cells.len() == 4 && cells[0] == what && cells[1] == step);
    let cells = cells.unwrap_or_else(|| panic!("the page has no row {what} | {step}"));
    let bounded = cells[3].starts_with('≤');
    Row { writes: counts(cells[2]), reads: counts(cells[3].trim_start_matches('≤')), bounded }
}

/// `CreateService 1, RegisterTaskDefinition 1`, or `none`.
fn counts(cell: &str) -> BTreeMap<String, usize> {
    let entry = |entry: &str| {
        let (action, count) = entry.trim().rsplit_once(' ').expect("an action and a count");
        (action.trim_matches('`').to_owned(), count.parse().expect("a count"))
    };
    cell.split(',').filter(|e| e.trim() != "none").map(entry).collect()
}

/// Compares what was called with the row of the page.
fn check(what: &str, step: &str, calls: &Calls) {
    check_without(what, step, calls, &[]);
}

/// The same without reads of these services, which sweeps of other objects make.
pub fn check_without(what: &str, step: &str, calls: &Calls, swept: &[&str]) {
    let named = |action: &str| action.strip_prefix("ecs:").unwrap_or(action).to_owned();
    let all_writes: BTreeSet<String> = calls.writes().iter().map(|c| named(&c.action)).collect();
    let measured = calls.by_action().into_iter().map(|(action, count)| (named(&action), count));
    let (writes, mut reads): (BTreeMap<_, _>, BTreeMap<_, _>) = measured.partition(|(a, _)| all_writes.contains(a));
    reads.retain(|action, _| !swept.iter().any(|prefix| action.starts_with(prefix)));
    // Shown with --nocapture, for whoever brings the page up to date.
    println!("| {what} | {step} | {writes:?} | {reads:?} |");
    let row = documented(what, step);
    assert_eq!(writes, row.writes, "writes of {what}, {step} (reads: {reads:?})");
    if row.bounded {
        for (action, count) in &reads {
            let bound = row.reads.get(action).copied().unwrap_or_default();
            assert!(*count <= bound, "{what}, {step}: {action} {count} times; the page says {bound}");
        }
    } else {
        assert_eq!(reads, row.reads, "reads of {what}, {step}");
    }
}

async fn platform(sweep: Duration, yaml: &str) -> Stage {
    let stage = stage(sweep).await;
    stage.apply(yaml).await;
    all_current(&stage).await;
    quiet(&stage).await;
    stage.emulator.take_calls();
    stage
}

/// Waits until every object is as wanted.
pub async fn all_current(stage: &Stage) {
    stage
        .eventually("everything is as wanted", async || {
            stage.objects().await.iter().all(|o| kstatus::read(o) == kstatus::Reading::Current && kstatus::is_seen(o))
        })
        .await;
}

/// Waits until AWS gets no calls any more: what was made is looked at once more, and that is not to be counted with
/// what comes next.
async fn quiet(stage: &Stage) {
    let deadline = Instant::now() + Duration::from_mins(1);
    let (mut count, mut since) = (usize::MAX, Instant::now());
    while since.elapsed() < Duration::from_millis(1_500) {
        let now = stage.emulator.calls().total();
        if now != count {
            (count, since) = (now, Instant::now());
        }
        assert!(Instant::now() < deadline, "AWS gets calls all the time: {:?}", stage.emulator.calls().by_action());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn restart(stage: &mut Stage, sweep: Duration) {
    stage.stop_operator().await;
    stage.config.sweep = sweep;
    stage.emulator.take_calls();
    stage.start_operator().await;
}

async fn life_of(count: usize, what: &str) {
    let mut stage = platform(NEVER, &unlimited()).await;
    let names: Vec<String> = (0..count).map(|n| format!("web-{n}")).collect();
    let applied = names.iter().map(|name| {
        let stage = &stage;
        async move { stage.apply(&service(name, "public.ecr.aws/nginx/nginx:1.29")).await }
    });
    join_all(applied).await;
    until_ready(&stage, count).await;
    check(what, "create to Ready", &stage.emulator.take_calls());

    restart(&mut stage, NEVER).await;
    stage.eventually("a look", async || stage.emulator.calls().count("ecs:DescribeServices") > 0).await;
    quiet(&stage).await;
    check(what, "restart of the operator", &stage.emulator.take_calls());

    change_images(&stage, &names, "app").await;
    until_ready(&stage, count).await;
    check(what, "image change to Ready", &stage.emulator.take_calls());

    delete_all(&stage).await;
    check(what, "delete", &stage.emulator.take_calls());
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bare_service_costs_the_calls_that_the_page_says() {
    life_of(1, "1 bare service").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_bare_services_cost_the_calls_that_the_page_says_and_at_most_three_each() {
    life_of(100, "100 bare services").await;
    let row = documented("100 bare services", "create to Ready");
    let all: usize = row.writes.values().chain(row.reads.values()).sum();
    assert!(all <= 300, "{all} calls for 100 services");
}

#[tokio::test(flavor = "multi_thread")]
async fn settled_services_cost_one_read_for_each_page_of_ten_in_a_sweep_and_no_write() {
    let mut stage = platform(NEVER, &unlimited()).await;
    let files: Vec<String> = (0..30).map(|n| service(&format!("web-{n}"), "public.ecr.aws/nginx/nginx:1.29")).collect();
    stage.apply(&files.join("---")).await;
    until_ready(&stage, 30).await;
    let sweep = Duration::from_secs(4);
    restart(&mut stage, sweep).await;
    stage.eventually("a look", async || stage.emulator.calls().count("ecs:DescribeServices") > 2).await;
    // The first round brings together what is looked at together later.
    tokio::time::sleep(sweep * 2).await;
    stage.emulator.take_calls();
    let began = Instant::now();
    tokio::time::sleep(sweep * 3).await;
    let calls = stage.emulator.take_calls();
    let rounds = (began.elapsed().as_secs_f64() / sweep.as_secs_f64()).ceil() as usize + 1;
    assert_eq!(calls.writes(), Vec::<&landbridge_emulator::Call>::new());
    let reads = calls.count("ecs:DescribeServices");
    assert!(reads > 0 && reads <= rounds * 3, "{reads} reads in {rounds} rounds: {:?}", calls.by_action());
    let clusters = calls.count("ecs:DescribeClusters");
    assert!(clusters > 0 && clusters <= rounds, "{clusters} reads in {rounds} rounds: {:?}", calls.by_action());
    assert_eq!(calls.total(), reads + clusters, "nothing else is asked: {:?}", calls.by_action());
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settled_roles_names_and_logs_cost_one_bulk_read_of_each_sort_in_a_sweep_and_no_write() {
    const WHAT: &str = "`orders` of the sample, with its two roles";
    let [(_, shared), _, (_, orders)] = SAMPLE;
    let mut stage = platform(NEVER, shared).await;
    stage.apply(orders).await;
    all_current(&stage).await;
    let sweep = Duration::from_secs(4);
    restart(&mut stage, sweep).await;
    let row = documented(WHAT, "a sweep of what is settled");
    let swept = async || row.reads.keys().all(|action| count(&stage.emulator.calls(), action) > 0);
    stage.eventually("everything is swept", swept).await;
    // Looks of the first passes are over.
    tokio::time::sleep(sweep).await;
    stage.emulator.take_calls();
    let began = Instant::now();
    tokio::time::sleep(sweep * 3).await;
    let calls = stage.emulator.take_calls();
    let rounds = (began.elapsed().as_secs_f64() / sweep.as_secs_f64()).ceil() as usize + 1;
    assert_eq!(calls.writes(), Vec::<&landbridge_emulator::Call>::new());
    for (action, each) in &row.reads {
        let reads = count(&calls, action);
        assert!(reads > 0 && reads <= rounds * each, "{action} {reads} times in {rounds} rounds");
    }
    let all: usize = row.reads.keys().map(|action| count(&calls, action)).sum();
    assert_eq!(calls.total(), all, "nothing else is asked: {:?}", calls.by_action());
    stage.end().await;
}

/// Calls of an action as the page writes it: without `ecs:`.
fn count(calls: &Calls, action: &str) -> usize {
    let full = if action.contains(':') { action.to_owned() } else { format!("ecs:{action}") };
    calls.count(&full)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_with_roles_a_name_and_logs_costs_the_calls_that_the_page_says() {
    const WHAT: &str = "`orders` of the sample, with its two roles";
    let [(_, shared), _, (_, orders)] = SAMPLE;
    let mut stage = platform(NEVER, shared).await;
    stage.apply(orders).await;
    until_ready(&stage, 1).await;
    all_current(&stage).await;
    quiet(&stage).await;
    check(WHAT, "create to Ready", &stage.emulator.take_calls());

    restart(&mut stage, NEVER).await;
    stage.eventually("a look", async || stage.emulator.calls().count("ecs:DescribeServices") > 0).await;
    quiet(&stage).await;
    check(WHAT, "restart of the operator", &stage.emulator.take_calls());

    change_images(&stage, &["orders".to_owned()], "orders").await;
    until_ready(&stage, 1).await;
    check(WHAT, "image change to Ready", &stage.emulator.take_calls());

    let roles: Api<IamTaskRole> = Api::namespaced(stage.client.clone(), "shop");
    delete_all(&stage).await;
    roles.delete_collection(&DeleteParams::background(), &ListParams::default()).await.unwrap();
    stage.eventually("the roles go", async || roles.list(&ListParams::default()).await.unwrap().items.is_empty()).await;
    check(WHAT, "delete", &stage.emulator.take_calls());
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_endpoints_cost_a_write_each_and_a_page_of_instances_a_look() {
    const EXPORT: &str = "an export of 100 endpoints";
    const IMPORT: &str = "an import of 100 instances";
    let names = bridge::PLATFORM.split("---").nth(2).expect("the Cloud Map namespace");
    let stage = platform(NEVER, &format!("{}---{names}", unlimited())).await;
    stage.apply(bridge::SERVICE).await;
    let addresses = |net: u8| (1..=100).map(|n| format!("10.0.{net}.{n}")).collect::<Vec<_>>();
    let endpoints = async |net: u8| {
        let all = addresses(net);
        stage.endpoints(&all.iter().map(|a| (a.as_str(), true)).collect::<Vec<_>>()).await;
    };
    endpoints(1).await;
    stage.apply(bridge::EXPORT).await;
    stage.until("shop", "orders", "ready", is_ready_one::<CloudMapExport>).await;
    quiet(&stage).await;
    check(EXPORT, "create to Ready", &stage.emulator.take_calls());

    let import = "{apiVersion: landbridge.dev/v1alpha1, kind: CloudMapImport, metadata: {name: orders-ecs, namespace: shop}, spec: \
                  {source: {cloudMap: {namespaceRef: {name: shop.internal}, service: orders}}, service: {ports: [{port: 80}]}}}";
    stage.apply(import).await;
    stage.until("shop", "orders-ecs", "ready", is_ready_one::<CloudMapImport>).await;
    check(IMPORT, "create to Ready", &stage.emulator.take_calls());
    let imports: Api<CloudMapImport> = Api::namespaced(stage.client.clone(), "shop");
    imports.delete("orders-ecs", &DeleteParams::default()).await.unwrap();
    stage.eventually("the import goes", async || imports.get_opt("orders-ecs").await.unwrap().is_none()).await;
    stage.emulator.take_calls();

    endpoints(2).await;
    let mut wanted: Vec<String> = addresses(2).iter().map(|a| format!("tcp-{}-8080", a.replace('.', "_"))).collect();
    wanted.sort();
    stage.until_registered("orders", &wanted.iter().map(String::as_str).collect::<Vec<_>>()).await;
    quiet(&stage).await;
    check(EXPORT, "all 100 replaced", &stage.emulator.take_calls());

    let exports: Api<CloudMapExport> = Api::namespaced(stage.client.clone(), "shop");
    exports.delete("orders", &DeleteParams::default()).await.unwrap();
    stage.eventually("the export goes", async || exports.get_opt("orders").await.unwrap().is_none()).await;
    check(EXPORT, "delete", &stage.emulator.take_calls());
    stage.end().await;
}
