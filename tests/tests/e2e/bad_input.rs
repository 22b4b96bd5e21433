//! Bad input: refused at admission, or `Stalled` with a constant reason and a sentence that says what to do. A healthy
//! service beside it is not disturbed, and AWS is asked to change nothing.

use kube::Api;
use kube::api::ListParams;
use landbridge_api::condition::reason;
use landbridge_api::v1alpha1::EcsService;
use landbridge_emulator::{Fault, FaultKind};
use landbridge_tests::outsider;
use serde_json::json;

use crate::neighbour::{Shop, create_role, object, service, service_in};

#[tokio::test(flavor = "multi_thread")]
async fn what_the_schema_or_a_rule_knows_is_refused_at_admission() {
    let shop = Shop::open().await;
    for (yaml, words) in refusals() {
        let said = shop.refused(&yaml).await;
        for word in words {
            assert!(said.contains(word), "it does not say {word:?}: {said}\n{yaml}");
        }
    }
    let services: Api<EcsService> = Api::all(shop.stage.client.clone());
    assert_eq!(services.list(&ListParams::default()).await.unwrap().items.len(), 1);
    shop.web_is_undisturbed().await;
    shop.nothing_was_written();
    shop.stage.end().await;
}

/// What is refused, and words that the refusal must hold.
fn refusals() -> Vec<(String, Vec<&'static str>)> {
    let containers = |names: &[&str]| {
        let each: Vec<String> = names.iter().map(|n| format!("    - {{name: {n}, image: nginx}}")).collect();
        service("bad", &format!("taskDefinition:\n  containerDefinitions:\n{}", each.join("\n")), "")
    };
    let eleven: Vec<String> = (0..11).map(|i| format!("c{i}")).collect();
    let eleven: Vec<&str> = eleven.iter().map(String::as_str).collect();
    let long = "x".repeat(256);
    let fargate = "launchType: FARGATE\ntaskDefinition:\n  cpu: 256\n  memory: 4096\n  containerDefinitions: [{name: main, image: nginx}]";
    let connect = "serviceConnectConfiguration: {enabled: true, services: [{portName: grpc}]}";
    vec![
        (service("bad", "desiredCont: 2", ""), vec!["desiredCont", "not declared in schema"]),
        (service("bad", "", "imge: nginx"), vec!["imge", "not declared in schema"]),
        (service("bad", "launchType: null", ""), vec!["spec.launchType", "null"]),
        (service("bad", "paused: maybe", ""), vec!["spec.paused", "boolean"]),
        (service("bad", "revisionHistoryLimit: [1]", ""), vec!["spec.revisionHistoryLimit", "expected numeric"]),
        (service("bad", fargate, ""), vec!["not a Fargate size", "256 takes 512, 1024 or 2048"]),
        (containers(&eleven), vec!["containerDefinitions", "at most 10"]),
        (containers(&["twin", "twin"]), vec!["containerDefinitions", "twin"]),
        (
            service("bad", connect, "portMappings: [{name: http, containerPort: 80}]"),
            vec!["portName must be the name of a port mapping"],
        ),
        (service("bad", &format!("serviceName: {long}"), ""), vec!["spec.serviceName", "255"]),
        (service("bad.name", "", ""), vec!["set spec.serviceName"]),
        (object("ECSCluster", "long", &format!("clusterName: {long}")), vec!["spec.clusterName", "255"]),
        (object("IAMTaskRole", "long", &format!("roleName: {}", &long[..65])), vec!["spec.roleName", "64"]),
        (
            object("CloudMapNamespace", "long", &format!("type: HTTP\nnamespaceName: {}", "x".repeat(1025))),
            vec!["spec.namespaceName", "1024"],
        ),
        (object("CloudMapNamespace", "novpc", "type: DNS_PRIVATE"), vec!["vpc is required for type DNS_PRIVATE"]),
        (object("AWSAccount", "other", "region: us-east-1\naccountId: '12'"), vec!["spec.accountId", "[0-9]"]),
        (
            service("bad", "taskDefinition: {containerDefinitions: [{name: main}]}", ""),
            vec!["spec.taskDefinition.containerDefinitions[0].image", "Required value"],
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_managed_policy_that_does_not_exist_stalls_when_it_is_aws_own_and_is_waited_for_otherwise() {
    let shop = Shop::open().await;
    let (typo, later) = ("arn:aws:iam::aws:policy/AmazonS3ReadOnlyAcess", "arn:aws:iam::000000000000:policy/later");
    let said = FaultKind::Error("NoSuchEntity".into(), format!("Policy {typo} does not exist or is not attachable."));
    shop.stage.emulator.fault(Fault::on("iam:AttachRolePolicy", said).times(1));
    shop.stage.apply(&object("IAMTaskRole", "typo", &format!("managedPolicyArns: ['{typo}']"))).await;
    shop.stalls("IAMTaskRole/shop/typo", reason::REFUSED_BY_AWS, &[typo, "correct the ARN"]).await;
    shop.stage.apply(&object("IAMTaskRole", "later", &format!("managedPolicyArns: ['{later}']"))).await;
    let message = shop.says("IAMTaskRole/shop/later", reason::WAITING).await;
    assert!(message.contains(later) && message.contains("make it, or correct the ARN"), "{message}");
    let policy =
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}).to_string();
    outsider::iam(&shop.stage.emulator, "CreatePolicy", &[("PolicyName", "later"), ("PolicyDocument", &policy)]);
    shop.says("IAMTaskRole/shop/later", reason::READY).await;
    shop.web_is_undisturbed().await;
    shop.stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_immutable_field_is_refused_and_what_is_there_stays() {
    let shop = Shop::open().await;
    let before = [
        object("ECSCluster", "fixed", "clusterName: fixed"),
        object("CloudMapNamespace", "fixed", "type: HTTP"),
        object("IAMTaskRole", "fixed", "roleName: fixed"),
    ];
    shop.stage.apply(&before.join("---")).await;
    for kind in ["ECSCluster/fixed", "CloudMapNamespace/fixed", "IAMTaskRole/shop/fixed"] {
        shop.says(kind, reason::READY).await;
    }
    shop.stage.emulator.take_calls();
    let after = [
        (object("ECSCluster", "fixed", "clusterName: other"), "clusterName is immutable: make another ECSCluster"),
        (object("CloudMapNamespace", "fixed", "type: DNS_PUBLIC"), "type is immutable: make another CloudMapNamespace"),
        (object("IAMTaskRole", "fixed", "roleName: other"), "roleName is immutable: make another IAMTaskRole"),
        (
            object("AWSAccount", "default", "region: eu-west-1\nallowedNamespaces: {names: ['*']}"),
            "region is immutable: make another AWSAccount",
        ),
        (
            service("web", "schedulingStrategy: DAEMON", "").replace("\n  desiredCount: 1", ""),
            "ECS cannot change schedulingStrategy of a service",
        ),
    ];
    for (yaml, words) in after {
        let said = shop.refused(&yaml).await;
        assert!(said.contains(words), "it does not say {words:?}: {said}");
    }
    // What only AWS knows to be immutable: the service runs on Fargate, by the cluster's default.
    shop.stage.apply(&service("web", "launchType: EC2", "")).await;
    shop.stalls("ECSService/shop/web", reason::IMMUTABLE_FIELD, &["launchType", "FARGATE", "spec.serviceName"]).await;
    shop.stage.apply(&service("web", "", "")).await;
    shop.says("ECSService/shop/web", reason::READY).await;
    shop.nothing_was_written();
    shop.stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_planner_can_know_stalls_and_says_what_to_do() {
    let shop = Shop::open().await;
    let long = format!("{}-{}", "a".repeat(30), "b".repeat(40));
    let many = [
        service(
            "size",
            "taskDefinition:\n  cpu: 256\n  memory: 4096\n  containerDefinitions: [{name: main, image: nginx}]",
            "",
        ),
        service(
            "units",
            "taskDefinition:\n  cpu: 0.3 vCPU\n  memory: 1 GB\n  containerDefinitions: [{name: main, image: nginx}]",
            "",
        ),
        service_in("blog", "stranger", "", ""),
        object("IAMTaskRole", &long, "description: its name is made of the namespace's and its own"),
        object("IAMTaskRole", "text", "policies: [{name: broken, document: '{\"Version\": '}]"),
        object(
            "IAMTaskRole",
            "shape",
            "policies: [{name: broken, document: {Version: '2012-10-17', Statement: [{Effect: Maybe, Action: '*', Resource: '*'}]}}]",
        ),
        service("copy", "serviceName: web", ""),
    ];
    shop.stage.apply(&many.join("---")).await;
    let invalid = reason::INVALID_SPEC;
    shop.stalls("ECSService/shop/size", invalid, &["memory is 4096 MiB", "512, 1024", "nearest"]).await;
    shop.stalls("ECSService/shop/units", invalid, &["0.3 vCPU", "write CPU units such as 256"]).await;
    let words = ["ECSCluster prod does not allow namespace blog", "add it to spec.allowedNamespaces"];
    shop.stalls("ECSService/blog/stranger", reason::NAMESPACE_NOT_ALLOWED, &words).await;
    let words = ["characters and IAM takes 64", "set spec.roleName"];
    shop.stalls(&format!("IAMTaskRole/shop/{long}"), invalid, &words).await;
    shop.stalls("IAMTaskRole/shop/text", invalid, &["spec.policies[broken].document", "JSON"]).await;
    shop.stalls("IAMTaskRole/shop/shape", invalid, &["spec.policies[broken].document", "Effect", "Allow"]).await;
    let words = ["ECSService/shop/web", "spec.serviceName"];
    shop.stalls("ECSService/shop/copy", reason::OWNERSHIP_CONFLICT, &words).await;
    shop.web_is_undisturbed().await;
    shop.nothing_was_written();
    // An edit is all it takes.
    shop.stage.apply(&service("size", "", "")).await;
    shop.stage.apply(&object("IAMTaskRole", "text", "description: no policy at all")).await;
    shop.says("ECSService/shop/size", reason::READY).await;
    shop.says("IAMTaskRole/shop/text", reason::READY).await;
    shop.web_is_undisturbed().await;
    shop.stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_to_nothing_or_across_namespaces_says_so_and_writes_nothing() {
    let shop = Shop::open().await;
    shop.stage.apply(&object("IAMTaskRole", "away", "").replace("spec:", "spec: {}").replace("shop", "blog")).await;
    shop.says("IAMTaskRole/blog/away", reason::READY).await;
    shop.stage.emulator.take_calls();
    let many = [
        service("nowhere", "clusterRef: {name: gone}", ""),
        service("roleless", "taskRoleRef: {name: gone}", ""),
        service("borrower", "executionRoleRef: {name: away}", ""),
        service("unnamed", "serviceDiscovery: {namespaceRef: {name: gone}}", ""),
        object("ECSCluster", "lost", "accountRef: {name: gone}"),
    ];
    shop.stage.apply(&many.join("---")).await;
    let cases = [
        ("ECSService/shop/nowhere", "spec.clusterRef names ECSCluster gone, which does not exist: create it"),
        ("ECSService/shop/roleless", "spec.taskRoleRef names IAMTaskRole shop/gone, which does not exist: create it"),
        ("ECSService/shop/borrower", "there is one in namespace blog, but references do not cross namespaces"),
        ("ECSService/shop/unnamed", "CloudMapNamespace gone, which does not exist: create it"),
        ("ECSCluster/lost", "AWSAccount gone"),
    ];
    for (object, words) in cases {
        shop.stalls(object, reason::REFERENCE_NOT_FOUND, &[words]).await;
    }
    shop.web_is_undisturbed().await;
    shop.nothing_was_written();
    shop.stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_outside_the_accounts_rules_is_refused_by_name_of_the_rule() {
    let shop = Shop::open().await;
    let rules = "region: us-east-1
allowedNamespaces: {names: [shop]}
iam:
  path: /teams/
  permissionsBoundary: arn:aws:iam::000000000000:policy/edge
  allowedManagedPolicies: ['arn:aws:iam::aws:policy/service-role/*']";
    shop.stage.apply(&object("AWSAccount", "strict", rules)).await;
    shop.says("AWSAccount/strict", reason::READY).await;
    let trust = json!({"Service": "ecs-tasks.amazonaws.com"});
    create_role(&shop, "elsewhere", "/legacy/", &trust);
    create_role(&shop, "somebodys", "/teams/", &trust);
    shop.stage.emulator.take_calls();
    let of = |name: &str, spec: &str| object("IAMTaskRole", name, &format!("accountRef: {{name: strict}}\n{spec}"));
    let many = [
        of("unbound", "permissionsBoundary: arn:aws:iam::000000000000:policy/none"),
        of("admin", "managedPolicyArns: ['arn:aws:iam::aws:policy/AdministratorAccess']"),
        of("moved", "roleName: elsewhere\nadoptionPolicy: Always"),
        of("taken", "roleName: somebodys"),
    ];
    shop.stage.apply(&many.join("---")).await;
    let outside = reason::OUTSIDE_ACCOUNT_RULES;
    let words = ["AWSAccount strict bounds every role with arn:aws:iam::000000000000:policy/edge", "take"];
    shop.stalls("IAMTaskRole/shop/unbound", outside, &words).await;
    let words = ["AdministratorAccess", "spec.iam.allowedManagedPolicies of AWSAccount strict", "take it away"];
    shop.stalls("IAMTaskRole/shop/admin", outside, &words).await;
    let words = ["/legacy/", "/teams/", "spec.roleName"];
    shop.stalls("IAMTaskRole/shop/moved", outside, &words).await;
    let words = ["carries no tag of Landbridge", "spec.adoptionPolicy", "choose another name"];
    shop.stalls("IAMTaskRole/shop/taken", reason::NAME_TAKEN, &words).await;
    shop.web_is_undisturbed().await;
    shop.nothing_was_written();
    shop.stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aws_name_that_somebody_else_uses_is_left_alone() {
    let shop = Shop::open().await;
    let aws = &shop.stage.emulator;
    outsider::call(aws, "ecs", "CreateCluster", &json!({"clusterName": "legacy"}));
    outsider::call(aws, "servicediscovery", "CreateHttpNamespace", &json!({"Name": "legacy"}));
    outsider::call(
        aws,
        "ecs",
        "RegisterTaskDefinition",
        &json!({"family": "legacy", "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
        "containerDefinitions": [{"name": "main", "image": "nginx"}]}),
    );
    outsider::call(
        aws,
        "ecs",
        "CreateService",
        &json!({"cluster": "prod", "serviceName": "legacy", "desiredCount": 1,
        "taskDefinition": "legacy", "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d4e5f60001"]}}}),
    );
    let names = ["the namespace", "its service"];
    shop.stage
        .eventually(names[0], async || {
            let list = outsider::call(aws, "servicediscovery", "ListNamespaces", &json!({}));
            list["Namespaces"].as_array().is_some_and(|all| all.len() == 1)
        })
        .await;
    aws.take_calls();
    let many = [
        object("ECSCluster", "legacy", "settings: [{name: containerInsights, value: enabled}]"),
        object("CloudMapNamespace", "legacy", "type: HTTP"),
        service("legacy", "", ""),
    ];
    shop.stage.apply(&many.join("---")).await;
    let words = ["carries no tag of Landbridge", "spec.adoptionPolicy", "choose another name"];
    for object in ["ECSCluster/legacy", "CloudMapNamespace/legacy", "ECSService/shop/legacy"] {
        shop.stalls(object, reason::NAME_TAKEN, &words).await;
    }
    shop.web_is_undisturbed().await;
    shop.nothing_was_written();
    // What was never ours outlives the object that wanted it.
    for object in ["ECSService/shop/legacy", "ECSCluster/legacy", "CloudMapNamespace/legacy"] {
        shop.delete(object).await;
        shop.gone(object).await;
    }
    shop.nothing_was_written();
    shop.stage.end().await;
}
