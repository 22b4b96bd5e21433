//! Probes: liveness by a command is ECS's health check. Readiness is a target group's.

use serde_json::{Map, Value, json};

use super::{Taking, put};
use crate::convert::expansion::expanded;
use crate::convert::path::Path;

/// Takes the probes of a container.
pub fn take(taking: &mut Taking<'_>, container: &Value, at: &Path, out: &mut Map<String, Value>) {
    let (probe, field) = match (&container["livenessProbe"], &container["startupProbe"]) {
        (Value::Null, Value::Null) => return,
        (Value::Null, startup) => (startup, "startupProbe"),
        (liveness, _) => (liveness, "livenessProbe"),
    };
    let at_probe = at.field(field);
    let Some(command) = command(taking, probe, &at_probe) else { return };
    let mut check = Map::new();
    check.insert("command".into(), command);
    // What Kubernetes takes where it is told nothing is not what ECS takes.
    let (interval, timeout, retries) =
        (whole(probe, "periodSeconds", 10), whole(probe, "timeoutSeconds", 1), whole(probe, "failureThreshold", 3));
    for (name, to, value, range) in [
        ("periodSeconds", "interval", interval, 5..=300),
        ("timeoutSeconds", "timeout", timeout, 2..=60),
        ("failureThreshold", "retries", retries, 1..=10),
    ] {
        let fits = value.clamp(*range.start(), *range.end());
        if fits != value && !probe[name].is_null() {
            let (from, until) = (range.start(), range.end());
            taking.approximate(&at_probe.field(name), format!("ECS takes {from} to {until}: {fits} was written"));
        }
        check.insert(to.into(), json!(fits));
    }
    put(&mut check, "startPeriod", start(taking, container, at, interval * retries).map(Value::from));
    out.insert("healthCheck".into(), Value::Object(check));
}

fn whole(probe: &Value, field: &str, default: i64) -> i64 {
    probe[field].as_i64().unwrap_or(default).clamp(0, 86_400)
}

/// Seconds in which failures do not count: what the startup probe allows, without the checks that follow.
fn start(taking: &mut Taking<'_>, container: &Value, at: &Path, after: i64) -> Option<i64> {
    /// Longest start period of ECS.
    const LONGEST: i64 = 300;
    let startup = &container["startupProbe"];
    let delay = if startup.is_null() { whole(&container["livenessProbe"], "initialDelaySeconds", 0) } else { 0 };
    let allowed = if startup.is_null() {
        delay
    } else {
        let whole = whole(startup, "initialDelaySeconds", 0)
            + whole(startup, "periodSeconds", 10) * whole(startup, "failureThreshold", 3);
        if container["livenessProbe"].is_null() { whole } else { (whole - after).max(0) }
    };
    if allowed > LONGEST {
        let field = if startup.is_null() { "livenessProbe" } else { "startupProbe" };
        taking.approximate(&at.field(field), format!("ECS takes a start period of {LONGEST} seconds at most"));
    }
    Some(allowed.min(LONGEST)).filter(|s| *s > 0)
}

/// The command of a probe. A request has no form of its own in ECS and becomes one that curl makes.
fn command(taking: &mut Taking<'_>, probe: &Value, at: &Path) -> Option<Value> {
    if let Some(words) = probe["exec"]["command"].as_array() {
        let literal = |w: &Value| expanded(w.as_str().unwrap_or_default(), &std::collections::BTreeMap::new()).0;
        let words: Vec<String> = words.iter().map(literal).collect();
        return Some(match words.as_slice() {
            [shell, flag, line] if shell == "/bin/sh" && flag == "-c" => json!(["CMD-SHELL", line]),
            words => json!([vec!["CMD".to_owned()], words.to_vec()].concat()),
        });
    }
    if let Some(port) = probe["httpGet"]["port"].as_i64() {
        let get = &probe["httpGet"];
        let scheme = get["scheme"].as_str().unwrap_or("HTTP").to_lowercase();
        let path = get["path"].as_str().unwrap_or("/");
        let safe = path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-?=&%~:+,".contains(&b));
        if safe && get["httpHeaders"].is_null() && get["host"].is_null() {
            taking.approximate(
                at,
                "the image must have curl: ECS runs a command in the container and makes no request itself",
            );
            let insecure = if scheme == "https" { " -k" } else { "" };
            return Some(json!([
                "CMD-SHELL",
                format!("curl -fsS{insecure} -o /dev/null '{scheme}://localhost:{port}{path}' || exit 1")
            ]));
        }
    }
    taking.refuse(at, "ECS runs a command in the container: write one that checks it");
    None
}
