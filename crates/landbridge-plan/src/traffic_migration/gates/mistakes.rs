//! What is wrong with gates that their schema does not see.

use landbridge_api::v1alpha1::{MigrationGates, Span, ThresholdRange};

use super::address;
use super::declared::{self, What};
use crate::traffic_migration::pass::Pass;
use crate::traffic_migration::weights::seconds;

/// Longest time that an answer is waited for, in seconds.
const LONGEST: i64 = 30;

/// Everything, each with what to do.
pub(in super::super) fn mistakes(pass: &Pass<'_>) -> Vec<String> {
    let mut found = Vec::new();
    elsewhere(pass, &mut found);
    let Some(spec) = &pass.object.spec.gates else { return found };
    names(spec, &mut found);
    urls(spec, &mut found);
    ranges(spec, &mut found);
    times(spec, &mut found);
    alarms(pass, spec, &mut found);
    load_balancer(pass, spec, &mut found);
    found
}

fn names(spec: &MigrationGates, found: &mut Vec<String>) {
    let mut seen = vec!["targets".to_owned(), super::QUIET.to_owned()];
    for gate in declared::all(Some(spec)) {
        if seen.contains(&gate.name) {
            found.push(format!(
                "spec.gates has two gates {}, or it is a name of ours: give one another name",
                gate.name
            ));
        }
        seen.push(gate.name);
    }
}

fn urls(spec: &MigrationGates, found: &mut Vec<String>) {
    let prometheus = spec.prometheus.iter().enumerate().map(|(i, g)| (format!("prometheus[{i}].address"), &g.address));
    let webhooks = spec.webhooks.iter().enumerate().map(|(i, g)| (format!("webhooks[{i}].url"), &g.url));
    for (at, url) in prometheus.chain(webhooks) {
        found.extend(address::refused(url).map(|why| format!("spec.gates.{at} is {url}: {why}")));
    }
}

fn ranges(spec: &MigrationGates, found: &mut Vec<String>) {
    for gate in declared::all(Some(spec)) {
        let range = match gate.what {
            What::Metric(metric) => &metric.threshold_range,
            What::Prometheus(gate) => &gate.threshold_range,
            _ => continue,
        };
        let ThresholdRange { min, max } = range;
        if min.zip(*max).is_some_and(|(min, max)| min > max) {
            found.push(format!("gate {} can never pass: its min is greater than its max", gate.name));
        }
    }
}

fn times(spec: &MigrationGates, found: &mut Vec<String>) {
    if spec.window.as_ref().and_then(seconds).is_some_and(|s| !(60..=86_400).contains(&s)) {
        found.push("spec.gates.window takes one minute to a day: CloudWatch measures minutes".to_owned());
    }
    let prometheus = spec.prometheus.iter().enumerate().map(|(i, g)| (format!("prometheus[{i}]"), g.timeout.as_ref()));
    let webhooks = spec.webhooks.iter().enumerate().map(|(i, g)| (format!("webhooks[{i}]"), g.timeout.as_ref()));
    let wrong = |span: Option<&Span>| span.and_then(seconds).is_some_and(|s| !(1..=LONGEST).contains(&s));
    let all = prometheus.chain(webhooks).filter(|(_, span)| wrong(*span));
    found.extend(all.map(|(at, _)| format!("spec.gates.{at}.timeout takes 1s to {LONGEST}s")));
}

/// By Cloud Map, and inside the cluster, no load balancer is in the way.
fn load_balancer(pass: &Pass<'_>, spec: &MigrationGates, found: &mut Vec<String>) {
    let backend = &pass.object.spec.backend;
    let has_none = backend.cloud_map.is_some() || backend.http_route.is_some();
    let elsewhere = [&pass.resolved.from, &pass.resolved.to].into_iter().find(|side| side.account.is_some());
    let why = match elsewhere {
        _ if has_none => "this backend has none".to_owned(),
        Some(side) => format!("those of {} are in another account or Region", side.name),
        None => return,
    };
    let measured = |gate: &declared::Gate<'_>| matches!(gate.what, What::ErrorRate(..) | What::Latency(..));
    let gates = declared::all(Some(spec)).into_iter().filter(measured);
    found.extend(gates.map(|gate| {
        format!(
            "gate {} looks at the metrics of target groups, and {why}: take a cloudWatch metric of the service's own, or \
             prometheus",
            gate.name
        )
    }));
}

/// CloudWatch is asked in one account, that of what is written.
fn elsewhere(pass: &Pass<'_>, found: &mut Vec<String>) {
    let (from, to) = (&pass.resolved.from, &pass.resolved.to);
    let Some(side) = [from, to].into_iter().find(|side| side.account.is_some()) else { return };
    let measured = |gate: &declared::Gate<'_>| matches!(gate.what, What::ErrorRate(..) | What::Latency(..));
    for gate in declared::all(pass.object.spec.gates.as_ref()).into_iter().filter(measured) {
        found.push(format!(
            "gate {} needs the metrics of both sides, and those of {} are in another account: take prometheus or a webhook",
            gate.name, side.name
        ));
    }
    if from.account.is_some() && pass.settings.max_drain.is_some() {
        found.push(format!(
            "spec.finalise.maxDrain needs the metrics of {}, which are in another account: leave it out",
            from.name
        ));
    }
}

/// Alarms are where the load balancer is.
fn alarms(pass: &Pass<'_>, spec: &MigrationGates, found: &mut Vec<String>) {
    let account = &pass.resolved.account;
    for gate in spec.alarms.iter().filter(|g| g.alarm.starts_with("arn:")) {
        let parts: Vec<&str> = gate.alarm.splitn(7, ':').collect();
        match parts[..] {
            ["arn", _, "cloudwatch", region, id, "alarm", _]
                if region == account.region && id == account.account_id => {}
            ["arn", _, "cloudwatch", _, _, "alarm", _] => found.push(format!(
                "alarm {} is not in account {} and Region {}, where the load balancer is: name one there",
                gate.alarm, account.account_id, account.region
            )),
            _ => found.push(format!("{} is no ARN of a CloudWatch alarm: name the alarm", gate.alarm)),
        }
    }
}
