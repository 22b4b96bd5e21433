//! Operators die at any call, with the request or the answer lost: nothing is lost, doubled or left behind.

use std::collections::BTreeMap;

use landbridge_tests::deaths::Deaths;
use landbridge_tests::shop::{ORDERS, PLATFORM};
use landbridge_tests::wire::Loss;
use landbridge_tests::{Stage, bare, outsider};

/// How much faster than time AWS is.
const SPEED: f64 = 300.0;

/// The life of `orders` with all it needs: its creation, an image change and its deletion, in each of which operators die one
/// after the other, each at a call at which none died before. Gives how many died at each call.
async fn life(loss: Loss) -> [BTreeMap<String, usize>; 3] {
    let mut stage = Stage::start(SPEED).await;
    let [made, changed, deleted] = [(); 3].map(|()| Deaths::new(loss));
    let is_current = async |stage: &Stage| stage.is_current().await;
    let make = async |stage: &Stage| {
        stage.apply(PLATFORM).await;
        stage.apply(ORDERS).await;
    };
    stage.endure(&made, make, is_current).await;
    assert_eq!(counts(&stage), [1, 1, 1, 1, 2, 1, 1]);

    let change = async |stage: &Stage| stage.set_image("orders", "public.ecr.aws/docker/library/httpd:2.5").await;
    stage.endure(&changed, change, is_current).await;
    assert_eq!(counts(&stage), [1, 2, 1, 1, 2, 1, 1]);
    let runs = &outsider::service(&stage.emulator, "orders")["taskDefinition"];
    let newest = outsider::revisions(&stage.emulator).into_iter().max_by_key(|r| r["revision"].as_i64()).unwrap();
    assert_eq!(*runs, newest["taskDefinitionArn"]);

    let delete = async |stage: &Stage| stage.delete_everything_in_the_wrong_order().await;
    stage.endure(&deleted, delete, async |stage: &Stage| stage.objects().await.is_empty()).await;
    assert_eq!(counts(&stage), [0; 7]);
    stage.end().await;
    [made, changed, deleted].map(|deaths| deaths.by_call())
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

#[tokio::test(flavor = "multi_thread")]
async fn operators_that_die_right_before_each_call_lose_double_and_leave_nothing() {
    let [made, changed, deleted] = life(Loss::Request).await;
    let makes = ["CreateCluster", "CreateService", "CreateRole", "CreateLogGroup", "RegisterTaskDefinition"];
    for (deaths, call) in makes.map(|call| (&made, call)).into_iter().chain([
        (&made, "DescribeServices"),
        (&made, "PATCH ecsservices"),
        (&made, "PUT ecsservices/status"),
        (&changed, "RegisterTaskDefinition"),
        (&changed, "UpdateService"),
        (&deleted, "DeleteService"),
        (&deleted, "DeleteRole"),
        (&deleted, "DeleteCluster"),
    ]) {
        assert!(deaths.contains_key(call), "{call}: {deaths:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_that_die_right_after_each_write_lose_double_and_leave_nothing() {
    let deaths = life(Loss::Answer).await.map(|deaths| deaths.values().sum::<usize>());
    assert!(deaths[0] >= 12 && deaths[1] >= 2 && deaths[2] >= 8, "{deaths:?}");
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
    let wire = stage.wire();
    stage.eventually(&context, async || wire.is_cut()).await;
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
