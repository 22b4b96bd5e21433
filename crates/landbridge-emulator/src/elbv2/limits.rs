//! What an account may have, and the SSL policies there are. Source: DescribeAccountLimits, "Quotas for your
//! Application Load Balancers", "Quotas for your Network Load Balancers", and DescribeSSLPolicies.

use serde_json::{Value, json};

use super::page::Page;
use crate::input::Input;
use crate::refusal::Refusal;

const LIMITS: [(&str, u32); 19] = [
    ("application-load-balancers", 50),
    ("certificates-per-application-load-balancer", 25),
    ("certificates-per-network-load-balancer", 25),
    ("condition-values-per-alb-rule", 5),
    ("condition-wildcards-per-alb-rule", 6),
    ("gateway-load-balancers", 100),
    ("listeners-per-application-load-balancer", 50),
    ("listeners-per-network-load-balancer", 50),
    ("network-load-balancers", 50),
    ("rules-per-application-load-balancer", 100),
    ("target-groups", 3000),
    ("target-groups-per-action-on-application-load-balancer", 5),
    ("target-groups-per-action-on-network-load-balancer", 5),
    ("target-groups-per-application-load-balancer", 100),
    ("target-id-registrations-per-application-load-balancer", 1000),
    ("targets-per-application-load-balancer", 1000),
    ("targets-per-availability-zone-per-network-load-balancer", 500),
    ("targets-per-network-load-balancer", 3000),
    ("targets-per-target-group", 1000),
];

/// The first is what a listener without one gets.
pub(super) const SSL_POLICIES: [&str; 6] = [
    "ELBSecurityPolicy-2016-08",
    "ELBSecurityPolicy-FS-1-2-Res-2020-10",
    "ELBSecurityPolicy-TLS-1-2-2017-01",
    "ELBSecurityPolicy-TLS13-1-2-2021-06",
    "ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
    "ELBSecurityPolicy-TLS13-1-3-2021-06",
];

pub(super) fn account(input: Input<'_>) -> Result<Value, Refusal> {
    let limits = LIMITS.iter().map(|(name, most)| ((*name).to_owned(), (*name, *most)));
    Ok(Page::read(input)?.answer("Limits", limits, |(name, most)| json!({ "Name": name, "Max": most.to_string() })))
}

pub(super) fn ssl_policies(input: Input<'_>) -> Result<Value, Refusal> {
    let wanted = input.texts("Names")?;
    if let Some(unknown) = wanted.iter().find(|name| !SSL_POLICIES.contains(name)) {
        return Err(Refusal::new("SSLPolicyNotFound", format!("SSL policies '{unknown}' not found")));
    }
    let policies = SSL_POLICIES.iter().filter(|name| wanted.is_empty() || wanted.contains(name));
    let shown = |name: &str| {
        let protocols: &[&str] = match name {
            _ if name.contains("TLS13-1-3") => &["TLSv1.3"],
            _ if name.contains("TLS13") => &["TLSv1.2", "TLSv1.3"],
            "ELBSecurityPolicy-2016-08" => &["TLSv1", "TLSv1.1", "TLSv1.2"],
            _ => &["TLSv1.2"],
        };
        json!({
            "Name": name,
            "SslProtocols": protocols,
            "Ciphers": [{ "Name": "ECDHE-ECDSA-AES128-GCM-SHA256", "Priority": 1 }],
            "SupportedLoadBalancerTypes": ["application", "network"],
        })
    };
    Ok(Page::read(input)?.answer("SslPolicies", policies.map(|name| ((*name).to_owned(), *name)), shown))
}
