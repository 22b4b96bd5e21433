//! Rounds: bulk reads over several pages, who is woken, and what AWS's refusals do.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use landbridge_emulator::{Fault, FaultKind};
use landbridge_plan::change::{Change, Tags};
use landbridge_plan::plan::{Cause, Plan};
use serde_json::json;

use super::observe::namespace_id;
use super::{World, body, world};
use crate::Aws;
use crate::budget::Priority;
use crate::execute::execute;
use crate::round::{Owner, Round, Thing};

const INTERVAL: Duration = Duration::from_millis(300);

type Woken = Arc<Mutex<Vec<String>>>;

/// A round that runs, and who was woken by it.
struct Running {
    woken: Woken,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    /// Watches each thing for an owner of its name.
    fn start(aws: Aws, things: Vec<(String, Thing)>) -> Self {
        let (round, woken) = (Round::new(aws, INTERVAL), Woken::default());
        for (name, thing) in things {
            let (told, whose) = (Arc::clone(&woken), name.clone());
            let owner = Owner::new(&name, move || told.lock().unwrap().push(whose.clone()));
            round.watch(&owner, vec![thing]);
        }
        Self { woken, task: tokio::spawn(async move { round.run().await }) }
    }

    async fn first_woken(&self) -> String {
        let began = Instant::now();
        loop {
            if let Some(name) = self.woken.lock().unwrap().first() {
                return name.clone();
            }
            assert!(began.elapsed() < Duration::from_secs(20), "nobody was woken");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Who was woken in all.
    fn end(self) -> Vec<String> {
        self.task.abort();
        let mut woken = self.woken.lock().unwrap().clone();
        woken.dedup();
        woken
    }
}

async fn execute_all(world: &World, changes: impl IntoIterator<Item = Change>) {
    let mut plan = Plan::of("test");
    for (n, change) in changes.into_iter().enumerate() {
        plan.step(&format!("s{n}"), Cause::Spec, &[], change);
    }
    let done = execute(&plan, &world.afresh().await, &crate::NoKubernetes, Priority::Deploy).await;
    assert_eq!(done.failure, None);
}

async fn until_looked(world: &World, action: &str, times: usize) {
    let began = Instant::now();
    while world.count(action) < times {
        assert!(began.elapsed() < Duration::from_secs(20), "{action} was called {} times", world.count(action));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn group(n: usize) -> String {
    format!("/ecs/prod/web-{n:03}")
}

fn retention(n: usize, days: i32) -> Change {
    Change::SetRetention { name: group(n), days: Some(days) }
}

#[tokio::test]
async fn a_log_group_on_the_second_page_wakes_its_owner_and_no_other() {
    let world = world().await;
    let make = |n| Change::CreateLogGroup { name: group(n), kms_key_id: None, tags: Tags::new() };
    execute_all(&world, (0..60).map(make)).await;
    world.emulator.take_calls();
    let things = (0..60).map(|n| (group(n), Thing::LogGroup(group(n)))).collect();
    let running = Running::start(world.afresh().await, things);
    // The first round says what there is; a round is two pages.
    until_looked(&world, "logs:DescribeLogGroups", 2).await;
    tokio::time::sleep(INTERVAL / 4).await;
    execute_all(&world, [retention(57, 3)]).await;
    assert_eq!(running.first_woken().await, group(57));
    assert_eq!(running.end(), [group(57)]);
}

#[tokio::test]
async fn a_cloud_map_service_that_goes_wakes_its_owner() {
    let world = world().await;
    let make = Change::CreateNamespace { name: "shop".into(), body: body(&json!({"Type": "HTTP", "Name": "shop"})) };
    assert_eq!(world.run(&[("n", &[], make)]).await.failure, None);
    let namespace = namespace_id(&world).await;
    let made = body(&json!({"Name": "orders", "NamespaceId": namespace}));
    execute_all(&world, [Change::CreateDiscoveryService { name: "orders".into(), body: made }]).await;
    let found = world.aws.find_discovery_service(&namespace, "orders", Priority::Deploy).await;
    let id = found.unwrap().unwrap();
    let thing = Thing::DiscoveryService { namespace, id: id.clone() };
    world.emulator.take_calls();
    let running = Running::start(world.afresh().await, vec![("orders".into(), thing)]);
    until_looked(&world, "servicediscovery:ListServices", 1).await;
    tokio::time::sleep(INTERVAL / 4).await;
    execute_all(&world, [Change::DeleteDiscoveryService { id, name: "orders".into() }]).await;
    assert_eq!(running.first_woken().await, "orders");
    running.end();
}

#[tokio::test]
async fn what_aws_refuses_to_show_in_bulk_wakes_nobody_at_once_and_does_not_stop_the_rest() {
    let world = world().await;
    execute_all(&world, [Change::CreateLogGroup { name: group(0), kms_key_id: None, tags: Tags::new() }]).await;
    let refused = FaultKind::Error("AccessDenied".into(), "no".into());
    world.emulator.fault(Fault::on("iam:GetAccountAuthorizationDetails", refused));
    world.emulator.take_calls();
    let things = vec![("role".to_owned(), Thing::Role("web".into())), ("logs".to_owned(), Thing::LogGroup(group(0)))];
    let running = Running::start(world.afresh().await, things);
    until_looked(&world, "iam:GetAccountAuthorizationDetails", 2).await;
    execute_all(&world, [retention(0, 3)]).await;
    assert_eq!(running.first_woken().await, "logs");
    assert_eq!(running.end(), ["logs"]);
}

#[tokio::test]
async fn a_capacity_provider_that_somebody_changes_wakes_its_owner() {
    let world = world().await;
    let made = |name: &str| {
        let group = json!({"autoScalingGroupProvider": {"autoScalingGroupArn": format!("{name}-group")}});
        Change::CreateCapacityProvider { name: name.into(), body: body(&group) }
    };
    execute_all(&world, [made("spare"), made("other")]).await;
    world.emulator.take_calls();
    let things = ["spare", "other"].map(|name| (name.to_owned(), Thing::CapacityProvider(name.into())));
    let running = Running::start(world.afresh().await, things.into());
    until_looked(&world, "ecs:DescribeCapacityProviders", 1).await;
    tokio::time::sleep(INTERVAL / 4).await;
    let group = body(&json!({"autoScalingGroupProvider": {"managedDraining": "DISABLED"}}));
    execute_all(&world, [Change::UpdateCapacityProvider { name: "spare".into(), body: group }]).await;
    assert_eq!(running.first_woken().await, "spare");
    assert_eq!(running.end(), ["spare"]);
}
