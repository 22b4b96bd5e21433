//! Secrets Manager through aws-sdk-secretsmanager, Parameter Store over plain JSON (its SDK crate is by far the
//! slowest to compile), and what ECS tasks make of both.

use aws_sdk_ecs::types::{ContainerDefinition, Secret};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::primitives::Blob;
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType, RotationRulesType, Tag};
use serde_json::{Value, json};

use crate::ecs::{network, shop};
use crate::support::{ACCOUNT, Aws, REGION, on_both_fronts};

/// Matrix line "Secrets": CreateSecret, GetSecretValue, PutSecretValue, DescribeSecret, ListSecretVersionIds and
/// UpdateSecretVersionStage of the AWS Secrets Manager API reference.
#[tokio::test]
async fn versions_of_a_secret_move_their_labels_and_refusals_have_aws_s_codes() {
    on_both_fronts(async |aws| {
        let client = Client::new(&aws.config());
        let tag = Tag::builder().key("team").value("shop").build();
        let made = client.create_secret().name("db").secret_string("one").tags(tag).send().await.unwrap();
        let arn = made.arn().unwrap().to_owned();
        assert!(arn.starts_with(&format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:db-")));
        let again = client.create_secret().name("db").secret_string("x").send().await.unwrap_err().into_service_error();
        assert!(again.is_resource_exists_exception(), "{again:?}");
        let put = client.put_secret_value().secret_id(&arn).secret_string("two").send().await.unwrap();
        assert_eq!(put.version_stages(), ["AWSCURRENT"]);
        let value = client.get_secret_value().secret_id("db").send().await.unwrap();
        assert_eq!((value.secret_string(), value.version_id()), (Some("two"), put.version_id()));
        let previous = client.get_secret_value().secret_id("db").version_stage("AWSPREVIOUS").send().await.unwrap();
        assert_eq!((previous.secret_string(), previous.version_id()), (Some("one"), made.version_id()));
        let back = client.update_secret_version_stage().secret_id("db").version_stage("AWSCURRENT");
        let back = back.set_move_to_version_id(made.version_id().map(str::to_owned));
        let blind = back.clone().send().await.unwrap_err().into_service_error();
        assert!(blind.is_invalid_parameter_exception(), "{blind:?}");
        back.set_remove_from_version_id(put.version_id().map(str::to_owned)).send().await.unwrap();
        let value = client.get_secret_value().secret_id("db").send().await.unwrap();
        assert_eq!(value.secret_string(), Some("one"));
        let described = client.describe_secret().secret_id("db").send().await.unwrap();
        assert_eq!(described.tags()[0].value(), Some("shop"));
        assert_eq!(described.version_ids_to_stages().unwrap()[put.version_id().unwrap()], ["AWSPREVIOUS"]);
        let versions = client.list_secret_version_ids().secret_id("db").send().await.unwrap();
        assert_eq!(versions.versions().len(), 2);
        let none = client.get_secret_value().secret_id("none").send().await.unwrap_err().into_service_error();
        assert!(none.is_resource_not_found_exception(), "{none:?}");
        client.create_secret().name("raw").secret_binary(Blob::new([0, 255])).send().await.unwrap();
        let raw = client.get_secret_value().secret_id("raw").send().await.unwrap();
        assert_eq!(raw.secret_binary().unwrap().as_ref(), [0, 255]);
        let batch = client.batch_get_secret_value().secret_id_list("db").secret_id_list("none").send().await.unwrap();
        assert_eq!(batch.secret_values()[0].secret_string(), Some("one"));
        assert_eq!(batch.errors()[0].error_code(), Some("ResourceNotFoundException"));
        let filter = Filter::builder().key(FilterNameStringType::TagKey).values("te").build();
        let listed = client.list_secrets().filters(filter).send().await.unwrap();
        assert_eq!(listed.secret_list()[0].arn(), Some(arn.as_str()));
        assert_eq!(listed.secret_list().len(), 1);
    })
    .await;
}

/// RotateSecret, DeleteSecret ("RecoveryWindowInDays", "ForceDeleteWithoutRecovery") and RestoreSecret.
#[tokio::test]
async fn a_secret_is_rotated_deleted_restored_and_gone() {
    on_both_fronts(async |aws| {
        let client = Client::new(&aws.config());
        client.create_secret().name("db").secret_string(r#"{"password":"first"}"#).send().await.unwrap();
        let rules = RotationRulesType::builder().automatically_after_days(30).build();
        let rotate = client.rotate_secret().secret_id("db").rotation_rules(rules);
        let alone = rotate.clone().send().await.unwrap_err().into_service_error();
        assert!(alone.is_invalid_request_exception(), "{alone:?}");
        rotate.rotation_lambda_arn(format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:r")).send().await.unwrap();
        aws.pass(60);
        let value = client.get_secret_value().secret_id("db").send().await.unwrap();
        assert!(!value.secret_string().unwrap().contains("first"));
        let described = client.describe_secret().secret_id("db").send().await.unwrap();
        assert!(described.rotation_enabled() == Some(true) && described.next_rotation_date().is_some());
        let delete = client.delete_secret().secret_id("db");
        let short = delete.clone().recovery_window_in_days(3).send().await.unwrap_err().into_service_error();
        assert!(short.is_invalid_parameter_exception(), "{short:?}");
        let date = delete.clone().recovery_window_in_days(7).send().await.unwrap().deletion_date().unwrap().secs();
        assert_eq!(date, aws.emulator.now().as_second() + 7 * 86_400);
        let going = client.get_secret_value().secret_id("db").send().await.unwrap_err().into_service_error();
        assert!(going.is_invalid_request_exception(), "{going:?}");
        client.restore_secret().secret_id("db").send().await.unwrap();
        client.get_secret_value().secret_id("db").send().await.unwrap();
        delete.force_delete_without_recovery(true).send().await.unwrap();
        let gone = client.describe_secret().secret_id("db").send().await.unwrap_err().into_service_error();
        assert!(gone.is_resource_not_found_exception(), "{gone:?}");
        client.create_secret().name("db").secret_string("anew").send().await.unwrap();
    })
    .await;
}

/// Matrix line "Secrets": PutParameter ("Overwrite", "Version"), GetParameter and GetParameters of the AWS Systems
/// Manager API reference.
#[tokio::test]
async fn a_parameter_is_put_read_and_overwritten() {
    on_both_fronts(async |aws| {
        let call = async |operation: &str, input: Value| aws.json(&format!("AmazonSSM.{operation}"), &input).await;
        let put = json!({ "Name": "/shop/url", "Value": "one", "Type": "String" });
        assert_eq!(call("PutParameter", put.clone()).await, (200, json!({ "Version": 1, "Tier": "Standard" })));
        let (status, refused) = call("PutParameter", put).await;
        assert_eq!((status, &refused["__type"]), (400, &json!("ParameterAlreadyExists")));
        let over = json!({ "Name": "/shop/url", "Value": "two", "Overwrite": true });
        assert_eq!(call("PutParameter", over).await.1["Version"], 2);
        let read = call("GetParameter", json!({ "Name": "/shop/url:1" })).await.1;
        assert_eq!(read["Parameter"]["Value"], "one");
        assert_eq!(read["Parameter"]["ARN"], format!("arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/shop/url"));
        let several = call("GetParameters", json!({ "Names": ["/shop/url", "none"] })).await.1;
        assert_eq!(
            (&several["Parameters"][0]["Value"], &several["InvalidParameters"]),
            (&json!("two"), &json!(["none"]))
        );
        let (status, refused) = call("GetParameter", json!({ "Name": "none" })).await;
        assert_eq!((status, &refused["__type"]), (400, &json!("ParameterNotFound")));
        let (status, refused) = call("SendCommand", json!({})).await;
        assert_eq!((status, &refused["__type"]), (400, &json!("UnknownOperationException")));
    })
    .await;
}

/// "Pass sensitive data to an Amazon ECS container" and "ResourceInitializationError" in the Amazon ECS developer guide.
#[tokio::test]
async fn a_task_whose_secret_or_parameter_is_absent_does_not_start() {
    let aws = Aws::start().await;
    let ecs = shop(&aws).await;
    let secrets = Client::new(&aws.config());
    let secret = secrets.create_secret().name("db").secret_string(r#"{"password":"p"}"#).send().await.unwrap();
    let secret = secret.arn().unwrap().to_owned();
    let put = json!({ "Name": "/shop/url", "Value": "u", "Type": "String" });
    aws.json("AmazonSSM.PutParameter", &put).await;
    let unknown = format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:none-abcdef");
    for (value_from, why) in [
        (secret.clone(), ""),
        (format!("{secret}:password::"), ""),
        (format!("{secret}:user::"), "did not contain json key user"),
        (unknown.clone(), "Secrets Manager can't find the specified secret"),
        (unknown.replace(ACCOUNT, "999999999999"), ""),
        ("/shop/url".to_owned(), ""),
        (format!("arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/shop/url"), ""),
        ("/shop/none".to_owned(), "invalid ssm parameters: /shop/none"),
    ] {
        let secret = Secret::builder().name("SECRET").value_from(&value_from).build().unwrap();
        let container = ContainerDefinition::builder().name("web").image("nginx:1").secrets(secret).build();
        let definition = ecs.register_task_definition().family("secret").cpu("256").memory("512");
        let definition = definition.network_mode(aws_sdk_ecs::types::NetworkMode::Awsvpc);
        let definition = definition.execution_role_arn(format!("arn:aws:iam::{ACCOUNT}:role/execution"));
        definition.container_definitions(container).send().await.unwrap();
        let run = ecs.run_task().cluster("prod").task_definition("secret").network_configuration(network());
        let ran = run.launch_type(aws_sdk_ecs::types::LaunchType::Fargate).send().await.unwrap();
        let task = ran.tasks()[0].task_arn().unwrap();
        aws.pass(60);
        let seen = ecs.describe_tasks().cluster("prod").tasks(task).send().await.unwrap().tasks()[0].clone();
        let reason = seen.stopped_reason().unwrap_or_default();
        if why.is_empty() {
            assert_eq!((seen.last_status(), reason), (Some("RUNNING"), ""), "{value_from}");
        } else {
            assert!(reason.starts_with("ResourceInitializationError: ") && reason.contains(why), "{reason}");
            assert_eq!(seen.stop_code().unwrap().as_str(), "TaskFailedToStart");
        }
    }
}
