//! Which pods are served: those that are Ready and have an address.

use std::{collections::BTreeMap, net::IpAddr};

use futures::StreamExt;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::{
    Api, Client, ResourceExt,
    runtime::{
        WatchStreamExt,
        watcher::{self, Event, watcher},
    },
};
use landbridge_emulator::TargetFate;
use tokio::sync::watch;

use super::{Answer, Side, Wanted, WantedById};

/// The label of a node that names its Availability Zone.
const ZONE: &str = "topology.kubernetes.io/zone";

/// Follows the pods until nobody wants to know.
pub(super) async fn follow(client: Client, wanted: watch::Sender<WantedById>) {
    let mut zones = BTreeMap::new();
    let mut fresh = WantedById::new();
    let events = watcher(Api::<Pod>::all(client.clone()), watcher::Config::default()).default_backoff();
    let mut events = std::pin::pin!(events);
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Init) => fresh.clear(),
            Ok(Event::InitApply(pod)) => {
                if let Some(pod) = wanted_of(&client, &mut zones, &pod).await {
                    fresh.insert(pod.0, pod.1);
                }
            }
            // A new list: what it does not name is gone.
            Ok(Event::InitDone) => drop(wanted.send_replace(std::mem::take(&mut fresh))),
            Ok(Event::Apply(pod)) => {
                let (uid, now) = (pod.uid().unwrap_or_default(), wanted_of(&client, &mut zones, &pod).await);
                wanted.send_if_modified(|wanted| put(wanted, &uid, now.map(|(_, pod)| pod)));
            }
            Ok(Event::Delete(pod)) => {
                wanted.send_if_modified(|wanted| put(wanted, &pod.uid().unwrap_or_default(), None));
            }
            // The watch goes on by itself; what it missed comes with its next list.
            Err(error) => tracing::debug!(%error, "the watch of pods"),
        }
        if wanted.is_closed() {
            return;
        }
    }
}

/// True when that changed anything.
fn put(wanted: &mut WantedById, uid: &str, pod: Option<Wanted>) -> bool {
    if wanted.get(uid) == pod.as_ref() {
        return false;
    }
    match pod {
        Some(pod) => wanted.insert(uid.to_owned(), pod),
        None => wanted.remove(uid),
    };
    true
}

/// The pod as it should be served, by its UID; None while it should not be.
async fn wanted_of(
    client: &Client,
    zones: &mut BTreeMap<String, Option<String>>,
    pod: &Pod,
) -> Option<(String, Wanted)> {
    let address = ready_address(pod)?;
    let spec = pod.spec.as_ref()?;
    let node = spec.node_name.clone().unwrap_or_default();
    if !zones.contains_key(&node) {
        let found = Api::<Node>::all(client.clone()).get_opt(&node).await.ok().flatten();
        zones.insert(node.clone(), found.and_then(|node| node.labels().get(ZONE).cloned()));
    }
    let images: Vec<_> = spec.containers.iter().filter_map(|container| container.image.as_deref()).collect();
    let answer = Answer::of_pod(&images);
    if answer.fate == TargetFate::Failed {
        return None;
    }
    let wanted = Wanted {
        side: Side::Eks,
        name: format!("{}/{}", pod.namespace().unwrap_or_default(), pod.name_any()),
        address,
        zone: zones.get(&node).cloned().flatten(),
        answer,
    };
    Some((pod.uid()?, wanted))
}

/// The address of a pod that is Ready, also while it terminates: its containers run as long as it is.
fn ready_address(pod: &Pod) -> Option<IpAddr> {
    let status = pod.status.as_ref()?;
    let ready = |conditions: &Vec<_>| {
        let is_ready = |it: &k8s_openapi::api::core::v1::PodCondition| it.type_ == "Ready" && it.status == "True";
        conditions.iter().any(is_ready)
    };
    let running = status.phase.as_deref() == Some("Running") && status.conditions.as_ref().is_some_and(ready);
    status.pod_ip.as_deref().filter(|_| running)?.parse().ok()
}
