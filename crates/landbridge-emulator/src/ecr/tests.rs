//! Tags that move between images, immutability, and deletion.

use serde_json::{Value, json};

use crate::bench::Bench;

fn shop(mutability: &str) -> Bench {
    let mut bench = Bench::new();
    let create = json!({ "repositoryName": "shop/web", "imageTagMutability": mutability });
    bench.ok("ecr", "CreateRepository", create);
    bench
}

fn manifest(size: u64) -> String {
    json!({ "schemaVersion": 2, "config": { "size": 10 }, "layers": [{ "size": size }] }).to_string()
}

fn image(size: u64, tag: &str) -> Value {
    json!({ "repositoryName": "shop/web", "imageManifest": manifest(size), "imageTag": tag })
}

#[test]
fn a_tag_moves_to_the_image_that_was_put_last() {
    let mut bench = shop("MUTABLE");
    let first = bench.ok("ecr", "PutImage", image(90, "live"))["image"]["imageId"].clone();
    let second = bench.ok("ecr", "PutImage", image(190, "live"))["image"]["imageId"].clone();
    assert_ne!(first["imageDigest"], second["imageDigest"]);
    let asked = json!({ "repositoryName": "shop/web", "imageIds": [{ "imageTag": "live" }] });
    let described = bench.ok("ecr", "DescribeImages", asked)["imageDetails"].clone();
    assert_eq!(
        (&described[0]["imageDigest"], &described[0]["imageSizeInBytes"]),
        (&second["imageDigest"], &json!(200))
    );
    let untagged = json!({ "repositoryName": "shop/web", "filter": { "tagStatus": "UNTAGGED" } });
    let listed = bench.ok("ecr", "ListImages", untagged)["imageIds"].clone();
    assert_eq!(listed, json!([{ "imageDigest": first["imageDigest"] }]));
    assert_eq!(bench.code("ecr", "PutImage", image(190, "live")), "ImageAlreadyExistsException");
}

#[test]
fn an_immutable_tag_stays_where_it_is() {
    let mut bench = shop("IMMUTABLE");
    bench.ok("ecr", "PutImage", image(1, "v1"));
    assert_eq!(bench.code("ecr", "PutImage", image(2, "v1")), "ImageTagAlreadyExistsException");
    bench.ok("ecr", "PutImage", image(1, "v1-again"));
}

#[test]
fn an_image_goes_with_its_last_tag_or_by_its_digest() {
    let mut bench = shop("MUTABLE");
    bench.ok("ecr", "PutImage", image(1, "a"));
    bench.ok("ecr", "PutImage", image(1, "b"));
    let delete = |ids: Value| json!({ "repositoryName": "shop/web", "imageIds": ids });
    let list = json!({ "repositoryName": "shop/web" });
    bench.ok("ecr", "BatchDeleteImage", delete(json!([{ "imageTag": "a" }])));
    let left = bench.ok("ecr", "ListImages", list.clone())["imageIds"].clone();
    assert_eq!(left.as_array().unwrap().len(), 1);
    let gone = bench.ok("ecr", "BatchDeleteImage", delete(json!([{ "imageTag": "none" }, left[0]])));
    assert_eq!(gone["failures"][0]["failureCode"], "ImageNotFound");
    assert_eq!(bench.ok("ecr", "ListImages", list)["imageIds"], json!([]));
}

#[test]
fn what_ecr_refuses() {
    let mut bench = shop("MUTABLE");
    bench.ok("ecr", "PutImage", image(1, "a"));
    let of = |members: Value| {
        let mut input = json!({ "repositoryName": "shop/web" });
        input.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        input
    };
    let lifecycle = json!({ "rules": [{ "rulePriority": 1 }] }).to_string();
    for (op, input, code) in [
        ("CreateRepository", of(json!({})), "RepositoryAlreadyExistsException"),
        ("CreateRepository", json!({ "repositoryName": "Shop" }), "InvalidParameterException"),
        ("CreateRepository", json!({ "repositoryName": "shop//web" }), "InvalidParameterException"),
        ("DescribeRepositories", json!({ "repositoryNames": ["none"] }), "RepositoryNotFoundException"),
        ("DeleteRepository", of(json!({})), "RepositoryNotEmptyException"),
        ("PutLifecyclePolicy", of(json!({ "lifecyclePolicyText": lifecycle })), "InvalidParameterException"),
        ("GetLifecyclePolicy", of(json!({})), "LifecyclePolicyNotFoundException"),
        ("GetRepositoryPolicy", of(json!({})), "RepositoryPolicyNotFoundException"),
        ("DescribeImages", of(json!({ "imageIds": [{ "imageTag": "none" }] })), "ImageNotFoundException"),
        ("PutImage", of(json!({ "imageManifest": "{" })), "InvalidParameterException"),
        ("InitiateLayerUpload", of(json!({})), "UnknownOperationException"),
    ] {
        assert_eq!(bench.code("ecr", op, input.clone()), code, "{op} {input}");
    }
    bench.ok("ecr", "DeleteRepository", of(json!({ "force": true })));
}
