//! IAM as a client sees it, one behaviour per test.

#![allow(clippy::needless_pass_by_value)]

use serde_json::{Value, json};

use super::TrustRequest;
use crate::bench::Bench;

const READ_ONLY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";

fn trust() -> String {
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole",
    }]})
    .to_string()
}

fn permissions(padding: usize) -> String {
    let bucket = format!("arn:aws:s3:::{}", "b".repeat(padding));
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": bucket}]})
        .to_string()
}

fn create(bench: &mut Bench, name: &str, extra: Value) -> Result<Value, String> {
    let mut input = json!({"RoleName": name, "AssumeRolePolicyDocument": trust()});
    for (key, value) in extra.as_object().into_iter().flatten() {
        input[key] = value.clone();
    }
    bench.call("iam", "CreateRole", input).map_err(|refusal| refusal.code.into_owned())
}

fn bench_with(name: &str) -> Bench {
    let mut bench = Bench::new();
    create(&mut bench, name, json!({})).unwrap();
    bench
}

#[test]
fn what_a_role_is_created_with_is_what_get_role_answers() {
    let mut bench = Bench::new();
    let boundary = "arn:aws:iam::aws:policy/PowerUserAccess";
    let given = json!({
        "Path": "/landbridge/", "Description": "runs web", "MaxSessionDuration": "7200", "PermissionsBoundary": boundary,
        "Tags": [{"Key": "team", "Value": "shop"}, {"Key": "empty", "Value": ""}],
    });
    create(&mut bench, "web", given).unwrap();
    let role = bench.ok("iam", "GetRole", json!({"RoleName": "web"}))["Role"].clone();
    assert_eq!(role["Arn"], "arn:aws:iam::123456789012:role/landbridge/web");
    assert_eq!(role["Path"], "/landbridge/");
    assert_eq!(role["Description"], "runs web");
    assert_eq!(role["MaxSessionDuration"], 7200);
    assert_eq!(role["PermissionsBoundary"]["PermissionsBoundaryArn"], boundary);
    assert_eq!(role["Tags"], json!([{"Key": "team", "Value": "shop"}, {"Key": "empty", "Value": ""}]));
    assert_eq!(role["CreateDate"], "2026-01-01T00:00:00Z");
    assert!(role["RoleId"].as_str().unwrap().starts_with("AROA"));
}

#[test]
fn the_trust_policy_is_answered_percent_encoded() {
    let mut bench = bench_with("web");
    let role = bench.ok("iam", "GetRole", json!({"RoleName": "web"}))["Role"].clone();
    let encoded = role["AssumeRolePolicyDocument"].as_str().unwrap();
    assert!(encoded.starts_with("%7B%22"), "{encoded}");
    let decoded = percent_encoding::percent_decode_str(encoded).decode_utf8().unwrap();
    assert_eq!(decoded, trust());
}

#[test]
fn a_name_that_differs_only_in_case_is_taken() {
    let mut bench = bench_with("web");
    assert_eq!(create(&mut bench, "WEB", json!({})), Err("EntityAlreadyExists".to_owned()));
}

#[test]
fn an_unknown_role_is_no_such_entity_for_every_operation() {
    let mut bench = Bench::new();
    let input = json!({
        "RoleName": "nobody", "PolicyName": "p", "PolicyDocument": permissions(1), "PolicyArn": READ_ONLY,
        "PermissionsBoundary": READ_ONLY, "Tags": [], "TagKeys": [], "Description": "d",
    });
    for op in [
        "GetRole",
        "UpdateRole",
        "UpdateRoleDescription",
        "DeleteRole",
        "PutRolePolicy",
        "GetRolePolicy",
        "ListRolePolicies",
        "DeleteRolePolicy",
        "AttachRolePolicy",
        "ListAttachedRolePolicies",
        "DetachRolePolicy",
        "PutRolePermissionsBoundary",
        "DeleteRolePermissionsBoundary",
        "TagRole",
        "UntagRole",
        "ListRoleTags",
        "ListInstanceProfilesForRole",
    ] {
        assert_eq!(bench.code("iam", op, input.clone()), "NoSuchEntity", "{op}");
    }
    let trust = json!({"RoleName": "nobody", "PolicyDocument": trust()});
    assert_eq!(bench.code("iam", "UpdateAssumeRolePolicy", trust), "NoSuchEntity");
}

#[test]
fn bad_names_paths_durations_and_descriptions_are_validation_errors() {
    let mut bench = Bench::new();
    for (name, extra) in [
        ("a/b", json!({})),
        ("", json!({})),
        (&"x".repeat(65), json!({})),
        ("web", json!({"Path": "no-slash"})),
        ("web", json!({"MaxSessionDuration": "60"})),
        ("web", json!({"Description": "d".repeat(1001)})),
        ("web", json!({"Tags": [{"Key": "", "Value": "v"}]})),
        ("web", json!({"PermissionsBoundary": "not-an-arn-at-all-but-long"})),
    ] {
        assert_eq!(create(&mut bench, name, extra.clone()), Err("ValidationError".to_owned()), "{name} {extra}");
    }
}

#[test]
fn a_trust_policy_longer_than_the_quota_is_refused_and_white_space_does_not_count() {
    let mut bench = Bench::new();
    let padded = format!("{}{}", trust(), " ".repeat(4000));
    create(&mut bench, "wide", json!({"AssumeRolePolicyDocument": padded})).unwrap();
    let long = json!({"Version": "2012-10-17", "Statement": [{
        "Sid": "s".repeat(2048), "Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole",
    }]});
    let refused = create(&mut bench, "long", json!({"AssumeRolePolicyDocument": long.to_string()}));
    assert_eq!(refused, Err("LimitExceeded".to_owned()));
}

#[test]
fn a_trust_policy_that_names_a_role_that_does_not_exist_is_malformed() {
    let mut bench = bench_with("caller");
    let naming = |name: &str| {
        let statement = json!({"Effect": "Allow", "Action": "sts:AssumeRole",
                               "Principal": {"AWS": format!("arn:aws:iam::123456789012:role/{name}")}});
        json!({"AssumeRolePolicyDocument": json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()})
    };
    create(&mut bench, "first", naming("caller")).unwrap();
    assert_eq!(create(&mut bench, "second", naming("missing")), Err("MalformedPolicyDocument".to_owned()));
}

#[test]
fn roles_are_listed_by_path_and_page_without_tags_and_boundary() {
    let mut bench = Bench::new();
    for name in ["a", "b", "c"] {
        create(&mut bench, name, json!({"Path": "/x/", "Tags": [{"Key": "k", "Value": "v"}]})).unwrap();
    }
    create(&mut bench, "other", json!({})).unwrap();
    let first = bench.ok("iam", "ListRoles", json!({"PathPrefix": "/x/", "MaxItems": "2"}));
    assert_eq!(first["IsTruncated"], true);
    let names = |page: &Value| -> Vec<String> {
        page["Roles"].as_array().unwrap().iter().map(|role| role["RoleName"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&first), ["a", "b"]);
    assert!(first["Roles"][0].get("Tags").is_none());
    let second = bench.ok("iam", "ListRoles", json!({"PathPrefix": "/x/", "Marker": first["Marker"]}));
    assert_eq!((names(&second), &second["IsTruncated"]), (vec!["c".to_owned()], &json!(false)));
    assert_eq!(bench.code("iam", "ListRoles", json!({"Marker": "!!"})), "ValidationError");
}

#[test]
fn update_role_changes_what_is_given_and_leaves_the_rest() {
    let mut bench = Bench::new();
    create(&mut bench, "web", json!({"Description": "old"})).unwrap();
    bench.ok("iam", "UpdateRole", json!({"RoleName": "web", "MaxSessionDuration": "7200"}));
    let role = bench.ok("iam", "GetRole", json!({"RoleName": "web"}))["Role"].clone();
    assert_eq!((&role["Description"], &role["MaxSessionDuration"]), (&json!("old"), &json!(7200)));
}

#[test]
fn inline_policies_round_trip_and_their_total_size_is_limited() {
    let mut bench = bench_with("web");
    let put =
        |name: &str, size: usize| json!({"RoleName": "web", "PolicyName": name, "PolicyDocument": permissions(size)});
    bench.ok("iam", "PutRolePolicy", put("one", 5000));
    bench.ok("iam", "PutRolePolicy", put("one", 5000));
    assert_eq!(bench.code("iam", "PutRolePolicy", put("two", 5200)), "LimitExceeded");
    bench.ok("iam", "PutRolePolicy", put("two", 10));
    let listed = bench.ok("iam", "ListRolePolicies", json!({"RoleName": "web"}));
    assert_eq!(listed["PolicyNames"], json!(["one", "two"]));
    let got = bench.ok("iam", "GetRolePolicy", json!({"RoleName": "web", "PolicyName": "two"}));
    let text = percent_encoding::percent_decode_str(got["PolicyDocument"].as_str().unwrap()).decode_utf8().unwrap();
    assert_eq!(text, permissions(10));
    bench.ok("iam", "DeleteRolePolicy", json!({"RoleName": "web", "PolicyName": "two"}));
    assert_eq!(bench.code("iam", "GetRolePolicy", json!({"RoleName": "web", "PolicyName": "two"})), "NoSuchEntity");
    let bad = json!({"RoleName": "web", "PolicyName": "bad", "PolicyDocument": "{"});
    assert_eq!(bench.code("iam", "PutRolePolicy", bad), "MalformedPolicyDocument");
}

#[test]
fn aws_managed_policies_always_exist_and_customer_managed_ones_must_be_created() {
    let mut bench = bench_with("web");
    let mine = "arn:aws:iam::123456789012:policy/mine";
    let with = |arn: &str| json!({"RoleName": "web", "PolicyArn": arn});
    bench.ok("iam", "AttachRolePolicy", with(READ_ONLY));
    bench.ok("iam", "AttachRolePolicy", with(READ_ONLY));
    assert_eq!(bench.code("iam", "AttachRolePolicy", with(mine)), "NoSuchEntity");
    bench.ok("iam", "CreatePolicy", json!({"PolicyName": "mine", "PolicyDocument": permissions(1)}));
    bench.ok("iam", "AttachRolePolicy", with(mine));
    let listed = bench.ok("iam", "ListAttachedRolePolicies", json!({"RoleName": "web"}));
    let expected =
        json!([{"PolicyName": "mine", "PolicyArn": mine}, {"PolicyName": "ReadOnlyAccess", "PolicyArn": READ_ONLY}]);
    assert_eq!(listed["AttachedPolicies"], expected);
    assert_eq!(bench.ok("iam", "GetPolicy", json!({"PolicyArn": mine}))["Policy"]["AttachmentCount"], 1);
    assert_eq!(bench.code("iam", "DeletePolicy", json!({"PolicyArn": mine})), "DeleteConflict");
    bench.ok("iam", "DetachRolePolicy", with(mine));
    assert_eq!(bench.code("iam", "DetachRolePolicy", with(mine)), "NoSuchEntity");
    bench.ok("iam", "DeletePolicy", json!({"PolicyArn": mine}));
    assert_eq!(bench.code("iam", "GetPolicy", json!({"PolicyArn": mine})), "NoSuchEntity");
}

#[test]
fn an_eleventh_managed_policy_is_over_the_quota() {
    let mut bench = bench_with("web");
    for n in 0..10 {
        let arn = format!("arn:aws:iam::aws:policy/P{n}");
        bench.ok("iam", "AttachRolePolicy", json!({"RoleName": "web", "PolicyArn": arn}));
    }
    assert_eq!(
        bench.code("iam", "AttachRolePolicy", json!({"RoleName": "web", "PolicyArn": READ_ONLY})),
        "LimitExceeded"
    );
}

#[test]
fn a_role_is_deleted_only_when_nothing_hangs_on_it() {
    let mut bench = bench_with("web");
    let role = json!({"RoleName": "web"});
    bench.ok("iam", "AttachRolePolicy", json!({"RoleName": "web", "PolicyArn": READ_ONLY}));
    assert_eq!(bench.code("iam", "DeleteRole", role.clone()), "DeleteConflict");
    bench.ok("iam", "DetachRolePolicy", json!({"RoleName": "web", "PolicyArn": READ_ONLY}));
    bench.ok("iam", "PutRolePolicy", json!({"RoleName": "web", "PolicyName": "p", "PolicyDocument": permissions(1)}));
    assert_eq!(bench.code("iam", "DeleteRole", role.clone()), "DeleteConflict");
    bench.ok("iam", "DeleteRolePolicy", json!({"RoleName": "web", "PolicyName": "p"}));
    bench.ok("iam", "PutRolePermissionsBoundary", json!({"RoleName": "web", "PermissionsBoundary": READ_ONLY}));
    bench.ok("iam", "DeleteRole", role.clone());
    assert_eq!(bench.code("iam", "GetRole", role), "NoSuchEntity");
}

#[test]
fn the_boundary_can_be_put_and_deleted_once() {
    let mut bench = bench_with("web");
    let missing = json!({"RoleName": "web", "PermissionsBoundary": "arn:aws:iam::123456789012:policy/none"});
    assert_eq!(bench.code("iam", "PutRolePermissionsBoundary", missing), "NoSuchEntity");
    bench.ok("iam", "PutRolePermissionsBoundary", json!({"RoleName": "web", "PermissionsBoundary": READ_ONLY}));
    bench.ok("iam", "DeleteRolePermissionsBoundary", json!({"RoleName": "web"}));
    assert_eq!(bench.code("iam", "DeleteRolePermissionsBoundary", json!({"RoleName": "web"})), "NoSuchEntity");
}

#[test]
fn role_tags_are_merged_without_regard_to_case_and_limited_to_fifty() {
    let mut bench = bench_with("web");
    let tag = |tags: Value| json!({"RoleName": "web", "Tags": tags});
    bench.ok("iam", "TagRole", tag(json!([{"Key": "Team", "Value": "a"}])));
    bench.ok("iam", "TagRole", tag(json!([{"Key": "team", "Value": "b"}])));
    let tags = bench.ok("iam", "ListRoleTags", json!({"RoleName": "web"}))["Tags"].clone();
    assert_eq!(tags, json!([{"Key": "Team", "Value": "b"}]));
    let many: Vec<_> = (0..50).map(|n| json!({"Key": format!("k{n}"), "Value": ""})).collect();
    assert_eq!(bench.code("iam", "TagRole", tag(json!(many))), "LimitExceeded");
    let twice = json!([{"Key": "a", "Value": ""}, {"Key": "A", "Value": ""}]);
    assert_eq!(bench.code("iam", "TagRole", tag(twice)), "InvalidInput");
    assert_eq!(bench.code("iam", "TagRole", tag(json!([{"Key": "aws:x", "Value": ""}]))), "InvalidInput");
    bench.ok("iam", "UntagRole", json!({"RoleName": "web", "TagKeys": ["TEAM"]}));
    assert_eq!(bench.ok("iam", "ListRoleTags", json!({"RoleName": "web"}))["Tags"], json!([]));
}

#[test]
fn authorization_details_give_whole_roles_in_pages() {
    let mut bench = Bench::new();
    for name in ["a", "b", "c"] {
        create(&mut bench, name, json!({"Tags": [{"Key": "k", "Value": "v"}]})).unwrap();
    }
    bench.ok("iam", "PutRolePolicy", json!({"RoleName": "a", "PolicyName": "p", "PolicyDocument": permissions(1)}));
    bench.ok("iam", "AttachRolePolicy", json!({"RoleName": "a", "PolicyArn": READ_ONLY}));
    bench.ok("iam", "CreatePolicy", json!({"PolicyName": "mine", "PolicyDocument": permissions(1)}));
    let first = bench.ok("iam", "GetAccountAuthorizationDetails", json!({"Filter": ["Role"], "MaxItems": "2"}));
    let role = &first["RoleDetailList"][0];
    assert_eq!(role["RolePolicyList"][0]["PolicyName"], "p");
    assert_eq!(role["AttachedManagedPolicies"][0]["PolicyArn"], READ_ONLY);
    assert_eq!(role["Tags"][0]["Value"], "v");
    let rest = json!({"Filter": ["Role"], "Marker": first["Marker"]});
    let second = bench.ok("iam", "GetAccountAuthorizationDetails", rest);
    assert_eq!(second["RoleDetailList"].as_array().unwrap().len(), 1);
    assert_eq!(second["IsTruncated"], false);
    let all = bench.ok("iam", "GetAccountAuthorizationDetails", json!({}));
    assert_eq!((all["RoleDetailList"].as_array().unwrap().len(), all["Policies"].as_array().unwrap().len()), (3, 1));
    let bad = json!({"Filter": ["Robot"]});
    assert_eq!(bench.code("iam", "GetAccountAuthorizationDetails", bad), "ValidationError");
}

#[test]
fn other_services_see_a_role_and_its_new_trust_only_after_propagation() {
    let mut bench = Bench::new();
    bench.world.timings.iam_propagation = std::time::Duration::from_secs(5);
    create(&mut bench, "web", json!({})).unwrap();
    let arn = "arn:aws:iam::123456789012:role/web";
    let view = |bench: &Bench| bench.world.services.iam.role(arn, "eu-west-1", bench.world.now).unwrap();
    assert!(!view(&bench).usable);
    bench.pass(5);
    assert!(view(&bench).usable && view(&bench).trusts_ecs_tasks);
    let pods = trust().replace("ecs-tasks", "pods.eks");
    bench.ok("iam", "UpdateAssumeRolePolicy", json!({"RoleName": "web", "PolicyDocument": pods}));
    assert!(view(&bench).trusts_ecs_tasks);
    bench.pass(5);
    assert!(!view(&bench).trusts_ecs_tasks);
    let request = TrustRequest::for_ecs_tasks("123456789012", "eu-west-1");
    let role = bench.world.services.iam.by_arn(arn).unwrap();
    assert!(!role.trust_at(bench.world.now).allows(&request));
}

#[test]
fn an_account_s_thousand_and_first_role_is_refused_while_quotas_are_enforced() {
    let mut bench = Bench::new();
    for n in 0..1000 {
        create(&mut bench, &format!("r{n}"), json!({})).unwrap();
    }
    bench.world.quotas.enforce(true);
    assert_eq!(create(&mut bench, "more", json!({})), Err("LimitExceeded".to_owned()));
    bench.world.quotas.enforce(false);
    create(&mut bench, "more", json!({})).unwrap();
}

#[test]
fn an_operation_that_iam_does_not_have_is_an_invalid_action() {
    assert_eq!(Bench::new().code("iam", "MakeCoffee", json!({})), "InvalidAction");
}

#[test]
fn an_oidc_provider_is_there_once_changes_and_may_be_deleted_twice() {
    let mut bench = Bench::new();
    let made = json!({"Url": "https://oidc.eks.eu-west-1.amazonaws.com/id/A", "ClientIDList": ["sts.amazonaws.com"]});
    let arn = bench.ok("iam", "CreateOpenIDConnectProvider", made.clone())["OpenIDConnectProviderArn"].clone();
    assert_eq!(arn, "arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/A");
    assert_eq!(bench.call("iam", "CreateOpenIDConnectProvider", made).unwrap_err().code, "EntityAlreadyExists");
    let of = |more: Value| merged(json!({"OpenIDConnectProviderArn": arn}), more);
    bench.ok("iam", "AddClientIDToOpenIDConnectProvider", of(json!({"ClientID": "more"})));
    bench.ok("iam", "RemoveClientIDFromOpenIDConnectProvider", of(json!({"ClientID": "sts.amazonaws.com"})));
    bench.ok("iam", "UpdateOpenIDConnectProviderThumbprint", of(json!({"ThumbprintList": ["a".repeat(40)]})));
    let shown = bench.ok("iam", "GetOpenIDConnectProvider", of(json!({})));
    assert_eq!(shown["ClientIDList"], json!(["more"]));
    assert_eq!(shown["ThumbprintList"], json!(["a".repeat(40)]));
    assert_eq!(bench.ok("iam", "ListOpenIDConnectProviders", json!({}))["OpenIDConnectProviderList"][0]["Arn"], arn);
    for _ in 0..2 {
        bench.ok("iam", "DeleteOpenIDConnectProvider", of(json!({})));
    }
    assert_eq!(bench.call("iam", "GetOpenIDConnectProvider", of(json!({}))).unwrap_err().code, "NoSuchEntity");
    for bad in [json!({"Url": "http://x"}), json!({"Url": "https://x", "ThumbprintList": ["short"]})] {
        bench.call("iam", "CreateOpenIDConnectProvider", bad).unwrap_err();
    }
}

fn merged(mut one: Value, other: Value) -> Value {
    for (key, value) in other.as_object().into_iter().flatten() {
        one[key] = value.clone();
    }
    one
}

/// What a simulation decides for each action, about a bucket of shop `a`.
fn decisions(bench: &mut Bench, actions: &[&str]) -> Vec<String> {
    let input = json!({
        "PolicySourceArn": "arn:aws:iam::123456789012:role/web", "ActionNames": actions, "ResourceArns": ["arn:aws:s3:::a/x"],
        "ContextEntries": [{"ContextKeyName": "aws:PrincipalTag/shop", "ContextKeyValues": ["a"], "ContextKeyType": "string"}],
    });
    let answer = bench.ok("iam", "SimulatePrincipalPolicy", input);
    let results = answer["EvaluationResults"].as_array().unwrap();
    results.iter().map(|it| it["EvalDecision"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_simulation_weighs_allows_denies_conditions_and_the_boundary() {
    let mut bench = bench_with("web");
    let actions = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"];
    assert_eq!(decisions(&mut bench, &actions), ["implicitDeny"; 3]);
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::a/*",
         "Condition": {"StringEquals": {"aws:PrincipalTag/shop": "a"}}},
        {"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "*"},
    ]});
    let put = |name: &str, policy: &Value| json!({"RoleName": "web", "PolicyName": name, "PolicyDocument": policy.to_string()});
    bench.ok("iam", "PutRolePolicy", put("own", &policy));
    assert_eq!(decisions(&mut bench, &actions), ["allowed", "allowed", "explicitDeny"]);
    let read = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}});
    let made = bench.ok("iam", "CreatePolicy", json!({"PolicyName": "read", "PolicyDocument": read.to_string()}));
    let arn = made["Policy"]["Arn"].clone();
    bench.ok("iam", "PutRolePermissionsBoundary", json!({"RoleName": "web", "PermissionsBoundary": arn}));
    assert_eq!(decisions(&mut bench, &actions), ["allowed", "implicitDeny", "explicitDeny"]);
    let nobody = json!({"PolicySourceArn": "arn:aws:iam::123456789012:role/no", "ActionNames": ["s3:GetObject"]});
    assert_eq!(bench.call("iam", "SimulatePrincipalPolicy", nobody).unwrap_err().code, "NoSuchEntity");
}

/// "IAM JSON policy elements: Action": the prefix and the name of an action are case insensitive; ARNs are not.
#[test]
fn actions_are_matched_in_any_case_and_resources_only_in_their_own() {
    let mut bench = bench_with("web");
    let mut decide = |element: &str, pattern: &str, resource: &str| {
        let statement = json!({"Effect": "Allow", "Action": "S3:getOb?ect", element: pattern});
        let policy = json!({"Version": "2012-10-17", "Statement": statement}).to_string();
        let input = json!({"PolicyInputList": [policy], "ActionNames": ["s3:GetObject"], "ResourceArns": [resource]});
        let answer = bench.ok("iam", "SimulateCustomPolicy", input);
        answer["EvaluationResults"][0]["EvalDecision"].as_str().unwrap().to_owned()
    };
    for (element, pattern, resource, decision) in [
        ("Resource", "arn:aws:s3:::Shop/*", "arn:aws:s3:::Shop/a", "allowed"),
        ("Resource", "arn:aws:s3:::Shop/*", "arn:aws:s3:::shop/a", "implicitDeny"),
        ("Resource", "arn:aws:s3:::shop-?/*", "arn:aws:s3:::shop-1/a", "allowed"),
        ("Resource", "arn:aws:s3:::shop-?/*", "arn:aws:s3:::shop-12/a", "implicitDeny"),
        ("NotResource", "arn:aws:s3:::Shop/*", "arn:aws:s3:::shop/a", "allowed"),
        ("NotResource", "arn:aws:s3:::Shop/*", "arn:aws:s3:::Shop/a", "implicitDeny"),
    ] {
        assert_eq!(decide(element, pattern, resource), decision, "{element} {pattern} against {resource}");
    }
}
