//! Attributes of load balancers, target groups and listeners: their defaults, and which values they take.
//! Source: LoadBalancerAttribute, TargetGroupAttribute and ListenerAttribute in the API reference.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Elb, listener, load_balancer, names, target_group};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

/// Every attribute of a resource with its value, also those that nobody set.
pub(crate) type Attributes = BTreeMap<String, String>;

const BALANCER: [(&str, &str); 6] = [
    ("access_logs.s3.enabled", "false"),
    ("access_logs.s3.bucket", ""),
    ("access_logs.s3.prefix", ""),
    ("deletion_protection.enabled", "false"),
    ("ipv6.deny_all_igw_traffic", "false"),
    ("zonal_shift.config.enabled", "false"),
];

const APPLICATION: [(&str, &str); 18] = [
    ("load_balancing.cross_zone.enabled", "true"),
    ("idle_timeout.timeout_seconds", "60"),
    ("client_keep_alive.seconds", "3600"),
    ("connection_logs.s3.enabled", "false"),
    ("connection_logs.s3.bucket", ""),
    ("connection_logs.s3.prefix", ""),
    ("health_check_logs.s3.enabled", "false"),
    ("health_check_logs.s3.bucket", ""),
    ("health_check_logs.s3.prefix", ""),
    ("routing.http.desync_mitigation_mode", "defensive"),
    ("routing.http.drop_invalid_header_fields.enabled", "false"),
    ("routing.http.preserve_host_header.enabled", "false"),
    ("routing.http.x_amzn_tls_version_and_cipher_suite.enabled", "false"),
    ("routing.http.xff_client_port.enabled", "false"),
    ("routing.http.xff_header_processing.mode", "append"),
    ("routing.http.request.x_amzn_tls_cipher_suite.header_name", ""),
    ("routing.http2.enabled", "true"),
    ("waf.fail_open.enabled", "false"),
];

const NETWORK: [(&str, &str); 3] = [
    ("load_balancing.cross_zone.enabled", "false"),
    ("dns_record.client_routing_policy", "any_availability_zone"),
    ("secondary_ips.auto_assigned.per_subnet", "0"),
];

const GROUP: [(&str, &str); 4] = [
    ("target_group_health.dns_failover.minimum_healthy_targets.count", "1"),
    ("target_group_health.dns_failover.minimum_healthy_targets.percentage", "off"),
    ("target_group_health.unhealthy_state_routing.minimum_healthy_targets.count", "1"),
    ("target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage", "off"),
];

/// Of every target group but those of a Lambda function.
const DRAINING: [(&str, &str); 3] = [
    ("deregistration_delay.timeout_seconds", "300"),
    ("stickiness.enabled", "false"),
    ("load_balancing.cross_zone.enabled", "use_load_balancer_configuration"),
];

const HTTP_GROUP: [(&str, &str); 7] = [
    ("load_balancing.algorithm.type", "round_robin"),
    ("load_balancing.algorithm.anomaly_mitigation", "off"),
    ("slow_start.duration_seconds", "0"),
    ("stickiness.type", "lb_cookie"),
    ("stickiness.lb_cookie.duration_seconds", "86400"),
    ("stickiness.app_cookie.cookie_name", ""),
    ("stickiness.app_cookie.duration_seconds", "86400"),
];

const TCP_GROUP: [(&str, &str); 6] = [
    ("deregistration_delay.connection_termination.enabled", "false"),
    ("preserve_client_ip.enabled", "true"),
    ("proxy_protocol_v2.enabled", "false"),
    ("stickiness.type", "source_ip"),
    ("target_health_state.unhealthy.connection_termination.enabled", "true"),
    ("target_health_state.unhealthy.draining_interval_seconds", "0"),
];

const LISTENER: [(&str, &str); 1] = [("routing.http.response.server.enabled", "true")];
const TCP_LISTENER: [(&str, &str); 1] = [("tcp.idle_timeout.seconds", "350")];

/// Ranges of the numbers, in seconds.
const RANGES: [(&str, i64, i64); 8] = [
    ("deregistration_delay.timeout_seconds", 0, 3600),
    ("slow_start.duration_seconds", 30, 900),
    ("stickiness.lb_cookie.duration_seconds", 1, 604_800),
    ("stickiness.app_cookie.duration_seconds", 1, 604_800),
    ("target_health_state.unhealthy.draining_interval_seconds", 0, 360_000),
    ("idle_timeout.timeout_seconds", 1, 4000),
    ("client_keep_alive.seconds", 60, 604_800),
    ("tcp.idle_timeout.seconds", 60, 6000),
];

fn collect(lists: &[&[(&str, &str)]]) -> Attributes {
    lists.iter().flat_map(|list| list.iter()).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

pub(super) fn of_balancer(application: bool) -> Attributes {
    collect(&[&BALANCER, if application { &APPLICATION } else { &NETWORK }])
}

pub(super) fn of_group(protocol: &str, target_type: &str) -> Attributes {
    match (target_type, protocol) {
        ("lambda", _) => collect(&[&GROUP, &[("lambda.multi_value_headers.enabled", "false")]]),
        (_, "HTTP" | "HTTPS") => collect(&[&GROUP, &DRAINING, &HTTP_GROUP]),
        _ => collect(&[&GROUP, &DRAINING, &TCP_GROUP]),
    }
}

pub(super) fn of_listener(application: bool) -> Attributes {
    collect(&[if application { &LISTENER } else { &TCP_LISTENER }])
}

fn show(attributes: &Attributes) -> Value {
    attributes.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}

/// Which attributes a call is about.
fn of<'a>(elb: &'a mut Elb, input: Input<'_>, of: &str) -> Result<&'a mut Attributes, Refusal> {
    let arn = input.required(of)?;
    match of {
        "LoadBalancerArn" => {
            elb.balancers.get_mut(arn).map(|it| &mut it.attributes).ok_or_else(load_balancer::not_found)
        }
        "TargetGroupArn" => elb.groups.get_mut(arn).map(|it| &mut it.attributes).ok_or_else(target_group::not_found),
        _ => elb.listeners.get_mut(arn).map(|it| &mut it.attributes).ok_or_else(listener::not_found),
    }
}

pub(super) fn describe(world: &mut World, input: Input<'_>, by: &str) -> Result<Value, Refusal> {
    Ok(json!({ "Attributes": show(of(&mut world.services.elbv2, input, by)?) }))
}

pub(super) fn modify(world: &mut World, _cx: &Cx, input: Input<'_>, by: &str) -> Result<Value, Refusal> {
    let attributes = of(&mut world.services.elbv2, input, by)?;
    let mut changed = attributes.clone();
    for (key, value) in input.tags("Attributes")? {
        if !changed.contains_key(&key) {
            let what = if by == "TargetGroupArn" { "Target group" } else { names_of(by) };
            let message = format!("{what} attribute key '{key}' is not recognized");
            return Err(Refusal::new("InvalidConfigurationRequest", message));
        }
        check(&key, &value, &changed[&key])?;
        changed.insert(key, value);
    }
    *attributes = changed;
    Ok(json!({ "Attributes": show(attributes) }))
}

fn names_of(by: &str) -> &'static str {
    if by == "LoadBalancerArn" { "Load balancer" } else { "Listener" }
}

fn check(key: &str, value: &str, present: &str) -> Result<(), Refusal> {
    let refuse = |wanted: String| {
        Err(Refusal::new("InvalidConfigurationRequest", format!("The value of '{key}' must be {wanted}")))
    };
    if matches!(present, "true" | "false") && !matches!(value, "true" | "false") {
        return refuse("true or false".to_owned());
    }
    let Some((_, least, most)) = RANGES.iter().find(|(named, ..)| *named == key) else { return Ok(()) };
    match value.parse::<i64>() {
        // Slow start is off at 0 and has its range otherwise.
        Ok(0) if key == "slow_start.duration_seconds" => Ok(()),
        Ok(number) if (*least..=*most).contains(&number) => Ok(()),
        _ => refuse(format!("between {least} and {most}")),
    }
}

/// Whether the load balancer of an ARN is an application load balancer decides which attributes its listeners have.
pub(super) fn of_listener_arn(arn: &str) -> Attributes {
    of_listener(names::is_application(arn))
}
