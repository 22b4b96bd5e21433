//! The whole sandbox: control plane, kinds, emulated AWS, operator and sample, started together and stopped in order.

use std::{
    fmt,
    fs::{self, File},
    net::Ipv4Addr,
    path::PathBuf,
    sync::Mutex,
};

use kube::{Client, api::DynamicObject};
use landbridge_emulator::{Emulator, Server, Timings};
use tracing_subscriber::EnvFilter;

use crate::{
    assets::Binary,
    backends::Backends,
    control_plane::{self, ControlPlane},
    data_plane::DataPlane,
    error::{Doing, Error, Result},
    guarded::log_tail,
    install::{install_crds, seed},
    instructions::{Instructions, REGION},
    operator::Operator,
};

/// What a sandbox is started with.
#[derive(Debug, Clone)]
pub struct SandboxOptions {
    /// The control plane's own options.
    pub control_plane: control_plane::Options,
    /// Virtual seconds of the emulated AWS per second.
    pub speed: f64,
    /// How long things take in the emulated AWS, in virtual time.
    pub timings: Timings,
    /// Whether AWS's published request quotas are enforced.
    pub quotas: bool,
    /// Whether the sample is applied.
    pub sample: bool,
    /// Whether this process logs to a file in the run directory from now on.
    pub log: bool,
}

impl SandboxOptions {
    /// From the environment: AWS's own pace, no quotas, with the sample.
    pub fn from_env() -> Result<Self> {
        let control_plane = control_plane::Options::from_env()?;
        Ok(Self { control_plane, speed: 1.0, timings: Timings::default(), quotas: false, sample: true, log: false })
    }
}

/// A running sandbox. Dropping it stops the operator, the emulator and the control plane, in this order.
pub struct Sandbox {
    operator: Operator,
    backends: Option<Backends>,
    data_plane: Option<DataPlane>,
    server: Server,
    emulator: Emulator,
    client: Client,
    sample: Vec<DynamicObject>,
    kubectl_dir: Option<PathBuf>,
    speed: f64,
    log: Option<PathBuf>,
    // The last to be dropped: the operator ends while its API server still answers.
    plane: ControlPlane,
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox")
            .field("dir", &self.plane.dir())
            .field("aws", &self.server.url())
            .finish_non_exhaustive()
    }
}

impl Sandbox {
    /// Starts everything. What is running already when a later part fails is stopped again.
    pub async fn start(options: SandboxOptions) -> Result<Self> {
        let progress = options.control_plane.progress.clone();
        let assets = options.control_plane.assets.clone();
        let workloads = options.control_plane.workloads;
        let plane = ControlPlane::start(options.control_plane).await?;
        let log = options.log.then(|| log_to(plane.dir().join("landbridge.log"))).transpose()?.flatten();
        progress.step("installing the kinds");
        let client = plane.client().await?;
        install_crds(&client).await?;
        let emulator = Emulator::builder()
            .region(REGION)
            .speed(options.speed)
            .timings(options.timings)
            .quotas(options.quotas)
            .build();
        let server = emulator.serve((Ipv4Addr::LOCALHOST, 0).into()).await.doing(|| "starting the emulated AWS")?;
        let backends = workloads.then(|| Backends::start(&client, &emulator));
        let data_plane = backends.as_ref().map(|backends| DataPlane::start(&emulator, backends.addresses()));
        progress.step("starting the operator");
        let operator = Operator::start(&plane, &server.url()).await?;
        let sample = if options.sample { seed(&client).await? } else { Vec::new() };
        // Last, because a build of it can go on while the sample converges.
        let kubectl_dir = match assets.on_path(Binary::Kubectl.name()) {
            Some(_) => None,
            None => assets.obtain(Binary::Kubectl, &progress).await?.parent().map(PathBuf::from),
        };
        Ok(Self {
            operator,
            backends,
            data_plane,
            server,
            emulator,
            client,
            sample,
            kubectl_dir,
            speed: options.speed,
            log,
            plane,
        })
    }

    /// A client of the administrator.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The control plane.
    pub fn control_plane(&self) -> &ControlPlane {
        &self.plane
    }

    /// The emulated AWS: its calls can be counted and broken.
    pub fn emulator(&self) -> &Emulator {
        &self.emulator
    }

    /// The address of the emulated AWS.
    pub fn aws_endpoint(&self) -> String {
        self.server.url()
    }

    /// The servers that answer for pods and tasks, where [`control_plane::Options::workloads`] was asked for.
    pub fn backends(&self) -> Option<&Backends> {
        self.backends.as_ref()
    }

    /// The listeners of emulated load balancers, where [`control_plane::Options::workloads`] was asked for.
    pub fn data_plane(&self) -> Option<&DataPlane> {
        self.data_plane.as_ref()
    }

    /// The sample as it was applied.
    pub fn sample(&self) -> &[DynamicObject] {
        &self.sample
    }

    /// How to reach it from another terminal; writes the file that the words point to.
    pub fn instructions(&self) -> Result<String> {
        let instructions = Instructions {
            kubeconfig: self.plane.kubeconfig_path(),
            aws_endpoint: self.server.url(),
            kubectl_dir: self.kubectl_dir.clone(),
            log: self.log.clone(),
            speed: self.speed,
            sample: !self.sample.is_empty(),
            workloads: self.backends.is_some(),
        };
        let file = self.plane.dir().join("env");
        fs::write(&file, instructions.env_file()).doing(|| format!("writing {}", file.display()))?;
        Ok(instructions.text(&file))
    }

    /// An error when a part of it has ended by itself.
    pub async fn check_alive(&mut self) -> Result<()> {
        self.plane.check_alive()?;
        let reason = self.operator.ended().await;
        let log = || self.log.as_deref().map_or_else(|| "(it went elsewhere)".to_owned(), log_tail);
        reason.map_or(Ok(()), |reason| Err(Error::Operator { reason, log: log() }))
    }

    /// Stops it in order and returns when nothing of it is left.
    pub async fn stop(self) {
        self.operator.stop().await;
        drop(self.data_plane);
        drop(self.backends);
        // Nobody who asks the emulated AWS something now will be told; connections kept open would be waited for.
        drop(self.server);
        self.plane.stop().await;
    }
}

/// Sends this process's log to a file from here on; `None` when the process logs already.
fn log_to(path: PathBuf) -> Result<Option<PathBuf>> {
    let file = File::create(&path).doing(|| format!("creating {}", path.display()))?;
    let filter = EnvFilter::try_from_env("LANDBRIDGE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_env_filter(filter).with_writer(Mutex::new(file));
    Ok(subscriber.try_init().is_ok().then_some(path))
}
