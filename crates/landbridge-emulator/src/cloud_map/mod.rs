//! AWS Cloud Map.

use serde_json::{Value, json};

use crate::refusal::Refusal;
use crate::world::{Cx, World};

/// What Cloud Map remembers.
#[derive(Debug, Clone, Default)]
pub(crate) struct CloudMap {}

impl CloudMap {
    /// Everything remembered, for a look from outside.
    #[allow(clippy::unused_self)]
    pub(crate) fn dump(&self) -> Value {
        json!({})
    }
}

pub(crate) fn call(_world: &mut World, _cx: &Cx, _op: &str, _input: &Value) -> Result<Value, Refusal> {
    Err(Refusal::unknown_operation())
}

/// Something that happens by itself in Cloud Map.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Event {}

pub(crate) fn happen(_world: &mut World, event: Event) {
    match event {}
}

/// A task as ECS registers it in a Cloud Map service.
/// Source: "Service discovery" in the Amazon ECS developer guide.
#[derive(Debug, Clone, PartialEq)]
#[allow(dead_code)]
pub(crate) struct TaskInstance {
    /// ARN of the Cloud Map service (`serviceRegistries[].registryArn`).
    pub(crate) registry_arn: String,
    /// The task's ID, which is the instance's.
    pub(crate) instance_id: String,
    /// `AWS_INSTANCE_IPV4`, `AWS_INSTANCE_PORT`, `ECS_SERVICE_NAME`, ...
    pub(crate) attributes: std::collections::BTreeMap<String, String>,
}

/// True if a Cloud Map service of this ARN exists.
#[allow(dead_code)]
pub(crate) fn has_service(_world: &World, _registry_arn: &str) -> bool {
    true
}

/// Registers a RUNNING task; a registry that is gone is not an error.
#[allow(dead_code)]
pub(crate) fn register_task(_world: &mut World, _instance: &TaskInstance) {}

/// Takes a stopping task out.
#[allow(dead_code)]
pub(crate) fn deregister_task(_world: &mut World, _registry_arn: &str, _instance_id: &str) {}

/// ARN of the namespace a Service Connect configuration names by name or ARN, if there is one.
#[allow(dead_code)]
pub(crate) fn find_namespace(_world: &World, _region: &str, _account: &str, _name_or_arn: &str) -> Option<String> {
    None
}
