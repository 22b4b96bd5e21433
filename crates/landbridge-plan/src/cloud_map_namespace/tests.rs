//! Plan tables of the Cloud Map namespace.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;
use landbridge_api::v1alpha1::{CloudMapNamespace, NamespaceType};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::change::Tags;
use crate::objects::Snapshot;
use crate::plan::Difference;
use crate::testing::{self, deleted, laws, model, now, outline, plan};

fn namespace(spec: &Value) -> CloudMapNamespace {
    let object = json!({
        "apiVersion": "landbridge.dev/v1alpha1", "kind": "CloudMapNamespace",
        "metadata": {"name": "shop", "uid": "u1", "generation": 1}, "spec": spec,
    });
    testing::object(&object.to_string())
}

fn http() -> Value {
    json!({"type": "HTTP"})
}

fn private() -> Value {
    json!({"type": "DNS_PRIVATE", "vpc": "vpc-1", "namespaceName": "shop.internal"})
}

fn with(mut spec: Value, member: &str, value: Value) -> Value {
    spec[member] = value;
    spec
}

fn nothing() -> CloudMapNamespaceObserved {
    CloudMapNamespaceObserved::default()
}

/// What AWS has after the plan of that spec.
fn after(spec: &Value) -> CloudMapNamespaceObserved {
    model::apply::<CloudMapNamespace>(&nothing(), &plan(&namespace(spec), &nothing()))
}

fn changed(spec: &Value, change: impl FnOnce(&mut NamespaceFacts)) -> CloudMapNamespaceObserved {
    let mut observed = after(spec);
    change(observed.namespace.as_mut().unwrap());
    observed
}

fn operation(type_: &str, status: &str) -> OperationFacts {
    OperationFacts { id: "op-1".into(), type_: type_.into(), status: status.into(), ..OperationFacts::default() }
}

fn failed(type_: &str, code: &str, ago: i64) -> OperationFacts {
    OperationFacts {
        error_code: Some(code.into()),
        error: Some("said Cloud Map".into()),
        updated_at: Some(now() - SignedDuration::from_secs(ago)),
        ..operation(type_, "FAIL")
    }
}

fn during(mut observed: CloudMapNamespaceObserved, operation: OperationFacts) -> CloudMapNamespaceObserved {
    observed.operation = Some(operation);
    observed
}

fn body(plan: &Plan) -> Value {
    assert_eq!(plan.steps.len(), 1, "{:?}", outline(plan));
    serde_json::to_value(&plan.steps[0].change).unwrap()["body"].clone()
}

/// The plan of a deleted object that no service uses.
fn removal(spec: &Value, observed: &CloudMapNamespaceObserved) -> Plan {
    let without = Snapshot { ecs_services: BTreeMap::new(), ..testing::shop() };
    let object = deleted(namespace(spec));
    object.plan(&testing::resolved(&object, &without), observed, now())
}

#[test]
fn a_private_namespace_is_created_with_its_vpc_and_ttl() {
    let spec = with(private(), "properties", json!({"dnsProperties": {"soa": {"ttl": 60}}}));
    let mut body = body(&plan(&namespace(&with(spec, "description", json!("the shop"))), &nothing()));
    let token = body.as_object_mut().unwrap().remove("CreatorRequestId").unwrap();
    assert_eq!(token.as_str().unwrap().len(), 36);
    assert_eq!(
        body,
        json!({
            "Type": "DNS_PRIVATE", "Name": "shop.internal", "Vpc": "vpc-1", "Description": "the shop",
            "Properties": {"DnsProperties": {"SOA": {"TTL": 60}}},
            "Tags": [
                {"Key": "landbridge.dev/installation", "Value": "here"},
                {"Key": "landbridge.dev/owner", "Value": "CloudMapNamespace/shop"},
            ],
        })
    );
}

#[test]
fn http_and_public_namespaces_are_created_without_a_vpc() {
    for type_ in ["HTTP", "DNS_PUBLIC"] {
        let body = body(&plan(&namespace(&json!({"type": type_, "namespaceName": "shop.example"})), &nothing()));
        assert_eq!(body["Type"], type_);
        assert!(body.get("Vpc").is_none() && body.get("Properties").is_none(), "{body}");
    }
}

#[test]
fn a_creation_whose_answer_was_lost_is_asked_for_under_the_same_id() {
    let id = |object: &CloudMapNamespace| body(&plan(object, &nothing()))["CreatorRequestId"].clone();
    let object = namespace(&http());
    assert_eq!(id(&object), id(&object));
    let mut again = object.clone();
    again.metadata.uid = Some("u2".into());
    assert_ne!(id(&object), id(&again));
}

#[test]
fn an_operation_in_flight_is_waited_for() {
    for status in ["SUBMITTED", "PENDING"] {
        let plan = plan(&namespace(&http()), &during(nothing(), operation("CREATE_NAMESPACE", status)));
        assert_eq!(outline(&plan), ["wait Waiting"]);
        assert_eq!(plan.waits[0].look_after, Duration::from_secs(2));
        assert_eq!(plan.waits[0].message, format!("Cloud Map operation op-1 (CREATE_NAMESPACE) is {status}"));
    }
}

#[test]
fn a_failure_that_a_person_must_put_right_is_told_with_what_to_do() {
    let cases = [
        ("ACCESS_DENIED", "AccessDenied", "route53:CreateHostedZone"),
        ("CANNOT_CREATE_HOSTED_ZONE", "RefusedByAWS", "spec.vpc"),
        ("INVALID_CHANGE_BATCH", "RefusedByAWS", "records"),
        ("HOSTED_ZONE_NOT_FOUND", "RefusedByAWS", "hosted zone was deleted"),
    ];
    for (code, reason, what) in cases {
        let plan = plan(&namespace(&private()), &during(nothing(), failed("CREATE_NAMESPACE", code, 10)));
        assert_eq!(outline(&plan), [format!("blocked {reason}")], "{code}");
        let message = &plan.blocked[0].message;
        assert!(message.contains(code) && message.contains(what) && message.contains("said Cloud Map"), "{message}");
    }
}

#[test]
fn a_failure_is_tried_again_after_a_while_under_another_id() {
    let object = namespace(&private());
    let first = body(&plan(&object, &nothing()))["CreatorRequestId"].clone();
    let later = plan(&object, &during(nothing(), failed("CREATE_NAMESPACE", "ACCESS_DENIED", 301)));
    assert_eq!(outline(&later), ["servicediscovery:CreateNamespace Cloud Map namespace shop.internal <- Spec"]);
    assert_ne!(body(&later)["CreatorRequestId"], first);
}

#[test]
fn a_failure_of_cloud_map_itself_is_tried_again_soon() {
    for code in ["INTERNAL_FAILURE", "THROTTLED_REQUEST", "EXPIRED_TOKEN", "SOMETHING_NEW"] {
        let soon = plan(&namespace(&private()), &during(nothing(), failed("CREATE_NAMESPACE", code, 4)));
        assert_eq!(outline(&soon), ["wait Waiting"], "{code}");
        assert_eq!(soon.waits[0].look_after, Duration::from_secs(6));
        let later = plan(&namespace(&private()), &during(nothing(), failed("CREATE_NAMESPACE", code, 10)));
        assert!(later.has("namespace"), "{code}");
    }
}

#[test]
fn a_new_namespace_that_cannot_be_seen_yet_is_not_made_twice() {
    let made = |ago| OperationFacts {
        updated_at: Some(now() - SignedDuration::from_secs(ago)),
        ..operation("CREATE_NAMESPACE", "SUCCESS")
    };
    assert_eq!(outline(&plan(&namespace(&http()), &during(nothing(), made(29)))), ["wait Waiting"]);
    assert_eq!(outline(&plan(&namespace(&http()), &during(nothing(), made(-2)))), ["wait Waiting"]);
    assert!(plan(&namespace(&http()), &during(nothing(), made(30))).has("namespace"));
}

#[test]
fn a_namespace_that_somebody_deleted_is_made_under_another_id() {
    let mut object = namespace(&http());
    let first = body(&plan(&object, &nothing()))["CreatorRequestId"].clone();
    object.status = Some(CloudMapNamespaceStatus { namespace_id: Some("ns-1".into()), ..Default::default() });
    assert_ne!(body(&plan(&object, &nothing()))["CreatorRequestId"], first);
}

#[test]
fn an_edit_or_the_annotation_tries_a_failed_operation_again_at_once() {
    let observed = during(nothing(), failed("CREATE_NAMESPACE", "CANNOT_CREATE_HOSTED_ZONE", 1));
    let mut object = namespace(&private());
    let status = CloudMapNamespaceStatus {
        common: CommonStatus { observed_generation: Some(1), ..CommonStatus::default() },
        ..CloudMapNamespaceStatus::default()
    };
    object.status = Some(status);
    assert_eq!(outline(&plan(&object, &observed)), ["blocked RefusedByAWS"]);
    let mut edited = object.clone();
    edited.metadata.generation = Some(2);
    assert!(plan(&edited, &observed).has("namespace"));
    object.metadata.annotations = Some(BTreeMap::from([("landbridge.dev/reconcile-now".into(), "1".into())]));
    assert!(plan(&object, &observed).has("namespace"));
}

#[test]
fn only_what_differs_is_updated() {
    let before = with(private(), "properties", json!({"dnsProperties": {"soa": {"ttl": 60}}}));
    let wanted = with(before.clone(), "description", json!("new"));
    let found = plan(&namespace(&wanted), &after(&before));
    let mut sent = body(&found);
    let request = sent.as_object_mut().unwrap().remove("UpdaterRequestId").unwrap();
    assert!(request.as_str().is_some_and(|r| r.len() == 36));
    assert_eq!(sent, json!({"Type": "DNS_PRIVATE", "Namespace": {"Description": "new"}}));
    assert_eq!(found.steps[0].differences, [Difference::new("description", None, Some(json!("new")))]);

    let wanted = with(private(), "properties", json!({"dnsProperties": {"soa": {"ttl": 30}}}));
    let found = plan(&namespace(&wanted), &after(&before));
    assert_eq!(body(&found)["Namespace"], json!({"Properties": {"DnsProperties": {"SOA": {"TTL": 30}}}}));
}

#[test]
fn a_description_that_the_spec_leaves_out_is_emptied_and_a_ttl_is_left() {
    let before = with(private(), "properties", json!({"dnsProperties": {"soa": {"ttl": 60}}}));
    let observed = after(&with(before, "description", json!("old")));
    assert_eq!(body(&plan(&namespace(&private()), &observed))["Namespace"], json!({"Description": ""}));
}

#[test]
fn an_update_that_failed_stands_in_the_way_only_while_there_is_something_to_update() {
    let observed = during(after(&http()), failed("UPDATE_NAMESPACE", "ACCESS_DENIED", 1));
    assert_eq!(outline(&plan(&namespace(&http()), &observed)), Vec::<String>::new());
    let wanted = namespace(&with(http(), "description", json!("x")));
    assert_eq!(outline(&plan(&wanted, &observed)), ["blocked AccessDenied"]);
}

#[test]
fn tags_are_changed_without_an_operation() {
    let wanted = namespace(&with(http(), "tags", json!([{"key": "team", "value": "shop"}])));
    assert_eq!(
        outline(&plan(&wanted, &after(&http()))),
        ["servicediscovery:TagResource tags of arn:aws:servicediscovery:eu-central-1:1:namespace/ns-1 <- Spec"]
    );
}

#[test]
fn a_namespace_of_another_type_is_an_immutable_field() {
    let observed = changed(&http(), |n| n.type_ = NamespaceType::DnsPublic);
    let plan = plan(&namespace(&http()), &observed);
    assert_eq!(outline(&plan), ["blocked ImmutableField"]);
    assert!(plan.blocked[0].message.contains("DNS_PUBLIC"), "{:?}", plan.blocked);
}

#[test]
fn a_namespace_of_another_owner_is_a_conflict() {
    let observed = changed(&http(), |n| {
        n.tags.insert("landbridge.dev/installation".into(), "elsewhere".into());
    });
    let plan = plan(&namespace(&with(http(), "adoptionPolicy", json!("Always"))), &observed);
    assert_eq!(outline(&plan), ["blocked OwnershipConflict"]);
    assert!(plan.blocked[0].message.contains("CloudMapNamespace/shop of installation elsewhere"));
}

#[test]
fn a_namespace_that_ecs_made_by_itself_can_be_adopted() {
    let observed = changed(&http(), |n| n.tags = Tags::from([("AmazonECSManaged".into(), "true".into())]));
    assert_eq!(outline(&plan(&namespace(&http()), &observed)), ["blocked NameTaken"]);
    let spec = with(http(), "adoptionPolicy", json!("IfUnchanged"));
    let found = plan(&namespace(&spec), &observed);
    assert_eq!(found.steps[0].cause, crate::plan::Cause::Adoption);
}

#[test]
fn what_aws_would_refuse_is_refused_with_what_to_do() {
    let label = "a".repeat(64);
    let cases = [
        (json!({"type": "DNS_PRIVATE"}), "spec.vpc is required"),
        (json!({"type": "HTTP", "vpc": "vpc-1"}), "spec.vpc is not accepted for type HTTP"),
        (json!({"type": "DNS_PUBLIC", "vpc": "vpc-1"}), "spec.vpc is not accepted for type DNS_PUBLIC"),
        (with(http(), "properties", json!({"dnsProperties": {"soa": {"ttl": 1}}})), "applies to DNS namespaces only"),
        (
            with(private(), "properties", json!({"dnsProperties": {"soa": {"ttl": -1}}})),
            "is -1; it takes 0 to 2147483647",
        ),
        (
            with(private(), "namespaceName", json!(vec!["abcdefg"; 32].join("."))),
            "255 characters and may have 1 to 253",
        ),
        (with(private(), "namespaceName", json!(format!("{label}.internal"))), "1 to 63 characters"),
        (with(http(), "namespaceName", json!("a b")), "printable ASCII"),
        (with(http(), "namespaceName", json!("a".repeat(1025))), "1025 characters and may have 1 to 1024"),
        (with(http(), "description", json!("d".repeat(1025))), "spec.description"),
        (with(http(), "tags", json!([{"key": "aws:x"}])), "spec.tags"),
    ];
    for (spec, expected) in cases {
        let plan = plan(&namespace(&spec), &nothing());
        assert_eq!(outline(&plan), ["blocked InvalidSpec"], "{spec}");
        assert!(plan.blocked[0].message.contains(expected), "{}", plan.blocked[0].message);
    }
    let long = with(http(), "namespaceName", json!("a".repeat(1024)));
    assert!(plan(&namespace(&long), &nothing()).blocked.is_empty());
}

#[test]
fn a_namespace_that_somebody_deleted_is_made_again_as_drift() {
    let plan = plan(&laws::applied(namespace(&http())), &nothing());
    assert_eq!(outline(&plan), ["servicediscovery:CreateNamespace Cloud Map namespace shop <- Drift"]);
    assert_eq!(plan.drift.len(), 1);
}

#[test]
fn deletion_waits_for_the_services_that_refer_to_it() {
    let plan = plan(&deleted(namespace(&http())), &after(&http()));
    assert_eq!(outline(&plan), ["wait InUse"]);
    assert_eq!(plan.waits[0].message, "Cloud Map namespace shop is still used by ECSService shop/web");
}

#[test]
fn deletion_waits_for_cloud_map_services_then_deletes_then_waits_for_the_operation() {
    assert_eq!(outline(&removal(&http(), &changed(&http(), |n| n.service_count = 2))), ["wait InUse"]);
    let observed = after(&http());
    assert_eq!(
        outline(&removal(&http(), &observed)),
        ["servicediscovery:DeleteNamespace Cloud Map namespace shop <- Deletion"]
    );
    let pending = during(observed, operation("DELETE_NAMESPACE", "PENDING"));
    assert_eq!(outline(&removal(&http(), &pending)), ["wait Deleting"]);
    assert_eq!(outline(&removal(&http(), &during(nothing(), operation("DELETE_NAMESPACE", "SUCCESS")))), ["gone"]);
}

#[test]
fn deletion_waits_for_a_creation_in_flight_so_that_nothing_is_left_behind() {
    let creating = during(nothing(), operation("CREATE_NAMESPACE", "PENDING"));
    assert_eq!(outline(&removal(&http(), &creating)), ["wait Waiting"]);
}

#[test]
fn a_deletion_that_failed_is_told_and_tried_again() {
    let observed = |ago| during(after(&private()), failed("DELETE_NAMESPACE", "INVALID_CHANGE_BATCH", ago));
    assert_eq!(outline(&removal(&private(), &observed(10))), ["blocked RefusedByAWS"]);
    assert!(removal(&private(), &observed(300)).has("namespace"));
}

#[test]
fn a_retained_namespace_stays_as_it_is() {
    let spec = with(http(), "deletionPolicy", json!("Retain"));
    assert_eq!(outline(&removal(&spec, &after(&spec))), ["gone"]);
}

#[test]
fn an_operation_is_remembered_until_what_it_made_is_seen() {
    let object = namespace(&http());
    let resolved = testing::resolved(&object, &testing::shop());
    let id = |observed: &CloudMapNamespaceObserved| object.facts(&resolved, observed).operation_id;
    let done = operation("CREATE_NAMESPACE", "SUCCESS");
    assert_eq!(id(&during(nothing(), done.clone())).as_deref(), Some("op-1"));
    assert_eq!(id(&during(after(&http()), done)), None);
    assert_eq!(id(&during(after(&http()), operation("UPDATE_NAMESPACE", "PENDING"))).as_deref(), Some("op-1"));
    assert_eq!(id(&during(after(&http()), operation("UPDATE_NAMESPACE", "FAIL"))).as_deref(), Some("op-1"));
}

#[test]
fn facts_and_health_are_what_is_observed() {
    let object = namespace(&private());
    let resolved = testing::resolved(&object, &testing::shop());
    let facts = object.facts(&resolved, &after(&private()));
    assert_eq!(facts.namespace_id.as_deref(), Some("ns-1"));
    assert_eq!(facts.hosted_zone_id.as_deref(), Some("Z1"));
    assert_eq!(object.facts(&resolved, &nothing()), CloudMapNamespaceStatus::default());
    let health = |observed: &CloudMapNamespaceObserved| object.health(&resolved, observed, now());
    assert_eq!(health(&after(&private())), Health::Healthy("Cloud Map namespace shop.internal is ns-1".into()));
    assert!(matches!(health(&nothing()), Health::Progressing { .. }));
    let busy = during(after(&private()), operation("UPDATE_NAMESPACE", "PENDING"));
    assert!(matches!(health(&busy), Health::Progressing { .. }));
}

/// Specs of one private namespace that Cloud Map would take.
fn spec() -> impl Strategy<Value = Value> {
    let description = prop::option::of("[a-c]{1,3}");
    let ttl = prop::option::of(0..100_i64);
    let tags = prop::collection::btree_map("[a-c]", "[x-z]?", 0..3);
    (description, ttl, tags).prop_map(|(description, ttl, tags)| {
        let mut spec = private();
        spec["tags"] = tags.iter().map(|(k, v)| json!({"key": k, "value": v})).collect();
        if let Some(description) = description {
            spec["description"] = json!(description);
        }
        if let Some(ttl) = ttl {
            spec["properties"] = json!({"dnsProperties": {"soa": {"ttl": ttl}}});
        }
        spec
    })
}

proptest! {
    #![proptest_config(laws::cases())]

    #[test]
    fn a_second_pass_plans_nothing(before in spec(), after in spec()) {
        laws::a_second_pass_plans_nothing(&namespace(&before), &namespace(&after));
    }

    #[test]
    fn what_others_changed_is_drift(before in spec(), after in spec()) {
        laws::what_others_changed_is_drift(&namespace(&before), &namespace(&after));
    }

    #[test]
    fn adoption_follows_its_policy(before in spec(), after in spec()) {
        laws::adoption_follows_its_policy(&namespace(&before), &namespace(&after));
    }

    #[test]
    fn deletion_ends_with_nothing(spec in spec()) {
        laws::deletion_ends_with_nothing(&namespace(&spec));
    }
}
