//! Plan tables of the capacity providers that a cluster defines.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use landbridge_api::condition;
use landbridge_api::v1alpha1::EcsCluster;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::change::Change;
use crate::objects::Snapshot;
use crate::testing::{self, deleted, laws, model, outline, plan};

fn cluster(spec: &Value) -> EcsCluster {
    let object = json!({
        "apiVersion": "landbridge.dev/v1alpha1", "kind": "ECSCluster", "metadata": {"name": "prod"}, "spec": spec,
    });
    testing::object(&object.to_string())
}

/// A provider of an Auto Scaling group, scaled to that use.
fn scaled(name: &str, target: i32) -> Value {
    let arn =
        format!("arn:aws:autoscaling:eu-central-1:111122223333:autoScalingGroup:1:autoScalingGroupName/{name}-group");
    let scaling = json!({"status": "ENABLED", "targetCapacity": target});
    json!({"name": name, "autoScalingGroupProvider": {"autoScalingGroupArn": arn, "managedScaling": scaling}})
}

fn managed(requirements: &Value) -> Value {
    let template = json!({
        "ec2InstanceProfileArn": "arn:aws:iam::111122223333:instance-profile/ecsInstanceRole",
        "networkConfiguration": {"subnets": ["subnet-b", "subnet-a"]},
        "instanceRequirements": requirements,
    });
    let role = "arn:aws:iam::111122223333:role/ecsInfra";
    json!({"name": "big", "managedInstancesProvider": {"infrastructureRoleArn": role, "instanceLaunchTemplate": template}})
}

fn small() -> Value {
    json!({"vCpuCount": {"min": 2}, "memoryMiB": {"min": 4096}})
}

fn with(definitions: &Value) -> Value {
    json!({"capacityProviders": ["FARGATE"], "capacityProviderDefinitions": definitions})
}

/// What AWS has when passes over that spec have come to rest.
fn after(spec: &Value) -> EcsClusterObserved {
    settle(&cluster(spec), EcsClusterObserved::default())
}

/// What AWS has when passes have come to rest; they must within a few.
#[track_caller]
fn settle(object: &EcsCluster, mut world: EcsClusterObserved) -> EcsClusterObserved {
    for _ in 0..5 {
        let pass = plan(object, &world);
        assert_eq!(pass.blocked, [], "{:?}", outline(&pass));
        if pass.is_empty() {
            return world;
        }
        world = model::apply::<EcsCluster>(&world, &pass);
    }
    panic!("passes do not come to rest: {:?}", outline(&plan(object, &world)));
}

fn changed(spec: &Value, name: &str, change: impl FnOnce(&mut CapacityProviderFacts)) -> EcsClusterObserved {
    let mut observed = after(spec);
    change(observed.providers.get_mut(name).unwrap());
    observed
}

fn body_of<'a>(plan: &'a Plan, id: &str) -> &'a Value {
    static NONE: Value = Value::Null;
    let step = plan.steps.iter().find(|s| s.id == id);
    let body = step.map(|s| match &s.change {
        Change::CreateCapacityProvider { body, .. }
        | Change::UpdateCapacityProvider { body, .. }
        | Change::CreateCluster { body, .. }
        | Change::PutClusterCapacityProviders { body, .. } => Value::Object(body.clone()),
        other => panic!("{other:?}"),
    });
    body.map_or(&NONE, |b| Box::leak(Box::new(b)))
}

#[test]
fn one_with_a_group_is_made_before_the_cluster_that_names_it() {
    let mut spec = with(&json!([scaled("spare", 90)]));
    spec["defaultCapacityProviderStrategy"] = json!([{"capacityProvider": "spare", "weight": 1}]);
    let plan = plan(&cluster(&spec), &EcsClusterObserved::default());
    assert_eq!(
        outline(&plan),
        [
            "ecs:CreateCapacityProvider capacity provider spare <- Spec",
            "ecs:CreateCluster ECS cluster prod <- Spec after provider/spare",
        ]
    );
    let body = body_of(&plan, "provider/spare");
    assert_eq!(body["autoScalingGroupProvider"], scaled("spare", 90)["autoScalingGroupProvider"]);
    let tags = json!([
        {"key": "landbridge.dev/installation", "value": "here"},
        {"key": "landbridge.dev/owner", "value": "ECSCluster/prod"},
    ]);
    assert_eq!((&body["name"], &body["tags"], body.get("cluster")), (&json!("spare"), &tags, None));
    let cluster = body_of(&plan, "cluster");
    assert_eq!(cluster["capacityProviders"], json!(["FARGATE", "spare"]));
    assert_eq!(cluster["defaultCapacityProviderStrategy"], spec["defaultCapacityProviderStrategy"]);
    assert_eq!(cluster.get("capacityProviderDefinitions"), None);
}

#[test]
fn managed_instances_are_made_in_a_cluster_that_is_there_and_never_attached_to_it() {
    let mut spec = with(&json!([managed(&small())]));
    spec["defaultCapacityProviderStrategy"] = json!([{"capacityProvider": "big"}]);
    let object = cluster(&spec);
    let first = plan(&object, &EcsClusterObserved::default());
    assert_eq!(
        outline(&first),
        [
            "ecs:CreateCluster ECS cluster prod <- Spec",
            "ecs:CreateCapacityProvider capacity provider big <- Spec after cluster",
            "wait Waiting",
        ]
    );
    assert!(first.waits[0].message.contains("when capacity provider big is ACTIVE"), "{:?}", first.waits);
    assert_eq!(body_of(&first, "cluster")["capacityProviders"], json!(["FARGATE"]));
    assert_eq!(body_of(&first, "provider/big")["cluster"], "prod");
    // Until it is ACTIVE the strategy cannot name it.
    let mut world = model::apply::<EcsCluster>(&EcsClusterObserved::default(), &first);
    let big = world.providers.get_mut("big").unwrap();
    (big.status, big.update_status) = ("PROVISIONING".into(), Some("CREATE_IN_PROGRESS".into()));
    assert_eq!(outline(&plan(&object, &world)), ["wait Waiting"]);
    let health = object.health(&testing::resolved(&object, &testing::shop()), &world, testing::now());
    assert!(matches!(health, Health::Progressing { message, .. } if message.contains("capacity provider big")));
    let big = world.providers.get_mut("big").unwrap();
    (big.status, big.update_status) = ("ACTIVE".into(), Some("CREATE_COMPLETE".into()));
    let then = plan(&object, &world);
    assert_eq!(outline(&then), ["ecs:PutClusterCapacityProviders ECS cluster prod <- Spec"]);
    assert_eq!(body_of(&then, "capacity-providers")["capacityProviders"], json!(["FARGATE"]));
    world = model::apply::<EcsCluster>(&world, &then);
    assert!(plan(&object, &world).is_empty());
    // ECS may show it among those of the cluster.
    world.cluster.as_mut().unwrap().fields["capacityProviders"] = json!(["FARGATE", "big"]);
    assert!(plan(&object, &world).is_empty());
}

#[test]
fn a_cluster_that_is_there_gets_a_new_one_in_one_pass() {
    let plan = plan(&cluster(&with(&json!([scaled("spare", 90)]))), &after(&with(&json!([]))));
    assert_eq!(
        outline(&plan),
        [
            "ecs:CreateCapacityProvider capacity provider spare <- Spec",
            "ecs:PutClusterCapacityProviders ECS cluster prod <- Spec after provider/spare",
        ]
    );
    assert_eq!(body_of(&plan, "capacity-providers")["capacityProviders"], json!(["FARGATE", "spare"]));
}

#[test]
fn an_update_carries_the_members_that_differ_and_says_what() {
    let mut wanted = scaled("spare", 75);
    wanted["autoScalingGroupProvider"]["managedDraining"] = json!("ENABLED");
    let plan = plan(&cluster(&with(&json!([wanted]))), &after(&with(&json!([scaled("spare", 90)]))));
    assert_eq!(outline(&plan), ["ecs:UpdateCapacityProvider capacity provider spare <- Spec"]);
    let scaling = json!({"status": "ENABLED", "targetCapacity": 75, "minimumScalingStepSize": 1,
        "maximumScalingStepSize": 10000, "instanceWarmupPeriod": 300});
    assert_eq!(
        *body_of(&plan, "provider/spare"),
        json!({"name": "spare", "autoScalingGroupProvider": {"managedScaling": scaling}})
    );
    let paths: Vec<&str> = plan.steps[0].differences.iter().map(|d| d.path.as_str()).collect();
    assert_eq!(paths, ["capacityProviderDefinitions[spare].autoScalingGroupProvider.managedScaling.targetCapacity"]);
}

#[test]
fn defaults_the_name_of_a_group_and_how_it_would_be_scaled_are_no_differences() {
    let spec = with(&json!([{"name": "spare", "autoScalingGroupProvider": {"autoScalingGroupArn": "g/1"}}]));
    let observed = changed(&spec, "spare", |p| {
        let scaling = json!({"status": "DISABLED", "targetCapacity": 100, "instanceWarmupPeriod": 0});
        let arn = "arn:aws:autoscaling:eu-central-1:111122223333:autoScalingGroup:1:autoScalingGroupName/g/1";
        p.fields["autoScalingGroupProvider"] = json!({"autoScalingGroupArn": arn, "managedScaling": scaling,
            "managedTerminationProtection": "DISABLED", "managedDraining": "ENABLED"});
    });
    assert_eq!(outline(&plan(&cluster(&spec), &observed)), Vec::<String>::new());
}

#[test]
fn what_ecs_fills_in_for_managed_instances_is_no_difference_and_what_others_change_is() {
    let spec = with(&json!([managed(&small())]));
    let mut observed = changed(&spec, "big", |p| {
        let template = &mut p.fields["managedInstancesProvider"]["instanceLaunchTemplate"];
        template["storageConfiguration"] = json!({"storageSizeGiB": 80});
        template["instanceRequirements"]["bareMetal"] = json!("excluded");
        template["instanceRequirements"]["instanceGenerations"] = json!(["current"]);
    });
    let object = laws::applied(cluster(&spec));
    assert_eq!(outline(&plan(&object, &observed)), Vec::<String>::new());
    let big = observed.providers.get_mut("big").unwrap();
    big.fields["managedInstancesProvider"]["instanceLaunchTemplate"]["monitoring"] = json!("DETAILED");
    let drift = plan(&object, &observed);
    assert_eq!(outline(&drift), ["ecs:UpdateCapacityProvider capacity provider big <- Drift"]);
    assert_eq!(drift.drift.len(), 1);
    let body = body_of(&drift, "provider/big");
    assert_eq!(body["cluster"], "prod");
    let sent = &body["managedInstancesProvider"];
    assert_eq!(sent["infrastructureRoleArn"], "arn:aws:iam::111122223333:role/ecsInfra");
    assert_eq!(sent["instanceLaunchTemplate"]["monitoring"], "BASIC");
    assert_eq!(sent["instanceLaunchTemplate"].get("capacityOptionType"), None, "ECS does not take it in an update");
    assert_eq!(sent.get("propagateTags"), None);
}

#[test]
fn what_is_taken_out_of_managed_instances_is_sent_once() {
    let mut wide = small();
    wide["excludedInstanceTypes"] = json!(["m5.*"]);
    let world = after(&with(&json!([managed(&wide)])));
    let object = cluster(&with(&json!([managed(&small())])));
    let pass = plan(&object, &world);
    assert_eq!(
        outline(&pass),
        [
            "ecs:UpdateCapacityProvider capacity provider big <- Spec",
            "ecs:TagResource tags of arn:aws:ecs:eu-central-1:111122223333:capacity-provider/big <- Spec after provider/big",
        ]
    );
    assert!(pass.steps[0].differences[0].path.ends_with("excludedInstanceTypes"), "{:?}", pass.steps[0].differences);
    settle(&object, world);
}

#[test]
fn one_that_is_not_defined_any_more_is_detached_and_then_deleted() {
    let (before, object) = (with(&json!([scaled("spare", 90)])), cluster(&with(&json!([]))));
    let detach = plan(&object, &after(&before));
    assert_eq!(outline(&detach), ["ecs:PutClusterCapacityProviders ECS cluster prod <- Spec", "wait Waiting"]);
    let mut world = model::apply::<EcsCluster>(&after(&before), &detach);
    world.cluster.as_mut().unwrap().attachments_status = Some("UPDATE_IN_PROGRESS".into());
    assert_eq!(outline(&plan(&object, &world)), ["wait Waiting"]);
    world.cluster.as_mut().unwrap().attachments_status = Some("UPDATE_COMPLETE".into());
    assert_eq!(outline(&plan(&object, &world)), ["ecs:DeleteCapacityProvider capacity provider spare <- Spec"]);
    let spare = world.providers.get_mut("spare").unwrap();
    (spare.status, spare.update_status) = ("DEPROVISIONING".into(), Some("DELETE_IN_PROGRESS".into()));
    assert_eq!(outline(&plan(&object, &world)), ["wait Deleting"]);
    world.providers.clear();
    assert!(plan(&object, &world).is_empty());
}

#[test]
fn retain_leaves_one_that_is_not_defined_any_more() {
    let mut spec = with(&json!([]));
    spec["deletionPolicy"] = json!("Retain");
    let world = settle(&cluster(&spec), after(&with(&json!([scaled("spare", 90)]))));
    assert!(world.providers.contains_key("spare"));
}

#[test]
fn one_of_somebody_else_is_used_and_left_alone() {
    let spec = json!({"capacityProviders": ["FARGATE", "theirs"]});
    let mut world = after(&spec);
    let theirs = CapacityProviderFacts { name: "theirs".into(), status: "ACTIVE".into(), ..Default::default() };
    world.providers.insert("theirs".into(), theirs);
    assert!(plan(&cluster(&spec), &world).is_empty());
    assert_eq!(
        outline(&plan(&cluster(&with(&json!([]))), &world)),
        ["ecs:PutClusterCapacityProviders ECS cluster prod <- Spec"]
    );
}

#[test]
fn a_name_that_is_taken_follows_the_adoption_policy() {
    let spec = with(&json!([scaled("spare", 90)]));
    let with_policy = |policy: &str| {
        let mut spec = spec.clone();
        spec["adoptionPolicy"] = json!(policy);
        cluster(&spec)
    };
    let free = changed(&spec, "spare", |p| p.tags.clear());
    assert_eq!(outline(&plan(&cluster(&spec), &free)), ["blocked NameTaken"]);
    let adopted = plan(&with_policy("IfUnchanged"), &free);
    assert_eq!(
        outline(&adopted),
        ["ecs:TagResource tags of arn:aws:ecs:eu-central-1:111122223333:capacity-provider/spare <- Adoption"]
    );
    let world = model::apply::<EcsCluster>(&free, &adopted);
    assert!(plan(&with_policy("IfUnchanged"), &world).is_empty());
    let mut other = free.clone();
    let group = &mut other.providers.get_mut("spare").unwrap().fields["autoScalingGroupProvider"];
    group["managedScaling"]["targetCapacity"] = json!(50);
    assert_eq!(outline(&plan(&with_policy("IfUnchanged"), &other)), ["blocked AdoptionDiffers"]);
    let always = plan(&with_policy("Always"), &other);
    assert_eq!(outline(&always)[1], "ecs:UpdateCapacityProvider capacity provider spare <- Spec after adopt/spare");
    let theirs = changed(&spec, "spare", |p| {
        p.tags.insert("landbridge.dev/owner".into(), "ECSCluster/other".into());
    });
    assert_eq!(outline(&plan(&with_policy("Always"), &theirs)), ["blocked OwnershipConflict"]);
}

#[test]
fn what_ecs_cannot_change_is_refused_and_says_what_to_do() {
    let mut other = scaled("spare", 90);
    other["autoScalingGroupProvider"]["autoScalingGroupArn"] = json!("another-group");
    let refused = plan(&cluster(&with(&json!([other]))), &after(&with(&json!([scaled("spare", 90)]))));
    assert_eq!(outline(&refused), ["blocked ImmutableField"]);
    assert!(refused.blocked[0].message.contains("cannot change autoScalingGroupArn of capacity provider spare"));
    let mut spot = managed(&small());
    spot["managedInstancesProvider"]["instanceLaunchTemplate"]["capacityOptionType"] = json!("SPOT");
    let refused = plan(&cluster(&with(&json!([spot]))), &after(&with(&json!([managed(&small())]))));
    assert_eq!(outline(&refused), ["blocked ImmutableField"]);
    let elsewhere = changed(&with(&json!([managed(&small())])), "big", |p| p.cluster = Some("test".into()));
    let refused = plan(&cluster(&with(&json!([managed(&small())]))), &elsewhere);
    assert!(refused.blocked[0].message.contains("belongs to ECS cluster test"), "{:?}", refused.blocked);
}

#[test]
fn a_group_is_given_to_another_name_when_the_old_one_is_gone() {
    let before = with(&json!([scaled("old", 90)]));
    let mut new = scaled("old", 90);
    new["name"] = json!("new");
    let mut spec = with(&json!([new]));
    spec["defaultCapacityProviderStrategy"] = json!([{"capacityProvider": "new"}]);
    let object = cluster(&spec);
    let first = plan(&object, &after(&before));
    assert_eq!(first.steps.len(), 1, "{:?}", outline(&first));
    assert_eq!(body_of(&first, "capacity-providers")["capacityProviders"], json!(["FARGATE"]));
    assert!(first.waits.iter().any(|w| w.message.contains("new is made when old is gone")), "{:?}", first.waits);
    let world = settle(&object, after(&before));
    assert_eq!(world.providers.keys().collect::<Vec<_>>(), ["new"]);
    let fields = &world.cluster.unwrap().fields;
    assert_eq!(fields["defaultCapacityProviderStrategy"][0]["capacityProvider"], "new");
}

#[test]
fn a_change_that_ecs_gave_up_is_told_and_tried_again_when_there_is_a_reason() {
    let spec = with(&json!([scaled("spare", 75)]));
    let mut world = after(&with(&json!([scaled("spare", 90)])));
    let spare = world.providers.get_mut("spare").unwrap();
    spare.update_status = Some("UPDATE_FAILED".into());
    spare.update_status_reason = Some("an internal error".into());
    let mut object = cluster(&spec);
    object.metadata.generation = Some(2);
    let update = ["ecs:UpdateCapacityProvider capacity provider spare <- Spec"];
    assert_eq!(outline(&plan(&object, &world)), update, "nobody has tried this spec");
    let stalled_at = testing::now();
    let status = object.status.get_or_insert_default();
    status.common.observed_generation = Some(2);
    status.common.conditions =
        vec![condition::condition(condition::STALLED, true, reason::REFUSED_BY_AWS, String::new(), 2, stalled_at)];
    let refused = plan(&object, &world);
    assert_eq!(outline(&refused), ["blocked RefusedByAWS"]);
    assert!(refused.blocked[0].message.contains("spare: an internal error"), "{:?}", refused.blocked);
    let mut asked = object.clone();
    asked.metadata.annotations = Some([("landbridge.dev/reconcile-now".to_owned(), "1".to_owned())].into());
    assert_eq!(outline(&plan(&asked, &world)), update);
    let stalled = &mut object.status.as_mut().unwrap().common.conditions[0];
    stalled.last_transition_time = Time(stalled_at - Duration::from_mins(10));
    assert_eq!(outline(&plan(&object, &world)), update);
    // A failed change that left nothing to change is over.
    assert!(plan(&cluster(&with(&json!([scaled("spare", 90)]))), &world).is_empty());
}

#[test]
fn one_that_ecs_could_not_make_is_told_with_its_reason() {
    let spec = with(&json!([managed(&small())]));
    let observed = changed(&spec, "big", |p| {
        p.update_status = Some("CREATE_FAILED".into());
        p.update_status_reason = Some("the role cannot be assumed".into());
    });
    let refused = plan(&cluster(&spec), &observed);
    assert_eq!(outline(&refused), ["blocked RefusedByAWS"]);
    assert!(refused.blocked[0].message.contains("big: the role cannot be assumed"), "{:?}", refused.blocked);
}

#[test]
fn what_somebody_deleted_is_made_again_and_what_is_moving_is_waited_for() {
    let spec = with(&json!([scaled("spare", 90)]));
    let mut gone = after(&spec);
    gone.providers.clear();
    let again = plan(&laws::applied(cluster(&spec)), &gone);
    assert_eq!(outline(&again), ["ecs:CreateCapacityProvider capacity provider spare <- Drift"]);
    assert_eq!(again.drift[0].path, "capacityProviderDefinitions[spare]");
    let moving = changed(&spec, "spare", |p| p.update_status = Some("UPDATE_IN_PROGRESS".into()));
    assert!(plan(&cluster(&spec), &moving).is_empty());
    assert_eq!(outline(&plan(&cluster(&with(&json!([scaled("spare", 75)]))), &moving)), ["wait Waiting"]);
}

#[test]
fn tags_of_a_provider_are_its_own_and_the_accounts() {
    let mut tagged = scaled("spare", 90);
    tagged["tags"] = json!([{"key": "team", "value": "shop"}]);
    let plan = plan(&cluster(&with(&json!([tagged]))), &after(&with(&json!([scaled("spare", 90)]))));
    assert_eq!(
        outline(&plan),
        ["ecs:TagResource tags of arn:aws:ecs:eu-central-1:111122223333:capacity-provider/spare <- Spec"]
    );
    assert_eq!(plan.steps[0].differences[0].path, "capacityProviderDefinitions[spare].tags[team]");
}

#[test]
fn a_deleted_cluster_takes_its_providers_with_it_in_the_order_that_ecs_wants() {
    let mut spec = with(&json!([scaled("spare", 90), managed(&small())]));
    spec["defaultCapacityProviderStrategy"] = json!([{"capacityProvider": "big"}]);
    let object = deleted(cluster(&spec));
    let without = Snapshot { ecs_services: std::collections::BTreeMap::new(), ..testing::shop() };
    let resolved = testing::resolved(&object, &without);
    let pass = |world: &EcsClusterObserved| object.plan(&resolved, world, testing::now());
    let mut world = after(&spec);
    let mut said = Vec::new();
    for _ in 0..5 {
        let plan = pass(&world);
        said.extend(outline(&plan));
        world = model::apply::<EcsCluster>(&world, &plan);
    }
    assert_eq!(
        said,
        [
            "ecs:PutClusterCapacityProviders ECS cluster prod <- Deletion",
            "ecs:DeleteCapacityProvider capacity provider big <- Deletion",
            "ecs:DeleteCluster ECS cluster prod <- Deletion",
            "ecs:DeleteCapacityProvider capacity provider spare <- Deletion",
            "gone",
        ]
    );
}

#[test]
fn a_deleted_cluster_leaves_providers_that_are_not_its_own() {
    let object = deleted(cluster(&with(&json!([scaled("spare", 90)]))));
    let without = Snapshot { ecs_services: std::collections::BTreeMap::new(), ..testing::shop() };
    let mut world = changed(&with(&json!([scaled("spare", 90)])), "spare", |p| p.tags.clear());
    world.cluster = None;
    let plan = object.plan(&testing::resolved(&object, &without), &world, testing::now());
    assert_eq!(outline(&plan), ["gone"]);
}

#[test]
fn names_that_are_about_to_be_made_are_stored_first_and_what_is_there_is_told() {
    let spec = with(&json!([scaled("spare", 90)]));
    let object = cluster(&spec);
    let resolved = testing::resolved(&object, &testing::shop());
    let intent = object
        .intent(&resolved, &EcsClusterObserved::default(), &plan(&object, &EcsClusterObserved::default()))
        .unwrap();
    assert_eq!(intent.capacity_providers[0].name, "spare");
    let told = object.facts(&resolved, &after(&spec)).capacity_providers;
    assert_eq!((told.len(), told[0].status.as_deref()), (1, Some("ACTIVE")));
    let mut known = object.clone();
    known.status = Some(intent);
    assert_eq!(
        known.intent(&resolved, &EcsClusterObserved::default(), &plan(&object, &EcsClusterObserved::default())),
        None,
        "it is stored already"
    );
}

#[test]
fn a_strategy_may_name_what_the_cluster_defines_and_nothing_that_nobody_has() {
    let mut spec = with(&json!([scaled("spare", 90)]));
    spec["defaultCapacityProviderStrategy"] = json!([{"capacityProvider": "spare"}, {"capacityProvider": "none"}]);
    let refused = plan(&cluster(&spec), &EcsClusterObserved::default());
    assert_eq!(outline(&refused), ["blocked InvalidSpec"]);
    assert!(refused.blocked[0].message.contains("names none"), "{:?}", refused.blocked);
}

#[test]
fn a_strategy_does_not_mix_fargate_with_instances() {
    let mut spec = with(&json!([scaled("spare", 90)]));
    spec["defaultCapacityProviderStrategy"] = json!([{"capacityProvider": "spare"}, {"capacityProvider": "FARGATE"}]);
    let refused = plan(&cluster(&spec), &EcsClusterObserved::default());
    assert_eq!(outline(&refused), ["blocked InvalidSpec"]);
    assert!(refused.blocked[0].message.contains("names FARGATE and spare"), "{:?}", refused.blocked);
}

/// Specs with any of three providers, two of which exchange their group.
fn spec() -> impl Strategy<Value = Value> {
    let names = prop::sample::subsequence(vec!["spare", "old", "big"], 0..=3);
    (names, 1..=100, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(names, target, swap, wide, strategy)| {
        let definition = |name: &str| match name {
            "big" if wide => {
                managed(&json!({"vCpuCount": {"min": 2}, "memoryMiB": {"min": 1}, "cpuManufacturers": ["amd"]}))
            }
            "big" => managed(&small()),
            "old" if swap => {
                let mut new = scaled("old", target);
                new["name"] = json!("new");
                new
            }
            name => scaled(name, target),
        };
        let definitions: Vec<Value> = names.iter().map(|n| definition(n)).collect();
        let mut spec = with(&json!(definitions));
        if let (true, Some(first)) = (strategy, definitions.first()) {
            spec["defaultCapacityProviderStrategy"] = json!([{"capacityProvider": first["name"]}]);
        }
        spec
    })
}

proptest! {
    #![proptest_config(laws::cases())]

    #[test]
    fn passes_come_to_rest_from_any_spec_to_any_other(before in spec(), wanted in spec()) {
        let object = cluster(&wanted);
        let world = settle(&object, after(&before));
        let second = plan(&laws::applied(object.clone()), &world);
        prop_assert!(second.is_empty() && second.drift.is_empty(), "{:?}", outline(&second));
        let names: Vec<&str> = object.spec.capacity_provider_definitions.iter().map(|d| d.name.as_str()).collect();
        prop_assert_eq!(world.providers.len(), names.len());
    }
}
