//! What gates come to: each bound, no data, and the way back from each step.

use landbridge_api::v1alpha1::{GateReading, GateResult, MigrationPhase as Phase};

use super::model::{BY_NAME, NEW, OLD, TO_EKS, World};
use crate::traffic_migration::{Ask, MeasuredIn, Said, questions};

/// The usual migration with those gates.
fn spec(gates: &str) -> String {
    format!("{TO_EKS}  gates: {gates}\n")
}

/// A minute that began at `at`, on each side: requests, and what was measured of them.
fn measured(what: &str, from: &[(f64, f64)], to: &[(f64, f64)]) -> Said {
    let mut all = std::collections::BTreeMap::new();
    for (side, minutes) in [("from", from), ("to", to)] {
        let points = |of: &dyn Fn(&(f64, f64)) -> f64| {
            minutes.iter().enumerate().map(|(at, minute)| (at as i64 * 60, of(minute))).collect::<Vec<_>>()
        };
        all.insert(format!("{side}.requests"), points(&|(requests, _)| *requests));
        all.insert(format!("{side}.{what}"), points(&|(_, value)| *value));
    }
    Said::Measured(all)
}

/// The last reading of the only gate beside the targets, while a step bakes.
fn reading(gates: &str, name: &str, said: Option<Said>) -> GateReading {
    let mut world = World::new(&spec(gates), 1);
    world.run_until(Phase::Baking);
    world.answers(&said.map(|said| (name, said)).into_iter().collect::<Vec<_>>());
    world.pass(None);
    let read = world.status().gates;
    assert_eq!((read.len(), read[1].name.as_str()), (2, name));
    read[1].clone()
}

#[test]
fn every_bound_passes_up_to_it_and_fails_above_it_and_too_few_requests_are_no_data() {
    use GateResult::{Failed, NoData, Passed};
    let errors = |bounds: &str| format!("{{metrics: [{{errorRate: {{{bounds}}}}}]}}");
    let latency = |bounds: &str| format!("{{metrics: [{{latency: {{{bounds}}}}}]}}");
    let e = |from: (f64, f64), to: (f64, f64)| measured("errors", &[from], &[to]);
    let l = |from: &[(f64, f64)], to: &[(f64, f64)]| measured("latency", from, to);
    let table = [
        (errors("maxPercent: 1"), "error-rate", e((0.0, 0.0), (1000.0, 10.0)), Passed, "has 1.00 %; at most 1.00 %"),
        (errors("maxPercent: 1"), "error-rate", e((0.0, 0.0), (1000.0, 11.0)), Failed, "may have at most 1.00 %"),
        (
            errors("maxPercent: 1"),
            "error-rate",
            e((900.0, 0.0), (99.0, 99.0)),
            NoData,
            "has 99 requests in this time, and 100",
        ),
        (
            errors("maxAboveOther: 0.5"),
            "error-rate",
            e((1000.0, 5.0), (1000.0, 10.0)),
            Passed,
            "at most 1.00 %, for ECSService",
        ),
        (
            errors("maxAboveOther: 0.5"),
            "error-rate",
            e((1000.0, 5.0), (1000.0, 11.0)),
            Failed,
            "at most 1.00 %, for ECSService",
        ),
        (
            errors("maxAboveOther: 0.5"),
            "error-rate",
            e((99.0, 0.0), (1000.0, 0.0)),
            NoData,
            "fewer than 100 requests to compare",
        ),
        (
            errors("maxPercent: 5, maxAboveOther: 0.5"),
            "error-rate",
            e((99.0, 0.0), (1000.0, 40.0)),
            Passed,
            "at most 5.00 %",
        ),
        (
            errors("maxPercent: 5, maxAboveOther: 0.5"),
            "error-rate",
            e((100.0, 0.0), (1000.0, 40.0)),
            Failed,
            "at most 0.50 %",
        ),
        (latency("maxSeconds: 0.2"), "latency", l(&[], &[(300.0, 0.1), (100.0, 0.5)]), Passed, "0.200 s"),
        (latency("maxSeconds: 0.2"), "latency", l(&[], &[(299.0, 0.1), (101.0, 0.5)]), Failed, "at most 0.200 s"),
        (latency("maxSeconds: 0.2"), "latency", l(&[], &[(99.0, 0.1)]), NoData, "has 99 requests"),
        (latency("maxTimesOther: 1.2"), "latency", l(&[(100.0, 0.1)], &[(100.0, 0.12)]), Passed, "at most 0.120 s"),
        (latency("maxTimesOther: 1.2"), "latency", l(&[(100.0, 0.1)], &[(100.0, 0.13)]), Failed, "has 0.100 s"),
        (latency("maxTimesOther: 1.2"), "latency", l(&[(9.0, 0.1)], &[(100.0, 0.13)]), NoData, "to compare with"),
    ];
    for (gates, name, said, result, text) in table {
        let read = reading(&gates, name, Some(said));
        assert_eq!(read.result, result, "{gates}: {}", read.message);
        assert!(read.message.contains(text), "{gates}: {}", read.message);
    }
}

#[test]
fn fewer_samples_are_enough_where_the_spec_says_so_for_all_or_for_one() {
    let said = || Some(measured("errors", &[], &[(10.0, 1.0)]));
    let read = reading("{minSamples: 10, metrics: [{errorRate: {maxPercent: 20}}]}", "error-rate", said());
    assert_eq!(read.result, GateResult::Passed);
    let own = "{minSamples: 10, metrics: [{errorRate: {maxPercent: 20}, minSamples: 11}]}";
    assert_eq!(reading(own, "error-rate", said()).result, GateResult::NoData);
}

#[test]
fn metrics_alarms_queries_and_webhooks_say_what_they_say() {
    use GateResult::{Failed, NoData, Passed};
    let metric = |statistic: &str| {
        format!(
            "{{metrics: [{{cloudWatch: {{namespace: Shop, metricName: Queue, statistic: {statistic}, thresholdRange: \
             {{min: 1, max: 6}}}}}}]}}"
        )
    };
    let value = |points: &[f64]| {
        let points = points.iter().enumerate().map(|(at, v)| (at as i64 * 60, *v)).collect();
        Said::Measured([("value".to_owned(), points)].into())
    };
    let alarm = "{alarms: [{alarm: 'arn:aws:cloudwatch:eu-central-1:111122223333:alarm:slow: no'}]}".to_owned();
    let query = "{prometheus: [{name: up, address: 'http://p:9090', query: up, thresholdRange: {min: 1}}]}".to_owned();
    let hook = "{webhooks: [{name: check, url: 'https://check.example.com/'}]}".to_owned();
    let table = [
        (metric("Sum"), "Queue", value(&[2.0, 4.0]), Passed, "it is 6"),
        (metric("Sum"), "Queue", value(&[2.0, 5.0]), Failed, "it is 7, and must be at most 6"),
        (metric("Average"), "Queue", value(&[1.0, 0.0]), Failed, "must be at least 1"),
        (metric("Maximum"), "Queue", value(&[1.0, 7.0]), Failed, "it is 7"),
        (metric("Minimum"), "Queue", value(&[1.0, 7.0]), Passed, "it is 1"),
        (metric("p99"), "Queue", value(&[5.0, 7.0]), Passed, "it is 6"),
        (metric("Sum"), "Queue", value(&[]), NoData, "no value in this time"),
        (alarm.clone(), "alarm slow: no", Said::Alarm("OK".into()), Passed, "it is OK"),
        (alarm.clone(), "alarm slow: no", Said::Alarm("ALARM".into()), Failed, "it is in ALARM"),
        (alarm.clone(), "alarm slow: no", Said::Alarm("INSUFFICIENT_DATA".into()), NoData, "INSUFFICIENT_DATA"),
        (alarm, "alarm slow: no", Said::Nothing("there is no such alarm".into()), NoData, "no such alarm"),
        (query.clone(), "up", Said::Value(1.0), Passed, "it is 1"),
        (query.clone(), "up", Said::Value(0.98765), Failed, "it is 0.988, and must be at least 1"),
        (query, "up", Said::Nothing("nobody answers".into()), NoData, "nobody answers"),
        (hook.clone(), "check", Said::Status(204), Passed, "it answered 204"),
        (hook.clone(), "check", Said::Status(503), Failed, "it answered 503"),
        (hook.clone(), "check", Said::Status(302), NoData, "neither passes nor fails"),
        (hook.clone(), "check", Said::Value(1.0), NoData, "has not been asked yet"),
    ];
    for (gates, name, said, result, text) in table {
        let read = reading(&gates, name, Some(said));
        assert_eq!((read.result, read.message.contains(text)), (result, true), "{gates}: {}", read.message);
    }
    assert_eq!(reading(&hook, "check", None).message, "it has not been asked yet");
}

const HOOK: &str = "{webhooks: [{name: check, url: 'https://check.example.com/', onNoData: OWN}], onNoData: ALL}";

fn passes() -> [(&'static str, Said); 1] {
    [("check", Said::Status(200))]
}

#[test]
fn a_gate_that_fails_at_any_step_gives_the_traffic_back_with_one_write_per_rule() {
    for step in 0..3 {
        for phase in [Phase::Propagating, Phase::Baking, Phase::Soaking] {
            if phase == Phase::Soaking && step != 2 {
                continue;
            }
            let mut world = World::new(&spec("{webhooks: [{name: check, url: 'https://check.example.com/'}]}"), 2);
            world.answers(&passes());
            world.run_until_step(step, phase);
            let before = world.shifts.len();
            world.answers(&[("check", Said::Status(500))]);
            world.run_until(Phase::RolledBack);
            assert_eq!(world.shifts[before..], ["rule/0 old=1", "rule/1 old=1"], "step {step} {phase:?}");
            let why = world.status().abort_reason.unwrap();
            assert_eq!(why, "gate check failed: it answered 500", "step {step} {phase:?}");
        }
    }
}

#[test]
fn no_data_at_the_end_of_a_step_and_of_the_soak_holds_fails_or_passes_as_the_gate_says() {
    for (own, all, holds) in [("Hold", "Pass", true), ("Pass", "Fail", false)] {
        let gates = HOOK.replace("OWN", own).replace("ALL", all);
        let mut world = World::new(&spec(&gates), 1);
        world.settle(2000);
        let end = if holds { Phase::Gating } else { Phase::Completed };
        assert_eq!((world.phase(), world.status().failures), (end, None), "{gates}");
    }
    let gates = HOOK.replace(", onNoData: OWN", "").replace("ALL", "Fail");
    let mut world = World::new(&spec(&gates), 1);
    world.settle(40);
    let why = world.status().abort_reason.unwrap();
    assert_eq!(
        (world.phase(), why.as_str()),
        (Phase::RolledBack, "gate check failed: no data: it has not been asked yet")
    );
}

#[test]
fn a_gate_that_is_silent_at_the_end_of_the_soak_holds_and_a_person_may_go_on_without_it() {
    let gates = HOOK.replace(", onNoData: OWN", "").replace("ALL", "Hold");
    let mut world = World::new(&spec(&gates), 1);
    world.answers(&passes());
    world.run_until(Phase::Soaking);
    world.answers(&[("check", Said::Nothing("nobody answers".into()))]);
    world.settle(500);
    assert_eq!(world.phase(), Phase::Soaking);
    let said = &world.plan().waits[0].message;
    assert!(said.contains("gate check has no data: nobody answers"), "{said}");
    assert!(said.contains("landbridge migrate promote orders"), "{said}");
    world.command("promote");
    world.run_until(Phase::Completed);
}

#[test]
fn an_abort_needs_no_answer_of_anybody_and_nobody_is_asked_any_more() {
    let gates = HOOK.replace(", onNoData: OWN", "").replace("ALL", "Hold");
    let mut world = World::new(&spec(&gates), 1);
    world.run_until(Phase::Gating);
    let asked = |world: &World| {
        let sides = [&world.observed.from, &world.observed.to].map(|s| s.group.as_ref());
        questions(&world.object, sides[0], sides[1], world.observed.at)
    };
    assert!(asked(&world).is_some());
    world.command("abort");
    assert!(asked(&world).is_none(), "before the command is carried out");
    world.run_until(Phase::RolledBack);
    assert!(asked(&world).is_none());
}

#[test]
fn one_bad_answer_counts_once_and_silence_does_not_make_up_for_it() {
    let gates = HOOK.replace(", onNoData: OWN", "").replace("ALL", "Hold");
    let mut world = World::new(&spec(&gates), 1);
    world.answers(&passes());
    world.run_until(Phase::Baking);
    world.answers(&[("check", Said::Status(500))]);
    world.pass(None);
    assert_eq!(world.status().failures, Some(1));
    // The same answer, an interval later: nobody has been asked meanwhile.
    let answer = world.observed.answers.clone();
    world.wait(10);
    world.observed.answers = answer;
    world.pass(None);
    assert_eq!(world.status().failures, Some(1));
    world.answers(&[("check", Said::Nothing("nobody answers".into()))]);
    world.wait(10);
    world.pass(None);
    assert_eq!((world.status().failures, world.phase()), (Some(1), Phase::Baking));
    world.answers(&[("check", Said::Status(500))]);
    world.wait(10);
    world.pass(None);
    assert_eq!(world.status().failures, Some(2));
    world.answers(&passes());
    world.wait(10);
    world.pass(None);
    assert_eq!((world.status().failures, world.status().gates_read_at), (None, None));
}

#[test]
fn once_the_other_side_is_silent_it_is_compared_with_what_it_had_last() {
    let gates = "{metrics: [{errorRate: {maxAboveOther: 1}}]}";
    let mut world = World::new(&spec(gates), 1);
    world.answers(&[("error-rate", measured("errors", &[(500.0, 5.0)], &[(500.0, 5.0)]))]);
    world.run_until(Phase::Soaking);
    world.answers(&[("error-rate", measured("errors", &[], &[(1000.0, 20.0)]))]);
    world.pass(None);
    let read = world.status().gates[1].clone();
    assert_eq!((read.result, read.other), (GateResult::Passed, Some(1.0)));
    assert!(read.message.contains("at most 2.00 %, for ECSService shop/orders had last 1.00 %"), "{}", read.message);
    world.answers(&[("error-rate", measured("errors", &[], &[(1000.0, 21.0)]))]);
    world.run_until(Phase::RolledBack);
}

#[test]
fn cloudwatch_is_asked_about_both_sides_over_the_same_whole_minutes_that_it_has() {
    let asked = |gates: &str, seconds: i64| {
        let mut world = World::new(&spec(gates), 1);
        world.run_until(Phase::Propagating);
        let since = world.status().step_since.unwrap().parse::<jiff::Timestamp>().unwrap();
        let now = since.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap();
        let sides = [&world.observed.from, &world.observed.to].map(|s| s.group.as_ref());
        let round = questions(&world.object, sides[0], sides[1], now);
        round.map(|r| (since.as_second(), r.questions[0].ask.clone()))
    };
    let both = "{metrics: [{latency: {maxTimesOther: 2}}]}";
    assert!(asked(both, 59).is_none(), "no minute is over");
    let Some((since, Ask::Metrics { series, start, end })) = asked(both, 600) else { panic!("it is asked") };
    assert!(
        start % 60 == 0
            && end % 60 == 0
            && start >= since
            && start < since + 60
            && end > since + 480
            && end <= since + 540
    );
    let named: Vec<_> = series.iter().map(|(key, s)| format!("{key} {} {}", s.metric, s.statistic)).collect();
    assert_eq!(
        named,
        [
            "from.latency TargetResponseTime p95",
            "from.requests RequestCount Sum",
            "to.latency TargetResponseTime p95",
            "to.requests RequestCount Sum"
        ]
    );
    let group = |arn: &str| arn.rsplit(':').next().unwrap().to_owned();
    assert_eq!(series["to.requests"].dimensions["TargetGroup"], group(NEW));
    assert_eq!(series["from.requests"].dimensions["TargetGroup"], group(OLD));
    let Some((_, Ask::Metrics { start, end, .. })) = asked(both, 90_000) else { panic!("it is asked") };
    assert_eq!(end - start, 3600, "at most the last hour");
    let window = "{window: 90s, metrics: [{latency: {maxSeconds: 2}}]}";
    let Some((_, Ask::Metrics { start, end, .. })) = asked(window, 10) else { panic!("it is asked") };
    assert_eq!(end - start, 120, "whole minutes, also before the step");
}

#[test]
fn nobody_is_asked_before_the_new_side_has_traffic() {
    let gates = HOOK.replace(", onNoData: OWN", "").replace("ALL", "Hold");
    let mut world = World::new(&spec(&gates), 1);
    while world.phase() != Phase::Propagating {
        let sides = [&world.observed.from, &world.observed.to].map(|s| s.group.as_ref());
        assert!(questions(&world.object, sides[0], sides[1], world.observed.at).is_none(), "{:?}", world.phase());
        world.pass(None);
        world.wait(10);
    }
}

#[test]
fn what_is_wrong_with_gates_is_refused_before_anything_is_written() {
    for (gates, told) in [
        (
            "{webhooks: [{name: targets, url: 'http://a/'}]}",
            "two gates targets, or it is a name of ours: give one another name",
        ),
        ("{metrics: [{errorRate: {maxPercent: 1}}, {errorRate: {maxPercent: 2}}]}", "two gates error-rate"),
        ("{webhooks: [{name: a, url: 'http://169.254.169.254/'}]}", "webhooks[0].url is http://169.254.169.254/"),
        (
            "{prometheus: [{name: a, address: 'http://a@b', query: up, thresholdRange: {min: 1}}]}",
            "prometheus[0].address is http://a@b: it holds a user name",
        ),
        (
            "{prometheus: [{name: a, address: 'http://b', query: up, thresholdRange: {min: 2, max: 1}}]}",
            "gate a can never pass",
        ),
        ("{webhooks: [{name: a, url: 'http://b', timeout: 31s}]}", "webhooks[0].timeout takes 1s to 30s"),
        ("{window: 30s}", "spec.gates.window takes one minute to a day"),
        ("{window: mh}", "spec.gates.window is \"mh\""),
        ("{alarms: [{alarm: 'arn:aws:cloudwatch:eu-west-1:111122223333:alarm:a'}]}", "name one there"),
        ("{alarms: [{alarm: 'arn:aws:sns:eu-west-1:111122223333:a'}]}", "is no ARN of a CloudWatch alarm"),
    ] {
        let mut world = World::new(&spec(gates), 1);
        world.settle(5);
        assert_eq!((world.phase(), world.shifts.len()), (Phase::Preflight, 0), "{gates}");
        let said: Vec<String> = world.plan().blocked.into_iter().map(|b| b.message).collect();
        assert!(said.iter().any(|s| s.contains(told)), "{gates}: {said:?}");
    }
}

#[test]
fn where_no_load_balancer_is_in_the_way_its_metrics_are_refused() {
    let backend = "cloudMap: {mode: FrontName, frontName: {hostedZoneId: Z1, name: orders.internal}}";
    let gates = "{metrics: [{errorRate: {maxPercent: 1}}], alarms: [{alarm: a}]}";
    let spec = spec(gates).replace("applicationLoadBalancer: {}", backend);
    let mut world = World::new(&spec, 0);
    world.settle(5);
    let said: Vec<String> = world.plan().blocked.into_iter().map(|b| b.message).collect();
    let of_gates: Vec<&String> = said.iter().filter(|s| s.starts_with("gate ")).collect();
    assert!(of_gates.len() == 1 && of_gates[0].contains("this backend has none"), "{said:?}");
}

/// Where each side has a load balancer of its own, clients may come to the old one long after its name has gone.
#[test]
fn the_old_side_is_to_be_quiet_before_the_end_where_that_is_asked_for_and_not_for_ever() {
    let spec = BY_NAME.replace("soak: 10m", "soak: 10m, maxDrain: 2h");
    let busy = |requests: f64| Said::Measured([("from.requests".to_owned(), vec![(0, requests), (60, 0.0)])].into());
    for (said, ends) in
        [(Some(busy(3.0)), false), (Some(Said::Nothing("away".into())), false), (None, false), (Some(busy(0.0)), true)]
    {
        let mut world = World::named(&spec);
        world.run_until(Phase::Draining);
        let asked = questions(&world.object, world.observed.from.group.as_ref(), None, world.observed.at).unwrap();
        assert_eq!((asked.questions.len(), asked.questions[0].gate.as_str()), (1, "quiet"));
        let Ask::Metrics { series, .. } = &asked.questions[0].ask else { panic!("{asked:?}") };
        assert_eq!(series["from.requests"].measured_in, MeasuredIn::From);
        let begin = world.observed.at;
        world.answers(&said.map(|said| ("quiet", said)).into_iter().collect::<Vec<_>>());
        world.run_until(Phase::Completed);
        let took = world.observed.at.duration_since(begin).as_secs();
        assert_eq!(took < 3600, ends, "{took}");
        assert!(took < 7300, "{took}");
        let told = world.status().gates.pop().unwrap();
        assert_eq!((told.name.as_str(), told.result == GateResult::Passed), ("quiet", ends));
    }
    let mut world = World::named(BY_NAME);
    world.run_until(Phase::Draining);
    assert!(questions(&world.object, world.observed.from.group.as_ref(), None, world.observed.at).is_none());
}

#[test]
fn each_side_is_measured_where_it_is_over_the_same_minutes_and_all_else_where_the_migration_writes() {
    let queue = "{cloudWatch: {namespace: Shop, metricName: Queue, thresholdRange: {max: 6}}}";
    let gates = format!("  gates: {{metrics: [{{errorRate: {{maxAboveOther: 1}}}}, {queue}]}}\n");
    let mut world =
        World::named(&BY_NAME.replace("soak: 10m", "soak: 10m, maxDrain: 1h").replace("  from:", &(gates + "  from:")));
    world.resolved.from.account = Some(crate::testing::target());
    world.answers(&[("error-rate", measured("errors", &[(500.0, 5.0)], &[(500.0, 5.0)]))]);
    world.run_until(Phase::Baking);
    let now = world.observed.at.checked_add(jiff::SignedDuration::from_mins(5)).unwrap();
    let sides = [&world.observed.from, &world.observed.to].map(|s| s.group.as_ref());
    let round = questions(&world.object, sides[0], sides[1], now).unwrap();
    let (mut places, mut windows) = (Vec::new(), Vec::new());
    for question in &round.questions {
        let Ask::Metrics { series, start, end } = &question.ask else { panic!("{question:?}") };
        places.extend(series.iter().map(|(key, series)| (key.as_str(), series.measured_in)));
        windows.push((start, end));
    }
    assert_eq!(
        places,
        [
            ("from.errors", MeasuredIn::From),
            ("from.requests", MeasuredIn::From),
            ("to.errors", MeasuredIn::To),
            ("to.requests", MeasuredIn::To),
            ("value", MeasuredIn::Written)
        ]
    );
    assert_eq!(windows[0], windows[1]);
    // The judgement is that of sides in one account.
    world.answers(&[("error-rate", measured("errors", &[(500.0, 5.0)], &[(500.0, 11.0)]))]);
    world.run_until(Phase::RolledBack);
    assert!(world.status().abort_reason.unwrap().starts_with("gate error-rate failed: "));
}
