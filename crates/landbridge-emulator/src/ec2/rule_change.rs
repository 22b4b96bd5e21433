//! Changes of rules. Source: AuthorizeSecurityGroupIngress and -Egress, RevokeSecurityGroupIngress and -Egress,
//! ModifySecurityGroupRules, UpdateSecurityGroupRuleDescriptionsIngress and -Egress.

use serde_json::{Value, json};

use super::network::{self, Network};
use super::rule::{self, Peer, Permission, Rule};
use super::{group, invalid, needed, permission, tag};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

pub(super) fn authorize_ingress(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    authorize(world, cx, input, false)
}

pub(super) fn authorize_egress(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    authorize(world, cx, input, true)
}

pub(super) fn revoke_ingress(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    revoke(world, cx, input, false)
}

pub(super) fn revoke_egress(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    revoke(world, cx, input, true)
}

pub(super) fn describe_anew_ingress(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    describe_anew(world, cx, input, false)
}

pub(super) fn describe_anew_egress(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    describe_anew(world, cx, input, true)
}

fn not_there() -> Refusal {
    Refusal::new("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
}

/// All of the rules or none.
fn authorize(world: &mut World, cx: &Cx, input: Input<'_>, egress: bool) -> Result<Value, Refusal> {
    let tags = tag::specified(input, "security-group-rule")?;
    let network = world.services.ec2.network(&cx.account, &cx.region);
    let id = group::named(network, input)?;
    let wanted = permission::read(input, network, &cx.account, egress)?;
    if wanted.is_empty() {
        return Err(Refusal::new("MissingParameter", "The request must contain the parameter ipPermissions"));
    }
    let Some(group) = network.groups.get_mut(&id) else { return Err(group::not_found(&id)) };
    if let Some((there, _)) = wanted.iter().find(|(permission, _)| group.rule_like(permission).is_some()) {
        let message = format!("the specified rule \"{}\" already exists", there.words());
        return Err(Refusal::new("InvalidPermission.Duplicate", message));
    }
    group.check_room(egress, wanted.len())?;
    let mut added = Vec::new();
    for (permission, description) in wanted {
        let rule = Rule { id: network::id(&mut world.rng, "sgr"), permission, description };
        group.add(rule.clone());
        added.push(rule);
    }
    for rule in &added {
        network.tags.insert(rule.id.clone(), tags.clone());
    }
    let shown = added.iter().map(|rule| rule.show(network, &id, &cx.account, &cx.region));
    Ok(json!({"return": true, "securityGroupRuleSet": shown.collect::<Value>()}))
}

/// Rules by ID or by what they allow. What a group of a default VPC does not have is told, in any other VPC refused
/// (RevokeSecurityGroupIngress).
fn revoke(world: &mut World, cx: &Cx, input: Input<'_>, egress: bool) -> Result<Value, Refusal> {
    let network = world.services.ec2.network(&cx.account, &cx.region);
    let id = group::named(network, input)?;
    let by_id = input.texts("SecurityGroupRuleId")?;
    let wanted = permission::read(input, network, &cx.account, egress)?;
    if by_id.is_empty() && wanted.is_empty() {
        return Err(Refusal::new("MissingParameter", "The request must contain the parameter ipPermissions"));
    }
    let in_default = |network: &Network, vpc: &str| network.vpcs.get(vpc).is_some_and(|vpc| vpc.default);
    let lenient = network.groups.get(&id).is_some_and(|group| in_default(network, &group.vpc));
    let Some(group) = network.groups.get_mut(&id) else { return Err(group::not_found(&id)) };
    let (mut going, mut unknown) = (Vec::new(), Vec::new());
    for rule in by_id {
        let found = group.rule(rule).filter(|found| found.permission.egress == egress);
        going.push(found.ok_or_else(|| rule::not_found(rule))?.id.clone());
    }
    for (permission, description) in wanted {
        match group.rule_like(&permission) {
            Some(rule) => going.push(rule.id.clone()),
            None if lenient => unknown.push(Rule { id: String::new(), permission, description }),
            None => return Err(not_there()),
        }
    }
    let gone: Vec<Rule> = going.iter().filter_map(|rule| group.remove(rule)).collect();
    let shown: Value = gone.iter().map(|rule| rule.show_revoked(network, &id, &cx.account, &cx.region)).collect();
    for rule in gone {
        network.tags.remove(&rule.id);
    }
    Ok(json!({
        "return": true,
        "revokedSecurityGroupRuleSet": shown,
        "unknownIpPermissionSet": rule::grouped(unknown.iter()),
    }))
}

/// Each rule becomes what is given; its direction stays.
pub(super) fn modify(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let network = world.services.ec2.network(&cx.account, &cx.region);
    let id = group::named(network, input)?;
    let updates = input.objects("SecurityGroupRule")?;
    if updates.is_empty() {
        return Err(Refusal::new("MissingParameter", "The request must contain the parameter SecurityGroupRule"));
    }
    let mut group = network.groups.get(&id).cloned().ok_or_else(|| group::not_found(&id))?;
    for update in updates {
        let rule_id = needed(update, "SecurityGroupRuleId")?;
        let request = update.object("SecurityGroupRule")?;
        let request =
            request.ok_or_else(|| Refusal::new("MissingParameter", "Missing required parameter SecurityGroupRule"))?;
        let egress = group.rule(rule_id).ok_or_else(|| rule::not_found(rule_id))?.permission.egress;
        let (protocol, ports) = permission::traffic(request)?;
        let wanted = Permission { egress, protocol, ports, peer: peer(request, network, &cx.account)? };
        if group.rule_like(&wanted).is_some_and(|there| there.id != rule_id) {
            let message = format!("the specified rule \"{}\" already exists", wanted.words());
            return Err(Refusal::new("InvalidPermission.Duplicate", message));
        }
        let description = permission::description(request)?;
        if let Some(rule) = group.rule_mut(rule_id) {
            rule.permission = wanted;
            rule.description = description;
        }
    }
    network.groups.insert(id, group);
    Ok(json!({ "return": true }))
}

/// The one peer of a `SecurityGroupRuleRequest`.
fn peer(request: Input<'_>, network: &Network, account: &str) -> Result<Peer, Refusal> {
    let v4 = request.text("CidrIpv4")?.map(|block| permission::cidr(block, true).map(Peer::V4)).transpose()?;
    let v6 = request.text("CidrIpv6")?.map(|block| permission::cidr(block, false).map(Peer::V6)).transpose()?;
    let list = request.text("PrefixListId")?.map(|id| Peer::PrefixList(id.to_owned()));
    let group = match request.text("ReferencedGroupId")? {
        Some(id) if !network.groups.contains_key(id) => return Err(group::not_found(id)),
        id => id.map(|id| Peer::Group { owner: account.to_owned(), id: id.to_owned() }),
    };
    let mut given = [v4, v6, list, group].into_iter().flatten();
    match (given.next(), given.next()) {
        (Some(peer), None) => Ok(peer),
        _ => Err(invalid("You must specify exactly one of CidrIpv4, CidrIpv6, PrefixListId and ReferencedGroupId")),
    }
}

/// The descriptions of rules by ID, or of those that allow what is given.
fn describe_anew(world: &mut World, cx: &Cx, input: Input<'_>, egress: bool) -> Result<Value, Refusal> {
    let network = world.services.ec2.network(&cx.account, &cx.region);
    let mut named = Vec::new();
    for item in input.objects("SecurityGroupRuleDescription")? {
        named.push((needed(item, "SecurityGroupRuleId")?.to_owned(), permission::description(item)?));
    }
    let id = match (input.get("GroupId"), input.get("GroupName"), named.first()) {
        (None, None, Some((rule, _))) => {
            let group = network.groups.values().find(|group| group.rule(rule).is_some());
            group.map(|group| group.id.clone()).ok_or_else(|| rule::not_found(rule))?
        }
        _ => group::named(network, input)?,
    };
    let by_permission = permission::read(input, network, &cx.account, egress)?;
    if named.is_empty() && by_permission.is_empty() {
        return Err(Refusal::new("MissingParameter", "The request must contain the parameter ipPermissions"));
    }
    let mut group = network.groups.get(&id).cloned().ok_or_else(|| group::not_found(&id))?;
    for (rule, description) in named {
        group.rule_mut(&rule).ok_or_else(|| rule::not_found(&rule))?.description = description;
    }
    for (permission, description) in by_permission {
        group.rule_like(&permission).ok_or_else(not_there)?.description = description;
    }
    network.groups.insert(id, group);
    Ok(json!({ "return": true }))
}
