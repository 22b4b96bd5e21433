//! Plan tables of the account.

use landbridge_api::v1alpha1::AwsAccount;

use super::*;
use crate::objects::Snapshot;
use crate::testing::{self, account, deleted, outline, plan, shop};

fn observed(account_id: &str) -> AwsAccountObserved {
    AwsAccountObserved {
        account_id: account_id.into(),
        caller_arn: format!("arn:aws:sts::{account_id}:assumed-role/landbridge/x"),
    }
}

fn health(object: &AwsAccount, observed: &AwsAccountObserved) -> Health {
    object.health(&testing::resolved(object, &shop()), observed, testing::now())
}

#[test]
fn credentials_of_the_expected_account_need_nothing() {
    assert!(plan(&account("default"), &observed(testing::ACCOUNT_ID)).is_empty());
}

#[test]
fn credentials_of_another_account_are_refused_and_both_are_named() {
    let plan = plan(&account("default"), &observed("999988887777"));
    assert_eq!(outline(&plan), ["blocked CredentialsUnusable"]);
    let message = &plan.blocked[0].message;
    assert!(message.contains("999988887777") && message.contains(testing::ACCOUNT_ID), "{message}");
}

#[test]
fn an_account_that_expects_no_id_takes_any() {
    let mut object = account("default");
    object.spec.account_id = None;
    assert!(plan(&object, &observed("999988887777")).is_empty());
}

#[test]
fn credentials_that_were_not_tried_are_not_healthy() {
    assert!(matches!(health(&account("default"), &AwsAccountObserved::default()), Health::Progressing { .. }));
    let Health::Healthy(message) = health(&account("default"), &observed(testing::ACCOUNT_ID)) else { panic!() };
    assert!(message.starts_with("account 111122223333 in eu-central-1 as arn:aws:sts::"), "{message}");
}

#[test]
fn the_account_resolves_to_itself() {
    let mut object = account("prod");
    object.spec.region = "cn-north-1".into();
    let account = testing::resolved(&object, &Snapshot::default()).account;
    assert_eq!(account.name.as_deref(), Some("prod"));
    assert_eq!(account.partition, "aws-cn");
    assert_eq!(account.shard(), "111122223333-cn-north-1");
}

#[test]
fn an_account_in_use_is_not_let_go() {
    let object = deleted(account("default"));
    let waiting = plan(&object, &observed(testing::ACCOUNT_ID));
    assert_eq!(outline(&waiting), ["wait InUse"]);
    assert_eq!(
        waiting.waits[0].message,
        "AWSAccount default is still used by ECSCluster prod, CloudMapNamespace shop, IAMTaskRole shop/orders"
    );
}

#[test]
fn an_account_that_nobody_uses_is_gone_at_once_whatever_its_credentials_are() {
    assert_eq!(outline(&plan(&deleted(account("other")), &observed("999988887777"))), ["gone"]);
    assert_eq!(outline(&plan(&deleted(account("other")), &AwsAccountObserved::default())), ["gone"]);
}

#[test]
fn facts_are_what_the_credentials_say() {
    let object = account("default");
    let resolved = testing::resolved(&object, &shop());
    assert_eq!(object.facts(&resolved, &observed("999988887777")).account_id.as_deref(), Some("999988887777"));
    assert_eq!(object.facts(&resolved, &AwsAccountObserved::default()), AwsAccountStatus::default());
}
