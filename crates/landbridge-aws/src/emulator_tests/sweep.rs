//! Sweeps: who is woken, and what looking around costs.

use std::sync::Arc;
use std::time::Duration;

use landbridge_plan::change::Change;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{body, world};
use crate::sweep::{Intervals, Mode, Sweep};

fn intervals(rolling: u64, steady: u64) -> Intervals {
    Intervals {
        rolling: Duration::from_millis(rolling),
        slowest_rolling: Duration::from_millis(rolling),
        steady: Duration::from_millis(steady),
    }
}

#[tokio::test]
async fn a_change_made_outside_wakes_its_owner_and_no_other() {
    let world = world().await.with_services(12).await;
    // Their rollouts are over before the watch begins.
    world.emulator.settle(Duration::from_secs(1));
    tokio::time::timeout(Duration::from_secs(20), async {
        let (wake, mut woken) = mpsc::channel(64);
        let sweep = Arc::new(Sweep::new(world.afresh().await, intervals(50, 50), wake));
        for n in 0..12 {
            sweep.watch(n, "prod", &format!("web-{n}"), Mode::Steady);
        }
        let running = tokio::spawn({
            let sweep = Arc::clone(&sweep);
            async move { sweep.run().await }
        });
        // The first looks, and what still moves.
        while tokio::time::timeout(Duration::from_millis(500), woken.recv()).await.is_ok() {}
        let outside = world.afresh().await;
        let body = body(&json!({"desiredCount": 3}));
        let update = Change::UpdateService { cluster: "prod".into(), name: "web-7".into(), body };
        let plan = super::plan(&[("u", &[], update)]);
        assert_eq!(
            crate::execute::execute(&plan, &outside, &crate::NoKubernetes, crate::budget::Priority::Deploy)
                .await
                .failure,
            None
        );
        assert_eq!(woken.recv().await, Some(7));
        while let Ok(Some(owner)) = tokio::time::timeout(Duration::from_millis(300), woken.recv()).await {
            assert_eq!(owner, 7);
        }
        running.abort();
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn steady_services_are_read_in_full_pages_once_an_interval() {
    let world = world().await.with_services(40).await;
    let (wake, mut woken) = mpsc::channel(64);
    let sweep = Arc::new(Sweep::new(world.afresh().await, intervals(100, 1000), wake));
    for n in 0..40 {
        sweep.watch(n, "prod", &format!("web-{n}"), Mode::Steady);
    }
    world.emulator.take_calls();
    let running = tokio::spawn({
        let sweep = Arc::clone(&sweep);
        async move { sweep.run().await }
    });
    tokio::spawn(async move { while woken.recv().await.is_some() {} });
    tokio::time::sleep(Duration::from_millis(3500)).await;
    running.abort();
    // Three rounds of four pages.
    let reads = world.count("ecs:DescribeServices");
    assert!((8..=14).contains(&reads), "{reads}");
}

/// Rollouts that begin so far apart, each over when it is first looked at. Gives the number of reads, and how long after
/// its beginning each was looked at, in milliseconds.
async fn rollouts(count: usize, apart: Duration) -> (usize, Vec<u128>) {
    let world = world().await.with_services(count).await;
    let (wake, mut woken) = mpsc::channel(64);
    let intervals = Intervals { steady: Duration::from_hours(1), ..Intervals::default() };
    let sweep = Arc::new(Sweep::new(world.afresh().await, intervals, wake));
    world.emulator.take_calls();
    let running = tokio::spawn({
        let sweep = Arc::clone(&sweep);
        async move { sweep.run().await }
    });
    let first = Instant::now();
    let begin = async {
        for n in 0..count {
            tokio::time::sleep_until(first + apart * n as u32).await;
            sweep.watch(n, "prod", &format!("web-{n}"), Mode::Rolling);
        }
    };
    let end = async {
        let mut ages = Vec::new();
        for _ in 0..count {
            let n = woken.recv().await.unwrap();
            ages.push((Instant::now() - (first + apart * n as u32)).as_millis());
            sweep.watch(n, "prod", &format!("web-{n}"), Mode::Steady);
        }
        ages
    };
    let ((), ages) = tokio::join!(begin, end);
    running.abort();
    (world.count("ecs:DescribeServices"), ages)
}

#[tokio::test(start_paused = true)]
async fn rollouts_that_begin_one_after_the_other_share_looks_and_none_waits_long() {
    // As fast as AWS lets task definitions be registered; the next begins just after the look that is due.
    let (reads, ages) = rollouts(20, Duration::from_millis(1_002)).await;
    assert!(reads <= 11, "{reads}");
    assert!(ages.iter().all(|age| *age <= 1_260), "{ages:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lone_rollout_does_not_wait_for_company() {
    let (reads, ages) = rollouts(3, Duration::from_secs(10)).await;
    assert_eq!(reads, 3);
    assert!(ages.iter().all(|age| (1_000..1_010).contains(age)), "{ages:?}");
}

#[tokio::test(start_paused = true)]
async fn rollouts_that_begin_together_are_looked_at_in_full_pages_at_once() {
    let (reads, ages) = rollouts(20, Duration::ZERO).await;
    assert_eq!(reads, 2);
    assert!(ages.iter().all(|age| *age <= 1_010), "{ages:?}");
}
