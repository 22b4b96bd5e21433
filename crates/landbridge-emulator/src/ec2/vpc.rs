//! VPCs. Source: CreateVpc, DescribeVpcs, DeleteVpc and Vpc.

use serde_json::{Value, json};

use super::cidr::Block;
use super::filter::Kind;
use super::network::Network;
use super::{needed, tag, unknown};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

#[derive(Debug, Clone)]
pub(super) struct Vpc {
    pub(super) id: String,
    pub(super) cidr: Block,
    pub(super) default: bool,
    /// What follows `vpc-cidr-assoc-`.
    pub(super) association: String,
}

const KIND: Kind = Kind {
    set: "vpcSet",
    named: &[("VpcId", "vpcId")],
    filters: &[
        ("vpc-id", "vpcId"),
        ("cidr", "cidrBlock"),
        ("cidr-block-association.cidr-block", "cidrBlockAssociationSet/cidrBlock"),
        ("is-default", "isDefault"),
        ("isDefault", "isDefault"),
        ("state", "state"),
        ("owner-id", "ownerId"),
        ("dhcp-options-id", "dhcpOptionsId"),
    ],
    least: 5,
    missing: |_, id| not_found(id),
};

impl Vpc {
    pub(super) fn show(&self, network: &Network, account: &str) -> Value {
        let cidr = self.cidr.to_string();
        let association = format!("vpc-cidr-assoc-{}", self.association);
        json!({
            "vpcId": self.id,
            "ownerId": account,
            "state": "available",
            "cidrBlock": cidr,
            "dhcpOptionsId": "default",
            "instanceTenancy": "default",
            "isDefault": self.default,
            "cidrBlockAssociationSet":
                [{"associationId": association, "cidrBlock": cidr, "cidrBlockState": {"state": "associated"}}],
            "tagSet": network.tags_of(&self.id),
        })
    }
}

pub(super) fn not_found(id: &str) -> Refusal {
    unknown(id, "vpc-", "InvalidVpcID.NotFound", "InvalidVpcID.Malformed", "vpc ID")
}

pub(super) fn create(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let given = needed(input, "CidrBlock")?;
    let cidr = Block::parse(given).filter(|cidr| cidr.is_v4());
    let Some(cidr) = cidr else {
        let message = format!("Value ({given}) for parameter cidrBlock is invalid. This is not a valid CIDR block.");
        return Err(super::invalid(message));
    };
    // "The allowed block size is between a /28 netmask and /16 netmask" (CreateVpc).
    if !(16..=28).contains(&cidr.prefix()) {
        return Err(Refusal::new("InvalidVpc.Range", format!("The CIDR '{given}' is invalid.")));
    }
    let tags = tag::specified(input, "vpc")?;
    let network = world.services.ec2.network(&cx.account, &cx.region);
    let id = network.add_vpc(&mut world.rng, &cx.account, cidr, false);
    network.tags.insert(id.clone(), tags);
    let mut shown = network.vpcs.get(&id).map_or(Value::Null, |vpc| vpc.show(network, &cx.account));
    // It is `available` by the next look.
    shown["state"] = json!("pending");
    Ok(json!({ "vpc": shown }))
}

pub(super) fn describe(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let network = world.services.ec2.network(&cx.account, &cx.region);
    KIND.describe(input, network.vpcs.values().map(|vpc| vpc.show(network, &cx.account)).collect())
}

/// Not while it has subnets, or security groups beside its default one, which goes with it.
pub(super) fn delete(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let id = needed(input, "VpcId")?;
    let network = world.services.ec2.network(&cx.account, &cx.region);
    if !network.vpcs.contains_key(id) {
        return Err(not_found(id));
    }
    let subnets = network.subnets.values().any(|subnet| subnet.vpc == id);
    if subnets || network.groups.values().any(|group| group.vpc == id && !group.is_default()) {
        let message = format!("The vpc '{id}' has dependencies and cannot be deleted.");
        return Err(Refusal::new("DependencyViolation", message));
    }
    network.vpcs.remove(id);
    network.tags.remove(id);
    network.groups.retain(|_, group| group.vpc != id);
    Ok(json!({ "return": true }))
}
