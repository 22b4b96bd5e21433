//! Deleting what is still in use: it waits, says by whom, and goes when the last user has gone.

use landbridge_api::condition::reason;
use landbridge_tests::kstatus;

use crate::neighbour::{Shop, is_up, object, service};

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_a_namespace_a_role_and_an_account_wait_for_their_users_and_name_them() {
    let shop = Shop::open().await;
    let platform = [
        object(
            "ECSCluster",
            "second",
            "allowedNamespaces: {names: [shop]}\nserviceDefaults:\n  launchType: FARGATE\n  networkConfiguration: {awsvpcConfiguration: {subnets: [subnet-0a1b2c3d4e5f60001]}}",
        ),
        object("CloudMapNamespace", "names", "type: HTTP\nallowedNamespaces: {names: [shop]}"),
        object("IAMTaskRole", "acts", "description: a role in use"),
    ];
    shop.stage.apply(&platform.join("---")).await;
    let user = "clusterRef: {name: second}\ntaskRoleRef: {name: acts}\nserviceDiscovery: {namespaceRef: {name: names}}";
    shop.stage.apply(&service("user", user, "")).await;
    shop.until("ECSService/shop/user", "ready", is_up).await;

    let used = ["ECSCluster/second", "CloudMapNamespace/names", "IAMTaskRole/shop/acts"];
    for object in used {
        shop.delete(object).await;
        let message = shop.says(object, reason::IN_USE).await;
        assert!(message.contains("is still used by ECSService"), "{object}: {message}");
        assert!(message.contains("user"), "{object}: {message}");
        assert_eq!(kstatus::read(&shop.get(object).await.unwrap()), kstatus::Reading::Terminating);
    }
    // The user itself goes on as if nothing were.
    assert!(is_up(&shop.get("ECSService/shop/user").await.unwrap()));
    let calls = shop.stage.emulator.calls();
    for action in ["ecs:DeleteCluster", "servicediscovery:DeleteNamespace", "iam:DeleteRole"] {
        assert_eq!(calls.count(action), 0, "{:?}", calls.by_action());
    }

    shop.delete("ECSService/shop/user").await;
    shop.gone("ECSService/shop/user").await;
    for object in used {
        shop.gone(object).await;
    }
    let calls = shop.stage.emulator.calls();
    for action in ["ecs:DeleteCluster", "servicediscovery:DeleteNamespace", "iam:DeleteRole"] {
        assert_eq!(calls.count(action), 1, "{:?}", calls.by_action());
    }
    shop.web_is_undisturbed().await;

    shop.delete("AWSAccount/default").await;
    let message = shop.says("AWSAccount/default", reason::IN_USE).await;
    assert!(message.contains("ECSCluster prod"), "{message}");
    shop.web_is_undisturbed().await;
    shop.stage.end().await;
}
