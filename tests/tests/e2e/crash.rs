//! The operator dies at any write, with the request or the answer lost: nothing is lost, doubled or left behind.

use landbridge_tests::shop::{ORDERS, PLATFORM};
use landbridge_tests::wire::Loss;
use landbridge_tests::{Stage, bare, outsider};

/// How much faster than time AWS is.
const SPEED: f64 = 300.0;

/// The life of `orders` with all it needs, in which the operator dies at the `nth` write of its creation, of an image
/// change and of its deletion. Says in how many of the three it died.
async fn life(stage: &mut Stage, nth: usize, loss: Loss) -> usize {
    let mut deaths = 0;
    stage.wire().cut_at(nth, loss);
    stage.apply(PLATFORM).await;
    stage.apply(ORDERS).await;
    deaths += usize::from(dies_on_the_way(stage, End::Current).await);
    assert_one_of_each(stage, 1, nth);

    stage.wire().cut_at(nth, loss);
    stage.set_image("orders", "public.ecr.aws/docker/library/httpd:2.5").await;
    deaths += usize::from(dies_on_the_way(stage, End::Current).await);
    assert_one_of_each(stage, 2, nth);
    let runs = &outsider::service(&stage.emulator, "orders")["taskDefinition"];
    let newest = outsider::revisions(&stage.emulator).into_iter().max_by_key(|r| r["revision"].as_i64()).unwrap();
    assert_eq!(*runs, newest["taskDefinitionArn"]);

    stage.wire().cut_at(nth, loss);
    stage.delete_everything_in_the_wrong_order().await;
    deaths += usize::from(dies_on_the_way(stage, End::Gone).await);
    assert_eq!(counts(stage), [0; 7], "something is left after a death at write {nth}");
    deaths
}

/// What a part of a life ends with.
#[derive(Clone, Copy, PartialEq)]
pub enum End {
    /// Every object is as its spec says.
    Current,
    /// There is no object any more.
    Gone,
}

impl End {
    async fn is_reached(self, stage: &Stage) -> bool {
        match self {
            Self::Current => stage.is_current().await,
            Self::Gone => stage.objects().await.is_empty(),
        }
    }
}

/// Waits for the end or the cut. After a cut another operator goes on and reaches the end.
pub async fn dies_on_the_way(stage: &mut Stage, end: End) -> bool {
    if !meets_the_cut(stage, end).await {
        return false;
    }
    stage.kill_operator();
    stage.release_leases().await;
    stage.start_operator().await;
    stage.eventually("another operator reaches the end", async || end.is_reached(stage).await).await;
    true
}

/// Whether the wire is cut before the end is reached.
async fn meets_the_cut(stage: &Stage, end: End) -> bool {
    let wire = stage.wire();
    stage.eventually("the wire is cut or the end reached", async || wire.is_cut() || end.is_reached(stage).await).await;
    wire.leave_whole();
    wire.is_cut()
}

/// Services, ACTIVE revisions, Cloud Map services, log groups, roles, clusters and namespaces.
fn counts(stage: &Stage) -> [usize; 7] {
    let aws = &stage.emulator;
    [
        outsider::services(aws).len(),
        outsider::revisions(aws).len(),
        outsider::discovery(aws).len(),
        outsider::log_groups(aws).len(),
        outsider::roles(aws).len(),
        outsider::clusters(aws).len(),
        outsider::namespaces(aws).len(),
    ]
}

fn assert_one_of_each(stage: &Stage, contents: usize, nth: usize) {
    assert_eq!(counts(stage), [1, contents, 1, 1, 2, 1, 1], "after a death at write {nth}");
}

/// Lives with deaths at these writes. Says in how many the operator died at least once.
async fn lives(writes: std::ops::RangeInclusive<usize>, loss: Loss) -> usize {
    let mut stage = Stage::start(SPEED).await;
    let mut deadly = 0;
    for nth in writes {
        deadly += usize::from(life(&mut stage, nth, loss).await > 0);
    }
    stage.end().await;
    deadly
}

#[tokio::test(flavor = "multi_thread")]
async fn a_death_with_the_answer_lost_at_writes_1_to_4_loses_and_doubles_nothing() {
    assert_eq!(lives(1..=4, Loss::Answer).await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_death_with_the_answer_lost_at_writes_5_to_8_loses_and_doubles_nothing() {
    assert_eq!(lives(5..=8, Loss::Answer).await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_death_with_the_answer_lost_at_the_last_writes_loses_and_doubles_nothing() {
    // Nobody dies in the last life: no write of any part of it was left out.
    assert!(lives(9..=14, Loss::Answer).await < 6);
}

/// A life in which every operator dies at its `nth` write. Says how many died.
async fn life_among_the_dying(nth: usize, loss: Loss) -> usize {
    let mut stage = Stage::start(SPEED).await;
    stage.apply(PLATFORM).await;
    stage.apply(ORDERS).await;
    let mut deaths = die_until(&mut stage, End::Current, nth, loss).await;
    assert_one_of_each(&stage, 1, nth);
    stage.set_image("orders", "public.ecr.aws/docker/library/httpd:2.5").await;
    deaths += die_until(&mut stage, End::Current, nth, loss).await;
    assert_one_of_each(&stage, 2, nth);
    stage.delete_everything_in_the_wrong_order().await;
    deaths += die_until(&mut stage, End::Gone, nth, loss).await;
    assert_eq!(counts(&stage), [0; 7]);
    stage.end().await;
    deaths
}

async fn die_until(stage: &mut Stage, end: End, nth: usize, loss: Loss) -> usize {
    for deaths in 0..50 {
        stage.wire().cut_at(nth, loss);
        if !meets_the_cut(stage, end).await {
            return deaths;
        }
        stage.kill_operator();
        stage.release_leases().await;
        stage.start_operator().await;
    }
    panic!("fifty operators died and the end is not reached: {:#?}", stage.writes());
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_that_die_at_their_first_write_with_the_answer_lost_still_get_there() {
    assert!(life_among_the_dying(1, Loss::Answer).await >= 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_that_die_at_their_second_write_with_the_request_lost_still_get_there() {
    assert!(life_among_the_dying(2, Loss::Request).await >= 4);
}

/// What happens to the object while no operator runs.
#[derive(Clone, Copy, Debug)]
enum Meanwhile {
    Nothing,
    Edited,
    Deleted,
}

/// The life of a bare service, of which only the finalizer is stored before the first write, and at whose `nth` write the
/// operator dies.
async fn bare_life(stage: &mut Stage, nth: usize, loss: Loss, meanwhile: Meanwhile) {
    let context = format!("{loss:?} at write {nth}, {meanwhile:?} meanwhile");
    stage.wire().cut_at(nth, loss);
    stage.apply(&bare::service("web", "nginx:1")).await;
    assert!(meets_the_cut(stage, End::Current).await, "{context}");
    stage.kill_operator();
    match meanwhile {
        Meanwhile::Nothing => {}
        Meanwhile::Edited => stage.set_image("web", "nginx:2").await,
        Meanwhile::Deleted => stage.delete(stage.ecs_services(), "web").await,
    }
    stage.release_leases().await;
    stage.start_operator().await;
    if !matches!(meanwhile, Meanwhile::Deleted) {
        stage.eventually("another operator reaches the end", async || stage.is_current().await).await;
        let registered = outsider::revisions(&stage.emulator).len();
        let first = usize::from(nth > 1 || loss == Loss::Answer);
        let wanted = if matches!(meanwhile, Meanwhile::Edited) { first + 1 } else { 1 };
        assert_eq!((outsider::services(&stage.emulator).len(), registered), (1, wanted), "{context}");
        stage.delete(stage.ecs_services(), "web").await;
    }
    let gone = async || stage.ecs_services().get_opt("web").await.unwrap().is_none();
    stage.eventually("the service goes", gone).await;
    assert_eq!(counts(stage)[..2], [0, 0], "left behind: {context}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bare_service_whose_operator_dies_is_neither_made_twice_nor_left_behind() {
    let mut stage = Stage::start(SPEED).await;
    stage.apply(bare::PLATFORM).await;
    stage.eventually("the cluster is there", async || stage.is_current().await).await;
    for meanwhile in [Meanwhile::Nothing, Meanwhile::Edited, Meanwhile::Deleted] {
        for (nth, loss) in [(1, Loss::Request), (1, Loss::Answer), (2, Loss::Answer)] {
            bare_life(&mut stage, nth, loss, meanwhile).await;
        }
    }
    stage.end().await;
}
