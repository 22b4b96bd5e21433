//! Target groups. Source: CreateTargetGroup, TargetGroup, ModifyTargetGroup and DeleteTargetGroup.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::attribute::{self, Attributes};
use super::health_check::{HealthCheck, Of};
use super::page::{self, Page};
use super::target::{Key, Target};
use super::{Elb, load_balancer, names, tags};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

#[derive(Debug, Clone)]
pub(crate) struct TargetGroup {
    pub(super) arn: String,
    name: String,
    pub(super) target_type: String,
    /// Empty for a Lambda function's group.
    pub(super) protocol: String,
    version: String,
    pub(super) port: Option<u16>,
    vpc: Option<String>,
    address_type: String,
    pub(super) check: HealthCheck,
    pub(super) attributes: Attributes,
    pub(super) targets: BTreeMap<Key, Target>,
    /// Rules, default rules among them, that forward to it.
    pub(super) rules: BTreeSet<String>,
    /// Counts requests: its targets take turns.
    pub(super) turn: u64,
}

/// "Quotas for your Application Load Balancers": target groups per Region.
const PER_REGION: usize = 3000;

pub(super) fn not_found() -> Refusal {
    Refusal::new("TargetGroupNotFound", "One or more target groups not found")
}

impl TargetGroup {
    fn of(&self) -> Of<'_> {
        Of { target_type: &self.target_type, protocol: &self.protocol, version: &self.version }
    }

    /// True once a listener or rule forwards to it, also with weight 0.
    pub(crate) fn is_used(&self) -> bool {
        !self.rules.is_empty()
    }

    /// The load balancer it belongs to; AWS allows one.
    pub(super) fn balancer(&self) -> Option<String> {
        self.rules.first().map(|rule| names::balancer_of(&names::listener_of(rule)))
    }

    pub(crate) fn target_type(&self) -> &str {
        &self.target_type
    }

    pub(super) fn show(&self, _elb: &Elb) -> Value {
        let mut shown = Map::new();
        for (name, value) in [
            ("TargetGroupArn", json!(self.arn)),
            ("TargetGroupName", json!(self.name)),
            ("TargetType", json!(self.target_type)),
            ("LoadBalancerArns", json!(self.balancer().into_iter().collect::<Vec<_>>())),
        ] {
            shown.insert(name.to_owned(), value);
        }
        if self.target_type != "lambda" {
            shown.insert("Protocol".to_owned(), json!(self.protocol));
            shown.insert("Port".to_owned(), json!(self.port));
            shown.insert("VpcId".to_owned(), json!(self.vpc));
            shown.insert("IpAddressType".to_owned(), json!(self.address_type));
        }
        if !self.version.is_empty() {
            shown.insert("ProtocolVersion".to_owned(), json!(self.version));
        }
        self.check.show(&mut shown);
        shown.into()
    }

    /// True if a request to create it again asks for the same.
    fn same(&self, other: &Self) -> bool {
        (&self.target_type, &self.protocol, &self.version, self.port, &self.vpc, &self.address_type, &self.check)
            == (
                &other.target_type,
                &other.protocol,
                &other.version,
                other.port,
                &other.vpc,
                &other.address_type,
                &other.check,
            )
    }
}

impl Elb {
    fn group_named(&self, cx: &Cx, name: &str) -> Option<&TargetGroup> {
        let prefix = format!("{}targetgroup/{name}/", names::scope(cx));
        page::under(&self.groups, &prefix, None).map(|(_, group)| group).next()
    }

    pub(super) fn group_mut(&mut self, input: Input<'_>) -> Result<&mut TargetGroup, Refusal> {
        let arn = input.required("TargetGroupArn")?;
        let missing = || Refusal::new("TargetGroupNotFound", format!("Target groups '{arn}' not found"));
        self.groups.get_mut(arn).ok_or_else(missing)
    }
}

fn requested(cx: &Cx, input: Input<'_>, id: &str) -> Result<TargetGroup, Refusal> {
    let name = names::checked(input, "Target group")?;
    let target_type = input.text("TargetType")?.unwrap_or("instance");
    if !matches!(target_type, "instance" | "ip" | "lambda" | "alb") {
        return Err(input.refuse(format!("Target type '{target_type}' must be one of 'instance, ip, lambda, alb'")));
    }
    let lambda = target_type == "lambda";
    let protocol = input.text("Protocol")?;
    if lambda && (protocol.is_some() || input.get("Port").is_some() || input.get("VpcId").is_some()) {
        let message = "Protocol, port and VPC ID cannot be specified for target groups with target type 'lambda'";
        return Err(input.refuse(message));
    }
    let protocol = match protocol {
        Some(protocol) if !matches!(protocol, "HTTP" | "HTTPS" | "TCP" | "TLS" | "UDP" | "TCP_UDP") => {
            return Err(input.refuse(format!("Target group protocol '{protocol}' is not supported by this emulator")));
        }
        Some(protocol) => protocol,
        None if lambda => "",
        None => return Err(input.refuse("A protocol must be specified")),
    };
    if target_type == "alb" && protocol != "TCP" {
        return Err(input.refuse("The protocol of target groups with target type 'alb' must be 'TCP'"));
    }
    let port = input.number_within("Port", 1, 65535)?.and_then(|port| u16::try_from(port).ok());
    let vpc = input.text("VpcId")?;
    if !lambda && port.is_none() {
        return Err(input.refuse("A port must be specified"));
    }
    if !lambda && vpc.is_none() {
        return Err(input.refuse("A VPC ID must be specified"));
    }
    let http = matches!(protocol, "HTTP" | "HTTPS");
    let version = input.text("ProtocolVersion")?.unwrap_or(if http { "HTTP1" } else { "" });
    if (http && !matches!(version, "HTTP1" | "HTTP2" | "GRPC")) || (!http && !version.is_empty()) {
        return Err(input.refuse(format!("Protocol version '{version}' is not valid for protocol '{protocol}'")));
    }
    Ok(TargetGroup {
        arn: format!("{}targetgroup/{name}/{id}", names::scope(cx)),
        name: name.to_owned(),
        target_type: target_type.to_owned(),
        protocol: protocol.to_owned(),
        version: version.to_owned(),
        port,
        vpc: vpc.map(str::to_owned),
        address_type: input.text("IpAddressType")?.unwrap_or("ipv4").to_owned(),
        check: HealthCheck::create(input, Of { target_type, protocol, version })?,
        attributes: attribute::of_group(protocol, target_type),
        targets: BTreeMap::new(),
        rules: BTreeSet::new(),
        turn: 0,
    })
}

pub(super) fn create(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let group = requested(cx, input, &names::id(&mut world.rng))?;
    let tags = tags::read(input)?;
    let elb = &mut world.services.elbv2;
    if let Some(existing) = elb.group_named(cx, &group.name) {
        if existing.same(&group) {
            return Ok(json!({ "TargetGroups": [existing.show(elb)] }));
        }
        let message = format!("A target group with the same name '{}' exists, but with different settings", group.name);
        return Err(Refusal::new("DuplicateTargetGroupName", message));
    }
    let all = format!("{}targetgroup/", names::scope(cx));
    // Counting to the quota only where there may be that many.
    if elb.groups.len() >= PER_REGION && page::under(&elb.groups, &all, None).count() >= PER_REGION {
        let message = format!("The maximum number of target groups has been reached: '{PER_REGION}'");
        return Err(Refusal::new("TooManyTargetGroups", message));
    }
    let shown = group.show(elb);
    elb.tags.insert(group.arn.clone(), tags);
    elb.groups.insert(group.arn.clone(), group);
    Ok(json!({ "TargetGroups": [shown] }))
}

pub(super) fn describe(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let elb = &world.services.elbv2;
    let (arns, wanted) = (input.texts("TargetGroupArns")?, input.texts("Names")?);
    let balancer = input.text("LoadBalancerArn")?;
    if [!arns.is_empty(), !wanted.is_empty(), balancer.is_some()].iter().filter(|given| **given).count() > 1 {
        return Err(input.refuse(
            "Target group names, target group ARNs and a load balancer ARN cannot be specified at the same time",
        ));
    }
    let page = Page::read(input)?;
    if let Some(balancer) = balancer {
        if !elb.balancers.contains_key(balancer) {
            return Err(load_balancer::not_found());
        }
        let groups = elb.groups_of(balancer).into_iter().filter_map(|arn| elb.groups.get(&arn));
        return Ok(page.answer("TargetGroups", groups.map(|it| (it.arn.clone(), it)), |group| group.show(elb)));
    }
    if arns.is_empty() && wanted.is_empty() {
        let all = page::under(&elb.groups, &names::scope(cx), page.after.as_deref());
        return Ok(page.answer("TargetGroups", all.map(|(arn, it)| (arn.clone(), it)), |group| group.show(elb)));
    }
    let by_arn = arns.into_iter().map(|arn| elb.groups.get(arn).ok_or_else(not_found));
    let by_name = wanted.into_iter().map(|name| elb.group_named(cx, name).ok_or_else(not_found));
    let found: Result<Vec<Value>, Refusal> = by_arn.chain(by_name).map(|group| Ok(group?.show(elb))).collect();
    Ok(json!({ "TargetGroups": found? }))
}

/// Changes health check settings; everything else of a target group is fixed.
pub(super) fn modify(world: &mut World, _cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let group = world.services.elbv2.group_mut(input)?;
    let mut check = group.check.clone();
    check.change(input, group.of())?;
    group.check = check;
    let arn = group.arn.clone();
    let elb = &world.services.elbv2;
    Ok(json!({ "TargetGroups": elb.groups.get(&arn).map(|group| group.show(elb)).into_iter().collect::<Vec<_>>() }))
}

/// One that is not there is deleted already.
pub(super) fn delete(world: &mut World, _cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let arn = input.required("TargetGroupArn")?;
    let elb = &mut world.services.elbv2;
    if elb.groups.get(arn).is_some_and(TargetGroup::is_used) {
        let message = format!("Target group '{arn}' is currently in use by a listener or a rule");
        return Err(Refusal::new("ResourceInUse", message));
    }
    elb.groups.remove(arn);
    elb.tags.remove(arn);
    Ok(json!({}))
}
