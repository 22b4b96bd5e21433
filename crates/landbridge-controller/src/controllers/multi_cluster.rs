//! ServiceExports: the CloudMapExport that stands for each, and its conditions. ServiceImports are part of a CloudMapImport's
//! plan, and only watched here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::future::{join, join_all, join3};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use kube::api::{ApiResource, DynamicObject};
use kube::core::{GroupVersionKind, NamespaceResourceScope};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, Resource};
use landbridge_api::names::label;
use landbridge_api::v1alpha1::CloudMapExport;
use landbridge_aws::Kubernetes as _;
use landbridge_plan::account::{AccountTarget, account_for};
use landbridge_plan::change::Change;
use landbridge_plan::kind::Kind as _;
use landbridge_plan::multi_cluster::{GROUP, ServiceExport, Surroundings, plan, removal, stands_for};
use landbridge_plan::objects::Objects as _;
use landbridge_plan::verdict::{ErrorClass, Failure};
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::context::{Operator, shard};
use crate::mirror::{Shelf, Small};
use crate::multi_cluster::Around;
use crate::objects::World;
use crate::optional::{Optional, SERVICE_EXPORTS, SERVICE_IMPORTS};

/// How long changes gather before the ServiceExports are looked at.
const GATHER: Duration = Duration::from_millis(50);
/// How often they are looked at without a reason, and after a failure.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
const AFTER_A_FAILURE: Duration = Duration::from_secs(3);
/// ServiceExports that are written at once.
const AT_ONCE: usize = 8;

/// Looks which kinds are served, again and again, and watches those that are.
pub async fn follow(operator: Arc<Operator>, client: Client, settings: watcher::Config, namespaces: Vec<String>) {
    let world = &operator.world;
    let looking = async {
        loop {
            if world.multi_cluster.look(&client).await {
                world.multi_cluster.wake();
                wake_imports(world, |_, _| true);
            }
            tokio::time::sleep(operator.config.optional_look).await;
        }
    };
    let watch = Watch { optional: &world.multi_cluster.optional, client: &client, settings, namespaces };
    let exports = watch.follow(SERVICE_EXPORTS, &world.multi_cluster.exports, |_| world.multi_cluster.wake());
    let imports = async {
        world.multi_cluster.wants_imports().await;
        let changed = |one: Option<(&str, &str)>| match one {
            Some((namespace, name)) => wake_imports(world, |n, i| n == namespace && i == name),
            None => wake_imports(world, |_, _| true),
        };
        watch.follow(SERVICE_IMPORTS, &world.multi_cluster.imports, changed).await;
    };
    join3(Box::pin(looking), Box::pin(exports), Box::pin(imports)).await;
}

/// Wakes the imports of such a namespace and Service that have to do with ServiceImports.
fn wake_imports(world: &World, is: impl Fn(&str, &str) -> bool) {
    world.imports.wake_where(|i| {
        let made = i.status.as_ref().is_some_and(|s| s.service_import.is_some());
        (made || i.spec.service_import == Some(true))
            && is(i.object_namespace(), &landbridge_plan::cloud_map_import::service_name(i))
    });
}

/// How an optional kind is watched.
struct Watch<'a> {
    optional: &'a Optional,
    client: &'a Client,
    settings: watcher::Config,
    namespaces: Vec<String>,
}

impl Watch<'_> {
    /// Follows the kind whenever it is served, in the version that is.
    async fn follow<T>(&self, crd: &str, shelf: &Shelf<T>, changed: impl Fn(Option<(&str, &str)>))
    where
        T: Small,
        T::Whole: Resource<Scope = NamespaceResourceScope> + DeserializeOwned,
    {
        let mut version = None;
        loop {
            version = match &version {
                None => self.optional.becomes_other_than(crd, None).await,
                Some(now) => {
                    let other = self.optional.becomes_other_than(crd, Some(now));
                    tokio::select! {
                        other = other => other,
                        () = self.while_served(now, shelf, &changed) => None,
                    }
                }
            };
        }
    }

    async fn while_served<T>(&self, version: &str, shelf: &Shelf<T>, changed: &impl Fn(Option<(&str, &str)>))
    where
        T: Small,
        T::Whole: Resource<Scope = NamespaceResourceScope> + DeserializeOwned,
    {
        let kind = T::Whole::kind(&()).into_owned();
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk(GROUP, version, &kind));
        shelf.begin(self.namespaces.len().max(1));
        let events = |api: Api<DynamicObject>| {
            let whole = watcher(api, self.settings.clone()).default_backoff();
            whole.try_filter_map(|event| std::future::ready(Ok(typed(event))))
        };
        if self.namespaces.is_empty() {
            return shelf.follow(None, events(Api::all_with(self.client.clone(), &kind)), changed).await;
        }
        let each = self.namespaces.iter().map(|namespace| {
            let api = Api::namespaced_with(self.client.clone(), namespace, &kind);
            shelf.follow(Some(namespace), events(api), changed)
        });
        join_all(each).await;
    }
}

/// The event with the object as its type. One that cannot be read is left out.
fn typed<T: Resource + DeserializeOwned>(event: Event<DynamicObject>) -> Option<Event<T>> {
    let read = |object: DynamicObject| match serde_json::to_value(object).and_then(serde_json::from_value::<T>) {
        Ok(object) => Some(object),
        Err(error) => {
            tracing::warn!(%error, "an object of an optional kind cannot be read and is left out");
            None
        }
    };
    match event {
        Event::Apply(object) => read(object).map(Event::Apply),
        Event::Delete(object) => read(object).map(Event::Delete),
        Event::Init => Some(Event::Init),
        Event::InitApply(object) => read(object).map(Event::InitApply),
        Event::InitDone => Some(Event::InitDone),
    }
}

/// Looks at all ServiceExports whenever something is otherwise around them, until `stop`.
pub async fn work_off(operator: Arc<Operator>, stop: CancellationToken) {
    let mut pause = LOOK_AGAIN;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = operator.world.multi_cluster.woken() => tokio::time::sleep(GATHER).await,
            () = tokio::time::sleep(pause) => {}
        }
        pause = if pass(&operator).await { LOOK_AGAIN } else { AFTER_A_FAILURE };
    }
}

/// One look at all of them. Says whether everything went well.
async fn pass(operator: &Operator) -> bool {
    let world = &operator.world;
    let multi_cluster = &world.multi_cluster;
    let (Some(version), Some(around)) = (multi_cluster.optional.version(SERVICE_EXPORTS), multi_cluster.around())
    else {
        return true;
    };
    let Some(all) = multi_cluster.exports.all() else { return true };
    let mut by_name: BTreeMap<(String, String), Vec<Arc<CloudMapExport>>> = BTreeMap::new();
    for export in world.exports.store().state() {
        let names = BTreeSet::from([export.object_name(), &export.spec.service_ref.name]);
        for name in names {
            by_name.entry((export.object_namespace().to_owned(), name.to_owned())).or_default().push(export.clone());
        }
    }
    let known: BTreeSet<(&str, &str)> = all.iter().map(|e| (e.namespace.as_str(), e.name.as_str())).collect();
    let is_orphan = |e: &CloudMapExport| {
        stands_for(e, &world.installation).is_some_and(|name| !known.contains(&(e.object_namespace(), name)))
            && !e.is_deleting()
    };
    let orphans = stream::iter(world.exports.store().state_filter(is_orphan)).map(|orphan| async move {
        let account = account(world, Some(&orphan.spec.namespace_ref.name));
        write(operator, &removal(&orphan), &account).await
    });
    let each = stream::iter(all.clone()).map(|export| {
        let exports = by_name.get(&(export.namespace.clone(), export.name.clone())).cloned().unwrap_or_default();
        converge(operator, export, &version, &around, exports)
    });
    let all_went_well = async |well: bool, one: bool| well && one;
    let (orphans, each) = join(
        orphans.buffer_unordered(AT_ONCE).fold(true, all_went_well),
        each.buffer_unordered(AT_ONCE).fold(true, all_went_well),
    )
    .await;
    orphans && each
}

/// Writes what one ServiceExport needs. Says whether that went well.
async fn converge(
    operator: &Operator,
    export: Arc<ServiceExport>,
    version: &str,
    around: &Around,
    exports: Vec<Arc<CloudMapExport>>,
) -> bool {
    let world = &operator.world;
    let label = world.namespace_labels(&export.namespace).remove(label::CLOUD_MAP_NAMESPACE);
    let named = export.cloud_map_namespace.as_ref().or(label.as_ref());
    if named.is_none() && exports.is_empty() {
        return true;
    }
    let account = account(world, named.or_else(|| exports.first().map(|e| &e.spec.namespace_ref.name)));
    if operator.leases.tenure(&shard(&account)).await.is_none() {
        return true;
    }
    // Services that are not listed yet wake this when they are.
    let Ok(service) = world.mirror.service(&export.namespace, &export.name) else { return true };
    let surroundings = Surroundings {
        version: version.to_owned(),
        service,
        exports,
        cloud_map_namespace: label,
        foreign: around.foreign.clone(),
        identity: around.identity.clone(),
        installation: world.installation.clone(),
    };
    let plan = plan(&export, &surroundings, Timestamp::now());
    let mut well = true;
    if let Some(change) = &plan.change {
        well = write(operator, change, &account).await;
    }
    if let Some(conditions) = plan.conditions {
        let patch = json!({
            "metadata": {"resourceVersion": export.resource_version},
            "status": {"conditions": conditions},
        });
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk(GROUP, version, "ServiceExport"));
        let path = DynamicObject::url_path(&kind, Some(&export.namespace));
        match operator.api.merge_status(&path, &export.name, &patch).await {
            Ok(answer) => world.multi_cluster.wrote("ServiceExport", &answer),
            Err(failure) => well &= is_over(&export, &failure),
        }
    }
    well
}

/// Whether a write of a status that failed need not be tried again: the object is gone, or its change is under way to us.
fn is_over(export: &ServiceExport, failure: &Failure) -> bool {
    let over = matches!(failure.class, ErrorClass::NotFound | ErrorClass::Conflict);
    if !over {
        let (namespace, name) = (&export.namespace, &export.name);
        tracing::warn!(namespace, name, message = failure.message, "the status of a ServiceExport cannot be written");
    }
    over
}

async fn write(operator: &Operator, change: &Change, account: &AccountTarget) -> bool {
    if operator.leases.tenure(&shard(account)).await.is_none() {
        return true;
    }
    match operator.writer.write(change, account).await {
        Ok(()) => {
            tracing::info!(operation = change.operation(), target = change.target(), "done for a ServiceExport");
            true
        }
        Err(failure) => {
            let (operation, message) = (&failure.operation, &failure.message);
            tracing::warn!(
                operation,
                target = change.target(),
                message,
                "a ServiceExport's CloudMapExport was not written"
            );
            false
        }
    }
}

/// The account of a CloudMapNamespace. One that is not there, or has no account yet, is nobody's.
fn account(world: &World, namespace: Option<&String>) -> Arc<AccountTarget> {
    let found = namespace.and_then(|name| world.cloud_map_namespace(name));
    let account = found.and_then(|n| account_for(world, n.spec.account_ref.as_ref(), None).ok());
    account.unwrap_or_else(|| {
        Arc::new(AccountTarget { installation: world.installation.clone(), ..AccountTarget::default() })
    })
}
