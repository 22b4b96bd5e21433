//! A stage for one test: a control plane of its own, an emulator whose time runs fast, and the operator in the process.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::time::{Duration, Instant};

use aws_config::identity::IdentityCache;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, ListParams, TypeMeta};
use kube::client::ClientBuilder;
use kube::core::NamespaceResourceScope;
use kube::{Client, CustomResourceExt as _, Resource};
use landbridge_api::v1alpha1::{
    AwsAccount, CloudMapExport, CloudMapImport, CloudMapNamespace, EcsCluster, EcsService, IamTaskRole,
    TrafficMigration,
};
use landbridge_aws::{AwsPool, Clock};
use landbridge_controller::{Config, Hooks, run};
use landbridge_emulator::Emulator;
use landbridge_sandbox::install::{apply_yaml, install_crds};
use landbridge_sandbox::{ControlPlane, Options};
use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::deaths::Deaths;
use crate::keys::Keys;
use crate::kstatus;
use crate::wire::Wire;

/// How long anything may take before the test says what it waited for. A machine that compiles beside the tests is slow.
const PATIENCE: Duration = Duration::from_secs(90);

/// A control plane, an AWS and an operator.
pub struct Stage {
    /// AWS.
    pub emulator: Emulator,
    /// The API server, as its administrator.
    pub client: Client,
    /// Settings of operators that start from now on.
    pub config: Config,
    /// Kubernetes user as whom operators that start from now on act. Default: the administrator.
    pub user: Option<String>,
    /// The clock of operators that start from now on. Default: the system's.
    pub clock: Clock,
    /// Where operators that start from now on die. Default: where [`Wire::cut_at`] says.
    pub deaths: Option<Deaths>,
    /// The credentials that AWS's environment has.
    pub credentials: Keys,
    plane: ControlPlane,
    /// Those that run, oldest first.
    operators: VecDeque<Running>,
}

/// An operator on a runtime of its own, so that killing it leaves none of its tasks behind.
struct Running {
    runtime: Runtime,
    shutdown: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
    /// None: it died before it was ready.
    admin: Option<std::net::SocketAddr>,
    wire: Wire,
}

impl Stage {
    /// A stage whose emulator runs `speed` times as fast as time, with the operator ready.
    pub async fn start(speed: f64) -> Self {
        let mut stage = Self::without_operator(speed).await;
        stage.start_operator().await;
        stage
    }

    /// [`Stage::start`] where pods run as well, on six nodes in three zones.
    pub async fn start_with_workloads(speed: f64) -> Self {
        let mut stage = Self::on(Options { workloads: true, ..Options::from_env().unwrap() }, speed).await;
        stage.start_operator().await;
        stage
    }

    /// A stage on which the operator has not started.
    pub async fn without_operator(speed: f64) -> Self {
        Self::on(Options::from_env().unwrap(), speed).await
    }

    async fn on(options: Options, speed: f64) -> Self {
        // RUST_LOG shows what the operator does; without it only its warnings.
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
        let _ = tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init();
        let plane = Box::pin(ControlPlane::start(options)).await.unwrap();
        let client = plane.client().await.unwrap();
        install_crds(&client).await.unwrap();
        let emulator = Emulator::builder().speed(speed).build();
        let config = Config {
            admin_address: ([127, 0, 0, 1], 0).into(),
            rolling_sweep: Duration::from_millis(200),
            import_look: Duration::from_millis(500),
            sweep: Duration::from_secs(2),
            optional_look: Duration::from_millis(500),
            ..Config::default()
        };
        let (user, clock, deaths, credentials) = (None, Clock::default(), None, Keys::default());
        Self { emulator, client, config, user, clock, deaths, credentials, plane, operators: VecDeque::new() }
    }

    /// Starts an operator, beside those that run, and waits until it is ready.
    pub async fn start_operator(&mut self) {
        let config = self.config.clone();
        let wire = Wire::new(self.emulator.clone(), self.deaths.clone());
        let environment = environment(&self.emulator, &wire, self.credentials.clone()).await;
        let (ready, is_ready) = oneshot::channel();
        let clock = self.clock.clone();
        let pool = Box::new(|pool: AwsPool| pool.on(environment).by(clock));
        let hooks = Hooks { aws: Some(pool), ready: Some(ready), ..Hooks::default() };
        let shutdown = CancellationToken::new();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (mut settings, stop) = (self.plane.client_config().await.unwrap(), shutdown.clone());
        settings.auth_info.impersonate.clone_from(&self.user);
        let line = wire.clone();
        let task = runtime.spawn(async move {
            let client = ClientBuilder::try_from(settings)?.with_layer(&line).build();
            run(config, client, stop, hooks).await
        });
        let begins = async {
            tokio::select! {
                admin = is_ready => Some(admin.unwrap()),
                // It died on its way there.
                () = wire.cut() => None,
            }
        };
        let admin = tokio::time::timeout(PATIENCE, begins).await.expect("the operator becomes ready");
        self.operators.push_back(Running { runtime, shutdown, task, admin, wire });
    }

    /// Operators that start from now on have AWS's clock, which runs as fast as the stage.
    pub fn hasten_operators(&mut self) {
        let emulator = self.emulator.clone();
        self.clock = Clock::new(move || emulator.now());
    }

    /// Stops the oldest operator as SIGTERM does.
    pub async fn stop_operator(&mut self) {
        let Some(running) = self.operators.pop_front() else { return };
        running.shutdown.cancel();
        running.task.await.unwrap().unwrap();
        running.runtime.shutdown_background();
    }

    /// Ends the oldest operator as SIGKILL does: nothing is finished, nothing given back.
    pub fn kill_operator(&mut self) {
        self.kill_operator_at(0);
    }

    /// [`Stage::kill_operator`] for the one that started as number `index` (from 0) of those that run.
    pub fn kill_operator_at(&mut self, index: usize) {
        if let Some(running) = self.operators.remove(index) {
            running.runtime.shutdown_background();
        }
    }

    /// Takes the leases of operators that were killed away, as time would: nobody has to wait for it.
    pub async fn release_leases(&self) {
        let leases: Api<Lease> = Api::default_namespaced(self.client.clone());
        leases.delete_collection(&DeleteParams::default(), &ListParams::default()).await.unwrap();
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> std::path::PathBuf {
        self.plane.kubeconfig_path()
    }

    /// The oldest operator's wire to AWS.
    pub fn wire(&self) -> Wire {
        self.operators.front().expect("an operator runs").wire.clone()
    }

    /// Address of the oldest operator's admin endpoints.
    pub fn admin(&self) -> std::net::SocketAddr {
        self.operators.front().and_then(|running| running.admin).expect("an operator runs")
    }

    /// What the oldest operator answers to a GET of that path: the status code and the body.
    pub async fn ask(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.admin()).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), body.to_owned())
    }

    /// Applies every document of a YAML text.
    pub async fn apply(&self, yaml: &str) {
        apply_yaml(&self.client, "test", yaml).await.unwrap();
    }

    /// The object of that namespace and name.
    pub async fn get<K>(&self, namespace: &str, name: &str) -> Option<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
    {
        Api::namespaced(self.client.clone(), namespace).get_opt(name).await.unwrap()
    }

    /// Waits until the object is as `wanted` says, and gives it.
    pub async fn until<K>(&self, namespace: &str, name: &str, what: &str, wanted: impl Fn(&K) -> bool) -> K
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
    {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found: Option<K> = self.get(namespace, name).await;
            match found {
                Some(object) if wanted(&object) => return object,
                other if Instant::now() > deadline => panic!("{namespace}/{name} did not become {what}: {other:#?}"),
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    /// Waits until `holds`.
    pub async fn eventually<F: Future<Output = bool>>(&self, what: &str, holds: impl Fn() -> F) {
        let deadline = Instant::now() + PATIENCE;
        while !holds().await {
            assert!(Instant::now() < deadline, "it did not happen: {what}\n{}", self.emulator.state());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Deletes an object, without waiting.
    pub async fn delete<K>(&self, api: Api<K>, name: &str)
    where
        K: Resource + Clone + Debug + DeserializeOwned,
    {
        api.delete(name, &DeleteParams::background()).await.unwrap();
    }

    /// Every object of every kind.
    pub async fn objects(&self) -> Vec<DynamicObject> {
        let mut all = Vec::new();
        for kind in Self::kinds() {
            let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &kind);
            let mut items = api.list(&ListParams::default()).await.unwrap().items;
            // A list says its items' kind once, for all of them.
            for item in &mut items {
                item.types = Some(TypeMeta { api_version: kind.api_version.clone(), kind: kind.kind.clone() });
            }
            all.extend(items);
        }
        all
    }

    /// Every kind.
    pub fn kinds() -> [ApiResource; 8] {
        [
            AwsAccount::api_resource(),
            EcsCluster::api_resource(),
            CloudMapNamespace::api_resource(),
            IamTaskRole::api_resource(),
            EcsService::api_resource(),
            CloudMapExport::api_resource(),
            CloudMapImport::api_resource(),
            TrafficMigration::api_resource(),
        ]
    }

    /// Fails unless every status is one that kstatus can read.
    pub async fn check_every_status(&self) {
        for object in self.objects().await {
            let faults = kstatus::faults(&object);
            assert!(faults.is_empty(), "{:?}: {faults:?}\n{:#}", object.metadata.name, object.data["status"]);
        }
    }

    /// Stops everything.
    pub async fn end(mut self) {
        self.check_every_status().await;
        while !self.operators.is_empty() {
            self.stop_operator().await;
        }
        self.plane.stop().await;
    }
}

/// The SDK's configuration for an emulator in the same process: no socket, and credentials that are nobody's.
async fn environment(emulator: &Emulator, wire: &Wire, credentials: Keys) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .region(Region::new(emulator.region()))
        .credentials_provider(credentials)
        .identity_cache(IdentityCache::no_cache())
        .http_client(wire.http_client())
        .load()
        .await
}
