//! The operator dies at every write of a migration, and is followed by another.

use landbridge_api::v1alpha1::{MigrationPhase as Phase, TrafficMigration};
use landbridge_tests::Stage;
use landbridge_tests::shop::NAMESPACE;
use landbridge_tests::wire::Loss;

use crate::migration::{ECS, EKS, Front, Name, SPEED, Watch, migration, until};

/// What the migrations of a test move.
struct Ground {
    front: Front,
    /// A name, where it is one that moves.
    name: Option<Name>,
}

impl Ground {
    fn there(&self, object: &str) -> String {
        self.between(object, |name| [name.ecs(), name.eks()], [ECS, EKS])
    }

    fn back(&self, object: &str) -> String {
        self.between(object, |name| [name.eks(), name.ecs()], [EKS, ECS])
    }

    /// A migration between the sides of the name, or of the rule, that waits for no propagation.
    fn between(&self, object: &str, of_name: impl Fn(&Name) -> [String; 2], of_rule: [&str; 2]) -> String {
        let yaml = match &self.name {
            Some(name) => {
                let [from, to] = of_name(name);
                name.migration(object, &from, &to)
            }
            None => migration(object, of_rule[0], of_rule[1], ""),
        };
        yaml.replace("propagation: 1s", "propagation: 0s")
    }

    fn assert_moved(&self, stage: &Stage, nth: usize) {
        if self.name.is_some() {
            let answers = stage.emulator.resolve(crate::migration::HOST, "A");
            let pods = answers.len() == 1 && answers[0].values.iter().all(|v| v.contains("pods"));
            assert!(pods, "after a death at write {nth}: {answers:?}");
        } else {
            let shares = self.front.shares(&stage.emulator);
            assert_eq!(shares, [("new".to_owned(), 100.0, 2)], "after a death at write {nth}");
        }
    }
}

/// A migration in which the operator dies at its `nth` write. Says whether it died.
async fn dies(stage: &mut Stage, ground: &Ground, nth: usize, loss: Loss) -> bool {
    let name = format!("life-{nth}");
    stage.wire().cut_at(nth, loss);
    stage.apply(&ground.there(&name)).await;
    let wire = stage.wire();
    let phase = async |stage: &Stage| {
        let found: Option<TrafficMigration> = stage.get(NAMESPACE, &name).await;
        found.and_then(|m| m.status).and_then(|s| s.phase)
    };
    stage
        .eventually("the wire is cut or the end reached", async || {
            wire.is_cut() || phase(stage).await == Some(Phase::Completed)
        })
        .await;
    wire.leave_whole();
    let died = wire.is_cut();
    if died {
        stage.kill_operator();
        stage.release_leases().await;
        stage.start_operator().await;
    }
    until(stage, &name, Phase::Completed).await;
    ground.assert_moved(stage, nth);
    // And back, so that the next life begins as this one.
    let back = format!("back-{nth}");
    stage.apply(&ground.back(&back)).await;
    until(stage, &back, Phase::Completed).await;
    for name in [back, name] {
        let api = kube::Api::<TrafficMigration>::namespaced(stage.client.clone(), NAMESPACE);
        stage.delete(api, &name).await;
        stage.eventually("it is gone", async || stage.get::<TrafficMigration>(NAMESPACE, &name).await.is_none()).await;
    }
    died
}

/// What moves.
#[derive(Clone, Copy, PartialEq)]
enum Moves {
    Rule,
    Name,
}

/// Every second write, from the first or the second: two tests share the time.
async fn lives(moves: Moves, loss: Loss, first: usize, fewest: usize) {
    let mut stage = Stage::start(SPEED).await;
    let front = Front::open(&stage).await;
    let name = if moves == Moves::Name { Some(Name::before(&stage).await) } else { None };
    let ground = Ground { front, name };
    let watch = Watch::begin(&stage, &ground.front);
    let (mut nth, mut deaths) = (first, 0);
    while dies(&mut stage, &ground, nth, loss).await {
        (nth, deaths) = (nth + 2, deaths + 1);
    }
    assert!(deaths >= fewest, "{deaths}");
    watch.end();
    stage.end().await;
}

// A target group, its pods, and the six weights at least.
#[tokio::test(flavor = "multi_thread")]
async fn a_migration_survives_a_death_before_each_odd_one_of_its_writes() {
    lives(Moves::Rule, Loss::Request, 1, 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_survives_a_death_before_each_even_one_of_its_writes() {
    lives(Moves::Rule, Loss::Request, 2, 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_survives_a_death_after_each_odd_one_of_its_writes() {
    lives(Moves::Rule, Loss::Answer, 1, 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_survives_a_death_after_each_even_one_of_its_writes() {
    lives(Moves::Rule, Loss::Answer, 2, 4).await;
}

// Six batches of records.
#[tokio::test(flavor = "multi_thread")]
async fn a_migration_of_a_name_survives_a_death_before_each_odd_one_of_its_writes() {
    lives(Moves::Name, Loss::Request, 1, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_of_a_name_survives_a_death_before_each_even_one_of_its_writes() {
    lives(Moves::Name, Loss::Request, 2, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_of_a_name_survives_a_death_after_each_odd_one_of_its_writes() {
    lives(Moves::Name, Loss::Answer, 1, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_of_a_name_survives_a_death_after_each_even_one_of_its_writes() {
    lives(Moves::Name, Loss::Answer, 2, 3).await;
}
