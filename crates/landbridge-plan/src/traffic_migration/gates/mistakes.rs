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
    if backend.cloud_map.is_none() && backend.http_route.is_none() {
        return;
    }
    let measured = |gate: &declared::Gate<'_>| matches!(gate.what, What::ErrorRate(..) | What::Latency(..));
    let gates = declared::all(Some(spec)).into_iter().filter(measured);
    found.extend(gates.map(|gate| {
        format!(
            "gate {} looks at the metrics of target groups, and this backend has none: take a cloudWatch metric of the \
             service's own, or prometheus",
            gate.name
        )
    }));
}

/// Alarms are looked at where the migration writes.
fn alarms(pass: &Pass<'_>, spec: &MigrationGates, found: &mut Vec<String>) {
    let account = &pass.resolved.account;
    for gate in spec.alarms.iter().filter(|g| g.alarm.starts_with("arn:")) {
        let parts: Vec<&str> = gate.alarm.splitn(7, ':').collect();
        match parts[..] {
            ["arn", _, "cloudwatch", region, id, "alarm", _]
                if region == account.region && id == account.account_id => {}
            ["arn", _, "cloudwatch", _, _, "alarm", _] => found.push(format!(
                "alarm {} is not in account {} and Region {}, where this migration writes: name one there",
                gate.alarm, account.account_id, account.region
            )),
            _ => found.push(format!("{} is no ARN of a CloudWatch alarm: name the alarm", gate.alarm)),
        }
    }
}
