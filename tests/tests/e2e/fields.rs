//! Fields that leave the spec: AWS must not keep what nobody asks for any more.

use landbridge_tests::outsider;
use serde_json::{Value, json};

use crate::neighbour::{Shop, is_up, service};

/// What the service revision that runs says of a field; DescribeServices does not show it.
fn of_revision(shop: &Shop, service: &str, field: &str) -> Value {
    let ask = |operation: &str, input: Value| outsider::call(&shop.stage.emulator, "ecs", operation, &input);
    let found = ask("DescribeServices", json!({"cluster": "prod", "services": [service]}));
    let revision = &found["services"][0]["currentServiceRevisions"][0]["arn"];
    let revision = ask("DescribeServiceRevisions", json!({"serviceRevisionArns": [revision]}));
    revision["serviceRevisions"][0][field].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_only_the_service_revision_shows_leaves_aws_when_it_leaves_the_spec() {
    let shop = Shop::open().await;
    let at = "ECSService/shop/seen";
    let often = "monitoring: {metricConfigurations: [{metricNames: [CPUUtilization], resolutionSeconds: 20}]}";
    shop.stage.apply(&service("seen", often, "")).await;
    shop.until(at, "ready", is_up).await;
    assert_eq!(of_revision(&shop, "seen", "monitoring")["metricConfigurations"][0]["resolutionSeconds"], 20);

    shop.stage.apply(&service("seen", "", "")).await;
    let told = |o: &kube::api::DynamicObject| is_up(o) && o.data["status"]["shownInRevision"].is_null();
    shop.until(at, "ready without it", told).await;
    let left = of_revision(&shop, "seen", "monitoring");
    assert!(left["metricConfigurations"].as_array().is_none_or(Vec::is_empty), "{left}");
    shop.stage.end().await;
}
