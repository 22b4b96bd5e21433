//! A stage for one test: a control plane of its own, an emulator whose time runs fast, and the operator in the process.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use kube::api::{Api, DeleteParams, DynamicObject, ListParams};
use kube::core::NamespaceResourceScope;
use kube::{Client, CustomResourceExt as _, Resource};
use landbridge_api::v1alpha1::{AwsAccount, CloudMapNamespace, EcsCluster, EcsService, IamTaskRole};
use landbridge_controller::{Config, Hooks, run};
use landbridge_emulator::Emulator;
use landbridge_sandbox::install::{apply_yaml, install_crds};
use landbridge_sandbox::{ControlPlane, Options};
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::kstatus;

/// How long anything may take before the test says what it waited for. A machine that compiles beside the tests is slow.
const PATIENCE: Duration = Duration::from_secs(30);

/// A control plane, an AWS and an operator.
pub struct Stage {
    /// AWS.
    pub emulator: Emulator,
    /// The API server, as its administrator.
    pub client: Client,
    plane: ControlPlane,
    operator: Option<Running>,
}

struct Running {
    shutdown: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
    admin: std::net::SocketAddr,
}

impl Stage {
    /// A stage whose emulator runs `speed` times as fast as time, with the operator ready.
    pub async fn start(speed: f64) -> Self {
        let mut stage = Self::without_operator(speed).await;
        stage.start_operator().await;
        stage
    }

    /// A stage on which the operator has not started.
    pub async fn without_operator(speed: f64) -> Self {
        // RUST_LOG shows what the operator does; without it only its warnings.
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
        let _ = tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init();
        let plane = ControlPlane::start(Options::from_env().unwrap()).await.unwrap();
        let client = plane.client().await.unwrap();
        install_crds(&client).await.unwrap();
        let emulator = Emulator::builder().speed(speed).build();
        Self { emulator, client, plane, operator: None }
    }

    /// Starts the operator and waits until it is ready.
    pub async fn start_operator(&mut self) {
        let config = Config {
            admin_address: ([127, 0, 0, 1], 0).into(),
            rolling_sweep: Duration::from_millis(200),
            sweep: Duration::from_secs(2),
            ..Config::default()
        };
        let environment = environment(&self.emulator);
        let (ready, is_ready) = oneshot::channel();
        let hooks = Hooks { aws: Some(Box::new(|pool| pool.on(environment))), ready: Some(ready), ..Hooks::default() };
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(run(config, self.plane.client().await.unwrap(), shutdown.clone(), hooks));
        let admin = tokio::time::timeout(PATIENCE, is_ready).await.expect("the operator becomes ready").unwrap();
        self.operator = Some(Running { shutdown, task, admin });
    }

    /// Stops the operator as SIGTERM does.
    pub async fn stop_operator(&mut self) {
        let Some(running) = self.operator.take() else { return };
        running.shutdown.cancel();
        running.task.await.unwrap().unwrap();
    }

    /// Ends the operator as SIGKILL does: nothing is finished, nothing given back.
    pub async fn kill_operator(&mut self) {
        let Some(running) = self.operator.take() else { return };
        running.task.abort();
        let _ = running.task.await;
    }

    /// Address of the operator's admin endpoints.
    pub fn admin(&self) -> std::net::SocketAddr {
        self.operator.as_ref().expect("the operator runs").admin
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
        let kinds = [
            AwsAccount::api_resource(),
            EcsCluster::api_resource(),
            CloudMapNamespace::api_resource(),
            IamTaskRole::api_resource(),
            EcsService::api_resource(),
        ];
        for kind in kinds {
            let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &kind);
            all.extend(api.list(&ListParams::default()).await.unwrap().items);
        }
        all
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
        self.stop_operator().await;
        self.plane.stop().await;
    }
}

/// The SDK's configuration for an emulator in the same process: no socket, and credentials that are nobody's.
fn environment(emulator: &Emulator) -> SdkConfig {
    let credentials = Credentials::new("AKIATEST", "secret", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(emulator.region()))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(emulator.http_client())
        .build()
}
