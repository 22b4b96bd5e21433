//! What Kubernetes has no exact form for travels in one annotation of the workload, so that the way back is exact.
//!
//! The annotation is a JSON object from paths of ECSService's spec to values; null says that ECS had nothing there. On the
//! way back a kept value counts only as long as it still fits: converted again it must not differ more from the manifests
//! than what the manifests say themselves. So whoever edits the Deployment wins over the annotation. Secrets are not kept.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::kubernetes::{Options, Unit, build};
use super::path::{Path, get, leaves, set};

/// Longest annotation that is written; Kubernetes takes 256 KiB of all annotations of an object.
const LONGEST: usize = 128 * 1024;

/// Kept values, by path.
pub type Kept = BTreeMap<String, Value>;

/// The annotation's text; none when it is empty or too long.
pub fn text(kept: &Kept) -> Option<String> {
    let text = serde_json::to_string(kept).ok()?;
    (!kept.is_empty() && text.len() <= LONGEST).then_some(text)
}

/// Reads the annotation's text.
///
/// # Errors
/// It is not what [`text`] writes.
pub fn read(text: &str) -> Result<Vec<(Path, Value)>, String> {
    let kept: Kept = serde_json::from_str(text).map_err(|e| format!("is no JSON object: {e}"))?;
    let paths = kept.into_iter().map(|(path, value)| {
        let parsed = Path::parse(&path).ok_or_else(|| format!("{path:?} is no path"))?;
        Ok((parsed, value))
    });
    paths.collect()
}

/// The spec with every kept value that still fits, and the paths of those that do not. `like` has the names of the objects.
pub fn overlay(spec: &Value, kept: &[(Path, Value)], manifests: &[&Value], like: &Unit) -> (Value, Vec<Path>) {
    let mut fits: Vec<&(Path, Value)> = kept.iter().collect();
    let mut stale = Vec::new();
    let mut least = distance(&applied(spec, fits.iter().copied()), manifests, like);
    for entry in kept {
        let without: Vec<&(Path, Value)> = fits.iter().copied().filter(|e| e.0 != entry.0).collect();
        let found = distance(&applied(spec, without.iter().copied()), manifests, like);
        if found < least {
            least = found;
            fits = without;
            stale.push(entry.0.clone());
        }
    }
    (applied(spec, fits.into_iter()), stale)
}

fn applied<'a>(spec: &Value, kept: impl Iterator<Item = &'a (Path, Value)> + Clone) -> Value {
    let mut out = spec.clone();
    for (path, value) in kept.clone().filter(|(_, v)| !v.is_null()) {
        set(&mut out, path, value.clone());
    }
    let gone: Vec<&Path> = kept.filter(|(_, v)| v.is_null()).map(|(p, _)| p).collect();
    for path in &gone {
        if get(&out, path).is_some() {
            set(&mut out, path, Value::Null);
        }
    }
    if gone.is_empty() { out } else { pruned(out) }
}

/// The value without nulls and without what has become empty by it.
fn pruned(value: Value) -> Value {
    let kept = |v: &Value| !v.is_null();
    match value {
        Value::Object(map) => {
            let before = map.len();
            let map: Map<_, _> = map.into_iter().map(|(k, v)| (k, pruned(v))).filter(|(_, v)| kept(v)).collect();
            if map.is_empty() && before > 0 { Value::Null } else { Value::Object(map) }
        }
        Value::Array(items) => {
            let before = items.len();
            let items: Vec<_> = items.into_iter().map(pruned).filter(kept).collect();
            if items.is_empty() && before > 0 { Value::Null } else { Value::Array(items) }
        }
        other => other,
    }
}

/// In how many fields the manifests differ from what a spec would be converted to.
fn distance(spec: &Value, manifests: &[&Value], like: &Unit) -> usize {
    let unit = Unit { spec: spec.clone(), ..like.clone() };
    let Ok(draft) = build(&unit, &Options::default()) else { return usize::MAX };
    let wrong = |object: &Value| {
        let given = manifests
            .iter()
            .find(|m| m["kind"] == object["kind"] && m["metadata"]["name"] == object["metadata"]["name"]);
        let body: Value = object
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(k, _)| *k != "metadata")
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect::<Map<_, _>>()
            .into();
        let expected = leaves(&body).len();
        let Some(given) = given else { return expected };
        let missing = leaves(&body).iter().filter(|(path, leaf)| get(given, path) != Some(*leaf)).count();
        let given_pod = &given["spec"]["template"];
        let made_pod = &object["spec"]["template"];
        let extra = leaves(given_pod).iter().filter(|(path, _)| get(made_pod, path).is_none()).count();
        missing + extra
    };
    draft.objects.iter().map(wrong).sum()
}
