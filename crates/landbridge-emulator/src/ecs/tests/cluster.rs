//! Clusters, capacity providers and account settings.

use serde_json::json;

use super::support::{Aws, MINUTE};

#[test]
fn a_cluster_reads_back_whole_with_include_and_hides_parts_without() {
    let aws = Aws::new();
    let asked = json!({
        "clusterName": "shop",
        "settings": [{ "name": "containerInsights", "value": "enhanced" }],
        "configuration": { "executeCommandConfiguration": { "logging": "DEFAULT" } },
        "capacityProviders": ["FARGATE", "FARGATE_SPOT"],
        "defaultCapacityProviderStrategy": [{ "capacityProvider": "FARGATE", "weight": 1 }],
        "tags": [{ "key": "team", "value": "shop" }],
    });
    let created = aws.ok("CreateCluster", asked.clone())["cluster"].clone();
    assert_eq!(created["clusterArn"], "arn:aws:ecs:us-east-1:000000000000:cluster/shop");
    let plain = aws.ok("DescribeClusters", json!({ "clusters": ["shop"] }))["clusters"][0].clone();
    assert_eq!((&plain["settings"], &plain["tags"]), (&json!([]), &json!([])));
    assert!(plain.get("configuration").is_none());
    let include = ["SETTINGS", "CONFIGURATIONS", "TAGS", "STATISTICS"];
    let whole = aws.ok("DescribeClusters", json!({ "clusters": ["shop"], "include": include }))["clusters"][0].clone();
    for name in ["settings", "configuration", "capacityProviders", "tags"] {
        assert_eq!(whole[name], asked[name], "{name}");
    }
    let strategy = json!([{ "capacityProvider": "FARGATE", "weight": 1, "base": 0 }]);
    assert_eq!(whole["defaultCapacityProviderStrategy"], strategy);
}

#[test]
fn creating_an_active_cluster_again_changes_nothing() {
    let aws = Aws::new();
    aws.ok("CreateCluster", json!({ "clusterName": "shop", "tags": [{ "key": "a", "value": "1" }] }));
    let again = aws.ok("CreateCluster", json!({ "clusterName": "shop", "capacityProviders": ["FARGATE"] }));
    assert_eq!(again["cluster"]["capacityProviders"], json!([]));
    assert_eq!(again["cluster"]["tags"], json!([{ "key": "a", "value": "1" }]));
}

#[test]
fn bad_names_settings_and_providers_are_refused() {
    let aws = Aws::new();
    for input in [
        json!({ "clusterName": "no good" }),
        json!({ "clusterName": "x", "settings": [{ "name": "containerInsights", "value": "loud" }] }),
        json!({ "clusterName": "x", "capacityProviders": ["none"] }),
        json!({ "clusterName": "x", "defaultCapacityProviderStrategy": [{ "capacityProvider": "FARGATE" }] }),
    ] {
        assert_eq!(aws.refused("CreateCluster", input.clone()).0, "InvalidParameterException", "{input}");
    }
    assert_eq!(aws.ok("ListClusters", json!({}))["clusterArns"], json!([]));
}

#[test]
fn changes_of_a_cluster_keep_what_they_do_not_name() {
    let aws = Aws::new();
    aws.ok("CreateCluster", json!({ "clusterName": "shop", "capacityProviders": ["FARGATE"] }));
    let setting = json!([{ "name": "containerInsights", "value": "enabled" }]);
    let after = aws.ok("UpdateClusterSettings", json!({ "cluster": "shop", "settings": setting }));
    assert_eq!(after["cluster"]["settings"], setting);
    let defaults = json!({ "namespace": "shop.internal" });
    let after = aws.ok("UpdateCluster", json!({ "cluster": "shop", "serviceConnectDefaults": defaults }));
    let namespace = after["cluster"]["serviceConnectDefaults"]["namespace"].as_str().unwrap().to_owned();
    assert!(namespace.starts_with("arn:aws:servicediscovery:us-east-1:000000000000:namespace/ns-"), "{namespace}");
    assert_eq!(after["cluster"]["settings"], setting);
    let after = aws.ok("UpdateCluster", json!({ "cluster": "shop", "serviceConnectDefaults": { "namespace": "" } }));
    assert!(after["cluster"].get("serviceConnectDefaults").is_none());
    let replaced =
        json!({ "cluster": "shop", "capacityProviders": ["FARGATE_SPOT"], "defaultCapacityProviderStrategy": [] });
    let after = aws.ok("PutClusterCapacityProviders", replaced);
    assert_eq!(after["cluster"]["capacityProviders"], json!(["FARGATE_SPOT"]));
}

#[test]
fn a_cluster_counts_its_services_and_tasks_and_is_kept_inactive_after_deletion() {
    let aws = Aws::with_shop();
    aws.create(json!({}));
    let describe = || aws.ok("DescribeClusters", json!({ "clusters": ["shop"] }))["clusters"][0].clone();
    aws.pass(std::time::Duration::from_secs(1));
    assert_eq!(
        (describe()["pendingTasksCount"].as_i64(), describe()["runningTasksCount"].as_i64()),
        (Some(2), Some(0))
    );
    aws.pass(MINUTE);
    assert_eq!(
        (describe()["pendingTasksCount"].as_i64(), describe()["runningTasksCount"].as_i64()),
        (Some(0), Some(2))
    );
    assert_eq!(describe()["activeServicesCount"], 1);
    aws.ok("DeleteService", json!({ "cluster": "shop", "service": "web", "force": true }));
    aws.pass(MINUTE);
    assert_eq!(
        (describe()["pendingTasksCount"].as_i64(), describe()["runningTasksCount"].as_i64()),
        (Some(0), Some(0))
    );
    assert_eq!(aws.ok("DeleteCluster", json!({ "cluster": "shop" }))["cluster"]["status"], "INACTIVE");
    assert_eq!(describe()["status"], "INACTIVE");
    assert_eq!(aws.ok("ListClusters", json!({}))["clusterArns"], json!([]));
    assert_eq!(aws.refused("ListServices", json!({ "cluster": "shop" })).0, "ClusterNotFoundException");
    assert_eq!(aws.ok("CreateCluster", json!({ "clusterName": "shop" }))["cluster"]["status"], "ACTIVE");
}

#[test]
fn a_cluster_that_is_not_there_is_a_failure_when_described_and_refused_elsewhere() {
    let aws = Aws::new();
    let answer = aws.ok("DescribeClusters", json!({ "clusters": ["none"] }));
    assert_eq!(answer["failures"][0]["reason"], "MISSING");
    for (operation, input) in [
        ("UpdateCluster", json!({ "cluster": "none" })),
        ("DeleteCluster", json!({ "cluster": "none" })),
        ("DescribeServices", json!({ "cluster": "none", "services": ["x"] })),
        ("ListTasks", json!({ "cluster": "none" })),
    ] {
        assert_eq!(aws.refused(operation, input).0, "ClusterNotFoundException", "{operation}");
    }
}

#[test]
fn an_account_setting_is_kept_and_decides_container_insights_of_new_clusters() {
    let aws = Aws::new();
    aws.ok("PutAccountSettingDefault", json!({ "name": "containerInsights", "value": "enabled" }));
    let listed = aws.ok("ListAccountSettings", json!({ "name": "containerInsights", "effectiveSettings": true }));
    assert_eq!(listed["settings"][0]["value"], "enabled");
    let cluster = aws.ok("CreateCluster", json!({ "clusterName": "shop" }));
    assert_eq!(cluster["cluster"]["settings"], json!([{ "name": "containerInsights", "value": "enabled" }]));
    assert_eq!(
        aws.refused("PutAccountSetting", json!({ "name": "none", "value": "x" })).0,
        "InvalidParameterException"
    );
}

#[test]
fn an_operation_ecs_does_not_have_is_unknown() {
    assert_eq!(Aws::new().refused("MakeCoffee", json!({})).0, "UnknownOperationException");
}
