//! Plan tables of the ECS cluster.

use landbridge_api::v1alpha1::EcsCluster;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::change::{Change, Tags};
use crate::plan::Difference;
use crate::testing::{self, deleted, laws, model, outline, plan};

fn cluster(spec: &Value) -> EcsCluster {
    let object = json!({
        "apiVersion": "landbridge.dev/v1alpha1", "kind": "ECSCluster", "metadata": {"name": "prod"}, "spec": spec,
    });
    testing::object(&object.to_string())
}

/// What AWS has after the plan of that spec.
fn after(spec: &Value) -> EcsClusterObserved {
    let nothing = EcsClusterObserved::default();
    model::apply::<EcsCluster>(&nothing, &plan(&cluster(spec), &nothing))
}

fn changed(spec: &Value, change: impl FnOnce(&mut ClusterFacts)) -> EcsClusterObserved {
    let mut observed = after(spec);
    change(observed.cluster.as_mut().unwrap());
    observed
}

fn only_change(plan: &Plan) -> Value {
    assert_eq!(plan.steps.len(), 1, "{:?}", outline(plan));
    serde_json::to_value(&plan.steps[0].change).unwrap()
}

#[test]
fn a_cluster_that_is_not_there_is_created_with_everything_and_our_tags() {
    let spec = json!({
        "settings": [{"name": "containerInsights", "value": "enhanced"}],
        "capacityProviders": ["FARGATE", "FARGATE_SPOT"],
        "defaultCapacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}],
        "tags": [{"key": "team", "value": "platform"}],
    });
    assert_eq!(
        only_change(&plan(&cluster(&spec), &EcsClusterObserved::default())),
        json!({"operation": "CreateCluster", "name": "prod", "body": {
            "clusterName": "prod",
            "settings": [{"name": "containerInsights", "value": "enhanced"}],
            "capacityProviders": ["FARGATE", "FARGATE_SPOT"],
            "defaultCapacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}],
            "tags": [
                {"key": "landbridge.dev/installation", "value": "here"},
                {"key": "landbridge.dev/owner", "value": "ECSCluster/prod"},
                {"key": "team", "value": "platform"},
            ],
        }})
    );
}

#[test]
fn tags_of_the_account_are_on_the_cluster_too() {
    let mut objects = testing::shop();
    let mut account = testing::account("default");
    account.spec.default_tags = vec![landbridge_api::ecs::Tag { key: "cost".into(), value: Some("7".into()) }];
    objects.insert(account);
    let object = cluster(&json!({}));
    let plan = object.plan(&testing::resolved(&object, &objects), &EcsClusterObserved::default(), testing::now());
    let Change::CreateCluster { body, .. } = &plan.steps[0].change else { panic!("{plan:?}") };
    assert!(body["tags"].as_array().unwrap().contains(&json!({"key": "cost", "value": "7"})));
}

#[test]
fn only_the_settings_that_differ_are_updated() {
    let before = json!({
        "settings": [{"name": "containerInsights", "value": "disabled"}],
        "configuration": {"executeCommandConfiguration": {"logging": "NONE"}},
    });
    let wanted = json!({
        "settings": [{"name": "containerInsights", "value": "enabled"}],
        "configuration": {"executeCommandConfiguration": {"logging": "NONE"}},
    });
    let plan = plan(&cluster(&wanted), &after(&before));
    assert_eq!(
        only_change(&plan),
        json!({"operation": "UpdateCluster", "name": "prod", "body": {
            "cluster": "prod", "settings": [{"name": "containerInsights", "value": "enabled"}],
        }})
    );
    assert_eq!(
        plan.steps[0].differences,
        [Difference::new("settings[containerInsights].value", Some(json!("disabled")), Some(json!("enabled")))]
    );
}

#[test]
fn container_insights_that_the_spec_does_not_name_is_the_accounts_business() {
    let observed = after(&json!({"settings": [{"name": "containerInsights", "value": "enhanced"}]}));
    assert_eq!(outline(&plan(&cluster(&json!({})), &observed)), Vec::<String>::new());
}

#[test]
fn a_configuration_that_the_spec_leaves_out_goes_back_to_the_default() {
    let before = json!({"configuration": {
        "executeCommandConfiguration": {"logging": "NONE"},
        "managedStorageConfiguration": {"kmsKeyId": "k"},
    }});
    assert_eq!(
        only_change(&plan(&cluster(&json!({})), &after(&before)))["body"],
        json!({"cluster": "prod", "configuration": {
            "executeCommandConfiguration": {"logging": "DEFAULT"},
            "managedStorageConfiguration": {},
        }})
    );
}

#[test]
fn a_service_connect_namespace_that_the_spec_leaves_out_is_cleared() {
    let before = json!({"serviceConnectDefaults": {"namespace": "shop.internal"}});
    assert_eq!(
        only_change(&plan(&cluster(&json!({})), &after(&before)))["body"],
        json!({"cluster": "prod", "serviceConnectDefaults": {"namespace": ""}})
    );
}

#[test]
fn a_namespace_given_by_name_is_the_one_whose_arn_ecs_shows() {
    let spec = json!({"serviceConnectDefaults": {"namespace": "shop.internal"}});
    let other = json!({"serviceConnectDefaults": {"namespace": "blog.internal"}});
    assert_eq!(outline(&plan(&cluster(&spec), &after(&spec))), Vec::<String>::new());
    assert_eq!(outline(&plan(&cluster(&spec), &after(&other))), ["ecs:UpdateCluster ECS cluster prod <- Spec"]);
}

#[test]
fn a_namespace_whose_name_nobody_looked_up_is_as_it_was_applied() {
    let spec = json!({"serviceConnectDefaults": {"namespace": "shop.internal"}});
    let observed = changed(&spec, |c| c.service_connect_namespace = None);
    assert_eq!(outline(&plan(&laws::applied(cluster(&spec)), &observed)), Vec::<String>::new());
    assert_eq!(outline(&plan(&cluster(&spec), &observed)), ["ecs:UpdateCluster ECS cluster prod <- Spec"]);
}

#[test]
fn capacity_providers_and_their_strategy_are_replaced_together() {
    let before = json!({
        "capacityProviders": ["FARGATE", "FARGATE_SPOT"],
        "defaultCapacityProviderStrategy": [{"capacityProvider": "FARGATE"}],
    });
    let wanted = json!({
        "capacityProviders": ["FARGATE"], "defaultCapacityProviderStrategy": [{"capacityProvider": "FARGATE"}],
    });
    assert_eq!(
        only_change(&plan(&cluster(&wanted), &after(&before)))["body"],
        json!({
            "cluster": "prod",
            "capacityProviders": ["FARGATE"],
            "defaultCapacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": 0, "base": 0}],
        })
    );
}

#[test]
fn the_order_of_capacity_providers_and_a_weight_of_zero_mean_nothing() {
    let before = json!({
        "capacityProviders": ["FARGATE_SPOT", "FARGATE"],
        "defaultCapacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": 0}],
    });
    let wanted = json!({
        "capacityProviders": ["FARGATE", "FARGATE_SPOT"],
        "defaultCapacityProviderStrategy": [{"capacityProvider": "FARGATE", "base": 0}],
    });
    assert_eq!(outline(&plan(&cluster(&wanted), &after(&before))), Vec::<String>::new());
}

#[test]
fn a_change_of_capacity_providers_waits_for_the_one_before() {
    let observed = changed(&json!({}), |c| c.attachments_status = Some("UPDATE_IN_PROGRESS".into()));
    assert_eq!(outline(&plan(&cluster(&json!({"capacityProviders": ["FARGATE"]})), &observed)), ["wait Waiting"]);
    assert_eq!(outline(&plan(&cluster(&json!({})), &observed)), Vec::<String>::new());
}

#[test]
fn tags_that_the_spec_does_not_have_are_taken_away_and_those_of_aws_stay() {
    let observed = changed(&json!({}), |c| {
        c.tags.extend(Tags::from([("old".into(), "1".into()), ("aws:cloudformation:x".into(), "1".into())]));
    });
    let plan = plan(&cluster(&json!({"tags": [{"key": "team"}]})), &observed);
    let change = only_change(&plan);
    assert_eq!(change["set"], json!({"team": ""}));
    assert_eq!(change["remove"], json!(["old"]));
}

#[test]
fn a_strategy_over_a_provider_that_the_cluster_does_not_have_is_refused() {
    let spec = json!({"defaultCapacityProviderStrategy": [{"capacityProvider": "FARGATE"}]});
    let plan = plan(&cluster(&spec), &EcsClusterObserved::default());
    assert_eq!(outline(&plan), ["blocked InvalidSpec"]);
    assert!(plan.blocked[0].message.contains("FARGATE, which is not in spec.capacityProviders"));
}

#[test]
fn an_object_name_that_ecs_does_not_take_asks_for_a_cluster_name() {
    let mut object = cluster(&json!({}));
    object.metadata.name = Some("prod.eu".into());
    let refused = plan(&object, &EcsClusterObserved::default());
    assert_eq!(outline(&refused), ["blocked InvalidSpec"]);
    assert!(refused.blocked[0].message.contains("set spec.clusterName"));
    object.spec.cluster_name = Some("prod-eu".into());
    assert_eq!(
        outline(&plan(&object, &EcsClusterObserved::default())),
        ["ecs:CreateCluster ECS cluster prod-eu <- Spec"]
    );
}

#[test]
fn a_cluster_that_failed_is_refused_until_its_capacity_providers_change() {
    let observed = changed(&json!({}), |c| c.status = "FAILED".into());
    assert_eq!(outline(&plan(&cluster(&json!({})), &observed)), ["blocked RefusedByAWS"]);
    assert_eq!(
        outline(&plan(&cluster(&json!({"capacityProviders": ["FARGATE"]})), &observed)),
        ["ecs:PutClusterCapacityProviders ECS cluster prod <- Spec"]
    );
}

#[test]
fn a_cluster_on_its_way_is_waited_for() {
    for status in ["PROVISIONING", "DEPROVISIONING"] {
        let observed = changed(&json!({}), |c| c.status = status.into());
        assert_eq!(outline(&plan(&cluster(&json!({"tags": [{"key": "a"}]})), &observed)), ["wait Waiting"]);
    }
}

#[test]
fn a_cluster_of_another_object_is_a_conflict_that_names_it() {
    let observed = changed(&json!({}), |c| {
        c.tags.insert("landbridge.dev/owner".into(), "ECSCluster/other".into());
    });
    let plan = plan(&cluster(&json!({"adoptionPolicy": "Always"})), &observed);
    assert_eq!(outline(&plan), ["blocked OwnershipConflict"]);
    assert!(plan.blocked[0].message.contains("ECSCluster/other"));
}

#[test]
fn an_adoption_that_would_change_something_is_refused_and_says_what() {
    let observed = changed(&json!({"capacityProviders": ["FARGATE"]}), |c| c.tags.clear());
    let plan = plan(&cluster(&json!({"adoptionPolicy": "IfUnchanged"})), &observed);
    assert_eq!(outline(&plan), ["blocked AdoptionDiffers"]);
    assert!(plan.blocked[0].message.contains(r#"capacityProviders: ["FARGATE"] -> (none)"#), "{:?}", plan.blocked);
}

#[test]
fn an_adoption_keeps_the_users_tags_for_a_step_of_their_own() {
    let observed = changed(&json!({}), |c| c.tags = Tags::from([("old".into(), "1".into())]));
    assert_eq!(
        outline(&plan(&cluster(&json!({"adoptionPolicy": "Always", "tags": [{"key": "team"}]})), &observed)),
        [
            "ecs:TagResource tags of arn:aws:ecs:eu-central-1:111122223333:cluster/prod <- Adoption",
            "ecs:TagResource tags of arn:aws:ecs:eu-central-1:111122223333:cluster/prod <- Spec after adopt",
        ]
    );
}

#[test]
fn a_cluster_that_somebody_deleted_is_made_again_as_drift() {
    let plan = plan(&laws::applied(cluster(&json!({}))), &EcsClusterObserved::default());
    assert_eq!(outline(&plan), ["ecs:CreateCluster ECS cluster prod <- Drift"]);
    assert_eq!(plan.drift, [Difference::new("clusterName", None, Some(json!("prod")))]);
}

#[test]
fn deletion_waits_for_services_of_kubernetes_and_then_for_those_in_ecs() {
    let object = deleted(cluster(&json!({})));
    let waiting = plan(&object, &after(&json!({})));
    assert_eq!(outline(&waiting), ["wait InUse"]);
    assert_eq!(waiting.waits[0].message, "ECS cluster prod is still used by ECSService shop/web");

    let without = crate::objects::Snapshot { ecs_services: std::collections::BTreeMap::new(), ..testing::shop() };
    let resolved = testing::resolved(&object, &without);
    let plan = |observed: &EcsClusterObserved| object.plan(&resolved, observed, testing::now());
    assert_eq!(outline(&plan(&changed(&json!({}), |c| c.active_services = 1))), ["wait InUse"]);
    assert_eq!(outline(&plan(&changed(&json!({}), |c| c.running_tasks = 3))), ["wait InUse"]);
    assert_eq!(outline(&plan(&changed(&json!({}), |c| c.status = "DEPROVISIONING".into()))), ["wait Deleting"]);
    assert_eq!(outline(&plan(&after(&json!({})))), ["ecs:DeleteCluster ECS cluster prod <- Deletion"]);
    assert_eq!(outline(&plan(&EcsClusterObserved::default())), ["gone"]);
}

#[test]
fn a_retained_cluster_stays_as_it_is() {
    let without = crate::objects::Snapshot { ecs_services: std::collections::BTreeMap::new(), ..testing::shop() };
    let object = deleted(cluster(&json!({"deletionPolicy": "Retain"})));
    let plan = object.plan(&testing::resolved(&object, &without), &after(&json!({})), testing::now());
    assert_eq!(outline(&plan), ["gone"]);
}

#[test]
fn an_invalid_spec_does_not_stand_in_the_way_of_deletion() {
    let without = crate::objects::Snapshot { ecs_services: std::collections::BTreeMap::new(), ..testing::shop() };
    let object = deleted(cluster(&json!({"clusterName": "not valid"})));
    let plan = object.plan(&testing::resolved(&object, &without), &EcsClusterObserved::default(), testing::now());
    assert_eq!(outline(&plan), ["gone"]);
}

#[test]
fn health_is_what_ecs_says() {
    let object = cluster(&json!({}));
    let resolved = testing::resolved(&object, &testing::shop());
    let health = |observed: &EcsClusterObserved| object.health(&resolved, observed, testing::now());
    assert_eq!(health(&after(&json!({}))), Health::Healthy("ECS cluster prod is ACTIVE".into()));
    assert!(matches!(health(&EcsClusterObserved::default()), Health::Progressing { .. }));
    assert!(matches!(health(&changed(&json!({}), |c| c.status = "FAILED".into())), Health::Failed { .. }));
    let updating = changed(&json!({}), |c| c.attachments_status = Some("UPDATE_IN_PROGRESS".into()));
    assert!(matches!(health(&updating), Health::Progressing { .. }));
}

#[test]
fn facts_are_what_is_observed() {
    let object = cluster(&json!({}));
    let resolved = testing::resolved(&object, &testing::shop());
    let observed = changed(&json!({}), |c| (c.active_services, c.running_tasks) = (3, 12));
    let facts = object.facts(&resolved, &observed);
    assert_eq!(facts.cluster_arn.as_deref(), Some("arn:aws:ecs:eu-central-1:111122223333:cluster/prod"));
    assert_eq!((facts.active_services, facts.running_tasks), (Some(3), Some(12)));
    assert_eq!(object.facts(&resolved, &EcsClusterObserved::default()), EcsClusterStatus::default());
}

#[test]
fn an_account_that_is_not_there_is_named() {
    let object = cluster(&json!({"accountRef": {"name": "nowhere"}}));
    let Err(Unmet::Blocked(blocked)) = object.resolve(&testing::shop()) else { panic!("resolved") };
    assert!(blocked.message.contains("AWSAccount nowhere"), "{}", blocked.message);
}

/// Specs that ECS would take.
fn spec() -> impl Strategy<Value = Value> {
    let insights = prop::option::of(prop::sample::select(vec!["enabled", "disabled", "enhanced"]));
    let logging = prop::option::of(prop::sample::select(vec!["DEFAULT", "NONE", "OVERRIDE"]));
    let storage = prop::option::of("key-[a-c]");
    let namespace = prop::option::of(r"(shop|blog)\.internal");
    let providers = prop::sample::subsequence(vec!["FARGATE", "FARGATE_SPOT", "big"], 0..=3).prop_shuffle();
    let tags = prop::collection::btree_map("[a-c]", "[x-z]?", 0..3);
    (insights, logging, storage, namespace, providers, tags, any::<bool>()).prop_map(
        |(insights, logging, storage, namespace, providers, tags, strategy)| {
            let mut spec = json!({
                "capacityProviders": providers,
                "tags": tags.iter().map(|(k, v)| json!({"key": k, "value": v})).collect::<Value>(),
            });
            if let Some(value) = insights {
                spec["settings"] = json!([{"name": "containerInsights", "value": value}]);
            }
            if let Some(logging) = logging {
                spec["configuration"]["executeCommandConfiguration"] = json!({"logging": logging});
            }
            if let Some(key) = storage {
                spec["configuration"]["managedStorageConfiguration"] = json!({"kmsKeyId": key});
            }
            if let Some(namespace) = namespace {
                spec["serviceConnectDefaults"] = json!({"namespace": namespace});
            }
            if strategy {
                let big = providers.contains(&"big");
                let items = providers
                    .iter()
                    .filter(|p| (**p == "big") == big)
                    .map(|p| json!({"capacityProvider": p, "weight": p.len()}));
                spec["defaultCapacityProviderStrategy"] = items.collect();
            }
            spec
        },
    )
}

proptest! {
    #![proptest_config(laws::cases())]

    #[test]
    fn a_second_pass_plans_nothing(before in spec(), after in spec()) {
        laws::a_second_pass_plans_nothing(&cluster(&before), &cluster(&after));
    }

    #[test]
    fn what_others_changed_is_drift(before in spec(), after in spec()) {
        laws::what_others_changed_is_drift(&cluster(&before), &cluster(&after));
    }

    #[test]
    fn adoption_follows_its_policy(before in spec(), after in spec()) {
        laws::adoption_follows_its_policy(&cluster(&before), &cluster(&after));
    }

    #[test]
    fn deletion_ends_with_nothing(spec in spec()) {
        laws::deletion_ends_with_nothing(&cluster(&spec));
    }
}
