//! CloudWatch Logs as a client sees it, one behaviour per test.

#![allow(clippy::needless_pass_by_value)]

use serde_json::{Value, json};

use crate::bench::Bench;

const ARN: &str = "arn:aws:logs:eu-west-1:123456789012:log-group:/ecs/web";

fn ok(bench: &mut Bench, op: &str, input: Value) -> Value {
    bench.ok("logs", op, input)
}

fn code(bench: &mut Bench, op: &str, input: Value) -> String {
    bench.code("logs", op, input)
}

fn bench_with_group() -> Bench {
    let mut bench = Bench::new();
    ok(&mut bench, "CreateLogGroup", json!({"logGroupName": "/ecs/web", "tags": {"team": "shop"}}));
    bench
}

fn bench_with_stream() -> (Bench, i64) {
    let mut bench = bench_with_group();
    ok(&mut bench, "CreateLogStream", json!({"logGroupName": "/ecs/web", "logStreamName": "web/1"}));
    let now = bench.world.now.as_millisecond();
    (bench, now)
}

fn put(bench: &mut Bench, events: &[(i64, &str)]) -> Value {
    let events: Value = events.iter().map(|(at, message)| json!({"timestamp": at, "message": message})).collect();
    ok(bench, "PutLogEvents", json!({"logGroupName": "/ecs/web", "logStreamName": "web/1", "logEvents": events}))
}

fn messages(answer: &Value) -> Vec<String> {
    answer["events"].as_array().unwrap().iter().map(|event| event["message"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_log_group_is_described_with_both_forms_of_its_arn() {
    let mut bench = bench_with_group();
    let group = ok(&mut bench, "DescribeLogGroups", json!({"logGroupNamePrefix": "/ecs/"}))["logGroups"][0].clone();
    assert_eq!(group["arn"], format!("{ARN}:*"));
    assert_eq!(group["logGroupArn"], ARN);
    assert_eq!(group["logGroupClass"], "STANDARD");
    assert!(group.get("retentionInDays").is_none());
    let taken = json!({"logGroupName": "/ecs/web"});
    assert_eq!(code(&mut bench, "CreateLogGroup", taken), "ResourceAlreadyExistsException");
}

#[test]
fn bad_names_classes_and_keys_are_invalid_parameters() {
    let mut bench = Bench::new();
    for input in [
        json!({"logGroupName": ""}),
        json!({"logGroupName": "a b"}),
        json!({"logGroupName": "x".repeat(513)}),
        json!({"logGroupName": "aws/x"}),
        json!({"logGroupName": "x", "logGroupClass": "GOLD"}),
        json!({"logGroupName": "x", "kmsKeyId": "alias/x"}),
        json!({"logGroupName": "x", "tags": {"aws:x": "y"}}),
        json!({}),
    ] {
        assert_eq!(code(&mut bench, "CreateLogGroup", input.clone()), "InvalidParameterException", "{input}");
    }
}

#[test]
fn retention_takes_only_the_documented_days_and_can_be_removed() {
    let mut bench = bench_with_group();
    let days = |days: i64| json!({"logGroupName": "/ecs/web", "retentionInDays": days});
    assert_eq!(code(&mut bench, "PutRetentionPolicy", days(2)), "InvalidParameterException");
    ok(&mut bench, "PutRetentionPolicy", days(14));
    assert_eq!(ok(&mut bench, "DescribeLogGroups", json!({}))["logGroups"][0]["retentionInDays"], 14);
    ok(&mut bench, "DeleteRetentionPolicy", json!({"logGroupName": "/ecs/web"}));
    assert!(ok(&mut bench, "DescribeLogGroups", json!({}))["logGroups"][0].get("retentionInDays").is_none());
}

#[test]
fn an_unknown_group_is_not_found_by_any_operation() {
    let mut bench = Bench::new();
    let input = json!({"logGroupName": "none", "retentionInDays": 1, "logStreamName": "s", "resourceArn": ARN, "tags": {},
                       "tagKeys": [], "logEvents": [{"timestamp": 1, "message": "m"}]});
    for op in [
        "DeleteLogGroup",
        "PutRetentionPolicy",
        "DeleteRetentionPolicy",
        "TagResource",
        "UntagResource",
        "ListTagsForResource",
        "CreateLogStream",
        "DeleteLogStream",
        "DescribeLogStreams",
        "PutLogEvents",
        "GetLogEvents",
        "FilterLogEvents",
    ] {
        assert_eq!(code(&mut bench, op, input.clone()), "ResourceNotFoundException", "{op}");
    }
}

#[test]
fn groups_are_listed_in_pages_in_the_order_of_their_names() {
    let mut bench = Bench::new();
    for name in ["b", "a", "c"] {
        ok(&mut bench, "CreateLogGroup", json!({"logGroupName": name}));
    }
    let first = ok(&mut bench, "DescribeLogGroups", json!({"limit": 2}));
    assert_eq!(
        (&first["logGroups"][0]["logGroupName"], &first["logGroups"][1]["logGroupName"]),
        (&json!("a"), &json!("b"))
    );
    let second = ok(&mut bench, "DescribeLogGroups", json!({"nextToken": first["nextToken"]}));
    assert_eq!(second["logGroups"].as_array().unwrap().len(), 1);
    assert!(second.get("nextToken").is_none());
    let both = json!({"logGroupNamePrefix": "a", "logGroupNamePattern": "a"});
    assert_eq!(code(&mut bench, "DescribeLogGroups", both), "InvalidParameterException");
    let asked = ok(&mut bench, "DescribeLogGroups", json!({"logGroupIdentifiers": ["c"]}));
    assert_eq!(asked["logGroups"].as_array().unwrap().len(), 1);
}

#[test]
fn tags_belong_to_the_arn_without_star() {
    let mut bench = bench_with_group();
    ok(&mut bench, "TagResource", json!({"resourceArn": ARN, "tags": {"env": "prod"}}));
    ok(&mut bench, "UntagResource", json!({"resourceArn": ARN, "tagKeys": ["team"]}));
    assert_eq!(ok(&mut bench, "ListTagsForResource", json!({"resourceArn": ARN}))["tags"], json!({"env": "prod"}));
    let starred = json!({"resourceArn": format!("{ARN}:*")});
    assert_eq!(code(&mut bench, "ListTagsForResource", starred), "InvalidParameterException");
    let many: Value = (0..50).map(|n| (format!("k{n}"), json!(""))).collect();
    assert_eq!(code(&mut bench, "TagResource", json!({"resourceArn": ARN, "tags": many})), "TooManyTagsException");
}

#[test]
fn a_protected_group_is_not_deleted() {
    let mut bench = bench_with_group();
    let protect = |on: bool| json!({"logGroupIdentifier": ARN, "deletionProtectionEnabled": on});
    ok(&mut bench, "PutLogGroupDeletionProtection", protect(true));
    assert_eq!(code(&mut bench, "DeleteLogGroup", json!({"logGroupName": "/ecs/web"})), "ValidationException");
    ok(&mut bench, "PutLogGroupDeletionProtection", protect(false));
    ok(&mut bench, "DeleteLogGroup", json!({"logGroupName": "/ecs/web"}));
    assert_eq!(ok(&mut bench, "DescribeLogGroups", json!({}))["logGroups"], json!([]));
}

#[test]
fn events_are_read_from_the_end_or_the_head_and_the_token_repeats_at_the_end() {
    let (mut bench, now) = bench_with_stream();
    put(&mut bench, &[(now - 3, "one"), (now - 2, "two"), (now - 1, "three")]);
    let get = |bench: &mut Bench, extra: Value| {
        let mut input = json!({"logGroupName": "/ecs/web", "logStreamName": "web/1", "limit": 2});
        for (key, value) in extra.as_object().into_iter().flatten() {
            input[key] = value.clone();
        }
        ok(bench, "GetLogEvents", input)
    };
    assert_eq!(messages(&get(&mut bench, json!({}))), ["two", "three"]);
    let head = get(&mut bench, json!({"startFromHead": true}));
    assert_eq!(messages(&head), ["one", "two"]);
    let rest = get(&mut bench, json!({"nextToken": head["nextForwardToken"]}));
    assert_eq!(messages(&rest), ["three"]);
    let end = get(&mut bench, json!({"nextToken": rest["nextForwardToken"]}));
    assert!(messages(&end).is_empty());
    assert_eq!(end["nextForwardToken"], rest["nextForwardToken"]);
    assert_eq!(messages(&get(&mut bench, json!({"startTime": now - 2, "endTime": now - 1}))), ["two"]);
}

#[test]
fn events_out_of_order_are_refused_and_those_too_old_or_too_new_are_left_out() {
    let (mut bench, now) = bench_with_stream();
    let backwards = json!([{"timestamp": 2, "message": "b"}, {"timestamp": 1, "message": "a"}]);
    let input = json!({"logGroupName": "/ecs/web", "logStreamName": "web/1", "logEvents": backwards});
    assert_eq!(code(&mut bench, "PutLogEvents", input), "InvalidParameterException");
    let day = 24 * 3_600_000;
    let answer = put(&mut bench, &[(now - 15 * day, "old")]);
    assert_eq!(answer["rejectedLogEventsInfo"]["tooOldLogEventEndIndex"], 1);
    let answer = put(&mut bench, &[(now, "now"), (now + 3 * 3_600_000, "soon")]);
    assert_eq!(answer["rejectedLogEventsInfo"]["tooNewLogEventStartIndex"], 1);
    let got = ok(&mut bench, "GetLogEvents", json!({"logGroupIdentifier": ARN, "logStreamName": "web/1"}));
    assert_eq!(messages(&got), ["now"]);
}

#[test]
fn events_of_all_streams_are_filtered_by_terms_in_the_order_of_time() {
    let (mut bench, now) = bench_with_stream();
    ok(&mut bench, "CreateLogStream", json!({"logGroupName": "/ecs/web", "logStreamName": "web/2"}));
    put(&mut bench, &[(now - 3, "GET /cart 200"), (now - 1, "GET /cart 500")]);
    let other = json!([{"timestamp": now - 2, "message": "POST /cart 500"}]);
    let input = json!({"logGroupName": "/ecs/web", "logStreamName": "web/2", "logEvents": other});
    ok(&mut bench, "PutLogEvents", input);
    let find = |bench: &mut Bench, pattern: &str| {
        messages(&ok(bench, "FilterLogEvents", json!({"logGroupName": "/ecs/web", "filterPattern": pattern})))
    };
    assert_eq!(find(&mut bench, "").len(), 3);
    assert_eq!(find(&mut bench, "500"), ["POST /cart 500", "GET /cart 500"]);
    assert_eq!(find(&mut bench, "\"GET /cart\" 500"), ["GET /cart 500"]);
    let json_pattern = json!({"logGroupName": "/ecs/web", "filterPattern": "{ $.x = 1 }"});
    assert_eq!(code(&mut bench, "FilterLogEvents", json_pattern), "InvalidParameterException");
}

#[test]
fn streams_are_described_by_name_or_by_last_event() {
    let (mut bench, now) = bench_with_stream();
    ok(&mut bench, "CreateLogStream", json!({"logGroupName": "/ecs/web", "logStreamName": "web/0"}));
    put(&mut bench, &[(now, "hello")]);
    let names = |bench: &mut Bench, extra: Value| -> Vec<Value> {
        let mut input = json!({"logGroupName": "/ecs/web"});
        for (key, value) in extra.as_object().into_iter().flatten() {
            input[key] = value.clone();
        }
        let streams = ok(bench, "DescribeLogStreams", input)["logStreams"].clone();
        streams.as_array().unwrap().iter().map(|stream| stream["logStreamName"].clone()).collect()
    };
    assert_eq!(names(&mut bench, json!({})), ["web/0", "web/1"]);
    assert_eq!(names(&mut bench, json!({"orderBy": "LastEventTime", "descending": true})), ["web/1", "web/0"]);
    assert_eq!(names(&mut bench, json!({"logStreamNamePrefix": "web/1"})), ["web/1"]);
    let twice = json!({"logGroupName": "/ecs/web", "logStreamName": "web/1"});
    assert_eq!(code(&mut bench, "CreateLogStream", twice), "ResourceAlreadyExistsException");
}
