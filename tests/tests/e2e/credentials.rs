//! Credentials that expire, are denied, or are not there: the account says so, nothing is written, and it recovers.

use kube::api::{Patch, PatchParams};
use landbridge_api::condition::reason;
use landbridge_api::names::annotation;
use landbridge_emulator::{Fault, FaultKind};
use serde_json::json;

use crate::neighbour::{Shop, create_role, object, service};

/// Asks for a pass at once.
async fn reconcile_now(shop: &Shop, object: &str, value: &str) {
    let (api, name) = shop.api(object);
    let patch = json!({"metadata": {"annotations": {annotation::RECONCILE_NOW: value}}});
    api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    shop.until(object, "looked at", |o| o.data["status"]["lastHandledReconcileAt"] == value).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_expire_are_denied_or_absent_stall_the_account_until_they_work_again() {
    let shop = Shop::open().await;
    let cases = [
        ("EXPIREDKEY", reason::CREDENTIALS, "have expired; sign in again"),
        ("INVALIDKEY", reason::CREDENTIALS, "AWS does not know these credentials; check the access key"),
        ("DENIEDKEY", reason::ACCESS_DENIED, "not authorized"),
        ("", reason::CREDENTIALS, "credentials"),
    ];
    for (number, (key, reason, word)) in cases.into_iter().enumerate() {
        if key.is_empty() {
            shop.stage.credentials.remove();
        } else {
            shop.stage.credentials.set(key);
        }
        reconcile_now(&shop, "AWSAccount/default", &format!("broken-{number}")).await;
        shop.stalls("AWSAccount/default", reason, &["sts:GetCallerIdentity", word]).await;
    }
    // What is asked for meanwhile is not attempted, and says why.
    shop.stage.apply(&service("late", "", "")).await;
    let message = shop.says("ECSService/shop/late", reason::REFERENCE_NOT_READY).await;
    assert!(
        message.contains("AWSAccount default is not ready: sts:GetCallerIdentity: no AWS credentials"),
        "{message}"
    );

    shop.stage.credentials.set("AKIAGOODAGAIN");
    shop.nothing_was_written();
    reconcile_now(&shop, "AWSAccount/default", "mended").await;
    shop.says("AWSAccount/default", reason::READY).await;
    // Nobody touches the service: the account's recovery wakes it.
    shop.says("ECSService/shop/late", reason::READY).await;
    shop.says("ECSService/shop/web", reason::READY).await;
    let writes = shop.stage.emulator.calls();
    assert!(writes.writes().iter().all(|c| !c.target.contains("web")), "{:?}", writes.writes());
    shop.stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_cannot_be_assumed_stalls_its_account_and_no_other() {
    let shop = Shop::open().await;
    let spec = "region: us-east-1\nassumeRole: {roleArn: 'arn:aws:iam::000000000000:role/deploy'}";
    shop.stage.apply(&object("AWSAccount", "team", spec)).await;
    shop.stalls("AWSAccount/team", reason::CREDENTIALS, &["role/deploy"]).await;
    shop.web_is_undisturbed().await;

    let trust = json!({"AWS": "000000000000"});
    create_role(&shop, "deploy", "/", &trust);
    // IAM takes a while to tell everybody; the account asks again when it is told to.
    let mut number = 0;
    while shop.get("AWSAccount/team").await.unwrap().data["status"]["accountId"].is_null() {
        number += 1;
        assert!(number < 200, "the account does not recover");
        reconcile_now(&shop, "AWSAccount/team", &format!("try-{number}")).await;
    }
    shop.says("AWSAccount/team", reason::READY).await;
    shop.web_is_undisturbed().await;
    shop.stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_call_that_is_denied_stalls_its_object_and_names_the_call() {
    let shop = Shop::open().await;
    let message = "User: landbridge is not authorized to perform: ecs:CreateService";
    let denied = FaultKind::Error("AccessDeniedException".to_owned(), message.to_owned());
    shop.stage.emulator.fault(Fault::on("ecs:CreateService", denied));
    shop.stage.apply(&service("denied", "", "")).await;
    shop.stalls("ECSService/shop/denied", reason::ACCESS_DENIED, &["ecs:CreateService", "not authorized"]).await;
    shop.web_is_undisturbed().await;

    shop.stage.emulator.clear_faults();
    reconcile_now(&shop, "ECSService/shop/denied", "allowed").await;
    shop.says("ECSService/shop/denied", reason::READY).await;
    let calls = shop.stage.emulator.calls();
    assert_eq!(calls.count("ecs:RegisterTaskDefinition"), 1, "the revision of the first try is used");
    shop.web_is_undisturbed().await;
    shop.stage.end().await;
}
