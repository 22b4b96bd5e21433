//! STS through aws-sdk-sts, and what its credentials are worth elsewhere.

use aws_credential_types::Credentials;
use aws_sdk_sts::Client;
use aws_sdk_sts::error::ProvideErrorMetadata as _;
use serde_json::json;

use crate::support::{ACCOUNT, Aws, trust};

const OTHER: &str = "444455556666";

/// A role in the other account that trusts this one with an external ID.
async fn role_elsewhere(aws: &Aws) -> String {
    let elsewhere = aws_sdk_iam::Client::new(&aws.config_of(Credentials::new(OTHER, "secret", None, None, "test")));
    let trusting = trust(&json!({"AWS": ACCOUNT}), &json!({"StringEquals": {"sts:ExternalId": "tenant-7"}}));
    let request = elsewhere.create_role().role_name("landbridge").assume_role_policy_document(trusting);
    request.send().await.unwrap().role().unwrap().arn().to_owned()
}

#[tokio::test]
async fn the_caller_identity_is_that_of_the_credentials() {
    let aws = Aws::start().await;
    let identity = Client::new(&aws.config()).get_caller_identity().send().await.unwrap();
    assert_eq!(identity.account(), Some(ACCOUNT));
    assert!(identity.arn().unwrap().starts_with("arn:aws:iam::123456789012:user/"));
}

#[tokio::test]
async fn calls_with_an_assumed_role_s_credentials_are_the_session_s_in_the_role_s_account() {
    let aws = Aws::start().await;
    let role = role_elsewhere(&aws).await;
    let client = Client::new(&aws.config());
    let assume = || client.assume_role().role_arn(&role).role_session_name("landbridge");
    let refused = assume().send().await.unwrap_err().into_service_error();
    assert_eq!(refused.code(), Some("AccessDenied"));
    let granted = assume().external_id("tenant-7").duration_seconds(900).send().await.unwrap();
    let given = granted.credentials().unwrap();
    assert_eq!(given.expiration().secs(), aws.emulator.now().as_second() + 900);
    let token = Some(given.session_token().to_owned());
    let session = Credentials::new(given.access_key_id(), given.secret_access_key(), token, None, "test");
    let config = aws.config_of(session);
    let identity = Client::new(&config).get_caller_identity().send().await.unwrap();
    let arn = "arn:aws:sts::444455556666:assumed-role/landbridge/landbridge";
    assert_eq!((identity.account(), identity.arn()), (Some(OTHER), Some(arn)));
    aws_sdk_cloudwatchlogs::Client::new(&config).create_log_group().log_group_name("x").send().await.unwrap();
    let calls = aws.emulator.calls();
    assert_eq!(calls.log().last().map(|call| call.principal.as_str()), Some(arn));
    // The group is in the other account: it is not this one's.
    let groups = aws_sdk_cloudwatchlogs::Client::new(&aws.config()).describe_log_groups().send().await.unwrap();
    assert!(groups.log_groups().is_empty());
    aws.pass(901);
    let expired = Client::new(&config).get_caller_identity().send().await.unwrap_err().into_service_error();
    assert_eq!(expired.code(), Some("ExpiredToken"));
    let expired = aws_sdk_ecs::Client::new(&config).list_clusters().send().await.unwrap_err().into_service_error();
    assert_eq!(expired.code(), Some("ExpiredTokenException"));
}

#[tokio::test]
async fn credentials_set_apart_for_tests_are_refused_in_every_protocol() {
    let aws = Aws::start().await;
    for (key, json_code, query_code) in [
        ("EXPIRED1", "ExpiredTokenException", "ExpiredToken"),
        ("DENIED1", "AccessDeniedException", "AccessDenied"),
        ("INVALID1", "UnrecognizedClientException", "InvalidClientTokenId"),
    ] {
        let config = aws.config_of(Credentials::new(key, "secret", None, None, "test"));
        let logs = aws_sdk_cloudwatchlogs::Client::new(&config).describe_log_groups().send().await;
        assert_eq!(logs.unwrap_err().into_service_error().code(), Some(json_code));
        let roles = aws_sdk_iam::Client::new(&config).list_roles().send().await;
        assert_eq!(roles.unwrap_err().into_service_error().code(), Some(query_code));
    }
}
