//! The kinds and the sample, as the API server itself judges them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test that cannot go on must fail.

use kube::api::DynamicObject;
use landbridge_sandbox::{
    ControlPlane,
    install::{apply_yaml, install_crds, seed},
};

#[tokio::test]
async fn the_api_server_takes_every_kind_and_the_whole_sample_twice_without_a_change() {
    let client = ControlPlane::shared_for_tests().await.unwrap().client().await.unwrap();
    install_crds(&client).await.unwrap();
    let once = seed(&client).await.unwrap();
    assert!(once.len() >= 7, "{once:?}");
    install_crds(&client).await.unwrap();
    let again = seed(&client).await.unwrap();
    // Not the resource version: while no operator has looked at an object, the API server notes anew that nobody owns the
    // status which the schema gives it.
    let specs = |objects: &[DynamicObject]| -> Vec<_> {
        objects.iter().map(|object| (object.metadata.uid.clone(), object.metadata.generation)).collect()
    };
    assert_eq!(specs(&once), specs(&again));
}

#[tokio::test]
async fn what_is_wrong_with_a_file_is_said_with_its_name() {
    let client = ControlPlane::shared_for_tests().await.unwrap().client().await.unwrap();
    for (text, says) in [
        ("{", "mine.yaml"),
        ("kind: ConfigMap\nmetadata: {name: x}", "apiVersion"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {}", "without a name"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\nnonsense: 1", "nonsense"),
    ] {
        let error = apply_yaml(&client, "mine.yaml", text).await.unwrap_err().to_string();
        assert!(error.contains(says) && error.contains("mine.yaml"), "{text:?}: {error}");
    }
}
