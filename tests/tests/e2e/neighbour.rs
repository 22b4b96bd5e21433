//! A shop with one healthy service, `shop/web`, beside which a test puts something else.

use std::time::{Duration, Instant};

use kube::api::{ApiResource, DeleteParams, DynamicObject};
use kube::{Api, CustomResourceExt as _};
use landbridge_api::condition::{self, STALLED};
use landbridge_api::v1alpha1::{AwsAccount, CloudMapNamespace, EcsCluster, EcsService, IamTaskRole};
use landbridge_sandbox::install::apply_yaml;
use landbridge_tests::{Stage, kstatus, outsider};
use serde_json::{Value, json};

/// What the platform team keeps.
pub const PLATFORM: &str = r"
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Namespace
metadata: {name: blog}
---
apiVersion: landbridge.dev/v1alpha1
kind: AWSAccount
metadata: {name: default}
spec: {region: us-east-1, allowedNamespaces: {names: ['*']}}
---
apiVersion: landbridge.dev/v1alpha1
kind: ECSCluster
metadata: {name: prod}
spec:
  allowedNamespaces: {names: [shop]}
  serviceDefaults:
    launchType: FARGATE
    networkConfiguration: {awsvpcConfiguration: {subnets: [subnet-0a1b2c3d4e5f60001]}}
";

/// How long anything may take on a machine that compiles beside the tests.
const PATIENCE: Duration = Duration::from_secs(90);

/// A stage with the platform and a healthy `shop/web`.
pub struct Shop {
    pub stage: Stage,
    web: EcsService,
}

impl Shop {
    /// Opens it, and forgets the AWS calls that took.
    pub async fn open() -> Self {
        let stage = Stage::start(30.0).await;
        stage.apply(PLATFORM).await;
        stage.apply(&service("web", "", "")).await;
        let web = stage.until("shop", "web", "ready", is_ready).await;
        stage.emulator.take_calls();
        Self { stage, web }
    }

    /// Applies what must be refused at admission, and gives what the API server says.
    pub async fn refused(&self, yaml: &str) -> String {
        match apply_yaml(&self.stage.client, "test", yaml).await {
            Ok(_) => panic!("the API server took it:\n{yaml}"),
            Err(error) => format!("{:#}", anyhow::Error::from(error)),
        }
    }

    /// Waits until the object's `Ready` has that reason for what the spec says now. Its message is given.
    pub async fn says(&self, object: &str, reason: &str) -> String {
        let is = |o: &DynamicObject| ready(o).is_some_and(|c| c["reason"] == reason);
        let found = self.until(object, reason, is).await;
        ready(&found).and_then(|c| c["message"].as_str()).unwrap_or_default().to_owned()
    }

    /// [`Shop::says`], and the object is `Stalled`: nothing but an edit helps, and its message says which.
    pub async fn stalls(&self, object: &str, reason: &str, words: &[&str]) {
        let is = |o: &DynamicObject| {
            kstatus::condition(&o.data["status"], STALLED).is_some() && ready(o).is_some_and(|c| c["reason"] == reason)
        };
        let found = self.until(object, &format!("stalled for {reason}"), is).await;
        let message = ready(&found).and_then(|c| c["message"].as_str()).unwrap_or_default();
        assert_eq!(kstatus::read(&found), kstatus::Reading::Failed, "{object}: {:#}", found.data);
        for word in words {
            assert!(message.contains(word), "{object} does not say {word:?}: {message}");
        }
    }

    /// Waits until the object is as `wanted` says, judged by a status that speaks of the newest spec.
    pub async fn until(&self, object: &str, what: &str, wanted: impl Fn(&DynamicObject) -> bool) -> DynamicObject {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = self.get(object).await;
            match found {
                Some(found) if is_current(&found) && wanted(&found) => return found,
                other if Instant::now() > deadline => {
                    panic!("{object} did not become {what}: {:#}", other.map_or(Value::Null, |o| o.data))
                }
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    /// Waits until the object is gone.
    pub async fn gone(&self, object: &str) {
        let deadline = Instant::now() + PATIENCE;
        while let Some(found) = self.get(object).await {
            assert!(Instant::now() < deadline, "{object} is still there: {:#}", found.data["status"]);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The object `Kind/name` or `Kind/namespace/name`.
    pub async fn get(&self, object: &str) -> Option<DynamicObject> {
        let (api, name) = self.api(object);
        api.get_opt(name).await.unwrap()
    }

    /// The API and the name of `Kind/name` or `Kind/namespace/name`.
    pub fn api<'a>(&self, object: &'a str) -> (Api<DynamicObject>, &'a str) {
        let mut parts = object.split('/');
        let resource = resource(parts.next().unwrap());
        match (parts.next(), parts.next()) {
            (Some(namespace), Some(name)) => {
                (Api::namespaced_with(self.stage.client.clone(), namespace, &resource), name)
            }
            (Some(name), None) => (Api::all_with(self.stage.client.clone(), &resource), name),
            _ => panic!("{object} names no object"),
        }
    }

    /// Asks for the deletion of the object.
    pub async fn delete(&self, object: &str) {
        let (api, name) = self.api(object);
        api.delete(name, &DeleteParams::default()).await.unwrap();
    }

    /// Fails unless `shop/web` is what it was when the shop opened, and AWS was asked to change nothing of it.
    pub async fn web_is_undisturbed(&self) {
        let now: EcsService = self.stage.get("shop", "web").await.unwrap();
        let (before, status) = (self.web.status.as_ref().unwrap(), now.status.as_ref().unwrap());
        let ready_since =
            |s: &landbridge_api::v1alpha1::EcsServiceStatus| condition::find(&s.common.conditions, "Ready").cloned();
        assert_eq!(ready_since(status), ready_since(before));
        assert_eq!(status.deployment, before.deployment);
        assert_eq!(status.task_definition, before.task_definition);
        let calls = self.stage.emulator.calls();
        let of_web = |c: &&landbridge_emulator::Call| c.target.contains("web");
        assert_eq!(
            calls.writes().into_iter().filter(of_web).collect::<Vec<_>>(),
            Vec::<&landbridge_emulator::Call>::new()
        );
    }

    /// Fails if AWS was asked to change anything at all since the shop opened.
    pub fn nothing_was_written(&self) {
        assert_eq!(self.stage.emulator.calls().writes(), Vec::<&landbridge_emulator::Call>::new());
    }
}

/// A small service of the namespace `shop`, with more lines for the spec and for its one container.
pub fn service(name: &str, spec: &str, container: &str) -> String {
    service_in("shop", name, spec, container)
}

/// [`service`] of another namespace.
pub fn service_in(namespace: &str, name: &str, spec: &str, container: &str) -> String {
    let cluster = if spec.contains("clusterRef") { "" } else { "\n  clusterRef: {name: prod}" };
    let size = if spec.contains("taskDefinition") {
        String::new()
    } else {
        format!(
            "
  taskDefinition:
    cpu: '256'
    memory: '512'
    containerDefinitions:
      - name: main
        image: public.ecr.aws/nginx/nginx:1.29{}",
            indented(container, 8)
        )
    };
    format!(
        "
apiVersion: landbridge.dev/v1alpha1
kind: ECSService
metadata: {{name: '{name}', namespace: {namespace}}}
spec:{cluster}
  desiredCount: 1{size}{}
",
        indented(spec, 2)
    )
}

/// An object of a cluster-scoped kind, or of namespace `shop` when it is an IAMTaskRole.
pub fn object(kind: &str, name: &str, spec: &str) -> String {
    let namespace = if kind == "IAMTaskRole" { ", namespace: shop" } else { "" };
    let spec = indented(spec, 2);
    format!(
        "\napiVersion: landbridge.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: '{name}'{namespace}}}\nspec:{spec}\n"
    )
}

fn indented(lines: &str, by: usize) -> String {
    let lines = lines.lines().filter(|l| !l.trim().is_empty());
    lines.map(|line| format!("\n{:by$}{line}", "")).collect::<Vec<_>>().concat()
}

/// Somebody else creates an IAM role with that path, which lets the principal assume it.
pub fn create_role(shop: &Shop, name: &str, path: &str, principal: &Value) {
    let statement = json!({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"});
    let trust = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
    let parameters = [("RoleName", name), ("Path", path), ("AssumeRolePolicyDocument", trust.as_str())];
    outsider::iam(&shop.stage.emulator, "CreateRole", &parameters);
}

/// Whether the service is ready as its newest spec says.
pub fn is_ready(service: &EcsService) -> bool {
    service.status.as_ref().is_some_and(|s| {
        s.common.observed_generation == service.metadata.generation
            && condition::is_true(&s.common.conditions, condition::READY)
    })
}

/// Whether any object is.
pub fn is_up(object: &DynamicObject) -> bool {
    ready(object).is_some_and(|c| c["status"] == "True")
}

fn ready(object: &DynamicObject) -> Option<&Value> {
    object.data["status"]["conditions"].as_array()?.iter().find(|c| c["type"] == "Ready")
}

fn is_current(object: &DynamicObject) -> bool {
    object.data["status"]["observedGeneration"].as_i64() == object.metadata.generation
}

fn resource(kind: &str) -> ApiResource {
    match kind {
        "AWSAccount" => AwsAccount::api_resource(),
        "ECSCluster" => EcsCluster::api_resource(),
        "CloudMapNamespace" => CloudMapNamespace::api_resource(),
        "IAMTaskRole" => IamTaskRole::api_resource(),
        "ECSService" => EcsService::api_resource(),
        other => panic!("there is no kind {other}"),
    }
}
