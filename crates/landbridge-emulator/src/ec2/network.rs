//! What one account has in one region, and what ECS and Elastic Load Balancing ask about it. Source: "Default VPCs" (Amazon VPC
//! user guide) and "Default security groups for your VPCs".

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::cidr::Block;
use super::group::{self, Group};
use super::rule::{Peer, Rule};
use super::subnet::{self, Subnet};
use super::vpc::Vpc;
use super::{Ec2, zone};
use crate::refusal::Refusal;
use crate::world::{Cx, Rng, World};

#[derive(Debug, Clone, Default)]
pub(super) struct Network {
    pub(super) vpcs: BTreeMap<String, Vpc>,
    pub(super) subnets: BTreeMap<String, Subnet>,
    pub(super) groups: BTreeMap<String, Group>,
    /// Tags by the ID of what they are on, in the order of the keys.
    pub(super) tags: BTreeMap<String, BTreeMap<String, String>>,
}

/// An identifier as EC2 gives them.
pub(super) fn id(rng: &mut Rng, prefix: &str) -> String {
    format!("{prefix}-{}", rng.hex(17))
}

impl Ec2 {
    /// The network of the caller, which begins with its default VPC.
    pub(super) fn network(&mut self, account: &str, region: &str) -> &mut Network {
        let place = (account.to_owned(), region.to_owned());
        self.networks.entry(place).or_insert_with(|| Network::beginning(account, region))
    }
}

impl Network {
    /// A default VPC with a subnet in each of three zones. Its identifiers follow from account and region alone: it is
    /// there before anybody calls.
    pub(super) fn beginning(account: &str, region: &str) -> Self {
        let seed = format!("{account}/{region}");
        let seed = seed
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let mut rng = Rng::seeded(seed);
        let mut network = Self::default();
        let block = |text| Block::parse(text).map_or_else(Vec::new, |block| vec![block]);
        for cidr in block("172.31.0.0/16") {
            let vpc = network.add_vpc(&mut rng, account, cidr, true);
            let blocks = ["172.31.0.0/20", "172.31.16.0/20", "172.31.32.0/20"].into_iter().flat_map(block);
            for (zone, cidr) in zone::names(region).into_iter().zip(blocks) {
                let id = id(&mut rng, "subnet");
                let subnet = Subnet { id: id.clone(), vpc: vpc.clone(), cidr, zone, default: true };
                network.subnets.insert(id, subnet);
            }
        }
        network
    }

    /// A VPC with its default security group, which lets in what comes from itself and lets out everything.
    pub(super) fn add_vpc(&mut self, rng: &mut Rng, account: &str, cidr: Block, default: bool) -> String {
        let vpc = id(rng, "vpc");
        self.vpcs.insert(vpc.clone(), Vpc { id: vpc.clone(), cidr, default, association: rng.hex(17) });
        let group_id = id(rng, "sg");
        let mut group = Group::new(&group_id, "default", "default VPC security group", &vpc);
        let own = Peer::Group { owner: account.to_owned(), id: group_id.clone() };
        group.add(Rule::everything(id(rng, "sgr"), false, own));
        group.add(Rule::everything(id(rng, "sgr"), true, Peer::V4("0.0.0.0/0".to_owned())));
        self.groups.insert(group_id, group);
        vpc
    }

    pub(super) fn default_vpc(&self) -> Option<&Vpc> {
        self.vpcs.values().find(|vpc| vpc.default)
    }

    pub(super) fn tags_of(&self, id: &str) -> Value {
        let tags = self.tags.get(id).into_iter().flatten();
        tags.map(|(key, value)| json!({"key": key, "value": value})).collect()
    }

    pub(super) fn dump(&self, account: &str, region: &str) -> Value {
        json!({
            "vpcs": self.vpcs.values().map(|vpc| vpc.show(self, account)).collect::<Value>(),
            "subnets": self.subnets.values().map(|subnet| subnet.show(self, account, region, subnet.room())).collect::<Value>(),
            "securityGroups": self.groups.values().map(|group| group.show(self, account, region)).collect::<Value>(),
        })
    }
}

/// Refuses subnets that are not there, where the world asks for it; `word` puts EC2's refusal in the caller's words.
pub(crate) fn check_subnets(
    world: &World,
    cx: &Cx,
    subnets: &[&str],
    word: fn(&str, Refusal) -> Refusal,
) -> Result<(), Refusal> {
    let unknown = |network: &Network| subnets.iter().find(|id| !network.subnets.contains_key(**id)).copied();
    match strict(world, cx, unknown) {
        Some(id) => Err(word(id, subnet::not_found(id))),
        None => Ok(()),
    }
}

/// Refuses security groups that are not there, as [`check_subnets`] does subnets.
pub(crate) fn check_groups(
    world: &World,
    cx: &Cx,
    groups: &[&str],
    word: fn(&str, Refusal) -> Refusal,
) -> Result<(), Refusal> {
    let unknown = |network: &Network| groups.iter().find(|id| !network.groups.contains_key(**id)).copied();
    match strict(world, cx, unknown) {
        Some(id) => Err(word(id, group::not_found(id))),
        None => Ok(()),
    }
}

fn strict<'a>(world: &World, cx: &Cx, find: impl Fn(&Network) -> Option<&'a str>) -> Option<&'a str> {
    if !world.strict_network {
        return None;
    }
    with(world, &cx.account, &cx.region, find)
}

/// A look at a network that may not have been looked at before.
pub(super) fn with<T>(world: &World, account: &str, region: &str, look: impl FnOnce(&Network) -> T) -> T {
    match world.services.ec2.networks.get(&(account.to_owned(), region.to_owned())) {
        Some(network) => look(network),
        None => look(&Network::beginning(account, region)),
    }
}

/// The VPC of a subnet, if it is one of the account's.
pub(crate) fn vpc_of(world: &World, account: &str, region: &str, subnet: &str) -> Option<String> {
    with(world, account, region, |network| network.subnets.get(subnet).map(|subnet| subnet.vpc.clone()))
}

/// The zone of a subnet, if it is one of the account's.
pub(crate) fn zone_of(world: &World, account: &str, region: &str, subnet: &str) -> Option<String> {
    with(world, account, region, |network| network.subnets.get(subnet).map(|subnet| subnet.zone.clone()))
}

/// The addresses of a subnet, if it is one of the account's: the first four and the last are AWS's.
pub(crate) fn block_of(world: &World, account: &str, region: &str, subnet: &str) -> Option<AddressBlock> {
    let cidr = with(world, account, region, |network| network.subnets.get(subnet).map(|subnet| subnet.cidr))?;
    Some(AddressBlock { cidr, size: subnet::room(cidr) })
}

/// What a subnet has to give.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AddressBlock {
    cidr: Block,
    pub(crate) size: u64,
}

impl AddressBlock {
    /// The address at a place, which begins anew after the last.
    pub(crate) fn at(&self, place: u64) -> Option<Ipv4Addr> {
        let place = place.checked_rem(self.size)?;
        Some(self.cidr.address(4 + u32::try_from(place).unwrap_or(u32::MAX)))
    }
}
