//! Gates of a migration between a real API server and an emulated AWS, with real servers in place of Prometheus and of a
//! webhook: each gate fails at another step and gives the traffic back, and whoever is away holds the step and no way back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use landbridge_api::v1alpha1::{GateResult, MigrationPhase as Phase, TrafficMigration};
use landbridge_emulator::{Emulator, Fault, FaultKind, TargetFate, TargetScript};
use landbridge_tests::answering::Answering;
use landbridge_tests::shop::NAMESPACE;
use landbridge_tests::{Stage, outsider};
use serde_json::Value;

use crate::migration::{ECS, EKS, Front, HOST, Name, command, migration, until};

const SPEED: f64 = 300.0;
/// Requests of a minute on each side.
const REQUESTS: f64 = 1000.0;

/// A second rule of the same listener to the same target group, so that there are two to write.
fn second_rule(stage: &Stage, front: &Front) {
    let rule = [
        ("ListenerArn", front.listener.as_str()),
        ("Priority", "2"),
        ("Conditions.member.1.Field", "host-header"),
        ("Conditions.member.1.Values.member.1", "shop.example.com"),
        ("Actions.member.1.Type", "forward"),
        ("Actions.member.1.TargetGroupArn", front.old.as_str()),
    ];
    outsider::elb(&stage.emulator, "CreateRule", &rule, "RuleArn");
}

/// A migration with those gates, whose step (from 0) lasts, or whose soak does where there is no such step.
fn slow_at(name: &str, step: usize, gates: &str) -> String {
    with_gates(&migration(name, ECS, EKS, ""), step, gates)
}

/// That migration with them.
pub fn with_gates(yaml: &str, step: usize, gates: &str) -> String {
    let weights = [1, 10, 50, 100];
    let yaml = yaml.replace("minReady: 0s}", &format!("minReady: 0s, {gates}}}"));
    match weights.get(step) {
        Some(weight) => {
            yaml.replace(&format!("{{weight: {weight}, bake: 0s}}"), &format!("{{weight: {weight}, bake: 1h}}"))
        }
        None => yaml.replace("soak: 0s", "soak: 1h"),
    }
}

fn writes(stage: &Stage) -> usize {
    stage.emulator.calls().count("elasticloadbalancing:ModifyRule")
}

/// What a load balancer tells CloudWatch of a target group, for the minutes around now: the operator's clock is real.
fn measure(aws: &Emulator, group: &str, values: [f64; 3]) {
    measure_in(aws, (outsider::HOME, "front"), group, values);
}

/// The same of that account's load balancer: requests, errors among them and latency.
pub fn measure_in(
    aws: &Emulator,
    (account, balancer): (&str, &str),
    group: &str,
    [requests, errors, latency]: [f64; 3],
) {
    let named = [("Names.member.1", balancer)];
    let balancer = outsider::elb_of(aws, account, "DescribeLoadBalancers", &named, "LoadBalancerArn");
    let balancer = balancer.split_once("loadbalancer/").unwrap().1.to_owned();
    let dimensions = [("TargetGroup", group.rsplit(':').next().unwrap()), ("LoadBalancer", balancer.as_str())];
    for minute in -15..30 {
        let at = Timestamp::now().checked_add(SignedDuration::from_mins(minute)).unwrap();
        let metrics =
            [("RequestCount", requests), ("HTTPCode_Target_5XX_Count", errors), ("TargetResponseTime", latency)];
        for (name, value) in metrics {
            aws.set_datapoint_in((account, &aws.region()), "AWS/ApplicationELB", name, &dimensions, at, value);
        }
    }
}

async fn new_group(stage: &Stage, name: &str) -> String {
    let named = |m: &TrafficMigration| m.status.as_ref().and_then(|s| s.target_groups.clone()).and_then(|g| g.to);
    let there = stage.until::<TrafficMigration>(NAMESPACE, name, "with a target group", |m| named(m).is_some()).await;
    named(&there).unwrap()
}

async fn until_step(stage: &Stage, name: &str, step: usize) {
    let (phase, step) = if step < 4 { (Phase::Baking, step) } else { (Phase::Soaking, 3) };
    let is = |m: &TrafficMigration| {
        m.status.as_ref().is_some_and(|s| s.phase == Some(phase) && s.step == Some(i32::try_from(step).unwrap()))
    };
    stage.until::<TrafficMigration>(NAMESPACE, name, &format!("{phase:?} at step {step}"), is).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_gate_gives_the_traffic_back_with_one_write_per_rule_at_each_step() {
    let mut stage = Stage::without_operator(SPEED).await;
    let tokens = tempfile::tempdir().unwrap();
    stage.config.gate_tokens = Some(tokens.path().to_owned());
    stage.start_operator().await;
    let front = Front::open(&stage).await;
    second_rule(&stage, &front);
    let bad: Arc<[AtomicBool; 2]> = Arc::default();
    let (says, seen) = (bad.clone(), Arc::new(std::sync::Mutex::new(Vec::<Value>::new())));
    let bodies = seen.clone();
    let server = Answering::start_for(Some("let-me-in"), move |path, body| {
        Some(if path == "/api/v1/query" {
            assert!(body.starts_with("query=sum%28errors%29&"), "{body}");
            let value = if says[0].load(Ordering::Relaxed) { 9 } else { 1 };
            let result = format!("[{{\"metric\":{{}},\"value\":[1,\"{value}\"]}}]");
            (200, format!("{{\"status\":\"success\",\"data\":{{\"resultType\":\"vector\",\"result\":{result}}}}}"))
        } else {
            bodies.lock().unwrap().push(serde_json::from_str(body).unwrap());
            (if says[1].load(Ordering::Relaxed) { 500 } else { 204 }, String::new())
        })
    })
    .await;
    std::fs::write(tokens.path().join(server.address.to_string().replace(':', "_")), "let-me-in\n").unwrap();
    let alarm = [
        ("AlarmName", "orders"),
        ("Namespace", "Shop"),
        ("MetricName", "Failing"),
        ("Statistic", "Maximum"),
        ("Period", "60"),
        ("EvaluationPeriods", "1"),
        ("Threshold", "0.5"),
        ("ComparisonOperator", "GreaterThanThreshold"),
        ("TreatMissingData", "notBreaching"),
    ];
    outsider::cloudwatch(&stage.emulator, "PutMetricAlarm", &alarm);
    let gates = format!(
        "window: 2m, metrics: [{{errorRate: {{maxPercent: 5, maxAboveOther: 0.5}}}}, {{latency: {{maxTimesOther: 1.2}}}}], \
         alarms: [{{alarm: orders}}], prometheus: [{{name: errors, address: '{}', query: 'sum(errors)', thresholdRange: \
         {{max: 2}}}}], webhooks: [{{name: ask, url: '{}', metadata: {{team: shop}}}}]",
        server.url(""),
        server.url("/ask")
    );
    for (step, gate) in ["error-rate", "latency", "alarm orders", "errors", "ask"].into_iter().enumerate() {
        let name = format!("at-{step}");
        stage.apply(&slow_at(&name, step, &gates)).await;
        let new = new_group(&stage, &name).await;
        until(&stage, &name, Phase::Propagating).await;
        let fine = [REQUESTS, 1.0, 0.1];
        for group in [&front.old, &new] {
            measure(&stage.emulator, group, fine);
        }
        until_step(&stage, &name, step).await;
        let before = writes(&stage);
        let spoil = |spoilt: bool| match gate {
            "error-rate" => measure(&stage.emulator, &new, if spoilt { [REQUESTS, 10.0, 0.1] } else { fine }),
            "latency" => measure(&stage.emulator, &new, if spoilt { [REQUESTS, 1.0, 0.2] } else { fine }),
            "errors" => bad[0].store(spoilt, Ordering::Relaxed),
            "ask" => bad[1].store(spoilt, Ordering::Relaxed),
            _ => stage.emulator.set_metric("Shop", "Failing", &[], f64::from(u8::from(spoilt))),
        };
        spoil(true);
        let back = until(&stage, &name, Phase::RolledBack).await.status.unwrap();
        let why = back.abort_reason.unwrap();
        assert!(why.starts_with(&format!("gate {gate} failed: ")), "step {step}: {why}");
        assert_eq!(writes(&stage), before + 2, "step {step}: one write for each of two rules");
        for host in [HOST, "shop.example.com"] {
            stage
                .eventually("everything is back", async || {
                    let shares = stage.emulator.shares(&front.listener, host, "/").unwrap();
                    shares.len() == 1 && shares[0].target_group == front.old
                })
                .await;
        }
        spoil(false);
    }
    // With both sides and every series, one call an interval and one for the alarm.
    let calls = stage.emulator.calls();
    let (data, alarms) = (calls.count("monitoring:GetMetricData"), calls.count("monitoring:DescribeAlarms"));
    assert_eq!(data, alarms);
    let asked = seen.lock().unwrap().clone();
    assert!(asked.len() <= data, "the webhook is asked as often as the metrics: {} {data}", asked.len());
    let first = &asked[0];
    assert_eq!((&first["name"], &first["namespace"], &first["step"]), (&"at-0".into(), &"shop".into(), &1.into()));
    assert_eq!(
        (&first["steps"], &first["weight"], &first["metadata"]["team"]),
        (&4.into(), &1.0.into(), &"shop".into())
    );
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_away_holds_the_step_and_neither_an_abort_nor_the_way_back_of_a_sick_side() {
    let stage = Stage::start(SPEED).await;
    let front = Front::open(&stage).await;
    second_rule(&stage, &front);
    // One who accepts and never answers, and one who is not there.
    let silent = Answering::start(|_, _| None).await;
    let gone = Answering::start(|_, _| None).await.url("");
    stage.emulator.fault(Fault::on("monitoring:*", FaultKind::Error("InternalServiceFault".into(), "away".into())));
    let gates = format!(
        "window: 1m, metrics: [{{errorRate: {{maxPercent: 5}}}}], alarms: [{{alarm: orders}}], prometheus: [{{name: errors, \
         address: '{gone}', query: up, thresholdRange: {{max: 2}}}}], webhooks: [{{name: ask, url: '{}', timeout: 30s}}]",
        silent.url("/ask")
    );
    for (name, ends) in [("aborted", "an abort"), ("sick", "a sick side")] {
        stage.apply(&slow_at(name, 9, &gates)).await;
        let silent = |m: &TrafficMigration| {
            m.status.as_ref().is_some_and(|s| {
                let silent = s.gates.iter().filter(|g| g.result == GateResult::NoData).count();
                s.phase == Some(Phase::Gating) && silent == 4
            })
        };
        let held = stage.until::<TrafficMigration>(NAMESPACE, name, "held by its gates", silent).await;
        let ready = held.status.unwrap().common.conditions.into_iter().find(|c| c.type_ == "Ready").unwrap();
        assert!(ready.message.contains("has no data"), "{}", ready.message);
        // The Service and its endpoints go too: the way back does not need them.
        let services = kube::Api::<Service>::namespaced(stage.client.clone(), NAMESPACE);
        let slices = kube::Api::<EndpointSlice>::namespaced(stage.client.clone(), NAMESPACE);
        stage.delete(services, "orders").await;
        stage.delete(slices, "orders-1").await;
        let (before, begin) = (writes(&stage), Instant::now());
        if ends == "an abort" {
            stage.emulator.fault(Fault::on("ecs:*", FaultKind::Error("ServerException".into(), "away".into())));
            command(&stage, name, "abort").await;
        } else {
            stage.emulator.script_target(TargetScript::new("10.20.0.*", TargetFate::Failed));
        }
        let back = until(&stage, name, Phase::RolledBack).await.status.unwrap();
        assert!(begin.elapsed() < Duration::from_secs(25), "{name}: nobody is waited for: {:?}", begin.elapsed());
        assert_eq!(writes(&stage), before + 2, "{name}");
        let why = back.abort_reason.unwrap();
        assert!(why == "asked for" || why.contains("gate targets failed"), "{why}");
        stage.emulator.clear_faults();
        stage.emulator.fault(Fault::on("monitoring:*", FaultKind::Error("InternalServiceFault".into(), "away".into())));
        Front::pods(&stage).await;
    }
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_keeps_the_old_name_longer_than_he_should_is_waited_for() {
    let stage = Stage::start(SPEED).await;
    let front = Front::open(&stage).await;
    let name = Name::before(&stage).await;
    measure(&stage.emulator, &front.old, [5.0, 0.0, 0.1]);
    let yaml = name.migration("to-eks", ECS, &name.eks()).replace("soak: 0s", "soak: 0s, maxDrain: 1h");
    stage.apply(&yaml).await;
    let told = |m: &TrafficMigration, result: GateResult, message: &str| {
        let gates = m.status.as_ref().map(|s| s.gates.as_slice()).unwrap_or_default();
        gates.iter().any(|g| g.name == "quiet" && g.result == result && g.message.contains(message))
    };
    let busy = |m: &TrafficMigration| told(m, GateResult::Failed, "has had 15 requests in the last three minutes");
    let waits = stage.until::<TrafficMigration>(NAMESPACE, "to-eks", "waiting for silence", busy).await;
    assert_eq!(waits.status.unwrap().phase, Some(Phase::Draining));
    measure(&stage.emulator, &front.old, [0.0; 3]);
    let ended = until(&stage, "to-eks", Phase::Completed).await;
    assert!(told(&ended, GateResult::Passed, "has had 0 requests"));
    stage.end().await;
}
