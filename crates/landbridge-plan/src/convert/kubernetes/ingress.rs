//! Ingress objects of the rules of listeners: an Ingress for the AWS Load Balancer Controller, or HTTPRoutes for a Gateway.
//! Hosts and paths are the rules' own.

use serde_json::{Map, Value, json};

use super::{Making, put};
use crate::convert::path::Path;
use crate::convert::report::Outcome;

/// What a rule of a listener says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rule {
    /// Hosts; none means any.
    pub hosts: Vec<String>,
    /// Paths, as ALB writes them; none means any.
    pub paths: Vec<String>,
    /// The target group that it forwards to.
    pub target_group: String,
    /// Which rule is asked first.
    pub priority: i64,
}

/// Where a rule leads: hosts, paths and port.
struct Way {
    hosts: Vec<String>,
    paths: Vec<String>,
    port: i64,
}

/// Adds the ingress objects, and readiness from the target groups' own checks.
pub fn objects(making: &mut Making<'_>) {
    readiness(making);
    let ways = ways(making);
    if ways.is_empty() || making.is_scheduled() {
        return;
    }
    match making.options.gateway.clone() {
        Some(gateway) => routes(making, &ways, &gateway),
        None => ingress(making, &ways),
    }
}

fn ways(making: &mut Making<'_>) -> Vec<Way> {
    let mut ways = Vec::new();
    let rules = making.unit.rules.clone();
    for (index, balancer) in making.service.load_balancers.clone().iter().enumerate() {
        let at = Path::of("loadBalancers").index(index);
        let port = balancer.container_port.map_or(80, i64::from);
        let mut led: Vec<&Rule> =
            rules.iter().filter(|r| Some(&r.target_group) == balancer.target_group_arn.as_ref()).collect();
        led.sort_by_key(|r| r.priority);
        if led.is_empty() {
            if making.options.hosts.is_empty() {
                continue;
            }
            ways.push(Way { hosts: making.options.hosts.clone(), paths: Vec::new(), port });
            said(making, &at, "for the hosts that were given");
        } else {
            ways.extend(led.iter().map(|r| Way { hosts: r.hosts.clone(), paths: r.paths.clone(), port }));
            said(making, &at, "with hosts and paths of the rules that forward to it");
        }
    }
    if making.service.load_balancers.is_empty() && !making.options.hosts.is_empty() {
        let mut mappings = making.task.container_definitions.iter().flat_map(|c| &c.port_mappings);
        if let Some(port) = mappings.find_map(|m| m.container_port) {
            ways.push(Way { hosts: making.options.hosts.clone(), paths: Vec::new(), port: i64::from(port) });
        }
    }
    ways
}

fn said(making: &mut Making<'_>, at: &Path, how: &str) {
    let to = if making.options.gateway.is_some() { "HTTPRoute" } else { "Ingress" };
    for field in ["targetGroupArn", "containerName", "containerPort"] {
        making.draft.said.push(super::Said {
            path: at.field(field),
            outcome: Outcome::Approximated,
            to: Some(to.to_owned()),
            note: format!("an ingress object {how}; the load balancer controller makes a target group of its own"),
        });
    }
}

/// ALB's path patterns: `/api/*` is a prefix, a path without a wildcard is exact.
fn path_of(pattern: &str) -> (&'static str, String) {
    match pattern.strip_suffix("/*").or_else(|| pattern.strip_suffix('*')) {
        Some(prefix) if !prefix.contains(['*', '?']) => {
            ("Prefix", if prefix.is_empty() { "/".to_owned() } else { prefix.to_owned() })
        }
        None if !pattern.contains('?') => ("Exact", pattern.to_owned()),
        _ => ("ImplementationSpecific", pattern.to_owned()),
    }
}

fn ingress(making: &mut Making<'_>, ways: &[Way]) {
    let backend = |port: i64| json!({"service": {"name": making.name(), "port": {"number": port}}});
    let mut rules = Vec::new();
    for way in ways {
        let any = vec!["*".to_owned()];
        let paths: Vec<Value> = if way.paths.is_empty() { &any } else { &way.paths }
            .iter()
            .map(|p| path_of(p))
            .map(|(kind, path)| json!({"path": path, "pathType": kind, "backend": backend(way.port)}))
            .collect();
        let hosts: Vec<Option<&String>> =
            if way.hosts.is_empty() { vec![None] } else { way.hosts.iter().map(Some).collect() };
        for host in hosts {
            let mut rule = Map::new();
            put(&mut rule, "host", host.map(|h| json!(h)));
            rule.insert("http".into(), json!({ "paths": paths }));
            // A rule for all paths and the default action say the same.
            let rule = Value::Object(rule);
            if !rules.contains(&rule) {
                rules.push(rule);
            }
        }
    }
    let mut metadata = making.metadata(&making.name());
    metadata.insert("annotations".into(), json!({"alb.ingress.kubernetes.io/target-type": "ip"}));
    let spec = json!({"ingressClassName": "alb", "rules": rules});
    making.add("networking.k8s.io/v1", "Ingress", metadata, vec![("spec", spec)]);
    making.draft.notes.push(
        "the Ingress has no scheme, certificate or group: set alb.ingress.kubernetes.io/scheme, certificate-arn and group.name as \
         the old load balancer has them"
            .to_owned(),
    );
}

fn routes(making: &mut Making<'_>, ways: &[Way], gateway: &str) {
    let mut parent = Map::new();
    let (namespace, name) = gateway.split_once('/').map_or((None, gateway), |(ns, n)| (Some(ns), n));
    parent.insert("name".into(), json!(name));
    put(&mut parent, "namespace", namespace.map(Value::from));
    for (index, way) in ways.iter().enumerate() {
        let matches: Vec<Value> = way.paths.iter().map(|p| route_match(p)).collect();
        let mut rule = Map::new();
        put(&mut rule, "matches", Value::Array(matches));
        rule.insert("backendRefs".into(), json!([{"name": making.name(), "port": way.port}]));
        let mut spec = Map::new();
        spec.insert("parentRefs".into(), json!([parent]));
        put(&mut spec, "hostnames", json!(way.hosts));
        spec.insert("rules".into(), json!([rule]));
        let name = if index == 0 { making.name() } else { format!("{}-{index}", making.name()) };
        let metadata = making.metadata(&name);
        making.add("gateway.networking.k8s.io/v1", "HTTPRoute", metadata, vec![("spec", Value::Object(spec))]);
    }
}

fn route_match(pattern: &str) -> Value {
    let (kind, path) = path_of(pattern);
    match kind {
        "Prefix" => json!({"path": {"type": "PathPrefix", "value": path}}),
        "Exact" => json!({"path": {"type": "Exact", "value": path}}),
        _ => {
            let expression: String = path
                .chars()
                .map(|c| match c {
                    '*' => ".*".to_owned(),
                    '?' => ".".to_owned(),
                    c if c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_') => c.to_string(),
                    c => format!("\\{c}"),
                })
                .collect();
            json!({"path": {"type": "RegularExpression", "value": expression}})
        }
    }
}

/// Whether a pod gets traffic is what the target group's check asked of the task.
fn readiness(making: &mut Making<'_>) {
    for balancer in making.service.load_balancers.clone() {
        let arn = balancer.target_group_arn.clone().unwrap_or_default();
        let Some(group) = making.unit.target_groups.get(&arn).cloned() else { continue };
        let (Some(name), Some(port)) = (balancer.container_name, balancer.container_port) else { continue };
        let name = crate::convert::name::label(&name);
        let Some(probe) = probe(&group, port) else { continue };
        let containers = making.draft.objects.first_mut().and_then(|o| o.pointer_mut("/spec/template/spec/containers"));
        let found = containers.and_then(Value::as_array_mut).into_iter().flatten().find(|c| c["name"] == name);
        if let Some(container) = found.and_then(Value::as_object_mut) {
            container.insert("readinessProbe".into(), probe);
        }
    }
}

fn probe(group: &Value, traffic: i32) -> Option<Value> {
    let port = group["HealthCheckPort"].as_str().and_then(|p| p.parse().ok()).unwrap_or(traffic);
    let mut out = Map::new();
    match group["HealthCheckProtocol"].as_str()? {
        scheme @ ("HTTP" | "HTTPS") => {
            let path = group["HealthCheckPath"].as_str().unwrap_or("/");
            out.insert("httpGet".into(), json!({"path": path, "port": port, "scheme": scheme}));
        }
        "TCP" | "TLS" => {
            out.insert("tcpSocket".into(), json!({ "port": port }));
        }
        _ => return None,
    }
    for (from, to) in [
        ("HealthCheckIntervalSeconds", "periodSeconds"),
        ("HealthCheckTimeoutSeconds", "timeoutSeconds"),
        ("HealthyThresholdCount", "successThreshold"),
        ("UnhealthyThresholdCount", "failureThreshold"),
    ] {
        put(&mut out, to, group[from].as_i64().map(Value::from));
    }
    Some(Value::Object(out))
}
