//! The SDK clients of one account and Region, and the pool that keeps them.
//!
//! Region, endpoint, credentials and profiles come from AWS's own environment (`AWS_ENDPOINT_URL`, `AWS_PROFILE`, IRSA,
//! Pod Identity, container and instance roles) and then from the AWSAccount. The SDK repeats nothing by itself, so every
//! attempt passes our budget and our classes.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use jiff::Timestamp;
use landbridge_plan::account::AccountTarget;
use landbridge_plan::verdict::ErrorClass;
use tokio::sync::OnceCell;

use crate::budget::{BucketSnapshot, Budgets};
use crate::clock::Clock;
use crate::error::AwsError;
use crate::gates::{Desk, Signer, Tokens};
use crate::memory::Memory;
use crate::observer::{Alone, Fence, Observer};
use crate::operations as op;

const CONNECT: Duration = Duration::from_secs(3);
const ATTEMPT: Duration = Duration::from_secs(30);
const SESSION_NAME: &str = "landbridge";

/// One account and Region as Landbridge sees it. Clones share everything.
#[derive(Clone)]
pub struct Aws(Arc<Inner>);

struct Inner {
    target: AccountTarget,
    ecs: aws_sdk_ecs::Client,
    eks: aws_sdk_eks::Client,
    iam: aws_sdk_iam::Client,
    map: aws_sdk_servicediscovery::Client,
    logs: aws_sdk_cloudwatchlogs::Client,
    sts: aws_sdk_sts::Client,
    elb: aws_sdk_elasticloadbalancingv2::Client,
    dns: aws_sdk_route53::Client,
    scaling: aws_sdk_applicationautoscaling::Client,
    watch: aws_sdk_cloudwatch::Client,
    /// Asks for the gates of migrations; a process that only looks has none.
    desk: Option<Arc<Desk>>,
    /// Signs what no client of the SDK sends, if there are credentials at all.
    signer: Option<Signer>,
    budgets: Arc<Budgets>,
    fence: Arc<dyn Fence>,
    observer: Arc<dyn Observer>,
    memory: Memory,
    clock: Clock,
    /// Whence the clients of other accounts come.
    pool: Weak<Pool>,
}

impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Aws").field(&self.0.target.shard()).finish()
    }
}

impl Aws {
    /// The account that the calls go to.
    pub fn target(&self) -> &AccountTarget {
        &self.0.target
    }
    pub(crate) fn ecs(&self) -> &aws_sdk_ecs::Client {
        &self.0.ecs
    }
    pub(crate) fn eks(&self) -> &aws_sdk_eks::Client {
        &self.0.eks
    }
    pub(crate) fn iam(&self) -> &aws_sdk_iam::Client {
        &self.0.iam
    }
    pub(crate) fn map(&self) -> &aws_sdk_servicediscovery::Client {
        &self.0.map
    }
    pub(crate) fn logs(&self) -> &aws_sdk_cloudwatchlogs::Client {
        &self.0.logs
    }
    pub(crate) fn sts(&self) -> &aws_sdk_sts::Client {
        &self.0.sts
    }
    pub(crate) fn elb(&self) -> &aws_sdk_elasticloadbalancingv2::Client {
        &self.0.elb
    }
    pub(crate) fn dns(&self) -> &aws_sdk_route53::Client {
        &self.0.dns
    }
    pub(crate) fn scaling(&self) -> &aws_sdk_applicationautoscaling::Client {
        &self.0.scaling
    }
    pub(crate) fn watch(&self) -> &aws_sdk_cloudwatch::Client {
        &self.0.watch
    }
    pub(crate) fn desk(&self) -> Option<&Arc<Desk>> {
        self.0.desk.as_ref()
    }
    pub(crate) fn signer(&self) -> Option<&Signer> {
        self.0.signer.as_ref()
    }
    /// The clients of another account, from the same pool.
    ///
    /// # Errors
    /// When the pool is gone: the process ends.
    pub(crate) async fn beside(&self, target: &AccountTarget) -> Result<Self, AwsError> {
        let ended = || AwsError::new(op::GET_CALLER_IDENTITY, ErrorClass::Transient, "the process ends".to_owned());
        Ok(self.0.pool.upgrade().ok_or_else(ended)?.get(target).await)
    }
    pub(crate) fn budgets(&self) -> &Budgets {
        &self.0.budgets
    }
    pub(crate) fn fence(&self) -> &dyn Fence {
        self.0.fence.as_ref()
    }
    pub(crate) fn observer(&self) -> &dyn Observer {
        self.0.observer.as_ref()
    }
    pub(crate) fn memory(&self) -> &Memory {
        &self.0.memory
    }
    pub(crate) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }
}

/// The clients of every account that is in use.
pub struct AwsPool(Arc<Pool>);

struct Pool {
    base: OnceCell<SdkConfig>,
    budgets: Arc<Budgets>,
    fence: Arc<dyn Fence>,
    observer: Arc<dyn Observer>,
    /// What the gates of migrations are asked with; nothing: nobody asks.
    gates: Option<Tokens>,
    clock: Clock,
    bundles: Mutex<HashMap<(Option<String>, String), Aws>>,
}

impl fmt::Debug for AwsPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsPool").field("accounts", &lock(&self.0.bundles).len()).finish_non_exhaustive()
    }
}

impl Default for AwsPool {
    fn default() -> Self {
        Self(Arc::new(Pool::new(Arc::new(Alone), Arc::new(Alone), None)))
    }
}

impl AwsPool {
    /// An empty pool. `fence` is asked before every write, `observer` told of every call. Gates of migrations are asked;
    /// the default pool, that of somebody who only looks, asks none.
    pub fn new(fence: Arc<dyn Fence>, observer: Arc<dyn Observer>) -> Self {
        Self(Arc::new(Pool::new(fence, observer, Some(Tokens::default()))))
    }

    /// Uses this configuration in place of what AWS's own environment says.
    #[must_use]
    pub fn on(self, base: SdkConfig) -> Self {
        Self(Arc::new(Pool { base: OnceCell::new_with(Some(base)), ..self.0.anew() }))
    }

    /// Shows hosts that gates of migrations name their tokens from this directory, whose files are named after hosts.
    #[must_use]
    pub fn with_gate_tokens(self, directory: Option<PathBuf>) -> Self {
        let base = self.0.base.get().cloned();
        let gates = self.0.gates.is_some().then_some(Tokens(directory));
        Self(Arc::new(Pool { base: OnceCell::new_with(base), gates, ..self.0.anew() }))
    }

    /// Takes the present from this clock.
    #[must_use]
    pub fn by(self, clock: Clock) -> Self {
        let base = self.0.base.get().cloned();
        Self(Arc::new(Pool { base: OnceCell::new_with(base), clock, ..self.0.anew() }))
    }

    /// The present.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// The clients of an account; made when they are first asked for, and again when the account's settings changed.
    pub async fn get(&self, target: &AccountTarget) -> Aws {
        self.0.get(target).await
    }

    /// Drops the clients of an AWSAccount that is gone.
    pub fn forget(&self, account: Option<&str>) {
        lock(&self.0.bundles).retain(|(name, _), _| name.as_deref() != account);
    }

    /// Every request bucket in use.
    pub fn budgets(&self) -> Vec<BucketSnapshot> {
        self.0.budgets.snapshot()
    }

    /// The Region that the process's own AWS environment names.
    pub async fn environment_region(&self) -> Option<String> {
        self.0.base().await.region().map(ToString::to_string)
    }
}

impl Pool {
    fn new(fence: Arc<dyn Fence>, observer: Arc<dyn Observer>, gates: Option<Tokens>) -> Self {
        let (base, budgets, bundles) = (OnceCell::new(), Arc::default(), Mutex::default());
        Self { base, budgets, fence, observer, gates, clock: Clock::default(), bundles }
    }

    /// The same without clients.
    fn anew(&self) -> Self {
        let pool = Self::new(Arc::clone(&self.fence), Arc::clone(&self.observer), self.gates.clone());
        Self { clock: self.clock.clone(), ..pool }
    }

    async fn get(self: &Arc<Self>, target: &AccountTarget) -> Aws {
        let key = (target.name.clone(), target.account_id.clone());
        if let Some(aws) = lock(&self.bundles).get(&key)
            && reaches_alike(aws.target(), target)
        {
            return aws.clone();
        }
        let aws = Box::pin(self.connect(target)).await;
        let mut bundles = lock(&self.bundles);
        // Passes that come first connect side by side. They must end up with the same clients: budgets aside, what one
        // remembers or watches through its own the others would not see.
        if let Some(quicker) = bundles.get(&key).filter(|quicker| reaches_alike(quicker.target(), target)) {
            return quicker.clone();
        }
        bundles.insert(key, aws.clone());
        aws
    }

    async fn base(&self) -> &SdkConfig {
        self.base
            .get_or_init(|| {
                aws_config::defaults(BehaviorVersion::v2026_01_12())
                    .retry_config(RetryConfig::disabled())
                    .timeout_config(
                        TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(ATTEMPT).build(),
                    )
                    .load()
            })
            .await
    }

    async fn connect(self: &Arc<Self>, target: &AccountTarget) -> Aws {
        let base = self.base().await;
        let mut builder = base.clone().into_builder().region(Region::new(target.region.clone()));
        let endpoint = target.endpoint_url.as_deref();
        builder.set_endpoint_url(endpoint.or(base.endpoint_url()).map(str::to_owned));
        if base.http_client().is_none() && is_plain(endpoint.or(base.endpoint_url())) {
            // No certificates are looked for when none will be needed: they may be absent or unreadable.
            builder = builder.http_client(aws_smithy_http_client::Builder::new().build_http());
        }
        let mut config = builder.build();
        if let Some(role) = &target.assume_role {
            let mut provider = AssumeRoleProvider::builder(&role.role_arn)
                .session_name(role.session_name.as_deref().unwrap_or(SESSION_NAME))
                .region(Region::new(target.region.clone()))
                .configure(&config);
            if let Some(id) = &role.external_id {
                provider = provider.external_id(id);
            }
            let provider = SharedCredentialsProvider::new(provider.build().await);
            config = config.into_builder().credentials_provider(provider).build();
        }
        Aws(Arc::new(self.bundle(target, &config)))
    }

    fn bundle(self: &Arc<Self>, target: &AccountTarget, config: &SdkConfig) -> Inner {
        // An endpoint of the AWSAccount goes before the environment's endpoints of single services.
        macro_rules! client {
            ($sdk:ident) => {{
                let mut builder = $sdk::config::Builder::from(config);
                if let Some(url) = &target.endpoint_url {
                    builder = builder.endpoint_url(url);
                }
                $sdk::Client::from_conf(builder.build())
            }};
        }
        Inner {
            target: target.clone(),
            ecs: client!(aws_sdk_ecs),
            eks: client!(aws_sdk_eks),
            iam: client!(aws_sdk_iam),
            map: client!(aws_sdk_servicediscovery),
            logs: client!(aws_sdk_cloudwatchlogs),
            sts: client!(aws_sdk_sts),
            elb: client!(aws_sdk_elasticloadbalancingv2),
            dns: client!(aws_sdk_route53),
            scaling: client!(aws_sdk_applicationautoscaling),
            watch: client!(aws_sdk_cloudwatch),
            desk: self.gates.clone().map(|tokens| Arc::new(Desk::new(tokens))),
            signer: config
                .credentials_provider()
                .map(|provider| Signer::new(&target.account_id, provider, self.clock.clone())),
            budgets: Arc::clone(&self.budgets),
            fence: Arc::clone(&self.fence),
            observer: Arc::clone(&self.observer),
            memory: Memory::default(),
            clock: self.clock.clone(),
            pool: Arc::downgrade(self),
        }
    }
}

/// Whether calls to both go to the same place as the same identity at the same rate.
fn reaches_alike(a: &AccountTarget, b: &AccountTarget) -> bool {
    a.region == b.region && a.assume_role == b.assume_role && a.endpoint_url == b.endpoint_url && a.quotas == b.quotas
}

/// Whether every call goes over plain HTTP.
fn is_plain(endpoint: Option<&str>) -> bool {
    let single = std::env::vars_os().any(|(name, value)| {
        name.to_string_lossy().starts_with("AWS_ENDPOINT_URL_") && value.to_string_lossy().starts_with("https")
    });
    endpoint.is_some_and(|url| url.starts_with("http://")) && !single
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
