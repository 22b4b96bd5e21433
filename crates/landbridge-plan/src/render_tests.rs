//! Tests of [`super`]: what a colleague is shown. The snapshots are beside this file.

use std::time::Duration;

use landbridge_api::v1alpha1::{CloudMapNamespace, EcsCluster, IamTaskRole};

use super::*;
use crate::change::Tagged;
use crate::cloud_map_namespace::CloudMapNamespaceObserved;
use crate::ecs_cluster::EcsClusterObserved;
use crate::iam_task_role::IamTaskRoleObserved;
use crate::kind::Kind;
use crate::testing::{self, laws, model};

// `json!` at every call site reads better without a borrow.
#[allow(clippy::needless_pass_by_value)]
fn body(value: Value) -> Body {
    value.as_object().cloned().unwrap()
}

/// The plans of a first `apply` of a small shop, and a service as its planner writes it: with tokens and secrets.
fn first_apply() -> Vec<Plan> {
    let mut cluster: EcsCluster = (*testing::shop().ecs_clusters["prod"]).clone();
    cluster.spec.cluster.capacity_providers = vec!["FARGATE".into(), "FARGATE_SPOT".into()];
    let namespace: CloudMapNamespace = (*testing::shop().cloud_map_namespaces["shop"]).clone();
    let mut role: IamTaskRole = (*testing::shop().iam_task_roles[&("shop".into(), "orders".into())]).clone();
    role.spec.policies = vec![landbridge_api::v1alpha1::InlinePolicy {
        name: "s3".into(),
        document: json!({
            "Version": "2012-10-17",
            "Statement": [{"Sid": "Read", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
        }),
    }];
    role.spec.managed_policy_arns = vec!["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess".into()];
    vec![
        testing::plan(&cluster, &EcsClusterObserved::default()),
        testing::plan(&namespace, &CloudMapNamespaceObserved::default()),
        testing::plan(&role, &IamTaskRoleObserved::default()),
        service(),
    ]
}

fn service() -> Plan {
    let mut plan = Plan::of("ECSService/shop/web");
    let registered = Change::RegisterTaskDefinition {
        family: "web".into(),
        content: "0123456789".into(),
        body: body(json!({
            "family": "web",
            "cpu": "256",
            "containerDefinitions": [{
                "name": "web",
                "image": "nginx:1.29",
                "portMappings": [{"containerPort": 80}],
                "environment": [{"name": "LOG", "value": "debug"}, {"name": "DB_PASSWORD", "value": "hunter2"}],
                "command": ["--api-key=hunter2"],
            }],
        })),
    };
    plan.step("task-definition", Cause::Spec, &[], registered);
    let created = Change::CreateService {
        cluster: "prod".into(),
        name: "web".into(),
        body: body(json!({"taskDefinition": token::token("task-definition", "arn"), "desiredCount": 2})),
    };
    plan.step("service", Cause::Spec, &["task-definition"], created);
    plan
}

/// A day later: drift, an update, a deletion, an adoption, a wait and a refusal.
fn later() -> Vec<Plan> {
    let cluster: EcsCluster = (*testing::shop().ecs_clusters["prod"]).clone();
    let created = testing::plan(&cluster, &EcsClusterObserved::default());
    let mut observed = model::apply::<EcsCluster>(&EcsClusterObserved::default(), &created);
    let facts = observed.cluster.as_mut().unwrap();
    facts.fields.insert("capacityProviders".into(), json!(["FARGATE"]));
    facts.tags.insert("who".into(), "me".into());
    let drifted = testing::plan(&laws::applied(cluster.clone()), &observed);
    let mut reported = laws::applied(cluster);
    reported.spec.knobs.drift_policy = Some(landbridge_api::common::DriftPolicy::Report);
    reported = laws::applied(reported);
    let mut left = crate::policy::filter(testing::plan(&reported, &observed), &reported.knobs());
    left.object = "ECSCluster/left".into();

    let mut web = Plan::of("ECSService/shop/web");
    let tags = Change::Tag {
        api: Tagged::Ecs,
        arn: "arn:aws:ecs:eu-central-1:111122223333:service/prod/web".into(),
        set: Tags::from([("landbridge.dev/owner".into(), "ECSService/shop/web".into())]),
        remove: Vec::new(),
    };
    web.step("adopt", Cause::Adoption, &[], tags);
    let difference = |path: &str, from: Value, to: Value| Difference::new(path, Some(from), Some(to));
    web.update(
        "service",
        Cause::Spec,
        &["adopt"],
        Change::UpdateService { cluster: "prod".into(), name: "web".into(), body: body(json!({"desiredCount": 3})) },
        vec![
            difference("desiredCount", json!(2), json!(3)),
            difference("taskDefinition", json!("web:6"), json!(token::token("task-definition", "arn"))),
            Difference::new("tags[old]", Some(json!("1")), None),
            Difference::new("networkConfiguration", None, Some(json!({"x": "y".repeat(200)}))),
        ],
    );
    web.step(
        "old",
        Cause::Replacement,
        &["service"],
        Change::DeleteService { cluster: "old".into(), name: "web".into() },
    );
    web.wait("RollingOut", "1 of 3 tasks run revision web:7", Duration::from_secs(5));

    let mut refused = Plan::of("IAMTaskRole/shop/orders");
    refused.block("OutsideAccountRules", "spec.permissionsBoundary is not the account's");
    vec![drifted, left, web, refused, Plan::of("CloudMapNamespace/quiet")]
}

#[test]
fn a_first_apply_shows_everything_that_will_be_there() {
    insta::assert_snapshot!(text(&first_apply(), false));
}

#[test]
fn a_later_plan_shows_differences_causes_waits_and_refusals() {
    insta::assert_snapshot!(text(&later(), false));
}

#[test]
fn colours_change_nothing_but_colours() {
    let coloured = text(&later(), true);
    assert!(coloured.contains("\u{1b}[33m"));
    let mut plain = String::new();
    let mut parts = coloured.split('\u{1b}');
    plain.push_str(parts.next().unwrap());
    for part in parts {
        plain.push_str(part.split_once('m').unwrap().1);
    }
    assert_eq!(plain, text(&later(), false));
}

#[test]
fn the_json_form_is_whole_and_stable() {
    let mut plans = later();
    plans.push(service());
    insta::assert_json_snapshot!(json(&plans));
}

#[test]
fn no_secret_and_no_token_is_in_either_form() {
    let plans = first_apply();
    for form in [text(&plans, false), json(&plans).to_string()] {
        assert!(!form.contains("hunter2"), "{form}");
        assert!(!form.contains('\u{1}') && !form.contains("\\u0001"), "{form}");
        assert!(form.contains("(sensitive)") && form.contains("(known after apply)"));
    }
}

#[test]
fn a_step_is_told_on_one_line() {
    let web = &later()[2];
    assert_eq!(step_line(&web.steps[2]), "delete ECS service old/web");
    let update = step_line(&web.steps[1]);
    let start = "update ECS service prod/web: desiredCount: 2 -> 3, taskDefinition: \"web:6\" -> (known after apply), ";
    assert!(update.starts_with(start), "{update}");
    assert_eq!(step_line(&service().steps[0]), "register task definition web");
}

#[test]
fn nothing_to_do_is_said_in_one_line() {
    assert_eq!(text(&[Plan::of("ECSCluster/prod")], true), "No changes. AWS is as the files say.\n");
    let summary = Summary::of(&first_apply());
    assert_eq!((summary.create, summary.update, summary.changes()), (5, 2, true));
}
