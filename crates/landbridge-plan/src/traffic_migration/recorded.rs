//! What somebody else does to a side while traffic moves: its target group is checked in another way, its ECS service leaves the
//! target group or begins to rewrite rules. Nobody but a person can say whether the migration still makes sense then.

use std::collections::BTreeMap;

use landbridge_api::v1alpha1::{RecordedPart, TrafficMigrationStatus};
use serde_json::Value;

use super::pass::Pass;
use super::{HealthCheckFacts, Side, SideFacts, TargetGroupFacts};
use crate::ecs_service::ServiceFacts;

/// Adds what is not recorded yet: the new side's parts come later than the old one's.
pub(super) fn record(pass: &Pass<'_>, state: &mut TrafficMigrationStatus) {
    for part in parts(pass) {
        if !state.recorded.iter().any(|known| known.name == part.name) {
            state.recorded.push(part);
        }
    }
}

/// Takes everything as it is now.
pub(super) fn record_anew(pass: &Pass<'_>, state: &mut TrafficMigrationStatus) {
    state.recorded = parts(pass);
}

/// What differs from what was recorded, in words; none when nothing does. What is gone is for others to say.
pub(super) fn changed(pass: &Pass<'_>, state: &TrafficMigrationStatus) -> Option<String> {
    let now = parts(pass);
    let mut found = Vec::new();
    for before in &state.recorded {
        let Some(now) = now.iter().find(|part| part.name == before.name) else { continue };
        let keys: std::collections::BTreeSet<_> = before.values.keys().chain(now.values.keys()).collect();
        for key in keys {
            let (was, is) = (before.values.get(key), now.values.get(key));
            if was != is {
                let said = |v: Option<&String>| v.map_or("unset", String::as_str).to_owned();
                found.push(format!("{}: {key} was {} and is {}", before.name, said(was), said(is)));
            }
        }
    }
    (!found.is_empty()).then(|| {
        format!(
            "{}. Somebody else changed it in the middle of the migration (CloudTrail says who). Nothing is written until it is \
             as it was, or `landbridge migrate resume` (go on with it as it is) or `abort`",
            found.join("; ")
        )
    })
}

fn parts(pass: &Pass<'_>) -> Vec<RecordedPart> {
    let sides = [(&pass.resolved.from, &pass.observed.from), (&pass.resolved.to, &pass.observed.to)];
    sides.into_iter().flat_map(|(side, facts)| of_side(side, facts)).collect()
}

fn of_side(side: &Side, facts: &SideFacts) -> Vec<RecordedPart> {
    let group = facts
        .group
        .as_ref()
        .map(|group| RecordedPart { name: format!("target group {}", group.name), values: of_group(group) });
    let service = facts
        .service
        .as_ref()
        .map(|service| RecordedPart { name: format!("{} in ECS", side.name), values: of_service(service) });
    group.into_iter().chain(service).collect()
}

fn of_group(group: &TargetGroupFacts) -> BTreeMap<String, String> {
    let HealthCheckFacts {
        protocol,
        port,
        path,
        interval,
        timeout,
        healthy_threshold,
        unhealthy_threshold,
        http_codes,
        grpc_codes,
    } = &group.health_check;
    let number = |n: &Option<i32>| n.map(|n| n.to_string());
    let named = [
        ("healthCheckProtocol", protocol.clone()),
        ("healthCheckPort", port.clone()),
        ("healthCheckPath", path.clone()),
        ("healthCheckIntervalSeconds", number(interval)),
        ("healthCheckTimeoutSeconds", number(timeout)),
        ("healthyThresholdCount", number(healthy_threshold)),
        ("unhealthyThresholdCount", number(unhealthy_threshold)),
        ("matcher", http_codes.clone().or_else(|| grpc_codes.clone())),
    ];
    named.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}

/// The members of a service that decide over the load balancer.
fn of_service(service: &ServiceFacts) -> BTreeMap<String, String> {
    let fields = Value::Object(service.fields.clone());
    let text = |pointer: &str| fields.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let mut groups: Vec<&str> = fields["loadBalancers"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|balancer| balancer["targetGroupArn"].as_str())
        .collect();
    groups.sort_unstable();
    let named = [
        ("loadBalancers", Some(groups.join(" "))),
        ("deploymentConfiguration.strategy", text("/deploymentConfiguration/strategy")),
        ("deploymentController", text("/deploymentController/type")),
    ];
    named.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}
