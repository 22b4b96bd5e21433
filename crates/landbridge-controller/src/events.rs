//! Kubernetes Events: one for each thing that happened, none for a repeat.
//!
//! An event's name is made from what it says, so a repeat within the API server's retention finds the first one and
//! counts up its series instead: after a restart too, from another replica too, and without any memory here.
//! Events are best effort: they are sent in the background and dropped when the API server cannot keep up.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::Resource;
use landbridge_api::names::STATUS_MANAGER;
use landbridge_plan::kind::{Kind, News};
use landbridge_plan::verdict::ErrorClass;
use serde_json::json;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::api_server::ApiServer;

/// Longest note that the API server takes, in bytes.
const LONGEST_NOTE: usize = 1_024;
/// Events that wait to be sent before further ones are dropped.
const WAITING: usize = 4_096;
/// Events that are sent at once.
const AT_ONCE: usize = 4;

/// Where events are handed in.
#[derive(Clone)]
pub struct Events {
    queue: mpsc::Sender<(ObjectReference, News)>,
}

impl Events {
    /// Starts the sender. After `stop` it sends what waits and ends.
    pub fn start(api: Arc<ApiServer>, instance: String, stop: CancellationToken) -> (Self, JoinHandle<()>) {
        let (queue, waiting) = mpsc::channel(WAITING);
        (Self { queue }, tokio::spawn(send_all(api, instance, waiting, stop)))
    }

    /// Hands in an event about an object.
    pub fn tell<K: Kind>(&self, object: &K, news: News) {
        if self.queue.try_send((object.object_ref(&()), news)).is_err() {
            tracing::debug!(object = object.identity(), "event dropped: too many wait");
        }
    }
}

async fn send_all(
    api: Arc<ApiServer>,
    instance: String,
    mut waiting: mpsc::Receiver<(ObjectReference, News)>,
    stop: CancellationToken,
) {
    let slots = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let next = tokio::select! {
            biased;
            next = waiting.recv() => next,
            () = stop.cancelled() => None,
        };
        let Some((about, news)) = next else { break };
        let Ok(slot) = slots.clone().acquire_owned().await else { return };
        let (api, instance) = (api.clone(), instance.clone());
        tokio::spawn(async move {
            send(&api, &instance, about, news).await;
            drop(slot);
        });
    }
    // All slots back means that all have been sent.
    let _ = slots.acquire_many(u32::try_from(AT_ONCE).unwrap_or(1)).await;
}

async fn send(api: &ApiServer, instance: &str, about: ObjectReference, news: News) {
    let event = event(instance, about, news, Timestamp::now());
    let namespace = event.metadata.namespace.clone();
    let path = Event::url_path(&(), namespace.as_deref());
    let Err(failure) = api.create(&path, &event).await else { return };
    let sent = if failure.class == ErrorClass::AlreadyExists { again(api, &path, &event).await } else { Err(failure) };
    if let Err(failure) = sent {
        tracing::debug!(operation = failure.operation, message = failure.message, "event not sent");
    }
}

/// Counts up the series of an event that is there already.
async fn again(api: &ApiServer, path: &str, event: &Event) -> Result<(), landbridge_plan::verdict::Failure> {
    let name = event.metadata.name.as_deref().unwrap_or_default();
    let stored: Event = api.get(path, name).await?;
    let count = stored.series.map_or(2, |s| s.count.saturating_add(1));
    let series = json!({ "series": { "count": count, "lastObservedTime": event.event_time } });
    api.merge::<Event>(path, name, &series).await.map(|_| ())
}

fn event(instance: &str, about: ObjectReference, news: News, now: Timestamp) -> Event {
    let note = shorten(news.message);
    let type_ = if news.warning { "Warning" } else { "Normal" };
    let uid = about.uid.as_deref().unwrap_or_default();
    let said = landbridge_plan::hash::text(&[uid, type_, &news.reason, &note].join("\u{1f}"));
    let name = about.name.as_deref().unwrap_or_default();
    Event {
        metadata: ObjectMeta {
            name: Some(format!("{}.{said}", name.get(..200).unwrap_or(name))),
            // Events about cluster-scoped objects live in `default`, where kubectl looks for them.
            namespace: Some(about.namespace.clone().unwrap_or_else(|| "default".to_owned())),
            ..ObjectMeta::default()
        },
        action: Some("Reconcile".to_owned()),
        reason: Some(news.reason.chars().take(128).collect()),
        note: Some(note),
        type_: Some(type_.to_owned()),
        event_time: Some(MicroTime(now)),
        regarding: Some(about),
        reporting_controller: Some(format!("landbridge.dev/{STATUS_MANAGER}")),
        reporting_instance: Some(instance.chars().take(128).collect()),
        ..Event::default()
    }
}

/// The text, cut at a character boundary so that it fits into a note.
fn shorten(text: String) -> String {
    const CUT: &str = " …";
    if text.len() <= LONGEST_NOTE {
        return text;
    }
    let mut end = LONGEST_NOTE - CUT.len();
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{CUT}", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news(message: &str) -> News {
        News { warning: true, reason: "RolledBack".into(), message: message.into() }
    }

    fn about() -> ObjectReference {
        ObjectReference {
            name: Some("web".into()),
            namespace: Some("shop".into()),
            uid: Some("u".into()),
            ..Default::default()
        }
    }

    #[test]
    fn the_same_words_about_the_same_object_are_the_same_event_whoever_says_them_and_when() {
        let first = event("pod-a", about(), news("it broke"), Timestamp::from_second(1).unwrap());
        let later = event("pod-b", about(), news("it broke"), Timestamp::from_second(99).unwrap());
        let other = event("pod-a", about(), news("it broke again"), Timestamp::from_second(1).unwrap());
        assert_eq!(first.metadata.name, later.metadata.name);
        assert_ne!(first.metadata.name, other.metadata.name);
    }

    #[test]
    fn a_long_note_is_cut_between_characters_and_fits() {
        let note = shorten("ü".repeat(1_000));
        assert!(note.len() <= LONGEST_NOTE && note.ends_with('…'), "{}", note.len());
        assert_eq!(shorten("short".into()), "short");
    }

    #[test]
    fn an_event_about_a_cluster_scoped_object_goes_to_the_default_namespace() {
        let about = ObjectReference { name: Some("prod".into()), ..ObjectReference::default() };
        assert_eq!(event("i", about, news("x"), Timestamp::UNIX_EPOCH).metadata.namespace.as_deref(), Some("default"));
    }
}
