//! Amazon ECR through aws-sdk-ecr.

use aws_sdk_ecr::Client;
use aws_sdk_ecr::types::{ImageIdentifier, ImageTagMutability, Tag};
use serde_json::json;

use crate::support::{ACCOUNT, REGION, on_both_fronts};

/// Matrix line "ECR": CreateRepository, PutLifecyclePolicy and DescribeRepositories of the Amazon ECR API reference.
#[tokio::test]
async fn a_repository_has_a_lifecycle_policy_and_its_name_only_once() {
    on_both_fronts(async |aws| {
        let client = Client::new(&aws.config());
        let tag = Tag::builder().key("team").value("shop").build().unwrap();
        let create = client.create_repository().repository_name("shop/web").tags(tag);
        let made = create.clone().image_tag_mutability(ImageTagMutability::Immutable).send().await.unwrap();
        let made = made.repository().unwrap().clone();
        let uri = format!("{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/shop/web");
        assert_eq!(made.repository_uri(), Some(uri.as_str()));
        assert_eq!(made.created_at().unwrap().secs(), aws.emulator.now().as_second());
        let again = create.send().await.unwrap_err().into_service_error();
        assert!(again.is_repository_already_exists_exception(), "{again:?}");
        let rule = json!({
            "rulePriority": 1, "action": { "type": "expire" },
            "selection": { "tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 5 },
        });
        let text = json!({ "rules": [rule] }).to_string();
        let none = client.get_lifecycle_policy().repository_name("shop/web").send().await.unwrap_err();
        assert!(none.into_service_error().is_lifecycle_policy_not_found_exception());
        let put = client.put_lifecycle_policy().repository_name("shop/web").lifecycle_policy_text(&text);
        put.send().await.unwrap();
        let got = client.get_lifecycle_policy().repository_name("shop/web").send().await.unwrap();
        assert_eq!(got.lifecycle_policy_text(), Some(text.as_str()));
        let described = client.describe_repositories().repository_names("shop/web").send().await.unwrap();
        assert_eq!(described.repositories()[0].image_tag_mutability(), Some(&ImageTagMutability::Immutable));
        let tags = client.list_tags_for_resource().resource_arn(made.repository_arn().unwrap()).send().await.unwrap();
        assert_eq!(tags.tags()[0].value(), "shop");
        let token = client.get_authorization_token().send().await.unwrap().authorization_data()[0].clone();
        assert!(token.proxy_endpoint().unwrap().ends_with(".amazonaws.com") && token.expires_at().is_some());
    })
    .await;
}

/// PutImage, BatchGetImage, DescribeImages, BatchDeleteImage and DeleteRepository ("force").
#[tokio::test]
async fn images_are_put_found_and_deleted() {
    on_both_fronts(async |aws| {
        let client = Client::new(&aws.config());
        client.create_repository().repository_name("web").send().await.unwrap();
        let manifest = json!({ "schemaVersion": 2, "config": { "size": 2 }, "layers": [{ "size": 3 }] }).to_string();
        let put = client.put_image().repository_name("web").image_tag("v1").image_manifest(&manifest);
        let digest =
            put.clone().send().await.unwrap().image().unwrap().image_id().unwrap().image_digest().unwrap().to_owned();
        let again = put.send().await.unwrap_err().into_service_error();
        assert!(again.is_image_already_exists_exception(), "{again:?}");
        let by_tag = |tag: &str| ImageIdentifier::builder().image_tag(tag).build();
        let got = client.batch_get_image().repository_name("web").image_ids(by_tag("v1")).image_ids(by_tag("v2"));
        let got = got.send().await.unwrap();
        assert_eq!((got.images()[0].image_manifest(), got.failures().len()), (Some(manifest.as_str()), 1));
        let described =
            client.describe_images().repository_name("web").send().await.unwrap().image_details()[0].clone();
        assert_eq!((described.image_digest(), described.image_size_in_bytes()), (Some(digest.as_str()), Some(5)));
        let kept = client.delete_repository().repository_name("web").send().await.unwrap_err().into_service_error();
        assert!(kept.is_repository_not_empty_exception(), "{kept:?}");
        client.batch_delete_image().repository_name("web").image_ids(by_tag("v1")).send().await.unwrap();
        client.delete_repository().repository_name("web").send().await.unwrap();
        let gone = client.list_images().repository_name("web").send().await.unwrap_err().into_service_error();
        assert!(gone.is_repository_not_found_exception(), "{gone:?}");
    })
    .await;
}
