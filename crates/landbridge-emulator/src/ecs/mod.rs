//! Amazon ECS: control plane and data plane.

use serde_json::{Value, json};

use crate::refusal::Refusal;
use crate::world::{Cx, World};

/// What ECS remembers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ecs {}

impl Ecs {
    /// Everything remembered, for a look from outside.
    #[allow(clippy::unused_self)]
    pub(crate) fn dump(&self) -> Value {
        json!({})
    }
}

/// Something that happens by itself in ECS.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Event {}

pub(crate) fn happen(_world: &mut World, event: Event) {
    match event {}
}

pub(crate) fn call(_world: &mut World, _cx: &Cx, _op: &str, _input: &Value) -> Result<Value, Refusal> {
    Err(Refusal::unknown_operation())
}
