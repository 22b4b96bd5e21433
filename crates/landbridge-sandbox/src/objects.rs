//! Every Landbridge object of a control plane, kept up to date by watches. Shows nothing by itself.

use std::collections::BTreeMap;

use futures::{StreamExt, stream};
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject},
    runtime::{
        WatchStreamExt,
        watcher::{self, Event, watcher},
    },
};
use landbridge_api::v1alpha1::{
    AwsAccount, CloudMapExport, CloudMapImport, CloudMapNamespace, EcsCluster, EcsService, IamTaskRole,
    TrafficMigration,
};
use tokio::{sync::watch, task::JoinHandle};

/// Place of the kind in the table, namespace, name.
pub type Key = (usize, String, String);

/// The objects, in the order of the table.
pub type Objects = BTreeMap<Key, DynamicObject>;

/// The kinds in the order of the table: what is used stands above what uses it.
pub fn kinds() -> [ApiResource; 8] {
    [
        ApiResource::erase::<AwsAccount>(&()),
        ApiResource::erase::<EcsCluster>(&()),
        ApiResource::erase::<CloudMapNamespace>(&()),
        ApiResource::erase::<IamTaskRole>(&()),
        ApiResource::erase::<EcsService>(&()),
        ApiResource::erase::<CloudMapExport>(&()),
        ApiResource::erase::<CloudMapImport>(&()),
        ApiResource::erase::<TrafficMigration>(&()),
    ]
}

/// A view of the objects that follows the API server for as long as this lives.
#[derive(Debug)]
pub struct Watched {
    objects: watch::Receiver<Objects>,
    task: JoinHandle<()>,
}

impl Watched {
    /// Starts the watches.
    pub fn start(client: &Client) -> Self {
        let (sender, objects) = watch::channel(Objects::new());
        let streams = kinds().into_iter().enumerate().map(|(place, kind)| {
            let api = Api::<DynamicObject>::all_with(client.clone(), &kind);
            let events = watcher(api, watcher::Config::default()).default_backoff();
            events.map(move |event| (place, event)).boxed()
        });
        let mut events = stream::select_all(streams);
        let task = tokio::spawn(async move {
            while let Some((place, event)) = events.next().await {
                match event {
                    Ok(event) => sender.send_modify(|objects| keep(objects, place, event)),
                    // The watch goes on by itself; what it missed comes with its next list.
                    Err(error) => tracing::debug!(%error, "a watch of the table"),
                }
            }
        });
        Self { objects, task }
    }

    /// The objects as they are known now.
    pub fn now(&self) -> Objects {
        self.objects.borrow().clone()
    }

    /// Returns when the objects have changed since the last call; never when the watches have ended.
    pub async fn changed(&mut self) {
        if self.objects.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The place of an object in the table.
pub fn key(place: usize, object: &DynamicObject) -> Key {
    let metadata = &object.metadata;
    (place, metadata.namespace.clone().unwrap_or_default(), metadata.name.clone().unwrap_or_default())
}

fn keep(objects: &mut Objects, place: usize, event: Event<DynamicObject>) {
    match event {
        // A new list: what it does not name is gone.
        Event::Init => objects.retain(|(kind, ..), _| *kind != place),
        Event::InitApply(object) | Event::Apply(object) => {
            objects.insert(key(place, &object), object);
        }
        Event::InitDone => {}
        Event::Delete(object) => {
            objects.remove(&key(place, &object));
        }
    }
}
