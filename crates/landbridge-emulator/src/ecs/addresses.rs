//! The addresses of tasks with a network interface of their own: none has another's, and a subnet has only so many. How many, EC2
//! knows of its subnets, and a script may say of any. Source: "Amazon ECS task networking options for Fargate", Subnet in the
//! Amazon EC2 API reference and "Troubleshooting Amazon ECS TaskFailedToStart errors".

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::names;
use super::task::Starved;
use crate::ec2;
use crate::world::World;

#[derive(Debug, Default, Clone)]
pub(super) struct Addresses {
    /// How many were ever asked for.
    pub(super) asked: u32,
    /// By account, region and subnet.
    held: BTreeMap<Place, BTreeSet<Ipv4Addr>>,
}

type Place = (String, String, String);

fn place(account: &str, region: &str, subnet: &str) -> Place {
    (account.to_owned(), region.to_owned(), subnet.to_owned())
}

/// How many more tasks a subnet has addresses for; none where nothing limits it.
pub(crate) fn free(world: &World, account: &str, region: &str, subnet: &str) -> Option<u64> {
    let block = ec2::block_of(world, account, region, subnet).map(|block| block.size);
    let most = block.into_iter().chain(world.scripts.addresses(subnet)).min()?;
    let held = world.services.ecs.addresses.held.get(&place(account, region, subnet)).map_or(0, BTreeSet::len);
    Some(most.saturating_sub(held as u64))
}

/// An address in a subnet for a task of a cluster, if one is left.
pub(super) fn take(world: &mut World, cluster: &str, subnet: &str) -> Option<Ipv4Addr> {
    let (account, region) = (names::account_of(cluster), names::region_of(cluster));
    if free(world, account, region, subnet) == Some(0) {
        return None;
    }
    let block = ec2::block_of(world, account, region, subnet);
    let addresses = &mut world.services.ecs.addresses;
    let held = addresses.held.entry(place(account, region, subnet)).or_default();
    // In a subnet that EC2 does not know: 10.0.0.0/8, skipping the first addresses, which a VPC keeps for itself.
    let elsewhere = |at: u64| Ipv4Addr::from(0x0a00_000a_u32.wrapping_add((at & 0x00ff_ffff) as u32));
    let address = |at: u64| block.map_or_else(|| Some(elsewhere(at)), |block| block.at(at));
    let asked = u64::from(addresses.asked);
    let taken = (asked..=asked + held.len() as u64).filter_map(address).find(|address| !held.contains(address))?;
    held.insert(taken);
    Some(taken)
}

/// The address of a task that is STOPPED is free again.
pub(super) fn give_back(world: &mut World, task: &str) {
    let ecs = &mut world.services.ecs;
    let Some(network) = ecs.tasks.get(task).and_then(|task| task.network.as_ref()) else { return };
    let place = place(names::account_of(task), names::region_of(task), &network.subnet);
    if let Some(held) = ecs.addresses.held.get_mut(&place) {
        held.remove(&network.address);
    }
}

impl Starved {
    /// Why the task stops.
    pub(super) fn reason(&self) -> String {
        format!(
            "Unexpected EC2 error while attempting to Create Network Interface with public IP assignment {} in subnet '{}': \
             InsufficientFreeAddressesInSubnet",
            if self.public { "enabled" } else { "disabled" },
            self.subnet
        )
    }
}
