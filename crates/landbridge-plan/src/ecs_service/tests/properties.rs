//! Properties that hold for any spec.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::*;
use super::model::{World, merge, now, patched, resolved, web};
use crate::change::Change;
use crate::plan::Cause;

/// Patches that are legal in every combination.
fn patches() -> Vec<Value> {
    vec![
        json!({"desiredCount": 3}),
        json!({"desiredCount": null}),
        json!({"enableExecuteCommand": true}),
        json!({"propagateTags": "SERVICE", "enableECSManagedTags": true}),
        json!({"tags": [{"key": "team", "value": "shop"}]}),
        json!({"platformVersion": "1.4.0"}),
        json!({"logs": {"retentionInDays": 14}}),
        json!({"serviceDiscovery": {"namespaceRef": {"name": "internal"}}}),
        json!({"serviceDiscovery": {"namespaceRef": {"name": "http"}, "description": "d", "dnsConfig": null}}),
        json!({"taskRoleRef": {"name": "app"}}),
        json!({"deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": true, "rollback": true}}}),
        json!({"deploymentConfiguration": {"minimumHealthyPercent": 50, "alarms": {"alarmNames": ["a"], "enable": true, "rollback": false}}}),
        json!({"loadBalancers": [{"targetGroupArn": "tg", "containerName": "web", "containerPort": 80}]}),
        json!({"serviceConnectConfiguration": {"enabled": true, "namespace": "n", "services": [{"portName": "http"}]}}),
        json!({"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}, {"capacityProvider": "FARGATE", "base": 1, "weight": 1}]}),
        json!({"taskDefinition": {"cpu": "1 vCPU", "memory": "2 GB", "runtimePlatform": {"cpuArchitecture": "ARM64"}}}),
        json!({"taskDefinition": {"volumes": [{"name": "data"}], "ephemeralStorage": {"sizeInGiB": 30}}}),
        json!({"serviceName": "other"}),
        json!({"revisionHistoryLimit": 1}),
        json!({"availabilityZoneRebalancing": "DISABLED", "healthCheckGracePeriodSeconds": 5}),
    ]
}

fn any_patch() -> impl Strategy<Value = Value> {
    prop::collection::vec(prop::sample::select(patches()), 0..6).prop_map(|chosen| {
        let mut all = json!({});
        for patch in &chosen {
            merge(&mut all, patch);
        }
        all
    })
}

fn settled(patch: &Value) -> (World, EcsService) {
    let (mut world, mut object) = (World::default(), patched(&web(), patch));
    world.converge(&resolved(&object.clone()), &mut object);
    (world, object)
}

/// What a change names in AWS that may belong to somebody.
fn is_owned(world: &World, change: &Change) -> bool {
    let ours =
        |tags: &crate::change::Tags| tags.get("landbridge.dev/owner").is_some_and(|o| o == "ECSService/shop/web");
    let service = |cluster: &str, name: &str| {
        let arn = super::model::account().ecs_arn(&format!("service/{cluster}/{name}"));
        world.services.get(&arn).is_some_and(|s| ours(&s.tags))
    };
    match change {
        Change::UpdateService { cluster, name, .. } | Change::DeleteService { cluster, name } => service(cluster, name),
        Change::DeregisterTaskDefinition { arn } => ours(&world.revisions[arn].tags),
        Change::UpdateDiscoveryService { id, .. } | Change::DeleteDiscoveryService { id, .. } => {
            ours(&world.discoveries[id].tags)
        }
        Change::DeleteLogGroup { name } => ours(&world.log_groups[name].tags),
        Change::Tag { arn, .. } => ours(world.clone().tags_of(arn)),
        _ => true,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_was_applied_needs_nothing_more(first in any_patch(), second in any_patch()) {
        let (mut world, object) = settled(&first);
        let mut next = patched(&object, &second);
        world.converge(&resolved(&next.clone()), &mut next);
        let resolved = resolved(&next);
        let observed = world.observe(&next, &resolved);
        let plan = next.plan(&resolved, &observed, now());
        prop_assert!(plan.is_empty(), "{:?}", plan);
        prop_assert!(matches!(next.health(&resolved, &observed, now()), Health::Healthy(_)));
    }

    #[test]
    fn the_same_world_has_the_same_plan(first in any_patch(), second in any_patch()) {
        let (world, object) = settled(&first);
        let next = patched(&object, &second);
        let resolved = resolved(&next);
        let plan = || next.plan(&resolved, &world.observe(&next, &resolved), now());
        prop_assert_eq!(plan(), plan());
        prop_assert_eq!(serde_json::to_string(&plan()).unwrap(), serde_json::to_string(&plan()).unwrap());
    }

    #[test]
    fn no_change_names_what_is_not_ours_and_nothing_goes_before_its_successor(
        first in any_patch(), second in any_patch(), strangers in any::<bool>(), deleting in any::<bool>(),
    ) {
        let (mut world, object) = settled(&first);
        if strangers {
            for tags in world.services.values_mut().map(|s| &mut s.tags).chain(world.log_groups.values_mut().map(|g| &mut g.tags)) {
                tags.remove("landbridge.dev/owner");
            }
        }
        let mut next = patched(&object, &second);
        if deleting {
            next.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(now()));
        }
        let resolved = resolved(&next);
        for _ in 0..6 {
            let observed = world.observe(&next, &resolved);
            let plan = crate::policy::filter(next.plan(&resolved, &observed, now()), &next.spec.knobs);
            for step in &plan.steps {
                prop_assert!(is_owned(&world, &step.change), "{:?}", step);
                if step.cause == Cause::Replacement && step.change.is_destructive() {
                    let healthy = matches!(next.health(&resolved, &observed, now()), Health::Healthy(_));
                    prop_assert!(healthy, "{:?} before the successor is proved", step);
                }
            }
            world.pass(&resolved, &mut next);
            world.settle();
        }
    }

    #[test]
    fn the_order_of_environment_variables_plans_nothing(
        names in prop::collection::btree_set("[A-Z]{1,6}", 1..8), seed in any::<prop::sample::Index>(),
    ) {
        let list = |names: &[String]| -> Value { names.iter().map(|n| json!({"name": n, "value": n.to_lowercase()})).collect() };
        let mut names: Vec<String> = names.into_iter().collect();
        let task = |env: Value| json!({"taskDefinition": {"containerDefinitions": [{"name": "web", "image": "i", "environment": env}]}});
        let (world, object) = settled(&task(list(&names)));
        let middle = seed.index(names.len());
        names.rotate_left(middle);
        names.reverse();
        let other = patched(&object, &task(list(&names)));
        let resolved = resolved(&other);
        prop_assert!(other.plan(&resolved, &world.observe(&other, &resolved), now()).is_empty());
    }

    #[test]
    fn any_one_field_changed_outside_is_put_back(patch in any_patch(), at in any::<prop::sample::Index>()) {
        let (mut world, mut object) = settled(&patch);
        let changes = [
            ("enableExecuteCommand", json!(true)), ("propagateTags", json!("TASK_DEFINITION")),
            ("healthCheckGracePeriodSeconds", json!(77)), ("platformVersion", json!("1.3.0")),
            ("placementConstraints", json!([{"type": "distinctInstance"}])),
            ("serviceRegistries", json!([{"registryArn": "arn:x"}])),
        ];
        let (name, value) = at.get(&changes);
        let service = world.services.values_mut().next().unwrap();
        let before = service.fields.insert((*name).to_owned(), value.clone());
        let resolved = resolved(&object);
        let plan = world.pass(&resolved, &mut object);
        let drifted = before.as_ref() != Some(value);
        prop_assert_eq!(plan.steps.len(), usize::from(drifted), "{:?}", plan);
        prop_assert!(plan.steps.iter().all(|s| s.cause == Cause::Drift));
        world.converge(&resolved, &mut object);
    }
}
