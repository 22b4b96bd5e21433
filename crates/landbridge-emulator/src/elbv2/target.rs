//! Targets: registering, deregistering, and what DescribeTargetHealth says. Source: RegisterTargets,
//! DeregisterTargets, TargetDescription and TargetHealth.

use std::net::{IpAddr, Ipv4Addr};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::target_group::{self, TargetGroup};
use super::{Elb, target_life};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

/// A target in its group: id and port; functions have no port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) port: Option<u16>,
}

#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(super) key: Key,
    zone: Option<String>,
    /// ARN of the ECS task that answers there, if ECS registered it.
    pub(super) owner: Option<String>,
    pub(super) state: State,
    pub(super) answers: Answers,
    /// Counts changes of course: what was planned for an older one does not happen.
    pub(super) course: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// No listener or rule forwards to the group.
    Unused,
    Registering,
    Checking,
    Healthy,
    Unhealthy(Failure),
    Draining,
    /// Nobody looks: health checks of a function are off.
    Unknown,
}

/// How a target answers health checks: well, until `fails_from`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Answers {
    pub(crate) fails_from: Option<Timestamp>,
    pub(crate) failure: Failure,
}

/// What a health check that does not pass meets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The connection is refused or breaks.
    #[default]
    Failed,
    Timeout,
    /// An HTTP status that the matcher does not take.
    Code(u16),
}

/// "Quotas for your Application Load Balancers": targets per target group.
const PER_GROUP: usize = 1000;

impl Failure {
    /// Reason code and description (TargetHealth).
    pub(crate) fn reason(self) -> (&'static str, String) {
        match self {
            Self::Failed => ("Target.FailedHealthChecks", "Health checks failed".to_owned()),
            Self::Timeout => ("Target.Timeout", "Request timed out".to_owned()),
            Self::Code(code) => {
                ("Target.ResponseCodeMismatch", format!("Health checks failed with these codes: [{code}]"))
            }
        }
    }
}

impl Target {
    pub(super) fn new(key: Key, zone: Option<String>, owner: Option<String>, answers: Answers) -> Self {
        Self { key, zone, owner, state: State::Unused, answers, course: 0 }
    }

    fn show_description(&self) -> Value {
        json!({ "Id": self.key.id, "Port": self.key.port, "AvailabilityZone": self.zone })
    }

    fn show_health(&self) -> Value {
        let (state, reason, description) = match self.state {
            State::Healthy => return json!({ "State": "healthy" }),
            State::Unused => (
                "unused",
                "Target.NotInUse",
                "Target group is not configured to receive traffic from the load balancer".to_owned(),
            ),
            State::Registering => {
                ("initial", "Elb.RegistrationInProgress", "Target registration is in progress".to_owned())
            }
            State::Checking => ("initial", "Elb.InitialHealthChecking", "Initial health checks in progress".to_owned()),
            State::Unhealthy(failure) => {
                let (reason, description) = failure.reason();
                ("unhealthy", reason, description)
            }
            State::Draining => {
                ("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress".to_owned())
            }
            State::Unknown => (
                "unavailable",
                "Target.HealthCheckDisabled",
                "Health checks are not enabled for this target".to_owned(),
            ),
        };
        json!({ "State": state, "Reason": reason, "Description": description })
    }
}

impl TargetGroup {
    pub(super) fn show_target(&self, target: &Target) -> Value {
        json!({
            "Target": target.show_description(),
            "HealthCheckPort": self.check.port(target.key.port),
            "TargetHealth": target.show_health(),
        })
    }

    /// The target that a TargetDescription means: the group's port where it names none.
    fn key(&self, target: Input<'_>) -> Result<Key, Refusal> {
        let port = target.number_within("Port", 1, 65535)?.and_then(|port| u16::try_from(port).ok());
        let port = if self.target_type == "lambda" { None } else { port.or(self.port) };
        Ok(Key { id: target.required("Id")?.to_owned(), port })
    }
}

/// The targets a call names, at least one.
fn named(input: Input<'_>) -> Result<Vec<Input<'_>>, Refusal> {
    let targets = input.objects("Targets")?;
    if targets.is_empty() { Err(input.missing("Targets")) } else { Ok(targets) }
}

pub(super) fn register(world: &mut World, _cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let elb = &mut world.services.elbv2;
    let group = elb.group_mut(input)?.arn.clone();
    let group = elb.groups.get(&group).ok_or_else(target_group::not_found)?;
    let mut new = Vec::new();
    for target in named(input)? {
        let key = group.key(target)?;
        check_id(elb, group, &key)?;
        new.push((key, target.text("AvailabilityZone")?.map(str::to_owned)));
    }
    let most = if matches!(&*group.target_type, "lambda" | "alb") { 1 } else { PER_GROUP };
    let added = new.iter().filter(|(key, _)| !group.targets.contains_key(key)).count();
    if group.targets.len() + added > most {
        let message =
            format!("The maximum number of targets for target group '{}' has been reached: '{most}'", group.arn);
        return Err(Refusal::new("TooManyTargets", message));
    }
    let arn = group.arn.clone();
    for (key, zone) in new {
        let answers = world.scripts.answers(&key.id, world.now);
        target_life::register(world, &arn, Target::new(key, zone, None, answers));
    }
    Ok(json!({}))
}

/// Whether a target of this id can be in the group. Source: TargetDescription, `Id`, and "Register targets": IP
/// addresses come from the VPC or from the ranges of RFC 1918 and RFC 6598.
fn check_id(elb: &Elb, group: &TargetGroup, key: &Key) -> Result<(), Refusal> {
    let refuse = |message: String| Err(Refusal::new("InvalidTarget", message));
    let id = &key.id;
    match &*group.target_type {
        "instance" if !id.starts_with("i-") => refuse(format!("Instance ID '{id}' is not valid")),
        "ip" => match id.parse::<IpAddr>() {
            Err(_) => refuse(format!("The IP address '{id}' is not a valid IPv4 address")),
            Ok(IpAddr::V4(address)) if !is_private(address) => {
                refuse(format!("The IP address '{id}' is not within the VPC and is publicly routable"))
            }
            Ok(_) => Ok(()),
        },
        "lambda" if !id.starts_with("arn:aws:lambda:") => refuse(format!("Lambda function ARN '{id}' is not valid")),
        "alb" if !elb.balancers.contains_key(id) => refuse(format!("The load balancer '{id}' does not exist")),
        _ => Ok(()),
    }
}

fn is_private(address: Ipv4Addr) -> bool {
    address.is_private() || (address.octets()[0] == 100 && address.octets()[1] & 0xc0 == 64)
}

/// A target that is not registered is deregistered already.
pub(super) fn deregister(world: &mut World, _cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let group = world.services.elbv2.group_mut(input)?;
    let arn = group.arn.clone();
    let keys: Result<Vec<Key>, Refusal> = named(input)?.into_iter().map(|target| group.key(target)).collect();
    for key in keys? {
        target_life::deregister(world, &arn, &key);
    }
    Ok(json!({}))
}

pub(super) fn describe(world: &mut World, _cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let group = world.services.elbv2.group_mut(input)?;
    let asked = input.objects("Targets")?;
    if asked.is_empty() {
        let all: Vec<Value> = group.targets.values().map(|target| group.show_target(target)).collect();
        return Ok(json!({ "TargetHealthDescriptions": all }));
    }
    let mut shown = Vec::new();
    for target in asked {
        let key = group.key(target)?;
        shown.push(group.targets.get(&key).map_or_else(
            || {
                json!({
                    "Target": { "Id": key.id, "Port": key.port },
                    "TargetHealth": {
                        "State": "unused",
                        "Reason": "Target.NotRegistered",
                        "Description": "Target is not registered to the target group",
                    },
                })
            },
            |target| group.show_target(target),
        ));
    }
    Ok(json!({ "TargetHealthDescriptions": shown }))
}
