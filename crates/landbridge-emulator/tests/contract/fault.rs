//! Faults as the SDK meets them: what it takes for throttling, for a broken connection, and what it retries by itself.

use aws_sdk_ecs::Client;
use aws_sdk_ecs::error::{ProvideErrorMetadata as _, SdkError};
use aws_smithy_types::retry::RetryConfig;
use landbridge_emulator::{Fault, FaultKind};

use crate::support::{Aws, REGION, on_both_fronts};

#[tokio::test]
async fn a_throttled_call_is_known_by_its_code_in_every_protocol() {
    let aws = Aws::start().await;
    aws.emulator.fault(Fault::on("*", FaultKind::Throttle));
    let ecs = Client::new(&aws.config()).list_clusters().send().await.unwrap_err().into_service_error();
    assert_eq!((ecs.code(), ecs.message()), (Some("ThrottlingException"), Some("Rate exceeded")));
    let iam = aws_sdk_iam::Client::new(&aws.config()).list_roles().send().await.unwrap_err().into_service_error();
    assert_eq!(iam.code(), Some("Throttling"));
}

/// "Amazon EventBridge quotas", "IAM and AWS STS quotas" and "CloudWatch service quotas".
#[tokio::test]
async fn a_published_rate_is_enforced_in_the_words_of_its_service() {
    on_both_fronts(async |aws| {
        aws.emulator.enforce_quotas(true);
        let events = aws_sdk_eventbridge::Client::new(&aws.config());
        for _ in 0..50 {
            events.list_rules().send().await.unwrap();
        }
        let refused = events.list_rules().send().await.unwrap_err().into_service_error();
        assert_eq!((refused.code(), refused.message()), (Some("ThrottlingException"), Some("Rate exceeded")));
        let sts = aws_sdk_sts::Client::new(&aws.config());
        for _ in 0..600 {
            sts.get_caller_identity().send().await.unwrap();
        }
        let refused = sts.get_caller_identity().send().await.unwrap_err().into_service_error();
        assert_eq!((refused.code(), refused.message()), (Some("Throttling"), Some("Rate exceeded")));
        let describe = "Action=DescribeAlarms&Version=2010-08-01";
        for _ in 0..9 {
            assert_eq!(aws.form("monitoring", describe).await.0, 200);
        }
        let (status, xml) = aws.form("monitoring", describe).await;
        assert!(status == 400 && xml.contains("<Code>Throttling</Code>"), "{status} {xml}");
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_is_lost_is_a_broken_connection_and_the_write_has_happened() {
    let aws = Aws::start().await;
    aws.emulator.fault(Fault::on("ecs:CreateCluster", FaultKind::LoseAnswerAfter).nth(1));
    let client = Client::new(&aws.config());
    let lost = client.create_cluster().cluster_name("prod").send().await.unwrap_err();
    assert!(!matches!(lost, SdkError::ServiceError(_)), "{lost:?}");
    assert_eq!(client.list_clusters().send().await.unwrap().cluster_arns().len(), 1);
}

#[tokio::test]
async fn the_sdk_s_own_retries_get_over_a_server_error() {
    let aws = Aws::start().await;
    aws.emulator.fault(Fault::on("ecs:ListClusters", FaultKind::ServerError).nth(1));
    let config = aws.config().to_builder().retry_config(RetryConfig::standard().with_max_attempts(2)).build();
    Client::new(&config).list_clusters().send().await.unwrap();
    assert_eq!(aws.emulator.calls().count("ecs:ListClusters"), 2);
}

#[tokio::test]
async fn a_request_for_a_service_that_is_not_emulated_says_which_are() {
    let aws = Aws::start().await;
    let ask = |service: &str| {
        let scope =
            format!("AWS4-HMAC-SHA256 Credential=K/20260101/{REGION}/{service}/aws4_request, SignedHeaders=host");
        let request = http::Request::get("/2015-03-31/functions").header("authorization", scope);
        let answer = aws.emulator.respond(request.body(bytes::Bytes::new()).unwrap());
        assert_eq!(answer.status(), 404);
        (answer.headers().clone(), String::from_utf8(answer.body().to_vec()).unwrap())
    };
    let (headers, json) = ask("lambda");
    assert_eq!(headers["x-amzn-errortype"], "UnknownOperationException");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let message = json["message"].as_str().unwrap();
    assert!(message.contains("GET /2015-03-31/functions") && message.contains("route53"), "{message}");
    let (_, xml) = ask("s3");
    assert!(xml.contains("<ErrorResponse><Error><Type>Sender</Type><Code>UnknownOperationException</Code>"), "{xml}");
}

#[tokio::test]
async fn nonsense_is_refused_and_never_breaks_the_connection() {
    let aws = Aws::start().await;
    let target = |target: &'static str, body: &'static str| {
        http::Request::post("/")
            .header("x-amz-target", target)
            .body(bytes::Bytes::from_static(body.as_bytes()))
            .unwrap()
    };
    let form = |body: &'static [u8]| http::Request::post("/").body(bytes::Bytes::from_static(body)).unwrap();
    for (request, code) in [
        (target("Kinesis_20131202.ListStreams", "{}"), "UnknownOperationException"),
        (target("", "{}"), "UnknownOperationException"),
        (target("Logs_20140328.DescribeLogGroups", "[1"), "SerializationException"),
        (target("Logs_20140328.DescribeLogGroups", "[]"), "SerializationException"),
        (target("Logs_20140328.CreateLogGroup", r#"{"logGroupName": 5}"#), "SerializationException"),
        (target("Route53AutoNaming_v20170314.ListNamespaces", r#"{"Filters": {"a": 1}}"#), "SerializationException"),
        (form(b""), "MissingAction"),
        (form(&[0xff, 0x00]), "MalformedQueryString"),
        (form(b"Action=ListRoles&Version=1999-01-01"), "InvalidAction"),
        (form(b"Action=CreateRole&Version=2010-05-08&RoleName.member.1=x"), "SerializationException"),
        (form(b"Action=ListRoles&Version=2010-05-08&MaxItems=many"), "SerializationException"),
    ] {
        let answer = aws.emulator.respond(request);
        let text = String::from_utf8(answer.body().to_vec()).unwrap();
        assert!(answer.status().is_client_error(), "{} {text}", answer.status());
        assert!(text.contains(code), "{code} is not in {text}");
    }
}

#[tokio::test]
async fn a_signature_that_is_none_of_aws_s_or_for_no_region_is_refused_as_each_protocol_does() {
    let aws = Aws::start().await;
    let ask = |authorization: &str, form: bool| {
        let request = http::Request::post("/").header("authorization", authorization);
        let (request, body) = if form {
            (request, "Action=ListRoles&Version=2010-05-08")
        } else {
            (request.header("x-amz-target", "AmazonEC2ContainerServiceV20141113.ListClusters"), "{}")
        };
        let answer = aws.emulator.respond(request.body(bytes::Bytes::from_static(body.as_bytes())).unwrap());
        (answer.status().as_u16(), String::from_utf8(answer.body().to_vec()).unwrap())
    };
    for scheme in ["AWS AKID:c2lnbmF0dXJl", "Bearer token", "AWS4-HMAC-SHA256 nothing"] {
        let (status, body) = ask(scheme, false);
        assert!(status == 400 && body.contains("IncompleteSignatureException"), "{body}");
        let (status, body) = ask(scheme, true);
        assert!(status == 400 && body.contains("<Code>IncompleteSignature</Code>"), "{body}");
    }
    let mars = "AWS4-HMAC-SHA256 Credential=AKID/20260101/mars-1/ecs/aws4_request, SignedHeaders=host, Signature=0";
    let (_, body) = ask(mars, false);
    assert!(body.contains("InvalidSignatureException") && body.contains("a valid region, not 'mars-1'"), "{body}");
    let (status, body) = ask(mars, true);
    assert!(status == 403 && body.contains("<Code>SignatureDoesNotMatch</Code>"), "{body}");
}

#[tokio::test]
async fn nonsense_over_rest_is_refused_in_the_service_s_format() {
    let aws = Aws::start().await;
    let ask = |service: &str, method: &str, uri: &str, body: &'static str| {
        let scope =
            format!("AWS4-HMAC-SHA256 Credential=K/20260101/{REGION}/{service}/aws4_request, SignedHeaders=host");
        let request = http::Request::builder().method(method).uri(uri).header("authorization", scope);
        let answer = aws.emulator.respond(request.body(bytes::Bytes::from_static(body.as_bytes())).unwrap());
        assert!(answer.status().is_client_error(), "{method} {uri}: {}", answer.status());
        let kind = answer.headers().get("x-amzn-errortype").map(|kind| kind.to_str().unwrap().to_owned());
        (kind, String::from_utf8(answer.body().to_vec()).unwrap())
    };
    let zone = "/2013-04-01/hostedzone";
    for (method, uri, body, code) in [
        ("POST", zone, "<CreateHostedZoneRequest>", "InvalidInput"),
        ("POST", zone, "{\"Name\": \"x\"}", "InvalidInput"),
        ("POST", zone, "<!DOCTYPE x [<!ENTITY a \"b\">]><x>&a;</x>", "InvalidInput"),
        ("POST", zone, "<R><Name>x.com</Name><CallerReference>1</CallerReference><VPC>x</VPC></R>", "InvalidInput"),
        ("POST", zone, "", "InvalidInput"),
        ("GET", "/2013-04-01/hostedzone?maxitems=many", "", "InvalidInput"),
        ("GET", "/2013-04-01/hostedzone/%FF%00", "", "NoSuchHostedZone"),
        ("PUT", zone, "", "UnknownOperationException"),
        ("GET", "/", "", "UnknownOperationException"),
    ] {
        let (_, text) = ask("route53", method, uri, body);
        assert!(text.contains(&format!("<Code>{code}</Code>")), "{method} {uri} {body}: {text}");
    }
    for (method, uri, body, code) in [
        ("POST", "/clusters", "[", "SerializationException"),
        ("POST", "/clusters", "{\"name\": 5}", "SerializationException"),
        ("POST", "/clusters", "{}", "InvalidParameterException"),
        ("GET", "/clusters/none/pod-identity-associations", "", "ResourceNotFoundException"),
        ("PATCH", "/clusters", "", "UnknownOperationException"),
    ] {
        let (kind, text) = ask("eks", method, uri, body);
        assert_eq!(kind.as_deref(), Some(code), "{method} {uri} {body}");
        assert!(serde_json::from_str::<serde_json::Value>(&text).unwrap()["message"].is_string(), "{text}");
    }
}
