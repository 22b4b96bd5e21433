//! Whole stories against the model: several passes, with what ECS does in between.

use serde_json::json;

use super::super::*;
use super::model::{World, account, default_defaults, now, patched, resolved, resolved_for, web};
use crate::change::Change;
use crate::policy;
use landbridge_api::condition;

fn arn(name: &str) -> String {
    account().ecs_arn(&format!("service/prod/{name}"))
}

fn revision(number: u32) -> String {
    account().ecs_arn(&format!("task-definition/prod-web:{number}"))
}

fn status(object: &EcsService) -> &EcsServiceStatus {
    object.status.as_ref().unwrap()
}

fn ready(object: &EcsService) -> (String, String) {
    let ready = condition::find(&status(object).common.conditions, condition::READY).unwrap();
    (ready.status.clone(), ready.reason.clone())
}

fn settled(patch: &serde_json::Value) -> (World, EcsService) {
    let (mut world, mut object) = (World::default(), patched(&web(), patch));
    world.converge(&resolved(&object.clone()), &mut object);
    (world, object)
}

fn with_image(object: &EcsService, image: &str) -> EcsService {
    patched(object, &json!({"taskDefinition": {"containerDefinitions": [{"name": "web", "image": image}]}}))
}

#[test]
fn a_service_becomes_ready_with_two_writes_and_then_needs_none() {
    let (mut world, mut object) = settled(&json!({}));
    assert_eq!(world.writes.len(), 2);
    assert_eq!(ready(&object), ("True".into(), "Ready".into()));
    let resolved = resolved(&object);
    assert!(world.pass(&resolved, &mut object).is_empty());
    let facts = status(&object);
    assert_eq!(facts.service_arn.as_deref(), Some(arn("web").as_str()));
    assert_eq!(facts.task_definition.as_ref().unwrap().revision.as_deref(), Some("prod-web:1"));
    assert_eq!(facts.revisions.len(), 1);
    assert_eq!(facts.selector.as_deref(), Some("landbridge.dev/service=web"));
    assert_eq!((facts.desired_count, facts.running_count), (Some(2), Some(2)));
}

#[test]
fn content_that_was_there_before_is_not_registered_again() {
    let (mut world, object) = settled(&json!({}));
    let mut other = with_image(&object, "nginx:2");
    world.converge(&resolved(&other.clone()), &mut other);
    assert_eq!(status(&other).revisions.len(), 2);
    let mut back =
        patched(&other, &json!({"taskDefinition": serde_json::to_value(&web().spec.task_definition).unwrap()}));
    let registered = world.revisions.len();
    world.converge(&resolved(&back.clone()), &mut back);
    assert_eq!(world.revisions.len(), registered);
    assert_eq!(world.services[&arn("web")].task_definition, revision(1));
}

#[test]
fn a_rollback_is_held_until_the_content_changes() {
    let (mut world, object) = settled(&json!({}));
    let mut bad = with_image(&object, "nginx:broken");
    let resolved_bad = resolved(&bad);
    world.pass(&resolved_bad, &mut bad);
    assert_eq!(ready(&bad).1, "RollingOut");
    world.roll_back(&arn("web"), &revision(1));
    assert!(world.pass(&resolved_bad, &mut bad).steps.is_empty());
    assert_eq!(ready(&bad), ("False".into(), "RolledBack".into()));
    assert!(condition::is_true(&status(&bad).common.conditions, condition::STALLED));
    let held = status(&bad).rolled_back.clone().unwrap();
    assert_eq!(held.task_definition_arn, Some(revision(2)));

    world.settle();
    for _ in 0..3 {
        assert!(world.pass(&resolved_bad, &mut bad).steps.is_empty(), "the failed content is not tried again");
        assert_eq!(ready(&bad).1, "RolledBack");
    }
    let mut counted = patched(&bad, &json!({"desiredCount": 4}));
    let plan = world.pass(&resolved(&counted.clone()), &mut counted);
    assert_eq!(plan.steps.len(), 1, "what needs no deployment is still changed");
    assert_eq!(ready(&counted).1, "RolledBack");

    let mut good = with_image(&counted, "nginx:3");
    world.converge(&resolved(&good.clone()), &mut good);
    assert_eq!(ready(&good).0, "True");
    assert_eq!(status(&good).rolled_back, None);
}

#[test]
fn a_rollback_while_the_operator_was_away_is_recognised_by_the_service_deployment() {
    let (mut world, object) = settled(&json!({}));
    let mut bad = with_image(&object, "nginx:broken");
    let resolved = resolved(&bad);
    world.pass(&resolved, &mut bad);
    world.roll_back(&arn("web"), &revision(1));
    let service = world.services.get_mut(&arn("web")).unwrap();
    service.deployments.truncate(1);
    service.deployments[0].rollout_state = Some("COMPLETED".into());
    service.deployments[0].rollout_state_reason = Some("ECS deployment ecs-svc/3 completed.".into());
    assert!(world.pass(&resolved, &mut bad).steps.is_empty());
    assert_eq!(ready(&bad).1, "RolledBack");
}

#[test]
fn a_rollback_whose_deployment_was_never_stored_is_recognised_by_its_remains() {
    let (mut world, object) = settled(&json!({}));
    let mut bad = with_image(&object, "nginx:broken");
    let resolved = resolved(&bad);
    let before = status(&bad).clone();
    world.pass(&resolved, &mut bad);
    bad.status = Some(before);
    world.roll_back(&arn("web"), &revision(1));
    assert!(world.pass(&resolved, &mut bad).steps.is_empty());
    assert_eq!(ready(&bad).1, "RolledBack");
}

#[test]
fn a_rolled_back_change_of_fields_alone_is_held_too() {
    let (mut world, object) = settled(&json!({}));
    let mut bad = patched(&object, &json!({"platformVersion": "1.3.0"}));
    let resolved_bad = resolved(&bad);
    world.pass(&resolved_bad, &mut bad);
    world.roll_back(&arn("web"), &revision(1));
    world.services.get_mut(&arn("web")).unwrap().fields.insert("platformVersion".into(), json!("LATEST"));
    for _ in 0..3 {
        assert!(world.pass(&resolved_bad, &mut bad).steps.is_empty());
        assert_eq!(ready(&bad).1, "RolledBack");
        world.settle();
    }
    let mut good = patched(&bad, &json!({"platformVersion": null}));
    world.converge(&resolved(&good.clone()), &mut good);
    assert_eq!(ready(&good).0, "True");
}

#[test]
fn a_restart_tries_rolled_back_content_again() {
    let (mut world, object) = settled(&json!({}));
    let mut bad = with_image(&object, "nginx:broken");
    let resolved = resolved(&bad);
    world.pass(&resolved, &mut bad);
    world.roll_back(&arn("web"), &revision(1));
    world.pass(&resolved, &mut bad);
    bad.metadata.annotations = Some([("landbridge.dev/restarted-at".to_owned(), "now".to_owned())].into());
    world.converge(&resolved, &mut bad);
    assert_eq!(ready(&bad).0, "True");
    assert_eq!(world.services[&arn("web")].task_definition, revision(2));
}

#[test]
fn a_change_from_outside_is_put_back_even_during_a_rollout_of_ours() {
    let (mut world, object) = settled(&json!({}));
    let mut next = with_image(&object, "nginx:2");
    let resolved = resolved(&next);
    world.pass(&resolved, &mut next);
    world.services.get_mut(&arn("web")).unwrap().task_definition = revision(1);
    world.deploy(&arn("web"));
    let plan = world.pass(&resolved, &mut next);
    assert_eq!(plan.steps.len(), 1, "{plan:?}");
    assert_eq!(world.services[&arn("web")].task_definition, revision(2));
}

#[test]
fn a_service_moves_to_another_cluster_without_a_gap() {
    let (mut world, object) = settled(&json!({}));
    let mut moved = patched(&object, &json!({"clusterRef": {"name": "next"}}));
    let resolved = resolved(&moved);
    let new = account().ecs_arn("service/next/web");
    world.pass(&resolved, &mut moved);
    assert_eq!(world.services[&new].status, "ACTIVE");
    assert_eq!(status(&moved).replaced, [arn("web")]);
    world.pass(&resolved, &mut moved);
    assert_eq!(world.services[&arn("web")].status, "ACTIVE", "the new one is not proved yet");
    assert_eq!(ready(&moved).0, "False");
    world.settle();
    world.pass(&resolved, &mut moved);
    assert_eq!(world.services[&arn("web")].status, "DRAINING");
    assert_eq!(ready(&moved).0, "False", "the old one is still going");
    world.converge(&resolved, &mut moved);
    assert_eq!(ready(&moved).0, "True");
    assert_eq!(status(&moved).service_arn, Some(new));
    assert!(status(&moved).replaced.is_empty());
}

#[test]
fn a_move_that_is_taken_back_removes_the_half_made_service() {
    let (mut world, object) = settled(&json!({}));
    let mut moved = patched(&object, &json!({"serviceName": "web2"}));
    world.pass(&resolved(&moved.clone()), &mut moved);
    let mut back = patched(&moved, &json!({"serviceName": null}));
    world.converge(&resolved(&back.clone()), &mut back);
    assert_eq!(world.services[&arn("web")].status, "ACTIVE");
    assert_eq!(world.services[&arn("web2")].status, "INACTIVE");
    assert_eq!(ready(&back).0, "True");
}

#[test]
fn a_service_cannot_follow_its_cluster_into_another_account() {
    let (world, object) = settled(&json!({}));
    let mut elsewhere = resolved(&object);
    let other = AccountTarget { account_id: "999999999999".into(), ..account() };
    elsewhere.account = std::sync::Arc::new(other);
    let plan = object.plan(&elsewhere, &world.observe(&object, &elsewhere), now());
    assert_eq!(plan.blocked[0].reason, "ImmutableField");
    assert!(plan.steps.is_empty());
}

#[test]
fn another_discovery_name_takes_the_place_of_the_old_one_once_the_service_has_let_go() {
    let (mut world, object) = settled(&json!({"serviceDiscovery": {"namespaceRef": {"name": "internal"}}}));
    let old = world.discoveries.keys().next().unwrap().clone();
    world.discoveries.get_mut(&old).unwrap().instances = vec!["i-1".into()];
    let mut renamed = patched(&object, &json!({"serviceDiscovery": {"name": "shop"}}));
    let resolved = resolved(&renamed);
    let plan = world.pass(&resolved, &mut renamed);
    let operations: Vec<_> = plan.steps.iter().map(|s| s.change.operation()).collect();
    assert_eq!(operations, ["servicediscovery:CreateService", "ecs:UpdateService"]);
    assert!(world.discoveries.contains_key(&old));
    world.converge(&resolved, &mut renamed);
    assert!(!world.discoveries.contains_key(&old));
    assert_eq!(world.discoveries.len(), 1);
    assert!(status(&renamed).replaced_discovery.is_empty());
    assert_eq!(ready(&renamed).0, "True");
}

#[test]
fn discovery_that_is_taken_out_is_deleted_after_it_is_detached() {
    let (mut world, object) = settled(&json!({"serviceDiscovery": {"namespaceRef": {"name": "internal"}}}));
    let mut without = patched(&object, &json!({"serviceDiscovery": null}));
    world.converge(&resolved(&without.clone()), &mut without);
    assert!(world.discoveries.is_empty());
    assert_eq!(status(&without).discovery, None);
    assert_eq!(world.services[&arn("web")].fields["serviceRegistries"], json!([]));
}

#[test]
fn only_as_many_older_revisions_stay_as_the_spec_says() {
    let (mut world, mut object) = settled(&json!({"revisionHistoryLimit": 2}));
    for number in 0..6 {
        object = with_image(&object, &format!("nginx:{number}"));
        world.converge(&resolved(&object.clone()), &mut object);
    }
    let active: Vec<_> = world.revisions.values().filter(|r| r.status == "ACTIVE").map(|r| r.arn.clone()).collect();
    assert_eq!(active, [revision(5), revision(6), revision(7)]);
    assert_eq!(status(&object).revisions.len(), 3);
}

#[test]
fn a_lost_answer_at_any_call_is_found_again_and_nothing_is_made_twice() {
    let patch = json!({"logs": {}, "serviceDiscovery": {"namespaceRef": {"name": "internal"}}});
    for lost_after in 0..5 {
        let (mut world, mut object) = (World::default(), patched(&web(), &patch));
        let resolved = resolved(&object);
        let observed = world.observe(&object, &resolved);
        let mut plan = policy::filter(object.plan(&resolved, &observed, now()), &object.spec.knobs);
        if let Some(intent) = object.intent(&resolved, &world.observe(&object, &resolved), &plan) {
            object.status = Some(intent);
        }
        plan.steps.truncate(lost_after);
        world.execute(&plan);
        // The operator dies here: the status knows of the intent alone.
        world.converge(&resolved, &mut object);
        assert_eq!((world.services.len(), world.revisions.len()), (1, 1), "after {lost_after}");
        assert_eq!((world.discoveries.len(), world.log_groups.len()), (1, 1), "after {lost_after}");
        assert_eq!(ready(&object).0, "True");
        assert_eq!(status(&object).revisions.len(), 1);
    }
}

#[test]
fn the_same_creation_has_the_same_client_token_and_the_next_life_another() {
    let token = |plan: &Plan| {
        plan.steps.iter().find_map(|s| match &s.change {
            Change::CreateService { body, .. } => body["clientToken"].as_str().map(str::to_owned),
            _ => None,
        })
    };
    let (mut world, mut object) = (World::default(), web());
    let resolved = resolved(&object);
    let first = object.plan(&resolved, &world.observe(&object, &resolved), now());
    object.status = object.intent(&resolved, &world.observe(&object, &resolved), &first);
    let again = object.plan(&resolved, &world.observe(&object, &resolved), now());
    assert!(token(&first).is_some());
    assert_eq!(token(&first), token(&again));
    world.converge(&resolved, &mut object);
    world.services.clear();
    for _ in 0..2 {
        assert!(world.pass(&resolved, &mut object).steps.is_empty(), "one miss proves nothing");
    }
    let anew = object.plan(&resolved, &world.observe(&object, &resolved), now());
    assert!(token(&anew).is_some());
    assert_ne!(token(&anew), token(&first));
}

#[test]
fn deletion_removes_everything_in_order_and_then_says_so() {
    let patch = json!({"logs": {"retentionInDays": 7}, "serviceDiscovery": {"namespaceRef": {"name": "internal"}}});
    let (mut world, mut object) = settled(&patch);
    world.discoveries.values_mut().next().unwrap().instances = vec!["i-1".into()];
    world.writes.clear();
    object.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(now()));
    let resolved = resolved(&object);
    let mut passes = 0;
    while !world.pass(&resolved, &mut object).gone {
        world.settle();
        passes += 1;
        assert!(passes < 10);
    }
    let operations: Vec<_> = world.writes.iter().map(Change::operation).collect();
    let wanted = [
        "ecs:DeleteService",
        "servicediscovery:DeregisterInstance",
        "logs:DeleteLogGroup",
        "ecs:DeregisterTaskDefinition",
        "servicediscovery:DeleteService",
    ];
    assert_eq!(operations, wanted);
    assert!(world.services.values().all(|s| s.status == "INACTIVE"));
    assert!(world.discoveries.is_empty() && world.log_groups.is_empty());
}

#[test]
fn retained_resources_keep_their_tags_and_see_no_write() {
    let (mut world, mut object) = settled(&json!({"logs": {}, "deletionPolicy": "Retain"}));
    let writes = world.writes.len();
    object.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(now()));
    let resolved = resolved(&object);
    assert!(world.pass(&resolved, &mut object).gone);
    assert_eq!(world.writes.len(), writes);
}

#[test]
fn events_of_ecs_are_told_once_and_history_is_not_told() {
    let (world, object) = settled(&json!({}));
    let resolved = resolved(&object);
    let mut observed = world.observe(&object, &resolved);
    let event = |second: i64, message: &str| EventFacts {
        id: format!("{second}"),
        created_at: jiff::Timestamp::from_second(1_700_000_000 + second).unwrap(),
        message: message.into(),
    };
    observed.service.as_mut().unwrap().events = vec![
        event(
            30,
            "(service web) was unable to place a task because no container instance met all of its requirements.",
        ),
        event(20, "(service web) has reached a steady state."),
        event(20, "(service web) has reached a steady state."),
        event(-10, "(service web) has started 1 tasks: (task x)."),
    ];
    let news = object.news(&resolved, &observed);
    let told: Vec<_> = news.iter().map(|n| (n.warning, n.reason.as_str())).collect();
    assert_eq!(told, [(false, "SteadyState"), (true, "PlacementFailed")]);
    let mut later = object.clone();
    later.status = Some(object.facts(&resolved, &observed));
    assert_eq!(later.news(&resolved, &observed), []);
    let mut stranger = object.clone();
    stranger.status = None;
    assert_eq!(stranger.news(&resolved, &observed), []);
}

#[test]
fn why_tasks_stop_is_told_when_it_is_new() {
    let (world, object) = settled(&json!({}));
    let resolved = resolved(&object);
    let mut observed = world.observe(&object, &resolved);
    observed.failure =
        Some(serde_json::from_value(json!({"reason": "oops", "container": "web", "exitCode": 1, "times": 2})).unwrap());
    let news = object.news(&resolved, &observed);
    assert_eq!(news[0].message, "tasks stop: container web exited with code 1: oops (2 times)");
    let mut later = object.clone();
    later.status = Some(object.facts(&resolved, &observed));
    assert_eq!(later.news(&resolved, &observed), []);
}

#[test]
fn a_default_that_the_cluster_changes_reaches_the_service() {
    let (mut world, mut object) = settled(&json!({}));
    let mut defaults = default_defaults();
    defaults.enable_execute_command = Some(true);
    let resolved = resolved_for(&object, defaults);
    let plan = world.pass(&resolved, &mut object);
    assert_eq!(plan.steps.len(), 1);
    assert_eq!(plan.steps[0].cause, crate::plan::Cause::Spec, "the cluster asks for it, nobody drifted");
}

#[test]
fn a_restart_whose_answer_was_lost_is_not_begun_twice() {
    let (mut world, mut object) = settled(&json!({}));
    object.metadata.annotations = Some([("landbridge.dev/restarted-at".to_owned(), "now".to_owned())].into());
    let resolved = resolved(&object);
    let plan = object.plan(&resolved, &world.observe(&object, &resolved), now());
    object.status = object.intent(&resolved, &world.observe(&object, &resolved), &plan);
    world.execute(&plan);
    let deployments = world.service_deployments.len();
    // The operator dies here: the status knows what was current before, and nothing of the answer.
    world.converge(&resolved, &mut object);
    assert_eq!(world.service_deployments.len(), deployments);
    assert_eq!(ready(&object).0, "True");
}

#[test]
fn a_service_made_by_hand_is_taken_over_with_its_revision_and_nothing_but_tags_is_written() {
    let (mut world, made) = settled(&json!({}));
    world.services.values_mut().for_each(|s| s.tags.clear());
    world.revisions.values_mut().for_each(|r| {
        r.tags.clear();
        r.content = None;
    });
    let family = json!({"adoptionPolicy": "IfUnchanged", "taskDefinition": {"family": "prod-web"}});
    let mut object = patched(&made, &family);
    object.status = None;
    world.writes.clear();
    let resolved = resolved(&object);
    world.converge(&resolved, &mut object);
    assert!(world.writes.iter().all(|w| w.operation() == "ecs:TagResource"), "{:?}", world.writes);
    assert_eq!(world.writes.len(), 1);
    assert_eq!(ready(&object).0, "True");
    assert_eq!(status(&object).task_definition.as_ref().unwrap().arn, Some(revision(1)));
    assert!(status(&object).revisions.is_empty(), "a revision of others is not ours to deregister");
}

#[test]
fn an_image_change_whose_answer_was_lost_registers_and_deploys_once() {
    for lost_after in 0..3 {
        let (mut world, object) = settled(&json!({}));
        let mut next = with_image(&object, "nginx:2");
        let resolved = resolved(&next);
        let mut plan = next.plan(&resolved, &world.observe(&next, &resolved), now());
        next.status = next.intent(&resolved, &world.observe(&next, &resolved), &plan);
        plan.steps.truncate(lost_after);
        world.execute(&plan);
        world.converge(&resolved, &mut next);
        assert_eq!((world.revisions.len(), world.service_deployments.len()), (2, 2), "after {lost_after}");
        assert_eq!(ready(&next).0, "True");
    }
}

#[test]
fn a_blue_green_deployment_is_ready_when_its_service_deployment_has_succeeded() {
    let patch = json!({
        "deploymentConfiguration": {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 5},
        "loadBalancers": [{"targetGroupArn": "a", "containerName": "web", "containerPort": 80, "advancedConfiguration":
            {"alternateTargetGroupArn": "b", "productionListenerRule": "r", "roleArn": "i"}}]
    });
    let (mut world, mut object) = (World::default(), patched(&web(), &patch));
    let resolved = resolved(&object);
    world.pass(&resolved, &mut object);
    let service = world.services.get_mut(&arn("web")).unwrap();
    service.running_count = 2;
    service.deployments[0].running_count = 2;
    service.deployments[0].rollout_state = None;
    let current = service.current_service_deployment.clone().unwrap();
    world.service_deployments.get_mut(&current).unwrap().lifecycle_stage = Some("BAKE_TIME".into());
    world.pass(&resolved, &mut object);
    assert_eq!(ready(&object), ("False".into(), "RollingOut".into()));
    world.service_deployments.get_mut(&current).unwrap().status = "SUCCESSFUL".into();
    world.pass(&resolved, &mut object);
    assert_eq!(ready(&object).0, "True");
    assert_eq!(world.observe(&object, &resolved).deployment, None, "what succeeded is not looked up again");
    world.pass(&resolved, &mut object);
    assert_eq!(ready(&object).0, "True");
}
