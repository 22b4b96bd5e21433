//! The watches themselves: which objects they ask for, what they strip, and what happens to an object that cannot be read.

use std::future::ready;
use std::sync::Arc;

use futures::{Stream, StreamExt};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Namespace;
use kube::core::{DeserializeGuard, PartialObjectMeta};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use landbridge_api::condition::{self, reason};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::api_server::ApiServer;
use crate::feed::{Watched, strip};

/// A watch of a kind. An object that cannot be read is reported on itself and left out: it must not stop the others.
pub fn of<K: Watched + DeserializeOwned>(
    api: Api<DeserializeGuard<K>>,
    settings: watcher::Config,
    server: Arc<ApiServer>,
) -> impl Stream<Item = Result<Event<K>, watcher::Error>> + Send {
    watcher(api, settings).default_backoff().filter_map(move |event| {
        let readable = |guard: DeserializeGuard<K>| match guard.0 {
            Ok(mut object) => {
                strip(object.meta_mut());
                Some(object)
            }
            Err(invalid) => {
                report::<K>(server.clone(), invalid);
                None
            }
        };
        ready(match event {
            Ok(Event::Apply(o)) => readable(o).map(Event::Apply).map(Ok),
            Ok(Event::Delete(o)) => o.0.ok().map(Event::Delete).map(Ok),
            Ok(Event::Init) => Some(Ok(Event::Init)),
            Ok(Event::InitApply(o)) => readable(o).map(Event::InitApply).map(Ok),
            Ok(Event::InitDone) => Some(Ok(Event::InitDone)),
            Err(error) => Some(Err(error)),
        })
    })
}

/// A watch of the Kubernetes namespaces, of which only the labels are kept.
pub fn of_namespaces(
    client: Client,
    settings: watcher::Config,
) -> impl Stream<Item = Result<Event<PartialObjectMeta<Namespace>>, watcher::Error>> + Send {
    let api: Api<PartialObjectMeta<Namespace>> = Api::all(client);
    watcher(api, settings).default_backoff().modify(|namespace| {
        strip(&mut namespace.metadata);
        namespace.metadata.annotations = None;
    })
}

/// Says on the object itself that it cannot be read. The schema makes this all but impossible; an object that was stored
/// under an older schema can still be like this.
fn report<K: Watched>(server: Arc<ApiServer>, invalid: kube::core::error_boundary::InvalidObject) {
    let kind = K::kind(&());
    let (name, generation) = (invalid.metadata.name.clone().unwrap_or_default(), invalid.metadata.generation);
    let message = format!("this object cannot be read: {}; correct it, or delete and apply it again", invalid.error);
    tracing::warn!(%kind, name, error = invalid.error, "an object cannot be read and is left out");
    let now = Timestamp::now();
    let of = |type_, status| {
        condition::condition(type_, status, reason::INVALID_SPEC, &*message, generation.unwrap_or(0), now)
    };
    let status = json!({
        "observedGeneration": generation,
        "conditions": [of(condition::READY, false), of(condition::STALLED, true)],
    });
    tokio::spawn(async move {
        let told = server.apply_status::<K>(&invalid.metadata, &status).await;
        if let Err(failure) = told {
            tracing::warn!(name, message = failure.message, "its status cannot be written either");
        }
    });
}
