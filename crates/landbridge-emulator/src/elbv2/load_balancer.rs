//! Load balancers. Source: CreateLoadBalancer, LoadBalancer, SetSubnets, SetSecurityGroups and DeleteLoadBalancer.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::attribute::{self, Attributes};
use super::page::{self, Page};
use super::{Elb, Event, listener, names, tags};
use crate::ec2;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, Event as WorldEvent, World};

#[derive(Debug, Clone)]
pub(crate) struct LoadBalancer {
    pub(super) arn: String,
    name: String,
    pub(super) application: bool,
    scheme: String,
    address_type: String,
    subnets: Vec<String>,
    /// Of each subnet.
    zones: Vec<String>,
    vpc: String,
    security_groups: Vec<String>,
    pub(super) dns_name: String,
    active: bool,
    created_at: Timestamp,
    pub(super) attributes: Attributes,
}

/// "Quotas for your Application Load Balancers": load balancers per Region, of each type.
const PER_REGION: usize = 50;

/// The VPC of a load balancer whose subnets EC2 does not know.
const VPC: &str = "vpc-0000000000000default";

pub(super) fn not_found() -> Refusal {
    Refusal::new("LoadBalancerNotFound", "One or more load balancers not found")
}

/// The Route 53 zone that load balancers of a Region are named in ("Elastic Load Balancing endpoints and quotas").
/// Regions that are not listed get the one of us-east-1.
pub(super) fn hosted_zone(application: bool, arn: &str) -> &'static str {
    match (application, arn.split(':').nth(3).unwrap_or_default()) {
        (true, "eu-west-1") => "Z32O12XQLNTSW2",
        (true, "eu-central-1") => "Z215JYRZR1TBD5",
        (true, "us-west-2") => "Z1H1FL5HABSF5",
        (true, _) => "Z35SXDOTRQ7X7K",
        (false, "eu-west-1") => "Z2IFOLAFXWLO4F",
        (false, "eu-central-1") => "Z3F0SRJ5LGBH90",
        (false, "us-west-2") => "Z18D5FSROUN65G",
        (false, _) => "Z26RNL4JYFTOTI",
    }
}

/// Whether one of the caller's load balancers is in a subnet.
pub(crate) fn uses_subnet(world: &World, cx: &Cx, subnet: &str) -> bool {
    own(world, cx).any(|balancer| balancer.subnets.iter().any(|it| it == subnet))
}

/// Whether one of the caller's load balancers has a security group.
pub(crate) fn uses_group(world: &World, cx: &Cx, group: &str) -> bool {
    own(world, cx).any(|balancer| balancer.security_groups.iter().any(|it| it == group))
}

fn own<'w>(world: &'w World, cx: &Cx) -> impl Iterator<Item = &'w LoadBalancer> + use<'w> {
    page::under(&world.services.elbv2.balancers, &names::scope(cx), None).map(|(_, balancer)| balancer)
}

/// The zones of subnets: of those that EC2 does not know, by their order.
fn zones_of(world: &World, cx: &Cx, subnets: &[String]) -> Vec<String> {
    let zone = |(at, subnet): (usize, &String)| {
        let known = ec2::zone_of(world, &cx.account, &cx.region, subnet);
        known.unwrap_or_else(|| format!("{}{}", cx.region, char::from(b'a' + (at % 6) as u8)))
    };
    subnets.iter().enumerate().map(zone).collect()
}

/// Refuses, in a strict network, what EC2 does not know.
fn check_network(world: &World, cx: &Cx, subnets: &[String], groups: &[String]) -> Result<(), Refusal> {
    let subnets: Vec<&str> = subnets.iter().map(String::as_str).collect();
    ec2::check_subnets(world, cx, &subnets, |id, _| {
        Refusal::new("SubnetNotFound", format!("The subnet ID '{id}' does not exist"))
    })?;
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    ec2::check_groups(world, cx, &groups, |id, _| {
        Refusal::new("InvalidSecurityGroup", format!("The security group '{id}' does not exist"))
    })
}

impl LoadBalancer {
    fn zones(&self) -> Value {
        let zone = |(zone, subnet): (&String, &String)| json!({ "ZoneName": zone, "SubnetId": subnet, "LoadBalancerAddresses": [] });
        self.zones.iter().zip(&self.subnets).map(zone).collect()
    }

    pub(super) fn show(&self) -> Value {
        let mut shown = json!({
            "LoadBalancerArn": self.arn,
            "DNSName": self.dns_name,
            "CanonicalHostedZoneId": hosted_zone(self.application, &self.arn),
            "CreatedTime": self.created_at.to_string(),
            "LoadBalancerName": self.name,
            "Scheme": self.scheme,
            "VpcId": self.vpc,
            "State": { "Code": if self.active { "active" } else { "provisioning" } },
            "Type": if self.application { "application" } else { "network" },
            "AvailabilityZones": self.zones(),
            "IpAddressType": self.address_type,
        });
        if self.application || !self.security_groups.is_empty() {
            shown["SecurityGroups"] = json!(self.security_groups);
        }
        shown
    }
}

impl Elb {
    /// The load balancer of a name, which no two types share.
    fn balancer_named(&self, cx: &Cx, name: &str) -> Option<&LoadBalancer> {
        ["app", "net"].iter().find_map(|kind| {
            let prefix = format!("{}loadbalancer/{kind}/{name}/", names::scope(cx));
            page::under(&self.balancers, &prefix, None).map(|(_, balancer)| balancer).next()
        })
    }

    fn balancer_mut(&mut self, input: Input<'_>) -> Result<&mut LoadBalancer, Refusal> {
        self.balancers.get_mut(input.required("LoadBalancerArn")?).ok_or_else(not_found)
    }
}

pub(super) fn create(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let name = names::checked(input, "Load balancer")?;
    if name.starts_with("internal-") {
        return Err(input.refuse(format!("Load balancer name '{name}' must not begin with 'internal-'")));
    }
    let application = match input.text("Type")?.unwrap_or("application") {
        "application" => true,
        "network" => false,
        other => return Err(input.refuse(format!("Load balancer type '{other}' is none that this emulator knows"))),
    };
    let scheme = one_of(input, "Scheme", &["internet-facing", "internal"])?;
    let address_type = one_of(input, "IpAddressType", &ADDRESS_TYPES)?;
    let subnets = subnets(input, application)?;
    let security_groups: Vec<String> = input.texts("SecurityGroups")?.into_iter().map(str::to_owned).collect();
    let tags = tags::read(input)?;
    check_network(world, cx, &subnets, &security_groups)?;
    let elb = &world.services.elbv2;
    if let Some(existing) = elb.balancer_named(cx, name) {
        let same = existing.application == application
            && existing.scheme == scheme
            && existing.address_type == address_type
            && existing.subnets == subnets
            && existing.security_groups == security_groups;
        if same {
            return Ok(json!({ "LoadBalancers": [existing.show()] }));
        }
        let message = format!("A load balancer with the same name '{name}' exists, but with different settings");
        return Err(Refusal::new("DuplicateLoadBalancerName", message));
    }
    let kind = if application { "app" } else { "net" };
    let all = format!("{}loadbalancer/{kind}/", names::scope(cx));
    if page::under(&elb.balancers, &all, None).count() >= PER_REGION {
        let message = format!("The maximum number of load balancers has been reached: '{PER_REGION}'");
        return Err(Refusal::new("TooManyLoadBalancers", message));
    }
    let id = names::id(&mut world.rng);
    let dns_name = if application {
        let prefix = if scheme == "internal" { "internal-" } else { "" };
        format!("{prefix}{name}-{}.{}.elb.amazonaws.com", world.rng.decimal(10), cx.region)
    } else {
        format!("{name}-{id}.elb.{}.amazonaws.com", cx.region)
    };
    let arn = format!("{all}{name}/{id}");
    let vpc = subnets.first().and_then(|subnet| ec2::vpc_of(world, &cx.account, &cx.region, subnet));
    let balancer = LoadBalancer {
        arn: arn.clone(),
        name: name.to_owned(),
        application,
        scheme: scheme.to_owned(),
        address_type: address_type.to_owned(),
        zones: zones_of(world, cx, &subnets),
        vpc: vpc.unwrap_or_else(|| VPC.to_owned()),
        subnets,
        security_groups,
        dns_name,
        active: false,
        created_at: cx.now,
        attributes: attribute::of_balancer(application),
    };
    let shown = balancer.show();
    let elb = &mut world.services.elbv2;
    elb.tags.insert(arn.clone(), tags);
    elb.balancers.insert(arn.clone(), balancer);
    let provisioning = world.timings.load_balancer;
    world.after(provisioning, WorldEvent::Elbv2(Event::Provisioned(arn)));
    Ok(json!({ "LoadBalancers": [shown] }))
}

const ADDRESS_TYPES: [&str; 3] = ["ipv4", "dualstack", "dualstack-without-public-ipv4"];

/// The member's value, the first of `values` where it is absent.
fn one_of<'a>(input: Input<'a>, key: &str, values: &[&'a str]) -> Result<&'a str, Refusal> {
    match input.text(key)? {
        None => Ok(values.first().copied().unwrap_or_default()),
        Some(value) if values.contains(&value) => Ok(value),
        Some(value) => Err(input.refuse(format!(
            "1 validation error detected: Value '{value}' at '{key}' failed to satisfy constraint: Member must satisfy \
             enum value set: [{}]",
            values.join(", ")
        ))),
    }
}

/// From `Subnets` or `SubnetMappings`: two for an application load balancer, one for a network load balancer.
fn subnets(input: Input<'_>, application: bool) -> Result<Vec<String>, Refusal> {
    let plain = input.texts("Subnets")?;
    let mapped: Result<Vec<&str>, Refusal> =
        input.objects("SubnetMappings")?.iter().map(|mapping| mapping.required("SubnetId")).collect();
    let mapped = mapped?;
    if !plain.is_empty() && !mapped.is_empty() {
        return Err(input.refuse("You must specify either subnets or subnet mappings, not both"));
    }
    let subnets: Vec<String> = plain.into_iter().chain(mapped).map(str::to_owned).collect();
    if let Some(bad) = subnets.iter().find(|subnet| !subnet.starts_with("subnet-")) {
        return Err(Refusal::new("SubnetNotFound", format!("The subnet ID '{bad}' does not exist")));
    }
    let distinct: std::collections::BTreeSet<&String> = subnets.iter().collect();
    if distinct.len() < subnets.len() {
        let message = "A load balancer cannot be attached to multiple subnets in the same Availability Zone";
        return Err(Refusal::new("InvalidConfigurationRequest", message));
    }
    match subnets.len() {
        0 | 1 if application => {
            Err(input.refuse("At least two subnets in two different Availability Zones must be specified"))
        }
        0 => Err(input.refuse("At least one subnet must be specified")),
        _ => Ok(subnets),
    }
}

pub(super) fn provisioned(world: &mut World, arn: &str) {
    if let Some(balancer) = world.services.elbv2.balancers.get_mut(arn) {
        balancer.active = true;
    }
}

pub(super) fn describe(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let elb = &world.services.elbv2;
    let (arns, wanted) = (input.texts("LoadBalancerArns")?, input.texts("Names")?);
    if !arns.is_empty() && !wanted.is_empty() {
        return Err(input.refuse("Load balancer names and load balancer ARNs cannot be specified at the same time"));
    }
    let page = Page::read(input)?;
    if arns.is_empty() && wanted.is_empty() {
        let all = page::under(&elb.balancers, &names::scope(cx), page.after.as_deref());
        return Ok(page.answer("LoadBalancers", all.map(|(arn, it)| (arn.clone(), it)), LoadBalancer::show));
    }
    let mut found = Vec::new();
    for arn in arns {
        found.push(elb.balancers.get(arn).ok_or_else(not_found)?.show());
    }
    for name in wanted {
        let missing = || Refusal::new("LoadBalancerNotFound", format!("Load balancers '[{name}]' not found"));
        found.push(elb.balancer_named(cx, name).ok_or_else(missing)?.show());
    }
    Ok(json!({ "LoadBalancers": found }))
}

/// Takes its listeners and rules with it. One that is not there is deleted already.
pub(super) fn delete(world: &mut World, _cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let arn = input.required("LoadBalancerArn")?;
    let elb = &world.services.elbv2;
    let Some(balancer) = elb.balancers.get(arn) else { return Ok(json!({})) };
    if balancer.attributes.get("deletion_protection.enabled").is_some_and(|it| it == "true") {
        let message = format!("Load balancer '{arn}' cannot be deleted because deletion protection is enabled");
        return Err(Refusal::new("OperationNotPermitted", message));
    }
    let prefix = names::under(arn, "loadbalancer", "listener");
    let listeners: Vec<String> = page::under(&elb.listeners, &prefix, None).map(|(arn, _)| arn.clone()).collect();
    for listener in listeners {
        listener::remove(world, &listener);
    }
    world.services.elbv2.balancers.remove(arn);
    world.services.elbv2.tags.remove(arn);
    Ok(json!({}))
}

pub(super) fn set_subnets(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let application = world.services.elbv2.balancer_mut(input)?.application;
    let subnets = subnets(input, application)?;
    check_network(world, cx, &subnets, &[])?;
    let zones = zones_of(world, cx, &subnets);
    let balancer = world.services.elbv2.balancer_mut(input)?;
    if input.text("IpAddressType")?.is_some() {
        one_of(input, "IpAddressType", &ADDRESS_TYPES)?.clone_into(&mut balancer.address_type);
    }
    balancer.subnets = subnets;
    balancer.zones = zones;
    Ok(json!({ "AvailabilityZones": balancer.zones(), "IpAddressType": balancer.address_type }))
}

pub(super) fn set_security_groups(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let groups = input.texts("SecurityGroups")?;
    let named: Vec<String> = groups.iter().map(|group| (*group).to_owned()).collect();
    check_network(world, cx, &[], &named)?;
    let balancer = world.services.elbv2.balancer_mut(input)?;
    if let Some(bad) = groups.iter().find(|group| !group.starts_with("sg-")) {
        return Err(Refusal::new("InvalidSecurityGroup", format!("The security group '{bad}' does not exist")));
    }
    if groups.is_empty() && balancer.application {
        return Err(input.refuse("At least one security group must be specified"));
    }
    if balancer.security_groups.is_empty() && !balancer.application {
        let message =
            "Security groups are not supported for load balancers with type 'network' that were created without one";
        return Err(Refusal::new("InvalidConfigurationRequest", message));
    }
    balancer.security_groups = named;
    Ok(json!({ "SecurityGroupIds": balancer.security_groups }))
}

pub(super) fn set_ip_address_type(world: &mut World, _cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    input.required("IpAddressType")?;
    let balancer = world.services.elbv2.balancer_mut(input)?;
    one_of(input, "IpAddressType", &ADDRESS_TYPES)?.clone_into(&mut balancer.address_type);
    Ok(json!({ "IpAddressType": balancer.address_type }))
}
