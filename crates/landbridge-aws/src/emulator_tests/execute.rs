//! Plans carried out: order, tokens, failures, removals of what is gone.

use landbridge_plan::change::{Body, Change, Tagged, Tags};
use landbridge_plan::token::token;
use landbridge_plan::verdict::ErrorClass;
use serde_json::json;

use super::{body, cluster, service, task_definition, world};

fn tags(owner: &str) -> Tags {
    Tags::from([("landbridge.dev/owner".to_owned(), owner.to_owned())])
}

#[tokio::test]
async fn steps_run_in_order_with_what_earlier_ones_produced() {
    let world = world().await;
    let done = world
        .run(&[
            ("cluster", &[], cluster("prod")),
            ("td", &[], task_definition("web")),
            ("service", &["cluster", "td"], service("prod", "web", &token("td", "arn"))),
        ])
        .await;
    assert_eq!(done.failure, None);
    assert_eq!(done.done.last().map(String::as_str), Some("service"));
    let state = world.emulator.state().to_string();
    assert!(state.contains("task-definition/web:1"), "{state}");
    assert!(!state.contains('\u{1}'));
}

#[tokio::test]
async fn a_step_that_fails_stops_what_depends_on_it_and_nothing_else() {
    let world = world().await;
    let done = world
        .run(&[
            ("service", &[], service("nowhere", "web", "web:1")),
            ("after", &["service"], cluster("after")),
            ("apart", &[], cluster("apart")),
        ])
        .await;
    assert_eq!(done.done, ["apart"]);
    assert_eq!(done.failure.unwrap().operation, "ecs:CreateService");
    assert!(!world.emulator.state().to_string().contains("cluster/after"));
}

#[tokio::test]
async fn a_value_that_no_step_produced_is_a_failure_and_is_not_sent() {
    let world = world().await;
    let done = world.run(&[("s", &[], service("prod", "web", &token("gone", "arn")))]).await;
    assert_eq!(done.failure.unwrap().class, ErrorClass::NotYet);
    assert_eq!(world.count("ecs:CreateService"), 0);
}

#[tokio::test]
async fn removing_what_is_not_there_succeeds() {
    let world = world().await;
    let gone = [
        Change::DeleteCluster { name: "gone".into() },
        Change::DeleteService { cluster: "gone".into(), name: "gone".into() },
        Change::DeleteNamespace { id: "ns-gone".into(), name: "gone".into() },
        Change::DeleteDiscoveryService { id: "srv-gone".into(), name: "gone".into() },
        Change::DeregisterInstance { service_id: "srv-gone".into(), instance_id: "i".into() },
        Change::DeleteLogGroup { name: "/gone".into() },
        Change::DeleteRole { name: "gone".into() },
        Change::DeleteRolePolicy { role: "gone".into(), name: "p".into() },
        Change::DetachRolePolicy { role: "gone".into(), arn: "arn:aws:iam::aws:policy/ReadOnlyAccess".into() },
        Change::SetBoundary { role: "gone".into(), arn: None },
    ];
    for change in gone {
        let what = change.operation();
        assert_eq!(world.run(&[("gone", &[], change)]).await.failure, None, "{what}");
    }
}

#[tokio::test]
async fn cloud_map_services_are_found_again_by_the_request_that_made_them() {
    let world = world().await;
    let namespace = json!({"Type": "HTTP", "CreatorRequestId": "n-1", "Tags": [{"Key": "a", "Value": "b"}]});
    let done = world.run(&[("n", &[], Change::CreateNamespace { name: "shop".into(), body: body(&namespace) })]).await;
    assert_eq!(done.failure, None);
    assert!(done.outputs.contains_key(&("n".to_owned(), "operation".to_owned())));
    let id = super::observe::namespace_id(&world).await;
    let make = json!({"NamespaceId": id, "CreatorRequestId": "s-1"});
    let change = Change::CreateDiscoveryService { name: "web".into(), body: body(&make) };
    let first = world.run(&[("d", &[], change.clone())]).await;
    let again = world.run(&[("d", &[], change)]).await;
    assert_eq!((&first.failure, &again.failure), (&None, &None));
    assert_eq!(first.outputs[&("d".to_owned(), "id".to_owned())], again.outputs[&("d".to_owned(), "id".to_owned())]);
    let other = json!({"NamespaceId": id, "CreatorRequestId": "s-2"});
    let done =
        world.run(&[("d", &[], Change::CreateDiscoveryService { name: "web".into(), body: body(&other) })]).await;
    assert_eq!(done.failure.unwrap().class, ErrorClass::AlreadyExists);
}

#[tokio::test]
async fn a_log_group_gets_its_retention_and_tags() {
    let world = world().await;
    let create = Change::CreateLogGroup { name: "/ecs/web".into(), kms_key_id: None, tags: tags("x") };
    let done = world
        .run(&[
            ("log", &[], create.clone()),
            ("retention", &["log"], Change::SetRetention { name: "/ecs/web".into(), days: Some(7) }),
        ])
        .await;
    assert_eq!(done.failure, None);
    let aws = world.afresh().await;
    let group = aws.log_group("/ecs/web", None, crate::budget::Priority::Deploy).await.unwrap().unwrap();
    assert_eq!((group.retention_in_days, group.tags), (Some(7), tags("x")));
    assert!(group.arn.ends_with(":log-group:/ecs/web"), "{}", group.arn);
    let retag =
        Change::Tag { api: Tagged::Logs, arn: group.arn, set: tags("y"), remove: vec!["landbridge.dev/none".into()] };
    let forever = Change::SetRetention { name: "/ecs/web".into(), days: None };
    assert_eq!(world.run(&[("tag", &[], retag), ("forever", &[], forever)]).await.failure, None);
    let group = aws.log_group("/ecs/web", None, crate::budget::Priority::Deploy).await.unwrap().unwrap();
    assert_eq!((group.retention_in_days, group.tags), (None, tags("y")));
    assert_eq!(world.run(&[("again", &[], create)]).await.failure.unwrap().class, ErrorClass::AlreadyExists);
}

#[tokio::test]
async fn a_body_with_a_field_that_aws_does_not_know_is_refused_before_it_is_sent() {
    let world = world().await;
    let wrong = json!({"settingz": []});
    let done = world.run(&[("c", &[], Change::CreateCluster { name: "prod".into(), body: body(&wrong) })]).await;
    assert_eq!(done.failure.unwrap().class, ErrorClass::Invalid);
    assert_eq!(world.count("ecs:CreateCluster"), 0);
    let no_type = Change::CreateNamespace { name: "x".into(), body: Body::new() };
    let done = world.run(&[("n", &[], no_type)]).await;
    assert!(done.failure.unwrap().message.contains("DNS_PRIVATE"));
}

#[tokio::test]
async fn a_deletion_that_ecs_gives_up_without_an_error_is_a_failure_that_says_why() {
    let world = world().await;
    let group = body(&json!({"autoScalingGroupProvider": {"autoScalingGroupArn": "spare-group"}}));
    let with = body(&json!({"capacityProviders": ["spare"]}));
    let remove = || Change::DeleteCapacityProvider { name: "spare".into(), cluster: None };
    let done = world
        .run(&[
            ("p", &[], Change::CreateCapacityProvider { name: "spare".into(), body: group }),
            ("c", &["p"], Change::CreateCluster { name: "prod".into(), body: with }),
            ("d", &["c"], remove()),
        ])
        .await;
    let failure = done.failure.unwrap();
    assert_eq!((failure.class, done.done.len()), (ErrorClass::InUse, 2));
    assert!(failure.message.contains("spare") && failure.message.contains("cluster: prod"), "{}", failure.message);
    // One that is gone already is as it should be.
    let gone = Change::DeleteCapacityProvider { name: "none".into(), cluster: None };
    assert_eq!(world.run(&[("d", &[], gone)]).await.failure, None);
}
