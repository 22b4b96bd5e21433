//! ECS's health check is a livenessProbe, and a startupProbe for its start period. It is not readiness: whether a task
//! gets traffic is the target group's check to say.

use landbridge_api::ecs::ContainerDefinition;
use landbridge_api::ecs::health_check::HealthCheck;
use serde_json::{Map, Value, json};

use super::{Making, within};
use crate::convert::expansion::escaped;

/// Seconds between checks, seconds until one fails, and failures in a row, where ECS is told none.
pub const DEFAULTS: (i32, i32, i32) = (30, 5, 3);
/// A check more often than this costs more than it tells.
const LEAST_PERIOD: i32 = 5;

/// Puts the probes of a container into it.
pub fn put(making: &mut Making<'_>, container: &ContainerDefinition, out: &mut Map<String, Value>) {
    let Some(check) = &container.health_check else { return };
    let at = within(container).field("healthCheck");
    let Some(command) = command(&check.command) else {
        making.draft.refuse(&at, "the command begins neither with CMD nor with CMD-SHELL, or there is none after it");
        return;
    };
    let (interval, timeout, retries) = figures(check);
    let probe = |period: i32, failures: i32| {
        json!({
            "exec": {"command": command},
            "periodSeconds": period,
            "timeoutSeconds": timeout,
            "failureThreshold": failures,
        })
    };
    out.insert("livenessProbe".into(), probe(interval, retries));
    if let Some(start) = check.start_period.filter(|s| *s > 0) {
        // Failures of the start period do not count; then as many as ever must follow.
        let whole = start + retries * interval;
        let shared = gcd(whole, interval);
        let period = if shared >= LEAST_PERIOD.min(interval) { shared } else { interval };
        out.insert("startupProbe".into(), probe(period, (whole + period - 1) / period));
    }
}

fn figures(check: &HealthCheck) -> (i32, i32, i32) {
    let of = |value: Option<i32>, default: i32| value.unwrap_or(default).max(1);
    (of(check.interval, DEFAULTS.0), of(check.timeout, DEFAULTS.1), of(check.retries, DEFAULTS.2))
}

fn command(words: &[String]) -> Option<Vec<String>> {
    let (first, rest) = words.split_first()?;
    let rest: Vec<String> = rest.iter().map(|w| escaped(w)).collect();
    match first.as_str() {
        "CMD" if !rest.is_empty() => Some(rest),
        "CMD-SHELL" if rest.len() == 1 => Some([vec!["/bin/sh".into(), "-c".into()], rest].concat()),
        _ => None,
    }
}

fn gcd(a: i32, b: i32) -> i32 {
    if b == 0 { a } else { gcd(b, a % b) }
}
