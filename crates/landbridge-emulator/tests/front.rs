//! The emulator as its users hold it: faults, quotas, the call log, and the socket.

#![allow(clippy::unwrap_used, reason = "a test stops where it finds something wrong")]

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use jiff::Timestamp;
use landbridge_emulator::{Clock, ConnectionLost, Emulator, Fault, FaultKind};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn manual() -> landbridge_emulator::Builder {
    Emulator::builder().clock(Clock::manual(Timestamp::UNIX_EPOCH)).seed(3)
}

fn call(emulator: &Emulator, operation: &str, input: &Value) -> Response<Bytes> {
    let request = Request::post("/")
        .header("x-amz-target", format!("AmazonEC2ContainerServiceV20141113.{operation}"))
        .body(Bytes::from(input.to_string()))
        .unwrap();
    emulator.respond(request)
}

fn body(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap()
}

fn clusters(emulator: &Emulator) -> usize {
    body(&call(emulator, "ListClusters", &json!({})))["clusterArns"].as_array().unwrap().len()
}

#[test]
fn a_fault_breaks_the_call_it_names_as_often_as_it_says() {
    let emulator = manual().build();
    emulator.fault(Fault::on("ecs:Create*", FaultKind::Throttle).times(2));
    for expected in ["ThrottlingException", "ThrottlingException", ""] {
        let answer = call(&emulator, "CreateCluster", &json!({ "clusterName": "a" }));
        assert_eq!(body(&answer)["__type"].as_str().unwrap_or_default(), expected);
    }
    emulator.fault(Fault::on("ecs:ListClusters", FaultKind::ServerError));
    assert_eq!(call(&emulator, "ListClusters", &json!({})).status(), StatusCode::INTERNAL_SERVER_ERROR);
    emulator.clear_faults();
    assert_eq!(clusters(&emulator), 1);
}

#[test]
fn a_lost_answer_leaves_the_effect_and_a_lost_request_leaves_none() {
    let emulator = manual().build();
    emulator.fault(Fault::on("ecs:CreateCluster", FaultKind::LoseAnswerBefore).nth(1));
    emulator.fault(Fault::on("ecs:CreateCluster", FaultKind::LoseAnswerAfter).nth(1));
    let answer = call(&emulator, "CreateCluster", &json!({ "clusterName": "before" }));
    assert!(answer.extensions().get::<ConnectionLost>().is_some());
    assert_eq!(clusters(&emulator), 0);
    let answer = call(&emulator, "CreateCluster", &json!({ "clusterName": "after" }));
    assert!(answer.extensions().get::<ConnectionLost>().is_some());
    assert_eq!(clusters(&emulator), 1);
    let lost = ("ecs:CreateCluster".to_owned(), "ConnectionLost".to_owned());
    assert_eq!(emulator.calls().by_outcome()[&lost], 2);
}

#[test]
fn a_stale_read_shows_the_past_for_as_long_as_the_lag_and_writes_are_never_stale() {
    let emulator = manual().build();
    emulator.fault(Fault::on("ecs:*", FaultKind::StaleRead(Duration::from_secs(5))));
    emulator.advance(Duration::from_mins(1));
    call(&emulator, "CreateCluster", &json!({ "clusterName": "new" }));
    assert_eq!(clusters(&emulator), 0);
    emulator.advance(Duration::from_secs(4));
    assert_eq!(clusters(&emulator), 0);
    call(&emulator, "CreateCluster", &json!({ "clusterName": "newer" }));
    emulator.advance(Duration::from_secs(2));
    assert_eq!(clusters(&emulator), 1);
    emulator.advance(Duration::from_secs(4));
    assert_eq!(clusters(&emulator), 2);
}

#[test]
fn quotas_refuse_beyond_the_burst_and_refill_with_virtual_time() {
    let emulator = manual().quotas(true).build();
    let create = |n: usize| call(&emulator, "CreateCluster", &json!({ "clusterName": format!("c{n}") })).status();
    let taken = (0..30).filter(|n| create(*n) == StatusCode::OK).count();
    assert_eq!(taken, 20, "the burst of the cluster modify bucket");
    assert_eq!(emulator.calls().throttled(), 10);
    emulator.advance(Duration::from_secs(3));
    assert_eq!((30..40).filter(|n| create(*n) == StatusCode::OK).count(), 3, "one a second");
    assert_eq!(clusters(&emulator), 23, "reads have a bucket of their own");
}

#[test]
fn the_call_log_says_who_did_what_to_whom_and_how_it_ended() {
    let emulator = manual().build();
    call(&emulator, "CreateCluster", &json!({ "clusterName": "shop" }));
    call(&emulator, "DeleteCluster", &json!({ "cluster": "none" }));
    call(&emulator, "DescribeClusters", &json!({ "clusters": ["shop", "x"] }));
    let calls = emulator.take_calls();
    let seen: Vec<_> =
        calls.log().iter().map(|it| (it.action.as_str(), it.target.as_str(), it.outcome.as_str())).collect();
    assert_eq!(
        seen,
        [
            ("ecs:CreateCluster", "shop", "OK"),
            ("ecs:DeleteCluster", "none", "ClusterNotFoundException"),
            ("ecs:DescribeClusters", "shop,x", "OK"),
        ]
    );
    assert_eq!(calls.writes().len(), 2);
    assert_eq!(emulator.calls().log().len(), 0);
}

#[test]
fn what_is_not_a_request_is_refused_in_the_words_of_the_protocol() {
    let emulator = manual().build();
    let post = |target: &str, body: Vec<u8>| {
        emulator.respond(Request::post("/").header("x-amz-target", target).body(Bytes::from(body)).unwrap())
    };
    let code = |response: &Response<Bytes>| body(response)["__type"].as_str().unwrap_or_default().to_owned();
    let ecs = "AmazonEC2ContainerServiceV20141113.ListClusters";
    assert_eq!(code(&post(ecs, b"{".to_vec())), "SerializationException");
    assert_eq!(code(&post(ecs, b"[]".to_vec())), "SerializationException");
    assert_eq!(code(&post("Nothing.ListClusters", b"{}".to_vec())), "UnknownOperationException");
    assert_eq!(code(&post("nonsense", b"{}".to_vec())), "UnknownOperationException");
    let large = post(ecs, vec![b' '; 2 * 1024 * 1024]);
    assert_eq!(
        (large.status(), code(&large).as_str()),
        (StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLargeException")
    );
    let state = emulator.state();
    assert_eq!(state["ecs"]["clusters"], json!([]));
}

#[test]
fn accounts_and_regions_are_apart() {
    let emulator = manual().build();
    let list = |key: &str, region: &str, operation: &str, input: &str| {
        let scope = format!("AWS4-HMAC-SHA256 Credential={key}/20260101/{region}/ecs/aws4_request, SignedHeaders=host");
        let request = Request::post("/")
            .header("x-amz-target", format!("AmazonEC2ContainerServiceV20141113.{operation}"))
            .header("authorization", scope)
            .body(Bytes::from(input.to_owned()))
            .unwrap();
        body(&emulator.respond(request))
    };
    let created = list("111111111111", "eu-west-1", "CreateCluster", r#"{"clusterName":"shop"}"#);
    assert_eq!(created["cluster"]["clusterArn"], "arn:aws:ecs:eu-west-1:111111111111:cluster/shop");
    assert_eq!(list("111111111111", "eu-west-2", "ListClusters", "{}")["clusterArns"], json!([]));
    assert_eq!(list("222222222222", "eu-west-1", "ListClusters", "{}")["clusterArns"], json!([]));
    assert_eq!(list("111111111111", "eu-west-1", "ListClusters", "{}")["clusterArns"].as_array().unwrap().len(), 1);
}

#[test]
fn the_same_seed_and_calls_give_the_same_history() {
    let history = || {
        let emulator = manual().build();
        call(&emulator, "CreateCluster", &json!({ "clusterName": "shop" }));
        let container = json!([{ "name": "web", "image": "nginx", "memory": 128 }]);
        call(&emulator, "RegisterTaskDefinition", &json!({ "family": "web", "containerDefinitions": container }));
        let service = json!({ "cluster": "shop", "serviceName": "web", "taskDefinition": "web", "desiredCount": 3 });
        call(&emulator, "CreateService", &service);
        let took = emulator.settle(Duration::from_mins(10));
        (took, emulator.state())
    };
    let (took, state) = history();
    assert_eq!(state["ecs"]["services"][0]["deployments"][0]["rolloutState"], "COMPLETED");
    assert!(took > Duration::from_secs(30) && took < Duration::from_mins(2), "{took:?}");
    assert_eq!(history().1, state);
}

#[test]
fn settling_does_not_wait_for_what_goes_on_for_ever() {
    let emulator = manual().build();
    let start = emulator.now();
    call(&emulator, "CreateCluster", &json!({ "clusterName": "shop" }));
    let container = json!([{ "name": "web", "image": "nginx", "memory": 128 }]);
    call(&emulator, "RegisterTaskDefinition", &json!({ "family": "web", "containerDefinitions": container }));
    let service = json!({ "cluster": "shop", "serviceName": "web", "taskDefinition": "web", "desiredCount": 3 });
    call(&emulator, "CreateService", &service);
    let target = json!({
        "ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount", "ResourceId": "service/shop/web",
        "MinCapacity": 1, "MaxCapacity": 9,
    });
    posted_in_process(&emulator, "AnyScaleFrontendService.RegisterScalableTarget", &target);
    let with = |more: Value| {
        let mut input = target.clone();
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let hourly = with(json!({
        "ScheduledActionName": "hourly", "Schedule": "rate(1 hour)", "ScalableTargetAction": { "MinCapacity": 2 },
    }));
    posted_in_process(&emulator, "AnyScaleFrontendService.PutScheduledAction", &hourly);
    let alarm = json!({
        "AlarmName": "busy", "Namespace": "Shop", "MetricName": "Load", "Statistic": "Sum", "Period": 60,
        "EvaluationPeriods": 1, "Threshold": 5, "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "notBreaching",
    });
    posted_in_process(&emulator, "GraniteServiceVersion20100801.PutMetricAlarm", &alarm);
    let rotated = json!({ "Name": "db", "SecretString": "x" });
    posted_in_process(&emulator, "secretsmanager.CreateSecret", &rotated);
    let every_day = json!({
        "SecretId": "db", "RotationLambdaARN": "arn:aws:lambda:us-east-1:000000000000:function:r",
        "RotationRules": { "AutomaticallyAfterDays": 1 },
    });
    posted_in_process(&emulator, "secretsmanager.RotateSecret", &every_day);
    let took = emulator.settle(Duration::from_hours(48));
    assert!(took < Duration::from_mins(3), "{took:?}");
    let state = emulator.state();
    assert_eq!(state["ecs"]["services"][0]["deployments"][0]["rolloutState"], "COMPLETED");
    assert_eq!(emulator.settle(Duration::from_hours(48)), Duration::ZERO);
    // What happens once is waited for, and what recurs happens on the way to it.
    let once = with(json!({
        "ScheduledActionName": "once", "Schedule": "at(1970-01-01T05:00:00)", "ScalableTargetAction": { "MinCapacity": 5 },
    }));
    posted_in_process(&emulator, "AnyScaleFrontendService.PutScheduledAction", &once);
    emulator.settle(Duration::from_hours(48));
    let waited = emulator.now().duration_since(start).as_hours();
    assert_eq!(waited, 5);
    let state = emulator.state();
    assert_eq!(state["ecs"]["services"][0]["runningCount"], 5);
    assert_eq!(state["cloudWatch"]["alarms"][0]["StateValue"], "OK", "{}", state["cloudWatch"]);
}

/// Calls any JSON service without a socket; the call must succeed.
fn posted_in_process(emulator: &Emulator, target: &str, input: &Value) {
    let request = Request::post("/").header("x-amz-target", target).body(Bytes::from(input.to_string())).unwrap();
    let response = emulator.respond(request);
    assert_eq!(response.status(), StatusCode::OK, "{target}: {:?}", response.body());
}

async fn raw(address: SocketAddr, operation: &str, input: &str) -> String {
    posted(address, &format!("AmazonEC2ContainerServiceV20141113.{operation}"), input).await
}

/// The whole answer to a call of a JSON service.
async fn posted(address: SocketAddr, target: &str, input: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-amz-target: {target}\r\n\
         content-length: {}\r\n\r\n{input}",
        input.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    // A connection that breaks on purpose may end in an error instead of an end; what came is what counts.
    let _ = stream.read_to_string(&mut answer).await;
    answer
}

#[tokio::test]
async fn over_a_socket_calls_are_answered_and_a_lost_answer_never_comes_whole() {
    let emulator = manual().build();
    let server = emulator.serve(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let answer = raw(server.address(), "CreateCluster", r#"{"clusterName":"shop"}"#).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains("cluster/shop"), "{answer}");
    emulator.fault(Fault::on("ecs:CreateCluster", FaultKind::LoseAnswerAfter));
    let answer = raw(server.address(), "CreateCluster", r#"{"clusterName":"lost"}"#).await;
    assert!(!answer.contains("lost") && !answer.ends_with("0\r\n\r\n"), "{answer}");
    assert_eq!(clusters(&emulator), 2);
    let address = server.address();
    server.shutdown().await;
    assert!(TcpStream::connect(address).await.is_err(), "nothing listens after shutdown");
}

#[tokio::test]
async fn a_long_poll_ends_when_a_message_comes_or_its_time_is_over() {
    let emulator = Emulator::builder().speed(20.0).build();
    let server = emulator.serve(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let at = server.address();
    let url = format!("http://x/{}/q", emulator.account());
    posted(at, "AmazonSQS.CreateQueue", r#"{"QueueName":"q"}"#).await;
    let receive = |seconds: u64| {
        let input = json!({ "QueueUrl": url, "WaitTimeSeconds": seconds }).to_string();
        async move { posted(at, "AmazonSQS.ReceiveMessage", &input).await }
    };
    let began = emulator.now();
    let answer = receive(2).await;
    assert!(answer.ends_with("{}"), "{answer}");
    assert!(emulator.now().duration_since(began).as_secs_f64() >= 2.0);

    let began = emulator.now();
    let send = json!({ "QueueUrl": url, "MessageBody": "hello", "DelaySeconds": 1 }).to_string();
    let (answer, _) = tokio::join!(receive(20), posted(at, "AmazonSQS.SendMessage", &send));
    assert!(answer.contains("hello"), "{answer}");
    assert!(emulator.now().duration_since(began).as_secs_f64() >= 1.0);
    server.shutdown().await;
}

#[tokio::test]
async fn it_binds_to_loopback_only() {
    let refused = manual().build().serve(SocketAddr::from(([0, 0, 0, 0], 0))).await;
    assert!(refused.unwrap_err().to_string().contains("not a loopback address"));
}
