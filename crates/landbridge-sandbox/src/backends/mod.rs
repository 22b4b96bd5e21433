//! What answers under the addresses of pods and tasks: one small real HTTP server for each, on loopback.
//!
//! The API server refuses loopback addresses in EndpointSlices, and a process may not listen on addresses that the machine
//! does not have. So pods (172.31.64.0 and up) and tasks (172.31.0.0 and up, or 10.0.0.0/8) keep addresses as in a VPC, and
//! [`Addresses`] says which loopback socket stands for an address. Who plays the network between them, such as a load
//! balancer's data plane, asks it for every connection. Health checks of the emulated load balancers meet what a connection to a
//! pod would: a target at a pod's address is healthy only while its server answers 200.
//!
//! A pod's server is there while the pod is Ready, a terminating one as long as its preStop hooks; a task's while it is
//! RUNNING or being taken out of its target groups (DEACTIVATING). Then it takes no new connections, as a program that got
//! SIGTERM, and finishes the requests it has.

mod answer;
mod pods;
mod server;
mod tasks;

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use kube::Client;
use landbridge_emulator::{Emulator, TargetFate, TargetScript};
use tokio::{sync::watch, task::JoinHandle, time::timeout};

pub(crate) use self::server::SIDE;
use self::{answer::Answer, server::Serving};
use crate::workloads::pod_addresses;

/// Where something runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// A task of the emulated ECS.
    Ecs,
    /// A pod.
    Eks,
}

impl Side {
    /// As its servers write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ecs => "ecs",
            Self::Eks => "eks",
        }
    }
}

/// A pod or a task whose server answers.
#[derive(Debug, Clone)]
pub struct Backend {
    /// Where it runs.
    pub side: Side,
    /// `namespace/name` of a pod, the id of a task.
    pub name: String,
    /// Its address in the VPC.
    pub address: IpAddr,
    /// Its Availability Zone, where that is known.
    pub zone: Option<String>,
    /// Where its server listens.
    pub socket: SocketAddr,
    answered: Arc<AtomicU64>,
}

impl Backend {
    /// Requests that its server has answered, well or badly.
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }
}

/// What should be served.
#[derive(Debug, Clone, PartialEq)]
struct Wanted {
    side: Side,
    name: String,
    address: IpAddr,
    zone: Option<String>,
    answer: Answer,
}

/// What is wanted of one side, by the UID of a pod or the ARN of a task: addresses and names come again.
type WantedById = BTreeMap<String, Wanted>;

/// Which loopback socket stands for an address of the VPC. Clones show the same table, as it is at the time.
#[derive(Debug, Clone)]
pub struct Addresses(watch::Receiver<BTreeMap<IpAddr, Backend>>);

impl Addresses {
    /// Where to connect to for an address, at any port. None stands for a connection that is refused.
    pub fn lookup(&self, address: IpAddr) -> Option<SocketAddr> {
        self.0.borrow().get(&address).map(|backend| backend.socket)
    }

    /// The same for an address that may be about to be served, as a network tries again: the table follows the API server
    /// and the emulated AWS by milliseconds.
    pub async fn lookup_within(&self, address: IpAddr, patience: Duration) -> Option<SocketAddr> {
        let mut table = self.0.clone();
        let listed = timeout(patience, table.wait_for(|table| table.contains_key(&address))).await;
        listed.ok()?.ok()?.get(&address).map(|backend| backend.socket)
    }

    /// A table that never changes.
    #[cfg(test)]
    pub(crate) fn fixed(sockets: BTreeMap<IpAddr, SocketAddr>) -> Self {
        let backend = |(address, socket)| {
            let (name, answered) = (String::new(), Arc::default());
            (address, Backend { side: Side::Eks, name, address, zone: None, socket, answered })
        };
        Self(watch::channel(sockets.into_iter().map(backend).collect()).1)
    }

    /// Everything that is served now, by address.
    pub fn all(&self) -> Vec<Backend> {
        self.0.borrow().values().cloned().collect()
    }

    /// Returns when the table has changed since the last call; never when nobody keeps it any more.
    pub async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// The servers. Dropping it ends all of them.
#[derive(Debug)]
pub struct Backends {
    addresses: Addresses,
    tasks: Vec<JoinHandle<()>>,
}

impl Backends {
    /// Serves the pods of a cluster and the tasks of an emulated AWS, of all its accounts, for as long as this lives.
    pub fn start(client: &Client, emulator: &Emulator) -> Self {
        let (table, addresses) = watch::channel(BTreeMap::new());
        let table = Arc::new(table);
        let (pods, wanted_pods) = watch::channel(WantedById::new());
        let (running, wanted_tasks) = watch::channel(WantedById::new());
        // Until a pod is served, nobody answers at its address.
        for addresses in pod_addresses() {
            emulator.script_target(TargetScript::new(addresses, TargetFate::Failed));
        }
        let health = emulator.clone();
        let tell = move |address: IpAddr, fate| health.script_target(TargetScript::new(address.to_string(), fate));
        let tasks = vec![
            tokio::spawn(pods::follow(client.clone(), pods)),
            tokio::spawn(tasks::follow(emulator.clone(), running)),
            tokio::spawn(serve(wanted_pods, Arc::clone(&table), tell)),
            // What ECS registers, the emulated AWS knows all about.
            tokio::spawn(serve(wanted_tasks, table, |_, _| {})),
        ];
        Self { addresses: Addresses(addresses), tasks }
    }

    /// Which socket stands for which address.
    pub fn addresses(&self) -> Addresses {
        self.addresses.clone()
    }
}

impl Drop for Backends {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Every server of one side, by what it stands for, and the table that all sides share.
struct Servers<T> {
    table: Arc<watch::Sender<BTreeMap<IpAddr, Backend>>>,
    serving: BTreeMap<String, (Wanted, Serving)>,
    /// Hears what a connection to an address meets from now on.
    tell: T,
}

/// Keeps a server for each that is wanted, and the table true; `tell` hears what a connection to an address meets from now on.
async fn serve(
    mut wanted: watch::Receiver<WantedById>,
    table: Arc<watch::Sender<BTreeMap<IpAddr, Backend>>>,
    tell: impl Fn(IpAddr, TargetFate),
) {
    let mut servers = Servers { table, serving: BTreeMap::new(), tell };
    loop {
        let now = wanted.borrow_and_update().clone();
        // What is gone or has changed goes first: its address may be another's already.
        servers.end_all_but(&now);
        for (id, wanted) in now {
            servers.start(id, wanted).await;
        }
        if wanted.changed().await.is_err() {
            return;
        }
    }
}

impl<T: Fn(IpAddr, TargetFate)> Servers<T> {
    fn end_all_but(&mut self, kept: &WantedById) {
        let gone = self.serving.iter().filter(|(id, (was, _))| kept.get(*id) != Some(was));
        for id in gone.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            let Some((was, server)) = self.serving.remove(&id) else { continue };
            let freed = self.table.send_if_modified(|table| {
                // Unless the address is another's already.
                let listed = table.get(&was.address).is_some_and(|backend| backend.socket == server.socket());
                listed && table.remove(&was.address).is_some()
            });
            if freed {
                (self.tell)(was.address, TargetFate::Failed);
            }
            server.drain();
        }
    }

    async fn start(&mut self, id: String, wanted: Wanted) {
        if self.serving.contains_key(&id) {
            return;
        }
        match Serving::start(&wanted).await {
            Ok(server) => {
                let backend = server.backend(&wanted);
                self.table.send_modify(|table| drop(table.insert(wanted.address, backend)));
                (self.tell)(wanted.address, wanted.answer.health());
                self.serving.insert(id, (wanted, server));
            }
            // It is tried again with the next change; without a server the address refuses connections.
            Err(error) => tracing::warn!(name = wanted.name, %error, "no server for it"),
        }
    }
}
