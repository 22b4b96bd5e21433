//! Whole passes over an ECSService: what they cost and what they find again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use landbridge_api::names::FINALIZER;
use landbridge_api::v1alpha1::{EcsService, EcsServiceStatus, NamespaceType, ServiceDefaults};
use landbridge_emulator::{Fault, FaultKind};
use landbridge_plan::change::Change;
use landbridge_plan::ecs_service::{DiscoveryTarget, EcsServiceObserved, EcsServiceResolved};
use landbridge_plan::kind::{Health, Kind as _};
use serde_json::json;

use super::{World, body, cluster, world};
use crate::Aws;
use crate::budget::Priority;
use crate::execute::{Executed, execute};
use crate::observe::{Freshness, Observe, priority};

fn web(image: &str) -> EcsService {
    serde_json::from_value(json!({
        "apiVersion": "landbridge.dev/v1alpha1", "kind": "ECSService",
        "metadata": {"name": "web", "namespace": "shop", "uid": "u-1", "generation": 1},
        "spec": {
            "clusterRef": {"name": "prod"}, "desiredCount": 1, "launchType": "FARGATE",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
            "taskDefinition": {"cpu": "256", "memory": "512", "containerDefinitions": [{"name": "web", "image": image}]},
        },
        "status": {},
    }))
    .unwrap()
}

fn resolved(world: &World) -> EcsServiceResolved {
    EcsServiceResolved {
        account: Arc::new(world.target.clone()),
        cluster: "prod".into(),
        service: "web".into(),
        defaults: ServiceDefaults::default(),
        task_role_arn: None,
        execution_role_arn: None,
        discovery: None,
        nothing_in_aws: false,
    }
}

async fn prod() -> World {
    let world = world().await;
    assert_eq!(world.run(&[("c", &[], cluster("prod"))]).await.failure, None);
    world.emulator.take_calls();
    world
}

/// One pass as the driver makes it: observe, plan, store the intent, execute, observe again, store the facts.
async fn pass(aws: &Aws, object: &mut EcsService, resolved: &EcsServiceResolved) -> (Executed, EcsServiceObserved) {
    let observed = object.observe(aws, resolved, Freshness::Cached).await.unwrap();
    let plan = object.plan(resolved, &observed, Timestamp::UNIX_EPOCH);
    assert!(plan.blocked.is_empty(), "{:?}", plan.blocked);
    if let Some(intent) = object.intent(resolved, &observed, &plan) {
        object.status = Some(intent);
    }
    let executed = execute(&plan, aws, &crate::NoKubernetes, priority(object, resolved)).await;
    let observed = object.observe(aws, resolved, Freshness::Cached).await.unwrap();
    object.status = Some(object.facts(resolved, &observed));
    (executed, observed)
}

fn calls(world: &World) -> BTreeMap<String, usize> {
    world.emulator.take_calls().by_action()
}

fn counted(calls: &[(&str, usize)]) -> BTreeMap<String, usize> {
    calls.iter().map(|(action, count)| ((*action).to_owned(), *count)).collect()
}

#[tokio::test]
async fn a_bare_service_costs_three_calls_and_a_second_pass_none() {
    let world = prod().await;
    let (mut object, resolved) = (web("nginx:1"), resolved(&world));
    let (executed, observed) = pass(&world.aws, &mut object, &resolved).await;
    assert_eq!(executed.failure, None);
    assert!(observed.service.is_some());
    let expected = [("ecs:CreateService", 1), ("ecs:DescribeServices", 1), ("ecs:RegisterTaskDefinition", 1)];
    assert_eq!(calls(&world), counted(&expected));
    let (executed, _) = pass(&world.aws, &mut object, &resolved).await;
    assert_eq!((executed.failure, executed.done.len()), (None, 0));
    assert_eq!(calls(&world), counted(&[]));
}

#[tokio::test]
async fn another_process_with_the_stored_status_reads_one_page_and_writes_nothing() {
    let world = prod().await;
    let (mut object, resolved) = (web("nginx:1"), resolved(&world));
    pass(&world.aws, &mut object, &resolved).await;
    world.emulator.take_calls();
    let (executed, _) = pass(&world.afresh().await, &mut object, &resolved).await;
    assert_eq!((executed.failure, executed.done.len()), (None, 0));
    assert_eq!(calls(&world), counted(&[("ecs:DescribeServices", 1)]));
}

#[tokio::test]
async fn a_revision_whose_answer_was_lost_is_found_and_not_registered_again() {
    let world = prod().await;
    let (mut object, resolved) = (web("nginx:1"), resolved(&world));
    world.emulator.fault(Fault::on("ecs:RegisterTaskDefinition", FaultKind::LoseAnswerAfter).times(1));
    let (executed, _) = pass(&world.aws, &mut object, &resolved).await;
    assert!(executed.failure.is_some());
    let (executed, observed) = pass(&world.aws, &mut object, &resolved).await;
    assert_eq!(executed.failure, None);
    assert!(observed.service.is_some());
    assert_eq!(calls(&world)["ecs:RegisterTaskDefinition"], 1);
}

#[tokio::test]
async fn a_revision_of_which_only_the_finalizer_speaks_is_found_by_whoever_comes_next() {
    let world = prod().await;
    let (mut object, resolved) = (web("nginx:1"), resolved(&world));
    let observed = object.observe(&world.aws, &resolved, Freshness::Cached).await.unwrap();
    let mut plan = object.plan(&resolved, &observed, Timestamp::UNIX_EPOCH);
    assert!(object.finds_again(&object.intent(&resolved, &observed, &plan).unwrap()));
    object.metadata.finalizers = Some(vec![FINALIZER.to_owned()]);
    plan.steps.truncate(1);
    assert_eq!(execute(&plan, &world.aws, &crate::NoKubernetes, Priority::Deploy).await.failure, None);
    let revisions = || world.emulator.calls().count("ecs:RegisterTaskDefinition");
    assert_eq!(revisions(), 1);

    let mut going = serde_json::to_value(&object).unwrap();
    going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    let going: EcsService = serde_json::from_value(going).unwrap();
    let (executed, observed) = pass(&world.afresh().await, &mut object, &resolved).await;
    assert_eq!((executed.failure, revisions()), (None, 1));
    assert!(observed.service.is_some());

    let observed = going.observe(&world.afresh().await, &resolved, Freshness::Cached).await.unwrap();
    assert!(observed.task_definition.is_some(), "it has to be deregistered");
}

#[tokio::test]
async fn tasks_that_fail_are_asked_why_once_for_each_thing_that_happened() {
    let world = prod().await;
    let (mut object, resolved) = (web("landbridge.test/crash:exit-42"), resolved(&world));
    pass(&world.aws, &mut object, &resolved).await;
    let start = Instant::now();
    let failure = loop {
        let observed = object.observe(&world.aws, &resolved, Freshness::Fresh).await.unwrap();
        if let Some(failure) = observed.failure {
            break failure;
        }
        assert!(start.elapsed() < Duration::from_secs(30), "no failure is seen: {:?}", observed.service);
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(failure.exit_code, Some(42));
    assert_eq!(failure.container.as_deref(), Some("web"));
}

#[tokio::test]
async fn a_cloud_map_service_and_a_log_group_are_made_once_and_read_seldom() {
    let world = prod().await;
    let make = json!({"Type": "HTTP", "CreatorRequestId": "1"});
    let create = Change::CreateNamespace { name: "shop".into(), body: body(&make) };
    assert_eq!(world.run(&[("n", &[], create)]).await.failure, None);
    let namespace_id = super::observe::namespace_id(&world).await;
    let mut object = web("nginx:1");
    object.spec.service_discovery = serde_json::from_value(json!({"namespaceRef": {"name": "shop"}})).unwrap();
    object.spec.logs = serde_json::from_value(json!({"retentionInDays": 7})).unwrap();
    let mut resolved = resolved(&world);
    let target = DiscoveryTarget { namespace_id, namespace_type: NamespaceType::Http, name: "web".into() };
    resolved.discovery = Some(target);
    // Awslogs needs a role that writes; ECS checks it when a task starts, not here.
    resolved.execution_role_arn = Some(world.target.role_arn("exec"));
    world.emulator.take_calls();
    let (executed, observed) = pass(&world.aws, &mut object, &resolved).await;
    assert_eq!(executed.failure, None);
    assert!(observed.discovery.is_some() && observed.log_group.is_some());
    let first = calls(&world);
    for action in ["servicediscovery:CreateService", "logs:CreateLogGroup", "logs:PutRetentionPolicy"] {
        assert_eq!(first[action], 1, "{action}");
    }
    let (executed, _) = pass(&world.aws, &mut object, &resolved).await;
    assert_eq!((executed.failure, executed.done.len()), (None, 0), "{:?}", executed.done);
    assert_eq!(calls(&world), counted(&[]));
    let (executed, _) = pass(&world.afresh().await, &mut object, &resolved).await;
    assert_eq!((executed.failure, executed.done.len()), (None, 0), "{:?}", executed.done);
}

/// Passes, each with a fresh look, until `done` says so.
async fn until(
    world: &World,
    object: &mut EcsService,
    resolved: &EcsServiceResolved,
    what: &str,
    done: impl Fn(&Health) -> bool,
) {
    let start = Instant::now();
    loop {
        pass(&world.aws, object, resolved).await;
        let observed = object.observe(&world.aws, resolved, Freshness::Fresh).await.unwrap();
        let health = object.health(resolved, &observed, Timestamp::UNIX_EPOCH);
        object.status = Some(object.facts(resolved, &observed));
        if done(&health) && object.plan(resolved, &observed, Timestamp::UNIX_EPOCH).is_empty() {
            return;
        }
        assert!(start.elapsed() < Duration::from_mins(1), "not {what} in time: {health:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn is_healthy(health: &Health) -> bool {
    matches!(health, Health::Healthy(_))
}

fn is_rolled_back(health: &Health) -> bool {
    matches!(health, Health::Failed { reason: "RolledBack", stalled: true, .. })
}

#[tokio::test]
async fn a_bad_image_is_rolled_back_once_and_a_good_one_recovers() {
    let world = prod().await;
    let resolved = resolved(&world);
    let breaker = json!({"deploymentCircuitBreaker": {"enable": true, "rollback": true}});
    let with = |image: &str, status: Option<EcsServiceStatus>| {
        let mut object = web(image);
        object.spec.service.deployment_configuration = serde_json::from_value(breaker.clone()).unwrap();
        object.status = status;
        object
    };
    let mut object = with("nginx:1", web("x").status);
    until(&world, &mut object, &resolved, "healthy", is_healthy).await;
    let mut object = with("landbridge.test/pull-error:1", object.status);
    until(&world, &mut object, &resolved, "rolled back", is_rolled_back).await;
    world.emulator.take_calls();
    for _ in 0..5 {
        let (executed, _) = pass(&world.aws, &mut object, &resolved).await;
        assert!(executed.done.is_empty(), "{:?}", executed.done);
    }
    let held = object.status.clone().unwrap();
    let failure = held.last_failure.unwrap();
    assert!(failure.reason.contains("CannotPullContainerError"), "{failure:?}");
    let mut object = with("nginx:2", object.status);
    until(&world, &mut object, &resolved, "healthy again", is_healthy).await;
    assert_eq!(object.status.unwrap().rolled_back, None);
}

#[tokio::test]
async fn a_service_is_put_right_moved_and_deleted_and_nothing_stays() {
    let world = prod().await;
    let (mut object, mut resolved) = (web("nginx:1"), resolved(&world));
    object.spec.logs = serde_json::from_value(json!({})).unwrap();
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": {"Service": "ecs-tasks.amazonaws.com"}}]});
    let (name, path, tags) = ("exec".to_owned(), "/landbridge/".to_owned(), BTreeMap::new());
    let role = Change::CreateRole { name, path, trust, body: body(&json!({})), tags };
    assert_eq!(world.run(&[("r", &[], role)]).await.failure, None);
    resolved.execution_role_arn = Some(world.target.role_arn("exec"));
    until(&world, &mut object, &resolved, "healthy", is_healthy).await;

    let meddling = json!({"cluster": "prod", "service": "web", "enableExecuteCommand": true, "desiredCount": 3,
        "deploymentConfiguration": {"maximumPercent": 150}, "propagateTags": "SERVICE"});
    let update = Change::UpdateService { cluster: "prod".into(), name: "web".into(), body: body(&meddling) };
    assert_eq!(world.run(&[("m", &[], update)]).await.failure, None);
    until(&world, &mut object, &resolved, "put right", is_healthy).await;
    let observed = object.observe(&world.aws, &resolved, Freshness::Fresh).await.unwrap();
    assert_eq!(observed.service.unwrap().fields["enableExecuteCommand"], false);

    object.spec.service_name = Some("web2".into());
    resolved.service = "web2".into();
    until(&world, &mut object, &resolved, "moved", is_healthy).await;
    assert!(object.status.as_ref().unwrap().replaced.is_empty());

    object.metadata.deletion_timestamp = serde_json::from_value(json!("2026-01-01T00:00:00Z")).unwrap();
    let start = Instant::now();
    loop {
        let observed = object.observe(&world.aws, &resolved, Freshness::Fresh).await.unwrap();
        if object.plan(&resolved, &observed, Timestamp::UNIX_EPOCH).gone {
            break;
        }
        pass(&world.aws, &mut object, &resolved).await;
        assert!(start.elapsed() < Duration::from_mins(1), "not gone in time: {:?}", object.status);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let observed = object.observe(&world.afresh().await, &resolved, Freshness::Fresh).await.unwrap();
    assert_eq!((observed.service, observed.log_group), (None, None));
    // Both families were registered by this object: the one of `web` and the one of `web2`.
    assert_eq!(world.count("ecs:DeregisterTaskDefinition"), world.count("ecs:RegisterTaskDefinition"));
}
