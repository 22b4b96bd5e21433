//! The call wrapper: repeats, lost answers, the lease, quotas.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures::future::join_all;
use landbridge_emulator::{Entries, Fault, FaultKind};
use landbridge_plan::change::{Change, Tagged, Tags};
use landbridge_plan::verdict::ErrorClass;

use super::{cluster, service, task_definition, world};
use crate::budget::Priority;

const NOW: Duration = Duration::ZERO;

#[tokio::test]
async fn a_throttled_call_is_repeated_and_slows_its_bucket() {
    let world = world().await.with_cluster().await;
    world.emulator.fault(Fault::on("ecs:DescribeClusters", FaultKind::Throttle).times(2));
    let found = world.aws.cluster("prod", NOW, Priority::Deploy).await.unwrap();
    assert_eq!(found.unwrap().status, "ACTIVE");
    assert_eq!(world.count("ecs:DescribeClusters"), 3);
    let buckets = world.pool.budgets();
    let bucket = buckets.iter().find(|b| b.bucket == "ecs/cluster-read").unwrap();
    assert_eq!(bucket.throttles, 2);
    assert!(bucket.per_second < 20.0);
}

#[tokio::test]
async fn a_server_error_is_repeated_a_few_times_and_then_told() {
    let world = world().await;
    world.emulator.fault(Fault::on("ecs:DescribeClusters", FaultKind::ServerError));
    let error = world.aws.cluster("prod", NOW, Priority::Deploy).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Transient);
    assert_eq!(world.count("ecs:DescribeClusters"), 3);
    let told = world.told.calls.lock().unwrap();
    assert_eq!(*told, vec![("ecs:DescribeClusters", Some(ErrorClass::Transient)); 3]);
}

#[tokio::test]
async fn a_service_that_ecs_cannot_tell_of_is_not_taken_for_gone_and_its_neighbours_are_told() {
    let world = world().await.with_services(3).await;
    let aws = world.afresh().await;
    let partial = FaultKind::Partial(Entries::Named("web-1".into()));
    world.emulator.fault(Fault::on("ecs:DescribeServices", partial).times(1));
    world.emulator.take_calls();
    let ask = |name: &'static str| aws.service("prod", name, NOW, Priority::Deploy);
    let read = join_all(["web-0", "web-1", "web-2", "none"].map(ask)).await;
    assert_eq!(world.count("ecs:DescribeServices"), 1);
    assert!(matches!((&read[0], &read[2], &read[3]), (Ok(Some(_)), Ok(Some(_)), Ok(None))), "{read:?}");
    let error = read[1].as_ref().unwrap_err();
    assert_eq!(error.class, ErrorClass::Transient);
    assert!(error.message.contains("service/prod/web-1 (ServerException, Service Unavailable"), "{error}");
    assert!(ask("web-1").await.unwrap().is_some());
}

#[tokio::test]
async fn a_cluster_or_service_deployment_that_ecs_cannot_tell_of_is_not_taken_for_gone() {
    let world = world().await.with_services(1).await;
    let aws = world.afresh().await;
    let service = aws.service("prod", "web-0", NOW, Priority::Deploy).await.unwrap().unwrap();
    let all = || FaultKind::Partial(Entries::Named("*".into()));
    world.emulator.fault(Fault::on("ecs:DescribeClusters", all()).times(1));
    assert_eq!(aws.cluster("prod", NOW, Priority::Deploy).await.unwrap_err().class, ErrorClass::Transient);
    assert!(aws.cluster("prod", NOW, Priority::Deploy).await.unwrap().is_some());
    world.emulator.fault(Fault::on("ecs:DescribeServiceDeployments", all()).times(1));
    let arn = service.current_service_deployment.unwrap();
    let ask = || aws.service_deployment(&arn, Priority::Deploy);
    assert_eq!(ask().await.unwrap_err().class, ErrorClass::Transient);
    assert!(ask().await.unwrap().is_some());
}

#[tokio::test]
async fn registering_is_never_repeated_after_a_lost_answer_and_the_revision_is_found_again() {
    let world = world().await;
    world.emulator.fault(Fault::on("ecs:RegisterTaskDefinition", FaultKind::LoseAnswerAfter).times(1));
    let done = world.run(&[("t", &[], task_definition("web"))]).await;
    assert_eq!(done.failure.unwrap().class, ErrorClass::Transient);
    assert_eq!(world.count("ecs:RegisterTaskDefinition"), 1);
}

#[tokio::test]
async fn creating_a_service_is_repeated_after_a_lost_answer_and_makes_one() {
    let world = world().await.with_cluster().await;
    world.emulator.fault(Fault::on("ecs:CreateService", FaultKind::LoseAnswerAfter).times(1));
    let done = world.run(&[("s", &[], service("prod", "web", "web"))]).await;
    assert_eq!(done.failure, None);
    assert_eq!(world.count("ecs:CreateService"), 2);
    let arn = &done.outputs[&("s".to_owned(), "arn".to_owned())];
    assert!(arn.ends_with(":service/prod/web"), "{arn}");
}

#[tokio::test]
async fn without_the_lease_nothing_is_written_and_reads_go_on() {
    let world = world().await.with_cluster().await;
    world.told.fenced.store(true, Ordering::SeqCst);
    world.emulator.take_calls();
    let done = world.run(&[("c", &[], cluster("other"))]).await;
    assert_eq!(done.failure.unwrap().class, ErrorClass::Fenced);
    assert!(world.emulator.calls().writes().is_empty());
    assert!(world.aws.cluster("prod", NOW, Priority::Deploy).await.unwrap().is_some());
}

#[tokio::test]
async fn under_the_quotas_of_aws_calls_take_as_long_as_they_must_and_none_is_throttled() {
    let world = world().await.with_services(1).await;
    world.emulator.enforce_quotas(true);
    world.emulator.take_calls();
    let arn = world.target.ecs_arn("service/prod/web-0");
    let tags = Tags::from([("a".to_owned(), "b".to_owned())]);
    let tag = Change::Tag { api: Tagged::Ecs, arn, set: tags, remove: Vec::new() };
    let start = Instant::now();
    let calls = (0..50).map(|_| async {
        assert_eq!(world.run(&[("t", &[], tag.clone())]).await.failure, None);
    });
    join_all(calls).await;
    // 50 calls, 20 of them at once and 10 a second: 3 seconds.
    let ratio = start.elapsed().as_secs_f64() / 3.0;
    assert_eq!(world.emulator.calls().throttled(), 0);
    assert!((0.95..1.5).contains(&ratio), "{ratio}");
}

#[tokio::test]
async fn an_error_of_aws_says_what_it_is_and_what_to_do() {
    let world = world().await.with_cluster().await;
    let done = world.run(&[("s", &[], service("prod", "web", "no-such-family"))]).await;
    let failure = done.failure.unwrap();
    assert_eq!(failure.operation, "ecs:CreateService");
    assert!(matches!(failure.class, ErrorClass::Invalid | ErrorClass::NotFound), "{failure:?}");
    assert!(!failure.message.is_empty());
}
