//! Security groups. Source: CreateSecurityGroup, DescribeSecurityGroups, DeleteSecurityGroup and SecurityGroup.

use serde_json::{Value, json};

use super::filter::Kind;
use super::network::{self, Network};
use super::rule::{self, Peer, Permission, Rule};
use super::{interface, invalid, needed, tag, unknown, vpc};
use crate::elbv2;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

/// Rules of one direction ("Inbound or outbound rules per security group", Amazon VPC quotas).
const RULES: usize = 60;

#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) id: String,
    pub(super) name: String,
    description: String,
    pub(super) vpc: String,
    /// In the order they were made.
    rules: Vec<Rule>,
}

const KIND: Kind = Kind {
    set: "securityGroupInfo",
    named: &[("GroupId", "groupId"), ("GroupName", "groupName")],
    filters: &[
        ("group-id", "groupId"),
        ("group-name", "groupName"),
        ("description", "groupDescription"),
        ("vpc-id", "vpcId"),
        ("owner-id", "ownerId"),
        ("ip-permission.cidr", "ipPermissions/ipRanges/cidrIp"),
        ("ip-permission.from-port", "ipPermissions/fromPort"),
        ("ip-permission.group-id", "ipPermissions/groups/groupId"),
        ("ip-permission.ipv6-cidr", "ipPermissions/ipv6Ranges/cidrIpv6"),
        ("ip-permission.protocol", "ipPermissions/ipProtocol"),
        ("ip-permission.to-port", "ipPermissions/toPort"),
        ("ip-permission.user-id", "ipPermissions/groups/userId"),
        ("egress.ip-permission.cidr", "ipPermissionsEgress/ipRanges/cidrIp"),
        ("egress.ip-permission.from-port", "ipPermissionsEgress/fromPort"),
        ("egress.ip-permission.group-id", "ipPermissionsEgress/groups/groupId"),
        ("egress.ip-permission.protocol", "ipPermissionsEgress/ipProtocol"),
        ("egress.ip-permission.to-port", "ipPermissionsEgress/toPort"),
    ],
    least: 5,
    missing: |parameter, name| match parameter {
        "GroupId" => not_found(name),
        _ => Refusal::new("InvalidGroup.NotFound", format!("The security group '{name}' does not exist")),
    },
};

impl Group {
    pub(super) fn new(id: &str, name: &str, description: &str, vpc: &str) -> Self {
        let (id, name, description, vpc) = (id.to_owned(), name.to_owned(), description.to_owned(), vpc.to_owned());
        Self { id, name, description, vpc, rules: Vec::new() }
    }

    /// The one that a VPC comes and goes with.
    pub(super) fn is_default(&self) -> bool {
        self.name == "default"
    }

    pub(super) fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter()
    }

    pub(super) fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == id)
    }

    pub(super) fn rule_mut(&mut self, id: &str) -> Option<&mut Rule> {
        self.rules.iter_mut().find(|rule| rule.id == id)
    }

    pub(super) fn rule_like(&mut self, permission: &Permission) -> Option<&mut Rule> {
        self.rules.iter_mut().find(|rule| rule.permission == *permission)
    }

    pub(super) fn add(&mut self, rule: Rule) {
        self.rules.push(rule);
    }

    pub(super) fn remove(&mut self, id: &str) -> Option<Rule> {
        let at = self.rules.iter().position(|rule| rule.id == id)?;
        Some(self.rules.remove(at))
    }

    /// Refuses `more` rules of one direction beyond the quota.
    pub(super) fn check_room(&self, egress: bool, more: usize) -> Result<(), Refusal> {
        let count = self.rules.iter().filter(|rule| rule.permission.egress == egress).count();
        if count + more > RULES {
            let message = "The maximum number of rules per security group has been reached.";
            return Err(Refusal::new("RulesPerSecurityGroupLimitExceeded", message));
        }
        Ok(())
    }

    pub(super) fn show(&self, network: &Network, account: &str, region: &str) -> Value {
        let of = |egress: bool| rule::grouped(self.rules.iter().filter(|rule| rule.permission.egress == egress));
        json!({
            "groupId": self.id,
            "groupName": self.name,
            "groupDescription": self.description,
            "vpcId": self.vpc,
            "ownerId": account,
            "securityGroupArn": arn(account, region, &self.id),
            "ipPermissions": of(false),
            "ipPermissionsEgress": of(true),
            "tagSet": network.tags_of(&self.id),
        })
    }
}

fn arn(account: &str, region: &str, id: &str) -> String {
    format!("arn:aws:ec2:{region}:{account}:security-group/{id}")
}

pub(super) fn not_found(id: &str) -> Refusal {
    unknown(id, "sg-", "InvalidGroup.NotFound", "InvalidGroupId.Malformed", "security group")
}

pub(super) fn name_not_found(network: &Network, name: &str) -> Refusal {
    let vpc = network.default_vpc().map_or("none", |vpc| vpc.id.as_str());
    let message = format!("The security group '{name}' does not exist in default VPC '{vpc}'");
    Refusal::new("InvalidGroup.NotFound", message)
}

/// The ID of the group that `GroupId`, or `GroupName` in the default VPC, names.
pub(super) fn named(network: &Network, input: Input<'_>) -> Result<String, Refusal> {
    if let Some(id) = input.text("GroupId")? {
        return network.groups.get(id).map(|group| group.id.clone()).ok_or_else(|| not_found(id));
    }
    let Some(name) = input.text("GroupName")? else {
        let message = "The request must contain the parameter groupName or groupId";
        return Err(Refusal::new("MissingParameter", message));
    };
    let default = network.default_vpc().map(|vpc| vpc.id.as_str());
    let group = network.groups.values().find(|group| group.name == name && Some(group.vpc.as_str()) == default);
    group.map(|group| group.id.clone()).ok_or_else(|| name_not_found(network, name))
}

/// "Up to 255 characters in length. Can't start with sg-." (CreateSecurityGroup), of the characters it lists.
fn checked<'a>(given: &'a str, parameter: &str) -> Result<&'a str, Refusal> {
    let fits = |c: char| c.is_ascii_alphanumeric() || " ._-:/()#,@[]+=&;{}!$*".contains(c);
    if given.is_empty() || given.len() > 255 || !given.chars().all(fits) {
        return Err(invalid(format!(
            "Value ({given}) for parameter {parameter} is invalid. Character sets beyond ASCII are not supported, and it has 1 \
             to 255 characters."
        )));
    }
    Ok(given)
}

pub(super) fn create(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let name = checked(needed(input, "GroupName")?, "GroupName")?;
    let description = checked(needed(input, "GroupDescription")?, "GroupDescription")?;
    if name.starts_with("sg-") {
        let message =
            format!("Value ({name}) for parameter GroupName is invalid. Group names may not be in the format sg-*.");
        return Err(invalid(message));
    }
    if name == "default" {
        return Err(invalid("Cannot use reserved security group name: default"));
    }
    let tags = tag::specified(input, "security-group")?;
    let network = world.services.ec2.network(&cx.account, &cx.region);
    let vpc = match input.text("VpcId")? {
        Some(id) => network.vpcs.get(id).ok_or_else(|| vpc::not_found(id))?,
        None => {
            network.default_vpc().ok_or_else(|| Refusal::new("VPCIdNotSpecified", "No default VPC for this user"))?
        }
    };
    let vpc = vpc.id.clone();
    if network.groups.values().any(|group| group.vpc == vpc && group.name == name) {
        let message = format!("The security group '{name}' already exists for VPC '{vpc}'");
        return Err(Refusal::new("InvalidGroup.Duplicate", message));
    }
    let id = network::id(&mut world.rng, "sg");
    let mut group = Group::new(&id, name, description, &vpc);
    let everywhere = Peer::V4("0.0.0.0/0".to_owned());
    group.add(Rule::everything(network::id(&mut world.rng, "sgr"), true, everywhere));
    network.groups.insert(id.clone(), group);
    network.tags.insert(id.clone(), tags);
    let arn = arn(&cx.account, &cx.region, &id);
    Ok(json!({"return": true, "groupId": id, "securityGroupArn": arn, "tagSet": network.tags_of(&id)}))
}

pub(super) fn describe(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let network = world.services.ec2.network(&cx.account, &cx.region);
    let shown = network.groups.values().map(|group| group.show(network, &cx.account, &cx.region));
    KIND.describe(input, shown.collect())
}

/// Not the default one, nor one that a network interface, a load balancer or another group's rule names.
pub(super) fn delete(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let interfaces = interface::all(world, cx);
    let network = world.services.ec2.network(&cx.account, &cx.region);
    let id = named(network, input)?;
    let default = network.groups.get(&id).is_some_and(Group::is_default);
    let names_it = |rule: &Rule| matches!(&rule.permission.peer, Peer::Group { id: peer, .. } if *peer == id);
    let referenced = network.groups.values().any(|group| group.id != id && group.rules().any(names_it));
    let attached = interfaces.iter().any(|interface| interface.groups.contains(&id));
    if default {
        let message = format!("the specified group: \"{id}\" name: \"default\" cannot be deleted by a user");
        return Err(Refusal::new("CannotDelete", message));
    }
    if referenced || attached || elbv2::uses_group(world, cx, &id) {
        return Err(Refusal::new("DependencyViolation", format!("resource {id} has a dependent object")));
    }
    let network = world.services.ec2.network(&cx.account, &cx.region);
    let rules = network.groups.remove(&id);
    for rule in rules.iter().flat_map(Group::rules) {
        network.tags.remove(&rule.id);
    }
    network.tags.remove(&id);
    Ok(json!({"return": true, "groupId": id}))
}
