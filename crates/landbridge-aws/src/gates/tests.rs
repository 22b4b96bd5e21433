//! Who is asked what and how often, and what becomes of those who answer badly.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use landbridge_emulator::{Fault, FaultKind};
use landbridge_plan::traffic_migration::{MeasuredIn, Series};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::emulator_tests::world;

const LONGEST: Duration = Duration::from_secs(20);
/// Both sides are where the migration writes.
const HERE: [Option<Arc<AccountTarget>>; 2] = [None, None];

/// Somebody who gives every connection this answer after a while, and counts them.
async fn answering(answer: String, pause: Duration) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let seen = count.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            seen.fetch_add(1, Ordering::SeqCst);
            let answer = answer.clone();
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 4096]).await;
                tokio::time::sleep(pause).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    (url, count)
}

fn http(head: &str, body: &str) -> String {
    format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

fn nothing(said: &Said) -> &str {
    match said {
        Said::Nothing(why) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_neither_size_nor_time_has_no_end() {
    let client = http::Http::default();
    let (elsewhere, asked) = answering(http("200 OK", ""), Duration::ZERO).await;
    let (url, _) = answering(http(&format!("302 Found\r\nLocation: {elsewhere}/"), ""), Duration::ZERO).await;
    assert_eq!(http::post(&client, &url, &json!({}), LONGEST).await, Said::Status(302));
    assert_eq!(asked.load(Ordering::SeqCst), 0);

    let (url, _) = answering(http("200 OK", &"x".repeat(3 << 20)), Duration::ZERO).await;
    let said = prometheus::ask(&client, None, &url, "up", LONGEST).await;
    assert!(nothing(&said).contains("has more than"), "{said:?}");

    let (url, _) = answering(http("200 OK", ""), Duration::from_mins(10)).await;
    let said = http::post(&client, &url, &json!({}), Duration::from_secs(1)).await;
    assert_eq!(nothing(&said), "127.0.0.1 has not answered within 1 s");
}

#[tokio::test]
async fn nobody_is_asked_where_metadata_is_however_it_is_written() {
    let client = http::Http::default();
    for url in [
        "http://169.254.169.254/latest/meta-data",
        "http://2852039166/",
        "http://0xa9.0xfe.0xa9.0xfe/",
        "http://[::ffff:169.254.169.254]/",
        "http://[fd00:ec2::254]/",
        "https://169.254.170.23/",
    ] {
        let said = http::post(&client, url, &json!({}), LONGEST).await;
        assert!(nothing(&said).contains("may not be asked"), "{url}: {said:?}");
    }
    let said = http::post(&client, "file:///etc/passwd", &json!({}), LONGEST).await;
    assert!(nothing(&said).contains("could not be asked"), "{said:?}");
}

#[tokio::test]
async fn prometheus_is_asked_by_name_and_what_is_not_prometheus_says_so() {
    let client = http::Http::default();
    let answer = json!({"status": "success", "data": {"resultType": "vector", "result": [{"value": [1, "0.5"]}]}});
    let (url, _) = answering(http("200 OK", &answer.to_string()), Duration::ZERO).await;
    let by_name = url.replace("127.0.0.1", "localhost");
    assert_eq!(prometheus::ask(&client, None, &by_name, "sum(up)", LONGEST).await, Said::Value(0.5));
    let wrong = json!({"status": "error", "errorType": "bad_data", "error": "parse error: no such thing"});
    for (head, body, told) in [
        ("400 Bad Request", wrong.to_string(), "Prometheus answered 400: parse error"),
        ("200 OK", "<html>".to_owned(), "is none of Prometheus"),
    ] {
        let (url, _) = answering(http(head, &body), Duration::ZERO).await;
        let said = prometheus::ask(&client, None, &url, "up", LONGEST).await;
        assert!(nothing(&said).contains(told), "{said:?}");
    }
}

fn round(step: &str, interval: u64, url: &str) -> GateRound {
    let ask = Ask::Webhook { url: url.to_owned(), body: json!({}), timeout: 30 };
    let questions = vec![GateQuestion { gate: "ask".to_owned(), ask }];
    GateRound { step: step.to_owned(), interval, questions }
}

#[tokio::test]
async fn everybody_is_asked_once_an_interval_and_the_answer_of_one_step_is_none_of_another() {
    let world = world().await;
    let (url, asked) = answering(http("200 OK", ""), Duration::ZERO).await;
    let ask = async |step: &str| {
        world.aws.gate_answers("TrafficMigration/a", Some(round(step, 3600, &url)), HERE, Priority::Deploy).await
    };
    for _ in 0..3 {
        let answers = ask("1").await;
        assert_eq!((answers.len(), &answers[0].said), (1, &Said::Status(200)));
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    ask("2").await;
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    assert_eq!(world.aws.gate_answers("TrafficMigration/a", None, HERE, Priority::Deploy).await, []);
    // A pool of somebody who only looks asks nobody.
    let looker = crate::AwsPool::default().get(&world.target).await;
    assert_eq!(looker.gate_answers("x", Some(round("1", 1, &url)), HERE, Priority::Deploy).await, []);
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_slow_answer_keeps_nobody_waiting_and_is_there_later() {
    let world = world().await;
    let (url, asked) = answering(http("503 Busy", ""), Duration::from_secs(3)).await;
    let ask = async || world.aws.gate_answers("a", Some(round("1", 3600, &url)), HERE, Priority::Deploy).await;
    let begin = Instant::now();
    assert_eq!(ask().await, []);
    assert!(begin.elapsed() < Duration::from_millis(2500), "{:?}", begin.elapsed());
    let answers = loop {
        let answers = ask().await;
        assert!(begin.elapsed() < Duration::from_mins(1));
        if !answers.is_empty() {
            break answers;
        }
    };
    assert_eq!((&answers[0].said, asked.load(Ordering::SeqCst)), (&Said::Status(503), 1));
}

#[tokio::test]
async fn all_metrics_are_one_call_and_all_alarms_another_and_who_is_away_is_told() {
    let world = world().await;
    let series = |name: &str| Series {
        namespace: "AWS/ApplicationELB".to_owned(),
        metric: name.to_owned(),
        dimensions: BTreeMap::from([("TargetGroup".to_owned(), "targetgroup/a/1".to_owned())]),
        statistic: "Sum".to_owned(),
        ..Series::default()
    };
    let (start, end) = (1_800_000_000, 1_800_000_120);
    let at = |second: i64| jiff::Timestamp::from_second(second).unwrap();
    for (second, value) in [(start, 3.0), (start + 60, 4.0), (end, 5.0)] {
        let dimensions = [("TargetGroup", "targetgroup/a/1")];
        world.emulator.set_datapoint("AWS/ApplicationELB", "RequestCount", &dimensions, at(second), value);
    }
    let metrics = |gate: &str, names: &[&str]| GateQuestion {
        gate: gate.to_owned(),
        ask: Ask::Metrics { series: names.iter().map(|n| ((*n).to_owned(), series(n))).collect(), start, end },
    };
    let alarm = |name: &str| GateQuestion { gate: name.to_owned(), ask: Ask::Alarm(name.to_owned()) };
    let questions = || {
        vec![
            metrics("one", &["RequestCount", "HTTPCode_Target_5XX_Count"]),
            metrics("two", &["RequestCount"]),
            alarm("a"),
            alarm("b"),
        ]
    };
    let desk = world.aws.desk().unwrap().clone();
    let said = Box::pin(desk.ask(&world.aws, questions(), HERE, Priority::Deploy)).await;
    let counted = vec![(start, 3.0), (start + 60, 4.0)];
    let one = [("RequestCount".to_owned(), counted.clone()), ("HTTPCode_Target_5XX_Count".to_owned(), vec![])];
    assert_eq!(said[0].said, Said::Measured(one.into()));
    assert_eq!(said[1].said, Said::Measured([("RequestCount".to_owned(), counted)].into()));
    assert!(nothing(&said[2].said).contains("there is no such alarm"));
    let calls = world.emulator.calls();
    assert_eq!((calls.count("monitoring:GetMetricData"), calls.count("monitoring:DescribeAlarms")), (1, 1));

    world.emulator.fault(Fault::on("monitoring:*", FaultKind::ServerError));
    let said = Box::pin(desk.ask(&world.aws, questions(), HERE, Priority::Deploy)).await;
    assert!(nothing(&said[0].said).starts_with("cloudwatch:GetMetricData: "), "{:?}", said[0]);
    assert!(nothing(&said[3].said).starts_with("cloudwatch:DescribeAlarms: "), "{:?}", said[3]);
}

#[tokio::test]
async fn each_account_is_asked_once_for_its_own_and_a_gate_that_lacks_one_says_which() {
    let world = world().await;
    let at = jiff::Timestamp::from_second(1_800_000_000).unwrap();
    let other =
        Arc::new(AccountTarget { region: "us-west-2".into(), name: Some("far".into()), ..world.target.clone() });
    let requests = |measured_in: MeasuredIn| Series {
        measured_in,
        namespace: "AWS/ApplicationELB".to_owned(),
        metric: "RequestCount".to_owned(),
        statistic: "Sum".to_owned(),
        ..Series::default()
    };
    for (region, value) in [(world.target.region.as_str(), 3.0), ("us-west-2", 5.0)] {
        let account = &world.target.account_id;
        world.emulator.set_datapoint_in((account, region), "AWS/ApplicationELB", "RequestCount", &[], at, value);
    }
    let questions = || {
        let gate = |gate: &str, series: &[(&str, MeasuredIn)]| GateQuestion {
            gate: gate.to_owned(),
            ask: Ask::Metrics {
                series: series.iter().map(|(key, place)| ((*key).to_owned(), requests(*place))).collect(),
                start: at.as_second(),
                end: at.as_second() + 60,
            },
        };
        vec![
            gate("both", &[("from", MeasuredIn::From), ("to", MeasuredIn::To)]),
            gate("again", &[("from", MeasuredIn::From), ("to", MeasuredIn::To)]),
            gate("here", &[("value", MeasuredIn::Written)]),
        ]
    };
    let desk = world.aws.desk().unwrap().clone();
    let counted = |value: f64| vec![(at.as_second(), value)];
    let sides = || [Some(other.clone()), None];
    let said = Box::pin(desk.ask(&world.aws, questions(), sides(), Priority::Deploy)).await;
    let both = [("from".to_owned(), counted(5.0)), ("to".to_owned(), counted(3.0))];
    assert_eq!((&said[0].said, &said[0].said), (&Said::Measured(both.into()), &said[1].said));
    assert_eq!(said[2].said, Said::Measured([("value".to_owned(), counted(3.0))].into()));
    assert_eq!(world.emulator.calls().count("monitoring:GetMetricData"), 2);

    world.emulator.fault(Fault::on("monitoring:*", FaultKind::ServerError));
    let said = Box::pin(desk.ask(&world.aws, questions(), sides(), Priority::Deploy)).await;
    let elsewhere = "account 111122223333 in us-west-2: cloudwatch:GetMetricData: ";
    assert!(nothing(&said[0].said).starts_with(elsewhere), "{:?}", said[0]);
    assert!(nothing(&said[2].said).starts_with("cloudwatch:GetMetricData: "), "{:?}", said[2]);
}
