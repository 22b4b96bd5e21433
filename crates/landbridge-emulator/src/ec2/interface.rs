//! The network interfaces of ECS tasks, as EC2 shows them. Source: DescribeNetworkInterfaces, NetworkInterface and "Amazon ECS
//! task networking for Fargate".

use serde_json::{Value, json};

use super::filter::Kind;
use super::network::Network;
use super::{unknown, zone};
use crate::ecs::{self, TaskInterface};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

const KIND: Kind = Kind {
    set: "networkInterfaceSet",
    named: &[("NetworkInterfaceId", "networkInterfaceId")],
    filters: &[
        ("network-interface-id", "networkInterfaceId"),
        ("subnet-id", "subnetId"),
        ("vpc-id", "vpcId"),
        ("group-id", "groupSet/groupId"),
        ("group-name", "groupSet/groupName"),
        ("availability-zone", "availabilityZone"),
        ("addresses.private-ip-address", "privateIpAddressesSet/privateIpAddress"),
        ("private-ip-address", "privateIpAddress"),
        ("mac-address", "macAddress"),
        ("attachment.attachment-id", "attachment/attachmentId"),
        ("attachment.status", "attachment/status"),
        ("description", "description"),
        ("interface-type", "interfaceType"),
        ("owner-id", "ownerId"),
        ("requester-managed", "requesterManaged"),
        ("status", "status"),
    ],
    least: 5,
    missing: |_, id| {
        let (code, malformed) = ("InvalidNetworkInterfaceID.NotFound", "InvalidNetworkInterfaceId.Malformed");
        unknown(id, "eni-", code, malformed, "networkInterface ID")
    },
};

/// Those of the caller's tasks, with the security groups they really have: where a task names none, the default one of
/// its VPC.
pub(super) fn all(world: &mut World, cx: &Cx) -> Vec<TaskInterface> {
    let mut interfaces = ecs::interfaces(world, cx);
    let network = world.services.ec2.network(&cx.account, &cx.region);
    for interface in interfaces.iter_mut().filter(|interface| interface.groups.is_empty()) {
        let vpc = vpc_of(network, &interface.subnet);
        let default = network.groups.values().find(|group| group.is_default() && group.vpc == vpc);
        interface.groups.extend(default.map(|group| group.id.clone()));
    }
    interfaces
}

/// The default VPC for a subnet that nobody made.
fn vpc_of(network: &Network, subnet: &str) -> String {
    let known = network.subnets.get(subnet).map(|subnet| subnet.vpc.clone());
    known.or_else(|| network.default_vpc().map(|vpc| vpc.id.clone())).unwrap_or_default()
}

fn show(network: &Network, account: &str, interface: &TaskInterface) -> Value {
    let group = |id: &String| {
        let name = network.groups.get(id).map_or("", |group| group.name.as_str());
        json!({"groupId": id, "groupName": name})
    };
    let dns = format!("ip-{}.ec2.internal", interface.address.to_string().replace('.', "-"));
    let address = interface.address.to_string();
    json!({
        "networkInterfaceId": interface.id,
        "subnetId": interface.subnet,
        "vpcId": vpc_of(network, &interface.subnet),
        "availabilityZone": interface.zone,
        "availabilityZoneId": zone::id(&interface.zone),
        "description": format!("arn:aws:ecs:{}:{account}:attachment/{}", interface.region, interface.attachment),
        "ownerId": account,
        "requesterManaged": true,
        "interfaceType": "interface",
        "status": "in-use",
        "macAddress": interface.mac,
        "privateIpAddress": address,
        "privateDnsName": dns,
        "sourceDestCheck": true,
        "groupSet": interface.groups.iter().map(group).collect::<Value>(),
        "attachment": {
            "attachmentId": format!("eni-attach-{}", interface.id.trim_start_matches("eni-")),
            "deviceIndex": 1,
            "status": "attached",
            "attachTime": interface.attached.to_string(),
            "deleteOnTermination": false,
        },
        "privateIpAddressesSet": [{"primary": true, "privateIpAddress": address, "privateDnsName": dns}],
        "tagSet": [],
    })
}

pub(super) fn describe(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let interfaces = all(world, cx);
    let network = world.services.ec2.network(&cx.account, &cx.region);
    KIND.describe(input, interfaces.iter().map(|interface| show(network, &cx.account, interface)).collect())
}
