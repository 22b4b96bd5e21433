//! Writes of the status beside those of others, against a real API server.

use jiff::Timestamp;
use kube::Api;
use landbridge_api::Condition;
use landbridge_api::condition::reason;
use landbridge_api::v1alpha1::{EcsService, EcsServiceStatus};
use landbridge_tests::{Stage, bare};

use super::*;

const FOREIGN: &str = "example.com/Reviewed";

fn ready(reason: &str) -> Condition {
    condition::condition(condition::READY, false, reason, "m", 1, Timestamp::UNIX_EPOCH)
}

/// A status that follows from the stored one.
fn status(before: &EcsService, reason: &str, desired_count: Option<i32>) -> EcsServiceStatus {
    let mut status = before.status.clone().unwrap_or_default();
    status.common.observed_generation = Some(1);
    status.common.conditions = condition::merge(&status.common.conditions, vec![ready(reason)]);
    status.desired_count = desired_count;
    status
}

fn types(object: &EcsService) -> Vec<&str> {
    object.status.iter().flat_map(|s| &s.common.conditions).map(|c| c.type_.as_str()).collect()
}

async fn stage() -> (Stage, ApiServer, EcsService) {
    let stage = Stage::without_operator(1.0).await;
    stage.apply(bare::PLATFORM).await;
    stage.apply(&bare::service("web", "nginx:1")).await;
    let server = ApiServer::new(stage.client.clone());
    let read = stage.get("shop", "web").await.unwrap();
    (stage, server, read)
}

/// Somebody else edits the object and says something in its status.
async fn edited_by_others(stage: &Stage) {
    let services: Api<EcsService> = stage.ecs_services();
    let edit = json!({"metadata": {"annotations": {"example.com/note": "x"}}});
    services.patch("web", &PatchParams::default(), &Patch::Merge(&edit)).await.unwrap();
    let said = Condition { type_: FOREIGN.to_owned(), ..ready("Yes") };
    let said = json!({
        "apiVersion": "landbridge.dev/v1alpha1", "kind": "ECSService", "status": {"conditions": [said]},
    });
    services.patch_status("web", &PatchParams::apply("reviewer"), &Patch::Apply(&said)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_replaces_what_we_said_and_leaves_what_others_did_since_it_was_read() {
    let (stage, server, read) = stage().await;
    edited_by_others(&stage).await;
    let stored = server.put_status(&read, &status(&read, reason::PENDING, Some(3))).await.unwrap();
    assert_eq!(types(&stored), [condition::READY, FOREIGN]);
    assert!(stored.metadata.annotations.as_ref().is_some_and(|a| a.contains_key("example.com/note")));
    assert!(stored.spec.task_definition.is_some());
    let of_us = |m: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry| {
        m.manager.as_deref() == Some(STATUS_MANAGER) && m.subresource.as_deref() == Some("status")
    };
    assert_eq!(stored.metadata.managed_fields.iter().flatten().filter(|m| of_us(m)).count(), 1);

    let stored = server.put_status(&stored, &status(&stored, reason::PENDING, None)).await.unwrap();
    assert_eq!(types(&stored), [condition::READY, FOREIGN]);
    assert_eq!(stored.status.unwrap().desired_count, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_is_not_written_over_that_of_another_replica_or_of_another_object_of_the_name() {
    let (stage, server, read) = stage().await;
    let first = status(&read, reason::ROLLING_OUT, Some(1));
    let stored = server.put_status(&read, &first).await.unwrap();
    let again = server.put_status(&read, &first).await.unwrap();
    assert_eq!(again.metadata.resource_version, stored.metadata.resource_version, "the answer was lost, it is there");

    let late = server.put_status(&read, &status(&read, reason::PENDING, None)).await.unwrap_err();
    assert_eq!(late.class, ErrorClass::Conflict, "{}", late.message);
    let kept: EcsService = stage.get("shop", "web").await.unwrap();
    assert_eq!(kept.status, Some(first));

    stage.delete(stage.ecs_services(), "web").await;
    stage.apply(&bare::service("web", "nginx:1")).await;
    let gone = server.put_status(&stored, &status(&stored, reason::READY, None)).await.unwrap_err();
    assert_eq!(gone.class, ErrorClass::NotFound, "{}", gone.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_the_schema_does_not_know_is_refused_and_does_not_vanish() {
    let (_stage, server, read) = stage().await;
    let body = serde_json::to_vec(&of_status::<EcsService>(
        &ObjectMeta { resource_version: read.metadata.resource_version.clone(), ..known(&read.metadata) },
        &json!({"conditions": [], "unheardOf": 1}),
    ));
    let request = ApiServer::of::<EcsService>(&read.metadata);
    let request = request.replace_subresource("status", "web", &PostParams::default(), body.unwrap());
    let refused = server.send::<EcsService>(PUT_STATUS, request.and_then(strictly)).await.unwrap_err();
    assert!(refused.message.contains("unheardOf"), "{}", refused.message);
}
