//! Six nodes, two in each of the region's three zones, as EKS shows them. Their pods have addresses in the subnets of the
//! emulated account's default VPC, as the VPC CNI gives them: the lower half of each subnet is left to ECS tasks.

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

/// Makes them; ready as a kubelet would register them, so that nothing waits for kwok.
pub(super) async fn create(client: &Client) -> Result<()> {
    let api = Api::<Node>::all(client.clone());
    let parameters = PostParams::default();
    let nodes = (0..3).flat_map(|zone| (0..PER_ZONE).map(move |number| node(zone, number)));
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
    // The zone's default subnet is 172.31.<16 * zone>.0/20; its pods have the upper half, 4 * 256 addresses for each node.
    let third = 16 * zone + 8 + 4 * number;
    let pods = format!("172.31.{third}.0/22");
    // The last but one address of its block: pods come from the first one up.
    let address = format!("172.31.{}.254", third + 3);
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
