//! The operator, run in this process as a library.

use std::{net::Ipv4Addr, time::Duration};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use kube::Client;
use landbridge_controller::{Config, Hooks};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    control_plane::ControlPlane,
    error::{Doing, Result},
    instructions::{CREDENTIALS, INSTALLATION, REGION},
};

/// How often changes made behind the operator's back are looked for: sooner than in production, somebody is watching.
const SWEEP: Duration = Duration::from_secs(10);
/// How long it may take to end; what it leaves half-done in the emulated AWS goes with it.
const GRACE: Duration = Duration::from_secs(2);

/// A running operator; dropping it ends it without waiting for AWS writes that are under way.
#[derive(Debug)]
pub(crate) struct Operator {
    stop: CancellationToken,
    task: Option<JoinHandle<anyhow::Result<()>>>,
}

impl Operator {
    /// Starts it against a control plane that has the kinds, with every AWS call going to that endpoint.
    pub(crate) async fn start(plane: &ControlPlane, aws_endpoint: &str) -> Result<Self> {
        let mut settings = plane.client_config().await?;
        settings.default_retry = false;
        let lease_client = Client::try_from(settings).doing(|| "making a client for the operator's leases")?;
        let aws = aws(aws_endpoint);
        let hooks = Hooks {
            aws: Some(Box::new(move |pool| pool.on(aws))),
            lease_client: Some(lease_client),
            ..Hooks::default()
        };
        let config = Config {
            installation: INSTALLATION.to_owned(),
            replica: Some("sandbox".to_owned()),
            sweep: SWEEP,
            admin_address: (Ipv4Addr::LOCALHOST, 0).into(),
            grace: GRACE,
            ..Config::default()
        };
        let stop = CancellationToken::new();
        let running = landbridge_controller::run(config, plane.client().await?, stop.clone(), hooks);
        Ok(Self { stop, task: Some(tokio::spawn(running)) })
    }

    /// What it ended with, when it has ended.
    pub(crate) async fn ended(&mut self) -> Option<String> {
        if !self.task.as_ref()?.is_finished() {
            return None;
        }
        Some(match self.task.take()?.await {
            Ok(Ok(())) => "it was not asked to".to_owned(),
            Ok(Err(error)) => format!("{error:#}"),
            Err(panic) => panic.to_string(),
        })
    }

    /// Asks it to end and waits until it has.
    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        if let Some(task) = self.task.take() {
            let _ = task.await;
        }
    }
}

/// An AWS environment that does not ask this process's own: whatever credentials and profiles the user has, none of them
/// is read, and no call leaves the machine.
fn aws(endpoint: &str) -> SdkConfig {
    let credentials = Credentials::new(CREDENTIALS.0, CREDENTIALS.1, None, None, "sandbox");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(REGION))
        .endpoint_url(endpoint)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(RetryConfig::disabled())
        .build()
}

impl Drop for Operator {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
