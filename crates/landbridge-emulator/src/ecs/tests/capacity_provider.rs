//! Capacity providers: how they move, and what is refused on the way.

use std::time::Duration;

use serde_json::{Value, json};

use super::support::{Aws, MINUTE, merge};

fn group(changes: Value) -> Value {
    json!({ "name": "spare", "autoScalingGroupProvider": merge(json!({ "autoScalingGroupArn": "spare-group" }), changes) })
}

fn managed() -> Value {
    let template = json!({
        "ec2InstanceProfileArn": "arn:aws:iam::000000000000:instance-profile/ecsInstanceRole",
        "networkConfiguration": { "subnets": ["subnet-a"] },
        "instanceRequirements": { "vCpuCount": { "min": 2 }, "memoryMiB": { "min": 4096 } },
    });
    let provider = json!({ "infrastructureRoleArn": "arn:aws:iam::000000000000:role/ecsInfra", "instanceLaunchTemplate": template });
    json!({ "name": "big", "cluster": "shop", "managedInstancesProvider": provider })
}

fn one(aws: &Aws, name: &str) -> Value {
    let answer = aws.ok("DescribeCapacityProviders", json!({ "capacityProviders": [name], "include": ["TAGS"] }));
    answer["capacityProviders"][0].clone()
}

fn put(providers: &[&str], strategy: &[&str]) -> Value {
    let items: Vec<Value> = strategy.iter().map(|name| json!({ "capacityProvider": name, "weight": 1 })).collect();
    json!({ "cluster": "shop", "capacityProviders": providers, "defaultCapacityProviderStrategy": items })
}

#[test]
fn one_with_a_group_is_active_at_once_shows_defaults_and_changes_in_a_while() {
    let aws = Aws::new();
    let made = aws.ok("CreateCapacityProvider", group(json!({})))["capacityProvider"].clone();
    assert_eq!((&made["status"], &made["type"]), (&json!("ACTIVE"), &json!("EC2_AUTOSCALING")));
    let shown = &made["autoScalingGroupProvider"];
    assert!(shown["autoScalingGroupArn"].as_str().unwrap().ends_with(":autoScalingGroupName/spare-group"));
    assert_eq!(
        (&shown["managedScaling"]["status"], &shown["managedDraining"]),
        (&json!("DISABLED"), &json!("ENABLED"))
    );
    let change = json!({ "name": "spare", "autoScalingGroupProvider": { "managedDraining": "DISABLED" } });
    assert_eq!(
        aws.ok("UpdateCapacityProvider", change.clone())["capacityProvider"]["updateStatus"],
        "UPDATE_IN_PROGRESS"
    );
    assert_eq!(aws.refused("UpdateCapacityProvider", change).0, "UpdateInProgressException");
    aws.pass(MINUTE);
    let after = one(&aws, "spare");
    assert_eq!(after["updateStatus"], "UPDATE_COMPLETE");
    assert_eq!(after["autoScalingGroupProvider"]["managedDraining"], "DISABLED");
    assert_eq!(after["autoScalingGroupProvider"]["managedScaling"], shown["managedScaling"]);
}

#[test]
fn names_groups_and_kinds_that_cannot_be_are_refused() {
    let aws = Aws::with_shop();
    aws.ok("CreateCapacityProvider", group(json!({})));
    assert!(aws.refused("CreateCapacityProvider", group(json!({}))).1.contains("already exists"));
    let other = merge(group(json!({})), json!({ "name": "other" }));
    assert!(aws.refused("CreateCapacityProvider", other).1.contains("already being used by another"));
    for bad in [
        json!({ "name": "Fargate-like" }),
        json!({ "name": "none", "autoScalingGroupProvider": null }),
        json!({ "name": "both", "managedInstancesProvider": managed()["managedInstancesProvider"], "cluster": "shop" }),
        json!({ "name": "scoped", "cluster": "shop" }),
    ] {
        let asked = merge(group(json!({ "autoScalingGroupArn": "free" })), bad);
        assert_eq!(aws.refused("CreateCapacityProvider", asked.clone()).0, "InvalidParameterException", "{asked}");
    }
    let protected = group(json!({ "autoScalingGroupArn": "free", "managedTerminationProtection": "ENABLED" }));
    let protected = merge(protected, json!({ "name": "protected" }));
    assert_eq!(aws.refused("CreateCapacityProvider", protected).0, "InvalidParameterException");
    let elsewhere = merge(managed(), json!({ "cluster": "none" }));
    assert_eq!(aws.refused("CreateCapacityProvider", elsewhere).0, "ClusterNotFoundException");
}

#[test]
fn one_that_a_cluster_names_is_not_deleted_and_the_answer_says_so_without_an_error() {
    let aws = Aws::with_shop();
    aws.ok("CreateCapacityProvider", group(json!({})));
    let cluster = aws.ok("PutClusterCapacityProviders", put(&["FARGATE", "spare"], &["spare"]))["cluster"].clone();
    assert_eq!(cluster["attachmentsStatus"], "UPDATE_IN_PROGRESS");
    let again = aws.refused("PutClusterCapacityProviders", put(&[], &[]));
    assert_eq!(again.0, "UpdateInProgressException");
    assert_eq!(aws.refused("DeleteCluster", json!({ "cluster": "shop" })).0, "UpdateInProgressException");
    aws.pass(MINUTE);
    let kept = aws.ok("DeleteCapacityProvider", json!({ "capacityProvider": "spare" }))["capacityProvider"].clone();
    assert_eq!((&kept["status"], &kept["updateStatus"]), (&json!("ACTIVE"), &json!("DELETE_FAILED")));
    assert!(kept["updateStatusReason"].as_str().unwrap().contains("associated with cluster: shop"));
    aws.ok("PutClusterCapacityProviders", put(&["FARGATE"], &[]));
    let gone = aws.ok("DeleteCapacityProvider", json!({ "capacityProvider": "spare" }))["capacityProvider"].clone();
    assert_eq!((&gone["status"], &gone["updateStatus"]), (&json!("DEPROVISIONING"), &json!("DELETE_IN_PROGRESS")));
    aws.pass(MINUTE);
    assert_eq!(one(&aws, "spare")["status"], "INACTIVE");
    assert!(aws.refused("DeleteCapacityProvider", json!({ "capacityProvider": "spare" })).1.contains("does not exist"));
    let all = aws.ok("DescribeCapacityProviders", json!({}))["capacityProviders"].clone();
    let names: Vec<&str> = all.as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["FARGATE", "FARGATE_SPOT"]);
    // A name that is free can be taken again.
    assert_eq!(aws.ok("CreateCapacityProvider", group(json!({})))["capacityProvider"]["status"], "ACTIVE");
}

#[test]
fn one_that_a_service_uses_cannot_be_taken_from_its_cluster() {
    let aws = Aws::with_shop();
    aws.ok("CreateCapacityProvider", group(json!({})));
    aws.ok("PutClusterCapacityProviders", put(&["spare"], &[]));
    aws.pass(MINUTE);
    let definition =
        json!({ "family": "ec2", "containerDefinitions": [{ "name": "web", "image": "nginx", "memory": 128 }] });
    aws.ok("RegisterTaskDefinition", definition);
    let strategy = json!([{ "capacityProvider": "spare", "weight": 1 }]);
    aws.create(json!({
        "taskDefinition": "ec2", "launchType": null, "networkConfiguration": null, "capacityProviderStrategy": strategy,
    }));
    assert_eq!(aws.refused("PutClusterCapacityProviders", put(&[], &[])).0, "ResourceInUseException");
    aws.ok("DeleteService", json!({ "cluster": "shop", "service": "web", "force": true }));
    aws.ok("PutClusterCapacityProviders", put(&[], &[]));
}

#[test]
fn managed_instances_belong_to_their_cluster_from_the_start_and_go_before_it() {
    let aws = Aws::with_shop();
    let made = aws.ok("CreateCapacityProvider", managed())["capacityProvider"].clone();
    assert_eq!((&made["status"], &made["updateStatus"]), (&json!("PROVISIONING"), &json!("CREATE_IN_PROGRESS")));
    let refused = aws.refused("PutClusterCapacityProviders", put(&[], &["big"]));
    assert!(refused.1.contains("is not in an ACTIVE state"), "{refused:?}");
    aws.pass(Duration::from_secs(30));
    assert_eq!(one(&aws, "big")["status"], "ACTIVE");
    let refused = aws.refused("PutClusterCapacityProviders", put(&["big"], &[]));
    assert!(refused.1.starts_with("Cannot associate Managed Instances"), "{refused:?}");
    let cluster = aws.ok("PutClusterCapacityProviders", put(&[], &["big"]))["cluster"].clone();
    assert_eq!(cluster["capacityProviders"], json!(["big"]));
    let of_cluster = aws.ok("DescribeCapacityProviders", json!({ "cluster": "shop" }))["capacityProviders"].clone();
    assert_eq!(of_cluster.as_array().unwrap().len(), 1);
    assert_eq!(
        aws.refused("DeleteCluster", json!({ "cluster": "shop" })).0,
        "ClusterContainsCapacityProviderException"
    );
    let unscoped = json!({ "capacityProvider": "big" });
    assert_eq!(aws.refused("DeleteCapacityProvider", unscoped).0, "InvalidParameterException");
    let scoped = json!({ "capacityProvider": "big", "cluster": "shop" });
    let named = aws.ok("DeleteCapacityProvider", scoped.clone())["capacityProvider"].clone();
    assert_eq!(named["updateStatus"], "DELETE_FAILED");
    aws.ok("PutClusterCapacityProviders", put(&[], &[]));
    aws.ok("DeleteCapacityProvider", scoped);
    aws.pass(MINUTE);
    aws.ok("DeleteCluster", json!({ "cluster": "shop" }));
}

#[test]
fn a_change_that_ecs_gives_up_is_told_by_the_update_status() {
    let aws = Aws::new();
    aws.ok("CreateCapacityProvider", group(json!({ "autoScalingGroupArn": "update-fails" })));
    let change = json!({ "name": "spare", "autoScalingGroupProvider": { "managedDraining": "DISABLED" } });
    aws.ok("UpdateCapacityProvider", change);
    aws.pass(MINUTE);
    let after = one(&aws, "spare");
    assert_eq!(after["updateStatus"], "UPDATE_FAILED");
    assert!(after["updateStatusReason"].as_str().unwrap().contains("internal error"));
    assert_eq!(after["autoScalingGroupProvider"]["managedDraining"], "ENABLED");
}
