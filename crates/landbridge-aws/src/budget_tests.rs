//! The budgets against what AWS counts, in paused time.

use super::*;
use futures::FutureExt;
use futures::future::join_all;

/// What AWS counts: a bucket without our hair of safety.
struct Aws {
    quota: Quota,
    tokens: f64,
    at: Instant,
}

impl Aws {
    fn new(quota: Quota) -> Self {
        Self { quota, tokens: quota.burst, at: Instant::now() }
    }
    fn accepts(&mut self) -> bool {
        let now = Instant::now();
        self.tokens = (self.tokens + (now - self.at).as_secs_f64() * self.quota.per_second).min(self.quota.burst);
        self.at = now;
        let accepted = self.tokens >= 1.0 - 1e-6;
        if accepted {
            self.tokens -= 1.0;
        }
        accepted
    }
}

#[tokio::test(start_paused = true)]
async fn two_hundred_calls_take_no_more_than_two_percent_longer_than_the_quota_forces_and_none_is_throttled() {
    for (name, quota) in DEFAULTS.iter().filter(|(name, _)| name.starts_with("ecs/")) {
        let bucket = Arc::new(Bucket::new(*quota));
        let aws = Arc::new(Mutex::new(Aws::new(*quota)));
        let start = Instant::now();
        let calls = (0..200).map(|_| async {
            bucket.acquire(Priority::Deploy).await;
            assert!(lock(&aws).accepts(), "{name} was throttled");
        });
        join_all(calls).await;
        let bound = (200.0 - quota.burst) / quota.per_second;
        let ratio = start.elapsed().as_secs_f64() / bound;
        assert!(ratio <= 1.02 + 0.15 / bound, "{name}: {ratio}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_deploy_that_comes_later_goes_before_waiting_sweeps() {
    let bucket = Arc::new(Bucket::new(quota(2.0, 1.0)));
    let order = Arc::new(Mutex::new(Vec::new()));
    let spawn = |priority: Priority, label: &'static str| {
        let (bucket, order) = (Arc::clone(&bucket), Arc::clone(&order));
        tokio::spawn(async move {
            bucket.acquire(priority).await;
            lock(&order).push(label);
        })
    };
    let mut tasks = vec![spawn(Priority::Sweep, "sweep 1"), spawn(Priority::Sweep, "sweep 2")];
    tokio::time::sleep(Duration::from_millis(100)).await;
    tasks.push(spawn(Priority::Sweep, "sweep 3"));
    tasks.push(spawn(Priority::Drift, "drift"));
    tasks.push(spawn(Priority::Delete, "delete"));
    tasks.push(spawn(Priority::Deploy, "deploy"));
    join_all(tasks).await;
    assert_eq!(*lock(&order), ["sweep 1", "deploy", "delete", "drift", "sweep 2", "sweep 3"]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_gives_up_leaves_its_place_to_the_next() {
    let bucket = Arc::new(Bucket::new(quota(1.0, 1.0)));
    bucket.acquire(Priority::Deploy).await;
    let mut first = Box::pin(bucket.acquire(Priority::Deploy));
    assert!(first.as_mut().now_or_never().is_none());
    let mut second = Box::pin(bucket.acquire(Priority::Sweep));
    assert!(second.as_mut().now_or_never().is_none());
    drop(first);
    let start = Instant::now();
    second.await;
    assert!(start.elapsed() < Duration::from_millis(1100));
}

#[tokio::test(start_paused = true)]
async fn a_throttle_halves_the_rate_once_for_calls_under_way_together_and_the_rate_comes_back() {
    let budgets = Budgets::default();
    let target = AccountTarget { account_id: "1".into(), region: "r".into(), ..AccountTarget::default() };
    let bucket = budgets.bucket(&target, crate::operations::CREATE_SERVICE);
    let sent = Instant::now();
    tokio::time::sleep(Duration::from_millis(10)).await;
    bucket.throttled(sent, None);
    bucket.throttled(sent, None);
    let slow = budgets.snapshot().remove(0);
    assert_eq!(slow.throttles, 2);
    assert!((slow.per_second - 2.5).abs() < 0.01, "{}", slow.per_second);
    assert!(slow.tokens < 0.01, "{}", slow.tokens);
    tokio::time::sleep(RECOVERY).await;
    assert!((budgets.snapshot()[0].per_second - 5.0).abs() < 0.01);
}

#[tokio::test(start_paused = true)]
async fn retry_after_stops_the_bucket_for_that_long() {
    let bucket = Bucket::new(quota(10.0, 10.0));
    bucket.throttled(Instant::now(), Some(Duration::from_secs(7)));
    let start = Instant::now();
    bucket.acquire(Priority::Deploy).await;
    assert!(start.elapsed() >= Duration::from_secs(7));
}

#[tokio::test(start_paused = true)]
async fn the_account_can_say_other_quotas_and_iam_is_one_bucket_for_all_regions() {
    use landbridge_api::v1alpha1::RequestQuota;
    let budgets = Budgets::default();
    let mut target = AccountTarget { account_id: "1".into(), region: "a".into(), ..AccountTarget::default() };
    target.quotas.insert("ecs/service-modify".into(), RequestQuota { burst: 500, per_second: 50 });
    budgets.bucket(&target, crate::operations::CREATE_SERVICE);
    budgets.bucket(&target, crate::operations::CREATE_ROLE);
    target.region = "b".into();
    budgets.bucket(&target, crate::operations::CREATE_ROLE);
    budgets.bucket(&target, crate::operations::CREATE_SERVICE);
    let seen: Vec<_> = budgets.snapshot().into_iter().map(|b| (b.region, b.bucket, b.per_second)).collect();
    assert_eq!(
        seen,
        [
            (String::new(), "iam/modify", 2.0),
            ("a".into(), "ecs/service-modify", 50.0),
            ("b".into(), "ecs/service-modify", 50.0),
        ]
    );
}
