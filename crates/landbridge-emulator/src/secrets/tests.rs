//! Labels, deletion and rotation over time.

use serde_json::{Value, json};

use crate::bench::Bench;

fn call(bench: &mut Bench, op: &str, input: Value) -> Value {
    bench.call("secretsmanager", op, input).unwrap()
}

fn value(bench: &mut Bench, label: &str) -> String {
    let answer = call(bench, "GetSecretValue", json!({ "SecretId": "db", "VersionStage": label }));
    answer["SecretString"].as_str().unwrap().to_owned()
}

#[test]
fn a_new_value_is_current_and_the_one_before_it_previous() {
    let mut bench = Bench::new();
    call(&mut bench, "CreateSecret", json!({ "Name": "db", "SecretString": "one" }));
    let put = call(&mut bench, "PutSecretValue", json!({ "SecretId": "db", "SecretString": "two" }));
    assert_eq!(put["VersionStages"], json!(["AWSCURRENT"]));
    assert_eq!((value(&mut bench, "AWSCURRENT"), value(&mut bench, "AWSPREVIOUS")), ("two".into(), "one".into()));
    call(&mut bench, "PutSecretValue", json!({ "SecretId": "db", "SecretString": "three" }));
    assert_eq!(value(&mut bench, "AWSPREVIOUS"), "two");
    let versions = call(&mut bench, "ListSecretVersionIds", json!({ "SecretId": "db" }));
    assert_eq!(versions["Versions"].as_array().unwrap().len(), 2);
}

#[test]
fn the_same_token_with_the_same_value_is_one_version_and_with_another_is_refused() {
    let mut bench = Bench::new();
    call(&mut bench, "CreateSecret", json!({ "Name": "db", "SecretString": "one" }));
    let token = "01234567890123456789012345678901";
    let put = |value: &str| json!({ "SecretId": "db", "SecretString": value, "ClientRequestToken": token });
    call(&mut bench, "PutSecretValue", put("two"));
    call(&mut bench, "PutSecretValue", put("two"));
    let refusal = bench.call("secretsmanager", "PutSecretValue", put("three")).unwrap_err();
    assert_eq!(refusal.code, "ResourceExistsException");
}

#[test]
fn a_deleted_secret_can_be_restored_until_its_window_is_over() {
    let mut bench = Bench::new();
    call(&mut bench, "CreateSecret", json!({ "Name": "db", "SecretString": "one" }));
    let window = json!({ "SecretId": "db", "RecoveryWindowInDays": 7 });
    call(&mut bench, "DeleteSecret", window.clone());
    let read = json!({ "SecretId": "db" });
    let refusal = bench.call("secretsmanager", "GetSecretValue", read.clone()).unwrap_err();
    assert_eq!(refusal.code, "InvalidRequestException");
    call(&mut bench, "RestoreSecret", read.clone());
    assert_eq!(value(&mut bench, "AWSCURRENT"), "one");
    call(&mut bench, "DeleteSecret", window);
    bench.pass(8 * 86_400);
    let refusal = bench.call("secretsmanager", "DescribeSecret", read).unwrap_err();
    assert_eq!(refusal.code, "ResourceNotFoundException");
}

#[test]
fn rotation_changes_the_password_at_once_and_then_by_schedule() {
    let mut bench = Bench::new();
    let first = json!({ "user": "shop", "password": "first" }).to_string();
    call(&mut bench, "CreateSecret", json!({ "Name": "db", "SecretString": first }));
    let rotate = json!({
        "SecretId": "db", "RotationLambdaARN": "arn:aws:lambda:eu-west-1:123456789012:function:rotate",
        "RotationRules": { "AutomaticallyAfterDays": 30 },
    });
    call(&mut bench, "RotateSecret", rotate);
    bench.pass(60);
    let second: Value = serde_json::from_str(&value(&mut bench, "AWSCURRENT")).unwrap();
    assert_eq!(second["user"], "shop");
    assert_ne!(second["password"], "first");
    assert_eq!(value(&mut bench, "AWSPREVIOUS"), first);
    bench.pass(31 * 86_400);
    let third: Value = serde_json::from_str(&value(&mut bench, "AWSCURRENT")).unwrap();
    assert_ne!(third["password"], second["password"]);
    call(&mut bench, "CancelRotateSecret", json!({ "SecretId": "db" }));
    bench.pass(100 * 86_400);
    assert_eq!(value(&mut bench, "AWSCURRENT"), third.to_string());
    let described = call(&mut bench, "DescribeSecret", json!({ "SecretId": "db" }));
    assert_eq!(described["RotationEnabled"], false);
}
