//! Versions, labels, tiers, hierarchies and pages.

use serde_json::{Value, json};

use crate::bench::Bench;

fn put(bench: &mut Bench, name: &str, value: &str) -> Value {
    bench.ok("ssm", "PutParameter", json!({ "Name": name, "Value": value, "Type": "String", "Overwrite": true }))
}

fn get(bench: &mut Bench, name: &str) -> Value {
    bench.ok("ssm", "GetParameter", json!({ "Name": name }))["Parameter"].clone()
}

#[test]
fn versions_are_read_by_number_label_and_arn() {
    let mut bench = Bench::new();
    assert_eq!(put(&mut bench, "/shop/url", "one"), json!({ "Version": 1, "Tier": "Standard" }));
    put(&mut bench, "/shop/url", "two");
    let label = json!({ "Name": "/shop/url", "ParameterVersion": 1, "Labels": ["live", "1st", "aws-x"] });
    let labelled = bench.ok("ssm", "LabelParameterVersion", label);
    assert_eq!(labelled["InvalidLabels"], json!(["1st", "aws-x"]));
    let latest = get(&mut bench, "/shop/url");
    assert_eq!((&latest["Value"], &latest["Version"]), (&json!("two"), &json!(2)));
    let arn = latest["ARN"].as_str().unwrap().to_owned();
    assert_eq!(arn, "arn:aws:ssm:eu-west-1:123456789012:parameter/shop/url");
    assert_eq!(get(&mut bench, &arn)["Value"], "two");
    assert_eq!(get(&mut bench, &format!("{arn}:1"))["Value"], "one");
    let live = get(&mut bench, "/shop/url:live");
    assert_eq!((&live["Value"], &live["Selector"]), (&json!("one"), &json!(":live")));
    let code = |bench: &mut Bench, name: &str| bench.code("ssm", "GetParameter", json!({ "Name": name }));
    assert_eq!(code(&mut bench, "/shop/url:9"), "ParameterVersionNotFound");
    assert_eq!(code(&mut bench, "/shop/none"), "ParameterNotFound");
    // A label is on one version only.
    bench.ok("ssm", "LabelParameterVersion", json!({ "Name": "/shop/url", "Labels": ["live"] }));
    assert_eq!(get(&mut bench, "/shop/url:live")["Value"], "two");
    let history = bench.ok("ssm", "GetParameterHistory", json!({ "Name": "/shop/url" }));
    let labels: Vec<_> = history["Parameters"].as_array().unwrap().iter().map(|it| it["Labels"].clone()).collect();
    assert_eq!(labels, [json!([]), json!(["live"])]);
}

#[test]
fn the_hundred_and_first_version_removes_the_oldest_unless_it_has_a_label() {
    let mut bench = Bench::new();
    for number in 1..=101 {
        put(&mut bench, "n", &number.to_string());
    }
    assert_eq!(bench.code("ssm", "GetParameter", json!({ "Name": "n:1" })), "ParameterVersionNotFound");
    bench.ok("ssm", "LabelParameterVersion", json!({ "Name": "n", "ParameterVersion": 2, "Labels": ["keep"] }));
    let more = json!({ "Name": "n", "Value": "x", "Overwrite": true });
    assert_eq!(bench.code("ssm", "PutParameter", more), "ParameterMaxVersionLimitExceeded");
}

#[test]
fn a_standard_value_has_at_most_4_kb_and_an_advanced_one_8() {
    let mut bench = Bench::new();
    let of = |length: usize, tier: &str| json!({ "Name": format!("p{length}{tier}"), "Value": "x".repeat(length), "Type": "String", "Tier": tier });
    assert_eq!(bench.code("ssm", "PutParameter", of(4097, "Standard")), "ValidationException");
    assert_eq!(bench.ok("ssm", "PutParameter", of(4096, "Intelligent-Tiering"))["Tier"], "Standard");
    assert_eq!(bench.ok("ssm", "PutParameter", of(4097, "Intelligent-Tiering"))["Tier"], "Advanced");
    assert_eq!(bench.ok("ssm", "PutParameter", of(8192, "Advanced"))["Tier"], "Advanced");
    assert_eq!(bench.code("ssm", "PutParameter", of(8193, "Advanced")), "ValidationException");
    let smaller = json!({ "Name": "p8192Advanced", "Value": "x", "Tier": "Standard", "Overwrite": true });
    assert_eq!(bench.code("ssm", "PutParameter", smaller), "ValidationException");
}

#[test]
fn what_put_parameter_refuses() {
    let mut bench = Bench::new();
    put(&mut bench, "taken", "x");
    for (input, code) in [
        (json!({ "Name": "taken", "Value": "y", "Type": "String" }), "ParameterAlreadyExists"),
        (
            json!({ "Name": "taken", "Value": "y", "Type": "StringList", "Overwrite": true }),
            "HierarchyTypeMismatchException",
        ),
        (json!({ "Name": "new", "Value": "y" }), "ValidationException"),
        (json!({ "Name": "new", "Value": "", "Type": "String" }), "ValidationException"),
        (json!({ "Name": "new", "Value": "y", "Type": "Text" }), "ValidationException"),
        (json!({ "Name": "a b", "Value": "y", "Type": "String" }), "ValidationException"),
        (json!({ "Name": "aws-x", "Value": "y", "Type": "String" }), "ValidationException"),
        (json!({ "Name": "a/b", "Value": "y", "Type": "String" }), "ValidationException"),
        (json!({ "Name": "/aws/x", "Value": "y", "Type": "String" }), "AccessDeniedException"),
        (json!({ "Name": "/a".repeat(16), "Value": "y", "Type": "String" }), "HierarchyLevelLimitExceededException"),
    ] {
        assert_eq!(bench.code("ssm", "PutParameter", input.clone()), code, "{input}");
    }
}

#[test]
fn a_path_gives_its_children_or_everything_below_it_page_by_page() {
    let mut bench = Bench::new();
    for name in ["/shop/a", "/shop/b", "/shop/deep/c", "/shopping/d", "shop"] {
        put(&mut bench, name, "x");
    }
    let mut names = |input: Value| -> Vec<String> {
        let (mut names, mut token) = (Vec::new(), Value::Null);
        loop {
            let mut input = input.clone();
            input["NextToken"] = token;
            let page = bench.ok("ssm", "GetParametersByPath", input);
            names.extend(
                page["Parameters"].as_array().unwrap().iter().map(|it| it["Name"].as_str().unwrap().to_owned()),
            );
            token = page["NextToken"].clone();
            if token.is_null() {
                return names;
            }
        }
    };
    assert_eq!(names(json!({ "Path": "/shop" })), ["/shop/a", "/shop/b"]);
    assert_eq!(
        names(json!({ "Path": "/shop/", "Recursive": true, "MaxResults": 1 })),
        ["/shop/a", "/shop/b", "/shop/deep/c"]
    );
    assert!(names(json!({ "Path": "/", "Recursive": true })).iter().all(|name| !name.starts_with("/aws/")));
    let image = "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended";
    assert!(names(json!({ "Path": image })).contains(&format!("{image}/image_id")));
}

#[test]
fn a_secure_string_is_shown_only_to_who_wants_it_decrypted() {
    let mut bench = Bench::new();
    bench.ok("ssm", "PutParameter", json!({ "Name": "key", "Value": "hidden", "Type": "SecureString" }));
    assert_ne!(get(&mut bench, "key")["Value"], "hidden");
    let open = bench.ok("ssm", "GetParameter", json!({ "Name": "key", "WithDecryption": true }));
    assert_eq!(open["Parameter"]["Value"], "hidden");
    let described = bench.ok("ssm", "DescribeParameters", json!({}));
    assert_eq!(described["Parameters"][0]["KeyId"], "alias/aws/ssm");
}

#[test]
fn parameters_are_found_by_tag_name_and_type_and_deleted_together() {
    let mut bench = Bench::new();
    put(&mut bench, "one", "1");
    put(&mut bench, "two", "2");
    let tag = json!({ "ResourceType": "Parameter", "ResourceId": "one", "Tags": [{ "Key": "team", "Value": "shop" }] });
    bench.ok("ssm", "AddTagsToResource", tag);
    let filter = json!({ "ParameterFilters": [{ "Key": "tag:team", "Values": ["shop"] }] });
    let found = bench.ok("ssm", "DescribeParameters", filter);
    assert_eq!(found["Parameters"].as_array().unwrap().len(), 1);
    let resource = json!({ "ResourceType": "Parameter", "ResourceId": "one" });
    assert_eq!(bench.ok("ssm", "ListTagsForResource", resource)["TagList"][0]["Value"], "shop");
    let wrong = json!({ "ParameterFilters": [{ "Key": "Colour", "Values": ["red"] }] });
    assert_eq!(bench.code("ssm", "DescribeParameters", wrong), "InvalidFilterKey");
    let gone = bench.ok("ssm", "DeleteParameters", json!({ "Names": ["one", "two", "three"] }));
    assert_eq!(gone, json!({ "DeletedParameters": ["one", "two"], "InvalidParameters": ["three"] }));
}
