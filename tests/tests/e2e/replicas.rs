//! Several replicas, and what happens when one stops or dies.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::events::v1::Event;
use kube::Api;
use kube::api::ListParams;
use landbridge_api::condition;
use landbridge_api::v1alpha1::EcsService;
use landbridge_controller::lease::Timings;
use landbridge_tests::Stage;
use landbridge_tests::bare::{PLATFORM, service};

const IMAGE: &str = "public.ecr.aws/nginx/nginx:1.29";

fn is_ready(service: &EcsService) -> bool {
    service.status.as_ref().is_some_and(|s| condition::is_true(&s.common.conditions, condition::READY))
}

async fn holder(stage: &Stage, lease: &str) -> String {
    let leases: Api<Lease> = Api::default_namespaced(stage.client.clone());
    leases.get(lease).await.unwrap().spec.unwrap().holder_identity.unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_replicas_acts_and_when_it_dies_the_other_takes_over_and_writes_nothing_twice() {
    let mut stage = Stage::without_operator(30.0).await;
    stage.config.lease = Timings {
        duration: Duration::from_secs(3),
        renew_deadline: Duration::from_secs(2),
        retry: Duration::from_millis(300),
    };
    for name in ["a", "b"] {
        stage.config.replica = Some(name.to_owned());
        stage.start_operator().await;
    }
    // No AWSAccount: the operator's own AWS environment is meant.
    stage.apply(PLATFORM).await;
    stage.apply(&service("web", IMAGE)).await;
    stage.until("shop", "web", "ready", is_ready).await;
    let calls = stage.emulator.calls();
    assert_eq!(calls.count("ecs:CreateService"), 1, "{:?}", calls.by_action());
    assert_eq!(calls.count("ecs:CreateCluster"), 1, "{:?}", calls.by_action());

    let shard = "landbridge-000000000000-us-east-1";
    let first = holder(&stage, shard).await;
    stage.emulator.take_calls();
    let (killed, survivor) = if first.starts_with("a-") { (0, "b-") } else { (1, "a-") };
    stage.kill_operator_at(killed);
    stage.apply(&service("orders", IMAGE)).await;
    stage.until("shop", "orders", "ready", is_ready).await;
    let calls = stage.emulator.take_calls();
    assert_eq!(calls.count("ecs:CreateService"), 1, "{:?}", calls.by_action());
    assert!(holder(&stage, shard).await.starts_with(survivor));

    // A replica that stops gives its leases back at once.
    stage.stop_operator().await;
    assert_eq!(holder(&stage, shard).await, "");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_says_how_it_is_and_tells_a_new_service_in_few_events() {
    let stage = Stage::start(30.0).await;
    stage.apply(PLATFORM).await;
    stage.apply(&service("web", IMAGE)).await;
    let web = stage.until("shop", "web", "ready", is_ready).await;

    assert_eq!(stage.ask("/healthz").await, (200, "ok\n".to_owned()));
    assert_eq!(stage.ask("/readyz").await, (200, "ok\n".to_owned()));
    let (code, metrics) = stage.ask("/metrics").await;
    assert_eq!(code, 200);
    for line in [
        "landbridge_aws_calls_total{api=\"ecs:CreateService\",result=\"ok\"} 1",
        "landbridge_leases_held 2",
        "landbridge_rollout_seconds_count{kind=\"ECSService\"} 1",
        "landbridge_tokens_left{shard=\"000000000000-us-east-1\",bucket=\"ecs/service-modify\"}",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
    let (_, state) = stage.ask("/debug/state").await;
    assert!(state.contains("\"ECSService\":1") && !state.contains("secret"), "{state}");

    let events: Api<Event> = Api::namespaced(stage.client.clone(), "shop");
    let told = || async {
        let events = events.list(&ListParams::default()).await.unwrap().items;
        events.iter().map(|e| e.reason.clone().unwrap_or_default()).collect::<Vec<_>>()
    };
    stage.eventually("an event of readiness", async || told().await.contains(&"Ready".to_owned())).await;
    let told = told().await;
    assert!(told.contains(&"Created".to_owned()) && told.len() <= 5, "{told:?}");
    // The API server counts nothing; managed fields name every writer, and the spec is only its author's.
    let managers: Vec<_> = web.metadata.managed_fields.iter().flatten().map(|m| m.manager.clone()).collect();
    assert_eq!(managers.iter().flatten().filter(|m| *m != "landbridge-controller").count(), 1, "{managers:?}");
    stage.end().await;
}
