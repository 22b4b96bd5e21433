//! The operator's life: wait for the kinds, watch, reconcile, and at the end stop in an order that loses nothing.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use kube::Client;
use landbridge_api::v1alpha1::{
    AwsAccount, CloudMapExport, CloudMapImport, CloudMapNamespace, EcsCluster, EcsService, IamTaskRole,
    TrafficMigration,
};
use landbridge_aws::AwsPool;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::admin::{self, Admin};
use crate::api_server::ApiServer;
use crate::backoff::Backoff;
use crate::config::Config;
use crate::context::Operator;
use crate::controllers::{Queue, Start};
use crate::events::Events;
use crate::feed::Feed;
use crate::guard::Guard;
use crate::lease::Leases;
use crate::metrics::Metrics;
use crate::objects::{Feeds, World};
use crate::slots::Slots;
use crate::sweeps::{self, Sweeps};
use crate::writer::Writer;
use crate::{ambient, crds, shards};

/// What whoever runs the operator in its own process may want.
#[derive(Default)]
pub struct Hooks {
    /// Changes the pool of AWS clients before it is used, for example to go to an emulator in the same process.
    pub aws: Option<Box<dyn FnOnce(AwsPool) -> AwsPool + Send>>,
    /// Client for the leases, without retries of its own. Default: the main client.
    pub lease_client: Option<Client>,
    /// Told the address of the admin endpoints once all watches have listed.
    pub ready: Option<oneshot::Sender<SocketAddr>>,
}

/// The queues of all kinds.
pub(crate) struct Queues {
    accounts: Queue<AwsAccount>,
    clusters: Queue<EcsCluster>,
    cloud_map: Queue<CloudMapNamespace>,
    roles: Queue<IamTaskRole>,
    services: Queue<EcsService>,
    exports: Queue<CloudMapExport>,
    imports: Queue<CloudMapImport>,
    migrations: Queue<TrafficMigration>,
}

/// Runs the operator until `shutdown`, then stops gracefully.
///
/// # Errors
/// The admin address cannot be bound.
pub async fn run(config: Config, client: Client, shutdown: CancellationToken, hooks: Hooks) -> anyhow::Result<()> {
    let admin = Arc::new(Admin::default());
    let served = CancellationToken::new();
    let _end_of_admin = served.clone().drop_guard();
    let address = admin::serve(admin.clone(), config.admin_address, served).await?;
    tracing::info!(%address, "probes and metrics are served");
    tokio::select! {
        () = crds::established(&client, &admin.crds) => {}
        () = shutdown.cancelled() => return Ok(()),
    }

    let (acquired, acquisitions) = mpsc::unbounded_channel();
    let replica = replica(&config);
    let namespace = config.namespace.clone().unwrap_or_else(|| client.default_namespace().to_owned());
    let lease_client = hooks.lease_client.unwrap_or_else(|| client.clone());
    let leases = Leases::new(lease_client, &namespace, replica.clone(), config.lease, acquired);
    let metrics = Arc::new(Metrics::default());
    let guard = Arc::new(Guard::new(leases.clone(), metrics.clone()));
    let told = CancellationToken::new();
    let api = Arc::new(ApiServer::new(client.clone()));
    let (events, sending) = Events::start(api.clone(), replica, told.clone());
    let (feeds, queues) = feeds();
    let grace = config.grace;
    let pool = AwsPool::new(guard.clone(), guard.clone()).with_gate_tokens(config.gate_tokens.clone());
    let pool = Arc::new(match hooks.aws {
        Some(change) => change(pool),
        None => pool,
    });
    let (sweeps, swept) = Sweeps::new(&config);
    let world = Arc::new(World::new(feeds, config.installation.clone()));
    let operator = Arc::new(Operator {
        slots: Slots::new(config.concurrency),
        writer: Writer::new(api.clone(), guard.clone(), world.clone()),
        world,
        pool,
        backoff: Backoff::default(),
        config,
        api,
        leases: leases.clone(),
        sweeps: Arc::new(sweeps),
        events,
        metrics,
        begun: OnceLock::new(),
    });
    let _ = admin.operator.set(operator.clone());

    let stop = shutdown.child_token();
    let (mut watches, mut workers) = (JoinSet::new(), JoinSet::new());
    let begin = CancellationToken::new();
    let mut start = Start {
        operator: &operator,
        client: &client,
        begin: &begin,
        stop: &stop,
        watches: &mut watches,
        workers: &mut workers,
    };
    start_all(&mut start, queues);
    watches.spawn(begin_when_listed(operator.clone(), begin));
    watches.spawn(sweeps::wake(operator.world.services.clone(), operator.sweeps.clone(), swept));
    watches.spawn(shards::wake_acquired(operator.clone(), acquisitions));
    watches.spawn(ambient::find_out(operator.clone()));
    if let Some(ready) = hooks.ready {
        watches.spawn(tell_when_ready(admin.clone(), address, ready));
    }

    shutdown.cancelled().await;
    tracing::info!("stopping: no further work is taken");
    drain(&mut workers, &guard, grace).await;
    leases.release(Duration::from_secs(3)).await;
    workers.shutdown().await;
    watches.shutdown().await;
    told.cancel();
    let _ = tokio::time::timeout(Duration::from_secs(2), sending).await;
    tracing::info!("stopped");
    Ok(())
}

pub(crate) fn feeds() -> (Feeds, Queues) {
    let (accounts, queue_of_accounts) = Feed::new();
    let (clusters, queue_of_clusters) = Feed::new();
    let (cloud_map, queue_of_cloud_map) = Feed::new();
    let (roles, queue_of_roles) = Feed::new();
    let (services, queue_of_services) = Feed::new();
    let (exports, queue_of_exports) = Feed::new();
    let (imports, queue_of_imports) = Feed::new();
    let (migrations, queue_of_migrations) = Feed::new();
    // Namespaces are looked up and never reconciled: their queue is dropped.
    let (namespaces, _) = Feed::new();
    let queues = Queues {
        accounts: queue_of_accounts,
        clusters: queue_of_clusters,
        cloud_map: queue_of_cloud_map,
        roles: queue_of_roles,
        services: queue_of_services,
        exports: queue_of_exports,
        imports: queue_of_imports,
        migrations: queue_of_migrations,
    };
    (Feeds { accounts, clusters, cloud_map, roles, services, exports, imports, migrations, namespaces }, queues)
}

fn start_all(start: &mut Start<'_>, queues: Queues) {
    let world = start.operator.world.clone();
    start.kubernetes_namespaces();
    start.kubernetes_services();
    start.multi_cluster();
    start.foreign_kinds();
    start.cluster_scoped(&world.accounts, queues.accounts);
    start.cluster_scoped(&world.clusters, queues.clusters);
    start.cluster_scoped(&world.cloud_map, queues.cloud_map);
    start.namespaced(&world.roles, queues.roles);
    start.namespaced(&world.services, queues.services);
    start.namespaced(&world.exports, queues.exports);
    start.namespaced(&world.imports, queues.imports);
    start.namespaced(&world.migrations, queues.migrations);
}

/// Lets passes begin once every kind is listed: a reference must not look missing because its kind comes later. For the
/// same reason the operator's own AWS environment is known by then, if anybody means it.
async fn begin_when_listed(operator: Arc<Operator>, begin: CancellationToken) {
    operator.world.listed().await;
    if operator.world.uses_ambient() {
        ambient::find_out_now(&operator).await;
    }
    let _ = operator.begun.set(Instant::now());
    begin.cancel();
}

/// Lets writes that are under way end, and the passes that made them write their status.
async fn drain(workers: &mut JoinSet<()>, guard: &Guard, grace: Duration) {
    guard.stop();
    let quiet = async {
        while guard.writing() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // Passes that only wait for a budget would write nothing any more; they need not be waited for.
        tokio::time::sleep(Duration::from_secs(1)).await;
    };
    tokio::select! {
        () = async { while workers.join_next().await.is_some() {} } => {}
        () = quiet => {}
        () = tokio::time::sleep(grace) => tracing::warn!("AWS writes did not end in time; their outcome is found out later"),
    }
}

async fn tell_when_ready(admin: Arc<Admin>, address: SocketAddr, ready: oneshot::Sender<SocketAddr>) {
    while !admin.not_ready().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let _ = ready.send(address);
}

/// Name of this replica: what the settings say, or the host, with something that no other process has.
fn replica(config: &Config) -> String {
    let host = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = config.replica.clone().or_else(host).unwrap_or_else(|| "landbridge".to_owned());
    format!("{}-{}", name.trim(), uuid::Uuid::new_v4().simple())
}
