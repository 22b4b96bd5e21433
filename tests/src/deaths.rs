//! Where operators die in one long story: at each different call to AWS, and at each different write of an object, once. The
//! next operator passes that call and dies at the next one that is new, so that recovering is interrupted as well.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use kube::client::Body;
use serde_json::Value;

use crate::Stage;
use crate::wire::Loss;

/// Calls that serve whatever else there is, in a story and without it: nobody dies at them.
const OF_OTHERS: [&str; 2] = ["AssumeRole", "GetCallerIdentity"];

/// The calls at which operators have died so far. Clones are the same.
#[derive(Clone, Debug)]
pub struct Deaths {
    loss: Loss,
    story: Arc<Mutex<Story>>,
}

#[derive(Debug, Default)]
struct Story {
    /// Writes that have reached AWS: a call is another one after each of them.
    writes: usize,
    met: BTreeSet<(usize, String)>,
}

impl Deaths {
    /// Deaths that lose what `loss` says: with [`Loss::Request`] right before each call, with [`Loss::Answer`] right after
    /// each write (a lost answer to a read is to AWS what a lost read is).
    pub fn new(loss: Loss) -> Self {
        Self { loss, story: Arc::default() }
    }

    /// How many operators died at each call, whatever was written before, by name.
    pub fn by_call(&self) -> std::collections::BTreeMap<String, usize> {
        let story = self.story.lock().unwrap_or_else(PoisonError::into_inner);
        let mut by_call = std::collections::BTreeMap::new();
        for (_, call) in &story.met {
            *by_call.entry(call.split('?').next().unwrap_or_default().to_owned()).or_insert(0) += 1;
        }
        by_call
    }

    /// Whether the operator dies at this call to AWS.
    pub(crate) fn at_aws(&self, call: &str, is_write: bool) -> Option<Loss> {
        let dies = (is_write || self.loss == Loss::Request) && self.is_new(call);
        if is_write && (!dies || self.loss == Loss::Answer) {
            self.story.lock().unwrap_or_else(PoisonError::into_inner).writes += 1;
        }
        dies.then_some(self.loss)
    }

    /// Whether the operator dies at this request to the API server.
    pub(crate) fn at_objects(&self, request: &http::Request<Body>) -> Option<Loss> {
        (request.method() != "GET" && self.is_new(&stored(request)?)).then_some(self.loss)
    }

    fn is_new(&self, call: &str) -> bool {
        if OF_OTHERS.contains(&call) {
            return false;
        }
        let mut story = self.story.lock().unwrap_or_else(PoisonError::into_inner);
        let place = (story.writes, call.to_owned());
        story.met.insert(place)
    }
}

/// A write of an object of ours or of what carries weights, told apart by where the object then stands.
fn stored(request: &http::Request<Body>) -> Option<String> {
    let kind = kind_of(request.uri().path())?;
    let body = futures::FutureExt::now_or_never(request.body().try_clone()?.collect_bytes())?.ok()?;
    let mut body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let status = &body["status"];
    let ready = status["conditions"].as_array().into_iter().flatten().find(|condition| condition["type"] == "Ready");
    let intent = if status["intent"].is_null() { "" } else { " with an intent" };
    let (phase, step, reason) = (&status["phase"], &status["step"], ready.map(|ready| &ready["reason"]));
    let place = format!("{phase} {step}{intent} {reason:?}");
    if kind.ends_with("/status") {
        return Some(format!("{} {kind}?{place}", request.method()));
    }
    // What is written, without the version of the object that it is written over.
    if let Some(metadata) = body["metadata"].as_object_mut() {
        metadata.remove("resourceVersion");
    }
    Some(format!("{} {kind}?{body}", request.method()))
}

/// The kind in a path, and `/status` where that is written.
fn kind_of(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let [_, group, _, rest @ ..] = parts.as_slice() else { return None };
    let rest = if rest.first() == Some(&"namespaces") { rest.get(2..)? } else { rest };
    let is_ours =
        ["landbridge.dev", "gateway.networking.k8s.io", "networking.k8s.io", "externaldns.k8s.io"].contains(group);
    let status = if rest.get(2) == Some(&"status") { "/status" } else { "" };
    is_ours.then(|| rest.first().map(|kind| format!("{kind}{status}"))).flatten()
}

impl Stage {
    /// Kills the oldest operator; another takes over at once.
    pub async fn next_operator(&mut self) {
        self.kill_operator();
        self.release_leases().await;
        self.start_operator().await;
    }

    /// Operators die where `deaths` say, one after the other, until `is_over`; then one takes over that lives on. The first
    /// of them has not yet seen what happens in `begin`.
    pub async fn endure(
        &mut self,
        deaths: &Deaths,
        begin: impl AsyncFnOnce(&Self),
        is_over: impl AsyncFn(&Self) -> bool,
    ) {
        self.deaths = Some(deaths.clone());
        self.next_operator().await;
        begin(self).await;
        loop {
            let wire = self.wire();
            let ends = async || wire.is_cut() || is_over(self).await;
            self.eventually("an operator dies or the end is reached", ends).await;
            if !wire.is_cut() {
                break;
            }
            self.next_operator().await;
        }
        self.deaths = None;
        self.next_operator().await;
        self.eventually("the end stays reached", async || is_over(self).await).await;
        // Shown with --nocapture.
        let by_call = deaths.by_call();
        println!("{:?}: {} deaths, {by_call:?}", deaths.loss, by_call.values().sum::<usize>());
    }
}
