//! What a team does with a service, from its first ten lines to its deletion.

use k8s_openapi::api::events::v1::Event;
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams};
use landbridge_api::condition::{READY, STALLED};
use landbridge_api::names::annotation;
use landbridge_api::v1alpha1::{CloudMapNamespace, EcsService, IamTaskRole};
use landbridge_tests::shop::{NAMESPACE, ORDERS, PLATFORM, WEB, is_ready, reason};
use landbridge_tests::{Stage, outsider};
use serde_json::{Value, json};

/// How much faster than time AWS is.
const SPEED: f64 = 60.0;

fn revision(service: &EcsService) -> String {
    service.status.as_ref().unwrap().task_definition.as_ref().unwrap().revision.clone().unwrap()
}

/// The revision that ECS runs for the service `web`.
fn running(stage: &Stage) -> String {
    let arn = outsider::service(&stage.emulator, "web")["taskDefinition"].clone();
    arn.as_str().unwrap_or_default().rsplit('/').next().unwrap_or_default().to_owned()
}

async fn warnings(stage: &Stage) -> Vec<(String, String)> {
    let events: Api<Event> = Api::namespaced(stage.client.clone(), NAMESPACE);
    let all = events.list(&ListParams::default()).await.unwrap().items;
    let warnings = all.into_iter().filter(|e| e.type_.as_deref() == Some("Warning"));
    warnings.map(|e| (e.reason.unwrap_or_default(), e.note.unwrap_or_default())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_image_rolls_out_a_bad_one_is_rolled_back_once_and_the_next_good_one_recovers() {
    let mut stage = Stage::start(SPEED).await;
    stage.apply(PLATFORM).await;
    stage.apply(WEB).await;
    let first = revision(&stage.until(NAMESPACE, "web", "ready", is_ready::<EcsService>).await);

    stage.set_image("web", "public.ecr.aws/nginx/nginx:1.30").await;
    let second = revision(&stage.until(NAMESPACE, "web", "ready", is_ready::<EcsService>).await);
    assert_ne!(first, second);
    assert_eq!(running(&stage), second);

    stage.set_image("web", "landbridge.test/web:crash-exit-3").await;
    let failed: EcsService = stage
        .until(NAMESPACE, "web", "rolled back", |web: &EcsService| {
            reason(web, READY) == Some(("False", "RolledBack")) && web.status.as_ref().unwrap().last_failure.is_some()
        })
        .await;
    assert_eq!(reason(&failed, STALLED), Some(("True", "RolledBack")));
    let failure = failed.status.as_ref().unwrap().last_failure.clone().unwrap();
    assert_eq!((failure.container.as_deref(), failure.exit_code), (Some("web"), Some(3)), "{failure:?}");
    assert!(failure.times >= 1 && failure.last_seen.is_some() && failure.task_arn.is_some(), "{failure:?}");
    stage
        .eventually("a warning of the rollback and one of the reason", async || {
            let told = warnings(&stage).await;
            told.iter().any(|(reason, _)| reason == "RolledBack")
                && told.iter().any(|(reason, note)| reason == "TasksFailing" && note.contains('3'))
        })
        .await;
    stage.eventually("what ran before runs again", async || running(&stage) == second).await;

    // The same content is not tried again: not by sweeps, not when asked to look, not by another process.
    stage.emulator.take_calls();
    stage.sweeps(2).await;
    stage.reconcile_all_now("please").await;
    stage.stop_operator().await;
    stage.start_operator().await;
    stage.reconcile_all_now("once more").await;
    stage.sweeps(2).await;
    assert_eq!(stage.writes(), Vec::<String>::new());
    let still: EcsService = stage.get(NAMESPACE, "web").await.unwrap();
    assert_eq!(reason(&still, READY), Some(("False", "RolledBack")));
    stage.check_every_status().await;

    stage.set_image("web", "public.ecr.aws/nginx/nginx:1.31").await;
    let recovered: EcsService = stage.until(NAMESPACE, "web", "ready", is_ready::<EcsService>).await;
    assert_eq!(running(&stage), revision(&recovered));
    let status = recovered.status.unwrap();
    assert_eq!((status.rolled_back, status.last_failure), (None, None));
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_is_scaled_by_its_scale_subresource_by_a_scaler_and_restarted_by_annotation() {
    let mut stage = Stage::start(SPEED).await;
    stage.apply(PLATFORM).await;
    stage.apply(WEB).await;
    stage.until(NAMESPACE, "web", "ready", is_ready::<EcsService>).await;

    let services = stage.ecs_services();
    let patch = Patch::Merge(json!({"spec": {"replicas": 4}}));
    services.patch_scale("web", &PatchParams::default(), &patch).await.unwrap();
    let running =
        |count| move |web: &EcsService| is_ready(web) && web.status.as_ref().unwrap().running_count == Some(count);
    stage.until(NAMESPACE, "web", "ready with 4 tasks", running(4)).await;
    let scale = services.get_scale("web").await.unwrap();
    assert_eq!(scale.status.map(|s| (s.replicas, s.selector.is_some())), Some((4, true)));

    // Without desiredCount the count is somebody else's.
    stage.merge::<EcsService>("web", json!({"spec": {"desiredCount": null}})).await;
    stage.until(NAMESPACE, "web", "ready", is_ready::<EcsService>).await;
    stage.emulator.take_calls();
    let scaled = json!({"cluster": "prod", "service": "web", "desiredCount": 6});
    outsider::call(&stage.emulator, "ecs", "UpdateService", &scaled);
    let web = stage.until(NAMESPACE, "web", "ready with 6 tasks", running(6)).await;
    assert_eq!(web.status.as_ref().unwrap().desired_count, Some(6));
    stage.reconcile_all_now("scaled").await;
    assert_eq!(stage.writes(), ["ecs:UpdateService web OK"], "only the scaler writes");

    let before = revision(&web);
    let tasks = |stage: &Stage| -> Vec<Value> {
        outsider::running_tasks(&stage.emulator).into_iter().map(|t| t["taskArn"].clone()).collect()
    };
    let old = tasks(&stage);
    stage.emulator.take_calls();
    let restart = json!({"metadata": {"annotations": {annotation::RESTARTED_AT: "2026-01-01T00:00:00Z"}}});
    stage.merge::<EcsService>("web", restart).await;
    stage
        .eventually("every task is another one", async || {
            let new = tasks(&stage);
            new.len() == 6 && new.iter().all(|task| !old.contains(task))
        })
        .await;
    let web = stage.until(NAMESPACE, "web", "ready", is_ready::<EcsService>).await;
    assert_eq!(revision(&web), before);
    stage.stop_operator().await;
    stage.start_operator().await;
    stage.reconcile_all_now("restarted").await;
    assert_eq!(stage.writes(), ["ecs:UpdateService web OK"], "one restart, whoever asks how often");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_names_and_logs_act_at_once_and_everything_deleted_in_the_wrong_order_goes_in_order() {
    let stage = Stage::start(SPEED).await;
    stage.open_the_shop().await;
    let aws = &stage.emulator;
    let found = &outsider::discovery(aws)[0];
    assert_eq!(found["Name"], "orders");
    assert_eq!(found["Instances"].as_array().map(Vec::len), Some(3), "{found:#}");
    let group = &outsider::log_groups(aws)[0];
    assert_eq!((&group["logGroupName"], &group["retentionInDays"]), (&json!("/ecs/prod/orders"), &json!(30)));
    let task = outsider::revisions(aws).into_iter().find(|d| d["family"] == "prod-orders").unwrap();
    let role: IamTaskRole = stage.get(NAMESPACE, "orders").await.unwrap();
    assert_eq!(task["taskRoleArn"], json!(role.status.unwrap().role_arn));

    let document = json!({"Version": "2012-10-17", "Statement":
        [{"Effect": "Allow", "Action": "sqs:ReceiveMessage", "Resource": "*"}]});
    let policies = json!({"spec": {"policies": [{"name": "queue", "document": document}]}});
    stage.merge::<IamTaskRole>("orders", policies).await;
    stage
        .eventually("the policy is in force", async || {
            let roles = outsider::roles(&stage.emulator);
            roles.iter().any(|r| {
                let policies = r["InlinePolicies"].to_string();
                policies.contains("sqs:ReceiveMessage") && !policies.contains("sqs:SendMessage")
            })
        })
        .await;
    let soa = json!({"spec": {"properties": {"dnsProperties": {"soa": {"ttl": 77}}}}});
    let namespaces: Api<CloudMapNamespace> = Api::all(stage.client.clone());
    namespaces.patch("shop.internal", &PatchParams::default(), &Patch::Merge(&soa)).await.unwrap();
    stage
        .eventually("the zone has the TTL", async || {
            let namespaces = outsider::namespaces(&stage.emulator);
            namespaces[0]["Properties"]["DnsProperties"]["SOA"]["TTL"] == 77
        })
        .await;
    stage.merge::<EcsService>("orders", json!({"spec": {"logs": {"retentionInDays": 7}}})).await;
    stage
        .eventually("logs are kept for a week", async || {
            outsider::log_groups(&stage.emulator)[0]["retentionInDays"] == 7
        })
        .await;
    stage.until_current().await;

    stage.emulator.take_calls();
    stage.delete_everything_in_the_wrong_order().await;
    stage.until_nothing_is_left().await;
    assert_nothing_is_left(&stage);
    let writes = stage.writes();
    assert!(writes.iter().all(|w| w.ends_with(" OK")), "no call was made before its time: {writes:#?}");
    let at =
        |what: &str| writes.iter().position(|w| w.starts_with(what)).unwrap_or_else(|| panic!("{what}: {writes:#?}"));
    let last = writes.iter().rposition(|w| w.starts_with("ecs:DeleteService")).unwrap();
    for later in ["ecs:DeleteCluster", "servicediscovery:DeleteNamespace", "iam:DeleteRole shop-orders"] {
        assert!(last < at(later), "{later}: {writes:#?}");
    }
    stage.end().await;
}

/// AWS holds nothing that costs or that stands in the way of a name. Log groups are deleted with their services.
fn assert_nothing_is_left(stage: &Stage) {
    let aws = &stage.emulator;
    for (what, left) in [
        ("services", outsider::services(aws)),
        ("clusters", outsider::clusters(aws)),
        ("task definitions", outsider::revisions(aws)),
        ("tasks", outsider::running_tasks(aws)),
        ("Cloud Map services", outsider::discovery(aws)),
        ("namespaces", outsider::namespaces(aws)),
        ("roles", outsider::roles(aws)),
        ("log groups", outsider::log_groups(aws)),
    ] {
        assert_eq!(left, Vec::<Value>::new(), "{what} are left");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_retained_is_left_as_it_is_when_every_object_goes() {
    let stage = Stage::without_operator(SPEED).await;
    let mut stage = stage;
    let retained = |yaml: &str| yaml.replace("\nspec:\n", "\nspec:\n  deletionPolicy: Retain\n");
    let platform = retained(PLATFORM).replacen("  deletionPolicy: Retain\n", "", 1);
    stage.start_operator().await;
    for yaml in [platform, retained(WEB), retained(ORDERS)] {
        stage.apply(&yaml).await;
    }
    stage.until_current().await;
    stage.emulator.take_calls();
    stage.delete_everything_in_the_wrong_order().await;
    stage.until_nothing_is_left().await;
    assert_eq!(stage.writes(), Vec::<String>::new());
    let aws = &stage.emulator;
    let counts = [
        outsider::services(aws).len(),
        outsider::clusters(aws).len(),
        outsider::revisions(aws).len(),
        outsider::discovery(aws).len(),
        outsider::namespaces(aws).len(),
        outsider::roles(aws).len(),
        outsider::log_groups(aws).len(),
    ];
    assert_eq!(counts, [2, 1, 2, 1, 1, 2, 1]);
    assert_eq!(outsider::running_tasks(aws).len(), 5);
    stage.end().await;
}
