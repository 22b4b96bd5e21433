//! CloudWatch in the three protocols that clients speak: CBOR (the SDK for Rust, botocore), JSON and query. Without an
//! SDK: aws-sdk-cloudwatch needs a second version of http.

use bytes::Bytes;
use ciborium::Value as Cbor;
use http::Request;
use serde_json::{Value, json};

use crate::events::Heard;
use crate::support::{ACCOUNT, Aws, REGION, on_both_fronts};

async fn call(aws: &Aws, operation: &str, input: Value) -> (u16, Value) {
    aws.json(&format!("GraniteServiceVersion20100801.{operation}"), &input).await
}

fn alarm(name: &str) -> Value {
    json!({
        "AlarmName": name, "Namespace": "Shop", "MetricName": "Latency", "Statistic": "Average", "Period": 60,
        "EvaluationPeriods": 1, "Threshold": 5, "ComparisonOperator": "GreaterThanThreshold",
        "Dimensions": [{ "Name": "Page", "Value": "cart" }], "TreatMissingData": "ignore",
        "Tags": [{ "Key": "team", "Value": "shop" }],
    })
}

/// Matrix line "CloudWatch": PutMetricAlarm, DescribeAlarms and SetAlarmState of the Amazon CloudWatch API reference.
#[tokio::test]
async fn an_alarm_is_put_described_set_and_deleted() {
    on_both_fronts(async |aws| {
        assert_eq!(call(&aws, "PutMetricAlarm", alarm("slow")).await, (200, json!({})));
        let described = call(&aws, "DescribeAlarms", json!({ "AlarmNames": ["slow"] })).await.1;
        let slow = &described["MetricAlarms"][0];
        let arn = format!("arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:slow");
        assert_eq!((&slow["AlarmArn"], &slow["StateValue"]), (&json!(arn), &json!("INSUFFICIENT_DATA")));
        assert_eq!((&slow["Threshold"], &slow["ActionsEnabled"]), (&json!(5.0), &json!(true)));
        let set = json!({ "AlarmName": "slow", "StateValue": "ALARM", "StateReason": "a test" });
        assert_eq!(call(&aws, "SetAlarmState", set).await.0, 200);
        let ringing = call(&aws, "DescribeAlarms", json!({ "StateValue": "ALARM" })).await.1;
        assert_eq!(ringing["MetricAlarms"][0]["StateReason"], "a test");
        let tags = call(&aws, "ListTagsForResource", json!({ "ResourceARN": arn })).await.1;
        assert_eq!(tags["Tags"][0], json!({ "Key": "team", "Value": "shop" }));
        call(&aws, "DisableAlarmActions", json!({ "AlarmNames": ["slow"] })).await;
        let quiet = call(&aws, "DescribeAlarms", json!({ "AlarmNamePrefix": "sl" })).await.1;
        assert_eq!(quiet["MetricAlarms"][0]["ActionsEnabled"], false);
        let unknown = json!({ "AlarmName": "none", "StateValue": "OK", "StateReason": "x" });
        let (status, refused) = call(&aws, "SetAlarmState", unknown).await;
        assert_eq!((status, &refused["__type"]), (404, &json!("ResourceNotFound")));
        assert_eq!(call(&aws, "DeleteAlarms", json!({ "AlarmNames": ["slow"] })).await.0, 200);
        assert_eq!(call(&aws, "DescribeAlarms", json!({})).await.1["MetricAlarms"], json!([]));
    })
    .await;
}

/// "CloudWatch Alarm State Change" in "Alarm events and EventBridge" of the Amazon CloudWatch user guide.
#[tokio::test]
async fn an_alarm_that_a_metric_rings_is_told_to_eventbridge() {
    let aws = Aws::start().await;
    let heard = Heard::start(&aws, json!({ "source": ["aws.cloudwatch"] })).await;
    call(&aws, "PutMetricAlarm", alarm("slow")).await;
    let page = json!([{ "Name": "Page", "Value": "cart" }]);
    let datum = json!({ "MetricName": "Latency", "Dimensions": page, "Value": 9.5, "Unit": "Seconds" });
    assert_eq!(call(&aws, "PutMetricData", json!({ "Namespace": "Shop", "MetricData": [datum] })).await.0, 200);
    aws.pass(61);
    let told = heard.take().await;
    assert_eq!(told.len(), 1);
    let detail = &told[0]["detail"];
    assert_eq!(told[0]["detail-type"], "CloudWatch Alarm State Change");
    assert_eq!(
        (&detail["state"]["value"], &detail["previousState"]["value"]),
        (&json!("ALARM"), &json!("INSUFFICIENT_DATA"))
    );
    assert!(
        detail["state"]["reason"]
            .as_str()
            .unwrap()
            .contains("[9.5 (01/01/26 00:00:00)] was greater than the threshold (5.0)")
    );
    assert_eq!(detail["configuration"]["metrics"][0]["metricStat"]["metric"]["dimensions"], json!({ "Page": "cart" }));
    let listed = call(&aws, "ListMetrics", json!({ "Namespace": "Shop" })).await.1;
    assert_eq!(listed["Metrics"], json!([{ "Namespace": "Shop", "MetricName": "Latency", "Dimensions": page }]));
}

fn map(members: &[(&str, Cbor)]) -> Cbor {
    Cbor::Map(members.iter().map(|(name, value)| (Cbor::from(*name), value.clone())).collect())
}

fn member<'a>(value: &'a Cbor, name: &str) -> &'a Cbor {
    let members = value.as_map().unwrap();
    &members.iter().find(|(key, _)| key.as_text() == Some(name)).unwrap_or_else(|| panic!("no {name}")).1
}

fn cbor(aws: &Aws, operation: &str, input: &Cbor) -> http::Response<Bytes> {
    let mut body = Vec::new();
    ciborium::into_writer(input, &mut body).unwrap();
    let request = Request::post(format!("/service/GraniteServiceVersion20100801/operation/{operation}"));
    let request = request.header("smithy-protocol", "rpc-v2-cbor").header("content-type", "application/cbor");
    aws.emulator.respond(request.body(Bytes::from(body)).unwrap())
}

/// "Smithy RPC v2 CBOR protocol": times are tags, doubles are floats, and errors name the older code in a header.
#[tokio::test]
async fn in_cbor_times_are_tagged_and_numbers_with_fractions_stay_floats() {
    let aws = Aws::start().await;
    let now = aws.emulator.now().as_second();
    let datum = map(&[
        ("MetricName", Cbor::from("Latency")),
        ("Value", Cbor::from(2.0)),
        ("Timestamp", Cbor::Tag(1, Box::new(Cbor::from(now)))),
    ]);
    let put = map(&[("Namespace", Cbor::from("Shop")), ("MetricData", Cbor::Array(vec![datum]))]);
    assert_eq!(cbor(&aws, "PutMetricData", &put).status(), 200);
    let metric = map(&[("Namespace", Cbor::from("Shop")), ("MetricName", Cbor::from("Latency"))]);
    let stat = map(&[("Metric", metric), ("Period", Cbor::from(60)), ("Stat", Cbor::from("Average"))]);
    let query = map(&[("Id", Cbor::from("m")), ("MetricStat", stat)]);
    let get = map(&[
        ("MetricDataQueries", Cbor::Array(vec![query])),
        ("StartTime", Cbor::Tag(1, Box::new(Cbor::from(now)))),
        ("EndTime", Cbor::Tag(1, Box::new(Cbor::from(now + 60)))),
    ]);
    let answer: Cbor = ciborium::from_reader(&cbor(&aws, "GetMetricData", &get).body()[..]).unwrap();
    let result = &member(&answer, "MetricDataResults").as_array().unwrap()[0];
    assert_eq!(member(result, "Values").as_array().unwrap()[0], Cbor::Float(2.0));
    assert_eq!(member(result, "Timestamps").as_array().unwrap()[0], Cbor::Tag(1, Box::new(Cbor::from(now))));
    let refused = cbor(&aws, "PutMetricData", &map(&[("Namespace", Cbor::from("AWS/ECS"))]));
    assert_eq!(refused.headers()["x-amzn-query-error"], "InvalidParameterValue;Sender");
    let refused: Cbor = ciborium::from_reader(&refused.body()[..]).unwrap();
    assert_eq!(member(&refused, "__type").as_text(), Some("InvalidParameterValueException"));
}

/// The query protocol of older clients: times and errors as its API reference writes them.
#[tokio::test]
async fn in_the_query_protocol_times_are_text_and_codes_those_of_old() {
    let aws = Aws::start().await;
    let form = |text: &str| {
        let body = Bytes::from(format!("Version=2010-08-01&{text}"));
        let response = aws.emulator.respond(Request::post("/").body(body).unwrap());
        (response.status().as_u16(), String::from_utf8(response.body().to_vec()).unwrap())
    };
    let put = "Action=PutMetricAlarm&AlarmName=slow&Namespace=Shop&MetricName=Latency&Statistic=Average&Period=60&\
               EvaluationPeriods=1&Threshold=5&ComparisonOperator=GreaterThanThreshold&\
               Dimensions.member.1.Name=Page&Dimensions.member.1.Value=cart";
    assert_eq!(form(put).0, 200);
    let (status, xml) = form("Action=DescribeAlarms");
    assert_eq!(status, 200);
    for expected in [
        "<Threshold>5.0</Threshold>",
        "<Dimensions><member><Name>Page</Name><Value>cart</Value></member></Dimensions>",
        "<StateUpdatedTimestamp>2026-01-01T00:00:00Z</StateUpdatedTimestamp>",
    ] {
        assert!(xml.contains(expected), "{expected} is not in {xml}");
    }
    let (status, xml) = form("Action=PutMetricData&Namespace=AWS/ECS");
    assert!(status == 400 && xml.contains("<Code>InvalidParameterValue</Code>"), "{status} {xml}");
}
