//! The whole crate against the emulator over HTTP, with its faults and quotas.

mod calls;
mod ecs_service;
mod execute;
mod observe;
mod pod_identity;
mod round;
mod sweep;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use landbridge_emulator::{Emulator, Server, Timings};
use landbridge_plan::account::AccountTarget;
use landbridge_plan::change::{Body, Change};
use landbridge_plan::plan::{Cause, Plan};
use landbridge_plan::verdict::ErrorClass;
use serde_json::{Value, json};

use crate::budget::Priority;
use crate::execute::{Executed, execute};
use crate::operations::Operation;
use crate::{Aws, AwsPool, Fence, Observer};

pub(super) const ACCOUNT: &str = "111122223333";
pub(super) const REGION: &str = "eu-central-1";

/// An emulator, a pool and a bundle that reaches it.
pub(super) struct World {
    pub(super) emulator: Emulator,
    pub(super) pool: AwsPool,
    pub(super) aws: Aws,
    pub(super) told: Arc<Told>,
    pub(super) target: AccountTarget,
    _server: Server,
}

/// What the observer was told, and whether writing is allowed.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) calls: Mutex<Vec<(&'static str, Option<ErrorClass>)>>,
    pub(super) fenced: std::sync::atomic::AtomicBool,
}

impl Observer for Told {
    fn called(&self, operation: &'static Operation, class: Option<ErrorClass>, _: Duration) {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push((operation.name, class));
    }
}

impl Fence for Told {
    fn may_write(&self, _: &AccountTarget) -> bool {
        !self.fenced.load(std::sync::atomic::Ordering::SeqCst)
    }
}

fn base() -> SdkConfig {
    let credentials = Credentials::new("AKIDTEST", "secret", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(REGION))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(RetryConfig::disabled())
        .build()
}

pub(super) async fn world() -> World {
    let emulator = Emulator::builder().account(ACCOUNT).region(REGION).timings(Timings::quick()).build();
    let server = emulator.serve(([127, 0, 0, 1], 0).into()).await.unwrap();
    let told = Arc::new(Told::default());
    let pool = AwsPool::new(told.clone(), told.clone()).on(base());
    let target = AccountTarget {
        account_id: ACCOUNT.into(),
        region: REGION.into(),
        partition: "aws".into(),
        endpoint_url: Some(server.url()),
        installation: "test".into(),
        ..AccountTarget::default()
    };
    let aws = pool.get(&target).await;
    World { emulator, pool, aws, told, target, _server: server }
}

pub(super) fn body(json: &Value) -> Body {
    json.as_object().unwrap().clone()
}

pub(super) fn cluster(name: &str) -> Change {
    Change::CreateCluster { name: name.into(), body: Body::new() }
}

pub(super) fn task_definition(family: &str) -> Change {
    let json = json!({
        "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": 256, "memory": "512",
        "containerDefinitions": [{"name": "web", "image": "nginx:1"}],
        "tags": [{"key": "landbridge.dev/content", "value": "hash-1"}],
    });
    Change::RegisterTaskDefinition { family: family.into(), content: "hash-1".into(), body: body(&json) }
}

pub(super) fn service(cluster: &str, name: &str, task_definition: &str) -> Change {
    let json = json!({
        "taskDefinition": task_definition, "desiredCount": 1, "launchType": "FARGATE", "clientToken": format!("t-{name}"),
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
        "tags": [{"key": "landbridge.dev/owner", "value": format!("ECSService/shop/{name}")}],
    });
    Change::CreateService { cluster: cluster.into(), name: name.into(), body: body(&json) }
}

/// A plan of steps `(id, after, change)`.
pub(super) fn plan(steps: &[(&str, &[&str], Change)]) -> Plan {
    let mut plan = Plan::of("test");
    for (id, after, change) in steps {
        plan.step(id, Cause::Spec, after, change.clone());
    }
    plan
}

impl World {
    pub(super) async fn run(&self, steps: &[(&str, &[&str], Change)]) -> Executed {
        execute(&plan(steps), &self.aws, &crate::NoKubernetes, Priority::Deploy).await
    }

    /// Cluster `prod` and a task definition `web`, ready for services.
    pub(super) async fn with_cluster(self) -> Self {
        let done = self.run(&[("c", &[], cluster("prod")), ("t", &[], task_definition("web"))]).await;
        assert_eq!(done.failure, None);
        self
    }

    /// Services `web-0` … in cluster `prod`.
    pub(super) async fn with_services(self, count: usize) -> Self {
        let world = self.with_cluster().await;
        let steps: Vec<_> =
            (0..count).map(|n| (format!("s{n}"), service("prod", &format!("web-{n}"), "web"))).collect();
        let mut plan = Plan::of("test");
        for (id, change) in steps {
            plan.step(&id, Cause::Spec, &[], change);
        }
        let done = execute(&plan, &world.aws, &crate::NoKubernetes, Priority::Deploy).await;
        assert_eq!(done.failure, None);
        world
    }

    pub(super) fn count(&self, action: &str) -> usize {
        self.emulator.calls().count(action)
    }

    /// The same account as another process would see it: with nothing remembered.
    pub(super) async fn afresh(&self) -> Aws {
        AwsPool::new(self.told.clone(), self.told.clone()).on(base()).get(&self.target).await
    }
}
