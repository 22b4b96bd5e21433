//! `kill -9` of the operator, at any call that it makes, loses nothing, doubles nothing and leaves nothing behind.

use landbridge_tests::shop::{ORDERS, PLATFORM, WEB};
use landbridge_tests::{Stage, outsider};

use crate::front::{Counted, Front};
use crate::operator::Operator;

/// How much faster than time AWS is.
const SPEED: f64 = 300.0;
/// More deaths than calls are needed for anything here.
const ENOUGH: usize = 120;

struct Shop {
    stage: Stage,
    operator: Operator,
    front: Front,
}

impl Shop {
    async fn open() -> Self {
        let stage = Stage::without_operator(SPEED).await;
        let operator = Operator::default();
        let front = Front::open(stage.emulator.clone(), operator.clone()).await;
        Self { stage, operator, front }
    }

    /// The life of the sample: made, given another image, deleted. Of the operators the `nth` to start dies at the call
    /// that `dies_at` says. Gives how many died.
    async fn life(&self, counted: Counted, dies_at: impl Fn(usize) -> usize) -> usize {
        for yaml in [PLATFORM, WEB, ORDERS] {
            self.stage.apply(yaml).await;
        }
        let is_current = async || self.stage.is_current().await;
        let mut deaths = self.die_until("all is current", &is_current, counted, &dies_at).await;
        self.has_one_of_each(2);

        self.stage.set_image("orders", "public.ecr.aws/docker/library/httpd:2.5").await;
        deaths += self.die_until("the new image runs", &is_current, counted, &dies_at).await;
        self.has_one_of_each(3);
        let runs = &outsider::service(&self.stage.emulator, "orders")["taskDefinition"];
        assert!(runs.as_str().unwrap().ends_with(":2"), "{runs}");

        self.stage.delete_everything_in_the_wrong_order().await;
        let is_gone = async || self.stage.objects().await.is_empty();
        deaths += self.die_until("all is gone", &is_gone, counted, &dies_at).await;
        assert_eq!(self.counts(), [0; 7], "something is left");
        deaths
    }

    /// Starts operators, each of which dies, until one gets there. It is told to end, and does.
    async fn die_until(
        &self,
        what: &str,
        is_there: &impl AsyncFn() -> bool,
        counted: Counted,
        dies_at: impl Fn(usize) -> usize,
    ) -> usize {
        for deaths in 0..ENOUGH {
            self.stage.release_leases().await;
            self.front.kill_at(dies_at(deaths + 1), counted);
            self.operator.start(&self.stage, &self.front.url);
            let dead_or_there = async || self.front.has_killed() || is_there().await;
            self.stage.eventually(what, dead_or_there).await;
            if !self.front.disarm() {
                assert_eq!(self.operator.ended(), None, "it ended by itself");
                assert!(self.operator.stop().success());
                return deaths;
            }
        }
        panic!("{ENOUGH} operators died before {what}: {:#?}", self.stage.writes());
    }

    fn has_one_of_each(&self, contents: usize) {
        assert_eq!(self.counts(), [2, contents, 1, 1, 2, 1, 1], "{:#?}", self.stage.writes());
        let state = self.stage.emulator.state();
        let registered = state["ecs"]["taskDefinitions"].as_array().unwrap().len();
        assert_eq!(registered, contents, "a content was registered twice: {:#?}", self.stage.writes());
    }

    /// Services, ACTIVE revisions, Cloud Map services, log groups, roles, clusters and namespaces.
    fn counts(&self) -> [usize; 7] {
        let aws = &self.stage.emulator;
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
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_are_killed_at_their_first_write_get_there_together() {
    let shop = Shop::open().await;
    let deaths = shop.life(Counted::Writes, |_| 1).await;
    // Every write of the life was somebody's last: ten things made and two services, two for the image, as many removed.
    assert!(deaths >= 18, "{deaths}: {:#?}", shop.stage.writes());
    shop.stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_are_killed_at_a_later_call_each_time_get_there_together() {
    let shop = Shop::open().await;
    let deaths = shop.life(Counted::Calls, |nth| nth).await;
    assert!(deaths >= 12, "{deaths}");
    shop.stage.end().await;
}
