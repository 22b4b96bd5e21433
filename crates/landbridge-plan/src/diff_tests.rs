//! Tests of [`super`].

use super::*;
use proptest::prelude::*;
use serde_json::json;

fn paths(from: &Value, to: &Value) -> Vec<String> {
    differences("", from, to).into_iter().map(|d| d.path).collect()
}

#[test]
fn equal_values_have_no_difference_and_null_is_absent() {
    assert_eq!(paths(&json!({"a": 1, "b": null}), &json!({"a": 1.0})), Vec::<String>::new());
}

#[test]
fn an_environment_variable_is_named_by_container_and_name() {
    let from = json!({"containerDefinitions": [{"name": "web", "environment": [{"name": "LOG", "value": "info"}]}]});
    let to = json!({"containerDefinitions": [{"name": "web", "environment": [{"name": "LOG", "value": "debug"}]}]});
    assert_eq!(
        differences("taskDefinition", &from, &to),
        [Difference::new(
            "taskDefinition.containerDefinitions[web].environment[LOG].value",
            Some(json!("info")),
            Some(json!("debug"))
        )]
    );
}

#[test]
fn an_item_put_first_does_not_make_every_other_item_differ() {
    let from = json!([{"name": "b", "x": 1}]);
    let to = json!([{"name": "a", "x": 1}, {"name": "b", "x": 2}]);
    assert_eq!(
        differences("c", &from, &to),
        [
            Difference::new("c[a]", None, Some(json!({"name": "a", "x": 1}))),
            Difference::new("c[b].x", Some(json!(1)), Some(json!(2))),
        ]
    );
}

#[test]
fn an_item_that_goes_is_shown_with_what_it_was() {
    let from = json!([{"name": "a"}, {"name": "b"}]);
    assert_eq!(
        differences("c", &from, &json!([{"name": "a"}])),
        [Difference::new("c[b]", Some(json!({"name": "b"})), None)]
    );
}

#[test]
fn another_order_of_the_same_items_is_a_difference_of_its_own() {
    let from = json!([{"name": "a"}, {"name": "b"}]);
    let to = json!([{"name": "b"}, {"name": "a"}]);
    assert_eq!(
        differences("c", &from, &to),
        [Difference::new("c[order]", Some(json!(["a", "b"])), Some(json!(["b", "a"])))]
    );
}

#[test]
fn an_item_that_moves_because_it_changed_is_one_difference() {
    let from = json!([{"name": "a", "x": 1}, {"name": "b", "x": 2}]);
    assert_eq!(paths(&from, &json!([{"name": "b", "x": 2}, {"name": "a", "x": 3}])), ["[a].x"]);
}

#[test]
fn ports_are_told_apart_by_number_and_if_need_be_by_protocol() {
    let one = |p: i32| json!([{"containerPort": 80, "hostPort": p}]);
    assert_eq!(paths(&one(1), &one(2)), ["[80].hostPort"]);
    let two = |p: i32| json!([{"containerPort": 53, "protocol": "tcp"}, {"containerPort": 53, "protocol": "udp", "hostPort": p}]);
    assert_eq!(paths(&two(1), &two(2)), ["[53/udp].hostPort"]);
}

#[test]
fn items_without_an_identity_go_by_index() {
    assert_eq!(paths(&json!([{"a": 1}, {"a": 2}]), &json!([{"a": 1}, {"a": 3}, {"a": 4}])), ["[1].a", "[2]"]);
}

#[test]
fn a_list_of_plain_values_is_shown_whole() {
    assert_eq!(
        differences("subnets", &json!(["a", "b"]), &json!(["a", "c"])),
        [Difference::new("subnets", Some(json!(["a", "b"])), Some(json!(["a", "c"])))]
    );
}

#[test]
fn a_name_that_is_not_plain_is_quoted() {
    assert_eq!(paths(&json!({"labels": {"a.b": "1"}}), &json!({"labels": {"a.b": "2"}})), ["labels[\"a.b\"]"]);
}

#[test]
fn a_secret_value_differs_without_being_shown() {
    let env = |v: &str| json!({"environment": [{"name": "DB_PASSWORD", "value": v}]});
    assert_eq!(
        differences("", &env("old"), &env("new")),
        [Difference::new("environment[DB_PASSWORD].value", Some(json!("(sensitive)")), Some(json!("(sensitive)")))]
    );
    let added = differences("", &json!({"environment": []}), &env("new"));
    assert_eq!(added[0].to, Some(json!({"name": "DB_PASSWORD", "value": "(sensitive)"})));
}

#[test]
fn big_integers_that_a_float_cannot_tell_apart_still_differ() {
    assert_eq!(paths(&json!({"n": 9_007_199_254_740_993_i64}), &json!({"n": 9_007_199_254_740_992_i64})), ["n"]);
}

/// Values without null, floats and secret names, for which equality has no exceptions.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-c]{0,2}".prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("name|[a-c]", inner, 0..4).prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn there_is_a_difference_exactly_when_values_are_not_equal(a in value(), b in value()) {
        prop_assert!(differences("", &a, &a).is_empty());
        prop_assert_eq!(differences("", &a, &b).is_empty(), a == b);
    }

    #[test]
    fn swapping_the_sides_finds_as_much(a in value(), b in value()) {
        prop_assert_eq!(differences("", &a, &b).len(), differences("", &b, &a).len());
    }
}
