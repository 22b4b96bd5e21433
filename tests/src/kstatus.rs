//! How kstatus (which Helm, Flux and `kubectl wait` follow) reads an object's status, in the order of its own rules.

use kube::api::DynamicObject;
use landbridge_api::common::UNOBSERVED;
use serde_json::Value;

/// What kstatus says of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// It is being deleted.
    Terminating,
    /// It is on its way.
    InProgress,
    /// Only an edit helps.
    Failed,
    /// It is as wanted.
    Current,
}

/// Reads an object.
pub fn read(object: &DynamicObject) -> Reading {
    if object.metadata.deletion_timestamp.is_some() {
        return Reading::Terminating;
    }
    let status = &object.data["status"];
    let observed = status["observedGeneration"].as_i64();
    if observed.is_some() && observed != object.metadata.generation {
        return Reading::InProgress;
    }
    match (condition(status, "Reconciling"), condition(status, "Stalled"), condition(status, "Ready")) {
        (Some("True"), ..) => Reading::InProgress,
        (_, Some("True"), _) => Reading::Failed,
        (_, _, Some("False" | "Unknown")) => Reading::InProgress,
        _ => Reading::Current,
    }
}

/// Whether the operator has looked at it.
pub fn is_seen(object: &DynamicObject) -> bool {
    object.data["status"]["observedGeneration"].as_i64().is_some_and(|g| g != UNOBSERVED)
}

/// What is wrong with the form of a status, whatever it says. Empty when nothing is.
pub fn faults(object: &DynamicObject) -> Vec<String> {
    let status = &object.data["status"];
    let mut faults = Vec::new();
    if condition(status, "Ready").is_none() {
        faults.push("there is no Ready condition".to_owned());
    }
    if status["observedGeneration"].as_i64().is_none() {
        faults.push("there is no observedGeneration".to_owned());
    }
    for type_ in ["Reconciling", "Stalled", "Drifted", "Paused"] {
        if condition(status, type_).is_some_and(|s| s != "True") {
            faults.push(format!("{type_} is there without being True"));
        }
    }
    if condition(status, "Ready") == Some("True") && condition(status, "Stalled").is_some() {
        faults.push("it is Ready and Stalled".to_owned());
    }
    for c in status["conditions"].as_array().into_iter().flatten() {
        let reason = c["reason"].as_str().unwrap_or_default();
        if !reason.starts_with(|c: char| c.is_ascii_uppercase()) || !reason.chars().all(|c| c.is_ascii_alphanumeric()) {
            faults.push(format!("reason {reason:?} is not a CamelCase constant"));
        }
        if c["message"].as_str().unwrap_or_default().is_empty() {
            faults.push(format!("condition {} has no message", c["type"]));
        }
        if c["observedGeneration"].as_i64().is_none() {
            faults.push(format!("condition {} has no observedGeneration", c["type"]));
        }
    }
    faults
}

/// Status of the condition of that type.
pub fn condition<'a>(status: &'a Value, type_: &str) -> Option<&'a str> {
    status["conditions"].as_array()?.iter().find(|c| c["type"] == type_)?["status"].as_str()
}
