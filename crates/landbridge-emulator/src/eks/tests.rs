//! EKS as a client sees it, one behaviour per test.

#![allow(clippy::needless_pass_by_value)]

use serde_json::{Value, json};

use crate::bench::Bench;

const ROLE: &str = "arn:aws:iam::123456789012:role/pods";

fn ok(bench: &mut Bench, op: &str, input: Value) -> Value {
    bench.ok("eks", op, input)
}

fn code(bench: &mut Bench, op: &str, input: Value) -> String {
    bench.code("eks", op, input)
}

fn wanted(name: &str) -> Value {
    json!({"name": name, "roleArn": ROLE, "resourcesVpcConfig": {"subnetIds": ["subnet-1", "subnet-2"]}})
}

fn bench_with_cluster() -> Bench {
    let mut bench = Bench::new();
    ok(&mut bench, "CreateCluster", wanted("shop"));
    bench.pass(600);
    bench
}

fn association(namespace: &str, account: &str) -> Value {
    json!({"clusterName": "shop", "namespace": namespace, "serviceAccount": account, "roleArn": ROLE})
}

#[test]
fn a_cluster_is_creating_then_active_with_endpoint_and_issuer_then_deleting_then_gone() {
    let mut bench = Bench::new();
    let mut input = wanted("shop");
    input["tags"] = json!({"team": "shop"});
    input["version"] = json!("1.33");
    let made = ok(&mut bench, "CreateCluster", input)["cluster"].clone();
    assert_eq!((&made["status"], made.get("endpoint")), (&json!("CREATING"), None));
    assert_eq!(code(&mut bench, "DeleteCluster", json!({"name": "shop"})), "ResourceInUseException");
    bench.pass(600);
    let active = ok(&mut bench, "DescribeCluster", json!({"name": "shop"}))["cluster"].clone();
    assert_eq!(
        (&active["status"], &active["version"], &active["tags"]["team"]),
        (&json!("ACTIVE"), &json!("1.33"), &json!("shop"))
    );
    let issuer = active["identity"]["oidc"]["issuer"].as_str().unwrap();
    assert!(issuer.starts_with("https://oidc.eks.eu-west-1.amazonaws.com/id/"), "{issuer}");
    assert!(active["endpoint"].as_str().unwrap().contains(issuer.rsplit('/').next().unwrap()));
    assert_eq!(active["resourcesVpcConfig"]["endpointPublicAccess"], true);
    assert_eq!(ok(&mut bench, "DeleteCluster", json!({"name": "shop"}))["cluster"]["status"], "DELETING");
    bench.pass(600);
    assert_eq!(code(&mut bench, "DescribeCluster", json!({"name": "shop"})), "ResourceNotFoundException");
}

#[test]
fn bad_clusters_are_refused() {
    let mut bench = bench_with_cluster();
    assert_eq!(code(&mut bench, "CreateCluster", wanted("shop")), "ResourceInUseException");
    let with = |member: &str, value: Value| {
        let mut input = wanted("other");
        input[member] = value;
        input
    };
    for input in [
        with("name", json!("-x")),
        with("name", json!("x".repeat(101))),
        with("roleArn", json!("pods")),
        with("resourcesVpcConfig", json!({"subnetIds": ["subnet-1"]})),
        with("resourcesVpcConfig", Value::Null),
    ] {
        assert_eq!(code(&mut bench, "CreateCluster", input.clone()), "InvalidParameterException", "{input}");
    }
    let protected = with("deletionProtection", json!(true));
    ok(&mut bench, "CreateCluster", protected);
    bench.pass(600);
    assert_eq!(code(&mut bench, "DeleteCluster", json!({"name": "other"})), "InvalidRequestException");
    bench.world.strict_network = true;
    assert_eq!(code(&mut bench, "CreateCluster", wanted("third")), "InvalidParameterException");
}

#[test]
fn the_same_creation_again_answers_the_cluster_it_made() {
    let mut bench = Bench::new();
    let mut input = wanted("shop");
    input["clientRequestToken"] = json!("t1");
    let first = ok(&mut bench, "CreateCluster", input.clone());
    assert_eq!(ok(&mut bench, "CreateCluster", input), first);
}

#[test]
fn a_service_account_has_one_association_that_can_be_changed() {
    let mut bench = bench_with_cluster();
    let mut input = association("web", "api");
    input["tags"] = json!({"team": "shop"});
    let made = ok(&mut bench, "CreatePodIdentityAssociation", input)["association"].clone();
    let id = made["associationId"].as_str().unwrap().to_owned();
    let arn = format!("arn:aws:eks:eu-west-1:123456789012:podidentityassociation/shop/{id}");
    assert_eq!((&made["associationArn"], &made["tags"]["team"]), (&json!(arn), &json!("shop")));
    assert!(made.get("externalId").is_none());
    let again = bench.call("eks", "CreatePodIdentityAssociation", association("web", "api")).unwrap_err();
    assert_eq!((again.code.as_ref(), again.http_status), ("ResourceInUseException", 409));
    assert_eq!(again.message, format!("Association already exists: {id}"));
    let of = |extra: Value| {
        let mut input = json!({"clusterName": "shop", "associationId": id});
        for (member, value) in extra.as_object().unwrap() {
            input[member] = value.clone();
        }
        input
    };
    let target = "arn:aws:iam::444455556666:role/target";
    bench.pass(5);
    let changed =
        ok(&mut bench, "UpdatePodIdentityAssociation", of(json!({ "targetRoleArn": target })))["association"].clone();
    assert_eq!((&changed["roleArn"], &changed["targetRoleArn"]), (&json!(ROLE), &json!(target)));
    assert!(changed["externalId"].is_string() && changed["modifiedAt"].as_f64() > changed["createdAt"].as_f64());
    let back = ok(&mut bench, "UpdatePodIdentityAssociation", of(json!({"targetRoleArn": ""})))["association"].clone();
    assert!(back.get("targetRoleArn").is_none());
    ok(&mut bench, "DeletePodIdentityAssociation", of(json!({})));
    assert_eq!(code(&mut bench, "DescribePodIdentityAssociation", of(json!({}))), "ResourceNotFoundException");
    ok(&mut bench, "CreatePodIdentityAssociation", association("web", "api"));
}

#[test]
fn associations_are_listed_by_namespace_and_account_in_pages() {
    let mut bench = bench_with_cluster();
    for (namespace, account) in [("web", "c"), ("web", "a"), ("jobs", "b"), ("web", "b")] {
        ok(&mut bench, "CreatePodIdentityAssociation", association(namespace, account));
    }
    let list = |bench: &mut Bench, extra: Value| {
        let mut input = json!({"clusterName": "shop"});
        for (member, value) in extra.as_object().unwrap() {
            input[member] = value.clone();
        }
        ok(bench, "ListPodIdentityAssociations", input)
    };
    let names = |answer: &Value| -> Vec<String> {
        let items = answer["associations"].as_array().unwrap().iter();
        items
            .map(|it| format!("{}/{}", it["namespace"].as_str().unwrap(), it["serviceAccount"].as_str().unwrap()))
            .collect()
    };
    let first = list(&mut bench, json!({"maxResults": "3"}));
    assert_eq!(names(&first), ["web/c", "web/a", "jobs/b"]);
    let rest = list(&mut bench, json!({"nextToken": first["nextToken"]}));
    assert_eq!((names(&rest), rest.get("nextToken")), (vec!["web/b".to_owned()], None));
    assert_eq!(names(&list(&mut bench, json!({"namespace": "jobs"}))), ["jobs/b"]);
    assert_eq!(names(&list(&mut bench, json!({"namespace": "web", "serviceAccount": "a"}))), ["web/a"]);
}

#[test]
fn associations_need_a_cluster_that_is_ready_and_a_role() {
    let mut bench = Bench::new();
    assert_eq!(
        code(&mut bench, "CreatePodIdentityAssociation", association("web", "api")),
        "ResourceNotFoundException"
    );
    ok(&mut bench, "CreateCluster", wanted("shop"));
    assert_eq!(code(&mut bench, "CreatePodIdentityAssociation", association("web", "api")), "InvalidRequestException");
    bench.pass(600);
    let mut input = association("web", "api");
    input["roleArn"] = json!("pods");
    assert_eq!(code(&mut bench, "CreatePodIdentityAssociation", input), "InvalidParameterException");
    let mut input = association("web", "api");
    input["policy"] = json!("{");
    assert_eq!(code(&mut bench, "CreatePodIdentityAssociation", input), "InvalidParameterException");
}

#[test]
fn add_ons_become_active_and_go() {
    let mut bench = bench_with_cluster();
    let addon = json!({"clusterName": "shop", "addonName": "eks-pod-identity-agent"});
    assert_eq!(ok(&mut bench, "CreateAddon", addon.clone())["addon"]["status"], "CREATING");
    assert_eq!(code(&mut bench, "CreateAddon", addon.clone()), "ResourceInUseException");
    bench.pass(60);
    assert_eq!(ok(&mut bench, "DescribeAddon", addon.clone())["addon"]["status"], "ACTIVE");
    assert_eq!(
        ok(&mut bench, "ListAddons", json!({"clusterName": "shop"}))["addons"],
        json!(["eks-pod-identity-agent"])
    );
    assert_eq!(ok(&mut bench, "DeleteAddon", addon.clone())["addon"]["status"], "DELETING");
    bench.pass(60);
    assert_eq!(code(&mut bench, "DescribeAddon", addon), "ResourceNotFoundException");
}

#[test]
fn clusters_and_what_is_in_them_have_tags_until_they_are_gone() {
    let mut bench = bench_with_cluster();
    let cluster = "arn:aws:eks:eu-west-1:123456789012:cluster/shop";
    ok(&mut bench, "TagResource", json!({"resourceArn": cluster, "tags": {"a": "1", "b": "2"}}));
    ok(&mut bench, "UntagResource", json!({"resourceArn": cluster, "tagKeys": ["a"]}));
    assert_eq!(ok(&mut bench, "ListTagsForResource", json!({ "resourceArn": cluster }))["tags"], json!({"b": "2"}));
    let none = json!({"resourceArn": "arn:aws:eks:eu-west-1:123456789012:cluster/none"});
    assert_eq!(code(&mut bench, "ListTagsForResource", none), "NotFoundException");
    assert_eq!(code(&mut bench, "ListTagsForResource", json!({"resourceArn": "x"})), "BadRequestException");
    bench.account = "444455556666".to_owned();
    assert_eq!(code(&mut bench, "ListTagsForResource", json!({ "resourceArn": cluster })), "NotFoundException");
}
