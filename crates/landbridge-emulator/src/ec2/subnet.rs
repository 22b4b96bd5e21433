//! Subnets. Source: CreateSubnet, DescribeSubnets, DeleteSubnet and Subnet.

use serde_json::{Value, json};

use super::cidr::Block;
use super::filter::Kind;
use super::network::{self, Network};
use super::{interface, invalid, needed, tag, unknown, vpc, zone};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};
use crate::{ecs, elbv2};

#[derive(Debug, Clone)]
pub(super) struct Subnet {
    pub(super) id: String,
    pub(super) vpc: String,
    pub(super) cidr: Block,
    /// `eu-west-1a`.
    pub(super) zone: String,
    pub(super) default: bool,
}

const KIND: Kind = Kind {
    set: "subnetSet",
    named: &[("SubnetId", "subnetId")],
    filters: &[
        ("subnet-id", "subnetId"),
        ("vpc-id", "vpcId"),
        ("availability-zone", "availabilityZone"),
        ("availabilityZone", "availabilityZone"),
        ("availability-zone-id", "availabilityZoneId"),
        ("cidr-block", "cidrBlock"),
        ("cidr", "cidrBlock"),
        ("default-for-az", "defaultForAz"),
        ("defaultForAz", "defaultForAz"),
        ("map-public-ip-on-launch", "mapPublicIpOnLaunch"),
        ("owner-id", "ownerId"),
        ("state", "state"),
        ("subnet-arn", "subnetArn"),
        ("available-ip-address-count", "availableIpAddressCount"),
    ],
    least: 5,
    missing: |_, id| not_found(id),
};

/// How many network interfaces fit into a block: five addresses are AWS's ("Subnet CIDR blocks").
pub(super) fn room(cidr: Block) -> u64 {
    u64::try_from(cidr.size().saturating_sub(5)).unwrap_or(u64::MAX)
}

impl Subnet {
    pub(super) fn room(&self) -> u64 {
        room(self.cidr)
    }

    /// With so many addresses free.
    pub(super) fn show(&self, network: &Network, account: &str, region: &str, free: u64) -> Value {
        json!({
            "subnetId": self.id,
            "subnetArn": format!("arn:aws:ec2:{region}:{account}:subnet/{}", self.id),
            "state": "available",
            "vpcId": self.vpc,
            "cidrBlock": self.cidr.to_string(),
            "availableIpAddressCount": free,
            "availabilityZone": self.zone,
            "availabilityZoneId": zone::id(&self.zone),
            "defaultForAz": self.default,
            "mapPublicIpOnLaunch": self.default,
            "assignIpv6AddressOnCreation": false,
            "mapCustomerOwnedIpOnLaunch": false,
            "ipv6CidrBlockAssociationSet": [],
            "ipv6Native": false,
            "enableDns64": false,
            "ownerId": account,
            "tagSet": network.tags_of(&self.id),
        })
    }
}

pub(super) fn not_found(id: &str) -> Refusal {
    unknown(id, "subnet-", "InvalidSubnetID.NotFound", "InvalidSubnetId.Malformed", "subnet ID")
}

pub(super) fn create(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let (vpc_id, given) = (needed(input, "VpcId")?, needed(input, "CidrBlock")?);
    let tags = tag::specified(input, "subnet")?;
    let zones = zone::names(&cx.region);
    let zone = match (input.text("AvailabilityZone")?, input.text("AvailabilityZoneId")?) {
        (None, None) => zones.first().cloned().unwrap_or_default(),
        (name, zone_id) => {
            let is_it = |zone: &String| Some(zone.as_str()) == name || Some(zone::id(zone).as_str()) == zone_id;
            let asked = name.or(zone_id).unwrap_or_default();
            zones.iter().find(|zone| is_it(zone)).cloned().ok_or_else(|| {
                invalid(format!(
                    "Value ({asked}) for parameter availabilityZone is invalid. Subnets can currently only be created in the \
                     following availability zones: {}.",
                    zones.join(", ")
                ))
            })?
        }
    };
    let network = world.services.ec2.network(&cx.account, &cx.region);
    let vpc = network.vpcs.get(vpc_id).ok_or_else(|| vpc::not_found(vpc_id))?;
    let Some(cidr) = Block::parse(given).filter(|cidr| cidr.is_v4()) else {
        let message = format!("Value ({given}) for parameter cidrBlock is invalid. This is not a valid CIDR block.");
        return Err(invalid(message));
    };
    if !(16..=28).contains(&cidr.prefix()) || !vpc.cidr.contains(cidr) {
        return Err(Refusal::new("InvalidSubnet.Range", format!("The CIDR '{given}' is invalid.")));
    }
    if network.subnets.values().any(|other| other.vpc == vpc_id && other.cidr.overlaps(cidr)) {
        return Err(Refusal::new(
            "InvalidSubnet.Conflict",
            format!("The CIDR '{given}' conflicts with another subnet"),
        ));
    }
    let id = network::id(&mut world.rng, "subnet");
    let subnet = Subnet { id: id.clone(), vpc: vpc_id.to_owned(), cidr, zone, default: false };
    network.tags.insert(id.clone(), tags);
    let shown = subnet.show(network, &cx.account, &cx.region, subnet.room());
    network.subnets.insert(id, subnet);
    Ok(json!({ "subnet": shown }))
}

pub(super) fn describe(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let (account, region) = (cx.account.as_str(), cx.region.as_str());
    // It is there before anybody looks.
    world.services.ec2.network(account, region);
    let shown = network::with(world, account, region, |network| {
        let free =
            |subnet: &Subnet| ecs::free_addresses(world, account, region, &subnet.id).unwrap_or_else(|| subnet.room());
        network.subnets.values().map(|subnet| subnet.show(network, account, region, free(subnet))).collect()
    });
    KIND.describe(input, shown)
}

/// Not while there is a network interface in it.
pub(super) fn delete(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let id = needed(input, "SubnetId")?;
    let used =
        interface::all(world, cx).iter().any(|interface| interface.subnet == id) || elbv2::uses_subnet(world, cx, id);
    let network = world.services.ec2.network(&cx.account, &cx.region);
    if !network.subnets.contains_key(id) {
        return Err(not_found(id));
    }
    if used {
        let message = format!("The subnet '{id}' has dependencies and cannot be deleted.");
        return Err(Refusal::new("DependencyViolation", message));
    }
    network.subnets.remove(id);
    network.tags.remove(id);
    Ok(json!({ "return": true }))
}
