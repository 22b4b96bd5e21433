//! Six nodes, two in each of the region's three zones, as EKS shows them. Their pods have addresses in the emulated account's
//! default VPC, as the VPC CNI gives them, outside its default subnets, whose addresses ECS gives to tasks.

use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Node;
use kube::{Api, Client, api::PostParams};
use serde_json::{Value, json};

use crate::{
    error::{Doing, Error, Result},
    instructions::REGION,
};

/// What a node without an address of its own is said to have.
pub(super) const ANY_NODE: &str = "172.31.255.254";
/// Addresses of pods on nodes that somebody else makes without a podCIDR: in the default VPC, outside its subnets.
pub(super) const OTHER_PODS: &str = "172.31.128.0/17";
/// Nodes in each zone: two, so that pods that refuse to share a node still find another one in a rolling update.
const PER_ZONE: u8 = 2;
const ZONES: u8 = 3;
/// Where pods begin in 172.31.0.0/16: behind the three default subnets, and those that a Region with a fourth zone would have.
const FIRST: u8 = 64;
/// How many times 256 addresses a node has.
const WIDTH: u8 = 8;

/// Every address that these nodes give to pods, in patterns where `*` is any number.
pub(crate) fn pod_addresses() -> impl Iterator<Item = String> {
    (FIRST..FIRST + WIDTH * PER_ZONE * ZONES).map(|third| format!("172.31.{third}.*"))
}

/// Makes them; ready as a kubelet would register them, so that nothing waits for kwok.
pub(super) async fn create(client: &Client) -> Result<()> {
    let api = Api::<Node>::all(client.clone());
    let parameters = PostParams::default();
    let nodes = (0..ZONES).flat_map(|zone| (0..PER_ZONE).map(move |number| node(zone, number)));
    let created = nodes.map(|node| {
        let (api, parameters) = (&api, &parameters);
        async move {
            let node: Node = serde_json::from_value(node)
                .map_err(|error| Error::Input { path: "a node".into(), reason: error.to_string() })?;
            api.create(parameters, &node).await.doing(|| "making a node")
        }
    });
    try_join_all(created).await.map(drop)
}

/// The node of that number in the zone of that number, both from 0.
fn node(zone: u8, number: u8) -> Value {
    let third = FIRST + WIDTH * (PER_ZONE * zone + number);
    let pods = format!("172.31.{third}.0/21");
    // The last but one address of its block: pods come from the first one up.
    let address = format!("172.31.{}.254", third + WIDTH - 1);
    let zone = format!("{REGION}{}", char::from(b'a' + zone));
    let name = format!("ip-{}.ec2.internal", address.replace('.', "-"));
    let condition =
        |type_: &str, status: &str, reason: &str| json!({"type": type_, "status": status, "reason": reason});
    let resources = json!({"cpu": "16", "memory": "64Gi", "pods": "110", "ephemeral-storage": "100Gi"});
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/arch": "amd64",
                "kubernetes.io/os": "linux",
                "kubernetes.io/hostname": name,
                "node.kubernetes.io/instance-type": "m7i.4xlarge",
                "eks.amazonaws.com/nodegroup": "sandbox",
                "topology.kubernetes.io/region": REGION,
                "topology.kubernetes.io/zone": zone,
            },
        },
        "spec": {"podCIDR": pods, "podCIDRs": [pods], "providerID": format!("aws:///{zone}/i-{:017x}", u32::from(third))},
        "status": {
            "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
            "allocatable": resources,
            "capacity": resources,
            "conditions": [
                condition("Ready", "True", "KubeletReady"),
                condition("MemoryPressure", "False", "KubeletHasSufficientMemory"),
                condition("DiskPressure", "False", "KubeletHasNoDiskPressure"),
                condition("PIDPressure", "False", "KubeletHasSufficientPID"),
            ],
            "nodeInfo": {
                "architecture": "amd64",
                "bootID": "",
                "containerRuntimeVersion": "kwok://0.8.0",
                "kernelVersion": "",
                "kubeProxyVersion": "",
                "kubeletVersion": crate::assets::KUBERNETES,
                "machineID": "",
                "operatingSystem": "linux",
                "osImage": "nothing runs here",
                "systemUUID": "",
            },
            "phase": "Running",
        },
    })
}
