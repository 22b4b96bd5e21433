//! References: a change of the referenced object acts at once, long before anything is looked at again by itself.

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::{Patch, PatchParams};
use landbridge_api::condition::reason;
use landbridge_api::v1alpha1::EcsService;
use serde_json::json;

use crate::neighbour::{PLATFORM, Shop, object, service, service_in};

/// Well under the 30 seconds after which what waits for a reference is looked at again, and any resync.
const AT_ONCE: Duration = Duration::from_secs(10);

const REFUSES: &str = "names: [shop]";

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_is_allowed_or_not_any_more_is_known_at_once() {
    let shop = Shop::open().await;
    shop.stage.apply(&service_in("blog", "posts", "", "")).await;
    shop.stalls("ECSService/blog/posts", reason::NAMESPACE_NOT_ALLOWED, &["blog"]).await;

    let start = Instant::now();
    shop.stage.apply(&PLATFORM.replace(REFUSES, "names: [shop, blog]")).await;
    shop.until("ECSService/blog/posts", "let in", |o| !o.data["status"]["taskDefinition"].is_null()).await;
    assert!(start.elapsed() < AT_ONCE, "{:?}", start.elapsed());
    shop.says("ECSService/blog/posts", reason::READY).await;

    let start = Instant::now();
    shop.stage.emulator.take_calls();
    shop.stage.apply(PLATFORM).await;
    shop.stalls("ECSService/blog/posts", reason::NAMESPACE_NOT_ALLOWED, &["blog"]).await;
    assert!(start.elapsed() < AT_ONCE, "{:?}", start.elapsed());
    // What runs goes on running: whoever revokes a permission does not ask for an outage.
    shop.nothing_was_written();

    // By label, too.
    let start = Instant::now();
    let by_label = "names: [shop], selector: {matchLabels: {team: blog}}";
    shop.stage.apply(&PLATFORM.replace(REFUSES, by_label)).await;
    let namespaces: Api<Namespace> = Api::all(shop.stage.client.clone());
    let label = json!({"metadata": {"labels": {"team": "blog"}}});
    namespaces.patch("blog", &PatchParams::default(), &Patch::Merge(label)).await.unwrap();
    shop.says("ECSService/blog/posts", reason::READY).await;
    assert!(start.elapsed() < AT_ONCE, "{:?}", start.elapsed());
    shop.web_is_undisturbed().await;
    shop.stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_service_defaults_roll_the_services_that_use_them_and_no_others() {
    let shop = Shop::open().await;
    let own = "networkConfiguration: {awsvpcConfiguration: {subnets: [subnet-0a1b2c3d4e5f60009]}}";
    shop.stage.apply(&service("own", own, "")).await;
    shop.says("ECSService/shop/own", reason::READY).await;
    let before: EcsService = shop.stage.get("shop", "web").await.unwrap();
    shop.stage.emulator.take_calls();

    let start = Instant::now();
    shop.stage.apply(&PLATFORM.replace("60001", "60002")).await;
    let rolled = |s: &EcsService| {
        let arn = |s: &EcsService| s.status.as_ref()?.deployment.as_ref()?.arn.clone();
        crate::neighbour::is_ready(s) && arn(s) != arn(&before)
    };
    shop.stage.until("shop", "web", "rolled", rolled).await;
    assert!(start.elapsed() < AT_ONCE + AT_ONCE, "{:?}", start.elapsed());
    let calls = shop.stage.emulator.calls();
    let writes: Vec<_> = calls.writes().iter().map(|c| (c.action.clone(), c.target.clone())).collect();
    assert_eq!(writes, [("ecs:UpdateService".to_owned(), "web".to_owned())]);
    shop.stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missing_is_used_as_soon_as_it_is_there() {
    let shop = Shop::open().await;
    let spec = "clusterRef: {name: third}\ntaskRoleRef: {name: acts}\nserviceDiscovery: {namespaceRef: {name: names}}";
    shop.stage.apply(&service("early", spec, "")).await;
    shop.says("ECSService/shop/early", reason::REFERENCE_NOT_FOUND).await;
    let defaults = "allowedNamespaces: {names: [shop]}\nserviceDefaults:\n  launchType: FARGATE\n  networkConfiguration: {awsvpcConfiguration: {subnets: [subnet-0a1b2c3d4e5f60001]}}";
    shop.stage.apply(&object("ECSCluster", "third", defaults)).await;
    let says = |word: &'static str| {
        move |o: &kube::api::DynamicObject| o.data["status"]["conditions"].to_string().contains(word)
    };
    shop.until("ECSService/shop/early", "waiting for the role", says("taskRoleRef")).await;

    let start = Instant::now();
    shop.stage.apply(&object("IAMTaskRole", "acts", "description: late")).await;
    shop.until("ECSService/shop/early", "waiting for the namespace", says("namespaceRef")).await;
    shop.stage.apply(&object("CloudMapNamespace", "names", "type: HTTP\nallowedNamespaces: {names: [shop]}")).await;
    shop.says("ECSService/shop/early", reason::READY).await;
    assert!(start.elapsed() < AT_ONCE + AT_ONCE, "{:?}", start.elapsed());
    shop.web_is_undisturbed().await;
    shop.stage.end().await;
}
