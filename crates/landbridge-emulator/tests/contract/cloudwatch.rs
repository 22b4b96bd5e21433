//! CloudWatch through the SDK for Rust, and in the three protocols that clients speak: CBOR (that SDK, botocore), JSON and query.

use std::time::Duration;

use aws_sdk_cloudwatch::error::ProvideErrorMetadata as _;
use aws_sdk_cloudwatch::types::{
    AlarmType, ComparisonOperator, Dimension, Metric, MetricDataQuery, MetricDatum, MetricStat, ScanBy, StateValue,
    Statistic, StatusCode,
};
use aws_smithy_types::DateTime;
use bytes::Bytes;
use ciborium::Value as Cbor;
use http::Request;
use serde_json::{Value, json};

use crate::events::Heard;
use crate::support::{ACCOUNT, Aws, REGION, on_both_fronts};

async fn call(aws: &Aws, operation: &str, input: Value) -> (u16, Value) {
    aws.json(&format!("GraniteServiceVersion20100801.{operation}"), &input).await
}

/// Matrix line "CloudWatch": PutMetricAlarm, DescribeAlarms and SetAlarmState of the Amazon CloudWatch API reference.
#[tokio::test]
async fn an_alarm_is_put_described_and_set_through_the_sdk() {
    on_both_fronts(async |aws| {
        let watch = aws_sdk_cloudwatch::Client::new(&aws.config());
        let alarm = watch.put_metric_alarm().alarm_name("slow").namespace("Shop").metric_name("Latency");
        let alarm = alarm.statistic(Statistic::Average).period(60).evaluation_periods(1).threshold(5.0);
        alarm.comparison_operator(ComparisonOperator::GreaterThanThreshold).send().await.unwrap();
        let both = watch.describe_alarms().alarm_types(AlarmType::MetricAlarm).alarm_types(AlarmType::CompositeAlarm);
        let described = both.alarm_names("slow").alarm_names("none").send().await.unwrap();
        assert_eq!(described.metric_alarms().len(), 1);
        assert_eq!(described.metric_alarms()[0].state_value(), Some(&StateValue::InsufficientData));
        assert_eq!(described.metric_alarms()[0].threshold(), Some(5.0));
        let set = watch.set_alarm_state().alarm_name("slow").state_value(StateValue::Alarm).state_reason("a test");
        set.send().await.unwrap();
        let ringing = watch.describe_alarms().state_value(StateValue::Alarm).send().await.unwrap();
        assert_eq!(ringing.metric_alarms()[0].state_reason(), Some("a test"));
        let none = watch.set_alarm_state().alarm_name("none").state_value(StateValue::Ok).state_reason("a test");
        assert_eq!(none.send().await.unwrap_err().code(), Some("ResourceNotFound"));
    })
    .await;
}

/// PutMetricData and GetMetricData of the Amazon CloudWatch API reference: every series over the same time, a period without
/// values has none, and oldest first where that is asked for.
#[tokio::test]
async fn several_metrics_are_read_minute_by_minute_through_the_sdk() {
    on_both_fronts(async |aws| {
        let watch = aws_sdk_cloudwatch::Client::new(&aws.config());
        let start = aws.emulator.now().as_second();
        let page = || Dimension::builder().name("Page").value("cart").build();
        for (minute, value) in [(0, 0.1), (0, 0.3), (2, 0.5)] {
            let datum = MetricDatum::builder().metric_name("Latency").dimensions(page()).value(value);
            let datum = datum.timestamp(DateTime::from_secs(start + minute * 60)).build();
            watch.put_metric_data().namespace("Shop").metric_data(datum).send().await.unwrap();
        }
        let query = |id: &str, statistic: &str, name: &str| {
            let metric = Metric::builder().namespace("Shop").metric_name(name).dimensions(page()).build();
            let stat = MetricStat::builder().metric(metric).period(60).stat(statistic).build();
            MetricDataQuery::builder().id(id).metric_stat(stat).build()
        };
        aws.pass(300);
        let asked = watch.get_metric_data().metric_data_queries(query("sum", "Sum", "Latency"));
        let asked = asked.metric_data_queries(query("p95", "p95", "Latency"));
        let asked = asked.metric_data_queries(query("none", "Sum", "Nothing")).scan_by(ScanBy::TimestampAscending);
        let asked = asked.start_time(DateTime::from_secs(start)).end_time(DateTime::from_secs(start + 180));
        let answer = asked.send().await.unwrap();
        let found: Vec<_> = answer.metric_data_results().iter().map(|r| (r.id().unwrap(), r.values())).collect();
        assert_eq!(found, [("sum", &[0.4, 0.5][..]), ("p95", &[0.3, 0.5][..]), ("none", &[][..])]);
        let times: Vec<_> = answer.metric_data_results()[0].timestamps().iter().map(DateTime::secs).collect();
        assert_eq!(times, [start, start + 120]);
        assert!(answer.metric_data_results().iter().all(|r| r.status_code() == Some(&StatusCode::Complete)));
        assert_eq!(answer.next_token(), None);
    })
    .await;
}

/// What AWS's own services measure is set from outside, for any minute, and set again.
#[tokio::test]
async fn a_datapoint_of_a_load_balancer_is_set_and_set_again() {
    let aws = Aws::start().await;
    let group = [("TargetGroup", "targetgroup/a/1"), ("LoadBalancer", "app/b/2")];
    let at = aws.emulator.now();
    for value in [7.0, 9.0] {
        aws.emulator.set_datapoint("AWS/ApplicationELB", "RequestCount", &group, at, value);
    }
    let watch = aws_sdk_cloudwatch::Client::new(&aws.config());
    let mut metric = Metric::builder().namespace("AWS/ApplicationELB").metric_name("RequestCount");
    for (name, value) in group {
        metric = metric.dimensions(Dimension::builder().name(name).value(value).build());
    }
    let stat = MetricStat::builder().metric(metric.build()).period(60).stat("Sum").build();
    let asked = watch.get_metric_data().start_time(DateTime::from_secs(at.as_second()));
    let asked = asked.end_time(DateTime::from_secs(at.as_second() + Duration::from_mins(5).as_secs() as i64));
    let asked = asked.metric_data_queries(MetricDataQuery::builder().id("a").metric_stat(stat).build());
    assert_eq!(asked.send().await.unwrap().metric_data_results()[0].values(), [9.0]);
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
