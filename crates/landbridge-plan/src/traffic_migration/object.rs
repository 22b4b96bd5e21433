//! Weights in Kubernetes objects: in the action of an Ingress's annotation, or in the `backendRefs` of an HTTPRoute. What holds
//! no weight of the migration stays as it was read.

use landbridge_api::v1alpha1::TargetWeight;
use serde_json::{Value, json};

use super::action::{Action, Entry};
use super::weights::weight;
use super::{ObjectFacts, PointFacts, Side};
use crate::change::Body;
use crate::kubernetes::ForeignObject;

/// Annotations of an Ingress whose name begins so hold actions.
const ACTIONS: &str = "alb.ingress.kubernetes.io/actions.";

/// The point that an Ingress is: those of its actions that name `from`, or the one that is meant. None when there is none.
///
/// # Errors
/// An action that cannot be read.
pub(super) fn ingress(whole: &ForeignObject, meant: Option<&str>, from: &Side) -> Result<Option<PointFacts>, String> {
    let mut parts = Vec::new();
    let mut weights = Vec::new();
    for (key, text) in &whole.annotations {
        let name = key.strip_prefix(ACTIONS);
        if name.is_none_or(|name| meant.is_some_and(|meant| meant != name)) {
            continue;
        }
        let read = Action::read(text).map_err(|why| format!("annotation {key} of {}: {why}", whole.said()))?;
        let Some(action) = read else { continue };
        if meant.is_none() && !action.weights().any(|(entry, _)| is(from, entry)) {
            continue;
        }
        if parts.is_empty() {
            weights = action.weights().map(|(entry, w)| weight(&said(entry), w)).collect();
        }
        parts.push(json!({"annotation": key, "text": text}));
    }
    Ok(point(whole, parts, weights))
}

/// The point that an HTTPRoute is: those of its rules that name `from`, or the one that is meant by its name or place.
pub(super) fn route(whole: &ForeignObject, meant: Option<&str>, from: &Side) -> Option<PointFacts> {
    let mut parts = Vec::new();
    let mut weights = Vec::new();
    for (place, rule) in whole.spec["rules"].as_array().into_iter().flatten().enumerate() {
        let is_meant = |meant: &str| rule["name"] == meant || place.to_string() == meant;
        let refs = rule["backendRefs"].as_array().cloned().unwrap_or_default();
        let names_from = refs.iter().any(|r| is(from, &backend(whole, r)));
        if !meant.map_or(names_from, is_meant) {
            continue;
        }
        if parts.is_empty() {
            weights = refs.iter().map(|r| weight(&said(&backend(whole, r)), weight_of(r))).collect();
        }
        parts.push(json!({"rule": place, "backendRefs": refs}));
    }
    point(whole, parts, weights)
}

fn point(whole: &ForeignObject, parts: Vec<Value>, weights: Vec<TargetWeight>) -> Option<PointFacts> {
    let object = (!parts.is_empty()).then(|| ObjectFacts { whole: whole.clone(), parts })?;
    Some(PointFacts { id: whole.said(), weights, object: Some(object), ..PointFacts::default() })
}

/// What holds the weights when the sides have these; a side that is not named there joins.
pub(super) fn reweighted(whole: &ForeignObject, parts: &[Value], sides: [(&Side, i32); 2]) -> Vec<Value> {
    parts.iter().map(|part| reweighted_part(whole, part, sides)).collect()
}

fn reweighted_part(whole: &ForeignObject, part: &Value, sides: [(&Side, i32); 2]) -> Value {
    let mut part = part.clone();
    if let Some(text) = part["text"].as_str() {
        // It was readable when the point was made of it.
        let Ok(Some(action)) = Action::read(text) else { return part };
        let wanted = sides.map(|(side, weight)| {
            let there = action.weights().map(|(entry, _)| entry).find(|entry| is(side, entry));
            (there.cloned().unwrap_or_else(|| named(side)), weight)
        });
        part["text"] = action.with(&wanted).into();
        return part;
    }
    let Some(refs) = part["backendRefs"].as_array_mut() else { return part };
    for (side, weight) in sides {
        let there = refs.iter_mut().find(|r| is(side, &backend(whole, r)));
        match there {
            Some(there) => there["weight"] = weight.into(),
            None => refs.push(reference(side, weight)),
        }
    }
    part
}

/// The merge patch that brings the parts into the object.
pub(super) fn patch(whole: &ForeignObject, parts: &[Value]) -> Body {
    let mut annotations = Body::new();
    let mut rules = whole.spec["rules"].clone();
    for part in parts {
        if let Some(key) = part["annotation"].as_str() {
            annotations.insert(key.to_owned(), part["text"].clone());
        }
        let rule = part["rule"].as_u64().and_then(|place| rules.get_mut(usize::try_from(place).ok()?));
        if let Some(rule) = rule {
            rule["backendRefs"] = part["backendRefs"].clone();
        }
    }
    merge_patch(annotations, "rules", rules)
}

/// The merge patch of an object that is told by annotations or, where there is none, by a list of its spec.
pub(super) fn merge_patch(annotations: Body, list: &str, items: Value) -> Body {
    let (member, name, value) = if annotations.is_empty() {
        ("spec", list, items)
    } else {
        ("metadata", "annotations", Value::Object(annotations))
    };
    let inner = Body::from_iter([(name.to_owned(), value)]);
    Body::from_iter([(member.to_owned(), Value::Object(inner))])
}

/// Weights of the first part, by the names that stand there.
pub(super) fn weights_of(whole: &ForeignObject, parts: &[Value]) -> Vec<TargetWeight> {
    let facts = ObjectFacts { whole: whole.clone(), parts: parts.to_vec() };
    let first = weights_of_parts(&facts).into_iter().next().unwrap_or_default();
    first.iter().map(|(entry, w)| weight(&said(entry), *w)).collect()
}

/// Everything that the parts of a point forward to: the weights of each part.
pub(super) fn weights_of_parts(facts: &ObjectFacts) -> Vec<Vec<(Entry, i32)>> {
    let of = |part: &Value| -> Vec<(Entry, i32)> {
        if let Some(text) = part["text"].as_str() {
            let action = Action::read(text).ok().flatten();
            return action.iter().flat_map(Action::weights).map(|(entry, w)| (entry.clone(), w)).collect();
        }
        let refs = part["backendRefs"].as_array().into_iter().flatten();
        refs.map(|r| (backend(&facts.whole, r), weight_of(r))).collect()
    };
    facts.parts.iter().map(of).collect()
}

/// Whether an entry is the side.
pub(super) fn is(side: &Side, entry: &Entry) -> bool {
    match entry {
        Entry::Arn(arn) => side.target_group.as_ref() == Some(arn),
        Entry::Name(name) => side.target_group.as_deref().and_then(group_name) == Some(name),
        Entry::Service(name, port) => side.service.as_ref().is_some_and(|s| {
            let is_port = *port == s.port_name || *port == s.port.to_string();
            s.name == *name && (is_port || s.port == 0 || port.is_empty())
        }),
    }
}

/// An entry in words.
pub(super) fn said(entry: &Entry) -> String {
    match entry {
        Entry::Arn(name) | Entry::Name(name) | Entry::Service(name, _) => name.clone(),
    }
}

/// How a side is named where it was not.
fn named(side: &Side) -> Entry {
    match (&side.service, &side.target_group) {
        (Some(service), _) if service.port_name.is_empty() => {
            Entry::Service(service.name.clone(), service.port.to_string())
        }
        (Some(service), _) => Entry::Service(service.name.clone(), service.port_name.clone()),
        (None, group) => Entry::Arn(group.clone().unwrap_or_default()),
    }
}

/// The same as a `backendRef`.
fn reference(side: &Side, weight: i32) -> Value {
    if let Some(service) = &side.service {
        return json!({"group": "", "kind": "Service", "name": service.name, "port": service.port, "weight": weight});
    }
    let name = side.target_group.as_deref().and_then(group_name).unwrap_or_default();
    json!({"group": "", "kind": "TargetGroupName", "name": name, "weight": weight})
}

/// What a `backendRef` names. A Service of another namespace is nobody that a migration knows.
fn backend(route: &ForeignObject, reference: &Value) -> Entry {
    let name = reference["name"].as_str().unwrap_or_default();
    let elsewhere = reference["namespace"].as_str().is_some_and(|n| n != route.namespace);
    match reference["kind"].as_str().unwrap_or("Service") {
        "Service" if elsewhere => {
            Entry::Name(format!("{}/{name}", reference["namespace"].as_str().unwrap_or_default()))
        }
        "Service" => {
            let port = reference["port"].as_i64().map(|p| p.to_string()).unwrap_or_default();
            Entry::Service(name.to_owned(), port)
        }
        "TargetGroupName" => Entry::Name(name.to_owned()),
        kind => Entry::Name(format!("{kind} {name}")),
    }
}

/// A reference without a weight has 1 (Gateway API reference, `BackendRef.weight`).
fn weight_of(reference: &Value) -> i32 {
    reference["weight"].as_i64().and_then(|w| i32::try_from(w).ok()).unwrap_or(1)
}

/// The name in the ARN of a target group.
fn group_name(arn: &str) -> Option<&str> {
    arn.split('/').nth(1)
}
