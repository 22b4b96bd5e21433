//! The sample shop, which most stories play in, and how they look at it.

use kube::Client;
use kube::api::{Api, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::NamespaceResourceScope;
use kube::{Resource, ResourceExt as _};
use landbridge_api::condition;
use landbridge_api::names::annotation;
use landbridge_api::v1alpha1::{AwsAccount, CloudMapNamespace, EcsCluster, EcsService, IamTaskRole};
use landbridge_plan::kind::Kind;
use landbridge_sandbox::install::SAMPLE;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{Stage, kstatus};

/// The Kubernetes namespace of the sample.
pub const NAMESPACE: &str = "shop";

/// The account, the cluster and the Cloud Map namespace of the sample.
pub const PLATFORM: &str = SAMPLE[0].1;
/// The ten-line service.
pub const WEB: &str = SAMPLE[1].1;
/// The service with a role, a name, logs and a circuit breaker.
pub const ORDERS: &str = SAMPLE[2].1;

/// Whether the object's status speaks of its present spec and says that it is ready.
pub fn is_ready<K: Kind>(object: &K) -> bool {
    object.stored().map(K::common).is_some_and(|common| {
        common.observed_generation == Some(object.generation())
            && condition::is_true(&common.conditions, condition::READY)
    })
}

/// Status and reason of the condition of that type.
pub fn reason<'a, K: Kind>(object: &'a K, type_: &str) -> Option<(&'a str, &'a str)> {
    let conditions = &object.stored().map(K::common)?.conditions;
    condition::find(conditions, type_).map(|c| (c.status.as_str(), c.reason.as_str()))
}

impl Stage {
    /// Applies the sample and waits until all of it is Current.
    pub async fn open_the_shop(&self) {
        for yaml in [PLATFORM, WEB, ORDERS] {
            self.apply(yaml).await;
        }
        self.until_current().await;
    }

    /// Waits until every object is Current in the sense of kstatus.
    pub async fn until_current(&self) {
        self.eventually("every object is Current", async || {
            let objects = self.objects().await;
            !objects.is_empty() && objects.iter().all(is_current)
        })
        .await;
    }

    /// Whether every object is Current in the sense of kstatus.
    pub async fn is_current(&self) -> bool {
        self.objects().await.iter().all(is_current)
    }

    /// The ECSServices of the sample.
    pub fn ecs_services(&self) -> Api<EcsService> {
        Api::namespaced(self.client.clone(), NAMESPACE)
    }

    /// Merges JSON into an object of the shop.
    pub async fn merge<K>(&self, name: &str, patch: Value) -> K
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned,
    {
        let api: Api<K> = Api::namespaced(self.client.clone(), NAMESPACE);
        api.patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap()
    }

    /// Gives the first container of a service another image.
    pub async fn set_image(&self, name: &str, image: &str) {
        let service: EcsService = self.get(NAMESPACE, name).await.unwrap();
        let mut containers = serde_json::to_value(service.spec.task_definition.unwrap().container_definitions).unwrap();
        containers[0]["image"] = image.into();
        let patch = json!({"spec": {"taskDefinition": {"containerDefinitions": containers}}});
        self.merge::<EcsService>(name, patch).await;
    }

    /// Asks for a look at every object by annotation, and waits until each has been looked at and is Current or, if it
    /// was not before, as it was.
    pub async fn reconcile_all_now(&self, value: &str) {
        let objects = self.objects().await;
        for object in &objects {
            let patch = json!({"metadata": {"annotations": {annotation::RECONCILE_NOW: value}}});
            let api = api_of(&self.client, object);
            api.patch(&object.name_any(), &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
        }
        self.eventually("every object is looked at", async || {
            self.objects().await.iter().all(|o| o.data["status"]["lastHandledReconcileAt"] == value)
        })
        .await;
    }

    /// Waits until sweeps have looked at the services this many times more.
    pub async fn sweeps(&self, times: usize) {
        let before = self.emulator.calls().count("ecs:DescribeServices");
        self.eventually("sweeps come round", async || {
            self.emulator.calls().count("ecs:DescribeServices") >= before + times
        })
        .await;
    }

    /// The calls since the last take that change something, as `action target outcome`.
    pub fn writes(&self) -> Vec<String> {
        let calls = self.emulator.calls();
        calls.writes().iter().map(|c| format!("{} {} {}", c.action, c.target, c.outcome)).collect()
    }

    /// Deletes every object, what is used before its users, without waiting.
    pub async fn delete_everything_in_the_wrong_order(&self) {
        let client = &self.client;
        self.delete(Api::<AwsAccount>::all(client.clone()), "default").await;
        self.delete(Api::<EcsCluster>::all(client.clone()), "prod").await;
        self.delete(Api::<CloudMapNamespace>::all(client.clone()), "shop.internal").await;
        for role in ["orders", "execution"] {
            self.delete(Api::<IamTaskRole>::namespaced(client.clone(), NAMESPACE), role).await;
        }
        for service in self.ecs_services().list(&ListParams::default()).await.unwrap().items {
            self.delete(self.ecs_services(), &service.name_any()).await;
        }
    }

    /// Waits until no object is left.
    pub async fn until_nothing_is_left(&self) {
        self.eventually("every object goes", async || self.objects().await.is_empty()).await;
    }
}

fn is_current(object: &DynamicObject) -> bool {
    kstatus::read(object) == kstatus::Reading::Current && kstatus::condition(&object.data["status"], "Ready").is_some()
}

fn api_of(client: &Client, object: &DynamicObject) -> Api<DynamicObject> {
    let kind = object.types.as_ref().map(|t| t.kind.as_str()).unwrap_or_default();
    let resource = Stage::kinds().into_iter().find(|k| k.kind == kind).expect("one of our kinds");
    match &object.metadata.namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    }
}
