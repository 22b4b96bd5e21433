//! Health check settings of target groups: which there are, their defaults and ranges.
//! Source: `HealthCheck*`, `*ThresholdCount` and `Matcher` of CreateTargetGroup.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::input::Input;
use crate::refusal::Refusal;

/// How a target group looks after its targets.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct HealthCheck {
    pub(super) enabled: bool,
    protocol: String,
    port: String,
    path: Option<String>,
    interval: i64,
    timeout: i64,
    healthy: i64,
    unhealthy: i64,
    /// `HttpCode` or `GrpcCode` and its value; none where the check is no HTTP request.
    matcher: Option<(&'static str, String)>,
}

/// What decides about the defaults.
#[derive(Debug, Clone, Copy)]
pub(super) struct Of<'a> {
    pub(super) target_type: &'a str,
    pub(super) protocol: &'a str,
    pub(super) version: &'a str,
}

impl HealthCheck {
    /// The settings of CreateTargetGroup.
    pub(super) fn create(input: Input<'_>, of: Of<'_>) -> Result<Self, Refusal> {
        let lambda = of.target_type == "lambda";
        let http = matches!(of.protocol, "HTTP" | "HTTPS") || lambda || of.target_type == "alb";
        let protocol = input.text("HealthCheckProtocol")?.unwrap_or(if http { "HTTP" } else { "TCP" }).to_owned();
        let timeout = match (of.protocol, protocol.as_str()) {
            _ if lambda => 30,
            ("HTTP" | "HTTPS", _) => 5,
            (_, "HTTP") => 6,
            _ => 10,
        };
        let mut check = Self {
            enabled: !lambda,
            protocol,
            port: "traffic-port".to_owned(),
            path: None,
            interval: if lambda { 35 } else { 30 },
            timeout,
            healthy: 5,
            unhealthy: 2,
            matcher: None,
        };
        check.fill(of);
        check.change(input, of)?;
        Ok(check)
    }

    /// Path and matcher, which only checks over HTTP have.
    fn fill(&mut self, of: Of<'_>) {
        if !matches!(self.protocol.as_str(), "HTTP" | "HTTPS") {
            (self.path, self.matcher) = (None, None);
            return;
        }
        let grpc = of.version == "GRPC";
        self.path.get_or_insert_with(|| if grpc { "/AWS.ALB/healthcheck" } else { "/" }.to_owned());
        let behind_network = !matches!(of.protocol, "HTTP" | "HTTPS" | "");
        self.matcher.get_or_insert_with(|| match (grpc, behind_network) {
            (true, _) => ("GrpcCode", "12".to_owned()),
            (false, true) => ("HttpCode", "200-399".to_owned()),
            (false, false) => ("HttpCode", "200".to_owned()),
        });
    }

    /// The settings a request names, over those that are; ModifyTargetGroup keeps the others.
    pub(super) fn change(&mut self, input: Input<'_>, of: Of<'_>) -> Result<(), Refusal> {
        if let Some(enabled) = input.flag("HealthCheckEnabled")? {
            if !enabled && of.target_type != "lambda" {
                let message = format!(
                    "Health check enabled must be true for target groups with target type '{}'",
                    of.target_type
                );
                return Err(input.refuse(message));
            }
            self.enabled = enabled;
        }
        if let Some(protocol) = input.text("HealthCheckProtocol")? {
            let allowed: &[&str] = if matches!(of.protocol, "HTTP" | "HTTPS" | "") || of.target_type == "alb" {
                &["HTTP", "HTTPS"]
            } else {
                &["HTTP", "HTTPS", "TCP"]
            };
            if !allowed.contains(&protocol) {
                return Err(
                    input.refuse(format!("Health check protocol '{protocol}' must be one of '{}'", allowed.join(", ")))
                );
            }
            protocol.clone_into(&mut self.protocol);
        }
        self.fill(of);
        if let Some(port) = input.text("HealthCheckPort")? {
            if port != "traffic-port" && !port.parse::<u16>().is_ok_and(|port| port > 0) {
                return Err(input
                    .refuse(format!("Health check port '{port}' must be 'traffic-port' or in the range [1-65535]")));
            }
            port.clone_into(&mut self.port);
        }
        self.change_request(input)?;
        self.interval = input.number_within("HealthCheckIntervalSeconds", 5, 300)?.unwrap_or(self.interval);
        self.timeout = input.number_within("HealthCheckTimeoutSeconds", 2, 120)?.unwrap_or(self.timeout);
        self.healthy = input.number_within("HealthyThresholdCount", 2, 10)?.unwrap_or(self.healthy);
        self.unhealthy = input.number_within("UnhealthyThresholdCount", 2, 10)?.unwrap_or(self.unhealthy);
        if self.timeout >= self.interval
            && (input.get("HealthCheckTimeoutSeconds").is_some() || input.get("HealthCheckIntervalSeconds").is_some())
        {
            return Err(input.refuse("Health check interval must be greater than the timeout."));
        }
        Ok(())
    }

    fn change_request(&mut self, input: Input<'_>) -> Result<(), Refusal> {
        let http = self.matcher.is_some();
        if let Some(path) = input.text("HealthCheckPath")? {
            if !http {
                return Err(input.refuse("Health check path cannot be specified for a TCP health check"));
            }
            if !path.starts_with('/') || path.len() > 1024 {
                return Err(input.refuse(format!(
                    "Health check path '{path}' must begin with a '/' character and have up to 1024"
                )));
            }
            self.path = Some(path.to_owned());
        }
        let Some(matcher) = input.object("Matcher")? else { return Ok(()) };
        for kind in ["HttpCode", "GrpcCode"] {
            let Some(codes) = matcher.text(kind)? else { continue };
            let known = self.matcher.as_ref().is_some_and(|(known, _)| *known == kind);
            let well_formed = codes.split([',', '-']).all(|code| code.parse::<u16>().is_ok());
            if !known || !well_formed {
                return Err(input.refuse(format!("Health check matcher {kind} '{codes}' is not valid")));
            }
            self.matcher = Some((kind, codes.to_owned()));
        }
        Ok(())
    }

    /// From the first check until a target that answers counts as healthy.
    pub(super) fn until_healthy(&self) -> Duration {
        Duration::from_secs((self.interval * self.healthy).max(0) as u64)
    }

    /// From the moment a target stops to answer until it counts as unhealthy.
    pub(super) fn until_unhealthy(&self) -> Duration {
        Duration::from_secs((self.interval * self.unhealthy).max(0) as u64)
    }

    /// The port that checks of a target on `port` go to.
    pub(super) fn port(&self, port: Option<u16>) -> Option<String> {
        if self.port == "traffic-port" { port.map(|port| port.to_string()) } else { Some(self.port.clone()) }
    }

    pub(super) fn show(&self, shown: &mut Map<String, Value>) {
        for (name, value) in [
            ("HealthCheckEnabled", json!(self.enabled)),
            ("HealthCheckProtocol", json!(self.protocol)),
            ("HealthCheckPort", json!(self.port)),
            ("HealthCheckPath", json!(self.path)),
            ("HealthCheckIntervalSeconds", json!(self.interval)),
            ("HealthCheckTimeoutSeconds", json!(self.timeout)),
            ("HealthyThresholdCount", json!(self.healthy)),
            ("UnhealthyThresholdCount", json!(self.unhealthy)),
            ("Matcher", self.matcher.as_ref().map_or(Value::Null, |(kind, codes)| json!({ *kind: codes }))),
        ] {
            shown.insert(name.to_owned(), value);
        }
    }
}
