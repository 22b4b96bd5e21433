//! Rules of security groups: what they are and how they are shown. Source: SecurityGroupRule, IpPermission and
//! DescribeSecurityGroupRules.

use serde_json::{Value, json};

use super::filter::Kind;
use super::network::Network;
use super::unknown;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

/// Whom a rule lets in, or where it lets out to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Peer {
    V4(String),
    V6(String),
    PrefixList(String),
    Group { owner: String, id: String },
}

/// What a rule allows; two of a group are never alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Permission {
    pub(super) egress: bool,
    /// `tcp`, `udp`, `icmp`, `icmpv6`, a number, or `-1` for all.
    pub(super) protocol: String,
    /// None where the protocol has no ports.
    pub(super) ports: Option<(i64, i64)>,
    pub(super) peer: Peer,
}

#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) id: String,
    pub(super) permission: Permission,
    pub(super) description: Option<String>,
}

const KIND: Kind = Kind {
    set: "securityGroupRuleSet",
    named: &[("SecurityGroupRuleId", "securityGroupRuleId")],
    filters: &[("group-id", "groupId"), ("security-group-rule-id", "securityGroupRuleId")],
    least: 5,
    missing: |_, id| not_found(id),
};

pub(super) fn not_found(id: &str) -> Refusal {
    let (code, malformed) = ("InvalidSecurityGroupRuleId.NotFound", "InvalidSecurityGroupRuleId.Malformed");
    unknown(id, "sgr-", code, malformed, "security group rule ID")
}

impl Permission {
    /// As EC2's refusals describe it.
    pub(super) fn words(&self) -> String {
        let peer = match &self.peer {
            Peer::V4(block) | Peer::V6(block) => block,
            Peer::PrefixList(id) | Peer::Group { id, .. } => id,
        };
        let what = match (self.protocol.as_str(), self.ports) {
            ("-1", _) => "ALL".to_owned(),
            (protocol, Some((from, to))) if protocol.starts_with("icmp") => {
                format!("{}, type: {from}, code: {to}", protocol.to_uppercase())
            }
            (protocol, Some((from, to))) => {
                format!("{}, from port: {from}, to port: {to}", protocol.to_uppercase())
            }
            (protocol, None) => protocol.to_uppercase(),
        };
        format!("peer: {peer}, {what}, ALLOW")
    }
}

impl Rule {
    pub(super) fn everything(id: String, egress: bool, peer: Peer) -> Self {
        let permission = Permission { egress, protocol: "-1".to_owned(), ports: None, peer };
        Self { id, permission, description: None }
    }

    /// `SecurityGroupRule`.
    pub(super) fn show(&self, network: &Network, group: &str, account: &str, region: &str) -> Value {
        let permission = &self.permission;
        let (from, to) = permission.ports.unwrap_or((-1, -1));
        let mut shown = json!({
            "securityGroupRuleId": self.id,
            "securityGroupRuleArn": format!("arn:aws:ec2:{region}:{account}:security-group-rule/{}", self.id),
            "groupId": group,
            "groupOwnerId": account,
            "isEgress": permission.egress,
            "ipProtocol": permission.protocol,
            "fromPort": from,
            "toPort": to,
            "tagSet": network.tags_of(&self.id),
        });
        match &permission.peer {
            Peer::V4(block) => shown["cidrIpv4"] = json!(block),
            Peer::V6(block) => shown["cidrIpv6"] = json!(block),
            Peer::PrefixList(id) => shown["prefixListId"] = json!(id),
            Peer::Group { owner, id } => shown["referencedGroupInfo"] = json!({"groupId": id, "userId": owner}),
        }
        if let Some(description) = &self.description {
            shown["description"] = json!(description);
        }
        shown
    }

    /// `RevokedSecurityGroupRule`, which names a referenced group directly.
    pub(super) fn show_revoked(&self, network: &Network, group: &str, account: &str, region: &str) -> Value {
        let mut shown = self.show(network, group, account, region);
        if let Peer::Group { id, .. } = &self.permission.peer {
            shown["referencedGroupId"] = json!(id);
        }
        if let Some(members) = shown.as_object_mut() {
            members.retain(|name, _| {
                !["securityGroupRuleArn", "groupOwnerId", "tagSet", "referencedGroupInfo"].contains(&name.as_str())
            });
        }
        shown
    }
}

/// `IpPermissions` of a group: its rules by protocol and ports.
pub(super) fn grouped<'r>(rules: impl Iterator<Item = &'r Rule>) -> Value {
    let mut permissions: Vec<Value> = Vec::new();
    for rule in rules {
        let of = &rule.permission;
        let same = |shown: &Value| {
            let ports = shown["fromPort"].as_i64().zip(shown["toPort"].as_i64());
            shown["ipProtocol"] == of.protocol && ports == of.ports
        };
        if !permissions.iter().any(same) {
            let mut shown =
                json!({"ipProtocol": of.protocol, "groups": [], "ipRanges": [], "ipv6Ranges": [], "prefixListIds": []});
            if let Some((from, to)) = of.ports {
                (shown["fromPort"], shown["toPort"]) = (json!(from), json!(to));
            }
            permissions.push(shown);
        }
        let Some(shown) = permissions.iter_mut().find(|shown| same(shown)) else { continue };
        let (list, mut peer) = match &of.peer {
            Peer::V4(block) => ("ipRanges", json!({ "cidrIp": block })),
            Peer::V6(block) => ("ipv6Ranges", json!({ "cidrIpv6": block })),
            Peer::PrefixList(id) => ("prefixListIds", json!({ "prefixListId": id })),
            Peer::Group { owner, id } => ("groups", json!({"userId": owner, "groupId": id})),
        };
        if let Some(description) = &rule.description {
            peer["description"] = json!(description);
        }
        if let Some(list) = shown[list].as_array_mut() {
            list.push(peer);
        }
    }
    permissions.into()
}

pub(super) fn describe(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let network = world.services.ec2.network(&cx.account, &cx.region);
    let shown = network.groups.values().flat_map(|group| {
        let show = |rule: &Rule| rule.show(network, &group.id, &cx.account, &cx.region);
        group.rules().map(show)
    });
    KIND.describe(input, shown.collect())
}
