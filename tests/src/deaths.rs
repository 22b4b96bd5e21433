//! Where operators die in one long story: at each different call to AWS, and at each write of a TrafficMigration, once. The
//! next operator passes that call and dies at the next one that is new, so that recovering is interrupted as well.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use kube::client::Body;
use serde_json::Value;

use crate::wire::Loss;

/// The calls at which operators have died so far. Clones are the same.
#[derive(Clone, Debug)]
pub struct Deaths {
    loss: Loss,
    /// Calls by the beginning of their name at which nobody dies: those of others than the story is of.
    spared: &'static [&'static str],
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
    pub fn new(loss: Loss, spared: &'static [&'static str]) -> Self {
        Self { loss, spared, story: Arc::default() }
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
        if self.spared.iter().any(|spared| call.starts_with(spared)) {
            return false;
        }
        let mut story = self.story.lock().unwrap_or_else(PoisonError::into_inner);
        let place = (story.writes, call.to_owned());
        story.met.insert(place)
    }
}

/// A write of a migration or of what carries its weights, told apart by where the migration then stands.
fn stored(request: &http::Request<Body>) -> Option<String> {
    let path = request.uri().path();
    let kinds = ["trafficmigrations", "httproutes", "ingresses"];
    let kind = kinds.into_iter().find(|kind| path.contains(&format!("/{kind}/")))?;
    let part = if path.ends_with("/status") { "/status" } else { "" };
    let body = futures::FutureExt::now_or_never(request.body().try_clone()?.collect_bytes())?.ok()?;
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let status = &body["status"];
    let intent = if status["intent"].is_null() { "" } else { " with an intent" };
    let place = if part.is_empty() {
        // What is written, without the version of the object that it is written over.
        body["spec"].to_string()
    } else {
        format!("{} {}{intent}", status["phase"], status["step"])
    };
    Some(format!("{} {kind}{part}?{place}", request.method()))
}
