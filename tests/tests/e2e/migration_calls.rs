//! How many calls a migration costs, step by step: rows of the table in `docs/explanation/aws-calls.md`.

use landbridge_api::v1alpha1::{MigrationPhase as Phase, TrafficMigration};
use landbridge_tests::shop::NAMESPACE;
use landbridge_tests::{Stage, outsider};

use crate::call_counts::check_without;
use crate::migration::{ECS, EKS, Front, Name, PODS, SPEED, command, migration, until};
use crate::migration_hands::{at_stop, stepwise};

const RULE: &str = "a migration of one rule to 2 pods";
const NAME: &str = "a migration of one name";
const PODS_OF_GROUP: &str = "100 pods in a migration's target group";

/// What the stage's cluster and namespace cost while time flies.
const SWEPT: [&str; 2] = ["DescribeClusters", "servicediscovery:"];

fn check(what: &str, step: &str, calls: &landbridge_emulator::Calls) {
    check_without(what, step, calls, &SWEPT);
}

/// A pod's address for each of the hundred, in that network.
fn hundred(net: u8) -> String {
    let pods = (1..=100)
        .map(|n| format!("  - {{addresses: [10.20.{net}.{n}], zone: us-east-1a, conditions: {{ready: true}}}}"));
    let head = PODS.split("endpoints:").next().unwrap();
    format!("{head}endpoints:\n{}\n", pods.collect::<Vec<_>>().join("\n"))
}

/// The first stop; what was called before it is checked.
async fn begun(stage: &Stage, what: &str, yaml: &str) {
    stage.emulator.take_calls();
    stage.apply(&stepwise(yaml)).await;
    at_stop(stage, "counted", 0).await;
    check(what, "start to the first step", &stage.emulator.take_calls());
}

/// The steps up to everything, each checked.
async fn steps(stage: &Stage, what: &str) {
    for stop in 0..3 {
        command(stage, "counted", &format!("promote {stop}")).await;
        at_stop(stage, "counted", stop + 1).await;
        check(what, "one step", &stage.emulator.take_calls());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_of_a_rule_costs_the_calls_that_the_page_says() {
    let stage = Stage::start(SPEED).await;
    let _front = Front::open(&stage).await;
    begun(&stage, RULE, &migration("counted", ECS, EKS, "")).await;
    let looks = || stage.emulator.calls().count("elasticloadbalancing:DescribeRules");
    stage.eventually("it is looked at", async || looks() >= 5).await;
    check(RULE, "five looks while it waits", &stage.emulator.take_calls());
    steps(&stage, RULE).await;
    command(&stage, "counted", "abort").await;
    until(&stage, "counted", Phase::RolledBack).await;
    check(RULE, "abort", &stage.emulator.take_calls());

    let api = kube::Api::<TrafficMigration>::namespaced(stage.client.clone(), NAMESPACE);
    stage.delete(api, "counted").await;
    stage.eventually("it is gone", async || stage.get::<TrafficMigration>(NAMESPACE, "counted").await.is_none()).await;
    begun(&stage, RULE, &migration("counted", ECS, EKS, "")).await;
    steps(&stage, RULE).await;
    command(&stage, "counted", "promote to the soak").await;
    at_stop(&stage, "counted", 4).await;
    stage.emulator.take_calls();
    command(&stage, "counted", "promote to the end").await;
    until(&stage, "counted", Phase::Completed).await;
    check(RULE, "the old side let go, to Completed", &stage.emulator.take_calls());
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_of_a_name_costs_the_calls_that_the_page_says() {
    let stage = Stage::start(SPEED).await;
    let _front = Front::open(&stage).await;
    let name = Name::before(&stage).await;
    begun(&stage, NAME, &name.migration("counted", &name.ecs(), &name.eks())).await;
    steps(&stage, NAME).await;
    command(&stage, "counted", "abort").await;
    until(&stage, "counted", Phase::RolledBack).await;
    check(NAME, "abort", &stage.emulator.take_calls());
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_pods_that_are_replaced_cost_a_migration_two_calls() {
    let stage = Stage::start(SPEED).await;
    let _front = Front::before(&stage, &hundred(1)).await;
    // All at once, as no release does it: the gate on targets must not send the traffic back meanwhile.
    let yaml = migration("counted", ECS, EKS, "").replace("afterFailures: 2", "afterFailures: 100");
    stage.apply(&stepwise(&yaml)).await;
    at_stop(&stage, "counted", 0).await;
    stage.emulator.take_calls();
    stage.apply(&hundred(2)).await;
    let replaced = async || {
        let ids = outsider::target_ids(&stage.emulator);
        let of = |net: &str| ids.iter().filter(|id| id.starts_with(net)).count();
        of("10.20.2.") == 100 && of("10.20.1.") == 0
    };
    stage.eventually("the hundred are replaced", replaced).await;
    let calls = stage.emulator.take_calls();
    check(PODS_OF_GROUP, "all 100 replaced", &calls);
    stage.end().await;
}
