//! Plan tables of the IAM role.

use std::collections::BTreeMap;

use landbridge_api::condition::reason;
use landbridge_api::v1alpha1::IamTaskRole;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::change::Change;
use crate::objects::Snapshot;
use crate::plan::{Cause, Difference};
use crate::testing::{self, deleted, laws, model, now, outline, plan};

const READ: &str = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess";
const PULL: &str = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy";

fn role(spec: &Value) -> IamTaskRole {
    let object = json!({
        "apiVersion": "landbridge.dev/v1alpha1", "kind": "IAMTaskRole",
        "metadata": {"name": "orders", "namespace": "shop"}, "spec": spec,
    });
    testing::object(&object.to_string())
}

fn nothing() -> IamTaskRoleObserved {
    IamTaskRoleObserved::default()
}

/// What AWS has after the plan of that spec.
fn after(spec: &Value) -> IamTaskRoleObserved {
    model::apply::<IamTaskRole>(&nothing(), &plan(&role(spec), &nothing()))
}

fn changed(spec: &Value, change: impl FnOnce(&mut RoleFacts)) -> IamTaskRoleObserved {
    let mut observed = after(spec);
    change(observed.role.as_mut().unwrap());
    observed
}

fn document(action: &str) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]})
}

fn inline(name: &str, document: &Value) -> Value {
    json!({"policies": [{"name": name, "document": document}]})
}

/// The shop, with rules for roles in its account.
fn ruled(rules: &Value) -> Snapshot {
    let mut objects = testing::shop();
    let mut account = testing::account("default");
    account.spec.iam = serde_json::from_value(rules.clone()).unwrap();
    objects.insert(account);
    objects
}

fn plan_in(objects: &Snapshot, object: &IamTaskRole, observed: &IamTaskRoleObserved) -> Plan {
    object.plan(&testing::resolved(object, objects), observed, now())
}

fn trust_of(spec: &Value) -> Value {
    let object = role(spec);
    let resolved = IamTaskRoleResolved { users: Vec::new(), ..testing::resolved(&object, &testing::shop()) };
    Trust::of(&object, &resolved, &nothing()).document
}

fn refusal(spec: &Value) -> String {
    let plan = plan(&role(spec), &nothing());
    assert_eq!(outline(&plan), ["blocked InvalidSpec"], "{spec}");
    plan.blocked[0].message.clone()
}

#[test]
fn a_role_that_is_not_there_is_created_and_then_gets_its_policies() {
    let spec = json!({
        "description": "orders", "maxSessionDuration": 7200,
        "policies": [{"name": "s3", "document": document("s3:GetObject")}], "managedPolicyArns": [READ],
    });
    let plan = plan(&role(&spec), &nothing());
    assert_eq!(
        outline(&plan),
        [
            "iam:CreateRole IAM role shop-orders <- Spec",
            "iam:PutRolePolicy policy s3 of IAM role shop-orders <- Spec after role",
            "iam:AttachRolePolicy managed policy AmazonS3ReadOnlyAccess of IAM role shop-orders <- Spec after role",
        ]
    );
    let Change::CreateRole { path, body, tags, trust, .. } = &plan.steps[0].change else { panic!() };
    assert_eq!(path, "/landbridge/");
    assert_eq!(Value::from(body.clone()), json!({"Description": "orders", "MaxSessionDuration": 7200}));
    assert_eq!(tags["landbridge.dev/owner"], "IAMTaskRole/shop/orders");
    assert_eq!(trust["Statement"][0]["Sid"], "EcsTasks");
}

#[test]
fn by_default_only_ecs_tasks_of_the_account_and_region_may_assume_the_role() {
    assert_eq!(
        trust_of(&json!({})),
        json!({"Version": "2012-10-17", "Statement": [{
            "Sid": "EcsTasks",
            "Effect": "Allow",
            "Principal": {"Service": "ecs-tasks.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {
                "StringEquals": {"aws:SourceAccount": "111122223333"},
                "ArnLike": {"aws:SourceArn": "arn:aws:ecs:eu-central-1:111122223333:*"},
            },
        }]})
    );
}

#[test]
fn pods_of_the_objects_own_name_are_meant_where_none_are_named() {
    let trust = trust_of(&json!({"trust": {"podIdentity": {}}}));
    assert_eq!(
        trust["Statement"][1],
        json!({
            "Sid": "EksPodIdentity",
            "Effect": "Allow",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Condition": {
                "StringEquals": {
                    "aws:RequestTag/kubernetes-namespace": ["shop"],
                    "aws:RequestTag/kubernetes-service-account": ["orders"],
                },
                "StringLike": {"aws:RequestTag/eks-cluster-arn": "arn:aws:eks:*:111122223333:cluster/*"},
            },
        })
    );
}

#[test]
fn pods_clusters_and_further_principals_can_be_named() {
    let saml =
        json!({"Sid": "People", "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "444455556666"}});
    let cluster = "arn:aws:eks:eu-central-1:111122223333:cluster/prod";
    let trust = trust_of(&json!({"trust": {
        "ecsTasks": false,
        "podIdentity": {"namespaces": ["a", "b"], "serviceAccounts": ["c"], "clusterArns": [cluster]},
        "statements": [saml],
    }}));
    let statements = trust["Statement"].as_array().unwrap();
    assert_eq!(statements.len(), 2);
    assert_eq!(
        statements[0]["Condition"],
        json!({"StringEquals": {
            "aws:RequestTag/kubernetes-namespace": ["a", "b"],
            "aws:RequestTag/kubernetes-service-account": ["c"],
            "aws:RequestTag/eks-cluster-arn": [cluster],
        }})
    );
    assert_eq!(statements[1], saml);
}

#[test]
fn a_role_for_nobody_is_refused() {
    assert!(refusal(&json!({"trust": {"ecsTasks": false}})).contains("set ecsTasks, podIdentity or statements"));
}

#[test]
fn a_trust_policy_written_differently_is_no_difference() {
    let observed = changed(&json!({}), |r| {
        let statement = &mut r.trust["Statement"][0];
        statement["Action"] = json!(["STS:assumerole"]);
        statement["Principal"]["Service"] = json!(["ecs-tasks.amazonaws.com"]);
        let text = serde_json::to_string_pretty(&r.trust).unwrap();
        r.trust = Value::String(text);
    });
    assert_eq!(outline(&plan(&role(&json!({})), &observed)), Vec::<String>::new());
}

#[test]
fn a_statement_that_somebody_added_is_taken_out_as_drift() {
    let foreign = json!({"Sid": "Evil", "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*"});
    let observed = changed(&json!({}), |r| r.trust["Statement"].as_array_mut().unwrap().push(foreign));
    let plan = plan(&laws::applied(role(&json!({}))), &observed);
    assert_eq!(outline(&plan), ["iam:UpdateAssumeRolePolicy trust policy of IAM role shop-orders <- Drift"]);
    assert_eq!(plan.drift[0].path, "trust.Statement[Evil]");
    let Change::UpdateTrust { trust, .. } = &plan.steps[0].change else { panic!() };
    assert_eq!(trust, &trust_of(&json!({})));
}

#[test]
fn description_and_session_are_always_sent_together() {
    let before = json!({"description": "old", "maxSessionDuration": 7200});
    let plan = plan(&role(&json!({"description": "new", "maxSessionDuration": 7200})), &after(&before));
    let Change::UpdateRole { description, max_session_duration, .. } = &plan.steps[0].change else { panic!() };
    assert_eq!((description.as_str(), *max_session_duration), ("new", 7200));
    assert_eq!(plan.steps[0].differences.len(), 1);
}

#[test]
fn fields_that_the_spec_leaves_out_go_back_to_iams_defaults() {
    let before = json!({"description": "old", "maxSessionDuration": 7200, "permissionsBoundary": READ});
    let plan = plan(&role(&json!({})), &after(&before));
    assert_eq!(
        outline(&plan),
        [
            "iam:DeleteRolePermissionsBoundary IAM role shop-orders <- Spec",
            "iam:UpdateRole IAM role shop-orders <- Spec",
        ]
    );
    let Change::UpdateRole { description, max_session_duration, .. } = &plan.steps[1].change else { panic!() };
    assert_eq!((description.as_str(), *max_session_duration), ("", 3600));
}

#[test]
fn only_the_policy_that_differs_is_put_and_the_difference_says_where() {
    let before = json!({"policies": [
        {"name": "s3", "document": document("s3:GetObject")}, {"name": "sqs", "document": document("sqs:SendMessage")},
    ]});
    let wanted = json!({"policies": [
        {"name": "s3", "document": document("S3:getobject")}, {"name": "sqs", "document": document("sqs:*")},
    ]});
    let plan = plan(&role(&wanted), &after(&before));
    assert_eq!(outline(&plan), ["iam:PutRolePolicy policy sqs of IAM role shop-orders <- Spec"]);
    assert_eq!(
        plan.steps[0].differences,
        [Difference::new(
            "policies[sqs].Statement[0].Action",
            Some(json!(["sqs:sendmessage"])),
            Some(json!(["sqs:*"]))
        )]
    );
}

#[test]
fn a_document_as_text_is_sent_as_an_object() {
    let text = serde_json::to_string_pretty(&document("s3:GetObject")).unwrap();
    let plan = plan(&role(&inline("s3", &json!(text))), &nothing());
    let Change::PutRolePolicy { document: sent, .. } = &plan.steps[1].change else { panic!() };
    assert_eq!(sent, &document("s3:GetObject"));
}

#[test]
fn policies_that_are_not_declared_go_before_declared_ones_come() {
    let observed = changed(&json!({}), |r| {
        r.policies.insert("foreign".into(), document("*"));
        r.managed_policies.insert(PULL.into());
    });
    let spec = json!({"policies": [{"name": "s3", "document": document("s3:GetObject")}], "managedPolicyArns": [READ]});
    let removals = format!("policy:foreign,attachment:{PULL}");
    assert_eq!(
        outline(&plan(&laws::applied(role(&spec)), &observed)),
        [
            "iam:DeleteRolePolicy policy foreign of IAM role shop-orders <- Drift".to_owned(),
            "iam:DetachRolePolicy managed policy AmazonECSTaskExecutionRolePolicy of IAM role shop-orders <- Drift"
                .into(),
            format!("iam:PutRolePolicy policy s3 of IAM role shop-orders <- Drift after {removals}"),
            format!(
                "iam:AttachRolePolicy managed policy AmazonS3ReadOnlyAccess of IAM role shop-orders <- Drift after {removals}"
            ),
        ]
    );
}

#[test]
fn tags_of_the_role_follow_the_spec() {
    let before = json!({"tags": [{"key": "old", "value": "1"}]});
    let plan = plan(&role(&json!({"tags": [{"key": "team", "value": "shop"}]})), &after(&before));
    assert_eq!(outline(&plan), ["iam:TagRole tags of IAM role shop-orders <- Spec"]);
    let Change::TagRole { set, remove, .. } = &plan.steps[0].change else { panic!() };
    assert_eq!((set.len(), set["team"].as_str(), remove.as_slice()), (1, "shop", ["old".to_owned()].as_slice()));
}

#[test]
fn the_accounts_boundary_and_path_are_forced() {
    let objects = ruled(&json!({"path": "/teams/", "permissionsBoundary": READ}));
    let plan = plan_in(&objects, &role(&json!({})), &nothing());
    let Change::CreateRole { path, body, .. } = &plan.steps[0].change else { panic!() };
    assert_eq!((path.as_str(), &body["PermissionsBoundary"]), ("/teams/", &json!(READ)));
}

#[test]
fn another_boundary_than_the_accounts_is_outside_its_rules() {
    let objects = ruled(&json!({"permissionsBoundary": READ}));
    let refused = plan_in(&objects, &role(&json!({"permissionsBoundary": PULL})), &nothing());
    assert_eq!(outline(&refused), ["blocked OutsideAccountRules"]);
    assert!(refused.blocked[0].message.contains("AWSAccount default bounds every role with"), "{:?}", refused.blocked);
    let same = plan_in(&objects, &role(&json!({"permissionsBoundary": READ})), &nothing());
    assert_eq!(same.blocked, []);
}

#[test]
fn a_managed_policy_that_the_account_does_not_allow_is_outside_its_rules() {
    let objects = ruled(&json!({"allowedManagedPolicies": ["arn:aws:iam::aws:policy/service-role/*"]}));
    let allowed = plan_in(&objects, &role(&json!({"managedPolicyArns": [PULL]})), &nothing());
    assert_eq!(allowed.blocked, []);
    let refused = plan_in(&objects, &role(&json!({"managedPolicyArns": [PULL, READ]})), &nothing());
    assert_eq!(outline(&refused), ["blocked OutsideAccountRules"]);
    assert!(refused.blocked[0].message.contains(READ));
}

#[test]
fn a_role_under_another_path_cannot_be_moved() {
    let observed = changed(&json!({}), |r| r.path = "/".into());
    let plan = plan(&role(&json!({})), &observed);
    assert_eq!(outline(&plan), ["blocked OutsideAccountRules"]);
    assert!(plan.blocked[0].message.contains("under path /, roles of the account are made under /landbridge/"));
}

#[test]
fn a_name_that_is_too_long_says_what_to_set() {
    let mut object = role(&json!({}));
    object.metadata.name = Some("o".repeat(60));
    // Before AWS is asked: IAM refuses even to look for such a name.
    let Err(Unmet::Blocked(refused)) = object.resolve(&testing::shop()) else { panic!("it is not refused") };
    assert_eq!(refused.reason, "InvalidSpec");
    assert!(refused.message.contains("65 characters and IAM takes 64; set spec.roleName"));
    object.spec.role_name = Some("orders".into());
    assert_eq!(outline(&plan(&object, &nothing())), ["iam:CreateRole IAM role orders <- Spec"]);
}

#[test]
fn a_malformed_policy_is_refused_with_its_name_and_place() {
    assert_eq!(
        refusal(&inline("s3", &json!("{\"Statement\": [}"))),
        "spec.policies[s3].document: line 1, column 16: not JSON: expected value"
    );
    assert_eq!(
        refusal(&inline("s3", &json!({"Statement": {"Effect": "Allow", "Action": "s3:*"}}))),
        "spec.policies[s3].document: Statement[0].Resource: is missing"
    );
    assert_eq!(
        refusal(&json!({"trust": {"statements": [{"Effect": "Allow", "Action": "sts:AssumeRole"}]}})),
        "spec.trust.statements[0].Principal: is missing"
    );
    let taken = json!({"Sid": "EcsTasks", "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*"});
    assert_eq!(
        refusal(&json!({"trust": {"statements": [taken]}})),
        "spec.trust: Statement[1].Sid: EcsTasks is used twice in the document"
    );
}

#[test]
fn policies_that_are_too_long_together_are_refused_and_white_space_does_not_count() {
    let long = |n: usize| document(&format!("s3:{}", "a".repeat(n)));
    let two = |n| json!({"policies": [{"name": "a", "document": long(n)}, {"name": "b", "document": long(n)}]});
    assert!(refusal(&two(5100)).contains("IAM takes 10240 per role"));
    assert_eq!(plan(&role(&two(5000)), &nothing()).blocked, []);
    let spaced = serde_json::to_string_pretty(&long(9000)).unwrap().replace('\n', &" \n".repeat(500));
    assert!(spaced.len() > 15_000);
    assert_eq!(plan(&role(&inline("a", &json!(spaced))), &nothing()).blocked, []);
}

#[test]
fn a_trust_policy_that_no_quota_allows_is_refused() {
    let principals: Vec<String> = (0..400).map(|i| format!("{i:012}")).collect();
    let statement = json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": principals}});
    assert!(refusal(&json!({"trust": {"statements": [statement]}})).contains("up to 4096 where its quota L-C07B4B0D"));
}

#[test]
fn what_iam_would_refuse_in_the_head_is_refused() {
    assert!(refusal(&json!({"description": "tea \u{2615}"})).contains("spec.description"));
    assert!(refusal(&json!({"maxSessionDuration": 60})).contains("3600 to 43200"));
    assert!(refusal(&json!({"tags": [{"key": "aws:x"}]})).contains("spec.tags"));
    assert!(
        refusal(&json!({"policies": [
            {"name": "a", "document": document("s3:*")}, {"name": "a", "document": document("s3:*")},
        ]}))
        .contains("same name")
    );
}

#[test]
fn a_role_of_another_object_is_a_conflict() {
    let observed = changed(&json!({}), |r| {
        r.tags.insert("landbridge.dev/owner".into(), "IAMTaskRole/blog/orders".into());
    });
    let plan = plan(&role(&json!({"adoptionPolicy": "Always"})), &observed);
    assert_eq!(outline(&plan), ["blocked OwnershipConflict"]);
    assert!(plan.blocked[0].message.contains("IAMTaskRole/blog/orders"));
}

#[test]
fn an_adoption_refuses_to_change_what_the_role_may_do() {
    let observed = changed(&json!({}), |r| {
        r.tags.clear();
        r.managed_policies.insert(READ.into());
    });
    let plan = plan(&role(&json!({"adoptionPolicy": "IfUnchanged"})), &observed);
    assert_eq!(outline(&plan), ["blocked AdoptionDiffers"]);
    assert!(plan.blocked[0].message.contains("AmazonS3ReadOnlyAccess"), "{:?}", plan.blocked);
}

/// The plan of a deleted role that no service uses.
fn removal(spec: &Value, observed: &IamTaskRoleObserved) -> Plan {
    let without = Snapshot { ecs_services: BTreeMap::new(), ..testing::shop() };
    plan_in(&without, &deleted(role(spec)), observed)
}

#[test]
fn deletion_takes_policies_off_before_the_role_goes() {
    let spec = json!({"policies": [{"name": "s3", "document": document("s3:*")}], "managedPolicyArns": [READ]});
    assert_eq!(
        outline(&removal(&spec, &after(&spec))),
        [
            "iam:DetachRolePolicy managed policy AmazonS3ReadOnlyAccess of IAM role shop-orders <- Deletion".to_owned(),
            "iam:DeleteRolePolicy policy s3 of IAM role shop-orders <- Deletion".into(),
            format!("iam:DeleteRole IAM role shop-orders <- Deletion after attachment:{READ},policy:s3"),
        ]
    );
}

#[test]
fn deletion_waits_for_services_and_for_instance_profiles() {
    let waiting = plan(&deleted(role(&json!({}))), &after(&json!({})));
    assert_eq!(outline(&waiting), ["wait InUse"]);
    assert_eq!(waiting.waits[0].message, "IAM role shop-orders is still used by ECSService shop/web");
    let mut observed = after(&json!({}));
    observed.instance_profiles = vec!["nodes".into()];
    let waiting = removal(&json!({}), &observed);
    assert_eq!(outline(&waiting), ["wait InUse"]);
    assert!(waiting.waits[0].message.contains("instance profiles nodes"));
}

#[test]
fn a_retained_role_stays_as_it_is() {
    let spec = json!({"deletionPolicy": "Retain"});
    assert_eq!(outline(&removal(&spec, &after(&spec))), ["gone"]);
}

#[test]
fn a_namespace_that_the_account_does_not_allow_cannot_use_it() {
    let mut objects = testing::shop();
    let mut account = testing::account("default");
    account.spec.allowed_namespaces = None;
    objects.insert(account);
    let Err(Unmet::Blocked(blocked)) = role(&json!({})).resolve(&objects) else { panic!("resolved") };
    assert_eq!(blocked.reason, reason::NAMESPACE_NOT_ALLOWED);
    assert!(blocked.message.contains("namespace shop"));
}

#[test]
fn a_role_that_somebody_deleted_is_made_again_with_its_policies_as_drift() {
    let spec = json!({"managedPolicyArns": [READ]});
    let plan = plan(&laws::applied(role(&spec)), &nothing());
    assert_eq!(plan.steps.iter().map(|s| s.cause).collect::<Vec<_>>(), [Cause::Drift, Cause::Drift]);
    assert_eq!(plan.drift, [Difference::new("roleName", None, Some(json!("shop-orders")))]);
}

#[test]
fn facts_are_what_is_observed() {
    let object = role(&json!({}));
    let resolved = testing::resolved(&object, &testing::shop());
    let facts = object.facts(&resolved, &after(&json!({})));
    assert_eq!(facts.role_arn.as_deref(), Some("arn:aws:iam::111122223333:role/landbridge/shop-orders"));
    assert_eq!(facts.role_arn, Some(resolved.account.role_arn(&resolved.name)));
    let before = object.facts(&resolved, &nothing());
    assert_eq!((before.role_name.as_deref(), before.role_arn), (Some("shop-orders"), None));
    assert!(matches!(object.health(&resolved, &nothing(), now()), Health::Progressing { .. }));
    assert!(matches!(object.health(&resolved, &after(&json!({})), now()), Health::Healthy(_)));
}

/// Specs that IAM would take.
fn spec() -> impl Strategy<Value = Value> {
    let description = prop::option::of("[a-c]{1,3}");
    let session = prop::option::of(3600..3603_i32);
    let boundary = prop::option::of(prop::sample::select(vec![READ, PULL]));
    let policies = prop::collection::btree_map("[a-c]", prop::sample::select(vec!["s3:*", "sqs:*"]), 0..3);
    let managed = prop::sample::subsequence(vec![READ, PULL], 0..=2).prop_shuffle();
    let tags = prop::collection::btree_map("[a-c]", "[x-z]?", 0..3);
    (description, session, boundary, policies, managed, tags, any::<bool>()).prop_map(
        |(description, session, boundary, policies, managed, tags, pods)| {
            let policies: Vec<Value> =
                policies.iter().map(|(n, action)| json!({"name": n, "document": document(action)})).collect();
            let mut spec = json!({
                "policies": policies,
                "managedPolicyArns": managed,
                "tags": tags.iter().map(|(k, v)| json!({"key": k, "value": v})).collect::<Value>(),
            });
            for (member, value) in [
                ("description", description.map(Value::from)),
                ("maxSessionDuration", session.map(Value::from)),
                ("permissionsBoundary", boundary.map(Value::from)),
                ("trust", pods.then(|| json!({"podIdentity": {}}))),
            ] {
                if let Some(value) = value {
                    spec[member] = value;
                }
            }
            spec
        },
    )
}

proptest! {
    #![proptest_config(laws::cases())]

    #[test]
    fn a_second_pass_plans_nothing(before in spec(), after in spec()) {
        laws::a_second_pass_plans_nothing(&role(&before), &role(&after));
    }

    #[test]
    fn what_others_changed_is_drift(before in spec(), after in spec()) {
        laws::what_others_changed_is_drift(&role(&before), &role(&after));
    }

    #[test]
    fn adoption_follows_its_policy(before in spec(), after in spec()) {
        laws::adoption_follows_its_policy(&role(&before), &role(&after));
    }

    #[test]
    fn deletion_ends_with_nothing(spec in spec()) {
        laws::deletion_ends_with_nothing(&role(&spec));
    }
}
