//! IAM through aws-sdk-iam.

use aws_sdk_iam::Client;
use aws_sdk_iam::error::ProvideErrorMetadata as _;
use aws_sdk_iam::types::{EntityType, Tag};
use serde_json::json;

use crate::support::{Aws, trust};

const READ_ONLY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build().unwrap()
}

pub(crate) fn ecs_tasks() -> String {
    trust(&json!({"Service": "ecs-tasks.amazonaws.com"}), &json!({}))
}

fn bucket_policy() -> String {
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "arn:aws:s3:::a-bucket/with space & <more>/*",
    }]})
    .to_string()
}

fn decoded(document: &str) -> String {
    percent_encoding::percent_decode_str(document).decode_utf8().unwrap().into_owned()
}

async fn create(client: &Client, name: &str) {
    client.create_role().role_name(name).assume_role_policy_document(ecs_tasks()).send().await.unwrap();
}

#[tokio::test]
async fn a_role_round_trips_with_path_description_duration_boundary_and_tags() {
    let aws = Aws::start().await;
    let client = Client::new(&aws.config());
    let boundary = "arn:aws:iam::aws:policy/PowerUserAccess";
    let request = client
        .create_role()
        .role_name("web")
        .path("/landbridge/shop/")
        .description("runs <web> & \"more\"")
        .max_session_duration(7200)
        .permissions_boundary(boundary)
        .assume_role_policy_document(ecs_tasks())
        .tags(tag("team", "shop"))
        .tags(tag("empty", ""));
    request.send().await.unwrap();
    let answer = client.get_role().role_name("web").send().await.unwrap();
    let role = answer.role().unwrap();
    assert_eq!(role.arn(), "arn:aws:iam::123456789012:role/landbridge/shop/web");
    assert_eq!(role.path(), "/landbridge/shop/");
    assert_eq!(role.description(), Some("runs <web> & \"more\""));
    assert_eq!(role.max_session_duration(), Some(7200));
    assert_eq!(role.permissions_boundary().unwrap().permissions_boundary_arn(), Some(boundary));
    assert_eq!(role.tags(), [tag("team", "shop"), tag("empty", "")]);
    assert_eq!(role.create_date().secs(), aws.emulator.now().as_second());
    assert_eq!(decoded(role.assume_role_policy_document().unwrap()), ecs_tasks());
}

#[tokio::test]
async fn refusals_are_the_sdk_s_own_error_variants() {
    let aws = Aws::start().await;
    let client = Client::new(&aws.config());
    let missing = client.get_role().role_name("web").send().await.unwrap_err().into_service_error();
    assert!(missing.is_no_such_entity_exception(), "{missing:?}");
    assert_eq!(missing.message(), Some("The role with name web cannot be found."));
    create(&client, "web").await;
    let again = client.create_role().role_name("web").assume_role_policy_document(ecs_tasks()).send().await;
    assert!(again.unwrap_err().into_service_error().is_entity_already_exists_exception());
    let bad = client.create_role().role_name("bad").assume_role_policy_document("{").send().await;
    assert!(bad.unwrap_err().into_service_error().is_malformed_policy_document_exception());
    let name = client.create_role().role_name("a/b").assume_role_policy_document(ecs_tasks()).send().await;
    assert_eq!(name.unwrap_err().into_service_error().code(), Some("ValidationError"));
    let attach = client.attach_role_policy().role_name("web");
    let none = attach.policy_arn("arn:aws:iam::123456789012:policy/none").send().await;
    assert!(none.unwrap_err().into_service_error().is_no_such_entity_exception());
}

#[tokio::test]
async fn a_role_is_changed_in_all_its_parts() {
    let aws = Aws::start().await;
    let client = Client::new(&aws.config());
    create(&client, "web").await;
    client.update_role().role_name("web").description("new").max_session_duration(3600).send().await.unwrap();
    let pods = trust(&json!({"Service": "pods.eks.amazonaws.com"}), &json!({}));
    client.update_assume_role_policy().role_name("web").policy_document(&pods).send().await.unwrap();
    client.put_role_permissions_boundary().role_name("web").permissions_boundary(READ_ONLY).send().await.unwrap();
    client.tag_role().role_name("web").tags(tag("a", "1")).tags(tag("b", "2")).send().await.unwrap();
    client.untag_role().role_name("web").tag_keys("a").send().await.unwrap();
    let answer = client.get_role().role_name("web").send().await.unwrap();
    let role = answer.role().unwrap();
    assert_eq!(role.description(), Some("new"));
    assert_eq!(decoded(role.assume_role_policy_document().unwrap()), pods);
    assert_eq!(role.permissions_boundary().unwrap().permissions_boundary_arn(), Some(READ_ONLY));
    assert_eq!(role.tags(), [tag("b", "2")]);
    client.delete_role_permissions_boundary().role_name("web").send().await.unwrap();
    let tags = client.list_role_tags().role_name("web").send().await.unwrap();
    assert_eq!((tags.tags(), tags.is_truncated()), (&[tag("b", "2")][..], false));
    let answer = client.get_role().role_name("web").send().await.unwrap();
    assert!(answer.role().unwrap().permissions_boundary().is_none());
}

#[tokio::test]
async fn inline_and_attached_policies_hold_a_role_until_they_are_gone() {
    let aws = Aws::start().await;
    let client = Client::new(&aws.config());
    create(&client, "web").await;
    let put = client.put_role_policy().role_name("web").policy_name("s3");
    put.policy_document(bucket_policy()).send().await.unwrap();
    let got = client.get_role_policy().role_name("web").policy_name("s3").send().await.unwrap();
    assert_eq!(decoded(got.policy_document()), bucket_policy());
    assert_eq!(client.list_role_policies().role_name("web").send().await.unwrap().policy_names(), ["s3"]);
    let created = client.create_policy().policy_name("mine").path("/shop/").policy_document(bucket_policy());
    let arn = created.send().await.unwrap().policy().unwrap().arn().unwrap().to_owned();
    assert_eq!(arn, "arn:aws:iam::123456789012:policy/shop/mine");
    for policy in [arn.as_str(), READ_ONLY] {
        client.attach_role_policy().role_name("web").policy_arn(policy).send().await.unwrap();
    }
    let attached = client.list_attached_role_policies().role_name("web").send().await.unwrap();
    let arns: Vec<_> = attached.attached_policies().iter().filter_map(|policy| policy.policy_arn()).collect();
    assert_eq!(arns, [arn.as_str(), READ_ONLY]);
    let conflict = client.delete_role().role_name("web").send().await.unwrap_err().into_service_error();
    assert!(conflict.is_delete_conflict_exception(), "{conflict:?}");
    for policy in [arn.as_str(), READ_ONLY] {
        client.detach_role_policy().role_name("web").policy_arn(policy).send().await.unwrap();
    }
    let conflict = client.delete_role().role_name("web").send().await.unwrap_err().into_service_error();
    assert!(conflict.is_delete_conflict_exception(), "{conflict:?}");
    client.delete_role_policy().role_name("web").policy_name("s3").send().await.unwrap();
    let profiles = client.list_instance_profiles_for_role().role_name("web").send().await.unwrap();
    assert!(profiles.instance_profiles().is_empty());
    client.delete_role().role_name("web").send().await.unwrap();
    client.delete_policy().policy_arn(&arn).send().await.unwrap();
    let gone = client.get_policy().policy_arn(&arn).send().await.unwrap_err().into_service_error();
    assert!(gone.is_no_such_entity_exception());
}

#[tokio::test]
async fn pages_of_roles_and_of_role_details_together_give_every_role_once() {
    let aws = Aws::start().await;
    let client = Client::new(&aws.config());
    for n in 0..7 {
        create(&client, &format!("role-{n}")).await;
    }
    client.attach_role_policy().role_name("role-3").policy_arn(READ_ONLY).send().await.unwrap();
    let mut pages = client.list_roles().max_items(3).into_paginator().items().send();
    let mut names = Vec::new();
    while let Some(role) = pages.next().await {
        names.push(role.unwrap().role_name().to_owned());
    }
    let expected: Vec<_> = (0..7).map(|n| format!("role-{n}")).collect();
    assert_eq!(names, expected);
    let details = client.get_account_authorization_details().filter(EntityType::Role).max_items(3);
    let mut pages = details.into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        found.extend(page.unwrap().role_detail_list().to_vec());
    }
    assert_eq!(found.len(), 7);
    assert_eq!(found[3].attached_managed_policies()[0].policy_arn(), Some(READ_ONLY));
    assert_eq!(decoded(found[3].assume_role_policy_document().unwrap()), ecs_tasks());
}

#[tokio::test]
async fn an_oidc_provider_reads_back_and_policies_are_simulated() {
    let aws = Aws::start().await;
    let client = Client::new(&aws.config());
    let request = client.create_open_id_connect_provider().url("https://oidc.example.com/id/A");
    let made = request.client_id_list("sts.amazonaws.com").send().await.unwrap();
    let arn = made.open_id_connect_provider_arn().unwrap();
    let shown = client.get_open_id_connect_provider().open_id_connect_provider_arn(arn).send().await.unwrap();
    assert_eq!(
        (shown.url(), shown.client_id_list()),
        (Some("oidc.example.com/id/A"), ["sts.amazonaws.com".to_owned()].as_slice())
    );
    let policy =
        r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}}"#;
    let request = client.simulate_custom_policy().policy_input_list(policy).action_names("s3:GetObject");
    let answer = request.action_names("s3:PutObject").send().await.unwrap();
    let decisions: Vec<&str> = answer.evaluation_results().iter().map(|it| it.eval_decision().as_str()).collect();
    assert_eq!(decisions, ["allowed", "implicitDeny"]);
    // Actions are case insensitive, resources are not ("IAM JSON policy elements: Action" and "Resource").
    let policy = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "S3:get*", "Resource": "arn:aws:s3:::Shop/*"}}"#;
    let request = client.simulate_custom_policy().policy_input_list(policy).action_names("s3:GetObject");
    let request = request.resource_arns("arn:aws:s3:::Shop/a").resource_arns("arn:aws:s3:::shop/a");
    let answer = request.send().await.unwrap();
    let decisions: Vec<&str> = answer.evaluation_results().iter().map(|it| it.eval_decision().as_str()).collect();
    assert_eq!(decisions, ["allowed", "implicitDeny"]);
}
