//! A real Kubernetes API: etcd and kube-apiserver, each control plane with its own keys, port, store and directory, so that
//! any number run side by side. Nothing of it outlives this process (`guarded.rs`, `run_dir.rs`).
//!
//! Without [`Options::workloads`] there is no kube-controller-manager: a deleted namespace stays `Terminating`, owner
//! references collect nothing, and pods stay Pending and need no service account.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use kube::config::{KubeConfigOptions, Kubeconfig};
use tokio::{
    sync::OnceCell,
    time::{Instant, sleep, timeout},
};

use crate::{
    assets::{Assets, Binary},
    certs::Certs,
    error::{Doing, Error, Result},
    guarded::{Guarded, Program, flag},
    port::Port,
    progress::Progress,
    run_dir::RunDir,
    workloads::{Programs, Workloads},
};

/// How often readiness is asked for.
const ASK_EVERY: Duration = Duration::from_millis(25);
/// How long one such question may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Seconds a program has to end when asked; kube-apiserver takes about one, and for ever when etcd is gone before it.
const GRACE: u32 = 3;
/// The longest path that every system takes for a Unix socket (macOS: 104 bytes with the final zero).
const LONGEST_SOCKET: usize = 103;

/// What a control plane is started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where its programs are looked for.
    pub assets: Assets,
    /// Where it makes its directory.
    pub parent: PathBuf,
    /// How long the API server may take to become ready, once its programs are there.
    pub ready_within: Duration,
    /// Whether pods run: with kube-controller-manager, kube-scheduler and kwok, and six nodes in three zones.
    pub workloads: bool,
    /// Where it says what it is doing.
    pub progress: Progress,
    /// Flags for kube-apiserver beside those it needs; a later one wins over an earlier one.
    pub apiserver_flags: Vec<OsString>,
    /// Environment of kube-apiserver beside this process's own.
    pub apiserver_env: Vec<(&'static str, OsString)>,
}

impl Options {
    /// From the environment, without progress and without pods. Two minutes, because a machine that compiles is slow.
    pub fn from_env() -> Result<Self> {
        Ok(Self {
            assets: Assets::from_env()?,
            parent: std::env::temp_dir(),
            ready_within: Duration::from_mins(2),
            workloads: false,
            progress: Progress::silent(),
            apiserver_flags: Vec::new(),
            apiserver_env: Vec::new(),
        })
    }
}

/// A running control plane; dropping it stops what runs pods, then kube-apiserver, then etcd, then removes its directory.
#[derive(Debug)]
pub struct ControlPlane {
    // The order of the fields is the order in which they are dropped.
    workloads: Option<Workloads>,
    apiserver: Guarded,
    etcd: Guarded,
    port: Port,
    kubeconfig: String,
    run: RunDir,
}

impl ControlPlane {
    /// Starts one and waits until it is ready; builds first what it needs and is nowhere to be found.
    pub async fn start(options: Options) -> Result<Self> {
        crate::install_crypto();
        let apiserver = options.assets.obtain(Binary::KubeApiserver, &options.progress).await?;
        let etcd = options.assets.obtain(Binary::Etcd, &options.progress).await?;
        let programs = if options.workloads {
            Some(Programs::obtain(&options.assets, &apiserver, &options.progress).await?)
        } else {
            None
        };
        options.progress.step("starting etcd and kube-apiserver");
        let run = RunDir::create_in(&options.parent)?;
        let certs = Certs::create(run.path())?;
        let port = Port::reserve()?;
        let socket = socket_in(run.path())?;
        // The API server waits for its store, so both start at once.
        let etcd = Guarded::spawn(etcd_program(etcd, &run, &socket), &run)?;
        let mut flags = options.apiserver_flags;
        if programs.is_none() {
            // Nobody makes the service accounts that this plugin would demand of every pod.
            flags.insert(0, flag("disable-admission-plugins", "ServiceAccount"));
        }
        let program = apiserver_program(apiserver, &run, &socket, &port, flags);
        let apiserver = Guarded::spawn(Program { env: options.apiserver_env, ..program }, &run)?;
        let kubeconfig = kubeconfig(&port, &certs.ca, &certs.token);
        let path = run.path().join("kubeconfig");
        fs::write(&path, &kubeconfig).doing(|| format!("writing {}", path.display()))?;
        let mut plane = Self { workloads: None, apiserver, etcd, port, kubeconfig, run };
        plane.await_ready(options.ready_within).await?;
        if let Some(programs) = programs {
            options.progress.step("starting kube-controller-manager, kube-scheduler and kwok");
            let client = plane.client().await?;
            plane.workloads = Some(Workloads::start(programs, &plane.run, &client, options.ready_within).await?);
        }
        Ok(plane)
    }

    /// The one that all tests of a process share; it goes with the process. Tests keep apart by namespaces of their own
    /// names and, for cluster-scoped objects, by names of their own.
    pub async fn shared_for_tests() -> Result<&'static Self> {
        static SHARED: OnceCell<ControlPlane> = OnceCell::const_new();
        SHARED.get_or_try_init(|| Self::start_for_tests(false)).await
    }

    /// [`ControlPlane::shared_for_tests`] for tests that need pods; another one than that.
    pub async fn shared_for_tests_with_workloads() -> Result<&'static Self> {
        static SHARED: OnceCell<ControlPlane> = OnceCell::const_new();
        SHARED.get_or_try_init(|| Self::start_for_tests(true)).await
    }

    async fn start_for_tests(workloads: bool) -> Result<Self> {
        // Where programs must be built first, minutes of silence would look like a test that hangs.
        Self::start(Options { workloads, progress: Progress::stderr(), ..Options::from_env()? }).await
    }

    /// The administrator's kubeconfig. The API server's certificate is verified against the authority it names.
    pub fn kubeconfig(&self) -> &str {
        &self.kubeconfig
    }

    /// The file that holds it, in the run directory.
    pub fn kubeconfig_path(&self) -> PathBuf {
        self.run.path().join("kubeconfig")
    }

    /// The directory of this run, private to this user, removed at the end.
    pub fn dir(&self) -> &Path {
        self.run.path()
    }

    /// The address of the API server.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port.number())
    }

    /// The administrator's client configuration.
    pub async fn client_config(&self) -> Result<kube::Config> {
        let kubeconfig = Kubeconfig::from_yaml(&self.kubeconfig)?;
        Ok(kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?)
    }

    /// A new client of the administrator. One client belongs to one runtime, so each test makes its own.
    pub async fn client(&self) -> Result<kube::Client> {
        kube::Client::try_from(self.client_config().await?).doing(|| "making a client for the control plane")
    }

    /// An error when one of its programs has ended by itself.
    pub fn check_alive(&mut self) -> Result<()> {
        self.etcd.check_alive()?;
        self.apiserver.check_alive()?;
        self.workloads.as_mut().map_or(Ok(()), Workloads::check_alive)
    }

    /// Stops it as dropping does, without holding up the runtime.
    pub async fn stop(self) {
        // A panic of the drop would have been reported where it happened.
        let _ = tokio::task::spawn_blocking(move || drop(self)).await;
    }

    async fn await_ready(&mut self, within: Duration) -> Result<()> {
        let deadline = Instant::now() + within;
        let mut config = self.client_config().await?;
        // The loop is the retry; kube's own would wait for ever longer between two tries.
        config.default_retry = false;
        let client = kube::Client::try_from(config).doing(|| "making a client for the control plane")?;
        // The namespace `default` is made by the API server a moment after it calls itself ready.
        for path in ["/readyz", "/api/v1/namespaces/default"] {
            loop {
                self.check_alive()?;
                let Err(last) = ask(&client, path).await else { break };
                if Instant::now() >= deadline {
                    return Err(Error::NotReady { after: within, last, log: self.apiserver.log_tail() });
                }
                sleep(ASK_EVERY).await;
            }
        }
        Ok(())
    }
}

async fn ask(client: &kube::Client, path: &str) -> Result<(), String> {
    let request = http::Request::get(path).body(Vec::new()).map_err(|error| error.to_string())?;
    match timeout(ANSWER_WITHIN, client.request_text(request)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {ANSWER_WITHIN:?}")),
    }
}

/// etcd listens on a Unix socket in the private run directory: no port to race for, and nobody else on the machine can
/// write to the store past the API server.
fn socket_in(dir: &Path) -> Result<String> {
    let socket = dir.join("etcd.sock");
    match socket.to_str() {
        Some(text) if text.len() <= LONGEST_SOCKET => Ok(format!("unix://{text}")),
        _ => Err(Error::Unusable {
            place: format!("the temporary directory {}", dir.display()),
            reason: format!("a Unix socket in it needs a path of at most {LONGEST_SOCKET} bytes of UTF-8"),
            remedy: "Set TMPDIR to a shorter one, such as /tmp",
        }),
    }
}

fn etcd_program(path: PathBuf, run: &RunDir, socket: &str) -> Program {
    let args = vec![
        flag("data-dir", run.path().join("etcd")),
        flag("listen-client-urls", socket),
        // etcd refuses to advertise a Unix socket; nobody asks for this address.
        flag("advertise-client-urls", "http://127.0.0.111:0"),
        flag("listen-peer-urls", "http://127.0.0.1:0"),
        flag("log-level", "warn"),
        // The data is thrown away at the end, so there is nothing to lose with the power.
        "--unsafe-no-fsync".into(),
    ];
    Program { name: "etcd", path, args, env: Vec::new(), dir: run.path().to_owned(), grace: GRACE }
}

fn apiserver_program(path: PathBuf, run: &RunDir, socket: &str, port: &Port, more: Vec<OsString>) -> Program {
    let file = |name: &str| run.path().join(name);
    let mut args = vec![
        flag("etcd-servers", socket),
        flag("bind-address", "127.0.0.1"),
        flag("external-hostname", "127.0.0.1"),
        flag("secure-port", port.number().to_string()),
        flag("permit-port-sharing", "true"),
        flag("cert-dir", file("certs")),
        flag("tls-cert-file", file("serving.crt")),
        flag("tls-private-key-file", file("serving.key")),
        flag("token-auth-file", file("tokens.csv")),
        flag("anonymous-auth", "false"),
        flag("authorization-mode", "RBAC"),
        flag("service-account-issuer", "https://kubernetes.default.svc"),
        flag("service-account-key-file", file("service-accounts.pub")),
        flag("service-account-signing-key-file", file("service-accounts.key")),
        // One of the two that EKS takes, apart from every address of the emulated VPC.
        flag("service-cluster-ip-range", "172.20.0.0/16"),
        // A loopback address cannot be an endpoint of the service `kubernetes`.
        flag("endpoint-reconciler-type", "none"),
        // One user: fairness would only queue the operator's own calls behind each other.
        flag("enable-priority-and-fairness", "false"),
        flag("max-requests-inflight", "4000"),
        flag("max-mutating-requests-inflight", "2000"),
        flag("profiling", "false"),
    ];
    args.extend(more);
    Program { name: "kube-apiserver", path, args, env: Vec::new(), dir: run.path().to_owned(), grace: GRACE }
}

fn kubeconfig(port: &Port, ca: &str, token: &str) -> String {
    let ca = STANDARD.encode(ca);
    let port = port.number();
    format!(
        "apiVersion: v1
kind: Config
clusters:
  - name: landbridge-sandbox
    cluster:
      server: https://127.0.0.1:{port}
      certificate-authority-data: {ca}
users:
  - name: admin
    user:
      token: {token}
contexts:
  - name: landbridge-sandbox
    context:
      cluster: landbridge-sandbox
      user: admin
current-context: landbridge-sandbox
"
    )
}
